/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state-dir.h - the directory that one ipmid, and only one, keeps its state in.
 */
#ifndef STATE_DIR_H
#define STATE_DIR_H

#include <glib.h>

typedef struct _StateDir StateDir;

/* Makes the directory (0700) and its parents if need be, checks that nobody
 * else can change it, and locks it until it is closed.  IPMID_ERROR_BUSY if
 * another ipmid has it, IPMID_ERROR_FILE otherwise. */
StateDir *state_dir_open (const char *path, GError **error);
void state_dir_close (StateDir *dir);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StateDir, state_dir_close)

#endif
