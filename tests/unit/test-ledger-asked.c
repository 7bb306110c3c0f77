/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ledger-asked.c - what people ask of the ledger: to clear a SEL, to backfill a
 * handler, to have dead letters replayed or dropped.
 */
#include <core/ledger.h>

#include <string.h>

typedef struct
{
  gint64 handler, bmc, seq;
  IpmidEvent *event;
} Offered;

typedef struct
{
  Store *store;
  Ledger *ledger;
  gint64 bmc;
  GArray *offered; /* Offered, in order */
  gint64 quota;
  gboolean live; /* what is added next */
  guint walk;
} Bench;

typedef struct
{
  Bench *bench;
  gint64 id;
} Sink;

static GPtrArray *sinks; /* they outlive the ledgers */

static void
clear_offered (gpointer data)
{
  event_unref (((Offered *) data)->event);
}

static void
on_offer (gpointer user_data, gint64 bmc, gint64 seq, IpmidEvent *event)
{
  const Sink *sink = user_data;
  const Offered offered = { sink->id, bmc, seq, event_ref (event) };

  g_array_append_val (sink->bench->offered, offered);
}

static gint64
add_handler (Bench *bench, const char *name, gboolean required)
{
  Sink *sink = g_new0 (Sink, 1);
  const LedgerHandler handler = { .name = name,
                                  .required = required,
                                  .live = bench->live,
                                  .finalizer = strcmp (name, "finalizer") == 0,
                                  .filter = { .kinds = FILTER_ALL_KINDS, .existing = TRUE },
                                  .quota = bench->quota,
                                  .offer = on_offer,
                                  .user_data = sink };

  g_ptr_array_add (sinks, sink);
  sink->bench = bench;
  sink->id = ledger_add_handler (bench->ledger, &handler, NULL);
  g_assert_cmpint (sink->id, >, 0);
  return sink->id;
}

static void
open_ledger (Bench *bench)
{
  bench->ledger = ledger_new (bench->store);
  bench->bmc = ledger_add_bmc (bench->ledger, "b1", NULL, NULL);
  g_assert_cmpint (bench->bmc, >, 0);
}

static void
begin (Bench *bench)
{
  g_assert_true (store_begin (bench->store, NULL));
}

static void
commit (Bench *bench)
{
  g_assert_true (store_commit (bench->store, NULL));
  ledger_committed (bench->ledger);
}

static void
set_up (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  bench->offered = g_array_new (FALSE, FALSE, sizeof (Offered));
  g_array_set_clear_func (bench->offered, clear_offered);
  bench->store = store_open (NULL, NULL);
  bench->quota = G_MAXINT64;
  open_ledger (bench);
  begin (bench);
  g_assert_true (ledger_tail (bench->ledger, bench->bmc, NULL, FALSE, NULL));
  g_assert_true (ledger_walk_end (bench->ledger, bench->bmc, ++bench->walk, TRUE, NULL));
  commit (bench);
}

static void
tear_down (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  ledger_free (bench->ledger);
  store_close (bench->store);
  g_array_unref (bench->offered);
}

static IpmidEvent *
new_record (guint id, gint64 received)
{
  const guint8 raw[STORE_RECORD_SIZE] = { (guint8) id, (guint8) (id >> 8), 2, 0, 0, 0, 0x60 };
  IpmidEvent *event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_DISCRETE);
  event_set_integer (event, IPMID_FIELD_RECEIVED, received);
  event_set_bytes (event, IPMID_FIELD_RAW, raw, sizeof raw);
  return event;
}

/* As a poll shows them, or (walk) a walk that begins with the first. */
static void
show (Bench *bench, guint first, guint last, gint64 received, guint walk)
{
  g_autoptr (GPtrArray) events = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);

  for (guint id = first; id <= last; id++)
    g_ptr_array_add (events, new_record (id, received));
  begin (bench);
  g_assert_true (ledger_records (bench->ledger, bench->bmc, walk, walk != 0, events, NULL));
  commit (bench);
}

