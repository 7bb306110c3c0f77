/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run.c - one run of the program per event; its exit status is the verdict.
 *
 * Events are handled one after the other, in order.
 */
#include "exec.h"
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* sysexits.h: the input data was wrong; will be wrong the next time as well. */
#define STATUS_REJECT 65

typedef enum
{
  RUN_ENDED,
  RUN_OUT_OF_TIME,
  RUN_CANCELLED,
} RunOutcome;

/* What the program is still to be given through its standard input. */
typedef struct
{
  int fd; /* -1: nothing */
  const char *text;
  gsize length;
} Feed;

static void
feed_end (Feed *feed)
{
  if (feed->fd >= 0)
    close (feed->fd);
  feed->fd = -1;
}

/* Gives what the pipe takes.  A program need not read what it is given: that
 * nobody does is no error. */
static void
feed_some (Feed *feed)
{
  ssize_t written = write (feed->fd, feed->text, feed->length);

  if (written < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (written >= 0 && (gsize) written < feed->length)
    {
      feed->text += written;
      feed->length -= (gsize) written;
      return;
    }
  feed_end (feed);
}

/* A pipe with the text in it; returns the end to read from, or -1.  Nearly
 * always the pipe takes all of it before the program even runs. */
static int
feed_begin (Feed *feed, const GString *text, GError **error)
{
  int ends[2];

  if (pipe2 (ends, O_CLOEXEC) != 0)
    {
      g_set_error (error, G_FILE_ERROR, (int) g_file_error_from_errno (errno), "cannot make a pipe: %s",
                   g_strerror (errno));
      return -1;
    }
  *feed = (Feed){ ends[1], text->str, text->len };
  fcntl (feed->fd, F_SETFL, O_NONBLOCK);
  feed_some (feed);
  return ends[0];
}

/* Feeds the program until it ends. */
static RunOutcome
attend (const Child *child, Feed *feed, gint64 limit, int cancel_fd)
{
  for (;;)
    {
      struct pollfd watched[] = { { child->pidfd, POLLIN, 0 }, { cancel_fd, POLLIN, 0 }, { feed->fd, POLLOUT, 0 } };
      gint64 left = limit - g_get_monotonic_time ();

      if (left <= 0)
        return child_ended (child) ? RUN_ENDED : RUN_OUT_OF_TIME;
      if (poll (watched, G_N_ELEMENTS (watched), (int) MIN (left / 1000 + 1, G_MAXINT)) <= 0)
        continue;
      if (watched[0].revents != 0)
        return RUN_ENDED;
      if (watched[1].revents != 0)
        return RUN_CANCELLED;
      if (watched[2].revents != 0)
        feed_some (feed);
    }
}

static IpmidVerdict
verdict_of (const siginfo_t *info)
{
  if (info->si_code == CLD_EXITED && info->si_status == 0)
    return IPMID_VERDICT_DONE;
  if (info->si_code == CLD_EXITED && info->si_status == STATUS_REJECT)
    return IPMID_VERDICT_REJECT;
  return IPMID_VERDICT_RETRY;
}

/* The environment of a run: the base, borrowed, and the event's fields, which
 * are strings of their own from index *own on. */
static GPtrArray *
environment_for (const Exec *exec, const IpmidEvent *event, guint *own)
{
  GPtrArray *environment = g_ptr_array_sized_new (40);

  for (char **entry = exec->environment; *entry != NULL; entry++)
    g_ptr_array_add (environment, *entry);
  *own = environment->len;
  for (guint field = 0; field < IPMID_N_FIELDS; field++)
    {
      g_autofree char *value = ipmid_event_to_text (exec->host, event, field);
      g_autofree char *name = NULL;

      if (value == NULL)
        continue;
      name = g_ascii_strup (ipmid_field_name (exec->host, field), -1);
      g_ptr_array_add (environment, g_strconcat ("IPMID_", name, "=", value, NULL));
    }
  g_ptr_array_add (environment, NULL);
  return environment;
}

static gboolean
start (Exec *exec, const IpmidEvent *event, char **arguments, int in, Child *child, GError **error)
{
  guint own;
  GPtrArray *environment = environment_for (exec, event, &own);
  guint n_arguments = arguments != NULL ? g_strv_length (arguments) : 0;
  GPtrArray *argv = exec_argv (exec, n_arguments);
  gboolean started;

  for (guint i = 0; i < n_arguments; i++)
    g_ptr_array_add (argv, arguments[i]);
  g_ptr_array_add (argv, NULL);
  started = child_start (
      child, &(ChildPlan){ (char **) argv->pdata, (char **) environment->pdata, in, -1, exec->identity }, error);
  for (guint i = own; i < environment->len; i++)
    g_free (environment->pdata[i]);
  g_ptr_array_unref (environment);
  g_ptr_array_unref (argv);
  return started;
}

/* What one event is for the program; both NULL if its format has no words for
 * this kind of event. */
typedef struct
{
  char **arguments;
  GString *text;
} Input;

static void
input_clear (Input *input)
{
  g_strfreev (input->arguments);
  if (input->text != NULL)
    g_string_free (input->text, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Input, input_clear)

static Input
input_for (const Exec *exec, const IpmidEvent *event)
{
  g_autoptr (GString) text = NULL;

  if (exec->input == EXEC_INPUT_ARGUMENTS && exec->format == IPMID_FORMAT_EVENTD)
    return (Input){ ipmid_event_arguments (exec->host, event), NULL };
  text = g_string_sized_new (1024);
  if (!ipmid_event_render (exec->host, event, (IpmidFormat) exec->format, text))
    return (Input){ NULL, NULL };
  if (exec->input == EXEC_INPUT_STDIN)
    return (Input){ NULL, g_steal_pointer (&text) };
  g_string_truncate (text, text->len - 1); /* one argument, without the newline */
  return (Input){ g_strsplit (text->str, "\n", 2), NULL };
}

/* The program has ended, or is made to. */
static IpmidVerdict
conclude (const Exec *exec, Child *child, RunOutcome outcome, char **reason)
{
  g_autofree char *words = NULL;
  siginfo_t info;

  if (outcome == RUN_ENDED)
    {
      child_reap (child, &info);
      words = child_words (&info);
      *reason = g_strdup_printf ("%s %s", exec->program, words);
      return verdict_of (&info);
    }
  child_kill (child, &info);
  if (outcome == RUN_CANCELLED)
    return IPMID_VERDICT_NONE;
  *reason = g_strdup_printf ("%s did not end in time and was killed", exec->program);
  return IPMID_VERDICT_RETRY;
}

static IpmidVerdict
run_event (Exec *exec, const IpmidEvent *event, gint64 limit, int cancel_fd, char **reason)
{
  g_auto (Input) input = input_for (exec, event);
  g_autoptr (GError) error = NULL;
  Feed feed = { -1, NULL, 0 };
  int in = -1;
  Child child;
  IpmidVerdict verdict = IPMID_VERDICT_RETRY;

  if (input.arguments == NULL && input.text == NULL)
    return IPMID_VERDICT_DONE;
  if (input.text != NULL)
    in = feed_begin (&feed, input.text, &error);
  if (error == NULL && start (exec, event, input.arguments, in, &child, &error))
    {
      if (in >= 0)
        close (in);
      in = -1;
      verdict = conclude (exec, &child, attend (&child, &feed, limit, cancel_fd), reason);
    }
  else
    *reason = g_strdup (error->message);
  if (in >= 0)
    close (in);
  feed_end (&feed);
  return verdict;
}

static gboolean
is_cancelled (const IpmidBatch *batch)
{
  struct pollfd watched = { batch->cancel_fd, POLLIN, 0 };

  return poll (&watched, 1, 0) > 0;
}

/* After a RETRY, the later events of that BMC wait. */
static gboolean
must_wait (const Exec *exec, const IpmidBatch *batch, const IpmidVerdict *verdicts, guint index)
{
  const char *bmc = ipmid_event_string (exec->host, batch->events[index], IPMID_FIELD_BMC);

  for (guint i = 0; i < index; i++)
    if (verdicts[i] == IPMID_VERDICT_RETRY
        && g_strcmp0 (bmc, ipmid_event_string (exec->host, batch->events[i], IPMID_FIELD_BMC)) == 0)
      return TRUE;
  return FALSE;
}

void
run_deliver (Exec *exec, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  gboolean failed = FALSE;

  for (guint i = 0; i < batch->n_events; i++)
    {
      g_autofree char *reason = NULL;
      gint64 own_limit = exec_time_limit (exec);

      if (g_get_monotonic_time () >= batch->deadline || is_cancelled (batch))
        return;
      if (failed && must_wait (exec, batch, verdicts, i))
        continue;
      verdicts[i] = run_event (exec, batch->events[i], MIN (own_limit, batch->deadline), batch->cancel_fd, &reason);
      /* It is not this event's fault that the ones before it took the time. */
      if (verdicts[i] == IPMID_VERDICT_RETRY && i > 0 && batch->deadline < own_limit
          && g_get_monotonic_time () >= batch->deadline)
        verdicts[i] = IPMID_VERDICT_NONE;
      else if (verdicts[i] != IPMID_VERDICT_DONE && reason != NULL)
        ipmid_host_reason (exec->host, batch->tokens[i], reason);
      failed = failed || verdicts[i] == IPMID_VERDICT_RETRY;
    }
}
