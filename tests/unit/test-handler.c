/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-handler.c - a real handler with a scripted plugin and a real journal. */
#include "take-in.h"

#include <core/handler.h>

#include <glib/gstdio.h>
#include <string.h>
#include <sysexits.h>

#define PATIENCE (30 * G_TIME_SPAN_SECOND)

typedef struct
{
  char *directory;
  char *log;
  const char *state_dir; /* NULL: in memory */
  const char *plugin;    /* NULL: test-sink */
  Journal *journal;
  Handler *handler;
  gint64 bmcs[3];
  guint records[3];
  gint ended; /* atomic: how often it was said */
} Bench;

static void
on_stop (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED int exit_status, G_GNUC_UNUSED const char *message)
{
}

static void
on_delete (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED gint64 bmc, G_GNUC_UNUSED gint64 seq,
           G_GNUC_UNUSED IpmidEvent *event, G_GNUC_UNUSED IpmidDeleteFlags flags,
           G_GNUC_UNUSED IpmidDeleteCallback callback, G_GNUC_UNUSED gpointer callback_data)
{
  g_assert_not_reached ();
}

static void
on_ended (gpointer user_data, G_GNUC_UNUSED Handler *handler)
{
  g_atomic_int_inc (&((Bench *) user_data)->ended);
}

static void
on_failed (const GError *error, G_GNUC_UNUSED gpointer user_data)
{
  g_error ("%s", error->message);
}

/* `settings`: key and value in turn, ends with NULL. */
static gboolean
open_bench (Bench *bench, const char *const *settings, GError **error)
{
  const JournalOptions options = { bench->state_dir, { G_GINT64_CONSTANT (1) << 30, 0 }, on_failed, NULL };
  const HandlerHooks hooks = { .stop = on_stop, .delete_record = on_delete, .ended = on_ended, .user_data = bench };
  static const char *const names[] = { "b0", "b1", "b2" };
  g_autoptr (CoreConfig) config = core_config_new ();
  HandlerConfig *description
      = core_config_add_handler (config, "sink", bench->plugin == NULL ? "test-sink" : bench->plugin);

  handler_config_set (description, "log", bench->log, "here");
  handler_config_set (description, "retry-min", "10ms", "here");
  handler_config_set (description, "retry-max", "50ms", "here");
  for (; settings != NULL && settings[0] != NULL; settings += 2)
    handler_config_set (description, settings[0], settings[1], "here");
  bench->journal = journal_open (&options, error);
  g_assert_nonnull (bench->journal);
  bench->handler = handler_new (description, g_getenv ("IPMID_TEST_PLUGIN_DIR"), &hooks, error);
  if (bench->handler == NULL)
    return FALSE;
  g_assert_true (handler_register (bench->handler, journal_ledger (bench->journal), error));
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    bench->bmcs[i] = ledger_add_bmc (journal_ledger (bench->journal), names[i], NULL, error);
  return journal_start (bench->journal, error) && handler_start (bench->handler, bench->journal, error);
}

/* Not open yet. */
static Bench *
bench_make (void)
{
  Bench *bench = g_new0 (Bench, 1);

  bench->directory = g_dir_make_tmp ("handler-XXXXXX", NULL);
  bench->log = g_build_filename (bench->directory, "log", NULL);
  return bench;
}

static Bench *
bench_new (const char *const *settings)
{
  Bench *bench = bench_make ();
  g_autoptr (GError) error = NULL;

  if (settings != NULL && strcmp (settings[0], "on-disk") == 0)
    {
      bench->state_dir = bench->directory;
      settings += 2;
    }
  open_bench (bench, settings, &error);
  g_assert_no_error (error);
  return bench;
}

static void
close_bench (Bench *bench, gboolean drain)
{
  if (bench->handler != NULL)
    {
      handler_stop (bench->handler, drain);
      handler_join (bench->handler);
    }
  journal_close (g_steal_pointer (&bench->journal));
  g_clear_pointer (&bench->handler, handler_free);
}

