/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ledger.c - what is new in a SEL, and who is owed it.
 *
 * A simulated BMC and a simulated collector feed a real ledger over a real
 * store.  Every record that was ever put into the SEL has bytes of its own, so
 * that the oracle can tell them apart whatever ids the BMC gives.
 */
#include <core/ledger.h>
#include <event/error.h>

#include <glib/gstdio.h>
#include <string.h>

typedef struct
{
  guint8 bytes[STORE_RECORD_SIZE];
} Record;

/* One thing that a handler was offered. */
typedef struct
{
  gint64 handler;
  gint64 seq;
  IpmidEvent *event;
  gboolean settled;
} Offered;

typedef struct
{
  char *directory; /* NULL: in memory */
  Store *store;
  Ledger *ledger;
  gint64 bmc, all, extra, finalizer;
  LedgerHandler handlers[3];
  GArray *offered; /* Offered; of all lives */
  gint64 offered_handler;
  GArray *sel; /* Record */
  guint next_id;
  guint32 serial;
  guint walk;
  gboolean in_transaction;
  guint rollback_percent;
} Bench;

typedef struct
{
  Bench *bench;
  guint handler;
} Sink;

static Sink sinks[3];

static void
clear_offered (gpointer data)
{
  event_unref (((Offered *) data)->event);
}

static gint64
id_of (Bench *bench, guint handler)
{
  const gint64 ids[] = { bench->all, bench->extra, bench->finalizer };

  return ids[handler];
}

static void
on_offer (gpointer user_data, G_GNUC_UNUSED gint64 bmc, gint64 seq, IpmidEvent *event)
{
  Sink *sink = user_data;
  Offered offered = { id_of (sink->bench, sink->handler), seq, event_ref (event), FALSE };

  g_assert_false (sink->bench->in_transaction);
  g_array_append_val (sink->bench->offered, offered);
}

static void
open_ledger (Bench *bench)
{
  static const char *const names[] = { "all", "extra", "finalizer" };
  g_autoptr (GError) error = NULL;
  gint64 *ids[] = { &bench->all, &bench->extra, &bench->finalizer };

  if (bench->store == NULL)
    bench->store = store_open (bench->directory, &error);
  g_assert_no_error (error);
  bench->ledger = ledger_new (bench->store);
  for (guint i = 0; i < 3; i++)
    {
      sinks[i] = (Sink){ bench, i };
      bench->handlers[i].name = names[i];
      bench->handlers[i].offer = on_offer;
      bench->handlers[i].user_data = &sinks[i];
      *ids[i] = ledger_add_handler (bench->ledger, &bench->handlers[i], &error);
      g_assert_no_error (error);
    }
  bench->bmc = ledger_add_bmc (bench->ledger, "b1", NULL, &error);
  g_assert_no_error (error);
}

static Bench *
bench_new (gboolean on_disk)
{
  Bench *bench = g_new0 (Bench, 1);

  bench->directory = on_disk ? g_dir_make_tmp ("ledger-XXXXXX", NULL) : NULL;
  bench->offered = g_array_new (FALSE, FALSE, sizeof (Offered));
  g_array_set_clear_func (bench->offered, clear_offered);
  bench->sel = g_array_new (FALSE, FALSE, sizeof (Record));
  bench->next_id = 1;
  for (guint i = 0; i < 3; i++)
    bench->handlers[i]
        = (LedgerHandler){ .required = i == 0,
                           .finalizer = i == 2,
                           .filter = { .kinds = i == 2 ? FILTER_RECORD_KINDS : FILTER_ALL_KINDS, .existing = TRUE },
                           .quota = G_MAXINT64 };
  open_ledger (bench);
  return bench;
}

static void
close_ledger (Bench *bench)
{
  g_clear_pointer (&bench->ledger, ledger_free);
  if (bench->directory != NULL)
    g_clear_pointer (&bench->store, store_close);
}

static void
bench_free (Bench *bench)
{
  close_ledger (bench);
  g_clear_pointer (&bench->store, store_close);
  if (bench->directory != NULL)
    {
      const char *const names[] = { "journal.db", "journal.db-wal", "journal.db-shm" };
      for (guint i = 0; i < G_N_ELEMENTS (names); i++)
        {
          g_autofree char *path = g_build_filename (bench->directory, names[i], NULL);
          g_unlink (path);
        }
      g_assert_cmpint (g_rmdir (bench->directory), ==, 0);
    }
  g_array_unref (bench->offered);
  g_array_unref (bench->sel);
  g_free (bench->directory);
  g_free (bench);
}

/* ------------------------------------------------------------- transactions */

