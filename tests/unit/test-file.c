/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-file.c - the file plugin, alone. */
#include "plugin-bench-host.h"

#include <event/render.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  BenchHost *bench;
  char *directory;
  char *path;
  guint descriptors;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer format)
{
  fixture->descriptors = bench_count_descriptors ();
  fixture->directory = bench_make_directory ();
  fixture->path = g_build_filename (fixture->directory, "events", NULL);
  fixture->bench = bench_host_new ("file");
  bench_host_set (fixture->bench, "path", fixture->path);
  if (format != NULL)
    bench_host_set (fixture->bench, "format", format);
}

static void
tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer format)
{
  bench_host_free (fixture->bench);
  bench_remove_directory (fixture->directory);
  g_free (fixture->path);
  g_assert_cmpuint (bench_count_descriptors (), ==, fixture->descriptors);
}

static void
open_plugin (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;

  bench_host_open (fixture->bench, &error);
  g_assert_no_error (error);
}

static IpmidVerdict
deliver (Fixture *fixture, guint number)
{
  g_autoptr (IpmidEvent) event = bench_event ("b1", number);

  return bench_host_deliver_one (fixture->bench, event);
}

static char *
rendered (guint number, IpmidFormat format)
{
  g_autoptr (IpmidEvent) event = bench_event ("b1", number);
  GString *text = g_string_new (NULL);

  render_event (event, format, text);
  return g_string_free (text, FALSE);
}

static char *
contents (const char *path)
{
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return text;
}

static void
write_file (const char *path, const char *text, gsize length)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, (gssize) length, &error);
  g_assert_no_error (error);
}

/* The file holds `before` and then the events with these numbers. */
static void
assert_holds (const char *path, const char *before, guint first, guint last, IpmidFormat format)
{
  g_autofree char *text = contents (path);
  g_autoptr (GString) expected = g_string_new (before);

  for (guint i = first; i <= last; i++)
    {
      g_autofree char *record = rendered (i, format);
      g_string_append (expected, record);
    }
  g_assert_cmpstr (text, ==, expected->str);
}

static void
test_append (Fixture *fixture, gconstpointer format)
{
  IpmidFormat kind = strcmp (format, "json") == 0 ? IPMID_FORMAT_JSON : IPMID_FORMAT_EVENTD;
  IpmidEvent *events[3] = { bench_event ("b1", 1), bench_event ("b1", 2), bench_event ("b1", 3) };
  IpmidVerdict verdicts[3];

  open_plugin (fixture);
  bench_host_deliver (fixture->bench, events, 3, verdicts);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (verdicts[i], ==, IPMID_VERDICT_DONE);
      event_unref (events[i]);
    }
  g_assert_cmpint (deliver (fixture, 4), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  assert_holds (fixture->path, "", 1, 4, kind);
}

static void
test_mode (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  mode_t before = umask (077);
  GStatBuf status;

  bench_host_set (fixture->bench, "mode", "0664");
  g_assert_true (bench_host_check (fixture->bench, NULL));
  open_plugin (fixture);
  bench_host_close (fixture->bench);
  umask (before);
  g_assert_cmpint (g_stat (fixture->path, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0664);
}

static void
test_bad_mode (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const modes[] = { "", "rw", "0888", "01777", "-1", "0640 " };

  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_autoptr (GError) error = NULL;
      bench_host_set (fixture->bench, "mode", modes[i]);
      g_assert_false (bench_host_check (fixture->bench, &error));
      g_assert_nonnull (strstr (error->message, "mode"));
    }
}

/* Every proper beginning of a record is cut off; what is whole stays. */
static void
test_torn (Fixture *fixture, gconstpointer format)
{
  IpmidFormat kind = strcmp (format, "json") == 0 ? IPMID_FORMAT_JSON : IPMID_FORMAT_EVENTD;
  g_autofree char *whole = rendered (1, kind);
  g_autofree char *torn = rendered (2, kind);
  g_autofree char *both = g_strconcat (whole, torn, NULL);

  for (gsize length = 1; length < strlen (torn); length++)
    {
      g_autofree char *words = g_strdup_printf (" %u bytes ", (guint) length);

      write_file (fixture->path, both, strlen (whole) + length);
      g_string_truncate (fixture->bench->log, 0);
      open_plugin (fixture);
      g_assert_nonnull (strstr (fixture->bench->log->str, words));
      g_assert_cmpint (deliver (fixture, 2), ==, IPMID_VERDICT_DONE);
      bench_host_close (fixture->bench);
      assert_holds (fixture->path, "", 1, 2, kind);
    }
}

/* Blocks that a power cut left unwritten. */
static void
test_torn_zeros (Fixture *fixture, gconstpointer format)
{
  IpmidFormat kind = strcmp (format, "json") == 0 ? IPMID_FORMAT_JSON : IPMID_FORMAT_EVENTD;
  g_autofree char *whole = rendered (1, kind);
  g_autoptr (GString) text = g_string_new (whole);

  g_string_append_len (text, (char[100]){ 0 }, 100);
  write_file (fixture->path, text->str, text->len);
  open_plugin (fixture);
  bench_host_close (fixture->bench);
  assert_holds (fixture->path, "", 1, 1, kind);
}

