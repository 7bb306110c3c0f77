/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-host-fleet.c - the fleet as a plugin sees it. */
#include "sensor-frames.h"

#include <core/handler.h>

#include <math.h>
#include <string.h>

typedef struct
{
  Inventory *inventory;
  Handler *handler;
  IpmidHost *host;
} Bench;

static void
set_up (Bench *bench, gconstpointer with_inventory)
{
  g_autoptr (CoreConfig) config = core_config_new ();
  HandlerConfig *description = core_config_add_handler (config, "sink", "test-sink");
  HandlerHooks hooks = { 0 };
  g_autoptr (GError) error = NULL;

  bench->inventory = inventory_new ();
  hooks.inventory = with_inventory == NULL ? NULL : bench->inventory;
  handler_config_set (description, "log", "/nowhere", "here");
  bench->handler = handler_new (description, g_getenv ("IPMID_TEST_PLUGIN_DIR"), &hooks, &error);
  g_assert_no_error (error);
  bench->host = (IpmidHost *) bench->handler;
}

static void
tear_down (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  handler_free (bench->handler);
  inventory_free (bench->inventory);
}

static IpmidBmc
look (Bench *bench, const IpmidFleet *fleet, guint bmc)
{
  IpmidBmc about = { .size = sizeof about };

  ipmid_fleet_bmc (bench->host, fleet, bmc, &about);
  return about;
}

static void
test_empty (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  IpmidFleet *fleet = ipmid_host_fleet (bench->host);

  g_assert_cmpuint (ipmid_fleet_length (bench->host, fleet), ==, 0);
  ipmid_fleet_unref (bench->host, fleet);
}

static void
test_bmcs (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const labels[] = { "site=north", "rack=r1", NULL };

  for (gint64 id = 20; id > 0; id--)
    {
      g_autofree char *name = g_strdup_printf ("b%" G_GINT64_FORMAT, id);
      inventory_add_bmc (bench->inventory, id, name);
    }
  inventory_set_labels (bench->inventory, 2, "server-2", labels);
  inventory_set_state (bench->inventory, 2, IPMID_BMC_QUARANTINED, "it\nspins", 1000);
  inventory_set_state (bench->inventory, 99, IPMID_BMC_UP, NULL, 1); /* nobody knows it */
  inventory_set_labels (bench->inventory, 99, "x", labels);
  IpmidFleet *fleet = ipmid_host_fleet (bench->host);
  g_assert_cmpuint (ipmid_fleet_length (bench->host, fleet), ==, 20);
  g_assert_cmpstr (look (bench, fleet, 0).name, ==, "b1");
  g_assert_null (look (bench, fleet, 0).host);
  g_assert_null (look (bench, fleet, 0).labels[0]);
  g_assert_cmpstr (look (bench, fleet, 0).state_words, ==, "");
  g_assert_cmpint (look (bench, fleet, 0).state, ==, IPMID_BMC_CONNECTING);
  g_assert_cmpstr (look (bench, fleet, 19).name, ==, "b20");
  /* What happens later does not show. */
  inventory_set_labels (bench->inventory, 2, NULL, NULL);
  inventory_set_state (bench->inventory, 2, IPMID_BMC_UP, NULL, 2000);
  inventory_add_bmc (bench->inventory, 2, "another name");
  inventory_remove_bmc (bench->inventory, 1);
  const IpmidBmc second = look (bench, fleet, 1);
  g_assert_cmpstr (second.name, ==, "b2");
  g_assert_cmpstr (second.host, ==, "server-2");
  g_assert_cmpstr (second.labels[1], ==, "rack=r1");
  g_assert_null (second.labels[2]);
  g_assert_cmpint (second.state, ==, IPMID_BMC_QUARANTINED);
  g_assert_cmpstr (second.state_words, ==, "it\357\277\275spins");
  g_assert_cmpint (second.since, ==, 1000 * 1000);
  ipmid_fleet_unref (bench->host, ipmid_fleet_ref (bench->host, fleet));
  ipmid_fleet_unref (bench->host, fleet);
}

