/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.c - see journal.h.
 *
 * The queue is the only thing shared: it has a lock of its own.  Everything
 * else in the struct belongs to the journal's thread once it runs.
 */
#include "core/journal.h"

#include "core/ballast.h"
#include "core/crash-point.h"
#include "core/log.h"
#include "event/error.h"

/* Work in one transaction. */
#define GROUP_MAX 256

/* How long to wait before trying again to find room. */
#define FULL_PAUSE (1 * G_USEC_PER_SEC)

/* Commits between two looks at the journal's size. */
#define SIZE_CHECK_EVERY 64

/* What one transaction adds to the log, at most or nearly so. */
#define TRANSACTION_ROOM (256 * 1024)

/* A shortage that is none of the limits'. */
static const char no_room[] = "no room for the journal";

typedef struct
{
  JournalClass class;
  JournalWork work;
  JournalDone done;
  gpointer data;
} Command;

typedef enum
{
  GROUP_COMMITTED,
  GROUP_NO_ROOM,
  GROUP_FAILED,
} GroupResult;

struct _Journal
{
  Store *store;
  char *directory; /* NULL: in memory */
  Ledger *ledger;
  Ballast *ballast; /* NULL: in memory */
  gint64 log_limit; /* the size of the ballast that the log's limit was made from */
  JournalFailed on_failed;
  gpointer user_data;
  GThread *thread;

  GMutex lock;
  GCond changed;
  GQueue queue;      /* Command; under the lock */
  gboolean closing;  /* under the lock */
  gboolean hurried;  /* under the lock */
  gboolean failed;   /* written under the lock, by the journal's thread */
  RoomLimits limits; /* under the lock */

  const char *shortage; /* atomic: why intake waits; NULL: it does not */
  gint64 full_until;    /* when to try the next intake; 0 while there is room */
  GQueue held;          /* Command: intake that waits for room */
  guint commits;
};

/* A damaged journal is set aside, and everything that stands in the SELs taken
 * for new: what it owed is not known any more, and a repeat is better than a
 * loss. */
static Store *
open_store (const char *directory, gboolean *distrust, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *where = NULL;
  Store *store = store_open (directory, &local);

  if (g_error_matches (local, IPMID_ERROR, IPMID_ERROR_JOURNAL_DAMAGED) && directory != NULL)
    {
      if (!store_set_aside (directory, &where, error))
        return NULL;
      log_line (IPMID_LOG_ERROR, NULL,
                "%s: it is kept as %s, and a fresh journal begun; what stands in the SELs is delivered again, "
                "what was only in the old journal is not",
                local->message, where);
      *distrust = TRUE;
      return store_open (directory, error);
    }
  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  return store;
}

/* On a full disk the log can be moved into the database only if the ballast
 * makes room for what is in it. */
static void
limit_log (Journal *journal)
{
  gint64 size = journal->ballast == NULL ? G_MAXINT64 : ballast_size (journal->ballast);

  if (size != journal->log_limit)
    store_limit_log (journal->store, size - TRANSACTION_ROOM);
  journal->log_limit = size;
}

Journal *
journal_open (const JournalOptions *options, GError **error)
{
  gboolean distrust = FALSE;
  /* First: opening the store takes room. */
  Ballast *ballast = options->directory == NULL ? NULL : ballast_new (options->directory);
  g_autoptr (Store) store = open_store (options->directory, &distrust, error);

  if (store == NULL)
    {
      ballast_free (ballast);
      return NULL;
    }
  Journal *journal = g_new0 (Journal, 1);
  journal->store = g_steal_pointer (&store);
  journal->directory = g_strdup (options->directory);
  journal->ledger = ledger_new (journal->store);
  if (distrust)
    ledger_distrust_existing (journal->ledger);
  journal->ballast = ballast;
  limit_log (journal);
  journal->limits = options->limits;
  journal->on_failed = options->on_failed;
  journal->user_data = options->user_data;
  g_mutex_init (&journal->lock);
  g_cond_init (&journal->changed);
  g_queue_init (&journal->queue);
  g_queue_init (&journal->held);
  return journal;
}

Ledger *
journal_ledger (Journal *journal)
{
  g_assert (journal->thread == NULL);
  return journal->ledger;
}

gboolean
journal_is_full (Journal *journal)
{
  return journal_get_shortage (journal) != NULL;
}

const char *
journal_get_shortage (Journal *journal)
{
  return g_atomic_pointer_get (&journal->shortage);
}

void
journal_set_limits (Journal *journal, const RoomLimits *limits)
{
  g_mutex_lock (&journal->lock);
  journal->limits = *limits;
  g_mutex_unlock (&journal->lock);
}