/* The whole SEL: of these records, or (last 0) empty. */
static void
walk (Bench *bench, guint first, guint last)
{
  bench->walk++;
  if (last > 0)
    show (bench, first, last, 1, bench->walk);
  begin (bench);
  g_assert_true (ledger_walk_end (bench->ledger, bench->bmc, bench->walk, TRUE, NULL));
  commit (bench);
}

static const Offered *
last_offer (Bench *bench, gint64 handler)
{
  for (guint i = bench->offered->len; i-- > 0;)
    if (g_array_index (bench->offered, Offered, i).handler == handler)
      return &g_array_index (bench->offered, Offered, i);
  g_assert_not_reached ();
}

static guint
count_offers (Bench *bench, gint64 handler)
{
  guint count = 0;

  for (guint i = 0; i < bench->offered->len; i++)
    count += g_array_index (bench->offered, Offered, i).handler == handler;
  return count;
}

static guint
count_gaps (Bench *bench, gint64 handler)
{
  guint count = 0;

  for (guint i = 0; i < bench->offered->len; i++)
    {
      const Offered *offered = &g_array_index (bench->offered, Offered, i);
      count += offered->handler == handler && event_integer (offered->event, IPMID_FIELD_KIND) == IPMID_KIND_GAP;
    }
  return count;
}

static void
settle_last (Bench *bench, gint64 handler, LedgerOutcome outcome)
{
  const Offered offered = *last_offer (bench, handler);

  begin (bench);
  g_assert_true (ledger_settle (bench->ledger, handler, offered.bmc, offered.seq, offered.event, outcome, "no", NULL));
  commit (bench);
}

/* -------------------------------------------------------------------- clears */

static void
want_clear (Bench *bench, LedgerClear *clear)
{
  *clear = (LedgerClear){ .marked = g_array_new (FALSE, FALSE, sizeof (guint16)) };
  begin (bench);
  g_assert_true (ledger_clear_intent (bench->ledger, bench->bmc, TRUE, clear, NULL));
  commit (bench);
  g_assert_null (clear->obstacle);
}

static void
refuse_clear (Bench *bench, const LedgerClear *clear)
{
  begin (bench);
  g_assert_true (ledger_clear_refused (bench->ledger, bench->bmc, clear, NULL));
  commit (bench);
}

/* What the finalizer, who was offered a record, asks about it. */
static LedgerIntent
want_delete (Bench *bench, gint64 finalizer)
{
  const Offered *offered = last_offer (bench, finalizer);
  LedgerDelete decision;
  LedgerIntent intent;

  begin (bench);
  g_assert_true (
      ledger_delete_intent (bench->ledger, bench->bmc, offered->seq, offered->event, FALSE, &decision, &intent, NULL));
  commit (bench);
  g_assert_cmpint (decision, ==, LEDGER_DELETE_GO);
  return intent;
}

/* Ipmid died, or lost the connection, before anybody knew what came of the clear.
 * What was marked for it waits for a handler: it is not what a finalizer may clear
 * away with the next record; nor once the SEL was walked, or was not cleared. */
static void
test_a_forced_clear_permits_nothing_later (Bench *bench, gconstpointer how)
{
  gint64 handler = add_handler (bench, "h", TRUE);
  gint64 finalizer = add_handler (bench, "finalizer", FALSE);
  LedgerClear clear;

  show (bench, 1, 2, 1, 0);
  want_clear (bench, &clear);
  g_assert_cmpuint (clear.marked->len, ==, 2);
  if (GPOINTER_TO_INT (how) == 1)
    walk (bench, 1, 2);
  if (GPOINTER_TO_INT (how) == 2)
    refuse_clear (bench, &clear);
  show (bench, 3, 3, 1, 0);
  settle_last (bench, handler, LEDGER_DONE);
  LedgerIntent intent = want_delete (bench, finalizer);
  g_assert_false (intent.may_clear);
  g_assert_true (intent.has_predecessor);
  g_assert_cmpint (intent.predecessor[0], ==, 2);
  g_array_unref (clear.marked);
}

/* A walk does not take back what a finalizer has asked for: a BMC that only clears
 * is cleared when the last record is handled. */
