/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quarantine.h - when a BMC that brings its collector down has to live alone.
 *
 *   free --2 crashes within 10 minutes--> isolated --quiet for its time--> on trial --likewise--> free
 *                                            ^                                |
 *                                            +----- one crash: a relapse -----+
 *
 * Isolated, it is watched by a collector of its own, where it can hurt nobody.
 * Its time begins anew with every crash there, and doubles with every relapse
 * and with every crash there, up to 64 times.  One crash alone proves little (a bug that any BMC meets,
 * the kernel short of memory), so the first one costs the share a restart.  A
 * collector that never comes back from work for a BMC proves enough.
 *
 * Pure logic: times are arguments, monotonic, in microseconds.
 */
#ifndef QUARANTINE_H
#define QUARANTINE_H

#include <glib.h>

#define QUARANTINE_CRASHES 2u
#define QUARANTINE_WINDOW (10 * G_TIME_SPAN_MINUTE)
#define QUARANTINE_DOUBLINGS 6u

typedef enum
{
  QUARANTINE_FREE,
  QUARANTINE_ISOLATED,
  QUARANTINE_TRIAL,
} QuarantineState;

/* The times of the latest crashes; also for a share that crashes without a suspect. */
typedef struct
{
  gint64 times[QUARANTINE_CRASHES];
  guint n; /* how many are known, at most all */
} QuarantineCrashes;

/* Notes a crash.  TRUE, and the count starts afresh, if it is one too many. */
gboolean quarantine_count (QuarantineCrashes *crashes, gint64 now);

/* All zeros: free, and never suspected. */
typedef struct
{
  QuarantineState state;
  QuarantineCrashes crashes;
  guint relapses;
  gint64 until; /* isolated: when it is let out; on trial: when it is free again */
} Quarantine;

/* A collector died, or had to be killed, while it worked for this BMC.  TRUE:
 * it is to be isolated now (it was not before).  `time` is how long a first
 * quarantine lasts; 0: there is none. */
gboolean quarantine_blame (Quarantine *quarantine, gint64 time, gint64 now);

/* Likewise, but the collector was caught in the act: it worked for this BMC, and
 * only for it, until it was ended for that.  No second crash is waited for. */
gboolean quarantine_convict (Quarantine *quarantine, gint64 time, gint64 now);

/* TRUE: it is to be let out now, on trial. */
gboolean quarantine_check (Quarantine *quarantine, gint64 time, gint64 now);

/* When quarantine_check() will change something; G_MAXINT64: never. */
gint64 quarantine_deadline (const Quarantine *quarantine);

/* How long it has to be quiet this time. */
gint64 quarantine_term (const Quarantine *quarantine, gint64 time);

#endif
