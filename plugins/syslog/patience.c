/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* patience.c - see patience.h. */
#include "patience.h"

#include <poll.h>

gboolean
patience_wait (const Patience *patience, int fd, short events, gint64 until, GError **error)
{
  struct pollfd watched[] = { { patience->cancel_fd, POLLIN, 0 }, { fd, events, 0 } };
  gint64 now = g_get_monotonic_time ();
  gint64 left = MAX (MIN (until, patience->deadline) - now, 0);

  if (now >= patience->deadline)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "the time is up");
      return FALSE;
    }
  if (poll (watched, G_N_ELEMENTS (watched), (int) MIN ((left + 999) / 1000, G_MAXINT)) > 0 && watched[0].revents != 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled");
      return FALSE;
    }
  return TRUE;
}

gboolean
patience_wait_for (const Patience *patience, int fd, short events, GError **error)
{
  return patience_wait (patience, fd, events, G_MAXINT64, error);
}
