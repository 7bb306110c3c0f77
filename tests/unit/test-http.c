/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-http.c - the http plugin's table of routes, its arguments, JSON, and feed. */
#include "plugin-bench-host.h"

#include "../../plugins/http/arguments.h"
#include "../../plugins/http/feed.h"
#include "../../plugins/http/json.h"
#include "../../plugins/http/listener.h"
#include "../../plugins/http/routes.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------------- routes */

static void
test_table (void)
{
  for (const Route *route = routes; route->pattern != NULL; route++)
    {
      g_assert_true (g_str_has_prefix (route->pattern, "/api/v1"));
      g_assert_false (g_str_has_suffix (route->pattern, "/"));
      g_assert_true ((route->request == NULL) != (route->serve == NULL));
      g_assert_nonnull (route->help);
      for (const Route *other = route + 1; other->pattern != NULL; other++)
        g_assert_false (route->method == other->method && strcmp (route->pattern, other->pattern) == 0);
    }
}

static void
test_find (void)
{
  /* The path, the pattern behind /api/v1 (NULL: none), and name=value of its arguments. */
  static const struct
  {
    const char *path;
    RouteMethod method;
    const char *pattern, *arguments;
  } cases[] = {
    { "/api/v1", ROUTE_GET, "", "" },
    { "/api/v1/status", ROUTE_GET, "/status", "" },
    { "/api/v1/status", ROUTE_POST, NULL, "" },
    { "/api/v1/status/", ROUTE_GET, NULL, "" },
    { "/api/v1/bmcs/b0", ROUTE_GET, "/bmcs/{bmc}", "bmc=b0" },
    { "/api/v1/bmcs/sensors", ROUTE_GET, "/bmcs/{bmc}", "bmc=sensors" },
    { "/api/v1/bmcs/b0/sensors", ROUTE_GET, "/bmcs/{bmc}/sensors", "bmc=b0" },
    { "/api/v1/bmcs//sensors", ROUTE_GET, NULL, "" },
    { "/api/v1/bmcs/a/b/sensors", ROUTE_GET, NULL, "" },
    { "/api/v1/dead/h/b/1/2", ROUTE_GET, "/dead/{handler}/{id*}", "handler=h id=b/1/2" },
    { "/api/v1/dead/h/x", ROUTE_GET, "/dead/{handler}/{id*}", "handler=h id=x" },
    { "/api/v1/dead/h/b/1/2/replay", ROUTE_POST, "/dead/{handler}/{id*}/replay", "handler=h id=b/1/2" },
    { "/api/v1/dead/h/replay", ROUTE_POST, "/dead/{handler}/replay", "handler=h" },
    { "/api/v1/dead/h/replay/replay", ROUTE_POST, "/dead/{handler}/{id*}/replay", "handler=h id=replay" },
    { "/api/v1/dead/h", ROUTE_GET, NULL, "" },
    { "/api/v1/events", ROUTE_GET, "/events", "" },
    { "/api/v1/events/b/1/2", ROUTE_GET, "/events/{id*}", "id=b/1/2" },
    { "/api/v1/events/", ROUTE_GET, NULL, "" },
    { "api/v1", ROUTE_GET, NULL, "" },
    { "", ROUTE_GET, NULL, "" },
    { "/", ROUTE_GET, NULL, "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
      g_autoptr (GString) text = g_string_new (NULL);
      guint allowed;
      const Route *route = routes_find (cases[i].path, cases[i].method, words, &allowed);

      for (guint j = 0; j < words->len; j += 2)
        g_string_append_printf (text, "%s%s=%s", j == 0 ? "" : " ", (char *) words->pdata[j],
                                (char *) words->pdata[j + 1]);
      g_assert_cmpstr (route == NULL ? NULL : route->pattern + strlen ("/api/v1"), ==, cases[i].pattern);
      g_assert_cmpstr (text->str, ==, cases[i].arguments);
      if (route != NULL)
        g_assert_cmpuint (allowed & cases[i].method, !=, 0);
    }
}

/* ---------------------------------------------------------------------- arguments */

static char *
take_json (const char *text)
{
  g_autoptr (Arguments) arguments = arguments_new ();
  g_autoptr (GError) error = NULL;

  if (!arguments_add_json (arguments, text, strlen (text), &error))
    {
      g_assert_error (error, IPMID_REQUEST_ERROR, IPMID_REQUEST_INVALID);
      return NULL;
    }
  g_autoptr (GVariant) all = g_variant_ref_sink (arguments_end (arguments));
  return g_variant_print (all, TRUE);
}

static void
test_json_arguments (void)
{
  static const char *const bad[] = { "",
                                     "{",
                                     "[]",
                                     "1",
                                     "{\"a\": null}",
                                     "{\"a\": {}}",
                                     "{\"a\": [1]}",
                                     "{\"a\":1,\"a\":2}",
                                     "{\"a\":99999999999999999999}",
                                     "{\"a\": \"\\u0000\"}",
                                     "{} x" };
  g_autofree char *good = take_json ("{\"s\": \"t\", \"i\": -5}");
  g_autofree char *flags = take_json ("{\"b\": true, \"d\": 1.5, \"l\": [\"x\", \"y\"]}");

  g_assert_nonnull (strstr (good, "'s': <'t'>"));
  g_assert_nonnull (strstr (good, "'i': <int64 -5>"));
  g_assert_nonnull (strstr (flags, "'b': <true>"));
  g_assert_nonnull (strstr (flags, "'l': <['x', 'y']>"));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (take_json (bad[i]));
}

/* --------------------------------------------------------------------------- JSON */

static void
test_json (void)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (
      g_variant_new_parsed ("{'n': <int64 5>, 'since': <int64 1500000000000000000>, 'time': <int64 0>, 'd': <1.5>,"
                            " 'list': <[{'a': <true>}]>, 'words': <['x', 'y']>, 'event_json': <'{\"id\":\"q\"}'>}"));
  json_t *json = json_from_variant (value);
  json_t *list = json_object_get (json, "list");

  g_assert_cmpint (json_integer_value (json_object_get (json, "n")), ==, 5);
  g_assert_cmpstr (json_string_value (json_object_get (json, "since")), ==, "2017-07-14T02:40:00Z");
  g_assert_true (json_is_null (json_object_get (json, "time")));
  g_assert_true (json_is_true (json_object_get (json_array_get (list, 0), "a")));
  g_assert_cmpuint (json_array_size (json_object_get (json, "words")), ==, 2);
  g_assert_cmpstr (json_string_value (json_object_get (json_object_get (json, "event"), "id")), ==, "q");
  json_decref (json);
}

