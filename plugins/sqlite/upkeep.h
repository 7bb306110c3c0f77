/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * upkeep.h - adding readings up, and taking away what is too old, a little at a time.
 *
 * Every few minutes a pass goes through the sensors, one after the other: readings
 * become rows of `minute`, those become rows of `hour`, and of each what is older
 * than it is kept goes.  Then old events go, and unused pages are given back.  A
 * slice of that is one transaction of some milliseconds, made when the handler
 * has nothing else to do.
 */
#ifndef UPKEEP_H
#define UPKEEP_H

#include "intake.h"
#include "sqlite.h"

typedef struct _Upkeep Upkeep;

Upkeep *upkeep_new (Sqlite *sqlite, Intake *intake);
void upkeep_free (Upkeep *upkeep);

/* Does a slice if it is time.  `now`: monotonic, `today`: wall clock, microseconds.
 * Returns when to come again, monotonic. */
gint64 upkeep_work (Upkeep *upkeep, gint64 now, gint64 today);

/* Whether a pass is under way. */
gboolean upkeep_is_busy (const Upkeep *upkeep);

#endif
