/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-inventory.c - libFuzzer: what a collector says about sensors.
 *
 * The input is a row of bodies: one byte says which frame it is, two how long it
 * is.  GVariant takes any bytes for a body; frame_decode() would refuse those
 * that are not in normal form, so they are brought into it here.
 */
#include "core/readings.h"
#include "core/sdr-cache.h"
#include "event/render.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BMC 1

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
on_wake (G_GNUC_UNUSED gpointer user_data)
{
}

/* What a plugin would do with it. */
static void
use_reading (const IpmidReading *reading, GString *out)
{
  if (!isfinite (reading->value) || !g_utf8_validate (reading->sensor, -1, NULL) || reading->time < 0)
    abort ();
  g_string_truncate (out, 0);
  if (!render_reading (reading, out) || memchr (out->str, '\n', out->len - 1) != NULL)
    abort ();
}

static void
take (Readings *readings, GString *out)
{
  const IpmidReadings *batch;

  while ((batch = readings_take (readings)) != NULL)
    for (guint i = 0; i < batch->n_readings; i++)
      use_reading (batch->readings[i], out);
}

static void
look_around (Inventory *inventory, GString *out)
{
  g_autoptr (InventorySnapshot) snapshot = inventory_snapshot (inventory, BMC);
  const SensorSet *set = inventory_snapshot_sensors (snapshot);
  const char *words[SENSOR_STATES + 1];
  double limit;

  for (guint i = 0; i < sensor_set_length (set); i++)
    {
      IpmidReading reading;
      sensor_fill_reading (sensor_set_get (set, i), "b", inventory_snapshot_reading (snapshot, i), words, &reading);
      use_reading (&reading, out);
      for (guint t = 0; t < 6; t++)
        if (sensor_set_limit (set, i, (IpmidThreshold) t, &limit) && !isfinite (limit))
          abort ();
      if (sensor_set_find (set, sensor_set_get (set, i)->number) != (int) i)
        abort ();
    }
}

static GVariant *
make_body (FrameType type, const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GVariant) raw
      = g_variant_ref_sink (g_variant_new_from_bytes (frame_body_type ((guint8) type), bytes, FALSE));

  return g_variant_get_normal_form (raw);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const FrameType types[] = { FRAME_SENSORS, FRAME_READINGS, FRAME_SDR_CACHE };
  g_autoptr (Inventory) inventory = inventory_new ();
  g_autoptr (SdrCache) cache = sdr_cache_new (NULL);
  g_autoptr (Readings) readings = readings_new (inventory, NULL, on_wake, NULL, NULL);
  g_autoptr (GString) out = g_string_new (NULL);

  inventory_add_bmc (inventory, BMC, "b");
  while (size >= 3)
    {
      FrameType type = types[data[0] % G_N_ELEMENTS (types)];
      size_t length = MIN ((size_t) (data[1] | data[2] << 8), size - 3);
      g_autoptr (GVariant) body = make_body (type, data + 3, length);

      if (type == FRAME_SENSORS)
        inventory_on_sensors (inventory, BMC, body, NULL);
      else if (type == FRAME_READINGS)
        inventory_on_readings (inventory, BMC, body, NULL);
      else
        sdr_cache_on_frame (cache, BMC, body);
      take (readings, out);
      data += 3 + length;
      size -= 3 + length;
    }
  look_around (inventory, out);
  return 0;
}
