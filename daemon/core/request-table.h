/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request-table.h - who answers what plugins ask (request.h). */
#ifndef REQUEST_TABLE_H
#define REQUEST_TABLE_H

#include "core/request.h"

/* HandlerHooks.request; `core` is a Core.  Any thread: it is run on the core's. */
void request_dispatch (gpointer core, Request *request);

#endif
