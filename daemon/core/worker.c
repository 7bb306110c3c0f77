/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker.c - a thread that calls one handler's plugin.
 *
 * An attempt is on disk before the plugin is called, and the answers are written
 * while it has the next batch (worker-journal.c).  So a crash repeats at most the
 * batch in hand and the one before.
 *
 * Several workers share the schedule and the table of deliveries.
 */
#include "core/crash-note.h"
#include "core/crash-point.h"
#include "core/handler-private.h"
#include "event/text.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* How often a handler that keeps failing is mentioned in the log. */
#define FAILURE_LOG_INTERVAL (10 * G_USEC_PER_SEC)

/* A plugin's words for why it failed may come from afar. */
#define REASON_MAX 1024 /* bytes */

/* ---------------------------------------------------------------- deliveries */

/* The batch as the plugin sees it, built beside the table of deliveries. */
typedef struct
{
  IpmidEvent **events;
  guint64 *tokens;
  guint *attempts;
  IpmidVerdict *verdicts;
} Arrays;

static void
clear_arrays (Arrays *arrays)
{
  g_free (arrays->events);
  g_free (arrays->tokens);
  g_free (arrays->attempts);
  g_free (arrays->verdicts);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Arrays, clear_arrays)

static void
hand_over (Worker *worker, GPtrArray *items, Arrays *arrays, gint64 deadline)
{
  Handler *handler = worker->handler;

  arrays->events = g_new (IpmidEvent *, items->len);
  arrays->tokens = g_new (guint64, items->len);
  arrays->attempts = g_new (guint, items->len);
  arrays->verdicts = g_new0 (IpmidVerdict, items->len);

  g_mutex_lock (&handler->lock);
  for (guint i = 0; i < items->len; i++)
    {
      Delivery *delivery = g_new0 (Delivery, 1);
      delivery->token = handler->next_token++;
      delivery->item = items->pdata[i];
      delivery->deadline = deadline;
      g_hash_table_insert (handler->deliveries, &delivery->token, delivery);
      arrays->events[i] = delivery->item->event;
      arrays->tokens[i] = delivery->token;
      arrays->attempts[i] = delivery->item->attempts + 1;
    }
  worker->busy_since = g_get_monotonic_time ();
  worker->busy_deadline = deadline;
  g_mutex_unlock (&handler->lock);
}

static void
note_verdict (Handler *handler, const Delivery *delivery, IpmidVerdict verdict)
{
  const LogContext context = { event_string (delivery->item->event, IPMID_FIELD_BMC), handler->name,
                               event_string (delivery->item->event, IPMID_FIELD_ID) };
  guint suppressed;

  if (verdict == IPMID_VERDICT_DONE)
    handler->done++;
  if (verdict != IPMID_VERDICT_NONE)
    handler->works = verdict == IPMID_VERDICT_DONE;
  if (verdict != IPMID_VERDICT_RETRY && verdict != IPMID_VERDICT_REJECT)
    return;
  handler->failed++;
  g_free (handler->last_error);
  handler->last_error = text_clean (delivery->reason == NULL ? "no reason given" : delivery->reason, -1, REASON_MAX);
  handler->last_error_time = g_get_real_time ();
  if (!log_limit_pass (&handler->failure_limit, FAILURE_LOG_INTERVAL, &suppressed))
    return;
  g_autofree char *others
      = suppressed == 0 ? g_strdup ("") : g_strdup_printf (" (and %u more failures before)", suppressed);
  log_line (IPMID_LOG_WARNING, &context, "%s: %s%s",
            verdict == IPMID_VERDICT_RETRY ? "not handled, will be tried again" : "rejected", handler->last_error,
            others);
}

static void
note_dead_letters (Handler *handler, GArray *settlements, guint from)
{
  for (guint i = from; i < settlements->len; i++)
    {
      const ScheduleSettlement *s = &g_array_index (settlements, ScheduleSettlement, i);
      const LogContext context
          = { event_string (s->event, IPMID_FIELD_BMC), handler->name, event_string (s->event, IPMID_FIELD_ID) };
      if (s->outcome == LEDGER_DEAD)
        log_line (IPMID_LOG_ERROR, &context, "dead letter, its record stays in the SEL: %s", s->reason);
    }
}

