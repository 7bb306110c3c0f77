/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sender.c - see webhook.h.
 *
 * A thread of its own has the curl multi handle and all requests, so that they go on
 * while the worker waits for the journal's disk.  What it shares with the worker is
 * under the lock: chains that wait, the settings, the wish to end.  A chain that is under way
 * belongs to its request.
 */
#include "webhook.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* With nothing to do it looks up that often, in milliseconds; new work wakes it. */
#define IDLE_WAIT 60000
/* Likewise while chains wait, which may come to be too late. */
#define BUSY_WAIT 500

/* A request ends so long before the host stops waiting for its answer. */
#define MARGIN (100 * G_TIME_SPAN_MILLISECOND)

struct _Sender
{
  IpmidHost *host;
  guint parallel;
  GThread *thread;
  CURLM *multi;
  int room_fd; /* eventfd: fewer chains wait */

  /* The thread's own. */
  GPtrArray *running;  /* Request */
  gint64 paused_until; /* monotonic: the receiver wants to be left alone */

  GMutex lock;    /* everything below */
  GQueue waiting; /* Chain */
  Settings *settings;
  gboolean closing;
};

/* ------------------------------------------------------------------- answers */

static void
answer (Sender *sender, const Chain *chain, guint index, IpmidVerdict verdict, const char *words)
{
  ipmid_host_answer (sender->host, g_array_index (chain->tokens, guint64, index), verdict, words);
}

/* The rest of the chain was not tried. */
static void
give_back (Sender *sender, Chain *chain)
{
  for (guint i = chain->at; i < chain->events->len; i++)
    answer (sender, chain, i, IPMID_VERDICT_NONE, NULL);
  batch_free_chain (sender->host, chain);
}

/* The request failed for now: the blame is the first event's of each BMC; the others
 * would have had to wait for it anyway. */
static void
fail (Sender *sender, Chain *chain, guint n, const char *words)
{
  const char *bmc = NULL;

  for (guint i = chain->at; i < chain->at + n; i++)
    {
      const char *next = ipmid_event_string (sender->host, chain->events->pdata[i], IPMID_FIELD_BMC);
      gboolean first = i == chain->at || g_strcmp0 (next, bmc) != 0;

      answer (sender, chain, i, first ? IPMID_VERDICT_RETRY : IPMID_VERDICT_NONE, first ? words : NULL);
      bmc = next;
    }
  chain->at += n;
  give_back (sender, chain);
}

static void
settle (Sender *sender, Chain *chain, guint n, const Outcome *outcome)
{
  for (guint i = chain->at; i < chain->at + n; i++)
    answer (sender, chain, i, outcome->verdict, outcome->words);
  chain->at += n;
}

/* ------------------------------------------------------------------ requests */

/* How long the chain's next request may take; 0: it is not worth to begin it. */
static gint64
time_for (const Chain *chain, const Settings *settings)
{
  gint64 all = settings->transfer.total_timeout;
  gint64 left = chain->deadline - MARGIN - g_get_monotonic_time ();

  if (left < MIN (all, (chain->deadline - chain->arrived) / 2))
    return 0;
  return MIN (all, left);
}

/* Begins the chain's next request, or ends the chain. */
static void
advance (Sender *sender, Chain *chain, Settings *settings)
{
  gint64 time = batch_next (chain, settings->per_request) > 0 ? time_for (chain, settings) : 0;
  Request *request = NULL;

  if (time > 0 && g_get_monotonic_time () >= sender->paused_until)
    request = request_new (sender->host, settings, chain, time);
  if (request == NULL)
    {
      give_back (sender, chain);
      return;
    }
  g_ptr_array_add (sender->running, request);
  curl_multi_add_handle (sender->multi, request->transfer.easy);
}

static void
leave_alone (Sender *sender, gint64 pause)
{
  sender->paused_until = MAX (sender->paused_until, g_get_monotonic_time () + pause);
  ipmid_host_pause (sender->host, pause);
}

static void
finish (Sender *sender, Request *request, CURLcode code)
{
  Outcome outcome = request_conclude (request, code);
  Chain *chain = request->chain;
  guint n = request->n;
  g_autoptr (Settings) settings = settings_ref (request->settings);

  curl_multi_remove_handle (sender->multi, request->transfer.easy);
  g_ptr_array_remove_fast (sender->running, request);
  request_free (request);
  if (outcome.pause > 0)
    leave_alone (sender, outcome.pause);
  if (outcome.verdict == IPMID_VERDICT_RETRY)
    fail (sender, chain, n, outcome.words);
  else
    {
      /* Which of them is at fault shows when each goes by itself. */
      if (outcome.verdict == IPMID_VERDICT_REJECT && n > 1)
        chain->alone_until = chain->at + n;
      else
        settle (sender, chain, n, &outcome);
      advance (sender, chain, settings);
    }
  g_free (outcome.words);
}

static void
take_results (Sender *sender)
{
  CURLMsg *message;
  int left;

  while ((message = curl_multi_info_read (sender->multi, &left)) != NULL)
    if (message->msg == CURLMSG_DONE)
      {
        CURLcode code = message->data.result;
        char *private = NULL;

        curl_easy_getinfo (message->easy_handle, CURLINFO_PRIVATE, &private);
        finish (sender, (Request *) (void *) private, code);
      }
}

/* ----------------------------------------------------------------- the thread */

