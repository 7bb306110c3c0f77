/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-sqlite.c - the parts of the plugin sqlite: sums of readings, upkeep, series,
 * schema, and the plans of its questions.
 */
#include "plugin-bench-host.h"

#include <plugins/sqlite/event-page.h>
#include <plugins/sqlite/schema.h>
#include <plugins/sqlite/service.h>
#include <plugins/sqlite/span.h>
#include <plugins/sqlite/upkeep.h>

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

/* A whole hour. */
#define BASE (G_GINT64_CONSTANT (472222) * SPAN_HOUR)

/* ------------------------------------------------------------------------- spans */

static void
test_begin (void)
{
  g_assert_cmpint (span_begin (0, SPAN_MINUTE), ==, 0);
  g_assert_cmpint (span_begin (SPAN_MINUTE - 1, SPAN_MINUTE), ==, 0);
  g_assert_cmpint (span_begin (SPAN_MINUTE, SPAN_MINUTE), ==, SPAN_MINUTE);
  g_assert_cmpint (span_begin (-1, SPAN_MINUTE), ==, -SPAN_MINUTE);
  g_assert_cmpint (span_begin (-SPAN_MINUTE, SPAN_MINUTE), ==, -SPAN_MINUTE);
  g_assert_cmpint (span_begin (BASE + SPAN_HOUR - 1, SPAN_HOUR), ==, BASE);
}

static Span
one (double value, int severity)
{
  return (Span){ .count = 1, .minimum = value, .mean = value, .maximum = value, .severity = severity };
}

/* Every sequence of up to six of these values, in every way of cutting it into
 * two parts: the parts' sum is the sum of all. */
static void
check_sequence (const double *values, guint n)
{
  double minimum = G_MAXDOUBLE, maximum = -G_MAXDOUBLE, sum = 0;

  for (guint i = 0; i < n; i++)
    {
      minimum = MIN (minimum, values[i]);
      maximum = MAX (maximum, values[i]);
      sum += values[i];
    }
  for (guint cut = 0; cut <= n; cut++)
    {
      Span left = { 0 }, right = { 0 }, whole = { 0 };
      for (guint i = 0; i < n; i++)
        {
          Span part = one (values[i], (int) (i % 4) + 1);
          span_add (i < cut ? &left : &right, &part);
        }
      span_add (&whole, &left);
      span_add (&whole, &right);
      g_assert_cmpuint (whole.count, ==, n);
      g_assert_cmpfloat (whole.minimum, ==, minimum);
      g_assert_cmpfloat (whole.maximum, ==, maximum);
      g_assert_cmpfloat_with_epsilon (whole.mean, sum / n, 1e-9);
      g_assert_cmpint (whole.severity, ==, MIN (n, 4));
    }
}

static void
test_sums (void)
{
  static const double choice[] = { -7.25, 0, 0.1, 1000 };
  double values[6];

  for (guint n = 1; n <= 6; n++)
    for (guint code = 0; code < 1u << (2 * n); code++)
      {
        for (guint i = 0; i < n; i++)
          values[i] = choice[code >> (2 * i) & 3];
        check_sequence (values, n);
      }
}

/* No mean is outside of its values, and none overflows. */
static void
test_extremes (void)
{
  static const double choice[] = { -G_MAXDOUBLE, 0.1, G_MAXDOUBLE };

  for (guint a = 0; a < 3; a++)
    for (guint b = 0; b < 3; b++)
      for (guint n = 1; n < 50; n++)
        {
          Span whole = one (choice[a], 1), part = one (choice[b], 1);
          part.count = n;
          span_add (&whole, &part);
          g_assert_true (isfinite (whole.mean));
          g_assert_true (whole.minimum <= whole.mean && whole.mean <= whole.maximum);
          g_assert_true (a != b || whole.mean == choice[a]);
        }
}

/* ------------------------------------------------------------------------- a bench */

typedef struct
{
  char *directory;
  BenchHost *host; /* for its table */
  Sqlite sqlite;
  Intake *intake;
  Upkeep *upkeep;
  Service service;
  gint64 today; /* microseconds */
} Bench;

static void
on_opened (gpointer data, const char *path)
{
  Bench *bench = data;

  events_forget_bmcs (&bench->sqlite);
  intake_reset (bench->intake);
  pool_open (bench->sqlite.pool, path);
}

static void
on_shutting (gpointer data)
{
  pool_shut (((Bench *) data)->sqlite.pool);
}

