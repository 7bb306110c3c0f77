/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* patience.h - how long something may take, and who may break it off. */
#ifndef PATIENCE_H
#define PATIENCE_H

#include <gio/gio.h>

typedef struct
{
  gint64 deadline; /* monotonic, microseconds */
  int cancel_fd;   /* readable: the host wants its thread back */
} Patience;

/* Waits until `fd` (-1: nothing) has one of the events of poll(2), or an error,
 * but no longer than until `until`; that is no failure.  FALSE with
 * G_IO_ERROR_CANCELLED or, at the deadline, G_IO_ERROR_TIMED_OUT. */
gboolean patience_wait (const Patience *patience, int fd, short events, gint64 until, GError **error);

/* The same without an earlier end. */
gboolean patience_wait_for (const Patience *patience, int fd, short events, GError **error);

#endif
