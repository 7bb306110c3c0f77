/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker-journal.c - what a worker writes into the journal, and reads from it.
 *
 * The journal is slower than most handlers, so a worker waits for no more than it
 * must: the next attempt has to be on disk before the plugin is called.  The answers
 * to the attempt before, and more of the lanes, are the journal's business while
 * the plugin is at work.  Two rules keep what is in the journal right: an answer
 * after which the delivery is tried again goes before the next attempt, as that
 * writes into the same row; and a lane is read after the answers were written, so
 * that it has nothing that was answered.
 */
#include "core/handler-private.h"

/* Answers that wait for the next attempt. */
#define SETTLED_MAX 4096u

/* ---------------------------------------------------------- attempts, answers */

/* Attempts or answers on their way to the journal.  Owns what it holds. */
typedef struct
{
  gint64 handler;
  GArray *settlements; /* ScheduleSettlement */
  GPtrArray *items;    /* ScheduleItem, the schedule's: attempts */
} Entry;

static gboolean
write_settlements (Ledger *ledger, gpointer data, GError **error)
{
  Entry *entry = data;

  for (guint i = 0; i < entry->settlements->len; i++)
    {
      ScheduleSettlement *s = &g_array_index (entry->settlements, ScheduleSettlement, i);
      if (!ledger_settle (ledger, entry->handler, s->bmc, s->seq, s->event, s->outcome, s->reason, error))
        return FALSE;
    }
  return TRUE;
}

static void
free_settlements (gpointer data, G_GNUC_UNUSED gboolean committed)
{
  Entry *entry = data;

  g_array_unref (entry->settlements);
  g_free (entry);
}

/* The lock is held. */
static void
submit_settlements (Handler *handler)
{
  if (handler->settled == NULL || handler->settled->len == 0)
    return;
  Entry *entry = g_new0 (Entry, 1);
  entry->handler = handler->id;
  entry->settlements = g_steal_pointer (&handler->settled);
  journal_submit_quietly (handler->journal, JOURNAL_SETTLE, write_settlements, free_settlements, entry);
}

/* A delivery that will be tried again: the next attempt writes into the same row. */
static gboolean
holds_unfinished (const GArray *settlements)
{
  for (guint i = 0; i < settlements->len; i++)
    {
      LedgerOutcome outcome = g_array_index (settlements, ScheduleSettlement, i).outcome;
      if (outcome == LEDGER_RETRY || outcome == LEDGER_UNTRIED)
        return TRUE;
    }
  return FALSE;
}

void
worker_keep_settlements (Handler *handler, GArray *settlements)
{
  gboolean unfinished = holds_unfinished (settlements);

  if (handler->settled == NULL)
    handler->settled = schedule_settlements_new ();
  g_array_append_vals (handler->settled, settlements->data, settlements->len);
  g_array_set_clear_func (settlements, NULL); /* what they hold has moved */
  g_array_unref (settlements);
  if (unfinished || handler->settled->len > SETTLED_MAX)
    submit_settlements (handler);
}

static gboolean
write_attempts (Ledger *ledger, gpointer data, GError **error)
{
  const Entry *entry = data;
  guint n = entry->items->len;
  g_autofree gint64 *seqs = g_new (gint64, n);

  for (guint i = 0; i < n; i++)
    seqs[i] = ((const ScheduleItem *) entry->items->pdata[i])->seq;
  /* Those of a lane stand together. */
  for (guint begin = 0, end = 0; begin < n; begin = end)
    {
      gint64 bmc = ((const ScheduleItem *) entry->items->pdata[begin])->bmc;
      while (end < n && ((const ScheduleItem *) entry->items->pdata[end])->bmc == bmc)
        end++;
      if (!ledger_attempt (ledger, entry->handler, bmc, seqs + begin, end - begin, n, error))
        return FALSE;
    }
  return TRUE;
}

/* It may end us at once: what was answered before it should be on disk by then, or it
 * will be suspect, too. */
static gboolean
is_suspect (const GPtrArray *items)
{
  return items->len == 1 && ((const ScheduleItem *) items->pdata[0])->suspect;
}

gboolean
worker_record_attempts (Handler *handler, GPtrArray *items)
{
  Entry attempts = { .handler = handler->id, .items = items };

  if (is_suspect (items))
    {
      g_mutex_lock (&handler->lock);
      submit_settlements (handler);
      g_mutex_unlock (&handler->lock);
    }
  return journal_run (handler->journal, JOURNAL_SETTLE, write_attempts, &attempts);
}

/* ------------------------------------------------------------------ the lanes */

typedef struct
{
  Handler *handler;
  gint64 bmc;
  gint64 after;
  guint limit;
  GArray *deliveries; /* StoreDelivery */
} Fetch;

static void
clear_delivery (gpointer data)
{
  event_unref (((StoreDelivery *) data)->event);
}

static gboolean
read_lane (Ledger *ledger, gpointer data, GError **error)
{
  Fetch *fetch = data;

  g_array_set_size (fetch->deliveries, 0);
  return store_delivery_fetch (ledger_store (ledger), fetch->handler->id, fetch->bmc, fetch->after, fetch->limit,
                               fetch->deliveries, error);
}

static void
refill_lane (gpointer data, gboolean committed)
{
  Fetch *fetch = data;
  Handler *handler = fetch->handler;

  if (committed)
    {
      g_mutex_lock (&handler->lock);
      schedule_refill (handler->schedule, fetch->bmc, fetch->deliveries, fetch->limit, g_get_monotonic_time ());
      g_mutex_unlock (&handler->lock);
      handler_wake (handler);
    }
  g_array_unref (fetch->deliveries);
  g_free (fetch);
}

/* Writes the answers, and asks for lanes.  The lock is held. */
static void
settle_and_fetch (Handler *handler)
{
  Fetch wanted = { .handler = handler };

  for (;;)
    {
      /* Another worker may have settled some while the lock was free. */
      submit_settlements (handler);
      if (!schedule_wants (handler->schedule, &wanted.bmc, &wanted.after, &wanted.limit))
        return;
      Fetch *fetch = g_memdup2 (&wanted, sizeof wanted);
      fetch->deliveries = g_array_new (FALSE, FALSE, sizeof (StoreDelivery));
      g_array_set_clear_func (fetch->deliveries, clear_delivery);
      /* Without the lock: if the journal has failed, it is answered at once. */
      g_mutex_unlock (&handler->lock);
      journal_submit_quietly (handler->journal, JOURNAL_SETTLE, read_lane, refill_lane, fetch);
      g_mutex_lock (&handler->lock);
    }
}

void
worker_catch_up (Handler *handler)
{
  g_mutex_lock (&handler->lock);
  settle_and_fetch (handler);
  g_mutex_unlock (&handler->lock);
  journal_wake (handler->journal);
}
