/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * configure.h - from the command line, and the file that it names, to what the
 * core shall do.  Main thread.
 */
#ifndef CONFIGURE_H
#define CONFIGURE_H

#include "cmdline.h"
#include "core/config-file.h"

/* What to run.  On failure everything has been said on standard error, and
 * *exit_status is set.  Warnings are left in the report. */
CoreConfig *configure_load (Cmdline *cmdline, ConfigReport *report, int *exit_status);

/* The file again, for a reload: NULL with all its mistakes in the report. */
CoreConfig *configure_reload (const Cmdline *cmdline, ConfigReport *report);

/* --check: what is wrong goes to standard error, one line of summary to
 * standard output.  The result is the exit status. */
int configure_check (const Cmdline *cmdline);

/* The state directory of the ipmid that was started like this. */
char *configure_state_dir (const Cmdline *cmdline, GError **error);

#endif
