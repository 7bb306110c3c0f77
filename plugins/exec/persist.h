/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * persist.h - a program that stays, and what it has been handed.
 *
 * An event that was handed over stands in a list until its verdict has been
 * given to the host.  So a delivery that is broken off by its deadline costs
 * nothing: when the event comes again it is not written a second time, and an
 * answer that came meanwhile is still there.  Only with the program dies the
 * list.
 */
#ifndef PERSIST_H
#define PERSIST_H

#include "exec.h"
#include "spawn.h"
#include "stream.h"

/* An event that the program has been handed. */
typedef struct
{
  char *id;
  guint64 end;          /* where it ends in the stream */
  IpmidVerdict verdict; /* the program's answer; NONE: not yet */
  char *reason;         /* the program's words */
} Handed;

struct _Persist
{
  Exec *exec;
  Child child;
  Stream stream;
  GPtrArray *handed;  /* Handed, in the order of the stream */
  gint64 progress_at; /* when the program last read or answered something */
  gint64 restart_at;
  guint failures;   /* deaths since it last handled something */
  gboolean stopped; /* ipmid has been asked to stop */
  char *last_words; /* how the last one ended */
};

/* Whether the program answers for each event. */
gboolean persist_is_answered (const Persist *persist);

/* Has a program to hand events to, waiting for its time to be started again.
 * FALSE with NULL words: cancelled.  Free the words with g_free(). */
gboolean persist_make_ready (Persist *persist, const IpmidBatch *batch, char **words);

/* The program has ended, or has to: ends what is left of it, and says so in
 * last_words.  `fault` says what it did wrong; NULL if it just ended or closed
 * its pipes. */
void persist_lose (Persist *persist, const char *fault);

/* Takes the answers that were read; returns what is wrong with one, or NULL.
 * Free with g_free(). */
char *persist_take_answers (Persist *persist);

#endif
