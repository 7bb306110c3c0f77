/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resolve.h - the names of a connection become numeric addresses.
 *
 * Asking a name server blocks, so it happens on a thread of its own, of which
 * there are a few at a time; what is numeric already needs none.
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "core/connection.h"

/* `addresses` ends with NULL, has as many entries as the connection has hosts
 * (none for "smi"), and belongs to the caller of this function; it is NULL if
 * `error` says why there are none. */
typedef void (*ResolveFunc) (const char *const *addresses, const GError *error, gpointer user_data);

/* How many questions are asked at a time.  Belongs to the thread that made it. */
typedef struct _Resolver Resolver;

Resolver *resolver_new (guint threads);
/* Questions that are not answered must have been cancelled. */
void resolver_free (Resolver *resolver);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Resolver, resolver_free)

/* Whether a name server is asked: an address that is numeric stays the same. */
gboolean resolve_has_names (const Connection *connection);

/* A question under way.  It goes by itself when it is answered or cancelled. */
typedef struct _Resolve Resolve;

/* Calls `callback` once, on the thread-default main context of the caller,
 * never before this function has returned; then the question is gone.
 * `connection` is copied as far as it is needed. */
Resolve *resolve_connection (Resolver *resolver, const Connection *connection, ResolveFunc callback,
                             gpointer user_data);

/* `callback` will not be called any more, so user_data may go.  Before it was
 * called, and on its thread only. */
void resolve_cancel (Resolve *resolve);

#endif
