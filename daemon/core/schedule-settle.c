/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule-settle.c - what the handler's answers mean: for the event, for its lane,
 * and for what is thought of the handler; see schedule.h.
 */
#include "core/schedule-private.h"

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
  schedule->loaded -= lane->items.length == 0 ? 1 : 0;
  schedule_lane_free_item (item);
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
  schedule_lane_unpark_all (schedule);
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
  schedule->down_until = now + schedule_pause_after (&schedule->limits, schedule->down_failures);
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
    schedule_lane_forgive (lane);
  note_success (schedule);
  if (!behind_head)
    schedule_lane_meet_head (schedule, lane, now);
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
      schedule_lane_forgive (lane);
      schedule_lane_meet_head (schedule, lane, now);
      return;
    }
  note_settlement (item, LEDGER_RETRY, NULL, settlements);
  if (head)
    lane->failures++;
  lane->untried = 0;
  /* After the head has failed often enough, it and its successor take turns. */
  lane->trial = head && lane->failures >= schedule->limits.poison_after;
  lane->parked_until = now + schedule_pause_after (&schedule->limits, MAX (lane->failures, 1));
  note_failure (schedule, lane, now);
}

/* Once is no reason to wait, as when a batch is broken off after a failure; a
 * handler that never tries must not be asked without a pause. */
static void
settle_untried (Schedule *schedule, Lane *lane, ScheduleItem *item, gint64 now, GArray *settlements)
{
  note_settlement (item, LEDGER_UNTRIED, NULL, settlements);
  if (schedule->down)
    schedule->down_until = now + schedule_pause_after (&schedule->limits, schedule->down_failures);
  if (lane->items.head->data != item)
    return;
  if (lane->untried > 0)
    lane->parked_until = MAX (lane->parked_until, now + schedule_pause_after (&schedule->limits, lane->untried));
  lane->untried++;
}

void
schedule_settle (Schedule *schedule, ScheduleItem *item, IpmidVerdict verdict, const char *reason, gint64 now,
                 GArray *settlements)
{
  Lane *lane = schedule_lane_get (schedule, item->bmc);

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
  schedule_memory_forget_stale (schedule, lane);
  schedule_memory_shrink (schedule, lane);
  schedule_lane_place (schedule, lane);
}
