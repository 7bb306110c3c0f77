/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host.c - what the host offers plugins: the table behind the inline functions
 * of ipmid/plugin.h.
 */
#include "core/handler-private.h"

#include "event/render.h"

static Handler *
handler_of (IpmidHost *host)
{
  return (Handler *) host;
}

static void
host_log (IpmidHost *host, IpmidLogLevel level, const IpmidEvent *event, const char *message)
{
  LogContext context = { .handler = handler_of (host)->name };

  if (event != NULL)
    {
      context.bmc = event_string (event, IPMID_FIELD_BMC);
      context.event = event_string (event, IPMID_FIELD_ID);
    }
  log_line (level, &context, "%s", message);
}

static void
set_reason (Delivery *delivery, const char *message)
{
  g_free (delivery->reason);
  delivery->reason = g_strdup (message);
}

static void
host_reason (IpmidHost *host, guint64 token, const char *message)
{
  Handler *handler = handler_of (host);

  g_mutex_lock (&handler->lock);
  Delivery *delivery = g_hash_table_lookup (handler->deliveries, &token);
  if (delivery != NULL)
    set_reason (delivery, message);
  g_mutex_unlock (&handler->lock);
}

static void
host_answer (IpmidHost *host, guint64 token, IpmidVerdict verdict, const char *message)
{
  Handler *handler = handler_of (host);
  const LogContext context = { .handler = handler->name };

  g_mutex_lock (&handler->lock);
  Delivery *delivery = g_hash_table_lookup (handler->deliveries, &token);
  gboolean good = delivery != NULL && !delivery->answered && verdict != IPMID_VERDICT_LATER;
  if (good)
    {
      delivery->answered = TRUE;
      delivery->verdict = verdict;
      if (message != NULL)
        set_reason (delivery, message);
    }
  g_mutex_unlock (&handler->lock);
  if (good)
    handler_wake (handler);
  else
    log_line (IPMID_LOG_DEBUG, &context, "a late or repeated answer was ignored");
}

static void
host_pause (IpmidHost *host, gint64 duration)
{
  Handler *handler = handler_of (host);
  gint64 until = g_get_monotonic_time () + CLAMP (duration, 0, G_TIME_SPAN_HOUR);

  g_mutex_lock (&handler->lock);
  handler->paused_until = MAX (handler->paused_until, until);
  g_mutex_unlock (&handler->lock);
}

static void
host_stop (IpmidHost *host, int exit_status, const char *message)
{
  Handler *handler = handler_of (host);

  handler->hooks.stop (handler->hooks.user_data, exit_status, message);
}

/* The delivery in flight for this event. */
static gboolean
find_in_flight (Handler *handler, const IpmidEvent *event, gint64 *bmc, gint64 *seq)
{
  GHashTableIter iter;
  gpointer value;
  gboolean found = FALSE;

  g_mutex_lock (&handler->lock);
  g_hash_table_iter_init (&iter, handler->deliveries);
  while (!found && g_hash_table_iter_next (&iter, NULL, &value))
    {
      const ScheduleItem *item = ((Delivery *) value)->item;
      found = item->event == event;
      *bmc = item->bmc;
      *seq = item->seq;
    }
  g_mutex_unlock (&handler->lock);
  return found;
}

static void
host_delete_record (IpmidHost *host, IpmidEvent *event, IpmidDeleteFlags flags, IpmidDeleteCallback callback,
                    gpointer user_data)
{
  Handler *handler = handler_of (host);
  gint64 bmc, seq;

  if ((handler->descriptor->flags & IPMID_PLUGIN_FINALIZER) == 0)
    callback (user_data, IPMID_DELETE_NOT_ALLOWED, "only a finalizer may delete records");
  else if (!find_in_flight (handler, event, &bmc, &seq))
    callback (user_data, IPMID_DELETE_NOT_ALLOWED, "this event is not being delivered");
  else
    handler->hooks.delete_record (handler->hooks.user_data, bmc, seq, event, flags, callback, user_data);
}

static const char *
host_field_name (IpmidField field)
{
  return (guint) field < IPMID_N_FIELDS ? event_field (field)->name : NULL;
}

static void
host_want_readings (IpmidHost *host, gboolean wanted)
{
  Handler *handler = handler_of (host);

  if (handler->readings != NULL)
    readings_set_wanted (handler->readings, wanted);
}

static const char *
host_state_dir (IpmidHost *host)
{
  return handler_of (host)->state_dir;
}

static gboolean
host_offer (IpmidHost *host, const char *name, const void *table)
{
  Services *services = handler_of (host)->hooks.services;

  return services != NULL && services_offer (services, host, name, table);
}

static void
host_withdraw (IpmidHost *host, const char *name)
{
  Services *services = handler_of (host)->hooks.services;

  if (services != NULL)
    services_withdraw (services, host, name);
}

static const void *
host_lookup (IpmidHost *host, const char *name)
{
  Services *services = handler_of (host)->hooks.services;

  return services == NULL ? NULL : services_lookup (services, host, name);
}

static void
host_release (IpmidHost *host, const char *name)
{
  Services *services = handler_of (host)->hooks.services;

  if (services != NULL)
    services_release (services, host, name);
}

static void
host_request (IpmidHost *host, const char *method, GVariant *arguments, IpmidReplyFunc callback, gpointer user_data)
{
  Handler *handler = handler_of (host);
  Request *request = request_new (handler->requests, method, arguments, callback, user_data);

  if (request != NULL && handler->hooks.request != NULL)
    handler->hooks.request (handler->hooks.user_data, request);
  request_unref (request); /* answers it if nobody else has it */
}

const IpmidHostApi host_api = {
  .size = sizeof (IpmidHostApi),
  .log = host_log,
  .reason = host_reason,
  .answer = host_answer,
  .stop = host_stop,
  .event_ref = event_ref,
  .event_unref = event_unref,
  .event_has = event_has,
  .event_integer = event_integer,
  .event_double = event_double,
  .event_string = event_string,
  .event_bytes = event_bytes,
  .event_to_text = render_field,
  .event_render = render_event,
  .event_arguments = render_arguments,
  .field_name = host_field_name,
  .delete_record = host_delete_record,
  .reading_render = render_reading,
  .want_readings = host_want_readings,
  .fleet = host_fleet,
  .fleet_ref = host_fleet_ref,
  .fleet_unref = host_fleet_unref,
  .fleet_length = host_fleet_length,
  .fleet_bmc = host_fleet_bmc,
  .fleet_sensor = host_fleet_sensor,
  .fleet_reading = host_fleet_reading,
  .state_dir = host_state_dir,
  .offer = host_offer,
  .withdraw = host_withdraw,
  .lookup = host_lookup,
  .release = host_release,
  .pause = host_pause,
  .request = host_request,
};
