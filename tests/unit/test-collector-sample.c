/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-collector-sample.c - readings, their conversion, and the table of
 * sensors, against bytes as BMCs send them.
 */
#include "collector/sample.h"

#include <math.h>
#include <string.h>

/* --------------------------------------------------------------- conversion */

/* Section 36.3, by hand. */
static void
test_linear (void)
{
  Conversion twelve_volts = conversion_make (CONVERSION_UNSIGNED, 0, 6, 0, 0, -2);
  Conversion below_zero = conversion_make (CONVERSION_TWOS_COMPLEMENT, 0, 1, 0, 0, 0);
  Conversion ones = conversion_make (CONVERSION_ONES_COMPLEMENT, 0, 1, 0, 0, 0);
  Conversion negative = conversion_make (CONVERSION_UNSIGNED, 0, 0x3ff, 0x200, 1, 0xf);
  double value;

  for (guint raw = 0; raw < 256; raw++)
    {
      g_assert_true (conversion_apply (&twelve_volts, (guint8) raw, &value));
      g_assert_cmpfloat_with_epsilon (value, raw * 0.06, 1e-9);
      g_assert_true (conversion_apply (&below_zero, (guint8) raw, &value));
      g_assert_cmpfloat (value, ==, (gint8) raw);
      g_assert_true (conversion_apply (&ones, (guint8) raw, &value));
      g_assert_cmpfloat (value, ==, raw < 128 ? (double) raw : -(double) (255 - raw));
      /* M is -1, B is -512 with the exponent 1, the result has -1. */
      g_assert_true (conversion_apply (&negative, (guint8) raw, &value));
      g_assert_cmpfloat_with_epsilon (value, (-(double) raw - 5120) / 10, 1e-9);
    }
}

static void
test_linearizations (void)
{
  static const double expected[12]
      = { 9, 2.19722458, 0.95424251, 3.169925, 8103.08393, 1e9, 512.0, 1 / 9.0, 81, 729, 3, 2.08008382 };
  double value;

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      Conversion conversion = conversion_make (CONVERSION_UNSIGNED, i, 1, 0, 0, 0);

      g_assert_true (conversion_apply (&conversion, 9, &value));
      g_assert_cmpfloat_with_epsilon (value, expected[i], expected[i] * 1e-6);
    }
}

/* What is no number is no value. */
static void
test_not_finite (void)
{
  Conversion logarithm = conversion_make (CONVERSION_UNSIGNED, 1, 1, 0, 0, 0);
  Conversion inverse = conversion_make (CONVERSION_UNSIGNED, 7, 1, 0, 0, 0);
  Conversion root = conversion_make (CONVERSION_TWOS_COMPLEMENT, 10, 1, 0, 0, 0);
  Conversion power = conversion_make (CONVERSION_UNSIGNED, 5, 0x1ff, 0, 0, 7);
  double value;

  g_assert_false (conversion_apply (&logarithm, 0, &value));
  g_assert_false (conversion_apply (&inverse, 0, &value));
  g_assert_false (conversion_apply (&root, 0xff, &value));
  g_assert_false (conversion_apply (&power, 0xff, &value));
}

static void
test_impossible (void)
{
  Conversion none[] = {
    conversion_make (CONVERSION_NOT_ANALOG, 0, 1, 0, 0, 0),
    conversion_make (CONVERSION_UNSIGNED, 0, 0, 0, 0, 0), /* a compact record */
    conversion_make (CONVERSION_UNSIGNED, 12, 1, 0, 0, 0),
    conversion_make (CONVERSION_UNSIGNED, 0x6f, 1, 0, 0, 0),
  };
  Conversion nonlinear = conversion_make (CONVERSION_UNSIGNED, CONVERSION_NONLINEAR, 0, 0, 0, 0);
  double value;

  for (guint i = 0; i < G_N_ELEMENTS (none); i++)
    {
      g_assert_false (conversion_is_possible (&none[i]));
      g_assert_false (conversion_apply (&none[i], 1, &value));
    }
  g_assert_true (conversion_is_possible (&nonlinear));
  g_assert_true (conversion_is_nonlinear (&nonlinear));
  g_assert_false (conversion_apply (&nonlinear, 1, &value));
}

