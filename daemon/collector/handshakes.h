/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handshakes.h - how many sessions are opened at once.
 *
 * A handshake has a place from its first message until the session is there
 * or the try has failed.  Whoever finds none waits in a queue.  A BMC that does
 * not answer soon loses its place to the next one in the queue and goes on
 * without: so dead BMCs hold nobody up for longer than that.
 *
 * Pure logic: the clock and the timer are the caller's.  One thread.
 */
#ifndef HANDSHAKES_H
#define HANDSHAKES_H

#include <glib.h>

/* With fewer, a fleet comes up later; more gain nothing (bench/README.md). */
#ifndef HANDSHAKES_PLACES
#define HANDSHAKES_PLACES 32u
#endif
/* How long a BMC keeps its place without having been heard of (an answer takes
 * milliseconds, a lost packet a second), and at most. */
#define HANDSHAKES_PATIENCE (1500 * G_TIME_SPAN_MILLISECOND)
#define HANDSHAKES_TIME (6 * G_TIME_SPAN_SECOND)

typedef struct _Handshakes Handshakes;

/* One handshake; part of whoever does it, all zero at first. */
typedef struct
{
  GList link; /* first: the queues' links are cast back */
  guint8 state;
  gint64 since;
} Handshake;

typedef struct
{
  /* It has a place now.  Must not call back into this file. */
  void (*go) (gpointer owner, gpointer user_data);
  /* Whether the BMC has answered anything yet. */
  gboolean (*is_heard) (gpointer owner, gpointer user_data);
} HandshakesFuncs;

/* `places` at least 1; times in microseconds. */
Handshakes *handshakes_new (guint places, gint64 patience, gint64 time, const HandshakesFuncs *funcs,
                            gpointer user_data);
void handshakes_free (Handshakes *handshakes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Handshakes, handshakes_free)

/* Asks for a place; `owner` is told by `go`, perhaps before this returns.  Does
 * nothing if the handshake waits or has a place already. */
void handshakes_begin (Handshakes *handshakes, Handshake *handshake, gpointer owner, gint64 now);

/* It is over, in whatever state; the place is given on. */
void handshakes_end (Handshakes *handshakes, Handshake *handshake, gint64 now);

/* Takes the places of those that have had theirs for too long.  Returns when to
 * call it again (monotonic), -1 if there is nothing to wait for. */
gint64 handshakes_tick (Handshakes *handshakes, gint64 now);

guint handshakes_active (const Handshakes *handshakes);
guint handshakes_waiting (const Handshakes *handshakes);

#endif
