/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* statement.c - see statement.h. */
#include "core/statement.h"

#include "event/error.h"

#include <string.h>

#define DEAD_COLUMNS "d.handler, h.name, d.bmc, d.seq, d.time, d.attempts, d.reason, e.payload"
#define DEAD_TABLES "dead d JOIN handler h ON h.id = d.handler JOIN event e ON e.seq = d.seq"

/* StoreDeadRange. */
#define DEAD_CHOSEN "handler = ?1 AND seq > ?2 AND seq <= ?3"

#define BMC_COLUMNS                                                                                                    \
  "id, epoch, contact, cursor, ordinal, newest_time, overflow, guid, alarms, silence, suspected, replaced"

static const char *const statements[N_STATEMENTS] = {
  [BEGIN] = "BEGIN IMMEDIATE",
  [COMMIT] = "COMMIT",
  [BMC_FIND] = "SELECT " BMC_COLUMNS " FROM bmc WHERE name = ?",
  [BMC_GET] = "SELECT " BMC_COLUMNS " FROM bmc WHERE id = ?",
  [BMC_INSERT] = "INSERT INTO bmc (name, epoch, contact, cursor, ordinal, newest_time, overflow)"
                 " VALUES (?, ?, 0, NULL, 0, 0, 0)",
  [BMC_SAVE] = "UPDATE bmc SET epoch = ?2, contact = ?3, cursor = ?4, ordinal = ?5, newest_time = ?6,"
               " overflow = ?7, guid = ?8, alarms = ?9, silence = ?10, suspected = ?11, replaced = ?12 WHERE id = ?1",
  [BMC_RENAME] = "UPDATE OR IGNORE bmc SET name = ?2 WHERE name = ?1",
  [RECORD_FIND] = "SELECT epoch, state, ordinal, raw FROM record WHERE bmc = ? AND record_id = ?",
  [RECORD_PUT] = "INSERT OR REPLACE INTO record (bmc, record_id, epoch, state, ordinal, raw) VALUES (?, ?, ?, ?, ?, ?)",
  [RECORD_SET_STATE] = "UPDATE record SET state = ?3 WHERE bmc = ?1 AND record_id = ?2",
  [RECORD_PREDECESSOR] = "SELECT record_id, epoch, ordinal, raw FROM record"
                         " WHERE bmc = ? AND state IN (0, 3) AND ordinal < ? ORDER BY ordinal DESC LIMIT 1",
  [RECORD_CLEARING] = "SELECT record_id FROM record INDEXED BY record_standing"
                      " WHERE bmc = ? AND state IN (0, 3) AND state = 3 LIMIT 1",
  [RECORD_LIST] = "SELECT record_id FROM record WHERE bmc = ? AND state <> 1 ORDER BY ordinal",
  [RECORD_GIVE_UP] = "UPDATE record SET given_up = 1 WHERE bmc = ? AND record_id = ? AND raw = ?",
  [RECORD_COUNT_GIVEN_UP] = "SELECT count(*) FROM record WHERE bmc = ? AND state <> 1 AND given_up <> 0",
  [RECORD_FORGET] = "DELETE FROM record WHERE bmc = ? AND state = 1 AND epoch < ?",
  [RECORD_FORGET_ALL] = "DELETE FROM record WHERE bmc = ?",
  [HANDLER_FIND] = "SELECT id FROM handler WHERE name = ?",
  [HANDLER_INSERT] = "INSERT INTO handler (name, gone) VALUES (?, -1)",
  [HANDLER_COME_BACK] = "UPDATE handler SET before = max (gone, 0), since = ?2, gone = 0, filled = 0, filled_since = 0"
                        " WHERE id = ?1 AND gone <> 0",
  [HANDLER_SPAN] = "SELECT before, since, filled, filled_since FROM handler WHERE id = ?",
  [HANDLER_SET_FILLED] = "UPDATE handler SET filled = ?2, filled_since = ?3 WHERE id = ?1",
  [HANDLER_EXTEND_SPAN] = "UPDATE handler SET since = ?2, filled = 0, filled_since = 0 WHERE id = ?1",
  [BACKFILLED_FIND] = "SELECT 1 FROM backfilled WHERE handler = ? AND id = ?",
  [BACKFILLED_INSERT] = "INSERT OR IGNORE INTO backfilled (handler, id) VALUES (?, ?)",
  [BACKFILLED_FORGET] = "DELETE FROM backfilled WHERE handler = ?1"
                        " AND id IN (SELECT id FROM backfilled WHERE handler = ?1 LIMIT ?2)",
  [HANDLER_LEAVE] = "UPDATE handler SET gone = ?2 WHERE id = ?1 AND gone = 0",
  [HANDLER_LIST] = "SELECT id, name FROM handler ORDER BY name",
  [EVENT_INSERT] = "INSERT INTO event (seq, bmc, required, open, owed, payload) VALUES (?, ?, ?, ?, ?, ?)",
  [EVENT_RELEASE] = "UPDATE event SET open = open - ?2, owed = owed - 1 WHERE seq = ?1",
  [EVENT_REMOVE_LAST] = "DELETE FROM event WHERE seq = ? AND owed <= 1",
  [EVENT_SET_DUES] = "UPDATE event SET open = ?2, owed = ?3 WHERE seq = ?1",
  [EVENT_DUES] = "SELECT required, open, owed FROM event WHERE seq = ?",
  [EVENT_REMOVE] = "DELETE FROM event WHERE seq = ?",
  [EVENT_PAGE] = "SELECT seq, bmc, payload FROM event WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ?",
  [EVENT_GET] = "SELECT payload FROM event WHERE seq = ?",
  [DELIVERY_INSERT] = "INSERT INTO delivery (handler, bmc, seq, attempts, inflight, counts) VALUES (?, ?, ?, 0, 0, ?)",
  [DELIVERY_ATTEMPT] = "UPDATE delivery SET attempts = max(attempts + ?4, 0), inflight = ?5"
                       " WHERE handler = ?1 AND bmc = ?2 AND seq = ?3",
  [DELIVERY_ATTEMPT_RUN] = "UPDATE delivery SET attempts = attempts + 1, inflight = ?5"
                           " WHERE handler = ?1 AND bmc = ?2 AND seq BETWEEN ?3 AND ?4 AND ?6 = (SELECT count(*)"
                           " FROM delivery WHERE handler = ?1 AND bmc = ?2 AND seq BETWEEN ?3 AND ?4)",
  /* It is not in flight any more: the same crash is not counted again. */
  [DELIVERY_CRASH] = "UPDATE delivery SET crashes = crashes + 1, inflight = 0"
                     " WHERE handler = ? AND bmc = ? AND seq = ? AND attempts = ? AND inflight = 1 RETURNING crashes",
  [DELIVERY_REMOVE] = "DELETE FROM delivery WHERE handler = ? AND bmc = ? AND seq = ? RETURNING attempts, counts",
  [DELIVERY_FETCH] = "SELECT d.seq, d.attempts, d.inflight, d.crashes, e.payload FROM delivery d"
                     " JOIN event e ON e.seq = d.seq WHERE d.handler = ? AND d.bmc = ? AND d.seq > ?"
                     " ORDER BY d.seq LIMIT ?",
  [DELIVERY_NEXT_LANE] = "SELECT bmc FROM delivery WHERE handler = ? AND bmc > ? ORDER BY bmc LIMIT 1",
  [DELIVERY_FIRST] = "SELECT seq FROM delivery WHERE handler = ? AND bmc = ? ORDER BY seq LIMIT 1",
  [DELIVERY_COUNT] = "SELECT count(*) FROM delivery WHERE handler = ?",
  [DELIVERY_COUNT_OPEN] = "SELECT count(*) FROM handler h CROSS JOIN delivery d ON d.handler = h.id AND d.bmc = ?1"
                          " WHERE d.counts <> 0",
  [DEAD_INSERT] = "INSERT OR REPLACE INTO dead (handler, bmc, seq, time, attempts, reason, counts)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?)",
  [DEAD_COUNT] = "SELECT count(*) FROM dead WHERE handler = ?",
  [DEAD_LIST] = "SELECT " DEAD_COLUMNS " FROM " DEAD_TABLES " ORDER BY d.seq, h.name",
  /* CROSS JOIN: in the order of the dead letters' key, never sorted. */
  [DEAD_PAGE] = "SELECT " DEAD_COLUMNS " FROM dead d CROSS JOIN handler h ON h.id = d.handler"
                " CROSS JOIN event e ON e.seq = d.seq WHERE (d.handler, d.seq) > (?2, ?3) AND d.handler <= ?1"
                " ORDER BY d.handler, d.seq LIMIT ?4",
  [DEAD_FIND] = "SELECT " DEAD_COLUMNS " FROM dead d CROSS JOIN handler h ON h.id = d.handler"
                " CROSS JOIN event e ON e.seq = d.seq"
                " WHERE d.handler = ?1 AND instr (e.payload, CAST (?2 AS BLOB)) > 0 ORDER BY d.seq",
  [DEAD_LAST] = "SELECT seq FROM dead WHERE handler = ? ORDER BY seq DESC LIMIT 1",
  [DEAD_CUT] = "SELECT seq FROM dead WHERE " DEAD_CHOSEN " ORDER BY seq LIMIT 1 OFFSET ?4",
  [DEAD_LANES] = "SELECT min (seq), bmc FROM dead WHERE " DEAD_CHOSEN " GROUP BY bmc",
  [DEAD_COUNTING] = "SELECT seq, bmc FROM dead WHERE counts <> 0 AND " DEAD_CHOSEN,
  [DEAD_COUNT_OPEN] = "SELECT count(*) FROM dead WHERE bmc = ? AND counts <> 0",
  [DEAD_TO_DELIVERY] = "INSERT OR REPLACE INTO delivery (handler, bmc, seq, attempts, inflight, counts)"
                       " SELECT handler, bmc, seq, 0, 0, counts FROM dead WHERE " DEAD_CHOSEN,
  [DEAD_DISOWN] = "UPDATE event SET owed = owed - 1 WHERE seq IN (SELECT seq FROM dead WHERE " DEAD_CHOSEN ")",
  [DEAD_REMOVE_EVENTS] = "DELETE FROM event WHERE owed <= 0 AND seq IN (SELECT seq FROM dead WHERE " DEAD_CHOSEN ")",
  [DEAD_REMOVE] = "DELETE FROM dead WHERE " DEAD_CHOSEN,
  [NOTICE_LOAD] = "SELECT state, told, payload IS NOT NULL FROM notice WHERE handler = ? AND bmc = ? AND sensor = ?",
  [NOTICE_PUT] = "INSERT OR REPLACE INTO notice (handler, bmc, sensor, state, told, time, due, payload)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  [NOTICE_REMOVE] = "DELETE FROM notice WHERE handler = ? AND bmc = ? AND sensor = ? AND state = ?",
  [NOTICE_EVICT] = "DELETE FROM notice WHERE (handler, bmc, sensor, state) IN (SELECT handler, bmc, sensor, state"
                   " FROM notice WHERE handler = ?1 AND bmc = ?2"
                   " ORDER BY payload IS NULL, time DESC LIMIT -1 OFFSET ?3)",
  [NOTICE_DUE] = "SELECT handler, bmc, sensor, state, due, payload FROM notice WHERE payload IS NOT NULL AND due <= ?"
                 " ORDER BY due LIMIT ?",
  [NOTICE_POSTPONE] = "UPDATE notice SET due = ?5 WHERE handler = ?1 AND bmc = ?2 AND sensor = ?3 AND state = ?4",
  [NOTICE_HASTEN] = "UPDATE notice SET due = 0 WHERE payload IS NOT NULL AND due > 0"
                    " AND (?1 = 0 OR handler = ?1) AND (?2 = 0 OR bmc = ?2)",
  [NOTICE_FORGET_TOLD] = "DELETE FROM notice WHERE handler = ? AND payload IS NULL",
  [QUIET_FIND] = "SELECT since FROM quiet WHERE handler = ? AND bmc = ? AND key = ?",
  [QUIET_PUT] = "INSERT OR REPLACE INTO quiet (handler, bmc, key, since) VALUES (?, ?, ?, ?)",
  [QUIET_EVICT] = "DELETE FROM quiet WHERE (handler, bmc, key) IN (SELECT handler, bmc, key FROM quiet"
                  " WHERE handler = ?1 AND bmc = ?2 ORDER BY since DESC LIMIT -1 OFFSET ?3)",
  [OWN_LOAD] = "SELECT level, since FROM alarm WHERE handler = ? AND what = ?",
  [OWN_PUT] = "INSERT OR REPLACE INTO alarm (handler, what, level, since) VALUES (?, ?, ?, ?)",
  [OWN_REMOVE] = "DELETE FROM alarm WHERE handler = ? AND what = ?",
  [OWN_LIST] = "SELECT handler, what, level, since FROM alarm WHERE handler <> 0",
  [HANDLER_NAME] = "SELECT name FROM handler WHERE id = ?",
  [DELIVERY_STANDS] = "SELECT 1 FROM delivery WHERE handler = ? AND bmc = ? AND seq = ?",
  [QUIET_PRUNE] = "DELETE FROM quiet WHERE handler = ?1 AND (since <= ?2 OR since >= ?3)",
};

