/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sdr-blob.c - see sdr-blob.h. */
#include "sdr-blob.h"

#include <OpenIPMI/ipmi_sdr.h>
#include <string.h>

/* OpenIPMI: two times of four bytes, least significant first, then this. */
#define TRAILER_SIZE 9u
#define TRAILER_FORMAT 1u

/* Ours: "SDR", a format number, the two times, how many records (two bytes); then
 * for each record its id (two bytes), version (two), type, length, and data. */
#define MAGIC "SDR\1"
#define MAGIC_SIZE 4u
#define HEAD_SIZE (MAGIC_SIZE + 4u + 4u + 2u)
#define RECORD_HEAD_SIZE 6u

static void
append_uint (GByteArray *bytes, guint32 value, guint size)
{
  for (guint i = 0; i < size; i++)
    {
      guint8 byte = (guint8) (value >> (8 * i));

      g_byte_array_append (bytes, &byte, 1);
    }
}

static guint32
get_uint (const guint8 *bytes, guint size)
{
  guint32 value = 0;

  for (guint i = 0; i < size; i++)
    value |= (guint32) bytes[i] << (8 * i);
  return value;
}

static void
put_uint32 (guint8 *bytes, guint32 value)
{
  for (guint i = 0; i < 4; i++)
    bytes[i] = (guint8) (value >> (8 * i));
}

gboolean
sdr_times_are_good (SdrTimes times)
{
  return times.add != 0 && times.add != G_MAXUINT32 && times.erase != 0 && times.erase != G_MAXUINT32;
}

gboolean
sdr_blob_times (const guint8 *data, gsize length, SdrTimes *times)
{
  if (length < TRAILER_SIZE || data[length - 1] != TRAILER_FORMAT || (length - TRAILER_SIZE) % sizeof (ipmi_sdr_t) != 0)
    return FALSE;
  times->add = get_uint (data + length - TRAILER_SIZE, 4);
  times->erase = get_uint (data + length - TRAILER_SIZE + 4, 4);
  return TRUE;
}

/* -------------------------------------------------------------------- pack */

static void
append_record (GByteArray *bytes, const ipmi_sdr_t *record)
{
  const guint8 head[] = { record->major_version, record->minor_version, record->type, record->length };

  append_uint (bytes, record->record_id, 2);
  g_byte_array_append (bytes, head, sizeof head);
  g_byte_array_append (bytes, record->data, record->length);
}

GBytes *
sdr_blob_pack (const guint8 *data, gsize length, gsize maximum)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  SdrTimes times;
  gsize records;

  if (!sdr_blob_times (data, length, &times) || !sdr_times_are_good (times))
    return NULL;
  records = (length - TRAILER_SIZE) / sizeof (ipmi_sdr_t);
  if (records == 0 || records > SDR_WATCH_RECORDS_MAX)
    return NULL;
  g_byte_array_append (bytes, (const guint8 *) MAGIC, MAGIC_SIZE);
  append_uint (bytes, times.add, 4);
  append_uint (bytes, times.erase, 4);
  append_uint (bytes, (guint32) records, 2);
  for (gsize i = 0; i < records; i++)
    {
      ipmi_sdr_t record;

      memcpy (&record, data + i * sizeof record, sizeof record);
      append_record (bytes, &record);
    }
  /* A copy: the array has room for up to twice as much. */
  return bytes->len > maximum ? NULL : g_bytes_new (bytes->data, bytes->len);
}

/* ------------------------------------------------------------------ unpack */

typedef struct
{
  const guint8 *bytes;
  gsize left;
} Reader;

G_STATIC_ASSERT (sizeof ((ipmi_sdr_t *) NULL)->data >= G_MAXUINT8);

static gboolean
read_record (Reader *reader, ipmi_sdr_t *record)
{
  const guint8 *head = reader->bytes;

  if (reader->left < RECORD_HEAD_SIZE || reader->left < RECORD_HEAD_SIZE + head[5])
    return FALSE;
  record->record_id = (uint16_t) get_uint (head, 2);
  record->major_version = head[2];
  record->minor_version = head[3];
  record->type = head[4];
  record->length = head[5];
  memcpy (record->data, head + RECORD_HEAD_SIZE, record->length);
  reader->bytes += RECORD_HEAD_SIZE + record->length;
  reader->left -= RECORD_HEAD_SIZE + record->length;
  return TRUE;
}

static gboolean
read_records (Reader *reader, SdrWatch *watch, guint8 *data, gsize records)
{
  for (gsize i = 0; i < records; i++)
    {
      ipmi_sdr_t record = { 0 };

      if (!read_record (reader, &record))
        return FALSE;
      sdr_watch_record (watch, &record.type, record.data, record.length);
      memcpy (data + i * sizeof record, &record, sizeof record);
    }
  return reader->left == 0;
}

guint8 *
sdr_blob_unpack (GBytes *packed, SdrWatch *watch, gsize *length)
{
  Reader reader = { .left = 0 };
  g_autofree guint8 *data = NULL;
  SdrTimes times;
  gsize records;
  guint8 *trailer;

  reader.bytes = g_bytes_get_data (packed, &reader.left);
  if (reader.left < HEAD_SIZE || memcmp (reader.bytes, MAGIC, MAGIC_SIZE) != 0)
    return NULL;
  times = (SdrTimes){ get_uint (reader.bytes + MAGIC_SIZE, 4), get_uint (reader.bytes + MAGIC_SIZE + 4, 4) };
  records = get_uint (reader.bytes + MAGIC_SIZE + 8, 2);
  reader.bytes += HEAD_SIZE;
  reader.left -= HEAD_SIZE;
  if (!sdr_times_are_good (times) || records == 0 || records > SDR_WATCH_RECORDS_MAX)
    return NULL;
  *length = records * sizeof (ipmi_sdr_t) + TRAILER_SIZE;
  data = g_malloc0 (*length);
  if (!read_records (&reader, watch, data, records))
    return NULL;
  sdr_watch_expect (watch, (guint) records);
  trailer = data + records * sizeof (ipmi_sdr_t);
  put_uint32 (trailer, times.add);
  put_uint32 (trailer + 4, times.erase);
  trailer[8] = TRAILER_FORMAT;
  return g_steal_pointer (&data);
}
