/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* routes.c - see routes.h. */
#include "routes.h"

#include "events.h"
#include "exchange.h"
#include "sensors.h"

#include <string.h>

#define API "/api/v1"

static const RouteQuery dead_query[]
    = { { "handler", ROUTE_TEXT }, { "after", ROUTE_TEXT }, { "limit", ROUTE_INTEGER }, { NULL, ROUTE_TEXT } };

static const RouteQuery events_query[] = {
  { "bmc", ROUTE_TEXT },      { "severity", ROUTE_TEXT }, { "kind", ROUTE_TEXT },   { "sensor", ROUTE_TEXT },
  { "text", ROUTE_TEXT },     { "since", ROUTE_TEXT },    { "until", ROUTE_TEXT },  { "order", ROUTE_TEXT },
  { "limit", ROUTE_INTEGER }, { "after", ROUTE_TEXT },    { "follow", ROUTE_FLAG }, { NULL, ROUTE_TEXT },
};

/* clang-format off */
const Route routes[] = {
  { ROUTE_GET, API, NULL, routes_serve, NULL, "these routes", NULL },
  { ROUTE_GET, API "/status", "status", NULL, NULL, "daemon, collectors, handlers, and how many BMCs are up", NULL },
  { ROUTE_GET, API "/bmcs", "bmcs", NULL, NULL, "all BMCs", NULL },
  { ROUTE_GET, API "/bmcs/{bmc}", "bmcs", NULL, NULL, "one BMC", NULL },
  { ROUTE_GET, API "/bmcs/{bmc}/sensors", NULL, sensors_serve, NULL, "its sensors and their last readings", NULL },
  { ROUTE_POST, API "/bmcs/{bmc}/rescan", "rescan", NULL, NULL, "read its whole SEL again", NULL },
  { ROUTE_POST, API "/bmcs/{bmc}/clear-sel", "clear-sel", NULL, NULL, "clear its SEL", NULL },
  { ROUTE_POST, API "/bmcs/{bmc}/power", "power", NULL, NULL, "ask for its power, or switch it", NULL },
  { ROUTE_POST, API "/bmcs/{bmc}/log", "log", NULL, NULL, "an event with a text of yours", NULL },
  { ROUTE_POST, API "/bmcs/{bmc}/silence", "silence", NULL, NULL, "keep still about it for a while", NULL },
  { ROUTE_GET, API "/events", NULL, events_serve, events_query, "events, and those to come", NULL },
  { ROUTE_GET, API "/events/{id*}", NULL, events_serve_one, NULL, "one event", NULL },
  { ROUTE_GET, API "/handlers", "status", NULL, NULL, "all handlers", "handlers" },
  { ROUTE_POST, API "/handlers/{handler}/backfill", "backfill", NULL, NULL, "give it what the store and the journal still have", NULL },
  { ROUTE_GET, API "/dead", "dead-list", NULL, dead_query, "dead letters", NULL },
  { ROUTE_POST, API "/dead/{handler}/replay", "dead-replay", NULL, NULL, "deliver its dead letters after all", NULL },
  { ROUTE_POST, API "/dead/{handler}/drop", "dead-drop", NULL, NULL, "forget its dead letters", NULL },
  { ROUTE_POST, API "/dead/{handler}/{id*}/replay", "dead-replay", NULL, NULL, "deliver one after all", NULL },
  { ROUTE_POST, API "/dead/{handler}/{id*}/drop", "dead-drop", NULL, NULL, "forget one", NULL },
  { ROUTE_GET, API "/dead/{handler}/{id*}", "dead-show", NULL, NULL, "one dead letter", NULL },
  { ROUTE_POST, API "/reload", "reload", NULL, NULL, "read the configuration again", NULL },
  { ROUTE_POST, API "/check", "check", NULL, NULL, "what is wrong with the configuration file", NULL },
  { .pattern = NULL },
};
/* clang-format on */

/* Whether a segment of a pattern is {name} or {name*}. */
static gboolean
is_argument (const char *segment, gboolean *many)
{
  gsize length = strlen (segment);

  *many = length > 3 && segment[length - 2] == '*';
  return segment[0] == '{';
}

static void
add_argument (GPtrArray *arguments, const char *segment, char *value)
{
  g_ptr_array_add (arguments, g_strndup (segment + 1, strcspn (segment + 1, "*}")));
  g_ptr_array_add (arguments, value);
}

/* Both without the empty word before the first slash; `n` and `m` words. */
static gboolean
match (char **pattern, guint n, char **path, guint m, GPtrArray *arguments)
{
  guint at = 0;

  for (guint i = 0; i < n; i++)
    {
      gboolean many;
      if (at >= m || *path[at] == '\0')
        return FALSE;
      if (!is_argument (pattern[i], &many))
        {
          if (strcmp (pattern[i], path[at++]) != 0)
            return FALSE;
          continue;
        }
      /* What the rest of the pattern does not need. */
      guint words = many && m - at > n - i ? m - at - (n - i) + 1 : 1;
      char *after = path[at + words];
      path[at + words] = NULL;
      char *value = g_strjoinv ("/", path + at);
      path[at + words] = after;
      add_argument (arguments, pattern[i], value);
      at += words;
    }
  return at == m;
}

static gboolean
matches (const char *pattern, char **path, guint m, GPtrArray *arguments)
{
  g_auto (GStrv) words = g_strsplit (pattern + 1, "/", -1);
  guint before = arguments->len;

  if (match (words, g_strv_length (words), path, m, arguments))
    return TRUE;
  g_ptr_array_set_size (arguments, (int) before);
  return FALSE;
}

const Route *
routes_find (const char *path, RouteMethod method, GPtrArray *arguments, guint *allowed)
{
  *allowed = 0;
  if (path[0] != '/')
    return NULL;
  g_auto (GStrv) words = g_strsplit (path + 1, "/", -1);
  guint n = g_strv_length (words);
  for (const Route *route = routes; route->pattern != NULL; route++)
    {
      if (!matches (route->pattern, words, n, arguments))
        continue;
      *allowed |= route->method;
      if (route->method == method)
        return route;
      g_ptr_array_set_size (arguments, 0);
    }
  return NULL;
}

static json_t *
describe (const Route *route)
{
  json_t *query = json_array ();

  for (const RouteQuery *at = route->query; at != NULL && at->name != NULL; at++)
    json_array_append_new (query, json_string (at->name));
  return json_pack ("{s:s, s:s, s:o, s:s}", "method", route->method == ROUTE_GET ? "GET" : "POST", "path",
                    route->pattern, "query", query, "help", route->help);
}

void
routes_serve (Exchange *exchange)
{
  json_t *list = json_array ();

  for (const Route *route = routes; route->pattern != NULL; route++)
    json_array_append_new (list, describe (route));
  exchange_answer (exchange, MHD_HTTP_OK, json_pack ("{s:o}", "routes", list));
}
