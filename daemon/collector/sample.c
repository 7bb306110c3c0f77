/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sample.c - see sample.h. */
#include "sample.h"

#include "guard.h"

#define GET_CHASSIS_STATUS 0x01
#define GET_SENSOR_FACTORS 0x23
#define GET_SENSOR_THRESHOLDS 0x27
#define GET_SENSOR_READING 0x2d
#define DCMI_GET_CAPABILITIES 0x01
#define DCMI_GET_POWER_READING 0x02
#define DCMI_SUPPORTED_CAPABILITIES 0x01
#define DCMI_SYSTEM_POWER 0x01

/* Completion codes (5.2): not now.  OpenIPMI says "timeout", too, when there was
 * no answer at all. */
#define NODE_BUSY 0xc0
#define TIMEOUT 0xc3
#define OUT_OF_SPACE 0xc4

#define EVENT_TYPE_THRESHOLD 0x01

/* Get Sensor Reading, second byte. */
#define SCANNING_ENABLED 0x40
#define STATE_UNAVAILABLE 0x20

/* States of a power unit (table 42-3, 09h) that Get Chassis Status tells of. */
#define POWER_OFF 0
#define INTERLOCK 3
#define CONTROL_FAULT 5
#define POWER_FAULT 6

#define POWER_READING_LENGTH 19u
#define CAPABILITIES_LENGTH 7u

static SampleRequest
sensor_request (guint8 command, const SensorEntry *entry)
{
  return (SampleRequest){ GUARD_NETFN_SENSOR, command, 1, { entry->sensor } };
}

SampleRequest
sample_request (const SensorEntry *entry)
{
  switch (entry->source)
    {
    case SENSOR_CHASSIS_POWER:
      return (SampleRequest){ GUARD_NETFN_CHASSIS, GET_CHASSIS_STATUS, 0, { 0 } };
    case SENSOR_DCMI_POWER:
      return (SampleRequest){ GUARD_NETFN_GROUP, DCMI_GET_POWER_READING, 4, { GUARD_GROUP_DCMI, DCMI_SYSTEM_POWER } };
    default:
      return sensor_request (GET_SENSOR_READING, entry);
    }
}

SampleRequest
sample_factors_request (const SensorEntry *entry, const guint8 *reply)
{
  return (SampleRequest){ GUARD_NETFN_SENSOR, GET_SENSOR_FACTORS, 2, { entry->sensor, reply[1] } };
}

SampleRequest
sample_thresholds_request (const SensorEntry *entry)
{
  return sensor_request (GET_SENSOR_THRESHOLDS, entry);
}

SampleRequest
sample_dcmi_request (void)
{
  return (
      SampleRequest){ GUARD_NETFN_GROUP, DCMI_GET_CAPABILITIES, 2, { GUARD_GROUP_DCMI, DCMI_SUPPORTED_CAPABILITIES } };
}

/* Completion code, group, version (2), revision, then three bytes of which the
 * second says "power management". */
gboolean
sample_has_dcmi_power (const guint8 *reply, gsize length)
{
  return length >= CAPABILITIES_LENGTH && reply[0] == 0 && reply[1] == GUARD_GROUP_DCMI && (reply[6] & 1) != 0;
}

/* ------------------------------------------------------------------ readings */

static void
set_value (FrameReading *reading, double value)
{
  reading->flags |= FRAME_READING_VALUE;
  reading->value = value;
}

static guint32
states_of (const SensorEntry *entry, const guint8 *reply, gsize length)
{
  guint32 states = length > 3 ? reply[3] : 0;

  if (entry->event_type == EVENT_TYPE_THRESHOLD)
    return states & 0x3f;
  return (states | (length > 4 ? (guint32) reply[4] << 8 : 0)) & 0x7fff;
}

/* 35.14 */
static SampleOutcome
decode_sensor (const SensorEntry *entry, const guint8 *reply, gsize length, FrameReading *reading)
{
  double value;

  if (length < 3)
    return SAMPLE_FAILED;
  if ((reply[2] & SCANNING_ENABLED) != 0)
    reading->flags |= FRAME_READING_SCANNING;
  if ((reply[2] & STATE_UNAVAILABLE) == 0)
    reading->flags |= FRAME_READING_AVAILABLE;
  if (reading->flags != (FRAME_READING_SCANNING | FRAME_READING_AVAILABLE))
    return SAMPLE_GOOD;
  reading->states = states_of (entry, reply, length);
  if (!conversion_is_possible (&entry->conversion))
    return SAMPLE_GOOD;
  if (conversion_is_nonlinear (&entry->conversion))
    return SAMPLE_RAW;
  if (conversion_apply (&entry->conversion, reply[1], &value))
    set_value (reading, value);
  return SAMPLE_GOOD;
}

/* 28.2 */
static SampleOutcome
decode_chassis (const guint8 *reply, gsize length, FrameReading *reading)
{
  if (length < 4)
    return SAMPLE_FAILED;
  reading->flags = FRAME_READING_AVAILABLE | FRAME_READING_SCANNING;
  reading->states = ((reply[1] & 0x01) == 0 ? 1u << POWER_OFF : 0) | ((reply[1] & 0x04) != 0 ? 1u << INTERLOCK : 0)
                    | ((reply[1] & 0x08) != 0 ? 1u << POWER_FAULT : 0)
                    | ((reply[1] & 0x10) != 0 ? 1u << CONTROL_FAULT : 0);
  set_value (reading, reply[1] & 0x01);
  return SAMPLE_GOOD;
}

/* DCMI 1.5, 6.6.1: the last byte says whether the power is measured at all. */
static SampleOutcome
decode_dcmi (const guint8 *reply, gsize length, FrameReading *reading)
{
  if (length < POWER_READING_LENGTH || reply[1] != GUARD_GROUP_DCMI)
    return SAMPLE_FAILED;
  reading->flags = FRAME_READING_AVAILABLE;
  if ((reply[18] & 0x40) == 0)
    return SAMPLE_GOOD;
  reading->flags |= FRAME_READING_SCANNING;
  set_value (reading, reply[2] | reply[3] << 8);
  return SAMPLE_GOOD;
}

FrameReading
sample_lost (const SensorEntry *entry, gint64 time)
{
  return (FrameReading){ .sensor = entry->number, .time = time, .flags = FRAME_READING_LOST };
}

SampleOutcome
sample_decode (const SensorEntry *entry, const guint8 *reply, gsize length, gint64 time, FrameReading *reading)
{
  guint8 code = length == 0 ? TIMEOUT : reply[0];
  SampleOutcome outcome;

  *reading = (FrameReading){ .sensor = entry->number, .time = time };
  if (code == NODE_BUSY || code == TIMEOUT || code == OUT_OF_SPACE)
    return SAMPLE_BUSY;
  if (code != 0)
    outcome = SAMPLE_FAILED;
  else if (entry->source == SENSOR_CHASSIS_POWER)
    outcome = decode_chassis (reply, length, reading);
  else if (entry->source == SENSOR_DCMI_POWER)
    outcome = decode_dcmi (reply, length, reading);
  else
    outcome = decode_sensor (entry, reply, length, reading);
  if (outcome == SAMPLE_FAILED)
    *reading = sample_lost (entry, time);
  return outcome;
}

void
sample_take_factors (const SensorEntry *entry, guint8 raw, const guint8 *reply, gsize length, FrameReading *reading)
{
  Conversion conversion;
  double value;

  if (conversion_with_factors (&entry->conversion, reply, length, &conversion)
      && conversion_apply (&conversion, raw, &value))
    set_value (reading, value);
}