/* What failed in an earlier life of ipmid, and more than once, has been failing
 * since it came, as far as anybody can know. */
static void
note_failure (ScheduleItem *item)
{
  gint64 age = g_get_real_time () - event_integer (item->event, IPMID_FIELD_RECEIVED) / 1000;

  if (item->failing_since == 0 && item->attempts > 1 && event_has (item->event, IPMID_FIELD_RECEIVED))
    item->failing_since = g_get_monotonic_time () - MAX (age, 0);
}

/* Ends a delivery with this verdict; the lock is held. */
static void
settle (Handler *handler, Delivery *delivery, IpmidVerdict verdict, GArray *settlements)
{
  guint before = settlements->len;

  note_verdict (handler, delivery, verdict);
  if (verdict == IPMID_VERDICT_RETRY)
    note_failure (delivery->item);
  schedule_settle (handler->schedule, delivery->item, verdict, delivery->reason, g_get_monotonic_time (), settlements);
  note_dead_letters (handler, settlements, before);
  g_hash_table_remove (handler->deliveries, &delivery->token);
}

/* Takes the settlements and lets go of the lock.  What was settled may have
 * made room for other workers, or given them the time to wait for. */
static void
unlock_settled (Handler *handler, GArray *settlements)
{
  gboolean any = settlements->len > 0;

  worker_keep_settlements (handler, settlements);
  g_mutex_unlock (&handler->lock);
  if (any && handler->n_workers > 1)
    handler_wake (handler);
}

/* What deliver() has returned. */
static void
take_back (Worker *worker, guint n, const Arrays *arrays)
{
  Handler *handler = worker->handler;
  GArray *settlements = schedule_settlements_new ();

  g_mutex_lock (&handler->lock);
  worker->busy_since = 0;
  for (guint i = 0; i < n; i++)
    {
      Delivery *delivery = g_hash_table_lookup (handler->deliveries, &arrays->tokens[i]);
      if (arrays->verdicts[i] != IPMID_VERDICT_LATER)
        settle (handler, delivery, arrays->verdicts[i], settlements);
      else if (delivery->answered)
        settle (handler, delivery, delivery->verdict, settlements);
      else
        delivery->later = TRUE;
    }
  unlock_settled (handler, settlements);
}

/* If the plugin makes ipmid crash, the next ipmid knows of what. */
static void
call_plugin (Worker *worker, const GPtrArray *items, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  Handler *handler = worker->handler;
  const ScheduleItem *first = items->pdata[0];
  CrashCall call = { .handler = handler->id,
                     .bmc = first->bmc,
                     .seq = first->seq,
                     .attempt = batch->attempts[0],
                     .n_events = batch->n_events };

  g_mutex_lock (&handler->lock);
  call.worked = handler->done > 0;
  g_mutex_unlock (&handler->lock);
  crash_note_enter (&call);
  handler->descriptor->deliver (worker->state, batch, verdicts);
  crash_note_leave ();
}

/* FALSE: the journal has failed. */
static gboolean
deliver (Worker *worker, GPtrArray *items)
{
  Handler *handler = worker->handler;
  gint64 deadline;
  g_auto (Arrays) arrays = { 0 };

  if (!worker_record_attempts (handler, items))
    return FALSE;
  worker_catch_up (handler);
  crash_point ("handler-before-call");
  deadline = g_get_monotonic_time () + handler->options.timeout;
  hand_over (worker, items, &arrays, deadline);
  const IpmidBatch batch
      = { sizeof batch, items->len, arrays.events, arrays.tokens, arrays.attempts, deadline, handler->cancel_fd };
  call_plugin (worker, items, &batch, arrays.verdicts);
  crash_point ("handler-after-call");
  take_back (worker, items->len, &arrays);
  return TRUE;
}

