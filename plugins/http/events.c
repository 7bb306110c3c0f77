/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * events.c - see events.h.
 *
 * The answer is {"source": "store" or "memory", "events": [newest first …],
 * "next": what `after` of the next page is}; from memory it also has "since", the
 * time from which on there are any.  A store is asked on a thread that may wait.
 */
#include "events.h"

#include "exchange.h"
#include "json.h"

static json_t *
parse_event (const char *text, gsize length)
{
  json_t *event = json_loadb (text, length, 0, NULL);

  return event == NULL ? json_object () : event;
}

static void
add_next (json_t *answer, const char *next)
{
  if (next != NULL)
    json_object_set_new (answer, "next", json_string (next));
}

/* ------------------------------------------------------------------ from memory */

static json_t *
render (IpmidHost *host, const IpmidEvent *event)
{
  g_autoptr (GString) line = g_string_new (NULL);

  ipmid_event_render (host, event, IPMID_FORMAT_JSON, line);
  return parse_event (line->str, line->len);
}

static void
answer_from_memory (Exchange *exchange, const Query *query)
{
  IpmidHost *host = exchange_host (exchange);
  gboolean more;
  g_autoptr (GPtrArray) found = feed_latest (exchange_feed (exchange), query, &more);
  json_t *events = json_array ();
  json_t *answer = json_pack ("{s:s, s:o}", "source", "memory", "events", events);
  g_autofree char *since = json_format_time (feed_since (exchange_feed (exchange)));

  json_object_set_new (answer, "since", json_string (since));
  for (guint i = 0; i < found->len; i++)
    json_array_append_new (events, render (host, found->pdata[i]));
  if (more)
    add_next (answer, ipmid_event_string (host, found->pdata[found->len - 1], IPMID_FIELD_ID));
  for (guint i = 0; i < found->len; i++)
    ipmid_event_unref (host, found->pdata[i]);
  exchange_answer (exchange, MHD_HTTP_OK, answer);
}

/* ----------------------------------------------------------------- from a store */

static guint
status_of (const GError *error)
{
  if (error->domain != IPMID_STORE_ERROR)
    return MHD_HTTP_INTERNAL_SERVER_ERROR;
  switch ((IpmidStoreError) error->code)
    {
    case IPMID_STORE_ERROR_INVALID:
      return MHD_HTTP_BAD_REQUEST;
    case IPMID_STORE_ERROR_NOT_FOUND:
      return MHD_HTTP_NOT_FOUND;
    case IPMID_STORE_ERROR_UNAVAILABLE:
    case IPMID_STORE_ERROR_TOO_SLOW:
      return MHD_HTTP_SERVICE_UNAVAILABLE;
    case IPMID_STORE_ERROR_FAILED:
      break;
    }
  return MHD_HTTP_INTERNAL_SERVER_ERROR;
}

/* IpmidStoreEventFunc */
static void
add_stored (gpointer data, const IpmidStoreEvent *event)
{
  json_array_append_new (data, parse_event (event->json, strlen (event->json)));
}

static void
answer_from_store (Exchange *exchange, const Query *query, const IpmidStore *store)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *next = NULL;
  json_t *events = json_array ();
  json_t *answer = json_pack ("{s:s, s:o}", "source", "store", "events", events);

  if (ipmid_store_events (store, &query->store, add_stored, events, &next, &error))
    {
      add_next (answer, next);
      exchange_answer (exchange, MHD_HTTP_OK, answer);
      return;
    }
  json_decref (answer);
  exchange_fail (exchange, status_of (error), "%s", error->message);
}

static void
ask_store (Exchange *exchange)
{
  IpmidHost *host = exchange_host (exchange);
  g_autoptr (GError) error = NULL;
  g_autoptr (Query) query = query_new (exchange_arguments (exchange), &error);
  const IpmidStore *store = ipmid_host_lookup (host, IPMID_STORE_SERVICE);

  if (store == NULL) /* it has just gone */
    {
      answer_from_memory (exchange, query);
      return;
    }
  answer_from_store (exchange, query, store);
  ipmid_host_release (host, IPMID_STORE_SERVICE);
}

static gboolean
has_store (IpmidHost *host)
{
  if (ipmid_host_lookup (host, IPMID_STORE_SERVICE) == NULL)
    return FALSE;
  ipmid_host_release (host, IPMID_STORE_SERVICE);
  return TRUE;
}

void
events_serve (Exchange *exchange)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Query) query = query_new (exchange_arguments (exchange), &error);

  if (query == NULL)
    exchange_fail (exchange, MHD_HTTP_BAD_REQUEST, "%s", error->message);
  else if (query->follow)
    exchange_follow (exchange, g_steal_pointer (&query));
  else if (has_store (exchange_host (exchange)))
    exchange_defer (exchange, ask_store);
  else
    answer_from_memory (exchange, query);
}