static void
prepare (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  bench->directory = g_dir_make_tmp ("sqlite-XXXXXX", NULL);
  bench->host = bench_host_new ("sqlite");
  bench->sqlite.host = &bench->host->host;
  bench->sqlite.bmcs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  bench->sqlite.line = g_string_new (NULL);
  bench->sqlite.pool = pool_new ();
  bench->sqlite.keep_raw = 100 * 365 * G_TIME_SPAN_DAY; /* the readings are of 2023 */
  bench->sqlite.database
      = (Database){ .host = bench->sqlite.host, .hooks = { on_opened, on_shutting, bench }, .cancel_fd = -1 };
  bench->sqlite.database.path = g_build_filename (bench->directory, "history.db", NULL);
  bench->intake = intake_new (&bench->sqlite);
  bench->upkeep = upkeep_new (&bench->sqlite, bench->intake);
  service_init (&bench->service, bench->sqlite.pool);
}

static void
set_up (Bench *bench, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  prepare (bench, data);
  database_open (&bench->sqlite.database, &error);
  g_assert_no_error (error);
}

static void
tear_down (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  const char *name;

  database_shut (&bench->sqlite.database);
  upkeep_free (bench->upkeep);
  intake_free (bench->intake);
  pool_free (bench->sqlite.pool);
  g_hash_table_unref (bench->sqlite.bmcs);
  g_string_free (bench->sqlite.line, TRUE);
  g_free (bench->sqlite.database.path);
  bench_host_free (bench->host);
  g_autoptr (GDir) dir = g_dir_open (bench->directory, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (bench->directory, name, NULL);
      g_unlink (path);
    }
  g_rmdir (bench->directory);
  g_free (bench->directory);
}

/* A reading of the one sensor; NaN: it gives nothing. */
static void
take (Bench *bench, gint64 time, double value, IpmidSeverity severity)
{
  const IpmidReading reading = { .size = sizeof reading,
                                 .bmc = "b",
                                 .sensor = "Fan",
                                 .sensor_id = "29.1.Fan",
                                 .sensor_type = "Fan",
                                 .entity = "fan 1",
                                 .unit = "RPM",
                                 .time = time,
                                 .available = !isnan (value),
                                 .has_value = !isnan (value),
                                 .value = value,
                                 .severity = severity };
  const IpmidReading *const all[] = { &reading };

  intake_add (bench->intake, &(IpmidReadings){ .size = sizeof (IpmidReadings), .n_readings = 1, .readings = all });
}

static gint64
query (Bench *bench, const char *sql)
{
  gint64 value = -1;
  g_autoptr (GError) error = NULL;

  sql_query (bench->sqlite.database.sql, sql, &value, &error);
  g_assert_no_error (error);
  return value;
}

/* One whole pass at a wall clock of `time`, nanoseconds. */
static void
keep_up (Bench *bench, gint64 time)
{
  gint64 now = g_get_monotonic_time ();

  intake_finish (bench->intake);
  upkeep_free (bench->upkeep);
  bench->upkeep = upkeep_new (&bench->sqlite, bench->intake);
  do
    now = upkeep_work (bench->upkeep, now, time / 1000);
  while (upkeep_is_busy (bench->upkeep));
}

typedef struct
{
  GArray *points;
} Seen;

static void
see (gpointer data, const IpmidStorePoint *point)
{
  g_array_append_val (((Seen *) data)->points, *point);
}

static GArray *
series (Bench *bench, gint64 since, gint64 until, IpmidStoreResolution resolution, guint points)
{
  const IpmidStoreSeriesQuery wanted = { .size = sizeof wanted,
                                         .bmc = "b",
                                         .sensor_id = "29.1.Fan",
                                         .since = since,
                                         .until = until,
                                         .resolution = resolution,
                                         .points = points };
  Seen seen = { g_array_new (FALSE, FALSE, sizeof (IpmidStorePoint)) };
  g_autoptr (GError) error = NULL;

  ipmid_store_series (&bench->service.store, &wanted, see, &seen, &error);
  g_assert_no_error (error);
  return seen.points;
}

/* ---------------------------------------------------------------------- what it keeps */

#define STEP (7 * SPAN_SECOND)

static double
value_at (guint i)
{
  return (double) (i * 37 % 101) - 20;
}

/* Three hours of readings, every tenth without a value. */
static guint
take_three_hours (Bench *bench)
{
  guint n = (guint) (3 * SPAN_HOUR / STEP);

  for (guint i = 0; i < n; i++)
    take (bench, BASE + i * STEP, i % 10 == 9 ? NAN : value_at (i), i == 500 ? IPMID_SEVERITY_CRITICAL : 1);
  return n;
}

