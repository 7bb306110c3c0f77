/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lock.c - see lock.h. */
#include "core/lock.h"

#include <errno.h>
#include <sys/file.h>

#define PATIENCE G_TIME_SPAN_SECOND
#define PAUSE (PATIENCE / 100)

gboolean
lock_take (int fd)
{
  gint64 end = g_get_monotonic_time () + PATIENCE;

  while (flock (fd, LOCK_EX | LOCK_NB) != 0)
    {
      if (errno != EWOULDBLOCK || g_get_monotonic_time () >= end)
        return FALSE;
      g_usleep (PAUSE);
    }
  return TRUE;
}
