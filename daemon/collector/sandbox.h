/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sandbox.h - what the collector may do once it talks to BMCs.
 *
 * Whoever takes it over through what a BMC sends can speak UDP, and talk to the
 * core, and that is all: no file, no program, no other process, no privilege,
 * bounded memory.  SECURITY.md has the list.
 *
 * A build without libseccomp, or with sanitizers, has no filter of system
 * calls, and one with sanitizers no limit on memory either.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <glib.h>

typedef enum
{
  SANDBOX_LAN,
  SANDBOX_SMI, /* may open /dev/ipmi*, and nothing else */
} SandboxProfile;

/* At the start of the program: no core dumps, no debugger, no new privileges,
 * and what libraries load when they are used first is loaded. */
void sandbox_prepare (void);

/* Closes the door behind the process, for good; once.  FALSE: it could not be
 * closed altogether, and the process must not go on. */
gboolean sandbox_enter (SandboxProfile profile, GError **error);

/* How much memory so many BMCs may take; more is a crash. */
void sandbox_allow_bmcs (guint n);

/* For tests, in builds with crash points: tries what IPMID_SANDBOX_TEST says,
 * and returns what came of it in words; NULL: nothing was asked for. */
char *sandbox_test (void);

#endif
