/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker-fetch.c - more of a lane from the journal, when there is room in memory.
 *
 * Asked for by a worker, read and handed over by the journal's thread.
 */
#include "core/handler-private.h"

typedef struct
{
  Handler *handler;
  gint64 bmc;
  gint64 after;
  guint limit;
  GArray *deliveries; /* StoreDelivery */
} Fetch;

static void
clear_delivery (gpointer data)
{
  event_unref (((StoreDelivery *) data)->event);
}

static gboolean
read_lane (Ledger *ledger, gpointer data, GError **error)
{
  Fetch *fetch = data;

  g_array_set_size (fetch->deliveries, 0);
  return store_delivery_fetch (ledger_store (ledger), fetch->handler->id, fetch->bmc, fetch->after, fetch->limit,
                               fetch->deliveries, error);
}

static void
refill_lane (gpointer data, gboolean committed)
{
  Fetch *fetch = data;
  Handler *handler = fetch->handler;

  if (committed)
    {
      g_mutex_lock (&handler->lock);
      schedule_refill (handler->schedule, fetch->bmc, fetch->deliveries, fetch->limit);
      g_mutex_unlock (&handler->lock);
      handler_wake (handler);
    }
  g_array_unref (fetch->deliveries);
  g_free (fetch);
}

void
worker_fetch_lanes (Handler *handler)
{
  Fetch wanted = { .handler = handler };

  g_mutex_lock (&handler->lock);
  while (schedule_wants (handler->schedule, &wanted.bmc, &wanted.after, &wanted.limit))
    {
      Fetch *fetch = g_memdup2 (&wanted, sizeof wanted);
      fetch->deliveries = g_array_new (FALSE, FALSE, sizeof (StoreDelivery));
      g_array_set_clear_func (fetch->deliveries, clear_delivery);
      /* Without the lock: if the journal has failed, it is answered at once. */
      g_mutex_unlock (&handler->lock);
      journal_submit (handler->journal, JOURNAL_SETTLE, read_lane, refill_lane, fetch);
      g_mutex_lock (&handler->lock);
    }
  g_mutex_unlock (&handler->lock);
}
