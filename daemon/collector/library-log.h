/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * library-log.h - what OpenIPMI has to say, in bounded amounts.
 *
 * Its log function has no user data, so there is one log in a process.  One
 * thread.
 */
#ifndef LIBRARY_LOG_H
#define LIBRARY_LOG_H

#include <OpenIPMI/ipmi_log.h>
#include <glib.h>

/* `level` as syslog; `bmc`: its number, 0 if the line is about none. */
typedef void (*LibraryLogFunc) (guint8 level, guint32 bmc, const char *text, gpointer user_data);

/* Before and after this pair, what it says is not heard. */
void library_log_begin (LibraryLogFunc function, gpointer user_data);
void library_log_end (void);

/* A line of the library's (OsHandlerLogFunc). */
void library_log (enum ipmi_log_type_e type, const char *text);

#endif
