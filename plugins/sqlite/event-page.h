/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event-page.h - a question for a page of events, as SQL.
 *
 * Each filter that narrows much stands at the front of an index that ends with the
 * time, and the statement names its index: the plan does not depend on what SQLite
 * believes of the table, and reads little more than the page.  "This severity or
 * worse" would break that order; so it is one search for each severity, and SQLite
 * merges them.
 *
 * Pure: no database.
 */
#ifndef EVENT_PAGE_H
#define EVENT_PAGE_H

#include <ipmid/store.h>

typedef struct
{
  char *sql;   /* ?1 is the sensor's name, ?2 the words; one row more than `limit` */
  char *words; /* for ?2, in the language of FTS5; NULL: none */
  guint limit; /* rows of the page */
} EventPage;

/* `bmc`: the row of query->bmc; 0 if there is no such filter. */
gboolean event_page_init (EventPage *page, const IpmidStoreEventQuery *query, gint64 bmc, GError **error);
void event_page_clear (EventPage *page);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (EventPage, event_page_clear)

/* Where the next page goes on: behind this row.  Free with g_free(). */
char *event_page_token (gint64 time, gint64 seq);

/* The columns of every statement that gives events, of the tables event and bmc. */
#define EVENT_PAGE_COLUMNS                                                                                             \
  "event.seq, event.id, bmc.name, event.time, event.received, event.kind, event.severity, event.sensor, event.text,"   \
  " event.json"

#endif
