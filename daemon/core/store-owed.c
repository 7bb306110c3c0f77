/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store-owed.c - events, and who is owed them; see store.h. */
#include "core/statement.h"

#include "event/error.h"

gboolean
store_handler_load (Store *store, const char *name, gint64 *id, GError **error)
{
  gboolean found;

  if (!statement_get_integer (store, error, id, &found, HANDLER_FIND, "t", name))
    return FALSE;
  if (found)
    return TRUE;
  if (!statement_run (store, error, HANDLER_INSERT, "t", name))
    return FALSE;
  *id = sqlite3_last_insert_rowid (store->db);
  return TRUE;
}

gint64
store_next_seq (Store *store)
{
  return store->next_seq++;
}

gboolean
store_event_insert (Store *store, gint64 seq, gint64 bmc, const IpmidEvent *event, const StoreDues *dues,
                    GError **error)
{
  g_autoptr (GVariant) payload = g_variant_ref_sink (event_to_variant (event));

  return statement_run (store, error, EVENT_INSERT, "iiiiiv", seq, bmc, dues->required, dues->open, dues->owed,
                        payload);
}

static void
set_event_lost (gint64 seq, GError **error)
{
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_DAMAGED, "the journal has lost event %" G_GINT64_FORMAT, seq);
}

/* A row that must be there. */
gboolean
store_event_dues (Store *store, gint64 seq, StoreDues *dues, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, EVENT_DUES, "i", seq);

  if (row == NULL)
    return FALSE;
  if (statement_next_row (store, row, &local))
    *dues = (StoreDues){ .required = sqlite3_column_int64 (row, 0),
                         .open = sqlite3_column_int64 (row, 1),
                         .owed = sqlite3_column_int64 (row, 2) };
  else if (local == NULL)
    set_event_lost (seq, &local);
  sql_finish (row);
  return statement_ended_well (&local, error);
}

gboolean
store_event_release (Store *store, gint64 seq, gboolean counts, GError **error)
{
  if (!statement_run (store, error, EVENT_REMOVE_LAST, "i", seq))
    return FALSE;
  if (sqlite3_changes (store->db) > 0)
    return TRUE;
  if (!statement_run (store, error, EVENT_RELEASE, "ii", seq, (gint64) counts))
    return FALSE;
  if (sqlite3_changes (store->db) > 0)
    return TRUE;
  set_event_lost (seq, error);
  return FALSE;
}

gboolean
store_event_set_dues (Store *store, gint64 seq, const StoreDues *dues, GError **error)
{
  if (dues->owed <= 0)
    return statement_run (store, error, EVENT_REMOVE, "i", seq);
  return statement_run (store, error, EVENT_SET_DUES, "iii", seq, dues->open, dues->owed);
}

gboolean
store_delivery_insert (Store *store, gint64 handler, gint64 bmc, gint64 seq, gboolean counts, GError **error)
{
  return statement_run (store, error, DELIVERY_INSERT, "iiii", handler, bmc, seq, (gint64) counts);
}

gboolean
store_delivery_attempt (Store *store, gint64 handler, gint64 bmc, gint64 seq, gint64 attempts, gint64 batch,
                        GError **error)
{
  return statement_run (store, error, DELIVERY_ATTEMPT, "iiiii", handler, bmc, seq, attempts, batch);
}

gboolean
store_delivery_attempt_run (Store *store, gint64 handler, gint64 bmc, const gint64 *seqs, guint n, gint64 batch,
                            gboolean *done, GError **error)
{
  gboolean good = statement_run (store, error, DELIVERY_ATTEMPT_RUN, "iiiiii", handler, bmc, seqs[0], seqs[n - 1],
                                 batch, (gint64) n);

  *done = good && sqlite3_changes (store->db) > 0;
  return good;
}

gboolean
store_delivery_crash (Store *store, gint64 handler, gint64 bmc, gint64 seq, gint64 attempt, gint64 *crashes,
                      gboolean *found, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, DELIVERY_CRASH, "iiii", handler, bmc, seq, attempt);

  if (row == NULL)
    return FALSE;
  *found = statement_next_row (store, row, &local);
  if (*found)
    {
      *crashes = sqlite3_column_int64 (row, 0);
      statement_next_row (store, row, &local); /* as below */
    }
  sql_finish (row);
  return statement_ended_well (&local, error);
}

gboolean
store_delivery_remove (Store *store, gint64 handler, gint64 bmc, gint64 seq, gint64 *attempts, gboolean *counts,
                       gboolean *found, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, DELIVERY_REMOVE, "iii", handler, bmc, seq);

  if (row == NULL)
    return FALSE;
  *found = statement_next_row (store, row, &local);
  if (*found)
    {
      *attempts = sqlite3_column_int64 (row, 0);
      *counts = sqlite3_column_int (row, 1) != 0;
      statement_next_row (store, row, &local); /* RETURNING has done its work only at its end */
    }
  sql_finish (row);
  return statement_ended_well (&local, error);
}

