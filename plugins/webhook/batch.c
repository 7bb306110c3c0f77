/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * batch.c - see webhook.h.
 *
 * The host gives a BMC's events together and in order, and no more of that BMC before
 * they are answered.  So it is enough to keep those of one batch in order.
 */
#include "webhook.h"

static Chain *
new_chain (const IpmidBatch *batch)
{
  Chain *chain = g_new0 (Chain, 1);

  chain->events = g_ptr_array_new ();
  chain->tokens = g_array_new (FALSE, FALSE, sizeof (guint64));
  chain->arrived = g_get_monotonic_time ();
  chain->deadline = batch->deadline;
  return chain;
}

void
batch_free_chain (IpmidHost *host, Chain *chain)
{
  for (guint i = 0; i < chain->events->len; i++)
    ipmid_event_unref (host, chain->events->pdata[i]);
  g_ptr_array_unref (chain->events);
  g_array_unref (chain->tokens);
  g_free (chain);
}

/* Whether an event that would begin another request has to wait for the chain's last. */
static gboolean
continues (IpmidHost *host, const Chain *chain, const IpmidEvent *event)
{
  const IpmidEvent *last = chain->events->pdata[chain->events->len - 1];

  return g_strcmp0 (ipmid_event_string (host, last, IPMID_FIELD_BMC), ipmid_event_string (host, event, IPMID_FIELD_BMC))
         == 0;
}

GPtrArray *
batch_cut (IpmidHost *host, const IpmidBatch *batch, guint per_request)
{
  GPtrArray *chains = g_ptr_array_new ();
  Chain *chain = NULL;

  for (guint i = 0; i < batch->n_events; i++)
    {
      gboolean full = chain != NULL && chain->events->len % per_request == 0;

      if (chain == NULL || (full && !continues (host, chain, batch->events[i])))
        g_ptr_array_add (chains, chain = new_chain (batch));
      g_ptr_array_add (chain->events, ipmid_event_ref (host, batch->events[i]));
      g_array_append_val (chain->tokens, batch->tokens[i]);
    }
  return chains;
}

guint
batch_next (const Chain *chain, guint per_request)
{
  guint left = chain->events->len - chain->at;

  return chain->at < chain->alone_until ? MIN (left, 1) : MIN (left, per_request);
}
