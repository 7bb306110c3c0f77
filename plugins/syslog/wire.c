/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wire.c - see wire.h. */
#include "wire.h"

#include "connect.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* So much of what a peer says is thrown away in one go. */
#define READS_MAX 16

/* There is no event for "all is acknowledged": one looks, at growing intervals. */
#define LOOK_FIRST (100)
#define LOOK_LAST (20 * G_TIME_SPAN_MILLISECOND)

static void
set_errno (GError **error, int number, const char *doing)
{
  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (number), "%s: %s", doing, g_strerror (number));
}

gboolean
wire_is_open (const Wire *wire)
{
  return wire->socket != NULL;
}

gboolean
wire_is_stream (const Wire *wire)
{
  return wire->socket != NULL && g_socket_get_socket_type (wire->socket) == G_SOCKET_TYPE_STREAM;
}

static gboolean
is_local (const Wire *wire)
{
  return wire->end->kind == WIRE_UNIX || wire->end->kind == WIRE_JOURNAL;
}

void
wire_close (Wire *wire)
{
  g_clear_pointer (&wire->tls, tls_free);
  g_clear_object (&wire->socket);
}

static int
descriptor (const Wire *wire)
{
  return g_socket_get_fd (wire->socket);
}

/* Nothing is to be said to us: what comes is thrown away, but the end of the
 * stream and errors are news. */
static gboolean
listen_for_end (Wire *wire, GError **error)
{
  char bytes[4096];
  ssize_t length = 1;
  int failure = 0;
  socklen_t size = sizeof failure;

  if (wire->tls != NULL)
    return tls_listen (wire->tls, error);
  for (guint i = 0; wire_is_stream (wire) && length > 0 && i < READS_MAX; i++)
    length = recv (descriptor (wire), bytes, sizeof bytes, MSG_DONTWAIT);
  if (length == 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "the other side has closed the connection");
      return FALSE;
    }
  if (length < 0 && errno != EAGAIN && errno != EINTR)
    failure = errno;
  else if (getsockopt (descriptor (wire), SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
    failure = errno;
  if (failure != 0)
    set_errno (error, failure, "the connection has failed");
  return failure == 0;
}

gboolean
wire_open (Wire *wire, const Patience *patience, GError **error)
{
  if (wire->socket != NULL && listen_for_end (wire, NULL))
    return TRUE;
  wire_close (wire);
  if (is_local (wire))
    wire->local = local_identify (wire->end->path);
  wire->socket = connect_to (wire->end, patience, error);
  if (wire->socket == NULL)
    return FALSE;
  if (wire->end->kind == WIRE_TLS)
    wire->tls = tls_new (&wire->end->tls, wire->end->host, descriptor (wire), patience, error);
  if (wire->end->kind != WIRE_TLS || wire->tls != NULL)
    return TRUE;
  wire_close (wire);
  return FALSE;
}

/* How much was written, 0 if it has to wait, -1 and an error. */
static gssize
write_some (Wire *wire, const char *bytes, gsize length, GError **error)
{
  ssize_t written;

  if (wire->tls != NULL)
    return tls_write (wire->tls, bytes, length, error);
  written = send (descriptor (wire), bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (written >= 0)
    return written;
  if (errno == EAGAIN || errno == EINTR)
    return 0;
  set_errno (error, errno, "cannot send");
  return -1;
}

static gboolean
send_all (Wire *wire, const char *bytes, gsize length, const Patience *patience, GError **error)
{
  while (length > 0)
    {
      gssize written = write_some (wire, bytes, length, error);

      if (written < 0)
        return FALSE;
      bytes += written;
      length -= (gsize) written;
      if (written == 0 && !patience_wait_for (patience, descriptor (wire), POLLOUT, error))
        return FALSE;
      /* A peer that speaks without end must not make us forget to look. */
      if (written == 0 && !listen_for_end (wire, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
wire_send (Wire *wire, const char *bytes, gsize length, const Patience *patience, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (send_all (wire, bytes, length, patience, &local))
    return TRUE;
  if (wire_is_stream (wire) || !g_error_matches (local, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE))
    wire_close (wire);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Of a local socket: what the receiver has not read; of TCP: what its kernel has
 * not acknowledged. */
static gboolean
is_drained (const Wire *wire)
{
  int waiting = 0;

  return ioctl (descriptor (wire), SIOCOUTQ, &waiting) != 0 || waiting == 0;
}

static gboolean
drain (Wire *wire, const Patience *patience, GError **error)
{
  gint64 pause = LOOK_FIRST;

  while (!is_drained (wire))
    {
      if (!patience_wait (patience, -1, 0, g_get_monotonic_time () + pause, error) || !listen_for_end (wire, error))
        return FALSE;
      pause = MIN (2 * pause, LOOK_LAST);
    }
  return TRUE;
}

/* Of a stream the kernel says it when it resets or ends it. */
static gboolean
receiver_stands (const Wire *wire, GError **error)
{
  return !is_local (wire) || wire_is_stream (wire) || local_stands (wire->end->path, &wire->local, error);
}

/* A batch that had to wait for room, or a handler with a short timeout, has less time than it should
 * settle; it must not fail for that, and do so each time. */
static gboolean
settle (Wire *wire, const Patience *patience, GError **error)
{
  gint64 now = g_get_monotonic_time ();
  gint64 time = MIN (wire->end->settle, (patience->deadline - now) / 2);
  gint64 end = now + (wire_is_stream (wire) ? time : 0);

  while (listen_for_end (wire, error))
    {
      if (g_get_monotonic_time () >= end)
        return TRUE;
      if (!patience_wait (patience, descriptor (wire), POLLIN | POLLRDHUP, end, error))
        return FALSE;
    }
  return FALSE;
}

gboolean
wire_confirm (Wire *wire, const Patience *patience, GError **error)
{
  g_autoptr (GError) local = NULL;

  if ((wire->end->kind == WIRE_UDP || drain (wire, patience, &local)) && receiver_stands (wire, &local)
      && settle (wire, patience, &local))
    return TRUE;
  wire_close (wire);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}
