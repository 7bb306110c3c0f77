/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schema.c - see schema.h. */
#include "schema.h"

/* What makes a history of version n + 1 of one of version n; 0 is an empty file.
 *
 * Times are nanoseconds since 1970.  Who asks for a page of events finds each of
 * its filters at the front of an index that ends with the time, so that SQLite
 * reads the page and nothing else (event-page.c).
 *
 * events.c adds an event to event_count, event_day and event_text itself: a trigger would
 * double what an insertion takes.  What is deleted is taken out by one.
 *
 * A row of `minute` or `hour` is final up to the sensor's minute_done and
 * hour_done; what is later has to be added up from the finer table. */
static const char *const steps[] = {
  /* 1 */
  "CREATE TABLE bmc (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
  "CREATE TABLE event (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time INTEGER NOT NULL,"
  " received INTEGER NOT NULL, bmc INTEGER NOT NULL REFERENCES bmc, kind INTEGER NOT NULL,"
  " severity INTEGER NOT NULL, sensor TEXT, text TEXT NOT NULL, json TEXT NOT NULL);"
  "CREATE INDEX event_time ON event (time, bmc, severity);"
  "CREATE INDEX event_severity ON event (severity, time);"
  "CREATE INDEX event_bmc ON event (bmc, severity, time);"
  "CREATE INDEX event_sensor ON event (sensor, time) WHERE sensor IS NOT NULL;"
  "CREATE INDEX event_bmc_sensor ON event (bmc, sensor, time) WHERE sensor IS NOT NULL;"
  "CREATE INDEX event_kind ON event (kind, time) WHERE kind >= 4;"
  "CREATE TABLE sensor (id INTEGER PRIMARY KEY, bmc INTEGER NOT NULL REFERENCES bmc, sensor_id TEXT NOT NULL,"
  " name TEXT NOT NULL, type TEXT NOT NULL, entity TEXT NOT NULL, unit TEXT NOT NULL,"
  " minute_done INTEGER NOT NULL, hour_done INTEGER NOT NULL, UNIQUE (bmc, sensor_id));"
  "CREATE TABLE reading (sensor INTEGER NOT NULL, time INTEGER NOT NULL, available INTEGER NOT NULL,"
  " value REAL, states INTEGER NOT NULL, severity INTEGER NOT NULL, PRIMARY KEY (sensor, time)) WITHOUT ROWID;"
  "CREATE TABLE minute (sensor INTEGER NOT NULL, time INTEGER NOT NULL, count INTEGER NOT NULL,"
  " minimum REAL NOT NULL, mean REAL NOT NULL, maximum REAL NOT NULL, severity INTEGER NOT NULL,"
  " PRIMARY KEY (sensor, time)) WITHOUT ROWID;"
  "CREATE TABLE hour (sensor INTEGER NOT NULL, time INTEGER NOT NULL, count INTEGER NOT NULL,"
  " minimum REAL NOT NULL, mean REAL NOT NULL, maximum REAL NOT NULL, severity INTEGER NOT NULL,"
  " PRIMARY KEY (sensor, time)) WITHOUT ROWID;",
  /* 2: sums, so that a page of all BMCs need not count; words of sentences */
  "CREATE TABLE event_count (bmc INTEGER NOT NULL, severity INTEGER NOT NULL, count INTEGER NOT NULL,"
  " newest INTEGER NOT NULL, PRIMARY KEY (bmc, severity)) WITHOUT ROWID;"
  "INSERT INTO event_count SELECT bmc, severity, count (*), max (time) FROM event GROUP BY bmc, severity;"
  "CREATE TABLE event_day (day INTEGER NOT NULL, bmc INTEGER NOT NULL, severity INTEGER NOT NULL,"
  " count INTEGER NOT NULL, newest INTEGER NOT NULL, PRIMARY KEY (day, bmc, severity)) WITHOUT ROWID;"
  "INSERT INTO event_day SELECT time / 86400000000000, bmc, severity, count (*), max (time) FROM event"
  " GROUP BY 1, 2, 3;"
  "CREATE VIRTUAL TABLE event_text USING fts5 (text, bmc, content = 'event', content_rowid = 'seq',"
  " detail = column, columnsize = 0);"
  "INSERT INTO event_text (event_text) VALUES ('rebuild');"
  "CREATE TRIGGER event_removed AFTER DELETE ON event BEGIN"
  " INSERT INTO event_text (event_text, rowid, text, bmc) VALUES ('delete', old.seq, old.text, old.bmc);"
  " UPDATE event_count SET count = count - 1 WHERE bmc = old.bmc AND severity = old.severity;"
  " UPDATE event_day SET count = count - 1 WHERE day = old.time / 86400000000000 AND bmc = old.bmc"
  " AND severity = old.severity; END;",
};

G_STATIC_ASSERT (G_N_ELEMENTS (steps) == SCHEMA_VERSION);

gboolean
schema_check (Sql *sql, gint64 *version, GError **error)
{
  gint64 application, tables;

  if (!sql_query (sql, "PRAGMA user_version", version, error)
      || !sql_query (sql, "PRAGMA application_id", &application, error)
      || !sql_query (sql, "SELECT count (*) FROM sqlite_schema", &tables, error))
    return FALSE;
  if (application != SCHEMA_APPLICATION && (application != 0 || *version != 0 || tables != 0))
    {
      g_set_error (error, SQL_ERROR, SQL_ERROR_FILE, "%s is the database of another program; give another path",
                   sql->path);
      return FALSE;
    }
  if (*version >= 0 && *version <= SCHEMA_VERSION)
    return TRUE;
  g_set_error (error, SQL_ERROR, SQL_ERROR_FILE,
               "%s: schema version %" G_GINT64_FORMAT " was written by a newer ipmid (this one knows %d); use that "
               "ipmid, or another path",
               sql->path, *version, SCHEMA_VERSION);
  return FALSE;
}

gboolean
schema_migrate_to (Sql *sql, gint64 version, gint64 target, GError **error)
{
  g_autofree char *marks = g_strdup_printf ("PRAGMA application_id = %d; PRAGMA user_version = %" G_GINT64_FORMAT,
                                            SCHEMA_APPLICATION, target);
  gboolean good = sql_execute (sql, "BEGIN IMMEDIATE", error);

  for (gint64 i = version; good && i < target; i++)
    good = sql_execute (sql, steps[i], error);
  good = good && sql_execute (sql, marks, error) && sql_execute (sql, "COMMIT", error);
  sql_rollback (sql);
  return good;
}

gboolean
schema_migrate (Sql *sql, gint64 version, GError **error)
{
  return schema_migrate_to (sql, version, SCHEMA_VERSION, error);
}