gint64
journal_size_limit (Journal *journal)
{
  g_mutex_lock (&journal->lock);
  gint64 limit = journal->limits.size_limit;
  g_mutex_unlock (&journal->lock);
  return limit;
}

gint64
journal_measure (Journal *journal)
{
  return store_size (journal->store) * 100 / MAX (journal_size_limit (journal), 1);
}

/* ----------------------------------------------------------- the transaction */

static gboolean
run_all (Journal *journal, GQueue *group, GError **error)
{
  if (!store_begin (journal->store, error))
    return FALSE;
  for (GList *link = group->head; link != NULL; link = link->next)
    {
      Command *command = link->data;
      if (!command->work (journal->ledger, command->data, error))
        return FALSE;
    }
  crash_point ("journal-before-commit");
  return store_commit (journal->store, error);
}

static void
finish_all (GQueue *group, gboolean committed)
{
  Command *command;

  while ((command = g_queue_pop_head (group)) != NULL)
    {
      command->done (command->data, committed);
      g_free (command);
    }
}

static void
fail (Journal *journal, const GError *error)
{
  log_line (IPMID_LOG_ERROR, NULL, "the journal has failed: %s", error->message);
  if (journal->directory != NULL && g_error_matches (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_DAMAGED))
    store_mark_damaged (journal->directory);
  g_mutex_lock (&journal->lock);
  journal->failed = TRUE;
  g_mutex_unlock (&journal->lock);
  journal->on_failed (error, journal->user_data);
}

static void
set_room (Journal *journal)
{
  if (journal_is_full (journal))
    log_line (IPMID_LOG_NOTICE, NULL, "there is room in the journal again: reading of SELs goes on");
  g_atomic_pointer_set (&journal->shortage, NULL);
  journal->full_until = 0;
  if (journal->ballast == NULL)
    return;
  ballast_take (journal->ballast);
  limit_log (journal);
}

static gboolean
holds_intake (GQueue *group)
{
  for (GList *link = group->head; link != NULL; link = link->next)
    if (((Command *) link->data)->class == JOURNAL_INTAKE)
      return TRUE;
  return FALSE;
}

static GroupResult
commit_group (Journal *journal, GQueue *group)
{
  g_autoptr (GError) error = NULL;

  if (run_all (journal, group, &error))
    {
      crash_point ("journal-after-commit");
      ledger_committed (journal->ledger);
      if (holds_intake (group))
        set_room (journal);
      finish_all (group, TRUE);
      return GROUP_COMMITTED;
    }
  store_rollback (journal->store);
  ledger_rolled_back (journal->ledger);
  if (g_error_matches (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_FULL))
    return GROUP_NO_ROOM;
  fail (journal, error);
  return GROUP_FAILED;
}

/* ------------------------------------------------------------ room and limits */

static void
set_full (Journal *journal, const char *why)
{
  if (!journal_is_full (journal))
    log_line (IPMID_LOG_ERROR, NULL,
              "%s: reading of SELs stops until there is room again (the BMCs keep their records); "
              "deliveries go on",
              why);
  g_atomic_pointer_set (&journal->shortage, why);
  journal->full_until = g_get_monotonic_time () + FULL_PAUSE;
}

static RoomLimits
copy_limits (Journal *journal)
{
  g_mutex_lock (&journal->lock);
  RoomLimits limits = journal->limits;
  g_mutex_unlock (&journal->lock);
  return limits;
}

/* Not under the lock: it may write much, and whoever submits does not wait for
 * that. */
static gboolean
may_take_in (Journal *journal)
{
  const RoomLimits limits = copy_limits (journal);

  if (journal->full_until > g_get_monotonic_time ())
    return FALSE;
  if (!journal_is_full (journal) && journal->commits++ % SIZE_CHECK_EVERY != 0)
    return TRUE;
  /* Its log is part of its size, and else never gets smaller. */
  if (room_is_tight (&limits, store_size (journal->store)))
    store_shrink_log (journal->store);
  const char *why
      = room_find_shortage (&limits, journal->directory, store_size (journal->store), journal_is_full (journal));
  if (why != NULL)
    set_full (journal, why);
  /* Whether a full disk has room again, only a commit can tell. */
  else if (journal_get_shortage (journal) != no_room)
    set_room (journal);
  return why == NULL;
}

/* ------------------------------------------------------------------ the queue */

/* Moves what can run now into `group`, with the intake or without; the lock is
 * held. */
