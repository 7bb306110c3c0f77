/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store-dead.c - dead letters; see store.h. */
#include "core/statement.h"

gboolean
store_dead_insert (Store *store, gint64 handler, gint64 bmc, gint64 seq, gint64 attempts, gboolean counts,
                   const char *reason, GError **error)
{
  return statement_run (store, error, DEAD_INSERT, "iiiiiti", handler, bmc, seq, g_get_real_time (), attempts, reason,
                        (gint64) counts);
}

gboolean
store_dead_count (Store *store, gint64 handler, gint64 *count, GError **error)
{
  gboolean found;

  return statement_get_integer (store, error, count, &found, DEAD_COUNT, "i", handler);
}

/* ------------------------------------------------------------------ looking */

static void
clear_dead (gpointer data)
{
  StoreDead *dead = data;

  g_free (dead->handler_name);
  g_free (dead->reason);
  event_unref (dead->event);
}

/* The columns of DEAD_LIST, DEAD_PAGE and DEAD_FIND. */
static gboolean
read_dead (Store *store, sqlite3_stmt *row, StoreDead *dead, GError **error)
{
  IpmidEvent *event = statement_get_event (store, row, 7, error);

  if (event == NULL)
    return FALSE;
  *dead = (StoreDead){ .handler = sqlite3_column_int64 (row, 0),
                       .handler_name = g_strdup ((const char *) sqlite3_column_text (row, 1)),
                       .bmc = sqlite3_column_int64 (row, 2),
                       .seq = sqlite3_column_int64 (row, 3),
                       .time = sqlite3_column_int64 (row, 4),
                       .attempts = sqlite3_column_int64 (row, 5),
                       .reason = g_strdup ((const char *) sqlite3_column_text (row, 6)),
                       .event = event };
  return TRUE;
}

static GArray *
new_list (void)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (StoreDead));

  g_array_set_clear_func (list, clear_dead);
  return list;
}

/* Takes the row; `wanted` NULL: all. */
static GArray *
read_list (Store *store, sqlite3_stmt *row, const char *wanted, GError **error)
{
  g_autoptr (GArray) list = new_list ();
  g_autoptr (GError) local = NULL;
  StoreDead dead;

  if (row == NULL)
    return NULL;
  while (local == NULL && statement_next_row (store, row, &local))
    if (read_dead (store, row, &dead, &local))
      {
        if (wanted == NULL || g_strcmp0 (event_string (dead.event, IPMID_FIELD_ID), wanted) == 0)
          g_array_append_val (list, dead);
        else
          clear_dead (&dead);
      }
  sql_finish (row);
  return statement_ended_well (&local, error) ? g_steal_pointer (&list) : NULL;
}

GArray *
store_dead_page (Store *store, gint64 last_handler, gint64 after_handler, gint64 after_seq, guint limit, GError **error)
{
  return read_list (
      store, statement_start (store, error, DEAD_PAGE, "iiii", last_handler, after_handler, after_seq, (gint64) limit),
      NULL, error);
}

GArray *
store_dead_find (Store *store, gint64 handler, const char *id, GError **error)
{
  return read_list (store, statement_start (store, error, DEAD_FIND, "it", handler, id), id, error);
}

gboolean
store_dead_foreach (Store *store, StoreDeadFunc function, gpointer user_data, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, DEAD_LIST, "");
  StoreDead dead;

  if (row == NULL)
    return FALSE;
  while (local == NULL && statement_next_row (store, row, &local))
    if (read_dead (store, row, &dead, &local))
      {
        function (&dead, user_data);
        clear_dead (&dead);
      }
  sql_finish (row);
  return statement_ended_well (&local, error);
}

gboolean
store_dead_of_others (Store *store, GArray *handlers, StoreDeadCountFunc function, gpointer user_data, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, HANDLER_LIST, "");

  if (row == NULL)
    return FALSE;
  while (local == NULL && statement_next_row (store, row, &local))
    {
      gint64 id = sqlite3_column_int64 (row, 0), count = 0;
      gboolean known = FALSE;
      for (guint i = 0; i < handlers->len && !known; i++)
        known = g_array_index (handlers, gint64, i) == id;
      if (!known && store_dead_count (store, id, &count, &local) && count > 0)
        function ((const char *) sqlite3_column_text (row, 1), count, user_data);
    }
  sql_finish (row);
  return statement_ended_well (&local, error);
}

gboolean
store_handler_find (Store *store, const char *name, gint64 *id, gboolean *found, GError **error)
{
  return statement_get_integer (store, error, id, found, HANDLER_FIND, "t", name);
}

/* ----------------------------------------------------------------- changing */

gboolean
store_dead_last (Store *store, gint64 handler, gint64 *seq, GError **error)
{
  gboolean found;

  *seq = 0;
  return statement_get_integer (store, error, seq, &found, DEAD_LAST, "i", handler);
}

gboolean
store_dead_cut (Store *store, StoreDeadRange *range, guint limit, GError **error)
{
  gboolean found;

  return statement_get_integer (store, error, &range->last, &found, DEAD_CUT, "iiii", range->handler, range->after,
                                range->last, (gint64) limit - 1);
}

/* Takes the row: of seqs and BMCs. */
static GArray *
read_places (Store *store, sqlite3_stmt *row, GError **error)
{
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (StoreEvent));
  g_autoptr (GError) local = NULL;

  if (row == NULL)
    return NULL;
  while (statement_next_row (store, row, &local))
    {
      const StoreEvent event = { sqlite3_column_int64 (row, 0), sqlite3_column_int64 (row, 1), NULL };
      g_array_append_val (list, event);
    }
  sql_finish (row);
  return statement_ended_well (&local, error) ? g_steal_pointer (&list) : NULL;
}

GArray *
store_dead_lanes (Store *store, const StoreDeadRange *range, GError **error)
{
  return read_places (
      store, statement_start (store, error, DEAD_LANES, "iii", range->handler, range->after, range->last), error);
}

GArray *
store_dead_counting (Store *store, const StoreDeadRange *range, GError **error)
{
  return read_places (
      store, statement_start (store, error, DEAD_COUNTING, "iii", range->handler, range->after, range->last), error);
}

static gboolean
run_range (Store *store, Statement which, const StoreDeadRange *range, GError **error)
{
  return statement_run (store, error, which, "iii", range->handler, range->after, range->last);
}

gboolean
store_dead_replay (Store *store, const StoreDeadRange *range, gint64 *moved, GError **error)
{
  if (!run_range (store, DEAD_TO_DELIVERY, range, error) || !run_range (store, DEAD_REMOVE, range, error))
    return FALSE;
  *moved = sqlite3_changes64 (store->db);
  return TRUE;
}

gboolean
store_dead_drop (Store *store, const StoreDeadRange *range, gint64 *dropped, GError **error)
{
  if (!run_range (store, DEAD_DISOWN, range, error) || !run_range (store, DEAD_REMOVE_EVENTS, range, error)
      || !run_range (store, DEAD_REMOVE, range, error))
    return FALSE;
  *dropped = sqlite3_changes64 (store->db);
  return TRUE;
}
