/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-schedule.c - the schedule against a model of the journal.
 *
 * The model holds what is owed, lane by lane, as the journal would.  Random and
 * enumerated sequences of offers, fetches, picks and verdicts are played; after
 * each step the invariants are checked.
 */
#include <core/schedule.h>

#include <string.h>

#define LANES 5
#define SECOND G_TIME_SPAN_SECOND

typedef struct
{
  gint64 seq;
  guint attempts;
  guint crashes;
  gboolean in_flight;
  gboolean was_in_flight; /* when the model "died" */
} Owed;

/* A fetch that was asked for and perhaps read, not yet handed back. */
typedef struct
{
  gboolean asked, read;
  gint64 after;
  guint limit;
  GArray *deliveries;
} Fetch;

typedef struct
{
  Schedule *schedule;
  ScheduleLimits limits;
  GArray *owed[LANES];    /* Owed, oldest first */
  GArray *letters[LANES]; /* gint64: dead ones, oldest first */
  GArray *offers;         /* committed, not yet offered: pairs (lane, seq); -seq: to be read again from there on */
  Fetch fetches[LANES];
  GPtrArray *in_flight; /* ScheduleItem */
  GHashTable *poison;   /* seq */
  gint64 now;
  gint64 next_seq;
  guint done, dead;
  gboolean outage;
  IpmidEvent *event;
} Model;

static void
clear_delivery (gpointer data)
{
  event_unref (((StoreDelivery *) data)->event);
}

static Model *
model_new (const ScheduleLimits *limits)
{
  Model *model = g_new0 (Model, 1);

  model->limits = *limits;
  model->schedule = schedule_new (limits);
  for (guint i = 0; i < LANES; i++)
    {
      model->owed[i] = g_array_new (FALSE, TRUE, sizeof (Owed));
      model->letters[i] = g_array_new (FALSE, FALSE, sizeof (gint64));
    }
  model->offers = g_array_new (FALSE, FALSE, 2 * sizeof (gint64));
  model->in_flight = g_ptr_array_new ();
  model->poison = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  model->now = SECOND;
  model->next_seq = 1;
  model->event = event_new ();
  return model;
}

static void
drop_fetches (Model *model)
{
  for (guint i = 0; i < LANES; i++)
    {
      g_clear_pointer (&model->fetches[i].deliveries, g_array_unref);
      model->fetches[i] = (Fetch){ 0 };
    }
}

static void
model_free (Model *model)
{
  drop_fetches (model);
  schedule_free (model->schedule);
  for (guint i = 0; i < LANES; i++)
    {
      g_array_unref (model->owed[i]);
      g_array_unref (model->letters[i]);
    }
  g_array_unref (model->offers);
  g_ptr_array_unref (model->in_flight);
  g_hash_table_unref (model->poison);
  event_unref (model->event);
  g_free (model);
}

static Owed *
find_owed (Model *model, gint64 lane, gint64 seq)
{
  for (guint i = 0; i < model->owed[lane]->len; i++)
    {
      Owed *owed = &g_array_index (model->owed[lane], Owed, i);
      if (owed->seq == seq)
        return owed;
    }
  return NULL;
}

static guint
total_owed (Model *model)
{
  guint total = 0;

  for (guint i = 0; i < LANES; i++)
    total += model->owed[i]->len;
  return total;
}

/* A transaction brings a new event in: it is owed at once, and offered when the
 * transaction's turn comes. */
static void
take_in (Model *model, guint lane)
{
  Owed owed = { .seq = model->next_seq++ };
  gint64 pair[2] = { lane, owed.seq };

  g_array_append_val (model->owed[lane], owed);
  g_array_append_val (model->offers, pair);
}

static void
make_offers (Model *model)
{
  for (guint i = 0; i < model->offers->len; i++)
    {
      const gint64 *pair = (const gint64 *) (gconstpointer) (model->offers->data + i * 2 * sizeof (gint64));
      if (pair[1] > 0)
        schedule_offer (model->schedule, pair[0], pair[1], model->event);
      else
        schedule_reread (model->schedule, pair[0], -pair[1]);
    }
  g_array_set_size (model->offers, 0);
}

static void
owe_again (Model *model, guint lane, gint64 seq)
{
  const Owed owed = { .seq = seq };
  guint at = 0;

  while (at < model->owed[lane]->len && g_array_index (model->owed[lane], Owed, at).seq < seq)
    at++;
  g_array_insert_val (model->owed[lane], at, owed);
}

/* The oldest dead letters of a lane are owed again, as a part of a replay. */
static void
replay (Model *model, guint lane, guint n)
{
  GArray *letters = model->letters[lane];

  n = MIN (n, letters->len);
  if (n == 0)
    return;
  gint64 pair[2] = { lane, -g_array_index (letters, gint64, 0) };
  for (guint i = 0; i < n; i++)
    owe_again (model, lane, g_array_index (letters, gint64, i));
  g_array_remove_range (letters, 0, n);
  g_array_append_val (model->offers, pair);
  model->dead -= n;
}

