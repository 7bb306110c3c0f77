/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reload.c - see reload.h. */
#include "core/core-private.h"
#include "core/request-table.h"

#include "event/error.h"

#include <string.h>
#include <sysexits.h>

/* A handler that is to close may take so long for what it has in hand; then it
 * is asked to give up. */
#define PATIENCE 5000 /* milliseconds */

/* One handler of the new configuration. */
typedef struct
{
  const HandlerConfig *config;
  const HandlerConfig *before; /* NULL: it is new */
  Handler *old;                /* NULL: it is new */
  Handler *fresh;              /* NULL: it has not changed */
  gboolean opened;             /* `fresh` has a thread, and is one of the core's handlers */
} Swap;

struct _Reload
{
  Core *core;
  guint number;       /* see Core.reloads */
  CoreConfig *config; /* the new one; NULL once the core has it */
  CoreReloadedFunc done;
  gpointer user_data;
  SeverityRules *severities;
  GArray *swaps;      /* Swap */
  GPtrArray *removed; /* Handler */
  guint patience_timer;
  gboolean waiting; /* for old handlers to end */
  gboolean failed;  /* it goes back */
  GError *error;
  GArray *bmcs; /* StoreBmc: as they are in the configuration */
  gboolean submitted, committed, cancelled;

  CoreConfig *next; /* another one came meanwhile; NULL: none */
  guint next_number;
  CoreReloadedFunc next_done;
  gpointer next_data;
};

static void begin (Core *core, guint number, CoreConfig *config, CoreReloadedFunc done, gpointer user_data);

static void
free_reload (Reload *reload)
{
  g_clear_handle_id (&reload->patience_timer, g_source_remove);
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      Swap *swap = &g_array_index (reload->swaps, Swap, i);
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

/* The reload is over, one way or the other. */
static void
end (Reload *reload)
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
  free_reload (reload);
  if (next != NULL)
    begin (core, next_number, next, next_done, next_data);
}

/* ------------------------------------------------------------- 1. what changes */

static const HandlerConfig *
find_handler_config (const CoreConfig *config, const char *name)
{
  for (guint i = 0; i < config->handlers->len; i++)
    {
      const HandlerConfig *handler = config->handlers->pdata[i];
      if (strcmp (handler->name, name) == 0)
        return handler;
    }
  return NULL;
}

static gboolean
same_handler (const HandlerConfig *a, const HandlerConfig *b)
{
  if (strcmp (a->plugin, b->plugin) != 0 || a->entries->len != b->entries->len)
    return FALSE;
  for (guint i = 0; i < a->entries->len; i++)
    {
      const ConfigEntry *left = a->entries->pdata[i];
      const ConfigEntry *right = b->entries->pdata[i];
      if (strcmp (left->key, right->key) != 0 || g_strcmp0 (left->value, right->value) != 0)
        return FALSE;
    }
  return TRUE;
}

/* The one in use; one that is being removed does not count. */
static Handler *
find_handler (Core *core, const char *name)
{
  for (guint i = 0; i < core->handlers->len; i++)
    if (!handler_is_removed (core->handlers->pdata[i]) && strcmp (handler_name (core->handlers->pdata[i]), name) == 0)
      return core->handlers->pdata[i];
  return NULL;
}

/* Two of one name would both deliver what they are owed. */
static gboolean
is_still_ending (Core *core, const char *name, GError **error)
{
  for (guint i = 0; i < core->handlers->len; i++)
    if (handler_is_removed (core->handlers->pdata[i]) && strcmp (handler_name (core->handlers->pdata[i]), name) == 0)
      {
        g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE,
                     "handler \"%s\" was removed and has not ended yet; reload again when it has", name);
        return TRUE;
      }
  return FALSE;
}

