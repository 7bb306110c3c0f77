/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-ledger-own.c - what ipmid says of itself: once, also after a rollback; and signs of life. */
#include <core/ledger.h>

#include <string.h>

#define MINUTE G_TIME_SPAN_MINUTE

typedef struct
{
  Store *store;
  Ledger *ledger;
  gint64 handler, picky;
  GPtrArray *offered; /* IpmidEvent, of both */
  gint64 last_seq, last_bmc;
} Bench;

static gint64 the_time;

static gint64
tell_time (void)
{
  return the_time;
}

static void
on_offer (gpointer user_data, gint64 bmc, gint64 seq, IpmidEvent *event)
{
  Bench *bench = user_data;

  bench->last_bmc = bmc;
  bench->last_seq = seq;
  g_ptr_array_add (bench->offered, event_ref (event));
}

static gint64
add_handler (Bench *bench, const char *name, guint32 kinds, gint64 quota)
{
  const LedgerHandler handler = { .name = name,
                                  .required = TRUE,
                                  .filter = { .kinds = kinds, .existing = TRUE },
                                  .quota = quota,
                                  .offer = on_offer,
                                  .user_data = bench };
  gint64 id = ledger_add_handler (bench->ledger, &handler, NULL);

  g_assert_cmpint (id, >, 0);
  return id;
}

static void
open_ledger (Bench *bench)
{
  bench->ledger = ledger_new (bench->store);
  ledger_set_clock (bench->ledger, tell_time);
  bench->handler = add_handler (bench, "h", FILTER_ALL_KINDS, 3);
  bench->picky = add_handler (bench, "picky", 0, G_MAXINT64);
}

static void
set_up (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  the_time = g_get_real_time ();
  bench->offered = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  bench->store = store_open (NULL, NULL);
  open_ledger (bench);
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

static IpmidEvent *
new_event (void)
{
  IpmidEvent *event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_HEALTH);
  return event;
}

static gboolean
tell (Bench *bench, StoreOwn what, gint64 level)
{
  g_autoptr (IpmidEvent) event = new_event ();
  gboolean told;

  g_assert_true (ledger_tell_own (bench->ledger, bench->handler, what, level, event, &told, NULL));
  return told;
}

static void
beat (Bench *bench, gint64 handler)
{
  g_autoptr (IpmidEvent) event = new_event ();

  begin (bench);
  g_assert_true (ledger_heartbeat (bench->ledger, handler, MINUTE, event, NULL));
  commit (bench);
}

static void
handle_last (Bench *bench, gint64 handler)
{
  begin (bench);
  g_assert_true (ledger_settle (bench->ledger, handler, bench->last_bmc, bench->last_seq,
                                bench->offered->pdata[bench->offered->len - 1], LEDGER_DONE, NULL, NULL));
  commit (bench);
}

static void
test_told_once (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  begin (bench);
  g_assert_false (tell (bench, STORE_OWN_FAILING, 0)); /* nobody said anything else */
  g_assert_true (tell (bench, STORE_OWN_FAILING, 1));
  g_assert_false (tell (bench, STORE_OWN_FAILING, 1));
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 1);
  const IpmidEvent *event = bench->offered->pdata[0];
  g_autofree char *name = ledger_self_name ();
  g_assert_cmpstr (event_string (event, IPMID_FIELD_BMC), ==, name);
  g_assert_true (g_str_has_prefix (name, "ipmid@") && strchr (name, '/') == NULL);
  /* After a restart it is known. */
  ledger_free (bench->ledger);
  open_ledger (bench);
  begin (bench);
  g_assert_false (tell (bench, STORE_OWN_FAILING, 1));
  g_assert_true (tell (bench, STORE_OWN_DEAD, 1));
  g_assert_true (tell (bench, STORE_OWN_DEAD, 2));
  g_assert_true (tell (bench, STORE_OWN_FAILING, 0));
  g_assert_false (tell (bench, STORE_OWN_FAILING, 0));
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 3); /* its quota is 3 */
}