/* The points of this width, added up by a plain loop, from `since` to `until`. */
static void
check_series (Bench *bench, gint64 since, gint64 until, IpmidStoreResolution resolution, gint64 width)
{
  g_autoptr (GArray) got = series (bench, since, until, resolution, 10000);
  guint n = (guint) (3 * SPAN_HOUR / STEP), next = 0;

  for (gint64 begin = span_begin (since, width); begin < until; begin += width)
    {
      double minimum = INFINITY, maximum = -INFINITY, sum = 0;
      guint count = 0;
      gboolean critical = FALSE;
      for (guint i = 0; i < n; i++)
        {
          gint64 time = BASE + i * STEP;
          if (time < begin || time >= MIN (begin + width, until) || i % 10 == 9)
            continue;
          minimum = MIN (minimum, value_at (i));
          maximum = MAX (maximum, value_at (i));
          sum += value_at (i);
          critical |= i == 500;
          count++;
        }
      if (count == 0)
        continue;
      g_assert_cmpuint (next, <, got->len);
      const IpmidStorePoint *point = &g_array_index (got, IpmidStorePoint, next++);
      g_assert_cmpint (point->time, ==, begin);
      g_assert_cmpint (point->width, ==, width);
      g_assert_cmpuint (point->count, ==, count);
      g_assert_cmpfloat (point->minimum, ==, minimum);
      g_assert_cmpfloat (point->maximum, ==, maximum);
      g_assert_cmpfloat_with_epsilon (point->mean, sum / count, 1e-9);
      g_assert_cmpint (point->severity, ==, critical ? IPMID_SEVERITY_CRITICAL : IPMID_SEVERITY_OK);
    }
  g_assert_cmpuint (next, ==, got->len);
}

static void
check_all_series (Bench *bench)
{
  check_series (bench, BASE, BASE + 3 * SPAN_HOUR, IPMID_STORE_RESOLUTION_MINUTE, SPAN_MINUTE);
  check_series (bench, BASE, BASE + 3 * SPAN_HOUR, IPMID_STORE_RESOLUTION_HOUR, SPAN_HOUR);
  check_series (bench, BASE + 90 * SPAN_SECOND, BASE + 100 * SPAN_MINUTE, IPMID_STORE_RESOLUTION_MINUTE, SPAN_MINUTE);
  check_series (bench, BASE + SPAN_HOUR, BASE + 2 * SPAN_HOUR, IPMID_STORE_RESOLUTION_HOUR, SPAN_HOUR);
}

/* The answer does not depend on how far the upkeep is. */
static void
test_series (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  take_three_hours (bench);
  intake_finish (bench->intake);
  check_all_series (bench);
  for (gint64 minutes = 0; minutes <= 190; minutes += 19)
    {
      keep_up (bench, BASE + minutes * SPAN_MINUTE + 11 * SPAN_SECOND);
      check_all_series (bench);
    }
  g_assert_cmpint (query (bench, "SELECT count (*) FROM minute"), ==, 180);
  g_assert_cmpint (query (bench, "SELECT count (*) FROM hour"), ==, 3);
}

static void
test_raw (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  take (bench, BASE, 5, IPMID_SEVERITY_WARNING);
  take (bench, BASE + 1, NAN, IPMID_SEVERITY_CRITICAL);
  take (bench, BASE + 2, 7, IPMID_SEVERITY_OK);
  intake_finish (bench->intake);
  g_autoptr (GArray) got = series (bench, BASE, BASE + 2, IPMID_STORE_RESOLUTION_RAW, 0);
  g_assert_cmpuint (got->len, ==, 2);
  const IpmidStorePoint *first = &g_array_index (got, IpmidStorePoint, 0);
  const IpmidStorePoint *second = &g_array_index (got, IpmidStorePoint, 1);
  g_assert_cmpuint (first->count, ==, 1);
  g_assert_cmpfloat (first->mean, ==, 5);
  g_assert_true (first->available);
  g_assert_cmpint (first->severity, ==, IPMID_SEVERITY_WARNING);
  g_assert_cmpuint (second->count, ==, 0);
  g_assert_false (second->available);
  g_assert_cmpint (second->severity, ==, IPMID_SEVERITY_OK);
  g_autoptr (GArray) cut = series (bench, BASE, BASE + 3, IPMID_STORE_RESOLUTION_RAW, 1);
  g_assert_cmpuint (cut->len, ==, 1);
}

