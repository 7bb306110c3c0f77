/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show-status.c - status, bmcs, and names; see ctl.h. */
#include "ctl.h"
#include "field.h"
#include "table.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* ------------------------------------------------------------------------- status */

static void
print_line (Ctl *ctl, const char *name, ScreenColour colour, const char *text)
{
  g_autofree char *clean = screen_clean (text);

  printf ("%-10s ", name);
  screen_print (ctl->screen, colour, clean);
  putchar ('\n');
}

static void
print_daemon (Ctl *ctl, json_t *daemon)
{
  g_autofree char *started = field_time (daemon, "started");
  g_autofree char *text = g_strdup_printf ("%s, pid %" JSON_INTEGER_FORMAT ", since %s", field_text (daemon, "version"),
                                           field_integer (daemon, "pid"), started);
  const char *state = field_text (daemon, "state_dir");
  g_autofree char *size = g_format_size ((guint64) field_integer (daemon, "journal_bytes"));
  gboolean full = field_flag (daemon, "journal_full");
  g_autofree char *journal = g_strdup_printf ("%s%s, %s", state[0] == '\0' ? "in memory" : state,
                                              full ? ", FULL: SELs are not read" : "", size);

  print_line (ctl, "ipmid", SCREEN_BOLD, text);
  if (field_text (daemon, "config")[0] != '\0')
    print_line (ctl, "config", SCREEN_PLAIN, field_text (daemon, "config"));
  print_line (ctl, "journal", full ? SCREEN_BAD : SCREEN_PLAIN, journal);
}

static void
print_bmcs (Ctl *ctl, json_t *bmcs)
{
  static const char *const states[] = { "up", "connecting", "down", "refused", "quarantined" };
  g_autoptr (GString) text = g_string_new (NULL);
  ScreenColour colour = SCREEN_GOOD;

  g_string_append_printf (text, "%" JSON_INTEGER_FORMAT ":", field_integer (bmcs, "total"));
  for (guint i = 0; i < G_N_ELEMENTS (states); i++)
    {
      json_int_t n = field_integer (bmcs, states[i]);
      if (n == 0)
        continue;
      g_string_append_printf (text, "%s %" JSON_INTEGER_FORMAT " %s", text->str[text->len - 1] == ':' ? "" : ",", n,
                              states[i]);
      colour = i == 0 ? colour : SCREEN_WARNING;
    }
  print_line (ctl, "BMCs", colour, text->str);
}

static void
print_collectors (Ctl *ctl, json_t *collectors)
{
  static const TableColumn columns[]
      = { { "COLLECTOR", TRUE, FALSE }, { "PID", TRUE, FALSE },      { "STATE", FALSE, FALSE },
          { "BMCS", TRUE, FALSE },      { "RESTARTS", TRUE, FALSE }, { NULL, FALSE, FALSE } };
  g_autoptr (Table) table = table_new (columns);
  json_t *one;
  size_t i;

  json_array_foreach (collectors, i, one)
  {
    table_add_integer (table, field_integer (one, "number"));
    table_add_integer (table, field_integer (one, "pid"));
    table_add (table, screen_colour_of (field_text (one, "state")), field_text (one, "state"));
    table_add_integer (table, field_integer (one, "bmcs"));
    table_add_integer (table, field_integer (one, "restarts"));
  }
  putchar ('\n');
  table_print (table, ctl->screen);
}

static void
print_handlers (Ctl *ctl, json_t *handlers)
{
  static const TableColumn columns[]
      = { { "HANDLER", FALSE, FALSE }, { "PLUGIN", FALSE, FALSE },    { "STATE", FALSE, FALSE },
          { "QUEUE", TRUE, FALSE },    { "OLDEST", TRUE, FALSE },     { "DEAD", TRUE, FALSE },
          { "HANDLED", TRUE, FALSE },  { "LAST ERROR", FALSE, TRUE }, { NULL, FALSE, FALSE } };
  g_autoptr (Table) table = table_new (columns);
  json_t *one;
  size_t i;

  json_array_foreach (handlers, i, one)
  {
    g_autofree char *oldest = field_age (one, "oldest");
    json_int_t dead = field_integer (one, "dead");
    g_autofree char *number = g_strdup_printf ("%" JSON_INTEGER_FORMAT, dead);
    table_add (table, SCREEN_PLAIN, field_text (one, "name"));
    table_add (table, SCREEN_PLAIN, field_text (one, "plugin"));
    table_add (table, screen_colour_of (field_text (one, "state")), field_text (one, "state"));
    table_add_integer (table, field_integer (one, "pending"));
    table_add (table, SCREEN_PLAIN, oldest);
    table_add (table, dead > 0 ? SCREEN_WARNING : SCREEN_PLAIN, number);
    table_add_integer (table, field_integer (one, "delivered"));
    table_add (table, SCREEN_FAINT, field_text (one, "last_error"));
  }
  putchar ('\n');
  table_print (table, ctl->screen);
}

