/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * component.h - the part that an event names: the DIMM, the processor, the slot.
 *
 * From event data 2 and 3, by table 42-3 or by what a maker has published.  Pure
 * functions of the record's bytes.
 */
#ifndef COMPONENT_H
#define COMPONENT_H

#include "maker.h"

/* "DIMM A1", "memory module 3"; NULL if the bytes of this system event name none.
 * Free with g_free(). */
char *component_from_data (const guint8 *record, const Maker *maker);

/* Whether a sensor of this type (table 42-3) stands for one part, so that its
 * name names the part. */
gboolean component_is_sensor (guint8 sensor_type);

#endif
