/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sentence.c - see sentence.h. */
#include "sentence.h"

#include "event/spec.h"
#include "event/states.h"
#include "extension.h"
#include "record.h"

#define THRESHOLD_OFFSETS 12u

/* Where an OEM record's own bytes begin (32.2, 32.3). */
#define OEM_TIMED_DATA 10u
#define OEM_UNTIMED_DATA 3u

/* Event data 1 of a threshold event (table 29-6). */
#define READING_IN_DATA_2 1
#define THRESHOLD_IN_DATA_3 1

static gboolean
is_deasserted (const guint8 *record)
{
  return (record[RECORD_EVENT_TYPE] & 0x80) != 0;
}

static guint
offset_of (const guint8 *record)
{
  return record[RECORD_DATA_1] & 0x0f;
}

static void
append_bytes (GString *text, const guint8 *bytes, guint n)
{
  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, " %02x", bytes[i]);
}

/* --------------------------------------------------------------- thresholds */

static void
append_number (GString *text, double number)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append (text, g_ascii_formatd (buffer, sizeof buffer, "%.6g", number));
}

static const char *
relation (double value, double limit)
{
  return value > limit ? " > " : value < limit ? " < " : " = ";
}

static void
append_reading (GString *text, const IpmidEvent *event)
{
  const char *unit = event_string (event, IPMID_FIELD_UNIT);
  double value = event_double (event, IPMID_FIELD_VALUE);

  g_string_append (text, ", ");
  append_number (text, value);
  if (event_has (event, IPMID_FIELD_LIMIT))
    {
      double limit = event_double (event, IPMID_FIELD_LIMIT);

      g_string_append (text, relation (value, limit));
      append_number (text, limit);
    }
  if (unit != NULL)
    g_string_append_printf (text, g_str_equal (unit, "%") ? "%s" : " %s", unit);
}

/* Without the sensor's SDR, bytes are all there is. */
static void
append_raw_reading (GString *text, const guint8 *record)
{
  if (extension_use_2 (record) != READING_IN_DATA_2)
    return;
  g_string_append_printf (text, ", raw reading 0x%02x", record[RECORD_DATA_2]);
  if (extension_use_3 (record) == THRESHOLD_IN_DATA_3)
    g_string_append_printf (text, ", raw threshold 0x%02x", record[RECORD_DATA_3]);
}

/* A deasserted "going high" means that the reading is below again: well for an
 * upper threshold, not for a lower one; and the other way round. */
static void
append_threshold (GString *text, const IpmidEvent *event, const guint8 *record)
{
  guint threshold = offset_of (record) / 2;
  gboolean high = offset_of (record) % 2 == 1;
  gboolean upper = threshold >= IPMID_THRESHOLD_UPPER_NON_CRITICAL;
  const char *words = spec_threshold (threshold);

  if (is_deasserted (record))
    g_string_append_printf (text, "%s %s %s", high == upper ? "back" : "again", high ? "below" : "above", words);
  else
    g_string_append_printf (text, "%s going %s", words, high ? "high" : "low");
  if (event_has (event, IPMID_FIELD_VALUE))
    append_reading (text, event);
  else
    append_raw_reading (text, record);
}

/* ------------------------------------------------------------------- states */

static void
append_state (GString *text, const guint8 *record)
{
  guint8 type = record[RECORD_EVENT_TYPE] & 0x7f;
  const State *state = states_find (type, record[RECORD_SENSOR_TYPE], offset_of (record));
  gboolean deasserted = is_deasserted (record);

  if (state == NULL)
    {
      g_string_append_printf (text, "state %u of event type 0x%02x%s", offset_of (record), type,
                              deasserted ? " is over" : "");
      append_bytes (g_string_append (text, ", event data"), record + RECORD_DATA_1, 3);
      return;
    }
  if (!deasserted)
    g_string_append (text, state->words);
  else if (state->ended != NULL)
    g_string_append (text, state->ended);
  else
    g_string_append_printf (text, "%s is over", state->words);
  extension_append (text, record);
}

char *
sentence_state (const guint8 *record)
{
  guint8 type = record[RECORD_EVENT_TYPE] & 0x7f;
  guint offset = offset_of (record);

  if (record_is_threshold (record) && offset < THRESHOLD_OFFSETS)
    return g_strdup_printf ("%s going %s", spec_threshold (offset / 2), offset % 2 == 1 ? "high" : "low");
  return g_strdup (spec_state (type, record[RECORD_SENSOR_TYPE], offset));
}

/* ------------------------------------------------------------ whole records */

/* Who speaks: the sensor if it is known, else what the bytes say. */
static void
append_subject (GString *text, const IpmidEvent *event, const guint8 *record)
{
  const char *sensor = event_string (event, IPMID_FIELD_SENSOR);

  if (sensor != NULL && *sensor != '\0')
    g_string_append (text, sensor);
  else if (record_is_from_software (record))
    g_string_append_printf (text, "%s: %s", spec_software (record[RECORD_GENERATOR]),
                            spec_sensor_type (record[RECORD_SENSOR_TYPE]));
  else
    g_string_append_printf (text, "%s sensor 0x%02x of controller 0x%02x",
                            spec_sensor_type (record[RECORD_SENSOR_TYPE]), record[RECORD_SENSOR],
                            record[RECORD_GENERATOR]);
  g_string_append (text, ": ");
}

static void
append_system_event (GString *text, const IpmidEvent *event, const guint8 *record)
{
  const char *component = event_string (event, IPMID_FIELD_COMPONENT);
  const char *sensor = event_string (event, IPMID_FIELD_SENSOR);

  append_subject (text, event, record);
  if (record_is_threshold (record) && offset_of (record) < THRESHOLD_OFFSETS)
    append_threshold (text, event, record);
  else
    append_state (text, record);
  /* What table 42-3 names, the extension has said already. */
  if (component != NULL && g_strcmp0 (component, sensor) != 0 && extension_is_oem (record))
    g_string_append_printf (text, ": %s", component);
}

/* The maker stands in the record where there is a time (32.2); else it can only
 * be the BMC's. */
static void
append_oem_record (GString *text, const guint8 *record, const Maker *maker)
{
  gboolean timed = record_has_time (record);
  guint32 manufacturer = timed ? record[7] | (guint32) record[8] << 8 | (guint32) record[9] << 16 : maker->manufacturer;
  guint data = timed ? OEM_TIMED_DATA : OEM_UNTIMED_DATA;
  g_autofree char *words = maker_words (manufacturer);

  g_string_append_printf (text, "OEM record of type 0x%02x", record[RECORD_TYPE]);
  if (manufacturer != 0)
    g_string_append_printf (text, " from %s", words);
  append_bytes (g_string_append_c (text, ':'), record + data, FRAME_RECORD_SIZE - data);
}

char *
sentence_of (const IpmidEvent *event, const guint8 *record, const Maker *maker)
{
  GString *text = g_string_new (NULL);
  guint8 type = record[RECORD_TYPE];

  if (type == RECORD_TYPE_SYSTEM_EVENT)
    append_system_event (text, event, record);
  else if (type >= RECORD_TYPE_OEM_TIMED)
    append_oem_record (text, record, maker);
  else
    {
      g_string_append_printf (text, "record of the reserved type 0x%02x:", type);
      append_bytes (text, record + 3, FRAME_RECORD_SIZE - 3);
    }
  return g_string_free (text, FALSE);
}
