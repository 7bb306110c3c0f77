/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parse.h - an event from its JSON: what render.h has written, read again.
 *
 * Pure functions, for any thread.
 */
#ifndef PARSE_H
#define PARSE_H

#include "event.h"

/* The event of one JSON object, as render_event() writes it.  It has the same fields and
 * renders to the same text; times are those of the text, in microseconds, and numbers have
 * its fifteen digits.  Members that are no fields are skipped.  NULL and an error if it is no
 * object, a field has a bad value, or one is missing that every event has (id, bmc, kind,
 * received).  Never trusts the text. */
IpmidEvent *parse_event (const char *json, GError **error);

#endif
