/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fake-sensors.c - see fake-sensors.h. */
#include "fake-sensors.h"

#include <ipmid/plugin.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SENSORS_PER_FRAME 64u
#define READINGS_PER_FRAME 512u

typedef enum
{
  HOT,
  FAILED,
  UNAVAILABLE,
  UNSCANNED,
} Sort;

void
fake_sensors_init (FakeSensors *fake, const char *sel)
{
  *fake = (FakeSensors){
    .sensors = g_strconcat (sel, ".sensors", NULL),
    .cache = g_strconcat (sel, ".cache", NULL),
    .handed = g_strconcat (sel, ".handed", NULL),
  };
}

void
fake_sensors_clear (FakeSensors *fake)
{
  g_free (fake->sensors);
  g_free (fake->cache);
  g_free (fake->handed);
}

static Sort
sort_of (guint sensor)
{
  return (Sort) (sensor % 4);
}

static GVariant *
describe (guint number)
{
  g_autofree char *name = g_strdup_printf ("sensor %u", number);
  g_autofree char *id = g_strdup_printf ("3.%u.%s", number, name);
  gboolean analog = sort_of (number) != FAILED;
  GVariantBuilder thresholds;

  g_variant_builder_init (&thresholds, G_VARIANT_TYPE ("a{yd}"));
  if (analog)
    g_variant_builder_add (&thresholds, "{yd}", IPMID_THRESHOLD_UPPER_CRITICAL, 90.0);
  return g_variant_new ("(usssyysqya{yd})", number, name, "processor 1", id, analog ? 0x01 : 0x08, analog ? 0x01 : 0x6f,
                        analog ? "\302\260C" : "", number + 1, analog ? FRAME_SENSOR_ANALOG : 0, &thresholds);
}

static void
send_inventory (FakeSensors *fake)
{
  for (guint from = 0; from == 0 || from < fake->count; from += SENSORS_PER_FRAME)
    {
      guint to = MIN (from + SENSORS_PER_FRAME, fake->count);
      GVariantBuilder sensors;

      g_variant_builder_init (&sensors, G_VARIANT_TYPE ("a(usssyysqya{yd})"));
      for (guint i = from; i < to; i++)
        g_variant_builder_add_value (&sensors, describe (i));
      channel_send (fake->channel, FRAME_SENSORS,
                    g_variant_new ("(ubba(usssyysqya{yd}))", fake->bmc, from == 0, to == fake->count, &sensors));
    }
}

static FrameReading
read_sensor (FakeSensors *fake, guint number)
{
  FrameReading reading = { .sensor = number, .time = g_get_real_time (), .flags = FRAME_READING_SCANNING };

  switch (sort_of (number))
    {
    case HOT:
      reading.flags |= FRAME_READING_AVAILABLE | FRAME_READING_VALUE;
      reading.value = fake->serial;
      reading.states = 1u << IPMID_THRESHOLD_UPPER_NON_CRITICAL | 1u << IPMID_THRESHOLD_UPPER_CRITICAL;
      break;
    case FAILED:
      reading.flags |= FRAME_READING_AVAILABLE;
      reading.states = 1u << 0 | 1u << 1;
      break;
    case UNSCANNED:
      reading.flags = FRAME_READING_AVAILABLE | FRAME_READING_VALUE;
      break;
    case UNAVAILABLE:
    default:
      break;
    }
  return reading;
}

static void
send_readings (FakeSensors *fake, const FrameReading *readings, guint n)
{
  GVariant *array = g_variant_new_fixed_array (G_VARIANT_TYPE ("(uxydu)"), readings, n, sizeof *readings);

  channel_send (fake->channel, FRAME_READINGS, g_variant_new ("(u@a(uxydu))", fake->bmc, array));
}

static void
read_all (FakeSensors *fake)
{
  FrameReading readings[READINGS_PER_FRAME];

  fake->serial++;
  for (guint from = 0; from < fake->count; from += READINGS_PER_FRAME)
    {
      guint n = MIN (READINGS_PER_FRAME, fake->count - from);
      for (guint i = 0; i < n; i++)
        readings[i] = read_sensor (fake, from + i);
      send_readings (fake, readings, n);
    }
}

void
fake_sensors_on_add (FakeSensors *fake, Channel *channel, guint32 bmc, GVariant *settings)
{
  g_autoptr (GVariant) bytes = g_variant_lookup_value (settings, FRAME_SETTING_SDR_CACHE, G_VARIANT_TYPE_BYTESTRING);
  const char *key = "";
  g_autofree char *cache = NULL;
  gsize length = 0;
  g_autoptr (GString) handed = g_string_new (bytes == NULL ? "none" : NULL);

  fake->channel = channel;
  fake->bmc = bmc;
  g_variant_lookup (settings, FRAME_SETTING_SDR_CACHE_KEY, "&s", &key);
  if (bytes != NULL)
    {
      gconstpointer data = g_variant_get_fixed_array (bytes, &length, 1);
      g_string_append_printf (handed, "%s\n", key);
      g_string_append_len (handed, data, (gssize) length);
    }
  if (!g_file_get_contents (fake->cache, &cache, &length, NULL))
    return;
  g_file_set_contents (fake->handed, handed->str, (gssize) handed->len, NULL);
  channel_send (
      channel, FRAME_SDR_CACHE,
      g_variant_new ("(us@ay)", bmc, "key", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, cache, length, 1)));
}

void
fake_sensors_tick (FakeSensors *fake)
{
  g_autofree char *text = NULL;
  guint count = 0, interval = 0;

  if (fake->channel == NULL || !g_file_get_contents (fake->sensors, &text, NULL, NULL)
      || sscanf (text, "%u %u", &count, &interval) != 2)
    return;
  fake->interval = interval;
  if (count != fake->count)
    {
      fake->count = count;
      send_inventory (fake);
    }
  if (g_get_monotonic_time () < fake->next)
    return;
  fake->next = g_get_monotonic_time () + fake->interval * G_TIME_SPAN_MILLISECOND;
  read_all (fake);
}

static void
send_odd_readings (FakeSensors *fake)
{
  FrameReading odd[]
      = { read_sensor (fake, 0), read_sensor (fake, 0), read_sensor (fake, fake->count + 7), read_sensor (fake, 4) };

  odd[0].time = -1;
  odd[1].time = G_MAXINT64;
  odd[3].value = NAN;
  send_readings (fake, odd, G_N_ELEMENTS (odd));
}

void
fake_sensors_misbehave (FakeSensors *fake, const char *word)
{
  FrameReading reading = read_sensor (fake, 0);
  GVariantBuilder sensors;

  if (strcmp (word, "reading-odd") == 0)
    send_odd_readings (fake);
  else if (strcmp (word, "reading-flag") == 0)
    {
      reading.flags |= 0x80;
      send_readings (fake, &reading, 1);
    }
  else if (strcmp (word, "sensor-twice") == 0)
    {
      g_variant_builder_init (&sensors, G_VARIANT_TYPE ("a(usssyysqya{yd})"));
      g_variant_builder_add_value (&sensors, describe (1));
      g_variant_builder_add_value (&sensors, describe (1));
      channel_send (fake->channel, FRAME_SENSORS,
                    g_variant_new ("(ubba(usssyysqya{yd}))", fake->bmc, TRUE, TRUE, &sensors));
    }
}
