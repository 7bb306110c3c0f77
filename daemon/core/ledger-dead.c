/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ledger-dead.c - dead letters are owed again, or dropped; see ledger.h. */
#include "core/ledger-private.h"

/* Once for each BMC: after the commit the handler reads that lane again. */
static void
note_reread (Ledger *ledger, LedgerOwed *handler, const GArray *lanes)
{
  for (guint i = 0; i < lanes->len; i++)
    {
      const LedgerOffer offer = { handler, g_array_index (lanes, gint64, i), 0, NULL };
      g_array_append_val (ledger->offers, offer);
    }
}

gboolean
ledger_replay (Ledger *ledger, gint64 handler_id, gint64 seq, gint64 *moved, GError **error)
{
  LedgerOwed *handler = ledger_find_handler (ledger, handler_id);
  g_autoptr (GArray) lanes = store_dead_lanes (ledger->store, handler_id, seq, error);

  g_assert (handler != NULL);
  if (lanes == NULL || !store_dead_replay (ledger->store, handler_id, seq, moved, error))
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
give_up (Ledger *ledger, gint64 handler, gint64 seq, GError **error)
{
  g_autoptr (GArray) counting = store_dead_counting (ledger->store, handler, seq, error);

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
ledger_drop (Ledger *ledger, gint64 handler_id, gint64 seq, gint64 *dropped, GError **error)
{
  LedgerOwed *handler = ledger_find_handler (ledger, handler_id);

  if (!give_up (ledger, handler_id, seq, error) || !store_dead_drop (ledger->store, handler_id, seq, dropped, error))
    return FALSE;
  if (handler != NULL)
    handler->change.dead -= *dropped;
  return TRUE;
}
