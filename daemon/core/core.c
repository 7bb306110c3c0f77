/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core.c - puts the parts together; see core.h.
 *
 * Start: state directory, journal, handlers known to the ledger, journal's
 * thread, handlers' threads, collector.  End: core-end.c.
 */
#include "core/core-private.h"

#include "core/probe.h"
#include "core/request-table.h"
#include "core/silence.h"
#include "event/error.h"

#include <sysexits.h>

#define JOURNAL_SIZE_LIMIT (G_GINT64_CONSTANT (1) << 30)

/* How often handlers are looked at, in seconds, and how often one that does
 * not come back is mentioned. */
#define WATCH_INTERVAL 10
#define OVERDUE_LOG_INTERVAL G_TIME_SPAN_MINUTE

/* ----------------------------------------------------------- the other threads */

/* Something for the core's thread. */
typedef struct
{
  Core *core;
  int exit_status;
  char *message;
} Order;

static gboolean
obey_stop (gpointer data)
{
  Order *order = data;

  core_stop (order->core, order->exit_status, order->message);
  return G_SOURCE_REMOVE;
}

static void
free_order (gpointer data)
{
  Order *order = data;

  g_free (order->message);
  g_free (order);
}

/* HandlerHooks.stop; any thread. */
static void
on_stop_wanted (gpointer user_data, int exit_status, const char *message)
{
  Order *order = g_new0 (Order, 1);

  order->core = user_data;
  order->exit_status = exit_status;
  order->message = g_strdup (message);
  g_idle_add_full (G_PRIORITY_DEFAULT, obey_stop, order, free_order);
}

/* JournalFailed; the journal's thread. */
static void
on_journal_failed (const GError *error, gpointer user_data)
{
  on_stop_wanted (user_data, EX_IOERR, error->message);
}

static void
on_delete_wanted (gpointer user_data, gint64 bmc, gint64 seq, IpmidEvent *event, IpmidDeleteFlags flags,
                  IpmidDeleteCallback callback, gpointer callback_data)
{
  Core *core = user_data;

  deletions_start (core->deletions, bmc, seq, event, flags, callback, callback_data);
}

/* HandlerHooks.ended; the worker's thread. */
static void
on_handler_ended (gpointer user_data, G_GNUC_UNUSED Handler *handler)
{
  g_idle_add_full (G_PRIORITY_DEFAULT, core_end_if_handlers_ended, user_data, NULL);
}

/* ------------------------------------------------------------ a watching eye */

/* A thread cannot be taken out of a plugin that does not come back; but
 * somebody should know. */
static gboolean
look_after_handlers (gpointer data)
{
  Core *core = data;
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < core->handlers->len; i++)
    {
      const LogContext context = { .handler = handler_name (core->handlers->pdata[i]) };
      HandlerStatus status;
      guint suppressed;

      handler_get_status (core->handlers->pdata[i], &status);
      if (status.busy_since != 0 && now > status.deadline
          && log_limit_pass (&core->overdue_limit, OVERDUE_LOG_INTERVAL, &suppressed))
        log_line (IPMID_LOG_WARNING, &context,
                  "has been busy with one batch for %" G_GINT64_FORMAT " s, beyond its time limit",
                  (now - status.busy_since) / G_USEC_PER_SEC);
      g_free (status.last_error);
    }
  return G_SOURCE_CONTINUE;
}

void
core_probe (Core *core, void (*answered) (gboolean, gpointer), gpointer user_data)
{
  probe_journal (core->journal, answered, user_data);
}

/* ----------------------------------------------------------------- the start */

static int
exit_status_for (const GError *error)
{
  if (error->domain != IPMID_ERROR)
    return EX_UNAVAILABLE;
  switch ((IpmidError) error->code)
    {
    case IPMID_ERROR_USAGE:
      return EX_CONFIG;
    case IPMID_ERROR_FILE:
      return EX_CANTCREAT;
    case IPMID_ERROR_JOURNAL:
    case IPMID_ERROR_JOURNAL_DAMAGED:
    case IPMID_ERROR_JOURNAL_FULL:
      return EX_IOERR;
    case IPMID_ERROR_SCHEMA:
    case IPMID_ERROR_PLUGIN:
      return EX_CONFIG;
    default:
      return EX_UNAVAILABLE;
    }
}

