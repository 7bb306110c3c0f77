/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-inventory.c - sensors and last readings, and what a frame may not bring. */
#include "sensor-frames.h"

#include <core/inventory.h>
#include <event/error.h>

#include <malloc.h>
#include <math.h>
#include <string.h>

#define BMC 7

static Inventory *
make (void)
{
  Inventory *inventory = inventory_new ();

  inventory_add_bmc (inventory, BMC, "b7");
  return inventory;
}

static void
describe (Inventory *inventory, GVariant *body)
{
  g_autoptr (GError) error = NULL;

  inventory_on_sensors (inventory, BMC, body, &error);
  g_assert_no_error (error);
  g_variant_unref (body);
}

static void
read_in (Inventory *inventory, const FrameReading *readings, guint n)
{
  g_autoptr (GVariant) body = test_readings (readings, n);
  g_autoptr (GError) error = NULL;

  inventory_on_readings (inventory, BMC, body, &error);
  g_assert_no_error (error);
}

/* As a plugin would see it; the words last until the next call. */
static IpmidReading
look (Inventory *inventory, guint index)
{
  static const char *words[SENSOR_STATES + 1];
  g_autoptr (InventorySnapshot) snapshot = inventory_snapshot (inventory, BMC);
  IpmidReading reading;

  sensor_fill_reading (sensor_set_get (inventory_snapshot_sensors (snapshot), index), inventory_snapshot_bmc (snapshot),
                       inventory_snapshot_reading (snapshot, index), words, &reading);
  reading.bmc = NULL; /* went with the snapshot */
  return reading;
}

static guint
count (Inventory *inventory)
{
  g_autoptr (InventorySnapshot) snapshot = inventory_snapshot (inventory, BMC);

  return sensor_set_length (inventory_snapshot_sensors (snapshot));
}

/* Several frames, in no order of numbers. */
static void
test_frames (void)
{
  g_autoptr (Inventory) inventory = make ();
  const TestSensor sensors[] = { { .number = 900, .name = "c" }, { .number = 4, .name = "a" }, { .number = 17 } };

  g_assert_cmpuint (count (inventory), ==, 0);
  describe (inventory, test_sensors (&sensors[0], 1, TRUE, FALSE));
  g_assert_cmpuint (count (inventory), ==, 0); /* not whole yet */
  describe (inventory, test_sensors (&sensors[1], 1, FALSE, FALSE));
  describe (inventory, test_sensors (&sensors[2], 1, FALSE, TRUE));
  g_assert_cmpuint (count (inventory), ==, 3);
  g_assert_cmpstr (look (inventory, 0).sensor, ==, "a");
  g_assert_cmpstr (look (inventory, 1).sensor, ==, "sensor 17");
  g_assert_cmpstr (look (inventory, 2).sensor, ==, "c");
  /* The rest of an inventory whose beginning nobody saw changes nothing. */
  describe (inventory, test_sensors (&sensors[0], 1, FALSE, TRUE));
  g_assert_cmpuint (count (inventory), ==, 3);
  /* Another beginning forgets the first. */
  describe (inventory, test_sensors (sensors, 3, TRUE, FALSE));
  describe (inventory, test_sensors (sensors, 2, TRUE, TRUE));
  g_assert_cmpuint (count (inventory), ==, 2);
}

/* Every number is found, wherever the holes are. */
static void
test_find (void)
{
  for (guint mask = 0; mask < 1u << 10; mask++)
    {
      g_autoptr (SensorSet) set = sensor_set_new ();
      g_autoptr (GHashTable) words = sensor_words_new ();
      TestSensor sensors[10] = { 0 };
      guint n = 0, beyond = 0;
      g_autoptr (GError) error = NULL;

      for (guint i = 0; i < 10; i++)
        if ((mask & (1u << i)) != 0)
          sensors[n++].number = i;
      g_autoptr (GVariant) body = test_sensors (sensors, n, TRUE, TRUE);
      g_autoptr (GVariant) array = g_variant_get_child_value (body, 3);
      g_assert_true (sensor_set_add (set, words, array, &beyond, &error) && sensor_set_finish (set, &error));
      for (guint i = 0; i < 12; i++)
        {
          int found = sensor_set_find (set, i);
          g_assert_cmpint (found >= 0, ==, i < 10 && (mask & (1u << i)) != 0);
          if (found >= 0)
            g_assert_cmpuint (sensor_set_get (set, (guint) found)->number, ==, i);
        }
    }
}

