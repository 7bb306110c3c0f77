/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * readings.h - the readings that wait for one handler.
 *
 * Bounded by the number of sensors: of each sensor only the latest reading
 * waits.  Made and freed on the core's thread; the handler's thread takes.
 */
#ifndef READINGS_H
#define READINGS_H

#include "core/inventory.h"

/* As many in one call of a plugin; what has waited for them is not much. */
#define READINGS_BATCH 256

typedef struct _Readings Readings;

/* There is something to take again.  On the core's thread; must not block. */
typedef void (*ReadingsWakeFunc) (gpointer user_data);

/* `patterns`: only sensors with such names, as pattern_list_new() takes them; NULL:
 * all.  NULL and an error if one is no pattern, or if too many handlers want
 * readings. */
Readings *readings_new (Inventory *inventory, const char *const *patterns, ReadingsWakeFunc wake, gpointer user_data,
                        GError **error);
void readings_free (Readings *readings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Readings, readings_free)

/* Whether anything is to wait at all, TRUE at first.  FALSE throws away what
 * waits.  Any thread. */
void readings_set_wanted (Readings *readings, gboolean wanted);

/* The next readings, of the BMC that has waited longest first; NULL if none
 * wait.  They stay valid until the next call.  The handler's thread. */
const IpmidReadings *readings_take (Readings *readings);

/* Whether readings_take() would have something.  Any thread. */
gboolean readings_are_waiting (Readings *readings);

/* Taken, and replaced before they were, since the start.  Any thread. */
void readings_count (Readings *readings, guint64 *taken, guint64 *dropped);

#endif
