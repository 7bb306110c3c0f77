/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handshakes.c - see handshakes.h. */
#include "handshakes.h"

typedef enum
{
  STATE_NONE,    /* over, not begun, or without its place any more */
  STATE_WAITING, /* in `waiting`, and so on */
  STATE_UNHEARD,
  STATE_HEARD,
} State;

struct _Handshakes
{
  guint places;
  gint64 patience;
  gint64 time;
  const HandshakesFuncs *funcs;
  gpointer user_data;
  /* The oldest first; all but `waiting` have places. */
  GQueue waiting, unheard, heard;
};

Handshakes *
handshakes_new (guint places, gint64 patience, gint64 time, const HandshakesFuncs *funcs, gpointer user_data)
{
  Handshakes *handshakes = g_new0 (Handshakes, 1);

  handshakes->places = MAX (places, 1);
  handshakes->patience = patience;
  handshakes->time = MAX (time, patience);
  handshakes->funcs = funcs;
  handshakes->user_data = user_data;
  return handshakes;
}

void
handshakes_free (Handshakes *handshakes)
{
  g_free (handshakes);
}

static GQueue *
queue_of (Handshakes *handshakes, guint8 state)
{
  return state == STATE_WAITING   ? &handshakes->waiting
         : state == STATE_UNHEARD ? &handshakes->unheard
                                  : &handshakes->heard;
}

/* Out of the queue that it is in, and to the end of another. */
static void
move (Handshakes *handshakes, Handshake *handshake, State state)
{
  if (handshake->state != STATE_NONE)
    g_queue_unlink (queue_of (handshakes, handshake->state), &handshake->link);
  handshake->state = state;
  if (state != STATE_NONE)
    g_queue_push_tail_link (queue_of (handshakes, state), &handshake->link);
}

static void
give_places (Handshakes *handshakes, gint64 now)
{
  Handshake *next;

  while (handshakes_active (handshakes) < handshakes->places
         && (next = (Handshake *) g_queue_peek_head_link (&handshakes->waiting)) != NULL)
    {
      next->since = now;
      move (handshakes, next, STATE_UNHEARD);
      handshakes->funcs->go (next->link.data, handshakes->user_data);
    }
}

void
handshakes_begin (Handshakes *handshakes, Handshake *handshake, gpointer owner, gint64 now)
{
  if (handshake->state != STATE_NONE)
    return;
  handshake->link = (GList){ .data = owner };
  move (handshakes, handshake, STATE_WAITING);
  give_places (handshakes, now);
}

void
handshakes_end (Handshakes *handshakes, Handshake *handshake, gint64 now)
{
  move (handshakes, handshake, STATE_NONE);
  give_places (handshakes, now);
}

/* When the oldest of a queue has had its time, G_MAXINT64 if it is empty. */
static gint64
due (GQueue *queue, gint64 time)
{
  const Handshake *oldest = (const Handshake *) g_queue_peek_head_link (queue);

  return oldest == NULL ? G_MAXINT64 : oldest->since + time;
}

gint64
handshakes_tick (Handshakes *handshakes, gint64 now)
{
  gint64 next;

  while (due (&handshakes->unheard, handshakes->patience) <= now)
    {
      Handshake *oldest = (Handshake *) g_queue_peek_head_link (&handshakes->unheard);
      gboolean heard = handshakes->funcs->is_heard (oldest->link.data, handshakes->user_data);

      move (handshakes, oldest, heard ? STATE_HEARD : STATE_NONE);
    }
  while (due (&handshakes->heard, handshakes->time) <= now)
    move (handshakes, (Handshake *) g_queue_peek_head_link (&handshakes->heard), STATE_NONE);
  give_places (handshakes, now);
  next = MIN (due (&handshakes->unheard, handshakes->patience), due (&handshakes->heard, handshakes->time));
  return next == G_MAXINT64 ? -1 : next;
}

guint
handshakes_active (const Handshakes *handshakes)
{
  return g_queue_get_length ((GQueue *) &handshakes->unheard) + g_queue_get_length ((GQueue *) &handshakes->heard);
}

guint
handshakes_waiting (const Handshakes *handshakes)
{
  return g_queue_get_length ((GQueue *) &handshakes->waiting);
}