static void
test_a_walk_leaves_deletes_alone (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  gint64 handler = add_handler (bench, "h", TRUE);
  gint64 finalizer = add_handler (bench, "finalizer", FALSE);

  show (bench, 1, 1, 1, 0);
  settle_last (bench, handler, LEDGER_DONE);
  want_delete (bench, finalizer);
  settle_last (bench, finalizer, LEDGER_DONE); /* the BMC refused */
  show (bench, 2, 2, 1, 0);
  walk (bench, 1, 2);
  settle_last (bench, handler, LEDGER_DONE);
  g_assert_true (want_delete (bench, finalizer).may_clear);
}

/* A clear that was broken off: the next session walks.  Gone is gone because of us;
 * what stands was not cleared, and if it goes later, somebody else did it. */
static void
test_what_became_of_a_clear (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  gint64 handler = add_handler (bench, "h", TRUE);
  LedgerClear clear;
  StoreBmc cursor;

  show (bench, 1, 2, 1, 0);
  want_clear (bench, &clear);
  g_array_unref (clear.marked);
  begin (bench);
  g_assert_true (ledger_cursor (bench->ledger, bench->bmc, &cursor, NULL));
  commit (bench);
  g_assert_cmpint (cursor.suspected, ==, 2);
  walk (bench, 0, 0);
  g_assert_cmpuint (count_gaps (bench, handler), ==, 0);

  show (bench, 3, 4, 1, 0);
  want_clear (bench, &clear);
  g_array_unref (clear.marked);
  walk (bench, 3, 4);
  begin (bench);
  g_assert_true (ledger_cursor (bench->ledger, bench->bmc, &cursor, NULL));
  commit (bench);
  g_assert_cmpint (cursor.suspected, ==, -1);
  walk (bench, 0, 0);
  g_assert_cmpuint (count_gaps (bench, handler), ==, 1);
}

/* A finalizer asks for a record between a clear's decision and its refusal. */
static void
test_a_refused_clear_leaves_deletes_alone (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  gint64 handler = add_handler (bench, "h", TRUE);
  gint64 finalizer = add_handler (bench, "finalizer", FALSE);
  LedgerClear clear;

  show (bench, 1, 1, 1, 0);
  settle_last (bench, handler, LEDGER_DONE);
  want_clear (bench, &clear);
  LedgerIntent intent = want_delete (bench, finalizer);
  refuse_clear (bench, &clear);
  g_array_unref (clear.marked);
  begin (bench);
  g_assert_true (ledger_deleted (bench->ledger, bench->bmc, &intent, NULL));
  commit (bench);
  walk (bench, 0, 0);
  g_assert_cmpuint (count_gaps (bench, handler), ==, 0);
}

/* ----------------------------------------------------------------- backfills */

/* To its end, or until the quota is full; each part runs twice, as after a rollback.
 * How many are owed. */
static gint64
backfill (Bench *bench, gint64 handler, gint64 since)
{
  LedgerBackfill run = { .since = since };
  gint64 owed = 0;

  do
    {
      begin (bench);
      g_assert_true (ledger_backfill (bench->ledger, handler, &run, NULL));
      store_rollback (bench->store);
      ledger_rolled_back (bench->ledger);
      begin (bench);
      g_assert_true (ledger_backfill (bench->ledger, handler, &run, NULL));
      commit (bench);
      owed += run.part_owed;
      run.after = run.part_after;
    }
  while (!run.is_over);
  return owed;
}

/* 600 records, received in the wrong order: number i at the time 1000 - i. */
static void
receive_backwards (Bench *bench)
{
  for (guint id = 1; id <= 600; id++)
    show (bench, id, id, 1000 - (gint64) id, 0);
}

static void
check_once (Bench *bench, gint64 handler, guint n)
{
  g_autoptr (GHashTable) ids = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < bench->offered->len; i++)
    {
      const Offered *offered = &g_array_index (bench->offered, Offered, i);
      if (offered->handler == handler)
        g_assert_true (g_hash_table_add (ids, (gpointer) event_string (offered->event, IPMID_FIELD_ID)));
    }
  g_assert_cmpuint (g_hash_table_size (ids), ==, n);
}

