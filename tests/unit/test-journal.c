/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-journal.c - group commit, order, room, failure. */
#include <core/journal.h>
#include <event/error.h>

#include <glib/gstdio.h>
#include <sqlite3.h>

typedef struct
{
  Journal *journal;
  GMutex lock;
  GCond changed;
  GArray *ran; /* int: what ran last for each, in order of the commits */
  guint committed, refused;
  guint failures;
  gint full, broken; /* atomic: what the work answers */
  gint runs;         /* atomic */
} Bench;

typedef struct
{
  Bench *bench;
  int number;
  gboolean needs_room;
} Job;

static void
on_failed (G_GNUC_UNUSED const GError *error, gpointer user_data)
{
  Bench *bench = user_data;

  g_mutex_lock (&bench->lock);
  bench->failures++;
  g_cond_broadcast (&bench->changed);
  g_mutex_unlock (&bench->lock);
}

static Bench *
bench_new (const char *directory)
{
  Bench *bench = g_new0 (Bench, 1);
  const JournalOptions options = { directory, { G_GINT64_CONSTANT (1) << 30, 0 }, on_failed, bench };
  g_autoptr (GError) error = NULL;

  g_mutex_init (&bench->lock);
  g_cond_init (&bench->changed);
  bench->ran = g_array_new (FALSE, FALSE, sizeof (int));
  bench->journal = journal_open (&options, &error);
  g_assert_no_error (error);
  g_assert_true (journal_start (bench->journal, &error));
  return bench;
}

static void
bench_free (Bench *bench)
{
  journal_close (bench->journal);
  g_mutex_clear (&bench->lock);
  g_cond_clear (&bench->changed);
  g_array_unref (bench->ran);
  g_free (bench);
}

static gboolean
work (G_GNUC_UNUSED Ledger *ledger, gpointer data, GError **error)
{
  Job *job = data;

  g_atomic_int_inc (&job->bench->runs);
  if (g_atomic_int_get (&job->bench->broken))
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL, "told to fail");
  else if (job->needs_room && g_atomic_int_get (&job->bench->full))
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_FULL, "told to be full");
  else
    return TRUE;
  return FALSE;
}

static void
done (gpointer data, gboolean committed)
{
  Job *job = data;
  Bench *bench = job->bench;

  g_mutex_lock (&bench->lock);
  if (committed)
    g_array_append_val (bench->ran, job->number);
  bench->committed += committed;
  bench->refused += !committed;
  g_cond_broadcast (&bench->changed);
  g_mutex_unlock (&bench->lock);
  g_free (job);
}

static void
submit (Bench *bench, JournalClass class, int number, gboolean needs_room)
{
  Job *job = g_new (Job, 1);

  *job = (Job){ bench, number, needs_room };
  journal_submit (bench->journal, class, work, done, job);
}

/* Until so many were answered. */
static void
wait_answered (Bench *bench, guint n)
{
  gint64 deadline = g_get_monotonic_time () + 30 * G_TIME_SPAN_SECOND;

  g_mutex_lock (&bench->lock);
  while (bench->committed + bench->refused < n)
    g_assert_true (g_cond_wait_until (&bench->changed, &bench->lock, deadline));
  g_mutex_unlock (&bench->lock);
}

static void
test_order (void)
{
  Bench *bench = bench_new (NULL);

  for (int i = 0; i < 5000; i++)
    submit (bench, i % 3 == 0 ? JOURNAL_SETTLE : JOURNAL_INTAKE, i, FALSE);
  wait_answered (bench, 5000);
  g_assert_cmpuint (bench->committed, ==, 5000);
  for (int i = 0; i < 5000; i++)
    g_assert_cmpint (g_array_index (bench->ran, int, i), ==, i);
  bench_free (bench);
}

static Job *
new_job (Bench *bench, int number)
{
  Job *job = g_new (Job, 1);

  *job = (Job){ bench, number, FALSE };
  return job;
}

/* What is submitted quietly is committed with what follows, and before it; or when the
 * journal is woken for it. */
static void
test_quietly (void)
{
  Bench *bench = bench_new (NULL);

  for (int i = 0; i < 100; i++)
    {
      journal_submit_quietly (bench->journal, JOURNAL_SETTLE, work, done, new_job (bench, 2 * i));
      submit (bench, JOURNAL_SETTLE, 2 * i + 1, FALSE);
      wait_answered (bench, 2 * (guint) i + 2);
    }
  for (int i = 0; i < 200; i++)
    g_assert_cmpint (g_array_index (bench->ran, int, i), ==, i);
  for (guint i = 0; i < 100; i++)
    {
      journal_submit_quietly (bench->journal, JOURNAL_SETTLE, work, done, new_job (bench, 0));
      journal_wake (bench->journal);
      wait_answered (bench, 201 + i);
    }
  journal_submit_quietly (bench->journal, JOURNAL_SETTLE, work, done, new_job (bench, 0));
  journal_end (bench->journal); /* nor is it forgotten */
  g_assert_cmpuint (bench->committed, ==, 301);
  bench_free (bench);
}