static void
test_of_sensors (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  const double limits[6] = { NAN, 3, NAN, NAN, 90, NAN };
  const TestSensor sensors[]
      = { { .number = 0, .type = 1, .reading_type = 1, .flags = FRAME_SENSOR_ANALOG, .unit = "V", .limits = limits },
          { .number = 5, .flags = FRAME_SENSOR_EVENT_ONLY | FRAME_SENSOR_SATELLITE } };
  FrameReading reading = test_reading (0, 95);
  const char *words[IPMID_STATE_WORDS];
  IpmidSensor sensor = { .size = sizeof sensor };
  IpmidReading seen = { .size = sizeof seen };

  inventory_add_bmc (bench->inventory, 3, "b3");
  g_autoptr (GVariant) described = test_sensors (sensors, 2, TRUE, TRUE);
  g_assert_true (inventory_on_sensors (bench->inventory, 3, described, NULL));
  reading.states = 1u << IPMID_THRESHOLD_UPPER_CRITICAL;
  g_autoptr (GVariant) read = test_readings (&reading, 1);
  g_assert_true (inventory_on_readings (bench->inventory, 3, read, NULL));
  IpmidFleet *fleet = ipmid_host_fleet (bench->host);
  inventory_remove_bmc (bench->inventory, 3);
  g_assert_cmpuint (look (bench, fleet, 0).n_sensors, ==, 2);
  ipmid_fleet_sensor (bench->host, fleet, 0, 0, &sensor);
  g_assert_cmphex (sensor.flags, ==, IPMID_SENSOR_ANALOG);
  g_assert_cmphex (sensor.limit_bits, ==, 0x12);
  g_assert_cmpfloat (sensor.limits[1], ==, 3);
  g_assert_cmpfloat (sensor.limits[4], ==, 90);
  ipmid_fleet_reading (bench->host, fleet, 0, 0, &seen, words);
  g_assert_cmpstr (seen.bmc, ==, "b3");
  g_assert_cmpfloat (seen.value, ==, 95);
  g_assert_cmpstr (seen.state_words[0], ==, "upper critical");
  g_assert_null (seen.state_words[1]);
  ipmid_fleet_sensor (bench->host, fleet, 0, 1, &sensor);
  g_assert_cmphex (sensor.flags, ==, IPMID_SENSOR_EVENT_ONLY | IPMID_SENSOR_SATELLITE);
  g_assert_cmphex (sensor.limit_bits, ==, 0);
  ipmid_fleet_reading (bench->host, fleet, 0, 1, &seen, words);
  g_assert_false (seen.available);
  ipmid_fleet_unref (bench->host, fleet);
}

/* A plugin that was built before a structure grew gets no more than it has room
 * for. */
static void
test_smaller_structures (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  IpmidBmc about = { .size = G_STRUCT_OFFSET (IpmidBmc, state), .state = (IpmidBmcState) 42, .n_sensors = 42 };

  inventory_add_bmc (bench->inventory, 1, "b1");
  IpmidFleet *fleet = ipmid_host_fleet (bench->host);
  ipmid_fleet_bmc (bench->host, fleet, 0, &about);
  g_assert_cmpuint (about.size, ==, G_STRUCT_OFFSET (IpmidBmc, state));
  g_assert_cmpstr (about.name, ==, "b1");
  g_assert_cmpint (about.state, ==, 42);
  g_assert_cmpuint (about.n_sensors, ==, 42);
  ipmid_fleet_unref (bench->host, fleet);
}

#define ADD(name, function) g_test_add ("/host-fleet/" name, Bench, "", set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("empty", test_empty);
  ADD ("bmcs", test_bmcs);
  ADD ("sensors", test_of_sensors);
  ADD ("smaller-structures", test_smaller_structures);
  g_test_add ("/host-fleet/without-inventory", Bench, NULL, set_up, test_empty, tear_down);
  return g_test_run ();
}
