/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schedule.c - see schedule.h. */
#include "core/schedule.h"

const ScheduleLimits schedule_default_limits = {
  .batch = 64,
  .workers = 1,
  .attempts = 0,
  .retry_min = G_TIME_SPAN_SECOND,
  .retry_max = 5 * G_TIME_SPAN_MINUTE,
  .poison_after = 3,
  .down_after = 3,
  .lane_max = 256,
  .total_max = 4096,
};

typedef enum
{
  LANE_IDLE,   /* nothing in memory */
  LANE_READY,  /* in schedule->ready */
  LANE_PARKED, /* in schedule->parked, until its time */
  LANE_BUSY,   /* something is in flight */
} LaneState;

typedef struct
{
  gint64 bmc;
  LaneState state;
  GQueue items; /* ScheduleItem, oldest first */
  guint in_flight;
  guint failures;   /* of the head, in a row */
  guint untried;    /* answers NONE in a row */
  gboolean trial;   /* the one behind the head is tried next, or now */
  gboolean accused; /* the one behind the head succeeded: one more failure and the head is poison */
  gint64 parked_until;
  gboolean spilled;   /* the journal has more */
  guint expected;     /* asked for so many already; 0: not being fetched */
  gint64 missed;      /* the lowest that was offered since then; G_MAXINT64: none */
  gboolean stale;     /* what is in memory is to be forgotten as soon as nothing is in flight */
  gboolean unordered; /* something came after its successors */
  gint64 last_seq;    /* what the journal has more of comes after this one */
} Lane;

struct _Schedule
{
  ScheduleLimits limits;
  GHashTable *lanes; /* gint64 → Lane */
  GQueue ready;      /* Lane */
  GQueue parked;     /* Lane */
  GQueue spilled;    /* Lane that has more in the journal */
  guint length;
  guint in_flight; /* of all lanes */
  guint expected;  /* likewise */
  gboolean alone;  /* what is in flight is a suspect, of several workers' */

  guint streak;       /* different lanes that failed in a row */
  gint64 last_failed; /* the lane that failed last */
  gboolean down;
  ScheduleItem *probe; /* in flight; NULL: none */
  guint down_failures;
  gint64 down_until;
};

static void
free_item (gpointer data)
{
  ScheduleItem *item = data;

  event_unref (item->event);
  g_free (item);
}

static void
free_lane (gpointer data)
{
  Lane *lane = data;

  g_queue_clear_full (&lane->items, free_item);
  g_free (lane);
}

Schedule *
schedule_new (const ScheduleLimits *limits)
{
  Schedule *schedule = g_new0 (Schedule, 1);

  schedule->limits = *limits;
  schedule->lanes = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, free_lane);
  g_queue_init (&schedule->ready);
  g_queue_init (&schedule->parked);
  g_queue_init (&schedule->spilled);
  return schedule;
}

void
schedule_free (Schedule *schedule)
{
  if (schedule == NULL)
    return;
  g_queue_clear (&schedule->ready);
  g_queue_clear (&schedule->parked);
  g_queue_clear (&schedule->spilled);
  g_hash_table_unref (schedule->lanes);
  g_free (schedule);
}

static void
clear_settlement (gpointer data)
{
  ScheduleSettlement *settlement = data;

  event_unref (settlement->event);
  g_free (settlement->reason);
}

GArray *
schedule_settlements_new (void)
{
  GArray *settlements = g_array_new (FALSE, FALSE, sizeof (ScheduleSettlement));

  g_array_set_clear_func (settlements, clear_settlement);
  return settlements;
}

guint
schedule_length (Schedule *schedule)
{
  return schedule->length;
}

/* Heads fail first. */
gint64
schedule_failing_since (Schedule *schedule)
{
  gint64 earliest = G_MAXINT64;
  GHashTableIter iter;
  gpointer lane;

  g_hash_table_iter_init (&iter, schedule->lanes);
  while (g_hash_table_iter_next (&iter, NULL, &lane))
    {
      const ScheduleItem *head = g_queue_peek_head (&((Lane *) lane)->items);
      if (head != NULL && head->failing_since != 0)
        earliest = MIN (earliest, head->failing_since);
    }
  return earliest;
}

