/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * syslog.c - sends events to a syslog server or to the systemd journal.
 *
 * A batch is one write to a stream; to a socket of datagrams each event is one.
 * Then comes what tells that it has arrived (wire_confirm()): only then are its
 * events DONE.  What cannot be known to have arrived is sent again.
 *
 * Everything runs on the handler's worker thread.
 */
#include "message.h"
#include "wire.h"

#include <string.h>

typedef struct
{
  /* Filled in by the host. */
  int transport; /* WireKind */
  char *path;
  char *server;
  gint64 port;
  int facility;
  int hostname;
  int timestamp;
  char *app_name;
  char *sd_id;
  gint64 max_size;
  gint64 settle;
  gint64 time_limit;
  char *tls_ca;
  char *tls_certificate;
  char *tls_key;
  char *tls_name;

  IpmidHost *host;
  WireEnd end;
  MessageStyle style;
  Wire wire;
  GString *buffer;
} Syslog;

/* Between batches, no more memory than this is kept for the next one. */
#define BUFFER_KEEP (256u * 1024u)

#define PATH_LOG "/dev/log"
#define PATH_JOURNAL "/run/systemd/journal/socket"

static const char *const transports[] = { "local", "journal", "udp", "tcp", "tls", NULL }; /* WireKind */
static const char *const hostnames[] = { "bmc", "machine", NULL };
static const char *const timestamps[] = { "received", "event", NULL };
static const guint16 ports[] = { 0, 0, 514, 601, 6514 }; /* RFC 5426, RFC 3195, RFC 5425 */

#define OPTION(member) G_STRUCT_OFFSET (Syslog, member)

/* clang-format off */
static const IpmidOption options[] = {
  { "transport", IPMID_OPTION_CHOICE, OPTION (transport), "local", FALSE, 0, 0, transports, "HOW",
    "Where events go: \"local\" is a local socket, \"journal\" the systemd journal, \"udp\", \"tcp\" and \"tls\" a "
    "server on the network." },
  { "path", IPMID_OPTION_PATH, OPTION (path), NULL, FALSE, 0, 0, NULL, "PATH",
    "The local socket; of datagrams or a stream, as it comes.  If it is not given: /dev/log, and "
    "/run/systemd/journal/socket for the journal." },
  { "server", IPMID_OPTION_STRING, OPTION (server), NULL, FALSE, 0, 0, NULL, "HOST",
    "The name or address of the server." },
  { "port", IPMID_OPTION_INTEGER, OPTION (port), "0", FALSE, 0, 65535, NULL, "NUMBER",
    "The server's port; 0 means the usual one: 514 for UDP, 601 for TCP, 6514 for TLS." },
  { "facility", IPMID_OPTION_CHOICE, OPTION (facility), "daemon", FALSE, 0, 0, message_facilities, "FACILITY",
    "The facility (RFC 5424, table 1)." },
  { "hostname", IPMID_OPTION_CHOICE, OPTION (hostname), "bmc", FALSE, 0, 0, hostnames, "bmc|machine",
    "The HOSTNAME of a message: the name of the BMC, or that of the machine that ipmid runs on." },
  { "timestamp", IPMID_OPTION_CHOICE, OPTION (timestamp), "received", FALSE, 0, 0, timestamps, "received|event",
    "The TIMESTAMP of a message: when ipmid read the record, or the time in it, by the BMC's clock." },
  { "app-name", IPMID_OPTION_STRING, OPTION (app_name), "ipmid", FALSE, 0, 0, NULL, "WORD",
    "The APP-NAME of a message, and the journal's SYSLOG_IDENTIFIER." },
  { "sd-id", IPMID_OPTION_STRING, OPTION (sd_id), "ipmid@32473", FALSE, 0, 0, NULL, "NAME",
    "The SD-ID of the structured data.  32473 is the number that is set aside for examples (RFC 5612): put your own "
    "private enterprise number in its place if you have one." },
  { "max-size", IPMID_OPTION_SIZE, OPTION (max_size), "8k", FALSE, MESSAGE_SIZE_MIN, 64 * 1024, NULL, "SIZE",
    "How long a message may be.  One that is longer loses the last fields of its structured data, then the end of its "
    "text.  With UDP, 480 always arrives, 1180 and more may be cut up on its way." },
  { "settle", IPMID_OPTION_DURATION, OPTION (settle), "100ms", FALSE, 0, G_TIME_SPAN_MINUTE, NULL, "DURATION",
    "How long a connection has to stand after the server's kernel has acknowledged a batch until the batch counts as "
    "handled.  If the server dies meanwhile, the batch is sent again.  It has to be shorter than time-limit, and never "
    "takes more than half of the time that is left for the batch." },
  { "time-limit", IPMID_OPTION_DURATION, OPTION (time_limit), "10s", FALSE, G_TIME_SPAN_MILLISECOND, G_TIME_SPAN_HOUR,
    NULL, "DURATION",
    "How long it may take to connect and to send a batch.  The handler's timeout limits it as well." },
  { "tls-ca", IPMID_OPTION_PATH, OPTION (tls_ca), NULL, FALSE, 0, 0, NULL, "PATH",
    "The certificates (PEM) of the authorities that may vouch for the server.  If it is not given: the system's." },
  { "tls-certificate", IPMID_OPTION_PATH, OPTION (tls_certificate), NULL, FALSE, 0, 0, NULL, "PATH",
    "The certificate (PEM) with which ipmid says who it is, followed by those that vouch for it." },
  { "tls-key", IPMID_OPTION_PATH, OPTION (tls_key), NULL, FALSE, 0, 0, NULL, "PATH",
    "The private key (PEM) for tls-certificate.  If it is not given: it stands in the same file." },
  { "tls-name", IPMID_OPTION_STRING, OPTION (tls_name), NULL, FALSE, 0, 0, NULL, "NAME",
    "The name that has to stand in the server's certificate.  If it is not given: the value of server." },
  { .key = NULL },
};
/* clang-format on */

