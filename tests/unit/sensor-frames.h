/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sensor-frames.h - what a collector says about sensors, for tests of the core. */
#ifndef SENSOR_FRAMES_H
#define SENSOR_FRAMES_H

#include <event/frame.h>

typedef struct
{
  guint32 number;
  const char *name, *id; /* NULL: "sensor <number>", "3.1.sensor <number>" */
  guint8 type, reading_type, flags;
  const char *unit;     /* NULL: "" */
  const double *limits; /* six, NaN for those that it does not send; NULL: none */
} TestSensor;

/* The body of a FRAME_SENSORS; a reference of the caller's. */
GVariant *test_sensors (const TestSensor *sensors, guint n, gboolean first, gboolean last);

/* A whole inventory of temperatures with the numbers from `first` on. */
GVariant *test_temperatures (guint32 first, guint n);

/* The body of a FRAME_READINGS; a reference of the caller's. */
GVariant *test_readings (const FrameReading *readings, guint n);

/* A good reading of now. */
FrameReading test_reading (guint32 sensor, double value);

#endif