gboolean
schedule_is_down (Schedule *schedule)
{
  return schedule->down;
}

/* -------------------------------------------------------------------- lanes */

static Lane *
get_lane (Schedule *schedule, gint64 bmc)
{
  Lane *lane = g_hash_table_lookup (schedule->lanes, &bmc);

  if (lane != NULL)
    return lane;
  lane = g_new0 (Lane, 1);
  lane->bmc = bmc;
  lane->last_seq = G_MININT64;
  lane->missed = G_MAXINT64;
  g_queue_init (&lane->items);
  g_hash_table_insert (schedule->lanes, &lane->bmc, lane);
  return lane;
}

/* Puts the lane where it belongs after anything changed. */
static void
place_lane (Schedule *schedule, Lane *lane)
{
  if (lane->state == LANE_READY)
    g_queue_remove (&schedule->ready, lane);
  else if (lane->state == LANE_PARKED)
    g_queue_remove (&schedule->parked, lane);

  if (lane->in_flight > 0)
    lane->state = LANE_BUSY;
  else if (lane->items.length == 0)
    lane->state = LANE_IDLE;
  else if (lane->parked_until > 0)
    lane->state = LANE_PARKED;
  else
    lane->state = LANE_READY;

  if (lane->state == LANE_READY)
    g_queue_push_tail (&schedule->ready, lane);
  else if (lane->state == LANE_PARKED)
    g_queue_push_tail (&schedule->parked, lane);
}

static void
unpark (Schedule *schedule, Lane *lane)
{
  lane->parked_until = 0;
  place_lane (schedule, lane);
}

static void
unpark_due (Schedule *schedule, gint64 now)
{
  for (GList *link = schedule->parked.head, *next; link != NULL; link = next)
    {
      Lane *lane = link->data;
      next = link->next;
      if (lane->parked_until <= now)
        unpark (schedule, lane);
    }
}

static void
unpark_all (Schedule *schedule)
{
  unpark_due (schedule, G_MAXINT64);
}

/* random (half, whole) of a pause that doubles with every failure. */
static gint64
pause_after (const ScheduleLimits *limits, guint failures)
{
  gint64 pause = limits->retry_min;

  for (guint i = 1; i < failures && pause < limits->retry_max; i++)
    pause *= 2;
  pause = MIN (pause, limits->retry_max);
  return pause / 2 + (gint64) (g_random_double () * (double) pause / 2);
}

/* ------------------------------------------------------------------- filling */

/* So many of a lane find room in memory whatever the other lanes hold: a head
 * and the one to try instead. */
#define LANE_MIN 2

/* A look into the journal should bring that many, if there is room. */
#define SHARE_MIN 16u

static void
append_item (Schedule *schedule, Lane *lane, const StoreDelivery *delivery)
{
  ScheduleItem *item = g_new (ScheduleItem, 1);
  gint64 seq = delivery->seq;

  *item = (ScheduleItem){ .bmc = lane->bmc,
                          .seq = seq,
                          .attempts = (guint) delivery->attempts,
                          .crashes = (guint) delivery->crashes,
                          .suspect = delivery->inflight > 0 || delivery->crashes > 0,
                          .event = event_ref (delivery->event) };
  g_queue_push_tail (&lane->items, item);
  lane->last_seq = MAX (lane->last_seq, seq);
  schedule->length++;
}

static void
spill (Schedule *schedule, Lane *lane)
{
  if (lane->spilled)
    return;
  lane->spilled = TRUE;
  g_queue_push_tail (&schedule->spilled, lane);
}

void
schedule_add_backlog (Schedule *schedule, gint64 bmc)
{
  spill (schedule, get_lane (schedule, bmc));
}

static void
forgive_lane (Lane *lane)
{
  lane->failures = 0;
  lane->untried = 0;
  lane->trial = FALSE;
  lane->accused = FALSE;
  lane->parked_until = 0;
}

