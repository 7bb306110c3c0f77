/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * words.h - texts that many share: sensor names, entities, units.
 *
 * Reference-counted and interned (GRefString), safe from any thread.  GLib's
 * own g_ref_string_release() is not, beside g_ref_string_new_intern(): up to
 * 2.74 at least it drops the last reference before it takes the table's lock,
 * so another thread may be handed a dying string.  Here both happen under one
 * lock; never mix them with GLib's.
 */
#ifndef WORDS_H
#define WORDS_H

#include <glib.h>

/* A reference to the one copy of this text. */
char *words_intern (const char *text);

/* Another reference to what the caller holds one of. */
char *words_ref (char *words);

void words_unref (char *words);

#endif
