/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sqlite.c - the plugin: options, life, verdicts; see sqlite.h. */
#include "sqlite.h"

#include "intake.h"
#include "service.h"
#include "upkeep.h"

#define FILE_NAME "history.db"

/* How long a lock is waited for; a batch that does not get it is tried again. */
#define LOCK_PATIENCE (5 * G_TIME_SPAN_SECOND)
/* What is left of the time limit when a batch gives up. */
#define LOCK_MARGIN G_TIME_SPAN_SECOND

#define KEEP_MINIMUM G_TIME_SPAN_SECOND
#define KEEP_MAXIMUM (36500 * G_TIME_SPAN_DAY)

static const IpmidOption options[] = {
  { .key = "path",
    .type = IPMID_OPTION_PATH,
    .offset = G_STRUCT_OFFSET (Sqlite, path),
    .argument = "PATH",
    .help = "The database file.  It is created, with mode 0600, if it does not exist; it must not be a symbolic link.  "
            "By default it is \"" FILE_NAME "\" in the state directory." },
  { .key = "keep-events",
    .type = IPMID_OPTION_DURATION,
    .offset = G_STRUCT_OFFSET (Sqlite, keep_events),
    .fallback = "400d",
    .maximum = KEEP_MAXIMUM,
    .argument = "DURATION",
    .help = "How long events are kept, counted from when they happened, or from when ipmid read them if that is later: "
            "a BMC's clock may be wrong.  0 keeps them for ever." },
  { .key = "readings",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = G_STRUCT_OFFSET (Sqlite, readings),
    .fallback = "yes",
    .argument = "yes|no",
    .help = "Whether sensor readings are stored, too." },
  { .key = "keep-raw",
    .type = IPMID_OPTION_DURATION,
    .offset = G_STRUCT_OFFSET (Sqlite, keep_raw),
    .fallback = "1d",
    .maximum = KEEP_MAXIMUM,
    .argument = "DURATION",
    .help = "How long every reading is kept.  0 keeps them for ever." },
  { .key = "keep-minutes",
    .type = IPMID_OPTION_DURATION,
    .offset = G_STRUCT_OFFSET (Sqlite, keep_minutes),
    .fallback = "7d",
    .maximum = KEEP_MAXIMUM,
    .argument = "DURATION",
    .help = "How long minimum, mean and maximum of each minute are kept; at least as long as readings.  0 keeps them "
            "for ever." },
  { .key = "keep-hours",
    .type = IPMID_OPTION_DURATION,
    .offset = G_STRUCT_OFFSET (Sqlite, keep_hours),
    .fallback = "400d",
    .maximum = KEEP_MAXIMUM,
    .argument = "DURATION",
    .help = "How long those of each hour are kept; at least as long as those of minutes.  0 keeps them for ever." },
  { .key = NULL },
};

/* 0 is for ever. */
static gboolean
is_longer (gint64 keep, gint64 other)
{
  return other != 0 && (keep == 0 || keep > other);
}

static gboolean
sqlite_check (gpointer state, GError **error)
{
  const Sqlite *sqlite = state;
  const gint64 all[] = { sqlite->keep_events, sqlite->keep_raw, sqlite->keep_minutes, sqlite->keep_hours };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    if (all[i] != 0 && all[i] < KEEP_MINIMUM)
      {
        g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                             "what is kept is kept for 1s at least; 0 keeps it for ever");
        return FALSE;
      }
  if (!is_longer (sqlite->keep_raw, sqlite->keep_minutes) && !is_longer (sqlite->keep_minutes, sqlite->keep_hours))
    return TRUE;
  g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                       "keep-raw must not be longer than keep-minutes, nor that longer than keep-hours: the coarser is "
                       "made of the finer");
  return FALSE;
}

/* --------------------------------------------------------------------- the life */

/* DatabaseHooks.opened: rows have other numbers now. */
static void
on_opened (gpointer user_data, const char *path)
{
  Sqlite *sqlite = user_data;

  events_forget_bmcs (sqlite);
  intake_reset (sqlite->intake);
  pool_open (sqlite->pool, path);
}

static void
on_shutting (gpointer user_data)
{
  pool_shut (((Sqlite *) user_data)->pool);
}

static void
release (Sqlite *sqlite)
{
  database_shut (&sqlite->database);
  g_clear_pointer (&sqlite->upkeep, upkeep_free);
  g_clear_pointer (&sqlite->intake, intake_free);
  g_clear_pointer (&sqlite->pool, pool_free);
  g_clear_pointer (&sqlite->service, g_free);
  g_clear_pointer (&sqlite->bmcs, g_hash_table_unref);
  g_clear_pointer (&sqlite->database.path, g_free);
  if (sqlite->line != NULL)
    g_string_free (g_steal_pointer (&sqlite->line), TRUE);
}

