/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-traps.c - from a trap to a poll: where to listen, who is meant, and how
 * often a BMC is polled whatever comes in.
 */
#include "core/trap-listener.h"
#include "core/trap-queue.h"
#include "core/trap-socket.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND G_TIME_SPAN_SECOND

/* --------------------------------------------------------------------- where */

static void
test_addresses (void)
{
  static const char *const good[] = { ":162",           "0.0.0.0:162", "[0.0.0.0]:162", "127.0.0.1:1",
                                      "10.1.2.3:65535", "[::]:162",    "[::1]:10162",   "[fe80::1]:162" };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      trap_socket_check (good[i], &error);
      g_assert_no_error (error);
    }
}

static void
test_wrong_addresses (void)
{
  static const struct
  {
    const char *listen, *words;
  } wrong[] = {
    { "", "'' has no port: it looks like [ADDRESS]:PORT, for example :162" },
    { "162", "'162' has no port: it looks like [ADDRESS]:PORT, for example :162" },
    { "0.0.0.0", "'0.0.0.0' has no port: it looks like [ADDRESS]:PORT, for example :162" },
    { ":", "'' is no port in ':': a number from 1 to 65535 is" },
    { ":0", "'0' is no port in ':0': a number from 1 to 65535 is" },
    { ":65536", "'65536' is no port in ':65536': a number from 1 to 65535 is" },
    { ":snmptrap", "'snmptrap' is no port in ':snmptrap': a number from 1 to 65535 is" },
    { "[::1]", "'1]' is no port in '[::1]': a number from 1 to 65535 is" },
    { "::1:162", "an IPv6 address stands in brackets, as in [::1]:162; '::1:162' has none" },
    { "[::1:162", "an IPv6 address stands in brackets, as in [::1]:162; '[::1:162' has none" },
    { "[bmc]:162", "'bmc' is no numeric address in '[bmc]:162'" },
    { "[]:162", "'' is no numeric address in '[]:162'" },
    { "1.2.3:162", "'1.2.3' is no numeric address in '1.2.3:162': give the address and not a name, or :PORT for all" },
    { "localhost:162",
      "'localhost' is no numeric address in 'localhost:162': give the address and not a name, or :PORT for all" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_false (trap_socket_check (wrong[i].listen, &error));
      g_assert_nonnull (error);
      g_assert_cmpstr (error->message, ==, wrong[i].words);
    }
}

/* --------------------------------------------------------------------- when */

static Pet
trap_number (guint16 sequence)
{
  return (Pet){ .sequence = sequence, .timestamp = 4711 };
}

static gboolean
add (TrapQueue *queue, gint64 bmc, guint16 sequence, gint64 now)
{
  const Pet trap = trap_number (sequence);

  return trap_queue_add (queue, bmc, &trap, now);
}

static void
test_at_once (void)
{
  g_autoptr (TrapQueue) queue = trap_queue_new ();

  g_assert_cmpint (trap_queue_next (queue, SECOND), ==, 0);
  g_assert_cmpint (trap_queue_wake (queue), ==, G_MAXINT64);
  g_assert_true (add (queue, 7, 1, SECOND));
  g_assert_cmpint (trap_queue_next (queue, SECOND), ==, 7);
  g_assert_cmpint (trap_queue_next (queue, SECOND), ==, 0);
}

/* One poll at once, one after the rest for all that came meanwhile. */
static void
test_rest (void)
{
  g_autoptr (TrapQueue) queue = trap_queue_new ();
  gint64 now = SECOND;

  for (guint16 i = 1; i <= 50; i++)
    {
      add (queue, 7, i, now + i);
      g_assert_cmpint (trap_queue_next (queue, now + i), ==, i == 1 ? 7 : 0);
    }
  gint64 end = now + 1 + TRAP_QUEUE_REST;
  g_assert_cmpint (trap_queue_wake (queue), ==, end);
  g_assert_cmpint (trap_queue_next (queue, end - 1), ==, 0);
  g_assert_cmpint (trap_queue_next (queue, end), ==, 7);
  g_assert_cmpint (trap_queue_next (queue, end), ==, 0);
  /* Nobody waits after that rest. */
  g_assert_cmpint (trap_queue_next (queue, end + TRAP_QUEUE_REST), ==, 0);
  g_assert_cmpint (trap_queue_wake (queue), ==, G_MAXINT64);
  g_assert_true (add (queue, 7, 99, end + TRAP_QUEUE_REST));
  g_assert_cmpint (trap_queue_next (queue, end + TRAP_QUEUE_REST), ==, 7);
}

static void
test_repeated (void)
{
  g_autoptr (TrapQueue) queue = trap_queue_new ();
  const Pet other_time = { .sequence = 1, .timestamp = 4712 };

  g_assert_true (add (queue, 7, 1, SECOND));
  g_assert_false (add (queue, 7, 1, SECOND));
  g_assert_false (add (queue, 7, 1, SECOND + TRAP_QUEUE_REPEATED - 1));
  g_assert_true (add (queue, 8, 1, SECOND)); /* another BMC */
  g_assert_true (trap_queue_add (queue, 7, &other_time, SECOND));
  g_assert_true (add (queue, 7, 1, SECOND)); /* not the last one */
  g_assert_true (add (queue, 7, 1, SECOND + TRAP_QUEUE_REPEATED));
  /* 0 says nothing. */
  g_assert_true (add (queue, 9, 0, SECOND));
  g_assert_true (add (queue, 9, 0, SECOND));
}

/* In order, a burst at once, then so many a second; none is forgotten. */
static void
test_total (void)
{
  g_autoptr (TrapQueue) queue = trap_queue_new ();
  gint64 start = 5 * SECOND, now = start, bmc;
  guint polls = 0;

  for (gint64 id = 1; id <= 1000; id++)
    add (queue, id, 1, now);
  while ((bmc = trap_queue_next (queue, now)) != 0)
    g_assert_cmpint (bmc, ==, ++polls);
  g_assert_cmpuint (polls, ==, TRAP_QUEUE_BURST);
  while (polls < 1000)
    {
      g_assert_cmpint (trap_queue_wake (queue), >, now);
      now = trap_queue_wake (queue);
      while ((bmc = trap_queue_next (queue, now)) != 0)
        g_assert_cmpint (bmc, ==, ++polls);
      g_assert_cmpuint (polls, <=, TRAP_QUEUE_BURST + (now - start) * TRAP_QUEUE_RATE / SECOND);
    }
  g_assert_cmpint (now - start, ==, (1000 - TRAP_QUEUE_BURST) * SECOND / TRAP_QUEUE_RATE);
}

/* Whatever three BMCs send in whatever order: no BMC twice within its rest, and
 * each trap that is no repetition is followed by a poll within one rest. */
static void
test_random (void)
{
  for (guint run = 0; run < 200; run++)
    {
      g_autoptr (TrapQueue) queue = trap_queue_new ();
      gint64 polled[4] = { 0 }, owed[4] = { 0 }, now = SECOND, bmc;

      for (guint step = 0; step < 300; step++)
        {
          now += g_test_rand_int_range (0, 60000);
          bmc = g_test_rand_int_range (1, 4);
          if (add (queue, bmc, (guint16) g_test_rand_int_range (0, 3), now) && owed[bmc] == 0)
            owed[bmc] = now;
          while ((bmc = trap_queue_next (queue, now)) != 0)
            {
              g_assert_true (polled[bmc] == 0 || now - polled[bmc] >= TRAP_QUEUE_REST);
              g_assert_cmpint (owed[bmc], !=, 0);
              polled[bmc] = now;
              owed[bmc] = 0;
            }
          for (guint i = 1; i < 4; i++)
            g_assert_true (owed[i] == 0 || now - polled[i] < TRAP_QUEUE_REST);
        }
    }
}

/* ---------------------------------------------------------------- the socket */

typedef struct
{
  TrapListener *listener;
  int sender;
  struct sockaddr_in address;
  guint polls[3];
  guint guids; /* questions for one */
} Net;

static gint64
find_address (const struct sockaddr *address, gpointer user_data)
{
  char host[TRAP_ADDRESS_SIZE];

  g_assert_nonnull (user_data);
  trap_socket_host (address, host);
  return g_str_equal (host, "127.0.0.1") ? 1 : 0;
}

static gint64
find_guid (const guint8 guid[PET_GUID_SIZE], gpointer user_data)
{
  Net *net = user_data;

  net->guids++;
  /* As Get System GUID has it: the trap's, turned round. */
  return guid[0] == 0x0f && guid[15] == 0x00 ? 2 : 0;
}

static void
poll_bmc (gint64 bmc, gpointer user_data)
{
  ((Net *) user_data)->polls[bmc]++;
}

/* A PET with this GUID's first and last byte. */
static gsize
make_trap (guint8 *datagram, guint8 first, guint8 last, guint16 sequence)
{
  static const guint8 head[] = { 0x30, 0x64, 0x02, 0x01, 0x00, 0x04, 0x00, 0xa4, 0x5d, 0x06, 0x09, 0x2b, 0x06, 0x01,
                                 0x04, 0x01, 0x98, 0x6f, 0x01, 0x01, 0x40, 0x04, 0x0a, 0x01, 0x02, 0x03, 0x02, 0x01,
                                 0x06, 0x02, 0x03, 0x05, 0x6f, 0x00, 0x43, 0x02, 0x12, 0x67, 0x30, 0x3e, 0x30, 0x3c,
                                 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x98, 0x6f, 0x01, 0x01, 0x01, 0x04, 0x2e };

  memcpy (datagram, head, sizeof head);
  memset (datagram + sizeof head, 0, 46);
  datagram[sizeof head] = first;
  datagram[sizeof head + 15] = last;
  datagram[sizeof head + 16] = (guint8) (sequence >> 8);
  datagram[sizeof head + 17] = (guint8) sequence;
  return sizeof head + 46;
}

static int
open_sender (const char *address)
{
  struct sockaddr_in own = { .sin_family = AF_INET };
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (inet_pton (AF_INET, address, &own.sin_addr), ==, 1);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &own, sizeof own), ==, 0);
  return fd;
}

