/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * store-queries.c - how long a history takes for what a dashboard asks.
 *
 *   store-queries DATABASE NOW [--plans]
 *
 * Asks by the functions of the plugin's service, each question some times, and
 * prints a line of it: name, rows, median and maximum in milliseconds.  With
 * --plans also what SQLite does for it.  NOW is the time of the newest event,
 * nanoseconds since 1970.  The names in the questions are those of store.py.
 */
#include "plugins/sqlite/service.h"
#include "plugins/sqlite/span.h"

#include <stdio.h>
#include <string.h>

#define TIMES 11
#define DAY (24 * SPAN_HOUR)

typedef struct
{
  const IpmidStore *store;
  gint64 now;
  guint rows;
} Bench;

/* The statements of the question in hand. */
static GPtrArray *traced;

static void
on_event (gpointer data, G_GNUC_UNUSED const IpmidStoreEvent *event)
{
  ((Bench *) data)->rows++;
}

static void
on_count (gpointer data, G_GNUC_UNUSED const IpmidStoreCount *count)
{
  ((Bench *) data)->rows++;
}

static void
on_point (gpointer data, G_GNUC_UNUSED const IpmidStorePoint *point)
{
  ((Bench *) data)->rows++;
}

static void
on_sensor (gpointer data, G_GNUC_UNUSED const IpmidStoreSensor *sensor)
{
  ((Bench *) data)->rows++;
}

typedef struct
{
  const char *name;
  enum
  {
    EVENTS,
    ONE,
    COUNTS,
    SERIES,
    SENSORS
  } what;
  gint64 since_ago, until_ago; /* before NOW; 0: no limit */
  IpmidStoreEventQuery query;
  IpmidStoreResolution resolution;
} Question;

static const Question questions[] = {
  { "newest 100 events", EVENTS, .since_ago = 0 },
  { "100 events, 15 days back", EVENTS, .until_ago = 15 * DAY },
  { "last 24 h, warning or worse, oldest first", EVENTS, .since_ago = DAY,
    .query = { .severity = IPMID_SEVERITY_WARNING, .oldest_first = TRUE } },
  { "newest 100 critical", EVENTS, .query = { .severity = IPMID_SEVERITY_CRITICAL } },
  { "newest 100 of a BMC", EVENTS, .query = { .bmc = "node0500" } },
  { "newest 100 of a BMC, warning or worse", EVENTS,
    .query = { .bmc = "node0500", .severity = IPMID_SEVERITY_WARNING } },
  { "newest 100 of a sensor of a BMC", EVENTS, .query = { .bmc = "node0500", .sensor = "Sensor 07" } },
  { "newest 100 of a sensor of all BMCs", EVENTS, .query = { .sensor = "Sensor 07" } },
  { "newest 100 about connections", EVENTS, .query = { .kind = IPMID_KIND_CONNECTION } },
  { "newest 100 with two common words", EVENTS, .query = { .text = "temperature above" } },
  { "newest 100 with a rare word", EVENTS, .query = { .text = "uncorrectable" } },
  { "newest 100 with the beginning of a word, of a BMC", EVENTS, .query = { .text = "volt*", .bmc = "node0500" } },
  { "1000 events of a BMC", EVENTS, .query = { .bmc = "node0500", .limit = 1000 } },
  { "one event by its id", ONE, .since_ago = 0 },
  { "counts of all BMCs and severities", COUNTS, .since_ago = 0 },
  { "the same of the last 24 h", COUNTS, .since_ago = DAY },
  { "the same of the last 7 days", COUNTS, .since_ago = 7 * DAY },
  { "the sensors of a BMC, with last readings", SENSORS, .since_ago = 0 },
  { "readings of a sensor, 1 h, all", SERIES, .since_ago = SPAN_HOUR, .resolution = IPMID_STORE_RESOLUTION_RAW },
  { "readings of a sensor, 1 day, chosen", SERIES, .since_ago = DAY },
  { "readings of a sensor, 7 days, chosen", SERIES, .since_ago = 7 * DAY },
  { "readings of a sensor, 400 days, chosen", SERIES, .since_ago = 400 * DAY },
};

