/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * span.h - what the readings of a span of time have in common.
 *
 * Pure arithmetic.  Spans are aligned to 1970, UTC.
 */
#ifndef SPAN_H
#define SPAN_H

#include <glib.h>

#define SPAN_SECOND G_GINT64_CONSTANT (1000000000)
#define SPAN_MINUTE (60 * SPAN_SECOND)
#define SPAN_HOUR (60 * SPAN_MINUTE)

typedef struct
{
  gint64 time;   /* when it begins, or when the one reading was made: nanoseconds since 1970 */
  guint64 count; /* readings with a value */
  double minimum, mean, maximum;
  int severity; /* IpmidSeverity: the worst */
} Span;

/* When the span of this width begins that holds `time`. */
gint64 span_begin (gint64 time, gint64 width);

/* Adds what a part has to the whole; `whole` is all zero at first. */
void span_add (Span *whole, const Span *part);

#endif
