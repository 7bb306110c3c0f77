/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-live.c - handlers that are fed live: bounded, never owed, never waited for. */
#include "take-in.h"

#include <core/handler.h>
#include <core/live.h>

#include <glib/gstdio.h>
#include <string.h>

#define PATIENCE (30 * G_TIME_SPAN_SECOND)

/* ----------------------------------------------------------- what waits alone */

static IpmidEvent *
numbered (gint64 number)
{
  IpmidEvent *event = event_new ();

  event_set_integer (event, IPMID_FIELD_RECORD_ID, number);
  return event;
}

static void
push (Live *live, gint64 first, gint64 last)
{
  for (gint64 i = first; i <= last; i++)
    {
      g_autoptr (IpmidEvent) event = numbered (i);
      live_push (live, event);
    }
}

/* Takes `limit`; they are first, first + 1 … */
static void
expect (Live *live, guint limit, gint64 first, guint n)
{
  g_autoptr (GPtrArray) events = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);

  g_assert_cmpuint (live_take (live, limit, events), ==, n);
  g_assert_cmpuint (events->len, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (event_integer (events->pdata[i], IPMID_FIELD_RECORD_ID), ==, first + i);
}

static void
test_bounds (void)
{
  g_autoptr (Live) live = live_new (3);

  expect (live, 10, 0, 0);
  push (live, 1, 3);
  g_assert_cmpuint (live_dropped (live), ==, 0);
  push (live, 4, 5);
  g_assert_cmpuint (live_dropped (live), ==, 2);
  expect (live, 2, 3, 2);
  push (live, 6, 6);
  expect (live, 10, 5, 2);
  expect (live, 10, 0, 0);
  g_assert_cmpuint (live_dropped (live), ==, 2);
  push (live, 7, 9); /* what is left is freed */
}

/* ------------------------------------------------------- a handler in its place */

typedef struct
{
  char *directory, *log;
  Journal *journal;
  Handler *handler;
  gint64 bmc;
  guint records;
} Bench;

static void
on_stop (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED int exit_status, G_GNUC_UNUSED const char *message)
{
}

static void
on_ended (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED Handler *handler)
{
}

static void
on_failed (const GError *error, G_GNUC_UNUSED gpointer user_data)
{
  g_error ("%s", error->message);
}

static void
open_bench (Bench *bench, const char *plugin, const char *script, const char *pause)
{
  const JournalOptions options = { bench->directory, { G_GINT64_CONSTANT (1) << 30, 0 }, on_failed, NULL };
  const HandlerHooks hooks = { .stop = on_stop, .ended = on_ended };
  g_autoptr (CoreConfig) config = core_config_new ();
  HandlerConfig *description = core_config_add_handler (config, "sink", plugin);
  g_autoptr (GError) error = NULL;

  handler_config_set (description, "log", bench->log, "here");
  handler_config_set (description, "script", script, "here");
  handler_config_set (description, "pause", pause, "here");
  handler_config_set (description, "batch", "1", "here");
  bench->journal = journal_open (&options, &error);
  g_assert_no_error (error);
  bench->handler = handler_new (description, g_getenv ("IPMID_TEST_PLUGIN_DIR"), &hooks, &error);
  g_assert_no_error (error);
  g_assert_true (handler_register (bench->handler, journal_ledger (bench->journal), &error));
  bench->bmc = ledger_add_bmc (journal_ledger (bench->journal), "b", NULL, &error);
  g_assert_true (journal_start (bench->journal, &error) && handler_start (bench->handler, bench->journal, &error));
}

static void
close_bench (Bench *bench)
{
  handler_stop (bench->handler, FALSE);
  handler_cancel (bench->handler);
  handler_join (bench->handler);
  journal_close (g_steal_pointer (&bench->journal));
  g_clear_pointer (&bench->handler, handler_free);
}

static Bench *
bench_new (const char *plugin, const char *script, const char *pause)
{
  Bench *bench = g_new0 (Bench, 1);

  bench->directory = g_dir_make_tmp ("live-XXXXXX", NULL);
  bench->log = g_build_filename (bench->directory, "log", NULL);
  open_bench (bench, plugin, script, pause);
  return bench;
}

static void
bench_free (Bench *bench)
{
  g_autoptr (GDir) dir = g_dir_open (bench->directory, 0, NULL);
  const char *name;

  close_bench (bench);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (bench->directory, name, NULL);
      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (bench->directory), ==, 0);
  g_free (bench->directory);
  g_free (bench->log);
  g_free (bench);
}

static void
inject (Bench *bench, guint n)
{
  test_take_in (bench->journal, bench->bmc, &bench->records, n);
}

static gboolean
count (Ledger *ledger, gpointer data, G_GNUC_UNUSED GError **error)
{
  ledger_counts (ledger, 1, data);
  return TRUE;
}

