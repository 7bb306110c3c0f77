/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quiet-timer.h - asks the journal, once a second, for notifications whose quiet
 * time or silence has ended; once a minute while no handler has such a thing.
 *
 * Belongs to the core's thread and its main context; the work runs on the
 * journal's.
 */
#ifndef QUIET_TIMER_H
#define QUIET_TIMER_H

#include "core/journal.h"

typedef struct _QuietTimer QuietTimer;

/* The journal, which stays the caller's, runs until it is closed; close it
 * before the timer is freed. */
QuietTimer *quiet_timer_new (Journal *journal);
/* Asks no more. */
void quiet_timer_stop (QuietTimer *timer);
void quiet_timer_free (QuietTimer *timer);

#endif
