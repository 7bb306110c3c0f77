/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * field.h - the members of what ipmid says, which may be missing.
 */
#ifndef FIELD_H
#define FIELD_H

#include <glib.h>
#include <jansson.h>

/* "" if it is not there. */
const char *field_text (json_t *object, const char *key);
/* 0, FALSE. */
json_int_t field_integer (json_t *object, const char *key);
gboolean field_flag (json_t *object, const char *key);

/* In local time, "2026-11-21 06:30:00"; "" if it is not there; g_free(). */
char *field_time (json_t *object, const char *key);
/* How long ago, or how long from now: "12s", "5m", "3h", "9d"; g_free(). */
char *field_age (json_t *object, const char *key);

/* Text as above for a time as in RFC 3339; the text itself if it is none. */
char *field_local_time (const char *text);

#endif
