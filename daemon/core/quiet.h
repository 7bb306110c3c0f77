/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quiet.h - when a notification is held back: quiet time, recovery, silence.
 *
 * What holds, for each handler, sensor and state:
 *   - that a state began goes out at most once in a quiet time;
 *   - that it ended goes out once for each time that its beginning did, at once,
 *     whatever the handler's filter says of deassertions;
 *   - what was held back and is still so when the quiet time or the silence
 *     ends is told then.  So a handler never keeps a wrong idea for longer.
 *
 * Pure: no state, no clock, any thread.  ledger-quiet.c keeps what it needs on
 * disk.
 */
#ifndef QUIET_H
#define QUIET_H

#include "event/event.h"

/* Within what the same quiet time runs. */
typedef enum
{
  QUIET_BY_STATE,  /* each BMC, sensor and state */
  QUIET_BY_SENSOR, /* each BMC and sensor */
  QUIET_BY_BMC,    /* each BMC */
} QuietBy;

/* What a handler asks for. */
typedef struct
{
  gint64 time; /* microseconds; 0: no quiet time */
  QuietBy by;
  gboolean recovery; /* it is told of the end of what it was told of */
  gboolean silence;  /* it keeps still about a BMC that is silenced */
} QuietRule;

typedef enum
{
  QUIET_NEWS,   /* stands for itself: a message, an OEM record */
  QUIET_BEGINS, /* the state holds from now on */
  QUIET_ENDS,   /* states do not hold any more */
} QuietEffect;

/* The states of a sensor: offsets, thresholds, severities (IPMI 2.0, table 42-2). */
#define QUIET_STATES 16

/* What an event says about the states of a sensor, from the record's bytes. */
typedef struct
{
  gint64 sensor; /* names it within its BMC; the lowest byte is 0; stable, as it is kept on disk */
  guint state;   /* < QUIET_STATES */
  QuietEffect effect;
  guint16 ended;    /* bit n: state n does not hold any more */
  gboolean serious; /* a warning or worse */
} QuietSubject;

void quiet_subject (const IpmidEvent *event, QuietSubject *subject);

/* What of the subject shares a quiet time.  A beginning and an end have times
 * of their own: an end that nobody asked for must not delay an alarm. */
gint64 quiet_key (const QuietRule *rule, const QuietSubject *subject);

/* Whether the quiet time that began at `since` (wall clock, microseconds; 0:
 * never) still runs.  A clock that was set by more than the quiet time, to
 * either side, ends it. */
gboolean quiet_is_running (const QuietRule *rule, gint64 since, gint64 now);

/* The longest silence, microseconds. */
#define QUIET_SILENCE_MAX (366 * G_TIME_SPAN_DAY)

/* Whether a BMC is silenced; a silence of more than a year is a mistake, or a
 * clock that is years off, and none. */
gboolean quiet_is_silenced (gint64 until, gint64 now);

/* What to do with the event that is kept for a state. */
typedef enum
{
  QUIET_LEAVE,
  QUIET_KEEP,   /* this event, to be told later; instead of what was kept */
  QUIET_FORGET, /* what was kept */
} QuietAction;

typedef struct
{
  gboolean told;  /* the handler knows that it began, and not that it ended */
  gboolean waits; /* an event is kept: that it began, or, if that is told, that it ended */

  QuietAction action; /* set by quiet_judge() and quiet_release() */
} QuietState;

typedef enum
{
  QUIET_PASS,     /* give it to the handler, and begin the quiet time */
  QUIET_UNWANTED, /* the filter does not want it */
  QUIET_HUSHED,   /* held back by the quiet time */
  QUIET_SILENCED, /* held back by a silence */
} QuietVerdict;

/* `wanted`: the filter's word; `running`: the quiet time of this subject's key
 * runs.  Changes the states of the subject's sensor. */
QuietVerdict quiet_judge (const QuietRule *rule, const QuietSubject *subject, gboolean wanted, gboolean silenced,
                          gboolean running, QuietState *states);

/* The kept event that this subject stands for is told now. */
void quiet_release (const QuietSubject *subject, gboolean wanted, QuietState *states);

#endif