static void
collect (Journal *journal, gboolean intake, GQueue *group)
{
  Command *command;

  while (intake && group->length < GROUP_MAX && (command = g_queue_pop_head (&journal->held)) != NULL)
    g_queue_push_tail (group, command);
  while (group->length < GROUP_MAX && (command = g_queue_pop_head (&journal->queue)) != NULL)
    g_queue_push_tail (command->class == JOURNAL_INTAKE && !intake ? &journal->held : group, command);
}

/* Waits if nothing can run.  FALSE: the journal is to be closed and nothing waits. */
static gboolean
try_group (Journal *journal, GQueue *group)
{
  gboolean intake = may_take_in (journal);
  gboolean goes_on = TRUE;

  g_mutex_lock (&journal->lock);
  collect (journal, intake, group);
  if (group->length == 0 && journal->closing)
    goes_on = FALSE;
  else if (group->length == 0 && journal->held.length > 0)
    g_cond_wait_until (&journal->changed, &journal->lock, journal->full_until);
  else if (group->length == 0)
    g_cond_wait (&journal->changed, &journal->lock);
  g_mutex_unlock (&journal->lock);
  return goes_on;
}

/* FALSE: the journal is to be closed and nothing waits. */
static gboolean
wait_for_group (Journal *journal, GQueue *group)
{
  gboolean goes_on = TRUE;

  while (goes_on && group->length == 0)
    goes_on = try_group (journal, group);
  return goes_on;
}

/* Moves the commands of one class out of the group. */
static GQueue
take_class (GQueue *group, JournalClass class)
{
  GQueue taken = G_QUEUE_INIT;
  GQueue rest = G_QUEUE_INIT;
  Command *command;

  while ((command = g_queue_pop_head (group)) != NULL)
    g_queue_push_tail (command->class == class ? &taken : &rest, command);
  *group = rest;
  return taken;
}

/* Puts commands back, in front of what waits already. */
static void
put_back (GQueue *queue, GQueue *commands)
{
  Command *command;

  while ((command = g_queue_pop_tail (commands)) != NULL)
    g_queue_push_head (queue, command);
}

/* Each for itself: one that would write fails alone. */
static void
commit_each (Journal *journal, GQueue *commands)
{
  GQueue one = G_QUEUE_INIT;

  while (commands->length > 0 && !journal->failed)
    {
      g_queue_push_tail (&one, g_queue_pop_head (commands));
      if (commit_group (journal, &one) != GROUP_COMMITTED)
        finish_all (&one, FALSE);
    }
  finish_all (commands, FALSE);
}

/* The disk is full.  Settling needs a little room too, to make more. */
static void
make_do (Journal *journal, GQueue *group)
{
  gboolean released = journal->ballast != NULL && ballast_release (journal->ballast);
  GQueue intake = take_class (group, JOURNAL_INTAKE);
  GQueue look_ups = take_class (group, JOURNAL_LOOK_UP);

  set_full (journal, no_room);
  put_back (&journal->held, &intake);
  /* Whoever asks does not wait for room. */
  commit_each (journal, &look_ups);
  /* Also for its own sake: a log that is never begun again fills the disk by itself. */
  gboolean reclaimed = store_reclaim_log (journal->store);
  if (group->length == 0 || journal->failed)
    return;
  if (!released && !reclaimed)
    g_usleep (FULL_PAUSE); /* nothing else can be done on this thread until then */
  GroupResult result = commit_group (journal, group);
  if (result != GROUP_NO_ROOM)
    return;
  if (released || reclaimed)
    g_usleep (FULL_PAUSE);
  /* An ipmid that is to end does not wait for room: what is not answered on
   * disk is owed when it starts again. */
  g_mutex_lock (&journal->lock);
  if (!journal->closing && !journal->hurried)
    put_back (&journal->queue, group);
  g_mutex_unlock (&journal->lock);
}

static gpointer
run_thread (gpointer data)
{
  Journal *journal = data;
  GQueue group = G_QUEUE_INIT;

  while (!journal->failed && wait_for_group (journal, &group))
    {
      if (commit_group (journal, &group) == GROUP_NO_ROOM)
        make_do (journal, &group);
      finish_all (&group, FALSE);
    }
  /* After a failure nothing is accepted any more; what waits is told. */
  finish_all (&journal->queue, FALSE);
  finish_all (&journal->held, FALSE);
  return NULL;
}

/* ------------------------------------------------------------------ interface */

gboolean
journal_start (Journal *journal, GError **error)
{
  journal->thread = g_thread_try_new ("journal", run_thread, journal, error);
  return journal->thread != NULL;
}

