/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.h - group commit: everything that must not be forgotten goes through here.
 *
 * A thread of its own owns the store and the ledger.  Work is submitted from
 * any thread, runs on the journal's in the order of submission, as many as are
 * waiting in one transaction, and is reported done only when the transaction
 * is on disk.
 *
 * No room (disk full, or the journal at its limit): intake waits, so that the
 * SELs buffer; what settles deliveries and thereby makes room goes on, from a
 * ballast if need be.  Any other error is final: the thread stops, and the core
 * has to start afresh from disk.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include "core/ledger.h"
#include "core/room.h"

#include <stdio.h>

typedef struct _Journal Journal;

typedef enum
{
  JOURNAL_INTAKE,  /* brings something in; waits while there is no room */
  JOURNAL_SETTLE,  /* answers, attempts, deletes */
  JOURNAL_LOOK_UP, /* changes nothing, or may be given up: it does not wait for room */
} JournalClass;

/* Runs on the journal's thread inside a transaction; again after a rollback. */
typedef gboolean (*JournalWork) (Ledger *ledger, gpointer data, GError **error);

/* Called once, on the journal's thread, and takes `data`.  committed FALSE: the
 * journal has failed or has ended, and nothing of the work is on disk.  Of what is
 * submitted after that, it is called by journal_submit() itself. */
typedef void (*JournalDone) (gpointer data, gboolean committed);

/* The journal has failed; on its thread. */
typedef void (*JournalFailed) (const GError *error, gpointer user_data);

typedef struct
{
  const char *directory; /* NULL: in memory */
  RoomLimits limits;     /* intake waits beyond them */
  JournalFailed on_failed;
  gpointer user_data;
} JournalOptions;

Journal *journal_open (const JournalOptions *options, GError **error);

/* The ledger, before journal_start() only. */
Ledger *journal_ledger (Journal *journal);

gboolean journal_start (Journal *journal, GError **error);

void journal_submit (Journal *journal, JournalClass class, JournalWork work, JournalDone done, gpointer data);

/* Like journal_submit(), but the journal is not woken for it: it goes into the
 * transaction of what is submitted next.  Whoever does not submit anything next calls
 * journal_wake(). */
void journal_submit_quietly (Journal *journal, JournalClass class, JournalWork work, JournalDone done, gpointer data);
void journal_wake (Journal *journal);

/* Like journal_submit(), but waits; not from the journal's thread.  FALSE: not
 * on disk. */
gboolean journal_run (Journal *journal, JournalClass class, JournalWork work, gpointer data);

/* Whether intake waits for room.  Any thread. */
gboolean journal_is_full (Journal *journal);

/* RoomLimits.size_limit.  Any thread. */
gint64 journal_size_limit (Journal *journal);

/* Why intake waits for room, in words that last for ever; NULL: it does not.  Any
 * thread. */
const char *journal_get_shortage (Journal *journal);

/* New limits.  Any thread. */
void journal_set_limits (Journal *journal, const RoomLimits *limits);

/* How much of its size limit the journal takes, in per cent.  On its thread. */
gint64 journal_measure (Journal *journal);

/* Ipmid is about to end: nobody waits for room any more; what cannot be
 * committed is owed when it starts again.  Any thread. */
void journal_hurry (Journal *journal);

/* Commits what is waiting, then ends the thread.  What is submitted from then on is
 * refused.  The core's thread. */
void journal_end (Journal *journal);

/* Ends it, closes the store and frees it: nobody has it any more. */
void journal_close (Journal *journal);

/* For people: one paragraph a dead letter.  Works beside a running ipmid. */
gboolean journal_print_dead_letters (const char *state_dir, FILE *out, GError **error);

#endif
