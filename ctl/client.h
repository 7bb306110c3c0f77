/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client.h - HTTP on the Unix socket of an ipmid. */
#ifndef CLIENT_H
#define CLIENT_H

#include <glib.h>
#include <jansson.h>

/* Seconds; a BMC may take its time, and ipmid knows best when it has taken too long (core/errand.h). */
#define CLIENT_ANSWER_TIMEOUT 300

typedef struct _Client Client;

/* For the socket at `path`, however long that is. */
Client *client_new (const char *path, GError **error);
void client_free (Client *client);

/* `body`: NULL for a GET.  FALSE: there was no answer (IPMID_ERROR_UNAVAILABLE, or
 * IPMID_ERROR_FILE if the socket may not be opened), or one that is none
 * (IPMID_ERROR_PROTOCOL).  `status` is HTTP's; the caller owns the answer. */
gboolean client_request (Client *client, const char *path, json_t *body, long *status, json_t **answer, GError **error);

/* One line of JSON as it came, without the newline. */
typedef void (*ClientLineFunc) (gpointer user_data, const char *line, gsize length);

/* Reads lines for as long as they come; TRUE when ipmid has ended them in order.  A
 * status of 400 or more has an answer as above. */
gboolean client_follow (Client *client, const char *path, ClientLineFunc on_line, gpointer user_data, long *status,
                        json_t **answer, GError **error);

#endif
