/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * store-page.h - a page of events of the store that some handler offers (ipmid/store.h).
 *
 * Not on the core's nor on the journal's thread: it may take seconds.
 */
#ifndef STORE_PAGE_H
#define STORE_PAGE_H

#include "core/services.h"
#include "event/event.h"

typedef struct
{
  const char *except;    /* this handler's own store is none */
  gint64 received_since; /* received_since <= received < received_until: nanoseconds since 1970 */
  gint64 received_until;
  char *place;       /* where the next page begins; at first NULL */
  GPtrArray *events; /* IpmidEvent, of the last page, in the order in which they were stored */
  gboolean is_there; /* there is a store; else nothing was read */
  gboolean is_last;  /* there is nothing behind it now; a page again begins with it */
  gint64 unreadable; /* rows of this page that are no events, and of those before it */
  gint64 unreadable_before;
} StorePage;

/* Everything in it but `except` and the times is empty then. */
void store_page_init (StorePage *page);
void store_page_clear (StorePage *page);

/* The next one, with the store held meanwhile.  TRUE without a store.  FALSE and an error
 * of ipmid/store.h: nothing was read, and it can be tried again. */
gboolean store_page_read (StorePage *page, Services *services, GError **error);

#endif
