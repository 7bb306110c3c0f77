/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crash-note.h - which event a plugin had in hand when its thread made ipmid crash.
 *
 * A thread says what it is about to give a plugin.  If it dies of a fatal signal
 * in that call, a signal handler writes so into a small file in the state
 * directory, and ipmid dies as it would have.  The next ipmid reads the note.
 *
 * Only the thread's own doing counts: a fault, abort(), a failed assertion, an
 * endless recursion.  There is no note of a kill from outside, whatever the
 * signal, of an end in order, a power cut, an end for want of memory, or a crash
 * of another thread.  AddressSanitizer reports a fault as before, after the
 * note; what it finds itself is noted only if it ends by abort().
 *
 * Signals belong to the whole process, and so does what is here: one note at a
 * time.  It is opened, read and closed while no thread is in a call.
 */
#ifndef CRASH_NOTE_H
#define CRASH_NOTE_H

#include <glib.h>

/* A call of a plugin's deliver(). */
typedef struct
{
  gint64 handler; /* the ledger's numbers: */
  gint64 bmc;     /* of the first event */
  gint64 seq;     /* likewise */
  gint64 attempt; /* of that event, the first being 1 */
  guint n_events;
  gboolean worked; /* this handler had handled some other event since it was opened */
} CrashCall;

typedef struct
{
  CrashCall call;
  int signal;
} CrashNote;

/* Prepares the file in `state_dir` (made with mode 0600 if it is not there) and
 * takes over the fatal signals. */
gboolean crash_note_open (const char *state_dir, GError **error);

/* What the last ipmid left.  FALSE: nothing, or nothing that makes sense. */
gboolean crash_note_read (CrashNote *note);

/* Forgets that.  Any thread. */
void crash_note_empty (void);

/* Gives the signals back.  Does nothing if it is not open. */
void crash_note_close (void);

/* A call begins, and ends, on this thread.  `call` has to last so long. */
void crash_note_enter (const CrashCall *call);
void crash_note_leave (void);

/* Gives this thread a stack for its signals, so that one that has used up its own
 * can be noted, too.  What it returns is for crash_note_remove_stack(), at the end
 * of the thread; NULL: it has one, a sanitizer's perhaps. */
gpointer crash_note_add_stack (void);
void crash_note_remove_stack (gpointer stack);

/* "SIGSEGV" and so on; NULL: not one that is noted. */
const char *crash_note_signal_name (int number);

#endif
