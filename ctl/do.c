/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* do.c - commands that do something; see ctl.h. */
#include "ctl.h"
#include "field.h"
#include "when.h"

#include "core/silence.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* A POST (takes `body`); says `done` if it is done, and there is no --json. */
static int
act (Ctl *ctl, const char *path, json_t *body, const char *done, json_t **answer)
{
  json_t *said = NULL;
  int status = ctl_ask (ctl, "POST", path, body, &said);

  if (status != EX_OK)
    return status;
  if (!ctl_is_json (ctl, said) && done != NULL)
    {
      g_autofree char *clean = screen_clean (done);
      puts (clean);
    }
  if (answer != NULL)
    *answer = said;
  else
    json_decref (said);
  return EX_OK;
}

/* ------------------------------------------------------------------ dead letters */

/* Which of the handler's: one, or --all.  NULL: the user has to say. */
static char *
dead_path (Ctl *ctl, const char *what)
{
  gboolean one = ctl->n_words == 2;

  if (one == ctl->options.all)
    {
      ctl_complain ("%s", one ? "an event, or --all: not both" : "which one? give the id of an event, or --all");
      return NULL;
    }
  return one ? ctl_path ("dead", ctl->words[0], ctl->words[1], what, NULL)
             : ctl_path ("dead", ctl->words[0], what, NULL);
}

static int
change_dead (Ctl *ctl, const char *what, const char *key)
{
  g_autofree char *path = dead_path (ctl, what);
  json_t *answer = NULL;
  int status;

  if (path == NULL)
    return EX_USAGE;
  status = act (ctl, path, ctl->options.all ? json_pack ("{s:b}", "all", 1) : NULL, NULL, &answer);
  if (status == EX_OK && !ctl->options.json)
    printf ("%" JSON_INTEGER_FORMAT " %s\n", field_integer (answer, key), key);
  json_decref (answer);
  return status;
}

int
do_dead_replay (Ctl *ctl)
{
  return change_dead (ctl, "replay", "replayed");
}

int
do_dead_drop (Ctl *ctl)
{
  g_autofree char *path = dead_path (ctl, "drop");
  int status;

  if (path == NULL)
    return EX_USAGE;
  if (!ctl_is_sure (ctl, &status, "Forget %s of %s for good?",
                    ctl->options.all ? "all dead letters" : "this dead letter", ctl->words[0]))
    return status;
  return change_dead (ctl, "drop", "dropped");
}

/* -------------------------------------------------------------------------- BMCs */

int
do_rescan (Ctl *ctl)
{
  g_autofree char *path = ctl_path ("bmcs", ctl->words[0], "rescan", NULL);
  json_t *answer = NULL;
  int status = act (ctl, path, NULL, NULL, &answer);

  if (status != EX_OK)
    return status;
  if (!field_flag (answer, "complete"))
    {
      ctl_complain ("the SEL of %s could not be read to its end", ctl->words[0]);
      status = EX_TEMPFAIL;
    }
  else if (!ctl->options.json)
    {
      g_autofree char *name = screen_clean (ctl->words[0]);
      printf ("The SEL of %s is read again.\n", name);
    }
  json_decref (answer);
  return status;
}

int
do_clear_sel (Ctl *ctl)
{
  g_autofree char *path = ctl_path ("bmcs", ctl->words[0], "clear-sel", NULL);
  g_autofree char *done = g_strdup_printf ("The SEL of %s is cleared.", ctl->words[0]);
  int status;

  if (!ctl_is_sure (ctl, &status, "Clear the SEL of %s%s?", ctl->words[0],
                    ctl->options.force ? ", also what is not handled yet" : ""))
    return status;
  return act (ctl, path, ctl->options.force ? json_pack ("{s:b}", "force", 1) : NULL, done, NULL);
}

int
do_power (Ctl *ctl)
{
  static const char *const actions[] = { "status", "on", "off", "cycle", "reset", "soft", NULL };
  const char *action = ctl->n_words == 2 ? ctl->words[1] : "status";
  gboolean harmless = strcmp (action, "status") == 0 || strcmp (action, "on") == 0;
  g_autofree char *path = ctl_path ("bmcs", ctl->words[0], "power", NULL);
  json_t *answer = NULL;
  int status;

  if (!g_strv_contains (actions, action))
    {
      ctl_complain ("power: '%s' is none of status, on, off, cycle, reset, soft", action);
      return EX_USAGE;
    }
  if (!harmless && !ctl_is_sure (ctl, &status, "Power %s for the server of %s?", action, ctl->words[0]))
    return status;
  status = act (ctl, path, json_pack ("{s:s}", "action", action), NULL, &answer);
  if (status == EX_OK && !ctl->options.json)
    {
      const char *power = field_text (answer, "power");
      g_autofree char *line = strcmp (action, "status") == 0
                                  ? g_strdup_printf ("%s: power is %s", ctl->words[0], power)
                                  : g_strdup_printf ("%s: power %s: done", ctl->words[0], action);
      g_autofree char *clean = screen_clean (line);
      puts (clean);
    }
  json_decref (answer);
  return status;
}

