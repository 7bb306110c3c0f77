/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show-dead.c - dead letters: events that could not be delivered; see ctl.h. */
#include "ctl.h"
#include "field.h"
#include "table.h"

#include <stdio.h>
#include <sysexits.h>

#define PAGE 500
#define LIMIT_DEFAULT 1000

static char *
page_path (Ctl *ctl, const char *after, gint64 limit)
{
  g_autoptr (GString) path = g_string_new (NULL);

  g_string_append_printf (path, "/api/v1/dead?limit=%" G_GINT64_FORMAT, MIN (limit, PAGE));
  if (ctl->options.handler != NULL)
    {
      g_string_append (path, "&handler=");
      g_string_append_uri_escaped (path, ctl->options.handler, NULL, FALSE);
    }
  if (after != NULL)
    {
      g_string_append (path, "&after=");
      g_string_append_uri_escaped (path, after, NULL, FALSE);
    }
  return g_string_free (g_steal_pointer (&path), FALSE);
}

static int
fetch (Ctl *ctl, json_t *dead)
{
  gint64 limit = ctl->options.limit == 0 ? LIMIT_DEFAULT : ctl->options.limit;
  g_autofree char *after = NULL;

  do
    {
      json_t *answer = NULL;
      g_autofree char *path = page_path (ctl, after, limit - (gint64) json_array_size (dead));
      int status = ctl_ask (ctl, "GET", path, NULL, &answer);
      if (status != EX_OK)
        return status;
      json_array_extend (dead, json_object_get (answer, "dead"));
      g_free (after);
      after = g_strdup (json_string_value (json_object_get (answer, "next")));
      json_decref (answer);
    }
  while (after != NULL && (gint64) json_array_size (dead) < limit);
  return EX_OK;
}

static void
print_list (Ctl *ctl, json_t *dead)
{
  static const TableColumn columns[]
      = { { "HANDLER", FALSE, FALSE }, { "EVENT", FALSE, FALSE },   { "SINCE", FALSE, FALSE }, { "TRIES", TRUE, FALSE },
          { "REASON", FALSE, TRUE },   { "SENTENCE", FALSE, TRUE }, { NULL, FALSE, FALSE } };
  g_autoptr (Table) table = table_new (columns);
  json_t *one;
  size_t i;

  json_array_foreach (dead, i, one)
  {
    g_autofree char *since = field_time (one, "time");
    table_add (table, SCREEN_PLAIN, field_text (one, "handler"));
    table_add (table, SCREEN_BOLD, field_text (one, "id"));
    table_add (table, SCREEN_PLAIN, since);
    table_add_integer (table, field_integer (one, "attempts"));
    table_add (table, SCREEN_WARNING, field_text (one, "reason"));
    table_add (table, SCREEN_PLAIN, field_text (one, "text"));
  }
  if (i > 0)
    table_print (table, ctl->screen);
  else
    fputs ("There are no dead letters.\n", stderr);
}

int
show_dead_list (Ctl *ctl)
{
  json_t *dead = json_array ();
  int status = fetch (ctl, dead);
  json_t *whole = json_pack ("{s:O}", "dead", dead);

  if (status == EX_OK && !ctl_is_json (ctl, whole))
    print_list (ctl, dead);
  json_decref (whole);
  json_decref (dead);
  return status;
}

int
show_dead (Ctl *ctl)
{
  static const char *const keys[] = { "id", "handler", "reason", "attempts", "severity", "text", "raw" };
  g_autofree char *path = ctl_path ("dead", ctl->words[0], ctl->words[1], NULL);
  json_t *answer = NULL;
  int status = ctl_ask (ctl, "GET", path, NULL, &answer);

  if (status != EX_OK)
    return status;
  if (!ctl_is_json (ctl, answer))
    {
      g_autofree char *since = field_time (answer, "time");
      for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
        {
          json_t *value = json_object_get (answer, keys[i]);
          g_autofree char *text = json_is_integer (value)
                                      ? g_strdup_printf ("%" JSON_INTEGER_FORMAT, json_integer_value (value))
                                      : screen_clean (json_string_value (value));
          if (value != NULL)
            printf ("%-9s %s\n", keys[i], text);
        }
      printf ("%-9s %s\n", "since", since);
    }
  json_decref (answer);
  return EX_OK;
}
