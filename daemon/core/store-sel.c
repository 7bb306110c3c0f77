/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store-sel.c - how far each SEL was read, and what stands in it; see store.h. */
#include "core/statement.h"

#include "event/error.h"

/* The row of a query that has just been started; finishes it. */
static gboolean
read_bmc (Store *store, sqlite3_stmt *row, StoreBmc *bmc, GError **error)
{
  gboolean found = row != NULL && statement_next_row (store, row, error);

  if (found)
    {
      bmc->id = sqlite3_column_int64 (row, 0);
      bmc->epoch = sqlite3_column_int64 (row, 1);
      bmc->contact = (StoreContact) sqlite3_column_int (row, 2);
      bmc->has_cursor = sqlite3_column_type (row, 3) == SQLITE_BLOB;
      statement_copy_record (bmc->cursor, row, 3);
      bmc->ordinal = sqlite3_column_int64 (row, 4);
      bmc->newest_time = sqlite3_column_int64 (row, 5);
      bmc->overflow = sqlite3_column_int (row, 6) != 0;
      bmc->has_guid = sqlite3_column_type (row, 7) == SQLITE_BLOB;
      statement_copy_record (bmc->guid, row, 7);
      bmc->alarms = (guint) sqlite3_column_int (row, 8);
      bmc->silence = sqlite3_column_int64 (row, 9);
      bmc->suspected = sqlite3_column_int64 (row, 10);
      bmc->replaced = sqlite3_column_int64 (row, 11);
    }
  if (row != NULL)
    sql_finish (row);
  return found;
}

static gboolean
find_bmc (Store *store, const char *name, StoreBmc *bmc, GError **error)
{
  return read_bmc (store, statement_start (store, error, BMC_FIND, "t", name), bmc, error);
}

gboolean
store_bmc_load (Store *store, const char *name, StoreBmc *bmc, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (find_bmc (store, name, bmc, &local))
    return TRUE;
  if (local == NULL)
    {
      /* The first epoch comes from the clock, so that a lost state directory
       * never uses an id again. */
      if (statement_run (store, &local, BMC_INSERT, "ti", name, g_get_real_time () / G_TIME_SPAN_MILLISECOND)
          && find_bmc (store, name, bmc, &local))
        return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

gboolean
store_bmc_get (Store *store, gint64 id, StoreBmc *bmc, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (read_bmc (store, statement_start (store, &local, BMC_GET, "i", id), bmc, &local))
    return TRUE;
  if (local == NULL)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL, "%s: BMC %" G_GINT64_FORMAT " is missing",
                 statement_journal_name (store), id);
  else
    g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

gboolean
store_bmc_rename (Store *store, const char *was, const char *name, gboolean *renamed, GError **error)
{
  if (!statement_run (store, error, BMC_RENAME, "tt", was, name))
    return FALSE;
  *renamed = sqlite3_changes (store->db) > 0;
  return TRUE;
}

gboolean
store_bmc_save (Store *store, const StoreBmc *bmc, GError **error)
{
  return statement_run (store, error, BMC_SAVE, "iiibiiibiiii", bmc->id, bmc->epoch, (gint64) bmc->contact,
                        bmc->has_cursor ? bmc->cursor : NULL, bmc->ordinal, bmc->newest_time, (gint64) bmc->overflow,
                        bmc->has_guid ? bmc->guid : NULL, (gint64) bmc->alarms, bmc->silence, bmc->suspected,
                        bmc->replaced);
}

/* ---------------------------------------------------------------- records */

gboolean
store_record_find (Store *store, gint64 bmc, gint64 record_id, StoreRecord *record, gboolean *found, GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, RECORD_FIND, "ii", bmc, record_id);

  if (row == NULL)
    return FALSE;
  *found = statement_next_row (store, row, &local);
  if (*found)
    {
      record->bmc = bmc;
      record->record_id = record_id;
      record->epoch = sqlite3_column_int64 (row, 0);
      record->state = (StoreRecordState) sqlite3_column_int (row, 1);
      record->ordinal = sqlite3_column_int64 (row, 2);
      statement_copy_record (record->raw, row, 3);
    }
  sql_finish (row);
  return statement_ended_well (&local, error);
}

gboolean
store_record_put (Store *store, const StoreRecord *record, GError **error)
{
  return statement_run (store, error, RECORD_PUT, "iiiiib", record->bmc, record->record_id, record->epoch,
                        (gint64) record->state, record->ordinal, record->raw);
}

gboolean
store_record_set_state (Store *store, gint64 bmc, gint64 record_id, StoreRecordState state, GError **error)
{
  return statement_run (store, error, RECORD_SET_STATE, "iii", bmc, record_id, (gint64) state);
}

gboolean
store_record_predecessor (Store *store, gint64 bmc, gint64 ordinal, StoreRecord *record, gboolean *found,
                          GError **error)
{
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, RECORD_PREDECESSOR, "ii", bmc, ordinal);

  if (row == NULL)
    return FALSE;
  *found = statement_next_row (store, row, &local);
  if (*found)
    {
      record->bmc = bmc;
      record->record_id = sqlite3_column_int64 (row, 0);
      record->epoch = sqlite3_column_int64 (row, 1);
      record->state = STORE_RECORD_STANDING;
      record->ordinal = sqlite3_column_int64 (row, 2);
      statement_copy_record (record->raw, row, 3);
    }
  sql_finish (row);
  return statement_ended_well (&local, error);
}

gboolean
store_record_is_clearing (Store *store, gint64 bmc, gboolean *clearing, GError **error)
{
  gint64 id;

  return statement_get_integer (store, error, &id, clearing, RECORD_CLEARING, "i", bmc);
}

GArray *
store_record_list (Store *store, gint64 bmc, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (guint16));
  g_autoptr (GError) local = NULL;
  sqlite3_stmt *row = statement_start (store, error, RECORD_LIST, "i", bmc);

  if (row == NULL)
    return NULL;
  while (statement_next_row (store, row, &local))
    {
      guint16 id = (guint16) sqlite3_column_int (row, 0);
      g_array_append_val (ids, id);
    }
  sql_finish (row);
  if (local == NULL)
    return g_steal_pointer (&ids);
  g_propagate_error (error, g_steal_pointer (&local));
  return NULL;
}

gboolean
store_record_forget_gone (Store *store, gint64 bmc, gint64 before_epoch, GError **error)
{
  return statement_run (store, error, RECORD_FORGET, "ii", bmc, before_epoch);
}

gboolean
store_record_forget_all (Store *store, gint64 bmc, GError **error)
{
  return statement_run (store, error, RECORD_FORGET_ALL, "i", bmc);
}

gboolean
store_record_give_up (Store *store, gint64 bmc, gint64 record_id, const guint8 *raw, GError **error)
{
  return statement_run (store, error, RECORD_GIVE_UP, "iib", bmc, record_id, raw);
}

gboolean
store_open_count (Store *store, gint64 bmc, StoreOpen *open, GError **error)
{
  gboolean found;

  return statement_get_integer (store, error, &open->pending, &found, DELIVERY_COUNT_OPEN, "i", bmc)
         && statement_get_integer (store, error, &open->dead, &found, DEAD_COUNT_OPEN, "i", bmc)
         && statement_get_integer (store, error, &open->given_up, &found, RECORD_COUNT_GIVEN_UP, "i", bmc);
}
