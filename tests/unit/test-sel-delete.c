/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-sel-delete.c - the sel-delete plugin, alone. */
#include "plugin-bench-host.h"

#include <string.h>

/* A host that answers a delete as the test says. */
typedef struct
{
  BenchHost *bench;
  IpmidDeleteOutcome outcome;
  gboolean hold; /* keep the requests instead */
  GPtrArray *callbacks;
  GPtrArray *callback_data;
  IpmidDeleteFlags flags;
  guint n_requests;
} Fixture;

static void
on_delete (IpmidEvent *event, IpmidDeleteFlags flags, IpmidDeleteCallback callback, gpointer callback_data,
           gpointer user_data)
{
  Fixture *fixture = user_data;

  g_assert_true (event_has (event, IPMID_FIELD_RAW));
  fixture->flags = flags;
  fixture->n_requests++;
  if (!fixture->hold)
    callback (callback_data, fixture->outcome, fixture->outcome == IPMID_DELETE_DONE ? NULL : "the BMC says so");
  else
    {
      g_ptr_array_add (fixture->callbacks, (gpointer) callback);
      g_ptr_array_add (fixture->callback_data, callback_data);
    }
}

static void
set_up (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->bench = bench_host_new ("sel-delete");
  fixture->bench->on_delete = on_delete;
  fixture->bench->on_delete_data = fixture;
  fixture->callbacks = g_ptr_array_new ();
  fixture->callback_data = g_ptr_array_new ();
  g_assert_cmpint (fixture->bench->plugin->flags, ==, IPMID_PLUGIN_FINALIZER);
}

static void
tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  bench_host_free (fixture->bench);
  g_ptr_array_unref (fixture->callbacks);
  g_ptr_array_unref (fixture->callback_data);
}

static void
answer_held (Fixture *fixture, guint index)
{
  IpmidDeleteCallback callback = (IpmidDeleteCallback) fixture->callbacks->pdata[index];

  callback (fixture->callback_data->pdata[index], IPMID_DELETE_DONE, NULL);
}

/* Delivers one event, which must be LATER; returns what was answered. */
static IpmidVerdict
deliver (Fixture *fixture, const char *bmc, guint number)
{
  g_autoptr (IpmidEvent) event = bench_event (bmc, number);

  g_assert_cmpint (bench_host_deliver_one (fixture->bench, event), ==, IPMID_VERDICT_LATER);
  return (IpmidVerdict) GPOINTER_TO_INT (g_hash_table_lookup (fixture->bench->answers, &fixture->bench->next_token));
}

static guint
count_lines (Fixture *fixture, const char *level)
{
  g_auto (GStrv) lines = g_strsplit (fixture->bench->log->str, "\n", -1);
  guint count = 0;

  for (char **line = lines; *line != NULL; line++)
    count += g_str_has_prefix (*line, level);
  return count;
}

static void
test_outcomes (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    IpmidDeleteOutcome outcome;
    IpmidVerdict verdict;
    const char *log; /* the start of what is logged */
  } cases[] = {
    { IPMID_DELETE_DONE, IPMID_VERDICT_DONE, "7 record 0x0003 was deleted" },
    { IPMID_DELETE_CHANGED, IPMID_VERDICT_DONE, "5 another record stands under 0x0003" },
    { IPMID_DELETE_REFUSED, IPMID_VERDICT_DONE, "4 b1 does not let records be deleted from its SEL: the BMC says so" },
    { IPMID_DELETE_UNAVAILABLE, IPMID_VERDICT_RETRY, "" },
    { IPMID_DELETE_NOT_ALLOWED, IPMID_VERDICT_RETRY, "3 record 0x0003" },
  };

  g_assert_true (bench_host_open (fixture->bench, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_string_truncate (fixture->bench->log, 0);
      fixture->outcome = cases[i].outcome;
      g_assert_cmpint (deliver (fixture, "b1", 3), ==, cases[i].verdict);
      g_assert_true (g_str_has_prefix (fixture->bench->log->str, cases[i].log));
      if (cases[i].verdict == IPMID_VERDICT_RETRY)
        g_assert_cmpstr (bench_host_reason (fixture->bench, 0), ==, "the BMC says so");
      g_assert_cmpint (fixture->flags, ==, 0);
    }
  bench_host_close (fixture->bench);
}

static void
test_refused_once (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->outcome = IPMID_DELETE_REFUSED;
  g_assert_true (bench_host_open (fixture->bench, NULL));
  for (guint i = 0; i < 10; i++)
    {
      deliver (fixture, "b1", i);
      deliver (fixture, "b2", i);
    }
  bench_host_close (fixture->bench);
  g_assert_cmpuint (count_lines (fixture, "4 "), ==, 2);
}

static void
test_flags (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  bench_host_set (fixture->bench, "dry-run", "yes");
  bench_host_set (fixture->bench, "allow-clear", "yes");
  g_assert_true (bench_host_open (fixture->bench, NULL));
  g_assert_cmpint (deliver (fixture, "b1", 1), ==, IPMID_VERDICT_DONE);
  g_assert_cmpint (fixture->flags, ==, IPMID_DELETE_DRY_RUN | IPMID_DELETE_ALLOW_CLEAR);
  g_assert_true (g_str_has_prefix (fixture->bench->log->str, "5 record 0x0001 would be deleted"));
  bench_host_close (fixture->bench);
}

static void
test_own_events (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (IpmidEvent) event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_GAP);
  g_assert_true (bench_host_open (fixture->bench, NULL));
  g_assert_cmpint (bench_host_deliver_one (fixture->bench, event), ==, IPMID_VERDICT_DONE);
  g_assert_cmpuint (fixture->n_requests, ==, 0);
  bench_host_close (fixture->bench);
}

static gpointer
answer_all_held (gpointer data)
{
  Fixture *fixture = data;

  for (guint i = 0; i < fixture->callbacks->len; i++)
    answer_held (fixture, i);
  return NULL;
}

/* Outcomes from another thread, in part after `close`: those are ignored. */
static void
test_threads (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  GThread *thread;

  fixture->hold = TRUE;
  g_assert_true (bench_host_open (fixture->bench, NULL));
  for (guint i = 0; i < 1000; i++)
    deliver (fixture, "b1", i);
  thread = g_thread_new ("outcomes", answer_all_held, fixture);
  bench_host_close (fixture->bench);
  g_thread_join (thread);
  g_assert_cmpuint (fixture->bench->n_answers, <=, 1000);
}

static void
test_after_close (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->hold = TRUE;
  g_assert_true (bench_host_open (fixture->bench, NULL));
  deliver (fixture, "b1", 1);
  deliver (fixture, "b1", 2);
  answer_held (fixture, 0);
  bench_host_close (fixture->bench);
  answer_held (fixture, 1);
  g_assert_cmpuint (fixture->bench->n_answers, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/sel-delete/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("outcomes", test_outcomes);
  ADD ("refused-once", test_refused_once);
  ADD ("flags", test_flags);
  ADD ("own-events", test_own_events);
  ADD ("threads", test_threads);
  ADD ("after-close", test_after_close);
  return g_test_run ();
}