static void
test_rolled_back (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  begin (bench);
  g_assert_true (tell (bench, STORE_OWN_FULL, 1));
  store_rollback (bench->store);
  ledger_rolled_back (bench->ledger);
  begin (bench);
  g_assert_true (tell (bench, STORE_OWN_FULL, 1));
  commit (bench);
  g_assert_cmpuint (bench->offered->len, ==, 1);
}

static void
test_orphans (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  begin (bench);
  tell (bench, STORE_OWN_FAILING, 1);
  g_autoptr (GArray) none = ledger_list_orphaned_alarms (bench->ledger, NULL);
  g_assert_cmpuint (none->len, ==, 0);
  g_assert_true (ledger_remove_handler (bench->ledger, bench->handler, NULL));
  g_autoptr (GArray) one = ledger_list_orphaned_alarms (bench->ledger, NULL);
  g_assert_cmpuint (one->len, ==, 1);
  g_assert_cmpint (g_array_index (one, StoreOwnAlarm, 0).handler, ==, bench->handler);
  g_assert_cmpint (g_array_index (one, StoreOwnAlarm, 0).what, ==, STORE_OWN_FAILING);
  g_autofree char *name = NULL;
  g_assert_true (store_handler_name (bench->store, bench->handler, &name, NULL));
  g_assert_cmpstr (name, ==, "h");
  commit (bench);
}

/* Whatever the filter says; to this handler alone; and at most one waits. */
static void
test_heartbeat (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  beat (bench, bench->picky);
  g_assert_cmpuint (bench->offered->len, ==, 1);
  the_time += MINUTE - 1;
  handle_last (bench, bench->picky);
  beat (bench, bench->picky);
  g_assert_cmpuint (bench->offered->len, ==, 1);
  the_time += 1;
  beat (bench, bench->picky);
  g_assert_cmpuint (bench->offered->len, ==, 2);
  /* It is not handled: no further one, however long; also after a restart. */
  the_time += 100 * MINUTE;
  beat (bench, bench->picky);
  ledger_free (bench->ledger);
  open_ledger (bench);
  beat (bench, bench->picky);
  g_assert_cmpuint (bench->offered->len, ==, 2);
  handle_last (bench, bench->picky);
  beat (bench, bench->picky);
  g_assert_cmpuint (bench->offered->len, ==, 3);
  /* The clock is set back. */
  handle_last (bench, bench->picky);
  the_time -= 1000 * MINUTE;
  beat (bench, bench->picky);
  g_assert_cmpuint (bench->offered->len, ==, 4);
}

/* A handler that rejects everything does not fill the journal. */
static void
test_dead_letters_have_a_quota (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  LedgerCounts counts;

  for (guint i = 1; i <= 5; i++)
    {
      guint before = bench->offered->len;
      begin (bench);
      tell (bench, STORE_OWN_DEAD, i);
      commit (bench);
      if (bench->offered->len == before)
        continue;
      begin (bench);
      g_assert_true (ledger_settle (bench->ledger, bench->handler, bench->last_bmc, bench->last_seq,
                                    bench->offered->pdata[before], LEDGER_DEAD, "no", NULL));
      commit (bench);
    }
  ledger_counts (bench->ledger, bench->handler, &counts);
  g_assert_cmpint (counts.dead, ==, 3);
  g_assert_cmpint (counts.pending, ==, 0);
  g_assert_cmpint (counts.shed, ==, 2);
}

#define ADD(path, function) g_test_add (path, Bench, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/ledger-own/told-once", test_told_once);
  ADD ("/ledger-own/rolled-back", test_rolled_back);
  ADD ("/ledger-own/orphans", test_orphans);
  ADD ("/ledger-own/heartbeat", test_heartbeat);
  ADD ("/ledger-own/dead-letters-have-a-quota", test_dead_letters_have_a_quota);
  return g_test_run ();
}
