/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* server.c - see server.h. */
#include "server.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64u
#define TIMEOUT_S 15u
#define MEMORY_MAX ((size_t) 32 * 1024)
#define LOOK_INTERVAL G_TIME_SPAN_SECOND
#define PING_INTERVAL (10 * G_TIME_SPAN_SECOND)
/* How long the last answers may take at the end. */
#define END_PATIENCE G_TIME_SPAN_SECOND
#define POOL_THREADS 2

/* Who is connected. */
typedef struct
{
  int fd;
  gint64 since;     /* monotonic: when it connected, or was answered last */
  gboolean waiting; /* for its answer: that may take its time */
} Client;

struct _Server
{
  Http *http;
  struct MHD_Daemon *daemon;
  GThreadPool *pool;
  int wake_fd;
  gint64 pinged;

  GMutex lock; /* what follows; nothing of libmicrohttpd is called with it */
  GCond changed;
  GHashTable *clients;   /* struct MHD_Connection → Client */
  GHashTable *exchanges; /* Exchange */
  gboolean closing;
};

/* ---------------------------------------------------------------- connections */

static void
set_waiting (Server *server, struct MHD_Connection *connection, gboolean waiting)
{
  g_mutex_lock (&server->lock);
  Client *client = g_hash_table_lookup (server->clients, connection);
  if (client != NULL)
    *client = (Client){ client->fd, g_get_monotonic_time (), waiting };
  g_mutex_unlock (&server->lock);
}

static void
add_client (Server *server, struct MHD_Connection *connection)
{
  const union MHD_ConnectionInfo *info = MHD_get_connection_info (connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  Client *client = g_new0 (Client, 1);
  const guint64 one = 1;

  client->fd = info->connect_fd;
  client->since = g_get_monotonic_time ();
  g_mutex_lock (&server->lock);
  g_hash_table_insert (server->clients, connection, client);
  g_mutex_unlock (&server->lock);
  if (write (server->wake_fd, &one, sizeof one) < 0)
    return; /* it wakes anyway */
}

/* MHD_NotifyConnectionCallback: the descriptor is open at both moments. */
static void
on_connection (void *data, struct MHD_Connection *connection, G_GNUC_UNUSED void **context,
               enum MHD_ConnectionNotificationCode code)
{
  Server *server = data;

  if (code == MHD_CONNECTION_NOTIFY_STARTED)
    {
      add_client (server, connection);
      return;
    }
  g_mutex_lock (&server->lock);
  g_hash_table_remove (server->clients, connection);
  g_mutex_unlock (&server->lock);
}

static guint
close_late (Server *server, gint64 now)
{
  GHashTableIter iter;
  gpointer value;

  g_mutex_lock (&server->lock);
  g_hash_table_iter_init (&iter, server->clients);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const Client *client = value;
      if (!client->waiting && now - client->since > TIMEOUT_S * G_USEC_PER_SEC)
        shutdown (client->fd, SHUT_RDWR);
    }
  guint n = g_hash_table_size (server->clients);
  g_mutex_unlock (&server->lock);
  return n;
}