int
do_log (Ctl *ctl)
{
  g_autofree char *path = ctl_path ("bmcs", ctl->words[0], "log", NULL);
  json_t *body = NULL, *answer = NULL;
  int status;

  if (!g_utf8_validate (ctl->words[1], -1, NULL))
    {
      ctl_complain ("the text is no UTF-8");
      return EX_USAGE;
    }
  body = json_pack ("{s:s}", "text", ctl->words[1]);
  if (ctl->options.severity != 0)
    json_object_set_new (body, "severity", json_string (ctl_severities[ctl->options.severity]));
  status = act (ctl, path, body, NULL, &answer);
  if (status == EX_OK && !ctl->options.json)
    {
      g_autofree char *id = screen_clean (field_text (answer, "id"));
      puts (id);
    }
  json_decref (answer);
  return status;
}

/* ----------------------------------------------------------------------- silence */

static int
show_silence (Ctl *ctl)
{
  g_autofree char *path = ctl_path ("bmcs", ctl->words[0], NULL);
  json_t *answer = NULL;
  int status = ctl_ask (ctl, "GET", path, NULL, &answer);

  if (status != EX_OK)
    return status;
  json_t *bmc = json_array_get (json_object_get (answer, "bmcs"), 0);
  g_autofree char *until = field_time (bmc, "silence_until");
  if (!ctl_is_json (ctl, bmc))
    printf ("%s%s%s\n", ctl->words[0], until[0] == '\0' ? " is not silenced" : " is silenced until ", until);
  json_decref (answer);
  return EX_OK;
}

/* NULL: it is neither "for 2h", "until TIME" nor "off". */
static json_t *
parse_silence (Ctl *ctl)
{
  const char *word = ctl->words[1], *value = ctl->n_words == 3 ? ctl->words[2] : NULL;

  if (strcmp (word, "off") == 0 && value == NULL)
    return json_pack ("{s:b}", "off", 1);
  if ((strcmp (word, "for") == 0 || strcmp (word, "until") == 0) && value != NULL)
    return json_pack ("{s:s}", word, value);
  return NULL;
}

int
do_silence (Ctl *ctl)
{
  g_autofree char *path = ctl_path ("bmcs", ctl->words[0], "silence", NULL);
  json_t *body, *answer = NULL;
  int status;

  if (ctl->n_words == 1)
    return show_silence (ctl);
  body = parse_silence (ctl);
  if (body == NULL)
    {
      ctl_complain ("silence BMC [for 2h | until TIME | off]");
      return EX_USAGE;
    }
  status = act (ctl, path, body, NULL, &answer);
  json_decref (answer);
  if (status != EX_OK || ctl->options.json)
    return status;
  return show_silence (ctl);
}

/* ------------------------------------------------------------------ ipmid itself */

static void
show_backfilled (json_t *answer)
{
  g_autofree char *obstacle = screen_clean (field_text (answer, "obstacle"));
  json_int_t unreadable = field_integer (answer, "unreadable");

  printf ("%" JSON_INTEGER_FORMAT " backfilled", field_integer (answer, "backfilled"));
  if (unreadable > 0)
    printf ("; %" JSON_INTEGER_FORMAT " of the store cannot be read", unreadable);
  if (!field_flag (answer, "complete"))
    printf ("; %s", *obstacle != '\0' ? obstacle : "there is more");
  printf ("\n");
}

int
do_backfill (Ctl *ctl)
{
  g_autofree char *path = ctl_path ("handlers", ctl->words[0], "backfill", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *since = ctl->options.since == NULL ? NULL : when_parse (ctl->options.since, &error);
  json_t *answer = NULL;
  int status;

  if (error != NULL)
    {
      ctl_complain ("--since: %s", error->message);
      return EX_USAGE;
    }
  status = act (ctl, path, since == NULL ? NULL : json_pack ("{s:s}", "since", since), NULL, &answer);
  if (status == EX_OK && !ctl->options.json)
    show_backfilled (answer);
  json_decref (answer);
  return status;
}

int
do_reload (Ctl *ctl)
{
  return act (ctl, "/api/v1/reload", NULL, "The configuration has been read again.", NULL);
}

static void
print_lines (json_t *lines, const char *what)
{
  json_t *line;
  size_t i;

  json_array_foreach (lines, i, line)
  {
    g_autofree char *clean = screen_clean (json_string_value (line));
    printf ("%s%s\n", clean, what);
  }
}

int
do_check (Ctl *ctl)
{
  json_t *answer = NULL;
  int status = act (ctl, "/api/v1/check", NULL, NULL, &answer);

  if (status != EX_OK)
    return status;
  gboolean good = field_flag (answer, "good");
  if (!ctl->options.json)
    {
      g_autofree char *config = screen_clean (field_text (answer, "config"));
      print_lines (json_object_get (answer, "errors"), "");
      print_lines (json_object_get (answer, "warnings"), " (a warning)");
      if (good)
        printf ("%s is good\n", config);
    }
  json_decref (answer);
  return good ? EX_OK : EX_CONFIG;
}
