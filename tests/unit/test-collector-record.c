/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-collector-record.c - the parts of the collector that are pure logic:
 * records and their words, names in SDRs, the heap of timers.
 */
#include "collector/id-string.h"
#include "collector/record.h"
#include "collector/timers.h"
#include "event/spec.h"

#include <string.h>

/* ------------------------------------------------------------------ records */

static const Maker unknown_maker;

static IpmidEvent *
describe (const guint8 *record)
{
  IpmidEvent *event = record_to_event (record, FALSE);

  record_describe (event, record, &unknown_maker);
  return event;
}

static void
check_text (const guint8 *record, const char *text, IpmidSeverity severity)
{
  g_autoptr (IpmidEvent) event = describe (record);

  g_assert_cmpstr (event_string (event, IPMID_FIELD_TEXT), ==, text);
  g_assert_cmpint (event_integer (event, IPMID_FIELD_SEVERITY), ==, severity);
}

static void
test_unknown (void)
{
  const guint8 state[16] = { 1, 0, 0x02, 0, 0, 0, 0x60, 0x20, 0, 4, 0x0c, 0x42, 0x6f, 0x01, 0xff, 0xff };
  const guint8 gone[16] = { 1, 0, 0x02, 0, 0, 0, 0x60, 0x20, 0, 4, 0x0c, 0x42, 0xef, 0x01, 0xff, 0xff };
  const guint8 bios[16] = { 1, 0, 0x02, 0, 0, 0, 0x60, 0x01, 0, 4, 0x0f, 0x06, 0x6f, 0x02, 0xff, 0xff };
  const guint8 odd[16] = { 1, 0, 0x02, 0, 0, 0, 0x60, 0x20, 0, 4, 0x01, 0x01, 0x01, 0x0d, 0xff, 0xff };
  const guint8 timed[16] = { 1, 0, 0xc5, 0, 0, 0, 0x60, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
  const guint8 untimed[16] = { 1, 0, 0xe5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };

  check_text (state, "Memory sensor 0x42 of controller 0x20: uncorrectable ECC or other uncorrectable memory error",
              IPMID_SEVERITY_CRITICAL);
  check_text (gone,
              "Memory sensor 0x42 of controller 0x20: uncorrectable ECC or other uncorrectable memory error is over",
              IPMID_SEVERITY_OK);
  check_text (bios, "BIOS: System Firmware Progress: system firmware progress", IPMID_SEVERITY_INFO);
  check_text (odd, "Temperature sensor 0x01 of controller 0x20: state 13 of event type 0x01, event data 0d ff ff",
              IPMID_SEVERITY_INFO);
  check_text (timed, "OEM record of type 0xc5 from manufacturer 197121: 04 05 06 07 08 09", IPMID_SEVERITY_INFO);
  check_text (untimed, "OEM record of type 0xe5: 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d", IPMID_SEVERITY_INFO);
  g_assert_true (record_is_attributable (state));
  g_assert_false (record_is_attributable (bios));
  g_assert_false (record_is_attributable (odd));
  g_assert_false (record_is_attributable (timed));
}

static void
test_threshold_text (void)
{
  const guint8 record[16] = { 1, 0, 0x02, 0, 0, 0, 0x60, 0x20, 0, 4, 0x01, 0x01, 0x01, 0x59, 97, 95 };
  g_autoptr (IpmidEvent) event = record_to_event (record, FALSE);

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_THRESHOLD);
  event_set_string (event, IPMID_FIELD_SENSOR, "CPU1 Temp");
  event_set_integer (event, IPMID_FIELD_THRESHOLD, IPMID_THRESHOLD_UPPER_CRITICAL);
  event_set_integer (event, IPMID_FIELD_DIRECTION, IPMID_DIRECTION_HIGH);
  event_set_double (event, IPMID_FIELD_VALUE, 97);
  event_set_double (event, IPMID_FIELD_LIMIT, 95);
  event_set_string (event, IPMID_FIELD_UNIT, "°C");
  record_describe (event, record, &unknown_maker);
  g_assert_cmpstr (event_string (event, IPMID_FIELD_TEXT), ==, "CPU1 Temp: upper critical going high, 97 > 95 °C");
  g_assert_cmpint (event_integer (event, IPMID_FIELD_SEVERITY), ==, IPMID_SEVERITY_CRITICAL);
}

