/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store-page.c - see store-page.h. */
#include "core/store-page.h"

#include "core/handler.h"
#include "core/log.h"
#include "event/parse.h"

#include <ipmid/store.h>
#include <string.h>

/* Rows that the store looks at for one page. */
#define PAGE 256

void
store_page_init (StorePage *page)
{
  page->place = NULL;
  page->events = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  page->is_there = page->is_last = FALSE;
  page->unreadable = page->unreadable_before = 0;
}

void
store_page_clear (StorePage *page)
{
  g_clear_pointer (&page->place, g_free);
  g_clear_pointer (&page->events, g_ptr_array_unref);
}

/* What the store has is a file of the user's: it may say anything. */
static void
on_event (gpointer user_data, const IpmidStoreEvent *stored)
{
  StorePage *page = user_data;
  g_autoptr (GError) error = NULL;

  if (stored->received < page->received_since || stored->received >= page->received_until)
    return;
  IpmidEvent *event = parse_event (stored->json, &error);
  if (event != NULL)
    {
      g_ptr_array_add (page->events, event);
      return;
    }
  const LogContext context = { .event = stored->id };
  if (page->unreadable++ + page->unreadable_before == 0)
    log_line (IPMID_LOG_WARNING, &context, "an event of the store cannot be read, and is not backfilled: %s",
              error->message);
}

/* The store is held. */
static gboolean
ask (StorePage *page, const IpmidStore *store, GError **error)
{
  const IpmidStoreEventQuery query
      = { .size = sizeof query, .oldest_first = TRUE, .by_arrival = TRUE, .limit = PAGE, .after = page->place };
  char *next = NULL;

  if (!ipmid_store_events (store, &query, on_event, page, &next, error))
    return FALSE;
  page->is_last = next == NULL;
  if (page->is_last)
    return TRUE;
  g_free (page->place);
  page->place = next;
  page->unreadable_before += page->unreadable;
  page->unreadable = 0;
  return TRUE;
}

/* Who offers it, an IpmidHost, is a handler, and stays while the store is held. */
static gboolean
is_excepted (const StorePage *page, Services *services)
{
  const Handler *offerer = services_offerer (services, IPMID_STORE_SERVICE);

  return offerer == NULL || strcmp (handler_name (offerer), page->except) == 0;
}

gboolean
store_page_read (StorePage *page, Services *services, GError **error)
{
  const IpmidStore *store = services_lookup (services, page, IPMID_STORE_SERVICE);

  g_ptr_array_set_size (page->events, 0);
  page->unreadable = 0;
  page->is_there = store != NULL && !is_excepted (page, services);
  gboolean good = !page->is_there || ask (page, store, error);
  if (store != NULL)
    services_release (services, page, IPMID_STORE_SERVICE);
  return good;
}
