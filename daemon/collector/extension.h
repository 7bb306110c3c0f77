/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * extension.h - what event data 2 and 3 of a discrete event add to its state.
 *
 * Event data 1 says what the two bytes are (IPMI 2.0, table 29-6): unspecified,
 * the maker's own, the state before and the severity, or the sensor type's
 * extension, which table 42-3 defines.  Pure functions.
 */
#ifndef EXTENSION_H
#define EXTENSION_H

#include <glib.h>

/* What the four values of event data 1 [7:6], or [5:4], say of a byte. */
typedef enum
{
  EXTENSION_UNSPECIFIED = 0,
  EXTENSION_STATE = 1, /* byte 2: the state before, and severity; reserved for byte 3 */
  EXTENSION_OEM = 2,
  EXTENSION_SPECIFIC = 3,
} ExtensionUse;

ExtensionUse extension_use_2 (const guint8 *record);
ExtensionUse extension_use_3 (const guint8 *record);

/* Appends what they say, ", " before each piece; nothing if they say nothing.
 * `record` is a record of type 02h and no threshold event. */
void extension_append (GString *out, const guint8 *record);

/* At least one of the two is the maker's own. */
gboolean extension_is_oem (const guint8 *record);

/* What kind of slot or connector event data 2 of a Slot/Connector event names:
 * "PCI Express slot"; NULL if none. */
const char *extension_slot_type (guint8 data_2);

#endif
