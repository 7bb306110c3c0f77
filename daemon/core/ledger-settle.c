/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger-settle.c - attempts and answers: what of a delivery is over, and when it is
 * the finalizers' turn; see ledger.h.
 */
#include "core/ledger-private.h"

/* A finalizer's need not be. */
static gboolean
is_ascending (const gint64 *seqs, guint n)
{
  for (guint i = 1; i < n; i++)
    if (seqs[i] <= seqs[i - 1])
      return FALSE;
  return TRUE;
}

gboolean
ledger_attempt (Ledger *ledger, gint64 handler, gint64 bmc, const gint64 *seqs, guint n, guint batch, GError **error)
{
  gboolean done = FALSE;

  if (n > 1 && is_ascending (seqs, n)
      && !store_delivery_attempt_run (ledger->store, handler, bmc, seqs, n, batch, &done, error))
    return FALSE;
  for (guint i = 0; !done && i < n; i++)
    if (!store_delivery_attempt (ledger->store, handler, bmc, seqs[i], 1, batch, error))
      return FALSE;
  return TRUE;
}

/* All required handlers are DONE: the finalizers' turn. */
static gboolean
owe_finalizers (Ledger *ledger, gint64 bmc, gint64 seq, IpmidEvent *event, guint *owed, GError **error)
{
  *owed = 0;
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      LedgerOwed *handler = ledger->handlers->pdata[i];
      if (handler->removed || !handler->description.finalizer || !ledger_wants (ledger, handler, bmc, event))
        continue;
      if (!ledger_owe_delivery (ledger, handler, bmc, seq, event, FALSE, error))
        return FALSE;
      ++*owed;
    }
  return TRUE;
}

static gboolean
has_finalizers (const Ledger *ledger)
{
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      const LedgerOwed *handler = ledger->handlers->pdata[i];
      if (!handler->removed && handler->description.finalizer)
        return TRUE;
    }
  return FALSE;
}

static gboolean
settle_done (Ledger *ledger, gboolean counts, gint64 bmc, gint64 seq, IpmidEvent *event, GError **error)
{
  StoreDues dues;
  guint owed = 0;

  if (!counts || !has_finalizers (ledger))
    return store_event_release (ledger->store, seq, counts, error);
  if (!store_event_dues (ledger->store, seq, &dues, error))
    return FALSE;
  if (dues.open == 1 && !owe_finalizers (ledger, bmc, seq, event, &owed, error))
    return FALSE;
  dues.open--;
  dues.owed += (gint64) owed - 1;
  return store_event_set_dues (ledger->store, seq, &dues, error);
}

static gboolean
settle_finally (Ledger *ledger, LedgerOwed *handler, gint64 bmc, gint64 seq, IpmidEvent *event, LedgerOutcome outcome,
                const char *reason, GError **error)
{
  gint64 attempts;
  gboolean counts, found;

  /* Whether it counts was decided when the event came: a handler that became
   * `required` since then settles nothing for those that were required then. */
  if (!store_delivery_remove (ledger->store, handler->id, bmc, seq, &attempts, &counts, &found, error))
    return FALSE;
  if (!found) /* answered before */
    return TRUE;
  handler->change.pending--;
  if (outcome == LEDGER_DONE)
    return settle_done (ledger, counts, bmc, seq, event, error);
  handler->change.dead++;
  return store_dead_insert (ledger->store, handler->id, bmc, seq, attempts, counts, reason, error);
}

gboolean
ledger_settle (Ledger *ledger, gint64 handler, gint64 bmc, gint64 seq, IpmidEvent *event, LedgerOutcome outcome,
               const char *reason, GError **error)
{
  switch (outcome)
    {
    case LEDGER_DONE:
    case LEDGER_DEAD:
      return settle_finally (ledger, ledger_handler_get (ledger, handler), bmc, seq, event, outcome, reason, error);
    case LEDGER_RETRY:
      return store_delivery_attempt (ledger->store, handler, bmc, seq, 0, 0, error);
    case LEDGER_UNTRIED:
      return store_delivery_attempt (ledger->store, handler, bmc, seq, -1, 0, error);
    }
  g_assert_not_reached ();
}