typedef struct
{
  enum
  {
    STEP_RECORDS,
    STEP_WALK_END,
    STEP_CURSOR,
    STEP_TAIL,
    STEP_SUSPECT,
  } kind;
  guint walk;
  gboolean flag; /* first, complete, overflow */
  gboolean has_record;
  Record record;
  GPtrArray *events;
  StoreBmc cursor;
} Step;

static gboolean
run_step (Bench *bench, Step *step, GError **error)
{
  switch (step->kind)
    {
    case STEP_RECORDS:
      return ledger_records (bench->ledger, bench->bmc, step->walk, step->flag, step->events, error);
    case STEP_WALK_END:
      return ledger_walk_end (bench->ledger, bench->bmc, step->walk, step->flag, error);
    case STEP_CURSOR:
      return ledger_cursor (bench->ledger, bench->bmc, &step->cursor, error);
    case STEP_TAIL:
      return ledger_tail (bench->ledger, bench->bmc, step->has_record ? step->record.bytes : NULL, TRUE, error);
    case STEP_SUSPECT:
      return ledger_suspect (bench->ledger, bench->bmc, step->flag, 0, error);
    }
  g_assert_not_reached ();
}

static void
begin (Bench *bench)
{
  g_autoptr (GError) error = NULL;

  store_begin (bench->store, &error);
  g_assert_no_error (error);
  bench->in_transaction = TRUE;
}

static void
commit (Bench *bench)
{
  g_autoptr (GError) error = NULL;

  store_commit (bench->store, &error);
  g_assert_no_error (error);
  bench->in_transaction = FALSE;
  ledger_committed (bench->ledger);
}

static void
roll_back (Bench *bench)
{
  store_rollback (bench->store);
  bench->in_transaction = FALSE;
  ledger_rolled_back (bench->ledger);
}

/* All in one transaction, which may fail and run again as the journal does. */
static void
run_steps (Bench *bench, GArray *steps)
{
  g_autoptr (GError) error = NULL;
  gboolean again;

  do
    {
      again = (guint) g_test_rand_int_range (0, 100) < bench->rollback_percent;
      guint upto = again ? (guint) g_test_rand_int_range (0, (gint32) steps->len + 1) : steps->len;
      begin (bench);
      for (guint i = 0; i < upto; i++)
        {
          run_step (bench, &g_array_index (steps, Step, i), &error);
          g_assert_no_error (error);
        }
      if (again)
        roll_back (bench);
    }
  while (again);
  commit (bench);
}

static void
clear_step (gpointer data)
{
  g_clear_pointer (&((Step *) data)->events, g_ptr_array_unref);
}

static GArray *
steps_new (void)
{
  GArray *steps = g_array_new (FALSE, TRUE, sizeof (Step));

  g_array_set_clear_func (steps, clear_step);
  return steps;
}

static void
run_one (Bench *bench, Step *step)
{
  g_autoptr (GArray) steps = steps_new ();

  g_array_append_vals (steps, step, 1);
  step->events = NULL;
  run_steps (bench, steps);
  step->cursor = g_array_index (steps, Step, 0).cursor;
}

/* ---------------------------------------------------------- BMC and collector */

static guint
record_id (const Record *record)
{
  return record->bytes[0] | (guint) record->bytes[1] << 8;
}

static Record *
sel_record (Bench *bench, guint index)
{
  return &g_array_index (bench->sel, Record, index);
}

static gboolean
id_stands (Bench *bench, guint id)
{
  for (guint i = 0; i < bench->sel->len; i++)
    if (record_id (sel_record (bench, i)) == id)
      return TRUE;
  return FALSE;
}

static void
sel_add (Bench *bench)
{
  Record record = { { 0 } };

  while (bench->next_id == 0 || bench->next_id >= 0xffff || id_stands (bench, bench->next_id))
    bench->next_id = bench->next_id >= 0xffff ? 1 : bench->next_id + 1;
  record.bytes[0] = (guint8) bench->next_id;
  record.bytes[1] = (guint8) (bench->next_id >> 8);
  record.bytes[2] = 0x02;
  record.bytes[6] = 0x60;
  bench->serial++;
  memcpy (record.bytes + 12, &bench->serial, 4);
  bench->next_id++;
  g_array_append_val (bench->sel, record);
}

static void
sel_clear (Bench *bench)
{
  g_array_set_size (bench->sel, 0);
  bench->next_id = 1;
}

static int
sel_find (Bench *bench, const guint8 *bytes)
{
  for (guint i = 0; i < bench->sel->len; i++)
    if (memcmp (sel_record (bench, i)->bytes, bytes, STORE_RECORD_SIZE) == 0)
      return (int) i;
  return -1;
}

