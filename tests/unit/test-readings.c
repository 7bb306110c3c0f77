/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-readings.c - what waits for a handler: the latest, once, bounded. */
#include "sensor-frames.h"

#include <core/readings.h>
#include <event/error.h>

#include <string.h>
#include <time.h>

typedef struct
{
  Inventory *inventory;
  Readings *readings;
  guint woken;
} Bench;

static void
on_wake (gpointer user_data)
{
  ((Bench *) user_data)->woken++;
}

static Readings *
subscribe (Bench *bench, const char *const *patterns)
{
  g_autoptr (GError) error = NULL;
  Readings *readings = readings_new (bench->inventory, patterns, on_wake, bench, &error);

  g_assert_no_error (error);
  return readings;
}

static void
describe (Bench *bench, gint64 bmc, guint32 first, guint n)
{
  g_autoptr (GVariant) body = test_temperatures (first, n);

  g_assert_true (inventory_on_sensors (bench->inventory, bmc, body, NULL));
}

static void
add_bmc (Bench *bench, gint64 bmc, guint sensors)
{
  g_autofree char *name = g_strdup_printf ("b%" G_GINT64_FORMAT, bmc);

  inventory_add_bmc (bench->inventory, bmc, name);
  describe (bench, bmc, 0, sensors);
}

/* Every sensor of the BMC has this value now. */
static void
read_all (Bench *bench, gint64 bmc, guint sensors, double value)
{
  g_autofree FrameReading *readings = g_new (FrameReading, sensors);

  for (guint i = 0; i < sensors; i++)
    readings[i] = test_reading (i, value);
  g_autoptr (GVariant) body = test_readings (readings, sensors);
  g_assert_true (inventory_on_readings (bench->inventory, bmc, body, NULL));
}

static void
read_one (Bench *bench, gint64 bmc, guint32 sensor, double value)
{
  const FrameReading reading = test_reading (sensor, value);
  g_autoptr (GVariant) body = test_readings (&reading, 1);

  g_assert_true (inventory_on_readings (bench->inventory, bmc, body, NULL));
}

static Bench *
bench_new (guint bmcs, guint sensors)
{
  Bench *bench = g_new0 (Bench, 1);

  bench->inventory = inventory_new ();
  bench->readings = subscribe (bench, NULL);
  for (guint i = 1; i <= bmcs; i++)
    add_bmc (bench, i, sensors);
  return bench;
}

static void
bench_free (Bench *bench)
{
  readings_free (bench->readings);
  inventory_free (bench->inventory);
  g_free (bench);
}

static guint64
dropped (Readings *readings)
{
  guint64 taken, count;

  readings_count (readings, &taken, &count);
  return count;
}

static void
test_latest_wins (void)
{
  Bench *bench = bench_new (1, 3);

  g_assert_null (readings_take (bench->readings));
  for (guint i = 1; i <= 10; i++)
    read_all (bench, 1, 3, i);
  const IpmidReadings *taken = readings_take (bench->readings);
  g_assert_cmpuint (taken->n_readings, ==, 3);
  g_assert_cmpuint (taken->dropped, ==, 27);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpstr (taken->readings[i]->bmc, ==, "b1");
      g_assert_cmpfloat (taken->readings[i]->value, ==, 10);
    }
  g_assert_null (readings_take (bench->readings)); /* once */
  read_one (bench, 1, 2, 11);
  taken = readings_take (bench->readings);
  g_assert_cmpuint (taken->n_readings, ==, 1);
  g_assert_cmpstr (taken->readings[0]->sensor, ==, "sensor 2");
  g_assert_cmpuint (taken->dropped, ==, 27);
  bench_free (bench);
}

static void
test_two_readers (void)
{
  static const char *const patterns[] = { "*2", "?ensor 0", NULL };
  Bench *bench = bench_new (1, 4);
  g_autoptr (Readings) some = subscribe (bench, patterns);

  read_all (bench, 1, 4, 1);
  g_assert_cmpuint (readings_take (some)->n_readings, ==, 2);
  read_all (bench, 1, 4, 2);
  const IpmidReadings *taken = readings_take (some);
  g_assert_cmpuint (taken->n_readings, ==, 2);
  g_assert_cmpstr (taken->readings[0]->sensor, ==, "sensor 0");
  g_assert_cmpstr (taken->readings[1]->sensor, ==, "sensor 2");
  g_assert_cmpuint (dropped (some), ==, 0);
  g_assert_cmpuint (readings_take (bench->readings)->n_readings, ==, 4);
  g_assert_cmpuint (dropped (bench->readings), ==, 4);
  g_clear_pointer (&some, readings_free);
  bench_free (bench);
}