/* TRUE without one: ipmid does without it, or with the old one. */
static gboolean
make_fresh (Core *core, Swap *swap, const char *plugin_dir, GError **error)
{
  g_autoptr (GError) local = NULL;

  swap->fresh = handler_new (swap->config, plugin_dir, &core->hooks, &local);
  if (swap->fresh != NULL || core_do_without (swap->config, local))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
make_swaps (Reload *reload, GError **error)
{
  Core *core = reload->core;
  const char *plugin_dir = reload->config->plugin_dir;

  for (guint i = 0; i < reload->config->handlers->len; i++)
    {
      Swap swap = { .config = reload->config->handlers->pdata[i] };
      if (is_still_ending (core, swap.config->name, error))
        return FALSE;
      swap.before = find_handler_config (core->config, swap.config->name);
      swap.old = swap.before == NULL ? NULL : find_handler (core, swap.config->name);
      gboolean changed = swap.old == NULL || !same_handler (swap.before, swap.config);
      if (changed && !make_fresh (core, &swap, plugin_dir, error))
        return FALSE;
      if (swap.old != NULL || swap.fresh != NULL)
        g_array_append_val (reload->swaps, swap);
    }
  for (guint i = 0; i < core->config->handlers->len; i++)
    {
      const HandlerConfig *before = core->config->handlers->pdata[i];
      Handler *old = find_handler (core, before->name);
      if (old != NULL && find_handler_config (reload->config, before->name) == NULL)
        g_ptr_array_add (reload->removed, old);
    }
  return TRUE;
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

/* -------------------------------------------------------- 2, 3. opening, closing */

static gboolean
open_fresh (Reload *reload, Swap *swap, GError **error)
{
  gboolean good = handler_start (swap->fresh, reload->core->journal, error);

  /* Also one that did not open has a thread to be waited for. */
  if (handler_has_thread (swap->fresh))
    {
      swap->opened = TRUE;
      g_ptr_array_add (reload->core->handlers, swap->fresh);
    }
  return good;
}

/* Nobody knows it yet, and it has nothing in hand. */
static void
close_fresh (Core *core, Swap *swap)
{
  if (swap->fresh == NULL)
    return;
  if (swap->opened)
    {
      handler_stop (swap->fresh, FALSE);
      handler_cancel (swap->fresh);
      handler_join (swap->fresh);
      g_ptr_array_remove (core->handlers, swap->fresh);
    }
  swap->opened = FALSE;
  g_clear_pointer (&swap->fresh, handler_free);
}

static gboolean
open_added (Reload *reload, GError **error)
{
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      Swap *swap = &g_array_index (reload->swaps, Swap, i);
      if (swap->old == NULL && !open_fresh (reload, swap, error))
        return FALSE;
    }
  return TRUE;
}

static void submit (Reload *reload);

/* The handlers that were closed are opened as they were. */
static gboolean
restore (Reload *reload, GError **error)
{
  Core *core = reload->core;

  for (guint i = 0; i < reload->swaps->len; i++)
    {
      Swap *swap = &g_array_index (reload->swaps, Swap, i);
      gboolean changed = swap->old != NULL && swap->fresh != NULL;
      close_fresh (core, swap);
      if (!changed)
        continue;
      swap->fresh = handler_new (swap->before, core->config->plugin_dir, &core->hooks, error);
      if (swap->fresh == NULL || !open_fresh (reload, swap, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
open_changed (Reload *reload, GError **error)
{
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      Swap *swap = &g_array_index (reload->swaps, Swap, i);
      if (swap->old != NULL && swap->fresh != NULL && !open_fresh (reload, swap, error))
        return FALSE;
    }
  return TRUE;
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
  if (!open_changed (reload, &reload->error))
    {
      reload->failed = TRUE;
      if (!restore (reload, &error))
        {
          give_up (reload, error);
          return;
        }
    }
  submit (reload);
}

static gboolean
all_old_ended (Reload *reload)
{
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      const Swap *swap = &g_array_index (reload->swaps, Swap, i);
      if (swap->old != NULL && swap->fresh != NULL && !handler_has_ended (swap->old))
        return FALSE;
    }
  return TRUE;
}

static gboolean
on_patience_ended (gpointer data)
{
  Reload *reload = data;

  reload->patience_timer = 0;
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      const Swap *swap = &g_array_index (reload->swaps, Swap, i);
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
      const Swap *swap = &g_array_index (reload->swaps, Swap, i);
      if (swap->old != NULL && swap->fresh != NULL)
        handler_stop (swap->old, FALSE);
    }
  reload->waiting = TRUE;
  if (all_old_ended (reload))
    go_on (reload);
  else
    reload->patience_timer = g_timeout_add (PATIENCE, on_patience_ended, reload);
}

/* ------------------------------------------------------------------ 4. on disk */

static gboolean
enter_handlers (Reload *reload, Ledger *ledger, GError **error)
{
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      const Swap *swap = &g_array_index (reload->swaps, Swap, i);
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
      if (id == 0 || !core_set_attributes (reload->config, ledger, id, bmc, error)
          || !store_bmc_get (ledger_store (ledger), id, &saved, error))
        return FALSE;
      g_array_append_val (reload->bmcs, saved);
    }
  return TRUE;
}

/* ---------------------------------------------------------------- 5. the change */

static void
retire (Core *core, Handler *handler)
{
  handler_join (handler);
  g_ptr_array_remove (core->handlers, handler);
  /* One that had to give up may still get an answer that it had asked for. */
  if (handler_was_cancelled (handler))
    g_ptr_array_add (core->retired, handler);
  else
    handler_free (handler);
}

static void
change_handlers (Reload *reload)
{
  Core *core = reload->core;

  for (guint i = 0; i < reload->swaps->len; i++)
    {
      Swap *swap = &g_array_index (reload->swaps, Swap, i);
      if (swap->fresh == NULL && swap->old != NULL)
        handler_reopen (swap->old);
      else if (swap->old != NULL)
        retire (core, swap->old);
    }
  for (guint i = 0; !reload->failed && i < reload->removed->len; i++)
    handler_remove (reload->removed->pdata[i], PATIENCE);
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

static gboolean
follow_up (gpointer data)
{
  Reload *reload = data;

  if (reload->cancelled)
    {
      free_reload (reload);
      return G_SOURCE_REMOVE;
    }
  reload->submitted = FALSE;
  if (!reload->committed) /* the journal has failed: ipmid ends, and cancels this */
    return G_SOURCE_REMOVE;
  change_handlers (reload);
  if (!reload->failed)
    change_fleet (reload);
  end (reload);
  return G_SOURCE_REMOVE;
}

static void
on_done (gpointer data, gboolean committed)
{
  Reload *reload = data;

  reload->committed = committed;
  g_idle_add_full (G_PRIORITY_DEFAULT, follow_up, reload, NULL);
}

static void
submit (Reload *reload)
{
  reload->submitted = TRUE;
  journal_submit (reload->core->journal, JOURNAL_SETTLE, work, on_done, reload);
}

/* ---------------------------------------------------------- handlers that go */

/* What a removed handler was owed. */
typedef struct
{
  Core *core;
  Handler *handler;
  gint64 moved;
  gboolean committed;
} Burial;

static gboolean
bury (Ledger *ledger, gpointer data, GError **error)
{
  Burial *burial = data;

  return ledger_bury_handler (ledger, handler_id (burial->handler), &burial->moved, error);
}

static gboolean
after_burial (gpointer data)
{
  g_autofree Burial *burial = data;
  const LogContext context = { .handler = handler_name (burial->handler) };

  if (!burial->committed || burial->core->stopping)
    return G_SOURCE_REMOVE;
  if (burial->moved > 0)
    log_line (IPMID_LOG_WARNING, &context,
              "is not configured any more: %" G_GINT64_FORMAT " events that it was still owed are dead letters now",
              burial->moved);
  else
    log_line (IPMID_LOG_NOTICE, &context, "is not configured any more; it was owed nothing");
  retire (burial->core, burial->handler);
  return G_SOURCE_REMOVE;
}

static void
on_buried (gpointer data, gboolean committed)
{
  ((Burial *) data)->committed = committed;
  g_idle_add_full (G_PRIORITY_DEFAULT, after_burial, data, NULL);
}

static void
bury_removed (Core *core)
{
  for (guint i = 0; i < core->handlers->len; i++)
    {
      Handler *handler = core->handlers->pdata[i];
      if (!handler_claim_removed (handler))
        continue;
      Burial *burial = g_new0 (Burial, 1);
      burial->core = core;
      burial->handler = handler;
      journal_submit (core->journal, JOURNAL_SETTLE, bury, on_buried, burial);
    }
}

/* ------------------------------------------------------------------- interface */

void
reload_on_handler_ended (Core *core)
{
  bury_removed (core);
  if (core->reload != NULL && core->reload->waiting && all_old_ended (core->reload))
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
    g_idle_add_full (G_PRIORITY_DEFAULT, follow_up, reload, NULL);
}

static void
abandon (Reload *reload)
{
  for (guint i = 0; i < reload->swaps->len; i++)
    close_fresh (reload->core, &g_array_index (reload->swaps, Swap, i));
  end (reload);
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
  reload->swaps = g_array_new (FALSE, FALSE, sizeof (Swap));
  reload->bmcs = g_array_new (FALSE, FALSE, sizeof (StoreBmc));
  reload->removed = g_ptr_array_new ();
  if (check (reload, &reload->error) && make_swaps (reload, &reload->error) && open_added (reload, &reload->error))
    close_changed (reload);
  else
    abandon (reload);
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