static IpmidEvent *
new_event (const Record *record, gboolean existing)
{
  IpmidEvent *event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_DISCRETE);
  event_set_integer (event, IPMID_FIELD_RECORD_ID, record_id (record));
  event_set_bytes (event, IPMID_FIELD_RAW, record->bytes, STORE_RECORD_SIZE);
  if (existing)
    event_set_integer (event, IPMID_FIELD_EXISTING, TRUE);
  return event;
}

/* Frames of up to three records each. */
static void
add_records (Bench *bench, GArray *steps, guint from, guint to, guint walk, int existing_upto)
{
  gboolean first = TRUE;

  while (from < to)
    {
      Step step = { .kind = STEP_RECORDS, .walk = walk, .flag = first && walk != 0 };
      step.events = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
      for (guint i = 0; i < 3 && from < to; i++, from++)
        g_ptr_array_add (step.events, new_event (sel_record (bench, from), (int) from <= existing_upto));
      g_array_append_val (steps, step);
      first = FALSE;
    }
}

static void
add_walk_end (GArray *steps, guint walk, gboolean complete)
{
  Step step = { .kind = STEP_WALK_END, .walk = walk, .flag = complete };

  g_array_append_val (steps, step);
}

/* What a collector sends after START; in `steps`. */
static void
read_sel (Bench *bench, GArray *steps)
{
  Step cursor = { .kind = STEP_CURSOR };

  run_one (bench, &cursor);
  if (cursor.cursor.contact == STORE_CONTACT_NONE)
    {
      Step tail = { .kind = STEP_TAIL, .has_record = bench->sel->len > 0 };
      if (tail.has_record)
        tail.record = *sel_record (bench, bench->sel->len - 1);
      run_one (bench, &tail);
      cursor = (Step){ .kind = STEP_CURSOR };
      run_one (bench, &cursor);
    }
  const StoreBmc *at = &cursor.cursor;
  int found = at->has_cursor ? sel_find (bench, at->cursor) : -1;
  if (at->contact == STORE_CONTACT_TAIL || at->suspected >= 0 || (at->has_cursor && found < 0))
    {
      Step suspect = { .kind = STEP_SUSPECT };
      if (at->contact == STORE_CONTACT_DONE)
        g_array_append_val (steps, suspect);
      bench->walk++;
      add_records (bench, steps, 0, bench->sel->len, bench->walk, at->contact == STORE_CONTACT_TAIL ? found : -1);
      add_walk_end (steps, bench->walk, TRUE);
    }
  else
    add_records (bench, steps, (guint) (found + 1), bench->sel->len, 0, -1);
}

static void
poll_sel (Bench *bench)
{
  g_autoptr (GArray) steps = steps_new ();

  read_sel (bench, steps);
  run_steps (bench, steps);
}

static void
walk_sel (Bench *bench)
{
  g_autoptr (GArray) steps = steps_new ();

  bench->walk++;
  add_records (bench, steps, 0, bench->sel->len, bench->walk, -1);
  add_walk_end (steps, bench->walk, TRUE);
  run_steps (bench, steps);
}

/* ------------------------------------------------------------------ handlers */

static void
settle (Bench *bench, Offered *offered, LedgerOutcome outcome)
{
  g_autoptr (GError) error = NULL;

  if (outcome == LEDGER_DONE || outcome == LEDGER_DEAD)
    offered->settled = TRUE;
  begin (bench);
  ledger_settle (bench->ledger, offered->handler, bench->bmc, offered->seq, offered->event, outcome, "why", &error);
  g_assert_no_error (error);
  commit (bench); /* new offers may move the array */
}

static Offered *
offered_at (Bench *bench, guint index)
{
  return &g_array_index (bench->offered, Offered, index);
}

static guint
count_offers (Bench *bench, gint64 handler)
{
  guint count = 0;

  for (guint i = 0; i < bench->offered->len; i++)
    count += offered_at (bench, i)->handler == handler;
  return count;
}

static guint
count_kind (Bench *bench, gint64 handler, IpmidKind kind)
{
  guint count = 0;

  for (guint i = 0; i < bench->offered->len; i++)
    count += offered_at (bench, i)->handler == handler
             && event_integer (offered_at (bench, i)->event, IPMID_FIELD_KIND) == kind;
  return count;
}

static Offered *
nth_offer (Bench *bench, gint64 handler, guint n)
{
  for (guint i = 0; i < bench->offered->len; i++)
    if (offered_at (bench, i)->handler == handler && n-- == 0)
      return offered_at (bench, i);
  g_assert_not_reached ();
}

