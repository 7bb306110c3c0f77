/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* database.c - see database.h. */
#include "database.h"

#include "schema.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often a lock is tried again: milliseconds. */
#define LOCK_PAUSE 10

/* When the write-ahead log is moved into the database: pages of 4 KiB.  Readings of
 * one sensor stand together, so those of one moment touch as many pages as there
 * are sensors; a longer log writes each page once for several moments. */
#define LOG_PAGES 4000

static const char *const statements[N_STATEMENTS] = {
  [BEGIN] = "BEGIN IMMEDIATE",
  [COMMIT] = "COMMIT",
  [BMC_INSERT] = "INSERT INTO bmc (name) VALUES (?) ON CONFLICT DO NOTHING",
  [BMC_FIND] = "SELECT id FROM bmc WHERE name = ?",
  [EVENT_INSERT] = "INSERT INTO event (id, time, received, bmc, kind, severity, sensor, text, json)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
  [EVENT_COUNT] = "INSERT INTO event_count VALUES (?2, ?3, 1, ?1)"
                  " ON CONFLICT DO UPDATE SET count = count + 1, newest = max (newest, excluded.newest)",
  [EVENT_DAY] = "INSERT INTO event_day VALUES (?1 / 86400000000000, ?2, ?3, 1, ?1)"
                " ON CONFLICT DO UPDATE SET count = count + 1, newest = max (newest, excluded.newest)",
  [EVENT_TEXT] = "INSERT INTO event_text (rowid, text, bmc) VALUES (?, ?, ?)",
  [SENSOR_PUT] = "INSERT INTO sensor (bmc, sensor_id, name, type, entity, unit, minute_done, hour_done)"
                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT (bmc, sensor_id) DO UPDATE SET"
                 " name = ?3, type = ?4, entity = ?5, unit = ?6 RETURNING id, minute_done",
  [SENSOR_REWIND] = "UPDATE sensor SET minute_done = min (minute_done, ?2), hour_done = min (hour_done, ?3)"
                    " WHERE id = ?1",
  [SENSOR_NEXT] = "SELECT id, minute_done, hour_done FROM sensor WHERE id > ? ORDER BY id LIMIT 1",
  [SENSOR_DONE] = "UPDATE sensor SET minute_done = ?2, hour_done = ?3 WHERE id = ?1",
  [SENSOR_DROP] = "DELETE FROM sensor WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM reading WHERE sensor = ?1)"
                  " AND NOT EXISTS (SELECT 1 FROM minute WHERE sensor = ?1)"
                  " AND NOT EXISTS (SELECT 1 FROM hour WHERE sensor = ?1) RETURNING id",
  [READING_PUT] = "INSERT OR REPLACE INTO reading (sensor, time, available, severity, states, value)"
                  " VALUES (?, ?, ?, ?, ?, ?)",
  [READING_LIST] = "SELECT time, value IS NOT NULL, value, value, value, severity FROM reading"
                   " WHERE sensor = ? AND time >= ? AND time < ? ORDER BY time",
  [READING_PRUNE] = "DELETE FROM reading WHERE sensor = ? AND time < ?",
  [MINUTE_PUT] = "INSERT OR REPLACE INTO minute (sensor, time, count, minimum, mean, maximum, severity)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?)",
  [MINUTE_LIST] = "SELECT time, count, minimum, mean, maximum, severity FROM minute"
                  " WHERE sensor = ? AND time >= ? AND time < ? ORDER BY time",
  [MINUTE_PRUNE] = "DELETE FROM minute WHERE sensor = ? AND time < ?",
  [HOUR_PUT] = "INSERT OR REPLACE INTO hour (sensor, time, count, minimum, mean, maximum, severity)"
               " VALUES (?, ?, ?, ?, ?, ?, ?)",
  [HOUR_PRUNE] = "DELETE FROM hour WHERE sensor = ? AND time < ?",
  [EVENT_STEP] = "SELECT time FROM event INDEXED BY event_time WHERE time >= ? AND time < ? ORDER BY time"
                 " LIMIT 1 OFFSET ?",
  [EVENT_PRUNE] = "DELETE FROM event WHERE seq IN (SELECT seq FROM event INDEXED BY event_time"
                  " WHERE time >= ? AND time < ? AND received < ?)",
  [COUNT_PRUNE] = "DELETE FROM event_count WHERE count <= 0",
  [DAY_PRUNE] = "DELETE FROM event_day WHERE count <= 0",
  [BMC_PRUNE] = "DELETE FROM bmc WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.bmc = bmc.id)"
                " AND NOT EXISTS (SELECT 1 FROM sensor WHERE sensor.bmc = bmc.id)",
};

/* SQLite asks whether to try again. */
static int
on_locked (void *data, G_GNUC_UNUSED int times)
{
  const Database *database = data;
  struct pollfd cancel = { .fd = database->cancel_fd, .events = POLLIN };

  return g_get_monotonic_time () < database->patience && poll (&cancel, 1, LOCK_PAUSE) == 0;
}

/* What was a history seems to be empty (sql_log_size()). */
static gboolean
lost_its_log (const Sql *sql, gint64 version, gboolean has_log, GError **error)
{
  if (version != 0 || !has_log)
    return FALSE;
  g_set_error (error, SQL_ERROR, SQL_ERROR_DAMAGED, "%s-wal is damaged", sql->path);
  return TRUE;
}

