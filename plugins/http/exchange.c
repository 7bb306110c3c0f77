/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exchange.c - see exchange.h. */
#include "exchange.h"

#include "arguments.h"
#include "json.h"
#include "server.h"

#include <string.h>

#define STREAM_BLOCK 16384

struct _Exchange
{
  gatomicrefcount references;
  Http *http; /* both are valid while there is a connection, or a task */
  Server *server;
  const Route *route; /* NULL: there is none, or it is answered already */
  gboolean dispatched;
  gsize received;
  GString *body;
  Arguments *collected; /* until it is dispatched */
  GVariant *arguments;  /* from then on */

  GMutex lock;
  struct MHD_Connection *connection; /* NULL: it is gone */
  gboolean suspended;
  guint status;
  struct MHD_Response *response; /* NULL: not answered */
};

/* ------------------------------------------------------------- life and death */

Exchange *
exchange_ref (Exchange *exchange)
{
  g_atomic_ref_count_inc (&exchange->references);
  return exchange;
}

void
exchange_unref (Exchange *exchange)
{
  if (!g_atomic_ref_count_dec (&exchange->references))
    return;
  if (exchange->response != NULL)
    MHD_destroy_response (exchange->response);
  g_string_free (exchange->body, TRUE);
  arguments_free (exchange->collected);
  g_clear_pointer (&exchange->arguments, g_variant_unref);
  g_mutex_clear (&exchange->lock);
  g_free (exchange);
}

void
exchange_end (Exchange *exchange)
{
  g_mutex_lock (&exchange->lock);
  exchange->connection = NULL;
  exchange->suspended = FALSE;
  g_mutex_unlock (&exchange->lock);
  exchange_unref (exchange);
}

IpmidHost *
exchange_host (const Exchange *exchange)
{
  return exchange->http->host;
}

Feed *
exchange_feed (const Exchange *exchange)
{
  return exchange->http->feed;
}

GVariant *
exchange_arguments (const Exchange *exchange)
{
  return exchange->arguments;
}

gboolean
exchange_is_dispatched (const Exchange *exchange)
{
  return exchange->dispatched;
}

/* ------------------------------------------------------------------- answers */

/* Takes the response.  The first one counts. */
static void
answer (Exchange *exchange, guint status, struct MHD_Response *response)
{
  g_mutex_lock (&exchange->lock);
  gboolean first = exchange->response == NULL && exchange->connection != NULL;
  if (first)
    {
      exchange->status = status;
      exchange->response = response;
      if (exchange->suspended)
        MHD_resume_connection (exchange->connection);
      exchange->suspended = FALSE;
    }
  g_mutex_unlock (&exchange->lock);
  if (!first)
    MHD_destroy_response (response);
}

