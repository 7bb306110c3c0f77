/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ledger-crash.c - which crashes count, and when an event is given up for them.
 */
#include <core/ledger.h>

#include <signal.h>

typedef struct
{
  Store *store;
  Ledger *ledger;
  gint64 bmc, handler, seq;
  IpmidEvent *event;
} Bench;

static void
on_offer (gpointer user_data, G_GNUC_UNUSED gint64 bmc, gint64 seq, IpmidEvent *event)
{
  Bench *bench = user_data;

  g_assert_null (bench->event);
  bench->seq = seq;
  bench->event = event_ref (event);
}

static void
commit (Bench *bench)
{
  g_assert_true (store_commit (bench->store, NULL));
  ledger_committed (bench->ledger);
}

static void
begin (Bench *bench)
{
  g_assert_true (store_begin (bench->store, NULL));
}

/* One record, owed to one handler. */
static void
set_up (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  const guint8 raw[STORE_RECORD_SIZE] = { 1, 0, 2 };
  const LedgerHandler handler = { .name = "h",
                                  .required = TRUE,
                                  .filter = { .kinds = FILTER_ALL_KINDS, .existing = TRUE },
                                  .quota = G_MAXINT64,
                                  .offer = on_offer,
                                  .user_data = bench };
  g_autoptr (GPtrArray) events = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  IpmidEvent *event = event_new ();

  bench->store = store_open (NULL, NULL);
  bench->ledger = ledger_new (bench->store);
  bench->bmc = ledger_add_bmc (bench->ledger, "b", NULL, NULL);
  bench->handler = ledger_add_handler (bench->ledger, &handler, NULL);
  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_DISCRETE);
  event_set_bytes (event, IPMID_FIELD_RAW, raw, sizeof raw);
  g_ptr_array_add (events, event);
  begin (bench);
  g_assert_true (ledger_tail (bench->ledger, bench->bmc, NULL, FALSE, NULL));
  g_assert_true (ledger_walk_end (bench->ledger, bench->bmc, 1, TRUE, NULL));
  g_assert_true (ledger_records (bench->ledger, bench->bmc, 0, FALSE, events, NULL));
  commit (bench);
  g_assert_nonnull (bench->event);
}

static void
tear_down (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  event_unref (bench->event);
  ledger_free (bench->ledger);
  store_close (bench->store);
}

static void
attempt (Bench *bench, guint batch)
{
  begin (bench);
  g_assert_true (ledger_attempt (bench->ledger, bench->handler, bench->bmc, &bench->seq, 1, batch, NULL));
  commit (bench);
}

static CrashNote
note_of (const Bench *bench, gint64 attempt, gboolean worked)
{
  return (CrashNote){ .signal = SIGSEGV,
                      .call = { .handler = bench->handler,
                                .bmc = bench->bmc,
                                .seq = bench->seq,
                                .attempt = attempt,
                                .n_events = 1,
                                .worked = worked } };
}

/* Returns whether it counted; `*dead`: it is a dead letter now. */
static gboolean
tell (Bench *bench, const CrashNote *note, gboolean *dead)
{
  LedgerCrash crash;
  LedgerCounts counts;

  begin (bench);
  g_assert_true (ledger_crash (bench->ledger, note, &crash, NULL));
  commit (bench);
  ledger_counts (bench->ledger, bench->handler, &counts);
  *dead = counts.dead == 1;
  g_assert_cmpint (counts.pending + counts.dead, ==, 1);
  if (crash.counts)
    {
      g_assert_cmpstr (crash.handler, ==, "h");
      g_assert_cmpstr (event_string (crash.event, IPMID_FIELD_ID), ==, event_string (bench->event, IPMID_FIELD_ID));
      g_assert_cmpint (crash.reason != NULL, ==, *dead);
    }
  gboolean counted = crash.counts;
  ledger_crash_clear (&crash);
  return counted;
}

/* All courses of five crashes: with which the handler had worked before. */
static void
test_courses (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  for (guint course = 0; course < 1u << 5; course++)
    {
      gboolean dead = FALSE;
      for (guint i = 0; i < 5 && !dead; i++)
        {
          gboolean worked = (course >> i & 1) != 0;
          const CrashNote note = note_of (bench, i + 1, worked);
          attempt (bench, 1);
          g_assert_true (tell (bench, &note, &dead));
          g_assert_cmpint (dead, ==, i >= 2 && worked);
        }
      /* Afresh.  Replayed, it has never crashed. */
      gint64 moved;
      StoreDeadRange range = { .handler = bench->handler, .after = bench->seq - 1, .last = bench->seq };
      begin (bench);
      if (!dead)
        g_assert_true (ledger_settle (bench->ledger, bench->handler, bench->bmc, bench->seq, bench->event, LEDGER_DEAD,
                                      "no", NULL));
      g_assert_true (ledger_replay (bench->ledger, &range, &moved, NULL));
      commit (bench);
      g_assert_cmpint (moved, ==, 1);
    }
}

