/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ledger-quiet.c - what the ledger holds back from handlers, over a real
 * store and across restarts, with a clock that the test sets.
 *
 * "store" takes everything, "mail" wants warnings, a quiet time and no events
 * of a silenced BMC, "finalizer" would delete what the required ones handled.
 */
#include <core/ledger.h>

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

#define MINUTE G_TIME_SPAN_MINUTE
#define YEARS (10 * 365 * G_TIME_SPAN_DAY)

enum
{
  STORE,
  MAIL,
  FINALIZER,
  N_HANDLERS
};

typedef struct
{
  char *directory;
  Store *store;
  Ledger *ledger;
  gint64 bmc, ids[N_HANDLERS];
  LedgerHandler handlers[N_HANDLERS];
  GString *told[N_HANDLERS]; /* a letter an event: 'A' asserted, 'd' deasserted */
  gint64 seqs[N_HANDLERS];   /* the last one offered */
  IpmidEvent *last;
  guint records;
} Bench;

typedef struct
{
  Bench *bench;
  guint handler;
} Sink;

static Sink sinks[N_HANDLERS];
static gint64 now;

static gint64
get_now (void)
{
  return now;
}

static void
on_offer (gpointer user_data, G_GNUC_UNUSED gint64 bmc, gint64 seq, IpmidEvent *event)
{
  const Sink *sink = user_data;

  g_string_append_c (sink->bench->told[sink->handler], event_integer (event, IPMID_FIELD_ASSERT) ? 'A' : 'd');
  sink->bench->seqs[sink->handler] = seq;
  event_unref (sink->bench->last);
  sink->bench->last = event_ref (event);
}

static void
open_ledger (Bench *bench)
{
  static const char *const names[] = { "store", "mail", "finalizer" };
  const char *const labels[] = { "site=north", NULL };
  g_autoptr (GError) error = NULL;

  bench->store = store_open (bench->directory, &error);
  g_assert_no_error (error);
  bench->ledger = ledger_new (bench->store);
  ledger_set_clock (bench->ledger, get_now);
  for (guint i = 0; i < N_HANDLERS; i++)
    {
      sinks[i] = (Sink){ bench, i };
      bench->handlers[i].name = names[i];
      bench->handlers[i].offer = on_offer;
      bench->handlers[i].user_data = &sinks[i];
      bench->ids[i] = ledger_add_handler (bench->ledger, &bench->handlers[i], &error);
      g_assert_no_error (error);
    }
  bench->bmc = ledger_add_bmc (bench->ledger, "b1", NULL, &error);
  g_assert_no_error (error);
  ledger_set_bmc_attributes (bench->ledger, bench->bmc, labels, 0);
}

static void
close_ledger (Bench *bench)
{
  g_clear_pointer (&bench->ledger, ledger_free);
  g_clear_pointer (&bench->store, store_close);
}

static void
restart (Bench *bench)
{
  close_ledger (bench);
  open_ledger (bench);
}

static Bench *
bench_new (void)
{
  Bench *bench = g_new0 (Bench, 1);

  now = 50 * 365 * G_TIME_SPAN_DAY;
  bench->directory = g_dir_make_tmp ("quiet-XXXXXX", NULL);
  for (guint i = 0; i < N_HANDLERS; i++)
    {
      bench->told[i] = g_string_new (NULL);
      bench->handlers[i] = (LedgerHandler){ .filter = { .kinds = FILTER_ALL_KINDS, .existing = TRUE },
                                            .quota = G_MAXINT64,
                                            .required = i == STORE,
                                            .finalizer = i == FINALIZER };
    }
  bench->handlers[MAIL].filter.severity = IPMID_SEVERITY_WARNING;
  bench->handlers[MAIL].quiet = (QuietRule){ 10 * MINUTE, QUIET_BY_STATE, TRUE, TRUE };
  open_ledger (bench);
  return bench;
}

static void
bench_free (Bench *bench)
{
  static const char *const names[] = { "journal.db", "journal.db-wal", "journal.db-shm" };

  close_ledger (bench);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (bench->directory, names[i], NULL);
      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (bench->directory), ==, 0);
  for (guint i = 0; i < N_HANDLERS; i++)
    g_string_free (bench->told[i], TRUE);
  event_unref (bench->last);
  g_free (bench->directory);
  g_free (bench);
}