/* The three steps of a fetch, as the worker, the journal's transaction and its
 * end take them. */
static void
ask_fetches (Model *model)
{
  gint64 lane, after;
  guint limit;

  while (schedule_wants (model->schedule, &lane, &after, &limit))
    {
      Fetch *fetch = &model->fetches[lane];
      g_assert_false (fetch->asked);
      g_assert_cmpuint (limit, >, 0);
      *fetch = (Fetch){ TRUE, FALSE, after, limit, g_array_new (FALSE, FALSE, sizeof (StoreDelivery)) };
      g_array_set_clear_func (fetch->deliveries, clear_delivery);
    }
}

static void
read_fetch (Model *model, guint lane)
{
  Fetch *fetch = &model->fetches[lane];

  if (!fetch->asked || fetch->read)
    return;
  fetch->read = TRUE;
  for (guint i = 0; i < model->owed[lane]->len && fetch->deliveries->len < fetch->limit; i++)
    {
      const Owed *owed = &g_array_index (model->owed[lane], Owed, i);
      StoreDelivery delivery
          = { .seq = owed->seq, .attempts = owed->attempts, .inflight = owed->was_in_flight, .crashes = owed->crashes };
      if (owed->seq <= fetch->after)
        continue;
      delivery.event = event_ref (model->event);
      g_array_append_val (fetch->deliveries, delivery);
    }
}

static void
end_fetch (Model *model, guint lane)
{
  Fetch *fetch = &model->fetches[lane];

  if (!fetch->read)
    return;
  schedule_refill (model->schedule, lane, fetch->deliveries, fetch->limit, model->now);
  g_clear_pointer (&fetch->deliveries, g_array_unref);
  *fetch = (Fetch){ 0 };
}

/* With several workers a call is for one lane, and a suspect is in flight alone. */
static void
check_workers (Model *model, const GPtrArray *items)
{
  gboolean alone = items->len == 1 && ((ScheduleItem *) items->pdata[0])->suspect;

  if (model->limits.workers < 2 || items->len == 0 || model->in_flight->len == 0)
    return;
  g_assert_false (alone);
  for (guint i = 0; i < items->len; i++)
    g_assert_cmpint (((ScheduleItem *) items->pdata[i])->bmc, ==, ((ScheduleItem *) items->pdata[0])->bmc);
  for (guint i = 0; i < model->in_flight->len; i++)
    g_assert_false (((ScheduleItem *) model->in_flight->pdata[i])->suspect);
}

static void
pick (Model *model)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new ();
  gboolean busy[LANES] = { FALSE };
  gint64 last[LANES] = { 0 };

  for (guint i = 0; i < model->in_flight->len; i++)
    busy[((ScheduleItem *) model->in_flight->pdata[i])->bmc] = TRUE;
  schedule_pick (model->schedule, model->now, items);
  g_assert_cmpuint (items->len, <=, model->limits.batch);
  check_workers (model, items);
  for (guint i = 0; i < items->len; i++)
    {
      ScheduleItem *item = items->pdata[i];
      Owed *owed = find_owed (model, item->bmc, item->seq);
      g_assert_nonnull (owed);
      g_assert_false (owed->in_flight);
      g_assert_false (busy[item->bmc]); /* never two batches of one lane */
      g_assert_cmpint (item->seq, >, last[item->bmc]);
      last[item->bmc] = item->seq;
      if (item->suspect)
        g_assert_cmpuint (items->len, ==, 1);
      owed->in_flight = TRUE;
      g_ptr_array_add (model->in_flight, item);
    }
}

static void
bury (Model *model, gint64 lane, gint64 seq)
{
  GArray *letters = model->letters[lane];
  guint at = 0;

  while (at < letters->len && g_array_index (letters, gint64, at) < seq)
    at++;
  g_array_insert_val (letters, at, seq);
  model->dead++;
}

static void
apply (Model *model, GArray *settlements)
{
  for (guint i = 0; i < settlements->len; i++)
    {
      ScheduleSettlement *s = &g_array_index (settlements, ScheduleSettlement, i);
      Owed *owed = find_owed (model, s->bmc, s->seq);
      g_assert_nonnull (owed);
      owed->in_flight = owed->was_in_flight = FALSE;
      owed->attempts += s->outcome == LEDGER_RETRY;
      if (s->outcome == LEDGER_DEAD)
        g_assert_nonnull (s->reason);
      if (s->outcome != LEDGER_DONE && s->outcome != LEDGER_DEAD)
        continue;
      model->done += s->outcome == LEDGER_DONE;
      if (s->outcome == LEDGER_DEAD)
        bury (model, s->bmc, s->seq);
      g_array_remove_index (model->owed[s->bmc], (guint) (owed - &g_array_index (model->owed[s->bmc], Owed, 0)));
    }
}

