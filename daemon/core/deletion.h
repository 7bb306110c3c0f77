/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deletion.h - deleting a SEL record, from the finalizer's wish to its outcome.
 *
 * The intent goes to disk first, then the collector is asked, then the outcome
 * goes to disk, then the finalizer is told.
 */
#ifndef DELETION_H
#define DELETION_H

#include "core/fleet.h"

typedef struct _Deletions Deletions;

/* Belongs to the core's thread; the fleet may be set later. */
Deletions *deletions_new (Journal *journal);
void deletions_set_fleet (Deletions *deletions, Fleet *fleet);

/* After the journal has been closed: what is left is answered UNAVAILABLE. */
void deletions_free (Deletions *deletions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Deletions, deletions_free)

/* Any thread; see ipmid_host_delete_record(). */
void deletions_start (Deletions *deletions, gint64 bmc, gint64 seq, IpmidEvent *event, IpmidDeleteFlags flags,
                      IpmidDeleteCallback callback, gpointer user_data);

/* A collector has answered (FleetDeletedFunc). */
void deletions_on_deleted (gint64 bmc, guint64 token, FrameDeleteOutcome outcome, const char *words,
                           gpointer deletions);

#endif