static void
bench_free (Bench *bench)
{
  g_autoptr (GDir) dir = g_dir_open (bench->directory, 0, NULL);
  const char *name;

  if (bench->journal != NULL)
    close_bench (bench, FALSE);
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
inject (Bench *bench, guint lane, guint n)
{
  test_take_in (bench->journal, bench->bmcs[lane], &bench->records[lane], n);
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

static void
wait_pending (Bench *bench, gint64 pending)
{
  gint64 deadline = g_get_monotonic_time () + PATIENCE;

  while (get_counts (bench).pending != pending)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_usleep (2000);
    }
}

static char **
read_log (Bench *bench)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents (bench->log, &text, NULL, NULL))
    return g_new0 (char *, 1);
  return g_strsplit (g_strchomp (text), "\n", -1);
}

static void
wait_lines (Bench *bench, guint n)
{
  gint64 deadline = g_get_monotonic_time () + PATIENCE;

  for (guint lines = 0; lines < n;)
    {
      g_auto (GStrv) log = read_log (bench);
      lines = log[0] == NULL || log[0][0] == '\0' ? 0 : g_strv_length (log);
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_usleep (2000);
    }
}

/* The record ids of one BMC, in the order of their first appearance, are
 * 1, 2, 3 …; returns how often something came again. */
static guint
check_order (Bench *bench)
{
  g_auto (GStrv) log = read_log (bench);
  guint next[3] = { 1, 1, 1 }, again = 0;

  for (guint i = 0; log[i] != NULL && log[i][0] != '\0'; i++)
    {
      guint lane = (guint) (log[i][1] - '0');
      guint id = (guint) g_ascii_strtoull (strrchr (log[i], '/') + 1, NULL, 10);
      g_assert_cmpuint (id, <=, next[lane]);
      again += id < next[lane];
      next[lane] += id == next[lane];
    }
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (next[i], ==, bench->records[i] + 1);
  return again;
}

static void
test_done (void)
{
  Bench *bench = bench_new (NULL);

  for (guint i = 0; i < 30; i++)
    inject (bench, i % 3, 50);
  wait_pending (bench, 0);
  g_assert_cmpuint (check_order (bench), ==, 0);
  bench_free (bench);
}

static void
test_more_than_memory (void)
{
  const char *const settings[] = { "script", "s", "pause", "100ms", "batch", "1", NULL };
  const char *const fast[] = { "on-disk", "", "script", "d", NULL };
  Bench *bench = bench_new (fast);

  close_bench (bench, FALSE);
  g_assert_true (open_bench (bench, settings, NULL)); /* slow: everything piles up */
  for (guint i = 0; i < 30; i++)
    inject (bench, i % 2, 50);
  close_bench (bench, FALSE);
  g_assert_true (open_bench (bench, fast + 2, NULL));
  inject (bench, 0, 10);
  wait_pending (bench, 0);
  g_assert_cmpuint (check_order (bench), <=, 2);
  bench_free (bench);
}

static void
test_retry (void)
{
  const char *const settings[] = { "script", "rrdrdrdd", "batch", "1", NULL };
  Bench *bench = bench_new (settings);

  inject (bench, 0, 20);
  wait_pending (bench, 0);
  g_assert_cmpuint (check_order (bench), ==, 4);
  g_assert_cmpint (get_counts (bench).dead, ==, 0);
  bench_free (bench);
}

static void
test_reject (void)
{
  const char *const settings[] = { "script", "djd", NULL };
  Bench *bench = bench_new (settings);

  inject (bench, 0, 10);
  wait_pending (bench, 0);
  g_assert_cmpint (get_counts (bench).dead, ==, 1);
  bench_free (bench);
}

static void
test_attempts (void)
{
  const char *const settings[] = { "script", "rrrd", "attempts", "3", NULL };
  Bench *bench = bench_new (settings);
  HandlerStatus status;

  inject (bench, 0, 1);
  wait_pending (bench, 0);
  g_assert_cmpint (get_counts (bench).dead, ==, 1);
  handler_get_status (bench->handler, &status);
  g_assert_cmpstr (status.last_error, ==, "told to fail");
  g_assert_cmpuint (status.failed, ==, 3);
  g_free (status.last_error);
  bench_free (bench);
}

static void
test_later (gconstpointer letters)
{
  const char *const settings[] = { "script", letters, "pause", "1ms", "batch", "5", NULL };
  Bench *bench = bench_new (settings);

  for (guint i = 0; i < 9; i++)
    inject (bench, i % 3, 20);
  wait_pending (bench, 0);
  check_order (bench);
  g_assert_cmpint (get_counts (bench).dead, ==, 0);
  bench_free (bench);
}

