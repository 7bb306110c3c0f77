/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stream.h - the pipes of a program that stays.
 *
 * Nothing here waits: the pipes are non-blocking on our side.
 */
#ifndef STREAM_H
#define STREAM_H

#include "ack.h"

typedef struct
{
  int in;          /* the program's standard input; -1: closed */
  int out;         /* the program's standard output; -1: it is not read */
  gboolean broken; /* the program has closed its side */
  GString *unsent; /* what the pipe has not taken yet */
  guint64 queued;  /* bytes ever added */
  guint64 taken;   /* bytes that the program has read */
  AckReader answers;
} Stream;

void stream_init (Stream *stream);

/* Closes the pipes and forgets what was unsent. */
void stream_close (Stream *stream);

/* Closes and frees. */
void stream_clear (Stream *stream);

/* Makes new pipes.  `ends` gets what the program is to have as its standard
 * input and output, to be closed once it has been started; -1 for no output. */
gboolean stream_open (Stream *stream, gboolean answered, int ends[2], GError **error);

/* Adds the event; returns the value of `taken` at which it has been read. */
guint64 stream_add (Stream *stream, const GString *text);

/* Writes what the pipe takes, and looks whether the program has read any more. */
gboolean stream_push (Stream *stream);

/* Reads what there is of the answers.  TRUE if there was any. */
gboolean stream_pull (Stream *stream);

#endif
