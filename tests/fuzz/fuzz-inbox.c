/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-inbox.c - any datagrams from anywhere: nothing is read beyond their first
 * bytes, each is counted once for each source that was asked, and none reaches
 * OpenIPMI that its session does not allow.
 *
 * Input: what two BMCs demand, then a row of datagrams: who sends it, when, how
 * long it is, and its first bytes.
 */
#include "collector/inbox.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define SOURCES 3u
#define DEMAND_SIZE 4u
#define DATAGRAM_HEADER 5u

typedef struct
{
  Inbox *inbox;
  InboxSource *sources[SOURCES];
  InboxDemand demands[SOURCES];
  gint64 now;
} Bench;

static struct sockaddr_in
address_of (guint8 host)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (623) };

  address.sin_addr.s_addr = htonl (0x7f000001u + host);
  return address;
}

static int
read_algorithm (uint8_t byte)
{
  return byte == 0xff ? INBOX_ANY : byte & 0x3f;
}

/* The last two sources have the same address. */
static void
add_source (Bench *bench, guint i, const uint8_t *demand)
{
  struct sockaddr_in address = address_of (MIN (i, SOURCES - 2) != 0);

  bench->demands[i] = (InboxDemand){ (demand[0] & 1) != 0, read_algorithm (demand[1]), read_algorithm (demand[2]),
                                     read_algorithm (demand[3]) };
  bench->sources[i]
      = inbox_source_new (bench->inbox, i + 1, (struct sockaddr *) &address, sizeof address, &bench->demands[i]);
}

static gboolean
is_demanded (int demanded, guint8 algorithm)
{
  return demanded == INBOX_ANY || demanded == (algorithm & 0x3f);
}

/* The rules of inbox.h about RMCP+, said once more. */
static void
check_passed (const InboxDemand *demand, const uint8_t *head, gsize length)
{
  static const uint8_t nothing[4] = { 0 };

  if (length < 14 || head[3] != 0x07)
    abort ();
  if (!demand->rmcp_plus)
    return;
  if ((head[4] & 0x0f) != 0x06)
    {
      if ((head[4] & 0x0f) != 0 || memcmp (head + 9, nothing, 4) != 0)
        abort ();
      return;
    }
  if (memcmp (head + 6, nothing, 4) != 0)
    {
      if ((head[5] & 0x3f) != 0 || (demand->integrity > 0 && (head[5] & 0x40) == 0))
        abort ();
      return;
    }
  if ((head[5] & 0x3f) != 0x11 && (head[5] & 0x3f) != 0x13 && (head[5] & 0x3f) != 0x15)
    abort ();
  if ((head[5] & 0x3f) == 0x11 && length > 17 && head[17] == 0
      && (length < 52 || !is_demanded (demand->authentication, head[32]) || !is_demanded (demand->integrity, head[40])
          || !is_demanded (demand->confidentiality, head[48])))
    abort ();
}

static guint64
judged (const Bench *bench, guint64 *passed)
{
  guint64 sum = 0;

  *passed = 0;
  for (guint i = 0; i < SOURCES; i++)
    if (bench->sources[i] != NULL)
      {
        InboxCounts counts;

        inbox_source_counts (bench->sources[i], &counts);
        sum += counts.passed + counts.flooding + counts.unfit;
        *passed += counts.passed;
      }
  return sum;
}

static void
judge (Bench *bench, guint8 host, const uint8_t *bytes, gsize available, gsize length)
{
  struct sockaddr_in address = address_of (host & 3);
  guint64 passed, passed_before, before = judged (bench, &passed_before);
  /* On the heap, and no longer: AddressSanitizer sees where it ends. */
  gsize kept = MIN (MIN (length, INBOX_HEAD_SIZE), available);
  g_autofree uint8_t *head = g_memdup2 (bytes, kept);
  guint32 bmc = G_MAXUINT32;
  gboolean taken = inbox_judge (bench->inbox, (struct sockaddr *) &address,
                                (host & 0x80) != 0 ? sizeof (sa_family_t) : sizeof address, head,
                                kept < MIN (length, INBOX_HEAD_SIZE) ? kept : length, bench->now, &bmc);
  guint64 after = judged (bench, &passed);

  if (passed - passed_before != (guint64) taken || after - before > 2 || bmc > SOURCES)
    abort ();
  if (taken)
    check_passed (&bench->demands[bmc - 1], head, kept);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  Bench bench = { .inbox = inbox_new (), .now = 1 };

  for (guint i = 0; i < SOURCES && size >= DEMAND_SIZE; i++, data += DEMAND_SIZE, size -= DEMAND_SIZE)
    add_source (&bench, i, data);
  while (size >= DATAGRAM_HEADER)
    {
      gsize length = (gsize) data[3] | (gsize) data[4] << 8;
      gsize available = MIN (length, size - DATAGRAM_HEADER);

      bench.now += (gint64) data[1] << (data[2] & 31);
      /* A BMC that is taken away, whichever stands first at its address. */
      if (data[0] == 0x7f && length < SOURCES)
        g_clear_pointer (&bench.sources[length], inbox_source_free);
      judge (&bench, data[0], data + DATAGRAM_HEADER, available, length);
      data += DATAGRAM_HEADER + available;
      size -= DATAGRAM_HEADER + available;
    }
  for (guint i = 0; i < SOURCES; i++)
    inbox_source_free (bench.sources[i]);
  inbox_free (bench.inbox);
  return 0;
}
