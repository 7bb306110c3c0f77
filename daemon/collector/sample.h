/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample.h - one reading of a sensor: what to ask, and what the answer says.
 *
 * Pure functions.  A reading is made in place, in the form in which it goes
 * into FRAME_READINGS.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "sensor-table.h"

typedef struct
{
  guint8 netfn;
  guint8 command;
  guint8 length;
  guint8 data[4];
} SampleRequest;

typedef enum
{
  SAMPLE_GOOD,   /* a reading, be it that the sensor has none now */
  SAMPLE_BUSY,   /* the BMC had no time, or a packet was lost: no reading */
  SAMPLE_FAILED, /* an error: a reading that says LOST */
  SAMPLE_RAW,    /* a reading, but its value depends on factors to be asked for */
} SampleOutcome;

SampleRequest sample_request (const SensorEntry *entry);

/* The reply to it, with the completion code; `time` is the wall clock,
 * microseconds.  Every field of `reading` is set. */
SampleOutcome sample_decode (const SensorEntry *entry, const guint8 *reply, gsize length, gint64 time,
                             FrameReading *reading);

/* What stands for "the BMC did not answer for this sensor". */
FrameReading sample_lost (const SensorEntry *entry, gint64 time);

/* SAMPLE_RAW: Get Sensor Reading Factors (35.5) for this reply; then its answer,
 * which completes the reading. */
SampleRequest sample_factors_request (const SensorEntry *entry, const guint8 *reply);
void sample_take_factors (const SensorEntry *entry, guint8 raw, const guint8 *reply, gsize length,
                          FrameReading *reading);

/* Get Sensor Thresholds (35.9). */
SampleRequest sample_thresholds_request (const SensorEntry *entry);

/* Get DCMI Capabilities Info, parameter 1 (DCMI 1.5, 6.1.1), and whether the
 * answer says that there is a power reading. */
SampleRequest sample_dcmi_request (void);
gboolean sample_has_dcmi_power (const guint8 *reply, gsize length);

#endif
