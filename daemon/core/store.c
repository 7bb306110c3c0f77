/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store.c - see store.h. */
#include "core/statement.h"

#include "event/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "journal.db"

/* When the write-ahead log is moved into the database. */
#define LOG_PAGES_MIN 16
#define LOG_PAGES_MAX 1000 /* SQLite's default */
#define LOG_PAGE_SIZE 4096
#define DAMAGE_MARK "journal.damaged"

/* How long to wait for another process that has the database. */
#define BUSY_TIMEOUT 5000 /* milliseconds */

/* What makes a journal of version n + 1 of one of version n; 0 is an empty file. */
static const char *const migrations[] = {
  /* 1 */
  "CREATE TABLE bmc (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL,"
  " contact INTEGER NOT NULL, cursor BLOB, ordinal INTEGER NOT NULL, newest_time INTEGER NOT NULL,"
  " overflow INTEGER NOT NULL);"
  "CREATE TABLE record (bmc INTEGER NOT NULL, record_id INTEGER NOT NULL, epoch INTEGER NOT NULL,"
  " state INTEGER NOT NULL, ordinal INTEGER NOT NULL, raw BLOB NOT NULL,"
  " PRIMARY KEY (bmc, record_id)) WITHOUT ROWID;"
  "CREATE INDEX record_standing ON record (bmc, ordinal) WHERE state = 0;"
  "CREATE TABLE handler (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
  "CREATE TABLE event (seq INTEGER PRIMARY KEY, bmc INTEGER NOT NULL, required INTEGER NOT NULL,"
  " open INTEGER NOT NULL, owed INTEGER NOT NULL, payload BLOB NOT NULL);"
  "CREATE TABLE delivery (handler INTEGER NOT NULL, bmc INTEGER NOT NULL, seq INTEGER NOT NULL,"
  " attempts INTEGER NOT NULL, inflight INTEGER NOT NULL, counts INTEGER NOT NULL,"
  " PRIMARY KEY (handler, bmc, seq)) WITHOUT ROWID;"
  "CREATE TABLE dead (handler INTEGER NOT NULL, seq INTEGER NOT NULL, bmc INTEGER NOT NULL,"
  " time INTEGER NOT NULL, attempts INTEGER NOT NULL, reason TEXT NOT NULL,"
  " PRIMARY KEY (handler, seq)) WITHOUT ROWID;",
  /* 2: filters with quiet times.  In `notice` a payload is an event that waits. */
  "CREATE TABLE notice (handler INTEGER NOT NULL, bmc INTEGER NOT NULL, sensor INTEGER NOT NULL,"
  " state INTEGER NOT NULL, told INTEGER NOT NULL, time INTEGER NOT NULL, due INTEGER NOT NULL, payload BLOB,"
  " PRIMARY KEY (handler, bmc, sensor, state)) WITHOUT ROWID;"
  "CREATE INDEX notice_due ON notice (due) WHERE payload IS NOT NULL;"
  "CREATE TABLE quiet (handler INTEGER NOT NULL, bmc INTEGER NOT NULL, key INTEGER NOT NULL,"
  " since INTEGER NOT NULL, PRIMARY KEY (handler, bmc, key)) WITHOUT ROWID;",
  /* 3: who a BMC is, and what is wrong with it */
  "ALTER TABLE bmc ADD COLUMN guid BLOB;"
  "ALTER TABLE bmc ADD COLUMN alarms INTEGER NOT NULL DEFAULT 0;",
  /* 4: what people ask for.  `counts` of a dead letter is that of its delivery.  Of those
   * that are there already nobody knows: all records of their BMCs are in doubt. */
  "ALTER TABLE bmc ADD COLUMN silence INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE dead ADD COLUMN counts INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE record ADD COLUMN given_up INTEGER NOT NULL DEFAULT 0;"
  "UPDATE record SET given_up = 1"
  " WHERE bmc IN (SELECT d.bmc FROM dead d JOIN event e ON e.seq = d.seq WHERE e.open > 0);",
  /* 5: what is wrong with ipmid itself; handler 0 is the journal */
  "CREATE TABLE alarm (handler INTEGER NOT NULL, what INTEGER NOT NULL, level INTEGER NOT NULL,"
  " since INTEGER NOT NULL, PRIMARY KEY (handler, what)) WITHOUT ROWID;",
  /* 6: a clear by somebody else that no walk has proved yet */
  "ALTER TABLE bmc ADD COLUMN suspected INTEGER NOT NULL DEFAULT -1;"
  "ALTER TABLE bmc ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0;",
  /* 7: StoreSpan; and since when a handler is not configured, 0: it is */
  "ALTER TABLE handler ADD COLUMN before INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE handler ADD COLUMN since INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE handler ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;",
  /* 8: what somebody wants to be cleared (state 3) is not what may be deleted (2) */
  "DROP INDEX record_standing; CREATE INDEX record_standing ON record (bmc, ordinal) WHERE state IN (0, 3);",
  /* 9: how far backfills are */
  "ALTER TABLE handler ADD COLUMN filled INTEGER NOT NULL DEFAULT 0;"
  "ALTER TABLE handler ADD COLUMN filled_since INTEGER NOT NULL DEFAULT 0;",
  /* 10: an event of which ipmid crashes, see ledger_crash() */
  "ALTER TABLE delivery ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;",
  /* 11: what backfills have owed: a store may have what the journal has, too */
  "CREATE TABLE backfilled (handler INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (handler, id)) WITHOUT ROWID;",
};

