/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal-private.h - what the files behind journal.h share.
 *
 *   journal.c         life, and what other threads submit
 *   journal-thread.c  the thread: what waits becomes one transaction
 *   journal-room.c    limits, and a disk that is full
 *
 * Other threads share what is under the lock, and `shortage`.  Everything else in the
 * struct belongs to the journal's thread once it runs.
 */
#ifndef JOURNAL_PRIVATE_H
#define JOURNAL_PRIVATE_H

#include "core/ballast.h"
#include "core/journal.h"

/* How long to wait before trying again to find room: microseconds. */
#define JOURNAL_FULL_PAUSE (1 * G_USEC_PER_SEC)

typedef struct
{
  JournalClass class;
  JournalWork work;
  JournalDone done;
  gpointer data;
} JournalCommand;

struct _Journal
{
  Store *store;
  char *directory; /* NULL: in memory */
  Ledger *ledger;
  Ballast *ballast; /* NULL: in memory */
  gint64 log_limit; /* the size of the ballast that the log's limit was made from */
  JournalFailed on_failed;
  gpointer user_data;
  GThread *thread;

  GMutex lock;
  GCond changed;
  GQueue queue;      /* JournalCommand; under the lock */
  gboolean closing;  /* under the lock */
  gboolean hurried;  /* under the lock */
  gboolean failed;   /* written under the lock, by the journal's thread */
  RoomLimits limits; /* under the lock */

  const char *shortage; /* atomic: why intake waits; NULL: it does not */
  gint64 full_until;    /* when to try the next intake; 0 while there is room */
  GQueue held;          /* JournalCommand: intake that waits for room */
  guint commits;
};

/* ---------------------------------------------------------- journal-thread.c */

/* The thread's function. */
gpointer journal_thread_run (gpointer journal);

/* Calls the JournalDone of each JournalCommand, and frees them. */
void journal_thread_finish (GQueue *commands, gboolean committed);

/* ------------------------------------------------------------ journal-room.c */

/* The log's limit follows the size of the ballast.  The journal's thread, or before it
 * runs; so are the others. */
void journal_room_limit_log (Journal *journal);

/* Whether intake may run now; says so when that changes. */
gboolean journal_room_may_take_in (Journal *journal);

/* Intake has been committed: there is room. */
void journal_room_set_room (Journal *journal);

/* The disk is full. */
void journal_room_set_none (Journal *journal);

#endif