/* ------------------------------------------------------- the specification */

/* The first and the last of each table, so that no line can slip. */
static void
test_tables (void)
{
  g_assert_cmpstr (spec_sensor_type (0x01), ==, "Temperature");
  g_assert_cmpstr (spec_sensor_type (0x23), ==, "Watchdog 2");
  g_assert_cmpstr (spec_sensor_type (0x2c), ==, "FRU State");
  g_assert_cmpstr (spec_sensor_type (0x2d), ==, "reserved");
  g_assert_cmpstr (spec_sensor_type (0xc0), ==, "OEM");
  g_assert_cmpstr (spec_state (0x6f, 0x23, 8), ==, "timer interrupt");
  g_assert_null (spec_state (0x6f, 0x23, 7));
  g_assert_cmpstr (spec_state (0x6f, 0x22, 14), ==, "unknown");
  g_assert_cmpstr (spec_state (0x6f, 0x07, 12), ==, "correctable machine check error");
  g_assert_cmpstr (spec_state (0x6f, 0x21, 9), ==, "slot holds spare device");
  g_assert_cmpstr (spec_state (0x0c, 0x01, 3), ==, "D3 power state");
  g_assert_cmpstr (spec_state (0x02, 0x01, 0), ==, "transition to idle");
  g_assert_null (spec_state (0x0d, 0x01, 0));
  g_assert_cmpstr (spec_threshold (5), ==, "upper non-recoverable");
  g_assert_cmpstr (spec_threshold (6), ==, "unknown threshold");
}

static void
test_entities_and_units (void)
{
  static const struct
  {
    int id, instance;
    const char *words;
  } entities[] = { { 3, 1, "processor 1" },    { 7, 0x60, "system board 0" }, { 40, 2, "battery 2" },
                   { 55, 1, "air inlet 1" },   { 64, 1, "air inlet 1" },      { 66, 1, "baseboard 1" },
                   { 54, 1, "entity 0x36 1" }, { 0xd0, 3, "entity 0xd0 3" } };
  g_autofree char *rpm = spec_unit (FALSE, 18, 0, 0, 0);
  g_autofree char *percent = spec_unit (TRUE, 0, 0, 0, 0);
  g_autofree char *rate = spec_unit (FALSE, 4, 0, 0, 3);
  g_autofree char *last = spec_unit (FALSE, 92, 0, 0, 0);

  for (guint i = 0; i < G_N_ELEMENTS (entities); i++)
    {
      g_autofree char *words = spec_entity (entities[i].id, entities[i].instance);
      g_assert_cmpstr (words, ==, entities[i].words);
    }
  g_assert_cmpstr (rpm, ==, "RPM");
  g_assert_cmpstr (percent, ==, "%");
  g_assert_cmpstr (rate, ==, "V/s");
  g_assert_cmpstr (last, ==, "grams");
  g_assert_null (spec_unit (FALSE, 0, 0, 0, 0));
  g_assert_null (spec_unit (FALSE, 255, 0, 0, 0));
}

/* -------------------------------------------------------------------- names */

static void
check_name (const guint8 *bytes, gsize length, const char *expected)
{
  g_autofree char *name = id_string_decode (bytes, length);

  g_assert_cmpstr (name, ==, expected);
}