/* LATER answers: those that came, and those that did not come in time. */
static gint64
settle_later (Handler *handler)
{
  gint64 now = g_get_monotonic_time ();
  gint64 next = G_MAXINT64;
  GArray *settlements = schedule_settlements_new ();
  g_autoptr (GList) all = NULL;

  g_mutex_lock (&handler->lock);
  all = g_hash_table_get_values (handler->deliveries);
  for (GList *link = all; link != NULL; link = link->next)
    {
      Delivery *delivery = link->data;
      if (!delivery->later)
        continue; /* another worker's deliver() has not returned yet */
      if (delivery->answered)
        settle (handler, delivery, delivery->verdict, settlements);
      else if (delivery->deadline <= now)
        {
          delivery->reason = g_strdup ("no answer in time");
          settle (handler, delivery, IPMID_VERDICT_RETRY, settlements);
        }
      else
        next = MIN (next, delivery->deadline);
    }
  unlock_settled (handler, settlements);
  return next;
}

/* At the end: what nobody has answered was not tried, as far as we know. */
static void
give_up_later (Handler *handler)
{
  GArray *settlements = schedule_settlements_new ();

  g_mutex_lock (&handler->lock);
  g_autoptr (GList) all = g_hash_table_get_values (handler->deliveries);
  for (GList *link = all; link != NULL; link = link->next)
    {
      Delivery *delivery = link->data;
      settle (handler, delivery, delivery->answered ? delivery->verdict : IPMID_VERDICT_NONE, settlements);
    }
  unlock_settled (handler, settlements);
  worker_catch_up (handler);
}

/* ------------------------------------------------------------------- the loop */

static gboolean
open_plugin (Worker *worker)
{
  Handler *handler = worker->handler;
  g_autoptr (GError) error = NULL;
  gboolean good = handler->descriptor->open (worker->state, &handler->host, &error);

  g_mutex_lock (&handler->lock);
  if (!good && error == NULL)
    error = g_error_new_literal (G_IO_CHANNEL_ERROR, G_IO_CHANNEL_ERROR_FAILED,
                                 "the plugin does not open, and says nothing");
  handler->open_error = g_steal_pointer (&error);
  handler->open_answered = TRUE;
  g_cond_signal (&handler->opened);
  g_mutex_unlock (&handler->lock);
  return good;
}

static void
reopen_if_asked (Worker *worker)
{
  Handler *handler = worker->handler;
  const LogContext context = { .handler = handler->name };
  g_autoptr (GError) error = NULL;

  g_mutex_lock (&handler->lock);
  gboolean asked = worker->reopen;
  worker->reopen = FALSE;
  g_mutex_unlock (&handler->lock);
  if (!asked || handler->descriptor->reopen == NULL)
    return;
  worker_catch_up (handler); /* it may take long */
  if (!handler->descriptor->reopen (worker->state, &error))
    log_line (IPMID_LOG_ERROR, &context, "cannot re-open: %s", error == NULL ? "no reason given" : error->message);
}

/* Whether the plugin wants to be left alone for now.  The lock is held. */
static gboolean
is_paused (const Handler *handler)
{
  return g_get_monotonic_time () < handler->paused_until;
}

/* Whether the worker is to end now: everything that it has given out is answered,
 * and a drain has nothing more to give.  The lock is held. */
static gboolean
has_finished (Handler *handler)
{
  if (!handler->stopping)
    return FALSE;
  if (handler->cancelled)
    return TRUE;
  return g_hash_table_size (handler->deliveries) == 0
         && (!handler->draining || is_paused (handler) || schedule_is_drained (handler->schedule));
}

/* Takes what can be given now; returns when to look again.  The lock is held. */
static gint64
pick_items (Handler *handler, GPtrArray *items)
{
  gint64 next;

  if (!is_paused (handler))
    {
      schedule_pick (handler->schedule, g_get_monotonic_time (), items);
      return schedule_next_time (handler->schedule);
    }
  next = schedule_next_time (handler->schedule);
  return next == G_MAXINT64 ? next : MAX (next, handler->paused_until);
}

/* Whether the loop goes on, and what there is to deliver. */
static gboolean
pick (Handler *handler, GPtrArray *items, gint64 *wake_at)
{
  gboolean finished;

  *wake_at = G_MAXINT64;
  g_mutex_lock (&handler->lock);
  if (!handler->stopping || (handler->draining && !handler->cancelled))
    *wake_at = pick_items (handler, items);
  finished = items->len == 0 && has_finished (handler);
  g_mutex_unlock (&handler->lock);
  return !finished;
}

