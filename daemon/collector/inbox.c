/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* inbox.c - see inbox.h. */
#include "inbox.h"

#include <netinet/in.h>
#include <string.h>

/* Far more than a BMC answers when its SEL is read as fast as it can. */
#define RATE 10000 /* datagrams a second */
#define BURST 4096

/* RMCP (13.1.3) and session headers (13.6). */
#define RMCP_VERSION 0x06
#define RMCP_NO_ACK 0xff
#define RMCP_CLASS_IPMI 0x07
#define AUTH_TYPE_MASK 0x0f
#define AUTH_TYPE_NONE 0x00
#define AUTH_TYPE_RMCP_PLUS 0x06
#define SESSION_ID_15 9u
#define HEADER_15 14u
#define PAYLOAD_AUTHENTICATED 0x40
#define PAYLOAD_TYPE_MASK 0x3f
#define PAYLOAD_IPMI 0x00
#define PAYLOAD_OPEN_RESPONSE 0x11
#define PAYLOAD_RAKP2 0x13
#define PAYLOAD_RAKP4 0x15
#define SESSION_ID_20 6u
#define HEADER_20 16u

/* RMCP+ Open Session Response (table 13-10), from the start of the datagram. */
#define OPEN_STATUS (HEADER_20 + 1u)
#define OPEN_AUTHENTICATION (HEADER_20 + 16u)
#define OPEN_INTEGRITY (HEADER_20 + 24u)
#define OPEN_CONFIDENTIALITY (HEADER_20 + 32u)
#define OPEN_SIZE (HEADER_20 + 36u)
#define ALGORITHM_MASK 0x3f

typedef struct
{
  guint16 family;
  guint16 port;
  guint8 address[16];
} Key;

struct _InboxSource
{
  Inbox *inbox;
  Key key;
  InboxSource *next; /* of the same address */
  guint32 bmc;
  InboxDemand demand;
  InboxCounts counts;
  gint64 refilled;
  guint tokens;
};

struct _Inbox
{
  GHashTable *sources; /* Key -> InboxSource */
};

static guint
key_hash (gconstpointer pointer)
{
  const guint8 *bytes = pointer;
  guint hash = 5381;

  for (gsize i = 0; i < sizeof (Key); i++)
    hash = hash * 33 + bytes[i];
  return hash;
}

static gboolean
key_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (Key)) == 0;
}

static Key
key_of (const struct sockaddr *address, socklen_t length)
{
  Key key;

  memset (&key, 0, sizeof key);
  key.family = address->sa_family;
  if (address->sa_family == AF_INET && length >= sizeof (struct sockaddr_in))
    {
      const struct sockaddr_in *in = (gconstpointer) address;

      key.port = in->sin_port;
      memcpy (key.address, &in->sin_addr, sizeof in->sin_addr);
    }
  else if (address->sa_family == AF_INET6 && length >= sizeof (struct sockaddr_in6))
    {
      const struct sockaddr_in6 *in = (gconstpointer) address;

      key.port = in->sin6_port;
      memcpy (key.address, &in->sin6_addr, sizeof key.address);
    }
  return key;
}

Inbox *
inbox_new (void)
{
  Inbox *inbox = g_new (Inbox, 1);

  inbox->sources = g_hash_table_new (key_hash, key_equal);
  return inbox;
}

void
inbox_free (Inbox *inbox)
{
  if (inbox == NULL)
    return;
  g_hash_table_unref (inbox->sources);
  g_free (inbox);
}

InboxSource *
inbox_source_new (Inbox *inbox, guint32 bmc, const struct sockaddr *address, socklen_t length,
                  const InboxDemand *demand)
{
  InboxSource *source = g_new0 (InboxSource, 1);

  source->inbox = inbox;
  source->key = key_of (address, length);
  source->bmc = bmc;
  source->demand = *demand;
  source->tokens = BURST;
  source->next = g_hash_table_lookup (inbox->sources, &source->key);
  g_hash_table_replace (inbox->sources, &source->key, source);
  return source;
}