static void
test_json_oddities (void)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_double ((double) INFINITY));
  g_autofree char *time = json_format_time (G_GINT64_CONSTANT (1500000000250000000));
  json_t *null = json_from_variant (value), *error = json_error ("x", "bad \xff");

  g_assert_true (json_is_null (null));
  g_assert_nonnull (json_string_value (json_object_get (error, "message")));
  g_assert_cmpstr (time, ==, "2017-07-14T02:40:00.250000Z");
  json_decref (null);
  json_decref (error);
}

/* --------------------------------------------------------------------------- feed */

static Query *
query (const char *text)
{
  g_autoptr (GVariant) arguments = g_variant_ref_sink (g_variant_new_parsed (text));
  g_autoptr (GError) error = NULL;
  Query *made = query_new (arguments, &error);

  g_assert_no_error (error);
  return made;
}

static void
feed_numbers (Feed *feed, const char *bmc, guint first, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (IpmidEvent) event = bench_event (bmc, first + i);
      IpmidEvent *const events[] = { event };
      feed_add (feed, events, 1);
    }
}

static void
count (gpointer number)
{
  ++*(guint *) number;
}

typedef struct
{
  guint waits, wakes;
} Hooks;

static void
on_wait (gpointer data)
{
  count (&((Hooks *) data)->waits);
}

static void
on_wake (gpointer data)
{
  count (&((Hooks *) data)->wakes);
}

