/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trap-listener.c - see trap-listener.h.
 *
 * A flood costs a bounded share of the thread: datagrams are read in turns with
 * pauses between them, and after everything else that waits.
 */
#include "core/trap-listener.h"

#include "core/log.h"
#include "core/trap-queue.h"
#include "core/trap-socket.h"

#include <glib-unix.h>
#include <unistd.h>

/* After what the collectors say. */
#define PRIORITY (G_PRIORITY_DEFAULT + 50)

/* Datagrams that are read in one turn, and the pause after a turn that did not
 * find the end of them. */
#define TURN 256
#define TURN_PAUSE 10 /* milliseconds */

/* Larger than any PET; what is longer is cut, and then no PET. */
#define DATAGRAM_MAX 2048u

#define LOG_INTERVAL G_TIME_SPAN_MINUTE

struct _TrapListener
{
  TrapHooks hooks;
  gpointer user_data;
  int fd;
  guint watch; /* reads; 0 during a pause */
  guint pause;
  guint wake; /* for the queue */
  TrapQueue *queue;
  TrapCounts counts;
  LogLimit garbage_limit, unknown_limit;
};

static gboolean on_wake (gpointer data);

/* ------------------------------------------------------------------- polling */

static void
poll_waiting (TrapListener *listener)
{
  gint64 now = g_get_monotonic_time (), bmc;

  g_clear_handle_id (&listener->wake, g_source_remove);
  while ((bmc = trap_queue_next (listener->queue, now)) != 0)
    {
      listener->counts.polls++;
      listener->hooks.poll (bmc, listener->user_data);
    }
  gint64 when = trap_queue_wake (listener->queue);
  if (when != G_MAXINT64)
    listener->wake = g_timeout_add ((guint) (MAX (when - now, 0) / G_TIME_SPAN_MILLISECOND + 1), on_wake, listener);
}

static gboolean
on_wake (gpointer data)
{
  TrapListener *listener = data;

  listener->wake = 0;
  poll_waiting (listener);
  return G_SOURCE_REMOVE;
}

/* ------------------------------------------------------------------- reading */

static gint64
find_bmc (TrapListener *listener, const struct sockaddr *address, const Pet *trap)
{
  gint64 bmc = listener->hooks.find_address (address, listener->user_data);
  guint8 guid[PET_GUID_SIZE];

  for (guint order = 0; bmc == 0 && order < PET_GUID_ORDERS; order++)
    {
      pet_guid (trap, order, guid);
      bmc = listener->hooks.find_guid (guid, listener->user_data);
    }
  return bmc;
}

static void
refuse_garbage (TrapListener *listener, const struct sockaddr *address, const char *why)
{
  char host[TRAP_ADDRESS_SIZE];
  guint suppressed;

  listener->counts.garbage++;
  if (!log_limit_pass (&listener->garbage_limit, LOG_INTERVAL, &suppressed))
    return;
  trap_socket_host (address, host);
  log_line (IPMID_LOG_INFO, NULL, "what came from %s is no Platform Event Trap: %s (%u more like this)", host, why,
            suppressed);
}

static void
refuse_stranger (TrapListener *listener, const struct sockaddr *address)
{
  char host[TRAP_ADDRESS_SIZE];
  guint suppressed;

  listener->counts.unknown++;
  if (!log_limit_pass (&listener->unknown_limit, LOG_INTERVAL, &suppressed))
    return;
  trap_socket_host (address, host);
  log_line (IPMID_LOG_NOTICE, NULL, "a Platform Event Trap from %s, which is none of our BMCs (%u more like this)",
            host, suppressed);
}

static void
take_datagram (TrapListener *listener, const struct sockaddr *address, const guint8 *datagram, gsize length)
{
  const char *why;
  Pet trap;

  listener->counts.received++;
  if (!pet_parse (datagram, length, &trap, &why))
    {
      refuse_garbage (listener, address, why);
      return;
    }
  gint64 bmc = find_bmc (listener, address, &trap);
  if (bmc == 0)
    refuse_stranger (listener, address);
  else if (!trap_queue_add (listener->queue, bmc, &trap, g_get_monotonic_time ()))
    listener->counts.duplicates++;
}

static gboolean on_pause_ended (gpointer data);

static gboolean
on_readable (int fd, GIOCondition condition, gpointer data)
{
  TrapListener *listener = data;
  guint8 datagram[DATAGRAM_MAX];
  struct sockaddr_storage sender;
  gsize length;
  guint n;

  for (n = 0; n < TURN && trap_socket_receive (fd, datagram, sizeof datagram, &length, &sender); n++)
    take_datagram (listener, (const struct sockaddr *) &sender, datagram, length);
  poll_waiting (listener);
  /* A socket with an error must not keep the loop busy either. */
  if (n < TURN && condition == G_IO_IN)
    return G_SOURCE_CONTINUE;
  listener->watch = 0;
  listener->pause = g_timeout_add_full (PRIORITY, TURN_PAUSE, on_pause_ended, listener, NULL);
  return G_SOURCE_REMOVE;
}

static void
start_reading (TrapListener *listener)
{
  listener->watch = g_unix_fd_add_full (PRIORITY, listener->fd, G_IO_IN, on_readable, listener, NULL);
}

static gboolean
on_pause_ended (gpointer data)
{
  TrapListener *listener = data;

  listener->pause = 0;
  start_reading (listener);
  return G_SOURCE_REMOVE;
}

/* -------------------------------------------------------------------- public */

TrapListener *
trap_listener_new (const char *listen, int passed, const TrapHooks *hooks, gpointer user_data, GError **error)
{
  int fd = trap_socket_open (listen, passed, error);

  if (fd < 0)
    return NULL;
  TrapListener *listener = g_new0 (TrapListener, 1);
  listener->hooks = *hooks;
  listener->user_data = user_data;
  listener->fd = fd;
  listener->queue = trap_queue_new ();
  g_autofree char *where = trap_socket_describe (fd);
  log_line (IPMID_LOG_NOTICE, NULL, "listening for Platform Event Traps on %s", where);
  start_reading (listener);
  return listener;
}

void
trap_listener_free (TrapListener *listener)
{
  if (listener == NULL)
    return;
  g_clear_handle_id (&listener->watch, g_source_remove);
  g_clear_handle_id (&listener->pause, g_source_remove);
  g_clear_handle_id (&listener->wake, g_source_remove);
  close (listener->fd);
  trap_queue_free (listener->queue);
  g_free (listener);
}

TrapCounts
trap_listener_counts (const TrapListener *listener)
{
  return listener->counts;
}

void
trap_listener_describe (const TrapListener *listener, GString *out)
{
  const TrapCounts *counts = &listener->counts;
  g_autofree char *where = trap_socket_describe (listener->fd);

  g_string_append_printf (out,
                          "traps: %s\n  received: %" G_GUINT64_FORMAT "\n  not understood: %" G_GUINT64_FORMAT
                          "\n  from strangers: %" G_GUINT64_FORMAT "\n  repeated: %" G_GUINT64_FORMAT
                          "\n  polls: %" G_GUINT64_FORMAT "\n",
                          where, counts->received, counts->garbage, counts->unknown, counts->duplicates, counts->polls);
}
