/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-inbox.c - which datagrams reach OpenIPMI.
 */
#include "collector/inbox.h"

#include <arpa/inet.h>
#include <string.h>

#define SUITE17                                                                                                        \
  {                                                                                                                    \
    TRUE, 3, 4, 1                                                                                                      \
  }

static const InboxDemand suite17 = SUITE17;

static struct sockaddr_in
address_of (const char *text, guint16 port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (port) };

  g_assert_cmpint (inet_pton (AF_INET, text, &address.sin_addr), ==, 1);
  return address;
}

static InboxSource *
add_source (Inbox *inbox, guint32 bmc, const char *text, const InboxDemand *demand)
{
  struct sockaddr_in address = address_of (text, 623);

  return inbox_source_new (inbox, bmc, (struct sockaddr *) &address, sizeof address, demand);
}

static gboolean
judge_from (Inbox *inbox, const char *text, guint16 port, const guint8 *head, gsize length, gint64 now, guint32 *bmc)
{
  struct sockaddr_in address = address_of (text, port);
  /* On the heap, and no longer: a sanitizer sees what is read beyond. */
  g_autofree guint8 *copy = g_memdup2 (head, MIN (length, INBOX_HEAD_SIZE));

  return inbox_judge (inbox, (struct sockaddr *) &address, sizeof address, copy, length, now, bmc);
}

static gboolean
judge (Inbox *inbox, const guint8 *head, gsize length)
{
  guint32 bmc;

  return judge_from (inbox, "127.0.0.1", 623, head, length, 0, &bmc);
}

/* A datagram of RMCP+. */
static void
fill_plus (guint8 *head, guint8 payload, guint8 session, guint8 status)
{
  memset (head, 0, INBOX_HEAD_SIZE);
  head[0] = 0x06;
  head[2] = 0xff;
  head[3] = 0x07;
  head[4] = 0x06;
  head[5] = payload;
  head[6] = session;
  head[14] = 36;
  head[17] = status;
}

static void
fill_open_response (guint8 *head, guint8 authentication, guint8 integrity, guint8 confidentiality)
{
  fill_plus (head, 0x11, 0, 0);
  head[16 + 16] = authentication;
  head[16 + 24] = integrity;
  head[16 + 32] = confidentiality;
}

static void
test_source (void)
{
  g_autoptr (Inbox) inbox = inbox_new ();
  InboxSource *first = add_source (inbox, 1, "127.0.0.1", &suite17);
  InboxSource *second = add_source (inbox, 2, "127.0.0.2", &suite17);
  guint8 head[INBOX_HEAD_SIZE];
  guint32 bmc;

  fill_plus (head, 0xc0, 1, 0);
  g_assert_true (judge_from (inbox, "127.0.0.1", 623, head, 64, 0, &bmc));
  g_assert_cmpuint (bmc, ==, 1);
  g_assert_true (judge_from (inbox, "127.0.0.2", 623, head, 64, 0, &bmc));
  g_assert_cmpuint (bmc, ==, 2);
  g_assert_false (judge_from (inbox, "127.0.0.3", 623, head, 64, 0, &bmc));
  g_assert_cmpuint (bmc, ==, 0);
  g_assert_false (judge_from (inbox, "127.0.0.1", 624, head, 64, 0, &bmc));
  inbox_source_free (first);
  g_assert_false (judge_from (inbox, "127.0.0.1", 623, head, 64, 0, &bmc));
  inbox_source_free (second);
}

/* Two BMCs at one address: what fits one of them goes through. */
static void
test_shared_address (void)
{
  static const InboxDemand suite3 = { TRUE, 1, 1, 1 };
  guint8 head[INBOX_HEAD_SIZE];
  guint32 bmc;

  for (guint order = 0; order < 2; order++)
    {
      g_autoptr (Inbox) inbox = inbox_new ();
      InboxSource *a = add_source (inbox, 1, "127.0.0.1", &suite17);
      InboxSource *b = add_source (inbox, 2, "127.0.0.1", &suite3);

      fill_open_response (head, 3, 4, 1);
      g_assert_true (judge_from (inbox, "127.0.0.1", 623, head, 52, 0, &bmc));
      g_assert_cmpuint (bmc, ==, 1);
      inbox_source_free (order == 0 ? a : b);
      g_assert_cmpint (judge_from (inbox, "127.0.0.1", 623, head, 52, 0, &bmc), ==, order == 1);
      inbox_source_free (order == 0 ? b : a);
      g_assert_false (judge (inbox, head, 52));
    }
}

/* All algorithms that can be said, against suite 17. */
static void
test_downgrade (void)
{
  g_autoptr (Inbox) inbox = inbox_new ();
  InboxSource *source = add_source (inbox, 1, "127.0.0.1", &suite17);
  guint8 head[INBOX_HEAD_SIZE];
  InboxCounts counts;
  guint refused = 0;

  for (guint8 authentication = 0; authentication < 5; authentication++)
    for (guint8 integrity = 0; integrity < 6; integrity++)
      for (guint8 confidentiality = 0; confidentiality < 4; confidentiality++)
        {
          gboolean same = authentication == 3 && integrity == 4 && confidentiality == 1;

          fill_open_response (head, authentication, integrity, confidentiality);
          g_assert_cmpint (judge (inbox, head, 52), ==, same);
          refused += !same;
        }
  inbox_source_counts (source, &counts);
  g_assert_cmpuint (counts.downgrades, ==, refused);
  g_assert_cmpuint (counts.passed, ==, 1);
  /* A refusal has no algorithms, and must be heard. */
  fill_plus (head, 0x11, 0, 0x11);
  g_assert_true (judge (inbox, head, 24));
  inbox_source_free (source);
}

