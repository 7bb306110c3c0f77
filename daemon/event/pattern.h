/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pattern.h - names that the user means by patterns: '*' any text, '?' one
 * character, everything else itself.
 *
 * Case of ASCII letters does not matter.  Matching takes no longer than the
 * product of the two lengths, whatever a BMC calls its sensors (fnmatch(3) and
 * GPatternSpec go back and forth for ever on "*a*a*a*a*b").  Immutable; any
 * thread.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <glib.h>

/* `text` is valid UTF-8. */
gboolean pattern_match (const char *pattern, const char *text);

/* Patterns, some of which exclude: "CPU*", "!CPU3*". */
typedef struct _PatternList PatternList;

/* NULL and an error, which names the pattern, if one is empty.  No words: NULL
 * without an error. */
PatternList *pattern_list_new (const char *const *words, GError **error);
void pattern_list_free (PatternList *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PatternList, pattern_list_free)

/* Whether one of the patterns matches, or there are only exclusions, and no
 * exclusion does.  `text` NULL is something without a name: no pattern matches
 * it.  `list` NULL matches all. */
gboolean pattern_list_match (const PatternList *list, const char *text);

#endif