/* Every cut by age: what is older goes, and what is coarser stays. */
static void
test_retention (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  bench->sqlite.keep_raw = 0;
  take_three_hours (bench);
  keep_up (bench, BASE + 3 * SPAN_HOUR);
  bench->sqlite.keep_raw = 30 * G_TIME_SPAN_MINUTE;
  bench->sqlite.keep_minutes = 90 * G_TIME_SPAN_MINUTE;
  keep_up (bench, BASE + 3 * SPAN_HOUR + 2 * SPAN_MINUTE);
  g_assert_cmpint (query (bench, "SELECT min (time) FROM reading") / SPAN_MINUTE, ==,
                   (BASE + 152 * SPAN_MINUTE) / SPAN_MINUTE);
  g_assert_cmpint (query (bench, "SELECT min (time) FROM minute"), ==, BASE + SPAN_HOUR);
  g_assert_cmpint (query (bench, "SELECT count (*) FROM hour"), ==, 3);
  check_series (bench, BASE, BASE + 3 * SPAN_HOUR, IPMID_STORE_RESOLUTION_HOUR, SPAN_HOUR);
  check_series (bench, BASE + SPAN_HOUR, BASE + 3 * SPAN_HOUR, IPMID_STORE_RESOLUTION_MINUTE, SPAN_MINUTE);
  /* Everything goes, the sensor and the BMC too; and comes back. */
  bench->sqlite.keep_hours = 3 * G_TIME_SPAN_HOUR;
  keep_up (bench, BASE + 9 * SPAN_HOUR);
  g_assert_cmpint (query (bench, "SELECT count (*) FROM hour"), ==, 0);
  g_assert_cmpint (query (bench, "SELECT count (*) FROM sensor"), ==, 0);
  g_assert_cmpint (query (bench, "SELECT count (*) FROM bmc"), ==, 0);
  bench->sqlite.keep_raw = 0;
  take (bench, BASE + 9 * SPAN_HOUR, 1, IPMID_SEVERITY_OK);
  intake_finish (bench->intake);
  g_assert_cmpint (query (bench, "SELECT count (*) FROM reading JOIN sensor ON sensor.id = sensor"), ==, 1);
}

/* A reading of a minute that is added up already, because a clock was set back. */
static void
test_late_reading (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  take (bench, BASE + SPAN_SECOND, 10, IPMID_SEVERITY_OK);
  take (bench, BASE + 61 * SPAN_MINUTE, 30, IPMID_SEVERITY_OK);
  keep_up (bench, BASE + 2 * SPAN_HOUR + 5 * SPAN_MINUTE);
  g_assert_cmpint (query (bench, "SELECT mean FROM hour ORDER BY time LIMIT 1"), ==, 10);
  take (bench, BASE + 2 * SPAN_SECOND, 20, IPMID_SEVERITY_OK);
  intake_finish (bench->intake);
  g_autoptr (GArray) before = series (bench, BASE, BASE + SPAN_HOUR, IPMID_STORE_RESOLUTION_HOUR, 0);
  g_assert_cmpfloat (g_array_index (before, IpmidStorePoint, 0).mean, ==, 15);
  keep_up (bench, BASE + 2 * SPAN_HOUR + 5 * SPAN_MINUTE);
  g_assert_cmpint (query (bench, "SELECT mean FROM hour ORDER BY time LIMIT 1"), ==, 15);
  g_assert_cmpint (query (bench, "SELECT count (*) FROM minute"), ==, 2);
  g_assert_cmpint (query (bench, "SELECT mean FROM hour ORDER BY time DESC LIMIT 1"), ==, 30);
}

/* The finest that fits, and that reaches back far enough. */
static void
test_auto (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    gint64 since; /* minutes */
    guint points;
    gint64 width;
  } cases[] = {
    { 170, 1000, 0 },             /* few readings: all of them */
    { 170, 10, SPAN_MINUTE * 2 }, /* 10 minutes in at most 10 points */
    { 120, 1000, SPAN_MINUTE },   /* readings do not reach back */
    { 120, 7, 9 * SPAN_MINUTE },  /* an hour in at most 7 points */
    { 0, 1000, SPAN_HOUR },       /* minutes do not reach back */
    { 0, 2, 2 * SPAN_HOUR },
  };

  bench->sqlite.keep_raw = 0;
  take_three_hours (bench);
  keep_up (bench, BASE + 3 * SPAN_HOUR);
  bench->sqlite.keep_raw = 30 * G_TIME_SPAN_MINUTE;
  bench->sqlite.keep_minutes = 90 * G_TIME_SPAN_MINUTE;
  keep_up (bench, BASE + 3 * SPAN_HOUR + 2 * SPAN_MINUTE);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GArray) got = series (bench, BASE + cases[i].since * SPAN_MINUTE, BASE + 3 * SPAN_HOUR,
                                       IPMID_STORE_RESOLUTION_AUTO, cases[i].points);
      g_assert_cmpuint (got->len, >, 0);
      g_assert_cmpuint (got->len, <=, cases[i].points);
      g_assert_cmpint (g_array_index (got, IpmidStorePoint, 0).width, ==, cases[i].width);
    }
}