/* Patterns as everywhere: case does not matter, and an exclusion excludes. */
static void
test_patterns (void)
{
  static const char *const patterns[] = { "SENSOR*", "!*2", "!*0", NULL }, *const wrong[] = { "!", NULL };
  Bench *bench = bench_new (1, 4);
  g_autoptr (Readings) some = subscribe (bench, patterns);
  g_autoptr (GError) error = NULL;

  read_all (bench, 1, 4, 1);
  const IpmidReadings *taken = readings_take (some);
  g_assert_cmpuint (taken->n_readings, ==, 2);
  g_assert_cmpstr (taken->readings[0]->sensor, ==, "sensor 1");
  g_assert_cmpstr (taken->readings[1]->sensor, ==, "sensor 3");
  g_assert_null (readings_new (bench->inventory, wrong, on_wake, bench, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
  g_clear_pointer (&some, readings_free);
  bench_free (bench);
}

/* A reader is told once, until it has taken all. */
static void
test_wake (void)
{
  Bench *bench = bench_new (3, 100);

  for (guint i = 1; i <= 3; i++)
    read_all (bench, i, 100, i);
  g_assert_cmpuint (bench->woken, ==, 1);
  g_assert_cmpuint (readings_take (bench->readings)->n_readings, ==, READINGS_BATCH);
  read_all (bench, 1, 100, 1);
  g_assert_cmpuint (bench->woken, ==, 1);
  while (readings_take (bench->readings) != NULL)
    continue;
  g_assert_false (readings_are_waiting (bench->readings));
  read_one (bench, 1, 1, 1);
  g_assert_cmpuint (bench->woken, ==, 2);
  bench_free (bench);
}

/* First come, first served; a BMC with many sensors that are read all the time
 * keeps no other one waiting, and none of its own sensors. */
static void
test_fair (void)
{
  Bench *bench = bench_new (2, 1000);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  gboolean other = FALSE;

  read_all (bench, 1, 1000, 0);
  read_all (bench, 2, 1000, 0);
  for (guint i = 1; i <= 8; i++)
    {
      const IpmidReadings *taken = readings_take (bench->readings);
      g_assert_cmpuint (taken->n_readings, ==, READINGS_BATCH);
      for (guint j = 0; j < taken->n_readings; j++)
        {
          other = other || strcmp (taken->readings[j]->bmc, "b2") == 0;
          if (strcmp (taken->readings[j]->bmc, "b1") == 0)
            g_hash_table_add (seen, (gpointer) g_intern_string (taken->readings[j]->sensor));
        }
      read_all (bench, 1, 1000, i);
    }
  g_assert_true (other);
  g_assert_cmpuint (g_hash_table_size (seen), ==, 1000);
  bench_free (bench);
}

static void
test_not_wanted (void)
{
  Bench *bench = bench_new (2, 5);

  read_all (bench, 1, 5, 1);
  readings_set_wanted (bench->readings, FALSE);
  g_assert_null (readings_take (bench->readings));
  read_all (bench, 1, 5, 2);
  describe (bench, 2, 0, 7); /* also of new sensors */
  read_all (bench, 2, 7, 2);
  g_assert_null (readings_take (bench->readings));
  g_assert_cmpuint (dropped (bench->readings), ==, 0);
  readings_set_wanted (bench->readings, TRUE);
  g_assert_null (readings_take (bench->readings));
  read_all (bench, 2, 7, 3);
  g_assert_cmpuint (readings_take (bench->readings)->n_readings, ==, 7);
  bench_free (bench);
}

/* A BMC goes, or gets other sensors, while its readings wait or half of them
 * were taken. */
static void
test_changes_while_waiting (void)
{
  Bench *bench = bench_new (3, 200);

  for (guint i = 1; i <= 3; i++)
    read_all (bench, i, 200, i);
  const IpmidReadings *taken = readings_take (bench->readings);
  g_assert_cmpuint (taken->n_readings, ==, 256); /* all of b1, 56 of b2 */
  inventory_remove_bmc (bench->inventory, 1);
  inventory_remove_bmc (bench->inventory, 2);
  g_assert_cmpstr (taken->readings[255]->bmc, ==, "b2"); /* still valid */
  g_assert_cmpstr (taken->readings[255]->sensor, ==, "sensor 55");
  describe (bench, 3, 100, 200); /* 100 to 199 stay */
  taken = readings_take (bench->readings);
  g_assert_cmpuint (taken->n_readings, ==, 100);
  g_assert_cmpstr (taken->readings[0]->bmc, ==, "b3");
  g_assert_cmpstr (taken->readings[0]->sensor, ==, "sensor 100");
  g_assert_null (readings_take (bench->readings));
  add_bmc (bench, 1, 2);
  read_all (bench, 1, 2, 1);
  g_assert_cmpuint (readings_take (bench->readings)->n_readings, ==, 2);
  read_all (bench, 1, 2, 1);
  inventory_remove_bmc (bench->inventory, 1);
  g_assert_false (readings_are_waiting (bench->readings));
  bench_free (bench);
}

static void
test_too_many_readers (void)
{
  Bench *bench = bench_new (0, 0);
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) readings_free);
  g_autoptr (GError) error = NULL;

  for (guint i = 1; i < 32; i++)
    g_ptr_array_add (all, subscribe (bench, NULL));
  g_assert_null (readings_new (bench->inventory, NULL, on_wake, bench, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
  add_bmc (bench, 1, 3);
  read_all (bench, 1, 3, 1);
  for (guint i = 0; i < all->len; i++)
    g_assert_cmpuint (readings_take (all->pdata[i])->n_readings, ==, 3);
  g_ptr_array_set_size (all, 0);
  g_ptr_array_add (all, subscribe (bench, NULL)); /* there is room again */
  g_clear_pointer (&all, g_ptr_array_unref);
  bench_free (bench);
}

/* ------------------------------------------------------------ against a model */

#define MODEL_BMCS 4u
#define MODEL_SENSORS 300u

/* For each sensor the value that waits, 0 for none, for one reader. */
typedef struct
{
  double waiting[MODEL_BMCS][MODEL_SENSORS];
  guint64 dropped;
} Model;

static void
model_read (Model *model, guint bmc, guint sensor, double value)
{
  model->dropped += model->waiting[bmc][sensor] != 0;
  model->waiting[bmc][sensor] = value;
}

static guint
model_length (const Model *model)
{
  guint n = 0;

  for (guint b = 0; b < MODEL_BMCS; b++)
    for (guint s = 0; s < MODEL_SENSORS; s++)
      n += model->waiting[b][s] != 0;
  return n;
}

static void
model_take (Model *model, Readings *readings)
{
  guint expected = MIN (model_length (model), READINGS_BATCH);
  const IpmidReadings *taken = readings_take (readings);

  g_assert_cmpuint (taken == NULL ? 0 : taken->n_readings, ==, expected);
  for (guint i = 0; i < expected; i++)
    {
      const IpmidReading *reading = taken->readings[i];
      guint bmc = (guint) g_ascii_strtoull (reading->bmc + 1, NULL, 10) - 1;
      guint sensor = (guint) g_ascii_strtoull (reading->sensor + strlen ("sensor "), NULL, 10);
      g_assert_cmpfloat (reading->value, ==, model->waiting[bmc][sensor]);
      model->waiting[bmc][sensor] = 0;
    }
  g_assert_cmpuint (dropped (readings), ==, model->dropped);
}

/* Random readings, takes, removals and new inventories, two readers. */
static void
test_model (void)
{
  Bench *bench = bench_new (MODEL_BMCS, MODEL_SENSORS);
  g_autoptr (Readings) second = subscribe (bench, NULL);
  Readings *readers[] = { bench->readings, second };
  g_autofree Model *models = g_new0 (Model, 2);

  for (guint step = 1; step <= 20000; step++)
    {
      guint bmc = (guint) g_test_rand_int_range (0, MODEL_BMCS), r = (guint) g_test_rand_int_range (0, 2);
      guint sensor = (guint) g_test_rand_int_range (0, MODEL_SENSORS);
      int what = g_test_rand_int_range (0, 1000);

      if (what < 900)
        {
          read_one (bench, bmc + 1, sensor, step);
          for (guint i = 0; i < 2; i++)
            model_read (&models[i], bmc, sensor, step);
        }
      else if (what < 995)
        model_take (&models[r], readers[r]);
      else if (what < 998)
        describe (bench, bmc + 1, 0, MODEL_SENSORS); /* the same sensors */
      else
        {
          inventory_remove_bmc (bench->inventory, bmc + 1);
          add_bmc (bench, bmc + 1, MODEL_SENSORS);
          for (guint i = 0; i < 2; i++)
            memset (models[i].waiting[bmc], 0, sizeof models[i].waiting[bmc]);
        }
    }
  g_clear_pointer (&second, readings_free);
  bench_free (bench);
}

/* -------------------------------------------------------------------- threads */

typedef struct
{
  Readings *readings;
  gint done; /* atomic */
  double last[8][40];
  guint64 taken;
} Taker;

static void
note_batch (Taker *taker, const IpmidReadings *readings)
{
  for (guint i = 0; i < readings->n_readings; i++)
    {
      const IpmidReading *reading = readings->readings[i];
      guint bmc = (guint) g_ascii_strtoull (reading->bmc + 1, NULL, 10) - 1;
      guint sensor = (guint) g_ascii_strtoull (reading->sensor + strlen ("sensor "), NULL, 10);
      g_assert_cmpfloat (reading->value, >, taker->last[bmc][sensor]);
      taker->last[bmc][sensor] = reading->value;
    }
  taker->taken += readings->n_readings;
}

static gpointer
take_until_done (gpointer data)
{
  Taker *taker = data;

  for (;;)
    {
      gboolean done = g_atomic_int_get (&taker->done);
      const IpmidReadings *readings = readings_take (taker->readings);
      if (readings != NULL)
        note_batch (taker, readings);
      else if (done)
        return NULL;
      else
        g_thread_yield ();
    }
}

/* The core's thread stores while a handler's takes: nothing comes twice or out of
 * order, the last of each sensor arrives, and the counts add up. */
static void
test_threads (void)
{
  enum
  {
    ROUNDS = 300
  };
  Bench *bench = bench_new (8, 40);
  Taker taker = { .readings = bench->readings };
  GThread *thread = g_thread_new ("taker", take_until_done, &taker);

  for (guint round = 1; round <= ROUNDS; round++)
    for (guint bmc = 1; bmc <= 8; bmc++)
      read_all (bench, bmc, 40, round);
  g_atomic_int_set (&taker.done, TRUE);
  g_thread_join (thread);
  for (guint bmc = 0; bmc < 8; bmc++)
    for (guint sensor = 0; sensor < 40; sensor++)
      g_assert_cmpfloat (taker.last[bmc][sensor], ==, ROUNDS);
  g_assert_cmpuint (taker.taken + dropped (bench->readings), ==, ROUNDS * 8 * 40);
  bench_free (bench);
}

/* ----------------------------------------------------------------- the cost */

static double
cpu_seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* From the packet to the plugin's call: 1000 BMCs of 40 sensors, as many frames.
 * `frames` is how many frames a BMC's readings come in. */
static void
measure (guint frames, guint takers)
{
  enum
  {
    BMCS = 1000,
    SENSORS = 40,
    ROUNDS = 10
  };
  Bench *bench = bench_new (BMCS, SENSORS);
  g_autofree FrameReading *readings = g_new (FrameReading, SENSORS);
  guint each = SENSORS / frames;
  guint64 taken = 0;

  if (takers == 0)
    readings_set_wanted (bench->readings, FALSE);
  for (guint i = 0; i < SENSORS; i++)
    readings[i] = test_reading (i, i);
  double start = cpu_seconds ();
  for (guint round = 0; round < ROUNDS; round++)
    {
      for (guint bmc = 1; bmc <= BMCS; bmc++)
        for (guint f = 0; f < frames; f++)
          {
            g_autoptr (GVariant) body = test_readings (readings + f * each, each);
            g_autoptr (GBytes) packet = frame_encode (FRAME_READINGS, g_variant_ref (body));
            g_autoptr (GVariant) received = NULL;
            gsize size;
            gconstpointer data = g_bytes_get_data (packet, &size);
            FrameType type;
            g_assert_true (frame_decode (data, size, &type, &received, NULL));
            g_assert_true (inventory_on_readings (bench->inventory, bmc, received, NULL));
          }
      for (const IpmidReadings *batch; (batch = readings_take (bench->readings)) != NULL;)
        taken += batch->n_readings;
    }
  double microseconds = (cpu_seconds () - start) * 1e6 / (ROUNDS * BMCS * SENSORS);
  g_assert_cmpuint (taken, ==, takers * (guint64) ROUNDS * BMCS * SENSORS);
  g_test_minimized_result (microseconds, "%u readings a frame, %u handlers: %.3f µs CPU a reading", each, takers,
                           microseconds);
  bench_free (bench);
}

static void
test_cost (void)
{
  measure (1, 0);
  measure (1, 1);
  measure (40, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/readings/latest-wins", test_latest_wins);
  g_test_add_func ("/readings/two-readers", test_two_readers);
  g_test_add_func ("/readings/patterns", test_patterns);
  g_test_add_func ("/readings/wake", test_wake);
  g_test_add_func ("/readings/fair", test_fair);
  g_test_add_func ("/readings/not-wanted", test_not_wanted);
  g_test_add_func ("/readings/changes-while-waiting", test_changes_while_waiting);
  g_test_add_func ("/readings/too-many-readers", test_too_many_readers);
  g_test_add_func ("/readings/model", test_model);
  g_test_add_func ("/readings/threads", test_threads);
  if (g_test_perf ())
    g_test_add_func ("/readings/cost", test_cost);
  return g_test_run ();
}