static void
settle (Model *model, guint index, IpmidVerdict verdict)
{
  g_autoptr (GArray) settlements = schedule_settlements_new ();
  ScheduleItem *item = model->in_flight->pdata[index];

  g_ptr_array_remove_index (model->in_flight, index);
  schedule_settle (model->schedule, item, verdict, NULL, model->now, settlements);
  g_assert_cmpuint (settlements->len, ==, 1);
  apply (model, settlements);
}

static IpmidVerdict
honest_verdict (Model *model, const ScheduleItem *item)
{
  return model->outage || g_hash_table_contains (model->poison, &item->seq) ? IPMID_VERDICT_RETRY : IPMID_VERDICT_DONE;
}

static void
check_bounds (Model *model)
{
  g_assert_cmpuint (schedule_length (model->schedule), <=, model->limits.total_max + 2 * LANES);
}

/* What the worker and the journal do when nothing odd happens. */
static void
turn (Model *model)
{
  make_offers (model);
  ask_fetches (model);
  for (guint lane = 0; lane < LANES; lane++)
    {
      read_fetch (model, lane);
      end_fetch (model, lane);
    }
  pick (model);
  check_bounds (model);
}

/* Plays on until nothing is owed any more.  Never waits while something can be
 * had, and time is only taken from schedule_next_time(). */
static void
run_dry (Model *model, guint turns_max)
{
  for (guint turns = 0; total_owed (model) > 0; turns++)
    {
      g_assert_cmpuint (turns, <, turns_max);
      turn (model);
      if (model->in_flight->len > 0)
        {
          while (model->in_flight->len > 0)
            settle (model, 0, honest_verdict (model, model->in_flight->pdata[0]));
          continue;
        }
      gint64 next = schedule_next_time (model->schedule);
      gint64 lane, after;
      guint limit;
      if (next == G_MAXINT64 && !schedule_wants (model->schedule, &lane, &after, &limit))
        g_error ("%u events are owed and nothing will happen", total_owed (model));
      if (next != G_MAXINT64)
        {
          g_assert_cmpint (next, >, model->now); /* else the worker would spin */
          model->now = next;
        }
    }
}

static const ScheduleLimits tiny = { .batch = 3,
                                     .retry_min = SECOND,
                                     .retry_max = 60 * SECOND,
                                     .poison_after = 3,
                                     .down_after = 3,
                                     .lane_max = 6,
                                     .total_max = 12 };

/* ----------------------------------------------------------------- the tests */

static void
test_order (void)
{
  Model *model = model_new (&tiny);
  gint64 last[LANES] = { 0 };

  for (guint i = 0; i < 100; i++)
    take_in (model, i % LANES);
  while (total_owed (model) > 0)
    {
      turn (model);
      while (model->in_flight->len > 0)
        {
          const ScheduleItem *item = model->in_flight->pdata[0];
          g_assert_cmpint (item->seq, >, last[item->bmc]);
          last[item->bmc] = item->seq;
          settle (model, 0, IPMID_VERDICT_DONE);
        }
    }
  g_assert_cmpuint (model->done, ==, 100);
  g_assert_cmpint (schedule_next_time (model->schedule), ==, G_MAXINT64);
  g_assert_true (schedule_is_drained (model->schedule));
  model_free (model);
}

/* An event that is committed in the same transaction in which a lane is read
 * for the last time, before or after the reading. */
static void
test_offer_during_fetch (void)
{
  for (guint before = 0; before < 2; before++)
    {
      Model *model = model_new (&tiny);
      for (guint i = 0; i < 8; i++)
        take_in (model, 0);
      make_offers (model);
      pick (model);
      while (model->in_flight->len > 0)
        settle (model, 0, IPMID_VERDICT_DONE);
      ask_fetches (model);
      if (before)
        take_in (model, 0);
      read_fetch (model, 0);
      if (!before)
        take_in (model, 0);
      make_offers (model);
      end_fetch (model, 0);
      take_in (model, 0);
      run_dry (model, 100);
      g_assert_cmpuint (model->done, ==, 10);
      model_free (model);
    }
}

/* A finalizer's events come in the order in which others have handled them. */
static void
test_offer_out_of_order (void)
{
  Model *model = model_new (&tiny);
  Owed late = { .seq = 2 };
  gint64 pair[2] = { 0, 2 };

  model->next_seq = 3;
  for (guint i = 0; i < 9; i++)
    take_in (model, 0);
  make_offers (model);
  ask_fetches (model);
  read_fetch (model, 0);
  g_array_prepend_val (model->owed[0], late);
  g_array_append_val (model->offers, pair);
  run_dry (model, 100);
  g_assert_cmpuint (model->done, ==, 10);
  model_free (model);
}