/* An event of a discrete sensor of this type and event type. */
static GPtrArray *
new_state (Bench *bench, guint8 sensor_type, guint8 sensor, guint8 event_type, guint8 offset, gboolean assertion,
           IpmidSeverity severity)
{
  GPtrArray *events = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  IpmidEvent *event = event_new ();
  guint id = ++bench->records;
  const guint8 raw[16] = { (guint8) id,
                           (guint8) (id >> 8),
                           2,
                           0,
                           0,
                           0,
                           0x60,
                           0x20,
                           0,
                           4,
                           sensor_type,
                           sensor,
                           (guint8) (event_type | (assertion ? 0 : 0x80)),
                           offset,
                           0,
                           0 };

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_DISCRETE);
  event_set_integer (event, IPMID_FIELD_SEVERITY, severity);
  event_set_integer (event, IPMID_FIELD_ASSERT, assertion);
  event_set_bytes (event, IPMID_FIELD_RAW, raw, sizeof raw);
  g_ptr_array_add (events, event);
  return events;
}

/* Uncorrectable ECC, or its end. */
static GPtrArray *
new_records (Bench *bench, guint8 sensor, gboolean assertion)
{
  return new_state (bench, 0x0c, sensor, 0x6f, 1, assertion, assertion ? IPMID_SEVERITY_CRITICAL : IPMID_SEVERITY_OK);
}

static void
take_in (Bench *bench, GPtrArray *events, gboolean commit)
{
  g_assert_true (store_begin (bench->store, NULL));
  g_assert_true (ledger_records (bench->ledger, bench->bmc, 0, FALSE, events, NULL));
  if (commit)
    {
      g_assert_true (store_commit (bench->store, NULL));
      ledger_committed (bench->ledger);
      return;
    }
  store_rollback (bench->store);
  ledger_rolled_back (bench->ledger);
}

static void
add (Bench *bench, guint8 sensor, gboolean assertion, gboolean rolled_back_first)
{
  g_autoptr (GPtrArray) events = new_records (bench, sensor, assertion);

  if (rolled_back_first)
    take_in (bench, events, FALSE);
  take_in (bench, events, TRUE);
}

/* 'A' and 'd' as above. */
static void
tell (Bench *bench, const char *story)
{
  for (; *story != '\0'; story++)
    add (bench, 7, *story == 'A', FALSE);
}

/* Whether it has to be asked again soon. */
static gboolean
pass_time (Bench *bench, gint64 time)
{
  g_autoptr (GError) error = NULL;
  gboolean needed;

  now += time;
  g_assert_true (store_begin (bench->store, NULL));
  ledger_release (bench->ledger, &needed, &error);
  g_assert_no_error (error);
  g_assert_true (store_commit (bench->store, NULL));
  ledger_committed (bench->ledger);
  return needed;
}

static void
silence (Bench *bench, gint64 until)
{
  ledger_set_bmc_attributes (bench->ledger, bench->bmc, NULL, until);
  g_assert_true (ledger_silences_changed (bench->ledger, NULL));
}

#define assert_mailed(bench, story) g_assert_cmpstr ((bench)->told[MAIL]->str, ==, story)

static LedgerCounts
counts_of (Bench *bench, guint handler)
{
  LedgerCounts counts;

  ledger_counts (bench->ledger, bench->ids[handler], &counts);
  return counts;
}

static gint64
query (Bench *bench, const char *sql)
{
  g_autofree char *path = g_build_filename (bench->directory, "journal.db", NULL);
  sqlite3 *db;
  sqlite3_stmt *row;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_prepare_v2 (db, sql, -1, &row, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_step (row), ==, SQLITE_ROW);
  gint64 number = sqlite3_column_int64 (row, 0);
  sqlite3_finalize (row);
  sqlite3_close (db);
  return number;
}

/* ------------------------------------------------------------------- cases */

static void
test_flapping (void)
{
  Bench *bench = bench_new ();

  for (guint i = 0; i < 500; i++)
    tell (bench, "Ad");
  assert_mailed (bench, "Ad");
  g_assert_cmpuint (bench->told[STORE]->len, ==, 1000);
  /* The deassertions are too good for its filter: only beginnings were held back. */
  g_assert_cmpint (counts_of (bench, MAIL).hushed, ==, 499);
  g_assert_cmpint (counts_of (bench, STORE).hushed, ==, 0);
  pass_time (bench, 10 * MINUTE);
  assert_mailed (bench, "Ad");
  tell (bench, "Ad");
  assert_mailed (bench, "AdAd");
  g_assert_cmpint (query (bench, "SELECT count(*) FROM notice"), ==, 0);
  bench_free (bench);
}