G_STATIC_ASSERT (G_N_ELEMENTS (migrations) == STORE_SCHEMA);

/* Forward from `version`, all or nothing. */
static gboolean
migrate (Store *store, gint64 version, GError **error)
{
  g_autofree char *set_version = g_strdup_printf ("PRAGMA user_version = %d", STORE_SCHEMA);
  gboolean good = statement_execute (store, "BEGIN IMMEDIATE", error);

  for (gsize i = (gsize) version; good && i < G_N_ELEMENTS (migrations); i++)
    good = statement_execute (store, migrations[i], error);
  good = good && statement_execute (store, set_version, error) && statement_execute (store, "COMMIT", error);
  store_rollback (store);
  return good;
}

/* The version of a journal that this ipmid may touch; 0: it is empty. */
static gboolean
get_version (Store *store, gint64 *version, GError **error)
{
  if (!statement_query_integer (store, "PRAGMA user_version", version, error))
    return FALSE;
  if (*version >= 0 && *version <= STORE_SCHEMA)
    return TRUE;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_SCHEMA,
               "%s: schema version %" G_GINT64_FORMAT " was written by a newer ipmid (this one knows %d); "
               "use that ipmid, or another --state-dir",
               store->path, *version, STORE_SCHEMA);
  return FALSE;
}

static gboolean
configure (Store *store, GError **error)
{
  /* cache_size: 1 MiB is plenty for rows that live for milliseconds.
   * journal_size_limit: give the log's space back after a burst. */
  return statement_execute (store,
                            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -1024;"
                            "PRAGMA secure_delete = OFF;"
                            "PRAGMA journal_size_limit = 8388608; PRAGMA temp_store = MEMORY",
                            error);
}

static Store *
open_database (const char *path, int flags, GError **error)
{
  g_autoptr (Store) store = g_new0 (Store, 1);

  store->path = g_strdup (path);
  if (sqlite3_open_v2 (path == NULL ? ":memory:" : path, &store->db,
                       flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL)
      != SQLITE_OK)
    {
      statement_set_error (store, error);
      return NULL;
    }
  sqlite3_busy_timeout (store->db, BUSY_TIMEOUT);
  return g_steal_pointer (&store);
}

/* SQLite would create the file as the umask says, and follow a symbolic link. */
static gboolean
create_file (const char *path, GError **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_FILE, "cannot open %s: %s", path, g_strerror (errno));
      return FALSE;
    }
  close (fd);
  return TRUE;
}

void
store_mark_damaged (const char *directory)
{
  g_autofree char *mark = g_build_filename (directory, DAMAGE_MARK, NULL);
  int fd = open (mark, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd >= 0)
    close (fd);
}

gboolean
store_set_aside (const char *directory, char **where, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *path = g_build_filename (directory, FILE_NAME, NULL);
  g_autofree char *mark = g_build_filename (directory, DAMAGE_MARK, NULL);
  g_autofree char *name = g_strdup_printf ("journal.bad.%" G_GINT64_FORMAT, g_get_real_time () / G_USEC_PER_SEC);

  *where = g_build_filename (directory, name, NULL);
  if (!sql_move (path, *where, &local))
    {
      g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_FILE, local->message);
      return FALSE;
    }
  unlink (mark);
  return TRUE;
}