/* What is not certainly ours is never cut. */
static void
test_foreign (Fixture *fixture, gconstpointer format)
{
  IpmidFormat kind = strcmp (format, "json") == 0 ? IPMID_FORMAT_JSON : IPMID_FORMAT_EVENTD;
  static const char *const tails[] = { "someone's line", "a\nb\nc", "threshol, not really", "x", "{ \"a\": 1 }" };

  for (guint i = 0; i < G_N_ELEMENTS (tails); i++)
    {
      g_autofree char *ended = g_strconcat (tails[i], "\n", NULL);

      write_file (fixture->path, tails[i], strlen (tails[i]));
      open_plugin (fixture);
      g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
      bench_host_close (fixture->bench);
      assert_holds (fixture->path, ended, 1, 1, kind);
    }
}

/* A JSON file that is continued in the other format, and the reverse. */
static void
test_other_format (Fixture *fixture, gconstpointer format)
{
  IpmidFormat kind = strcmp (format, "json") == 0 ? IPMID_FORMAT_JSON : IPMID_FORMAT_EVENTD;
  g_autofree char *other = rendered (7, kind == IPMID_FORMAT_JSON ? IPMID_FORMAT_EVENTD : IPMID_FORMAT_JSON);

  write_file (fixture->path, other, strlen (other));
  open_plugin (fixture);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  assert_holds (fixture->path, other, 1, 1, kind);
}

static void
test_large_file (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GString) text = g_string_new (NULL);
  gsize whole;
  GStatBuf status;

  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *record = rendered (i, IPMID_FORMAT_JSON);
      g_string_append (text, record);
    }
  whole = text->len;
  g_string_append (text, "{\"id\":\"b1");
  write_file (fixture->path, text->str, text->len);
  open_plugin (fixture);
  bench_host_close (fixture->bench);
  g_assert_cmpint (g_stat (fixture->path, &status), ==, 0);
  g_assert_cmpuint (status.st_size, ==, whole);
}

