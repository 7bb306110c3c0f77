/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger-backfill.c - a handler is owed what came before it was there; see ledger.h.
 *
 * The store knows of each handler from when on it was owed everything, and up to
 * when it was before (if it was removed in between).  What lies between is copied,
 * marked, to the end of the BMCs' lanes; how far that is done is kept with each
 * part, so that whoever dies in between repeats little.
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
lies_between (const LedgerBackfill *backfill, const StoreSpan *span, const IpmidEvent *event)
{
  gint64 received = event_integer (event, IPMID_FIELD_RECEIVED);

  return received >= MAX (span->before, backfill->since) && received < span->since
         && !event_has (event, IPMID_FIELD_BACKFILLED);
}

static gboolean
take_part (Ledger *ledger, LedgerOwed *handler, LedgerBackfill *backfill, StoreSpan *span, const GArray *part,
           GError **error)
{
  for (guint i = 0; i < part->len; i++)
    {
      const StoreEvent *kept = &g_array_index (part, StoreEvent, i);
      gboolean owed = TRUE;
      if (!lies_between (backfill, span, kept->event) || !ledger_wants (ledger, handler, kept->bmc, kept->event))
        continue;
      if (!owe_copy (ledger, handler, kept->bmc, kept->event, &owed, error))
        return FALSE;
      backfill->is_full = !owed;
      if (!owed)
        return TRUE;
      backfill->part_owed++;
      backfill->part_seen = MAX (backfill->part_seen, event_integer (kept->event, IPMID_FIELD_RECEIVED));
    }
  return TRUE;
}

gboolean
ledger_backfill (Ledger *ledger, gint64 handler_id, LedgerBackfill *backfill, GError **error)
{
  LedgerOwed *handler = ledger_find_handler (ledger, handler_id);
  StoreSpan span;

  backfill->is_full = FALSE;
  backfill->part_owed = backfill->part_seen = 0;
  if (backfill->end == 0)
    backfill->end = store_next_seq (ledger->store);
  g_autoptr (GArray) part = store_event_page (ledger->store, backfill->after, backfill->end, PART, error);
  if (part == NULL || !store_handler_span (ledger->store, handler_id, &span, error)
      || !take_part (ledger, handler, backfill, &span, part, error))
    return FALSE;
  backfill->part_after = part->len == 0 ? backfill->after : g_array_index (part, StoreEvent, part->len - 1).seq;
  backfill->is_over = backfill->is_full || part->len < PART;
  if (backfill->is_over && !backfill->is_full)
    span.before = span.since; /* nothing lies between any more */
  else
    span.before = MAX (span.before, backfill->part_seen);
  return store_handler_set_before (ledger->store, handler_id, span.before, error);
}

gboolean
ledger_can_be_owed (Ledger *ledger, gint64 handler_id)
{
  const LedgerOwed *handler = ledger_find_handler (ledger, handler_id);

  return handler != NULL && !handler->description.finalizer && !handler->description.live;
}
