/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger-crash.c - an event of which a plugin makes ipmid crash; see ledger.h.
 *
 * A crash does not say whether the event is bad or the handler.  What is known:
 * the event was the only one in the call, and whether the handler had handled
 * any other since it was opened.  A handler that crashes on everything has
 * not, from its second crash on, and so none of its events is given up.
 */
#include "core/ledger-private.h"

static gboolean
give_up (Ledger *ledger, const CrashNote *note, LedgerCrash *crash, GError **error)
{
  const CrashCall *call = &note->call;

  if (crash->crashes < LEDGER_CRASHES || !call->worked)
    return TRUE;
  crash->reason = g_strdup_printf ("the handler made ipmid crash with it %" G_GINT64_FORMAT
                                   " times, at last by %s, while it handled others",
                                   crash->crashes, crash_note_signal_name (note->signal));
  return ledger_settle (ledger, call->handler, call->bmc, call->seq, crash->event, LEDGER_DEAD, crash->reason, error);
}

gboolean
ledger_crash (Ledger *ledger, const CrashNote *note, LedgerCrash *crash, GError **error)
{
  const CrashCall *call = &note->call;
  const LedgerOwed *handler = ledger_find_handler (ledger, call->handler);

  *crash = (LedgerCrash){ 0 };
  if (handler == NULL)
    return TRUE;
  crash->handler = g_strdup (handler->name);
  if (call->n_events != 1)
    return TRUE;
  if (!store_delivery_crash (ledger->store, call->handler, call->bmc, call->seq, call->attempt, &crash->crashes,
                             &crash->counts, error))
    return FALSE;
  if (!crash->counts)
    return TRUE;
  crash->event = store_event_get (ledger->store, call->seq, error);
  return crash->event != NULL && give_up (ledger, note, crash, error);
}

void
ledger_crash_clear (LedgerCrash *crash)
{
  g_clear_pointer (&crash->handler, g_free);
  g_clear_pointer (&crash->event, event_unref);
  g_clear_pointer (&crash->reason, g_free);
}