/* Once nothing is in flight.  Who is the head then, nobody knows. */
static void
forget_stale (Schedule *schedule, Lane *lane)
{
  if (!lane->stale || lane->in_flight > 0)
    return;
  schedule->length -= lane->items.length;
  g_queue_clear_full (&lane->items, free_item);
  lane->stale = lane->unordered = FALSE;
  lane->last_seq = G_MININT64;
  if (lane->expected > 0)
    lane->missed = G_MININT64; /* what is being read is read again */
  forgive_lane (lane);
  spill (schedule, lane);
}

/* It comes behind all that is in memory: it is read in its turn. */
static void
leave_in_journal (Schedule *schedule, Lane *lane, gint64 seq)
{
  /* What is being read may or may not show it. */
  if (lane->expected > 0)
    lane->missed = MIN (lane->missed, seq);
  spill (schedule, lane);
}

void
schedule_reread (Schedule *schedule, gint64 bmc, gint64 seq)
{
  Lane *lane = get_lane (schedule, bmc);

  if (seq > lane->last_seq)
    {
      leave_in_journal (schedule, lane, seq);
      return;
    }
  lane->stale = TRUE;
  forget_stale (schedule, lane);
  place_lane (schedule, lane);
}

/* Whether a new event has to stay in the journal.  One that comes after its
 * successors has to be taken: nobody would look for it in the journal again. */
static gboolean
has_to_spill (Schedule *schedule, Lane *lane, gint64 seq)
{
  if (seq < lane->last_seq)
    return FALSE;
  return lane->spilled || lane->items.length >= schedule->limits.lane_max
         || (schedule->length + schedule->expected >= schedule->limits.total_max && lane->items.length >= LANE_MIN);
}

void
schedule_offer (Schedule *schedule, gint64 bmc, gint64 seq, IpmidEvent *event)
{
  Lane *lane = get_lane (schedule, bmc);

  if (has_to_spill (schedule, lane, seq))
    {
      leave_in_journal (schedule, lane, seq);
      return;
    }
  lane->unordered = lane->unordered || seq < lane->last_seq;
  append_item (schedule, lane, &(StoreDelivery){ .seq = seq, .event = event });
  if (lane->state == LANE_IDLE)
    place_lane (schedule, lane);
}

/* How much of a lane to fetch; 0: nothing now.  It is fetched when little of it
 * is left in memory, so that the handler does not wait for the journal between
 * batches.  A lane that fails needs no more than the next to try. */
static guint
wanted (Schedule *schedule, Lane *lane)
{
  guint used = schedule->length + schedule->expected;
  guint room = schedule->limits.total_max - MIN (used, schedule->limits.total_max);
  guint least = LANE_MIN - MIN (lane->items.length, LANE_MIN);
  /* The first that asks must not get all the room when many have more. */
  guint share = MAX (schedule->limits.total_max / MAX (schedule->spilled.length, 1), SHARE_MIN);

  if (lane->expected > 0 || lane->items.length > schedule->limits.lane_max / 2)
    return 0;
  if (lane->failures > 0)
    return least;
  return MAX (least, MIN (MIN (room, share), schedule->limits.lane_max - lane->items.length));
}

gboolean
schedule_wants (Schedule *schedule, gint64 *bmc, gint64 *after, guint *limit)
{
  for (GList *link = schedule->spilled.head; link != NULL; link = link->next)
    {
      Lane *lane = link->data;
      *limit = wanted (schedule, lane);
      if (*limit == 0)
        continue;
      lane->expected = *limit;
      lane->missed = G_MAXINT64;
      schedule->expected += *limit;
      /* Round robin among lanes that have more. */
      g_queue_unlink (&schedule->spilled, link);
      g_queue_push_tail_link (&schedule->spilled, link);
      *bmc = lane->bmc;
      *after = lane->last_seq;
      return TRUE;
    }
  return FALSE;
}

/* A new head.  One of which ipmid has crashed, and that was not tried since, has failed. */
static void
meet_head (const Schedule *schedule, Lane *lane, gint64 now)
{
  const ScheduleItem *head = g_queue_peek_head (&lane->items);

  if (head == NULL || !head->suspect || head->crashes == 0)
    return;
  lane->failures = head->crashes;
  lane->trial = head->crashes + 1 >= schedule->limits.poison_after;
  lane->parked_until = now + pause_after (&schedule->limits, head->crashes);
}