static gboolean
ask (Bench *bench, const Question *question, GError **error)
{
  gint64 since = question->since_ago == 0 ? 0 : bench->now - question->since_ago;
  gint64 until = question->until_ago == 0 ? 0 : bench->now - question->until_ago;
  IpmidStoreEventQuery query = question->query;
  const IpmidStoreSeriesQuery series = { .size = sizeof series,
                                         .bmc = "node0500",
                                         .sensor_id = "7.1.Sensor 07",
                                         .since = since,
                                         .until = bench->now,
                                         .resolution = question->resolution };

  query.size = sizeof query;
  query.since = since;
  query.until = until;
  switch (question->what)
    {
    case EVENTS:
      return ipmid_store_events (bench->store, &query, on_event, bench, NULL, error);
    case ONE:
      return ipmid_store_event (bench->store, "node0500/1/5", on_event, bench, error);
    case COUNTS:
      return ipmid_store_counts (bench->store, since, until, on_count, bench, error);
    case SERIES:
      return ipmid_store_series (bench->store, &series, on_point, bench, error);
    default:
      return ipmid_store_sensors (bench->store, "node0500", on_sensor, bench, error);
    }
}

static int
compare (gconstpointer a, gconstpointer b)
{
  gint64 left = *(const gint64 *) a, right = *(const gint64 *) b;

  return left < right ? -1 : left > right;
}

static gboolean
measure (Bench *bench, const Question *question)
{
  gint64 times[TIMES];

  for (guint i = 0; i < TIMES; i++)
    {
      g_autoptr (GError) error = NULL;
      gint64 began = g_get_monotonic_time ();
      bench->rows = 0;
      if (!ask (bench, question, &error))
        {
          fprintf (stderr, "%s: %s\n", question->name, error->message);
          return FALSE;
        }
      times[i] = g_get_monotonic_time () - began;
    }
  qsort (times, TIMES, sizeof times[0], compare);
  printf ("%-52s %5u rows  %7.2f ms  %7.2f ms\n", question->name, bench->rows, (double) times[TIMES / 2] / 1000,
          (double) times[TIMES - 1] / 1000);
  return TRUE;
}

/* ------------------------------------------------------------------------- plans */

static int
on_statement (G_GNUC_UNUSED unsigned type, G_GNUC_UNUSED void *data, G_GNUC_UNUSED void *statement, void *text)
{
  if (traced != NULL && g_str_has_prefix (text, "SELECT"))
    g_ptr_array_add (traced, g_strdup (text));
  return 0;
}

/* SQLite calls it for every connection that is opened. */
static int
on_connection (sqlite3 *db)
{
  return sqlite3_trace_v2 (db, SQLITE_TRACE_STMT, on_statement, NULL);
}

static void
print_plan (sqlite3 *db, const char *text)
{
  g_autofree char *explain = g_strconcat ("EXPLAIN QUERY PLAN ", text, NULL);
  sqlite3_stmt *row = NULL;

  printf ("    %s\n", text);
  if (sqlite3_prepare_v2 (db, explain, -1, &row, NULL) == SQLITE_OK)
    while (sqlite3_step (row) == SQLITE_ROW)
      printf ("        %s\n", sqlite3_column_text (row, 3));
  sqlite3_finalize (row);
}

static gboolean
print_plans (Bench *bench, const Question *question, const char *path)
{
  g_autoptr (Sql) sql = sql_open (path, SQLITE_OPEN_READONLY, NULL, 0, NULL);
  g_autoptr (GPtrArray) statements = g_ptr_array_new_with_free_func (g_free);

  traced = statements;
  gboolean good = ask (bench, question, NULL);
  traced = NULL;
  printf ("%s\n", question->name);
  for (guint i = 0; i < statements->len; i++)
    print_plan (sql->db, statements->pdata[i]);
  return good;
}

int
main (int argc, char **argv)
{
  Pool *pool = pool_new ();
  Service service = { 0 };
  Bench bench = { .store = &service.store };
  gboolean good = TRUE;

  if (argc < 3)
    {
      fprintf (stderr, "usage: %s DATABASE NOW [--plans]\n", argv[0]);
      return 64;
    }
  gboolean plans = argc > 3 && strcmp (argv[3], "--plans") == 0;
  if (plans)
    sqlite3_auto_extension ((void (*) (void)) on_connection);
  bench.now = g_ascii_strtoll (argv[2], NULL, 10);
  service_init (&service, pool);
  pool_open (pool, argv[1]);
  for (guint i = 0; i < G_N_ELEMENTS (questions) && good; i++)
    good = plans ? print_plans (&bench, &questions[i], argv[1]) : measure (&bench, &questions[i]);
  pool_shut (pool);
  pool_free (pool);
  return good ? 0 : 1;
}
