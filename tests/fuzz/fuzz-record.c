/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-record.c - SEL records to events, sentences and severities, and replies through
 * the guard and the watch over the SDRs.
 *
 * The first 16 bytes are a record; the rest is read as replies: netfn, command,
 * length of the request, request, length of the reply, reply, and so on.
 */
#include "collector/guard.h"
#include "collector/record.h"
#include "collector/sdr-watch.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* One line, for people. */
static void
check_line (const char *line)
{
  g_assert (line != NULL && *line != '\0' && g_utf8_validate (line, -1, NULL));
  g_assert (strpbrk (line, "\n\r") == NULL && strlen (line) <= EVENT_STRING_MAX);
}

/* What a sensor would add: a name that may be anything, and numbers. */
static void
add_sensor (IpmidEvent *event, const guint8 *record)
{
  char name[FRAME_RECORD_SIZE + 1] = "";

  memcpy (name, record, FRAME_RECORD_SIZE);
  event_set_string (event, IPMID_FIELD_SENSOR, name);
  event_set_double (event, IPMID_FIELD_VALUE, record[RECORD_DATA_2]);
  event_set_double (event, IPMID_FIELD_LIMIT, record[RECORD_DATA_3]);
  event_set_string (event, IPMID_FIELD_UNIT, record[0] % 2 == 0 ? "%" : "°C");
}

static void
try_record (const guint8 *record)
{
  static const guint32 manufacturers[] = { 0, MAKER_INTEL, MAKER_DELL, MAKER_SUPERMICRO };
  static const guint16 products[] = { 0, 111, 2098, 2099 };
  g_autoptr (IpmidEvent) event = record_to_event (record, record[0] & 1);
  const Maker maker = { manufacturers[record[0] >> 1 & 3], products[record[0] >> 3 & 3], record[0] >> 5 & 3 };

  if ((record[0] & 0x80) != 0)
    add_sensor (event, record);
  record_describe (event, record, &maker);
  check_line (event_string (event, IPMID_FIELD_TEXT));
  if (event_has (event, IPMID_FIELD_STATE))
    check_line (event_string (event, IPMID_FIELD_STATE));
  if (event_has (event, IPMID_FIELD_COMPONENT))
    check_line (event_string (event, IPMID_FIELD_COMPONENT));
  g_assert (event_has (event, IPMID_FIELD_SEVERITY));
  g_assert (record[RECORD_TYPE] != RECORD_TYPE_SYSTEM_EVENT || (record[RECORD_EVENT_TYPE] & 0x80) == 0
            || event_integer (event, IPMID_FIELD_SEVERITY) <= IPMID_SEVERITY_INFO);
  g_assert (!record_is_attributable (record) || record[RECORD_TYPE] == RECORD_TYPE_SYSTEM_EVENT);

  g_autoptr (GVariant) variant = g_variant_ref_sink (event_to_variant (event));
  g_autoptr (IpmidEvent) again = event_from_variant (variant, NULL);
  g_assert (again != NULL);
}

/* A piece of the input that begins with its length. */
static gboolean
take (const guint8 **data, gsize *size, gsize maximum, const guint8 **piece, gsize *length)
{
  if (*size < 1)
    return FALSE;
  *length = MIN (MIN (**data, *size - 1), maximum);
  *piece = *data + 1;
  *data += 1 + *length;
  *size -= 1 + *length;
  return TRUE;
}

static void
try_replies (const guint8 *data, gsize size)
{
  g_autoptr (SdrWatch) watch = sdr_watch_new ();

  while (size > 2)
    {
      guint8 netfn = data[0];
      guint8 command = data[1];
      const guint8 *request, *reply;
      gsize request_length, reply_length;

      data += 2;
      size -= 2;
      if (!take (&data, &size, 8, &request, &request_length) || !take (&data, &size, 255, &reply, &reply_length))
        return;
      /* Exactly as long as it says, so that one byte beyond is noticed. */
      g_autofree guint8 *copy = g_memdup2 (reply, reply_length);
      if (reply_length > 0 && guard_reply_fits (netfn, command, request, request_length, copy, reply_length))
        sdr_watch_reply (watch, netfn, command, request, request_length, copy, reply_length);
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  if (size < FRAME_RECORD_SIZE)
    return 0;
  try_record (data);
  try_replies (data + FRAME_RECORD_SIZE, size - FRAME_RECORD_SIZE);
  return 0;
}