/* The ids are unique, and no record was offered twice. */
static void
check_unique (Bench *bench)
{
  g_autoptr (GHashTable) ids = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) serials = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < bench->offered->len; i++)
    {
      const Offered *offered = offered_at (bench, i);
      gsize length;
      if (offered->handler != bench->all)
        continue;
      g_assert_true (g_hash_table_add (ids, (gpointer) event_string (offered->event, IPMID_FIELD_ID)));
      const guint8 *raw = event_bytes (offered->event, IPMID_FIELD_RAW, &length);
      guint32 serial;
      if (raw == NULL)
        continue;
      memcpy (&serial, raw + 12, 4);
      g_assert_true (g_hash_table_add (serials, GUINT_TO_POINTER (serial)));
    }
}

static gboolean
was_offered (Bench *bench, const Record *record)
{
  for (guint i = 0; i < bench->offered->len; i++)
    {
      gsize length;
      const guint8 *raw = event_bytes (offered_at (bench, i)->event, IPMID_FIELD_RAW, &length);
      if (offered_at (bench, i)->handler == bench->all && raw != NULL
          && memcmp (raw, record->bytes, STORE_RECORD_SIZE) == 0)
        return TRUE;
    }
  return FALSE;
}

static void
check_complete (Bench *bench)
{
  for (guint i = 0; i < bench->sel->len; i++)
    g_assert_true (was_offered (bench, sel_record (bench, i)));
  check_unique (bench);
}

static LedgerDelete
ask_delete (Bench *bench, Offered *offered, gboolean dry_run, LedgerIntent *intent)
{
  g_autoptr (GError) error = NULL;
  LedgerDelete decision;

  begin (bench);
  ledger_delete_intent (bench->ledger, bench->bmc, offered->seq, offered->event, dry_run, &decision, intent, &error);
  g_assert_no_error (error);
  commit (bench);
  return decision;
}

static void
note_deleted (Bench *bench, const LedgerIntent *intent)
{
  g_autoptr (GError) error = NULL;

  begin (bench);
  ledger_deleted (bench->ledger, bench->bmc, intent, &error);
  g_assert_no_error (error);
  commit (bench);
}

static void
restart (Bench *bench)
{
  close_ledger (bench);
  open_ledger (bench);
}

static void
sel_remove (Bench *bench, const guint8 *bytes)
{
  int index = sel_find (bench, bytes);

  if (index >= 0)
    g_array_remove_index (bench->sel, (guint) index);
}

static void
fill (Bench *bench, guint n)
{
  for (guint i = 0; i < n; i++)
    sel_add (bench);
}

/* Everybody but the finalizer is DONE with everything. */
static void
handle_all (Bench *bench)
{
  for (guint i = 0; i < bench->offered->len; i++)
    if (!offered_at (bench, i)->settled && offered_at (bench, i)->handler != bench->finalizer)
      settle (bench, offered_at (bench, i), LEDGER_DONE);
}

/* ----------------------------------------------------------------- the tests */

static void
test_first_contact (void)
{
  Bench *bench = bench_new (FALSE);
  g_autoptr (GArray) steps = steps_new ();

  fill (bench, 5);
  read_sel (bench, steps); /* the tail is on disk now; then we die */
  fill (bench, 3);         /* written while we are away: new */
  restart (bench);
  poll_sel (bench);
  g_assert_cmpuint (count_offers (bench, bench->all), ==, 8);
  for (guint i = 0; i < 8; i++)
    g_assert_cmpint (event_integer (nth_offer (bench, bench->all, i)->event, IPMID_FIELD_EXISTING), ==, i < 5);
  poll_sel (bench);
  check_complete (bench);
  bench_free (bench);
}

static void
test_first_contact_empty (void)
{
  Bench *bench = bench_new (FALSE);

  poll_sel (bench);
  fill (bench, 2);
  poll_sel (bench);
  check_complete (bench);
  g_assert_false (event_has (nth_offer (bench, bench->all, 0)->event, IPMID_FIELD_EXISTING));
  g_assert_cmpuint (count_kind (bench, bench->all, IPMID_KIND_GAP), ==, 0);
  bench_free (bench);
}

static void
test_existing_filter (void)
{
  Bench *bench = bench_new (FALSE);

  bench->handlers[1].filter.existing = FALSE;
  restart (bench);
  fill (bench, 4);
  poll_sel (bench);
  fill (bench, 2);
  poll_sel (bench);
  g_assert_cmpuint (count_offers (bench, bench->all), ==, 6);
  g_assert_cmpuint (count_offers (bench, bench->extra), ==, 2);
  bench_free (bench);
}

static void
test_walk_knows (gconstpointer on_disk)
{
  Bench *bench = bench_new (on_disk != NULL);

  fill (bench, 10);
  poll_sel (bench);
  for (guint i = 0; i < 3; i++)
    {
      restart (bench);
      walk_sel (bench);
    }
  g_assert_cmpuint (count_offers (bench, bench->all), ==, 10);
  bench_free (bench);
}

