/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ledger-backfill.c - what a store has is owed to a handler that was not there, beside
 * what the journal still has: each event once.
 */
#include <core/ledger.h>

#include <string.h>

#define LATER (G_MAXINT64 / 2)

typedef struct
{
  Store *store;
  Ledger *ledger;
  gint64 bmc;
  GPtrArray *offered; /* IpmidEvent: what the late handler gets */
  GArray *seqs;       /* gint64: of those */
  gint64 late;        /* the handler */
  StoreSpan span;     /* its own, when it was added */
} Bench;

static void
on_offer (gpointer user_data, G_GNUC_UNUSED gint64 bmc, gint64 seq, IpmidEvent *event)
{
  Bench *bench = user_data;

  g_ptr_array_add (bench->offered, event_ref (event));
  g_array_append_val (bench->seqs, seq);
}

static void
ignore (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED gint64 bmc, G_GNUC_UNUSED gint64 seq,
        G_GNUC_UNUSED IpmidEvent *event)
{
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

static gint64
add_handler (Bench *bench, const char *name, const LedgerHandler *with)
{
  LedgerHandler handler = { .name = name,
                            .filter = { .kinds = FILTER_ALL_KINDS, .existing = TRUE },
                            .quota = G_MAXINT64,
                            .offer = strcmp (name, "late") == 0 ? on_offer : ignore,
                            .user_data = bench };

  if (with != NULL && with->quota != 0)
    handler.quota = with->quota;
  if (with != NULL && with->filter.bmcs != NULL)
    handler.filter.bmcs = with->filter.bmcs;
  gint64 id = ledger_add_handler (bench->ledger, &handler, NULL);
  g_assert_cmpint (id, >, 0);
  return id;
}

static void
add_late (Bench *bench, const LedgerHandler *with)
{
  bench->late = add_handler (bench, "late", with);
  g_assert_true (store_handler_span (bench->store, bench->late, &bench->span, NULL));
}

static void
open_ledger (Bench *bench)
{
  bench->ledger = ledger_new (bench->store);
  bench->bmc = ledger_add_bmc (bench->ledger, "b1", NULL, NULL);
}

static void
set_up (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  bench->offered = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  bench->seqs = g_array_new (FALSE, FALSE, sizeof (gint64));
  bench->store = store_open (NULL, NULL);
  open_ledger (bench);
  add_handler (bench, "other", NULL);
}

static void
tear_down (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  ledger_free (bench->ledger);
  store_close (bench->store);
  g_ptr_array_unref (bench->offered);
  g_array_unref (bench->seqs);
}

static IpmidEvent *
new_event (const char *bmc, guint number, gint64 received)
{
  IpmidEvent *event = event_new ();
  g_autofree char *id = g_strdup_printf ("%s/1/%u", bmc, number);

  event_set_string (event, IPMID_FIELD_ID, id);
  event_set_string (event, IPMID_FIELD_BMC, bmc);
  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_DISCRETE);
  event_set_integer (event, IPMID_FIELD_RECEIVED, received);
  return event;
}

/* Numbers first to last, received at that time. */
static GPtrArray *
new_page (const char *bmc, guint first, guint last)
{
  GPtrArray *page = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);

  for (guint i = first; i <= last; i++)
    g_ptr_array_add (page, new_event (bmc, i, i));
  return page;
}

/* The page runs twice, as after a rollback. */
static gint64
give (Bench *bench, GPtrArray *page, gint64 since, gboolean *is_full)
{
  gint64 owed = -1, again = -1;

  begin (bench);
  g_assert_true (ledger_backfill_stored (bench->ledger, bench->late, since, page, &owed, is_full, NULL));
  store_rollback (bench->store);
  ledger_rolled_back (bench->ledger);
  begin (bench);
  g_assert_true (ledger_backfill_stored (bench->ledger, bench->late, since, page, &again, is_full, NULL));
  commit (bench);
  g_assert_cmpint (again, ==, owed);
  return owed;
}

static gint64
give_stored (Bench *bench, const char *bmc, guint first, guint last, gint64 since)
{
  g_autoptr (GPtrArray) page = new_page (bmc, first, last);
  gboolean is_full = TRUE;
  gint64 owed = give (bench, page, since, &is_full);

  g_assert_false (is_full);
  return owed;
}

static gint64
give_kept (Bench *bench)
{
  LedgerBackfill run = { 0 };

  begin (bench);
  g_assert_true (ledger_backfill (bench->ledger, bench->late, &run, NULL));
  commit (bench);
  g_assert_true (run.is_over && !run.is_full);
  return run.part_owed;
}

static gboolean
end_for (Bench *bench, gint64 since)
{
  gboolean is_all = FALSE;

  begin (bench);
  g_assert_true (ledger_backfill_end (bench->ledger, bench->late, &bench->span, since, &is_all, NULL));
  commit (bench);
  return is_all;
}

