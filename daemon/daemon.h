/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon.h - the running ipmid: what owns the core, the signals and the end.
 *
 * Main thread.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include "cmdline.h"

/* Runs until a signal or a mistake ends it, in the background unless the user
 * wants otherwise; then the caller is the parent, which gets the verdict of
 * the start-up.  The result is the exit status (sysexits.h). */
int daemon_run (Cmdline *cmdline);

#endif