static gboolean
refuse (GError **error, const char *why, const char *word)
{
  g_autofree char *words = g_strconcat (why, word, NULL);

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, words);
  return FALSE;
}

static gboolean
is_remote (const Syslog *syslog)
{
  return syslog->transport == WIRE_UDP || syslog->transport == WIRE_TCP || syslog->transport == WIRE_TLS;
}

static void
describe (Syslog *syslog)
{
  gboolean journal = syslog->transport == WIRE_JOURNAL;
  const char *path = journal ? PATH_JOURNAL : PATH_LOG;

  syslog->end = (WireEnd){
    .kind = (WireKind) syslog->transport,
    .path = syslog->path != NULL ? syslog->path : path,
    .host = syslog->server,
    .port = syslog->port > 0 ? (guint16) syslog->port : ports[syslog->transport],
    .settle = syslog->settle,
    .tls = { syslog->tls_ca, syslog->tls_certificate, syslog->tls_key, syslog->tls_name },
  };
  syslog->style = (MessageStyle){
    .facility = syslog->facility,
    .app_name = syslog->app_name,
    .sd_id = syslog->sd_id,
    .hostname = syslog->hostname == 0 ? NULL : g_get_host_name (),
    .event_time = syslog->timestamp == 1,
    .max_size = (gsize) syslog->max_size,
  };
}

/* Keys that would do nothing are mistakes. */
static gboolean
check_keys (const Syslog *syslog, GError **error)
{
  gboolean tls = syslog->tls_ca != NULL || syslog->tls_certificate != NULL || syslog->tls_key != NULL
                 || syslog->tls_name != NULL;
  const char *transport = transports[syslog->transport];

  if (is_remote (syslog) && syslog->server == NULL)
    return refuse (error, "server is missing: it is needed for transport = ", transport);
  if (is_remote (syslog) && syslog->path != NULL)
    return refuse (error, "path is for a local socket, not for transport = ", transport);
  if (!is_remote (syslog) && (syslog->server != NULL || syslog->port != 0))
    return refuse (error, "server and port are for the network, not for transport = ", transport);
  if (syslog->transport != WIRE_TLS && tls)
    return refuse (error, "tls-ca, tls-certificate, tls-key and tls-name need transport = tls, not ", transport);
  if (syslog->tls_key != NULL && syslog->tls_certificate == NULL)
    return refuse (error, "tls-key needs tls-certificate", "");
  if (syslog->settle >= syslog->time_limit)
    return refuse (error, "settle has to be shorter than time-limit, or no batch is ever done", "");
  return TRUE;
}

static gboolean
syslog_check (gpointer state, GError **error)
{
  Syslog *syslog = state;

  if (!check_keys (syslog, error))
    return FALSE;
  if (!message_is_name (syslog->sd_id, 32, TRUE))
    return refuse (error,
                   "sd-id has to be up to 32 printable ASCII characters without space, =, ] and \": ", syslog->sd_id);
  if (!message_is_name (syslog->app_name, 48, FALSE))
    return refuse (error, "app-name has to be up to 48 printable ASCII characters without space: ", syslog->app_name);
  describe (syslog);
  return syslog->transport != WIRE_TLS || tls_check (&syslog->end.tls, error);
}

static gboolean
syslog_open (gpointer state, IpmidHost *host, G_GNUC_UNUSED GError **error)
{
  Syslog *syslog = state;

  describe (syslog);
  syslog->host = host;
  syslog->wire = (Wire){ .end = &syslog->end };
  syslog->buffer = g_string_new (NULL);
  return TRUE;
}

static void
syslog_close (gpointer state)
{
  Syslog *syslog = state;

  wire_close (&syslog->wire);
  g_string_free (syslog->buffer, TRUE);
}

/* SIGHUP: the next batch goes through a new connection, with new certificates. */
static gboolean
syslog_reopen (gpointer state, G_GNUC_UNUSED GError **error)
{
  wire_close (&((Syslog *) state)->wire);
  return TRUE;
}

/* ---------------------------------------------------------------- delivering */

