/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * timers.h - many timers on one GSource.
 *
 * OpenIPMI keeps a few timers running per BMC and restarts one for each
 * message; a GSource each would make every turn of the main loop look at all
 * of them.  Everything runs on the thread of the main context.
 */
#ifndef TIMERS_H
#define TIMERS_H

#include "event/serving.h"
#include "timer-heap.h"

typedef struct _Timers Timers;
typedef struct _Timer Timer;

/* Runs once for each timer_start(); may start, stop or free any timer, also
 * its own. */
typedef void (*TimerFunc) (Timer *timer, gpointer user_data);

Timers *timers_new (GMainContext *context);

/* From now on a timer runs on behalf of the BMC that was being served when it
 * was started, and the note says so.  `note` may be NULL and must outlive the
 * timers. */
void timers_set_serving (Timers *timers, ServingNote *note);

void timers_free (Timers *timers); /* every timer must be freed before */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Timers, timers_free)

Timer *timer_new (Timers *timers, TimerFunc function, gpointer user_data);
void timer_free (Timer *timer); /* stops it; NULL is fine */

/* Starts it anew if it is running.  It runs up to an eighth of its delay late, at
 * most 16 ms: see timers_round_up(). */
void timer_start (Timer *timer, gint64 delay_us);
/* FALSE if it was not running. */
gboolean timer_stop (Timer *timer);
gboolean timer_is_running (const Timer *timer);

/* Replaces what runs; for a timer that is not running. */
void timer_set_function (Timer *timer, TimerFunc function, gpointer user_data);

/* When a timer runs that is due then, in microseconds: at the next multiple of
 * the power of two that is no more than an eighth of its delay, nor than 16384.  So those of many
 * BMCs run in one turn of the loop, and one wait is for the answers of all. */
gint64 timers_round_up (gint64 due, gint64 delay);

/* A random time within a tenth of `us`, either way: BMCs and polls must not
 * fall into step. */
gint64 timers_jitter (gint64 us);

#endif