/* ----------------------------------------------------------------- readings */

static SensorEntry
make_entry (guint8 event_type, Conversion conversion)
{
  return (SensorEntry){ .number = 7, .sensor = 0x42, .event_type = event_type, .conversion = conversion };
}

static const Conversion plain = { CONVERSION_UNSIGNED, 0, 1, 0, 1 };

static FrameReading
decode (const SensorEntry *entry, SampleOutcome expected, const guint8 *reply, gsize length)
{
  FrameReading reading;

  memset (&reading, 0xa5, sizeof reading);
  g_assert_cmpint (sample_decode (entry, reply, length, 1234, &reading), ==, expected);
  g_assert_cmpuint (reading.sensor, ==, 7);
  g_assert_cmpint (reading.time, ==, 1234);
  g_assert_cmpuint (reading.padding1 + reading.padding3, ==, 0);
  return reading;
}

#define DECODE(entry, expected, ...)                                                                                   \
  decode (entry, expected, (const guint8[]){ __VA_ARGS__ }, sizeof ((const guint8[]){ __VA_ARGS__ }))

static void
test_analog (void)
{
  SensorEntry entry = make_entry (0x01, plain);
  FrameReading reading = DECODE (&entry, SAMPLE_GOOD, 0x00, 97, 0xc0, 0xd8);

  g_assert_cmpuint (reading.flags, ==, FRAME_READING_AVAILABLE | FRAME_READING_SCANNING | FRAME_READING_VALUE);
  g_assert_cmpfloat (reading.value, ==, 97);
  g_assert_cmpuint (reading.states, ==, 0x18);
  /* No state bytes at all. */
  reading = DECODE (&entry, SAMPLE_GOOD, 0x00, 97, 0x40);
  g_assert_cmpuint (reading.states, ==, 0);
  g_assert_cmpfloat (reading.value, ==, 97);
}

static void
test_discrete (void)
{
  Conversion none = conversion_make (CONVERSION_NOT_ANALOG, 0, 0, 0, 0, 0);
  SensorEntry entry = make_entry (0x6f, none);
  FrameReading reading = DECODE (&entry, SAMPLE_GOOD, 0x00, 0xff, 0xc0, 0x41, 0x80);

  g_assert_cmpuint (reading.flags, ==, FRAME_READING_AVAILABLE | FRAME_READING_SCANNING);
  g_assert_cmpuint (reading.states, ==, 0x0041);
  reading = DECODE (&entry, SAMPLE_GOOD, 0x00, 0, 0xc0, 0x00, 0x7f);
  g_assert_cmpuint (reading.states, ==, 0x7f00);
}

static void
test_unavailable (void)
{
  SensorEntry entry = make_entry (0x01, plain);
  FrameReading reading = DECODE (&entry, SAMPLE_GOOD, 0x00, 97, 0xe0, 0x18);

  g_assert_cmpuint (reading.flags, ==, FRAME_READING_SCANNING);
  g_assert_cmpuint (reading.states, ==, 0);
  reading = DECODE (&entry, SAMPLE_GOOD, 0x00, 97, 0x80, 0x18);
  g_assert_cmpuint (reading.flags, ==, FRAME_READING_AVAILABLE);
  g_assert_cmpuint (reading.states, ==, 0);
}

/* Every completion code; and replies that end too soon. */
static void
test_errors (void)
{
  SensorEntry entry = make_entry (0x01, plain);

  for (guint code = 1; code < 256; code++)
    {
      gboolean busy = code == 0xc0 || code == 0xc3 || code == 0xc4;
      FrameReading reading = DECODE (&entry, busy ? SAMPLE_BUSY : SAMPLE_FAILED, (guint8) code, 97, 0xc0, 0);

      g_assert_cmpuint (reading.flags, ==, busy ? 0 : FRAME_READING_LOST);
    }
  g_assert_cmpuint (DECODE (&entry, SAMPLE_FAILED, 0x00).flags, ==, FRAME_READING_LOST);
  g_assert_cmpuint (DECODE (&entry, SAMPLE_FAILED, 0x00, 97).flags, ==, FRAME_READING_LOST);
  decode (&entry, SAMPLE_BUSY, NULL, 0);
}

