/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lock.h - a file's lock (flock(2)) says whether its owner lives.
 */
#ifndef LOCK_H
#define LOCK_H

#include <glib.h>

/* Takes the lock, which lasts until the descriptor is closed; FALSE and errno if
 * not: EWOULDBLOCK if somebody lives who has it.  Waits up to a second for one that
 * has just died: a child that it forked keeps its descriptors until it runs
 * its own program. */
gboolean lock_take (int fd);

#endif
