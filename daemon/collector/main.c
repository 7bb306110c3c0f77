/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c - the life of ipmid-collector: the process that speaks IPMI.
 *
 * The core starts it with one end of a socket pair as descriptor 3, the note of
 * serving.h as descriptor 4, and nothing else.  It has one thread and one main
 * context, and goes into its sandbox before it meets the first BMC.  It ends when the core says SHUTDOWN or closes the
 * socket; before that it closes its BMCs' sessions, because BMCs have few.
 */
#include "bmc.h"
#include "library-log.h"
#include "os-handler.h"
#include "rmcpp.h"
#include "sandbox.h"
#include "suite17.h"

#include "event/error.h"
#include "event/text.h"

#include <OpenIPMI/ipmiif.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

#define CHANNEL_FD 3
/* How long the sessions may take to close. */
#define CLOSE_TIME (5 * G_USEC_PER_SEC)
/* So long after the last BMC was added its session is there, mostly. */
#define TRIM_AFTER (10 * G_USEC_PER_SEC)

#define LOG_LINE_MAX 500u

typedef struct
{
  BmcHost host;
  GMainLoop *loop;
  GHashTable *bmcs; /* number -> Bmc */
  Timer *deadline;
  Timer *trim;
  guint turn; /* who gets credit first */
  gboolean ending;
  gboolean free_range; /* without a sandbox: --no-sandbox */
  gboolean sandboxed;
  SandboxProfile profile; /* once it is */
} Collector;

/* ---------------------------------------------------------------------- log */

static void
send_log (Collector *collector, guint8 level, guint32 bmc, const char *text)
{
  g_autofree char *clean = text_clean (text, -1, LOG_LINE_MAX);

  if (collector->host.channel != NULL)
    channel_send (collector->host.channel, FRAME_LOG, g_variant_new ("(yus)", level, bmc, clean));
}

static void
on_library_line (guint8 level, guint32 bmc, const char *text, gpointer user_data)
{
  send_log (user_data, level, bmc, text);
}

/* ------------------------------------------------------------------ the end */

static void
quit_if_done (Collector *collector)
{
  if (collector->ending && g_hash_table_size (collector->bmcs) == 0)
    g_main_loop_quit (collector->loop);
}

static void
on_bmc_closed (Bmc *bmc, gpointer user_data)
{
  Collector *collector = user_data;

  g_hash_table_remove (collector->bmcs, GUINT_TO_POINTER (bmc_number (bmc)));
  quit_if_done (collector);
}

static void
on_deadline (G_GNUC_UNUSED Timer *timer, gpointer user_data)
{
  Collector *collector = user_data;

  g_main_loop_quit (collector->loop);
}

static void
begin_end (Collector *collector)
{
  g_autoptr (GList) bmcs = NULL;

  if (collector->ending)
    return;
  collector->ending = TRUE;
  timer_start (collector->deadline, CLOSE_TIME);
  bmcs = g_hash_table_get_values (collector->bmcs);
  for (GList *item = bmcs; item != NULL; item = item->next)
    bmc_remove (item->data);
  quit_if_done (collector);
}

/* ------------------------------------------------------------------- frames */

static void
refuse_bmc (Collector *collector, guint32 number, const char *words)
{
  channel_send (collector->host.channel, FRAME_STATE,
                g_variant_new ("(uys)", number, (guchar) FRAME_STATE_REFUSED, words));
}

/* The first BMC decides: one collector watches either over the network or
 * through devices. */
static gboolean
enter_sandbox (Collector *collector, SandboxProfile profile, GError **error)
{
  g_autofree char *tested = NULL;

  if (collector->free_range || (collector->sandboxed && collector->profile == profile))
    return TRUE;
  if (collector->sandboxed)
    {
      g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                           "this collector watches BMCs of the other interface, lan or smi");
      return FALSE;
    }
  if (!sandbox_enter (profile, &collector->host.devices, error))
    return FALSE;
  collector->sandboxed = TRUE;
  collector->profile = profile;
  tested = sandbox_test ();
  if (tested != NULL)
    send_log (collector, IPMID_LOG_NOTICE, 0, tested);
  return TRUE;
}

static void
on_add (Collector *collector, GVariant *body)
{
  g_autoptr (GVariant) dict = NULL;
  g_autoptr (GError) error = NULL;
  ConnectSettings *settings;
  guint32 number;

  g_variant_get (body, "(u@a{sv})", &number, &dict);
  if (collector->ending || g_hash_table_contains (collector->bmcs, GUINT_TO_POINTER (number)))
    return;
  settings = connect_settings_new (dict, &error);
  if (settings == NULL || !enter_sandbox (collector, settings->smi ? SANDBOX_SMI : SANDBOX_LAN, &error))
    {
      connect_settings_free (settings);
      refuse_bmc (collector, number, error->message);
      return;
    }
  serving_set (collector->host.serving, number);
  g_hash_table_insert (collector->bmcs, GUINT_TO_POINTER (number),
                       bmc_new (&collector->host, number, settings, on_bmc_closed, collector));
  serving_set (collector->host.serving, 0);
  if (!collector->free_range)
    sandbox_allow_bmcs (g_hash_table_size (collector->bmcs));
  timer_start (collector->trim, TRIM_AFTER);
}