static void
test_nonlinear (void)
{
  SensorEntry entry = make_entry (0x01, conversion_make (CONVERSION_UNSIGNED, CONVERSION_NONLINEAR, 0, 0, 0, 0));
  const guint8 reply[] = { 0x00, 50, 0xc0, 0x00 };
  /* M 3, B 5, result exponent -1, B exponent 1. */
  const guint8 factors[] = { 0x00, 51, 3, 0, 5, 0, 0, 0xf1 };
  FrameReading reading = decode (&entry, SAMPLE_RAW, reply, sizeof reply);
  SampleRequest request = sample_factors_request (&entry, reply);

  g_assert_cmpuint (reading.flags & FRAME_READING_VALUE, ==, 0);
  g_assert_cmpuint (request.command, ==, 0x23);
  g_assert_cmpuint (request.length, ==, 2);
  g_assert_cmpuint (request.data[0], ==, 0x42);
  g_assert_cmpuint (request.data[1], ==, 50);
  sample_take_factors (&entry, 50, factors, sizeof factors - 1, &reading);
  g_assert_cmpuint (reading.flags & FRAME_READING_VALUE, ==, 0);
  sample_take_factors (&entry, 50, factors, sizeof factors, &reading);
  g_assert_cmpuint (reading.flags & FRAME_READING_VALUE, !=, 0);
  g_assert_cmpfloat_with_epsilon (reading.value, (3 * 50 + 50) / 10.0, 1e-9);
}

static void
test_chassis (void)
{
  SensorEntry entry = sensor_table_chassis_power ();
  SampleRequest request = sample_request (&entry);
  FrameReading reading;

  g_assert_cmpuint (request.netfn << 8 | request.command, ==, 0x0001);
  g_assert_cmpuint (request.length, ==, 0);
  entry.number = 7;
  reading = DECODE (&entry, SAMPLE_GOOD, 0x00, 0x01, 0x00, 0x00);
  g_assert_cmpuint (reading.states, ==, 0);
  g_assert_cmpfloat (reading.value, ==, 1);
  /* Off by an interlock and a fault. */
  reading = DECODE (&entry, SAMPLE_GOOD, 0x00, 0x0c, 0x00, 0x00, 0x00);
  g_assert_cmpuint (reading.states, ==, 1u << 0 | 1u << 3 | 1u << 6);
  g_assert_cmpfloat (reading.value, ==, 0);
  g_assert_cmpuint (DECODE (&entry, SAMPLE_FAILED, 0x00, 0x01, 0x00).flags, ==, FRAME_READING_LOST);
  g_free (entry.name), g_free (entry.entity), g_free (entry.id), g_free (entry.unit);
}

static void
test_dcmi (void)
{
  SensorEntry entry = sensor_table_dcmi_power ();
  guint8 reply[19] = { 0x00, 0xdc, 0x2c, 0x01, [18] = 0x40 };
  SampleRequest request = sample_request (&entry);
  FrameReading reading;

  g_assert_cmpuint (request.netfn << 8 | request.command, ==, 0x2c02);
  g_assert_cmpmem (request.data, request.length, "\xdc\1\0", 4);
  g_assert_cmpstr (entry.unit, ==, "W");
  entry.number = 7;
  reading = decode (&entry, SAMPLE_GOOD, reply, sizeof reply);
  g_assert_cmpfloat (reading.value, ==, 300);
  reply[18] = 0;
  reading = decode (&entry, SAMPLE_GOOD, reply, sizeof reply);
  g_assert_cmpuint (reading.flags, ==, FRAME_READING_AVAILABLE);
  decode (&entry, SAMPLE_FAILED, reply, sizeof reply - 1);
  reply[1] = 0;
  decode (&entry, SAMPLE_FAILED, reply, sizeof reply);

  g_assert_true (sample_has_dcmi_power ((const guint8[]){ 0x00, 0xdc, 1, 5, 2, 0, 1, 7 }, 8));
  g_assert_false (sample_has_dcmi_power ((const guint8[]){ 0x00, 0xdc, 1, 5, 2, 0, 0, 7 }, 8));
  g_assert_false (sample_has_dcmi_power ((const guint8[]){ 0x00, 0xdc, 1, 5, 2, 0 }, 6));
  g_assert_false (sample_has_dcmi_power ((const guint8[]){ 0x00, 0x00, 1, 5, 2, 0, 1, 7 }, 8));
  g_assert_false (sample_has_dcmi_power ((const guint8[]){ 0xc1 }, 1));
  g_free (entry.name), g_free (entry.entity), g_free (entry.id), g_free (entry.unit);
}

