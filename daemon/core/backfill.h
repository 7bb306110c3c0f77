/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backfill.h - handlers are owed what came before they were there, page by page.
 *
 * What a store (ipmid/store.h) has comes first, then what the journal still has, and then
 * what went from the one to the other meanwhile; the ledger owes each event once.
 *
 * A thread of its own, from the first backfill on, does one after the other: the store's
 * calls block, and the journal's thread must not wait for them.  It holds the store for
 * one page at a time, so that the store can be removed.  The interface belongs to the
 * core's thread; answers come from the backfills' own.
 */
#ifndef BACKFILL_H
#define BACKFILL_H

#include "core/journal.h"
#include "core/request.h"
#include "core/services.h"

typedef struct _Backfills Backfills;

/* Both stay the caller's, and are needed until backfills_free(). */
Backfills *backfills_new (Journal *journal, Services *services);

/* Does what the request "backfill" asks, and answers it; takes a reference.  `since`: not
 * what was received before: nanoseconds since 1970. */
void backfills_start (Backfills *backfills, Request *request, gint64 since);

/* Ipmid ends: at the next page the one that runs gives up, and none begins. */
void backfills_stop (Backfills *backfills);

/* Waits for the thread: after journal_end(), since it may wait for the journal.  Who was not
 * answered yet is told that ipmid ends. */
void backfills_free (Backfills *backfills);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Backfills, backfills_free)

#endif
