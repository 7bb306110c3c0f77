/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule.h - what one handler is to be given next.
 *
 * Pure logic, without threads, clocks or disks: the caller says what time it
 * is and keeps a lock.
 *
 * Every BMC has a lane, in SEL order.  A failure parks its lane with jittered
 * back-off and leaves the others alone.  Failures on several BMCs in a row mean
 * that the handler is down: then one event at a time is tried, as a probe.  A
 * head that keeps failing is set aside while the next is tried; if that
 * succeeds and the head then fails again, the head is poison: a dead letter.
 * A head of which ipmid has crashed waits as one that has failed so often, and
 * before it could crash for the poison_after-th time one behind it is tried: so the
 * handler has worked before it crashes again, if it works at all, and that tells
 * the event's fault from the handler's (ledger_crash()).
 *
 * Memory is bounded: what does not fit stays in the journal ("spilled") and is
 * fetched when there is room.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "core/ledger.h"

typedef struct
{
  guint batch;        /* events in one call at most */
  guint workers;      /* calls at once; with more than one, each is for one lane */
  guint attempts;     /* failures after which an event is a dead letter; 0: no limit */
  gint64 retry_min;   /* microseconds: the pause after the first failure … */
  gint64 retry_max;   /* … which doubles up to this */
  guint poison_after; /* failures of a head before the next is tried */
  guint down_after;   /* BMCs failing in a row before the handler is taken to be down */
  guint lane_max;     /* events of one BMC in memory */
  guint total_max;    /* events in memory, but two of each BMC always have room */
} ScheduleLimits;

extern const ScheduleLimits schedule_default_limits;

/* One event on its way to the handler.  Belongs to the schedule. */
typedef struct
{
  gint64 bmc;
  gint64 seq;
  guint attempts;       /* failed or unanswered so far */
  guint crashes;        /* so often ipmid has crashed of it, in earlier lives */
  gboolean suspect;     /* was being handled when ipmid died: to be tried alone */
  gint64 failing_since; /* monotonic: when it failed first; 0: it has not.  The caller may know better */
  IpmidEvent *event;
} ScheduleItem;

/* What is to be written into the journal. */
typedef struct
{
  gint64 bmc;
  gint64 seq;
  IpmidEvent *event; /* a reference */
  LedgerOutcome outcome;
  char *reason; /* of a dead letter */
} ScheduleSettlement;

typedef struct _Schedule Schedule;

Schedule *schedule_new (const ScheduleLimits *limits);
void schedule_free (Schedule *schedule);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Schedule, schedule_free)

/* An array of ScheduleSettlement that frees its elements. */
GArray *schedule_settlements_new (void);

/* At start: the journal holds events of this lane. */
void schedule_add_backlog (Schedule *schedule, gint64 bmc);

/* The journal has got events of this lane, the first of which is `seq`.  If that comes
 * before others in memory, what is not in flight is forgotten, and the lane read again
 * from its start. */
void schedule_reread (Schedule *schedule, gint64 bmc, gint64 seq);

/* A new event.  Their sequence numbers grow, but for a finalizer's, whose events
 * come in the order in which the others have handled them. */
void schedule_offer (Schedule *schedule, gint64 bmc, gint64 seq, IpmidEvent *event);

/* Whether a lane should be fetched from the journal now: up to `limit` events
 * after `after`.  The lane counts as being fetched until schedule_refill(). */
gboolean schedule_wants (Schedule *schedule, gint64 *bmc, gint64 *after, guint *limit);

/* What the journal had (StoreDelivery; references are taken).  Fewer than
 * `limit` means that there is no more. */
void schedule_refill (Schedule *schedule, gint64 bmc, const GArray *deliveries, guint limit, gint64 now);

/* Picks what to give the handler now, into `items` (ScheduleItem *): in flight
 * until settled.  Nothing while a probe is in flight.  With several workers, a
 * suspect waits until nothing is in flight, and is alone until it is settled. */
void schedule_pick (Schedule *schedule, gint64 now, GPtrArray *items);

/* When to pick again, if nothing else happens; G_MAXINT64: not by time. */
gint64 schedule_next_time (Schedule *schedule);

/* Whether nothing can be delivered now or as soon as it has been fetched. */
gboolean schedule_is_drained (Schedule *schedule);

/* The handler's answer for an event in flight; adds to `settlements`.  `reason`
 * may be NULL.  LATER is no answer. */
void schedule_settle (Schedule *schedule, ScheduleItem *item, IpmidVerdict verdict, const char *reason, gint64 now,
                      GArray *settlements);

/* How many events are in memory and could be picked now, but for a probe. */
guint schedule_ready_length (Schedule *schedule);

/* Since when (monotonic) some event has been failing that is still owed;
 * G_MAXINT64: none. */
gint64 schedule_failing_since (Schedule *schedule);

/* How many events are in memory, and whether the handler is taken to be down. */
guint schedule_length (Schedule *schedule);
gboolean schedule_is_down (Schedule *schedule);

#endif