static void
test_limits (void)
{
  const double nothing = NAN, infinite = INFINITY;
  g_autoptr (Inventory) inventory = make ();
  const double limits[6] = { 5, nothing, -2.5, infinite, 90, nothing };
  const TestSensor sensors[]
      = { { .number = 0, .limits = limits }, { .number = 1 }, { .number = 2, .limits = limits } };

  describe (inventory, test_sensors (sensors, 3, TRUE, TRUE));
  g_autoptr (InventorySnapshot) snapshot = inventory_snapshot (inventory, BMC);
  const SensorSet *set = inventory_snapshot_sensors (snapshot);
  for (guint sensor = 0; sensor < 3; sensor++)
    for (guint i = 0; i < 8; i++)
      {
        double limit;
        gboolean has = sensor_set_limit (set, sensor, (IpmidThreshold) i, &limit);
        g_assert_cmpint (has, ==, sensor != 1 && i < 6 && isfinite (limits[i]));
        if (has)
          g_assert_cmpfloat (limit, ==, limits[i]);
      }
}

static void
assert_breaks (gboolean good, GError **error, const char *words)
{
  g_assert_false (good);
  g_assert_error (*error, IPMID_ERROR, IPMID_ERROR_PROTOCOL);
  g_assert_nonnull (strstr ((*error)->message, words));
  g_clear_error (error);
}

/* What only a collector's mistake can bring. */
static void
test_broken_rules (void)
{
  g_autoptr (Inventory) inventory = make ();
  const TestSensor twice[] = { { .number = 3 }, { .number = 1 }, { .number = 3 } };
  const TestSensor flag = { .flags = 0x10 };
  FrameReading reading = test_reading (0, 1);
  GError *error = NULL;
  g_autoptr (GVariant) same_number = test_sensors (twice, 3, TRUE, TRUE);
  g_autoptr (GVariant) unknown_flag = test_sensors (&flag, 1, TRUE, TRUE);
  g_autoptr (GVariant) threshold = g_variant_ref_sink (
      g_variant_new_parsed ("(uint32 1, true, true, [(uint32 1, 'a', 'b', 'c', byte 1, byte 1, '', uint16 1, byte 0, "
                            "{byte 6: 1.5})])"));

  assert_breaks (inventory_on_sensors (inventory, BMC, same_number, &error), &error, "twice");
  assert_breaks (inventory_on_sensors (inventory, BMC, unknown_flag, &error), &error, "flag");
  assert_breaks (inventory_on_sensors (inventory, BMC, threshold, &error), &error, "threshold");
  reading.flags = 0x10;
  g_autoptr (GVariant) readings = test_readings (&reading, 1);
  assert_breaks (inventory_on_readings (inventory, BMC, readings, &error), &error, "flag");
  g_assert_cmpuint (count (inventory), ==, 0);
}

/* A REMOVE may have crossed: what is said about an unknown BMC is ignored. */
static void
test_unknown_bmc (void)
{
  g_autoptr (Inventory) inventory = inventory_new ();
  const FrameReading reading = test_reading (0, 1);
  g_autoptr (GVariant) sensors = test_temperatures (0, 3);
  g_autoptr (GVariant) readings = test_readings (&reading, 1);

  g_assert_true (inventory_on_sensors (inventory, BMC, sensors, NULL));
  g_assert_true (inventory_on_readings (inventory, BMC, readings, NULL));
  g_assert_null (inventory_snapshot (inventory, BMC));
  inventory_remove_bmc (inventory, BMC);
}

