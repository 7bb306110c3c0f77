/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker-readings.c - readings on a handler's thread, between its deliveries.
 *
 * Events come first: one batch of readings is handed over only when no event
 * can be delivered, and then the events get their turn again.  What waits is
 * collected for a moment, so that a thousand BMCs that read a sensor each do not
 * wake the handler a thousand times.
 */
#include "core/handler-private.h"

/* Between two times at which the handler has taken all. */
#define PAUSE (G_TIME_SPAN_SECOND / 10)

static void
note_busy (Worker *worker, gint64 since)
{
  Handler *handler = worker->handler;

  g_mutex_lock (&handler->lock);
  worker->busy_since = since;
  worker->busy_deadline = since + handler->options.timeout;
  g_mutex_unlock (&handler->lock);
}

gint64
worker_hand_over_readings (Worker *worker)
{
  Handler *handler = worker->handler;
  gint64 now = g_get_monotonic_time ();

  if (worker != handler->workers || handler->readings == NULL || !readings_are_waiting (handler->readings))
    return G_MAXINT64;
  if (now < worker->readings_not_before)
    return worker->readings_not_before;
  const IpmidReadings *readings = readings_take (handler->readings);
  if (readings != NULL)
    {
      note_busy (worker, now);
      handler->descriptor->readings (worker->state, readings);
      note_busy (worker, 0);
    }
  if (readings_are_waiting (handler->readings))
    return now;
  worker->readings_not_before = g_get_monotonic_time () + PAUSE;
  return G_MAXINT64;
}
