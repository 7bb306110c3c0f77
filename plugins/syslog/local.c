/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* local.c - see local.h. */
#include "local.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

LocalId
local_identify (const char *path)
{
  struct stat status;

  if (stat (path, &status) != 0)
    return (LocalId){ 0, 0 };
  return (LocalId){ status.st_dev, status.st_ino };
}

/* Connecting sends nothing. */
static gboolean
is_held (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  gboolean held = FALSE;

  if (fd < 0)
    return FALSE;
  if (g_strlcpy (address.sun_path, path, sizeof address.sun_path) < sizeof address.sun_path)
    held = connect (fd, (struct sockaddr *) &address, sizeof address) == 0;
  close (fd);
  return held;
}

gboolean
local_stands (const char *path, const LocalId *id, GError **error)
{
  gboolean held = is_held (path);
  LocalId now = local_identify (path);

  if (held && now.device == id->device && now.inode == id->inode)
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "the receiver is gone");
  return FALSE;
}