static void
test_foreign_clear (void)
{
  Bench *bench = bench_new (FALSE);

  fill (bench, 5);
  poll_sel (bench);
  sel_clear (bench);
  fill (bench, 3);
  poll_sel (bench);
  check_complete (bench);
  g_assert_cmpuint (count_kind (bench, bench->all, IPMID_KIND_GAP), ==, 1);
  sel_clear (bench);
  poll_sel (bench);
  g_assert_cmpuint (count_kind (bench, bench->all, IPMID_KIND_GAP), ==, 2);
  fill (bench, 3);
  poll_sel (bench);
  check_complete (bench);
  g_assert_cmpuint (count_kind (bench, bench->all, IPMID_KIND_GAP), ==, 2);
  bench_free (bench);
}

static void
test_incomplete_walk (void)
{
  Bench *bench = bench_new (FALSE);
  g_autoptr (GArray) steps = steps_new ();

  fill (bench, 9);
  poll_sel (bench);
  bench->walk++;
  add_records (bench, steps, 0, 3, bench->walk, -1);
  add_walk_end (steps, bench->walk, FALSE);
  /* One whose beginning was not seen proves nothing either. */
  bench->walk++;
  add_records (bench, steps, 0, 3, bench->walk, -1);
  g_array_index (steps, Step, 2).flag = FALSE;
  add_walk_end (steps, bench->walk, TRUE);
  run_steps (bench, steps);
  poll_sel (bench);
  walk_sel (bench);
  g_assert_cmpuint (count_offers (bench, bench->all), ==, 9);
  bench_free (bench);
}

/* The SEL was cleared, so that its ids come again or do not; the walk that would
 * show it is broken off after so many records, and again, perhaps with a new
 * ledger from disk. */
static void
clear_unseen (gboolean reuse, guint first_part, guint second_part, gboolean restart)
{
  Bench *bench = bench_new (restart);
  Step cursor = { .kind = STEP_CURSOR }, suspect = { .kind = STEP_SUSPECT };
  const guint parts[] = { first_part, second_part };

  fill (bench, 5);
  poll_sel (bench);
  guint next_id = bench->next_id;
  sel_clear (bench);
  bench->next_id = reuse ? 1 : next_id;
  fill (bench, 7);
  run_one (bench, &suspect);
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autoptr (GArray) steps = steps_new ();

      bench->walk++;
      add_records (bench, steps, 0, parts[i], bench->walk, -1);
      run_steps (bench, steps);
      if (restart)
        {
          close_ledger (bench);
          open_ledger (bench);
        }
      run_one (bench, &cursor);
      g_assert_cmpint (cursor.cursor.suspected, ==, 5); /* so it is walked again */
      g_assert_cmpuint (count_kind (bench, bench->all, IPMID_KIND_GAP), ==, 0);
    }
  poll_sel (bench);
  g_assert_cmpuint (count_kind (bench, bench->all, IPMID_KIND_GAP), ==, 1);
  g_assert_cmpuint (count_offers (bench, bench->all), ==, 5 + 7 + 1);
  run_one (bench, &cursor);
  g_assert_cmpint (cursor.cursor.suspected, ==, -1);
  walk_sel (bench);
  g_assert_cmpuint (count_kind (bench, bench->all, IPMID_KIND_GAP), ==, 1);
  bench_free (bench);
}

static void
test_clear_and_broken_walk (void)
{
  for (guint i = 0; i < 4; i++)
    for (guint first = 0; first <= 7; first++)
      for (guint second = 0; second <= 7; second++)
        clear_unseen ((i & 1) != 0, first, second, (i & 2) != 0 && first % 3 == 1 && second % 3 == 1);
}

/* The walk shows what was there before: it was no clear, only a deletion. */
static void
test_suspicion_and_broken_walk (void)
{
  Bench *bench = bench_new (FALSE);
  g_autoptr (GArray) steps = steps_new ();
  Step suspect = { .kind = STEP_SUSPECT };

  fill (bench, 5);
  poll_sel (bench);
  g_array_set_size (bench->sel, 4); /* the tail goes */
  fill (bench, 3);
  run_one (bench, &suspect);
  bench->walk++;
  add_records (bench, steps, 0, 6, bench->walk, -1);
  run_steps (bench, steps);
  poll_sel (bench);
  g_assert_cmpuint (count_kind (bench, bench->all, IPMID_KIND_GAP), ==, 0);
  g_assert_cmpuint (count_offers (bench, bench->all), ==, 8);
  bench_free (bench);
}