static void
test_never_answered (void)
{
  const char *const settings[] = { "script", "0d", "timeout", "200ms", NULL };
  Bench *bench = bench_new (settings);

  inject (bench, 0, 5);
  inject (bench, 1, 5); /* does not wait for the other BMC */
  wait_pending (bench, 0);
  g_assert_cmpuint (check_order (bench), ==, 1);
  bench_free (bench);
}

/* An answer that comes after its deadline is ignored. */
static void
test_answered_too_late (void)
{
  const char *const settings[] = { "script", "Ld", "timeout", "100ms", "pause", "400ms", NULL };
  Bench *bench = bench_new (settings);

  inject (bench, 0, 5);
  wait_pending (bench, 0);
  g_usleep (500000);
  g_assert_cmpuint (check_order (bench), ==, 1);
  bench_free (bench);
}

static void
test_none_does_not_spin (void)
{
  const char *const settings[] = { "script", "n", NULL };
  Bench *bench = bench_new (settings);

  inject (bench, 0, 1);
  g_usleep (500000);
  g_auto (GStrv) log = read_log (bench);
  g_assert_cmpuint (g_strv_length (log), <, 100);
  g_assert_cmpint (get_counts (bench).pending, ==, 1);
  bench_free (bench);
}

/* The end waits for the batch in hand, also for answers that come later. */
static void
test_stop_waits (gconstpointer letters)
{
  const char *const settings[] = { "script", letters, "pause", "300ms", "batch", "1", NULL };
  Bench *bench = bench_new (settings);

  inject (bench, 0, 5);
  wait_lines (bench, 1);
  handler_stop (bench->handler, FALSE);
  handler_join (bench->handler);
  gint64 pending = get_counts (bench).pending;
  g_assert_cmpint (pending, >=, 3);
  g_assert_cmpint (pending, <=, 4);
  bench_free (bench);
}

static void
test_cancel (gconstpointer letters)
{
  const char *const settings[] = { "script", letters, NULL };
  Bench *bench = bench_new (settings);

  inject (bench, 0, 5);
  wait_lines (bench, 1);
  gint64 began = g_get_monotonic_time ();
  handler_stop (bench->handler, TRUE);
  handler_cancel (bench->handler);
  handler_join (bench->handler);
  g_assert_true (handler_has_ended (bench->handler));
  g_assert_cmpint (g_get_monotonic_time () - began, <, 5 * G_TIME_SPAN_SECOND);
  g_assert_cmpint (get_counts (bench).pending, ==, 5);
  bench_free (bench);
}

/* Everything is delivered before the end, also what did not fit into memory. */
static void
test_drain (void)
{
  Bench *bench = bench_new (NULL);

  inject (bench, 0, 3000);
  inject (bench, 1, 3000);
  handler_stop (bench->handler, TRUE);
  handler_join (bench->handler);
  g_assert_cmpint (get_counts (bench).pending, ==, 0);
  g_assert_cmpuint (check_order (bench), ==, 0);
  bench_free (bench);
}

/* A drain does not wait for a handler that fails. */
static void
test_drain_failing (void)
{
  const char *const settings[] = { "script", "r", NULL };
  Bench *bench = bench_new (settings);

  inject (bench, 0, 3);
  inject (bench, 1, 3);
  wait_lines (bench, 4);
  gint64 began = g_get_monotonic_time ();
  handler_stop (bench->handler, TRUE);
  handler_join (bench->handler);
  g_assert_cmpint (g_get_monotonic_time () - began, <, 5 * G_TIME_SPAN_SECOND);
  g_assert_cmpint (get_counts (bench).pending, ==, 6);
  bench_free (bench);
}

static void
test_linger (void)
{
  const char *const settings[] = { "linger", "30s", NULL };
  Bench *bench = bench_new (settings);

  inject (bench, 0, 3);
  g_usleep (100000);
  gint64 began = g_get_monotonic_time ();
  handler_stop (bench->handler, FALSE);
  handler_cancel (bench->handler);
  handler_join (bench->handler);
  g_assert_cmpint (g_get_monotonic_time () - began, <, 5 * G_TIME_SPAN_SECOND);
  bench_free (bench);
}

