/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sdr-watch.c - see sdr-watch.h. */
#include "sdr-watch.h"

#include "guard.h"
#include "id-string.h"

#include <string.h>

#define GET_DEVICE_SDR 0x21
#define GET_REPOSITORY_INFO 0x20
#define GET_SDR 0x23

#define TYPE_FULL 0x01
#define TYPE_COMPACT 0x02
#define TYPE_EVENT_ONLY 0x03
#define TYPE_SKIPPED 0xc0 /* OEM: the library keeps it and looks no further */

/* Places in the reply to Get SDR Repository Info. */
#define ADD_TIME 6u
#define ERASE_TIME 10u

#define HEADER_SIZE 5u
/* What may lie beyond it is never looked at; offsets in requests are bytes. */
#define BODY_MAX 64u

/* The library asks for less then (5.2). */
#define CANNOT_RETURN_SO_MANY 0xca
#define RESERVATION_LOST 0xc5

/* "Data changed, read this record again" (33.12). */
#define RECORD_CHANGED 0x80

/* Places in the body, counted after the header (43.1 to 43.3). */
#define BODY_NUMBER 2u
#define BODY_COMPACT_SHARING 18u
#define BODY_EVENT_ONLY_SHARING 7u
#define BODY_EVENT_ONLY_NAME 11u

typedef struct
{
  gboolean used;
  guint8 netfn;
  guint16 id;
  guint8 type;
  guint8 length;
  gboolean numbered; /* its sensor number has been seen */
  guint missing;     /* bytes of the body not yet seen */
  guint8 body[BODY_MAX];
} Record;

struct _SdrWatch
{
  Record records[4]; /* the library asks for two chunks at a time, at most for a handful */
  guint next;
  guint begun;
  guint failures;
  guint sensors;
  guint expected; /* records in the repository; 0: any number */
  gboolean times_known;
  SdrTimes times;
  GHashTable *names; /* key_of() -> string */
};

SdrWatch *
sdr_watch_new (void)
{
  SdrWatch *watch = g_new0 (SdrWatch, 1);

  watch->names = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  return watch;
}

void
sdr_watch_free (SdrWatch *watch)
{
  if (watch == NULL)
    return;
  g_hash_table_unref (watch->names);
  g_free (watch);
}

guint
sdr_watch_records (const SdrWatch *watch)
{
  return watch->begun;
}

guint
sdr_watch_failures (const SdrWatch *watch)
{
  return watch->failures;
}

/* What the library gives up on: anything else than what it tries again, and
 * than a repository without a first record. */
static gboolean
is_failure (guint8 code, const guint8 *request, gsize request_length)
{
  gboolean first = request_length == 6 && request[2] == 0 && request[3] == 0;

  return code != RECORD_CHANGED && code != RESERVATION_LOST && code != CANNOT_RETURN_SO_MANY && !first;
}

static gpointer
key_of (guint8 owner, guint8 channel, guint8 lun, guint8 number)
{
  return GUINT_TO_POINTER ((guint) owner << 24 | (guint) (channel & 0xf) << 16 | (guint) (lun & 3) << 8 | number);
}

const char *
sdr_watch_name (const SdrWatch *watch, guint8 owner, guint8 channel, guint8 lun, guint8 number)
{
  return g_hash_table_lookup (watch->names, key_of (owner, channel, lun, number));
}

static guint
sharing_place (guint8 type)
{
  return type == TYPE_COMPACT ? BODY_COMPACT_SHARING : BODY_EVENT_ONLY_SHARING;
}

/* The least that the library reads of a record of this type. */
static guint
least_length (guint8 type)
{
  switch (type)
    {
    case TYPE_FULL:
      return 43;
    case TYPE_COMPACT:
      return 27;
    case TYPE_EVENT_ONLY:
      return 12;
    case 0x08: /* entity association */
      return 11;
    case 0x09: /* device-relative entity association */
      return 27;
    case 0x10: /* device locators */
    case 0x11:
    case 0x12:
    case 0x14: /* message channel info */
      return 11;
    default:
      return 0;
    }
}

static gboolean
is_sensor (guint8 type)
{
  return type >= TYPE_FULL && type <= TYPE_EVENT_ONLY;
}

static Record *
find_record (SdrWatch *watch, guint8 netfn, guint16 id)
{
  for (guint i = 0; i < G_N_ELEMENTS (watch->records); i++)
    if (watch->records[i].used && watch->records[i].netfn == netfn && watch->records[i].id == id)
      return &watch->records[i];
  return NULL;
}

static Record *
begin_record (SdrWatch *watch, guint8 netfn, guint16 id)
{
  Record *record = find_record (watch, netfn, id);

  if (record == NULL)
    record = &watch->records[watch->next++ % G_N_ELEMENTS (watch->records)];
  *record = (Record){ .used = TRUE, .netfn = netfn, .id = id };
  return record;
}

/* header: record id, version, type, length. */
static void
take_header (SdrWatch *watch, guint8 netfn, guint16 id, guint8 *header)
{
  Record *record = begin_record (watch, netfn, id);

  watch->begun++;
  if (header[4] < least_length (header[3]) || (is_sensor (header[3]) && watch->sensors >= SDR_WATCH_SENSORS_MAX))
    header[3] = TYPE_SKIPPED;
  record->type = header[3];
  record->length = header[4];
  record->missing = header[4];
  if (is_sensor (record->type))
    watch->sensors++;
}

/* Several sensors share one record: none may get a number beyond 255, and all
 * count. */
