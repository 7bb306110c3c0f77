/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * delivery.c - hands a batch to a program that stays, and waits for verdicts.
 *
 * Without acknowledgement an event is DONE when the program has read it; with
 * acknowledgement, when it says so.
 */
#include "persist.h"

#include <poll.h>
#include <string.h>

/* There is no event for "the pipe has been read empty": one looks, at growing
 * intervals.  A quarter of the time waited so far costs at most a quarter of
 * the speed, and next to nothing while a program is slow. */
#define LOOK_FIRST 30
#define LOOK_LAST (50 * G_TIME_SPAN_MILLISECOND)

/* Verdicts that nobody has asked for again are not kept for ever. */
#define HANDED_MAX 4096u

/* One call of deliver. */
typedef struct
{
  Persist *persist;
  const IpmidBatch *batch;
  IpmidVerdict *verdicts;
  Handed **handed; /* one per event, borrowed; NULL: settled */
} Delivery;

/* ---------------------------------------------------------------- handing */

static Handed *
find_handed (const Persist *persist, const char *id)
{
  for (guint i = 0; i < persist->handed->len; i++)
    {
      Handed *handed = g_ptr_array_index (persist->handed, i);
      if (strcmp (handed->id, id) == 0)
        return handed;
    }
  return NULL;
}

/* NULL if the format has no words for this kind of event. */
static Handed *
hand_over (Persist *persist, const IpmidEvent *event, GString *text)
{
  Exec *exec = persist->exec;
  const char *id = ipmid_event_string (exec->host, event, IPMID_FIELD_ID);
  Handed *handed = id != NULL ? find_handed (persist, id) : NULL;

  if (handed != NULL)
    return handed;
  g_string_truncate (text, 0);
  if (!ipmid_event_render (exec->host, event, (IpmidFormat) exec->format, text))
    return NULL;
  handed = g_new0 (Handed, 1);
  handed->id = g_strdup (id != NULL ? id : "");
  handed->end = stream_add (&persist->stream, text);
  g_ptr_array_add (persist->handed, handed);
  return handed;
}

static gboolean
is_settled (const Persist *persist, const Handed *handed)
{
  return persist_is_answered (persist) ? handed->verdict != IPMID_VERDICT_NONE : handed->end <= persist->stream.taken;
}

/* Forgets the oldest verdicts that nobody came back for. */
static void
prune (Persist *persist)
{
  while (persist->handed->len > HANDED_MAX && is_settled (persist, g_ptr_array_index (persist->handed, 0)))
    g_ptr_array_remove_index (persist->handed, 0);
}

static void
hand_over_all (Delivery *delivery)
{
  Persist *persist = delivery->persist;
  g_autoptr (GString) text = g_string_sized_new (1024);

  prune (persist);
  if (persist->handed->len == 0)
    persist->progress_at = g_get_monotonic_time ();
  for (guint i = 0; i < delivery->batch->n_events; i++)
    {
      delivery->handed[i] = hand_over (persist, delivery->batch->events[i], text);
      if (delivery->handed[i] == NULL)
        delivery->verdicts[i] = IPMID_VERDICT_DONE;
    }
}

/* --------------------------------------------------------------- verdicts */

/* Gives the host what is known; TRUE if that is everything. */
static gboolean
settle (Delivery *delivery)
{
  Persist *persist = delivery->persist;
  gboolean all = TRUE;

  for (guint i = 0; i < delivery->batch->n_events; i++)
    {
      Handed *handed = delivery->handed[i];

      if (handed == NULL)
        continue;
      if (!is_settled (persist, handed))
        {
          all = FALSE;
          continue;
        }
      delivery->verdicts[i] = persist_is_answered (persist) ? handed->verdict : IPMID_VERDICT_DONE;
      if (handed->reason != NULL && *handed->reason != '\0')
        ipmid_host_reason (persist->exec->host, delivery->batch->tokens[i], handed->reason);
      g_ptr_array_remove (persist->handed, handed);
      delivery->handed[i] = NULL;
      persist->failures = 0;
    }
  return all;
}

static gboolean
same_bmc_failed (const Delivery *delivery, guint index)
{
  IpmidHost *host = delivery->persist->exec->host;
  const char *bmc = ipmid_event_string (host, delivery->batch->events[index], IPMID_FIELD_BMC);

  for (guint i = 0; i < index; i++)
    if (delivery->verdicts[i] == IPMID_VERDICT_RETRY
        && g_strcmp0 (bmc, ipmid_event_string (host, delivery->batch->events[i], IPMID_FIELD_BMC)) == 0)
      return TRUE;
  return FALSE;
}

/* The rest of the batch failed.  The blame is the first event's; of a program
 * that answers in any order, the first one's of each BMC.  The others count as
 * untried. */
