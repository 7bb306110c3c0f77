/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* listener.c - see listener.h. */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

typedef int (*AddressFunc) (int, const struct sockaddr *, socklen_t);

static gboolean
fail (GError **error, const char *path, const char *why)
{
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "%s: %s", path, why);
  return FALSE;
}

gboolean
listener_parse_mode (const char *text, mode_t *mode, GError **error)
{
  char *end;
  guint64 value = g_ascii_strtoull (text, &end, 8);

  if (g_ascii_isdigit (text[0]) && *end == '\0' && value <= 0777)
    {
      *mode = (mode_t) value;
      return TRUE;
    }
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "mode = %s is no permission in octal, such as 0660", text);
  return FALSE;
}

/* connect() or bind() of `name` in an open directory. */
static gboolean
with_address (int directory, const char *name, int fd, AddressFunc function)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  if (g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory, name)
      >= (int) sizeof address.sun_path)
    {
      errno = ENAMETOOLONG;
      return FALSE;
    }
  return function (fd, (const struct sockaddr *) &address, sizeof address) == 0;
}

/* Whether somebody serves the socket that is there, as far as is known: then it is left alone. */
static gboolean
is_served (int directory, const char *name)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  gboolean served = fd < 0 || with_address (directory, name, fd, connect) || errno == EAGAIN;

  if (fd >= 0)
    close (fd);
  return served;
}

/* Makes room for ours, if what is there is nobody's any more. */
static gboolean
remove_stale (int directory, const char *name, const char *path, GError **error)
{
  struct stat status;

  if (fstatat (directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT || fail (error, path, g_strerror (errno));
  errno = EEXIST;
  if (!S_ISSOCK (status.st_mode))
    return fail (error, path, "there is something that is no socket; remove it, or choose another path");
  if (is_served (directory, name))
    {
      errno = EBUSY;
      return fail (error, path, "another program serves this socket");
    }
  return unlinkat (directory, name, 0) == 0 || errno == ENOENT || fail (error, path, g_strerror (errno));
}

static gboolean
find_group (const char *group, gid_t *gid, GError **error)
{
  char *end;
  guint64 number = g_ascii_strtoull (group, &end, 10);
  const struct group *entry = getgrnam (group);

  *gid = entry != NULL ? entry->gr_gid : (gid_t) number;
  if (entry != NULL || (g_ascii_isdigit (group[0]) && *end == '\0' && number < G_MAXUINT32))
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "group = %s: there is no such group", group);
  return FALSE;
}

/* By a descriptor of the very socket: its name might come to mean something else. */
static gboolean
set_access (Listener *listener, int directory, const char *name, mode_t mode, const char *group, GError **error)
{
  int node = openat (directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  g_autofree char *by_number = g_strdup_printf ("/proc/self/fd/%d", node);
  struct stat status;
  gid_t gid = (gid_t) -1;
  gboolean good = node >= 0 && fstat (node, &status) == 0 && S_ISSOCK (status.st_mode);

  if (good && group != NULL)
    {
      if (!find_group (group, &gid, error))
        {
          close (node);
          return FALSE;
        }
      good = fchownat (node, "", (uid_t) -1, gid, AT_EMPTY_PATH) == 0;
    }
  good = good && chmod (by_number, mode) == 0;
  if (!good)
    fail (error, listener->path, g_strerror (errno));
  else
    {
      listener->device = status.st_dev;
      listener->inode = status.st_ino;
    }
  if (node >= 0)
    close (node);
  return good;
}

/* Nobody can connect before listen(), so the permissions come in time. */
static gboolean
listen_in (Listener *listener, int directory, const char *name, mode_t mode, const char *group, GError **error)
{
  if (!remove_stale (directory, name, listener->path, error))
    return FALSE;
  listener->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener->fd < 0 || fchmod (listener->fd, 0600) != 0 || !with_address (directory, name, listener->fd, bind))
    return fail (error, listener->path, g_strerror (errno));
  if (!set_access (listener, directory, name, mode, group, error))
    return FALSE;
  return listen (listener->fd, BACKLOG) == 0 || fail (error, listener->path, g_strerror (errno));
}

gboolean
listener_open (Listener *listener, const char *path, mode_t mode, const char *group, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  int directory = open (parent, O_PATH | O_DIRECTORY | O_CLOEXEC);

  *listener = (Listener){ .fd = -1, .path = g_strdup (path) };
  gboolean good = directory >= 0 ? listen_in (listener, directory, name, mode, group, error)
                                 : fail (error, parent, g_strerror (errno));
  if (directory >= 0)
    close (directory);
  if (!good)
    listener_close (listener);
  return good;
}

gboolean
listener_is_there (const Listener *listener)
{
  struct stat status;

  return listener->fd >= 0 && lstat (listener->path, &status) == 0 && status.st_dev == listener->device
         && status.st_ino == listener->inode;
}

void
listener_close (Listener *listener)
{
  if (listener_is_there (listener))
    unlink (listener->path);
  if (listener->fd >= 0)
    close (listener->fd);
  listener->fd = -1;
  listener->inode = 0;
  g_clear_pointer (&listener->path, g_free);
}