static void
test_still_so_when_the_time_ends (void)
{
  Bench *bench = bench_new ();

  tell (bench, "AdAdA");
  assert_mailed (bench, "Ad");
  pass_time (bench, 10 * MINUTE - 1);
  assert_mailed (bench, "Ad");
  pass_time (bench, 1);
  assert_mailed (bench, "AdA");
  g_assert_cmpstr (event_string (bench->last, IPMID_FIELD_BMC), ==, "b1");
  tell (bench, "dA"); /* which begins a quiet time, too */
  assert_mailed (bench, "AdAd");
  pass_time (bench, 60 * MINUTE);
  assert_mailed (bench, "AdAdA");
  tell (bench, "d");
  assert_mailed (bench, "AdAdAd");
  bench_free (bench);
}

static void
test_restart (void)
{
  Bench *bench = bench_new ();

  tell (bench, "A");
  restart (bench);
  tell (bench, "AA");
  assert_mailed (bench, "A");
  tell (bench, "d"); /* it still knows what was told */
  assert_mailed (bench, "Ad");
  tell (bench, "A");
  restart (bench);
  pass_time (bench, 9 * MINUTE);
  restart (bench);
  assert_mailed (bench, "Ad");
  pass_time (bench, MINUTE);
  assert_mailed (bench, "AdA");
  restart (bench);
  pass_time (bench, 60 * MINUTE);
  assert_mailed (bench, "AdA");
  bench_free (bench);
}

/* A transaction that is rolled back and runs again tells what it would have told. */
static void
test_rollback (void)
{
  Bench *bench = bench_new ();

  add (bench, 7, TRUE, TRUE);
  assert_mailed (bench, "A");
  add (bench, 7, TRUE, TRUE);
  add (bench, 7, FALSE, TRUE);
  assert_mailed (bench, "Ad");
  add (bench, 7, TRUE, TRUE);
  g_assert_cmpint (counts_of (bench, MAIL).hushed, ==, 2);
  pass_time (bench, 10 * MINUTE);
  assert_mailed (bench, "AdA");
  bench_free (bench);
}

static void
test_recovery_of_what_was_not_told (void)
{
  Bench *bench = bench_new ();

  tell (bench, "d");
  assert_mailed (bench, "");
  tell (bench, "Add");
  assert_mailed (bench, "Ad");
  bench_free (bench);
}

static void
test_clock_is_set (gconstpointer data)
{
  const gint64 jump = GPOINTER_TO_INT (data) * YEARS;

  for (guint restarts = 0; restarts < 2; restarts++)
    {
      Bench *bench = bench_new ();

      tell (bench, "AdA");
      pass_time (bench, MINUTE); /* the ledger has seen this clock */
      now += jump;
      if (restarts)
        restart (bench);
      pass_time (bench, 0);
      pass_time (bench, 10 * MINUTE);
      assert_mailed (bench, "AdA");
      tell (bench, "dA");
      pass_time (bench, 10 * MINUTE);
      assert_mailed (bench, "AdAdA");
      bench_free (bench);
    }
}

static void
test_silence (void)
{
  Bench *bench = bench_new ();

  tell (bench, "A");
  silence (bench, now + 60 * MINUTE);
  tell (bench, "d");
  add (bench, 8, TRUE, FALSE); /* comes and stays */
  add (bench, 9, TRUE, FALSE); /* comes and goes */
  add (bench, 9, FALSE, FALSE);
  pass_time (bench, 59 * MINUTE);
  assert_mailed (bench, "A");
  g_assert_cmpint (counts_of (bench, MAIL).silenced, ==, 3);
  g_assert_cmpint (counts_of (bench, STORE).silenced, ==, 0);
  g_assert_cmpstr (bench->told[STORE]->str, ==, "AdAAd");
  pass_time (bench, MINUTE);
  g_assert_cmpuint (bench->told[MAIL]->len, ==, 3); /* the end of the first, the beginning of the second */
  pass_time (bench, 60 * MINUTE);
  g_assert_cmpuint (bench->told[MAIL]->len, ==, 3);
  bench_free (bench);
}

/* "Fully redundant" ends both; it is told once. */
static void
test_one_end_of_two_states (void)
{
  Bench *bench = bench_new ();
  g_autoptr (GPtrArray) lost = new_state (bench, 0x08, 7, 0x0b, 1, TRUE, IPMID_SEVERITY_WARNING);
  g_autoptr (GPtrArray) degraded = new_state (bench, 0x08, 7, 0x0b, 2, TRUE, IPMID_SEVERITY_WARNING);
  g_autoptr (GPtrArray) full = new_state (bench, 0x08, 7, 0x0b, 0, TRUE, IPMID_SEVERITY_OK);

  take_in (bench, lost, TRUE);
  take_in (bench, degraded, TRUE);
  silence (bench, now + 60 * MINUTE);
  take_in (bench, full, TRUE);
  assert_mailed (bench, "AA");
  pass_time (bench, 60 * MINUTE);
  assert_mailed (bench, "AAA");
  g_assert_cmpint (query (bench, "SELECT count(*) FROM notice"), ==, 0);
  bench_free (bench);
}