/* All that is there now, read in pieces of this size. */
static char *
read_lines (Follower *follower, gsize size)
{
  GString *text = g_string_new (NULL);
  g_autofree char *piece = g_malloc (size);
  gssize n;

  while ((n = follower_read (follower, piece, size)) > 0)
    g_string_append_len (text, piece, n);
  return g_string_free (text, FALSE);
}

static void
test_follow (void)
{
  g_autoptr (BenchHost) host = bench_host_new ("file");
  Feed *feed = feed_new (&host->host, 4);
  Hooks hooks = { 0 };
  const FeedHooks functions = { on_wait, on_wake, &hooks };

  feed_numbers (feed, "b0", 1, 10);
  Follower *follower = feed_follow (feed, query ("{'follow': <true>, 'limit': <int64 2>}"), &functions);
  g_autofree char *backlog = read_lines (follower, 7);
  g_auto (GStrv) lines = g_strsplit (backlog, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 3);
  g_assert_cmpuint (hooks.waits, ==, 1);
  feed_numbers (feed, "b0", 11, 3);
  g_assert_cmpuint (hooks.wakes, ==, 1); /* once, however much comes */
  g_autofree char *more = read_lines (follower, 4096);
  g_auto (GStrv) more_lines = g_strsplit (more, "\n", -1);
  g_assert_cmpuint (g_strv_length (more_lines), ==, 4);
  feed_end (feed);
  g_assert_cmpuint (hooks.wakes, ==, 2);
  char byte;
  g_assert_cmpint (follower_read (follower, &byte, 1), ==, -1);
  g_assert_null (feed_follow (feed, query ("{'follow': <true>}"), &functions));
  follower_free (follower);
  feed_free (feed);
}