/* What a BMC has a say in is made harmless. */
static void
test_hostile (void)
{
  g_autoptr (Inventory) inventory = make ();
  g_autofree char *endless = g_strnfill (5000, 'x');
  const TestSensor sensors[] = { { .number = 0, .name = "a\nb\033[2J", .id = endless, .reading_type = 0x01 },
                                 { .number = 1, .name = "\342\200\256gnp", .type = 0xff, .reading_type = 0xff } };
  const double values[] = { NAN, INFINITY, -INFINITY };
  FrameReading odd = test_reading (0, 1);

  describe (inventory, test_sensors (sensors, 2, TRUE, TRUE));
  g_assert_cmpstr (look (inventory, 0).sensor, ==, "a\357\277\275b\357\277\275[2J");
  g_assert_cmpuint (strlen (look (inventory, 0).sensor_id), ==, 128);
  g_assert_cmpstr (look (inventory, 1).sensor, ==, "\357\277\275gnp");
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      odd.value = values[i];
      read_in (inventory, &odd, 1);
      g_assert_true (look (inventory, 0).available);
      g_assert_false (look (inventory, 0).has_value);
      g_assert_cmpfloat (look (inventory, 0).value, ==, 0);
    }
  odd = test_reading (1, 1);
  odd.states = G_MAXUINT32;
  read_in (inventory, &odd, 1);
  g_assert_cmphex (look (inventory, 1).states, ==, 0x7fff);
  g_assert_cmpstr (look (inventory, 1).state_words[14], ==, "state 14");
  odd.sensor = 0;
  read_in (inventory, &odd, 1);
  g_assert_cmphex (look (inventory, 0).states, ==, 0x3f); /* there are six thresholds */
}

static void
test_dropped (void)
{
  g_autoptr (Inventory) inventory = make ();
  FrameReading readings[4];
  const gint64 times[] = { 0, -1, G_MAXINT64 / 1000 + 1 };

  describe (inventory, test_temperatures (0, 2));
  for (guint i = 0; i < 3; i++)
    {
      readings[i] = test_reading (0, 1);
      readings[i].time = times[i];
    }
  readings[3] = test_reading (2, 1); /* no such sensor */
  read_in (inventory, readings, 4);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_false (look (inventory, i).available);
      g_assert_cmpstr (look (inventory, i).obstacle, ==, "not read yet");
    }
}

static void
test_too_many (void)
{
  g_autoptr (Inventory) inventory = make ();

  describe (inventory, test_temperatures (0, SENSOR_SET_MAX + 5));
  g_assert_cmpuint (count (inventory), ==, SENSOR_SET_MAX);
}

/* Flags to what a plugin sees (IPMI 2.0, section 35.14): all of them. */
static void
test_availability (void)
{
  g_autoptr (Inventory) inventory = make ();
  FrameReading reading = test_reading (0, 42);

  describe (inventory, test_temperatures (0, 1));
  for (guint8 flags = 0; flags <= FRAME_READING_FLAGS; flags++)
    {
      gboolean lost = (flags & FRAME_READING_LOST) != 0, scanned = (flags & FRAME_READING_SCANNING) != 0;
      const char *obstacle = lost                                     ? "no answer"
                             : !scanned                               ? "scanning disabled"
                             : (flags & FRAME_READING_AVAILABLE) == 0 ? "reading unavailable"
                                                                      : NULL;
      reading.flags = flags;
      reading.states = 1u << IPMID_THRESHOLD_LOWER_CRITICAL;
      read_in (inventory, &reading, 1);
      const IpmidReading seen = look (inventory, 0);
      g_assert_cmpstr (seen.obstacle, ==, obstacle);
      g_assert_cmpint (seen.available, ==, obstacle == NULL);
      g_assert_cmpint (seen.has_value, ==, obstacle == NULL && (flags & FRAME_READING_VALUE) != 0);
      g_assert_cmpfloat (seen.value, ==, seen.has_value ? 42 : 0);
      g_assert_cmphex (seen.states, ==, obstacle == NULL ? 2 : 0);
      g_assert_cmpint (seen.severity, ==, obstacle == NULL ? IPMID_SEVERITY_CRITICAL : IPMID_SEVERITY_OK);
      g_assert_cmpint (seen.time, ==, reading.time * 1000);
    }
}