const char *
statement_journal_name (const Store *store)
{
  return store->path == NULL ? "journal in memory" : store->path;
}

static IpmidError
error_code (int extended)
{
  switch (sql_error_code (extended))
    {
    case SQL_ERROR_FULL:
      return IPMID_ERROR_JOURNAL_FULL;
    case SQL_ERROR_DAMAGED:
      return IPMID_ERROR_JOURNAL_DAMAGED;
    case SQL_ERROR_BUSY:
    case SQL_ERROR_ENDED:
    case SQL_ERROR_FILE:
    case SQL_ERROR_FAILED:
    default:
      return IPMID_ERROR_JOURNAL;
    }
}

void
statement_set_error (Store *store, GError **error)
{
  int extended = store->db == NULL ? SQLITE_NOMEM : sqlite3_extended_errcode (store->db);

  g_set_error (error, IPMID_ERROR, error_code (extended), "%s: %s", statement_journal_name (store),
               store->db == NULL ? "out of memory" : sqlite3_errmsg (store->db));
}

/* Binds i (gint64), t (text), b (blob of a record's size or NULL) or v (GVariant or NULL)
 * per letter; values stay owned by the caller until the statement is reset. */
static sqlite3_stmt *
bind (Store *store, GError **error, Statement which, const char *types, va_list args)
{
  sqlite3_stmt **statement = &store->prepared[which];

  if (*statement == NULL
      && sqlite3_prepare_v3 (store->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
    {
      statement_set_error (store, error);
      return NULL;
    }
  for (int i = 1; types[i - 1] != '\0'; i++)
    switch (types[i - 1])
      {
      case 'i':
        sqlite3_bind_int64 (*statement, i, va_arg (args, gint64));
        break;
      case 't':
        sqlite3_bind_text (*statement, i, va_arg (args, const char *), -1, SQLITE_STATIC);
        break;
      case 'b':
        sqlite3_bind_blob (*statement, i, va_arg (args, const guint8 *), STORE_RECORD_SIZE, SQLITE_STATIC);
        break;
      case 'v':
        {
          GVariant *variant = va_arg (args, GVariant *);
          if (variant != NULL)
            sqlite3_bind_blob (*statement, i, g_variant_get_data (variant), (int) g_variant_get_size (variant),
                               SQLITE_STATIC);
          break;
        }
      default:
        g_assert_not_reached ();
      }
  return *statement;
}

/* A statement that is about to be stepped; finish() it. */
sqlite3_stmt *
statement_start (Store *store, GError **error, Statement which, const char *types, ...)
{
  va_list args;
  va_start (args, types);
  sqlite3_stmt *statement = bind (store, error, which, types, args);
  va_end (args);
  return statement;
}

/* Passes on the error of a loop over rows, if there is one. */
gboolean
statement_ended_well (GError **local, GError **error)
{
  if (*local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (local));
  return FALSE;
}

/* One row: TRUE; none: FALSE without error; else FALSE with error. */
gboolean
statement_next_row (Store *store, sqlite3_stmt *statement, GError **error)
{
  int code = sqlite3_step (statement);

  if (code == SQLITE_ROW)
    return TRUE;
  if (code != SQLITE_DONE)
    statement_set_error (store, error);
  return FALSE;
}

gboolean
statement_run (Store *store, GError **error, Statement which, const char *types, ...)
{
  va_list args;
  va_start (args, types);
  sqlite3_stmt *statement = bind (store, error, which, types, args);
  va_end (args);
  if (statement == NULL)
    return FALSE;

  gboolean good = sqlite3_step (statement) == SQLITE_DONE;
  if (!good)
    statement_set_error (store, error);
  sql_finish (statement);
  return good;
}

/* The one integer of the first row; `*found` FALSE if there is no row. */
gboolean
statement_get_integer (Store *store, GError **error, gint64 *value, gboolean *found, Statement which, const char *types,
                       ...)
{
  g_autoptr (GError) local = NULL;
  va_list args;
  va_start (args, types);
  sqlite3_stmt *statement = bind (store, error, which, types, args);
  va_end (args);
  if (statement == NULL)
    return FALSE;

  *found = statement_next_row (store, statement, &local);
  if (*found)
    *value = sqlite3_column_int64 (statement, 0);
  sql_finish (statement);
  return statement_ended_well (&local, error);
}

gboolean
statement_execute (Store *store, const char *sql, GError **error)
{
  if (sqlite3_exec (store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  statement_set_error (store, error);
  return FALSE;
}

/* The value of a PRAGMA or of any query with one integer. */
gboolean
statement_query_integer (Store *store, const char *sql, gint64 *value, GError **error)
{
  sqlite3_stmt *statement = NULL;
  gboolean good = sqlite3_prepare_v2 (store->db, sql, -1, &statement, NULL) == SQLITE_OK
                  && sqlite3_step (statement) == SQLITE_ROW;

  if (good)
    *value = sqlite3_column_int64 (statement, 0);
  else
    statement_set_error (store, error);
  sqlite3_finalize (statement);
  return good;
}

void
statement_copy_record (guint8 *raw, sqlite3_stmt *statement, int column)
{
  memset (raw, 0, STORE_RECORD_SIZE);
  if (sqlite3_column_bytes (statement, column) == STORE_RECORD_SIZE)
    memcpy (raw, sqlite3_column_blob (statement, column), STORE_RECORD_SIZE);
}

IpmidEvent *
statement_get_event (Store *store, sqlite3_stmt *row, int column, GError **error)
{
  g_autoptr (GBytes) bytes
      = g_bytes_new (sqlite3_column_blob (row, column), (gsize) sqlite3_column_bytes (row, column));
  g_autoptr (GVariant) variant
      = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (EVENT_VARIANT_TYPE), bytes, FALSE));
  g_autoptr (GError) local = NULL;
  g_autoptr (IpmidEvent) event = g_variant_is_normal_form (variant) ? event_from_variant (variant, &local) : NULL;

  if (event == NULL || !event_has (event, IPMID_FIELD_ID))
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_DAMAGED, "%s: an event is damaged: %s",
                   statement_journal_name (store), local != NULL ? local->message : "no id");
      return NULL;
    }
  return g_steal_pointer (&event);
}