/* The end of a walk and the next session in one transaction that runs twice. */
static void
test_rollback_over_walk_end (void)
{
  Bench *bench = bench_new (FALSE);
  g_autoptr (GArray) steps = steps_new ();
  g_autoptr (GArray) beginning = steps_new ();
  Step cursor = { .kind = STEP_CURSOR };

  fill (bench, 6);
  poll_sel (bench);
  bench->walk++;
  add_records (bench, beginning, 0, 6, bench->walk, -1);
  run_steps (bench, beginning);
  add_walk_end (steps, bench->walk, TRUE);
  g_array_append_val (steps, cursor);
  bench->walk++;
  add_records (bench, steps, 0, 3, bench->walk, -1);
  begin (bench);
  for (guint i = 0; i < steps->len; i++)
    g_assert_true (run_step (bench, &g_array_index (steps, Step, i), NULL));
  roll_back (bench);
  run_steps (bench, steps);
  g_assert_cmpuint (count_offers (bench, bench->all), ==, 6);
  g_assert_cmpuint (count_kind (bench, bench->all, IPMID_KIND_GAP), ==, 0);
  bench_free (bench);
}

static void
test_overflow (void)
{
  Bench *bench = bench_new (FALSE);
  Step suspect = { .kind = STEP_SUSPECT, .flag = TRUE };

  poll_sel (bench);
  run_one (bench, &suspect);
  g_assert_cmpuint (count_kind (bench, bench->all, IPMID_KIND_GAP), ==, 1);
  g_assert_cmpint (event_integer (nth_offer (bench, bench->all, 0)->event, IPMID_FIELD_LOST), ==, 1);
  bench_free (bench);
}

static void
test_finalizer_waits (void)
{
  Bench *bench = bench_new (FALSE);
  LedgerIntent intent;

  fill (bench, 2);
  poll_sel (bench);
  Offered *extra = nth_offer (bench, bench->extra, 0);
  settle (bench, extra, LEDGER_DONE); /* not required: proves nothing */
  g_assert_cmpuint (count_offers (bench, bench->finalizer), ==, 0);
  g_assert_cmpint (ask_delete (bench, nth_offer (bench, bench->all, 0), FALSE, &intent), ==, LEDGER_DELETE_NOT_ALLOWED);
  settle (bench, nth_offer (bench, bench->all, 1), LEDGER_DEAD);
  g_assert_cmpuint (count_offers (bench, bench->finalizer), ==, 0);
  settle (bench, nth_offer (bench, bench->all, 0), LEDGER_RETRY);
  g_assert_cmpuint (count_offers (bench, bench->finalizer), ==, 0);
  settle (bench, nth_offer (bench, bench->all, 0), LEDGER_DONE);
  g_assert_cmpuint (count_offers (bench, bench->finalizer), ==, 1);
  settle (bench, nth_offer (bench, bench->all, 0), LEDGER_DONE); /* answered before: nothing */
  g_assert_cmpuint (count_offers (bench, bench->finalizer), ==, 1);
  bench_free (bench);
}

/* A handler that has become required since must not stand in for another. */
static void
test_required_changes (void)
{
  Bench *bench = bench_new (FALSE);

  fill (bench, 1);
  poll_sel (bench);
  bench->handlers[1].required = TRUE;
  restart (bench);
  settle (bench, nth_offer (bench, bench->extra, 0), LEDGER_DONE);
  g_assert_cmpuint (count_offers (bench, bench->finalizer), ==, 0);
  settle (bench, nth_offer (bench, bench->all, 0), LEDGER_DONE);
  g_assert_cmpuint (count_offers (bench, bench->finalizer), ==, 1);
  bench_free (bench);
}

static void
test_none_required (void)
{
  Bench *bench = bench_new (FALSE);

  bench->handlers[0].required = FALSE;
  restart (bench);
  fill (bench, 3);
  poll_sel (bench);
  handle_all (bench);
  g_assert_cmpuint (count_offers (bench, bench->finalizer), ==, 0);
  bench_free (bench);
}

static void
test_quota (void)
{
  Bench *bench = bench_new (FALSE);
  LedgerCounts counts;

  bench->handlers[0].quota = 2;
  restart (bench);
  fill (bench, 5);
  poll_sel (bench);
  ledger_counts (bench->ledger, bench->all, &counts);
  g_assert_cmpint (counts.pending, ==, 2);
  g_assert_cmpint (counts.shed, ==, 3);
  handle_all (bench);
  /* What was shed is not handled, so it is not deleted. */
  g_assert_cmpuint (count_offers (bench, bench->finalizer), ==, 2);
  bench_free (bench);
}