static void
test_words (void)
{
  static const struct
  {
    guint8 type, reading_type;
    guint32 states;
    const char *words;
    IpmidSeverity severity;
  } cases[] = {
    { 0x01, 0x01, 0x00, "", IPMID_SEVERITY_OK },
    { 0x01, 0x01, 0x01, "lower non-critical", IPMID_SEVERITY_WARNING },
    { 0x01, 0x01, 0x04, "lower non-recoverable", IPMID_SEVERITY_CRITICAL },
    { 0x01, 0x01, 0x08, "upper non-critical", IPMID_SEVERITY_WARNING },
    { 0x01, 0x01, 0x18, "upper non-critical, upper critical", IPMID_SEVERITY_CRITICAL },
    { 0xd0, 0x70, 0x09, "state 0, state 3", IPMID_SEVERITY_INFO },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (Inventory) inventory = make ();
      const TestSensor sensor = { .type = cases[i].type, .reading_type = cases[i].reading_type };
      FrameReading reading = test_reading (0, 1);

      describe (inventory, test_sensors (&sensor, 1, TRUE, TRUE));
      reading.states = cases[i].states;
      read_in (inventory, &reading, 1);
      const IpmidReading seen = look (inventory, 0);
      g_autofree char *words = g_strjoinv (", ", (char **) seen.state_words);
      g_assert_cmpstr (words, ==, cases[i].words);
      g_assert_cmpint (seen.severity, ==, cases[i].severity);
    }
}

/* A power supply (table 42-3, type 08h): the worst of its states counts. */
static void
test_worst_state (void)
{
  g_autoptr (Inventory) inventory = make ();
  const TestSensor sensor = { .type = 0x08, .reading_type = 0x6f };
  FrameReading reading = test_reading (0, 0);

  describe (inventory, test_sensors (&sensor, 1, TRUE, TRUE));
  reading.states = 1;
  read_in (inventory, &reading, 1);
  g_assert_cmpint (look (inventory, 0).severity, <, IPMID_SEVERITY_WARNING);
  reading.states = 3;
  read_in (inventory, &reading, 1);
  g_assert_cmpint (look (inventory, 0).severity, ==, IPMID_SEVERITY_CRITICAL);
  g_assert_cmpstr (look (inventory, 0).sensor_type, ==, "Power Supply");
}

/* The user's severities count for readings as for the event that begins the
 * state: the offset of "upper critical" is 9, going high (table 42-2). */
static void
test_severity_rules (void)
{
  static const struct
  {
    const char *rule;
    IpmidSeverity upper_critical, lower_critical;
  } cases[] = {
    { "*:*=info", IPMID_SEVERITY_INFO, IPMID_SEVERITY_INFO },
    { "Temperature:INLET*=ok", IPMID_SEVERITY_OK, IPMID_SEVERITY_OK },
    { "Temperature:Outlet*=ok", IPMID_SEVERITY_CRITICAL, IPMID_SEVERITY_CRITICAL },
    { "Fan:*=ok", IPMID_SEVERITY_CRITICAL, IPMID_SEVERITY_CRITICAL },
    { "Temperature:*:offset-9=warning", IPMID_SEVERITY_WARNING, IPMID_SEVERITY_CRITICAL },
    { "Temperature:*:offset-2=warning", IPMID_SEVERITY_CRITICAL, IPMID_SEVERITY_WARNING },
    { "*:*:offset-4=warning", IPMID_SEVERITY_CRITICAL, IPMID_SEVERITY_CRITICAL }, /* a state's number is no offset */
    { "*:*:assert=info", IPMID_SEVERITY_INFO, IPMID_SEVERITY_INFO },
    { "*:*:deassert=info", IPMID_SEVERITY_CRITICAL, IPMID_SEVERITY_CRITICAL }, /* it holds */
  };
  const TestSensor sensors[] = { { .number = 0, .name = "Inlet Temp", .type = 0x01, .reading_type = 0x01 },
                                 { .number = 1, .name = "Inlet Temp", .type = 0x01, .reading_type = 0x01 },
                                 { .number = 2, .name = "Inlet Temp", .type = 0x01, .reading_type = 0x01 } };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (cases); i++)
    {
      const char *const words[] = { cases[i / 2].rule, NULL };
      g_autoptr (Inventory) inventory = make ();
      g_autoptr (SeverityRules) rules = severity_rules_parse (words, NULL);
      FrameReading readings[] = { test_reading (0, 1), test_reading (1, 1), test_reading (2, 1) };

      if (i % 2 == 0) /* before the sensors are known, and afterwards */
        inventory_set_severities (inventory, rules);
      describe (inventory, test_sensors (sensors, 3, TRUE, TRUE));
      readings[0].states = 1u << IPMID_THRESHOLD_UPPER_CRITICAL;
      readings[1].states = 1u << IPMID_THRESHOLD_LOWER_CRITICAL;
      read_in (inventory, readings, 3);
      if (i % 2 == 1)
        inventory_set_severities (inventory, rules);
      g_assert_cmpint (look (inventory, 0).severity, ==, cases[i / 2].upper_critical);
      g_assert_cmpint (look (inventory, 1).severity, ==, cases[i / 2].lower_critical);
      g_assert_cmpint (look (inventory, 2).severity, ==, IPMID_SEVERITY_OK); /* nothing holds */
      inventory_set_severities (inventory, NULL);
      g_assert_cmpint (look (inventory, 0).severity, ==, IPMID_SEVERITY_CRITICAL);
    }
}