static void
wake (Collector *collector, Bmc *bmc)
{
  serving_set (collector->host.serving, bmc_number (bmc));
  bmc_wake (bmc);
  serving_set (collector->host.serving, 0);
}

/* Each time another one is the first to take of the credit. */
static void
wake_all (Collector *collector)
{
  g_autoptr (GList) bmcs = g_hash_table_get_values (collector->bmcs);
  guint n = g_hash_table_size (collector->bmcs);
  GList *first = n == 0 ? NULL : g_list_nth (bmcs, collector->turn++ % n);

  for (GList *item = first; item != NULL; item = item->next)
    wake (collector, item->data);
  for (GList *item = bmcs; item != first; item = item->next)
    wake (collector, item->data);
}

static void
on_credit (Collector *collector, GVariant *body)
{
  guint32 records;

  g_variant_get (body, "(u)", &records);
  collector->host.credit += MIN (records, G_MAXUINT - collector->host.credit);
  wake_all (collector);
}

/* A record of the right size, or NULL. */
static const guint8 *
record_of (GVariant *bytes)
{
  gsize length;
  gconstpointer record = g_variant_get_fixed_array (bytes, &length, 1);

  return length == FRAME_RECORD_SIZE ? record : NULL;
}

static void
on_start (Bmc *bmc, GVariant *body)
{
  g_autoptr (GVariant) bytes = NULL;
  guint8 cursor;
  gboolean walk;

  g_variant_get (body, "(uy@ayb)", NULL, &cursor, &bytes, &walk);
  gboolean needs_record = cursor == FRAME_CURSOR_RECORD || cursor == FRAME_CURSOR_CHECK;
  if (cursor > FRAME_CURSOR_CHECK || (needs_record && record_of (bytes) == NULL))
    cursor = FRAME_CURSOR_EMPTY;
  bmc_start (bmc, cursor, record_of (bytes), walk);
}

static void
on_delete (Collector *collector, Bmc *bmc, GVariant *body)
{
  g_autoptr (GVariant) record = NULL;
  g_autoptr (GVariant) predecessor = NULL;
  guint64 token;
  guint32 flags;

  g_variant_get (body, "(ut@ay@ayu)", NULL, &token, &record, &predecessor, &flags);
  if (record_of (record) != NULL)
    bmc_delete (bmc, token, record_of (record), record_of (predecessor), flags);
  else
    channel_send (
        collector->host.channel, FRAME_DELETED,
        g_variant_new ("(utys)", bmc_number (bmc), token, (guchar) FRAME_DELETE_REFUSED, "that is no record"));
}

static void
on_power (Collector *collector, Bmc *bmc, GVariant *body)
{
  guint64 token;
  guint8 power;

  g_variant_get (body, "(uty)", NULL, &token, &power);
  if (frame_power_is_known (power))
    bmc_power (bmc, token, power);
  else
    channel_send (collector->host.channel, FRAME_POWERED,
                  g_variant_new ("(utyys)", bmc_number (bmc), token, (guchar) FRAME_DELETE_REFUSED,
                                 (guchar) FRAME_POWER_NOT_SAID, "that is no chassis control"));
}

/* Frames about one BMC; one that is not known has just been removed. */
static void
on_bmc_frame (Collector *collector, FrameType type, GVariant *body)
{
  guint32 number;
  Bmc *bmc;

  g_variant_get_child (body, 0, "u", &number);
  bmc = g_hash_table_lookup (collector->bmcs, GUINT_TO_POINTER (number));
  if (bmc == NULL)
    return;
  serving_set (collector->host.serving, number);
  switch (type)
    {
    case FRAME_REMOVE:
      bmc_remove (bmc);
      break;
    case FRAME_START:
      on_start (bmc, body);
      break;
    case FRAME_POLL:
      bmc_poll (bmc);
      break;
    case FRAME_WALK:
      bmc_walk (bmc);
      break;
    case FRAME_DELETE:
      on_delete (collector, bmc, body);
      break;
    case FRAME_POWER:
      on_power (collector, bmc, body);
      break;
    default:
      break;
    }
  serving_set (collector->host.serving, 0);
}

static void
on_frame (FrameType type, GVariant *body, gpointer user_data)
{
  Collector *collector = user_data;

  switch (type)
    {
    case FRAME_ADD:
      on_add (collector, body);
      break;
    case FRAME_CREDIT:
      on_credit (collector, body);
      break;
    case FRAME_SHUTDOWN:
      begin_end (collector);
      break;
    case FRAME_PING:
      channel_send (collector->host.channel, FRAME_PONG, g_variant_new ("()"));
      break;
    case FRAME_REMOVE:
    case FRAME_START:
    case FRAME_POLL:
    case FRAME_WALK:
    case FRAME_DELETE:
    case FRAME_POWER:
      on_bmc_frame (collector, type, body);
      break;
    default:
      /* Not for us: the core is of another mind. */
      begin_end (collector);
    }
}

