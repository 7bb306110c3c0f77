/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * alarms.h - what is wrong with ipmid itself, told through the handlers that work.
 *
 * A handler that fails for long, has reached its quota or has dead letters; a
 * journal that fills or is full: each is an event of the kind health when it
 * begins, and another one when it is over.  What was told stands in the journal,
 * so that a restart repeats nothing.  Nothing grows: an alarm about a handler is
 * owed to that handler, too, but that it fails as well is no further alarm.
 *
 * And signs of life for the handlers that want them.
 *
 * Belongs to the core's thread; the work runs on the journal's, and does not
 * wait for room.
 */
#ifndef ALARMS_H
#define ALARMS_H

#include "core/core.h"

typedef struct _Alarms Alarms;

/* Looks at once, and then every few seconds.  The core's journal runs until it
 * is closed; close it before the alarms are freed. */
Alarms *alarms_new (Core *core);
/* The core has a new configuration. */
void alarms_configure (Alarms *alarms);
/* Looks no more. */
void alarms_stop (Alarms *alarms);
void alarms_free (Alarms *alarms);

/* "15 min", "2 h", "3 days"; for people.  The caller frees it. */
char *alarms_format_duration (gint64 microseconds);

#endif