static gpointer
submit_many (gpointer data)
{
  for (int i = 0; i < 2000; i++)
    submit (data, i % 2 == 0 ? JOURNAL_SETTLE : JOURNAL_INTAKE, i, FALSE);
  return NULL;
}

static void
test_many_threads (void)
{
  Bench *bench = bench_new (NULL);
  GThread *threads[4];

  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("submit", submit_many, bench);
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  wait_answered (bench, 8000);
  g_assert_cmpuint (bench->committed, ==, 8000);
  bench_free (bench);
}

/* What waits is committed before the end; what comes later is refused. */
static void
test_close_while_busy (void)
{
  Bench *bench = bench_new (NULL);
  GThread *thread = g_thread_new ("submit", submit_many, bench);

  for (int i = 0; i < 3000; i++)
    submit (bench, JOURNAL_SETTLE, i, FALSE);
  g_thread_join (thread);
  journal_close (g_steal_pointer (&bench->journal));
  g_assert_cmpuint (bench->committed, ==, 5000);
  bench_free (bench);
}

static void
submit_again (gpointer data, gboolean committed)
{
  Job *job = data;

  g_assert_true (committed);
  submit (job->bench, JOURNAL_SETTLE, 2, FALSE);
}

/* One that has ended is still there: what comes of its last commits is refused. */
static void
test_end (void)
{
  Bench *bench = bench_new (NULL);
  Job job = { bench, 1, FALSE };

  journal_submit (bench->journal, JOURNAL_SETTLE, work, submit_again, &job);
  journal_end (bench->journal);
  wait_answered (bench, 1);
  submit (bench, JOURNAL_LOOK_UP, 3, FALSE);
  g_assert_cmpuint (bench->refused + bench->committed, ==, 2);
  g_assert_false (journal_run (bench->journal, JOURNAL_LOOK_UP, work, &job));
  journal_end (bench->journal);
  bench_free (bench);
}

static void
test_failure (void)
{
  Bench *bench = bench_new (NULL);
  Job job = { bench, 0, FALSE };

  submit (bench, JOURNAL_INTAKE, 0, FALSE);
  wait_answered (bench, 1);
  g_atomic_int_set (&bench->broken, TRUE);
  for (int i = 1; i < 1000; i++)
    submit (bench, i % 2 ? JOURNAL_SETTLE : JOURNAL_INTAKE, i, FALSE);
  wait_answered (bench, 1000);
  g_assert_cmpuint (bench->committed, ==, 1);
  g_assert_cmpuint (bench->refused, ==, 999);
  g_assert_cmpuint (bench->failures, ==, 1);
  g_assert_false (journal_run (bench->journal, JOURNAL_LOOK_UP, work, &job));
  bench_free (bench);
}

/* Intake waits for room, and goes on in order; what settles and what asks does
 * not wait for it. */
static void
test_full (void)
{
  Bench *bench = bench_new (NULL);
  Job job = { bench, 0, FALSE };

  g_atomic_int_set (&bench->full, TRUE);
  for (int i = 0; i < 20; i++)
    submit (bench, JOURNAL_INTAKE, i, TRUE);
  for (int i = 100; i < 110; i++)
    submit (bench, JOURNAL_SETTLE, i, FALSE);
  wait_answered (bench, 10);
  g_assert_true (journal_run (bench->journal, JOURNAL_LOOK_UP, work, &job));
  g_assert_true (journal_is_full (bench->journal));
  g_atomic_int_set (&bench->full, FALSE);
  for (int i = 20; i < 40; i++)
    submit (bench, JOURNAL_INTAKE, i, TRUE);
  wait_answered (bench, 50);
  g_assert_cmpuint (bench->refused, ==, 0);
  g_assert_false (journal_is_full (bench->journal));
  for (int i = 0; i < 50; i++)
    g_assert_cmpint (g_array_index (bench->ran, int, i), ==, i < 10 ? 100 + i : i - 10);
  bench_free (bench);
}

/* Even when not so much as an answer can be written, whoever asks is answered,
 * nothing spins, and the end comes. */
static void
test_full_for_settling (void)
{
  Bench *bench = bench_new (NULL);
  Job job = { bench, 0, FALSE };

  g_atomic_int_set (&bench->full, TRUE);
  submit (bench, JOURNAL_SETTLE, 1, TRUE);
  g_usleep (100000);
  submit (bench, JOURNAL_SETTLE, 2, TRUE);
  g_assert_true (journal_run (bench->journal, JOURNAL_LOOK_UP, work, &job));
  g_usleep (1500000);
  g_assert_cmpint (g_atomic_int_get (&bench->runs), <, 30);
  gint64 began = g_get_monotonic_time ();
  journal_close (g_steal_pointer (&bench->journal));
  g_assert_cmpint (g_get_monotonic_time () - began, <, 5 * G_TIME_SPAN_SECOND);
  g_assert_cmpuint (bench->refused, ==, 2);
  bench_free (bench);
}