static void
test_moved (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *moved = g_strconcat (fixture->path, ".1", NULL);

  open_plugin (fixture);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (g_rename (fixture->path, moved), ==, 0);
  g_assert_cmpint (deliver (fixture, 2), ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  g_assert_cmpint (deliver (fixture, 3), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  assert_holds (moved, "", 1, 1, IPMID_FORMAT_JSON);
  assert_holds (fixture->path, "", 3, 3, IPMID_FORMAT_JSON);
}

static void
test_reopen (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *moved = g_strconcat (fixture->path, ".1", NULL);

  open_plugin (fixture);
  g_assert_cmpint (g_rename (fixture->path, moved), ==, 0);
  g_assert_true (fixture->bench->plugin->reopen (fixture->bench->state, NULL));
  g_assert_true (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
  bench_host_close (fixture->bench);
}

static void
test_symlink (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *real = g_strconcat (fixture->path, ".real", NULL);

  g_assert_cmpint (symlink (real, fixture->path), ==, 0);
  open_plugin (fixture);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  assert_holds (real, "", 1, 1, IPMID_FORMAT_JSON);
}

static void
test_directory_gone (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *inner = g_build_filename (fixture->directory, "inner", NULL);
  g_autofree char *path = g_build_filename (inner, "events", NULL);

  g_assert_cmpint (g_mkdir (inner, 0700), ==, 0);
  bench_host_set (fixture->bench, "path", path);
  open_plugin (fixture);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_rmdir (inner), ==, 0);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  g_assert_nonnull (strstr (bench_host_reason (fixture->bench, 0), "No such file"));
  g_assert_cmpint (g_mkdir (inner, 0700), ==, 0);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  assert_holds (path, "", 1, 1, IPMID_FORMAT_JSON);
  g_assert_cmpint (g_unlink (path), ==, 0);
}

static void
test_unopenable (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  bench_host_set (fixture->bench, "path", "/nonexistent/events");
  g_assert_false (bench_host_open (fixture->bench, &error));
  g_assert_nonnull (strstr (error->message, "/nonexistent/events"));
}

static void
test_dev_full (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  bench_host_set (fixture->bench, "path", "/dev/full");
  open_plugin (fixture);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
      g_assert_nonnull (strstr (bench_host_reason (fixture->bench, 0), "/dev/full"));
      g_assert_nonnull (strstr (bench_host_reason (fixture->bench, 0), g_strerror (ENOSPC)));
    }
  bench_host_close (fixture->bench);
}

/* The disk is full in the middle of a batch: the batch is taken back whole. */
static void
test_batch_taken_back (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *record = rendered (1, IPMID_FORMAT_JSON);
  IpmidEvent *events[2] = { bench_event ("b1", 2), bench_event ("b2", 3) };
  struct rlimit before, limit;
  IpmidVerdict verdicts[2];

  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  limit = before;
  limit.rlim_cur = strlen (record) * 2 + 10;
  open_plugin (fixture);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  bench_host_deliver (fixture->bench, events, 2, verdicts);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);
  g_assert_cmpint (verdicts[0], ==, IPMID_VERDICT_RETRY);
  g_assert_cmpint (verdicts[1], ==, IPMID_VERDICT_RETRY);
  assert_holds (fixture->path, "", 1, 1, IPMID_FORMAT_JSON);
  g_assert_cmpint (deliver (fixture, 2), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  assert_holds (fixture->path, "", 1, 2, IPMID_FORMAT_JSON);
  event_unref (events[0]);
  event_unref (events[1]);
}

static void
test_locked (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  int fd;

  open_plugin (fixture);
  fd = open (fixture->path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (flock (fd, LOCK_EX), ==, 0);
  fixture->bench->patience = 50 * G_TIME_SPAN_MILLISECOND;
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  g_assert_nonnull (strstr (bench_host_reason (fixture->bench, 0), "locked"));
  bench_host_cancel (fixture->bench);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_NONE);
  close (fd);
  bench_host_close (fixture->bench);
}

static void
test_pipe (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *record = rendered (1, IPMID_FORMAT_JSON);
  char text[4096] = "";
  int reader;
  guint written = 0;

  g_assert_cmpint (mkfifo (fixture->path, 0600), ==, 0);
  /* Nobody reads: an error, not a wait. */
  g_assert_false (bench_host_open (fixture->bench, &error));
  g_assert_nonnull (strstr (error->message, fixture->path));
  reader = open (fixture->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  open_plugin (fixture);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (read (reader, text, sizeof text - 1), ==, (int) strlen (record));
  g_assert_cmpstr (text, ==, record);
  /* The reader sleeps: the deadline ends the wait. */
  fixture->bench->patience = 100 * G_TIME_SPAN_MILLISECOND;
  while (deliver (fixture, 1) == IPMID_VERDICT_DONE)
    written++;
  g_assert_cmpuint (written, >, 10);
  g_assert_nonnull (strstr (bench_host_reason (fixture->bench, 0), "nobody reads"));
  /* The reader is gone. */
  close (reader);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  g_assert_cmpint (deliver (fixture, 1), ==, IPMID_VERDICT_RETRY);
  bench_host_close (fixture->bench);
}

static void
test_own_kinds (Fixture *fixture, gconstpointer format)
{
  g_autoptr (IpmidEvent) event = event_new ();
  g_autofree char *text = NULL;

  event_set_string (event, IPMID_FIELD_ID, "b1/-/1");
  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_GAP);
  open_plugin (fixture);
  g_assert_cmpint (bench_host_deliver_one (fixture->bench, event), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  text = contents (fixture->path);
  g_assert_cmpstr (text, ==, strcmp (format, "json") == 0 ? "{\"id\":\"b1/-/1\",\"kind\":\"gap\"}\n" : "");
}

static void
test_speed (Fixture *fixture, gconstpointer format)
{
  IpmidEvent *events[64];
  IpmidVerdict verdicts[64];
  const guint rounds = 200;
  gint64 began;

  if (!g_test_perf ())
    {
      g_test_skip ("run with -m perf");
      return;
    }
  for (guint i = 0; i < 64; i++)
    events[i] = bench_event ("b1", i);
  open_plugin (fixture);
  began = g_get_monotonic_time ();
  for (guint i = 0; i < rounds; i++)
    bench_host_deliver (fixture->bench, events, 64, verdicts);
  g_test_message ("%s, batches of 64: %.0f events a second", (const char *) format,
                  rounds * 64.0 / (double) (g_get_monotonic_time () - began) * 1e6);
  bench_host_close (fixture->bench);
  for (guint i = 0; i < 64; i++)
    event_unref (events[i]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, data, function) g_test_add ("/file/" name, Fixture, data, set_up, function, tear_down)
#define ADD_BOTH(name, function)                                                                                       \
  ADD (name "/json", "json", function);                                                                                \
  ADD (name "/eventd", "eventd", function)
  ADD_BOTH ("append", test_append);
  ADD ("mode", NULL, test_mode);
  ADD ("bad-mode", NULL, test_bad_mode);
  ADD_BOTH ("torn", test_torn);
  ADD_BOTH ("torn-zeros", test_torn_zeros);
  ADD_BOTH ("foreign", test_foreign);
  ADD_BOTH ("other-format", test_other_format);
  ADD ("large-file", NULL, test_large_file);
  ADD ("moved", NULL, test_moved);
  ADD ("reopen", NULL, test_reopen);
  ADD ("symlink", NULL, test_symlink);
  ADD ("directory-gone", NULL, test_directory_gone);
  ADD ("unopenable", NULL, test_unopenable);
  ADD ("dev-full", NULL, test_dev_full);
  ADD ("batch-taken-back", NULL, test_batch_taken_back);
  ADD ("locked", NULL, test_locked);
  ADD ("pipe", NULL, test_pipe);
  ADD_BOTH ("own-kinds", test_own_kinds);
  ADD_BOTH ("speed", test_speed);
  return g_test_run ();
}