/* Who looks at the sensors keeps what he saw, and the limits and readings stay. */
static void
test_severities_change (void)
{
  static const char *const words[] = { "Fan:*=info", "Power Supply:*=warning", "*:*=ok", NULL };
  const double limits[] = { NAN, 5, NAN, NAN, 90, NAN };
  const TestSensor sensors[]
      = { { .number = 0, .type = 0x08, .reading_type = 0x6f },
          { .number = 1, .type = 0x01, .reading_type = 0x01, .unit = "degrees C", .limits = limits } };
  g_autoptr (Inventory) inventory = make ();
  g_autoptr (SeverityRules) rules = severity_rules_parse (words, NULL);
  FrameReading readings[] = { test_reading (0, 0), test_reading (1, 95) };
  double limit;

  describe (inventory, test_sensors (sensors, 2, TRUE, TRUE));
  readings[0].states = 3;
  readings[1].states = 1u << IPMID_THRESHOLD_UPPER_CRITICAL;
  read_in (inventory, readings, 2);
  g_autoptr (InventorySnapshot) before = inventory_snapshot (inventory, BMC);
  inventory_set_severities (inventory, rules);
  g_assert_cmpint (look (inventory, 0).severity, ==, IPMID_SEVERITY_WARNING);
  g_assert_cmpint (look (inventory, 1).severity, ==, IPMID_SEVERITY_OK);
  g_assert_cmpfloat (look (inventory, 1).value, ==, 95);
  g_assert_cmpstr (look (inventory, 1).unit, ==, "degrees C");
  g_autoptr (InventorySnapshot) after = inventory_snapshot (inventory, BMC);
  g_assert_true (sensor_set_limit (inventory_snapshot_sensors (after), 1, IPMID_THRESHOLD_UPPER_CRITICAL, &limit));
  g_assert_cmpfloat (limit, ==, 90);
  g_assert_false (sensor_set_limit (inventory_snapshot_sensors (after), 1, IPMID_THRESHOLD_LOWER_NON_CRITICAL, &limit));
  g_assert_true (inventory_snapshot_sensors (before) != inventory_snapshot_sensors (after));
  g_assert_cmpstr (sensor_set_get (inventory_snapshot_sensors (before), 1)->name, ==, "sensor 1");
}

/* A new inventory keeps what was read of sensors that it still has, wherever
 * their numbers went; one that became something else begins anew. */
