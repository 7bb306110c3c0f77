/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request.h - what a plugin asks of the core, and that it is answered exactly once.
 *
 * A handler has a book of its open requests.  A request may wander between
 * threads; whoever has it answers it, or lets go of it, which is an answer, too.
 * What it says and how it is answered is behind the book's lock.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <ipmid/plugin.h>

typedef struct _RequestBook RequestBook;
typedef struct _Request Request;

RequestBook *request_book_new (void);
void request_book_unref (RequestBook *book);

/* What is open is answered with UNAVAILABLE; so is everything later, at once.
 * Returns when no callback runs any more, so not from within one. */
void request_book_close (RequestBook *book);

/* Any thread.  A floating `arguments` is taken; NULL: none.  NULL, and the callback
 * has been called, if the book is closed or too many requests are open. */
Request *request_new (RequestBook *book, const char *method, GVariant *arguments, IpmidReplyFunc callback,
                      gpointer user_data);
Request *request_ref (Request *request);
/* The last one to let go of it answers it with UNAVAILABLE if nobody has. */
void request_unref (Request *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Request, request_unref)

const char *request_method (const Request *request);
/* a{sv}, the request's. */
GVariant *request_arguments (const Request *request);

/* An argument that request_check() has found good; the text is the request's.
 * NULL, FALSE: it was not given. */
const char *request_text (const Request *request, const char *name);
gboolean request_flag (const Request *request, const char *name);
gboolean request_integer (const Request *request, const char *name, gint64 *value);

/* Answers: the first one counts.  Any thread, without a lock that a callback might
 * need.  A floating `reply` (a{sv}) is taken. */
void request_answer (Request *request, GVariant *reply);
void request_fail (Request *request, IpmidRequestError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

#endif