static void
test_own_delete (gconstpointer on_disk)
{
  Bench *bench = bench_new (on_disk != NULL);
  LedgerIntent intent;

  fill (bench, 3);
  poll_sel (bench);
  handle_all (bench);
  g_assert_cmpuint (count_offers (bench, bench->finalizer), ==, 3);
  g_assert_cmpint (ask_delete (bench, nth_offer (bench, bench->finalizer, 2), TRUE, &intent), ==, LEDGER_DELETE_GO);
  for (guint i = 3; i > 0; i--)
    {
      Offered *offered = nth_offer (bench, bench->finalizer, i - 1);
      g_assert_cmpint (ask_delete (bench, offered, FALSE, &intent), ==, LEDGER_DELETE_GO);
      g_assert_cmpint (intent.has_predecessor, ==, i > 1);
      g_assert_cmpint (intent.may_clear, ==, i == 1);
      sel_remove (bench, intent.record);
      note_deleted (bench, &intent);
      settle (bench, offered, LEDGER_DONE);
      restart (bench);
      poll_sel (bench);
    }
  g_assert_cmpuint (count_kind (bench, bench->all, IPMID_KIND_GAP), ==, 0);
  bench->next_id = 1;
  fill (bench, 3); /* the ids again */
  poll_sel (bench);
  check_complete (bench);
  g_assert_cmpuint (count_offers (bench, bench->all), ==, 6);
  bench_free (bench);
}

/* We died between the delete and the note of it. */
static void
test_crash_in_delete (void)
{
  Bench *bench = bench_new (FALSE);
  LedgerIntent intent;

  fill (bench, 2);
  poll_sel (bench);
  handle_all (bench);
  Offered *offered = nth_offer (bench, bench->finalizer, 1);
  g_assert_cmpint (ask_delete (bench, offered, FALSE, &intent), ==, LEDGER_DELETE_GO);
  sel_remove (bench, intent.record);
  restart (bench);
  poll_sel (bench);
  g_assert_cmpuint (count_kind (bench, bench->all, IPMID_KIND_GAP), ==, 0);
  offered = nth_offer (bench, bench->finalizer, 1);
  g_assert_cmpint (ask_delete (bench, offered, FALSE, &intent), ==, LEDGER_DELETE_CHANGED);
  /* The id is used again, and the old intent does not touch the new record. */
  bench->next_id = 2;
  fill (bench, 1);
  poll_sel (bench);
  note_deleted (bench, &intent);
  check_complete (bench);
  g_assert_cmpint (ask_delete (bench, offered, FALSE, &intent), ==, LEDGER_DELETE_CHANGED);
  bench_free (bench);
}

static void
test_lost_state (void)
{
  Bench *first = bench_new (FALSE);
  fill (first, 3);
  poll_sel (first);
  Bench *second = bench_new (FALSE);
  g_usleep (1100000); /* an epoch is a second */
  bench_free (second);
  second = bench_new (FALSE);
  g_array_append_vals (second->sel, first->sel->data, first->sel->len);
  poll_sel (second);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpstr (event_string (nth_offer (first, first->all, i)->event, IPMID_FIELD_ID), !=,
                     event_string (nth_offer (second, second->all, i)->event, IPMID_FIELD_ID));
  bench_free (first);
  bench_free (second);
}

static void
test_orphans (void)
{
  Bench *bench = bench_new (FALSE);
  g_autoptr (GError) error = NULL;
  gint64 moved;
  LedgerCounts counts;

  fill (bench, 3);
  poll_sel (bench);
  close_ledger (bench);
  bench->ledger = ledger_new (bench->store);
  bench->all = ledger_add_handler (bench->ledger, &bench->handlers[0], &error);
  g_assert_true (ledger_bury_orphans (bench->ledger, &moved, &error));
  g_assert_no_error (error);
  g_assert_cmpint (moved, ==, 3);
  ledger_free (g_steal_pointer (&bench->ledger));
  open_ledger (bench);
  ledger_counts (bench->ledger, bench->extra, &counts);
  g_assert_cmpint (counts.dead, ==, 3);
  g_assert_cmpint (counts.pending, ==, 0);
  bench_free (bench);
}

/* ------------------------------------------------------------ everything at once */

static void
random_deletes (Bench *bench)
{
  for (guint i = 0; i < bench->offered->len; i++)
    {
      LedgerIntent intent;
      Offered *offered = offered_at (bench, i);
      if (offered->handler != bench->finalizer || offered->settled || g_test_rand_int_range (0, 3) != 0)
        continue;
      if (ask_delete (bench, offered, FALSE, &intent) == LEDGER_DELETE_GO)
        {
          sel_remove (bench, intent.record);
          if (g_test_rand_int_range (0, 8) == 0)
            {
              restart (bench);
              continue;
            }
          if (g_test_rand_int_range (0, 8) == 0)
            poll_sel (bench);
          note_deleted (bench, &intent);
        }
      settle (bench, offered_at (bench, i), LEDGER_DONE);
    }
}