static int
poll_timeout (gint64 wake_at)
{
  gint64 now = g_get_monotonic_time ();

  if (wake_at == G_MAXINT64)
    return -1;
  return wake_at <= now ? 0 : (int) MIN ((wake_at - now) / 1000 + 1, G_MAXINT);
}

static void
wait_for_work (const Worker *worker, gint64 wake_at, int idle_fd)
{
  struct pollfd fds[] = { { .fd = worker->wake_fd, .events = POLLIN }, { .fd = idle_fd, .events = POLLIN } };
  guint64 count;

  if (poll (fds, G_N_ELEMENTS (fds), poll_timeout (wake_at)) > 0 && fds[0].revents != 0
      && read (worker->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
    g_usleep (1000); /* never spin on a broken descriptor */
}

/* Lets a batch grow.  Only a cancellation cuts the time short. */
static void
linger (Handler *handler)
{
  struct pollfd cancel = { .fd = handler->cancel_fd, .events = POLLIN };

  if (handler->options.linger == 0)
    return;
  g_mutex_lock (&handler->lock);
  gboolean idle = handler->stopping || is_paused (handler);
  guint length = idle ? 0 : schedule_ready_length (handler->schedule);
  g_mutex_unlock (&handler->lock);
  if (length == 0 || length >= handler->options.batch)
    return;
  worker_catch_up (handler);
  poll (&cancel, 1, (int) (handler->options.linger / 1000));
}

static gint64
call_idle (const Worker *worker, int *fd)
{
  const Handler *handler = worker->handler;
  IpmidIdle idle = { sizeof idle, -1, -1 };

  if (handler->descriptor->idle != NULL)
    handler->descriptor->idle (worker->state, &idle);
  *fd = idle.fd;
  return idle.wake_after < 0 ? G_MAXINT64 : g_get_monotonic_time () + idle.wake_after;
}

static void
serve (Worker *worker)
{
  Handler *handler = worker->handler;
  g_autoptr (GPtrArray) items = g_ptr_array_new ();
  gint64 wake_at;
  int idle_fd;

  for (;;)
    {
      reopen_if_asked (worker);
      gint64 later_at = settle_later (handler);
      linger (handler);
      g_ptr_array_set_size (items, 0);
      gboolean goes_on = pick (handler, items, &wake_at);
      if (items->len > 0)
        {
          if (deliver (worker, items))
            continue;
          worker_catch_up (handler); /* before the plugin is closed */
          return;
        }
      worker_catch_up (handler);
      if (!goes_on)
        return;
      gint64 live_at = worker_deliver_live (worker);
      if (live_at == 0)
        continue;
      gint64 readings_at = worker_hand_over_readings (worker);
      gint64 idle_at = call_idle (worker, &idle_fd);
      wait_for_work (worker, MIN (MIN (MIN (wake_at, live_at), readings_at), MIN (later_at, idle_at)), idle_fd);
    }
}

static void
forget_services (Handler *handler)
{
  const LogContext context = { .handler = handler->name };

  if (handler->hooks.services != NULL && services_forget (handler->hooks.services, handler))
    log_line (IPMID_LOG_WARNING, &context, "has closed without giving back its services");
}

gpointer
worker_run (gpointer data)
{
  Worker *worker = data;
  Handler *handler = worker->handler;
  gpointer signal_stack = crash_note_add_stack ();

  if (open_plugin (worker))
    {
      serve (worker);
      request_book_close (handler->requests);
      handler->descriptor->close (worker->state);
    }
  else
    request_book_close (handler->requests);
  crash_note_remove_stack (signal_stack);
  g_mutex_lock (&handler->lock);
  gboolean last = --handler->n_running == 0;
  g_mutex_unlock (&handler->lock);
  handler_wake (handler);
  if (!last)
    return NULL;
  forget_services (handler);
  give_up_later (handler);
  g_mutex_lock (&handler->lock);
  handler->ended = handler->n_running == 0; /* another may have begun meanwhile */
  g_mutex_unlock (&handler->lock);
  handler->hooks.ended (handler->hooks.user_data, handler);
  return NULL;
}
