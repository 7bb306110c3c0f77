/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-exec.c - the exec plugin, alone, with shell scripts as programs.
 *
 * Called with "--list-descriptors FILE" it is such a program itself.
 */
#include "plugin-bench-host.h"

#include <event/render.h>

#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct
{
  BenchHost *bench;
  char *directory;
  char *script;
  char *out; /* where scripts write */
  guint descriptors;
} Fixture;

/* A name that a shell, a newline-separated stream and an option parser would
 * all fall over. */
#define HOSTILE "$(touch /tmp/x);`id`'\"\\ -rf * \xc3\xa9\nendevent\nthreshold"

static void
set_up (Fixture *fixture, gconstpointer input)
{
  fixture->descriptors = bench_count_descriptors ();
  fixture->directory = bench_make_directory ();
  fixture->script = g_build_filename (fixture->directory, "program", NULL);
  fixture->out = g_build_filename (fixture->directory, "out", NULL);
  fixture->bench = bench_host_new ("exec");
  bench_host_set (fixture->bench, "program", fixture->script);
  bench_host_set (fixture->bench, "arguments", fixture->out);
  bench_host_set (fixture->bench, "input", input);
}

static void
tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  bench_host_free (fixture->bench);
  bench_remove_directory (fixture->directory);
  g_free (fixture->script);
  g_free (fixture->out);
  g_assert_cmpuint (bench_count_descriptors (), ==, fixture->descriptors);
}

static void
open_plugin (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;

  bench_host_open (fixture->bench, &error);
  g_assert_no_error (error);
}

/* A program; "$1" is fixture->out. */
static void
write_script (Fixture *fixture, const char *body)
{
  g_autofree char *text = g_strconcat ("#!/bin/sh\n", body, "\n", NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (fixture->script, text, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (fixture->script, 0700), ==, 0);
}

static void
begin (Fixture *fixture, const char *body)
{
  write_script (fixture, body);
  open_plugin (fixture);
}

static char *
contents (const char *path, gsize *length)
{
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  g_file_get_contents (path, &text, length, &error);
  g_assert_no_error (error);
  return text;
}

static void
assert_reason (Fixture *fixture, guint64 token, const char *words)
{
  const char *reason = bench_host_reason (fixture->bench, token);

  if (reason == NULL || strstr (reason, words) == NULL)
    g_error ("\"%s\" does not contain \"%s\"", reason != NULL ? reason : "(no reason)", words);
}

static IpmidVerdict
deliver (Fixture *fixture, guint number)
{
  g_autoptr (IpmidEvent) event = bench_event ("b1", number);

  return bench_host_deliver_one (fixture->bench, event);
}

static IpmidEvent *
hostile_event (guint number)
{
  IpmidEvent *event = bench_event ("b1", number);

  event_set_string (event, IPMID_FIELD_SENSOR_ID, HOSTILE);
  event_set_string (event, IPMID_FIELD_TEXT, HOSTILE);
  return event;
}

static gboolean
file_has_text (gconstpointer path)
{
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) && strchr (text, '\n') != NULL;
}

static int
read_pid (const char *path)
{
  g_autofree char *text = NULL;

  bench_wait_for (file_has_text, path, "a process id in a file");
  text = contents (path, NULL);
  return atoi (text);
}

static gboolean
is_stopped (gconstpointer pid)
{
  return bench_process_state (GPOINTER_TO_INT (pid)) == 'T';
}

/* ------------------------------------------------------- one run per event */

