/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * states.h - the one table of discrete states: their words, and how bad each
 * is when it comes and when it goes (IPMI 2.0, tables 42-2 and 42-3).
 *
 * Severity follows from here alone (severity.h), and ipmid-events(7) is printed
 * from here when ipmid is built.  Constant; any thread.
 */
#ifndef STATES_H
#define STATES_H

#include <ipmid/plugin.h>

#define STATES_MAX 16u /* offsets are four bits */

/* Event/reading type codes (table 42-1). */
#define EVENT_TYPE_THRESHOLD 0x01u
#define EVENT_TYPE_GENERIC_FIRST 0x02u
#define EVENT_TYPE_GENERIC_LAST 0x0cu
#define EVENT_TYPE_SENSOR_SPECIFIC 0x6fu

typedef struct
{
  const char *words;        /* NULL: the specification has no such offset */
  const char *ended;        /* what to say when it is deasserted; NULL: "WORDS is over" */
  IpmidSeverity asserted;   /* how bad it is that it came */
  IpmidSeverity deasserted; /* that it went: ok or info */
  const char *why;          /* the reason, where it is not obvious, or NULL */
} State;

/* The states of one sensor type, or of one generic event type. */
typedef struct
{
  guint8 event_type;  /* without the direction bit */
  guint8 sensor_type; /* counts only if the event type is EVENT_TYPE_SENSOR_SPECIFIC */
  const char *title;  /* of a generic event type */
  State states[STATES_MAX];
} StateSet;

/* The i-th set, in the specification's order; NULL beyond the end. */
const StateSet *states_set (guint i);

/* NULL if the specification has no such state. */
const State *states_find (guint8 event_type, guint8 sensor_type, guint offset);

#endif
