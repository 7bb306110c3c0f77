/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemonize.h - what a process owes the system around it: descriptors, a
 * detached life, a pid file.
 *
 * Main thread, before any other exists.
 */
#ifndef DAEMONIZE_H
#define DAEMONIZE_H

#include <glib.h>

/* Resets inherited signal masks, closes inherited descriptors but for the first
 * `kept` from 3 on, fills 0 to 2 if they are missing, and keeps this process's
 * memory out of core dumps and away from other processes. */
void daemonize_protect (guint kept);

/* From now on writing to a broken pipe or socket fails with EPIPE.  Programs do
 * not inherit that. */
void daemonize_ignore_pipes (void);

/* Forks.  In the child the result is a descriptor for daemonize_report().  In
 * the parent it is -1, after the child has reported or died: then *exit_status
 * is what the parent shall return, and what had to be said has been said. */
int daemonize_fork (int *exit_status);

/* Detaches the child's standard descriptors if `exit_status` is 0, and tells
 * the parent, with one line if it is not.  Closes *fd and sets it to -1; does
 * nothing if it is -1. */
void daemonize_report (int *fd, int exit_status, const char *message);

/* A line for people on standard error, "ipmid: …", made harmless. */
void daemonize_complain (const char *message);

/* A pid file: locked as long as this process lives, replaced atomically. */
typedef struct _PidFile PidFile;

PidFile *pid_file_new (const char *path, GError **error);
/* Removes the file. */
void pid_file_free (PidFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PidFile, pid_file_free)

#endif