/* ---------------------------------------------------------------- the table */

static void
add (GArray *entries, guint8 owner, guint8 number, const char *id, guint8 thresholds)
{
  SensorEntry entry = { .owner = owner,
                        .sensor = number,
                        .sensor_type = 1,
                        .event_type = 1,
                        .flags = FRAME_SENSOR_ANALOG,
                        .thresholds = thresholds,
                        .thresholds_readable = TRUE,
                        .conversion = plain,
                        .name = g_strdup (id),
                        .entity = g_strdup ("processor 1"),
                        .id = g_strdup_printf ("3.1.%s", id),
                        .unit = g_strdup ("°C") };

  g_array_append_val (entries, entry);
}

static gboolean
replace (SensorTable *table, guint n, ...)
{
  GArray *entries = sensor_table_new_entries ();
  va_list args;

  va_start (args, n);
  for (guint i = 0; i < n; i++)
    {
      guint number = va_arg (args, guint);

      add (entries, 0x20, (guint8) number, va_arg (args, const char *), 0);
    }
  va_end (args);
  return sensor_table_replace (table, entries);
}

/* A sensor keeps its number as long as it is there, and gets no other's. */
static void
test_numbers (void)
{
  SensorTable table;

  sensor_table_init (&table);
  g_assert_true (replace (&table, 3, 9u, "C", 1u, "A", 5u, "B"));
  g_assert_cmpstr (sensor_table_get (&table, 0)->name, ==, "A");
  g_assert_cmpuint (sensor_table_get (&table, 0)->number, ==, 1);
  g_assert_cmpuint (sensor_table_get (&table, 2)->number, ==, 3);
  g_assert_false (replace (&table, 3, 5u, "B", 1u, "A", 9u, "C"));
  g_assert_true (replace (&table, 2, 1u, "A", 9u, "C"));
  g_assert_cmpuint (sensor_table_get (&table, 1)->number, ==, 3);
  g_assert_true (replace (&table, 3, 1u, "A", 5u, "Z", 9u, "C"));
  g_assert_cmpuint (sensor_table_get (&table, 1)->number, ==, 4);
  g_assert_cmpuint (sensor_table_get (&table, 2)->number, ==, 3);
  sensor_table_clear (&table);
}

static void
test_duplicates (void)
{
  SensorTable table;

  sensor_table_init (&table);
  replace (&table, 4, 1u, "Temp", 2u, "Temp", 3u, "Temp#2", 4u, "Temp");
  g_assert_cmpstr (sensor_table_get (&table, 0)->id, ==, "3.1.Temp");
  g_assert_cmpstr (sensor_table_get (&table, 1)->id, ==, "3.1.Temp#2");
  g_assert_cmpstr (sensor_table_get (&table, 2)->id, ==, "3.1.Temp#2#2");
  g_assert_cmpstr (sensor_table_get (&table, 3)->id, ==, "3.1.Temp#3");
  g_assert_cmpstr (sensor_table_get (&table, 3)->name, ==, "Temp");
  sensor_table_clear (&table);
}

static void
test_thresholds (void)
{
  const guint8 reply[] = { 0x00, 0x18, 0, 0, 0, 80, 90, 0 };
  SensorTable table;
  SensorEntry *entry;

  sensor_table_init (&table);
  replace (&table, 1, 1u, "A");
  entry = sensor_table_get (&table, 0);
  g_assert_false (sensor_table_take_thresholds (entry, (const guint8[]){ 0xcb }, 1));
  g_assert_false (sensor_table_take_thresholds (entry, reply, sizeof reply - 1));
  g_assert_true (sensor_table_take_thresholds (entry, reply, sizeof reply));
  g_assert_false (sensor_table_take_thresholds (entry, reply, sizeof reply));
  g_assert_cmpuint (entry->thresholds, ==, 0x18);
  g_assert_cmpfloat (entry->limits[IPMID_THRESHOLD_UPPER_CRITICAL], ==, 90);
  /* OpenIPMI's sensors again, with what their records say: not news. */
  g_assert_false (replace (&table, 1, 1u, "A"));
  g_assert_false (replace (&table, 1, 1u, "A"));
  g_assert_cmpuint (sensor_table_get (&table, 0)->thresholds, ==, 0x18);
  sensor_table_clear (&table);
}