/* Whether something was offered in the middle of what was read, and after that:
 * then what was read would hide it. */
static gboolean
has_gap (const Lane *lane, const GArray *deliveries)
{
  return deliveries->len > 0 && lane->missed < g_array_index (deliveries, StoreDelivery, deliveries->len - 1).seq;
}

void
schedule_refill (Schedule *schedule, gint64 bmc, const GArray *deliveries, guint limit, gint64 now)
{
  Lane *lane = get_lane (schedule, bmc);

  schedule->expected -= lane->expected;
  lane->expected = 0;
  if (has_gap (lane, deliveries))
    return; /* still spilled: read again */
  for (guint i = 0; i < deliveries->len; i++)
    append_item (schedule, lane, &g_array_index (deliveries, StoreDelivery, i));
  if (deliveries->len < limit && lane->missed == G_MAXINT64)
    {
      lane->spilled = FALSE;
      g_queue_remove (&schedule->spilled, lane);
    }
  if (lane->state != LANE_IDLE)
    return;
  meet_head (schedule, lane, now);
  place_lane (schedule, lane);
}

/* A lane that fails keeps its head and the one to try instead: the rest goes
 * back to the journal, so that dead BMCs do not fill the memory. */
static void
shrink (Schedule *schedule, Lane *lane)
{
  gboolean ample = schedule->length <= schedule->limits.total_max / 2;

  if (ample || lane->failures == 0 || lane->in_flight > 0 || lane->expected > 0 || lane->unordered
      || lane->items.length <= LANE_MIN)
    return;
  while (lane->items.length > LANE_MIN)
    {
      free_item (g_queue_pop_tail (&lane->items));
      schedule->length--;
    }
  lane->last_seq = ((ScheduleItem *) lane->items.tail->data)->seq;
  spill (schedule, lane);
}

/* -------------------------------------------------------------------- picking */

static void
take (Schedule *schedule, Lane *lane, GList *link, GPtrArray *items)
{
  g_ptr_array_add (items, link->data);
  lane->in_flight++;
  schedule->in_flight++;
}

static guint
crashes_of (const GList *link)
{
  return ((const ScheduleItem *) link->data)->crashes;
}

/* The one behind the head that is tried instead of it: the first that has crashed
 * least, as several in a row may be bad.  NULL: it is the head's turn. */
static GList *
find_trial (const Lane *lane)
{
  GList *least = lane->items.head->next;

  for (GList *link = least; link != NULL && crashes_of (least) > 0; link = link->next)
    if (crashes_of (link) < crashes_of (least))
      least = link;
  return least != NULL && crashes_of (least) < MAX (crashes_of (lane->items.head), 1) ? least : NULL;
}

/* What would be taken from the lane first. */
static GList *
next_of (const Lane *lane)
{
  GList *trial = lane->trial ? find_trial (lane) : NULL;

  return trial != NULL ? trial : lane->items.head;
}

static gboolean
goes_alone (const Lane *lane)
{
  return ((ScheduleItem *) next_of (lane)->data)->suspect;
}

/* Takes from one lane what may be given together. */
static void
take_from_lane (Schedule *schedule, Lane *lane, GPtrArray *items)
{
  GList *link = next_of (lane);

  if (lane->failures > 0 || goes_alone (lane))
    take (schedule, lane, link, items);
  else
    for (; link != NULL && items->len < schedule->limits.batch && !((ScheduleItem *) link->data)->suspect;
         link = link->next)
      take (schedule, lane, link, items);
  place_lane (schedule, lane);
}

/* The lane whose turn it is; of a handler that is down, also one that is parked. */
static Lane *
next_lane (Schedule *schedule)
{
  Lane *lane = g_queue_peek_head (&schedule->ready);

  return lane == NULL && schedule->down ? g_queue_peek_head (&schedule->parked) : lane;
}