/* The order of the journal is not that in which events were received. */
static void
test_backfill_in_any_order (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  add_handler (bench, "h", TRUE);
  receive_backwards (bench);
  gint64 late = add_handler (bench, "late", FALSE);
  g_assert_cmpint (backfill (bench, late, 0), ==, 600);
  check_once (bench, late, 600);
  g_assert_cmpint (backfill (bench, late, 0), ==, 0);
}

/* It goes on where the quota had ended it, of which a tenth is left for what is new. */
static void
test_backfill_by_quota (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  add_handler (bench, "h", TRUE);
  receive_backwards (bench);
  bench->quota = 250;
  gint64 late = add_handler (bench, "late", FALSE);
  for (guint i = 1, done = 0; i <= 3; i++)
    {
      g_assert_cmpint (backfill (bench, late, 0), ==, i < 3 ? 225 : 150);
      check_once (bench, late, MIN (i * 225, 600));
      for (guint at = 0, seen = 0; at < bench->offered->len; at++)
        {
          const Offered offered = g_array_index (bench->offered, Offered, at);
          if (offered.handler != late || seen++ < done)
            continue;
          begin (bench);
          g_assert_true (
              ledger_settle (bench->ledger, late, offered.bmc, offered.seq, offered.event, LEDGER_DONE, NULL, NULL));
          commit (bench);
          done++;
        }
    }
}

/* One for less does not stand for all, and nothing comes twice. */
static void
test_backfill_since (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  add_handler (bench, "h", TRUE);
  receive_backwards (bench);
  gint64 late = add_handler (bench, "late", FALSE);
  g_assert_cmpint (backfill (bench, late, 700), ==, 300);
  g_assert_cmpint (backfill (bench, late, 800), ==, 0);
  g_assert_cmpint (backfill (bench, late, 650), ==, 50);
  g_assert_cmpint (backfill (bench, late, 0), ==, 250);
  g_assert_cmpint (backfill (bench, late, 0), ==, 0);
  check_once (bench, late, 600);
}

/* From the moment in which it was removed, not that of its burial. */
static void
test_backfill_of_its_absence (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  gint64 handler = add_handler (bench, "h", TRUE);
  gint64 other = add_handler (bench, "other", TRUE);
  gint64 moved;

  show (bench, 1, 1, g_get_real_time () * 1000, 0);
  begin (bench);
  g_assert_true (ledger_remove_handler (bench->ledger, handler, NULL));
  commit (bench);
  gint64 away = g_get_real_time ();
  show (bench, 2, 3, away * 1000, 0);
  while (g_get_real_time () == away)
    continue;
  begin (bench);
  g_assert_true (ledger_bury_handler (bench->ledger, handler, &moved, NULL));
  commit (bench);
  g_assert_cmpint (add_handler (bench, "h", TRUE), ==, handler);
  g_assert_cmpint (backfill (bench, handler, 0), ==, 2);
  check_once (bench, handler, 3);
  g_assert_cmpuint (count_offers (bench, other), ==, 3);
}

/* Received before it was there, and on disk only after. */
static void
test_backfill_of_what_is_owed (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  add_handler (bench, "h", TRUE);
  show (bench, 1, 1, 1, 0);
  gint64 late = add_handler (bench, "late", FALSE);
  show (bench, 2, 2, 2, 0);
  g_assert_cmpint (backfill (bench, late, 0), ==, 1);
  check_once (bench, late, 2);
}

/* While it was fed live it was owed nothing, though nothing was pending before. */
static void
test_backfill_of_live_times (Bench *bench, gconstpointer was_owed)
{
  add_handler (bench, "h", TRUE);
  gint64 late = was_owed == NULL ? 0 : add_handler (bench, "late", FALSE);

  bench->live = TRUE;
  for (guint i = 1; i <= 2; i++) /* with a restart */
    {
      late = add_handler (bench, "late", FALSE);
      show (bench, i, i, g_get_real_time () * 1000, 0);
    }
  bench->live = FALSE;
  gint64 live = g_get_real_time ();
  while (g_get_real_time () == live)
    continue;
  g_assert_cmpint (add_handler (bench, "late", FALSE), ==, late);
  g_assert_cmpint (backfill (bench, late, 0), ==, 2);
}

