/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger-owe.c - a new event: which handlers want it and get it, and what says so on
 * disk; see ledger.h.
 */
#include "core/ledger-private.h"

static gboolean
has_room (LedgerOwed *handler)
{
  gboolean room = ledger_is_within_quota (handler);
  const LogContext context = { .handler = handler->description.name };

  if (!room && !handler->shedding)
    log_line (IPMID_LOG_ERROR, &context,
              "what it is owed, or its dead letters, have reached its quota of %" G_GINT64_FORMAT
              " events: further events are not kept for it, and stay in the SEL, until it works again",
              handler->description.quota);
  handler->shedding = !room;
  return room;
}

gboolean
ledger_owe_delivery (Ledger *ledger, LedgerOwed *handler, gint64 bmc, gint64 seq, IpmidEvent *event, gboolean counts,
                     GError **error)
{
  LedgerOffer offer = { handler, bmc, seq, event };

  if (!store_delivery_insert (ledger->store, handler->id, bmc, seq, counts, error))
    return FALSE;
  handler->change.pending++;
  event_ref (event);
  g_array_append_val (ledger->offers, offer);
  return TRUE;
}

/* Who wants it, and who gets it: the handlers to which it will be owed.  NULL
 * on failure. */
static GPtrArray *
choose_handlers (Ledger *ledger, gint64 bmc, const IpmidEvent *event, StoreDues *dues, GError **error)
{
  g_autoptr (GPtrArray) chosen = g_ptr_array_new ();
  gboolean gets;

  *dues = (StoreDues){ 0 };
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      LedgerOwed *handler = ledger->handlers->pdata[i];
      if (handler->removed || handler->description.finalizer || handler->description.live)
        continue;
      if (!ledger_judge (ledger, handler, bmc, event, &gets, error))
        return NULL;
      if (!gets)
        continue;
      dues->required += handler->description.required;
      if (has_room (handler))
        g_ptr_array_add (chosen, handler);
      else
        {
          handler->change.shed++;
          if (handler->description.required && !ledger_give_up_on (ledger, bmc, event, error))
            return NULL;
        }
    }
  /* Nobody has to handle it, so nobody ever will have: its record is not cleared away as handled. */
  if (dues->required == 0 && !ledger_give_up_on (ledger, bmc, event, error))
    return NULL;
  /* What is shed is never answered, so a required handler's share stays open. */
  dues->open = dues->required;
  dues->owed = chosen->len;
  return g_steal_pointer (&chosen);
}

/* Those that are fed live: no row says so, the commit alone makes it real. */
static void
offer_live (Ledger *ledger, gint64 bmc, IpmidEvent *event)
{
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      LedgerOffer offer = { ledger->handlers->pdata[i], bmc, 0, event };
      if (offer.handler->removed || !offer.handler->description.live
          || !ledger_wants (ledger, offer.handler, bmc, event))
        continue;
      event_ref (event);
      g_array_append_val (ledger->offers, offer);
    }
}

static gboolean
is_required (const LedgerOwed *handler)
{
  return handler->description.required && !handler->description.finalizer;
}

gboolean
ledger_owe (Ledger *ledger, gint64 bmc, IpmidEvent *event, GError **error)
{
  StoreDues dues;
  g_autoptr (GPtrArray) chosen = choose_handlers (ledger, bmc, event, &dues, error);

  offer_live (ledger, bmc, event);
  if (chosen == NULL || chosen->len == 0)
    return chosen != NULL;
  gint64 seq = store_next_seq (ledger->store);
  if (!store_event_insert (ledger->store, seq, bmc, event, &dues, error))
    return FALSE;
  for (guint i = 0; i < chosen->len; i++)
    if (!ledger_owe_delivery (ledger, chosen->pdata[i], bmc, seq, event, is_required (chosen->pdata[i]), error)
        || !ledger_note_early (ledger, chosen->pdata[i], event, error))
      return FALSE;
  return TRUE;
}

gboolean
ledger_owe_late (Ledger *ledger, LedgerOwed *handler, gint64 bmc, IpmidEvent *event, gint64 *seq, GError **error)
{
  const StoreDues dues = { .owed = 1 };

  *seq = 0;
  if (!has_room (handler))
    return TRUE;
  *seq = store_next_seq (ledger->store);
  return store_event_insert (ledger->store, *seq, bmc, event, &dues, error)
         && ledger_owe_delivery (ledger, handler, bmc, *seq, event, FALSE, error);
}