static void
tell_of_room (Sender *sender)
{
  const guint64 one = 1;

  /* It fails only if somebody is about to look anyway. */
  if (write (sender->room_fd, &one, sizeof one) < 0)
    return;
}

/* A chain that may be begun now, or whose time is over; NULL: none. */
static Chain *
take_chain (Sender *sender)
{
  gboolean busy = sender->running->len >= sender->parallel;

  for (GList *link = sender->waiting.head; link != NULL; link = link->next)
    {
      Chain *chain = link->data;

      if (busy && time_for (chain, sender->settings) > 0)
        continue;
      g_queue_delete_link (&sender->waiting, link);
      tell_of_room (sender);
      return chain;
    }
  return NULL;
}

static void
begin_waiting (Sender *sender)
{
  Chain *chain;

  g_mutex_lock (&sender->lock);
  while (!sender->closing && (chain = take_chain (sender)) != NULL)
    {
      g_autoptr (Settings) settings = settings_ref (sender->settings);

      g_mutex_unlock (&sender->lock);
      advance (sender, chain, settings);
      g_mutex_lock (&sender->lock);
    }
  g_mutex_unlock (&sender->lock);
}

/* Whether to go on, and how long to wait at most, in milliseconds. */
static gboolean
look (Sender *sender, int *wait)
{
  g_mutex_lock (&sender->lock);
  gboolean goes_on = !sender->closing;
  *wait = sender->waiting.length > 0 ? BUSY_WAIT : IDLE_WAIT;
  g_mutex_unlock (&sender->lock);
  return goes_on;
}

static gpointer
run (gpointer data)
{
  Sender *sender = data;
  int running, wait;

  for (;;)
    {
      begin_waiting (sender);
      curl_multi_perform (sender->multi, &running);
      take_results (sender);
      if (!look (sender, &wait))
        return NULL;
      /* New requests have a timer that is due at once. */
      curl_multi_poll (sender->multi, NULL, 0, wait, NULL);
    }
}

/* ------------------------------------------------------------- the worker's side */

/* What has been started of a sender that cannot be; or all of it. */
static void
release (Sender *sender)
{
  for (guint i = 0; i < sender->running->len; i++)
    {
      Request *request = sender->running->pdata[i];

      curl_multi_remove_handle (sender->multi, request->transfer.easy);
      batch_free_chain (sender->host, request->chain);
      request_free (request);
    }
  while (sender->waiting.length > 0)
    batch_free_chain (sender->host, g_queue_pop_head (&sender->waiting));
  g_ptr_array_unref (sender->running);
  if (sender->multi != NULL)
    curl_multi_cleanup (sender->multi);
  if (sender->room_fd >= 0)
    close (sender->room_fd);
  settings_unref (sender->settings);
  g_mutex_clear (&sender->lock);
  g_free (sender);
}

Sender *
sender_new (IpmidHost *host, Settings *settings, guint parallel, GError **error)
{
  Sender *sender = g_new0 (Sender, 1);

  sender->host = host;
  sender->settings = settings;
  sender->parallel = parallel;
  sender->running = g_ptr_array_new ();
  g_mutex_init (&sender->lock);
  sender->room_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  sender->multi = curl_multi_init ();
  if (sender->room_fd < 0 || sender->multi == NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "no descriptor or no memory for requests");
  else
    {
      curl_multi_setopt (sender->multi, CURLMOPT_MAXCONNECTS, (long) parallel);
      sender->thread = g_thread_try_new ("webhook", run, sender, error);
    }
  if (sender->thread != NULL)
    return sender;
  release (sender);
  return NULL;
}

void
sender_set (Sender *sender, Settings *settings)
{
  g_mutex_lock (&sender->lock);
  Settings *old = sender->settings;
  sender->settings = settings;
  g_mutex_unlock (&sender->lock);
  settings_unref (old);
}

static guint
count_waiting (Sender *sender)
{
  g_mutex_lock (&sender->lock);
  guint length = sender->waiting.length;
  g_mutex_unlock (&sender->lock);
  return length;
}

/* Others may have been handed out already, and their time runs. */
static void
wait_for_room (Sender *sender, const IpmidBatch *batch)
{
  struct pollfd watched[]
      = { { .fd = batch->cancel_fd, .events = POLLIN }, { .fd = sender->room_fd, .events = POLLIN } };
  guint64 count;

  while (count_waiting (sender) > sender->parallel && watched[0].revents == 0)
    {
      gint64 left = (batch->deadline - g_get_monotonic_time ()) / 1000;

      if (left <= 0)
        return;
      poll (watched, G_N_ELEMENTS (watched), (int) MIN (left, G_MAXINT));
      if (read (sender->room_fd, &count, sizeof count) < 0 && errno != EAGAIN)
        return;
    }
}

void
sender_take (Sender *sender, const IpmidBatch *batch)
{
  g_autoptr (GPtrArray) chains = NULL;

  g_mutex_lock (&sender->lock);
  chains = batch_cut (sender->host, batch, sender->settings->per_request);
  for (guint i = 0; i < chains->len; i++)
    g_queue_push_tail (&sender->waiting, chains->pdata[i]);
  g_mutex_unlock (&sender->lock);
  curl_multi_wakeup (sender->multi);
  wait_for_room (sender, batch);
}

void
sender_free (Sender *sender)
{
  g_mutex_lock (&sender->lock);
  sender->closing = TRUE;
  g_mutex_unlock (&sender->lock);
  curl_multi_wakeup (sender->multi);
  g_thread_join (sender->thread);
  release (sender);
}
