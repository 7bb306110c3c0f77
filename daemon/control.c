/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control.c - see control.h. */
#ifdef HAVE_CONFIG_H
#include <config.h> /* _GNU_SOURCE */
#endif

#include "control.h"

#include "event/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME "control"
#define ASKERS_MAX 8
#define ASK_TIMEOUT_S 10

/* Somebody who is being answered.  Owned by its source. */
typedef struct
{
  Control *control;
  GSource *source;
  int fd;
  char *text;
  gsize sent;
} Asker;

struct _Control
{
  int fd;
  char *path;
  GSource *source;
  GPtrArray *askers; /* Asker, not owned */
  ControlTextFunc text;
  gpointer user_data;
};

static gboolean
fail (const char *path, GError **error)
{
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "%s: %s", path, g_strerror (errno));
  return FALSE;
}

/* connect() or bind() by way of the directory's descriptor, because the path of
 * a socket may have no more than 107 bytes. */
static int
with_address (const char *state_dir, int fd, int (*function) (int, const struct sockaddr *, socklen_t))
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int directory = open (state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int result, reason;

  if (directory < 0)
    return -1;
  g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" NAME, directory);
  result = function (fd, (const struct sockaddr *) &address, sizeof address);
  reason = errno;
  close (directory);
  errno = reason;
  return result;
}

/* ------------------------------------------------------------------- server */

static void
asker_free (gpointer data)
{
  Asker *asker = data;

  g_ptr_array_remove_fast (asker->control->askers, asker);
  close (asker->fd);
  g_free (asker->text);
  g_free (asker);
}

/* Sends what the socket takes; a slow reader does not hold ipmid up. */
static gboolean
on_asker_writable (int fd, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
  Asker *asker = data;
  gsize left = strlen (asker->text + asker->sent);
  ssize_t n = send (fd, asker->text + asker->sent, left, MSG_DONTWAIT | MSG_NOSIGNAL);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  if (n >= 0 && (gsize) n < left)
    {
      asker->sent += (gsize) n;
      return G_SOURCE_CONTINUE;
    }
  return G_SOURCE_REMOVE;
}

static void
answer (Control *control, int fd)
{
  Asker *asker = g_new0 (Asker, 1);

  asker->control = control;
  asker->fd = fd;
  asker->text = control->text (control->user_data);
  asker->source = g_unix_fd_source_new (fd, G_IO_OUT);
  g_ptr_array_add (control->askers, asker);
  g_source_set_callback (asker->source, G_SOURCE_FUNC (on_asker_writable), asker, asker_free);
  g_source_attach (asker->source, NULL);
  g_source_unref (asker->source);
}

static gboolean
on_connection (int fd, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
  Control *control = data;
  int connection = accept4 (fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

  if (connection < 0)
    return G_SOURCE_CONTINUE;
  if (control->askers->len < ASKERS_MAX)
    answer (control, connection);
  else
    close (connection);
  return G_SOURCE_CONTINUE;
}

/* The mode of a socket's file is that of its descriptor at bind(). */
static int
listen_at (const char *state_dir)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd < 0)
    return -1;
  if (fchmod (fd, 0600) == 0 && with_address (state_dir, fd, bind) == 0 && listen (fd, ASKERS_MAX) == 0)
    return fd;
  close (fd);
  return -1;
}

Control *
control_new (const char *state_dir, ControlTextFunc text, gpointer user_data, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, NAME, NULL);
  Control *control;
  int fd;

  g_unlink (path); /* of an ipmid that was killed: the directory is ours */
  fd = listen_at (state_dir);
  if (fd < 0)
    {
      fail (path, error);
      return NULL;
    }
  control = g_new0 (Control, 1);
  control->fd = fd;
  control->path = g_steal_pointer (&path);
  control->text = text;
  control->user_data = user_data;
  control->askers = g_ptr_array_new ();
  control->source = g_unix_fd_source_new (fd, G_IO_IN);
  g_source_set_callback (control->source, G_SOURCE_FUNC (on_connection), control, NULL);
  g_source_attach (control->source, NULL);
  return control;
}

void
control_free (Control *control)
{
  if (control == NULL)
    return;
  while (control->askers->len > 0)
    g_source_destroy (((Asker *) g_ptr_array_index (control->askers, 0))->source);
  g_source_destroy (control->source);
  g_source_unref (control->source);
  close (control->fd);
  g_unlink (control->path);
  g_ptr_array_unref (control->askers);
  g_free (control->path);
  g_free (control);
}

/* ------------------------------------------------------------------- client */

static gboolean
copy_answer (int fd, FILE *out)
{
  char buffer[4096];
  ssize_t n;

  while ((n = read (fd, buffer, sizeof buffer)) != 0)
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 || fwrite (buffer, 1, (gsize) n, out) != (gsize) n)
        return FALSE;
    }
  return fflush (out) == 0;
}

gboolean
control_ask (const char *state_dir, FILE *out, GError **error)
{
  const struct timeval timeout = { .tv_sec = ASK_TIMEOUT_S };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean ok;

  if (fd < 0)
    return fail (state_dir, error);
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  ok = with_address (state_dir, fd, connect) == 0;
  if (!ok && (errno == ENOENT || errno == ECONNREFUSED))
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "no ipmid is running on '%s'", state_dir);
  else if (!ok || !(ok = copy_answer (fd, out)))
    fail (state_dir, error);
  close (fd);
  return ok;
}
