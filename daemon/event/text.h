/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text.h - text from a BMC is hostile: it is made harmless here.
 */
#ifndef TEXT_H
#define TEXT_H

#include <glib.h>

/* Valid UTF-8 without control characters (C0, DEL, C1, line and paragraph
 * separators, bidirectional overrides), at most `maximum` bytes, cut at a
 * character.  Bytes that are not UTF-8 and control characters each become
 * U+FFFD.  `length` is -1 for a NUL-terminated string.  Free with g_free(). */
char *text_clean (const char *text, gssize length, gsize maximum);

#endif