static void
see_sensor (gpointer data, const IpmidStoreSensor *sensor)
{
  g_string_append_printf (data, "%s %s %s %s %g %d;", sensor->sensor, sensor->sensor_type, sensor->entity, sensor->unit,
                          sensor->value, sensor->severity);
}

static void
test_sensors (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GString) seen = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  const IpmidStoreSeriesQuery unknown
      = { .size = sizeof unknown, .bmc = "b", .sensor_id = "?", .until = 1, .since = 0 };

  take (bench, BASE + 1, 5, IPMID_SEVERITY_WARNING);
  take (bench, BASE, 6, IPMID_SEVERITY_OK);
  intake_finish (bench->intake);
  g_assert_true (ipmid_store_sensors (&bench->service.store, "b", see_sensor, seen, NULL));
  g_assert_cmpstr (seen->str, ==, "Fan Fan fan 1 RPM 5 3;");
  g_assert_false (ipmid_store_sensors (&bench->service.store, "c", see_sensor, seen, &error));
  g_assert_error (error, IPMID_STORE_ERROR, IPMID_STORE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (ipmid_store_series (&bench->service.store, &unknown, see, NULL, &error));
  g_assert_error (error, IPMID_STORE_ERROR, IPMID_STORE_ERROR_INVALID);
}

/* Nobody gets an answer from a store that is shut, and nobody has to wait. */
static void
test_shut (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  database_shut (&bench->sqlite.database);
  g_assert_false (ipmid_store_event (&bench->service.store, "x", NULL, NULL, &error));
  g_assert_error (error, IPMID_STORE_ERROR, IPMID_STORE_ERROR_UNAVAILABLE);
}

/* ----------------------------------------------------------------------------- schema */

/* A file as the first version left it, with events in it. */
static void
make_first_version (Bench *bench)
{
  g_autoptr (GError) error = NULL;
  Database *database = &bench->sqlite.database;

  g_assert_true (sql_create_file (database->path, NULL));
  g_autoptr (Sql) sql = sql_open (database->path, SQLITE_OPEN_READWRITE, NULL, 0, &error);
  g_assert_no_error (error);
  schema_migrate_to (sql, 0, 1, &error);
  g_assert_no_error (error);
  sql_execute (sql,
               "INSERT INTO bmc VALUES (1, 'b'), (2, 'c');"
               "INSERT INTO event VALUES (1, 'b/1/1', 5, 5, 1, 1, 3, 'Fan', 'the fan stopped', '{}'),"
               " (2, 'b/1/2', 6, 6, 1, 1, 3, 'Fan', 'the fan runs', '{}'),"
               " (3, 'c/1/1', 7, 7, 2, 1, 4, NULL, 'power lost', '{}')",
               &error);
  g_assert_no_error (error);
}

static void
test_migration (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  make_first_version (bench);
  g_assert_true (database_open (&bench->sqlite.database, &error));
  g_assert_no_error (error);
  g_assert_nonnull (strstr (bench->host->log->str, "schema version 1 becomes 2"));
  g_assert_cmpint (query (bench, "PRAGMA user_version"), ==, SCHEMA_VERSION);
  g_assert_cmpint (query (bench, "SELECT count FROM event_count WHERE bmc = 1 AND severity = 3"), ==, 2);
  g_assert_cmpint (query (bench, "SELECT rowid FROM event_text WHERE event_text MATCH 'stopped'"), ==, 1);
  g_assert_cmpint (query (bench, "SELECT count (*) FROM event_text WHERE event_text MATCH 'fan'"), ==, 2);
  sql_execute (bench->sqlite.database.sql, "DELETE FROM event WHERE seq = 1", &error);
  sql_execute (bench->sqlite.database.sql, "INSERT INTO event_text (event_text, rank) VALUES ('integrity-check', 1)",
               &error);
  g_assert_no_error (error);
  g_assert_cmpint (query (bench, "SELECT count FROM event_count WHERE bmc = 1 AND severity = 3"), ==, 1);
}

