/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-ledger-bmc.c - who a BMC is, what it was called, and what is wrong with it. */
#include <core/ledger.h>

#include <string.h>

typedef struct
{
  Store *store;
  Ledger *ledger;
  gint64 bmc, handler;
  GPtrArray *offered; /* IpmidEvent */
} Bench;

static void
on_offer (gpointer user_data, G_GNUC_UNUSED gint64 bmc, G_GNUC_UNUSED gint64 seq, IpmidEvent *event)
{
  g_ptr_array_add (((Bench *) user_data)->offered, event_ref (event));
}

static LedgerHandler
describe_handler (Bench *bench)
{
  return (LedgerHandler){ .name = "h",
                          .required = TRUE,
                          .filter = { .kinds = FILTER_ALL_KINDS, .existing = TRUE },
                          .quota = G_MAXINT64,
                          .offer = on_offer,
                          .user_data = bench };
}

static void
set_up (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  bench->offered = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  bench->store = store_open (NULL, &error);
  g_assert_no_error (error);
  bench->ledger = ledger_new (bench->store);
  const LedgerHandler handler = describe_handler (bench);
  bench->handler = ledger_add_handler (bench->ledger, &handler, &error);
  bench->bmc = ledger_add_bmc (bench->ledger, "b", NULL, &error);
  g_assert_no_error (error);
}

static void
tear_down (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  ledger_free (bench->ledger);
  store_close (bench->store);
  g_ptr_array_unref (bench->offered);
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
roll_back (Bench *bench)
{
  store_rollback (bench->store);
  ledger_rolled_back (bench->ledger);
}

/* One byte sixteen times. */
static void
identify (Bench *bench, guint8 byte, gboolean announce)
{
  guint8 guid[STORE_GUID_SIZE];

  memset (guid, byte, sizeof guid);
  g_assert_true (ledger_identity (bench->ledger, bench->bmc, guid, announce, NULL));
}

static StoreBmc
get_saved (Bench *bench)
{
  StoreBmc saved;

  g_assert_true (store_bmc_get (bench->store, bench->bmc, &saved, NULL));
  return saved;
}

/* Without a date, and with one. */
static const guint8 undated[STORE_RECORD_SIZE] = { 7, 0, 2 };
static const guint8 dated[STORE_RECORD_SIZE] = { 7, 0, 2, 1, 2, 3, 0x60 };
static const guint8 other[STORE_RECORD_SIZE] = { 7, 0, 2, 2, 2, 3, 0x60 };

/* First contact with one record. */
static void
read_record (Bench *bench, const guint8 *raw)
{
  g_autoptr (GPtrArray) events = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  IpmidEvent *event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_DISCRETE);
  event_set_bytes (event, IPMID_FIELD_RAW, raw, STORE_RECORD_SIZE);
  g_ptr_array_add (events, event);
  g_assert_true (ledger_tail (bench->ledger, bench->bmc, raw, TRUE, NULL));
  g_assert_true (ledger_records (bench->ledger, bench->bmc, 1, TRUE, events, NULL));
  g_assert_true (ledger_walk_end (bench->ledger, bench->bmc, 1, TRUE, NULL));
}

static void
read_sel (Bench *bench)
{
  read_record (bench, undated);
}

static void
test_nobodys_guid (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  begin (bench);
  identify (bench, 0x11, TRUE);
  identify (bench, 0x00, TRUE);
  identify (bench, 0xff, TRUE);
  g_assert_true (ledger_identity (bench->ledger, bench->bmc, NULL, TRUE, NULL));
  identify (bench, 0x11, TRUE);
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 0);
  g_assert_cmpint (get_saved (bench).guid[15], ==, 0x11);
}

static void
test_swapped (Bench *bench, gconstpointer announce)
{
  begin (bench);
  identify (bench, 0x11, TRUE);
  read_sel (bench);
  commit (bench);
  StoreBmc before = get_saved (bench);
  g_assert_cmpint (before.contact, ==, STORE_CONTACT_DONE);
  begin (bench);
  identify (bench, 0x22, announce != NULL);
  commit (bench);
  StoreBmc after = get_saved (bench);
  g_assert_cmpint (after.epoch, >, before.epoch);
  g_assert_cmpint (after.contact, ==, STORE_CONTACT_NONE);
  g_assert_false (after.has_cursor);
  g_assert_cmpuint (bench->offered->len, ==, announce != NULL ? 2 : 1);
  /* The same bytes under the same id are another board's record: no gap, no doubt. */
  begin (bench);
  read_sel (bench);
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, announce != NULL ? 3 : 2);
  const IpmidEvent *last = bench->offered->pdata[bench->offered->len - 1];
  g_assert_cmpint (event_integer (last, IPMID_FIELD_KIND), ==, IPMID_KIND_DISCRETE);
  g_assert_false (event_has (last, IPMID_FIELD_MAYBE_DUPLICATE_OF));
}

