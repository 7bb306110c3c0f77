/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ack.h - what a program answers: "OK <id>", "RETRY <id> [reason]",
 * "REJECT <id> [reason]", one a line.
 *
 * Pure: bytes in, answers out.  The bytes are not to be trusted.
 */
#ifndef ACK_H
#define ACK_H

#include <ipmid/plugin.h>

#define ACK_LINE_MAX (64u * 1024u)

/* Cuts a stream of bytes into lines. */
typedef struct
{
  GString *bytes;
  gsize start; /* of the first line that was not taken yet */
} AckReader;

typedef enum
{
  ACK_MORE,     /* no whole line yet */
  ACK_LINE,     /* a line */
  ACK_TOO_LONG, /* a line of more than ACK_LINE_MAX bytes */
} AckState;

typedef struct
{
  IpmidVerdict verdict; /* DONE, RETRY or REJECT */
  const char *rest;     /* "<id> [reason]", inside the line */
} Ack;

void ack_reader_init (AckReader *reader);
void ack_reader_clear (AckReader *reader);

/* Adds what was read. */
void ack_reader_push (AckReader *reader, const char *bytes, gsize length);

/* The next line, without its end, NUL-terminated; valid until the next call. */
AckState ack_reader_next (AckReader *reader, const char **line, gsize *length);

/* FALSE for nonsense. */
gboolean ack_parse (const char *line, gsize length, Ack *ack);

/* Whether the answer is about this event.  An id may contain spaces, so the
 * answer alone does not say where it ends.  `*reason` is "" if there is none;
 * free it with g_free(). */
gboolean ack_names (const Ack *ack, const char *id, char **reason);

/* Bytes of a program as text that harms no log: short, without controls. */
char *ack_printable (const char *bytes, gsize length);

#endif
