/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * listener.h - the Unix socket that clients connect to.
 *
 * A path may be as long as the file system allows: the socket is made by way of
 * its directory's descriptor, because the address of a socket has 107 bytes only.
 * Belongs to the thread that made it.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <glib.h>
#include <sys/types.h>

typedef struct
{
  int fd; /* -1: not listening */
  char *path;
  dev_t device; /* what our socket is there */
  ino_t inode;
} Listener;

/* "0660" */
gboolean listener_parse_mode (const char *text, mode_t *mode, GError **error);

/* Listens at `path`, which is absolute.  A socket that nobody serves any more is
 * replaced; anything else that is there is left alone, and an error.  `group`: a
 * name or number; NULL: as the process has it. */
gboolean listener_open (Listener *listener, const char *path, mode_t mode, const char *group, GError **error);

/* Whether the path still names our socket. */
gboolean listener_is_there (const Listener *listener);

/* Closes, and removes what is still ours. */
void listener_close (Listener *listener);

#endif