/* A listener on a port of the kernel's choice, by way of a passed socket. */
static void
net_open (Net *net, const char *sender)
{
  const TrapHooks hooks = { find_address, find_guid, poll_bmc };
  g_autoptr (GError) error = NULL;
  socklen_t length = sizeof net->address;
  int fd = open_sender ("127.0.0.1");

  memset (net, 0, sizeof *net);
  getsockname (fd, (struct sockaddr *) &net->address, &length);
  net->listener = trap_listener_new (NULL, fd, &hooks, net, &error);
  g_assert_no_error (error);
  close (fd); /* the listener has a copy */
  net->sender = open_sender (sender);
}

static void
net_close (Net *net)
{
  close (net->sender);
  trap_listener_free (net->listener);
}

static void
net_send (Net *net, const guint8 *datagram, gsize length)
{
  g_assert_cmpint (sendto (net->sender, datagram, length, 0, (struct sockaddr *) &net->address, sizeof net->address),
                   ==, (gssize) length);
}

static void
net_await (Net *net, guint64 received)
{
  while (trap_listener_counts (net->listener).received < received)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_by_address (void)
{
  guint8 datagram[128];
  Net net;

  net_open (&net, "127.0.0.1");
  net_send (&net, datagram, make_trap (datagram, 1, 2, 1));
  net_await (&net, 1);
  g_assert_cmpuint (net.polls[1], ==, 1);
  g_assert_cmpuint (net.guids, ==, 0);
  net_send (&net, datagram, make_trap (datagram, 1, 2, 1));
  net_await (&net, 2);
  g_assert_cmpuint (trap_listener_counts (net.listener).duplicates, ==, 1);
  g_assert_cmpuint (net.polls[1], ==, 1);
  net_close (&net);
}

static void
test_by_guid (void)
{
  guint8 datagram[128];
  Net net;

  net_open (&net, "127.0.0.9");
  net_send (&net, datagram, make_trap (datagram, 0x00, 0x0f, 1));
  net_await (&net, 1);
  g_assert_cmpuint (net.polls[2], ==, 1);
  net_close (&net);
}

static void
test_strangers (void)
{
  guint8 datagram[128];
  Net net;

  net_open (&net, "127.0.0.9");
  for (guint i = 0; i < 100; i++)
    {
      net_send (&net, datagram, make_trap (datagram, 1, 2, (guint16) i));
      net_send (&net, datagram, 0); /* an empty datagram */
      net_send (&net, datagram, 20);
      net_await (&net, 3 * (i + 1));
    }
  TrapCounts counts = trap_listener_counts (net.listener);
  g_assert_cmpuint (counts.unknown, ==, 100);
  g_assert_cmpuint (counts.garbage, ==, 200);
  g_assert_cmpuint (counts.polls, ==, 0);
  net_close (&net);
}

static gboolean
on_beat (gpointer data)
{
  ++*(guint *) data;
  return G_SOURCE_CONTINUE;
}

/* 10000 traps of one BMC, faster than anybody can read them: few polls, one of
 * them after the last trap, and the loop keeps turning for others. */
static void
test_flood (void)
{
  guint8 datagram[128];
  guint beats = 0, beat = g_timeout_add (10, on_beat, &beats);
  gint64 start = g_get_monotonic_time ();
  Net net;

  net_open (&net, "127.0.0.1");
  for (guint i = 0; i < 10000; i++)
    {
      net_send (&net, datagram, make_trap (datagram, 1, 2, (guint16) (i + 1)));
      if (i % 100 == 0)
        g_main_context_iteration (NULL, FALSE);
    }
  guint polls = net.polls[1];
  while (net.polls[1] == polls)
    g_main_context_iteration (NULL, TRUE);
  gint64 passed = g_get_monotonic_time () - start;
  g_assert_cmpuint (trap_listener_counts (net.listener).received, >, 256);
  g_assert_cmpuint (net.polls[1], <=, passed / TRAP_QUEUE_REST + 2);
  g_assert_cmpuint (beats, >=, 1);
  g_source_remove (beat);
  net_close (&net);
}

/* A port that is taken, and sockets that systemd passed. */
static void
test_sockets (void)
{
  g_autoptr (GError) error = NULL;
  struct sockaddr_in taken;
  socklen_t length = sizeof taken;
  int fd = open_sender ("127.0.0.1");

  getsockname (fd, (struct sockaddr *) &taken, &length);
  g_autofree char *listen = g_strdup_printf ("127.0.0.1:%u", ntohs (taken.sin_port));
  g_autofree char *words = g_strdup_printf ("cannot listen for traps on %s: Address already in use", listen);
  g_assert_cmpint (trap_socket_open (listen, 0, &error), ==, -1);
  g_assert_cmpstr (error->message, ==, words);
  g_clear_error (&error);

  int copy = trap_socket_open (listen, fd, &error);
  g_assert_no_error (error);
  g_assert_cmpint (copy, !=, fd);
  g_autofree char *where = trap_socket_describe (copy);
  g_assert_cmpstr (where, ==, listen);
  close (copy);

  /* Another port than the passed socket's: one of its own. */
  int passed = open_sender ("127.0.0.1");
  close (fd);
  int own = trap_socket_open (listen, passed, &error);
  g_assert_no_error (error);
  g_autofree char *again = trap_socket_describe (own);
  g_assert_cmpstr (again, ==, listen);
  close (own);
  close (passed);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/traps/addresses", test_addresses);
  g_test_add_func ("/traps/wrong-addresses", test_wrong_addresses);
  g_test_add_func ("/traps/at-once", test_at_once);
  g_test_add_func ("/traps/rest", test_rest);
  g_test_add_func ("/traps/repeated", test_repeated);
  g_test_add_func ("/traps/total", test_total);
  g_test_add_func ("/traps/random", test_random);
  g_test_add_func ("/traps/by-address", test_by_address);
  g_test_add_func ("/traps/by-guid", test_by_guid);
  g_test_add_func ("/traps/strangers", test_strangers);
  g_test_add_func ("/traps/flood", test_flood);
  g_test_add_func ("/traps/sockets", test_sockets);
  return g_test_run ();
}
