/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transfer.h - what every transfer with libcurl has in common: limits, TLS,
 * where it may go.
 *
 * libcurl's global state is counted by libcurl itself, under a lock of its own
 * since 7.84 (curl_global_init(3), CURL_VERSION_THREADSAFE), so handlers may be
 * opened and closed on several threads at once.  A handle belongs to one thread at a time.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <curl/curl.h>
#include <glib.h>

/* All belong to the caller, and have to last as long as the transfer. */
typedef struct
{
  const char *protocols;          /* "http,https": no others, whatever a server says */
  const char *ca_file;            /* PEM; NULL: those of the system */
  const char *client_certificate; /* PEM; NULL: none */
  const char *client_key;         /* PEM; NULL: it stands with the certificate */
  const char *proxy;              /* NULL: none, whatever the environment says */
  gint64 connect_timeout;         /* microseconds: name, connection, TLS */
  gint64 total_timeout;           /* microseconds, from the start to the last byte */
  const GPtrArray *denied;        /* networks.h; may be NULL */
} TransferOptions;

typedef struct
{
  CURL *easy;
  const TransferOptions *options;
  char error[CURL_ERROR_SIZE];
  char *refused; /* the address in a network that is denied; NULL: there was none */
} Transfer;

/* Counted; an error says that this libcurl cannot be used. */
gboolean transfer_start_library (GError **error);
void transfer_end_library (void);

/* A handle with everything above set: no redirects, no signals, TLS 1.2 at least,
 * the peer verified.  `transfer` must stay where it is until transfer_clear(). */
gboolean transfer_init (Transfer *transfer, const TransferOptions *options);
void transfer_clear (Transfer *transfer);

/* Why it failed, for people, without what the user's URL says beyond the host. */
char *transfer_describe_error (const Transfer *transfer, CURLcode code);

/* Whether the files of the options can be used: the key is nobody else's to read. */
gboolean transfer_check_files (const TransferOptions *options, GError **error);

#endif
