/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-http.c - libFuzzer: a path, the arguments behind its "?", and a body.
 *
 * The input is lines: the path as libmicrohttpd gives it, NAME=VALUE each, an
 * empty line, and the body.
 */
#include "../../plugins/http/arguments.h"
#include "../../plugins/http/exchange.h"
#include "../../plugins/http/json.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* What is refused has a reason, which can be told. */
static void
check (gboolean good, GError **error)
{
  g_assert (good == (*error == NULL));
  if (!good)
    {
      json_t *told = json_error ("invalid", (*error)->message);
      g_assert (json_string_value (json_object_get (told, "message")) != NULL);
      json_decref (told);
    }
  g_clear_error (error);
}

static void
use_query (GVariant *arguments)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Query) query = query_new (arguments, &error);

  g_assert ((query == NULL) == (error != NULL));
  g_assert (query == NULL || query->store.limit <= IPMID_STORE_EVENTS_MAX);
}

static void
use_route (const Route *route, GPtrArray *words, char **lines, const char *body)
{
  g_autoptr (Arguments) arguments = arguments_new ();
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < words->len; i += 2)
    check (arguments_add_text (arguments, words->pdata[i], words->pdata[i + 1], &error), &error);
  for (; *lines != NULL && **lines != '\0'; lines++)
    {
      char *value = strchr (*lines, '=');
      if (value != NULL)
        *value++ = '\0';
      check (arguments_add_query (arguments, route->query, *lines, value, &error), &error);
    }
  check (arguments_add_json (arguments, body, strlen (body), &error), &error);
  g_autoptr (GVariant) all = g_variant_ref_sink (arguments_end (arguments));
  json_t *json = json_from_variant (all);
  g_assert (json_is_object (json));
  json_decref (json);
  if (strcmp (route->pattern, "/api/v1/events") == 0)
    use_query (all);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  char *body = strstr (text, "\n\n");
  g_auto (GStrv) lines = NULL;
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  guint allowed;

  if (body != NULL)
    *body = '\0';
  lines = g_strsplit (text, "\n", -1);
  if (lines[0] == NULL)
    return 0;
  for (guint method = ROUTE_GET; method <= ROUTE_POST; method <<= 1)
    {
      g_ptr_array_set_size (words, 0);
      const Route *route = routes_find (lines[0], (RouteMethod) method, words, &allowed);
      g_assert (words->len % 2 == 0 && (route == NULL || (allowed & method) != 0));
      if (route != NULL)
        use_route (route, words, lines + 1, body == NULL ? "" : body + 2);
    }
  return 0;
}
