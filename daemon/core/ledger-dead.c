/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger-dead.c - dead letters are owed again, or dropped; see ledger.h.
 *
 * However many there are, one transaction takes a part of them: the journal has
 * others to serve as well, and what a transaction writes has to fit its log.
 */
#include "core/ledger-private.h"

/* Dead letters in one transaction. */
#define PART 500

/* Once for each BMC: after the commit the handler reads that lane again. */
static void
note_reread (Ledger *ledger, LedgerOwed *handler, const GArray *lanes)
{
  for (guint i = 0; i < lanes->len; i++)
    {
      const StoreEvent *first = &g_array_index (lanes, StoreEvent, i);
      const LedgerOffer offer = { handler, first->bmc, first->seq, NULL };
      g_array_append_val (ledger->offers, offer);
    }
}

gboolean
ledger_replay (Ledger *ledger, StoreDeadRange *range, gint64 *moved, GError **error)
{
  LedgerOwed *handler = ledger_find_handler (ledger, range->handler);

  g_assert (handler != NULL);
  if (!store_dead_cut (ledger->store, range, PART, error))
    return FALSE;
  g_autoptr (GArray) lanes = store_dead_lanes (ledger->store, range, error);
  if (lanes == NULL || !store_dead_replay (ledger->store, range, moved, error))
    return FALSE;
  handler->change.dead -= *moved;
  handler->change.pending += *moved;
  note_reread (ledger, handler, lanes);
  return TRUE;
}

gboolean
ledger_can_be_replayed (Ledger *ledger, gint64 handler_id)
{
  const LedgerOwed *handler = ledger_find_handler (ledger, handler_id);

  return handler != NULL && !handler->description.live;
}

/* What a required handler has not handled, nobody will any more. */
static gboolean
give_up (Ledger *ledger, const StoreDeadRange *range, GError **error)
{
  g_autoptr (GArray) counting = store_dead_counting (ledger->store, range, error);

  for (guint i = 0; counting != NULL && i < counting->len; i++)
    {
      const StoreEvent *dead = &g_array_index (counting, StoreEvent, i);
      g_autoptr (IpmidEvent) event = store_event_get (ledger->store, dead->seq, error);
      if (event == NULL || !ledger_give_up_on (ledger, dead->bmc, event, error))
        return FALSE;
    }
  return counting != NULL;
}

gboolean
ledger_drop (Ledger *ledger, StoreDeadRange *range, gint64 *dropped, GError **error)
{
  LedgerOwed *handler = ledger_find_handler (ledger, range->handler);

  if (!store_dead_cut (ledger->store, range, PART, error) || !give_up (ledger, range, error)
      || !store_dead_drop (ledger->store, range, dropped, error))
    return FALSE;
  if (handler != NULL)
    handler->change.dead -= *dropped;
  return TRUE;
}
