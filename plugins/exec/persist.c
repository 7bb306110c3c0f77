/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* persist.c - the life of a program that stays, and its answers. */
#include "persist.h"

#include <poll.h>
#include <unistd.h>

/* The pause before the program is started again; doubled each time. */
#define RESTART_PAUSE (100 * G_TIME_SPAN_MILLISECOND)
#define RESTART_DOUBLINGS_MAX 8u

/* How long a program whose pipe has broken may take to end by itself, so that
 * we learn how it ended; and at the end of its input, before it is ended. */
#define END_GRACE (200 * G_TIME_SPAN_MILLISECOND)
#define CLOSE_GRACE (1 * G_TIME_SPAN_SECOND)

static void
handed_free (gpointer data)
{
  Handed *handed = data;

  g_free (handed->id);
  g_free (handed->reason);
  g_free (handed);
}

gboolean
persist_is_answered (const Persist *persist)
{
  return persist->exec->input == EXEC_INPUT_ACKNOWLEDGE;
}

Persist *
persist_new (Exec *exec)
{
  Persist *persist = g_new0 (Persist, 1);

  persist->exec = exec;
  persist->child = (Child){ 0, -1 };
  stream_init (&persist->stream);
  persist->handed = g_ptr_array_new_with_free_func (handed_free);
  return persist;
}

void
persist_free (Persist *persist)
{
  siginfo_t info;

  stream_clear (&persist->stream); /* the end of its input */
  if (persist->child.pid != 0)
    {
      child_wait (&persist->child, CLOSE_GRACE);
      child_kill (&persist->child, &info);
    }
  g_ptr_array_unref (persist->handed);
  g_free (persist->last_words);
  g_free (persist);
}

/* The program is not there: what follows from that. */
static void
note_failure (Persist *persist, const char *words)
{
  IpmidHost *host = persist->exec->host;
  gint64 pause = RESTART_PAUSE << MIN (persist->failures, RESTART_DOUBLINGS_MAX);

  persist->failures++;
  persist->restart_at = g_get_monotonic_time () + pause;
  g_free (persist->last_words);
  persist->last_words = g_strdup (words);
  if (persist->exec->on_exit == EXEC_ON_EXIT_STOP && !persist->stopped)
    {
      persist->stopped = TRUE;
      ipmid_host_stop (host, 1, words);
    }
  else if (!persist->stopped)
    ipmid_host_log (host, IPMID_LOG_WARNING, NULL, "%s; it is started again in %.1f s", words,
                    (double) pause / G_TIME_SPAN_SECOND);
}

static gboolean
launch (Persist *persist, GError **error)
{
  GPtrArray *argv;
  int ends[2];
  gboolean started;

  if (!stream_open (&persist->stream, persist_is_answered (persist), ends, error))
    return FALSE;
  argv = exec_argv (persist->exec, 0);
  g_ptr_array_add (argv, NULL);
  started = child_start (
      &persist->child,
      &(ChildPlan){ (char **) argv->pdata, persist->exec->environment, ends[0], ends[1], persist->exec->identity },
      error);
  g_ptr_array_unref (argv);
  close (ends[0]);
  if (ends[1] >= 0)
    close (ends[1]);
  if (!started)
    stream_close (&persist->stream);
  return started;
}

gboolean
persist_start (Persist *persist, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (launch (persist, &local))
    {
      ipmid_host_log (persist->exec->host, IPMID_LOG_INFO, NULL, "started %s, process %d", persist->exec->program,
                      (int) persist->child.pid);
      return TRUE;
    }
  note_failure (persist, local->message);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

void
persist_lose (Persist *persist, const char *fault)
{
  const char *program = persist->exec->program;
  gboolean broken = persist->stream.broken;
  gboolean by_itself = child_wait (&persist->child, broken ? END_GRACE : 0);
  siginfo_t info;
  g_autofree char *end = NULL;
  g_autofree char *words = NULL;

  child_kill (&persist->child, &info);
  end = by_itself ? child_words (&info) : g_strdup ("was killed");
  if (fault == NULL && broken && !by_itself)
    fault = "closed its standard input or output";
  words = g_strdup_printf ("%s %s%s%s", program, fault != NULL ? fault : "", fault != NULL ? ", and " : "", end);
  stream_close (&persist->stream);
  g_ptr_array_set_size (persist->handed, 0);
  note_failure (persist, words);
}

/* TRUE if the host wants its thread back; waits until then or `until`. */
static gboolean
pause_until (gint64 until, int cancel_fd)
{
  struct pollfd watched = { cancel_fd, POLLIN, 0 };
  gint64 left = until - g_get_monotonic_time ();

  return poll (&watched, 1, (int) (MAX (left, 0) / 1000)) > 0;
}

gboolean
persist_make_ready (Persist *persist, const IpmidBatch *batch, char **words)
{
  g_autoptr (GError) error = NULL;

  if (persist->child.pid != 0 && child_ended (&persist->child))
    persist_lose (persist, NULL);
  if (persist->child.pid != 0)
    return TRUE;
  *words = NULL;
  if (!persist->stopped && persist->restart_at < batch->deadline)
    {
      if (pause_until (persist->restart_at, batch->cancel_fd))
        return FALSE;
      if (persist_start (persist, &error))
        return TRUE;
    }
  *words = g_strdup (persist->last_words);
  return FALSE;
}

void
persist_idle (Persist *persist, IpmidIdle *idle)
{
  gint64 now = g_get_monotonic_time ();

  if (persist->child.pid != 0 && child_ended (&persist->child))
    persist_lose (persist, NULL);
  if (persist->child.pid == 0 && !persist->stopped && now >= persist->restart_at)
    persist_start (persist, NULL);
  if (persist->child.pid != 0)
    idle->fd = persist->child.pidfd;
  else if (!persist->stopped)
    idle->wake_after = MAX (persist->restart_at - now, RESTART_PAUSE);
}

/* What is wrong with the answer, or NULL.  Free with g_free(). */
static char *
take_answer (Persist *persist, const char *line, gsize length)
{
  g_autofree char *shown = NULL;
  Ack ack;

  if (ack_parse (line, length, &ack))
    for (guint i = 0; i < persist->handed->len; i++)
      {
        Handed *handed = g_ptr_array_index (persist->handed, i);
        if (handed->verdict == IPMID_VERDICT_NONE && ack_names (&ack, handed->id, &handed->reason))
          {
            handed->verdict = ack.verdict;
            return NULL;
          }
      }
  shown = ack_printable (line, length);
  return g_strdup_printf ("answered \"%s\", which is no answer to any open event", shown);
}

char *
persist_take_answers (Persist *persist)
{
  const char *line;
  gsize length;
  AckState state;

  while ((state = ack_reader_next (&persist->stream.answers, &line, &length)) == ACK_LINE)
    {
      char *fault = take_answer (persist, line, length);
      if (fault != NULL)
        return fault;
    }
  return state == ACK_TOO_LONG ? g_strdup ("answered with a line of more than 64 KiB") : NULL;
}
