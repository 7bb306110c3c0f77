/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker-live.c - events for a handler that is fed live, on its thread.
 *
 * There is no attempt on disk and no answer to be kept: what the plugin says
 * only counts.
 */
#include "core/handler-private.h"

static void
count_verdicts (Worker *worker, const IpmidVerdict *verdicts, guint n)
{
  Handler *handler = worker->handler;

  g_mutex_lock (&handler->lock);
  worker->busy_since = 0;
  for (guint i = 0; i < n; i++)
    {
      handler->done += verdicts[i] == IPMID_VERDICT_DONE;
      handler->failed += verdicts[i] != IPMID_VERDICT_DONE;
    }
  g_mutex_unlock (&handler->lock);
}

static void
call (Worker *worker, GPtrArray *events)
{
  Handler *handler = worker->handler;
  g_autofree guint64 *tokens = g_new0 (guint64, events->len); /* 0: names no delivery */
  g_autofree guint *attempts = g_new (guint, events->len);
  g_autofree IpmidVerdict *verdicts = g_new0 (IpmidVerdict, events->len);
  gint64 now = g_get_monotonic_time ();
  const IpmidBatch batch = { sizeof batch,
                             events->len,
                             (IpmidEvent *const *) events->pdata,
                             tokens,
                             attempts,
                             now + handler->options.timeout,
                             handler->cancel_fd };

  for (guint i = 0; i < events->len; i++)
    attempts[i] = 1;
  g_mutex_lock (&handler->lock);
  worker->busy_since = now;
  worker->busy_deadline = batch.deadline;
  g_mutex_unlock (&handler->lock);
  handler->descriptor->deliver (worker->state, &batch, verdicts);
  count_verdicts (worker, verdicts, events->len);
}

static gint64
find_pause_end (Handler *handler)
{
  g_mutex_lock (&handler->lock);
  gint64 until = handler->paused_until;
  g_mutex_unlock (&handler->lock);
  return until;
}

gint64
worker_deliver_live (Worker *worker)
{
  Handler *handler = worker->handler;

  if (worker != handler->workers || handler->live == NULL)
    return G_MAXINT64;
  gint64 paused_until = find_pause_end (handler);
  if (g_get_monotonic_time () < paused_until)
    return paused_until;
  g_autoptr (GPtrArray) events = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  if (live_take (handler->live, (guint) handler->options.batch, events) == 0)
    return G_MAXINT64;
  call (worker, events);
  return 0;
}