/* -------------------------------------------------------------- dead letters */

static void
count_open (Bench *bench, StoreOpen *open)
{
  g_assert_true (store_open_count (bench->store, bench->bmc, open, NULL));
}

/* What became of the dead letter of a required handler, also if its BMC is called
 * otherwise by now (`how` 1) or is not configured any more (2). */
static void
test_drop (Bench *bench, gconstpointer how)
{
  gint64 handler = add_handler (bench, "h", TRUE);
  StoreDeadRange all = { .last = G_MAXINT64 };
  gint64 dropped;
  StoreOpen open;

  show (bench, 1, 1, 1, 0);
  settle_last (bench, handler, LEDGER_DEAD);
  count_open (bench, &open);
  g_assert_cmpint (open.dead, ==, 1);
  if (GPOINTER_TO_INT (how) != 0)
    {
      ledger_free (bench->ledger);
      bench->ledger = ledger_new (bench->store);
      handler = add_handler (bench, "h", TRUE);
    }
  if (GPOINTER_TO_INT (how) == 1)
    g_assert_cmpint (ledger_add_bmc (bench->ledger, "b2", "b1", NULL), ==, bench->bmc);
  begin (bench);
  all.handler = handler;
  g_assert_true (ledger_drop (bench->ledger, &all, &dropped, NULL));
  commit (bench);
  g_assert_cmpint (dropped, ==, 1);
  count_open (bench, &open);
  g_assert_cmpint (open.dead, ==, 0);
  g_assert_cmpint (open.given_up, ==, 1);
}

/* It is owed again, and DONE then counts for the record. */
static void
test_replay (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  gint64 handler = add_handler (bench, "h", TRUE);
  gint64 finalizer = add_handler (bench, "finalizer", FALSE);
  StoreDeadRange all = { handler, 0, G_MAXINT64 };
  gint64 moved;
  LedgerCounts counts;
  StoreOpen open;

  show (bench, 1, 1, 1, 0);
  settle_last (bench, handler, LEDGER_DEAD);
  begin (bench);
  g_assert_true (ledger_replay (bench->ledger, &all, &moved, NULL));
  commit (bench);
  g_assert_cmpint (moved, ==, 1);
  ledger_counts (bench->ledger, handler, &counts);
  g_assert_cmpint (counts.pending, ==, 1);
  g_assert_cmpint (counts.dead, ==, 0);
  g_assert_cmpuint (count_offers (bench, finalizer), ==, 0);
  settle_last (bench, handler, LEDGER_DONE);
  g_assert_cmpuint (count_offers (bench, finalizer), ==, 1);
  count_open (bench, &open);
  g_assert_cmpint (open.pending + open.dead + open.given_up, ==, 0);
}

/* 1200 dead letters of a required handler, and three events more that wait for it. */
static gint64
bury_many (Bench *bench)
{
  gint64 handler = add_handler (bench, "h", TRUE);

  show (bench, 1, 1203, 1, 0);
  g_assert_cmpuint (count_offers (bench, handler), ==, 1203);
  begin (bench);
  for (guint i = 0; i < bench->offered->len; i++)
    {
      const Offered offered = g_array_index (bench->offered, Offered, i);
      if (offered.handler == handler && offered.seq <= 1200)
        g_assert_true (
            ledger_settle (bench->ledger, handler, offered.bmc, offered.seq, offered.event, LEDGER_DEAD, "no", NULL));
    }
  commit (bench);
  return handler;
}

typedef gboolean (*ChangeFunc) (Ledger *ledger, StoreDeadRange *range, gint64 *changed, GError **error);

/* As a request goes through them; each part is rolled back once.  `between` comes
 * after each part.  How many there were. */
