/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sandbox.h - what the collector may do once it talks to BMCs.
 *
 * Whoever takes it over through what a BMC sends can speak UDP, and talk to the
 * core, and that is all: no file, no program, no other process, no privilege,
 * bounded memory.  SECURITY.md has the list.
 *
 * A build without libseccomp, or with sanitizers, has no filter of system
 * calls, and one with sanitizers no limit on memory and on files (Landlock) either.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <glib.h>

typedef enum
{
  SANDBOX_LAN,
  SANDBOX_SMI, /* may open /dev/ipmi*, and nothing else */
} SandboxProfile;

/* As many as the configuration can name. */
#define SANDBOX_DEVICES 100u

/* Which devices the door was closed behind.  Landlock knows a device node, not
 * its name: one that comes into being later stays out of reach. */
typedef struct
{
  gboolean restricted;               /* Landlock is there, and only those that were there can be opened */
  gboolean untried[SANDBOX_DEVICES]; /* was there, and has not been opened yet */
} SandboxDevices;

/* At the start of the program: no core dumps, no debugger, no new privileges,
 * and what libraries load when they are used first is loaded. */
void sandbox_prepare (void);

/* Closes the door behind the process, for good; once.  FALSE: it could not be
 * closed altogether, and the process must not go on.  Fills `devices`, which is
 * all zero before; with SANDBOX_LAN it stays so. */
gboolean sandbox_enter (SandboxProfile profile, SandboxDevices *devices, GError **error);

/* The device was opened: its owner and mode let us. */
void sandbox_device_opened (SandboxDevices *devices, guint number);

/* The device is there, but to open it was denied.  TRUE: by the sandbox, because
 * the node is a newer one than it knows; a new process could open it, perhaps.
 * FALSE: by its owner and mode, and nothing that a new process does changes them;
 * but `is_away_long`, the node may have been made anew since, with another mode. */
gboolean sandbox_device_is_newer (const SandboxDevices *devices, guint number, gboolean is_away_long);

/* How much memory so many BMCs may take; more is a crash. */
void sandbox_allow_bmcs (guint n);

/* For tests, in builds with crash points: tries what IPMID_SANDBOX_TEST says,
 * and returns what came of it in words; NULL: nothing was asked for. */
char *sandbox_test (void);

#endif
