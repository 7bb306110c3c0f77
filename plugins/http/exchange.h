/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exchange.h - one request of a client, and its answer.
 *
 * It is begun and read on the server's thread.  Who answers it may be anybody:
 * meanwhile the connection sleeps.  It outlives its connection while the core
 * still works on it; then the answer goes nowhere.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "http.h"
#include "routes.h"

#include <jansson.h>
#include <microhttpd.h>

/* The longest body; and how much of a longer one is read, only to say so. */
#define EXCHANGE_BODY_MAX (16u * 1024)
#define EXCHANGE_PATIENCE (256u * 1024)

/* ---- for who serves a route; any thread ---- */

IpmidHost *exchange_host (const Exchange *exchange);
Feed *exchange_feed (const Exchange *exchange);
/* a{sv}, the exchange's. */
GVariant *exchange_arguments (const Exchange *exchange);

/* Each request is answered once, by one of these. */

/* Takes the object.  `status`: MHD_HTTP_OK … */
void exchange_answer (Exchange *exchange, guint status, json_t *object);
/* {"error": …, "message": …} */
void exchange_fail (Exchange *exchange, guint status, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* Lines of JSON without an end.  On the server's thread; takes the query. */
void exchange_follow (Exchange *exchange, Query *query);

/* Has it served by `function` on another thread, which may block for a while. */
void exchange_defer (Exchange *exchange, void (*function) (Exchange *exchange));

/* ---- for the server ---- */

/* On the first sight of a request. */
Exchange *exchange_new (Http *http, Server *server, struct MHD_Connection *connection, const char *url,
                        const char *method);
/* A part of the body.  FALSE: it is so long that the connection is to be closed. */
gboolean exchange_take_body (Exchange *exchange, const char *data, gsize length);
/* The request is complete: finds out what it wants, and who answers. */
void exchange_dispatch (Exchange *exchange);
gboolean exchange_is_dispatched (const Exchange *exchange);
/* Queues the answer; nothing if it is not there yet. */
enum MHD_Result exchange_reply (Exchange *exchange);
/* An answer for who is not answered in time, because all ends. */
void exchange_abandon (Exchange *exchange);
/* The connection is gone: gives the server's reference back. */
void exchange_end (Exchange *exchange);

Exchange *exchange_ref (Exchange *exchange);
void exchange_unref (Exchange *exchange);

#endif
