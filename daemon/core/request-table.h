/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request-table.h - who answers what plugins ask (request.h). */
#ifndef REQUEST_TABLE_H
#define REQUEST_TABLE_H

#include "core/core.h"
#include "core/request.h"

/* HandlerHooks.request; `core` is a Core.  Any thread: it is run on the core's. */
void request_dispatch (gpointer core, Request *request);

/* Whoever waits for a reload (Core.reload_waiters), and that the one with this number
 * has ended; `error` NULL: well. */
GPtrArray *request_reload_waiters_new (void);
void request_on_reloaded (Core *core, guint number, const GError *error);

#endif