gboolean
store_delivery_fetch (Store *store, gint64 handler, gint64 bmc, gint64 after, guint limit, GArray *out, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, DELIVERY_FETCH, "iiii", handler, bmc, after, (gint64) limit);

  if (row == NULL)
    return FALSE;
  while (local == NULL && statement_next_row (store, row, &local))
    {
      StoreDelivery delivery = { .seq = sqlite3_column_int64 (row, 0),
                                 .attempts = sqlite3_column_int64 (row, 1),
                                 .inflight = sqlite3_column_int64 (row, 2),
                                 .crashes = sqlite3_column_int64 (row, 3),
                                 .event = statement_get_event (store, row, 4, &local) };
      if (delivery.event != NULL)
        g_array_append_val (out, delivery);
    }
  sql_finish (row);
  return statement_ended_well (&local, error);
}

GArray *
store_delivery_lanes (Store *store, gint64 handler, GError **error)
{
  g_autoptr (GArray) lanes = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 bmc = G_MININT64;
  gboolean found = TRUE;

  /* One look-up per BMC, instead of a scan over everything that is owed. */
  while (found)
    {
      if (!statement_get_integer (store, error, &bmc, &found, DELIVERY_NEXT_LANE, "ii", handler, bmc))
        return NULL;
      if (found)
        g_array_append_val (lanes, bmc);
    }
  return g_steal_pointer (&lanes);
}

/* The first of each lane: not a scan over everything that is owed. */
static gboolean
find_oldest (Store *store, gint64 handler, const GArray *lanes, gint64 *oldest, GError **error)
{
  *oldest = 0;
  for (guint i = 0; i < lanes->len; i++)
    {
      gint64 seq;
      gboolean found;
      if (!statement_get_integer (store, error, &seq, &found, DELIVERY_FIRST, "ii", handler,
                                  g_array_index (lanes, gint64, i)))
        return FALSE;
      if (found && (*oldest == 0 || seq < *oldest))
        *oldest = seq;
    }
  return TRUE;
}

gboolean
store_delivery_oldest (Store *store, gint64 handler, gint64 *received, GError **error)
{
  g_autoptr (GArray) lanes = store_delivery_lanes (store, handler, error);
  g_autoptr (IpmidEvent) event = NULL;
  gint64 seq;

  *received = 0;
  if (lanes == NULL || !find_oldest (store, handler, lanes, &seq, error))
    return FALSE;
  if (seq == 0)
    return TRUE;
  event = store_event_get (store, seq, error);
  if (event == NULL)
    return FALSE;
  *received = event_integer (event, IPMID_FIELD_RECEIVED);
  return TRUE;
}

IpmidEvent *
store_event_get (Store *store, gint64 seq, GError **error)
{
  sqlite3_stmt *row = statement_start (store, error, EVENT_GET, "i", seq);
  g_autoptr (IpmidEvent) event = NULL;
  g_autoptr (GError) local = NULL;

  if (row == NULL)
    return NULL;
  if (statement_next_row (store, row, &local))
    event = statement_get_event (store, row, 0, &local);
  else if (local == NULL)
    g_set_error (&local, IPMID_ERROR, IPMID_ERROR_JOURNAL_DAMAGED, "%s: an event that is owed is not there",
                 statement_journal_name (store));
  sql_finish (row);
  return statement_ended_well (&local, error) ? g_steal_pointer (&event) : NULL;
}

gboolean
store_delivery_count (Store *store, gint64 handler, gint64 *count, GError **error)
{
  gboolean found;

  return statement_get_integer (store, error, count, &found, DELIVERY_COUNT, "i", handler);
}

gboolean
store_bury_handler (Store *store, gint64 handler, gint64 *moved, GError **error)
{
  g_autofree char *copy = g_strdup_printf (
      "INSERT OR REPLACE INTO dead (handler, bmc, seq, time, attempts, reason, counts) SELECT handler, bmc, seq, "
      "%" G_GINT64_FORMAT ", attempts, 'the handler was removed from the configuration', counts FROM delivery WHERE "
      "handler = %" G_GINT64_FORMAT,
      g_get_real_time (), handler);
  g_autofree char *remove = g_strdup_printf ("DELETE FROM delivery WHERE handler = %" G_GINT64_FORMAT, handler);
  g_autofree char *forget = g_strdup_printf (
      "DELETE FROM notice WHERE handler = %" G_GINT64_FORMAT "; DELETE FROM quiet WHERE handler = %" G_GINT64_FORMAT
      "; DELETE FROM backfilled WHERE handler = %" G_GINT64_FORMAT "; UPDATE handler SET gone = %" G_GINT64_FORMAT
      " WHERE gone = 0 AND id = %" G_GINT64_FORMAT,
      handler, handler, handler, g_get_real_time () * 1000, handler);

  /* A transaction of its own, or a part of the present one. */
  gboolean good = statement_execute (store, "SAVEPOINT bury", error) && statement_execute (store, copy, error)
                  && statement_execute (store, remove, error);
  if (good)
    *moved += sqlite3_changes64 (store->db);
  good = good && statement_execute (store, forget, error) && statement_execute (store, "RELEASE bury", error);
  if (!good)
    store_rollback (store);
  return good;
}

