/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.h - what a SEL record says by itself, without any sensor's help.
 *
 * Pure logic over the sixteen bytes (IPMI 2.0, section 32 and tables 42-1 to
 * 42-3).  Whatever the bytes are, there is an event for them.
 */
#ifndef RECORD_H
#define RECORD_H

#include "event/event.h"
#include "event/frame.h"
#include "maker.h"

/* Places in a record of type 02h (table 32-1). */
enum
{
  RECORD_TYPE = 2,
  RECORD_TIME = 3,
  RECORD_GENERATOR = 7,
  RECORD_CHANNEL_LUN = 8,
  RECORD_FORMAT = 9,
  RECORD_SENSOR_TYPE = 10,
  RECORD_SENSOR = 11,
  RECORD_EVENT_TYPE = 12,
  RECORD_DATA_1 = 13,
  RECORD_DATA_2 = 14,
  RECORD_DATA_3 = 15,
};

#define RECORD_TYPE_SYSTEM_EVENT 0x02
#define RECORD_TYPE_OEM_TIMED 0xc0
#define RECORD_TYPE_OEM_TIMELESS 0xe0

static inline guint16
record_id (const guint8 *record)
{
  return (guint16) (record[0] | record[1] << 8);
}

/* The record has a time stamp. */
static inline gboolean
record_has_time (const guint8 *record)
{
  return record[RECORD_TYPE] < RECORD_TYPE_OEM_TIMELESS;
}

/* Seconds since 1970 by the BMC's clock. */
guint32 record_time (const guint8 *record);

/* System software wrote the system event: its sensor numbers are its own. */
static inline gboolean
record_is_from_software (const guint8 *record)
{
  return (record[RECORD_GENERATOR] & 1) != 0;
}

/* A system event that a management controller's sensor caused: not system
 * software, whose sensor numbers are its own; and, for a threshold sensor,
 * with an offset that is a threshold. */
gboolean record_is_attributable (const guint8 *record);

static inline gboolean
record_is_threshold (const guint8 *record)
{
  return (record[RECORD_EVENT_TYPE] & 0x7f) == 0x01;
}

/* An event of kind unknown with all that the bytes say; the time of receipt is
 * now. */
IpmidEvent *record_to_event (const guint8 *record, gboolean existing);

/* Sets severity, state, component and text, once the sensor is known.  `maker`
 * is that of the controller that caused it, zeros if not known. */
void record_describe (IpmidEvent *event, const guint8 *record, const Maker *maker);

#endif
