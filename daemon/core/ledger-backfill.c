/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger-backfill.c - a handler is owed what came before it was there; see ledger.h.
 *
 * The journal's tables know of each handler from when on it was owed everything, and up
 * to when it was before (if it was removed in between).  What lies between is copied,
 * marked, to the end of the BMCs' lanes: what a store has in its order, and what the
 * journal still has in that of the journal.  The times in which events were received are
 * not in that order.
 *
 * Both may have the same event, and the journal may have it several times (for a
 * handler whose quiet time has ended).  So the ids of what was owed are kept, each in the
 * transaction that owes it: whatever is looked at again is not owed again.  They
 * are forgotten when all that lies between has been gone through.
 */
#include "core/ledger-private.h"

/* Events that are looked at in one transaction. */
#define PART 256

/* Of its quota one part in so many is left for what is new. */
#define NEWS_SHARE 10

typedef enum
{
  SKIPPED, /* it was owed before, or the filter does not want it */
  OWED,
  NO_ROOM,
} Outcome;

static gboolean
has_room (const LedgerOwed *handler)
{
  gint64 quota = handler->description.quota;

  return ledger_is_within_quota (handler)
         && handler->counts.pending + handler->change.pending < quota - quota / NEWS_SHARE;
}

static gboolean
owe_copy (Ledger *ledger, LedgerOwed *handler, gint64 bmc, const IpmidEvent *event, GError **error)
{
  gint64 seq = 0;
  g_autoptr (IpmidEvent) copy = event_copy (event);

  event_set_integer (copy, IPMID_FIELD_BACKFILLED, TRUE);
  return ledger_owe_late (ledger, handler, bmc, copy, &seq, error)
         && store_backfilled_insert (ledger->store, handler->id, event_string (event, IPMID_FIELD_ID), error);
}

/* Also from a store, whose next look finds its id. */
static gboolean
owe_once (Ledger *ledger, LedgerOwed *handler, gint64 bmc, const IpmidEvent *event, Outcome *outcome, GError **error)
{
  const char *id = event_string (event, IPMID_FIELD_ID);
  gboolean found = FALSE;

  *outcome = SKIPPED;
  if (!ledger_wants (ledger, handler, bmc, event))
    return TRUE;
  if (!store_backfilled_find (ledger->store, handler->id, id, &found, error))
    return FALSE;
  if (found)
    return TRUE;
  *outcome = has_room (handler) ? OWED : NO_ROOM;
  return *outcome == NO_ROOM || owe_copy (ledger, handler, bmc, event, error);
}

static gboolean
lies_between (gint64 since, const StoreSpan *span, const IpmidEvent *event)
{
  gint64 received = event_integer (event, IPMID_FIELD_RECEIVED);

  return received >= MAX (span->before, since) && received < span->since;
}

gboolean
ledger_note_early (Ledger *ledger, const LedgerOwed *handler, const IpmidEvent *event, GError **error)
{
  gint64 received = event_integer (event, IPMID_FIELD_RECEIVED);

  if (received < handler->span.before || received >= handler->span.since)
    return TRUE;
  return store_backfilled_insert (ledger->store, handler->id, event_string (event, IPMID_FIELD_ID), error);
}

/* --------------------------------------------------- what the journal still has */

/* A copy for another handler is none that the journal still has. */
static gboolean
is_candidate (const LedgerBackfill *backfill, const StoreSpan *span, const StoreEvent *kept)
{
  gint64 received = event_integer (kept->event, IPMID_FIELD_RECEIVED);
  gboolean filled = kept->seq <= backfill->filled && received >= backfill->filled_since;

  return lies_between (backfill->since, span, kept->event) && !filled
         && !event_has (kept->event, IPMID_FIELD_BACKFILLED);
}

/* What was received before it was there may have been owed to it all the same. */
static gboolean
take_kept (Ledger *ledger, LedgerOwed *handler, const StoreEvent *kept, Outcome *outcome, GError **error)
{
  gboolean stands = FALSE;

  *outcome = SKIPPED;
  if (!store_delivery_stands (ledger->store, handler->id, kept->bmc, kept->seq, &stands, error))
    return FALSE;
  return stands || owe_once (ledger, handler, kept->bmc, kept->event, outcome, error);
}