/* What comes between, while the rest of the lane is being read. */
static void
test_offer_between_during_fetch (void)
{
  Model *model = model_new (&tiny);
  Owed late = { .seq = 50 };
  gint64 pair[2] = { 0, 50 };

  for (guint i = 0; i < 6; i++)
    take_in (model, 0);
  make_offers (model);
  model->next_seq = 60;
  for (guint i = 0; i < 2; i++)
    take_in (model, 0);
  make_offers (model);
  pick (model);
  while (model->in_flight->len > 0)
    settle (model, 0, IPMID_VERDICT_DONE);
  ask_fetches (model);
  read_fetch (model, 0);
  g_array_insert_val (model->owed[0], 3, late);
  g_array_append_val (model->offers, pair);
  make_offers (model);
  end_fetch (model, 0);
  run_dry (model, 100);
  g_assert_cmpuint (model->done, ==, 9);
  model_free (model);
}

/* So many, from the first on, all of one lane. */
static void
reject_all (Model *model, guint n)
{
  for (guint i = 0; i < n; i++)
    take_in (model, 0);
  while (total_owed (model) > 0)
    {
      turn (model);
      while (model->in_flight->len > 0)
        settle (model, 0, IPMID_VERDICT_REJECT);
    }
  g_assert_cmpuint (model->dead, ==, n);
}

/* Replayed part by part, of any size, before the handler comes to it: in order, and
 * before what was in memory. */
static void
test_replay (void)
{
  for (guint part = 1; part <= 20; part++)
    {
      Model *model = model_new (&tiny);
      gint64 last = 0;
      reject_all (model, 20);
      for (guint i = 0; i < 9; i++)
        take_in (model, 0);
      make_offers (model);
      ask_fetches (model);
      while (model->dead > 0)
        {
          replay (model, 0, part);
          make_offers (model);
        }
      read_fetch (model, 0);
      end_fetch (model, 0);
      while (total_owed (model) > 0)
        {
          turn (model);
          for (; model->in_flight->len > 0; settle (model, 0, IPMID_VERDICT_DONE))
            g_assert_cmpint (((ScheduleItem *) model->in_flight->pdata[0])->seq, ==, ++last);
        }
      g_assert_cmpint (last, ==, 29);
      model_free (model);
    }
}

/* What comes behind all that is in memory is no reason to try what fails at once. */
static void
test_replay_keeps_back_off (void)
{
  Model *model = model_new (&tiny);

  reject_all (model, 40);
  replay (model, 0, 10);
  turn (model);
  g_assert_cmpuint (model->in_flight->len, >, 0);
  while (model->in_flight->len > 0)
    settle (model, 0, IPMID_VERDICT_RETRY);
  gint64 next = schedule_next_time (model->schedule);
  g_assert_cmpint (next, >, model->now);
  while (model->dead > 0)
    {
      replay (model, 0, 10);
      turn (model);
      g_assert_cmpuint (model->in_flight->len, ==, 0);
      g_assert_cmpint (schedule_next_time (model->schedule), ==, next);
    }
  run_dry (model, 1000);
  g_assert_cmpuint (model->done, ==, 40);
  model_free (model);
}

static void
test_outage (void)
{
  Model *model = model_new (&tiny);

  for (guint i = 0; i < 60; i++)
    take_in (model, i % LANES);
  model->outage = TRUE;
  gint64 end = model->now + 3600 * SECOND;
  while (model->now < end)
    {
      turn (model);
      while (model->in_flight->len > 0)
        settle (model, 0, IPMID_VERDICT_RETRY);
      gint64 next = schedule_next_time (model->schedule);
      g_assert_cmpint (next, <=, model->now + model->limits.retry_max);
      model->now = MAX (model->now, next);
    }
  g_assert_true (schedule_is_down (model->schedule));
  g_assert_cmpuint (model->dead, ==, 0);
  model->outage = FALSE;
  run_dry (model, 1000);
  g_assert_cmpuint (model->dead, ==, 0);
  g_assert_cmpuint (model->done, ==, 60);
  model_free (model);
}

static void
test_poison (void)
{
  Model *model = model_new (&tiny);
  const gint64 bad = 7;

  g_hash_table_add (model->poison, g_memdup2 (&bad, sizeof bad));
  for (guint i = 0; i < 60; i++)
    take_in (model, i % LANES);
  run_dry (model, 1000);
  g_assert_cmpuint (model->dead, ==, 1);
  g_assert_cmpuint (model->done, ==, 59);
  model_free (model);
}