static void
pick_probe (Schedule *schedule, gint64 now, GPtrArray *items)
{
  if (schedule->probe != NULL || now < schedule->down_until)
    return;
  Lane *lane = next_lane (schedule);
  if (lane == NULL)
    return;
  GList *link = next_of (lane);
  schedule->probe = link->data;
  schedule->alone = goes_alone (lane);
  take (schedule, lane, link, items);
  place_lane (schedule, lane);
}

/* One worker can only be asked when nothing is in flight, but for what it answers
 * later: that must not wait for a BMC that is dead.  Of several, a crash would
 * blame all that are busy: a suspect is given to one while the others rest. */
static gboolean
has_to_rest (Schedule *schedule)
{
  const Lane *lane = next_lane (schedule);

  return schedule->limits.workers > 1 && schedule->in_flight > 0
         && (schedule->alone || (lane != NULL && goes_alone (lane)));
}

/* From how many lanes one call may be. */
static guint
lanes_to_take (const Schedule *schedule)
{
  return schedule->limits.workers > 1 ? MIN (schedule->ready.length, 1) : schedule->ready.length;
}

void
schedule_pick (Schedule *schedule, gint64 now, GPtrArray *items)
{
  unpark_due (schedule, now);
  if (has_to_rest (schedule))
    return;
  if (schedule->down)
    {
      pick_probe (schedule, now, items);
      return;
    }
  for (guint lanes = lanes_to_take (schedule); lanes > 0 && items->len < schedule->limits.batch; lanes--)
    {
      Lane *lane = g_queue_peek_head (&schedule->ready);
      gboolean alone = goes_alone (lane);
      if (alone && items->len > 0)
        return;
      take_from_lane (schedule, lane, items);
      schedule->alone = alone;
      if (alone)
        return;
    }
}

guint
schedule_ready_length (Schedule *schedule)
{
  guint length = 0;

  for (GList *link = schedule->ready.head; link != NULL; link = link->next)
    length += ((Lane *) link->data)->items.length;
  return length;
}

gint64
schedule_next_time (Schedule *schedule)
{
  gint64 next = G_MAXINT64;

  if (has_to_rest (schedule))
    return next;
  if (schedule->down)
    return schedule->probe != NULL || schedule->ready.length + schedule->parked.length == 0 ? G_MAXINT64
                                                                                            : schedule->down_until;
  if (schedule->ready.length > 0)
    return 0;
  for (GList *link = schedule->parked.head; link != NULL; link = link->next)
    next = MIN (next, ((Lane *) link->data)->parked_until);
  return next;
}

gboolean
schedule_is_drained (Schedule *schedule)
{
  gboolean waits = schedule->down || schedule->ready.length == 0;

  for (GList *link = schedule->spilled.head; link != NULL && waits && !schedule->down; link = link->next)
    waits = ((Lane *) link->data)->state == LANE_PARKED;
  return waits;
}

/* ------------------------------------------------------------------- settling */

static void
note_settlement (ScheduleItem *item, LedgerOutcome outcome, const char *reason, GArray *settlements)
{
  ScheduleSettlement settlement = { item->bmc, item->seq, event_ref (item->event), outcome, g_strdup (reason) };

  g_array_append_val (settlements, settlement);
}

static void
remove_item (Schedule *schedule, Lane *lane, ScheduleItem *item, LedgerOutcome outcome, const char *reason,
             GArray *settlements)
{
  note_settlement (item, outcome, reason, settlements);
  g_queue_remove (&lane->items, item);
  free_item (item);
  schedule->length--;
}

/* The handler works: whatever was thought of it before. */
static void
note_success (Schedule *schedule)
{
  schedule->streak = 0;
  schedule->down_failures = 0;
  if (!schedule->down)
    return;
  schedule->down = FALSE;
  unpark_all (schedule);
}

static void
note_failure (Schedule *schedule, Lane *lane, gint64 now)
{
  if (schedule->streak == 0 || schedule->last_failed != lane->bmc)
    schedule->streak++;
  schedule->last_failed = lane->bmc;
  if (!schedule->down && schedule->streak < schedule->limits.down_after)
    return;
  schedule->down = TRUE;
  schedule->down_failures++;
  schedule->down_until = now + pause_after (&schedule->limits, schedule->down_failures);
}

