/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record.c - see record.h. */
#include "record.h"

#include "event/spec.h"

#define NS_PER_SEC G_GINT64_CONSTANT (1000000000)

guint32
record_time (const guint8 *record)
{
  const guint8 *time = record + RECORD_TIME;

  return time[0] | (guint32) time[1] << 8 | (guint32) time[2] << 16 | (guint32) time[3] << 24;
}

static gboolean
is_from_software (const guint8 *record)
{
  return (record[RECORD_GENERATOR] & 1) != 0;
}

gboolean
record_is_attributable (const guint8 *record)
{
  return record[RECORD_TYPE] == RECORD_TYPE_SYSTEM_EVENT && !is_from_software (record)
         && (!record_is_threshold (record) || (record[RECORD_DATA_1] & 0x0f) < 12);
}

IpmidEvent *
record_to_event (const guint8 *record, gboolean existing)
{
  IpmidEvent *event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_UNKNOWN);
  event_set_integer (event, IPMID_FIELD_RECORD_ID, record_id (record));
  event_set_integer (event, IPMID_FIELD_RECORD_TYPE, record[RECORD_TYPE]);
  event_set_integer (event, IPMID_FIELD_RECEIVED, g_get_real_time () * 1000);
  if (record_has_time (record))
    event_set_integer (event, IPMID_FIELD_TIME, record_time (record) * NS_PER_SEC);
  event_set_bytes (event, IPMID_FIELD_RAW, record, FRAME_RECORD_SIZE);
  if (existing)
    event_set_integer (event, IPMID_FIELD_EXISTING, TRUE);
  if (record[RECORD_TYPE] == RECORD_TYPE_SYSTEM_EVENT)
    {
      event_set_string (event, IPMID_FIELD_SENSOR_TYPE, spec_sensor_type (record[RECORD_SENSOR_TYPE]));
      event_set_integer (event, IPMID_FIELD_ASSERT, (record[RECORD_EVENT_TYPE] & 0x80) == 0);
    }
  return event;
}

/* -------------------------------------------------------------------- text */

static void
append_number (GString *text, double number)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append (text, g_ascii_formatd (buffer, sizeof buffer, "%.6g", number));
}

/* "CPU1 Temp: upper critical going high, 97 > 95 °C" */
static void
append_threshold (GString *text, const IpmidEvent *event)
{
  gboolean high = event_integer (event, IPMID_FIELD_DIRECTION) == IPMID_DIRECTION_HIGH;
  const char *unit = event_string (event, IPMID_FIELD_UNIT);

  g_string_append_printf (text, "%s going %s", spec_threshold ((guint) event_integer (event, IPMID_FIELD_THRESHOLD)),
                          high ? "high" : "low");
  if (!event_has (event, IPMID_FIELD_VALUE))
    return;
  g_string_append (text, ", ");
  append_number (text, event_double (event, IPMID_FIELD_VALUE));
  if (event_has (event, IPMID_FIELD_LIMIT))
    {
      double value = event_double (event, IPMID_FIELD_VALUE);
      double limit = event_double (event, IPMID_FIELD_LIMIT);

      g_string_append (text, value > limit ? " > " : value < limit ? " < " : " = ");
      append_number (text, limit);
    }
  if (unit != NULL)
    g_string_append_printf (text, g_str_equal (unit, "%") ? "%s" : " %s", unit);
}

static void
append_state (GString *text, const guint8 *record)
{
  guint8 type = record[RECORD_EVENT_TYPE] & 0x7f;
  guint offset = record[RECORD_DATA_1] & 0x0f;
  const char *state = spec_state (type, record[RECORD_SENSOR_TYPE], offset);

  if (state != NULL)
    g_string_append (text, state);
  else
    g_string_append_printf (text, "state %u", offset);
}

/* Who speaks: the sensor if it is known, else what the bytes say. */
static void
append_subject (GString *text, const IpmidEvent *event, const guint8 *record)
{
  const char *sensor = event_string (event, IPMID_FIELD_SENSOR);

  if (sensor != NULL && *sensor != '\0')
    g_string_append (text, sensor);
  else if (is_from_software (record))
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
  append_subject (text, event, record);
  if (event_integer (event, IPMID_FIELD_KIND) == IPMID_KIND_THRESHOLD)
    append_threshold (text, event);
  else
    append_state (text, record);
  if (!event_integer (event, IPMID_FIELD_ASSERT))
    g_string_append (text, " (deasserted)");
}

static void
append_bytes (GString *text, const guint8 *bytes, guint n)
{
  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, " %02x", bytes[i]);
}

void
record_describe (IpmidEvent *event, const guint8 *record)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint8 type = record[RECORD_TYPE];
  IpmidSeverity severity = IPMID_SEVERITY_INFO;

  if (type == RECORD_TYPE_SYSTEM_EVENT)
    {
      append_system_event (text, event, record);
      severity = spec_severity (record[RECORD_EVENT_TYPE] & 0x7f, record[RECORD_SENSOR_TYPE],
                                record[RECORD_DATA_1] & 0x0f, (record[RECORD_EVENT_TYPE] & 0x80) == 0);
    }
  else if (type >= 0xc0)
    {
      g_string_append_printf (text, "OEM record of type 0x%02x:", type);
      append_bytes (text, record + (record_has_time (record) ? 7 : 3), record_has_time (record) ? 9 : 13);
    }
  else
    {
      g_string_append_printf (text, "record of the reserved type 0x%02x:", type);
      append_bytes (text, record + 3, 13);
    }
  event_set_string (event, IPMID_FIELD_TEXT, text->str);
  event_set_integer (event, IPMID_FIELD_SEVERITY, severity);
}