/* All lanes wait, also the one that has not failed. */
static void
test_pause (void)
{
  const char *const settings[] = { "script", "pd", "pause", "400ms", NULL };
  Bench *bench = bench_new (settings);
  gint64 began = g_get_monotonic_time ();

  inject (bench, 0, 1);
  wait_lines (bench, 1);
  inject (bench, 1, 1);
  wait_lines (bench, 2);
  g_assert_cmpint (g_get_monotonic_time () - began, >=, 400 * G_TIME_SPAN_MILLISECOND);
  wait_pending (bench, 0);
  bench_free (bench);
}

/* What comes live waits as well. */
static void
test_pause_live (void)
{
  const char *const settings[] = { "script", "pd", "pause", "400ms", NULL };
  gint64 began = g_get_monotonic_time ();
  Bench *bench = bench_make ();

  bench->plugin = "test-live";
  g_assert_true (open_bench (bench, settings, NULL));
  inject (bench, 0, 1);
  wait_lines (bench, 1);
  inject (bench, 1, 1);
  wait_lines (bench, 2);
  g_assert_cmpint (g_get_monotonic_time () - began, >=, 400 * G_TIME_SPAN_MILLISECOND);
  bench_free (bench);
}

/* A drain does not wait for one that wants to be left alone. */
static void
test_drain_paused (void)
{
  const char *const settings[] = { "script", "p", "pause", "1h", NULL };
  Bench *bench = bench_new (settings);

  inject (bench, 0, 1);
  wait_lines (bench, 1);
  inject (bench, 1, 1);
  handler_stop (bench->handler, TRUE);
  handler_join (bench->handler);
  g_assert_cmpint (get_counts (bench).pending, ==, 2);
  bench_free (bench);
}

/* Whether each of the first `lanes` BMCs stands in the log once. */
static gboolean
all_stand_in_log (Bench *bench, guint lanes)
{
  g_auto (GStrv) log = read_log (bench);
  guint seen[3] = { 0 };

  for (guint i = 0; log[i] != NULL && log[i][0] != '\0'; i++)
    seen[log[i][1] - '0']++;
  for (guint lane = 0; lane < lanes; lane++)
    if (seen[lane] != 1)
      return FALSE;
  return TRUE;
}

/* A BMC each for as many workers, though none of them comes to an end. */
static void
test_workers (void)
{
  const char *const settings[] = { "script", "h", "workers", "3", "batch", "1", NULL };
  Bench *bench = bench_new (settings);

  for (guint i = 0; i < 3; i++)
    inject (bench, i, 2);
  wait_lines (bench, 3);
  g_assert_true (all_stand_in_log (bench, 3));
  handler_stop (bench->handler, FALSE);
  handler_cancel (bench->handler);
  handler_join (bench->handler);
  g_assert_cmpint (get_counts (bench).pending, ==, 6);
  bench_free (bench);
}

/* The same promises as with one, whatever the plugin answers. */
static void
test_workers_order (gconstpointer letters)
{
  const char *const settings[] = { "script", letters, "pause", "1ms", "workers", "4", "batch", "5", NULL };
  Bench *bench = bench_new (settings);

  for (guint i = 0; i < 30; i++)
    inject (bench, i % 3, 20);
  wait_pending (bench, 0);
  check_order (bench);
  g_assert_cmpint (get_counts (bench).dead, ==, 0);
  bench_free (bench);
}

static void
test_workers_drain (void)
{
  const char *const settings[] = { "workers", "8", NULL };
  Bench *bench = bench_new (settings);

  inject (bench, 0, 3000);
  inject (bench, 1, 3000);
  handler_stop (bench->handler, TRUE);
  handler_join (bench->handler);
  g_assert_cmpint (get_counts (bench).pending, ==, 0);
  g_assert_cmpuint (check_order (bench), ==, 0);
  bench_free (bench);
}

static void
fail_to_open (const char *which)
{
  const char *const settings[] = { "fail-open", which, "workers", "3", NULL };
  gint64 deadline = g_get_monotonic_time () + PATIENCE;
  g_autoptr (GError) error = NULL;
  Bench *bench = bench_make ();

  g_assert_false (open_bench (bench, settings, &error));
  g_assert_nonnull (strstr (error->message, "told to fail"));
  while (!handler_has_ended (bench->handler))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_usleep (100);
    }
  handler_join (bench->handler);
  g_assert_cmpint (g_atomic_int_get (&bench->ended), ==, 1);
  bench_free (bench);
}

