/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trap-queue.h - which BMC is to be polled when, after traps.
 *
 * Pure logic: no clock and no timer of its own; all times are monotonic
 * microseconds that the caller brings.  One thread.
 */
#ifndef TRAP_QUEUE_H
#define TRAP_QUEUE_H

#include "core/pet.h"

/* Between two polls of one BMC at least. */
#define TRAP_QUEUE_REST (200 * G_TIME_SPAN_MILLISECOND)
/* Polls of all BMCs together: so many a second, and at first so many at once. */
#define TRAP_QUEUE_RATE 500
#define TRAP_QUEUE_BURST 100
/* A trap that is repeated within this time is not news. */
#define TRAP_QUEUE_REPEATED (60 * G_TIME_SPAN_SECOND)

typedef struct _TrapQueue TrapQueue;

TrapQueue *trap_queue_new (void);
void trap_queue_free (TrapQueue *queue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TrapQueue, trap_queue_free)

/* A trap of this BMC: it waits for a poll, unless it waits already.  FALSE: the
 * same trap came before, and changes nothing. */
gboolean trap_queue_add (TrapQueue *queue, gint64 bmc, const Pet *trap, gint64 now);

/* The next BMC that may be polled now, which is then taken for polled; 0: none. */
gint64 trap_queue_next (TrapQueue *queue, gint64 now);

/* When to ask trap_queue_next() again, after it has said 0; G_MAXINT64: not
 * before the next trap. */
gint64 trap_queue_wake (const TrapQueue *queue);

#endif