/* One BMC only: a head that fails while the next succeeds. */
static void
test_poison_single_lane (void)
{
  Model *model = model_new (&tiny);
  const gint64 bad = 1;

  g_hash_table_add (model->poison, g_memdup2 (&bad, sizeof bad));
  take_in (model, 0);
  gint64 began = model->now;
  for (guint i = 0; i < 20; i++)
    {
      turn (model);
      while (model->in_flight->len > 0)
        settle (model, 0, IPMID_VERDICT_RETRY);
      model->now = schedule_next_time (model->schedule);
    }
  g_assert_cmpuint (model->dead, ==, 0); /* alone it may as well be the handler */
  g_assert_cmpint (model->now - began, <, 20 * 60 * SECOND);
  take_in (model, 0);
  run_dry (model, 100);
  g_assert_cmpuint (model->dead, ==, 1);
  g_assert_cmpuint (model->done, ==, 1);
  model_free (model);
}

static void
test_attempts (void)
{
  ScheduleLimits limits = tiny;
  limits.attempts = 3;
  Model *model = model_new (&limits);

  for (guint i = 0; i < 10; i++)
    take_in (model, i % 2);
  model->outage = TRUE;
  for (guint attempts = 0; total_owed (model) > 0; attempts++)
    {
      g_assert_cmpuint (attempts, <, 200);
      turn (model);
      while (model->in_flight->len > 0)
        {
          const ScheduleItem *item = model->in_flight->pdata[0];
          g_assert_cmpuint (item->attempts, <, 3);
          settle (model, 0, IPMID_VERDICT_RETRY);
        }
      gint64 next = schedule_next_time (model->schedule);
      if (next != G_MAXINT64)
        model->now = MAX (model->now, next);
    }
  g_assert_cmpuint (model->dead, ==, 10);
  model_free (model);
}

static void
test_down_probes_one (void)
{
  Model *model = model_new (&tiny);

  for (guint i = 0; i < 30; i++)
    take_in (model, i % LANES);
  while (!schedule_is_down (model->schedule))
    {
      turn (model);
      while (model->in_flight->len > 0)
        settle (model, 0, IPMID_VERDICT_RETRY);
      if (!schedule_is_down (model->schedule))
        model->now = MAX (model->now, schedule_next_time (model->schedule));
    }
  for (guint i = 0; i < 10; i++)
    {
      model->now = schedule_next_time (model->schedule);
      pick (model);
      g_assert_cmpuint (model->in_flight->len, ==, 1);
      pick (model);
      g_assert_cmpuint (model->in_flight->len, ==, 1);
      g_assert_cmpint (schedule_next_time (model->schedule), ==, G_MAXINT64);
      settle (model, 0, IPMID_VERDICT_RETRY);
    }
  run_dry (model, 1000);
  g_assert_cmpuint (model->dead, ==, 0);
  model_free (model);
}

/* An answer from before the handler was down does not start a second probe. */
static void
test_late_answer_while_probing (void)
{
  Model *model = model_new (&tiny);

  for (guint i = 0; i < LANES; i++)
    take_in (model, i);
  turn (model);
  turn (model);
  g_assert_cmpuint (model->in_flight->len, ==, LANES);
  for (guint i = 0; i < 3; i++)
    settle (model, 0, IPMID_VERDICT_RETRY);
  g_assert_true (schedule_is_down (model->schedule));
  model->now = schedule_next_time (model->schedule);
  pick (model);
  g_assert_cmpuint (model->in_flight->len, ==, 3);
  settle (model, 0, IPMID_VERDICT_RETRY);
  pick (model);
  g_assert_cmpuint (model->in_flight->len, ==, 2);
  settle (model, 0, IPMID_VERDICT_DONE);
  while (model->in_flight->len > 0)
    settle (model, 0, IPMID_VERDICT_DONE);
  run_dry (model, 100);
  model_free (model);
}

/* Lanes that fail must not keep the others out of memory. */
static void
test_parked_lanes_leave_room (void)
{
  Model *model = model_new (&tiny);
  ScheduleLimits limits = tiny;
  limits.down_after = 100;
  model_free (model);
  model = model_new (&limits);

  for (guint i = 0; i < 4 * 20; i++)
    take_in (model, i % 4); /* more than fits */
  for (guint i = 0; i < 20; i++)
    {
      turn (model);
      while (model->in_flight->len > 0)
        settle (model, 0, IPMID_VERDICT_RETRY);
    }
  for (guint i = 0; i < 20; i++)
    take_in (model, 4);
  for (guint i = 0; i < 40 && model->owed[4]->len > 0; i++)
    {
      turn (model);
      while (model->in_flight->len > 0)
        {
          const ScheduleItem *item = model->in_flight->pdata[0];
          settle (model, 0, item->bmc == 4 ? IPMID_VERDICT_DONE : IPMID_VERDICT_RETRY);
        }
    }
  g_assert_cmpuint (model->owed[4]->len, ==, 0);
  run_dry (model, 1000);
  model_free (model);
}

