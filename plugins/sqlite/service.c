/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* service.c - see service.h. */
#include "service.h"

static const IpmidStoreApi api = {
  .size = sizeof (IpmidStoreApi),
  .events = events_page,
  .event = events_one,
  .counts = events_count,
  .series = readings_series,
  .sensors = readings_sensors,
};

void
service_init (Service *service, Pool *pool)
{
  service->store.api = &api;
  service->pool = pool;
}

sqlite3_stmt *
service_prepare (Sql *sql, const char *text, GError **error)
{
  sqlite3_stmt *statement = NULL;

  if (sqlite3_prepare_v2 (sql->db, text, -1, &statement, NULL) != SQLITE_OK)
    pool_set_error (sql, error);
  return statement;
}

gboolean
service_next (Sql *sql, sqlite3_stmt *statement, GError **error)
{
  int code = sqlite3_step (statement);

  if (code == SQLITE_ROW)
    return TRUE;
  if (code != SQLITE_DONE)
    pool_set_error (sql, error);
  return FALSE;
}

gboolean
service_end (const Service *service, Sql *sql, sqlite3_stmt *statement, GError **local, GError **error)
{
  sqlite3_finalize (statement);
  pool_give (service->pool, sql);
  if (*local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (local));
  return FALSE;
}

const char *
service_text (sqlite3_stmt *row, int column)
{
  const char *text = (const char *) sqlite3_column_text (row, column);

  return text == NULL ? "" : text;
}