/* A line that is half sent stays whole; what is dropped is told where it was. */
static void
test_slow_follower (void)
{
  g_autoptr (BenchHost) host = bench_host_new ("file");
  Feed *feed = feed_new (&host->host, 4);
  Hooks hooks = { 0 };
  const FeedHooks functions = { on_wait, on_wake, &hooks };
  Follower *follower = feed_follow (feed, query ("{'follow': <true>}"), &functions);
  char half[20];

  feed_numbers (feed, "b0", 1, 1);
  g_assert_cmpint (follower_read (follower, half, sizeof half), ==, sizeof half);
  feed_numbers (feed, "b0", 2, 1500);
  g_autofree char *rest = read_lines (follower, 1000);
  g_autofree char *text = g_strdup_printf ("%.*s%s", (int) sizeof half, half, rest);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint events = 0, dropped = 0;
  for (guint i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
    {
      json_t *line = json_loads (lines[i], 0, NULL);
      g_assert_nonnull (line);
      events += json_object_get (line, "id") != NULL;
      dropped += (guint) json_integer_value (json_object_get (line, "dropped"));
      json_decref (line);
    }
  g_assert_cmpuint (dropped, >, 0);
  g_assert_cmpuint (events + dropped, ==, 1501);
  follower_free (follower);
  feed_free (feed);
}

static void
test_latest (void)
{
  g_autoptr (BenchHost) host = bench_host_new ("file");
  Feed *feed = feed_new (&host->host, 5);
  g_autoptr (Query) of_b1 = query ("{'bmc': <'b1'>, 'limit': <int64 2>}");
  g_autoptr (Query) oldest = query ("{'order': <'oldest'>}");
  gboolean more;

  feed_numbers (feed, "b0", 1, 10);
  feed_numbers (feed, "b1", 1, 3);
  g_autoptr (GPtrArray) two = feed_latest (feed, of_b1, &more);
  g_assert_cmpuint (two->len, ==, 2);
  g_assert_true (more);
  g_autoptr (GPtrArray) all = feed_latest (feed, oldest, &more);
  g_assert_cmpuint (all->len, ==, 5);
  g_assert_false (more);
  g_ptr_array_set_free_func (two, (GDestroyNotify) event_unref);
  g_ptr_array_set_free_func (all, (GDestroyNotify) event_unref);
  feed_free (feed);
}

static void
test_find_event (void)
{
  g_autoptr (BenchHost) host = bench_host_new ("file");
  Feed *feed = feed_new (&host->host, 5);

  feed_numbers (feed, "b0", 1, 10);
  for (guint i = 1; i <= 11; i++)
    {
      g_autoptr (IpmidEvent) wanted = bench_event ("b0", i);
      g_autoptr (IpmidEvent) found = feed_find (feed, event_string (wanted, IPMID_FIELD_ID));
      g_assert_true ((found != NULL) == (i >= 6 && i <= 10));
      if (found != NULL)
        g_assert_cmpstr (event_string (found, IPMID_FIELD_ID), ==, event_string (wanted, IPMID_FIELD_ID));
    }
  feed_free (feed);
}

/* A store is asked for beginnings of words, as memory is. */
static void
test_query_text (void)
{
  g_autoptr (Query) words = query ("{'text': <'CPU1: Temp* (Straße)'>}");
  g_autoptr (GVariant) none = g_variant_ref_sink (g_variant_new_parsed ("{'text': <' * - '>}"));
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (words->store.text, ==, "CPU1* Temp* Straße*");
  g_assert_cmpstr (words->words[1], ==, "temp");
  g_assert_null (query_new (none, &error));
  g_assert_error (error, IPMID_REQUEST_ERROR, IPMID_REQUEST_INVALID);
}

/* ----------------------------------------------------------------------- listener */

static void
test_listener (void)
{
  g_autofree char *directory = bench_make_directory ();
  g_autofree char *deep = g_strdup_printf ("%s/%0*d", directory, 200, 0);
  g_autofree char *path = g_build_filename (deep, "socket", NULL);
  g_autoptr (GError) error = NULL;
  Listener first, second;
  struct stat status;
  guint before = bench_count_descriptors ();

  g_assert_cmpint (g_mkdir (deep, 0700), ==, 0);
  g_assert_true (listener_open (&first, path, 0640, NULL, &error));
  g_assert_cmpint (lstat (path, &status), ==, 0);
  g_assert_true (S_ISSOCK (status.st_mode));
  g_assert_cmpint (status.st_mode & 0777, ==, 0640);
  g_assert_false (listener_open (&second, path, 0640, NULL, &error));
  g_assert_nonnull (strstr (error->message, "another program serves"));
  g_clear_error (&error);
  g_unlink (path);
  g_assert_false (listener_is_there (&first));
  g_assert_true (listener_open (&second, path, 0640, NULL, &error));
  listener_close (&first); /* leaves alone what is not its own */
  g_assert_true (listener_is_there (&second));
  g_assert_false (listener_open (&first, path, 0640, "no-such-group", &error));
  listener_close (&second);
  g_assert_cmpint (lstat (path, &status), ==, -1);
  g_assert_cmpuint (bench_count_descriptors (), ==, before);
  bench_remove_directory (g_steal_pointer (&directory));
}

static void
test_mode (void)
{
  static const char *const bad[] = { "", "x", "0888", "07777", "-1", "0660x" };
  mode_t mode;

  g_assert_true (listener_parse_mode ("0660", &mode, NULL) && mode == 0660);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (listener_parse_mode (bad[i], &mode, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/table", test_table);
  g_test_add_func ("/http/find", test_find);
  g_test_add_func ("/http/json-arguments", test_json_arguments);
  g_test_add_func ("/http/json", test_json);
  g_test_add_func ("/http/json-oddities", test_json_oddities);
  g_test_add_func ("/http/follow", test_follow);
  g_test_add_func ("/http/slow-follower", test_slow_follower);
  g_test_add_func ("/http/latest", test_latest);
  g_test_add_func ("/http/find-event", test_find_event);
  g_test_add_func ("/http/query-text", test_query_text);
  g_test_add_func ("/http/listener", test_listener);
  g_test_add_func ("/http/mode", test_mode);
  return g_test_run ();
}
