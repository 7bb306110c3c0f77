/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * query-readings.c - questions about readings; see service.h.
 *
 * A series is read in up to three pieces: hours as far as they are added up, from
 * there minutes, and from there readings; what is finer than wanted is added up on
 * the way.  So nothing has to wait for the upkeep.
 */
#include "service.h"
#include "span.h"

#define POINTS_DEFAULT 1000u

/* The sensor's row. */
typedef struct
{
  gint64 id, minute_done, hour_done;
} Subject;

/* A series on its way to the caller. */
typedef struct
{
  Sql *sql;
  Subject subject;
  gint64 since, until;
  gint64 width; /* 0: every reading */
  guint points; /* that are still wanted */
  IpmidStorePointFunc func;
  gpointer user_data;
  Span whole; /* the span that is being added up */
} Series;

static sqlite3_stmt *
prepare_for (Series *series, const char *text, gint64 begin, gint64 end, GError **error)
{
  sqlite3_stmt *statement = service_prepare (series->sql, text, error);

  if (statement == NULL)
    return NULL;
  sqlite3_bind_int64 (statement, 1, series->subject.id);
  sqlite3_bind_int64 (statement, 2, begin);
  sqlite3_bind_int64 (statement, 3, end);
  return statement;
}

/* ------------------------------------------------------------------- the points */

static void
emit (Series *series, const IpmidStorePoint *point)
{
  series->func (series->user_data, point);
  series->points--;
}

static void
emit_span (Series *series)
{
  const Span *whole = &series->whole;

  if (whole->count > 0 && series->points > 0)
    emit (series, &(IpmidStorePoint){ .size = sizeof (IpmidStorePoint),
                                      .time = whole->time,
                                      .width = series->width,
                                      .count = whole->count,
                                      .minimum = whole->minimum,
                                      .mean = whole->mean,
                                      .maximum = whole->maximum,
                                      .available = TRUE,
                                      .severity = (IpmidSeverity) whole->severity });
  series->whole = (Span){ 0 };
}

static void
add_part (Series *series, const Span *part)
{
  gint64 time = span_begin (part->time, series->width);

  if (time != series->whole.time)
    emit_span (series);
  series->whole.time = time;
  span_add (&series->whole, part);
}

