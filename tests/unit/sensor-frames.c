/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sensor-frames.c - see sensor-frames.h. */
#include "sensor-frames.h"

#include <math.h>

static GVariant *
describe (const TestSensor *sensor)
{
  g_autofree char *name = g_strdup_printf ("sensor %u", sensor->number);
  g_autofree char *id = g_strdup_printf ("3.1.%s", name);
  GVariantBuilder limits;

  g_variant_builder_init (&limits, G_VARIANT_TYPE ("a{yd}"));
  for (guint i = 0; sensor->limits != NULL && i < 6; i++)
    if (!isnan (sensor->limits[i]))
      g_variant_builder_add (&limits, "{yd}", (guchar) i, sensor->limits[i]);
  return g_variant_new ("(usssyysqya{yd})", sensor->number, sensor->name != NULL ? sensor->name : name, "processor 1",
                        sensor->id != NULL ? sensor->id : id, sensor->type, sensor->reading_type,
                        sensor->unit != NULL ? sensor->unit : "", (guint16) sensor->number, sensor->flags, &limits);
}

GVariant *
test_sensors (const TestSensor *sensors, guint n, gboolean first, gboolean last)
{
  GVariantBuilder array;

  g_variant_builder_init (&array, G_VARIANT_TYPE ("a(usssyysqya{yd})"));
  for (guint i = 0; i < n; i++)
    g_variant_builder_add_value (&array, describe (&sensors[i]));
  return g_variant_ref_sink (g_variant_new ("(ubba(usssyysqya{yd}))", 1, first, last, &array));
}

GVariant *
test_temperatures (guint32 first, guint n)
{
  g_autofree TestSensor *sensors = g_new0 (TestSensor, n);

  for (guint i = 0; i < n; i++)
    sensors[i] = (TestSensor){ .number = first + i, .type = 0x01, .reading_type = 0x01, .unit = "\302\260C" };
  return test_sensors (sensors, n, TRUE, TRUE);
}

GVariant *
test_readings (const FrameReading *readings, guint n)
{
  GVariant *array = g_variant_new_fixed_array (G_VARIANT_TYPE ("(uxydu)"), readings, n, sizeof *readings);

  return g_variant_ref_sink (g_variant_new ("(u@a(uxydu))", 1, array));
}

FrameReading
test_reading (guint32 sensor, double value)
{
  return (FrameReading){ .sensor = sensor,
                         .time = g_get_real_time (),
                         .flags = FRAME_READING_AVAILABLE | FRAME_READING_SCANNING | FRAME_READING_VALUE,
                         .value = value };
}