static void
add_headers (struct MHD_Response *response, const char *type)
{
  MHD_add_response_header (response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
  MHD_add_response_header (response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  MHD_add_response_header (response, "X-Content-Type-Options", "nosniff");
}

static struct MHD_Response *
render (json_t *object)
{
  char *text = json_dumps (object, JSON_COMPACT);
  struct MHD_Response *response;

  json_decref (object);
  if (text == NULL)
    text = strdup ("{}");
  response = MHD_create_response_from_buffer (strlen (text), text, MHD_RESPMEM_MUST_FREE);
  add_headers (response, "application/json");
  return response;
}

void
exchange_answer (Exchange *exchange, guint status, json_t *object)
{
  answer (exchange, status, render (object));
}

static const char *
word_of (guint status)
{
  static const struct
  {
    guint status;
    const char *word;
  } words[] = {
    { MHD_HTTP_BAD_REQUEST, "invalid" },
    { MHD_HTTP_FORBIDDEN, "not_allowed" },
    { MHD_HTTP_NOT_FOUND, "not_found" },
    { MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed" },
    { MHD_HTTP_CONFLICT, "conflict" },
    { MHD_HTTP_CONTENT_TOO_LARGE, "too_large" },
    { MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported_type" },
    { MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (words[i].status == status)
      return words[i].word;
  return "failed";
}

void
exchange_fail (Exchange *exchange, guint status, const char *format, ...)
{
  va_list words;

  va_start (words, format);
  g_autofree char *message = g_strdup_vprintf (format, words);
  va_end (words);
  exchange_answer (exchange, status, json_error (word_of (status), message));
}

static void
refuse_method (Exchange *exchange, guint allowed)
{
  gboolean get = (allowed & ROUTE_GET) != 0, post = (allowed & ROUTE_POST) != 0;
  struct MHD_Response *response = render (
      json_error (word_of (MHD_HTTP_METHOD_NOT_ALLOWED), get ? "this can only be read" : "this needs a POST"));

  MHD_add_response_header (response, MHD_HTTP_HEADER_ALLOW,
                           get && post ? "GET, HEAD, POST" : (get ? "GET, HEAD" : "POST"));
  answer (exchange, MHD_HTTP_METHOD_NOT_ALLOWED, response);
}

enum MHD_Result
exchange_reply (Exchange *exchange)
{
  enum MHD_Result result = MHD_YES;

  g_mutex_lock (&exchange->lock);
  if (exchange->response != NULL)
    result = MHD_queue_response (exchange->connection, exchange->status, exchange->response);
  g_mutex_unlock (&exchange->lock);
  return result;
}

void
exchange_abandon (Exchange *exchange)
{
  exchange_fail (exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "ipmid ends, or starts its handlers afresh");
}

/* The connection sleeps until there is an answer.  FALSE: there is one now. */
static gboolean
suspend (Exchange *exchange)
{
  gboolean sleeps;

  if (server_is_closing (exchange->server))
    exchange_abandon (exchange);
  g_mutex_lock (&exchange->lock);
  sleeps = exchange->response == NULL;
  if (sleeps)
    {
      exchange->suspended = TRUE;
      MHD_suspend_connection (exchange->connection);
    }
  g_mutex_unlock (&exchange->lock);
  return sleeps;
}

/* -------------------------------------------------------------------- stream */

/* FeedHooks; the feed's lock keeps them apart. */
static void
stream_wait (gpointer connection)
{
  MHD_suspend_connection (connection);
}

static void
stream_wake (gpointer connection)
{
  MHD_resume_connection (connection);
}

static ssize_t
read_stream (void *data, G_GNUC_UNUSED uint64_t position, char *buffer, size_t size)
{
  gssize n = follower_read (data, buffer, size);

  return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void
free_stream (void *data)
{
  follower_free (data);
}

void
exchange_follow (Exchange *exchange, Query *query)
{
  const FeedHooks hooks = { stream_wait, stream_wake, exchange->connection };
  Follower *follower = feed_follow (exchange_feed (exchange), query, &hooks);

  if (follower == NULL)
    {
      exchange_fail (exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "too many follow the events already");
      return;
    }
  struct MHD_Response *response
      = MHD_create_response_from_callback (MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, follower, free_stream);
  add_headers (response, "application/x-ndjson");
  answer (exchange, MHD_HTTP_OK, response);
}

/* ---------------------------------------------------------------- the request */

static const char *
header (struct MHD_Connection *connection, const char *name)
{
  return MHD_lookup_connection_value (connection, MHD_HEADER_KIND, name);
}

/* What says two things about where it ends is an attack on somebody before us. */
static gboolean
check_framing (Exchange *exchange)
{
  const char *length = header (exchange->connection, MHD_HTTP_HEADER_CONTENT_LENGTH);

  if (length != NULL && header (exchange->connection, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL)
    {
      exchange_fail (exchange, MHD_HTTP_BAD_REQUEST, "Content-Length and Transfer-Encoding do not go together");
      return FALSE;
    }
  return TRUE;
}

static gboolean
add_path_arguments (Exchange *exchange, GPtrArray *words)
{
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i + 1 < words->len; i += 2)
    if (!arguments_add_text (exchange->collected, words->pdata[i], words->pdata[i + 1], &error))
      {
        exchange_fail (exchange, MHD_HTTP_BAD_REQUEST, "%s", error->message);
        return FALSE;
      }
  return TRUE;
}

static gboolean
parse_method (const char *word, RouteMethod *method)
{
  gboolean get = strcmp (word, MHD_HTTP_METHOD_GET) == 0 || strcmp (word, MHD_HTTP_METHOD_HEAD) == 0;

  *method = get ? ROUTE_GET : ROUTE_POST;
  return get || strcmp (word, MHD_HTTP_METHOD_POST) == 0;
}

static void
find_route (Exchange *exchange, const char *url, const char *method_word)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  RouteMethod method;
  guint allowed, others;
  gboolean known = parse_method (method_word, &method);
  const Route *route = routes_find (url, method, words, &allowed);

  if (!known && route != NULL)
    {
      g_ptr_array_set_size (words, 0);
      routes_find (url, ROUTE_GET, words, &others);
      refuse_method (exchange, allowed | others);
    }
  else if (route == NULL && allowed != 0)
    refuse_method (exchange, allowed);
  else if (route == NULL)
    exchange_fail (exchange, MHD_HTTP_NOT_FOUND, "there is nothing here; GET /api/v1 shows what there is");
  else if (add_path_arguments (exchange, words))
    exchange->route = route;
}

Exchange *
exchange_new (Http *http, Server *server, struct MHD_Connection *connection, const char *url, const char *method)
{
  Exchange *exchange = g_new0 (Exchange, 1);

  g_atomic_ref_count_init (&exchange->references);
  g_mutex_init (&exchange->lock);
  exchange->http = http;
  exchange->server = server;
  exchange->connection = connection;
  exchange->body = g_string_new (NULL);
  exchange->collected = arguments_new ();
  if (check_framing (exchange))
    find_route (exchange, url, method);
  return exchange;
}

gboolean
exchange_take_body (Exchange *exchange, const char *data, gsize length)
{
  exchange->received += length;
  if (exchange->received <= EXCHANGE_BODY_MAX)
    g_string_append_len (exchange->body, data, (gssize) length);
  return exchange->received <= EXCHANGE_PATIENCE;
}

typedef struct
{
  Exchange *exchange;
  GError *error;
} QueryReader;

static enum MHD_Result
take_query (void *data, G_GNUC_UNUSED enum MHD_ValueKind kind, const char *name, const char *value)
{
  QueryReader *reader = data;
  Exchange *exchange = reader->exchange;

  return arguments_add_query (exchange->collected, exchange->route->query, name, value, &reader->error) ? MHD_YES
                                                                                                        : MHD_NO;
}

/* A browser sends JSON to another site only after asking for leave; so a page
 * elsewhere cannot make it do anything here. */
static gboolean
is_json (Exchange *exchange)
{
  const char *type = header (exchange->connection, MHD_HTTP_HEADER_CONTENT_TYPE);

  return type != NULL && g_ascii_strncasecmp (type, "application/json", strlen ("application/json")) == 0;
}

static gboolean
read_arguments (Exchange *exchange)
{
  QueryReader reader = { exchange, NULL };
  gboolean good = TRUE;

  if (exchange->received > EXCHANGE_BODY_MAX)
    {
      exchange_fail (exchange, MHD_HTTP_CONTENT_TOO_LARGE, "the body is longer than %u bytes", EXCHANGE_BODY_MAX);
      return FALSE;
    }
  if (exchange->body->len > 0 && !is_json (exchange))
    {
      exchange_fail (exchange, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "the body has to be application/json");
      return FALSE;
    }
  MHD_get_connection_values (exchange->connection, MHD_GET_ARGUMENT_KIND, take_query, &reader);
  good = reader.error == NULL
         && (exchange->body->len == 0
             || arguments_add_json (exchange->collected, exchange->body->str, exchange->body->len, &reader.error));
  if (!good)
    exchange_fail (exchange, MHD_HTTP_BAD_REQUEST, "%s", reader.error->message);
  g_clear_error (&reader.error);
  exchange->arguments = g_variant_ref_sink (arguments_end (exchange->collected));
  return good;
}

/* ------------------------------------------------------------------ who answers */

static guint
status_of (const GError *error)
{
  return error->domain == IPMID_REQUEST_ERROR && error->code >= 400 && error->code <= 599
             ? (guint) error->code
             : MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static json_t *
select_member (json_t *object, const char *only)
{
  json_t *selected = only == NULL ? NULL : json_object_get (object, only);

  if (selected == NULL)
    return object;
  selected = json_pack ("{s:O}", only, selected);
  json_decref (object);
  return selected;
}

/* IpmidReplyFunc; a thread of the core, perhaps after the connection is gone. */
static void
on_reply (gpointer data, GVariant *reply, const GError *error)
{
  Exchange *exchange = data;

  if (reply != NULL)
    exchange_answer (exchange, MHD_HTTP_OK, select_member (json_from_variant (reply), exchange->route->only));
  else
    exchange_fail (exchange, status_of (error), "%s", error->message);
  exchange_unref (exchange);
}

void
exchange_dispatch (Exchange *exchange)
{
  const Route *route = exchange->route;

  exchange->dispatched = TRUE;
  if (route == NULL || !read_arguments (exchange))
    return; /* answered */
  if (route->request == NULL)
    route->serve (exchange);
  else if (suspend (exchange))
    ipmid_host_request (exchange_host (exchange), route->request, exchange->arguments, on_reply,
                        exchange_ref (exchange));
}

void
exchange_defer (Exchange *exchange, void (*function) (Exchange *exchange))
{
  if (suspend (exchange))
    server_defer (exchange->server, exchange, function);
}