gint64
server_look_after (Server *server, int *fd)
{
  gint64 now = g_get_monotonic_time ();
  guint64 count;

  *fd = server->wake_fd;
  if (read (server->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
    *fd = -1;
  if (now - server->pinged > PING_INTERVAL)
    {
      server->pinged = now;
      feed_ping (server->http->feed);
    }
  return close_late (server, now) > 0 ? LOOK_INTERVAL : -1;
}

/* ------------------------------------------------------------------- requests */

static void
remember (Server *server, Exchange *exchange)
{
  g_mutex_lock (&server->lock);
  g_hash_table_add (server->exchanges, exchange);
  g_mutex_unlock (&server->lock);
}

/* MHD_AccessHandlerCallback: called with the head, with each part of the body,
 * at the end of it, and after a sleep. */
static enum MHD_Result
on_request (void *data, struct MHD_Connection *connection, const char *url, const char *method,
            G_GNUC_UNUSED const char *version, const char *body, size_t *length, void **context)
{
  Server *server = data;
  Exchange *exchange = *context;

  if (exchange == NULL)
    {
      *context = exchange = exchange_new (server->http, server, connection, url, method);
      remember (server, exchange);
      return MHD_YES;
    }
  if (*length > 0)
    {
      gboolean goes_on = exchange_take_body (exchange, body, *length);
      *length = 0;
      return goes_on ? MHD_YES : MHD_NO;
    }
  if (!exchange_is_dispatched (exchange))
    {
      set_waiting (server, connection, TRUE);
      exchange_dispatch (exchange);
    }
  return exchange_reply (exchange);
}

/* MHD_RequestCompletedCallback */
static void
on_completed (void *data, struct MHD_Connection *connection, void **context,
              G_GNUC_UNUSED enum MHD_RequestTerminationCode code)
{
  Server *server = data;
  Exchange *exchange = *context;

  *context = NULL;
  set_waiting (server, connection, FALSE);
  if (exchange == NULL)
    return;
  g_mutex_lock (&server->lock);
  g_hash_table_remove (server->exchanges, exchange);
  g_cond_signal (&server->changed);
  g_mutex_unlock (&server->lock);
  exchange_end (exchange);
}

/* ------------------------------------------------------------------------ pool */

typedef struct
{
  Exchange *exchange;
  void (*function) (Exchange *exchange);
} Task;

static void
run_task (gpointer data, G_GNUC_UNUSED gpointer user_data)
{
  g_autofree Task *task = data;

  task->function (task->exchange);
  exchange_unref (task->exchange);
}

void
server_defer (Server *server, Exchange *exchange, void (*function) (Exchange *exchange))
{
  Task *task = g_new (Task, 1);

  *task = (Task){ exchange_ref (exchange), function };
  g_mutex_lock (&server->lock);
  gboolean open = !server->closing;
  if (open)
    g_thread_pool_push (server->pool, task, NULL);
  g_mutex_unlock (&server->lock);
  if (open)
    return;
  exchange_unref (exchange);
  g_free (task);
}

gboolean
server_is_closing (Server *server)
{
  g_mutex_lock (&server->lock);
  gboolean closing = server->closing;
  g_mutex_unlock (&server->lock);
  return closing;
}

/* ----------------------------------------------------------------- life and death */

/* MHD_LogCallback */
static void G_GNUC_PRINTF (2, 0) on_log (void *data, const char *format, va_list words)
{
  Http *http = data;
  g_autofree char *text = g_strdup_vprintf (format, words);

  ipmid_host_log (http->host, IPMID_LOG_DEBUG, NULL, "libmicrohttpd: %s", g_strchomp (text));
}

static struct MHD_Daemon *
start (Server *server)
{
  return MHD_start_daemon (
      MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
      on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, server->http, MHD_OPTION_LISTEN_SOCKET,
      server->http->listener.fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION,
      on_connection, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_END);
}

static void
free_parts (Server *server)
{
  if (server->pool != NULL)
    g_thread_pool_free (server->pool, FALSE, TRUE);
  g_hash_table_unref (server->clients);
  g_hash_table_unref (server->exchanges);
  g_mutex_clear (&server->lock);
  g_cond_clear (&server->changed);
  if (server->wake_fd >= 0)
    close (server->wake_fd);
  g_free (server);
}

Server *
server_new (Http *http, GError **error)
{
  Server *server = g_new0 (Server, 1);

  server->http = http;
  server->clients = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  server->exchanges = g_hash_table_new (NULL, NULL);
  g_mutex_init (&server->lock);
  g_cond_init (&server->changed);
  server->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  server->pool = g_thread_pool_new (run_task, NULL, POOL_THREADS, FALSE, NULL);
  server->daemon = server->wake_fd < 0 ? NULL : start (server);
  if (server->daemon != NULL)
    return server;
  g_set_error_literal (error, G_FILE_ERROR, g_file_error_from_errno (errno), "cannot start the HTTP server");
  free_parts (server);
  return NULL;
}

/* The last answers go out; what is not read in time is cut off. */
static void
wait_for_exchanges (Server *server)
{
  gint64 until = g_get_monotonic_time () + END_PATIENCE;

  g_mutex_lock (&server->lock);
  while (g_hash_table_size (server->exchanges) > 0 && g_cond_wait_until (&server->changed, &server->lock, until))
    continue;
  g_mutex_unlock (&server->lock);
}

/* Nobody may sleep when libmicrohttpd is stopped. */
static void
abandon_all (Server *server)
{
  g_autoptr (GPtrArray) open = g_ptr_array_new_with_free_func ((GDestroyNotify) exchange_unref);
  GHashTableIter iter;
  gpointer exchange;

  g_mutex_lock (&server->lock);
  server->closing = TRUE;
  g_hash_table_iter_init (&iter, server->exchanges);
  while (g_hash_table_iter_next (&iter, &exchange, NULL))
    g_ptr_array_add (open, exchange_ref (exchange));
  g_mutex_unlock (&server->lock);
  for (guint i = 0; i < open->len; i++)
    exchange_abandon (open->pdata[i]);
}

void
server_free (Server *server)
{
  if (server == NULL)
    return;
  MHD_quiesce_daemon (server->daemon); /* the socket stays the listener's */
  abandon_all (server);
  feed_end (server->http->feed);
  g_thread_pool_free (g_steal_pointer (&server->pool), FALSE, TRUE);
  wait_for_exchanges (server);
  MHD_stop_daemon (server->daemon);
  free_parts (server);
}