/* A handler that says NONE for ever is not asked without a pause. */
static void
test_untried_does_not_spin (void)
{
  for (guint down = 0; down < 2; down++)
    {
      Model *model = model_new (&tiny);
      guint calls = 0;
      for (guint i = 0; i < LANES; i++)
        take_in (model, i);
      turn (model);
      while (down && model->in_flight->len > 0)
        settle (model, 0, IPMID_VERDICT_RETRY);
      gint64 end = model->now + 60 * SECOND;
      while (model->now < end)
        {
          g_assert_cmpuint (calls++, <, 1000);
          pick (model);
          while (model->in_flight->len > 0)
            settle (model, 0, IPMID_VERDICT_NONE);
          model->now = MAX (model->now, schedule_next_time (model->schedule));
        }
      run_dry (model, 100);
      g_assert_cmpuint (model->done, ==, LANES);
      model_free (model);
    }
}

/* Exactly this one was picked; it is handled. */
static void
check_picked (Model *model, gint64 lane, gint64 seq)
{
  g_assert_cmpuint (model->in_flight->len, ==, 1);
  const ScheduleItem *item = model->in_flight->pdata[0];
  g_assert_cmpint (item->bmc, ==, lane);
  g_assert_cmpint (item->seq, ==, seq);
  settle (model, 0, IPMID_VERDICT_DONE);
}

/* After a crash the suspects go alone, the others together. */
static void
test_suspects (void)
{
  Model *model = model_new (&tiny);

  for (guint i = 0; i < 12; i++)
    {
      Owed owed = { .seq = model->next_seq++, .attempts = 1, .was_in_flight = i < 5 };
      g_array_append_val (model->owed[i % 2], owed);
    }
  schedule_add_backlog (model->schedule, 0);
  schedule_add_backlog (model->schedule, 1);
  run_dry (model, 100);
  g_assert_cmpuint (model->done, ==, 12);
  model_free (model);
}

/* Of what ipmid has crashed has to wait for its turn, and goes alone; the others do
 * not wait, and once it could be poison, not even the next of its lane does. */
static void
test_culprit (void)
{
  for (guint crashes = 1; crashes <= 4; crashes++)
    {
      Model *model = model_new (&tiny);
      Owed culprit = { .seq = model->next_seq++, .attempts = crashes, .crashes = crashes };
      g_array_append_val (model->owed[0], culprit);
      schedule_add_backlog (model->schedule, 0);
      take_in (model, 0);
      take_in (model, 1);
      turn (model);
      check_picked (model, 1, 3);
      gint64 pause = schedule_next_time (model->schedule) - model->now;
      g_assert_cmpint (pause, >=, SECOND << (crashes - 1) >> 1);
      g_assert_cmpint (pause, <=, SECOND << (crashes - 1));
      model->now += pause;
      turn (model);
      if (crashes >= 2) /* it has not been tried before the next has succeeded */
        {
          check_picked (model, 0, 2);
          turn (model);
        }
      g_assert_cmpuint (((ScheduleItem *) model->in_flight->pdata[0])->suspect, ==, TRUE);
      check_picked (model, 0, 1);
      run_dry (model, 10);
      g_assert_cmpuint (model->done, ==, 3);
      model_free (model);
    }
}

/* Several bad ones in a row: those behind the head take turns, the one that has crashed
 * least first, until one is good; if all have crashed as often, it is the head's turn. */
