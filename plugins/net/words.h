/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * words.h - what people and receivers are told of an event, in several places.
 *
 * No state; any thread.  Strings that are returned are freed with g_free().
 */
#ifndef WORDS_H
#define WORDS_H

#include <ipmid/plugin.h>

/* "node001: CPU1 Temp: upper critical going high, 97 > 95 °C" */
char *words_summary (IpmidHost *host, const IpmidEvent *event);

/* Whether something ended with this event rather than began. */
gboolean words_is_resolved (IpmidHost *host, const IpmidEvent *event);

/* "critical", "warning" or "info": for receivers that have no "ok". */
const char *words_level (IpmidHost *host, const IpmidEvent *event);

/* The same for the beginning and the end of one state of one sensor of one BMC; of
 * an event without a state it is the event's own.  Hexadecimal digits. */
char *words_key (IpmidHost *host, const IpmidEvent *event);

#endif