typedef struct
{
  gint began, goes_on; /* atomic */
} Gate;

static gboolean
wait_at_gate (G_GNUC_UNUSED Ledger *ledger, gpointer data, G_GNUC_UNUSED GError **error)
{
  Gate *gate = data;

  g_atomic_int_set (&gate->began, TRUE);
  while (!g_atomic_int_get (&gate->goes_on))
    g_usleep (1000);
  return TRUE;
}

static void
pass_gate (G_GNUC_UNUSED gpointer data, gboolean committed)
{
  g_assert_true (committed);
}

/* An alarm that finds no room does not take those with it who only ask. */
static void
test_full_for_one_look_up (void)
{
  Bench *bench = bench_new (NULL);
  Gate gate = { FALSE, FALSE };

  g_atomic_int_set (&bench->full, TRUE);
  journal_submit (bench->journal, JOURNAL_LOOK_UP, wait_at_gate, pass_gate, &gate);
  while (!g_atomic_int_get (&gate.began))
    g_usleep (1000);
  /* They wait together, and so are one group. */
  submit (bench, JOURNAL_LOOK_UP, 1, FALSE);
  submit (bench, JOURNAL_LOOK_UP, 2, TRUE);
  submit (bench, JOURNAL_LOOK_UP, 3, FALSE);
  g_atomic_int_set (&gate.goes_on, TRUE);
  wait_answered (bench, 3);
  g_assert_cmpuint (bench->committed, ==, 2);
  g_assert_cmpuint (bench->refused, ==, 1);
  g_assert_cmpint (g_array_index (bench->ran, int, 0), ==, 1);
  g_assert_cmpint (g_array_index (bench->ran, int, 1), ==, 3);
  bench_free (bench);
}

static void
remove_directory (const char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);
      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (directory), ==, 0);
}

/* Somebody who reads the log, and thereby keeps it from being given back. */
static sqlite3 *
open_reader (const char *directory)
{
  g_autofree char *path = g_build_filename (directory, "journal.db", NULL);
  sqlite3 *reader = NULL;

  g_assert_cmpint (sqlite3_open_v2 (path, &reader, SQLITE_OPEN_READONLY, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (reader, "BEGIN; SELECT count (*) FROM event", NULL, NULL, NULL), ==, SQLITE_OK);
  return reader;
}

/* A journal at its limit shrinks its log; one who reads it for long holds nobody up. */
static void
test_reader_holds_up_nobody (void)
{
  g_autofree char *directory = g_dir_make_tmp ("journal-XXXXXX", NULL);
  Bench *bench = bench_new (directory);
  const RoomLimits tiny = { 1, 0 };
  Job job = { bench, 0, FALSE };
  sqlite3 *reader = open_reader (directory);
  gint64 began = g_get_monotonic_time ();

  journal_set_limits (bench->journal, &tiny);
  while (!journal_is_full (bench->journal))
    g_assert_true (journal_run (bench->journal, JOURNAL_SETTLE, work, &job));
  g_assert_true (journal_run (bench->journal, JOURNAL_SETTLE, work, &job));
  g_assert_cmpint (g_get_monotonic_time () - began, <, 4 * G_TIME_SPAN_SECOND);
  sqlite3_close (reader);
  bench_free (bench);
  remove_directory (directory);
}

static void
test_group_commit (void)
{
  g_autofree char *directory = g_dir_make_tmp ("journal-XXXXXX", NULL);
  Bench *bench = bench_new (directory);
  gint64 began = g_get_monotonic_time ();

  for (int i = 0; i < 20000; i++)
    submit (bench, JOURNAL_INTAKE, i, FALSE);
  wait_answered (bench, 20000);
  g_test_message ("20000 commands in %.3f s", (double) (g_get_monotonic_time () - began) / 1e6);
  bench_free (bench);
  remove_directory (directory);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/journal/order", test_order);
  g_test_add_func ("/journal/quietly", test_quietly);
  g_test_add_func ("/journal/many-threads", test_many_threads);
  g_test_add_func ("/journal/close-while-busy", test_close_while_busy);
  g_test_add_func ("/journal/end", test_end);
  g_test_add_func ("/journal/failure", test_failure);
  g_test_add_func ("/journal/full", test_full);
  g_test_add_func ("/journal/full-for-settling", test_full_for_settling);
  g_test_add_func ("/journal/full-for-one-look-up", test_full_for_one_look_up);
  g_test_add_func ("/journal/reader-holds-up-nobody", test_reader_holds_up_nobody);
  g_test_add_func ("/journal/group-commit", test_group_commit);
  return g_test_run ();
}
