/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.c - the life of the journal, and what other threads submit; see journal.h.
 *
 * What is here runs on the threads of those who call it.
 */
#include "core/journal-private.h"

#include "core/log.h"
#include "event/error.h"

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
  journal_room_limit_log (journal);
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
journal_start (Journal *journal, GError **error)
{
  journal->thread = g_thread_try_new ("journal", journal_thread_run, journal, error);
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
  JournalCommand *command = g_new (JournalCommand, 1);

  *command = (JournalCommand){ class, work, done, data };
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
  journal_thread_finish (&journal->queue, FALSE);
  journal_thread_finish (&journal->held, FALSE);
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