int
show_status (Ctl *ctl)
{
  json_t *answer = NULL;
  int status = ctl_ask (ctl, "GET", "/api/v1/status", NULL, &answer);

  if (status != EX_OK)
    return status;
  if (!ctl_is_json (ctl, answer))
    {
      print_daemon (ctl, json_object_get (answer, "daemon"));
      print_bmcs (ctl, json_object_get (answer, "bmcs"));
      print_collectors (ctl, json_object_get (answer, "collectors"));
      print_handlers (ctl, json_object_get (answer, "handlers"));
    }
  json_decref (answer);
  return EX_OK;
}

/* --------------------------------------------------------------------------- bmcs */

static char *
describe_labels (json_t *bmc)
{
  g_autoptr (GString) text = g_string_new (NULL);
  json_t *label;
  size_t i;

  json_array_foreach (json_object_get (bmc, "labels"), i, label)
      g_string_append_printf (text, "%s%s", i == 0 ? "" : " ", json_string_value (label));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
describe_state (json_t *bmc)
{
  const char *words = field_text (bmc, "state_words");
  g_autofree char *silent = field_time (bmc, "silence_until");
  g_autoptr (GString) text = g_string_new (words);

  if (field_flag (bmc, "sel_overflow"))
    g_string_append_printf (text, "%sSEL has overflowed", text->len == 0 ? "" : "; ");
  if (silent[0] != '\0')
    g_string_append_printf (text, "%ssilent until %s", text->len == 0 ? "" : "; ", silent);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
add_bmc (Table *table, json_t *bmc)
{
  g_autofree char *since = field_age (bmc, "since");
  g_autofree char *last = field_age (bmc, "last_event");
  g_autofree char *labels = describe_labels (bmc);
  g_autofree char *notes = describe_state (bmc);

  table_add (table, SCREEN_PLAIN, field_text (bmc, "name"));
  table_add (table, SCREEN_PLAIN, field_text (bmc, "address"));
  table_add (table, screen_colour_of (field_text (bmc, "state")), field_text (bmc, "state"));
  table_add (table, SCREEN_PLAIN, since);
  table_add_integer (table, field_integer (bmc, "sensors"));
  table_add_integer (table, field_integer (bmc, "sel_entries"));
  table_add (table, SCREEN_PLAIN, last);
  table_add (table, SCREEN_PLAIN, labels);
  table_add (table, SCREEN_FAINT, notes);
}

int
show_bmcs (Ctl *ctl)
{
  static const TableColumn columns[]
      = { { "BMC", FALSE, FALSE },       { "ADDRESS", FALSE, FALSE }, { "STATE", FALSE, FALSE },
          { "FOR", TRUE, FALSE },        { "SENSORS", TRUE, FALSE },  { "SEL", TRUE, FALSE },
          { "LAST EVENT", TRUE, FALSE }, { "LABELS", FALSE, TRUE },   { "NOTES", FALSE, TRUE },
          { NULL, FALSE, FALSE } };
  g_autoptr (Table) table = table_new (columns);
  json_t *answer = NULL, *bmc;
  int status = ctl_ask (ctl, "GET", "/api/v1/bmcs", NULL, &answer);
  size_t i;

  if (status != EX_OK)
    return status;
  if (!ctl_is_json (ctl, answer))
    {
      json_array_foreach (json_object_get (answer, "bmcs"), i, bmc) add_bmc (table, bmc);
      table_print (table, ctl->screen);
    }
  json_decref (answer);
  return EX_OK;
}

/* -------------------------------------------------------------------------- names */

int
show_names (Ctl *ctl)
{
  gboolean handlers = strcmp (ctl->words[0], "handlers") == 0;
  const char *what = handlers ? "handlers" : "bmcs";
  g_autofree char *path = ctl_path (what, NULL);
  json_t *answer = NULL, *one;
  size_t i;

  if (!handlers && strcmp (ctl->words[0], "bmcs") != 0)
    {
      ctl_complain ("names of what? bmcs or handlers");
      return EX_USAGE;
    }
  int status = ctl_ask (ctl, "GET", path, NULL, &answer);
  if (status != EX_OK)
    return status;
  json_array_foreach (json_object_get (answer, what), i, one)
  {
    g_autofree char *name = screen_clean (field_text (one, "name"));
    puts (name);
  }
  json_decref (answer);
  return EX_OK;
}
