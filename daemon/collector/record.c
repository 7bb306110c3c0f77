/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record.c - see record.h. */
#include "record.h"

#include "component.h"
#include "event/severity.h"
#include "event/spec.h"
#include "extension.h"
#include "sentence.h"

#define NS_PER_SEC G_GINT64_CONSTANT (1000000000)

guint32
record_time (const guint8 *record)
{
  const guint8 *time = record + RECORD_TIME;

  return time[0] | (guint32) time[1] << 8 | (guint32) time[2] << 16 | (guint32) time[3] << 24;
}

gboolean
record_is_attributable (const guint8 *record)
{
  return record[RECORD_TYPE] == RECORD_TYPE_SYSTEM_EVENT && !record_is_from_software (record)
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

/* ----------------------------------------------------------------- in words */

/* The sensor's name, if it stands for one part, and what the bytes name: a module
 * by its number is one of that sensor's entity (table 42-3, type 0Ch). */
static void
set_component (IpmidEvent *event, const guint8 *record, const Maker *maker)
{
  g_autofree char *named = component_from_data (record, maker);
  const char *sensor = event_string (event, IPMID_FIELD_SENSOR);
  gboolean is_part = sensor != NULL && *sensor != '\0' && component_is_sensor (record[RECORD_SENSOR_TYPE]);

  if (named != NULL && is_part && !extension_is_oem (record))
    {
      g_autofree char *both = g_strdup_printf ("%s, %s", sensor, named);
      event_set_string (event, IPMID_FIELD_COMPONENT, both);
    }
  else if (named != NULL || is_part)
    event_set_string (event, IPMID_FIELD_COMPONENT, named != NULL ? named : sensor);
}

void
record_describe (IpmidEvent *event, const guint8 *record, const Maker *maker)
{
  IpmidSeverity severity = IPMID_SEVERITY_INFO;

  if (record[RECORD_TYPE] == RECORD_TYPE_SYSTEM_EVENT)
    {
      g_autofree char *state = sentence_state (record);

      if (state != NULL)
        event_set_string (event, IPMID_FIELD_STATE, state);
      set_component (event, record, maker);
      severity = severity_of_event (record[RECORD_EVENT_TYPE], record[RECORD_SENSOR_TYPE], record + RECORD_DATA_1);
    }
  g_autofree char *text = sentence_of (event, record, maker);
  event_set_string (event, IPMID_FIELD_TEXT, text);
  event_set_integer (event, IPMID_FIELD_SEVERITY, severity);
}
