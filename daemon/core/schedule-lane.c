/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule-lane.c - one BMC's lane: where it stands among the others, and what its
 * head has been through; see schedule-private.h.
 */
#include "core/schedule-private.h"

void
schedule_lane_free_item (gpointer data)
{
  ScheduleItem *item = data;

  event_unref (item->event);
  g_free (item);
}

void
schedule_lane_free (gpointer data)
{
  Lane *lane = data;

  g_queue_clear_full (&lane->items, schedule_lane_free_item);
  g_free (lane);
}

Lane *
schedule_lane_get (Schedule *schedule, gint64 bmc)
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

void
schedule_lane_place (Schedule *schedule, Lane *lane)
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
  schedule_lane_place (schedule, lane);
}

void
schedule_lane_unpark_due (Schedule *schedule, gint64 now)
{
  for (GList *link = schedule->parked.head, *next; link != NULL; link = next)
    {
      Lane *lane = link->data;
      next = link->next;
      if (lane->parked_until <= now)
        unpark (schedule, lane);
    }
}

void
schedule_lane_unpark_all (Schedule *schedule)
{
  schedule_lane_unpark_due (schedule, G_MAXINT64);
}

void
schedule_lane_forgive (Lane *lane)
{
  lane->failures = 0;
  lane->untried = 0;
  lane->trial = FALSE;
  lane->accused = FALSE;
  lane->parked_until = 0;
}

void
schedule_lane_meet_head (const Schedule *schedule, Lane *lane, gint64 now)
{
  const ScheduleItem *head = g_queue_peek_head (&lane->items);

  if (head == NULL || !head->suspect || head->crashes == 0)
    return;
  lane->failures = head->crashes;
  lane->trial = head->crashes + 1 >= schedule->limits.poison_after;
  lane->parked_until = now + schedule_pause_after (&schedule->limits, head->crashes);
}
