/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* id-string.h - names in sensor data records (IPMI 2.0, section 43.15). */
#ifndef ID_STRING_H
#define ID_STRING_H

#include <glib.h>

/* Decodes a type/length byte and what follows it, at most `length` bytes in
 * all; a string that is longer than its record is cut.  The result is cleaned
 * (text_clean()); free with g_free().  Never NULL. */
char *id_string_decode (const guint8 *bytes, gsize length);

/* The name of the n-th sensor that shares one record: `modifier` is the
 * number or letter to append, counted from 0.  `letters`: A, B, ... AA. */
char *id_string_with_modifier (const char *name, guint modifier, gboolean letters);

#endif
