/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reload.c - the order of the steps; see reload.h. */
#include "core/reload-private.h"

#include "core/request-table.h"
#include "event/error.h"

#include <sysexits.h>

static void begin (Core *core, guint number, CoreConfig *config, CoreReloadedFunc done, gpointer user_data);

void
reload_free (Reload *reload)
{
  g_clear_handle_id (&reload->patience_timer, g_source_remove);
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      ReloadSwap *swap = &g_array_index (reload->swaps, ReloadSwap, i);
      if (!swap->opened)
        handler_free (swap->fresh);
    }
  g_array_unref (reload->swaps);
  g_array_unref (reload->bmcs);
  g_ptr_array_unref (reload->removed);
  core_config_unref (reload->config);
  core_config_unref (reload->next);
  severity_rules_unref (reload->severities);
  g_clear_error (&reload->error);
  g_free (reload);
}

void
reload_end (Reload *reload)
{
  Core *core = reload->core;
  CoreConfig *next = g_steal_pointer (&reload->next);
  CoreReloadedFunc next_done = reload->next_done;
  gpointer next_data = reload->next_data;
  guint next_number = reload->next_number;

  core->reload = NULL;
  if (reload->error == NULL)
    log_line (IPMID_LOG_NOTICE, NULL, "the configuration has been read again: %u BMCs, %u handlers",
              core->config->bmcs->len, core->config->handlers->len);
  else
    {
      log_line (IPMID_LOG_ERROR, NULL, "the configuration stays as it was: %s", reload->error->message);
      core_reopen (core);
    }
  if (reload->done != NULL)
    reload->done (core->config, reload->error, reload->user_data);
  request_on_reloaded (core, reload->number, reload->error);
  reload_free (reload);
  if (next != NULL)
    begin (core, next_number, next, next_done, next_data);
}

/* What cannot be changed while ipmid runs. */
static gboolean
check (Reload *reload, GError **error)
{
  const CoreConfig *before = reload->core->config;

  reload->config->trap_socket = before->trap_socket; /* the daemon's own */
  if (g_strcmp0 (reload->config->state_dir, before->state_dir) == 0
      && g_strcmp0 (reload->config->trap_listen, before->trap_listen) == 0)
    {
      reload->severities = severity_rules_parse ((const char *const *) reload->config->severities, error);
      return reload->severities != NULL && core_config_check (reload->config, error);
    }
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "state-dir and trap-listen can only be changed by a restart");
  return FALSE;
}

/* Nothing works without the handlers that did work: a fresh start has to. */
static void
give_up (Reload *reload, const GError *error)
{
  g_autofree char *text = g_strdup_printf ("a handler does not open any more: %s", error->message);

  core_stop (reload->core, EX_UNAVAILABLE, text);
}

static void
go_on (Reload *reload)
{
  g_autoptr (GError) error = NULL;

  reload->waiting = FALSE;
  g_clear_handle_id (&reload->patience_timer, g_source_remove);
  if (!reload_swap_open_changed (reload, &reload->error))
    {
      reload->failed = TRUE;
      if (!reload_swap_restore (reload, &error))
        {
          give_up (reload, error);
          return;
        }
    }
  reload_commit_submit (reload);
}

static gboolean
on_patience_ended (gpointer data)
{
  Reload *reload = data;

  reload->patience_timer = 0;
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      const ReloadSwap *swap = &g_array_index (reload->swaps, ReloadSwap, i);
      if (swap->old != NULL && swap->fresh != NULL)
        handler_cancel (swap->old);
    }
  return G_SOURCE_REMOVE;
}

static void
close_changed (Reload *reload)
{
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      const ReloadSwap *swap = &g_array_index (reload->swaps, ReloadSwap, i);
      if (swap->old != NULL && swap->fresh != NULL)
        handler_stop (swap->old, FALSE);
    }
  reload->waiting = TRUE;
  if (reload_swap_all_old_ended (reload))
    go_on (reload);
  else
    reload->patience_timer = g_timeout_add (RELOAD_PATIENCE, on_patience_ended, reload);
}

static void
abandon (Reload *reload)
{
  for (guint i = 0; i < reload->swaps->len; i++)
    reload_swap_close_fresh (reload->core, &g_array_index (reload->swaps, ReloadSwap, i));
  reload_end (reload);
}

static void
begin (Core *core, guint number, CoreConfig *config, CoreReloadedFunc done, gpointer user_data)
{
  Reload *reload = g_new0 (Reload, 1);

  core->reload = reload;
  reload->core = core;
  reload->number = number;
  reload->config = config;
  reload->done = done;
  reload->user_data = user_data;
  reload->swaps = g_array_new (FALSE, FALSE, sizeof (ReloadSwap));
  reload->bmcs = g_array_new (FALSE, FALSE, sizeof (StoreBmc));
  reload->removed = g_ptr_array_new ();
  if (check (reload, &reload->error) && reload_swap_make (reload, &reload->error)
      && reload_swap_open_added (reload, &reload->error))
    close_changed (reload);
  else
    abandon (reload);
}

/* ---------------------------------------------------------------- interface */

void
reload_on_handler_ended (Core *core)
{
  reload_removed_bury (core);
  if (core->reload != NULL && core->reload->waiting && reload_swap_all_old_ended (core->reload))
    go_on (core->reload);
}

void
reload_cancel (Core *core)
{
  Reload *reload = g_steal_pointer (&core->reload);

  if (reload == NULL)
    return;
  reload->waiting = FALSE;
  g_clear_handle_id (&reload->patience_timer, g_source_remove);
  reload->cancelled = TRUE;
  if (!reload->submitted)
    g_idle_add_full (G_PRIORITY_DEFAULT, reload_commit_follow_up, reload, NULL);
}

void
core_reload (Core *core, CoreConfig *config, CoreReloadedFunc done, gpointer user_data)
{
  if (core->stopping)
    {
      core_config_unref (config);
      return;
    }
  core->reloads++;
  if (core->reload == NULL)
    {
      begin (core, core->reloads, config, done, user_data);
      return;
    }
  /* The newest counts; the one between was never used. */
  core_config_unref (core->reload->next);
  core->reload->next = config;
  core->reload->next_number = core->reloads;
  core->reload->next_done = done;
  core->reload->next_data = user_data;
}
