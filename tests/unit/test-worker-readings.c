/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-worker-readings.c - a handler's readings, between its events. */
#include "sensor-frames.h"
#include "take-in.h"

#include <core/handler.h>

#include <glib/gstdio.h>
#include <string.h>

#define PATIENCE (30 * G_TIME_SPAN_SECOND)
#define SENSORS 300

typedef struct
{
  char *directory, *log, *readings_log;
  Journal *journal;
  Inventory *inventory;
  Handler *handler;
  gint64 bmc;
  guint records;
} Bench;

static void
on_stop (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED int exit_status, G_GNUC_UNUSED const char *message)
{
}

static void
on_ended (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED Handler *handler)
{
}

static void
on_failed (const GError *error, G_GNUC_UNUSED gpointer user_data)
{
  g_error ("%s", error->message);
}

/* `settings`: key and value in turn, ends with NULL. */
static Handler *
make_handler (Bench *bench, const char *plugin, const char *const *settings, GError **error)
{
  const HandlerHooks hooks = { .stop = on_stop, .ended = on_ended, .inventory = bench->inventory };
  g_autoptr (CoreConfig) config = core_config_new ();
  HandlerConfig *description = core_config_add_handler (config, "sink", plugin);

  for (; settings[0] != NULL; settings += 2)
    handler_config_set (description, settings[0], settings[1], "here");
  return handler_new (description, g_getenv ("IPMID_TEST_PLUGIN_DIR"), &hooks, error);
}

static void
describe (Bench *bench)
{
  g_autoptr (GVariant) body = test_temperatures (0, SENSORS);

  inventory_add_bmc (bench->inventory, bench->bmc, "b");
  g_assert_true (inventory_on_sensors (bench->inventory, bench->bmc, body, NULL));
}

/* `script` and `pause` are the sink's; `readings_pause` how long it takes for a
 * batch of readings. */
static Bench *
bench_new (const char *script, const char *pause, const char *readings_pause)
{
  Bench *bench = g_new0 (Bench, 1);
  const JournalOptions options = { NULL, { G_GINT64_CONSTANT (1) << 30, 0 }, on_failed, NULL };
  g_autoptr (GError) error = NULL;

  bench->directory = g_dir_make_tmp ("worker-XXXXXX", NULL);
  bench->log = g_build_filename (bench->directory, "log", NULL);
  bench->readings_log = g_build_filename (bench->directory, "readings", NULL);
  bench->inventory = inventory_new ();
  bench->journal = journal_open (&options, &error);
  const char *const settings[] = { "log",   bench->log, "readings-log",   bench->readings_log, "script", script,
                                   "pause", pause,      "readings-pause", readings_pause,      "batch",  "1",
                                   NULL };
  bench->handler = make_handler (bench, "test-sink", settings, &error);
  g_assert_no_error (error);
  g_assert_true (handler_register (bench->handler, journal_ledger (bench->journal), &error));
  bench->bmc = ledger_add_bmc (journal_ledger (bench->journal), "b", NULL, &error);
  g_assert_true (journal_start (bench->journal, &error) && handler_start (bench->handler, bench->journal, &error));
  describe (bench);
  return bench;
}

static void
bench_free (Bench *bench)
{
  handler_stop (bench->handler, FALSE);
  handler_join (bench->handler);
  journal_close (bench->journal);
  handler_free (bench->handler);
  inventory_free (bench->inventory);
  g_unlink (bench->log);
  g_unlink (bench->readings_log);
  g_assert_cmpint (g_rmdir (bench->directory), ==, 0);
  g_free (bench->log);
  g_free (bench->readings_log);
  g_free (bench->directory);
  g_free (bench);
}

static void
read_all (Bench *bench, double value)
{
  FrameReading readings[SENSORS];

  for (guint i = 0; i < SENSORS; i++)
    readings[i] = test_reading (i, value);
  g_autoptr (GVariant) body = test_readings (readings, SENSORS);
  g_assert_true (inventory_on_readings (bench->inventory, bench->bmc, body, NULL));
}

static void
inject (Bench *bench, guint n)
{
  test_take_in (bench->journal, bench->bmc, &bench->records, n);
}

static guint
count_lines (const char *path, const char *with)
{
  g_autofree char *text = NULL;
  guint n = 0;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    n += strstr (*line, with) != NULL;
  return n;
}

static void
wait_lines (const char *path, const char *with, guint n)
{
  gint64 deadline = g_get_monotonic_time () + PATIENCE;

  while (count_lines (path, with) < n)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_usleep (2000);
    }
}

