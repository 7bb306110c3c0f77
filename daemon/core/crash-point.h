/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crash-point.h - named places at which a test can kill ipmid.
 *
 * In a build with --enable-crash-points, IPMID_CRASH_POINT=name or name:n in
 * the environment ends the process with SIGKILL when the place of that name is
 * reached for the n-th time (the first by default).  In other builds the calls
 * are nothing.
 */
#ifndef CRASH_POINT_H
#define CRASH_POINT_H

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#ifdef ENABLE_CRASH_POINTS
/* Any thread. */
void crash_point (const char *name);
#else
#define crash_point(name) ((void) 0)
#endif

#endif