static gint64
change_all (Bench *bench, gint64 handler, ChangeFunc change,
            void (*between) (Bench *bench, gint64 handler, gint64 last))
{
  gint64 last, changed, total = 0;
  StoreDeadRange part = { handler, 0, 0 };

  g_assert_true (store_dead_last (bench->store, handler, &last, NULL));
  for (guint n = 0; part.last < last; n++)
    {
      g_assert_cmpuint (n, <, 20); /* there is an end */
      part = (StoreDeadRange){ handler, part.last, last };
      begin (bench);
      g_assert_true (change (bench->ledger, &part, &changed, NULL));
      store_rollback (bench->store);
      ledger_rolled_back (bench->ledger);
      part.last = last;
      begin (bench);
      g_assert_true (change (bench->ledger, &part, &changed, NULL));
      commit (bench);
      g_assert_cmpint (changed, <=, 500);
      total += changed;
      if (between != NULL)
        between (bench, handler, part.last);
    }
  return total;
}

static void
check_counts (Bench *bench, gint64 handler, gint64 pending, gint64 dead)
{
  LedgerCounts counts;
  gint64 stored;

  ledger_counts (bench->ledger, handler, &counts);
  g_assert_cmpint (counts.pending, ==, pending);
  g_assert_cmpint (counts.dead, ==, dead);
  g_assert_true (store_delivery_count (bench->store, handler, &stored, NULL));
  g_assert_cmpint (stored, ==, pending);
  g_assert_true (store_dead_count (bench->store, handler, &stored, NULL));
  g_assert_cmpint (stored, ==, dead);
}

/* All events that are kept, or some of them, become dead letters (again). */
static void
reject_up_to (Bench *bench, gint64 handler, gint64 last)
{
  g_autoptr (GArray) owed = g_array_new (FALSE, FALSE, sizeof (StoreDelivery));

  begin (bench);
  g_assert_true (store_delivery_fetch (bench->store, handler, bench->bmc, 0, 5000, owed, NULL));
  for (guint i = 0; i < owed->len; i++)
    {
      const StoreDelivery *delivery = &g_array_index (owed, StoreDelivery, i);
      if (delivery->seq <= last)
        g_assert_true (ledger_settle (bench->ledger, handler, bench->bmc, delivery->seq, delivery->event, LEDGER_DEAD,
                                      "no", NULL));
      event_unref (delivery->event);
    }
  commit (bench);
}

static void
reject_part (Bench *bench, gint64 handler, gint64 last)
{
  reject_up_to (bench, handler, last);
}

static void
reject_everything (Bench *bench, gint64 handler, G_GNUC_UNUSED gint64 last)
{
  reject_up_to (bench, handler, G_MAXINT64);
}

static void
test_replay_of_many (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  gint64 handler = bury_many (bench);

  check_counts (bench, handler, 3, 1200);
  g_assert_cmpint (change_all (bench, handler, ledger_replay, NULL), ==, 1200);
  check_counts (bench, handler, 1203, 0);
  g_assert_cmpint (change_all (bench, handler, ledger_replay, NULL), ==, 0);
}

/* What is rejected again while others are still to come is not replayed again; nor is
 * what had not been a dead letter. */
static void
test_replay_that_is_rejected (Bench *bench, gconstpointer everything)
{
  gint64 handler = bury_many (bench);

  g_assert_cmpint (change_all (bench, handler, ledger_replay, everything != NULL ? reject_everything : reject_part), ==,
                   1200);
  check_counts (bench, handler, everything != NULL ? 0 : 3, everything != NULL ? 1203 : 1200);
}

/* Every record keeps its place in the SEL; the events are gone but for those that
 * somebody else is owed. */
static void
test_drop_of_many (Bench *bench, gconstpointer kept)
{
  StoreOpen open;

  if (kept != NULL)
    add_handler (bench, "other", FALSE);
  gint64 handler = bury_many (bench);
  g_assert_cmpint (change_all (bench, handler, ledger_drop, NULL), ==, 1200);
  check_counts (bench, handler, 3, 0);
  count_open (bench, &open);
  g_assert_cmpint (open.given_up, ==, 1200);
  g_assert_cmpint (open.dead, ==, 0);
  g_assert_cmpint (open.pending, ==, 3);
  g_autoptr (GArray) events = store_event_page (bench->store, 0, G_MAXINT64, 5000, NULL);
  g_assert_cmpuint (events->len, ==, kept != NULL ? 1203 : 3);
}

