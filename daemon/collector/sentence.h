/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sentence.h - what a record says, as one line for people.
 *
 *   CPU1 Temp: upper critical going high, 97 > 95 °C
 *   CPU1 Temp: back below upper critical, 90 < 95 °C
 *   PSU1 Status: power supply failure no longer detected
 *   DIMM A1: correctable ECC or other correctable memory error, memory module 3
 *   OEM record of type 0xc5 from Dell: 01 02 03 04 05 06
 */
#ifndef SENTENCE_H
#define SENTENCE_H

#include "event/event.h"
#include "maker.h"

/* `event` has all that is known about its sensor, and its component.  Free with
 * g_free(). */
char *sentence_of (const IpmidEvent *event, const guint8 *record, const Maker *maker);

/* The name of the state that a record of type 02h reports, without the sensor
 * and whichever way it went: "upper critical going high"; NULL if the
 * specification has none.  Free with g_free(). */
char *sentence_state (const guint8 *record);

#endif
