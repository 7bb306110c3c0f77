/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backfill.c - see backfill.h.
 *
 * An event is in the journal until the store's handler is DONE with it, which means that the store
 * has it.  So the journal is gone through after the store, and what the store was given
 * meanwhile after that: then nothing has slipped through in between.
 */
#include "core/backfill.h"

#include "core/crash-point.h"
#include "core/log.h"
#include "core/store-page.h"

/* History takes no more than one in so many of the journal's bytes: what is new needs some, too. */
#define JOURNAL_SHARE 2

/* Ids that are forgotten in one transaction. */
#define IDS_PER_PART 2048u

struct _Backfills
{
  Journal *journal;
  Services *services;
  GAsyncQueue *queue; /* Backfill; the Backfills itself: the end */
  GThread *thread;    /* NULL: nobody has asked yet */
  gint stopping;      /* atomic */
};

/* One request.  The thread's alone; the work below has it while the thread waits. */
typedef struct
{
  Backfills *owner;
  Request *request;
  gint64 handler;
  StoreSpan span;      /* when it began */
  LedgerBackfill kept; /* what the journal still has */
  StorePage page;      /* what a store has */
  gboolean has_store;
  gint64 owed;
  gint64 part_owed; /* by this transaction */
  gint64 forgotten;
  gboolean is_all; /* nothing lies between any more */
  IpmidRequestError code;
  const char *refusal; /* why it is none of the handlers for which this can be; NULL: it is one */
  char *obstacle;      /* why it ends before all is done */
  gboolean failed;     /* the journal has failed, or ipmid ends */
} Backfill;

static void
free_backfill (gpointer data)
{
  Backfill *backfill = data;

  store_page_clear (&backfill->page);
  request_unref (backfill->request);
  g_free (backfill->obstacle);
  g_free (backfill);
}

/* --------------------------------------------------- on the journal's thread */

/* A reload may have taken it away since the last page. */
static gboolean
find_handler (Ledger *ledger, Backfill *backfill)
{
  backfill->refusal = NULL;
  backfill->code = IPMID_REQUEST_CONFLICT;
  backfill->handler = ledger_handler_named (ledger, request_text (backfill->request, "handler"));
  if (backfill->handler == 0)
    {
      backfill->code = IPMID_REQUEST_NOT_FOUND;
      backfill->refusal = "is not configured";
    }
  else if (!ledger_can_be_owed (ledger, backfill->handler))
    backfill->refusal = "is a finalizer, or fed live: it is owed nothing of the kind";
  return backfill->refusal == NULL;
}

/* Also whether there is room. */
static gboolean
may_take_in (Ledger *ledger, Backfill *backfill)
{
  gint64 limit = journal_size_limit (backfill->owner->journal);
  gboolean is_crowded = store_used (ledger_store (ledger)) >= limit / JOURNAL_SHARE;

  g_clear_pointer (&backfill->obstacle, g_free); /* it may be the second time */
  backfill->part_owed = 0;
  if (!find_handler (ledger, backfill))
    return FALSE;
  if (is_crowded)
    backfill->obstacle = g_strdup ("half of the journal is in use; go on when the handlers have caught up");
  return !is_crowded;
}

static void
take_note (Backfill *backfill, gboolean is_full)
{
  if (is_full)
    backfill->obstacle = g_strdup ("its quota is reached, but for what is left for new events; "
                                   "go on when it has caught up");
}

static gboolean
begin (Ledger *ledger, gpointer data, GError **error)
{
  Backfill *backfill = data;

  return !find_handler (ledger, backfill)
         || store_handler_span (ledger_store (ledger), backfill->handler, &backfill->span, error);
}

static gboolean
owe_page (Ledger *ledger, gpointer data, GError **error)
{
  Backfill *backfill = data;
  gboolean is_full = FALSE;

  if (may_take_in (ledger, backfill)
      && !ledger_backfill_stored (ledger, backfill->handler, backfill->kept.since, backfill->page.events,
                                  &backfill->part_owed, &is_full, error))
    return FALSE;
  take_note (backfill, is_full);
  return TRUE;
}

static gboolean
owe_part (Ledger *ledger, gpointer data, GError **error)
{
  Backfill *backfill = data;

  if (!may_take_in (ledger, backfill))
    return TRUE;
  if (!ledger_backfill (ledger, backfill->handler, &backfill->kept, error))
    return FALSE;
  backfill->part_owed = backfill->kept.part_owed;
  take_note (backfill, backfill->kept.is_full);
  return TRUE;
}

static gboolean
end_all (Ledger *ledger, gpointer data, GError **error)
{
  Backfill *backfill = data;

  return ledger_backfill_end (ledger, backfill->handler, &backfill->span, backfill->kept.since, &backfill->is_all,
                              error);
}

static gboolean
forget_part (Ledger *ledger, gpointer data, GError **error)
{
  Backfill *backfill = data;

  return store_backfilled_forget (ledger_store (ledger), backfill->handler, IDS_PER_PART, &backfill->forgotten, error);
}

/* ------------------------------------------------------ on the backfills' own */

/* FALSE: there is nothing more to do but to answer. */
static gboolean
run (Backfill *backfill, JournalClass class, JournalWork work)
{
  backfill->failed
      = g_atomic_int_get (&backfill->owner->stopping) || !journal_run (backfill->owner->journal, class, work, backfill);
  if (backfill->failed)
    return FALSE;
  backfill->owed += backfill->part_owed;
  backfill->part_owed = 0;
  return backfill->refusal == NULL && backfill->obstacle == NULL;
}

