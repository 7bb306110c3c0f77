/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state-dir.c - see state-dir.h. */
#include "core/state-dir.h"

#include "core/lock.h"
#include "event/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct _StateDir
{
  int lock_fd; /* holds the flock */
};

static gboolean
refuse (GError **error, const char *path, const char *why)
{
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_FILE, "state directory %s: %s", path, why);
  return FALSE;
}

static gboolean
check (const char *path, GError **error)
{
  struct stat status;

  if (lstat (path, &status) < 0)
    return refuse (error, path, g_strerror (errno));
  if (!S_ISDIR (status.st_mode))
    return refuse (error, path, "is no directory; give another one with --state-dir");
  if (status.st_uid != geteuid ())
    return refuse (error, path, "belongs to another user; use chown, or another --state-dir");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return refuse (error, path, "can be written by others; use chmod 0700");
  if (access (path, R_OK | W_OK | X_OK) < 0)
    return refuse (error, path, g_strerror (errno));
  return TRUE;
}

/* The process that holds the lock has written its number there. */
static void
set_busy (GError **error, const char *path, int fd)
{
  char pid[16] = "";
  ssize_t length = pread (fd, pid, sizeof pid - 1, 0);

  pid[MAX (length, 0)] = '\0';
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_BUSY,
               "state directory %s: in use by another ipmid%s%s; stop that one, or give another --state-dir", path,
               pid[0] == '\0' ? "" : ", process ", g_strchomp (pid));
}

static gboolean
write_pid (const char *path, int fd, GError **error)
{
  g_autofree char *pid = g_strdup_printf ("%d\n", (int) getpid ());

  if (ftruncate (fd, 0) < 0 || pwrite (fd, pid, strlen (pid), 0) < 0)
    /* A full disk is no reason not to start: the journal copes with it. */
    return errno == ENOSPC || refuse (error, path, g_strerror (errno));
  return TRUE;
}

StateDir *
state_dir_open (const char *path, GError **error)
{
  if (g_mkdir_with_parents (path, 0700) < 0)
    {
      refuse (error, path, g_strerror (errno));
      return NULL;
    }
  if (!check (path, error))
    return NULL;
  g_autofree char *lock = g_build_filename (path, "lock", NULL);
  int fd = open (lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    {
      refuse (error, lock, g_strerror (errno));
      return NULL;
    }
  if (!lock_take (fd))
    set_busy (error, path, fd);
  else if (write_pid (path, fd, error))
    {
      StateDir *dir = g_new0 (StateDir, 1);
      dir->lock_fd = fd;
      return dir;
    }
  close (fd);
  return NULL;
}

void
state_dir_close (StateDir *dir)
{
  if (dir == NULL)
    return;
  close (dir->lock_fd);
  g_free (dir);
}