static void
test_swap_rolled_back (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  begin (bench);
  identify (bench, 0x11, TRUE);
  read_sel (bench);
  commit (bench);
  StoreBmc before = get_saved (bench);
  begin (bench);
  identify (bench, 0x22, TRUE);
  roll_back (bench);
  StoreBmc after = get_saved (bench);
  g_assert_cmpint (after.epoch, ==, before.epoch);
  g_assert_cmpint (after.contact, ==, before.contact);
  g_assert_cmpmem (after.guid, STORE_GUID_SIZE, before.guid, STORE_GUID_SIZE);
  begin (bench);
  identify (bench, 0x22, TRUE);
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 2); /* the record, and one event about the board */
}

static StoreContact
get_contact (Bench *bench)
{
  StoreBmc state;

  g_assert_true (ledger_cursor (bench->ledger, bench->bmc, &state, NULL));
  return state.contact;
}

/* Known under one GUID, with a dated record; then another GUID answers. */
static StoreBmc
begin_doubt (Bench *bench)
{
  begin (bench);
  identify (bench, 0x11, TRUE);
  read_record (bench, dated);
  commit (bench);
  StoreBmc before = get_saved (bench);
  begin (bench);
  identify (bench, 0x22, TRUE);
  g_assert_cmpint (get_contact (bench), ==, STORE_CONTACT_DOUBT);
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 1); /* nothing is said yet */
  g_assert_cmpint (get_saved (bench).guid[0], ==, 0x11);
  return before;
}

static void
find_tail (Bench *bench, const guint8 *record)
{
  begin (bench);
  g_assert_true (ledger_tail (bench->ledger, bench->bmc, record, TRUE, NULL));
}

/* The record stands: the history goes on, and what is new is new. */
static void
test_same_sel (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  StoreBmc before = begin_doubt (bench);

  find_tail (bench, dated);
  roll_back (bench); /* and again, as the journal does */
  find_tail (bench, dated);
  g_assert_cmpint (get_contact (bench), ==, STORE_CONTACT_DONE);
  commit (bench);
  StoreBmc after = get_saved (bench);
  g_assert_cmpint (after.epoch, ==, before.epoch);
  g_assert_cmpmem (after.cursor, STORE_RECORD_SIZE, dated, STORE_RECORD_SIZE);
  g_assert_cmpint (after.guid[0], ==, 0x22);
  g_assert_cmpuint (bench->offered->len, ==, 2); /* the board has another GUID */
  begin (bench);
  read_record (bench, dated); /* a walk: it is known */
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 2);
}

/* Nothing, or something else stands there: another board. */
static void
test_other_sel (Bench *bench, gconstpointer record)
{
  StoreBmc before = begin_doubt (bench);

  find_tail (bench, record);
  roll_back (bench);
  find_tail (bench, record);
  g_assert_cmpint (get_contact (bench), ==, STORE_CONTACT_TAIL);
  commit (bench);
  g_assert_cmpint (get_saved (bench).epoch, >, before.epoch);
  g_assert_cmpint (get_saved (bench).guid[0], ==, 0x22);
  g_assert_cmpint (get_saved (bench).has_cursor, ==, record != NULL);
  g_assert_cmpuint (bench->offered->len, ==, 2);
  begin (bench);
  read_record (bench, dated); /* the other board may well have it, too */
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 3);
}

/* Before anybody could look, the first board is back, or nobody says who he is. */
static void
test_doubt_is_over (Bench *bench, gconstpointer guid)
{
  StoreBmc before = begin_doubt (bench);

  begin (bench);
  if (guid != NULL)
    identify (bench, 0x11, TRUE);
  else
    g_assert_true (ledger_identity (bench->ledger, bench->bmc, NULL, TRUE, NULL));
  g_assert_cmpint (get_contact (bench), ==, STORE_CONTACT_DONE);
  commit (bench);
  g_assert_cmpint (get_saved (bench).epoch, ==, before.epoch);
  g_assert_cmpint (get_saved (bench).guid[0], ==, 0x11);
  g_assert_cmpuint (bench->offered->len, ==, 1);
}