/* One that was there, and goes in the midst, has not given everything. */
static gboolean
read_page (Backfill *backfill)
{
  g_autoptr (GError) error = NULL;

  if (!store_page_read (&backfill->page, backfill->owner->services, &error))
    backfill->obstacle = g_strdup_printf ("the store: %s", error->message);
  else if (backfill->has_store && !backfill->page.is_there)
    backfill->obstacle = g_strdup ("the store is not there any more");
  backfill->has_store |= backfill->page.is_there;
  return backfill->obstacle == NULL && backfill->page.is_there;
}

/* From where it is to the end. */
static gboolean
go_through_store (Backfill *backfill)
{
  do
    {
      if (!read_page (backfill))
        return backfill->obstacle == NULL;
      if (backfill->page.events->len > 0 && !run (backfill, JOURNAL_INTAKE, owe_page))
        return FALSE;
      crash_point ("backfill-page");
    }
  while (!backfill->page.is_last && !g_atomic_int_get (&backfill->owner->stopping));
  return TRUE;
}

static gboolean
go_through_journal (Backfill *backfill)
{
  do
    {
      if (!run (backfill, JOURNAL_INTAKE, owe_part))
        return FALSE;
      backfill->kept.after = backfill->kept.part_after;
    }
  while (!backfill->kept.is_over);
  return TRUE;
}

static gboolean
forget_ids (Backfill *backfill)
{
  do
    if (!run (backfill, JOURNAL_SETTLE, forget_part))
      return FALSE;
  while (backfill->forgotten == IDS_PER_PART);
  return TRUE;
}

/* A store may come yet if there is none: so it is not the end of what lies between. */
static void
end (Backfill *backfill)
{
  if (backfill->has_store && run (backfill, JOURNAL_SETTLE, end_all) && backfill->is_all)
    forget_ids (backfill);
}

static void
answer (Backfill *backfill)
{
  gint64 unreadable = backfill->page.unreadable + backfill->page.unreadable_before;
  GVariantDict reply = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&reply, "backfilled", "x", backfill->owed);
  g_variant_dict_insert (&reply, "complete", "b", backfill->obstacle == NULL);
  if (backfill->obstacle != NULL)
    g_variant_dict_insert (&reply, "obstacle", "s", backfill->obstacle);
  if (unreadable > 0)
    g_variant_dict_insert (&reply, "unreadable", "x", unreadable);
  request_answer (backfill->request, g_variant_dict_end (&reply));
}

static void
work (Backfill *backfill)
{
  if (run (backfill, JOURNAL_LOOK_UP, begin))
    {
      backfill->page.received_since = MAX (backfill->span.before, backfill->kept.since);
      backfill->page.received_until = backfill->span.since;
      if (go_through_store (backfill) && go_through_journal (backfill) && go_through_store (backfill))
        end (backfill);
    }
  if (backfill->failed || g_atomic_int_get (&backfill->owner->stopping))
    request_fail (backfill->request, IPMID_REQUEST_UNAVAILABLE, "the journal has failed, or ipmid is ending");
  else if (backfill->refusal != NULL)
    request_fail (backfill->request, backfill->code, "handler \"%s\" %s", backfill->page.except, backfill->refusal);
  else
    answer (backfill);
}

static gpointer
run_thread (gpointer data)
{
  Backfills *backfills = data;
  gpointer next;

  while ((next = g_async_queue_pop (backfills->queue)) != backfills)
    {
      work (next);
      free_backfill (next);
    }
  return NULL;
}

/* -------------------------------------------------------------------- interface */

Backfills *
backfills_new (Journal *journal, Services *services)
{
  Backfills *backfills = g_new0 (Backfills, 1);

  backfills->journal = journal;
  backfills->services = services;
  backfills->queue = g_async_queue_new_full (free_backfill);
  return backfills;
}

void
backfills_start (Backfills *backfills, Request *request, gint64 since)
{
  g_autoptr (GError) error = NULL;

  if (backfills->thread == NULL)
    backfills->thread = g_thread_try_new ("backfill", run_thread, backfills, &error);
  if (backfills->thread == NULL)
    {
      request_fail (request, IPMID_REQUEST_UNAVAILABLE, "%s", error->message);
      return;
    }
  Backfill *backfill = g_new0 (Backfill, 1);
  backfill->owner = backfills;
  backfill->request = request_ref (request);
  backfill->kept.since = since;
  backfill->page.except = request_text (request, "handler");
  store_page_init (&backfill->page);
  g_async_queue_push (backfills->queue, backfill);
}

void
backfills_stop (Backfills *backfills)
{
  if (backfills != NULL)
    g_atomic_int_set (&backfills->stopping, TRUE);
}

void
backfills_free (Backfills *backfills)
{
  if (backfills == NULL)
    return;
  backfills_stop (backfills);
  g_async_queue_push_front (backfills->queue, backfills);
  if (backfills->thread != NULL)
    g_thread_join (backfills->thread);
  else
    g_async_queue_remove (backfills->queue, backfills);
  g_async_queue_unref (backfills->queue);
  g_free (backfills);
}