static void
test_arguments (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_autoptr (IpmidEvent) event = hostile_event (1);
  g_auto (GStrv) expected = render_arguments (event);
  g_autofree char *text = NULL;
  const char *word;
  gsize length;

  bench_host_set (fixture->bench, "format", "eventd");
  begin (fixture, "printf '%s\\0' \"$@\" >\"$1\"; cat >>\"$1\"");
  g_assert_cmpint (bench_host_deliver_one (fixture->bench, event), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  text = contents (fixture->out, &length);
  word = text + strlen (text) + 1; /* behind our own argument */
  for (char **argument = expected; *argument != NULL; argument++)
    {
      g_assert_cmpstr (word, ==, *argument);
      word += strlen (word) + 1;
    }
  g_assert_true (word == text + length);
}

static void
test_json_argument (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_autoptr (IpmidEvent) event = hostile_event (1);
  g_autoptr (GString) expected = g_string_new (NULL);
  g_autofree char *text = NULL;

  render_event (event, IPMID_FORMAT_JSON, expected);
  begin (fixture, "test $# = 2 || exit 3; printf '%s\\n' \"$2\" >\"$1\"");
  g_assert_cmpint (bench_host_deliver_one (fixture->bench, event), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  text = contents (fixture->out, NULL);
  g_assert_cmpstr (text, ==, expected->str);
}

static void
check_stdin (Fixture *fixture, IpmidFormat format)
{
  g_autoptr (IpmidEvent) event = hostile_event (1);
  g_autoptr (GString) expected = g_string_new (NULL);
  g_autofree char *text = NULL;

  render_event (event, format, expected);
  begin (fixture, "cat >\"$1\"");
  g_assert_cmpint (bench_host_deliver_one (fixture->bench, event), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  text = contents (fixture->out, NULL);
  g_assert_cmpstr (text, ==, expected->str);
}

static void
test_stdin_json (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  check_stdin (fixture, IPMID_FORMAT_JSON);
}

static void
test_stdin_eventd (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  bench_host_set (fixture->bench, "format", "eventd");
  check_stdin (fixture, IPMID_FORMAT_EVENTD);
}

static void
test_own_kind (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_autoptr (IpmidEvent) event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_GAP);
  bench_host_set (fixture->bench, "format", "eventd");
  begin (fixture, "exit 1");
  g_assert_cmpint (bench_host_deliver_one (fixture->bench, event), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
}

static void
test_environment (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_autoptr (IpmidEvent) event = hostile_event (1);
  g_autofree char *home = g_strconcat ("HOME=", g_get_home_dir (), NULL);
  g_autofree char *text = NULL;
  const char *entries[64] = { NULL };
  guint n_fields = 0, n_entries = 0;
  gsize length;

  g_setenv ("IPMID_TEST_CANARY", "secret", TRUE);
  begin (fixture, "cat /proc/$$/environ >\"$1\"");
  g_assert_cmpint (bench_host_deliver_one (fixture->bench, event), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  g_unsetenv ("IPMID_TEST_CANARY");
  text = contents (fixture->out, &length);
  for (const char *entry = text; entry < text + length; entry += strlen (entry) + 1)
    entries[n_entries++] = entry;
  g_assert_cmpstr (entries[0], ==, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  g_assert_true (g_strv_contains (entries, "LC_CTYPE=C.UTF-8"));
  g_assert_true (g_strv_contains (entries, home));
  for (guint field = 0; field < IPMID_N_FIELDS; field++)
    {
      g_autofree char *value = render_field (event, field);
      g_autofree char *name = g_ascii_strup (event_field (field)->name, -1);
      g_autofree char *entry = g_strconcat ("IPMID_", name, "=", value, NULL);
      if (value == NULL)
        continue;
      n_fields++;
      g_assert_true (g_strv_contains (entries, entry));
    }
  g_assert_cmpuint (n_entries, ==, n_fields + 3);
}

/* The program leads its process group (field 5 is its own id), in "/", and no
 * signal is ignored or blocked, although this process ignores SIGPIPE. */
static void
test_surroundings (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  const guint64 of_glibc = G_GUINT64_CONSTANT (0x180000000); /* 32 and 33 are its own affair */
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;

  begin (fixture, "out=$1; set -- $(cat /proc/$$/stat)\n"
                  "echo $(($1 == $5)) $(pwd) $(sed -n 's/^Sig\\(Blk\\|Ign\\):.//p' /proc/$$/status) >\"$out\"");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  text = contents (fixture->out, NULL);
  words = g_strsplit (g_strchomp (text), " ", -1);
  g_assert_cmpuint (g_strv_length (words), ==, 4);
  g_assert_cmpstr (words[0], ==, "1");
  g_assert_cmpstr (words[1], ==, "/");
  g_assert_cmphex (g_ascii_strtoull (words[2], NULL, 16), ==, 0);
  g_assert_cmphex (g_ascii_strtoull (words[3], NULL, 16) & ~of_glibc, ==, 0);
}

static void
test_descriptors (Fixture *fixture, gconstpointer input)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *arguments = g_strconcat ("--list-descriptors;", fixture->out, NULL);
  g_autofree char *text = NULL;
  int leak = open ("/dev/null", O_RDONLY); /* without O_CLOEXEC */

  bench_host_set (fixture->bench, "program", self);
  bench_host_set (fixture->bench, "arguments", arguments);
  open_plugin (fixture);
  if (strcmp (input, "acknowledge") != 0 && strcmp (input, "persistent") != 0)
    g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  bench_wait_for (file_has_text, fixture->out, "the list of descriptors");
  bench_host_close (fixture->bench);
  text = contents (fixture->out, NULL);
  g_assert_cmpstr (text, ==, "0 1 2 \n");
  close (leak);
}

static void
test_statuses (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  begin (fixture, "case $IPMID_RECORD_ID in 1) exit 0;; 2) exit 65;; 3) exit 3;; 4) kill -9 $$;; esac");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (deliver (fixture, 2), ==, IPMID_VERDICT_REJECT);
  assert_reason (fixture, 0, "status 65");
  g_assert_cmpint (deliver (fixture, 3), ==, IPMID_VERDICT_RETRY);
  assert_reason (fixture, 0, "status 3");
  g_assert_cmpint (deliver (fixture, 4), ==, IPMID_VERDICT_RETRY);
  assert_reason (fixture, 0, "signal 9");
  bench_host_close (fixture->bench);
}

static void
test_not_startable (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  open_plugin (fixture);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  assert_reason (fixture, 0, "No such file");
  write_script (fixture, "exit 0");
  g_assert_cmpint (g_chmod (fixture->script, 0600), ==, 0);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  assert_reason (fixture, 0, "Permission denied");
  /* No shell: what the kernel cannot run is not run. */
  g_assert_true (g_file_set_contents (fixture->script, "exit 0\n", -1, NULL));
  g_assert_cmpint (g_chmod (fixture->script, 0700), ==, 0);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  assert_reason (fixture, 0, "Exec format error");
  bench_host_close (fixture->bench);
}

/* A program that does not read what it is given is not in the wrong. */
static void
test_not_reading (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  begin (fixture, "exec <&-; exit 0");
  for (guint i = 0; i < 20; i++)
    g_assert_cmpint (deliver (fixture, i), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
}

static void
test_hanging (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_autofree char *grandchild = g_strconcat (fixture->out, ".2", NULL);

  bench_host_set (fixture->bench, "time-limit", "300ms");
  begin (fixture, "sleep 1000 & echo $! >\"$1.2\"; echo $$ >\"$1\"; wait");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  assert_reason (fixture, 0, "in time");
  bench_assert_dies (read_pid (fixture->out));
  bench_assert_dies (read_pid (grandchild));
  bench_host_close (fixture->bench);
}

static void
test_stubborn (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  bench_host_set (fixture->bench, "time-limit", "200ms");
  begin (fixture, "trap '' TERM; echo $$ >\"$1\"; while :; do sleep 1000; done");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  bench_assert_dies (read_pid (fixture->out));
  bench_host_close (fixture->bench);
}

static void
test_stopped (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  bench_host_set (fixture->bench, "time-limit", "200ms");
  begin (fixture, "echo $$ >\"$1\"; kill -STOP $$");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  bench_assert_dies (read_pid (fixture->out));
  bench_host_close (fixture->bench);
}

/* The program has done its work; what it left behind is its own affair. */
static void
test_left_behind (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  gint64 began = g_get_monotonic_time ();
  int pid;

  begin (fixture, "sleep 1000 & echo $! >\"$1\"");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (g_get_monotonic_time () - began, <, 10 * G_TIME_SPAN_SECOND);
  bench_host_close (fixture->bench);
  pid = read_pid (fixture->out);
  g_assert_true (bench_is_alive (pid));
  kill (pid, SIGKILL);
  bench_assert_dies (pid);
}

static void
test_order (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  IpmidEvent *events[5] = { bench_event ("a", 1), bench_event ("b", 2), bench_event ("a", 3), bench_event ("b", 4),
                            bench_event ("a", 5) };
  IpmidVerdict verdicts[5];
  g_autofree char *text = NULL;

  begin (fixture, "echo $IPMID_RECORD_ID >>\"$1\"; test $IPMID_BMC = b");
  bench_host_deliver (fixture->bench, events, 5, verdicts);
  bench_host_close (fixture->bench);
  g_assert_cmpint (verdicts[0], ==, IPMID_VERDICT_RETRY);
  g_assert_cmpint (verdicts[1], ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (verdicts[2], ==, IPMID_VERDICT_NONE);
  g_assert_cmpint (verdicts[3], ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (verdicts[4], ==, IPMID_VERDICT_NONE);
  text = contents (fixture->out, NULL);
  g_assert_cmpstr (text, ==, "1\n2\n4\n");
  for (guint i = 0; i < 5; i++)
    event_unref (events[i]);
}

static gpointer
cancel_when_running (gpointer data)
{
  Fixture *fixture = data;

  bench_wait_for (file_has_text, fixture->out, "the program to run");
  bench_host_cancel (fixture->bench);
  return NULL;
}

static void
test_cancel (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  GThread *thread = g_thread_new ("cancel", cancel_when_running, fixture);

  begin (fixture, "echo $$ >\"$1\"; exec sleep 1000");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_NONE);
  g_thread_join (thread);
  bench_assert_dies (read_pid (fixture->out));
  g_assert_cmpint (deliver (fixture, 2), ==, IPMID_VERDICT_NONE);
  bench_host_close (fixture->bench);
}

/* The deadline hits the second event, which is not to blame. */
static void
test_deadline (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  IpmidEvent *events[3] = { bench_event ("a", 1), bench_event ("a", 2), bench_event ("a", 3) };
  IpmidVerdict verdicts[3];

  fixture->bench->patience = 500 * G_TIME_SPAN_MILLISECOND;
  begin (fixture, "test $IPMID_RECORD_ID = 1 || exec sleep 1000");
  bench_host_deliver (fixture->bench, events, 3, verdicts);
  g_assert_cmpint (verdicts[0], ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (verdicts[1], ==, IPMID_VERDICT_NONE);
  g_assert_cmpint (verdicts[2], ==, IPMID_VERDICT_NONE);
  bench_host_deliver (fixture->bench, events + 1, 2, verdicts);
  g_assert_cmpint (verdicts[0], ==, IPMID_VERDICT_RETRY);
  g_assert_cmpint (verdicts[1], ==, IPMID_VERDICT_NONE);
  bench_host_close (fixture->bench);
  for (guint i = 0; i < 3; i++)
    event_unref (events[i]);
}

/* ----------------------------------------------------- a program that stays */

static gboolean
file_exists (gconstpointer path)
{
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* Delivers events 1..n of one BMC. */
static guint64
deliver_many (Fixture *fixture, guint n, IpmidVerdict *verdicts)
{
  g_autofree IpmidEvent **events = g_new (IpmidEvent *, n);
  guint64 token;

  for (guint i = 0; i < n; i++)
    events[i] = bench_event ("b1", i + 1);
  token = bench_host_deliver (fixture->bench, events, n, verdicts);
  for (guint i = 0; i < n; i++)
    event_unref (events[i]);
  return token;
}

static void
assert_all (const IpmidVerdict *verdicts, guint n, IpmidVerdict expected)
{
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (verdicts[i], ==, expected);
}

static char *
rendered (guint first, guint last)
{
  GString *text = g_string_new (NULL);

  for (guint i = first; i <= last; i++)
    {
      g_autoptr (IpmidEvent) event = bench_event ("b1", i);
      render_event (event, IPMID_FORMAT_JSON, text);
    }
  return g_string_free (text, FALSE);
}

static void
test_persistent (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_autofree char *expected = rendered (1, 300);
  g_autofree char *text = NULL;
  IpmidVerdict verdicts[300];

  begin (fixture, "exec cat >\"$1\"");
  deliver_many (fixture, 300, verdicts); /* more than a pipe holds */
  assert_all (verdicts, 300, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  text = contents (fixture->out, NULL);
  g_assert_cmpstr (text, ==, expected);
}

/* Not read, not DONE; read at last, DONE, and not a second time. */
static void
check_sleeper (Fixture *fixture, guint n)
{
  g_autofree char *expected = rendered (1, n);
  g_autofree char *text = NULL;
  g_autofree IpmidVerdict *verdicts = g_new (IpmidVerdict, n);
  int pid;

  bench_host_set (fixture->bench, "time-limit", "200ms");
  bench_host_set (fixture->bench, "on-exit", "stop");
  begin (fixture, "echo $$ >\"$1.2\"; exec cat >\"$1\"");
  bench_wait_for (file_exists, fixture->out, "the program to run");
  {
    g_autofree char *file = g_strconcat (fixture->out, ".2", NULL);
    pid = read_pid (file);
  }
  kill (pid, SIGSTOP);
  bench_wait_for (is_stopped, GINT_TO_POINTER (pid), "the program to stop");
  for (guint i = 0; i < 2; i++)
    {
      deliver_many (fixture, n, verdicts);
      g_assert_cmpint (verdicts[0], ==, IPMID_VERDICT_RETRY);
      assert_all (verdicts + 1, n - 1, IPMID_VERDICT_NONE);
    }
  assert_reason (fixture, fixture->bench->next_token - n + 1, "in time");
  kill (pid, SIGCONT);
  deliver_many (fixture, n, verdicts);
  assert_all (verdicts, n, IPMID_VERDICT_DONE);
  g_assert_cmpint (fixture->bench->stop_status, ==, -1);
  bench_host_close (fixture->bench);
  text = contents (fixture->out, NULL);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_sleeper (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  check_sleeper (fixture, 3);
}

static void
test_sleeper_full_pipe (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  check_sleeper (fixture, 300);
}

/* With "restart", a program that does not read is ended and started again. */
static void
test_not_reading_restarts (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_autofree char *expected = rendered (1, 1);
  g_autofree char *text = NULL;

  bench_host_set (fixture->bench, "time-limit", "200ms");
  begin (fixture, "test -e \"$1\" && exec cat >>\"$1\"; : >\"$1\"; exec sleep 1000");
  bench_wait_for (file_exists, fixture->out, "the program to run");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  assert_reason (fixture, 0, "did not read");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  text = contents (fixture->out, NULL);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_partly_read (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_autofree char *first = rendered (1, 1);
  g_autofree char *body
      = g_strdup_printf ("dd bs=1 count=%u of=\"$1\" 2>/dev/null; exit 7", (guint) strlen (first) + 9);
  IpmidVerdict verdicts[3];
  guint64 token;

  begin (fixture, body);
  token = deliver_many (fixture, 3, verdicts);
  g_assert_cmpint (verdicts[0], ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (verdicts[1], ==, IPMID_VERDICT_RETRY);
  g_assert_cmpint (verdicts[2], ==, IPMID_VERDICT_NONE);
  assert_reason (fixture, token + 1, "status 7");
  bench_host_close (fixture->bench);
}

static void
test_closes_input (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  begin (fixture, "exec <&-; : >\"$1\"; exec sleep 1000");
  bench_wait_for (file_exists, fixture->out, "the program to close its input");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  assert_reason (fixture, 0, "closed its standard input");
  bench_host_close (fixture->bench);
}

/* What `idle` asks to be watched tells of the program's death. */
static void
kill_while_idle (Fixture *fixture, int pid)
{
  IpmidIdle idle = bench_host_idle (fixture->bench);
  struct pollfd watched = { idle.fd, POLLIN, 0 };

  g_assert_cmpint (idle.fd, >=, 0);
  g_assert_cmpint (poll (&watched, 1, 0), ==, 0);
  kill (pid, SIGTERM);
  g_assert_cmpint (poll (&watched, 1, 10000), ==, 1);
}

static void
test_exit_stops (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  bench_host_set (fixture->bench, "on-exit", "stop");
  begin (fixture, "trap 'exit 0' TERM; echo $$ >\"$1\"; while :; do sleep 0.01; done");
  kill_while_idle (fixture, read_pid (fixture->out));
  g_assert_cmpint (bench_host_idle (fixture->bench).fd, ==, -1);
  g_assert_cmpint (fixture->bench->stop_status, ==, 1);
  g_assert_nonnull (strstr (fixture->bench->stop_message, "exited with status 0"));
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  bench_host_close (fixture->bench);
}

static void
test_missing_stops (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  bench_host_set (fixture->bench, "on-exit", "stop");
  g_assert_false (bench_host_open (fixture->bench, NULL));
  g_assert_cmpint (fixture->bench->stop_status, ==, 1);
}

/* Killed while nothing happens: idle notices, and starts it again. */
static void
test_exit_restarts (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  IpmidIdle idle;

  begin (fixture, "echo $$ >\"$1\"; exec cat >/dev/null");
  kill_while_idle (fixture, read_pid (fixture->out));
  idle = bench_host_idle (fixture->bench);
  g_assert_cmpint (idle.fd, ==, -1);
  g_assert_cmpint (idle.wake_after, >, 0);
  g_assert_nonnull (strstr (fixture->bench->log->str, "signal 15"));
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (bench_host_idle (fixture->bench).fd, >=, 0);
  bench_host_close (fixture->bench);
}

/* The end of its input ends the program; it may finish what it does. */
static void
test_close (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_autofree char *text = NULL;

  begin (fixture, "cat >/dev/null; echo finished >\"$1\"");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  text = contents (fixture->out, NULL);
  g_assert_cmpstr (text, ==, "finished\n");
}

/* --------------------------------------------------------- acknowledgement */

/* Reads events and puts the id of each into $id. */
#define EACH_ID "while read -r line; do id=${line#*\\\"id\\\":\\\"}; id=${id%%\\\"*}; "

static void
test_acknowledge (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  IpmidVerdict verdicts[200];

  begin (fixture, EACH_ID "echo \"OK $id\"; done");
  for (guint i = 0; i < 3; i++)
    {
      deliver_many (fixture, 200, verdicts);
      assert_all (verdicts, 200, IPMID_VERDICT_DONE);
    }
  bench_host_close (fixture->bench);
}

static void
test_answers (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  IpmidVerdict verdicts[4];
  guint64 token;

  /* The last first, and with line ends of another system. */
  begin (fixture, "read -r a; read -r b; read -r c; read -r d\n"
                  "b=b1/1700000000; printf 'OK %s\\r\\n' $b/4; echo RETRY $b/2 the pager is busy; echo REJECT $b/3; "
                  "echo OK $b/1; cat");
  token = deliver_many (fixture, 4, verdicts);
  g_assert_cmpint (verdicts[0], ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (verdicts[1], ==, IPMID_VERDICT_RETRY);
  g_assert_cmpint (verdicts[2], ==, IPMID_VERDICT_REJECT);
  g_assert_cmpint (verdicts[3], ==, IPMID_VERDICT_DONE);
  g_assert_cmpstr (bench_host_reason (fixture->bench, token + 1), ==, "the pager is busy");
  bench_host_close (fixture->bench);
}

/* The program breaks the rules after a good first answer: that one counts. */
static void
check_fault (Fixture *fixture, const char *answer, const char *words)
{
  g_autofree char *body
      = g_strdup_printf ("echo $$ >\"$1\"; read -r line; echo OK b1/1700000000/1; %s; exec sleep 1000", answer);
  IpmidVerdict verdicts[3];
  guint64 token;

  begin (fixture, body);
  token = deliver_many (fixture, 3, verdicts);
  g_assert_cmpint (verdicts[0], ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (verdicts[1], ==, IPMID_VERDICT_RETRY);
  g_assert_cmpint (verdicts[2], ==, IPMID_VERDICT_NONE);
  assert_reason (fixture, token + 1, words);
  bench_assert_dies (read_pid (fixture->out));
  bench_host_close (fixture->bench);
}

static void
test_nonsense (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  check_fault (fixture, "printf 'hello\\033[2J\\n'", "answered \"hello?[2J\"");
}

static void
test_unknown_id (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  check_fault (fixture, "echo OK b1/1700000000/77", "OK b1/1700000000/77");
}

static void
test_duplicate (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  check_fault (fixture, "echo OK b1/1700000000/1", "OK b1/1700000000/1");
}

static void
test_long_line (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  check_fault (fixture, "head -c 1048576 /dev/zero | tr '\\0' x", "64 KiB");
}

static void
test_closes_output (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  check_fault (fixture, "exec >/dev/null", "closed its standard input or output");
}

static void
test_silent (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  bench_host_set (fixture->bench, "time-limit", "300ms");
  check_fault (fixture, ":", "did not answer in time");
}

static void
test_dies_with_answer (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  check_fault (fixture, "exit 4", "status 4");
}

/* The program is gone, but a grandchild holds both pipes. */
static void
test_grandchild (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_autofree char *grandchild = g_strconcat (fixture->out, ".2", NULL);

  check_fault (fixture, "sleep 1000 <&0 & echo $! >\"$1.2\"; exit 4", "status 4");
  bench_assert_dies (read_pid (grandchild));
}

/* After a fault the program is started again and goes on. */
static void
test_goes_on (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  begin (fixture, EACH_ID "test -e \"$1\" || { : >\"$1\"; echo nonsense; }; echo \"OK $id\"; done");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (deliver (fixture, 2), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
}

/* An answer that comes after the deadline is not lost, nor the event sent
 * twice. */
static void
test_late_answer (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_autofree char *go = g_strconcat (fixture->out, ".go", NULL);
  IpmidVerdict verdicts[2];

  fixture->bench->patience = 300 * G_TIME_SPAN_MILLISECOND;
  begin (fixture, "read -r line; echo OK b1/1700000000/1; read -r line; until test -e \"$1.go\"; do sleep 0.01; done; "
                  "echo OK b1/1700000000/2; cat");
  deliver_many (fixture, 2, verdicts);
  g_assert_cmpint (verdicts[0], ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (verdicts[1], ==, IPMID_VERDICT_NONE);
  g_assert_true (g_file_set_contents (go, "", 0, NULL));
  fixture->bench->patience = 20 * G_TIME_SPAN_SECOND;
  g_assert_cmpint (deliver (fixture, 2), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
}

/* The host's own time limit ends a program as well. */
static void
test_batch_deadline (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  fixture->bench->patience = 300 * G_TIME_SPAN_MILLISECOND;
  bench_host_set (fixture->bench, "time-limit", "0");
  begin (fixture, "echo $$ >\"$1\"; exec sleep 1000");
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  bench_assert_dies (read_pid (fixture->out));
  bench_host_close (fixture->bench);
}

static void
test_needs_json (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (bench_host_check (fixture->bench, NULL));
  bench_host_set (fixture->bench, "format", "eventd");
  g_assert_false (bench_host_check (fixture->bench, &error));
  g_assert_nonnull (strstr (error->message, "json"));
}

static void
test_cancel_persistent (Fixture *fixture, gconstpointer input)
{
  GThread *thread = g_thread_new ("cancel", cancel_when_running, fixture);
  int pid;

  write_script (fixture, strcmp (input, "acknowledge") == 0 ? "echo $$ >\"$1\"; cat >/dev/null; exec sleep 1000"
                                                            : "echo $$ >\"$1\"; exec sleep 1000");
  open_plugin (fixture);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_NONE);
  g_thread_join (thread);
  pid = read_pid (fixture->out);
  bench_host_close (fixture->bench);
  bench_assert_dies (pid);
}

/* -------------------------------------------------------------------- speed */

static void
test_speed (Fixture *fixture, gconstpointer input)
{
  IpmidVerdict verdicts[64];
  guint rounds = strcmp (input, "stdin") == 0 || strcmp (input, "arguments") == 0 ? 40 : 500;
  gint64 began;

  if (!g_test_perf ())
    {
      g_test_skip ("run with -m perf");
      return;
    }
  bench_host_set (fixture->bench, "format", strcmp (input, "acknowledge") == 0 ? "json" : "eventd");
  write_script (fixture, EACH_ID "echo \"OK $id\"; done");
  if (strcmp (input, "acknowledge") != 0)
    bench_host_set (fixture->bench, "program", strcmp (input, "persistent") == 0 ? "/bin/cat" : "/bin/true");
  bench_host_set (fixture->bench, "arguments", "/dev/null");
  if (strcmp (input, "persistent") == 0)
    {
      bench_host_set (fixture->bench, "program", "/usr/bin/tee");
      bench_host_set (fixture->bench, "arguments", "-a;/dev/null");
      g_assert_nonnull (freopen ("/dev/null", "w", stdout));
    }
  open_plugin (fixture);
  began = g_get_monotonic_time ();
  for (guint i = 0; i < rounds; i++)
    {
      deliver_many (fixture, 64, verdicts);
      assert_all (verdicts, 64, IPMID_VERDICT_DONE);
    }
  fprintf (stderr, "%s, batches of 64: %.0f events a second\n", (const char *) input,
           rounds * 64.0 / (double) (g_get_monotonic_time () - began) * 1e6);
  bench_host_close (fixture->bench);
}

static int
list_descriptors (const char *path)
{
  g_autoptr (GString) list = g_string_new (NULL);

  for (int fd = 0; fd < 1024; fd++)
    if (fcntl (fd, F_GETFD) != -1)
      g_string_append_printf (list, "%d ", fd);
  g_string_append_c (list, '\n');
  return g_file_set_contents (path, list->str, (gssize) list->len, NULL) ? 0 : 1;
}

int
main (int argc, char **argv)
{
  if (argc >= 3 && strcmp (argv[1], "--list-descriptors") == 0)
    return list_descriptors (argv[2]);
  g_test_init (&argc, &argv, NULL);
#define ADD(name, input, function) g_test_add ("/exec/" input "/" name, Fixture, input, set_up, function, tear_down)
  ADD ("hostile-text", "arguments", test_arguments);
  ADD ("json", "arguments", test_json_argument);
  ADD ("own-kind", "arguments", test_own_kind);
  ADD ("descriptors", "arguments", test_descriptors);
  ADD ("environment", "arguments", test_environment);
  ADD ("statuses", "arguments", test_statuses);
  ADD ("json", "stdin", test_stdin_json);
  ADD ("eventd", "stdin", test_stdin_eventd);
  ADD ("own-kind", "stdin", test_own_kind);
  ADD ("environment", "stdin", test_environment);
  ADD ("surroundings", "stdin", test_surroundings);
  ADD ("descriptors", "stdin", test_descriptors);
  ADD ("statuses", "stdin", test_statuses);
  ADD ("not-startable", "stdin", test_not_startable);
  ADD ("not-reading", "stdin", test_not_reading);
  ADD ("hanging", "stdin", test_hanging);
  ADD ("stubborn", "stdin", test_stubborn);
  ADD ("stopped", "stdin", test_stopped);
  ADD ("left-behind", "stdin", test_left_behind);
  ADD ("order", "stdin", test_order);
  ADD ("cancel", "stdin", test_cancel);
  ADD ("deadline", "stdin", test_deadline);
  ADD ("read", "persistent", test_persistent);
  ADD ("descriptors", "persistent", test_descriptors);
  ADD ("sleeper", "persistent", test_sleeper);
  ADD ("sleeper-full-pipe", "persistent", test_sleeper_full_pipe);
  ADD ("not-reading", "persistent", test_not_reading_restarts);
  ADD ("partly-read", "persistent", test_partly_read);
  ADD ("closes-input", "persistent", test_closes_input);
  ADD ("exit-stops", "persistent", test_exit_stops);
  ADD ("missing-stops", "persistent", test_missing_stops);
  ADD ("exit-restarts", "persistent", test_exit_restarts);
  ADD ("cancel", "persistent", test_cancel_persistent);
  ADD ("close", "persistent", test_close);
  ADD ("ok", "acknowledge", test_acknowledge);
  ADD ("answers", "acknowledge", test_answers);
  ADD ("descriptors", "acknowledge", test_descriptors);
  ADD ("nonsense", "acknowledge", test_nonsense);
  ADD ("unknown-id", "acknowledge", test_unknown_id);
  ADD ("duplicate", "acknowledge", test_duplicate);
  ADD ("long-line", "acknowledge", test_long_line);
  ADD ("closes-output", "acknowledge", test_closes_output);
  ADD ("silent", "acknowledge", test_silent);
  ADD ("dies", "acknowledge", test_dies_with_answer);
  ADD ("grandchild", "acknowledge", test_grandchild);
  ADD ("goes-on", "acknowledge", test_goes_on);
  ADD ("late-answer", "acknowledge", test_late_answer);
  ADD ("batch-deadline", "acknowledge", test_batch_deadline);
  ADD ("batch-deadline", "persistent", test_batch_deadline);
  ADD ("needs-json", "acknowledge", test_needs_json);
  ADD ("cancel", "acknowledge", test_cancel_persistent);
  ADD ("speed", "arguments", test_speed);
  ADD ("speed", "stdin", test_speed);
  ADD ("speed", "acknowledge", test_speed);
  ADD ("speed", "persistent", test_speed);
  return g_test_run ();
}
