/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* query-events.c - questions about events; see service.h. */
#include "event-page.h"
#include "service.h"
#include "span.h"

#define DAY (24 * SPAN_HOUR)
#define LAST_DAY (G_MAXINT64 / DAY * DAY)

static IpmidStoreEvent
get_event (sqlite3_stmt *row)
{
  return (IpmidStoreEvent){ .size = sizeof (IpmidStoreEvent),
                            .id = service_text (row, 1),
                            .bmc = service_text (row, 2),
                            .time = sqlite3_column_int64 (row, 3),
                            .received = sqlite3_column_int64 (row, 4),
                            .kind = (IpmidKind) sqlite3_column_int (row, 5),
                            .severity = (IpmidSeverity) sqlite3_column_int (row, 6),
                            .sensor = (const char *) sqlite3_column_text (row, 7),
                            .text = service_text (row, 8),
                            .json = service_text (row, 9) };
}

/* The row of a BMC; 0 without error if there is none. */
static gint64
find_bmc (Sql *sql, const char *name, GError **error)
{
  sqlite3_stmt *statement = service_prepare (sql, "SELECT id FROM bmc WHERE name = ?", error);
  gint64 id = 0;

  if (statement == NULL)
    return 0;
  sqlite3_bind_text (statement, 1, name, -1, SQLITE_STATIC);
  if (service_next (sql, statement, error))
    id = sqlite3_column_int64 (statement, 0);
  sqlite3_finalize (statement);
  return id;
}

static sqlite3_stmt *
start_page (Sql *sql, const EventPage *page, const IpmidStoreEventQuery *query, GError **error)
{
  sqlite3_stmt *statement = service_prepare (sql, page->sql, error);

  if (statement == NULL)
    return NULL;
  /* A number that the statement does not have is refused, harmlessly. */
  if (query->sensor != NULL)
    sqlite3_bind_text (statement, 1, query->sensor, -1, SQLITE_STATIC);
  if (page->words != NULL)
    sqlite3_bind_text (statement, 2, page->words, -1, SQLITE_STATIC);
  return statement;
}

/* The rows of a page, and where the next one goes on. */
static void
read_page (Sql *sql, sqlite3_stmt *statement, guint limit, IpmidStoreEventFunc func, gpointer user_data, char **next,
           GError **error)
{
  gint64 time = 0, seq = 0;
  guint n = 0;

  while (service_next (sql, statement, error))
    {
      if (n++ == limit)
        {
          *next = event_page_token (time, seq);
          return;
        }
      const IpmidStoreEvent event = get_event (statement);
      func (user_data, &event);
      time = event.time;
      seq = sqlite3_column_int64 (statement, 0);
    }
}

gboolean
events_page (const IpmidStore *store, const IpmidStoreEventQuery *query, IpmidStoreEventFunc func, gpointer user_data,
             char **next, GError **error)
{
  const Service *service = (const Service *) store;
  g_auto (EventPage) page = { 0 };
  g_autofree char *token = NULL;
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *statement = NULL;
  Sql *sql = pool_take (service->pool, error);

  if (next != NULL)
    *next = NULL;
  if (sql == NULL)
    return FALSE;
  gint64 bmc = query->bmc == NULL ? 0 : find_bmc (sql, query->bmc, &local);
  if (local == NULL && event_page_init (&page, query, bmc, &local))
    statement = start_page (sql, &page, query, &local);
  if (statement != NULL)
    read_page (sql, statement, page.limit, func, user_data, &token, &local);
  if (!service_end (service, sql, statement, &local, error))
    return FALSE;
  if (next != NULL)
    *next = g_steal_pointer (&token);
  return TRUE;
}

gboolean
events_one (const IpmidStore *store, const char *id, IpmidStoreEventFunc func, gpointer user_data, GError **error)
{
  const Service *service = (const Service *) store;
  g_autoptr (GError) local = NULL;
  Sql *sql = pool_take (service->pool, error);

  if (sql == NULL)
    return FALSE;
  sqlite3_stmt *statement = service_prepare (
      sql, "SELECT " EVENT_PAGE_COLUMNS " FROM event JOIN bmc ON bmc.id = event.bmc WHERE event.id = ?", &local);
  if (statement != NULL)
    sqlite3_bind_text (statement, 1, id, -1, SQLITE_STATIC);
  if (statement != NULL && service_next (sql, statement, &local))
    {
      const IpmidStoreEvent event = get_event (statement);
      func (user_data, &event);
    }
  else if (local == NULL)
    g_set_error (&local, IPMID_STORE_ERROR, IPMID_STORE_ERROR_NOT_FOUND, "the store has no event \"%s\"", id);
  return service_end (service, sql, statement, &local, error);
}

