/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.h - the errors of ipmid's own making.
 *
 * Errors of GLib keep their own domains; these are for what only ipmid knows.
 */
#ifndef ERROR_H
#define ERROR_H

#include <glib.h>

typedef enum
{
  IPMID_ERROR_USAGE,           /* a wrong argument or configuration (EX_USAGE, EX_CONFIG) */
  IPMID_ERROR_PROTOCOL,        /* the other process sent something that is no frame */
  IPMID_ERROR_PLUGIN,          /* a plugin cannot be used: missing, wrong ABI, unsafe file */
  IPMID_ERROR_BUSY,            /* the state directory is in use by another ipmid */
  IPMID_ERROR_JOURNAL,         /* the journal cannot be read or written: start afresh */
  IPMID_ERROR_JOURNAL_DAMAGED, /* the journal is no good any more: set it aside */
  IPMID_ERROR_JOURNAL_FULL,    /* no room for the journal: wait and try again */
  IPMID_ERROR_SCHEMA,          /* the state directory belongs to a newer ipmid */
  IPMID_ERROR_UNAVAILABLE,     /* not now: no connection, no answer */
  IPMID_ERROR_FILE,            /* a file or directory of the user's cannot be used */
} IpmidError;

#define IPMID_ERROR (ipmid_error_quark ())
GQuark ipmid_error_quark (void);

/* Sets IPMID_ERROR_USAGE with these words, if `error` is not NULL.  Always FALSE,
 * so that a check can return it. */
gboolean error_usage (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

#endif
