/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shares.h - which collector gets a BMC.
 *
 * A BMC keeps its collector as long as possible, because a move costs its
 * session.  So only three things move one: its quarantine, its release, and a
 * share that is halved because nobody knows which of its BMCs brings the
 * collector down.  Pure logic.
 */
#ifndef SHARES_H
#define SHARES_H

#include <glib.h>

/* One collector. */
typedef struct
{
  guint bmcs;
  gboolean closed; /* takes none: it is ending, or has a BMC in quarantine */
} Share;

/* The index of the emptiest share that takes a BMC more; `n`: a new collector
 * is needed.  `limit` is how many BMCs a share may have; 0: any number. */
guint shares_pick (const Share *shares, guint n, guint limit);

/* How many BMCs of a share of so many a new collector takes over when the share
 * is halved; 0: there is nothing to halve. */
guint shares_half (guint bmcs);

#endif