/* The first cannot open its state, or it can and the second cannot: all end, and one
 * of them says so.  Which is the last differs from time to time. */
static void
test_workers_open_fails (gconstpointer which)
{
  for (guint i = 0; i < 300; i++)
    fail_to_open (which);
}

/* A plugin that has not said that it may have several has one. */
static void
test_workers_refused (void)
{
  g_autoptr (CoreConfig) config = core_config_new ();
  HandlerConfig *description = core_config_add_handler (config, "log", "file");
  g_autoptr (GPtrArray) mistakes = g_ptr_array_new_with_free_func (g_free);

  handler_config_set (description, "path", "/nowhere", "here");
  handler_config_set (description, "workers", "2", "here");
  handler_check (description, g_getenv ("IPMID_TEST_PLUGIN_DIR"), mistakes);
  g_assert_cmpuint (mistakes->len, ==, 1);
  g_assert_nonnull (strstr (mistakes->pdata[0], "workers = 2"));
}

static void
test_open_fails (void)
{
  const char *const settings[] = { "fail-open", "yes", NULL };
  g_autoptr (GError) error = NULL;
  Bench *bench = bench_make ();

  g_assert_false (open_bench (bench, settings, &error));
  g_assert_nonnull (strstr (error->message, "told to fail"));
  bench_free (bench);
}

static void
test_bad_option (gconstpointer key)
{
  const char *const settings[] = { key, "nonsense", NULL };
  g_autoptr (GError) error = NULL;
  Bench *bench = bench_make ();

  g_assert_false (open_bench (bench, settings, &error));
  g_assert_true (g_str_has_prefix (error->message, "here: "));
  bench_free (bench);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/handler/done", test_done);
  g_test_add_func ("/handler/more-than-memory", test_more_than_memory);
  g_test_add_func ("/handler/retry", test_retry);
  g_test_add_func ("/handler/reject", test_reject);
  g_test_add_func ("/handler/attempts", test_attempts);
  g_test_add_data_func ("/handler/later", "l", test_later);
  g_test_add_data_func ("/handler/later-twice", "2", test_later);
  g_test_add_data_func ("/handler/later-mixed", "lLd2rlL2l", test_later);
  g_test_add_func ("/handler/never-answered", test_never_answered);
  g_test_add_func ("/handler/answered-too-late", test_answered_too_late);
  g_test_add_func ("/handler/none-does-not-spin", test_none_does_not_spin);
  g_test_add_data_func ("/handler/stop-waits", "s", test_stop_waits);
  g_test_add_data_func ("/handler/stop-waits-for-later", "l", test_stop_waits);
  g_test_add_data_func ("/handler/cancel-hanging", "h", test_cancel);
  g_test_add_data_func ("/handler/cancel-unanswered", "0", test_cancel);
  g_test_add_func ("/handler/drain", test_drain);
  g_test_add_func ("/handler/drain-failing", test_drain_failing);
  g_test_add_func ("/handler/linger", test_linger);
  g_test_add_func ("/handler/pause", test_pause);
  g_test_add_func ("/handler/pause-live", test_pause_live);
  g_test_add_func ("/handler/drain-paused", test_drain_paused);
  g_test_add_func ("/handler/workers", test_workers);
  g_test_add_data_func ("/handler/workers-order", "s", test_workers_order);
  g_test_add_data_func ("/handler/workers-order-failing", "drddsrdds", test_workers_order);
  g_test_add_data_func ("/handler/workers-order-later", "lLd2rlL2l", test_workers_order);
  g_test_add_func ("/handler/workers-drain", test_workers_drain);
  g_test_add_data_func ("/handler/workers-open-fails/first", "yes", test_workers_open_fails);
  g_test_add_data_func ("/handler/workers-open-fails/second", "second", test_workers_open_fails);
  g_test_add_func ("/handler/workers-refused", test_workers_refused);
  g_test_add_func ("/handler/open-fails", test_open_fails);
  g_test_add_data_func ("/handler/bad-option", "script2", test_bad_option);
  g_test_add_data_func ("/handler/bad-value", "pause", test_bad_option);
  return g_test_run ();
}
