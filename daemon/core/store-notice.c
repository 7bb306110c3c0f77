/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store-notice.c - what handlers were told, and what waits to be told; see store.h. */
#include "core/statement.h"

/* A BMC that makes up sensors gets no more rows than these. */
#define NOTICES_MAX 512
#define QUIETS_MAX 512

gboolean
store_notice_load (Store *store, gint64 handler, gint64 bmc, gint64 sensor, StoreNotice *notices, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, NOTICE_LOAD, "iii", handler, bmc, sensor);

  for (guint i = 0; i < STORE_NOTICE_STATES; i++)
    notices[i] = (StoreNotice){ FALSE, FALSE };
  if (row == NULL)
    return FALSE;
  while (local == NULL && statement_next_row (store, row, &local))
    {
      gint64 state = sqlite3_column_int64 (row, 0);
      if (state >= 0 && state < STORE_NOTICE_STATES)
        notices[state] = (StoreNotice){ sqlite3_column_int (row, 1) != 0, sqlite3_column_int (row, 2) != 0 };
    }
  sql_finish (row);
  return statement_ended_well (&local, error);
}

gboolean
store_notice_save (Store *store, gint64 handler, gint64 bmc, gint64 sensor, guint state, gboolean told, gint64 due,
                   const IpmidEvent *event, GError **error)
{
  g_autoptr (GVariant) payload = event == NULL ? NULL : g_variant_ref_sink (event_to_variant (event));

  if (!told && event == NULL)
    return statement_run (store, error, NOTICE_REMOVE, "iiii", handler, bmc, sensor, (gint64) state);
  return statement_run (store, error, NOTICE_PUT, "iiiiiiiv", handler, bmc, sensor, (gint64) state, (gint64) told,
                        g_get_real_time (), due, payload)
         && statement_run (store, error, NOTICE_EVICT, "iii", handler, bmc, (gint64) NOTICES_MAX);
}

static void
clear_kept (gpointer data)
{
  event_unref (((StoreKept *) data)->event);
}

GArray *
store_notice_due (Store *store, gint64 now, guint limit, GError **error)
{
  g_autoptr (GArray) out = g_array_new (FALSE, FALSE, sizeof (StoreKept));
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, NOTICE_DUE, "ii", now, (gint64) limit);

  g_array_set_clear_func (out, clear_kept);
  if (row == NULL)
    return NULL;
  while (local == NULL && statement_next_row (store, row, &local))
    {
      StoreKept kept = { .handler = sqlite3_column_int64 (row, 0),
                         .bmc = sqlite3_column_int64 (row, 1),
                         .sensor = sqlite3_column_int64 (row, 2),
                         .state = (guint) sqlite3_column_int (row, 3),
                         .due = sqlite3_column_int64 (row, 4),
                         .event = statement_get_event (store, row, 5, &local) };
      if (kept.event != NULL)
        g_array_append_val (out, kept);
    }
  sql_finish (row);
  return statement_ended_well (&local, error) ? g_steal_pointer (&out) : NULL;
}

gboolean
store_notice_postpone (Store *store, const StoreKept *kept, gint64 due, GError **error)
{
  return statement_run (store, error, NOTICE_POSTPONE, "iiiii", kept->handler, kept->bmc, kept->sensor,
                        (gint64) kept->state, due);
}

gboolean
store_notice_hasten (Store *store, gint64 handler, gint64 bmc, GError **error)
{
  return statement_run (store, error, NOTICE_HASTEN, "ii", handler, bmc);
}

gboolean
store_notice_forget_told (Store *store, gint64 handler, GError **error)
{
  return statement_run (store, error, NOTICE_FORGET_TOLD, "i", handler);
}

gboolean
store_quiet_load (Store *store, gint64 handler, gint64 bmc, gint64 key, gint64 *since, GError **error)
{
  gboolean found;

  if (!statement_get_integer (store, error, since, &found, QUIET_FIND, "iii", handler, bmc, key))
    return FALSE;
  if (!found)
    *since = 0;
  return TRUE;
}

gboolean
store_quiet_save (Store *store, gint64 handler, gint64 bmc, gint64 key, gint64 since, GError **error)
{
  return statement_run (store, error, QUIET_PUT, "iiii", handler, bmc, key, since)
         && statement_run (store, error, QUIET_EVICT, "iii", handler, bmc, (gint64) QUIETS_MAX);
}

gboolean
store_quiet_prune (Store *store, gint64 handler, gint64 after, gint64 before, GError **error)
{
  return statement_run (store, error, QUIET_PRUNE, "iii", handler, after, before);
}
