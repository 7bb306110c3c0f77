/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pid-file.c - see daemonize.h.
 *
 * The lock on the file says whether its owner lives; the file itself appears
 * complete, by renaming, so a reader never sees half a number.
 */
#include "daemonize.h"

#include "core/lock.h"
#include "event/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct _PidFile
{
  char *path;
  int fd; /* holds the lock */
};

static gboolean
fail (const char *path, GError **error)
{
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_FILE, "cannot write the pid file '%s': %s", path, g_strerror (errno));
  return FALSE;
}

/* Whether a living process holds the lock on what is there. */
static gboolean
is_in_use (const char *path)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  gboolean locked;

  if (fd < 0)
    return FALSE;
  locked = !lock_take (fd) && errno == EWOULDBLOCK;
  close (fd);
  return locked;
}

static gboolean
write_and_rename (int fd, const char *temporary, const char *path, GError **error)
{
  g_autofree char *text = g_strdup_printf ("%ld\n", (long) getpid ());
  gsize length = strlen (text);

  if (lock_take (fd) && fchmod (fd, 0644) == 0 && write (fd, text, length) == (ssize_t) length
      && g_rename (temporary, path) == 0)
    return TRUE;
  fail (path, error);
  g_unlink (temporary);
  return FALSE;
}

PidFile *
pid_file_new (const char *path, GError **error)
{
  g_autofree char *temporary = g_strconcat (path, ".XXXXXX", NULL);
  PidFile *file;
  int fd;

  if (is_in_use (path))
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_BUSY, "the pid file '%s' belongs to another running ipmid", path);
      return NULL;
    }
  fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC, 0644);
  if (fd < 0)
    {
      fail (path, error);
      return NULL;
    }
  if (!write_and_rename (fd, temporary, path, error))
    {
      close (fd);
      return NULL;
    }
  file = g_new0 (PidFile, 1);
  file->path = g_strdup (path);
  file->fd = fd;
  return file;
}

void
pid_file_free (PidFile *file)
{
  if (file == NULL)
    return;
  g_unlink (file->path);
  close (file->fd);
  g_free (file->path);
  g_free (file);
}
