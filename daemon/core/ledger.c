/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ledger.c - the life of the ledger, and what a commit or a rollback means to it; see ledger.h. */
#include "core/ledger-private.h"

static void
free_bmc (gpointer data)
{
  LedgerBmc *bmc = data;

  g_free (bmc->name);
  g_free (bmc->walk);
  g_free (bmc->walk_before);
  g_strfreev (bmc->labels);
  g_free (bmc);
}

static void
free_handler (gpointer data)
{
  LedgerOwed *handler = data;

  g_free (handler->name);
  g_free (handler);
}

static void
clear_offer (gpointer data)
{
  LedgerOffer *offer = data;

  if (offer->event != NULL)
    event_unref (offer->event);
}

Ledger *
ledger_new (Store *store)
{
  Ledger *ledger = g_new0 (Ledger, 1);

  ledger->store = store;
  ledger->bmcs = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, free_bmc);
  ledger->handlers = g_ptr_array_new_with_free_func (free_handler);
  ledger->offers = g_array_new (FALSE, FALSE, sizeof (LedgerOffer));
  g_array_set_clear_func (ledger->offers, clear_offer);
  ledger->touched = g_ptr_array_new ();
  ledger->clock = g_get_real_time;
  return ledger;
}

void
ledger_free (Ledger *ledger)
{
  if (ledger == NULL)
    return;
  g_array_unref (ledger->offers);
  g_ptr_array_unref (ledger->touched);
  g_ptr_array_unref (ledger->handlers);
  g_hash_table_unref (ledger->bmcs);
  g_free (ledger);
}

void
ledger_distrust_existing (Ledger *ledger)
{
  ledger->distrust = TRUE;
}

Store *
ledger_store (Ledger *ledger)
{
  return ledger->store;
}

/* ----------------------------------------------------------- the transaction */

/* Before a walk changes: a rollback brings it back as it was. */
void
ledger_touch_walk (Ledger *ledger, LedgerBmc *bmc)
{
  if (bmc->touched)
    return;
  bmc->touched = TRUE;
  bmc->walk_before = bmc->walk == NULL ? NULL : g_memdup2 (bmc->walk, sizeof *bmc->walk);
  g_ptr_array_add (ledger->touched, bmc);
}

static void
forget_touched (Ledger *ledger, gboolean restore)
{
  for (guint i = 0; i < ledger->touched->len; i++)
    {
      LedgerBmc *bmc = ledger->touched->pdata[i];
      if (restore)
        {
          g_free (bmc->walk);
          bmc->walk = g_steal_pointer (&bmc->walk_before);
        }
      g_clear_pointer (&bmc->walk_before, g_free);
      bmc->touched = FALSE;
    }
  g_ptr_array_set_size (ledger->touched, 0);
}

void
ledger_committed (Ledger *ledger)
{
  forget_touched (ledger, FALSE);
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      LedgerOwed *handler = ledger->handlers->pdata[i];
      ledger_handler_add_counts (&handler->counts, &handler->change);
      handler->change = (LedgerCounts){ 0 };
    }
  for (guint i = 0; i < ledger->offers->len; i++)
    {
      LedgerOffer *offer = &g_array_index (ledger->offers, LedgerOffer, i);
      const LedgerHandler *to = &offer->handler->description;
      if (offer->handler->removed)
        continue;
      if (offer->event != NULL)
        to->offer (to->user_data, offer->bmc, offer->seq, offer->event);
      else if (to->reread != NULL)
        to->reread (to->user_data, offer->bmc, offer->seq);
    }
  g_array_set_size (ledger->offers, 0);
}

void
ledger_rolled_back (Ledger *ledger)
{
  GHashTableIter iter;
  gpointer bmc;

  forget_touched (ledger, TRUE);
  g_array_set_size (ledger->offers, 0);
  for (guint i = 0; i < ledger->handlers->len; i++)
    ((LedgerOwed *) ledger->handlers->pdata[i])->change = (LedgerCounts){ 0 };
  g_hash_table_iter_init (&iter, ledger->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &bmc))
    ((LedgerBmc *) bmc)->loaded = FALSE;
}
