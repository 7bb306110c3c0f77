/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-keeper.c - the collector's process: started once, again when it ends,
 * never when it is to end.  The collector is the stand-in of tests/daemon.
 */
#include <core/fleet.h>
#include <core/options.h>

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  char *directory;
  char *sel, *control, *program, *pids;
  Journal *journal;
  CoreConfig *config;
  Fleet *fleet;
  guint records; /* records written */
  gint offered;  /* atomic */
  gint critical; /* atomic: how many of them */
  gboolean stopped;
} Bench;

static void
on_offer (gpointer user_data, G_GNUC_UNUSED gint64 bmc, G_GNUC_UNUSED gint64 seq, IpmidEvent *event)
{
  Bench *bench = user_data;

  if (event_integer (event, IPMID_FIELD_SEVERITY) == IPMID_SEVERITY_CRITICAL)
    g_atomic_int_inc (&bench->critical);
  if (event_has (event, IPMID_FIELD_RAW))
    g_atomic_int_inc (&bench->offered);
}

static void
on_deleted (G_GNUC_UNUSED gint64 bmc, G_GNUC_UNUSED guint64 token, G_GNUC_UNUSED FrameDeleteOutcome outcome,
            G_GNUC_UNUSED const char *words, G_GNUC_UNUSED gpointer user_data)
{
}

static void
on_failed (const GError *error, G_GNUC_UNUSED gpointer user_data)
{
  g_error ("%s", error->message);
}

/* A script that notes its process and becomes the stand-in. */
static void
write_program (Bench *bench)
{
  g_autofree char *script = g_strdup_printf ("#!/bin/sh\necho $$ >>'%s'\nexec '%s' '%s'\n", bench->pids,
                                             g_getenv ("IPMID_TEST_COLLECTOR"), bench->sel);

  g_assert_true (g_file_set_contents (bench->program, script, -1, NULL));
  g_assert_cmpint (g_chmod (bench->program, 0755), ==, 0);
}

static Bench *
bench_new (void)
{
  Bench *bench = g_new0 (Bench, 1);
  const JournalOptions options = { NULL, { G_GINT64_CONSTANT (1) << 30, 0 }, on_failed, NULL };
  g_autoptr (GError) error = NULL;

  bench->directory = g_dir_make_tmp ("keeper-XXXXXX", NULL);
  bench->sel = g_build_filename (bench->directory, "sel", NULL);
  bench->control = g_build_filename (bench->directory, "sel.control", NULL);
  bench->program = g_build_filename (bench->directory, "collector", NULL);
  bench->pids = g_build_filename (bench->directory, "pids", NULL);
  write_program (bench);
  g_assert_true (g_file_set_contents (bench->sel, "", 0, NULL));
  bench->journal = journal_open (&options, &error);
  const LedgerHandler handler = { .name = "h",
                                  .required = TRUE,
                                  .filter = { .kinds = FILTER_ALL_KINDS, .existing = TRUE },
                                  .quota = G_MAXINT64,
                                  .offer = on_offer,
                                  .user_data = bench };
  g_assert_cmpint (ledger_add_handler (journal_ledger (bench->journal), &handler, &error), >, 0);
  gint64 id = ledger_add_bmc (journal_ledger (bench->journal), "b", NULL, &error);
  Connection *connection = connection_new ();
  g_free (connection->host);
  connection->host = g_strdup ("127.0.0.1");
  bench->config = core_config_new ();
  bench->config->collector = g_strdup (bench->program);
  StoreBmc saved;
  g_assert_true (store_bmc_get (ledger_store (journal_ledger (bench->journal)), id, &saved, &error));
  bench->fleet = fleet_new (bench->config, bench->journal, on_deleted, bench);
  fleet_add_bmc (bench->fleet, &saved, core_config_add_bmc (bench->config, "b", connection));
  g_assert_true (journal_start (bench->journal, &error));
  g_assert_true (fleet_start (bench->fleet, &error));
  return bench;
}

static void
on_stopped (gpointer user_data)
{
  Bench *bench = user_data;

  g_assert_false (bench->stopped);
  bench->stopped = TRUE;
}

static guint
count_collectors (Bench *bench)
{
  g_autofree char *text = NULL;
  guint lines = 0;

  if (!g_file_get_contents (bench->pids, &text, NULL, NULL))
    return 0;
  for (const char *at = text; (at = strchr (at, '\n')) != NULL; at++)
    lines++;
  return lines;
}

static void
iterate_until (Bench *bench, gboolean (*condition) (Bench *bench), gint64 patience)
{
  gint64 deadline = g_get_monotonic_time () + patience;

  while (!condition (bench) && g_get_monotonic_time () < deadline)
    {
      g_main_context_iteration (NULL, FALSE);
      g_usleep (500);
    }
}

static gboolean
has_stopped (Bench *bench)
{
  return bench->stopped;
}

static gboolean
never (G_GNUC_UNUSED Bench *bench)
{
  return FALSE;
}

static gboolean
has_all (Bench *bench)
{
  return (guint) g_atomic_int_get (&bench->offered) >= bench->records;
}