static void
test_silence_is_changed (void)
{
  Bench *bench = bench_new ();

  silence (bench, now + 60 * MINUTE);
  tell (bench, "A");
  silence (bench, now + 120 * MINUTE);
  pass_time (bench, 60 * MINUTE);
  assert_mailed (bench, "");
  restart (bench); /* which begins without a silence */
  silence (bench, now + 60 * MINUTE);
  pass_time (bench, MINUTE);
  assert_mailed (bench, "");
  silence (bench, 0);
  pass_time (bench, 1);
  assert_mailed (bench, "A");
  bench_free (bench);
}

/* One that is too long to be one does not hide the one that somebody asks for. */
static void
test_silence_without_end (void)
{
  Bench *bench = bench_new ();
  LedgerBmcInfo info;

  silence (bench, now + 10 * 365 * G_TIME_SPAN_DAY);
  g_assert_true (ledger_bmc_info (bench->ledger, bench->bmc, &info, NULL));
  g_assert_cmpint (info.silence_until, ==, 0);
  tell (bench, "A");
  assert_mailed (bench, "A");
  g_assert_true (ledger_silence (bench->ledger, bench->bmc, now + 60 * MINUTE, NULL));
  g_assert_true (ledger_bmc_info (bench->ledger, bench->bmc, &info, NULL));
  g_assert_cmpint (info.silence_until, ==, now + 60 * MINUTE);
  tell (bench, "d");
  assert_mailed (bench, "A");
  pass_time (bench, 60 * MINUTE);
  assert_mailed (bench, "Ad");
  bench_free (bench);
}

/* Lifted while ipmid is down: also one that is shorter than a quiet time. */
static void
test_silence_is_lifted (void)
{
  for (gint64 length = MINUTE; length <= 100 * MINUTE; length *= 10)
    {
      Bench *bench = bench_new ();

      silence (bench, now + length);
      tell (bench, "A");
      restart (bench);
      pass_time (bench, 1);
      assert_mailed (bench, "A");
      bench_free (bench);
    }
}

/* A silence within a quiet time: the longer one counts. */
static void
test_silence_and_quiet_time (void)
{
  Bench *bench = bench_new ();

  tell (bench, "Ad");
  silence (bench, now + 5 * MINUTE);
  tell (bench, "A");
  silence (bench, 0);
  pass_time (bench, 6 * MINUTE);
  assert_mailed (bench, "Ad");
  pass_time (bench, 4 * MINUTE);
  assert_mailed (bench, "AdA");
  bench_free (bench);
}

/* A quiet time for a whole BMC: when it ends, all that is still so is told. */
static void
test_quiet_by_bmc (void)
{
  Bench *bench = bench_new ();

  bench->handlers[MAIL].quiet.by = QUIET_BY_BMC;
  restart (bench);
  for (guint8 sensor = 1; sensor <= 5; sensor++)
    add (bench, sensor, TRUE, FALSE);
  assert_mailed (bench, "A");
  add (bench, 3, FALSE, FALSE);
  pass_time (bench, 10 * MINUTE);
  assert_mailed (bench, "AAAA");
  bench_free (bench);
}

/* What is held back from a handler does not count for deletion, then or later. */
static void
test_deletion (void)
{
  Bench *bench = bench_new ();

  bench->handlers[STORE].required = FALSE;
  bench->handlers[MAIL].required = TRUE;
  restart (bench);
  tell (bench, "A");
  g_assert_true (ledger_settle (bench->ledger, bench->ids[MAIL], bench->bmc, bench->seqs[MAIL], bench->last,
                                LEDGER_DONE, NULL, NULL));
  ledger_committed (bench->ledger);
  g_assert_cmpuint (bench->told[FINALIZER]->len, ==, 1);
  tell (bench, "dA");
  assert_mailed (bench, "Ad");
  gint64 before = bench->seqs[MAIL];
  pass_time (bench, 10 * MINUTE);
  assert_mailed (bench, "AdA");
  g_assert_cmpint (bench->seqs[MAIL], >, before);
  g_assert_true (ledger_settle (bench->ledger, bench->ids[MAIL], bench->bmc, bench->seqs[MAIL], bench->last,
                                LEDGER_DONE, NULL, NULL));
  ledger_committed (bench->ledger);
  g_assert_cmpuint (bench->told[FINALIZER]->len, ==, 1);
  g_assert_cmpint (counts_of (bench, MAIL).pending, ==, 1); /* the recovery */
  bench_free (bench);
}