static void
raise_alarm (Bench *bench, StoreAlarm alarm, gboolean raised)
{
  g_autoptr (IpmidEvent) event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_HEALTH);
  g_assert_true (ledger_alarm (bench->ledger, bench->bmc, alarm, raised, event, NULL));
}

static void
test_alarm_is_news_once (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  begin (bench);
  raise_alarm (bench, STORE_ALARM_CLOCK, FALSE); /* nobody said anything else */
  raise_alarm (bench, STORE_ALARM_CLOCK, TRUE);
  raise_alarm (bench, STORE_ALARM_CLOCK, TRUE);
  raise_alarm (bench, STORE_ALARM_AWAY, TRUE);
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 2);
  g_assert_cmpuint (get_saved (bench).alarms, ==, STORE_ALARM_CLOCK | STORE_ALARM_AWAY);
  begin (bench);
  raise_alarm (bench, STORE_ALARM_CLOCK, FALSE);
  roll_back (bench);
  begin (bench);
  raise_alarm (bench, STORE_ALARM_CLOCK, FALSE);
  raise_alarm (bench, STORE_ALARM_CLOCK, FALSE);
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 3);
}

static void
test_renamed (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  begin (bench);
  g_assert_cmpint (ledger_add_bmc (bench->ledger, "new", "b", NULL), ==, bench->bmc);
  /* Again, as after every restart; and one whose earlier name is unknown. */
  g_assert_cmpint (ledger_add_bmc (bench->ledger, "new", "b", NULL), ==, bench->bmc);
  g_assert_cmpint (ledger_add_bmc (bench->ledger, "other", "nobody", NULL), !=, bench->bmc);
  commit (bench);
  begin (bench);
  read_sel (bench);
  commit (bench);
  g_assert_cmpstr (event_string (bench->offered->pdata[0], IPMID_FIELD_BMC), ==, "new");
  /* Both have a history: nothing is mixed. */
  begin (bench);
  gint64 second = ledger_add_bmc (bench->ledger, "b", NULL, NULL);
  g_assert_cmpint (ledger_add_bmc (bench->ledger, "new", "b", NULL), ==, bench->bmc);
  g_assert_cmpint (ledger_add_bmc (bench->ledger, "b", NULL, NULL), ==, second);
  commit (bench);
}

static void
test_removed_handler (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  gint64 moved;
  LedgerCounts counts;

  begin (bench);
  read_sel (bench);
  commit (bench);
  begin (bench);
  raise_alarm (bench, STORE_ALARM_AWAY, TRUE); /* owed, but not offered any more */
  g_assert_true (ledger_remove_handler (bench->ledger, bench->handler, NULL));
  raise_alarm (bench, STORE_ALARM_AWAY, FALSE);
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 1);
  begin (bench);
  g_assert_true (ledger_bury_orphans (bench->ledger, &moved, NULL));
  commit (bench);
  g_assert_cmpint (moved, ==, 2);
  /* It comes back, and is owed what comes from now on. */
  const LedgerHandler handler = describe_handler (bench);
  begin (bench);
  g_assert_cmpint (ledger_add_handler (bench->ledger, &handler, NULL), ==, bench->handler);
  raise_alarm (bench, STORE_ALARM_AWAY, TRUE);
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 2);
  ledger_counts (bench->ledger, bench->handler, &counts);
  g_assert_cmpint (counts.pending, ==, 1);
  g_assert_cmpint (counts.dead, ==, 2);
}

#define ADD(path, data, function) g_test_add (path, Bench, data, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/ledger-bmc/nobodys-guid", NULL, test_nobodys_guid);
  ADD ("/ledger-bmc/swapped", NULL, test_swapped);
  ADD ("/ledger-bmc/swapped-announced", "", test_swapped);
  ADD ("/ledger-bmc/swap-rolled-back", NULL, test_swap_rolled_back);
  ADD ("/ledger-bmc/new-guid/same-sel", NULL, test_same_sel);
  ADD ("/ledger-bmc/new-guid/empty-sel", NULL, test_other_sel);
  ADD ("/ledger-bmc/new-guid/other-sel", other, test_other_sel);
  ADD ("/ledger-bmc/new-guid/taken-back", "", test_doubt_is_over);
  ADD ("/ledger-bmc/new-guid/nobody", NULL, test_doubt_is_over);
  ADD ("/ledger-bmc/alarm-is-news-once", NULL, test_alarm_is_news_once);
  ADD ("/ledger-bmc/renamed", NULL, test_renamed);
  ADD ("/ledger-bmc/removed-handler", NULL, test_removed_handler);
  return g_test_run ();
}
