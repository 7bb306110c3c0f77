/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connect.c - see connect.h.
 *
 * GIO looks up names in threads of its own and tries addresses in turn; here it
 * runs in a main loop of its own, in which the host's descriptor can end it.
 */
#include "connect.h"

#include <gio/gunixsocketaddress.h>
#include <glib-unix.h>

typedef struct
{
  GCancellable *cancellable;
  GSocketConnection *connection;
  GError *error;
  gboolean done, late;
} Attempt;

static void
on_connected (GObject *client, GAsyncResult *result, gpointer data)
{
  Attempt *attempt = data;

  attempt->connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (client), result, &attempt->error);
  attempt->done = TRUE;
}

static gboolean
on_cancelled (G_GNUC_UNUSED gint fd, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
  Attempt *attempt = data;

  g_cancellable_cancel (attempt->cancellable);
  return G_SOURCE_REMOVE;
}

static gboolean
on_late (gpointer data)
{
  Attempt *attempt = data;

  attempt->late = TRUE;
  g_cancellable_cancel (attempt->cancellable);
  return G_SOURCE_REMOVE;
}

static GSource *
watch_host (GMainContext *context, int cancel_fd, Attempt *attempt)
{
  GSource *source = g_unix_fd_source_new (cancel_fd, G_IO_IN);

  g_source_set_callback (source, G_SOURCE_FUNC (on_cancelled), attempt, NULL);
  g_source_attach (source, context);
  return source;
}

static GSource *
watch_time (GMainContext *context, gint64 deadline, Attempt *attempt)
{
  GSource *source = g_timeout_source_new (0);

  g_source_set_ready_time (source, deadline);
  g_source_set_callback (source, on_late, attempt, NULL);
  g_source_attach (source, context);
  return source;
}

static void
unwatch (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

/* Runs until the attempt is over; it is always, soon after it was cancelled. */
static void
run (GSocketClient *client, GSocketConnectable *where, const Patience *patience, Attempt *attempt)
{
  GMainContext *context = g_main_context_new ();
  GSource *host, *time;

  g_main_context_push_thread_default (context);
  attempt->cancellable = g_cancellable_new ();
  host = watch_host (context, patience->cancel_fd, attempt);
  time = watch_time (context, patience->deadline, attempt);
  g_socket_client_connect_async (client, where, attempt->cancellable, on_connected, attempt);
  while (!attempt->done)
    g_main_context_iteration (context, TRUE);
  unwatch (host);
  unwatch (time);
  g_object_unref (attempt->cancellable);
  /* What GIO still has to say to itself. */
  while (g_main_context_iteration (context, FALSE))
    continue;
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
}

static gboolean
is_local (const WireEnd *end)
{
  return end->kind == WIRE_UNIX || end->kind == WIRE_JOURNAL;
}

static GSocketClient *
make_client (const WireEnd *end, GSocketType type)
{
  GSocketClient *client = g_socket_client_new ();

  g_socket_client_set_enable_proxy (client, FALSE);
  g_socket_client_set_socket_type (client, type);
  if (end->kind == WIRE_UDP)
    g_socket_client_set_protocol (client, G_SOCKET_PROTOCOL_UDP);
  else if (!is_local (end))
    g_socket_client_set_protocol (client, G_SOCKET_PROTOCOL_TCP);
  return client;
}

static GSocketConnectable *
make_address (const WireEnd *end)
{
  if (is_local (end))
    return G_SOCKET_CONNECTABLE (g_unix_socket_address_new (end->path));
  return g_network_address_new (end->host, end->port);
}

static GSocket *
try_type (const WireEnd *end, GSocketType type, const Patience *patience, GError **error)
{
  g_autoptr (GSocketClient) client = make_client (end, type);
  g_autoptr (GSocketConnectable) where = make_address (end);
  Attempt attempt = { NULL };
  GSocket *socket = NULL;

  run (client, where, patience, &attempt);
  if (attempt.late && attempt.connection == NULL)
    {
      g_clear_error (&attempt.error);
      g_set_error_literal (&attempt.error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "no connection in time");
    }
  if (attempt.connection != NULL)
    {
      socket = g_object_ref (g_socket_connection_get_socket (attempt.connection));
      g_object_unref (attempt.connection);
    }
  if (attempt.error != NULL)
    g_propagate_error (error, attempt.error);
  return socket;
}

GSocket *
connect_to (const WireEnd *end, const Patience *patience, GError **error)
{
  gboolean datagrams = is_local (end) || end->kind == WIRE_UDP;
  g_autoptr (GError) local = NULL;
  GSocket *socket = try_type (end, datagrams ? G_SOCKET_TYPE_DATAGRAM : G_SOCKET_TYPE_STREAM, patience, &local);

  /* EPROTOTYPE: it is of the other type, as syslog(3) tries it, too. */
  if (socket == NULL && end->kind == WIRE_UNIX && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_FAILED))
    {
      g_clear_error (&local);
      socket = try_type (end, G_SOCKET_TYPE_STREAM, patience, &local);
    }
  if (socket != NULL)
    g_socket_set_blocking (socket, FALSE);
  else
    g_propagate_error (error, g_steal_pointer (&local));
  return socket;
}