/* Rows of time, count, minimum, mean, maximum, severity. */
static gboolean
add_piece (Series *series, const char *text, gint64 begin, gint64 end, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (begin >= end || series->points == 0)
    return TRUE;
  sqlite3_stmt *row = prepare_for (series, text, begin, end, error);
  if (row == NULL)
    return FALSE;
  while (series->points > 0 && service_next (series->sql, row, &local))
    add_part (series, &(Span){ .time = sqlite3_column_int64 (row, 0),
                               .count = (guint64) sqlite3_column_int64 (row, 1),
                               .minimum = sqlite3_column_double (row, 2),
                               .mean = sqlite3_column_double (row, 3),
                               .maximum = sqlite3_column_double (row, 4),
                               .severity = sqlite3_column_int (row, 5) });
  sqlite3_finalize (row);
  if (local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

#define SPANS_OF(table)                                                                                                \
  "SELECT time, count, minimum, mean, maximum, severity FROM " table                                                   \
  " WHERE sensor = ?1 AND time >= ?2 AND time < ?3 ORDER BY time"

static gboolean
read_spans (Series *series, GError **error)
{
  const Subject *subject = &series->subject;
  gint64 since = series->since, until = series->until;
  gint64 hours = series->width % SPAN_HOUR == 0 ? MIN (subject->hour_done, until) : since;
  gint64 minutes = MIN (subject->minute_done, until);

  if (!add_piece (series, SPANS_OF ("hour"), since, hours, error)
      || !add_piece (series, SPANS_OF ("minute"), MAX (since, hours), minutes, error)
      || !add_piece (series,
                     "SELECT time, value IS NOT NULL, value, value, value, severity FROM reading"
                     " WHERE sensor = ?1 AND time >= ?2 AND time < ?3 ORDER BY time",
                     MAX (since, minutes), until, error))
    return FALSE;
  emit_span (series);
  return TRUE;
}

static gboolean
read_raw (Series *series, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = prepare_for (series,
                                   "SELECT time, value, available, states, severity FROM reading"
                                   " WHERE sensor = ?1 AND time >= ?2 AND time < ?3 ORDER BY time",
                                   series->since, series->until, error);

  if (row == NULL)
    return FALSE;
  while (series->points > 0 && service_next (series->sql, row, &local))
    {
      double value = sqlite3_column_double (row, 1);
      emit (series, &(IpmidStorePoint){ .size = sizeof (IpmidStorePoint),
                                        .time = sqlite3_column_int64 (row, 0),
                                        .count = sqlite3_column_type (row, 1) != SQLITE_NULL,
                                        .minimum = value,
                                        .mean = value,
                                        .maximum = value,
                                        .available = sqlite3_column_int (row, 2) != 0,
                                        .states = (guint32) sqlite3_column_int64 (row, 3),
                                        .severity = (IpmidSeverity) sqlite3_column_int (row, 4) });
    }
  sqlite3_finalize (row);
  if (local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* ------------------------------------------------------------------ the resolution */

static gboolean
get_number (Series *series, const char *text, gint64 begin, gint64 end, gint64 *number, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = prepare_for (series, text, begin, end, error);

  if (row == NULL)
    return FALSE;
  if (service_next (series->sql, row, &local))
    *number = sqlite3_column_int64 (row, 0);
  sqlite3_finalize (row);
  if (local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Whether a coarser table has what is older than all that the finer one has of this
 * time.  Then the finer one does not reach back far enough. */
#define REACHES_FURTHER(coarse, width, fine)                                                                           \
  "SELECT EXISTS (SELECT 1 FROM " coarse " WHERE sensor = ?1 AND time >= ?2 AND time < ?3 AND time + " width           \
  " <= coalesce ((SELECT min (time) FROM " fine " WHERE sensor = ?1 AND time >= ?2), ?3))"

/* The narrowest span of whole `unit`s of which `points` are enough. */
static gint64
fit (const Series *series, gint64 unit)
{
  gint64 parts = (series->until - series->since) / unit / series->points + 1;

  return parts * unit;
}

static gboolean
choose_width (Series *series, GError **error)
{
  gint64 since = series->since, until = series->until;
  gint64 limit = (gint64) series->points + 1, raw = 0, older_minutes = 0, older_hours = 0;
  g_autofree char *count
      = g_strdup_printf ("SELECT count (*) FROM (SELECT 1 FROM reading WHERE sensor = ?1 AND time >= ?2 AND time < ?3"
                         " LIMIT %" G_GINT64_FORMAT ")",
                         limit);

  if (!get_number (series, count, since, until, &raw, error)
      || !get_number (series, REACHES_FURTHER ("minute", "60000000000", "reading"), since, until, &older_minutes, error)
      || !get_number (series, REACHES_FURTHER ("hour", "3600000000000", "minute"), since, until, &older_hours, error))
    return FALSE;
  if (older_hours)
    series->width = fit (series, SPAN_HOUR);
  else if (older_minutes || raw == limit)
    series->width = fit (series, SPAN_MINUTE);
  return TRUE;
}

static gboolean
set_width (Series *series, IpmidStoreResolution resolution, GError **error)
{
  switch (resolution)
    {
    case IPMID_STORE_RESOLUTION_AUTO:
      return choose_width (series, error);
    case IPMID_STORE_RESOLUTION_RAW:
      series->width = 0;
      return TRUE;
    case IPMID_STORE_RESOLUTION_MINUTE:
      series->width = SPAN_MINUTE;
      return TRUE;
    case IPMID_STORE_RESOLUTION_HOUR:
      series->width = SPAN_HOUR;
      return TRUE;
    default:
      g_set_error_literal (error, IPMID_STORE_ERROR, IPMID_STORE_ERROR_INVALID, "\"resolution\" is none");
      return FALSE;
    }
}

/* --------------------------------------------------------------------- a series */

static gboolean
find_subject (Sql *sql, const IpmidStoreSeriesQuery *query, Subject *subject, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = service_prepare (sql,
                                       "SELECT sensor.id, minute_done, hour_done FROM sensor"
                                       " JOIN bmc ON bmc.id = sensor.bmc WHERE bmc.name = ? AND sensor_id = ?",
                                       error);

  if (row == NULL)
    return FALSE;
  sqlite3_bind_text (row, 1, query->bmc, -1, SQLITE_STATIC);
  sqlite3_bind_text (row, 2, query->sensor_id, -1, SQLITE_STATIC);
  if (service_next (sql, row, &local))
    *subject = (Subject){ sqlite3_column_int64 (row, 0), sqlite3_column_int64 (row, 1), sqlite3_column_int64 (row, 2) };
  else if (local == NULL)
    g_set_error (&local, IPMID_STORE_ERROR, IPMID_STORE_ERROR_NOT_FOUND, "the store has no sensor \"%s\" of \"%s\"",
                 query->sensor_id, query->bmc);
  sqlite3_finalize (row);
  if (local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* The times that are meant, aligned to the spans. */
static gboolean
set_times (Series *series, const IpmidStoreSeriesQuery *query, GError **error)
{
  series->until = query->until == 0 ? g_get_real_time () * 1000 : query->until;
  series->since = query->since == 0 ? series->until - SPAN_HOUR : query->since;
  series->points = query->points == 0 ? POINTS_DEFAULT : MIN (query->points, IPMID_STORE_POINTS_MAX);
  if (query->bmc != NULL && query->sensor_id != NULL && series->since >= 0 && series->since < series->until)
    return TRUE;
  g_set_error_literal (error, IPMID_STORE_ERROR, IPMID_STORE_ERROR_INVALID,
                       query->bmc == NULL || query->sensor_id == NULL
                           ? "a series needs a BMC and a sensor"
                           : "\"since\" is not before \"until\", or before 1970");
  return FALSE;
}

gboolean
readings_series (const IpmidStore *store, const IpmidStoreSeriesQuery *query, IpmidStorePointFunc func,
                 gpointer user_data, GError **error)
{
  const Service *service = (const Service *) store;
  Series series = { .func = func, .user_data = user_data };
  g_autoptr (GError) local = NULL;

  if (!set_times (&series, query, error) || (series.sql = pool_take (service->pool, error)) == NULL)
    return FALSE;
  /* One transaction: between two pieces the upkeep could move rows from one to the other. */
  sqlite3_exec (series.sql->db, "BEGIN", NULL, NULL, NULL);
  if (find_subject (series.sql, query, &series.subject, &local) && set_width (&series, query->resolution, &local))
    {
      if (series.width != 0)
        series.since = span_begin (series.since, series.width);
      if (series.width == 0)
        read_raw (&series, &local);
      else
        read_spans (&series, &local);
    }
  sql_rollback (series.sql);
  return service_end (service, series.sql, NULL, &local, error);
}

/* ---------------------------------------------------------------------- sensors */

#define SENSORS                                                                                                        \
  "SELECT sensor.name, sensor.sensor_id, sensor.type, sensor.entity, sensor.unit, r.time, r.available, r.value,"       \
  " r.states, r.severity FROM bmc JOIN sensor ON sensor.bmc = bmc.id"                                                  \
  " LEFT JOIN reading r ON r.sensor = sensor.id"                                                                       \
  " AND r.time = (SELECT max (time) FROM reading WHERE sensor = sensor.id)"                                            \
  " WHERE bmc.name = ? ORDER BY sensor.sensor_id"

static IpmidStoreSensor
get_sensor (sqlite3_stmt *row, const char *bmc)
{
  return (IpmidStoreSensor){ .size = sizeof (IpmidStoreSensor),
                             .bmc = bmc,
                             .sensor = service_text (row, 0),
                             .sensor_id = service_text (row, 1),
                             .sensor_type = service_text (row, 2),
                             .entity = service_text (row, 3),
                             .unit = service_text (row, 4),
                             .time = sqlite3_column_int64 (row, 5),
                             .available = sqlite3_column_int (row, 6) != 0,
                             .has_value = sqlite3_column_type (row, 7) != SQLITE_NULL,
                             .value = sqlite3_column_double (row, 7),
                             .states = (guint32) sqlite3_column_int64 (row, 8),
                             .severity = (IpmidSeverity) sqlite3_column_int (row, 9) };
}

static gboolean
knows_bmc (Sql *sql, const char *bmc, GError **error)
{
  sqlite3_stmt *row = service_prepare (sql, "SELECT 1 FROM bmc WHERE name = ?", error);
  gboolean found = FALSE;

  if (row == NULL)
    return FALSE;
  sqlite3_bind_text (row, 1, bmc, -1, SQLITE_STATIC);
  found = service_next (sql, row, error);
  sqlite3_finalize (row);
  return found;
}

gboolean
readings_sensors (const IpmidStore *store, const char *bmc, IpmidStoreSensorFunc func, gpointer user_data,
                  GError **error)
{
  const Service *service = (const Service *) store;
  g_autoptr (GError) local = NULL;
  Sql *sql = pool_take (service->pool, error);
  gboolean any = FALSE;

  if (sql == NULL)
    return FALSE;
  sqlite3_stmt *row = service_prepare (sql, SENSORS, &local);
  if (row != NULL)
    sqlite3_bind_text (row, 1, bmc, -1, SQLITE_STATIC);
  while (row != NULL && service_next (sql, row, &local))
    {
      const IpmidStoreSensor sensor = get_sensor (row, bmc);
      func (user_data, &sensor);
      any = TRUE;
    }
  if (!any && local == NULL && !knows_bmc (sql, bmc, &local) && local == NULL)
    g_set_error (&local, IPMID_STORE_ERROR, IPMID_STORE_ERROR_NOT_FOUND, "the store does not know the BMC \"%s\"", bmc);
  return service_end (service, sql, row, &local, error);
}
