/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* room.c - see room.h. */
#include "core/room.h"

#include <sys/statvfs.h>

/* A small disk keeps this part of itself free. */
#define SHARE 20

gboolean
room_is_short (gint64 minimum_free, gint64 free, gint64 total, gboolean was_full)
{
  gint64 minimum = MIN (minimum_free, total / SHARE);

  return free < (was_full ? minimum / 4 * 5 : minimum);
}

static gboolean
is_disk_short (const RoomLimits *limits, const char *directory, gboolean was_full)
{
  struct statvfs status;

  if (limits->minimum_free == 0 || directory == NULL || statvfs (directory, &status) < 0)
    return FALSE;
  return room_is_short (limits->minimum_free, (gint64) (status.f_bavail * status.f_frsize),
                        (gint64) (status.f_blocks * status.f_frsize), was_full);
}

gboolean
room_is_tight (const RoomLimits *limits, gint64 size)
{
  return size > limits->size_limit / 5 * 4;
}

const char *
room_find_shortage (const RoomLimits *limits, const char *directory, gint64 size, gboolean was_full)
{
  /* Beyond its limit it takes nothing in until it has shrunk to 80 %. */
  if (was_full ? room_is_tight (limits, size) : size > limits->size_limit)
    return "the journal has reached its size limit";
  if (is_disk_short (limits, directory, was_full))
    return "the journal's file system has less room left than minimum-free";
  return NULL;
}
