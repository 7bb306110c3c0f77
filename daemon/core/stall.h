/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stall.h - when a collector that works for one BMC will never be done with that.
 *
 * What a collector does for a BMC in one go takes microseconds to milliseconds.
 * It is judged by its own processor time, so that a busy machine, a suspended
 * one or a stopped process is no reason: STALL_SPINS when it has burned
 * STALL_SPIN within one service, STALL_HANGS when it has burned nothing at all
 * between STALL_STILL looks in a row, all of the same service.  Those are counted
 * in looks and not in time: after a stop of core and collector the collector
 * gets its chance to go on.
 *
 * Pure logic; one thread.
 */
#ifndef STALL_H
#define STALL_H

#include <glib.h>

/* How often to look, milliseconds. */
#define STALL_LOOK 100u
/* Processor time, nanoseconds.  A whole handshake, with the sensors and their first
 * readings, takes a collector some 8 ms in hundreds of services (bench/README.md). */
#define STALL_SPIN (G_GINT64_CONSTANT (400) * 1000 * 1000)
#define STALL_STILL 20u

/* All zeros: nothing was seen yet. */
typedef struct
{
  guint32 bmc;
  guint64 count;
  gint64 began; /* processor time when this service was first seen */
  gint64 last;  /* and last */
  guint still;  /* looks in a row without any */
} Stall;

typedef enum
{
  STALL_NONE,
  STALL_SPINS,
  STALL_HANGS,
} StallVerdict;

/* A look at the note (serving.h): the BMC being served, 0: none, and the count
 * of services.  `processor_time` is the collector's, in nanoseconds; it does not
 * matter if `bmc` is 0. */
StallVerdict stall_look (Stall *stall, guint32 bmc, guint64 count, gint64 processor_time);

#endif
