/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* upkeep.c - see upkeep.h. */
#include "upkeep.h"

#include "span.h"

/* From the beginning of one pass to the next. */
#define PASS_MIN G_TIME_SPAN_SECOND
#define PASS_MAX (5 * G_TIME_SPAN_MINUTE)

/* A slice ends after so long, and the next one begins so much later: events that
 * came meanwhile go first. */
#define SLICE (10 * G_TIME_SPAN_MILLISECOND)
#define PAUSE (20 * G_TIME_SPAN_MILLISECOND)
#define PAUSE_AFTER_FAILURE (10 * G_TIME_SPAN_SECOND)

/* A minute is added up when it has been over for so long: readings come in late. */
#define GRACE SPAN_MINUTE

#define EVENTS_PER_STEP 100
#define PAGES_PER_STEP 64
/* Unused pages that are kept for what comes next: one of so many, and so many. */
#define PAGES_SHARE 8
#define PAGES_KEPT 1024

#define OPTIMIZE_INTERVAL G_TIME_SPAN_DAY

typedef enum
{
  RESTING,
  SENSORS,
  EVENTS,
  LEFTOVERS,
  PAGES,
} Stage;

struct _Upkeep
{
  Sqlite *sqlite;
  Intake *intake;
  Stage stage;
  gint64 sensor;   /* the last one that is done in this pass */
  gint64 events;   /* nanoseconds: those that happened before are done in this pass */
  gint64 next;     /* monotonic: when to work again */
  gint64 began;    /* monotonic: this pass */
  gint64 optimize; /* monotonic: when SQLite may look after its statistics */
};

/* A sensor's row. */
typedef struct
{
  gint64 id, minute_done, hour_done;
} Progress;

Upkeep *
upkeep_new (Sqlite *sqlite, Intake *intake)
{
  Upkeep *upkeep = g_new0 (Upkeep, 1);

  upkeep->sqlite = sqlite;
  upkeep->intake = intake;
  upkeep->optimize = g_get_monotonic_time () + OPTIMIZE_INTERVAL;
  return upkeep;
}

void
upkeep_free (Upkeep *upkeep)
{
  g_free (upkeep);
}

gboolean
upkeep_is_busy (const Upkeep *upkeep)
{
  return upkeep->stage != RESTING;
}

/* Before this, nothing is kept: nanoseconds. */
static gint64
cutoff (gint64 today, gint64 keep)
{
  return keep == 0 ? 0 : (today - keep) * 1000;
}

/* ------------------------------------------------------------- minutes and hours */

static gboolean
put_span (Sql *sql, Statement put, gint64 sensor, const Span *span, GError **error)
{
  return span->count == 0
         || sql_run (sql, error, put, "iiidddi", sensor, span->time, (gint64) span->count, span->minimum, span->mean,
                     span->maximum, (gint64) span->severity);
}

