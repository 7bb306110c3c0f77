/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule-memory.c - what is in memory of the lanes, and what stays in the journal;
 * see schedule.h.
 *
 * A lane that has more in the journal is "spilled": it is read on from its `last_seq`,
 * and a new event that comes after that stays in the journal, too.
 */
#include "core/schedule-private.h"

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
  schedule->loaded += lane->items.length == 0 ? 1 : 0;
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
  spill (schedule, schedule_lane_get (schedule, bmc));
}

/* Once nothing is in flight.  Who is the head then, nobody knows. */
void
schedule_memory_forget_stale (Schedule *schedule, Lane *lane)
{
  if (!lane->stale || lane->in_flight > 0)
    return;
  schedule->loaded -= lane->items.length > 0 ? 1 : 0;
  schedule->length -= lane->items.length;
  g_queue_clear_full (&lane->items, schedule_lane_free_item);
  lane->stale = lane->unordered = FALSE;
  lane->last_seq = G_MININT64;
  if (lane->expected > 0)
    lane->missed = G_MININT64; /* what is being read is read again */
  schedule_lane_forgive (lane);
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
  Lane *lane = schedule_lane_get (schedule, bmc);

  if (seq > lane->last_seq)
    {
      leave_in_journal (schedule, lane, seq);
      return;
    }
  lane->stale = TRUE;
  schedule_memory_forget_stale (schedule, lane);
  schedule_lane_place (schedule, lane);
}

/* How much of one lane is in memory at most, but for what comes late.  Those that come first must not
 * have all the room when many have more: the others would get a crumb of each batch. */
static guint
lane_share (const Schedule *schedule)
{
  guint lanes = MAX (MAX (schedule->loaded, schedule->spilled.length), 1);
  guint share = MAX (schedule->limits.total_max / lanes, SHARE_MIN);

  return MIN (share, schedule->limits.lane_max);
}

/* Whether a new event has to stay in the journal.  One that comes after its
 * successors has to be taken: nobody would look for it in the journal again. */
static gboolean
has_to_spill (Schedule *schedule, Lane *lane, gint64 seq)
{
  if (seq < lane->last_seq)
    return FALSE;
  return lane->spilled || lane->items.length >= lane_share (schedule)
         || (schedule->length + schedule->expected >= schedule->limits.total_max && lane->items.length >= LANE_MIN);
}

void
schedule_offer (Schedule *schedule, gint64 bmc, gint64 seq, IpmidEvent *event)
{
  Lane *lane = schedule_lane_get (schedule, bmc);

  if (has_to_spill (schedule, lane, seq))
    {
      leave_in_journal (schedule, lane, seq);
      return;
    }
  lane->unordered = lane->unordered || seq < lane->last_seq;
  append_item (schedule, lane, &(StoreDelivery){ .seq = seq, .event = event });
  if (lane->state == LANE_IDLE)
    schedule_lane_place (schedule, lane);
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
  guint share = lane_share (schedule);

  if (lane->expected > 0 || lane->items.length > share / 2)
    return 0;
  if (lane->failures > 0)
    return least;
  return MAX (least, MIN (room, share - lane->items.length));
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
  Lane *lane = schedule_lane_get (schedule, bmc);

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
  schedule_lane_meet_head (schedule, lane, now);
  schedule_lane_place (schedule, lane);
}

/* A lane that fails keeps its head and the one to try instead: the rest goes
 * back to the journal, so that dead BMCs do not fill the memory. */
void
schedule_memory_shrink (Schedule *schedule, Lane *lane)
{
  gboolean ample = schedule->length <= schedule->limits.total_max / 2;

  if (ample || lane->failures == 0 || lane->in_flight > 0 || lane->expected > 0 || lane->unordered
      || lane->items.length <= LANE_MIN)
    return;
  while (lane->items.length > LANE_MIN)
    {
      schedule_lane_free_item (g_queue_pop_tail (&lane->items));
      schedule->length--;
    }
  lane->last_seq = ((ScheduleItem *) lane->items.tail->data)->seq;
  spill (schedule, lane);
}
