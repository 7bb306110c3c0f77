/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show-events.c - events, latest last; see ctl.h. */
#include "ctl.h"
#include "field.h"
#include "when.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define LIMIT_DEFAULT 50
#define LIMIT_FOLLOW 10
#define PAGE_MAX 1000 /* ipmid gives no more at once */

/* Widths of what stands before the sentence; a longer name of a BMC moves it. */
#define BMC_WIDTH 12
#define SEVERITY_WIDTH 8
/* A sentence that would have less room goes on in the next line. */
#define TEXT_WIDTH_MIN 20

/* ------------------------------------------------------------------- one event */

static void
print_padded (Ctl *ctl, ScreenColour colour, const char *text, guint width)
{
  g_autofree char *clean = screen_clean (text);
  guint used = screen_width_of (clean);

  screen_print (ctl->screen, colour, clean);
  printf ("%*s", (int) (width - MIN (used, width)) + 2, "");
}

static void
print_event (Ctl *ctl, json_t *event)
{
  g_autofree char *time = field_time (event, field_text (event, "time")[0] != '\0' ? "time" : "received");
  const char *severity = field_text (event, "severity"), *bmc = field_text (event, "bmc");
  g_autofree char *name = screen_clean (bmc);
  g_autofree char *text = screen_clean (field_text (event, "text"));
  guint before = (guint) strlen (time) + 2 + MAX (screen_width_of (name), BMC_WIDTH) + 2 + SEVERITY_WIDTH + 2;
  guint room = ctl->screen->width - MIN (before, ctl->screen->width);
  g_autofree char *cut = screen_cut (text, room < TEXT_WIDTH_MIN ? G_MAXUINT : room);

  print_padded (ctl, SCREEN_FAINT, time, 19);
  print_padded (ctl, SCREEN_PLAIN, bmc, BMC_WIDTH);
  print_padded (ctl, screen_colour_of (severity), severity, SEVERITY_WIDTH);
  printf ("%s\n", cut);
}

/* As it came; on a terminal with nothing in it that could do something to it. */
static void
print_json (Ctl *ctl, json_t *event)
{
  json_dumpf (event, stdout, JSON_COMPACT | (ctl->screen->is_terminal ? JSON_ENSURE_ASCII : 0));
  putchar ('\n');
}

static void
print_one (Ctl *ctl, json_t *event)
{
  if (ctl->options.json)
    print_json (ctl, event);
  else
    print_event (ctl, event);
}

/* -------------------------------------------------------------------- the query */

static void
add_query (GString *query, const char *name, const char *value)
{
  if (value == NULL)
    return;
  g_string_append_printf (query, "%c%s=", query->len == 0 ? '?' : '&', name);
  g_string_append_uri_escaped (query, value, NULL, FALSE);
}

static gboolean
add_when (GString *query, const char *name, const char *text, GError **error)
{
  g_autofree char *time = NULL;

  if (text == NULL)
    return TRUE;
  time = when_parse (text, error);
  if (time == NULL)
    {
      g_prefix_error (error, "--%s: ", name);
      return FALSE;
    }
  add_query (query, name, time);
  return TRUE;
}

/* Without limit and page; NULL: the user has made a mistake. */
static GString *
make_query (Ctl *ctl, GError **error)
{
  const CtlOptions *options = &ctl->options;
  g_autoptr (GString) query = g_string_new (NULL);

  add_query (query, "bmc", options->bmc);
  add_query (query, "sensor", options->sensor);
  add_query (query, "text", options->text);
  add_query (query, "severity", options->severity == 0 ? NULL : ctl_severities[options->severity]);
  add_query (query, "kind", options->kind == 0 ? NULL : ctl_kinds[options->kind]);
  if (!add_when (query, "since", options->since, error) || !add_when (query, "until", options->until, error))
    return NULL;
  return g_steal_pointer (&query);
}

/* ------------------------------------------------------------------------ pages */