/* The journal has an event, since `other` is owed it. */
static void
owe_to_all (Bench *bench)
{
  g_autoptr (IpmidEvent) event = new_event ("b1", 1, 0);
  gint64 now = g_get_real_time ();

  begin (bench);
  g_assert_true (ledger_own_event (bench->ledger, bench->bmc, event, NULL));
  commit (bench);
  while (g_get_real_time () == now) /* what comes now comes later */
    continue;
}

/* The late handler has got these, in this order, each once. */
static void
check_got (Bench *bench, const char *ids)
{
  g_autoptr (GString) got = g_string_new (NULL);

  for (guint i = 0; i < bench->offered->len; i++)
    {
      g_assert_true (event_integer (bench->offered->pdata[i], IPMID_FIELD_BACKFILLED));
      g_string_append_printf (got, "%s%s", i == 0 ? "" : " ", event_string (bench->offered->pdata[i], IPMID_FIELD_ID));
    }
  g_assert_cmpstr (got->str, ==, ids);
}

/* Pages that overlap, as after a crash between two of them. */
static void
test_once (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  add_late (bench, NULL);
  g_assert_cmpint (give_stored (bench, "b1", 1, 3, 0), ==, 3);
  g_assert_cmpint (give_stored (bench, "b1", 2, 5, 0), ==, 2);
  g_assert_cmpint (give_stored (bench, "b1", 1, 5, 0), ==, 0);
  ledger_free (bench->ledger);
  open_ledger (bench);
  add_late (bench, NULL);
  g_assert_cmpint (give_stored (bench, "b1", 1, 6, 0), ==, 1);
  check_got (bench, "b1/1/1 b1/1/2 b1/1/3 b1/1/4 b1/1/5 b1/1/6");
}

static const char *
id_of (Bench *bench, gint64 seq)
{
  g_autoptr (IpmidEvent) event = store_event_get (bench->store, seq, NULL);

  g_assert_nonnull (event);
  return g_intern_string (event_string (event, IPMID_FIELD_ID));
}

/* The same event in the store and in the journal, in either order. */
static void
test_in_both (Bench *bench, gconstpointer journal_first)
{
  gint64 seq = store_next_seq (bench->store) + 1;

  owe_to_all (bench);
  add_late (bench, NULL);
  const char *id = id_of (bench, seq);
  g_autoptr (GPtrArray) page = new_page ("b1", 1, 1);
  event_set_string (page->pdata[0], IPMID_FIELD_ID, id);
  gboolean is_full;

  if (journal_first != NULL)
    g_assert_cmpint (give_kept (bench), ==, 1);
  g_assert_cmpint (give (bench, page, 0, &is_full), ==, journal_first == NULL);
  if (journal_first == NULL)
    g_assert_cmpint (give_kept (bench), ==, 0);
  check_got (bench, id);
}

/* What was received before and after it was there, and not since. */
static void
test_span (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  add_late (bench, NULL);
  g_autoptr (GPtrArray) page = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  gboolean is_full;

  g_ptr_array_add (page, new_event ("b1", 1, bench->span.since - 1));
  g_ptr_array_add (page, new_event ("b1", 2, bench->span.since));
  g_ptr_array_add (page, new_event ("b1", 3, LATER));
  g_ptr_array_add (page, new_event ("b1", 4, 9));
  g_ptr_array_add (page, new_event ("b1", 5, 10));
  g_assert_cmpint (give (bench, page, 10, &is_full), ==, 2);
  check_got (bench, "b1/1/1 b1/1/5");
}

/* When all was gone through nothing lies between any more, whatever a store says then. */
static void
test_end (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  gint64 forgotten = 0;

  add_late (bench, NULL);
  g_assert_cmpint (give_stored (bench, "b1", 5, 9, 5), ==, 5);
  g_assert_false (end_for (bench, 5));
  g_assert_cmpint (give_stored (bench, "b1", 1, 20, 5), ==, 0);
  g_assert_true (store_handler_span (bench->store, bench->late, &bench->span, NULL));
  g_assert_cmpint (bench->span.since, ==, 5);
  /* For more than before: what was before is still to be had, and nothing else. */
  g_assert_false (end_for (bench, 7));
  g_assert_cmpint (give_stored (bench, "b1", 1, 20, 0), ==, 4);
  g_assert_true (end_for (bench, 0));
  begin (bench);
  g_assert_true (store_backfilled_forget (bench->store, bench->late, 100, &forgotten, NULL));
  commit (bench);
  g_assert_cmpint (forgotten, ==, 9);
  g_assert_cmpint (give_stored (bench, "b1", 1, 20, 0), ==, 0);
  check_got (bench, "b1/1/5 b1/1/6 b1/1/7 b1/1/8 b1/1/9 b1/1/1 b1/1/2 b1/1/3 b1/1/4");
}

/* It was removed and came back in the midst: its end is none. */
static void
test_end_of_another_span (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  StoreSpan now;

  add_late (bench, NULL);
  begin (bench);
  g_assert_true (ledger_remove_handler (bench->ledger, bench->late, NULL));
  commit (bench);
  g_assert_false (end_for (bench, 0));
  const StoreSpan before = bench->span;
  while (g_get_real_time () * 1000 <= before.since)
    continue;
  add_late (bench, NULL);
  g_assert_cmpint (bench->span.since, >, before.since);
  bench->span = before;
  g_assert_false (end_for (bench, 0));
  g_assert_true (store_handler_span (bench->store, bench->late, &now, NULL));
  g_assert_cmpint (now.since, >, before.since);
}

