/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule-private.h - what the files behind schedule.h share.
 *
 *   schedule.c         life, and what others ask
 *   schedule-lane.c    one BMC's lane: where it stands, and what its head has been through
 *   schedule-memory.c  what is in memory of the lanes, and what stays in the journal
 *   schedule-pick.c    what the handler is given next
 *   schedule-settle.c  what its answers mean
 *
 * As all of a schedule, it is used under the caller's lock.
 */
#ifndef SCHEDULE_PRIVATE_H
#define SCHEDULE_PRIVATE_H

#include "core/schedule.h"

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
  guint loaded;    /* lanes that have something in memory */
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

/* random (half, whole) of a pause that doubles with every failure: microseconds. */
gint64 schedule_pause_after (const ScheduleLimits *limits, guint failures);

/* ----------------------------------------------------------- schedule-lane.c */

/* A lane that was not there is made.  Belongs to the schedule. */
Lane *schedule_lane_get (Schedule *schedule, gint64 bmc);
void schedule_lane_free (gpointer lane);
void schedule_lane_free_item (gpointer item);

/* Puts the lane where it belongs after anything changed. */
void schedule_lane_place (Schedule *schedule, Lane *lane);

void schedule_lane_unpark_due (Schedule *schedule, gint64 now);
void schedule_lane_unpark_all (Schedule *schedule);

/* Its failures do not count any more: the head is another one, or has succeeded. */
void schedule_lane_forgive (Lane *lane);

/* A new head.  One of which ipmid has crashed, and that was not tried since, has failed. */
void schedule_lane_meet_head (const Schedule *schedule, Lane *lane, gint64 now);

/* --------------------------------------------------------- schedule-memory.c */

/* If the lane is stale: once nothing is in flight. */
void schedule_memory_forget_stale (Schedule *schedule, Lane *lane);

/* A lane that fails keeps its head and the one to try instead, if memory is short. */
void schedule_memory_shrink (Schedule *schedule, Lane *lane);

#endif