static void
test_names (void)
{
  const guint8 latin[] = { 0xc4, 'F', 'A', 'N', '1' };
  const guint8 longer[] = { 0xdf, 'F', 'A', 'N' };
  const guint8 bcd[] = { 0x44, 0x21, 0xba };
  const guint8 packed[] = { 0x84, 0x29, 0xdc, 0xa6 }; /* "IPMI", as in the specification, 43.15 */
  const guint8 unicode[] = { 0x04, 'A', 0, 0xb0, 0 };
  const guint8 hostile[] = { 0xc4, 'a', '\n', 0xff, 0 };

  check_name (latin, sizeof latin, "FAN1");
  check_name (longer, sizeof longer, "FAN");
  check_name (bcd, sizeof bcd, "12 -");
  check_name (packed, sizeof packed, "IPMI");
  check_name (packed, 3, "IP");
  check_name (unicode, sizeof unicode, "A°");
  check_name (hostile, sizeof hostile, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  check_name (latin, 1, "");
  check_name (latin, 0, "");
}

static void
test_modifiers (void)
{
  static const struct
  {
    guint modifier;
    gboolean letters;
    const char *name;
  } cases[] = { { 0, FALSE, "x0" }, { 12, FALSE, "x12" }, { 0, TRUE, "xA" },
                { 25, TRUE, "xZ" }, { 26, TRUE, "xAA" },  { 143, TRUE, "xEN" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *name = id_string_with_modifier ("x", cases[i].modifier, cases[i].letters);
      g_assert_cmpstr (name, ==, cases[i].name);
    }
}

/* ------------------------------------------------------------------- timers */

static void
test_heap (void)
{
  TimerNode nodes[500] = { { 0 } };
  TimerHeap heap;
  gint64 last = 0;
  guint left = 0;

  timer_heap_init (&heap);
  for (guint i = 0; i < 20000; i++)
    {
      TimerNode *node = &nodes[g_test_rand_int_range (0, G_N_ELEMENTS (nodes))];

      if (timer_heap_contains (node))
        g_assert_true (timer_heap_remove (&heap, node));
      else
        timer_heap_insert (&heap, node, g_test_rand_int_range (0, 300));
      for (guint j = 0; i % 500 == 0 && j < G_N_ELEMENTS (nodes); j++)
        if (timer_heap_contains (&nodes[j]))
          g_assert_cmpint (timer_heap_first (&heap)->due, <=, nodes[j].due);
    }
  for (guint j = 0; j < G_N_ELEMENTS (nodes); j++)
    left += timer_heap_contains (&nodes[j]);
  for (TimerNode *first; (first = timer_heap_first (&heap)) != NULL; left--)
    {
      g_assert_cmpint (first->due, >=, last);
      last = first->due;
      timer_heap_remove (&heap, first);
      g_assert_false (timer_heap_remove (&heap, first));
    }
  g_assert_cmpuint (left, ==, 0);
  timer_heap_clear (&heap);
}

/* Never early, at most an eighth of the delay or 16384 microseconds late, and timers
 * that are due within the same grid run together. */
static void
test_slack (void)
{
  const gint64 begin = G_GINT64_CONSTANT (1234567890123);

  for (gint64 delay = 1; delay < 10 * G_USEC_PER_SEC; delay += 1 + delay / 100)
    for (gint64 shift = 0; shift < 50; shift++)
      {
        gint64 due = begin + shift * 331 + delay;
        gint64 late = timers_round_up (due, delay) - due;
        g_assert_cmpint (late, >=, 0);
        g_assert_cmpint (late, <=, MIN (delay / 8, 16384));
      }
  for (gint64 due = begin; due < begin + 5 * 16384; due += 7)
    g_assert_cmpint (timers_round_up (due, G_USEC_PER_SEC) % 16384, ==, 0);
  for (gint64 delay = 1; delay < 16; delay++)
    g_assert_cmpint (timers_round_up (begin, delay), ==, begin);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/collector/record/unknown", test_unknown);
  g_test_add_func ("/collector/record/threshold", test_threshold_text);
  g_test_add_func ("/collector/spec/tables", test_tables);
  g_test_add_func ("/collector/spec/entities-units", test_entities_and_units);
  g_test_add_func ("/collector/id-string/decode", test_names);
  g_test_add_func ("/collector/id-string/modifiers", test_modifiers);
  g_test_add_func ("/collector/timer-heap", test_heap);
  g_test_add_func ("/collector/timer-slack", test_slack);
  return g_test_run ();
}
