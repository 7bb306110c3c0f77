/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* handler.c - the life of a handler; see handler.h. */
#include "core/handler-private.h"

#include "event/error.h"

#include <unistd.h>

/* How many events wait for a handler that is fed live. */
#define LIVE_MAX 1024

static void
free_delivery (gpointer data)
{
  Delivery *delivery = data;

  g_free (delivery->reason);
  g_free (delivery);
}

static void
on_readings (gpointer user_data)
{
  handler_wake (user_data);
}

static gboolean
subscribe (Handler *handler, GError **error)
{
  const char *const *patterns = (const char *const *) handler->options.readings_sensors;

  if (handler->descriptor->readings == NULL || handler->hooks.inventory == NULL)
    return TRUE;
  handler->readings = readings_new (handler->hooks.inventory, patterns, on_readings, handler, error);
  if (handler->readings != NULL)
    return TRUE;
  g_prefix_error (error, "handler \"%s\": ", handler->name);
  return FALSE;
}

static Schedule *
new_schedule (const HandlerOptions *options)
{
  ScheduleLimits limits = schedule_default_limits;

  limits.batch = (guint) options->batch;
  limits.workers = (guint) options->workers;
  limits.attempts = (guint) options->attempts;
  limits.retry_min = options->retry_min;
  limits.retry_max = MAX (options->retry_min, options->retry_max);
  limits.lane_max = MAX (limits.lane_max, 2 * limits.batch);
  limits.total_max = MAX (limits.total_max, 2 * limits.lane_max);
  return schedule_new (&limits);
}

/* A handler with its plugin and its options; NULL if there is no plugin. */
static Handler *
load (const HandlerConfig *config, const char *plugin_dir, GPtrArray *mistakes)
{
  g_autoptr (GError) error = NULL;
  Plugin *plugin = plugin_load (plugin_dir, config->plugin, &error);
  Handler *handler;

  if (plugin == NULL)
    {
      handler_configure_note_mistake (mistakes, config->place, error);
      return NULL;
    }
  handler = g_new0 (Handler, 1);
  handler->host.api = &host_api;
  handler->name = g_strdup (config->name);
  handler->plugin = plugin;
  handler->descriptor = plugin_descriptor (handler->plugin);
  handler->state = g_malloc0 (MAX (handler->descriptor->state_size, 1));
  handler->cancel_fd = -1;
  handler->next_token = 1;
  handler->deliveries = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, free_delivery);
  handler->requests = request_book_new ();
  g_mutex_init (&handler->lock);
  g_cond_init (&handler->opened);
  handler_configure (handler, config, mistakes);
  handler->schedule = new_schedule (&handler->options);
  if ((handler->descriptor->flags & IPMID_PLUGIN_LIVE) != 0)
    handler->live = live_new (LIVE_MAX);
  return handler;
}

void
handler_check (const HandlerConfig *config, const char *plugin_dir, GPtrArray *mistakes)
{
  handler_free (load (config, plugin_dir, mistakes));
}

Handler *
handler_new (const HandlerConfig *config, const char *plugin_dir, const HandlerHooks *hooks, GError **error)
{
  g_autoptr (GPtrArray) mistakes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (Handler) handler = load (config, plugin_dir, mistakes);

  if (handler == NULL || mistakes->len > 0)
    {
      g_set_error_literal (error, IPMID_ERROR, handler == NULL ? IPMID_ERROR_PLUGIN : IPMID_ERROR_USAGE,
                           mistakes->pdata[0]);
      return NULL;
    }
  handler->hooks = *hooks;
  handler->state_dir = g_strdup (hooks->state_dir);
  return workers_make (handler, error) && subscribe (handler, error) ? g_steal_pointer (&handler) : NULL;
}

void
handler_join (Handler *handler)
{
  workers_join (handler);
  /* Nobody takes readings any more, however long the rest is still wanted. */
  g_clear_pointer (&handler->readings, readings_free);
}

void
handler_free (Handler *handler)
{
  if (handler == NULL)
    return;
  handler_join (handler);
  g_clear_handle_id (&handler->patience_timer, g_source_remove);
  workers_free (handler);
  handler_options_clear (&handler->options);
  g_hash_table_unref (handler->deliveries);
  request_book_unref (handler->requests);
  schedule_free (handler->schedule);
  g_clear_pointer (&handler->settled, g_array_unref);
  live_free (handler->live);
  plugin_free (handler->plugin);
  g_mutex_clear (&handler->lock);
  g_cond_clear (&handler->opened);
  g_clear_error (&handler->open_error);
  g_free (handler->last_error);
  g_free (handler->state_dir);
  g_free (handler->name);
  g_free (handler);
}

gboolean
handler_register (Handler *handler, Ledger *ledger, GError **error)
{
  const LedgerHandler description = {
    .name = handler->name,
    .required = handler_is_required (handler),
    .finalizer = handler_is_finalizer (handler),
    .live = handler->live != NULL,
    .filter = handler->options.filter,
    .quiet = handler->options.rule,
    .quota = handler->options.quota,
    .offer = handler_offer,
    .reread = handler_reread,
    .user_data = handler,
  };

  gint64 id = ledger_add_handler (ledger, &description, error);
  if (id == 0)
    return FALSE;
  g_autoptr (GArray) lanes = store_delivery_lanes (ledger_store (ledger), id, error);
  if (lanes == NULL)
    return FALSE;
  g_mutex_lock (&handler->lock);
  /* Workers read it without the lock; after a rollback it is the same. */
  if (handler->id != id)
    handler->id = id;
  for (guint i = 0; i < lanes->len; i++)
    schedule_add_backlog (handler->schedule, g_array_index (lanes, gint64, i));
  g_mutex_unlock (&handler->lock);
  handler_wake (handler);
  return TRUE;
}