static gboolean
is_marked_damaged (const char *directory, GError **error)
{
  g_autofree char *mark = g_build_filename (directory, DAMAGE_MARK, NULL);

  if (access (mark, F_OK) < 0)
    return FALSE;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_DAMAGED, "%s/" FILE_NAME " was found to be damaged", directory);
  return TRUE;
}

/* What was a journal seems to be empty (sql_log_size()). */
static gboolean
lost_its_log (const Store *store, gint64 version, gboolean has_log, GError **error)
{
  if (version != 0 || !has_log)
    return FALSE;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_DAMAGED, "%s-wal is damaged", store->path);
  return TRUE;
}

Store *
store_open (const char *directory, GError **error)
{
  g_autofree char *path = directory == NULL ? NULL : g_build_filename (directory, FILE_NAME, NULL);
  gint64 version, last;

  if (directory != NULL && is_marked_damaged (directory, error))
    return NULL;
  if (path != NULL && !create_file (path, error))
    return NULL;
  gboolean has_log = path != NULL && sql_log_size (path) > 0;
  g_autoptr (Store) store = open_database (path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
  if (store == NULL || !get_version (store, &version, error) || lost_its_log (store, version, has_log, error)
      || !configure (store, error) || (version < STORE_SCHEMA && !migrate (store, version, error))
      || !statement_query_integer (store, "SELECT coalesce (max (seq), 0) FROM event", &last, error))
    return NULL;
  store->next_seq = last + 1;
  return g_steal_pointer (&store);
}

Store *
store_open_readonly (const char *directory, GError **error)
{
  g_autofree char *path = g_build_filename (directory, FILE_NAME, NULL);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_FILE,
                   "%s: no journal there; has ipmid ever run with this state "
                   "directory?",
                   directory);
      return NULL;
    }
  g_autoptr (Store) store = open_database (path, SQLITE_OPEN_READONLY, error);
  gint64 version;
  if (store == NULL || !get_version (store, &version, error))
    return NULL;
  if (version == 0)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL, "%s: not a journal of ipmid", path);
      return NULL;
    }
  /* The writer alone checkpoints. */
  sqlite3_db_config (store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  return g_steal_pointer (&store);
}

void
store_close (Store *store)
{
  if (store == NULL)
    return;
  for (guint i = 0; i < N_STATEMENTS; i++)
    sqlite3_finalize (store->prepared[i]);
  sqlite3_close (store->db);
  g_free (store->path);
  g_free (store);
}

gboolean
store_begin (Store *store, GError **error)
{
  return statement_run (store, error, BEGIN, "");
}

gboolean
store_commit (Store *store, GError **error)
{
  return statement_run (store, error, COMMIT, "");
}

void
store_rollback (Store *store)
{
  /* SQLite may have rolled back by itself; then this fails, harmlessly. */
  if (!sqlite3_get_autocommit (store->db))
    sqlite3_exec (store->db, "ROLLBACK", NULL, NULL, NULL);
}

void
store_limit_log (Store *store, gint64 bytes)
{
  sqlite3_wal_autocheckpoint (store->db, (int) CLAMP (bytes / LOG_PAGE_SIZE, LOG_PAGES_MIN, LOG_PAGES_MAX));
}

/* As far as those who read let it: waiting for them would hold up every commit. */
static gboolean
checkpoint (Store *store, int mode)
{
  sqlite3_busy_timeout (store->db, 0);
  int result = sqlite3_wal_checkpoint_v2 (store->db, NULL, mode, NULL, NULL);
  sqlite3_busy_timeout (store->db, BUSY_TIMEOUT);
  return result == SQLITE_OK;
}

gboolean
store_reclaim_log (Store *store)
{
  return checkpoint (store, SQLITE_CHECKPOINT_RESTART);
}

void
store_shrink_log (Store *store)
{
  checkpoint (store, SQLITE_CHECKPOINT_TRUNCATE);
}

gint64
store_used (Store *store)
{
  gint64 pages = 0, unused = 0, page_size = 0;

  statement_query_integer (store, "PRAGMA page_count", &pages, NULL);
  statement_query_integer (store, "PRAGMA freelist_count", &unused, NULL);
  statement_query_integer (store, "PRAGMA page_size", &page_size, NULL);
  return (pages - unused) * page_size;
}

gint64
store_size (Store *store)
{
  return store_used (store) + (store->path == NULL ? 0 : sql_log_size (store->path));
}