/* Only those in the range; others' are others'. */
static void
test_dead_range (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  gint64 handler = bury_many (bench), other = add_handler (bench, "other", FALSE), changed;
  StoreDeadRange one = { handler, 699, 700 }, none = { other, 0, G_MAXINT64 }, some = { handler, 10, 20 };

  begin (bench);
  g_assert_true (ledger_replay (bench->ledger, &one, &changed, NULL));
  g_assert_cmpint (changed, ==, 1);
  g_assert_true (ledger_replay (bench->ledger, &none, &changed, NULL));
  g_assert_cmpint (changed, ==, 0);
  g_assert_true (ledger_drop (bench->ledger, &some, &changed, NULL));
  g_assert_cmpint (changed, ==, 10);
  commit (bench);
  check_counts (bench, handler, 4, 1189);
}

/* What is fed live delivers no dead letter of earlier days; it may be owed again. */
static void
test_live (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  gint64 handler = add_handler (bench, "h", TRUE);

  g_assert_true (ledger_can_be_replayed (bench->ledger, handler));
  bench->live = TRUE;
  add_handler (bench, "h", FALSE);
  g_assert_false (ledger_can_be_replayed (bench->ledger, handler));
  bench->live = FALSE;
  add_handler (bench, "h", TRUE);
  g_assert_true (ledger_can_be_replayed (bench->ledger, handler));
}

#define ADD(path, data, function) g_test_add (path, Bench, data, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  sinks = g_ptr_array_new_with_free_func (g_free);
  ADD ("/ledger-asked/clear/broken-off", NULL, test_a_forced_clear_permits_nothing_later);
  ADD ("/ledger-asked/clear/walked", GINT_TO_POINTER (1), test_a_forced_clear_permits_nothing_later);
  ADD ("/ledger-asked/clear/refused", GINT_TO_POINTER (2), test_a_forced_clear_permits_nothing_later);
  ADD ("/ledger-asked/clear/walk-leaves-deletes", NULL, test_a_walk_leaves_deletes_alone);
  ADD ("/ledger-asked/clear/what-became-of-it", NULL, test_what_became_of_a_clear);
  ADD ("/ledger-asked/clear/refusal-leaves-deletes", NULL, test_a_refused_clear_leaves_deletes_alone);
  ADD ("/ledger-asked/backfill/any-order", NULL, test_backfill_in_any_order);
  ADD ("/ledger-asked/backfill/quota", NULL, test_backfill_by_quota);
  ADD ("/ledger-asked/backfill/since", NULL, test_backfill_since);
  ADD ("/ledger-asked/backfill/absence", NULL, test_backfill_of_its_absence);
  ADD ("/ledger-asked/backfill/owed-already", NULL, test_backfill_of_what_is_owed);
  ADD ("/ledger-asked/backfill/live-times", "owed", test_backfill_of_live_times);
  ADD ("/ledger-asked/backfill/live-always", NULL, test_backfill_of_live_times);
  ADD ("/ledger-asked/dead/drop", GINT_TO_POINTER (0), test_drop);
  ADD ("/ledger-asked/dead/drop-renamed", GINT_TO_POINTER (1), test_drop);
  ADD ("/ledger-asked/dead/drop-absent", GINT_TO_POINTER (2), test_drop);
  ADD ("/ledger-asked/dead/replay", NULL, test_replay);
  ADD ("/ledger-asked/dead/replay-many", NULL, test_replay_of_many);
  ADD ("/ledger-asked/dead/replay-rejected", NULL, test_replay_that_is_rejected);
  ADD ("/ledger-asked/dead/replay-all-rejected", "everything", test_replay_that_is_rejected);
  ADD ("/ledger-asked/dead/drop-many", NULL, test_drop_of_many);
  ADD ("/ledger-asked/dead/drop-many-kept", "kept", test_drop_of_many);
  ADD ("/ledger-asked/dead/range", NULL, test_dead_range);
  ADD ("/ledger-asked/dead/live", NULL, test_live);
  int result = g_test_run ();
  g_ptr_array_unref (sinks);
  return result;
}
