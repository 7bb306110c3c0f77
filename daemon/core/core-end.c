/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core-end.c - takes the parts apart again; see core.h.
 *
 * In this order: the collectors, so that nothing new comes in; the handlers, which may
 * finish what they do, and are asked to give up if that takes too long; the journal.
 *
 * The core's thread.
 */
#include "core/core-private.h"

#include <sysexits.h>

/* At the end handlers may finish what they do for so long … */
#define HANDLER_PATIENCE 2000 /* milliseconds */
/* … and then have so long to give up.  With the collectors' patience (keeper.c)
 * it stays below ten seconds. */
#define CANCEL_PATIENCE 3500

static void
free_parts (Core *core)
{
  g_clear_pointer (&core->traps, trap_listener_free);
  for (guint i = 0; core->handlers != NULL && i < core->handlers->len; i++)
    handler_join (core->handlers->pdata[i]);
  /* While the journal still takes what they have to say. */
  errands_end (core->errands);
  journal_end (core->journal);
  g_clear_pointer (&core->backfills, backfills_free);
  /* What the journal's thread had posted for this thread, which may submit more. */
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_clear_pointer (&core->quiet_timer, quiet_timer_free);
  g_clear_pointer (&core->alarms, alarms_free);
  g_clear_pointer (&core->deletions, deletions_free);
  g_clear_pointer (&core->errands, errands_free);
  g_clear_pointer (&core->fleet, fleet_free);
  g_clear_pointer (&core->journal, journal_close);
  if (core->handlers != NULL)
    g_ptr_array_set_free_func (core->handlers, (GDestroyNotify) handler_free);
  g_clear_pointer (&core->handlers, g_ptr_array_unref);
  g_clear_pointer (&core->inventory, inventory_free);
  g_clear_pointer (&core->services, services_free);
  g_clear_pointer (&core->sdr_cache, sdr_cache_free);
  g_clear_pointer (&core->retired, g_ptr_array_unref);
  g_clear_pointer (&core->reload_waiters, g_ptr_array_unref);
  crash_note_close ();
  g_clear_pointer (&core->state_dir, state_dir_close);
}

static void
finish (Core *core)
{
  g_clear_handle_id (&core->patience_timer, g_source_remove);
  g_clear_handle_id (&core->watch_timer, g_source_remove);
  quiet_timer_stop (core->quiet_timer);
  alarms_stop (core->alarms);
  if (!core->stuck)
    free_parts (core);
  core->on_ended (core->exit_status, core->message, core->user_data);
}

static gboolean
all_handlers_ended (Core *core)
{
  for (guint i = 0; i < core->handlers->len; i++)
    if (!handler_has_ended (core->handlers->pdata[i]))
      return FALSE;
  return TRUE;
}

gboolean
core_end_if_handlers_ended (gpointer data)
{
  Core *core = data;

  if (!core->stopping)
    reload_on_handler_ended (core);
  /* A worker also ends when the journal has failed; then the core is told. */
  if (core->stopping && core->patience_timer != 0 && all_handlers_ended (core))
    finish (core);
  return G_SOURCE_REMOVE;
}

static gboolean
on_cancel_patience_ended (gpointer data)
{
  Core *core = data;

  core->patience_timer = 0;
  for (guint i = 0; i < core->handlers->len; i++)
    if (!handler_has_ended (core->handlers->pdata[i]))
      {
        const LogContext context = { .handler = handler_name (core->handlers->pdata[i]) };
        log_line (IPMID_LOG_ERROR, &context, "does not come back from a call; ipmid ends without it");
        core->stuck = TRUE;
      }
  /* Its thread still has the journal and the lock on the state directory: a
   * fresh start has to be another process. */
  if (core->stuck && core->exit_status == EX_IOERR)
    core->exit_status = EX_SOFTWARE;
  finish (core);
  return G_SOURCE_REMOVE;
}

static gboolean
on_handler_patience_ended (gpointer data)
{
  Core *core = data;

  journal_hurry (core->journal);
  for (guint i = 0; i < core->handlers->len; i++)
    handler_cancel (core->handlers->pdata[i]);
  core->patience_timer = g_timeout_add (CANCEL_PATIENCE, on_cancel_patience_ended, core);
  return G_SOURCE_REMOVE;
}

/* The collector has ended: nothing new comes in. */
static void
stop_handlers (gpointer data)
{
  Core *core = data;
  /* What is only in memory is worth trying to deliver. */
  gboolean drain = core->config->state_dir == NULL && core->exit_status == EX_OK;

  core->patience_timer = g_timeout_add (HANDLER_PATIENCE, on_handler_patience_ended, core);
  for (guint i = 0; i < core->handlers->len; i++)
    handler_stop (core->handlers->pdata[i], drain);
  g_idle_add_full (G_PRIORITY_DEFAULT, core_end_if_handlers_ended, core, NULL);
}

void
core_stop (Core *core, int exit_status, const char *message)
{
  if (core->stopping)
    return;
  core->stopping = TRUE;
  core->exit_status = exit_status;
  core->message = g_strdup (message);
  reload_cancel (core);
  quiet_timer_stop (core->quiet_timer);
  alarms_stop (core->alarms);
  backfills_stop (core->backfills);
  g_clear_pointer (&core->traps, trap_listener_free);
  fleet_stop (core->fleet, stop_handlers, core);
}

void
core_free (Core *core)
{
  if (core == NULL)
    return;
  g_clear_handle_id (&core->patience_timer, g_source_remove);
  g_clear_handle_id (&core->watch_timer, g_source_remove);
  if (core->stuck)
    return; /* the thread that does not come back may still look at it */
  free_parts (core);
  core_config_unref (core->config);
  g_free (core->message);
  g_free (core);
}