static gboolean
contains (GArray *ids, gint64 id)
{
  for (guint i = 0; i < ids->len; i++)
    if (g_array_index (ids, gint64, i) == id)
      return TRUE;
  return FALSE;
}

gboolean
store_bury_orphans (Store *store, GArray *handlers, gint64 *moved, GError **error)
{
  sqlite3_stmt *row = NULL;
  g_autoptr (GArray) orphans = g_array_new (FALSE, FALSE, sizeof (gint64));

  *moved = 0;
  if (sqlite3_prepare_v2 (store->db, "SELECT id FROM handler", -1, &row, NULL) != SQLITE_OK)
    {
      statement_set_error (store, error);
      return FALSE;
    }
  while (sqlite3_step (row) == SQLITE_ROW)
    {
      gint64 id = sqlite3_column_int64 (row, 0);
      if (!contains (handlers, id))
        g_array_append_val (orphans, id);
    }
  sqlite3_finalize (row);
  for (guint i = 0; i < orphans->len; i++)
    if (!store_bury_handler (store, g_array_index (orphans, gint64, i), moved, error))
      return FALSE;
  return TRUE;
}

/* ------------------------------------------------------------------ backfills */

gboolean
store_handler_span (Store *store, gint64 handler, StoreSpan *span, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, HANDLER_SPAN, "i", handler);

  *span = (StoreSpan){ 0 };
  if (row == NULL)
    return FALSE;
  if (statement_next_row (store, row, &local))
    *span = (StoreSpan){ .before = sqlite3_column_int64 (row, 0),
                         .since = sqlite3_column_int64 (row, 1),
                         .filled = sqlite3_column_int64 (row, 2),
                         .filled_since = sqlite3_column_int64 (row, 3) };
  sql_finish (row);
  return statement_ended_well (&local, error);
}

gboolean
store_handler_set_filled (Store *store, gint64 handler, gint64 filled, gint64 filled_since, GError **error)
{
  return statement_run (store, error, HANDLER_SET_FILLED, "iii", handler, filled, filled_since);
}

gboolean
store_handler_extend_span (Store *store, gint64 handler, gint64 since, GError **error)
{
  return statement_run (store, error, HANDLER_EXTEND_SPAN, "ii", handler, since);
}

gboolean
store_backfilled_find (Store *store, gint64 handler, const char *id, gboolean *found, GError **error)
{
  gint64 one;

  return statement_get_integer (store, error, &one, found, BACKFILLED_FIND, "it", handler, id);
}

gboolean
store_backfilled_insert (Store *store, gint64 handler, const char *id, GError **error)
{
  return statement_run (store, error, BACKFILLED_INSERT, "it", handler, id);
}

gboolean
store_backfilled_forget (Store *store, gint64 handler, guint limit, gint64 *forgotten, GError **error)
{
  gboolean good = statement_run (store, error, BACKFILLED_FORGET, "ii", handler, (gint64) limit);

  *forgotten = good ? sqlite3_changes64 (store->db) : 0;
  return good;
}

gboolean
store_handler_come_back (Store *store, gint64 handler, GError **error)
{
  return statement_run (store, error, HANDLER_COME_BACK, "ii", handler, g_get_real_time () * 1000);
}

gboolean
store_handler_leave (Store *store, gint64 handler, GError **error)
{
  return statement_run (store, error, HANDLER_LEAVE, "ii", handler, g_get_real_time () * 1000);
}

static void
clear_event (gpointer data)
{
  event_unref (((StoreEvent *) data)->event);
}

GArray *
store_event_page (Store *store, gint64 after, gint64 end, guint limit, GError **error)
{
  g_autoptr (GArray) page = g_array_new (FALSE, FALSE, sizeof (StoreEvent));
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, EVENT_PAGE, "iii", after, end, (gint64) limit);

  g_array_set_clear_func (page, clear_event);
  if (row == NULL)
    return NULL;
  while (local == NULL && statement_next_row (store, row, &local))
    {
      StoreEvent event = { .seq = sqlite3_column_int64 (row, 0),
                           .bmc = sqlite3_column_int64 (row, 1),
                           .event = statement_get_event (store, row, 2, &local) };
      if (event.event != NULL)
        g_array_append_val (page, event);
    }
  sql_finish (row);
  return statement_ended_well (&local, error) ? g_steal_pointer (&page) : NULL;
}