static void
limit_sharing (SdrWatch *watch, const Record *record, guint8 *sharing)
{
  guint shares = *sharing & 0xf;
  guint room
      = MIN (256u - record->body[BODY_NUMBER], SDR_WATCH_SENSORS_MAX - MIN (watch->sensors, SDR_WATCH_SENSORS_MAX) + 1);

  if (shares > room)
    {
      *sharing = (guint8) ((*sharing & 0xf0) | MAX (room, 1));
      shares = MAX (room, 1);
    }
  if (shares > 1)
    watch->sensors += shares - 1;
}

static void
note_names (SdrWatch *watch, const Record *record)
{
  const guint8 *body = record->body;
  guint shares = MAX (body[BODY_EVENT_ONLY_SHARING] & 0xf, 1);
  guint first = body[8] & 0x7f;
  gboolean letters = ((body[BODY_EVENT_ONLY_SHARING] >> 4) & 3) == 1;
  g_autofree char *name
      = id_string_decode (body + BODY_EVENT_ONLY_NAME, MIN (record->length, BODY_MAX) - BODY_EVENT_ONLY_NAME);

  for (guint i = 0; i < shares && body[BODY_NUMBER] + i <= 255; i++)
    {
      guint8 number = (guint8) (body[BODY_NUMBER] + i);

      g_hash_table_replace (watch->names, key_of (body[0], body[1] >> 4, body[1], number),
                            shares == 1 ? g_strdup (name) : id_string_with_modifier (name, first + i, letters));
    }
}

/* FALSE: the chunks came out of order, and this one cannot be judged. */
static gboolean
take_body (SdrWatch *watch, Record *record, guint start, guint8 *bytes, guint count)
{
  guint end = start + count;
  guint sharing = sharing_place (record->type);

  for (guint i = start; i < MIN (end, BODY_MAX); i++)
    record->body[i] = bytes[i - start];
  if (start <= BODY_NUMBER && end > BODY_NUMBER)
    record->numbered = TRUE;
  if ((record->type == TYPE_COMPACT || record->type == TYPE_EVENT_ONLY) && start <= sharing && end > sharing)
    {
      if (!record->numbered)
        return FALSE;
      limit_sharing (watch, record, &bytes[sharing - start]);
      record->body[sharing] = bytes[sharing - start];
    }
  record->missing -= MIN (record->missing, count);
  if (record->missing == 0 && record->type == TYPE_EVENT_ONLY)
    note_names (watch, record);
  return TRUE;
}

/* Nothing is found by its id and network function: it comes in one piece. */
void
sdr_watch_record (SdrWatch *watch, guint8 *type, guint8 *body, guint8 length)
{
  guint8 header[HEADER_SIZE] = { 0, 0, 0, *type, length };

  take_header (watch, 0, 0, header);
  *type = header[3];
  take_body (watch, find_record (watch, 0, 0), 0, body, length);
}

static void
take_chunk (SdrWatch *watch, guint8 netfn, const guint8 *request, guint8 *reply)
{
  guint16 id = (guint16) (request[2] | request[3] << 8);
  guint offset = request[4];
  guint count = request[5];
  Record *record;

  if (offset == 0 && count == HEADER_SIZE)
    take_header (watch, netfn, id, reply + 3);
  if (offset < HEADER_SIZE)
    return;
  record = find_record (watch, netfn, id);
  if (record == NULL || !take_body (watch, record, offset - HEADER_SIZE, reply + 3, count))
    reply[0] = RECORD_CHANGED;
}

void
sdr_watch_expect (SdrWatch *watch, guint records)
{
  watch->expected = records;
}

static guint32
get_uint32 (const guint8 *bytes)
{
  return bytes[0] | (guint32) bytes[1] << 8 | (guint32) bytes[2] << 16 | (guint32) bytes[3] << 24;
}

gboolean
sdr_watch_times (const SdrWatch *watch, SdrTimes *times)
{
  *times = watch->times;
  return watch->times_known;
}

/* Get SDR Repository Info (33.9). */
static void
take_repository_info (SdrWatch *watch, guint8 *reply, gsize length)
{
  /* The library makes room for all of them at once. */
  guint told = reply[2] | (guint) reply[3] << 8;
  guint records = MIN (told, SDR_WATCH_RECORDS_MAX);

  reply[2] = records & 0xff;
  reply[3] = (guint8) (records >> 8);
  watch->sensors = 0; /* it begins anew */
  if (length < ERASE_TIME + 4)
    return;
  watch->times = (SdrTimes){ get_uint32 (reply + ADD_TIME), get_uint32 (reply + ERASE_TIME) };
  watch->times_known = TRUE;
  /* No erase time: the cache has none without, so it is another. */
  if (watch->expected != 0 && watch->expected != told)
    memset (reply + ERASE_TIME, 0, 4);
  watch->expected = 0;
}

void
sdr_watch_reply (SdrWatch *watch, guint8 netfn, guint8 command, const guint8 *request, gsize request_length,
                 guint8 *reply, gsize reply_length)
{
  gboolean is_sdr = (netfn == GUARD_NETFN_STORAGE && command == GET_SDR)
                    || (netfn == GUARD_NETFN_SENSOR && command == GET_DEVICE_SDR);

  if (reply_length == 0)
    return;
  if (reply[0] != 0)
    {
      watch->failures += is_sdr && is_failure (reply[0], request, request_length);
      return;
    }
  if (netfn == GUARD_NETFN_STORAGE && command == GET_REPOSITORY_INFO && reply_length >= 4)
    take_repository_info (watch, reply, reply_length);
  if (is_sdr && request_length == 6 && reply_length == 3u + request[5])
    take_chunk (watch, netfn, request, reply);
}
