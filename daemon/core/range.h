/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * range.h - one text that stands for many: "node[001-200]", "10.1.2.[1-3,7]".
 *
 * A range is numbers and spans of numbers, split at commas, in brackets.
 * Brackets with anything else in them ("[fe80::1]:623") are plain text.  With
 * several ranges the last one runs fastest.  A span whose first number has
 * leading zeros keeps their width.  Pure logic, any thread.
 */
#ifndef RANGE_H
#define RANGE_H

#include <glib.h>

/* A rack is three lines; a site is a few hundred. */
#define RANGE_COUNT_MAX 65536u

typedef struct _Range Range;

/* NULL if a range is wrong ("[3-1]", "[1-]"), or stands for too many. */
Range *range_parse (const char *text, GError **error);
void range_free (Range *range);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Range, range_free)

/* For how many texts it stands; 1 if there is no range in it. */
guint range_count (const Range *range);

/* Whether there is a range in it, if only of one number. */
gboolean range_is_many (const Range *range);

/* The text number `index`, from 0. */
char *range_nth (const Range *range, guint index);

#endif