static void
test_quota (void)
{
  Bench *bench = bench_new ();

  bench->handlers[MAIL].quota = 2;
  restart (bench);
  tell (bench, "AdA"); /* two that nobody answers */
  pass_time (bench, 10 * MINUTE);
  assert_mailed (bench, "Ad");
  g_assert_true (ledger_settle (bench->ledger, bench->ids[MAIL], bench->bmc, bench->seqs[MAIL], bench->last,
                                LEDGER_DONE, NULL, NULL));
  ledger_committed (bench->ledger);
  pass_time (bench, MINUTE);
  assert_mailed (bench, "AdA");
  bench_free (bench);
}

static void
test_handler_changes (void)
{
  Bench *bench = bench_new ();

  tell (bench, "AdA");
  bench->handlers[MAIL].quiet = (QuietRule){ 0 };
  g_assert_true (pass_time (bench, 1));
  restart (bench);
  g_assert_true (pass_time (bench, 1)); /* something was waiting */
  assert_mailed (bench, "AdA");
  g_assert_false (pass_time (bench, 60 * MINUTE));
  tell (bench, "A");
  assert_mailed (bench, "AdAA");
  bench_free (bench);
}

static void
test_handler_is_removed (void)
{
  Bench *bench = bench_new ();
  g_autoptr (GArray) none = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 moved;

  tell (bench, "AdA");
  g_assert_cmpint (query (bench, "SELECT count(*) FROM notice"), >, 0);
  g_assert_true (store_bury_orphans (bench->store, none, &moved, NULL));
  g_assert_cmpint (query (bench, "SELECT count(*) FROM notice"), ==, 0);
  g_assert_cmpint (query (bench, "SELECT count(*) FROM quiet"), ==, 0);
  bench_free (bench);
}

/* A BMC that makes up sensors. */
static void
test_bounds (void)
{
  Bench *bench = bench_new ();

  for (guint i = 0; i < 1500; i++)
    {
      g_autoptr (GPtrArray) events = new_records (bench, (guint8) i, TRUE);
      gsize length;
      guint8 *raw = (guint8 *) event_bytes (events->pdata[0], IPMID_FIELD_RAW, &length);
      raw[8] = (guint8) (i / 256);
      take_in (bench, events, TRUE);
    }
  g_assert_cmpuint (bench->told[MAIL]->len, ==, 1500);
  g_assert_cmpint (query (bench, "SELECT count(*) FROM notice"), ==, 512);
  g_assert_cmpint (query (bench, "SELECT count(*) FROM quiet"), ==, 512);
  bench_free (bench);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ledger-quiet/flapping", test_flapping);
  g_test_add_func ("/ledger-quiet/still-so", test_still_so_when_the_time_ends);
  g_test_add_func ("/ledger-quiet/restart", test_restart);
  g_test_add_func ("/ledger-quiet/rollback", test_rollback);
  g_test_add_func ("/ledger-quiet/never-told", test_recovery_of_what_was_not_told);
  g_test_add_data_func ("/ledger-quiet/clock-forward", GINT_TO_POINTER (1), test_clock_is_set);
  g_test_add_data_func ("/ledger-quiet/clock-back", GINT_TO_POINTER (-1), test_clock_is_set);
  g_test_add_func ("/ledger-quiet/silence", test_silence);
  g_test_add_func ("/ledger-quiet/two-states", test_one_end_of_two_states);
  g_test_add_func ("/ledger-quiet/silence-changed", test_silence_is_changed);
  g_test_add_func ("/ledger-quiet/silence-without-end", test_silence_without_end);
  g_test_add_func ("/ledger-quiet/silence-lifted", test_silence_is_lifted);
  g_test_add_func ("/ledger-quiet/silence-and-quiet", test_silence_and_quiet_time);
  g_test_add_func ("/ledger-quiet/by-bmc", test_quiet_by_bmc);
  g_test_add_func ("/ledger-quiet/deletion", test_deletion);
  g_test_add_func ("/ledger-quiet/quota", test_quota);
  g_test_add_func ("/ledger-quiet/handler-changes", test_handler_changes);
  g_test_add_func ("/ledger-quiet/handler-removed", test_handler_is_removed);
  g_test_add_func ("/ledger-quiet/bounds", test_bounds);
  return g_test_run ();
}