static gboolean
take_part (Ledger *ledger, LedgerOwed *handler, LedgerBackfill *backfill, const StoreSpan *span, const GArray *part,
           GError **error)
{
  for (guint i = 0; i < part->len; i++)
    {
      const StoreEvent *kept = &g_array_index (part, StoreEvent, i);
      Outcome outcome = SKIPPED;
      if (is_candidate (backfill, span, kept) && !take_kept (ledger, handler, kept, &outcome, error))
        return FALSE;
      backfill->is_full = outcome == NO_ROOM;
      if (backfill->is_full)
        return TRUE;
      backfill->part_owed += outcome == OWED;
      backfill->part_after = kept->seq;
    }
  return TRUE;
}

/* From the start, or where an earlier run for the same time or more has ended. */
static void
begin_run (Ledger *ledger, LedgerBackfill *backfill, const StoreSpan *span)
{
  backfill->end = store_next_seq (ledger->store);
  backfill->filled = span->filled;
  backfill->filled_since = span->filled_since;
  backfill->part_after = backfill->since >= span->filled_since ? span->filled : 0;
}

gboolean
ledger_backfill (Ledger *ledger, gint64 handler_id, LedgerBackfill *backfill, GError **error)
{
  LedgerOwed *handler = ledger_find_handler (ledger, handler_id);
  StoreSpan span;

  backfill->is_full = FALSE;
  backfill->part_owed = 0;
  backfill->part_after = backfill->after;
  if (!store_handler_span (ledger->store, handler_id, &span, error))
    return FALSE;
  if (backfill->after == 0)
    begin_run (ledger, backfill, &span);
  g_autoptr (GArray) part = store_event_page (ledger->store, backfill->part_after, backfill->end, PART, error);
  if (part == NULL || !take_part (ledger, handler, backfill, &span, part, error))
    return FALSE;
  backfill->is_over = backfill->is_full || part->len < PART;
  /* One pair cannot say all: what is not known to be filled is looked at again. */
  if (backfill->part_owed == 0 && backfill->since > span.filled_since)
    return TRUE;
  return store_handler_set_filled (ledger->store, handler_id, backfill->part_after, backfill->since, error);
}

/* ------------------------------------------------------------ what a store has */

/* Its BMC need not be configured: then it has a lane all the same, and no labels. */
static gboolean
take_stored (Ledger *ledger, LedgerOwed *handler, const IpmidEvent *event, Outcome *outcome, GError **error)
{
  StoreBmc bmc;

  return store_bmc_load (ledger->store, event_string (event, IPMID_FIELD_BMC), &bmc, error)
         && owe_once (ledger, handler, bmc.id, event, outcome, error);
}

gboolean
ledger_backfill_stored (Ledger *ledger, gint64 handler_id, gint64 since, const GPtrArray *events, gint64 *owed,
                        gboolean *is_full, GError **error)
{
  LedgerOwed *handler = ledger_find_handler (ledger, handler_id);
  StoreSpan span;

  *owed = 0;
  *is_full = FALSE;
  if (!store_handler_span (ledger->store, handler_id, &span, error))
    return FALSE;
  for (guint i = 0; i < events->len && !*is_full; i++)
    {
      Outcome outcome = SKIPPED;
      if (lies_between (since, &span, events->pdata[i])
          && !take_stored (ledger, handler, events->pdata[i], &outcome, error))
        return FALSE;
      *owed += outcome == OWED;
      *is_full = outcome == NO_ROOM;
    }
  return TRUE;
}

gboolean
ledger_backfill_end (Ledger *ledger, gint64 handler_id, const StoreSpan *span, gint64 since, gboolean *is_all,
                     GError **error)
{
  StoreSpan now;

  *is_all = FALSE;
  if (!store_handler_span (ledger->store, handler_id, &now, error))
    return FALSE;
  if (ledger_find_handler (ledger, handler_id) == NULL || now.before != span->before || now.since != span->since)
    return TRUE;
  *is_all = since <= now.before || now.since <= now.before;
  return since >= now.since || store_handler_extend_span (ledger->store, handler_id, MAX (since, now.before), error);
}

gboolean
ledger_can_be_owed (Ledger *ledger, gint64 handler_id)
{
  const LedgerOwed *handler = ledger_find_handler (ledger, handler_id);

  return handler != NULL && !handler->description.finalizer && !handler->description.live;
}