static void
test_culprits_take_turns (void)
{
  static const struct
  {
    guint crashes[4];
    gint64 first;
  } cases[] = { { { 2, 0, 0, 0 }, 2 }, { { 2, 1, 0, 0 }, 3 }, { { 2, 1, 1, 0 }, 4 }, { { 2, 1, 1, 1 }, 2 },
                { { 2, 2, 1, 1 }, 3 }, { { 2, 2, 2, 2 }, 1 }, { { 3, 2, 2, 2 }, 2 }, { { 1, 0, 0, 0 }, 1 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Model *model = model_new (&tiny);
      for (guint j = 0; j < G_N_ELEMENTS (cases[i].crashes); j++)
        {
          Owed owed = { .seq = model->next_seq++, .crashes = cases[i].crashes[j] };
          g_array_append_val (model->owed[0], owed);
        }
      schedule_add_backlog (model->schedule, 0);
      turn (model);
      model->now = schedule_next_time (model->schedule);
      turn (model);
      check_picked (model, 0, cases[i].first);
      turn (model); /* now the head, or what is the head now */
      if (cases[i].first > 1)
        check_picked (model, 0, 1);
      run_dry (model, 20);
      g_assert_cmpuint (model->done, ==, 4);
      model_free (model);
    }
}

/* A culprit behind a culprit waits, too. */
static void
test_culprits_in_a_row (void)
{
  Model *model = model_new (&tiny);

  for (guint i = 0; i < 2; i++)
    {
      Owed culprit = { .seq = model->next_seq++, .attempts = 1, .crashes = 1 };
      g_array_append_val (model->owed[0], culprit);
    }
  schedule_add_backlog (model->schedule, 0);
  for (gint64 seq = 1; seq <= 2; seq++)
    {
      turn (model);
      g_assert_cmpuint (model->in_flight->len, ==, 0);
      model->now = schedule_next_time (model->schedule);
      turn (model);
      check_picked (model, 0, seq);
    }
  g_assert_cmpuint (model->done, ==, 2);
  model_free (model);
}

/* Several workers get a lane each; what ends gives its place to the next. */
static void
test_workers (void)
{
  ScheduleLimits limits = tiny;
  limits.workers = 3;
  Model *model = model_new (&limits);

  for (guint i = 0; i < 2 * LANES; i++)
    take_in (model, i % LANES);
  for (guint call = 1; call <= 3; call++)
    {
      turn (model);
      g_assert_cmpuint (model->in_flight->len, ==, 2 * call); /* all of one lane */
    }
  run_dry (model, 100);
  g_assert_cmpuint (model->done, ==, 2 * LANES);
  model_free (model);
}

/* After a crash of several workers the suspects go one by one, though the lanes
 * beside them are ready. */
static void
test_workers_suspects (void)
{
  ScheduleLimits limits = tiny;
  limits.workers = 3;
  Model *model = model_new (&limits);

  for (guint i = 0; i < 3 * LANES; i++)
    {
      Owed owed = { .seq = model->next_seq++, .attempts = 1, .was_in_flight = i < 3 };
      g_array_append_val (model->owed[i % LANES], owed);
    }
  for (guint lane = 0; lane < LANES; lane++)
    schedule_add_backlog (model->schedule, lane);
  for (guint suspect = 0; suspect < 3; suspect++)
    {
      turn (model);
      g_assert_cmpuint (model->in_flight->len, ==, 1);
      turn (model);
      g_assert_cmpuint (model->in_flight->len, ==, 1); /* nothing beside it */
      g_assert_cmpint (schedule_next_time (model->schedule), ==, G_MAXINT64);
      settle (model, 0, IPMID_VERDICT_DONE);
    }
  turn (model);
  turn (model);
  g_assert_cmpuint (model->in_flight->len, >, 2);
  run_dry (model, 100);
  g_assert_cmpuint (model->done, ==, 3 * LANES);
  model_free (model);
}

/* All sequences of verdicts of this length on one lane with a batch of two:
 * never stuck, never lost, order kept among the DONE unless a trial was made. */
static void
test_enumerated (void)
{
  static const IpmidVerdict verdicts[]
      = { IPMID_VERDICT_DONE, IPMID_VERDICT_RETRY, IPMID_VERDICT_REJECT, IPMID_VERDICT_NONE };
  ScheduleLimits limits = tiny;
  limits.batch = 2;
  limits.poison_after = 2;
  guint length = g_test_slow () ? 9 : 7;

  for (guint code = 0; code < 1u << (2 * length); code++)
    {
      Model *model = model_new (&limits);
      guint digit = 0;
      for (guint i = 0; i < 3; i++)
        take_in (model, 0);
      while (digit < length && total_owed (model) > 0)
        {
          turn (model);
          for (; model->in_flight->len > 0; digit++)
            settle (model, 0, digit < length ? verdicts[code >> (2 * digit) & 3] : IPMID_VERDICT_DONE);
          gint64 next = schedule_next_time (model->schedule);
          if (next != G_MAXINT64)
            model->now = MAX (model->now, next);
        }
      run_dry (model, 100);
      g_assert_cmpuint (model->done + model->dead, ==, 3);
      model_free (model);
    }
}

static IpmidVerdict
random_verdict (Model *model, const ScheduleItem *item)
{
  guint dice = (guint) g_test_rand_int_range (0, 100);

  if (dice < 6)
    return IPMID_VERDICT_NONE;
  if (dice < 9)
    return IPMID_VERDICT_REJECT;
  return honest_verdict (model, item);
}

/* The model dies: what was in flight is suspect, what was asked for is gone.  If it
 * was one event, that may be to blame. */
static void
crash (Model *model)
{
  gboolean blamed = model->in_flight->len == 1;

  drop_fetches (model);
  g_array_set_size (model->offers, 0);
  g_ptr_array_set_size (model->in_flight, 0);
  schedule_free (model->schedule);
  model->schedule = schedule_new (&model->limits);
  for (guint lane = 0; lane < LANES; lane++)
    for (guint i = 0; i < model->owed[lane]->len; i++)
      {
        Owed *owed = &g_array_index (model->owed[lane], Owed, i);
        if (owed->in_flight && blamed)
          owed->crashes++;
        owed->was_in_flight = owed->was_in_flight || owed->in_flight;
        owed->in_flight = FALSE;
      }
  for (guint lane = 0; lane < LANES; lane++)
    if (model->owed[lane]->len > 0)
      schedule_add_backlog (model->schedule, lane);
}

static void
random_step (Model *model)
{
  guint lane = (guint) g_test_rand_int_range (0, LANES);

  switch (g_test_rand_int_range (0, 13))
    {
    case 0:
    case 1:
      for (int n = g_test_rand_int_range (1, 5); n > 0; n--)
        take_in (model, lane);
      break;
    case 2:
    case 3:
      make_offers (model);
      break;
    case 4:
      ask_fetches (model);
      break;
    case 5:
      read_fetch (model, lane);
      break;
    case 6:
      make_offers (model); /* the journal offers before it reports what was read */
      end_fetch (model, lane);
      break;
    case 7:
      pick (model);
      break;
    case 8:
    case 9:
      if (model->in_flight->len > 0)
        {
          guint index = (guint) g_test_rand_int_range (0, (gint32) model->in_flight->len);
          settle (model, index, random_verdict (model, model->in_flight->pdata[index]));
        }
      break;
    case 10:
      model->now += g_test_rand_int_range (0, 5 * SECOND);
      break;
    case 11:
      replay (model, lane, (guint) g_test_rand_int_range (1, 4));
      break;
    default:
      if (g_test_rand_int_range (0, 40) == 0)
        model->outage = !model->outage;
      else if (g_test_rand_int_range (0, 40) == 0)
        crash (model);
      else if (g_test_rand_int_range (0, 20) == 0)
        g_hash_table_add (model->poison, g_memdup2 (&model->next_seq, sizeof model->next_seq));
      break;
    }
  check_bounds (model);
}

static void
test_random (void)
{
  guint rounds = g_test_slow () ? 2000 : 200;

  for (guint i = 0; i < rounds; i++)
    {
      ScheduleLimits limits = tiny;
      limits.batch = (guint) g_test_rand_int_range (1, 5);
      limits.down_after = (guint) g_test_rand_int_range (2, 5);
      limits.attempts = g_test_rand_int_range (0, 3) == 0 ? 4 : 0;
      limits.workers = (guint) g_test_rand_int_range (1, 4);
      Model *model = model_new (&limits);
      for (guint step = 0; step < 1500; step++)
        random_step (model);
      model->outage = FALSE;
      while (model->in_flight->len > 0)
        settle (model, 0, honest_verdict (model, model->in_flight->pdata[0]));
      for (guint lane = 0; lane < LANES; lane++)
        {
          make_offers (model);
          read_fetch (model, lane);
          end_fetch (model, lane);
        }
      /* A poison head at the end of its lane is rightly kept: give it company. */
      g_hash_table_remove_all (model->poison);
      run_dry (model, 20000);
      g_assert_cmpuint (model->done + model->dead, ==, model->next_seq - 1);
      g_assert_cmpuint (schedule_length (model->schedule), ==, 0);
      model_free (model);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/schedule/order", test_order);
  g_test_add_func ("/schedule/offer-during-fetch", test_offer_during_fetch);
  g_test_add_func ("/schedule/offer-out-of-order", test_offer_out_of_order);
  g_test_add_func ("/schedule/offer-between-during-fetch", test_offer_between_during_fetch);
  g_test_add_func ("/schedule/replay", test_replay);
  g_test_add_func ("/schedule/replay-keeps-back-off", test_replay_keeps_back_off);
  g_test_add_func ("/schedule/outage", test_outage);
  g_test_add_func ("/schedule/poison", test_poison);
  g_test_add_func ("/schedule/poison-single-lane", test_poison_single_lane);
  g_test_add_func ("/schedule/attempts", test_attempts);
  g_test_add_func ("/schedule/down-probes-one", test_down_probes_one);
  g_test_add_func ("/schedule/late-answer-while-probing", test_late_answer_while_probing);
  g_test_add_func ("/schedule/parked-lanes-leave-room", test_parked_lanes_leave_room);
  g_test_add_func ("/schedule/untried-does-not-spin", test_untried_does_not_spin);
  g_test_add_func ("/schedule/suspects", test_suspects);
  g_test_add_func ("/schedule/culprit", test_culprit);
  g_test_add_func ("/schedule/culprits-in-a-row", test_culprits_in_a_row);
  g_test_add_func ("/schedule/culprits-take-turns", test_culprits_take_turns);
  g_test_add_func ("/schedule/workers", test_workers);
  g_test_add_func ("/schedule/workers-suspects", test_workers_suspects);
  g_test_add_func ("/schedule/enumerated", test_enumerated);
  g_test_add_func ("/schedule/random", test_random);
  return g_test_run ();
}
