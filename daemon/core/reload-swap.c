/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reload-swap.c - handlers, the old ones and the fresh ones: steps 1 to 3 of reload.h. */
#include "core/reload-private.h"

#include "event/error.h"

#include <string.h>

/* ------------------------------------------------------------ 1. what changes */

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
make_fresh (Core *core, ReloadSwap *swap, const char *plugin_dir, GError **error)
{
  g_autoptr (GError) local = NULL;

  swap->fresh = handler_new (swap->config, plugin_dir, &core->hooks, &local);
  if (swap->fresh != NULL || core_do_without (swap->config, local))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

gboolean
reload_swap_make (Reload *reload, GError **error)
{
  Core *core = reload->core;
  const char *plugin_dir = reload->config->plugin_dir;

  for (guint i = 0; i < reload->config->handlers->len; i++)
    {
      ReloadSwap swap = { .config = reload->config->handlers->pdata[i] };
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

/* ------------------------------------------------------ 2, 3. opening, closing */

static gboolean
open_fresh (Reload *reload, ReloadSwap *swap, GError **error)
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
void
reload_swap_close_fresh (Core *core, ReloadSwap *swap)
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

gboolean
reload_swap_open_added (Reload *reload, GError **error)
{
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      ReloadSwap *swap = &g_array_index (reload->swaps, ReloadSwap, i);
      if (swap->old == NULL && !open_fresh (reload, swap, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
reload_swap_open_changed (Reload *reload, GError **error)
{
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      ReloadSwap *swap = &g_array_index (reload->swaps, ReloadSwap, i);
      if (swap->old != NULL && swap->fresh != NULL && !open_fresh (reload, swap, error))
        return FALSE;
    }
  return TRUE;
}

/* The handlers that were closed are opened as they were. */
gboolean
reload_swap_restore (Reload *reload, GError **error)
{
  Core *core = reload->core;

  for (guint i = 0; i < reload->swaps->len; i++)
    {
      ReloadSwap *swap = &g_array_index (reload->swaps, ReloadSwap, i);
      gboolean changed = swap->old != NULL && swap->fresh != NULL;
      reload_swap_close_fresh (core, swap);
      if (!changed)
        continue;
      swap->fresh = handler_new (swap->before, core->config->plugin_dir, &core->hooks, error);
      if (swap->fresh == NULL || !open_fresh (reload, swap, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
reload_swap_all_old_ended (Reload *reload)
{
  for (guint i = 0; i < reload->swaps->len; i++)
    {
      const ReloadSwap *swap = &g_array_index (reload->swaps, ReloadSwap, i);
      if (swap->old != NULL && swap->fresh != NULL && !handler_has_ended (swap->old))
        return FALSE;
    }
  return TRUE;
}