void
inbox_source_free (InboxSource *source)
{
  InboxSource *first, **place;

  if (source == NULL)
    return;
  first = g_hash_table_lookup (source->inbox->sources, &source->key);
  g_hash_table_remove (source->inbox->sources, &source->key);
  for (place = &first; *place != source; place = &(*place)->next)
    ;
  *place = source->next;
  if (first != NULL)
    g_hash_table_insert (source->inbox->sources, &first->key, first);
  g_free (source);
}

void
inbox_source_counts (const InboxSource *source, InboxCounts *counts)
{
  *counts = source->counts;
}

/* -------------------------------------------------------------------- judge */

static gboolean
take_token (InboxSource *source, gint64 now)
{
  gint64 fresh = (now - source->refilled) * RATE / G_USEC_PER_SEC;

  if (fresh > 0)
    {
      source->tokens = (guint) MIN (source->tokens + fresh, BURST);
      source->refilled = now;
    }
  if (source->tokens == 0)
    return FALSE;
  source->tokens--;
  return TRUE;
}

static gboolean
is_zero (const guint8 *number)
{
  return (number[0] | number[1] | number[2] | number[3]) == 0;
}

static gboolean
is_as_demanded (int demanded, guint8 algorithm)
{
  return demanded == INBOX_ANY || demanded == (algorithm & ALGORITHM_MASK);
}

/* A refusal is fine as it is; OpenIPMI checks what else is in it. */
static gboolean
open_response_fits (InboxSource *source, const guint8 *head, gsize length)
{
  const InboxDemand *demand = &source->demand;

  if (length > OPEN_STATUS && head[OPEN_STATUS] != 0)
    return TRUE;
  if (length < OPEN_SIZE)
    return FALSE;
  if (is_as_demanded (demand->authentication, head[OPEN_AUTHENTICATION])
      && is_as_demanded (demand->integrity, head[OPEN_INTEGRITY])
      && is_as_demanded (demand->confidentiality, head[OPEN_CONFIDENTIALITY]))
    return TRUE;
  source->counts.downgrades++;
  return FALSE;
}

static gboolean
rmcp_plus_fits (InboxSource *source, const guint8 *head, gsize length)
{
  guint8 payload;

  if (length < HEADER_20)
    return FALSE;
  payload = head[5] & PAYLOAD_TYPE_MASK;
  if (!is_zero (head + SESSION_ID_20))
    /* Serial over LAN and the makers' own payloads were never asked for. */
    return payload == PAYLOAD_IPMI && ((head[5] & PAYLOAD_AUTHENTICATED) != 0 || source->demand.integrity <= 0);
  if (payload == PAYLOAD_OPEN_RESPONSE)
    return open_response_fits (source, head, length);
  if (payload != PAYLOAD_RAKP2 && payload != PAYLOAD_RAKP4)
    return FALSE;
  source->counts.exchanges++;
  return TRUE;
}

/* Before an RMCP+ session there are messages in the format of IPMI 1.5. */
static gboolean
ipmi15_fits (const InboxSource *source, const guint8 *head, gsize length)
{
  if (length < HEADER_15)
    return FALSE;
  return !source->demand.rmcp_plus || ((head[4] & AUTH_TYPE_MASK) == AUTH_TYPE_NONE && is_zero (head + SESSION_ID_15));
}

static gboolean
source_takes (InboxSource *source, const guint8 *head, gsize length)
{
  if (length < 5 || head[0] != RMCP_VERSION || head[2] != RMCP_NO_ACK || head[3] != RMCP_CLASS_IPMI)
    return FALSE;
  if ((head[4] & AUTH_TYPE_MASK) == AUTH_TYPE_RMCP_PLUS)
    return rmcp_plus_fits (source, head, length);
  return ipmi15_fits (source, head, length);
}

gboolean
inbox_judge (Inbox *inbox, const struct sockaddr *from, socklen_t from_length, const guint8 *head, gsize length,
             gint64 now, guint32 *bmc)
{
  Key key = key_of (from, from_length);
  InboxSource *source = g_hash_table_lookup (inbox->sources, &key);

  *bmc = source == NULL ? 0 : source->bmc;
  for (; source != NULL; source = source->next)
    {
      if (!take_token (source, now))
        source->counts.flooding++;
      else if (!source_takes (source, head, length))
        source->counts.unfit++;
      else
        {
          source->counts.passed++;
          *bmc = source->bmc;
          return TRUE;
        }
    }
  return FALSE;
}
