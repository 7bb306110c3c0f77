/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.h - option tables (IpmidOption) applied to a state.
 *
 * One idiom for every kind of setting: plugins, handlers, BMC connections, the
 * command line.  Nothing here keeps state; any thread.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <ipmid/plugin.h>

/* The option with this key, or NULL. */
const IpmidOption *options_find (const IpmidOption *table, const char *key);

/* The key of the table that is most like `key`, or NULL if none comes close. */
const char *options_nearest (const IpmidOption *table, const char *key);

/* Likewise among words; `words` ends with NULL. */
const char *options_nearest_word (const char *const *words, const char *word);

/* Sets every option to its fallback, whatever stood there before. */
void options_init (const IpmidOption *table, gpointer state);

/* Parses the value and stores it, freeing what stood there.  The error names
 * the key, the value and what would be right, but no secret; it begins with
 * the key, so that a caller can put a place before it. */
gboolean options_set (const IpmidOption *option, gpointer state, const char *value, GError **error);

/* Copies every option from one state to another, which has been initialised. */
void options_copy (const IpmidOption *table, gconstpointer from, gpointer to);

/* Whether every option has the same value in both states. */
gboolean options_equal (const IpmidOption *table, gconstpointer a, gconstpointer b);

/* Frees what options_init() and options_set() stored; secrets are wiped. */
void options_clear (const IpmidOption *table, gpointer state);

/* "250ms", "30s", "5m", "1h", "1d", "1h30m"; microseconds. */
gboolean options_parse_duration (const char *text, gint64 *duration, GError **error);

/* The other way round, in the largest unit that fits: "30s". */
char *options_format_duration (gint64 duration);

/* "512", "64k", "16M", "1G"; bytes. */
gboolean options_parse_size (const char *text, gint64 *size, GError **error);

/* The other way round, in the largest unit that fits. */
char *options_format_size (gint64 size);

/* A value for an IPMID_OPTION_LIST from words of any content. */
char *options_join_list (const char *const *words);

/* Overwrites a string with zeros and frees it.  NULL is fine. */
void options_free_secret (char *secret);

#endif