static char *
choose_path (const Sqlite *sqlite, GError **error)
{
  const char *directory = ipmid_host_state_dir (sqlite->host);

  if (sqlite->path != NULL)
    return g_strdup (sqlite->path);
  if (directory != NULL)
    return g_build_filename (directory, FILE_NAME, NULL);
  g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                       "without a state directory the handler needs a \"path\" for its database");
  return NULL;
}

/* What may pass by itself is no reason not to start: then deliveries say RETRY. */
static gboolean
is_for_now (const GError *error)
{
  return g_error_matches (error, SQL_ERROR, SQL_ERROR_BUSY) || g_error_matches (error, SQL_ERROR, SQL_ERROR_FULL);
}

static gboolean
open_or_wait (Sqlite *sqlite, GError **error)
{
  g_autoptr (GError) local = NULL;

  sqlite->database.patience = g_get_monotonic_time () + LOCK_PATIENCE;
  if (database_open (&sqlite->database, &local))
    return TRUE;
  if (is_for_now (local))
    {
      ipmid_host_log (sqlite->host, IPMID_LOG_WARNING, NULL, "cannot open the history now: %s", local->message);
      return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
sqlite_open (gpointer state, IpmidHost *host, GError **error)
{
  Sqlite *sqlite = state;

  sqlite->host = host;
  sqlite->bmcs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  sqlite->line = g_string_new (NULL);
  sqlite->pool = pool_new ();
  sqlite->service = g_new0 (Service, 1);
  service_init (sqlite->service, sqlite->pool);
  sqlite->intake = intake_new (sqlite);
  sqlite->upkeep = upkeep_new (sqlite, sqlite->intake);
  sqlite->database = (Database){ .host = host, .hooks = { on_opened, on_shutting, sqlite }, .cancel_fd = -1 };
  sqlite->database.path = choose_path (sqlite, error);
  sqlite->database.is_ours = sqlite->path == NULL;
  if (sqlite->database.path == NULL || !open_or_wait (sqlite, error))
    {
      release (sqlite);
      return FALSE;
    }
  ipmid_host_want_readings (host, sqlite->readings);
  if (!ipmid_host_offer (host, IPMID_STORE_SERVICE, sqlite->service))
    ipmid_host_log (host, IPMID_LOG_INFO, NULL, "the history is not offered to other handlers");
  return TRUE;
}

static void
sqlite_close (gpointer state)
{
  Sqlite *sqlite = state;

  ipmid_host_withdraw (sqlite->host, IPMID_STORE_SERVICE);
  intake_finish (sqlite->intake);
  if (sqlite->database.sql != NULL)
    sql_execute (sqlite->database.sql, "PRAGMA optimize", NULL);
  release (sqlite);
}

/* ------------------------------------------------------------------ its calls */

static void
sqlite_deliver (gpointer state, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  Sqlite *sqlite = state;
  g_autoptr (GError) error = NULL;

  sqlite->database.patience = MIN (g_get_monotonic_time () + LOCK_PATIENCE, MAX (batch->deadline - LOCK_MARGIN, 0));
  sqlite->database.cancel_fd = batch->cancel_fd;
  gboolean good = events_store (sqlite, batch->events, batch->n_events, &error);
  sqlite->database.cancel_fd = -1;
  for (guint i = 0; i < batch->n_events; i++)
    {
      verdicts[i] = good ? IPMID_VERDICT_DONE : IPMID_VERDICT_RETRY;
      if (!good)
        ipmid_host_reason (sqlite->host, batch->tokens[i], error->message);
    }
}

static void
sqlite_readings (gpointer state, const IpmidReadings *readings)
{
  intake_add (((Sqlite *) state)->intake, readings);
}

static void
sqlite_idle (gpointer state, IpmidIdle *idle)
{
  Sqlite *sqlite = state;
  gint64 flush = intake_flush (sqlite->intake, g_get_monotonic_time ());
  gint64 upkeep = upkeep_work (sqlite->upkeep, g_get_monotonic_time (), g_get_real_time ());

  idle->wake_after = MAX (MIN (flush, upkeep) - g_get_monotonic_time (), 0);
}

static gboolean
sqlite_reopen (gpointer state, GError **error)
{
  Sqlite *sqlite = state;

  sqlite->database.patience = g_get_monotonic_time () + LOCK_PATIENCE;
  return database_ensure (&sqlite->database, error);
}

const IpmidPlugin ipmid_plugin = {
  .abi_major = IPMID_PLUGIN_ABI_MAJOR,
  .abi_minor = IPMID_PLUGIN_ABI_MINOR,
  .size = sizeof (IpmidPlugin),
  .name = "sqlite",
  .version = PLUGIN_VERSION,
  .summary = "keep events and readings in an SQLite database",
  .flags = IPMID_PLUGIN_STORE,
  .state_size = sizeof (Sqlite),
  .options = options,
  .check = sqlite_check,
  .open = sqlite_open,
  .deliver = sqlite_deliver,
  .readings = sqlite_readings,
  .reopen = sqlite_reopen,
  .idle = sqlite_idle,
  .close = sqlite_close,
};
