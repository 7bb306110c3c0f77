/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * severity.h - how bad an event is, from the bytes of its record alone.
 *
 * Thresholds follow a rule, states the table in states.h.  Both are printed into
 * ipmid-events(7) when ipmid is built.  Pure functions; any thread.
 */
#ifndef SEVERITY_H
#define SEVERITY_H

#include <ipmid/plugin.h>

/* A threshold event (table 42-2, event type 01h): offsets are two for each
 * threshold, going low and going high. */
IpmidSeverity severity_of_threshold (guint offset, gboolean assertion);

/* A discrete state (tables 42-2 and 42-3).  INFO if the specification has no
 * such state. */
IpmidSeverity severity_of_state (guint8 event_type, guint8 sensor_type, guint offset, gboolean assertion);

/* A record of type 02h: `event_type` is the record's byte 12 with the direction
 * bit, `data` its three event data bytes.  What the BMC itself says about the
 * severity in event data 2 (table 29-6) may raise that of an assertion. */
IpmidSeverity severity_of_event (guint8 event_type, guint8 sensor_type, const guint8 data[3]);

#endif