/* Adds up what `list` has from `begin` on and before `end`. */
static gboolean
add_up (Sql *sql, Statement list, Statement put, gint64 width, gint64 sensor, gint64 begin, gint64 end, GError **error)
{
  sqlite3_stmt *row = sql_start (sql, error, list, "iii", sensor, begin, end);
  g_autoptr (GError) local = NULL;
  Span whole = { 0 };

  while (row != NULL && local == NULL && sql_next (sql, row, &local))
    {
      const Span part = { .time = sqlite3_column_int64 (row, 0),
                          .count = (guint64) sqlite3_column_int64 (row, 1),
                          .minimum = sqlite3_column_double (row, 2),
                          .mean = sqlite3_column_double (row, 3),
                          .maximum = sqlite3_column_double (row, 4),
                          .severity = sqlite3_column_int (row, 5) };
      gint64 time = span_begin (part.time, width);
      if (time != whole.time && put_span (sql, put, sensor, &whole, &local))
        whole = (Span){ .time = time };
      whole.time = time;
      span_add (&whole, &part);
    }
  if (row != NULL)
    sql_finish (row);
  if (row == NULL || local != NULL)
    {
      if (local != NULL)
        g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  return put_span (sql, put, sensor, &whole, error);
}

static gboolean
roll_up (Upkeep *upkeep, Progress *progress, gint64 today, GError **error)
{
  Sql *sql = upkeep->sqlite->database.sql;
  gint64 minute = span_begin (today * 1000 - GRACE, SPAN_MINUTE);
  gint64 hour = span_begin (minute, SPAN_HOUR);

  if (minute > progress->minute_done)
    {
      if (!add_up (sql, READING_LIST, MINUTE_PUT, SPAN_MINUTE, progress->id, progress->minute_done, minute, error))
        return FALSE;
      progress->minute_done = minute;
    }
  if (hour > progress->hour_done)
    {
      if (!add_up (sql, MINUTE_LIST, HOUR_PUT, SPAN_HOUR, progress->id, progress->hour_done, hour, error))
        return FALSE;
      progress->hour_done = hour;
    }
  return sql_run (sql, error, SENSOR_DONE, "iii", progress->id, progress->minute_done, progress->hour_done);
}

/* What is not added up yet stays, however old it is. */
static gboolean
prune_sensor (Upkeep *upkeep, const Progress *progress, gint64 today, GError **error)
{
  const Sqlite *sqlite = upkeep->sqlite;
  Sql *sql = sqlite->database.sql;
  gint64 raw = MIN (span_begin (cutoff (today, sqlite->keep_raw), SPAN_MINUTE), progress->minute_done);
  gint64 minutes = MIN (span_begin (cutoff (today, sqlite->keep_minutes), SPAN_HOUR), progress->hour_done);
  gint64 dropped;
  gboolean found;

  if (!sql_run (sql, error, READING_PRUNE, "ii", progress->id, raw)
      || !sql_run (sql, error, MINUTE_PRUNE, "ii", progress->id, minutes)
      || !sql_run (sql, error, HOUR_PRUNE, "ii", progress->id, cutoff (today, sqlite->keep_hours))
      || !sql_get (sql, error, &dropped, &found, SENSOR_DROP, "i", progress->id))
    return FALSE;
  if (found)
    intake_forget_sensor (upkeep->intake, progress->id);
  else
    intake_note_done (upkeep->intake, progress->id, progress->minute_done);
  return TRUE;
}

/* The next sensor of the pass; `*found` FALSE if it was the last. */
static gboolean
next_sensor (Upkeep *upkeep, Progress *progress, gboolean *found, GError **error)
{
  Sql *sql = upkeep->sqlite->database.sql;
  sqlite3_stmt *row = sql_start (sql, error, SENSOR_NEXT, "i", upkeep->sensor);
  g_autoptr (GError) local = NULL;

  if (row == NULL)
    return FALSE;
  *found = sql_next (sql, row, &local);
  if (*found)
    *progress
        = (Progress){ sqlite3_column_int64 (row, 0), sqlite3_column_int64 (row, 1), sqlite3_column_int64 (row, 2) };
  sql_finish (row);
  if (local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* --------------------------------------------------------------------- stages */

/* Each does a step; `*more` FALSE: the stage is over. */

static gboolean
step_sensors (Upkeep *upkeep, gint64 today, gboolean *more, GError **error)
{
  Progress progress = { 0 };

  if (!next_sensor (upkeep, &progress, more, error))
    return FALSE;
  if (!*more)
    return TRUE;
  upkeep->sensor = progress.id;
  return roll_up (upkeep, &progress, today, error) && prune_sensor (upkeep, &progress, today, error);
}

/* A BMC whose clock is wrong says that what has just happened happened years ago, so what
 * came lately stays.  It is looked at in each pass, some at a time. */
static gboolean
step_events (Upkeep *upkeep, gint64 today, gboolean *more, GError **error)
{
  Sql *sql = upkeep->sqlite->database.sql;
  gint64 before = cutoff (today, upkeep->sqlite->keep_events), end;

  if (!sql_get (sql, error, &end, more, EVENT_STEP, "iii", upkeep->events, before, (gint64) EVENTS_PER_STEP))
    return FALSE;
  end = *more ? MAX (end, upkeep->events + 1) : before;
  if (!sql_run (sql, error, EVENT_PRUNE, "iii", upkeep->events, end, before))
    return FALSE;
  upkeep->events = end;
  return TRUE;
}

static gboolean
step_leftovers (Upkeep *upkeep, G_GNUC_UNUSED gint64 today, gboolean *more, GError **error)
{
  Sql *sql = upkeep->sqlite->database.sql;

  *more = FALSE;
  if (!sql_run (sql, error, COUNT_PRUNE, "") || !sql_run (sql, error, DAY_PRUNE, "")
      || !sql_run (sql, error, BMC_PRUNE, ""))
    return FALSE;
  if (sqlite3_changes (sql->db) > 0)
    events_forget_bmcs (upkeep->sqlite);
  return TRUE;
}

/* Free pages are used again by what comes next, so a few of them are no loss. */
static gboolean
step_pages (Upkeep *upkeep, G_GNUC_UNUSED gint64 today, gboolean *more, GError **error)
{
  Sql *sql = upkeep->sqlite->database.sql;
  g_autofree char *vacuum = g_strdup_printf ("PRAGMA incremental_vacuum (%d)", PAGES_PER_STEP);
  gint64 pages, unused;

  if (!sql_query (sql, "PRAGMA page_count", &pages, error) || !sql_query (sql, "PRAGMA freelist_count", &unused, error))
    return FALSE;
  *more = unused > PAGES_KEPT && unused > pages / PAGES_SHARE;
  return !*more || sql_execute (sql, vacuum, error);
}

typedef gboolean (*Step) (Upkeep *upkeep, gint64 today, gboolean *more, GError **error);

static const Step steps[] = {
  [SENSORS] = step_sensors,
  [EVENTS] = step_events,
  [LEFTOVERS] = step_leftovers,
  [PAGES] = step_pages,
};

/* One transaction.  A rollback undoes the steps, so the pass goes back, too. */
static gboolean
do_slice (Upkeep *upkeep, gint64 now, gint64 today, GError **error)
{
  gboolean more = TRUE;

  if (!database_begin (&upkeep->sqlite->database, FALSE, error))
    return FALSE;
  while (more && g_get_monotonic_time () < now + SLICE)
    if (!steps[upkeep->stage](upkeep, today, &more, error))
      return FALSE;
  if (!database_commit (&upkeep->sqlite->database, error))
    return FALSE;
  if (!more)
    upkeep->stage = upkeep->stage == PAGES ? RESTING : upkeep->stage + 1;
  return TRUE;
}

static void
optimize (Upkeep *upkeep, gint64 now)
{
  if (now < upkeep->optimize)
    return;
  upkeep->optimize = now + OPTIMIZE_INTERVAL;
  sql_execute (upkeep->sqlite->database.sql, "PRAGMA optimize", NULL);
}

/* As often as it takes that readings are not kept much longer than they should be. */
static gint64
pass_interval (const Sqlite *sqlite)
{
  return sqlite->keep_raw == 0 ? PASS_MAX : CLAMP (sqlite->keep_raw / 10, PASS_MIN, PASS_MAX);
}

static void
fail (Upkeep *upkeep, const GError *error)
{
  if (!g_error_matches (error, SQL_ERROR, SQL_ERROR_BUSY))
    ipmid_host_log (upkeep->sqlite->host, IPMID_LOG_WARNING, NULL, "upkeep waits: %s", error->message);
  events_forget_bmcs (upkeep->sqlite);
  database_fail (&upkeep->sqlite->database, error);
  upkeep->stage = RESTING;
}

gint64
upkeep_work (Upkeep *upkeep, gint64 now, gint64 today)
{
  g_autoptr (GError) error = NULL;

  if (now < upkeep->next)
    return upkeep->next;
  if (upkeep->stage == RESTING)
    {
      upkeep->stage = SENSORS;
      upkeep->sensor = 0;
      upkeep->events = G_MININT64;
      upkeep->began = now;
    }
  upkeep->sqlite->database.patience = now;
  if (!do_slice (upkeep, now, today, &error))
    {
      fail (upkeep, error);
      upkeep->next = now + PAUSE_AFTER_FAILURE;
    }
  else if (upkeep->stage != RESTING)
    upkeep->next = g_get_monotonic_time () + PAUSE;
  else
    {
      optimize (upkeep, now);
      upkeep->next = upkeep->began + pass_interval (upkeep->sqlite);
    }
  return upkeep->next;
}
