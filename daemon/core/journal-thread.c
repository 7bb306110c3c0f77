/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal-thread.c - the journal's thread: what waits in the queue becomes one
 * transaction, and is told when it is on disk; see journal.h.
 *
 * After a transaction that found no room, what needs none is tried by itself, and the
 * ballast is given up for what makes room.
 */
#include "core/journal-private.h"

#include "core/crash-point.h"
#include "core/log.h"
#include "event/error.h"

/* Work in one transaction. */
#define GROUP_MAX 256

typedef enum
{
  GROUP_COMMITTED,
  GROUP_NO_ROOM,
  GROUP_FAILED,
} GroupResult;

/* ----------------------------------------------------------- the transaction */

static gboolean
run_all (Journal *journal, GQueue *group, GError **error)
{
  if (!store_begin (journal->store, error))
    return FALSE;
  for (GList *link = group->head; link != NULL; link = link->next)
    {
      JournalCommand *command = link->data;
      if (!command->work (journal->ledger, command->data, error))
        return FALSE;
    }
  crash_point ("journal-before-commit");
  return store_commit (journal->store, error);
}

void
journal_thread_finish (GQueue *group, gboolean committed)
{
  JournalCommand *command;

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

static gboolean
holds_intake (GQueue *group)
{
  for (GList *link = group->head; link != NULL; link = link->next)
    if (((JournalCommand *) link->data)->class == JOURNAL_INTAKE)
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
        journal_room_set_room (journal);
      journal_thread_finish (group, TRUE);
      return GROUP_COMMITTED;
    }
  store_rollback (journal->store);
  ledger_rolled_back (journal->ledger);
  if (g_error_matches (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_FULL))
    return GROUP_NO_ROOM;
  fail (journal, error);
  return GROUP_FAILED;
}

/* ---------------------------------------------------------------- the queue */

/* Moves what can run now into `group`, with the intake or without; the lock is
 * held. */
static void
collect (Journal *journal, gboolean intake, GQueue *group)
{
  JournalCommand *command;

  while (intake && group->length < GROUP_MAX && (command = g_queue_pop_head (&journal->held)) != NULL)
    g_queue_push_tail (group, command);
  while (group->length < GROUP_MAX && (command = g_queue_pop_head (&journal->queue)) != NULL)
    g_queue_push_tail (command->class == JOURNAL_INTAKE && !intake ? &journal->held : group, command);
}

/* Waits if nothing can run.  FALSE: the journal is to be closed and nothing waits. */
static gboolean
try_group (Journal *journal, GQueue *group)
{
  gboolean intake = journal_room_may_take_in (journal);
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

/* ------------------------------------------------------------- no room left */

/* Moves the commands of one class out of the group. */
static GQueue
take_class (GQueue *group, JournalClass class)
{
  GQueue taken = G_QUEUE_INIT;
  GQueue rest = G_QUEUE_INIT;
  JournalCommand *command;

  while ((command = g_queue_pop_head (group)) != NULL)
    g_queue_push_tail (command->class == class ? &taken : &rest, command);
  *group = rest;
  return taken;
}

/* Puts commands back, in front of what waits already. */
static void
put_back (GQueue *queue, GQueue *commands)
{
  JournalCommand *command;

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
        journal_thread_finish (&one, FALSE);
    }
  journal_thread_finish (commands, FALSE);
}

/* The disk is full.  Settling needs a little room too, to make more. */
static void
make_do (Journal *journal, GQueue *group)
{
  gboolean released = journal->ballast != NULL && ballast_release (journal->ballast);
  GQueue intake = take_class (group, JOURNAL_INTAKE);
  GQueue look_ups = take_class (group, JOURNAL_LOOK_UP);

  journal_room_set_none (journal);
  put_back (&journal->held, &intake);
  /* Whoever asks does not wait for room. */
  commit_each (journal, &look_ups);
  /* Also for its own sake: a log that is never begun again fills the disk by itself. */
  gboolean reclaimed = store_reclaim_log (journal->store);
  if (group->length == 0 || journal->failed)
    return;
  if (!released && !reclaimed)
    g_usleep (JOURNAL_FULL_PAUSE); /* nothing else can be done on this thread until then */
  GroupResult result = commit_group (journal, group);
  if (result != GROUP_NO_ROOM)
    return;
  if (released || reclaimed)
    g_usleep (JOURNAL_FULL_PAUSE);
  /* An ipmid that is to end does not wait for room: what is not answered on
   * disk is owed when it starts again. */
  g_mutex_lock (&journal->lock);
  if (!journal->closing && !journal->hurried)
    put_back (&journal->queue, group);
  g_mutex_unlock (&journal->lock);
}

gpointer
journal_thread_run (gpointer data)
{
  Journal *journal = data;
  GQueue group = G_QUEUE_INIT;

  while (!journal->failed && wait_for_group (journal, &group))
    {
      if (commit_group (journal, &group) == GROUP_NO_ROOM)
        make_do (journal, &group);
      journal_thread_finish (&group, FALSE);
    }
  /* After a failure nothing is accepted any more; what waits is told. */
  journal_thread_finish (&journal->queue, FALSE);
  journal_thread_finish (&journal->held, FALSE);
  return NULL;
}
