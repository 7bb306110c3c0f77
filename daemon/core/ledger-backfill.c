/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger-backfill.c - a handler is owed what came before it was there; see ledger.h.
 *
 * The store knows of each handler from when on it was owed everything, and up to
 * when it was before (if it was removed in between).  What lies between is copied,
 * marked, to the end of the BMCs' lanes, in the order of the journal; how far that
 * is done is kept with each part, so that whoever dies in between repeats little.
 * The times in which events were received are not in that order.
 */
#include "core/ledger-private.h"

/* Events that are looked at in one transaction. */
#define PART 256

static gboolean
owe_copy (Ledger *ledger, LedgerOwed *handler, gint64 bmc, const IpmidEvent *event, gboolean *owed, GError **error)
{
  gint64 seq = 0;
  g_autoptr (IpmidEvent) copy = event_copy (event);

  event_set_integer (copy, IPMID_FIELD_BACKFILLED, TRUE);
  if (!ledger_owe_late (ledger, handler, bmc, copy, &seq, error))
    return FALSE;
  *owed = seq != 0;
  return TRUE;
}

/* A copy for another handler is none that the journal still has. */
static gboolean
lies_between (const LedgerBackfill *backfill, const StoreSpan *span, const StoreEvent *kept)
{
  gint64 received = event_integer (kept->event, IPMID_FIELD_RECEIVED);
  gboolean filled = kept->seq <= backfill->filled && received >= backfill->filled_since;

  return received >= MAX (span->before, backfill->since) && received < span->since && !filled
         && !event_has (kept->event, IPMID_FIELD_BACKFILLED);
}

/* What was received before it was there may have been owed to it all the same. */
static gboolean
lacks (Ledger *ledger, const LedgerOwed *handler, const StoreEvent *kept, gboolean *lacks, GError **error)
{
  gboolean stands = FALSE;

  *lacks = ledger_wants (ledger, handler, kept->bmc, kept->event);
  if (*lacks && !store_delivery_stands (ledger->store, handler->id, kept->bmc, kept->seq, &stands, error))
    return FALSE;
  *lacks = *lacks && !stands;
  return TRUE;
}

static gboolean
take_part (Ledger *ledger, LedgerOwed *handler, LedgerBackfill *backfill, const StoreSpan *span, const GArray *part,
           GError **error)
{
  for (guint i = 0; i < part->len; i++)
    {
      const StoreEvent *kept = &g_array_index (part, StoreEvent, i);
      gboolean wanted = lies_between (backfill, span, kept), owed = TRUE;
      if (wanted && !lacks (ledger, handler, kept, &wanted, error))
        return FALSE;
      if (wanted && !owe_copy (ledger, handler, kept->bmc, kept->event, &owed, error))
        return FALSE;
      backfill->is_full = !owed;
      if (!owed)
        return TRUE;
      backfill->part_owed += wanted;
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
  /* One pair cannot say all: what is not known to be filled is sent again, never left out. */
  if (backfill->part_owed == 0 && backfill->since > span.filled_since)
    return TRUE;
  return store_handler_set_filled (ledger->store, handler_id, backfill->part_after, backfill->since, error);
}

gboolean
ledger_can_be_owed (Ledger *ledger, gint64 handler_id)
{
  const LedgerOwed *handler = ledger_find_handler (ledger, handler_id);

  return handler != NULL && !handler->description.finalizer && !handler->description.live;
}
