/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * http.c - JSON over HTTP on a Unix socket, which every ipmid serves: see http.h.
 *
 * Nothing that goes wrong with the socket is a reason for ipmid not to watch its
 * BMCs: it is said, and tried again.
 *
 * Everything here runs on the handler's thread.
 */
#include "http.h"

#include "server.h"

#include <string.h>

#define NAME "http" /* of the socket in the state directory */
#define RETRY_INTERVAL (10 * G_TIME_SPAN_SECOND)

static const IpmidOption options[] = {
  { .key = "socket",
    .type = IPMID_OPTION_PATH,
    .offset = G_STRUCT_OFFSET (Http, socket),
    .argument = "PATH",
    .help = "Where the Unix socket is.  Without it: http in the state directory.  Whoever may open the socket may do "
            "everything that ipmidctl can." },
  { .key = "mode",
    .type = IPMID_OPTION_STRING,
    .offset = G_STRUCT_OFFSET (Http, mode),
    .fallback = "0660",
    .argument = "MODE",
    .help = "The permissions of the socket, in octal, whatever the umask.  The state directory itself is open to "
            "ipmid's own user only." },
  { .key = "group",
    .type = IPMID_OPTION_STRING,
    .offset = G_STRUCT_OFFSET (Http, group),
    .argument = "GROUP",
    .help = "The group of the socket, a name or a number.  Without it: ipmid's own." },
  { .key = "latest",
    .type = IPMID_OPTION_INTEGER,
    .offset = G_STRUCT_OFFSET (Http, latest),
    .fallback = "1000",
    .minimum = 1,
    .maximum = 100000,
    .argument = "NUMBER",
    .help = "How many of the latest events are kept in memory, to be shown when no handler stores events." },
  { .key = NULL },
};

static gboolean
http_check (gpointer state, GError **error)
{
  const Http *http = state;
  mode_t mode;

  return listener_parse_mode (http->mode, &mode, error);
}

/* ------------------------------------------------------------- serving, or not */

static void
stop_serving (Http *http)
{
  g_clear_pointer (&http->server, server_free);
  listener_close (&http->listener);
}

static gboolean
try_to_serve (Http *http, GError **error)
{
  mode_t mode;

  if (!listener_parse_mode (http->mode, &mode, error)
      || !listener_open (&http->listener, http->path, mode, http->group, error))
    return FALSE;
  http->server = server_new (http, error);
  if (http->server != NULL)
    return TRUE;
  listener_close (&http->listener);
  return FALSE;
}

static void
serve (Http *http)
{
  g_autoptr (GError) error = NULL;

  http->retry_at = 0;
  if (try_to_serve (http, &error))
    {
      if (http->told)
        ipmid_host_log (http->host, IPMID_LOG_NOTICE, NULL, "serves %s now", http->path);
      http->told = FALSE;
      return;
    }
  if (!http->told)
    ipmid_host_log (http->host, IPMID_LOG_WARNING, NULL,
                    "ipmidctl cannot reach this ipmid, which works all the same: %s", error->message);
  http->told = TRUE;
  http->retry_at = g_get_monotonic_time () + RETRY_INTERVAL;
}

static gboolean
http_open (gpointer state, IpmidHost *host, G_GNUC_UNUSED GError **error)
{
  Http *http = state;
  const char *directory = ipmid_host_state_dir (host);

  http->host = host;
  http->listener = (Listener){ .fd = -1 };
  http->feed = feed_new (host, (guint) http->latest);
  if (http->socket != NULL)
    http->path = g_strdup (http->socket);
  else if (directory != NULL)
    http->path = g_build_filename (directory, NAME, NULL);
  if (http->path != NULL)
    serve (http);
  else
    ipmid_host_log (host, IPMID_LOG_NOTICE, NULL,
                    "ipmidctl cannot reach this ipmid: it has neither a state directory nor a path for the socket");
  return TRUE;
}

static void
http_close (gpointer state)
{
  Http *http = state;

  stop_serving (http);
  feed_free (http->feed);
  g_free (http->path);
}

/* The socket may have been removed, or its directory made anew. */
static gboolean
http_reopen (gpointer state, G_GNUC_UNUSED GError **error)
{
  Http *http = state;

  if (http->path == NULL || (http->server != NULL && listener_is_there (&http->listener)))
    return TRUE;
  stop_serving (http);
  feed_begin (http->feed);
  serve (http);
  return TRUE;
}

static void
http_deliver (gpointer state, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  Http *http = state;

  feed_add (http->feed, batch->events, batch->n_events);
  for (guint i = 0; i < batch->n_events; i++)
    verdicts[i] = IPMID_VERDICT_DONE;
}

static void
http_idle (gpointer state, IpmidIdle *idle)
{
  Http *http = state;
  gint64 now = g_get_monotonic_time ();

  if (http->retry_at != 0 && now >= http->retry_at)
    serve (http);
  if (http->server != NULL)
    idle->wake_after = server_look_after (http->server, &idle->fd);
  else if (http->retry_at != 0)
    idle->wake_after = http->retry_at - now;
}

const IpmidPlugin ipmid_plugin = {
  .abi_major = IPMID_PLUGIN_ABI_MAJOR,
  .abi_minor = IPMID_PLUGIN_ABI_MINOR,
  .size = sizeof (IpmidPlugin),
  .name = "http",
  .version = PLUGIN_VERSION,
  .summary = "serve JSON over HTTP on a Unix socket, for ipmidctl",
  .flags = IPMID_PLUGIN_LIVE,
  .state_size = sizeof (Http),
  .options = options,
  .check = http_check,
  .open = http_open,
  .deliver = http_deliver,
  .idle = http_idle,
  .reopen = http_reopen,
  .close = http_close,
};