static void
test_session (void)
{
  g_autoptr (Inbox) inbox = inbox_new ();
  InboxSource *source = add_source (inbox, 1, "127.0.0.1", &suite17);
  guint8 head[INBOX_HEAD_SIZE];
  InboxCounts counts;

  /* Within a session: an IPMI message, and authenticated. */
  for (guint payload = 0; payload < 256; payload++)
    {
      fill_plus (head, (guint8) payload, 1, 0);
      g_assert_cmpint (judge (inbox, head, 64), ==, (payload & 0x3f) == 0 && (payload & 0x40) != 0);
    }
  /* Outside: the answers of the handshake only. */
  for (guint payload = 0; payload < 256; payload++)
    {
      fill_open_response (head, 3, 4, 1);
      head[5] = (guint8) payload;
      guint8 type = payload & 0x3f;
      g_assert_cmpint (judge (inbox, head, 64), ==, type == 0x11 || type == 0x13 || type == 0x15);
    }
  inbox_source_counts (source, &counts);
  g_assert_cmpuint (counts.exchanges, ==, 8);
  inbox_source_free (source);
}

/* A session without integrity, because the user wants it, or one of IPMI 1.5. */
static void
test_weak (void)
{
  static const InboxDemand none = { TRUE, 0, 0, 0 }, any = { TRUE, INBOX_ANY, INBOX_ANY, INBOX_ANY },
                           ipmi15 = { FALSE, 1, 1, 1 };
  guint8 plain[INBOX_HEAD_SIZE], old[INBOX_HEAD_SIZE], head[INBOX_HEAD_SIZE];
  const InboxDemand *demands[] = { &none, &any, &ipmi15, &suite17 };

  fill_plus (plain, 0x00, 1, 0);
  memset (old, 0, sizeof old);
  memcpy (old, "\x06\x00\xff\x07\x02", 5);
  old[9] = 1;
  for (guint i = 0; i < G_N_ELEMENTS (demands); i++)
    {
      g_autoptr (Inbox) inbox = inbox_new ();
      InboxSource *source = add_source (inbox, 1, "127.0.0.1", demands[i]);

      g_assert_cmpint (judge (inbox, plain, 64), ==, i < 2);
      /* A session of IPMI 1.5, and the answers before one of RMCP+. */
      g_assert_cmpint (judge (inbox, old, 40), ==, demands[i] == &ipmi15);
      memcpy (head, old, sizeof head);
      head[4] = head[9] = 0;
      g_assert_true (judge (inbox, head, 30));
      fill_open_response (head, 0, 0, 0);
      g_assert_cmpint (judge (inbox, head, 52), ==, i < 2);
      inbox_source_free (source);
    }
}

/* Every datagram cut at every length, and every first byte wrong. */
static void
test_malformed (void)
{
  g_autoptr (Inbox) inbox = inbox_new ();
  InboxSource *source = add_source (inbox, 1, "127.0.0.1", &suite17);
  guint8 head[INBOX_HEAD_SIZE];

  fill_open_response (head, 3, 4, 1);
  for (gsize length = 0; length < 52; length++)
    g_assert_false (judge (inbox, head, length));
  g_assert_true (judge (inbox, head, 52));
  fill_plus (head, 0xc0, 1, 0);
  for (gsize length = 0; length < 16; length++)
    g_assert_false (judge (inbox, head, length));
  for (guint i = 0; i < 4; i++)
    {
      fill_plus (head, 0xc0, 1, 0);
      head[i] ^= 0x20;
      g_assert_cmpint (judge (inbox, head, 64), ==, i == 1);
    }
  inbox_source_free (source);
}

/* A flood costs only who floods. */
static void
test_flood (void)
{
  enum
  {
    BURST = 4096,
    RATE = 10000
  };
  g_autoptr (Inbox) inbox = inbox_new ();
  InboxSource *loud = add_source (inbox, 1, "127.0.0.1", &suite17);
  InboxSource *good = add_source (inbox, 2, "127.0.0.2", &suite17);
  gint64 now = G_USEC_PER_SEC * 100;
  guint8 head[INBOX_HEAD_SIZE];
  InboxCounts counts;
  guint32 bmc;

  fill_plus (head, 0xc0, 1, 0);
  for (guint i = 0; i < 10 * BURST; i++)
    g_assert_cmpint (judge_from (inbox, "127.0.0.1", 623, head, 64, now, &bmc), ==, i < BURST);
  g_assert_cmpuint (bmc, ==, 1);
  g_assert_true (judge_from (inbox, "127.0.0.2", 623, head, 64, now, &bmc));
  inbox_source_counts (loud, &counts);
  g_assert_cmpuint (counts.flooding, ==, 9 * BURST);
  /* A tenth of a second on there is a tenth of the rate. */
  now += G_USEC_PER_SEC / 10;
  for (guint i = 0; i < BURST; i++)
    g_assert_cmpint (judge_from (inbox, "127.0.0.1", 623, head, 64, now, &bmc), ==, i < RATE / 10);
  inbox_source_free (loud);
  inbox_source_free (good);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/inbox/source", test_source);
  g_test_add_func ("/inbox/shared-address", test_shared_address);
  g_test_add_func ("/inbox/downgrade", test_downgrade);
  g_test_add_func ("/inbox/session", test_session);
  g_test_add_func ("/inbox/weak", test_weak);
  g_test_add_func ("/inbox/malformed", test_malformed);
  g_test_add_func ("/inbox/flood", test_flood);
  return g_test_run ();
}
