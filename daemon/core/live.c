/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* live.c - see live.h. */
#include "core/live.h"

#include "event/event.h"

struct _Live
{
  guint maximum;
  GMutex lock;  /* what follows */
  GQueue queue; /* IpmidEvent, oldest first */
  guint64 dropped;
};

Live *
live_new (guint maximum)
{
  Live *live = g_new0 (Live, 1);

  g_assert (maximum > 0);
  live->maximum = maximum;
  g_mutex_init (&live->lock);
  g_queue_init (&live->queue);
  return live;
}

void
live_free (Live *live)
{
  if (live == NULL)
    return;
  g_queue_clear_full (&live->queue, (GDestroyNotify) event_unref);
  g_mutex_clear (&live->lock);
  g_free (live);
}

void
live_push (Live *live, IpmidEvent *event)
{
  IpmidEvent *oldest = NULL;

  g_mutex_lock (&live->lock);
  if (live->queue.length == live->maximum)
    {
      oldest = g_queue_pop_head (&live->queue);
      live->dropped++;
    }
  g_queue_push_tail (&live->queue, event_ref (event));
  g_mutex_unlock (&live->lock);
  event_unref (oldest);
}

guint
live_take (Live *live, guint limit, GPtrArray *events)
{
  guint taken = 0;

  g_mutex_lock (&live->lock);
  for (; taken < limit && live->queue.length > 0; taken++)
    g_ptr_array_add (events, g_queue_pop_head (&live->queue));
  g_mutex_unlock (&live->lock);
  return taken;
}

guint64
live_dropped (Live *live)
{
  g_mutex_lock (&live->lock);
  guint64 dropped = live->dropped;
  g_mutex_unlock (&live->lock);
  return dropped;
}