/* A dead letter says of what. */
static void
test_reason (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GArray) letters = NULL;
  gboolean dead;

  for (gint64 i = 1; i <= 3; i++)
    {
      CrashNote note = note_of (bench, i, TRUE);
      note.signal = i == 3 ? SIGABRT : SIGSEGV;
      attempt (bench, 1);
      g_assert_true (tell (bench, &note, &dead));
    }
  g_assert_true (dead);
  letters = store_dead_page (bench->store, G_MAXINT64, 0, 0, 10, NULL);
  g_assert_cmpuint (letters->len, ==, 1);
  const StoreDead *letter = &g_array_index (letters, StoreDead, 0);
  g_assert_cmpint (letter->attempts, ==, 3);
  g_assert_cmpstr (letter->reason, ==,
                   "the handler made ipmid crash with it 3 times, at last by SIGABRT, while it handled others");
}

/* However often it is told, and by whatever note that is not about this attempt. */
static void
test_once (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  gboolean dead;

  for (gint64 i = 1; i <= 2; i++)
    {
      const CrashNote note = note_of (bench, i, TRUE), earlier = note_of (bench, i - 1, TRUE);
      CrashNote other_handler = note, other_bmc = note, other_event = note, batch = note;
      attempt (bench, 1);
      other_handler.call.handler += 7;
      other_bmc.call.bmc += 7;
      other_event.call.seq += 7;
      batch.call.n_events = 2;
      g_assert_false (tell (bench, &earlier, &dead) || tell (bench, &other_handler, &dead)
                      || tell (bench, &other_bmc, &dead) || tell (bench, &other_event, &dead)
                      || tell (bench, &batch, &dead));
      g_assert_true (tell (bench, &note, &dead));
      for (guint again = 0; again < 3; again++)
        g_assert_false (tell (bench, &note, &dead) || dead);
    }
}

/* One that came back from that call, and one of a batch: it was not alone. */
static void
test_not_in_flight (Bench *bench, gconstpointer how)
{
  const LedgerOutcome outcomes[] = { LEDGER_RETRY, LEDGER_UNTRIED, LEDGER_DONE };
  CrashNote note = note_of (bench, 1, TRUE);
  gint64 pending = 1;
  LedgerCrash crash;
  gint way = GPOINTER_TO_INT (how);

  attempt (bench, way == 3 ? 2 : 1);
  begin (bench);
  if (way < 3)
    {
      g_assert_true (ledger_settle (bench->ledger, bench->handler, bench->bmc, bench->seq, bench->event, outcomes[way],
                                    NULL, NULL));
      pending = outcomes[way] != LEDGER_DONE;
    }
  g_assert_true (ledger_crash (bench->ledger, &note, &crash, NULL));
  commit (bench);
  g_assert_false (crash.counts);
  ledger_crash_clear (&crash);
  LedgerCounts counts;
  ledger_counts (bench->ledger, bench->handler, &counts);
  g_assert_cmpint (counts.pending, ==, pending);
  g_assert_cmpint (counts.dead, ==, 0);
}

/* After a rollback it has not been counted. */
static void
test_rollback (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  const CrashNote note = note_of (bench, 1, TRUE);
  LedgerCrash crash;
  gboolean dead;

  attempt (bench, 1);
  begin (bench);
  g_assert_true (ledger_crash (bench->ledger, &note, &crash, NULL));
  g_assert_true (crash.counts);
  ledger_crash_clear (&crash);
  store_rollback (bench->store);
  ledger_rolled_back (bench->ledger);
  g_assert_true (tell (bench, &note, &dead));
  g_assert_false (dead);
}

/* What is not configured any more has nobody who would handle it. */
static void
test_removed_handler (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  const CrashNote note = note_of (bench, 1, TRUE);
  gboolean dead;

  attempt (bench, 1);
  begin (bench);
  g_assert_true (ledger_remove_handler (bench->ledger, bench->handler, NULL));
  commit (bench);
  g_assert_false (tell (bench, &note, &dead) || dead);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, how, function) g_test_add (path, Bench, GINT_TO_POINTER (how), set_up, function, tear_down)
  ADD ("/ledger-crash/courses", 0, test_courses);
  ADD ("/ledger-crash/reason", 0, test_reason);
  ADD ("/ledger-crash/once", 0, test_once);
  ADD ("/ledger-crash/came-back/retry", 0, test_not_in_flight);
  ADD ("/ledger-crash/came-back/untried", 1, test_not_in_flight);
  ADD ("/ledger-crash/came-back/done", 2, test_not_in_flight);
  ADD ("/ledger-crash/of-a-batch", 3, test_not_in_flight);
  ADD ("/ledger-crash/rollback", 0, test_rollback);
  ADD ("/ledger-crash/removed-handler", 0, test_removed_handler);
  return g_test_run ();
}
