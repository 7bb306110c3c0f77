/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server.h - libmicrohttpd on our socket, and the limits of its clients.
 *
 * 64 connections; 15 seconds for a request to arrive as a whole, and for a
 * connection that does nothing; 32 KiB of memory for each.  A request that waits
 * for its answer, and one that follows the events, may take their time.
 */
#ifndef SERVER_H
#define SERVER_H

#include "exchange.h"

/* Serves http->listener.  NULL: `error` says why. */
Server *server_new (Http *http, GError **error);

/* Answers what is open, and ends.  The core has answered everything before. */
void server_free (Server *server);

/* Connections that have had time enough are closed.  Returns in how many
 * microseconds to come again, -1 if nobody is connected.  `*fd` becomes readable
 * when somebody is, to be cleared by this. */
gint64 server_look_after (Server *server, int *fd);

/* ---- for exchange.c ---- */

gboolean server_is_closing (Server *server);
/* Calls the function on a thread of a pool. */
void server_defer (Server *server, Exchange *exchange, void (*function) (Exchange *exchange));

#endif