static void
settle_success (Schedule *schedule, Lane *lane, ScheduleItem *item, LedgerOutcome outcome, const char *reason,
                gint64 now, GArray *settlements)
{
  gboolean behind_head = lane->items.head->data != item;

  remove_item (schedule, lane, item, outcome, reason, settlements);
  if (behind_head && lane->trial)
    {
      /* The head gets one more chance: the handler may have just come back. */
      lane->trial = FALSE;
      lane->accused = lane->failures >= schedule->limits.poison_after;
      lane->parked_until = 0;
    }
  else if (!behind_head)
    forgive_lane (lane);
  note_success (schedule);
  if (!behind_head)
    meet_head (schedule, lane, now);
}

static gboolean
is_hopeless (const Schedule *schedule, const Lane *lane, const ScheduleItem *item, const char **why)
{
  if (schedule->limits.attempts > 0 && item->attempts >= schedule->limits.attempts)
    *why = "it failed as often as allowed";
  else if (lane->accused && lane->items.head->data == item)
    *why = "it keeps failing while the next event succeeds";
  else
    return FALSE;
  return TRUE;
}

static void
settle_failure (Schedule *schedule, Lane *lane, ScheduleItem *item, const char *reason, gint64 now, GArray *settlements)
{
  gboolean head = lane->items.head->data == item;
  const char *why;

  if (item->failing_since == 0)
    item->failing_since = now;
  item->attempts++;
  if (is_hopeless (schedule, lane, item, &why))
    {
      g_autofree char *text
          = g_strdup_printf ("%s (%u attempts): %s", why, item->attempts, reason == NULL ? "no reason given" : reason);
      remove_item (schedule, lane, item, LEDGER_DEAD, text, settlements);
      if (!head)
        return;
      forgive_lane (lane);
      meet_head (schedule, lane, now);
      return;
    }
  note_settlement (item, LEDGER_RETRY, NULL, settlements);
  if (head)
    lane->failures++;
  lane->untried = 0;
  /* After the head has failed often enough, it and its successor take turns. */
  lane->trial = head && lane->failures >= schedule->limits.poison_after;
  lane->parked_until = now + pause_after (&schedule->limits, MAX (lane->failures, 1));
  note_failure (schedule, lane, now);
}

/* Once is no reason to wait, as when a batch is broken off after a failure; a
 * handler that never tries must not be asked without a pause. */
static void
settle_untried (Schedule *schedule, Lane *lane, ScheduleItem *item, gint64 now, GArray *settlements)
{
  note_settlement (item, LEDGER_UNTRIED, NULL, settlements);
  if (schedule->down)
    schedule->down_until = now + pause_after (&schedule->limits, schedule->down_failures);
  if (lane->items.head->data != item)
    return;
  if (lane->untried > 0)
    lane->parked_until = MAX (lane->parked_until, now + pause_after (&schedule->limits, lane->untried));
  lane->untried++;
}

void
schedule_settle (Schedule *schedule, ScheduleItem *item, IpmidVerdict verdict, const char *reason, gint64 now,
                 GArray *settlements)
{
  Lane *lane = get_lane (schedule, item->bmc);

  g_assert (lane->in_flight > 0 && verdict != IPMID_VERDICT_LATER);
  lane->in_flight--;
  schedule->in_flight--;
  if (schedule->probe == item)
    schedule->probe = NULL;
  item->suspect = FALSE;
  switch (verdict)
    {
    case IPMID_VERDICT_DONE:
      settle_success (schedule, lane, item, LEDGER_DONE, NULL, now, settlements);
      break;
    case IPMID_VERDICT_REJECT:
      settle_success (schedule, lane, item, LEDGER_DEAD, reason == NULL ? "rejected" : reason, now, settlements);
      break;
    case IPMID_VERDICT_RETRY:
      settle_failure (schedule, lane, item, reason, now, settlements);
      break;
    default:
      settle_untried (schedule, lane, item, now, settlements);
      break;
    }
  forget_stale (schedule, lane);
  shrink (schedule, lane);
  place_lane (schedule, lane);
}