static void
append_event (Syslog *syslog, const IpmidEvent *event, GString *out)
{
  if (syslog->end.kind == WIRE_JOURNAL)
    message_append_journal (&syslog->style, syslog->host, event, out);
  else
    message_append (&syslog->style, syslog->host, event, out);
}

/* On the network by octet counting (RFC 6587, section 3.4.1); on a local stream
 * with a zero behind it, as syslog(3) does it. */
static void
append_frame (Syslog *syslog, const IpmidEvent *event, GString *message, GString *out)
{
  g_string_truncate (message, 0);
  append_event (syslog, event, message);
  if (syslog->end.kind != WIRE_UNIX)
    g_string_append_printf (out, "%" G_GSIZE_FORMAT " ", message->len);
  g_string_append_len (out, message->str, (gssize) message->len);
  if (syslog->end.kind == WIRE_UNIX)
    g_string_append_c (out, '\0');
}

static gboolean
send_stream (Syslog *syslog, const IpmidBatch *batch, const Patience *patience, GError **error)
{
  g_autoptr (GString) message = g_string_sized_new (1024);

  g_string_truncate (syslog->buffer, 0);
  for (guint i = 0; i < batch->n_events; i++)
    append_frame (syslog, batch->events[i], message, syslog->buffer);
  return wire_send (&syslog->wire, syslog->buffer->str, syslog->buffer->len, patience, error);
}

/* One that does not fit into a datagram never will. */
static gboolean
send_datagrams (Syslog *syslog, const IpmidBatch *batch, IpmidVerdict *verdicts, const Patience *patience,
                GError **error)
{
  for (guint i = 0; i < batch->n_events; i++)
    {
      g_autoptr (GError) local = NULL;

      g_string_truncate (syslog->buffer, 0);
      append_event (syslog, batch->events[i], syslog->buffer);
      if (wire_send (&syslog->wire, syslog->buffer->str, syslog->buffer->len, patience, &local))
        continue;
      if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      verdicts[i] = IPMID_VERDICT_REJECT;
      ipmid_host_reason (syslog->host, batch->tokens[i], "the socket takes no message of this length: lower max-size");
    }
  return TRUE;
}

static gboolean
attempt (Syslog *syslog, const IpmidBatch *batch, IpmidVerdict *verdicts, const Patience *patience, GError **error)
{
  return wire_open (&syslog->wire, patience, error)
         && (wire_is_stream (&syslog->wire) ? send_stream (syslog, batch, patience, error)
                                            : send_datagrams (syslog, batch, verdicts, patience, error))
         && wire_confirm (&syslog->wire, patience, error);
}

/* Where it goes, for people. */
static char *
name_of (const WireEnd *end)
{
  if (end->host == NULL)
    return g_strdup (end->path);
  return g_strdup_printf ("%s, port %u", end->host, end->port);
}

static void
fail (Syslog *syslog, const IpmidBatch *batch, IpmidVerdict *verdicts, const GError *error)
{
  g_autofree char *name = name_of (&syslog->end);
  g_autofree char *words = g_strdup_printf ("%s: %s", name, error->message);

  for (guint i = 0; i < batch->n_events; i++)
    {
      if (verdicts[i] == IPMID_VERDICT_REJECT)
        continue;
      verdicts[i] = IPMID_VERDICT_RETRY;
      ipmid_host_reason (syslog->host, batch->tokens[i], words);
    }
}

static void
syslog_deliver (gpointer state, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  Syslog *syslog = state;
  const Patience patience = { MIN (batch->deadline, g_get_monotonic_time () + syslog->time_limit), batch->cancel_fd };
  g_autoptr (GError) error = NULL;
  gboolean fresh = !wire_is_open (&syslog->wire);
  gboolean good = attempt (syslog, batch, verdicts, &patience, &error);

  /* A server that was started afresh has left a connection that only seems to stand. */
  if (!good && !fresh && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_clear_error (&error);
      good = attempt (syslog, batch, verdicts, &patience, &error);
    }
  if (good)
    {
      for (guint i = 0; i < batch->n_events; i++)
        if (verdicts[i] == IPMID_VERDICT_NONE)
          verdicts[i] = IPMID_VERDICT_DONE;
    }
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    fail (syslog, batch, verdicts, error);
  if (syslog->buffer->allocated_len > BUFFER_KEEP)
    {
      g_string_free (syslog->buffer, TRUE);
      syslog->buffer = g_string_new (NULL);
    }
}

const IpmidPlugin ipmid_plugin = {
  .abi_major = IPMID_PLUGIN_ABI_MAJOR,
  .abi_minor = IPMID_PLUGIN_ABI_MINOR,
  .size = sizeof (IpmidPlugin),
  .name = "syslog",
  .version = PLUGIN_VERSION,
  .summary = "send events to a syslog server or the systemd journal",
  .flags = IPMID_PLUGIN_STORE | IPMID_PLUGIN_WORKERS,
  .state_size = sizeof (Syslog),
  .options = options,
  .check = syslog_check,
  .open = syslog_open,
  .deliver = syslog_deliver,
  .reopen = syslog_reopen,
  .close = syslog_close,
};
