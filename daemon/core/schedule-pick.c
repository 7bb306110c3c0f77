/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schedule-pick.c - what the handler is given next, and when; see schedule.h. */
#include "core/schedule-private.h"

/* Less of a lane at once would only make more of the journal's work. */
#define QUANTUM_MIN 8u

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

/* How much one call may have of each lane: so little that many have their turn, and so
 * much that the call is about full if there is enough in memory. */
static guint
lane_quantum (const Schedule *schedule, guint lanes)
{
  guint batch = schedule->limits.batch, quantum = MIN (QUANTUM_MIN, batch);

  for (;;)
    {
      const GList *link = schedule->ready.head;
      guint found = 0, larger = 0;

      for (guint i = 0; i < lanes && found < batch; i++, link = link->next)
        {
          guint length = ((const Lane *) link->data)->items.length;
          found += MIN (length, quantum);
          larger += length > quantum ? 1 : 0;
        }
      if (found >= batch || batch - found < larger || larger == 0)
        return quantum;
      quantum += (batch - found) / larger;
    }
}

/* A lane that would get less than its turn waits for the next call, which begins with it. */
static gboolean
has_turn (const Schedule *schedule, const Lane *lane, guint quantum, guint taken)
{
  return taken == 0 || taken + MIN (lane->items.length, quantum) <= schedule->limits.batch;
}

/* Takes from one lane what may be given together, at most `quantum`. */
static void
take_from_lane (Schedule *schedule, Lane *lane, guint quantum, GPtrArray *items)
{
  GList *link = next_of (lane);
  guint end = items->len + quantum;

  if (lane->failures > 0 || goes_alone (lane))
    take (schedule, lane, link, items);
  else
    for (; link != NULL && items->len < end && !((ScheduleItem *) link->data)->suspect; link = link->next)
      take (schedule, lane, link, items);
  schedule_lane_place (schedule, lane);
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
  schedule_lane_place (schedule, lane);
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
  schedule_lane_unpark_due (schedule, now);
  if (has_to_rest (schedule))
    return;
  if (schedule->down)
    {
      pick_probe (schedule, now, items);
      return;
    }
  guint lanes = lanes_to_take (schedule);
  guint quantum = lane_quantum (schedule, lanes);

  for (; lanes > 0 && items->len < schedule->limits.batch; lanes--)
    {
      Lane *lane = g_queue_peek_head (&schedule->ready);
      gboolean alone = goes_alone (lane);
      if ((alone && items->len > 0) || !has_turn (schedule, lane, quantum, items->len))
        return;
      take_from_lane (schedule, lane, quantum, items);
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