static LedgerCounts
get_counts (Bench *bench)
{
  LedgerCounts counts = { 0 };

  g_assert_true (journal_run (bench->journal, JOURNAL_LOOK_UP, count, &counts));
  return counts;
}

static HandlerStatus
get_status (Bench *bench)
{
  HandlerStatus status;

  handler_get_status (bench->handler, &status);
  g_clear_pointer (&status.last_error, g_free);
  return status;
}

/* Waits until everything was taken or dropped. */
static HandlerStatus
wait_settled (Bench *bench, guint64 events)
{
  gint64 deadline = g_get_monotonic_time () + PATIENCE;
  HandlerStatus status = get_status (bench);

  while (status.done + status.failed + status.live_dropped < events)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_usleep (2000);
      status = get_status (bench);
    }
  return status;
}

static guint
count_lines (Bench *bench, const char *last)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (bench->log, &text, NULL, NULL))
    return 0;
  lines = g_strsplit (g_strchomp (text), "\n", -1);
  guint n = g_strv_length (lines);
  if (last != NULL)
    g_assert_true (g_str_has_suffix (lines[n - 1], last));
  return n;
}

static void
test_fed (void)
{
  Bench *bench = bench_new ("test-live", "d", "0s");

  inject (bench, 40);
  HandlerStatus status = wait_settled (bench, 40);
  g_assert_true (status.live);
  g_assert_cmpuint (status.done, ==, 40);
  g_assert_cmpuint (status.live_dropped, ==, 0);
  g_assert_cmpuint (count_lines (bench, "/40 1"), ==, 40);
  g_assert_cmpint (get_counts (bench).pending, ==, 0);
  bench_free (bench);
}

/* Whatever it answers, nothing comes again and nothing is kept. */
static void
test_answers_mean_nothing (void)
{
  Bench *bench = bench_new ("test-live", "rjnL0d", "0s");

  inject (bench, 6);
  HandlerStatus status = wait_settled (bench, 6);
  g_assert_cmpuint (status.done, ==, 1);
  g_assert_cmpuint (status.failed, ==, 5);
  g_assert_cmpuint (count_lines (bench, NULL), ==, 6);
  LedgerCounts counts = get_counts (bench);
  g_assert_cmpint (counts.pending + counts.dead + counts.shed, ==, 0);
  bench_free (bench);
}

/* It hangs, and the journal takes everything in all the same; the latest wait. */
static void
test_slow (void)
{
  Bench *bench = bench_new ("test-live", "h", "0s");

  for (guint i = 0; i < 30; i++)
    inject (bench, 100);
  HandlerStatus status = get_status (bench);
  g_assert_cmpuint (status.live_dropped, >=, 3000 - 1024 - 1);
  g_assert_cmpuint (status.live_dropped, <=, 3000 - 1024);
  g_assert_cmpint (get_counts (bench).pending, ==, 0);
  bench_free (bench);
}

/* What a handler of that name was owed before is a dead letter now. */
static void
test_takes_the_place_of_another (void)
{
  Bench *bench = bench_new ("test-sink", "h", "0s");

  inject (bench, 5);
  g_assert_cmpint (get_counts (bench).pending, ==, 5);
  close_bench (bench);
  g_unlink (bench->log);
  open_bench (bench, "test-live", "d", "0s");
  g_assert_cmpint (get_counts (bench).pending, ==, 0);
  g_assert_cmpint (get_counts (bench).dead, ==, 5);
  inject (bench, 2);
  wait_settled (bench, 2);
  g_assert_cmpuint (count_lines (bench, "/7 1"), ==, 2);
  bench_free (bench);
}

static void
test_keeps_no_account (void)
{
  const HandlerHooks hooks = { .stop = on_stop, .ended = on_ended };
  g_autoptr (CoreConfig) config = core_config_new ();
  HandlerConfig *description = core_config_add_handler (config, "sink", "test-live");
  g_autoptr (GError) error = NULL;

  handler_config_set (description, "log", "/nowhere", "here");
  handler_config_set (description, "quiet", "1h", "here");
  g_assert_null (handler_new (description, g_getenv ("IPMID_TEST_PLUGIN_DIR"), &hooks, &error));
  g_assert_nonnull (strstr (error->message, "quiet"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/live/bounds", test_bounds);
  g_test_add_func ("/live/fed", test_fed);
  g_test_add_func ("/live/answers-mean-nothing", test_answers_mean_nothing);
  g_test_add_func ("/live/slow", test_slow);
  g_test_add_func ("/live/takes-the-place-of-another", test_takes_the_place_of_another);
  g_test_add_func ("/live/keeps-no-account", test_keeps_no_account);
  return g_test_run ();
}
