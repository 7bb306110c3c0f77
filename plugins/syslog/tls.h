/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tls.h - TLS on a connected, non-blocking socket (RFC 5425).
 *
 * By OpenSSL: GIO's TLS needs a module that has to be there at run time.  The
 * peer is always verified: its certificate and the name in it.
 */
#ifndef TLS_H
#define TLS_H

#include "patience.h"

/* Files in PEM format; the caller's. */
typedef struct
{
  const char *ca;          /* NULL: the system's authorities */
  const char *certificate; /* ours, and its chain; NULL: none */
  const char *key;         /* NULL: in the same file */
  const char *name;        /* of the peer; NULL: the host's */
} TlsFiles;

typedef struct _Tls Tls;

/* Whether the files are what they have to be; reads them. */
gboolean tls_check (const TlsFiles *files, GError **error);

/* Shakes hands; `fd` stays the caller's and must outlive it. */
Tls *tls_new (const TlsFiles *files, const char *host, int fd, const Patience *patience, GError **error);
void tls_free (Tls *tls);

/* How much was written, 0 if it has to wait until the socket takes more, -1. */
gssize tls_write (Tls *tls, const char *bytes, gsize length, GError **error);

/* Throws away what has come; FALSE if that is the end. */
gboolean tls_listen (Tls *tls, GError **error);

#endif
