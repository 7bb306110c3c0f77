/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * workers.c - a handler's threads: how many, their beginning and their end.
 *
 * What one of them does is in worker.c.  All but handler_wake() belongs to the
 * core's thread.
 */
#include "core/handler-private.h"
#include "core/options.h"
#include "event/error.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void
shut_descriptor (int fd)
{
  if (fd >= 0)
    close (fd);
}

/* A state with the options of the first worker's. */
static gpointer
copy_state (const Handler *handler)
{
  const IpmidPlugin *descriptor = handler->descriptor;
  gpointer state = g_malloc0 (MAX (descriptor->state_size, 1));

  if (descriptor->options != NULL)
    {
      options_init (descriptor->options, state);
      options_copy (descriptor->options, handler->state, state);
    }
  return state;
}

gboolean
workers_make (Handler *handler, GError **error)
{
  gboolean good = TRUE;

  handler->n_workers = (guint) handler->options.workers;
  handler->workers = g_new0 (Worker, handler->n_workers);
  handler->cancel_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  good = handler->cancel_fd >= 0;
  for (guint i = 0; i < handler->n_workers; i++)
    {
      Worker *worker = &handler->workers[i];
      worker->handler = handler;
      worker->state = i == 0 ? handler->state : copy_state (handler);
      worker->wake_fd = good ? eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
      good = worker->wake_fd >= 0;
    }
  if (!good)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "cannot make an eventfd: %s", g_strerror (errno));
  return good;
}

static void
free_state (const Handler *handler, gpointer state)
{
  if (handler->descriptor->options != NULL)
    options_clear (handler->descriptor->options, state);
  g_free (state);
}

void
workers_free (Handler *handler)
{
  for (guint i = 0; i < handler->n_workers; i++)
    {
      shut_descriptor (handler->workers[i].wake_fd);
      if (i > 0)
        free_state (handler, handler->workers[i].state);
    }
  free_state (handler, handler->state);
  shut_descriptor (handler->cancel_fd);
  g_free (handler->workers);
}

/* The thread counts before it can end, as that takes the lock: whichever ends last
 * knows that it does. */
static gboolean
begin (Handler *handler, Worker *worker, GError **error)
{
  g_mutex_lock (&handler->lock);
  handler->open_answered = FALSE;
  worker->thread = g_thread_try_new (handler->name, worker_run, worker, error);
  gboolean good = worker->thread != NULL;
  if (good)
    {
      handler->n_running++;
      handler->ended = FALSE;
    }
  g_mutex_unlock (&handler->lock);
  return good;
}

/* Waits until the worker has opened its state. */
static gboolean
start_one (Handler *handler, Worker *worker, GError **error)
{
  GError *failure;

  if (!begin (handler, worker, error))
    return FALSE;
  g_mutex_lock (&handler->lock);
  while (!handler->open_answered)
    g_cond_wait (&handler->opened, &handler->lock);
  failure = g_steal_pointer (&handler->open_error);
  g_mutex_unlock (&handler->lock);
  if (failure != NULL)
    g_propagate_prefixed_error (error, failure, "handler \"%s\": ", handler->name);
  return failure == NULL;
}

gboolean
workers_start (Handler *handler, GError **error)
{
  guint started = 0;

  while (started < handler->n_workers && start_one (handler, &handler->workers[started], error))
    started++;
  if (started == handler->n_workers)
    return TRUE;
  handler_stop (handler, FALSE);
  return FALSE;
}

void
workers_join (Handler *handler)
{
  for (guint i = 0; i < handler->n_workers; i++)
    if (handler->workers[i].thread != NULL)
      g_thread_join (g_steal_pointer (&handler->workers[i].thread));
}

void
handler_wake (Handler *handler)
{
  const guint64 one = 1;

  /* It fails only if it is about to wake anyway. */
  for (guint i = 0; i < handler->n_workers; i++)
    if (write (handler->workers[i].wake_fd, &one, sizeof one) < 0)
      continue;
}