static void
test_handed_over (void)
{
  Bench *bench = bench_new ("d", "0s", "0s");
  HandlerStatus status;

  read_all (bench, 1);
  wait_lines (bench->readings_log, "\"value\":1,", SENSORS);
  g_assert_cmpuint (count_lines (bench->readings_log, "batch 256 0"), ==, 1);
  g_assert_cmpuint (count_lines (bench->readings_log, "batch 44 0"), ==, 1);
  read_all (bench, 2);
  wait_lines (bench->readings_log, "\"value\":2,", SENSORS);
  handler_get_status (bench->handler, &status);
  g_assert_true (status.has_readings);
  g_assert_cmpuint (status.readings, ==, 2 * SENSORS);
  g_assert_cmpuint (status.readings_dropped, ==, 0);
  bench_free (bench);
}

/* While it is slow with its events it gets no readings; afterwards it gets the
 * newest ones. */
static void
test_events_first (void)
{
  Bench *bench = bench_new ("s", "100ms", "0s");

  inject (bench, 10);
  wait_lines (bench->log, "", 1);
  for (guint i = 1; i <= 20; i++)
    read_all (bench, i);
  wait_lines (bench->readings_log, "\"value\":20,", SENSORS);
  g_assert_cmpuint (count_lines (bench->log, "b/"), ==, 10); /* all before the first reading */
  g_assert_cmpuint (count_lines (bench->readings_log, "\"kind\""), ==, SENSORS);
  bench_free (bench);
}

/* Events wait for one batch of readings at most. */
static void
test_between_batches (void)
{
  Bench *bench = bench_new ("d", "0s", "200ms");
  guint batches = 0;

  read_all (bench, 1);
  wait_lines (bench->readings_log, "batch 256", 1);
  /* It is busy with that batch now, and another one waits. */
  inject (bench, 1);
  wait_lines (bench->log, "b/", 1);
  batches = count_lines (bench->readings_log, "batch");
  g_assert_cmpuint (batches, <=, 2);
  wait_lines (bench->readings_log, "batch 44", 1);
  bench_free (bench);
}

/* What it does not take in time is replaced, and counted. */
static void
test_slow (void)
{
  Bench *bench = bench_new ("d", "0s", "50ms");
  HandlerStatus status;
  guint rounds = 0;

  do
    {
      read_all (bench, ++rounds);
      g_usleep (5000);
      handler_get_status (bench->handler, &status);
    }
  while (status.readings < 4 * SENSORS && rounds < 5000);
  wait_lines (bench->readings_log, "batch", 4);
  handler_get_status (bench->handler, &status);
  g_assert_cmpuint (status.readings_dropped, >, 0);
  g_assert_cmpuint (status.readings + status.readings_dropped, <=, (guint64) rounds * SENSORS);
  bench_free (bench);
}

/* Its end does not wait for readings. */
static void
test_stop (void)
{
  Bench *bench = bench_new ("d", "0s", "20ms");

  for (guint i = 1; i <= 50; i++)
    read_all (bench, i);
  wait_lines (bench->readings_log, "batch", 1);
  bench_free (bench);
}

static void
assert_refused (const char *plugin, const char *const *settings, const char *words)
{
  Bench bench = { .inventory = inventory_new () };
  g_autoptr (GError) error = NULL;

  g_assert_null (make_handler (&bench, plugin, settings, &error));
  g_assert_nonnull (strstr (error->message, words));
  inventory_free (bench.inventory);
}

static void
test_mistakes (void)
{
  const char *const patterns[] = { "readings-sensors", "CPU*", NULL };
  const char *const readings[] = { "readings", "yes", NULL };
  const char *const eventd[] = { "path", "/tmp/x", "format", "eventd", "readings", "yes", NULL };

  assert_refused ("sel-delete", patterns, "takes no readings");
  assert_refused ("sel-delete", readings, "has no option \"readings\"");
  assert_refused ("file", eventd, "readings = yes needs format = json");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/worker-readings/handed-over", test_handed_over);
  g_test_add_func ("/worker-readings/events-first", test_events_first);
  g_test_add_func ("/worker-readings/between-batches", test_between_batches);
  g_test_add_func ("/worker-readings/slow", test_slow);
  g_test_add_func ("/worker-readings/stop", test_stop);
  g_test_add_func ("/worker-readings/mistakes", test_mistakes);
  return g_test_run ();
}