static void
give_up (Delivery *delivery, const char *words)
{
  Persist *persist = delivery->persist;

  for (guint i = 0; i < delivery->batch->n_events; i++)
    {
      if (delivery->verdicts[i] != IPMID_VERDICT_NONE || same_bmc_failed (delivery, i))
        continue;
      delivery->verdicts[i] = IPMID_VERDICT_RETRY;
      ipmid_host_reason (persist->exec->host, delivery->batch->tokens[i], words);
      if (!persist_is_answered (persist))
        return;
    }
}

/* ---------------------------------------------------------------- waiting */

/* Moves what the pipes take and give; returns what the program answered wrong,
 * or NULL. */
static char *
exchange (Persist *persist)
{
  Stream *stream = &persist->stream;
  gboolean progress = stream_push (stream);
  char *fault = NULL;

  if (persist_is_answered (persist))
    {
      progress = FALSE; /* reading is none: answers are */
      while (fault == NULL && stream_pull (stream))
        {
          fault = persist_take_answers (persist);
          progress = TRUE;
        }
    }
  if (progress)
    persist->progress_at = g_get_monotonic_time ();
  return fault;
}

/* Waits until something may have changed; TRUE if the host wants its thread
 * back. */
static gboolean
wait_for_change (Persist *persist, gint64 limit, int cancel_fd)
{
  Stream *stream = &persist->stream;
  gboolean sending = stream->unsent->len > 0;
  gboolean looking = !sending && !persist_is_answered (persist);
  struct pollfd watched[] = { { cancel_fd, POLLIN, 0 },
                              { persist->child.pidfd, POLLIN, 0 },
                              { sending || looking ? stream->in : -1, sending ? POLLOUT : 0, 0 },
                              { stream->out, POLLIN, 0 } };
  gint64 now = g_get_monotonic_time ();
  gint64 pause = MAX (limit - now, 0);
  struct timespec timeout;

  if (looking)
    pause = MIN (pause, CLAMP ((now - persist->progress_at) / 4, LOOK_FIRST, LOOK_LAST));
  timeout.tv_sec = (time_t) (pause / G_TIME_SPAN_SECOND);
  timeout.tv_nsec = (long) (pause % G_TIME_SPAN_SECOND) * 1000;
  if (ppoll (watched, G_N_ELEMENTS (watched), &timeout, NULL) <= 0)
    return FALSE;
  if (looking && (watched[2].revents & POLLERR) != 0)
    stream->broken = TRUE; /* nobody is left to read it */
  return watched[0].revents != 0;
}

/* The program has done nothing for too long. */
static void
be_overdue (Delivery *delivery)
{
  Persist *persist = delivery->persist;
  const char *fault = persist_is_answered (persist) ? "did not answer in time" : "did not read its input in time";
  g_autofree char *words = g_strdup_printf ("%s %s", persist->exec->program, fault);

  if (persist->exec->on_exit == EXEC_ON_EXIT_RESTART)
    persist_lose (persist, fault);
  else
    persist->progress_at = g_get_monotonic_time (); /* it may have all that time again */
  give_up (delivery, words);
}

typedef enum
{
  ATTEND_WAIT,
  ATTEND_OVER,
} AttendStep;

/* Takes what there is and decides whether to wait for more.  `*limit` is for
 * how long at most. */
static AttendStep
attend_once (Delivery *delivery, gint64 began, gint64 *limit)
{
  Persist *persist = delivery->persist;
  gboolean ended = child_ended (&persist->child); /* asked first: what it left in the pipes is seen after that */
  g_autofree char *fault = exchange (persist);
  gboolean all = settle (delivery);
  gint64 time_limit = persist->exec->time_limit;
  gint64 now = g_get_monotonic_time ();

  if (all && fault == NULL)
    return ATTEND_OVER;
  if (ended || fault != NULL || persist->stream.broken)
    {
      persist_lose (persist, fault);
      give_up (delivery, persist->last_words);
      return ATTEND_OVER;
    }
  *limit = time_limit > 0 ? persist->progress_at + time_limit : G_MAXINT64;
  if (now < *limit && now < delivery->batch->deadline)
    return ATTEND_WAIT;
  /* A program that merely is slow keeps the rest for the next time. */
  if (now >= *limit || persist->progress_at <= began)
    be_overdue (delivery);
  return ATTEND_OVER;
}

void
persist_deliver (Persist *persist, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  g_autofree Handed **handed = g_new0 (Handed *, batch->n_events);
  Delivery delivery = { persist, batch, verdicts, handed };
  g_autofree char *words = NULL;
  gint64 began, limit;

  if (!persist_make_ready (persist, batch, &words))
    {
      if (words != NULL)
        give_up (&delivery, words);
      return;
    }
  hand_over_all (&delivery);
  began = g_get_monotonic_time ();
  while (attend_once (&delivery, began, &limit) == ATTEND_WAIT)
    if (wait_for_change (persist, MIN (limit, batch->deadline), batch->cancel_fd))
      return;
}
