/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secret.h - secrets that stand in files, and what must not be shown.
 *
 * Shared by the plugins that talk to a server.  No state; any thread.
 */
#ifndef SECRET_H
#define SECRET_H

#include <glib.h>

/* The longest file of secrets. */
#define SECRET_FILE_MAX 16384u

/* Reads a file of at most SECRET_FILE_MAX bytes of text.  Refused unless it belongs
 * to root or to the running user and nobody else may read or write it, but for
 * what systemd gives as a credential.  The error names the file and the mend,
 * and never shows what is in it.  Free with secret_free(). */
char *secret_read (const char *path, GError **error);

/* The same for a file with one secret in it: a single line, without its end. */
char *secret_read_line (const char *path, GError **error);

/* The secret that one of two options gives: itself, or a file with it.  NULL in
 * `*secret` if neither is there.  Both are a mistake.  `key` is what the first is
 * called; the second is that with "-file". */
gboolean secret_choose (const char *key, const char *value, const char *path, char **secret, GError **error);

/* A file that a library reads by itself, such as a private key: whether it can be
 * read, and by nobody else. */
gboolean secret_check_file (const char *path, GError **error);

/* Overwrites it with zeros and frees it.  NULL is fine. */
void secret_free (char *secret);

/* What a server said, for people: valid UTF-8 in one line, without control
 * characters, at most `maximum` bytes, and without anything that stands in `hidden`
 * (may be NULL; char *).  Free with g_free(). */
char *secret_excerpt (const char *text, gsize length, gsize maximum, const GPtrArray *hidden);

#endif
