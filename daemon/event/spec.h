/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spec.h - the words of the IPMI specification: sensor types, states,
 * thresholds, entities, units (IPMI 2.0, tables 42-1 to 42-3, 43-13, 43-15).
 *
 * Constant tables and pure functions; any thread.
 */
#ifndef SPEC_H
#define SPEC_H

#include <ipmid/plugin.h>

/* The n-th word of a table whose words end with '|' each; NULL if it is empty or
 * beyond the end.  Interned. */
const char *spec_word (const char *table, guint n);

/* "Temperature"; never NULL. */
const char *spec_sensor_type (guint8 type);

/* The state that an event's offset stands for, in words; NULL if the
 * specification has none.  `event_type` without the direction bit. */
const char *spec_state (guint8 event_type, guint8 sensor_type, guint offset);

/* How bad it is that a threshold or state is there (severity.h): for readings and
 * for events of which nothing more is known.  `event_type` is the event/reading
 * type; of thresholds, the offset counts going low and going high. */
IpmidSeverity spec_severity (guint8 event_type, guint8 sensor_type, guint offset, gboolean assertion);

/* "upper critical". */
const char *spec_threshold (guint threshold);

/* "processor 1"; device-relative instances count from 0.  Free with g_free(). */
char *spec_entity (int id, int instance);

/* Who generated an event that is not a controller's (table 32-1): "BIOS". */
const char *spec_software (guint8 generator);

/* "°C", "RPM", "V/s"; NULL for none.  Free with g_free(). */
char *spec_unit (gboolean percentage, int base, int modifier_use, int modifier, int rate);

#endif