/* A tenth of its quota is left for what is new. */
static void
test_quota (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  const LedgerHandler with = { .quota = 10 };
  g_autoptr (GPtrArray) page = new_page ("b1", 1, 20);
  gboolean is_full;
  LedgerCounts counts;

  add_late (bench, &with);
  g_assert_cmpint (give (bench, page, 0, &is_full), ==, 9);
  g_assert_true (is_full);
  g_assert_cmpint (give (bench, page, 0, &is_full), ==, 0);
  g_assert_true (is_full);
  owe_to_all (bench);
  ledger_counts (bench->ledger, bench->late, &counts);
  g_assert_cmpint (counts.pending, ==, 10);
  g_assert_cmpint (counts.shed, ==, 0);
  for (guint i = 0; i < 10; i++)
    {
      begin (bench);
      g_assert_true (ledger_settle (bench->ledger, bench->late, bench->bmc, g_array_index (bench->seqs, gint64, i),
                                    bench->offered->pdata[i], LEDGER_DONE, NULL, NULL));
      commit (bench);
    }
  g_assert_cmpint (give (bench, page, 0, &is_full), ==, 9);
}

static void
test_filter (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  const char *const bmcs[] = { "b1", NULL };
  LedgerHandler with = { .name = NULL };

  g_assert_true (filter_set_bmcs (&with.filter, bmcs, NULL));
  add_late (bench, &with);
  g_assert_cmpint (give_stored (bench, "b2", 1, 3, 0), ==, 0);
  g_assert_cmpint (give_stored (bench, "b1", 1, 2, 0), ==, 2);
  check_got (bench, "b1/1/1 b1/1/2");
  filter_clear (&with.filter);
}

/* A BMC that is not configured has a lane of its own, which it keeps. */
static void
test_unknown_bmc (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  StoreBmc gone;

  add_late (bench, NULL);
  g_assert_cmpint (give_stored (bench, "gone", 1, 2, 0), ==, 2);
  g_assert_cmpint (give_stored (bench, "b1", 1, 1, 0), ==, 1);
  check_got (bench, "gone/1/1 gone/1/2 b1/1/1");
  g_assert_true (store_bmc_load (bench->store, "gone", &gone, NULL));
  g_autoptr (GArray) lanes = store_delivery_lanes (bench->store, bench->late, NULL);
  g_assert_cmpuint (lanes->len, ==, 2);
  g_assert_cmpint (g_array_index (lanes, gint64, 0), ==, bench->bmc);
  g_assert_cmpint (g_array_index (lanes, gint64, 1), ==, gone.id);
  g_assert_cmpint (ledger_add_bmc (bench->ledger, "gone", NULL, NULL), ==, gone.id);
  g_assert_cmpint (gone.contact, ==, STORE_CONTACT_NONE);
}

/* Received before it was there, on disk only after, and delivered by now: the store has it. */
static void
test_early (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  const guint8 raw[STORE_RECORD_SIZE] = { 1, 0, 2, 0, 0, 0, 0x60 };
  g_autoptr (GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  gboolean is_full;

  begin (bench);
  g_assert_true (ledger_tail (bench->ledger, bench->bmc, NULL, FALSE, NULL));
  g_assert_true (ledger_walk_end (bench->ledger, bench->bmc, 1, TRUE, NULL));
  commit (bench);
  add_late (bench, NULL);
  IpmidEvent *event = event_new ();
  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_DISCRETE);
  event_set_integer (event, IPMID_FIELD_RECEIVED, 1);
  event_set_bytes (event, IPMID_FIELD_RAW, raw, sizeof raw);
  g_ptr_array_add (records, event);
  begin (bench);
  g_assert_true (ledger_records (bench->ledger, bench->bmc, 0, FALSE, records, NULL));
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 1);
  begin (bench);
  g_assert_true (ledger_settle (bench->ledger, bench->late, bench->bmc, g_array_index (bench->seqs, gint64, 0),
                                bench->offered->pdata[0], LEDGER_DONE, NULL, NULL));
  commit (bench);
  g_assert_cmpint (give (bench, bench->offered, 0, &is_full), ==, 0);
  g_assert_cmpint (give_kept (bench), ==, 0);
}

#define ADD(path, data, function) g_test_add ("/ledger-backfill/" path, Bench, data, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("once", NULL, test_once);
  ADD ("in-both/store-first", NULL, test_in_both);
  ADD ("in-both/journal-first", "journal", test_in_both);
  ADD ("span", NULL, test_span);
  ADD ("end", NULL, test_end);
  ADD ("end-of-another-span", NULL, test_end_of_another_span);
  ADD ("quota", NULL, test_quota);
  ADD ("filter", NULL, test_filter);
  ADD ("unknown-bmc", NULL, test_unknown_bmc);
  ADD ("early", NULL, test_early);
  return g_test_run ();
}
