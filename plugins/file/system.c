/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* system.c - opening, locking and following a file; see file.h. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
file_parse_mode (const char *text, mode_t *mode, GError **error)
{
  guint64 value = 0;

  if (g_ascii_string_to_unsigned (text, 8, 0, 0777, &value, NULL))
    {
      *mode = (mode_t) value;
      return TRUE;
    }
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
               "mode = %s is no file mode: give octal permissions such as 0640", text);
  return FALSE;
}

void
file_set_error (GError **error, int number, const char *format, ...)
{
  va_list args;
  g_autofree char *words = NULL;

  va_start (args, format);
  words = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, G_FILE_ERROR, (int) g_file_error_from_errno (number), "%s: %s", words, g_strerror (number));
}

/* A new file is there after a power cut only if its directory says so. */
static gboolean
sync_directory (const char *path)
{
  g_autofree char *real = realpath (path, NULL);
  g_autofree char *directory = real != NULL ? g_path_get_dirname (real) : NULL;
  int fd = directory != NULL ? open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  /* Some file systems cannot sync a directory, and need not. */
  gboolean good = fd >= 0 && (fsync (fd) == 0 || errno == EINVAL);

  if (fd >= 0)
    close (fd);
  return good;
}

static int
create (const File *file, int flags)
{
  int fd = open (file->path, flags | O_CREAT, 0600);
  mode_t mode = 0;

  if (fd < 0)
    return -1;
  if (file_parse_mode (file->mode, &mode, NULL) && fchmod (fd, mode) == 0
      && (!file->sync || sync_directory (file->path)))
    return fd;
  close (fd);
  return -1;
}

gboolean
file_reopen (File *file, GError **error)
{
  /* O_NONBLOCK: a pipe without a reader is an error, not a wait for ever. */
  const int flags = O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  int fd = open (file->path, O_RDWR | flags);
  struct stat status;

  if (fd >= 0 && fstat (fd, &status) == 0 && S_ISFIFO (status.st_mode))
    {
      /* With O_RDWR we would be our own reader. */
      close (fd);
      fd = open (file->path, O_WRONLY | flags);
    }
  else if (fd < 0 && errno == ENOENT)
    fd = create (file, O_RDWR | flags);
  else if (fd < 0)
    fd = open (file->path, O_WRONLY | flags);
  if (fd < 0 || fstat (fd, &status) != 0)
    {
      file_set_error (error, errno, "cannot open %s", file->path);
      if (fd >= 0)
        close (fd);
      return FALSE;
    }
  if (S_ISREG (status.st_mode) && !file_repair (file, fd, error))
    {
      close (fd);
      return FALSE;
    }
  file_shut (file);
  file->fd = fd;
  file->regular = S_ISREG (status.st_mode);
  return TRUE;
}

void
file_shut (File *file)
{
  if (file->fd >= 0)
    close (file->fd);
  file->fd = -1;
}

gboolean
file_is_gone (const File *file)
{
  struct stat named, opened;

  return file->fd < 0 || stat (file->path, &named) != 0 || fstat (file->fd, &opened) != 0
         || named.st_dev != opened.st_dev || named.st_ino != opened.st_ino;
}

FileWait
file_wait (int fd, gint64 deadline, int cancel_fd)
{
  const gint64 moment = 10 * 1000;
  struct pollfd watched[] = { { cancel_fd, POLLIN, 0 }, { fd, POLLOUT, 0 } };
  gint64 left = deadline - g_get_monotonic_time ();
  gint64 pause = fd < 0 ? MIN (left, moment) : left;

  if (left <= 0)
    return FILE_WAIT_LATE;
  if (poll (watched, G_N_ELEMENTS (watched), (int) CLAMP (pause / 1000, 1, G_MAXINT)) < 0 && errno != EINTR)
    return FILE_WAIT_FAILED;
  return watched[0].revents != 0 ? FILE_WAIT_CANCELLED : FILE_WAIT_READY;
}

FileWait
file_lock (int fd, gint64 deadline, int cancel_fd)
{
  FileWait waited = FILE_WAIT_READY;

  /* Where locks do not exist, we do without. */
  while (flock (fd, LOCK_EX | LOCK_NB) != 0 && (errno == EWOULDBLOCK || errno == EINTR) && waited == FILE_WAIT_READY)
    waited = file_wait (-1, deadline, cancel_fd);
  return waited;
}

gboolean
file_write (int fd, const char *text, gsize length)
{
  while (length > 0)
    {
      ssize_t written = write (fd, text, length);

      if (written < 0 && errno != EINTR)
        return FALSE;
      if (written > 0)
        {
          text += written;
          length -= (gsize) written;
        }
    }
  return TRUE;
}