/* ---------------------------------------------------------------------- counts */

/* Rows of a BMC's number, a severity, how many, and the newest's time.  They are added
 * up here: SQLite would sort them first. */
#define COUNT_ALL "SELECT bmc, severity, count, newest FROM event_count WHERE count > 0"

/* From an index that holds all of it. */
#define COUNT_PIECE(begin, end)                                                                                        \
  "SELECT bmc, severity, 1, time FROM event INDEXED BY event_time WHERE time >= " begin " AND time < " end

/* Whole days have their sums; what is before the first (?3) and from the last (?4) on
 * is counted. */
#define COUNT_SPAN                                                                                                     \
  COUNT_PIECE ("?1", "min (?2, ?3)")                                                                                   \
  " UNION ALL SELECT bmc, severity, count, newest FROM event_day WHERE day >= ?3 / 86400000000000"                     \
  " AND day < ?4 / 86400000000000 AND count > 0 UNION ALL " COUNT_PIECE ("max (?3, ?4)", "?2")

static sqlite3_stmt *
start_counts (Sql *sql, gint64 since, gint64 until, GError **error)
{
  gboolean all = since == 0 && until == 0;
  sqlite3_stmt *statement = service_prepare (sql, all ? COUNT_ALL : COUNT_SPAN, error);

  if (statement == NULL || all)
    return statement;
  gint64 begin = CLAMP (since, 0, LAST_DAY - DAY);
  gint64 end = until == 0 ? LAST_DAY : until;
  sqlite3_bind_int64 (statement, 1, begin);
  sqlite3_bind_int64 (statement, 2, end);
  sqlite3_bind_int64 (statement, 3, span_begin (begin + DAY - 1, DAY));
  sqlite3_bind_int64 (statement, 4, span_begin (end, DAY));
  return statement;
}

static IpmidStoreCount *
ensure_count (GHashTable *counts, gint64 bmc)
{
  IpmidStoreCount *count = g_hash_table_lookup (counts, &bmc);

  if (count == NULL)
    {
      count = g_new0 (IpmidStoreCount, 1);
      count->size = sizeof *count;
      g_hash_table_insert (counts, g_memdup2 (&bmc, sizeof bmc), count);
    }
  return count;
}

static void
add_counts (Sql *sql, sqlite3_stmt *row, GHashTable *counts, GError **error)
{
  while (service_next (sql, row, error))
    {
      IpmidStoreCount *count = ensure_count (counts, sqlite3_column_int64 (row, 0));
      int severity = sqlite3_column_int (row, 1);
      if (severity > 0 && severity < (int) G_N_ELEMENTS (count->by_severity))
        count->by_severity[severity] += (guint64) sqlite3_column_int64 (row, 2);
      count->newest = MAX (count->newest, sqlite3_column_int64 (row, 3));
    }
}

/* In the order of the names. */
static void
tell_counts (Sql *sql, GHashTable *counts, IpmidStoreCountFunc func, gpointer user_data, GError **error)
{
  sqlite3_stmt *row = service_prepare (sql, "SELECT id, name FROM bmc ORDER BY name", error);

  while (row != NULL && service_next (sql, row, error))
    {
      gint64 bmc = sqlite3_column_int64 (row, 0);
      IpmidStoreCount *count = g_hash_table_lookup (counts, &bmc);
      if (count == NULL)
        continue;
      count->bmc = service_text (row, 1);
      func (user_data, count);
    }
  sqlite3_finalize (row);
}

gboolean
events_count (const IpmidStore *store, gint64 since, gint64 until, IpmidStoreCountFunc func, gpointer user_data,
              GError **error)
{
  const Service *service = (const Service *) store;
  g_autoptr (GHashTable) counts = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  g_autoptr (GError) local = NULL;
  Sql *sql = pool_take (service->pool, error);

  if (sql == NULL)
    return FALSE;
  /* One transaction, so that all pieces and the names are of one moment. */
  sqlite3_exec (sql->db, "BEGIN", NULL, NULL, NULL);
  sqlite3_stmt *statement = start_counts (sql, since, until, &local);
  if (statement != NULL)
    add_counts (sql, statement, counts, &local);
  sqlite3_finalize (statement);
  if (local == NULL)
    tell_counts (sql, counts, func, user_data, &local);
  sql_rollback (sql);
  return service_end (service, sql, NULL, &local, error);
}