static void
bench_free (Bench *bench)
{
  const char *const files[] = { bench->sel, bench->control, bench->program, bench->pids };

  if (!bench->stopped)
    fleet_stop (bench->fleet, on_stopped, bench);
  iterate_until (bench, has_stopped, 20 * G_TIME_SPAN_SECOND);
  g_assert_true (bench->stopped);
  guint collectors = count_collectors (bench);
  iterate_until (bench, never, G_TIME_SPAN_SECOND / 5);
  g_assert_cmpuint (count_collectors (bench), ==, collectors); /* no other one is started */
  journal_close (bench->journal);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  fleet_free (bench->fleet);
  core_config_unref (bench->config);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    g_unlink (files[i]);
  g_assert_cmpint (g_rmdir (bench->directory), ==, 0);
  g_free (bench->sel);
  g_free (bench->control);
  g_free (bench->program);
  g_free (bench->pids);
  g_free (bench->directory);
  g_free (bench);
}

static void
add_records (Bench *bench, guint n)
{
  FILE *sel = fopen (bench->sel, "a");

  for (guint i = 0; i < n; i++)
    {
      guint id = ++bench->records;
      const guint8 raw[16] = { (guint8) id, (guint8) (id >> 8), 2, 0, 0, 0, 0x60 };
      g_assert_cmpuint (fwrite (raw, sizeof raw, 1, sel), ==, 1);
    }
  g_assert_cmpint (fclose (sel), ==, 0);
}

static void
order (Bench *bench, const char *word)
{
  g_assert_true (g_file_set_contents (bench->control, word, -1, NULL));
}

static gboolean
has_obeyed (Bench *bench)
{
  return !g_file_test (bench->control, G_FILE_TEST_EXISTS);
}

static void
test_records (void)
{
  Bench *bench = bench_new ();

  add_records (bench, 10);
  iterate_until (bench, has_all, 10 * G_TIME_SPAN_SECOND);
  add_records (bench, 3000); /* more than the credit */
  iterate_until (bench, has_all, 10 * G_TIME_SPAN_SECOND);
  g_assert_cmpint (g_atomic_int_get (&bench->offered), ==, 3010);
  g_assert_cmpuint (count_collectors (bench), ==, 1);
  bench_free (bench);
}

/* What the user says of severities holds before any handler sees the event, and
 * from the moment on at which it is said. */
static void
test_severities (void)
{
  static const char *const rules[] = { "*:*=critical", NULL };
  Bench *bench = bench_new ();

  add_records (bench, 10);
  iterate_until (bench, has_all, 10 * G_TIME_SPAN_SECOND);
  g_assert_cmpint (g_atomic_int_get (&bench->critical), ==, 0);
  fleet_set_severities (bench->fleet, severity_rules_parse (rules, NULL));
  add_records (bench, 10);
  iterate_until (bench, has_all, 10 * G_TIME_SPAN_SECOND);
  g_assert_cmpint (g_atomic_int_get (&bench->offered), ==, 20);
  g_assert_cmpint (g_atomic_int_get (&bench->critical), ==, 10);
  bench_free (bench);
}

/* Every end of a collector starts exactly one other. */
static void
test_started_again (gconstpointer word)
{
  Bench *bench = bench_new ();

  add_records (bench, 100);
  for (guint i = 1; i <= 3; i++)
    {
      order (bench, word);
      iterate_until (bench, has_obeyed, 10 * G_TIME_SPAN_SECOND);
      add_records (bench, 100);
      iterate_until (bench, has_all, 20 * G_TIME_SPAN_SECOND);
      g_assert_cmpint (g_atomic_int_get (&bench->offered), ==, bench->records);
      g_assert_cmpuint (count_collectors (bench), ==, i + 1);
    }
  bench_free (bench);
}

/* It dies at the moment at which it is asked to end. */
static void
test_killed_while_stopping (void)
{
  for (guint i = 0; i < 5; i++)
    {
      Bench *bench = bench_new ();
      g_autofree char *pid = NULL;
      add_records (bench, 10);
      iterate_until (bench, has_all, 10 * G_TIME_SPAN_SECOND);
      g_assert_true (g_file_get_contents (bench->pids, &pid, NULL, NULL));
      kill (atoi (pid), SIGKILL);
      if (i % 2 == 0)
        g_usleep (20000); /* its end is there to be noticed, all at once */
      fleet_stop (bench->fleet, on_stopped, bench);
      bench_free (bench);
    }
}

static void
test_stop_at_once (void)
{
  Bench *bench = bench_new ();

  fleet_stop (bench->fleet, on_stopped, bench);
  bench_free (bench);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/keeper/records", test_records);
  g_test_add_func ("/keeper/severities", test_severities);
  g_test_add_data_func ("/keeper/crash", "crash", test_started_again);
  g_test_add_data_func ("/keeper/garbage", "garbage", test_started_again);
  g_test_add_data_func ("/keeper/foreign-frame", "foreign", test_started_again);
  g_test_add_func ("/keeper/killed-while-stopping", test_killed_while_stopping);
  g_test_add_func ("/keeper/stop-at-once", test_stop_at_once);
  return g_test_run ();
}