static gboolean
is_running (Journal *journal)
{
  return !journal->closing && !journal->failed;
}

static void
submit (Journal *journal, gboolean wake, JournalClass class, JournalWork work, JournalDone done, gpointer data)
{
  Command *command = g_new (Command, 1);

  *command = (Command){ class, work, done, data };
  g_mutex_lock (&journal->lock);
  gboolean accepted = is_running (journal);
  if (accepted)
    {
      g_queue_push_tail (&journal->queue, command);
      if (wake)
        g_cond_signal (&journal->changed);
    }
  g_mutex_unlock (&journal->lock);
  if (accepted)
    return;
  done (data, FALSE);
  g_free (command);
}

void
journal_submit (Journal *journal, JournalClass class, JournalWork work, JournalDone done, gpointer data)
{
  submit (journal, TRUE, class, work, done, data);
}

void
journal_submit_quietly (Journal *journal, JournalClass class, JournalWork work, JournalDone done, gpointer data)
{
  submit (journal, FALSE, class, work, done, data);
}

void
journal_wake (Journal *journal)
{
  g_mutex_lock (&journal->lock);
  g_cond_signal (&journal->changed);
  g_mutex_unlock (&journal->lock);
}

typedef struct
{
  JournalWork work;
  gpointer data;
  GMutex lock;
  GCond changed;
  gboolean finished;
  gboolean committed;
} Waiter;

static gboolean
work_for_waiter (Ledger *ledger, gpointer data, GError **error)
{
  Waiter *waiter = data;

  return waiter->work (ledger, waiter->data, error);
}

static void
wake_waiter (gpointer data, gboolean committed)
{
  Waiter *waiter = data;

  g_mutex_lock (&waiter->lock);
  waiter->finished = TRUE;
  waiter->committed = committed;
  g_cond_signal (&waiter->changed);
  g_mutex_unlock (&waiter->lock);
}

gboolean
journal_run (Journal *journal, JournalClass class, JournalWork work, gpointer data)
{
  Waiter waiter = { .work = work, .data = data };

  g_mutex_init (&waiter.lock);
  g_cond_init (&waiter.changed);
  journal_submit (journal, class, work_for_waiter, wake_waiter, &waiter);
  g_mutex_lock (&waiter.lock);
  while (!waiter.finished)
    g_cond_wait (&waiter.changed, &waiter.lock);
  g_mutex_unlock (&waiter.lock);
  g_mutex_clear (&waiter.lock);
  g_cond_clear (&waiter.changed);
  return waiter.committed;
}

void
journal_hurry (Journal *journal)
{
  g_mutex_lock (&journal->lock);
  journal->hurried = TRUE;
  g_mutex_unlock (&journal->lock);
}

void
journal_end (Journal *journal)
{
  if (journal == NULL)
    return;
  g_mutex_lock (&journal->lock);
  journal->closing = TRUE;
  g_cond_signal (&journal->changed);
  g_mutex_unlock (&journal->lock);
  if (journal->thread != NULL)
    g_thread_join (g_steal_pointer (&journal->thread));
  finish_all (&journal->queue, FALSE);
  finish_all (&journal->held, FALSE);
}

void
journal_close (Journal *journal)
{
  if (journal == NULL)
    return;
  journal_end (journal);
  ledger_free (journal->ledger);
  store_close (journal->store);
  ballast_free (journal->ballast);
  g_mutex_clear (&journal->lock);
  g_cond_clear (&journal->changed);
  g_free (journal->directory);
  g_free (journal);
}

static void
print_dead_letter (const StoreDead *dead, gpointer user_data)
{
  FILE *out = user_data;
  g_autoptr (GDateTime) when = g_date_time_new_from_unix_utc (dead->time / G_USEC_PER_SEC);
  g_autofree char *stamp = when == NULL ? g_strdup ("?") : g_date_time_format_iso8601 (when);
  const char *text = event_string (dead->event, IPMID_FIELD_TEXT);

  fprintf (out,
           "%s\n  handler:  %s\n  since:    %s\n  attempts: %" G_GINT64_FORMAT "\n  reason:   %s\n  event:    %s\n",
           event_string (dead->event, IPMID_FIELD_ID), dead->handler_name, stamp, dead->attempts, dead->reason,
           text == NULL ? "" : text);
}

gboolean
journal_print_dead_letters (const char *state_dir, FILE *out, GError **error)
{
  g_autoptr (Store) store = store_open_readonly (state_dir, error);

  return store != NULL && store_dead_foreach (store, print_dead_letter, out, error);
}