/* One that fails halfway changes nothing. */
static void
test_migration_fails (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Database *database = &bench->sqlite.database;
  gint64 value = 0;

  make_first_version (bench);
  {
    g_autoptr (Sql) sql = sql_open (database->path, SQLITE_OPEN_READWRITE, NULL, 0, NULL);
    g_assert_true (sql_execute (sql, "CREATE TABLE event_text (x)", NULL));
  }
  g_assert_false (database_open (database, &error));
  g_assert_error (error, SQL_ERROR, SQL_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "event_text already exists"));
  g_autoptr (Sql) sql = sql_open (database->path, SQLITE_OPEN_READWRITE, NULL, 0, NULL);
  g_assert_true (sql_query (sql, "PRAGMA user_version", &value, NULL));
  g_assert_cmpint (value, ==, 1);
  g_assert_true (sql_query (sql, "SELECT count (*) FROM sqlite_schema WHERE name = 'event_count'", &value, NULL));
  g_assert_cmpint (value, ==, 0);
}

/* ------------------------------------------------------------------------------ plans */

static char *
plan_of (Bench *bench, const char *text)
{
  g_autofree char *explain = g_strconcat ("EXPLAIN QUERY PLAN ", text, NULL);
  GString *plan = g_string_new (NULL);
  sqlite3_stmt *row = NULL;

  g_assert_cmpint (sqlite3_prepare_v2 (bench->sqlite.database.sql->db, explain, -1, &row, NULL), ==, SQLITE_OK);
  while (sqlite3_step (row) == SQLITE_ROW)
    g_string_append_printf (plan, "%s\n", sqlite3_column_text (row, 3));
  sqlite3_finalize (row);
  return g_string_free (plan, FALSE);
}

static guint
occurrences (const char *text, const char *word)
{
  g_auto (GStrv) parts = g_strsplit (text, word, -1);

  return g_strv_length (parts) - 1;
}

/* No search looks at the table from end to end, and only the page itself is sorted, or what
 * has the same time. */
static void
check_plan (Bench *bench, const IpmidStoreEventQuery *wanted)
{
  g_auto (EventPage) page = { 0 };
  g_autoptr (GError) error = NULL;

  event_page_init (&page, wanted, 1, &error);
  g_assert_no_error (error);
  g_autofree char *plan = plan_of (bench, page.sql);
  g_assert_cmpuint (occurrences (plan, "SCAN event\n"), ==, 0);
  g_assert_cmpuint (occurrences (plan, "TEMP B-TREE FOR ORDER BY"), <=, 1);
}

static void
test_plans (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  for (guint filters = 0; filters < 128; filters++)
    for (int severity = 0; severity <= IPMID_SEVERITY_CRITICAL; severity++)
      check_plan (bench, &(IpmidStoreEventQuery){ .size = sizeof (IpmidStoreEventQuery),
                                                  .bmc = filters & 1 ? "b" : NULL,
                                                  .sensor = filters & 2 ? "Fan" : NULL,
                                                  .kind = filters & 4 ? IPMID_KIND_GAP : 0,
                                                  .since = filters & 8 ? 5 : 0,
                                                  .until = filters & 16 ? 9 : 0,
                                                  .oldest_first = filters & 32 ? TRUE : FALSE,
                                                  .after = filters & 64 ? "7.1" : NULL,
                                                  .severity = (IpmidSeverity) severity });
}

#define ADD(name, function) g_test_add ("/sqlite/" name, Bench, NULL, set_up, function, tear_down)
#define ADD_CLOSED(name, function) g_test_add ("/sqlite/" name, Bench, NULL, prepare, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sqlite/span/begin", test_begin);
  g_test_add_func ("/sqlite/span/sums", test_sums);
  g_test_add_func ("/sqlite/span/extremes", test_extremes);
  ADD ("series", test_series);
  ADD ("raw", test_raw);
  ADD ("retention", test_retention);
  ADD ("late-reading", test_late_reading);
  ADD ("auto", test_auto);
  ADD ("sensors", test_sensors);
  ADD ("shut", test_shut);
  ADD_CLOSED ("migration", test_migration);
  ADD_CLOSED ("migration-fails", test_migration_fails);
  ADD ("plans", test_plans);
  return g_test_run ();
}
