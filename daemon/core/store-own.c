/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store-own.c - what is wrong with ipmid itself, as the world was told; see store.h. */
#include "core/statement.h"

gboolean
store_own_load (Store *store, gint64 handler, StoreOwn what, StoreOwnAlarm *alarm, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, OWN_LOAD, "ii", handler, (gint64) what);

  *alarm = (StoreOwnAlarm){ .handler = handler, .what = what };
  if (row == NULL)
    return FALSE;
  if (statement_next_row (store, row, &local))
    {
      alarm->level = sqlite3_column_int64 (row, 0);
      alarm->since = sqlite3_column_int64 (row, 1);
    }
  sql_finish (row);
  return statement_ended_well (&local, error);
}

gboolean
store_own_save (Store *store, const StoreOwnAlarm *alarm, GError **error)
{
  if (alarm->level == 0)
    return statement_run (store, error, OWN_REMOVE, "ii", alarm->handler, (gint64) alarm->what);
  return statement_run (store, error, OWN_PUT, "iiii", alarm->handler, (gint64) alarm->what, alarm->level,
                        alarm->since);
}

GArray *
store_own_list (Store *store, GError **error)
{
  g_autoptr (GArray) out = g_array_new (FALSE, FALSE, sizeof (StoreOwnAlarm));
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, OWN_LIST, "");

  if (row == NULL)
    return NULL;
  while (statement_next_row (store, row, &local))
    {
      const StoreOwnAlarm alarm = { .handler = sqlite3_column_int64 (row, 0),
                                    .what = (StoreOwn) sqlite3_column_int (row, 1),
                                    .level = sqlite3_column_int64 (row, 2),
                                    .since = sqlite3_column_int64 (row, 3) };
      g_array_append_val (out, alarm);
    }
  sql_finish (row);
  return statement_ended_well (&local, error) ? g_steal_pointer (&out) : NULL;
}

gboolean
store_handler_name (Store *store, gint64 handler, char **name, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, HANDLER_NAME, "i", handler);

  *name = NULL;
  if (row == NULL)
    return FALSE;
  if (statement_next_row (store, row, &local))
    *name = g_strdup ((const char *) sqlite3_column_text (row, 0));
  sql_finish (row);
  return statement_ended_well (&local, error);
}

gboolean
store_delivery_stands (Store *store, gint64 handler, gint64 bmc, gint64 seq, gboolean *stands, GError **error)
{
  gint64 one;

  return statement_get_integer (store, error, &one, stands, DELIVERY_STANDS, "iii", handler, bmc, seq);
}
