/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.h - what the core says, as JSON; and errors.
 *
 * Pure functions; any thread.
 */
#ifndef JSON_H
#define JSON_H

#include <glib.h>
#include <jansson.h>

/* The JSON of any value of the core: a dictionary with string keys becomes an
 * object, other arrays and tuples an array, a variant what is in it.  Under the
 * keys that name a time (json.c has the list) an int64 is nanoseconds since 1970
 * and becomes a string as in RFC 3339, UTC; 0 becomes null.  A number that JSON
 * does not have becomes null, too.  The caller owns it. */
json_t *json_from_variant (GVariant *value);

/* "2026-11-21T06:30:00.250000Z"; g_free(). */
char *json_format_time (gint64 time);

/* {"error": "not_found", "message": "…"}; text that is no UTF-8 is mended. */
json_t *json_error (const char *code, const char *message);

#endif