static void
on_channel_closed (G_GNUC_UNUSED const GError *error, gpointer user_data)
{
  begin_end (user_data);
}

/* --------------------------------------------------------------------- main */

/* What reading the sensor data records took is not needed again; once all have. */
static void
on_trim (Timer *timer, gpointer user_data)
{
  const Collector *collector = user_data;

  malloc_trim (0);
  if (handshakes_active (collector->host.handshakes) > 0 || handshakes_waiting (collector->host.handshakes) > 0)
    timer_start (timer, TRIM_AFTER);
}

static void
prepare_process (void)
{
  sandbox_prepare ();
  /* A terminal's ^C is for the core, which ends us in order. */
  signal (SIGINT, SIG_IGN);
  signal (SIGTERM, SIG_IGN);
  signal (SIGHUP, SIG_IGN);
  signal (SIGPIPE, SIG_IGN);
  /* To write a message to a log that is a file is refused by a limit. */
  signal (SIGXFSZ, SIG_IGN);
}

static gboolean
is_channel (int fd)
{
  int type = 0;
  socklen_t size = sizeof type;

  return getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

/* What all BMCs share. */
static gboolean
host_init (Collector *collector, GMainContext *context)
{
  BmcHost *host = &collector->host;

  /* Under a debugger a service takes as long as it likes. */
  host->serving = collector->free_range ? NULL : serving_attach (SERVING_FD);
  host->timers = timers_new (context);
  timers_set_serving (host->timers, host->serving);
  host->inbox = inbox_new ();
  host->handshakes = handshakes_new (HANDSHAKES_PLACES, HANDSHAKES_PATIENCE, HANDSHAKES_TIME, &bmc_open_places, host);
  host->handshakes_timer = timer_new (host->timers, bmc_open_on_places_timer, host);
  host->os_handler = os_handler_new (context, host->timers, host->inbox, host->serving, library_log);
  bmc_cache_attach (host);
  if (ipmi_init (host->os_handler) != 0 || !suite17_register () || !rmcpp_register ())
    return FALSE;
  host->decoder = decoder_new ();
  return TRUE;
}

static void
host_clear (BmcHost *host)
{
  decoder_free (host->decoder);
  ipmi_shutdown ();
  channel_free (host->channel);
  timer_free (host->handshakes_timer);
  os_handler_free (host->os_handler);
  handshakes_free (host->handshakes);
  inbox_free (host->inbox);
  timers_free (host->timers);
  serving_free (host->serving);
}

static int
run (gboolean free_range)
{
  g_autoptr (GMainContext) context = g_main_context_ref (g_main_context_default ());
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  Collector collector = { .loop = loop, .free_range = free_range };

  library_log_begin (on_library_line, &collector);
  collector.bmcs = g_hash_table_new (NULL, NULL);
  if (!host_init (&collector, context))
    return EX_OSERR;
  collector.deadline = timer_new (collector.host.timers, on_deadline, &collector);
  collector.trim = timer_new (collector.host.timers, on_trim, &collector);
  collector.host.channel = channel_new (CHANNEL_FD, context, on_frame, on_channel_closed, &collector);
  channel_send (collector.host.channel, FRAME_HELLO, g_variant_new ("(us)", FRAME_PROTOCOL, PACKAGE_VERSION));

  g_main_loop_run (loop);

  channel_flush (collector.host.channel, G_USEC_PER_SEC);
  library_log_end ();
  if (g_hash_table_size (collector.bmcs) > 0)
    return EX_OK; /* some would not close: their memory is in use */
  timer_free (collector.deadline);
  timer_free (collector.trim);
  g_hash_table_unref (collector.bmcs);
  host_clear (&collector.host);
  return EX_OK;
}

int
main (int argc, char **argv)
{
  static const char words[] = "ipmid-collector is started by ipmid and speaks IPMI for it; see ipmid(8)";
  gboolean free_range = FALSE;

  if (argc == 2 && g_str_equal (argv[1], "--version"))
    {
      puts ("ipmid-collector " PACKAGE_VERSION);
      return EX_OK;
    }
  if (argc == 2 && g_str_equal (argv[1], "--help"))
    {
      puts (words);
      return EX_OK;
    }
  /* For debuggers and valgrind, which need more than a collector. */
  if (argc == 2 && g_str_equal (argv[1], "--no-sandbox"))
    {
      free_range = TRUE;
      argc--;
    }
  if (argc != 1 || !is_channel (CHANNEL_FD))
    {
      fprintf (stderr, "%s\n", words);
      return EX_USAGE;
    }
  prepare_process ();
  return run (free_range);
}