/* auto_vacuum counts only in a file without tables, and before the log's mode.
 * journal_size_limit gives the log's space back after a burst. */
static gboolean
configure (Sql *sql, GError **error)
{
  g_autofree char *log = g_strdup_printf ("PRAGMA wal_autocheckpoint = %d", LOG_PAGES);

  return sql_execute (sql,
                      "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA cache_size = -8192; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;"
                      "PRAGMA analysis_limit = 400",
                      error)
         && sql_execute (sql, log, error);
}

static gboolean
migrate (const Database *database, Sql *sql, gint64 version, GError **error)
{
  if (version == SCHEMA_VERSION)
    return TRUE;
  if (version > 0)
    ipmid_host_log (database->host, IPMID_LOG_NOTICE, NULL, "%s: schema version %d becomes %d", sql->path,
                    (int) version, SCHEMA_VERSION);
  return schema_migrate (sql, version, error);
}

/* Nothing is written before it is clear whose file it is. */
static gboolean
open_file (Database *database, GError **error)
{
  gint64 version;
  struct stat status;

  if (!sql_create_file (database->path, error))
    return FALSE;
  gboolean has_log = sql_log_size (database->path) > 0;
  g_autoptr (Sql) sql = sql_open (database->path, SQLITE_OPEN_READWRITE, statements, N_STATEMENTS, error);
  if (sql == NULL)
    return FALSE;
  sqlite3_busy_handler (sql->db, on_locked, database);
  sqlite3_db_config (sql->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  if (!schema_check (sql, &version, error) || lost_its_log (sql, version, has_log, error) || !configure (sql, error)
      || !migrate (database, sql, version, error))
    return FALSE;
  sqlite3_db_config (sql->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
  if (stat (database->path, &status) == 0)
    {
      database->device = status.st_dev;
      database->inode = status.st_ino;
    }
  database->sql = g_steal_pointer (&sql);
  database->hooks.opened (database->hooks.user_data, database->path);
  return TRUE;
}

static gboolean
set_aside (Database *database, const GError *why, GError **error)
{
  g_autofree char *where = NULL;

  if (!sql_set_aside (database->path, &where, error))
    return FALSE;
  ipmid_host_log (database->host, IPMID_LOG_ERROR, NULL, "%s; it is kept as %s, and a fresh history is begun",
                  why->message, where);
  return TRUE;
}

/* Whether a path that somebody gave leads to what may be no database at all: it neither begins like
 * one (SQLite's "Database File Format", section 1.3) nor has a log beside it. */
static gboolean
is_foreign (const Database *database)
{
  static const char magic[16] = "SQLite format 3";
  char begin[sizeof magic] = "";
  g_autofree char *log = g_strconcat (database->path, "-wal", NULL);
  int fd = database->is_ours ? -1 : open (database->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    return FALSE;
  gboolean foreign = read (fd, begin, sizeof begin) > 0 && memcmp (begin, magic, sizeof magic) != 0;
  close (fd);
  return foreign && access (log, F_OK) != 0;
}

gboolean
database_open (Database *database, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (open_file (database, &local))
    return TRUE;
  if (g_error_matches (local, SQL_ERROR, SQL_ERROR_DAMAGED) && is_foreign (database))
    {
      g_set_error (error, SQL_ERROR, SQL_ERROR_FILE,
                   "%s is no database; give another path, or move it away if it was a history", database->path);
      return FALSE;
    }
  if (g_error_matches (local, SQL_ERROR, SQL_ERROR_DAMAGED))
    return set_aside (database, local, error) && open_file (database, error);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

void
database_shut (Database *database)
{
  if (database->sql == NULL)
    return;
  /* A connection that is the last one of its file removes the log by its name:
   * it must not be that of the next file. */
  database->hooks.shutting (database->hooks.user_data);
  g_clear_pointer (&database->sql, sql_close);
}

static gboolean
is_gone (const Database *database)
{
  struct stat named;

  return stat (database->path, &named) != 0 || named.st_dev != database->device || named.st_ino != database->inode;
}

gboolean
database_ensure (Database *database, GError **error)
{
  if (database->sql != NULL && is_gone (database))
    {
      ipmid_host_log (database->host, IPMID_LOG_WARNING, NULL, "%s has been removed or replaced, and is opened anew",
                      database->path);
      database_shut (database);
    }
  return database->sql != NULL || database_open (database, error);
}

gboolean
database_begin (Database *database, gboolean durable, GError **error)
{
  return database_ensure (database, error)
         && sql_execute (database->sql, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", error)
         && sql_run (database->sql, error, BEGIN, "");
}

gboolean
database_commit (Database *database, GError **error)
{
  return sql_run (database->sql, error, COMMIT, "");
}

void
database_fail (Database *database, const GError *error)
{
  g_autoptr (GError) local = NULL;
  gboolean damaged = g_error_matches (error, SQL_ERROR, SQL_ERROR_DAMAGED);

  if (database->sql == NULL)
    return;
  sql_rollback (database->sql);
  if (g_error_matches (error, SQL_ERROR, SQL_ERROR_BUSY) || g_error_matches (error, SQL_ERROR, SQL_ERROR_FULL))
    return;
  if (damaged) /* closing must not move the log into it */
    sqlite3_db_config (database->sql->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  database_shut (database);
  if (damaged && !set_aside (database, error, &local))
    ipmid_host_log (database->host, IPMID_LOG_ERROR, NULL, "%s", local->message);
}