gboolean
handler_start (Handler *handler, Journal *journal, GError **error)
{
  handler->journal = journal;
  return workers_start (handler, error);
}

void
handler_stop (Handler *handler, gboolean drain)
{
  g_mutex_lock (&handler->lock);
  handler->stopping = TRUE;
  handler->draining = drain;
  g_mutex_unlock (&handler->lock);
  handler_wake (handler);
}

void
handler_cancel (Handler *handler)
{
  const guint64 one = 1;

  g_mutex_lock (&handler->lock);
  handler->cancelled = TRUE;
  g_mutex_unlock (&handler->lock);
  if (write (handler->cancel_fd, &one, sizeof one) < 0)
    return;
  handler_wake (handler);
}

static gboolean
on_patience_ended (gpointer data)
{
  Handler *handler = data;

  handler->patience_timer = 0;
  handler_cancel (handler);
  return G_SOURCE_REMOVE;
}

void
handler_remove (Handler *handler, guint patience)
{
  handler->removed = TRUE;
  handler->patience_timer = g_timeout_add (patience, on_patience_ended, handler);
  handler_stop (handler, TRUE);
}

gboolean
handler_is_removed (const Handler *handler)
{
  return handler->removed;
}

gboolean
handler_claim_removed (Handler *handler)
{
  if (!handler->removed || handler->claimed || !handler_has_ended (handler))
    return FALSE;
  handler->claimed = TRUE;
  return TRUE;
}

gboolean
handler_was_cancelled (Handler *handler)
{
  g_mutex_lock (&handler->lock);
  gboolean cancelled = handler->cancelled;
  g_mutex_unlock (&handler->lock);
  return cancelled;
}

gboolean
handler_has_thread (const Handler *handler)
{
  return handler->workers != NULL && handler->workers[0].thread != NULL;
}

gboolean
handler_has_ended (Handler *handler)
{
  g_mutex_lock (&handler->lock);
  gboolean ended = handler->ended || !handler_has_thread (handler);
  g_mutex_unlock (&handler->lock);
  return ended;
}

void
handler_reopen (Handler *handler)
{
  g_mutex_lock (&handler->lock);
  for (guint i = 0; i < handler->n_workers; i++)
    handler->workers[i].reopen = TRUE;
  g_mutex_unlock (&handler->lock);
  handler_wake (handler);
}

const char *
handler_name (const Handler *handler)
{
  return handler->name;
}

const char *
handler_plugin (const Handler *handler)
{
  return handler->descriptor->name;
}

gboolean
handler_is_finalizer (const Handler *handler)
{
  return (handler->descriptor->flags & IPMID_PLUGIN_FINALIZER) != 0;
}

gboolean
handler_is_required (const Handler *handler)
{
  return handler->options.required && handler->live == NULL && !handler_is_finalizer (handler);
}

gint64
handler_id (Handler *handler)
{
  g_mutex_lock (&handler->lock);
  gint64 id = handler->id;
  g_mutex_unlock (&handler->lock);
  return id;
}

void
handler_offer (gpointer user_data, gint64 bmc, gint64 seq, IpmidEvent *event)
{
  Handler *handler = user_data;

  if (handler->live != NULL)
    {
      live_push (handler->live, event);
      handler_wake (handler);
      return;
    }
  g_mutex_lock (&handler->lock);
  schedule_offer (handler->schedule, bmc, seq, event);
  g_mutex_unlock (&handler->lock);
  handler_wake (handler);
}

void
handler_reread (gpointer user_data, gint64 bmc, gint64 seq)
{
  Handler *handler = user_data;

  g_mutex_lock (&handler->lock);
  schedule_reread (handler->schedule, bmc, seq);
  g_mutex_unlock (&handler->lock);
  handler_wake (handler);
}

/* Of the workers that are in a call: the one whose time is up first. */
static void
find_busy (const Handler *handler, HandlerStatus *status)
{
  for (guint i = 0; i < handler->n_workers; i++)
    {
      const Worker *worker = &handler->workers[i];
      if (worker->busy_since == 0 || (status->busy_since != 0 && status->deadline <= worker->busy_deadline))
        continue;
      status->busy_since = worker->busy_since;
      status->deadline = worker->busy_deadline;
    }
}

/* A call that is beyond its time limit has failed, too, even if it never ends.
 * The lock is held; `status` has what find_busy() found. */
static gint64
find_failing_since (const Handler *handler, const HandlerStatus *status)
{
  gboolean overdue = status->busy_since != 0 && g_get_monotonic_time () > status->deadline;

  return MIN (schedule_failing_since (handler->schedule), overdue ? status->busy_since : G_MAXINT64);
}

void
handler_get_status (Handler *handler, HandlerStatus *status)
{
  g_mutex_lock (&handler->lock);
  *status = (HandlerStatus){
    .down = schedule_is_down (handler->schedule),
    .done = handler->done,
    .works = handler->works,
    .quota = handler->options.quota,
    .heartbeat = handler->options.heartbeat,
    .failed = handler->failed,
    .last_error = g_strdup (handler->last_error),
    .last_error_time = handler->last_error_time,
    .has_readings = handler->readings != NULL,
  };
  find_busy (handler, status);
  status->failing_since = find_failing_since (handler, status);
  g_mutex_unlock (&handler->lock);
  if (handler->readings != NULL)
    readings_count (handler->readings, &status->readings, &status->readings_dropped);
  if (handler->live != NULL)
    {
      status->live = TRUE;
      status->live_dropped = live_dropped (handler->live);
    }
}