static void
test_replaced (void)
{
  g_autoptr (Inventory) inventory = make ();
  const TestSensor before[] = { { .number = 0, .id = "a", .unit = "V" }, { .number = 1, .id = "b", .unit = "V" } };
  const TestSensor after[] = { { .number = 0, .id = "new" },
                               { .number = 1, .id = "a", .unit = "V" },
                               { .number = 2, .id = "b", .unit = "A" },
                               { .number = 3, .id = "a", .unit = "V" } };
  const FrameReading readings[] = { test_reading (0, 10), test_reading (1, 11) };

  describe (inventory, test_sensors (before, 2, TRUE, TRUE));
  read_in (inventory, readings, 2);
  g_autoptr (InventorySnapshot) snapshot = inventory_snapshot (inventory, BMC);
  describe (inventory, test_sensors (after, 4, TRUE, TRUE));
  g_assert_false (look (inventory, 0).available);
  g_assert_cmpfloat (look (inventory, 1).value, ==, 10);
  g_assert_false (look (inventory, 2).available);
  g_assert_false (look (inventory, 3).available);
  /* The snapshot is of before. */
  g_assert_cmpuint (sensor_set_length (inventory_snapshot_sensors (snapshot)), ==, 2);
  g_assert_cmpfloat (inventory_snapshot_reading (snapshot, 1)->value, ==, 11);
}

static void
test_describe (void)
{
  g_autoptr (Inventory) inventory = make ();
  const FrameReading reading = test_reading (1, 10);
  g_autoptr (GString) out = g_string_new (NULL);

  inventory_describe (inventory, BMC, out);
  g_assert_cmpstr (out->str, ==, "");
  describe (inventory, test_temperatures (0, 3));
  inventory_describe (inventory, BMC, out);
  g_assert_cmpstr (out->str, ==, "  sensors: 3, 0 of them give readings\n");
  g_string_truncate (out, 0);
  read_in (inventory, &reading, 1);
  inventory_describe (inventory, BMC, out);
  g_assert_true (g_str_has_prefix (out->str, "  sensors: 3, 1 of them give readings, the last one "));
}

/* A fleet of one model: forty sensors with four thresholds each. */
static void
test_memory (void)
{
  enum
  {
    BMCS = 500,
    SENSORS = 40
  };
  const double limits[6] = { 5, 3, NAN, 80, 90, NAN };
  g_autoptr (Inventory) inventory = inventory_new ();
  TestSensor sensors[SENSORS];
  FrameReading readings[SENSORS];

  for (guint i = 0; i < SENSORS; i++)
    {
      sensors[i] = (TestSensor){ .number = i, .type = 1, .reading_type = 1, .limits = limits };
      readings[i] = test_reading (i, i);
    }
  g_autoptr (GVariant) described = test_sensors (sensors, SENSORS, TRUE, TRUE);
  g_autoptr (GVariant) read = test_readings (readings, SENSORS);
  gsize before = mallinfo2 ().uordblks;
  for (gint64 bmc = 1; bmc <= BMCS; bmc++)
    {
      g_autofree char *name = g_strdup_printf ("node%03" G_GINT64_FORMAT, bmc);
      inventory_add_bmc (inventory, bmc, name);
      g_assert_true (inventory_on_sensors (inventory, bmc, described, NULL));
      g_assert_true (inventory_on_readings (inventory, bmc, read, NULL));
    }
  gsize each = (mallinfo2 ().uordblks - before) / BMCS;
  g_test_message ("%zu bytes for a BMC of %u sensors", each, SENSORS);
  g_assert_cmpuint (each, <, 20 * 1024);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/inventory/frames", test_frames);
  g_test_add_func ("/inventory/find", test_find);
  g_test_add_func ("/inventory/limits", test_limits);
  g_test_add_func ("/inventory/broken-rules", test_broken_rules);
  g_test_add_func ("/inventory/unknown-bmc", test_unknown_bmc);
  g_test_add_func ("/inventory/hostile", test_hostile);
  g_test_add_func ("/inventory/dropped", test_dropped);
  g_test_add_func ("/inventory/too-many", test_too_many);
  g_test_add_func ("/inventory/availability", test_availability);
  g_test_add_func ("/inventory/words", test_words);
  g_test_add_func ("/inventory/worst-state", test_worst_state);
  g_test_add_func ("/inventory/severity-rules", test_severity_rules);
  g_test_add_func ("/inventory/severities-change", test_severities_change);
  g_test_add_func ("/inventory/replaced", test_replaced);
  g_test_add_func ("/inventory/describe", test_describe);
  g_test_add_func ("/inventory/memory", test_memory);
  return g_test_run ();
}
