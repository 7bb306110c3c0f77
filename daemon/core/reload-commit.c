/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reload-commit.c - what a reload writes, and the change that follows: steps 4 and 5 of reload.h. */
#include "core/reload-private.h"

/* ----------------------------------------------------------------- 4. on disk */

static gboolean
enter_handlers (Reload *reload, Ledger *ledger, GError **error)
{
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      const ReloadSwap *swap = &g_array_index (reload->swaps, ReloadSwap, i);
      if (swap->fresh != NULL && !handler_register (swap->fresh, ledger, error))
        return FALSE;
    }
  for (guint i = 0; !reload->failed && i < reload->removed->len; i++)
    if (!ledger_remove_handler (ledger, handler_id (reload->removed->pdata[i]), error))
      return FALSE;
  return TRUE;
}

/* Runs again after a rollback. */
static gboolean
work (Ledger *ledger, gpointer data, GError **error)
{
  Reload *reload = data;

  if (!enter_handlers (reload, ledger, error))
    return FALSE;
  g_array_set_size (reload->bmcs, 0);
  for (guint i = 0; !reload->failed && i < reload->config->bmcs->len; i++)
    {
      const BmcConfig *bmc = reload->config->bmcs->pdata[i];
      StoreBmc saved;
      gint64 id = ledger_add_bmc (ledger, bmc->name, bmc->was, error);
      if (id == 0 || !store_bmc_get (ledger_store (ledger), id, &saved, error))
        return FALSE;
      core_set_attributes (reload->config, ledger, id, bmc);
      g_array_append_val (reload->bmcs, saved);
    }
  return ledger_silences_changed (ledger, error);
}

/* -------------------------------------------------------------- 5. the change */

static void
change_handlers (Reload *reload)
{
  Core *core = reload->core;

  for (guint i = 0; i < reload->swaps->len; i++)
    {
      ReloadSwap *swap = &g_array_index (reload->swaps, ReloadSwap, i);
      if (swap->fresh == NULL && swap->old != NULL)
        handler_reopen (swap->old);
      else if (swap->old != NULL)
        reload_removed_retire (core, swap->old);
    }
  for (guint i = 0; !reload->failed && i < reload->removed->len; i++)
    handler_remove (reload->removed->pdata[i], RELOAD_PATIENCE);
}

static void
change_fleet (Reload *reload)
{
  Core *core = reload->core;
  CoreConfig *before = core->config;

  core->config = g_steal_pointer (&reload->config);
  core->hooks.state_dir = core->config->state_dir; /* the same words */
  const RoomLimits limits = core_room_limits (core->config);
  journal_set_limits (core->journal, &limits);
  alarms_configure (core->alarms);
  fleet_configure (core->fleet, core->config);
  fleet_set_severities (core->fleet, g_steal_pointer (&reload->severities));
  for (guint i = 0; i < reload->bmcs->len; i++)
    fleet_update_bmc (core->fleet, &g_array_index (reload->bmcs, StoreBmc, i), core->config->bmcs->pdata[i]);
  fleet_forget_others (core->fleet);
  core_config_unref (before);
}

gboolean
reload_commit_follow_up (gpointer data)
{
  Reload *reload = data;

  if (reload->cancelled)
    {
      reload_free (reload);
      return G_SOURCE_REMOVE;
    }
  reload->submitted = FALSE;
  if (!reload->committed) /* the journal has failed: ipmid ends, and cancels this */
    return G_SOURCE_REMOVE;
  change_handlers (reload);
  if (!reload->failed)
    change_fleet (reload);
  reload_end (reload);
  return G_SOURCE_REMOVE;
}

static void
on_done (gpointer data, gboolean committed)
{
  Reload *reload = data;

  reload->committed = committed;
  g_idle_add_full (G_PRIORITY_DEFAULT, reload_commit_follow_up, reload, NULL);
}

void
reload_commit_submit (Reload *reload)
{
  reload->submitted = TRUE;
  journal_submit (reload->core->journal, JOURNAL_SETTLE, work, on_done, reload);
}
