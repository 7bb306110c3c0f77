/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe.h - whether the journal's thread still does its work.
 */
#ifndef PROBE_H
#define PROBE_H

#include "core/journal.h"

/* Has the journal run something that changes nothing.  `answered` is called
 * later, on the thread of the default main context: with FALSE if the journal
 * has failed or is NULL, and not before the journal is closed if it is stuck. */
void probe_journal (Journal *journal, void (*answered) (gboolean well, gpointer user_data), gpointer user_data);

#endif