RoomLimits
core_room_limits (const CoreConfig *config)
{
  return (RoomLimits){ config->journal_limit > 0 ? config->journal_limit : JOURNAL_SIZE_LIMIT, config->minimum_free };
}

static gboolean
open_journal (Core *core, GError **error)
{
  const JournalOptions options = { core->config->state_dir, core_room_limits (core->config), on_journal_failed, core };

  if (core->config->state_dir != NULL)
    {
      core->state_dir = state_dir_open (core->config->state_dir, error);
      if (core->state_dir == NULL)
        return FALSE;
    }
  core->journal = journal_open (&options, error);
  return core->journal != NULL;
}

gboolean
core_do_without (const HandlerConfig *handler, const GError *error)
{
  const LogContext context = { .handler = handler->name };

  if (handler->optional)
    log_line (IPMID_LOG_WARNING, &context, "ipmid works without this handler: %s", error->message);
  return handler->optional;
}

static gboolean
make_handlers (Core *core, GError **error)
{
  core->hooks = (HandlerHooks){
    .stop = on_stop_wanted,
    .delete_record = on_delete_wanted,
    .ended = on_handler_ended,
    .user_data = core,
    .inventory = core->inventory,
    .services = core->services,
    .state_dir = core->config->state_dir,
    .request = request_dispatch,
  };
  for (guint i = 0; i < core->config->handlers->len; i++)
    {
      const HandlerConfig *config = core->config->handlers->pdata[i];
      g_autoptr (GError) local = NULL;
      Handler *handler = handler_new (config, core->config->plugin_dir, &core->hooks, &local);
      if (handler != NULL)
        g_ptr_array_add (core->handlers, handler);
      else if (!core_do_without (config, local))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
register_handlers (Core *core, GError **error)
{
  gint64 moved;

  for (guint i = 0; i < core->handlers->len; i++)
    if (!handler_register (core->handlers->pdata[i], journal_ledger (core->journal), error))
      return FALSE;
  if (!ledger_bury_orphans (journal_ledger (core->journal), &moved, error))
    return FALSE;
  if (moved > 0)
    log_line (IPMID_LOG_WARNING, NULL,
              "%" G_GINT64_FORMAT " events that were owed to handlers of an earlier configuration are dead letters now",
              moved);
  return TRUE;
}

void
core_set_attributes (const CoreConfig *config, Ledger *ledger, gint64 id, const BmcConfig *bmc)
{
  const char *const *labels = (const char *const *) bmc->labels;
  gint64 until = silence_until ((const char *const *) config->silences, labels, bmc->silence_until, g_get_real_time ());

  ledger_set_bmc_attributes (ledger, id, labels, until);
}

static gboolean
add_bmcs (Core *core, Ledger *ledger, GError **error)
{
  g_autoptr (GHashTable) ids = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);

  for (guint i = 0; i < core->config->bmcs->len; i++)
    {
      const BmcConfig *bmc = core->config->bmcs->pdata[i];
      StoreBmc saved;
      gint64 id = ledger_add_bmc (ledger, bmc->name, bmc->was, error);
      if (id == 0 || !store_bmc_get (ledger_store (ledger), id, &saved, error))
        return FALSE;
      core_set_attributes (core->config, ledger, id, bmc);
      fleet_add_bmc (core->fleet, &saved, bmc);
      g_hash_table_add (ids, g_memdup2 (&id, sizeof id));
    }
  sdr_cache_forget_others (core->sdr_cache, ids);
  return TRUE;
}

/* FleetDeletedFunc.  Token 0 means all; errands are told otherwise. */
static void
on_deleted (gint64 bmc, guint64 token, FrameDeleteOutcome outcome, const char *words, gpointer user_data)
{
  Core *core = user_data;

  if ((token & ERRAND_TOKEN) != 0)
    errands_on_deleted (bmc, token, outcome, words, core->errands);
  else
    deletions_on_deleted (bmc, token, outcome, words, core->deletions);
}

static gboolean
make_fleet (Core *core, GError **error)
{
  Ledger *ledger = journal_ledger (core->journal);

  core->fleet = fleet_new (core->config, core->journal, on_deleted, core);
  core->errands = errands_new (core->fleet, core->journal);
  fleet_set_errands (core->fleet, &errand_funcs, core->errands);
  deletions_set_fleet (core->deletions, core->fleet);
  SeverityRules *severities = severity_rules_parse ((const char *const *) core->config->severities, error);
  if (severities == NULL)
    return FALSE;
  fleet_set_severities (core->fleet, severities);
  core->sdr_cache = sdr_cache_new (core->config->state_dir);
  fleet_set_inventory (core->fleet, core->inventory, core->sdr_cache);
  /* One transaction: thousands would each wait for the disk. */
  return store_begin (ledger_store (ledger), error) && add_bmcs (core, ledger, error)
         && ledger_add_self (ledger, error) != 0 && store_commit (ledger_store (ledger), error);
}

static gboolean
start_handlers (Core *core, GError **error)
{
  for (guint i = 0; i < core->handlers->len; i++)
    if (!handler_start (core->handlers->pdata[i], core->journal, error))
      return FALSE;
  return TRUE;
}

static gint64
find_address (const struct sockaddr *address, gpointer user_data)
{
  return fleet_find_address (((Core *) user_data)->fleet, address);
}

static gint64
find_guid (const guint8 guid[PET_GUID_SIZE], gpointer user_data)
{
  return fleet_find_guid (((Core *) user_data)->fleet, guid);
}

static void
poll_bmc (gint64 bmc, gpointer user_data)
{
  fleet_poll (((Core *) user_data)->fleet, bmc);
}

static gboolean
listen_for_traps (Core *core, GError **error)
{
  const TrapHooks hooks = { find_address, find_guid, poll_bmc };
  const CoreConfig *config = core->config;

  if (config->trap_listen == NULL && config->trap_socket == 0)
    return TRUE;
  core->traps = trap_listener_new (config->trap_listen, config->trap_socket, &hooks, core, error);
  return core->traps != NULL;
}

static gboolean
start_parts (Core *core, GError **error)
{
  core->inventory = inventory_new ();
  core->services = services_new ();
  /* Mistakes in the configuration first, before anything is made on disk. */
  if (!core_config_check (core->config, error) || !make_handlers (core, error) || !open_journal (core, error))
    return FALSE;
  core->deletions = deletions_new (core->journal);
  core->backfills = backfills_new (core->journal, core->services);
  if (!register_handlers (core, error) || !make_fleet (core, error) || !journal_start (core->journal, error))
    return FALSE;
  core_watch_crashes (core);
  return start_handlers (core, error) && listen_for_traps (core, error) && fleet_start (core->fleet, error);
}

Core *
core_start (CoreConfig *config, CoreEndedFunc on_ended, gpointer user_data, int *exit_status, GError **error)
{
  g_autoptr (Core) core = g_new0 (Core, 1);
  g_autoptr (GError) local = NULL;

  core->started = g_get_real_time ();
  core->config = config;
  core->on_ended = on_ended;
  core->user_data = user_data;
  core->handlers = g_ptr_array_new ();
  core->reload_waiters = request_reload_waiters_new ();
  core->retired = g_ptr_array_new_with_free_func ((GDestroyNotify) handler_free);
  if (start_parts (core, &local))
    {
      core->alarms = alarms_new (core);
      core->quiet_timer = quiet_timer_new (core->journal);
      core->watch_timer = g_timeout_add_seconds (WATCH_INTERVAL, look_after_handlers, core);
      return g_steal_pointer (&core);
    }
  *exit_status = exit_status_for (local);
  g_propagate_error (error, g_steal_pointer (&local));
  /* Threads that run already end now; handler_free() waits for them. */
  core->stopping = TRUE;
  for (guint i = 0; i < core->handlers->len; i++)
    {
      handler_stop (core->handlers->pdata[i], FALSE);
      handler_cancel (core->handlers->pdata[i]);
    }
  return NULL;
}

void
core_set_daemon (Core *core, const CoreDaemon *around)
{
  core->around = *around;
}

void
core_reopen (Core *core)
{
  if (core->stopping)
    return;
  for (guint i = 0; i < core->handlers->len; i++)
    handler_reopen (core->handlers->pdata[i]);
}
