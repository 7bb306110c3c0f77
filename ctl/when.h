/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* when.h - a point in time as people write it. */
#ifndef WHEN_H
#define WHEN_H

#include <glib.h>

/* "2h" (ago), "2026-12-01T08:00Z", "2026-12-01 08:00" (local time), "2026-12-01": as
 * in RFC 3339, UTC; g_free().  NULL: it is none of them. */
char *when_parse (const char *text, GError **error);

#endif
