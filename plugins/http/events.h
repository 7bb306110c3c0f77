/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events.h - GET /events and /events/ID: from a store if there is one, else from memory; see routes.h. */
#ifndef EVENTS_H
#define EVENTS_H

typedef struct _Exchange Exchange;

void events_serve (Exchange *exchange);
void events_serve_one (Exchange *exchange);

#endif
