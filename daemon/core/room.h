/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * room.h - how much room the journal has: its own limit, and that of its disk.
 *
 * Pure but for a look at the file system; any thread.
 */
#ifndef ROOM_H
#define ROOM_H

#include <glib.h>

typedef struct
{
  gint64 size_limit;   /* bytes that the journal may take */
  gint64 minimum_free; /* bytes that its file system keeps free; 0: not watched */
} RoomLimits;

/* Whether a journal of this size may be too large, for one that was full. */
gboolean room_is_tight (const RoomLimits *limits, gint64 size);

/* Why a journal of this size must take nothing in, in words that last for ever;
 * NULL: there is room.  `was_full`: it took nothing in before, and takes some
 * only when there is room for more than one event.  `directory` NULL: in memory. */
const char *room_find_shortage (const RoomLimits *limits, const char *directory, gint64 size, gboolean was_full);

/* The same, about a file system of which `free` of `total` bytes are free.  The
 * minimum is never more than a twentieth of a small one. */
gboolean room_is_short (gint64 minimum_free, gint64 free, gint64 total, gboolean was_full);

#endif
