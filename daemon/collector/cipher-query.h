/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cipher-query.h - asks a BMC for its cipher suites, before there is a session.
 *
 * Get Channel Cipher Suites (IPMI 2.0, section 22.15), unauthenticated: whoever
 * can change what the BMC says can make it say less.  To rule that out, the
 * user names the suite.  One thread.
 */
#ifndef CIPHER_QUERY_H
#define CIPHER_QUERY_H

#include "cipher.h"

#include <OpenIPMI/ipmi_conn.h>

typedef struct _CipherQuery CipherQuery;

/* `offered` is empty if the BMC does not say.  Runs inside of OpenIPMI, once at
 * most, and never before cipher_query_new() has returned. */
typedef void (*CipherQueryFunc) (CipherSet offered, gpointer user_data);

/* Takes over a connection that has not been started, and closes it in the end.
 * NULL: the question could not be sent; the connection is closed. */
CipherQuery *cipher_query_new (ipmi_con_t *con, CipherQueryFunc done, gpointer user_data);

/* Closes the connection; `done` is not called any more.  Not from `done`. */
void cipher_query_free (CipherQuery *query);

#endif