/* A poll that dies somewhere on its way. */
static void
crash_in_poll (Bench *bench)
{
  g_autoptr (GArray) steps = steps_new ();

  read_sel (bench, steps);
  while (steps->len > 0)
    {
      g_autoptr (GArray) some = steps_new ();
      guint n = (guint) g_test_rand_int_range (1, (gint32) steps->len + 1);
      for (guint i = 0; i < n; i++)
        {
          Step step = g_array_index (steps, Step, i);
          if (step.events != NULL)
            g_ptr_array_ref (step.events);
          g_array_append_val (some, step);
        }
      if (g_test_rand_int_range (0, 3) == 0)
        {
          begin (bench);
          for (guint i = 0; i < some->len; i++)
            g_assert_true (run_step (bench, &g_array_index (some, Step, i), NULL));
          store_rollback (bench->store);
          bench->in_transaction = FALSE;
          restart (bench);
          return;
        }
      run_steps (bench, some);
      g_array_remove_range (steps, 0, n);
      if (g_test_rand_int_range (0, 4) == 0)
        fill (bench, 1);
    }
}

static void
random_step (Bench *bench)
{
  switch (g_test_rand_int_range (0, 12))
    {
    case 0:
    case 1:
    case 2:
      fill (bench, (guint) g_test_rand_int_range (1, 8));
      break;
    case 3:
    case 4:
      poll_sel (bench);
      break;
    case 5:
      crash_in_poll (bench);
      break;
    case 6:
      walk_sel (bench);
      break;
    case 7:
      handle_all (bench);
      break;
    case 8:
      random_deletes (bench);
      break;
    case 9:
      restart (bench);
      break;
    case 10:
      bench->next_id = (guint) g_test_rand_int_range (1, 20); /* ids again, and out of order */
      break;
    default:
      if (g_test_rand_int_range (0, 3) == 0)
        sel_clear (bench);
      else if (bench->sel->len > 0)
        g_array_remove_index (bench->sel, (guint) g_test_rand_int_range (0, (gint32) bench->sel->len));
      break;
    }
}

static void
test_random (gconstpointer on_disk)
{
  guint rounds = on_disk != NULL ? 4 : g_test_slow () ? 400 : 60;

  for (guint i = 0; i < rounds; i++)
    {
      Bench *bench = bench_new (on_disk != NULL);
      bench->rollback_percent = 20;
      poll_sel (bench);
      for (guint step = 0; step < 120; step++)
        {
          random_step (bench);
          check_unique (bench);
        }
      poll_sel (bench);
      walk_sel (bench);
      check_complete (bench);
      handle_all (bench);
      bench_free (bench);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ledger/first-contact", test_first_contact);
  g_test_add_func ("/ledger/first-contact-empty", test_first_contact_empty);
  g_test_add_func ("/ledger/existing-filter", test_existing_filter);
  g_test_add_data_func ("/ledger/walk-knows", NULL, test_walk_knows);
  g_test_add_data_func ("/ledger/walk-knows-on-disk", "disk", test_walk_knows);
  g_test_add_func ("/ledger/foreign-clear", test_foreign_clear);
  g_test_add_func ("/ledger/incomplete-walk", test_incomplete_walk);
  g_test_add_func ("/ledger/clear-and-broken-walk", test_clear_and_broken_walk);
  g_test_add_func ("/ledger/suspicion-and-broken-walk", test_suspicion_and_broken_walk);
  g_test_add_func ("/ledger/rollback-over-walk-end", test_rollback_over_walk_end);
  g_test_add_func ("/ledger/overflow", test_overflow);
  g_test_add_func ("/ledger/finalizer-waits", test_finalizer_waits);
  g_test_add_func ("/ledger/required-changes", test_required_changes);
  g_test_add_func ("/ledger/none-required", test_none_required);
  g_test_add_func ("/ledger/quota", test_quota);
  g_test_add_data_func ("/ledger/own-delete", NULL, test_own_delete);
  g_test_add_data_func ("/ledger/own-delete-on-disk", "disk", test_own_delete);
  g_test_add_func ("/ledger/crash-in-delete", test_crash_in_delete);
  g_test_add_func ("/ledger/lost-state", test_lost_state);
  g_test_add_func ("/ledger/orphans", test_orphans);
  g_test_add_data_func ("/ledger/random", NULL, test_random);
  g_test_add_data_func ("/ledger/random-on-disk", "disk", test_random);
  return g_test_run ();
}