typedef struct
{
  guint frames, firsts, lasts, sensors;
} Sent;

static void
on_send (GVariant *body, gpointer user_data)
{
  Sent *sent = user_data;
  g_autoptr (GVariant) sensors = NULL;
  gboolean first, last;
  g_autoptr (GBytes) packet = frame_encode (FRAME_SENSORS, g_variant_ref_sink (body));
  FrameType type;
  g_autoptr (GVariant) decoded = NULL;

  g_variant_unref (body);
  g_assert_cmpuint (g_bytes_get_size (packet), <=, FRAME_SIZE_MAX);
  g_assert_true (frame_decode (g_bytes_get_data (packet, NULL), g_bytes_get_size (packet), &type, &decoded, NULL));
  g_variant_get (decoded, "(ubb@a(usssyysqya{yd}))", NULL, &first, &last, &sensors);
  g_assert_true (first == (sent->frames == 0));
  sent->frames++;
  sent->firsts += first;
  sent->lasts += last;
  sent->sensors += (guint) g_variant_n_children (sensors);
}

static void
test_frames (void)
{
  g_autofree char *longest = g_strnfill (128, 'x');

  for (guint n = 0; n <= 2600; n += 650)
    {
      GArray *entries = sensor_table_new_entries ();
      SensorTable table;
      Sent sent = { 0 };

      sensor_table_init (&table);
      for (guint i = 0; i < n; i++)
        add (entries, (guint8) (0x20 + i / 250), (guint8) (i % 250), longest, 0x3f);
      sensor_table_replace (&table, entries);
      sensor_table_send (&table, 1, on_send, &sent);
      g_assert_cmpuint (sent.sensors, ==, MIN (n, SENSOR_TABLE_MAX));
      g_assert_cmpuint (sent.lasts, ==, 1);
      g_assert_cmpuint (sent.firsts, ==, 1);
      sensor_table_clear (&table);
    }
}

/* A batch goes into a frame as it lies in memory. */
static void
test_layout (void)
{
  FrameReading readings[2] = { { .sensor = 1, .time = -5, .flags = 7, .value = 1.5, .states = 0x8001 },
                               { .sensor = 2, .time = 6, .flags = 8, .value = -1, .states = 3 } };
  g_autoptr (GVariant) variant
      = g_variant_ref_sink (g_variant_new_fixed_array (G_VARIANT_TYPE ("(uxydu)"), readings, 2, sizeof (FrameReading)));
  g_autoptr (GVariant) expected = g_variant_ref_sink (
      g_variant_new_parsed ("[(@u 1, @x -5, @y 7, 1.5, @u 32769), (@u 2, @x 6, @y 8, -1.0, @u 3)]"));

  g_assert_true (g_variant_is_normal_form (variant));
  g_assert_true (g_variant_equal (variant, expected));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/conversion/linear", test_linear);
  g_test_add_func ("/conversion/linearizations", test_linearizations);
  g_test_add_func ("/conversion/not-finite", test_not_finite);
  g_test_add_func ("/conversion/impossible", test_impossible);
  g_test_add_func ("/sample/analog", test_analog);
  g_test_add_func ("/sample/discrete", test_discrete);
  g_test_add_func ("/sample/unavailable", test_unavailable);
  g_test_add_func ("/sample/errors", test_errors);
  g_test_add_func ("/sample/nonlinear", test_nonlinear);
  g_test_add_func ("/sample/chassis", test_chassis);
  g_test_add_func ("/sample/dcmi", test_dcmi);
  g_test_add_func ("/sensor-table/numbers", test_numbers);
  g_test_add_func ("/sensor-table/duplicates", test_duplicates);
  g_test_add_func ("/sensor-table/thresholds", test_thresholds);
  g_test_add_func ("/sensor-table/frames", test_frames);
  g_test_add_func ("/sensor-table/layout", test_layout);
  return g_test_run ();
}
