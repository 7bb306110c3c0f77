/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * live.h - what waits for a handler that is fed live (IPMID_PLUGIN_LIVE).
 *
 * The latest events, in memory and bounded: when it is full, the oldest one goes
 * and is counted.  Nothing here is owed to anybody, and nothing waits for it.
 * All functions may be called on any thread.
 */
#ifndef LIVE_H
#define LIVE_H

#include <ipmid/plugin.h>

typedef struct _Live Live;

/* `maximum` events, at least one. */
Live *live_new (guint maximum);
void live_free (Live *live);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Live, live_free)

/* Takes a reference. */
void live_push (Live *live, IpmidEvent *event);

/* Moves up to `limit` events, oldest first, to the end of `events`, whose they
 * are then.  Returns how many. */
guint live_take (Live *live, guint limit, GPtrArray *events);

/* How many were dropped before they could be taken, since the start. */
guint64 live_dropped (Live *live);

#endif
