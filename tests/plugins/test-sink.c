/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-sink.c - a handler that does as its script says.
 *
 * Each event that is given to it is a line "<id> <attempt>" in the file `log`.
 * `script` holds a letter for each event in turn, and its last letter goes on
 * for ever:
 *   d DONE  r RETRY  j REJECT  n NONE
 *   l LATER, answered DONE by another thread       L the same, but with RETRY
 *   2 LATER, answered twice                        0 LATER, never answered
 *   s DONE after `pause`                           h hangs until it is cancelled
 *   p RETRY, and no events for `pause`
 *
 * Each reading is a line of JSON in the file `readings-log`, and after those of
 * one call comes a line "batch <readings> <dropped>".  Without that file it wants
 * no readings.  `readings-pause` is how long it takes for a call.
 */
#include <ipmid/plugin.h>

/* The same plugin is also made as one that is fed live. */
#ifndef TEST_SINK_NAME
#define TEST_SINK_NAME "test-sink"
#define TEST_SINK_FLAGS IPMID_PLUGIN_WORKERS
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  char *log;
  char *script;
  gint64 pause;
  int fail_open;
  char *readings_log;
  gint64 readings_pause;

  IpmidHost *host;
  int fd, readings_fd;
  gsize position;
  GThreadPool *pool;
} Sink;

typedef struct
{
  guint64 token;
  char letter;
} Answer;

#define OPTION(member) G_STRUCT_OFFSET (Sink, member)

enum
{
  FAIL_NO,
  FAIL_YES,
  FAIL_SECOND,
};

static const char *const failures[] = { "no", "yes", "second", NULL };

static const IpmidOption options[] = {
  { "log", IPMID_OPTION_PATH, OPTION (log), NULL, TRUE, 0, 0, NULL, "PATH", "Where to write what came." },
  { "script", IPMID_OPTION_STRING, OPTION (script), "d", FALSE, 0, 0, NULL, "LETTERS", "What to answer." },
  { "pause", IPMID_OPTION_DURATION, OPTION (pause), "10ms", FALSE, 0, 0, NULL, "DURATION", "How long slow is." },
  { "fail-open", IPMID_OPTION_CHOICE, OPTION (fail_open), "no", FALSE, 0, 0, failures, "no|yes|second",
    "Cannot be opened; or not while `log` is there." },
  { "readings-log", IPMID_OPTION_PATH, OPTION (readings_log), NULL, FALSE, 0, 0, NULL, "PATH", "Where to write them." },
  { "readings-pause", IPMID_OPTION_DURATION, OPTION (readings_pause), "0s", FALSE, 0, 0, NULL, "DURATION",
    "How long it takes for readings." },
  { .key = NULL },
};

static void
answer_later (gpointer data, gpointer user_data)
{
  Sink *sink = user_data;
  g_autofree Answer *answer = data;

  g_usleep ((gulong) sink->pause);
  ipmid_host_answer (sink->host, answer->token, answer->letter == 'L' ? IPMID_VERDICT_RETRY : IPMID_VERDICT_DONE,
                     "later");
  if (answer->letter == '2')
    ipmid_host_answer (sink->host, answer->token, IPMID_VERDICT_RETRY, "twice");
}

static gboolean
sink_open (gpointer state, IpmidHost *host, GError **error)
{
  Sink *sink = state;

  if (sink->fail_open == FAIL_YES || (sink->fail_open == FAIL_SECOND && access (sink->log, F_OK) == 0))
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "told to fail");
      return FALSE;
    }
  sink->host = host;
  sink->fd = open (sink->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  sink->readings_fd = -1;
  if (sink->readings_log != NULL)
    sink->readings_fd = open (sink->readings_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ipmid_host_want_readings (host, sink->readings_fd >= 0);
  sink->pool = g_thread_pool_new (answer_later, sink, 4, FALSE, NULL);
  return sink->fd >= 0;
}

static char
next_letter (Sink *sink)
{
  char letter = sink->script[sink->position];

  if (sink->script[sink->position + 1] != '\0')
    sink->position++;
  return letter;
}

static void
note (Sink *sink, const IpmidBatch *batch, guint i)
{
  const char *id = ipmid_event_string (sink->host, batch->events[i], IPMID_FIELD_ID);
  g_autofree char *line = g_strdup_printf ("%s %u\n", id, batch->attempts[i]);

  if (write (sink->fd, line, strlen (line)) < 0)
    g_error ("cannot write %s", sink->log);
}

static IpmidVerdict
answer (Sink *sink, const IpmidBatch *batch, guint64 token, char letter)
{
  struct pollfd cancel = { .fd = batch->cancel_fd, .events = POLLIN };
  const Answer later = { token, letter };

  switch (letter)
    {
    case 'd':
      return IPMID_VERDICT_DONE;
    case 'r':
      ipmid_host_reason (sink->host, token, "told to fail");
      return IPMID_VERDICT_RETRY;
    case 'j':
      return IPMID_VERDICT_REJECT;
    case 's':
      g_usleep ((gulong) sink->pause);
      return IPMID_VERDICT_DONE;
    case 'h':
      while (poll (&cancel, 1, -1) < 0 && errno == EINTR)
        continue;
      return IPMID_VERDICT_NONE;
    case 'p':
      ipmid_host_pause (sink->host, sink->pause);
      return IPMID_VERDICT_RETRY;
    case 'n':
      return IPMID_VERDICT_NONE;
    case '0':
      return IPMID_VERDICT_LATER;
    default:
      g_thread_pool_push (sink->pool, g_memdup2 (&later, sizeof later), NULL);
      return IPMID_VERDICT_LATER;
    }
}

static void
sink_deliver (gpointer state, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  Sink *sink = state;

  for (guint i = 0; i < batch->n_events; i++)
    {
      note (sink, batch, i);
      verdicts[i] = answer (sink, batch, batch->tokens[i], next_letter (sink));
    }
}

static void
sink_readings (gpointer state, const IpmidReadings *readings)
{
  Sink *sink = state;
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < readings->n_readings; i++)
    ipmid_reading_render (sink->host, readings->readings[i], text);
  g_string_append_printf (text, "batch %u %" G_GUINT64_FORMAT "\n", readings->n_readings, readings->dropped);
  if (write (sink->readings_fd, text->str, text->len) < 0)
    g_error ("cannot write %s", sink->readings_log);
  g_usleep ((gulong) sink->readings_pause);
}

static void
sink_close (gpointer state)
{
  Sink *sink = state;

  g_thread_pool_free (sink->pool, FALSE, TRUE);
  close (sink->fd);
  if (sink->readings_fd >= 0)
    close (sink->readings_fd);
}

const IpmidPlugin ipmid_plugin = { .abi_major = IPMID_PLUGIN_ABI_MAJOR,
                                   .abi_minor = IPMID_PLUGIN_ABI_MINOR,
                                   .size = sizeof (IpmidPlugin),
                                   .name = TEST_SINK_NAME,
                                   .version = "1",
                                   .summary = "Does as it is told",
                                   .flags = TEST_SINK_FLAGS,
                                   .state_size = sizeof (Sink),
                                   .options = options,
                                   .open = sink_open,
                                   .deliver = sink_deliver,
                                   .readings = sink_readings,
                                   .close = sink_close };
