/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * events.c - see events.h.
 *
 * The answer is {"source": "store" or "memory", "events": [newest first …],
 * "next": what `after` of the next page is}; from memory it also has "since", the
 * time from which on there are any.  One event is in "event" instead.  A store is
 * asked on a thread that may wait.
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

/* Takes what was found. */
static json_t *
remembered (Exchange *exchange, const char *name, json_t *found)
{
  g_autofree char *since = json_format_time (feed_since (exchange_feed (exchange)));

  return json_pack ("{s:s, s:s, s:o}", "source", "memory", "since", since, name, found);
}

/* Whether that is from memory, where an id says where to go on, and not what a page
 * from a store had, which may be gone by now: who goes on with that would find nothing
 * more, and take it for all. */
static gboolean
is_remembered_place (const char *after)
{
  return strchr (after, '/') != NULL;
}

static void
answer_from_memory (Exchange *exchange, const Query *query)
{
  IpmidHost *host = exchange_host (exchange);
  gboolean more;

  if (query->store.after != NULL && !is_remembered_place (query->store.after))
    {
      exchange_fail (exchange, MHD_HTTP_BAD_REQUEST,
                     "after is not what a page gave as its next: no handler stores events (now), so they come from "
                     "memory");
      return;
    }
  g_autoptr (GPtrArray) found = feed_latest (exchange_feed (exchange), query, &more);
  json_t *events = json_array ();
  json_t *answer = remembered (exchange, "events", events);
  for (guint i = 0; i < found->len; i++)
    json_array_append_new (events, render (host, found->pdata[i]));
  if (more)
    add_next (answer, ipmid_event_string (host, found->pdata[found->len - 1], IPMID_FIELD_ID));
  for (guint i = 0; i < found->len; i++)
    ipmid_event_unref (host, found->pdata[i]);
  exchange_answer (exchange, MHD_HTTP_OK, answer);
}

static void
answer_one_from_memory (Exchange *exchange, const char *id)
{
  IpmidHost *host = exchange_host (exchange);
  IpmidEvent *event = feed_find (exchange_feed (exchange), id);

  if (event == NULL)
    {
      exchange_fail (exchange, MHD_HTTP_NOT_FOUND,
                     "there is no event \"%s\" among the latest ones, and no handler stores older ones", id);
      return;
    }
  exchange_answer (exchange, MHD_HTTP_OK, remembered (exchange, "event", render (host, event)));
  ipmid_event_unref (host, event);
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
answer_one_from_store (Exchange *exchange, const char *id, const IpmidStore *store)
{
  g_autoptr (GError) error = NULL;
  json_t *events = json_array ();

  if (ipmid_store_event (store, id, add_stored, events, &error))
    exchange_answer (exchange, MHD_HTTP_OK,
                     json_pack ("{s:s, s:O}", "source", "store", "event", json_array_get (events, 0)));
  else
    exchange_fail (exchange, status_of (error), "%s", error->message);
  json_decref (events);
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

/* The id of the path. */
static const char *
wanted_id (Exchange *exchange)
{
  const char *id = "";

  g_variant_lookup (exchange_arguments (exchange), "id", "&s", &id);
  return id;
}

static void
ask_store_for_one (Exchange *exchange)
{
  IpmidHost *host = exchange_host (exchange);
  const IpmidStore *store = ipmid_host_lookup (host, IPMID_STORE_SERVICE);

  if (store == NULL)
    {
      answer_one_from_memory (exchange, wanted_id (exchange));
      return;
    }
  answer_one_from_store (exchange, wanted_id (exchange), store);
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

void
events_serve_one (Exchange *exchange)
{
  if (has_store (exchange_host (exchange)))
    exchange_defer (exchange, ask_store_for_one);
  else
    answer_one_from_memory (exchange, wanted_id (exchange));
}
