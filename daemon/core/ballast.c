/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ballast.c - see ballast.h. */
#include "core/ballast.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BALLAST_MAX (4 * 1024 * 1024)

/* The ballast is at most this share of what is free, so that it never is the
 * reason for a full disk. */
#define BALLAST_SHARE 8

#define BALLAST_MIN (64 * 1024)

struct _Ballast
{
  char *path;
  gboolean taken;
  gint64 size; /* as it was taken last */
};

static gint64
wanted_size (const char *directory)
{
  struct statvfs status;

  if (statvfs (directory, &status) < 0)
    return 0;
  gint64 share = (gint64) (status.f_bavail * status.f_frsize / BALLAST_SHARE);
  return MIN (share, BALLAST_MAX);
}

void
ballast_take (Ballast *ballast)
{
  if (ballast->taken)
    return;
  g_autofree char *directory = g_path_get_dirname (ballast->path);
  gint64 size = wanted_size (directory);
  if (size < BALLAST_MIN)
    return;
  int fd = open (ballast->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return;
  ballast->taken = posix_fallocate (fd, 0, size) == 0;
  if (ballast->taken)
    ballast->size = size;
  close (fd);
  if (!ballast->taken)
    unlink (ballast->path);
}

Ballast *
ballast_new (const char *directory)
{
  Ballast *ballast = g_new0 (Ballast, 1);

  ballast->path = g_build_filename (directory, "ballast", NULL);
  /* That of an earlier ipmid, which may be all the room there is. */
  unlink (ballast->path);
  ballast_take (ballast);
  return ballast;
}

gboolean
ballast_release (Ballast *ballast)
{
  if (!ballast->taken)
    return FALSE;
  ballast->taken = FALSE;
  return unlink (ballast->path) == 0;
}

gint64
ballast_size (const Ballast *ballast)
{
  return ballast->size;
}

void
ballast_free (Ballast *ballast)
{
  if (ballast == NULL)
    return;
  g_free (ballast->path);
  g_free (ballast);
}
