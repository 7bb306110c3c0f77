/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * timer-heap.h - which timer is due next: a binary heap, and nothing else.
 *
 * Pure logic: it knows no clock and no main loop (see timers.h for that).  The
 * heap owns nothing; a node is part of whatever has a deadline and must be
 * removed before that goes away.  All calls come from one thread.
 */
#ifndef TIMER_HEAP_H
#define TIMER_HEAP_H

#include <glib.h>

typedef struct
{
  gint64 due;  /* in whatever unit the user counts */
  guint place; /* where in the heap, from 1; 0: not in it */
} TimerNode;

typedef struct
{
  GPtrArray *nodes;
} TimerHeap;

void timer_heap_init (TimerHeap *heap);
void timer_heap_clear (TimerHeap *heap);

static inline gboolean
timer_heap_contains (const TimerNode *node)
{
  return node->place != 0;
}

/* The node must not be in the heap. */
void timer_heap_insert (TimerHeap *heap, TimerNode *node, gint64 due);

/* FALSE if the node was not in the heap. */
gboolean timer_heap_remove (TimerHeap *heap, TimerNode *node);

/* The node that is due first, or NULL. */
TimerNode *timer_heap_first (const TimerHeap *heap);

#endif