/* Newest first, up to the limit. */
static int
fetch (Ctl *ctl, const GString *query, json_t *events, json_t **last)
{
  gint64 limit = ctl->options.limit == 0 ? LIMIT_DEFAULT : ctl->options.limit;
  g_autofree char *after = NULL;
  int status = EX_OK;

  do
    {
      gint64 left = limit - (gint64) json_array_size (events);
      g_autofree char *page = g_strdup_printf ("%" G_GINT64_FORMAT, MIN (left, PAGE_MAX));
      g_autoptr (GString) whole = g_string_new (query->str);
      add_query (whole, "limit", page);
      add_query (whole, "after", after);
      g_autofree char *path = g_strconcat ("/api/v1/events", whole->str, NULL);
      json_decref (*last);
      *last = NULL;
      status = ctl_ask (ctl, "GET", path, NULL, last);
      if (status != EX_OK)
        break;
      json_array_extend (events, json_object_get (*last, "events"));
      g_free (after);
      after = g_strdup (json_string_value (json_object_get (*last, "next")));
    }
  while (after != NULL && (gint64) json_array_size (events) < limit);
  return status;
}

/* On a terminal only: somebody who sees nothing should know what there is to see. */
static void
explain (Ctl *ctl, json_t *answer, gsize n)
{
  g_autofree char *since = field_time (answer, "since");

  if (ctl->options.json || strcmp (field_text (answer, "source"), "memory") != 0)
    return;
  if (n == 0)
    fprintf (stderr, "No events since %s; no handler stores older ones.\n", since);
  else if (ctl->screen->is_terminal)
    fprintf (stderr, "The latest events since %s; no handler stores older ones.\n", since);
}

static int
show_pages (Ctl *ctl, const GString *query)
{
  json_t *events = json_array (), *last = NULL;
  int status = fetch (ctl, query, events, &last);

  for (gsize i = json_array_size (events); status == EX_OK && i > 0; i--)
    print_one (ctl, json_array_get (events, i - 1));
  fflush (stdout);
  if (status == EX_OK)
    explain (ctl, last, json_array_size (events));
  json_decref (events);
  json_decref (last);
  return status;
}

/* ----------------------------------------------------------------------- follow */

/* ClientLineFunc */
static void
on_line (gpointer data, const char *line, gsize length)
{
  Ctl *ctl = data;
  json_t *event = json_loadb (line, length, 0, NULL);

  if (json_is_object (event) && json_object_get (event, "dropped") != NULL)
    ctl_complain ("%" JSON_INTEGER_FORMAT " events are missing here: this terminal was too slow",
                  field_integer (event, "dropped"));
  else if (json_is_object (event))
    print_one (ctl, event);
  fflush (stdout);
  json_decref (event);
}

static int
follow (Ctl *ctl, GString *query)
{
  gint64 limit = ctl->options.limit == 0 ? LIMIT_FOLLOW : MIN (ctl->options.limit, PAGE_MAX);
  g_autofree char *number = g_strdup_printf ("%" G_GINT64_FORMAT, limit);
  g_autoptr (GError) error = NULL;
  json_t *answer = NULL;
  long status = 0;
  int end = EX_UNAVAILABLE;

  add_query (query, "follow", "yes");
  add_query (query, "limit", number);
  g_autofree char *path = g_strconcat ("/api/v1/events", query->str, NULL);
  if (!client_follow (ctl->client, path, on_line, ctl, &status, &answer, &error))
    {
      ctl_complain ("%s", error->message);
      end = ctl_status_of_error (error);
    }
  else if (status >= 400)
    {
      ctl_complain ("%s", field_text (answer, "message"));
      end = ctl_status_of_answer (status);
    }
  else
    ctl_complain ("ipmid has ended");
  json_decref (answer);
  return end;
}

int
show_events (Ctl *ctl)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) query = make_query (ctl, &error);

  if (ctl->options.follow && ctl->options.until != NULL)
    {
      ctl_complain ("--follow goes on without end: --until does not go with it");
      return EX_USAGE;
    }
  if (query != NULL)
    return ctl->options.follow ? follow (ctl, query) : show_pages (ctl, query);
  ctl_complain ("%s", error->message);
  return EX_USAGE;
}
