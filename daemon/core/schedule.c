/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schedule.c - the life of a schedule, and what others ask of it; see schedule.h. */
#include "core/schedule-private.h"

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

Schedule *
schedule_new (const ScheduleLimits *limits)
{
  Schedule *schedule = g_new0 (Schedule, 1);

  schedule->limits = *limits;
  schedule->lanes = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, schedule_lane_free);
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

gint64
schedule_pause_after (const ScheduleLimits *limits, guint failures)
{
  gint64 pause = limits->retry_min;

  for (guint i = 1; i < failures && pause < limits->retry_max; i++)
    pause *= 2;
  pause = MIN (pause, limits->retry_max);
  return pause / 2 + (gint64) (g_random_double () * (double) pause / 2);
}
