/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire.h - the way to a syslog server or the journal.
 *
 * Everything runs on the handler's worker thread, and nothing takes longer than
 * the caller's patience.  After a failure the wire is closed.
 */
#ifndef WIRE_H
#define WIRE_H

#include "local.h"
#include "patience.h"
#include "tls.h"

typedef enum
{
  WIRE_UNIX,    /* a local socket, of datagrams or a stream, as it comes */
  WIRE_JOURNAL, /* the journal's own: datagrams */
  WIRE_UDP,
  WIRE_TCP,
  WIRE_TLS,
} WireKind;

/* Where to; the caller's, needed as long as the wire. */
typedef struct
{
  WireKind kind;
  const char *path; /* of a local socket */
  const char *host; /* a name or an address */
  guint16 port;
  gint64 settle; /* microseconds; see wire_confirm() */
  TlsFiles tls;
} WireEnd;

typedef struct
{
  const WireEnd *end;
  GSocket *socket; /* NULL: not connected */
  Tls *tls;        /* NULL: none */
  LocalId local;   /* of a local socket */
} Wire;

/* Connects, unless it is connected and the other side has not closed. */
gboolean wire_open (Wire *wire, const Patience *patience, GError **error);
void wire_close (Wire *wire);
gboolean wire_is_open (const Wire *wire);

/* Whether it is a stream, in which messages need a frame. */
gboolean wire_is_stream (const Wire *wire);

/* Writes all of it; to a socket of datagrams as one, and
 * G_IO_ERROR_MESSAGE_TOO_LARGE leaves the wire open. */
gboolean wire_send (Wire *wire, const char *bytes, gsize length, const Patience *patience, GError **error);

/* Waits until the other side has what was sent, as far as that can be known:
 *   local    the receiver has read it
 *   UDP      nobody was there to refuse it; it may be lost on its way
 *   TCP, TLS the receiver's kernel has it, and the connection has stood for
 *            `settle` since, or for half of the time that was left: a receiver that dies with something unread resets it */
gboolean wire_confirm (Wire *wire, const Patience *patience, GError **error);

#endif
