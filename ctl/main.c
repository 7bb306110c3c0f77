/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main.c - ipmidctl; see ctl.h. */
#include "ctl.h"

#include "event/error.h"
#include "target.h"

#include <config.h>

#include <curl/curl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

void
ctl_complain (const char *format, ...)
{
  va_list words;

  va_start (words, format);
  g_autofree char *text = g_strdup_vprintf (format, words);
  va_end (words);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_autofree char *clean = screen_clean (lines[i]);
      fprintf (stderr, "%s%s\n", i == 0 ? "ipmidctl: " : "", clean);
    }
}

/* ------------------------------------------------------------------- exit status */

int
ctl_status_of_error (const GError *error)
{
  if (error->domain != IPMID_ERROR)
    return EX_SOFTWARE;
  switch ((IpmidError) error->code)
    {
    case IPMID_ERROR_USAGE:
      return EX_USAGE;
    case IPMID_ERROR_FILE:
      return EX_NOPERM;
    case IPMID_ERROR_PROTOCOL:
      return EX_PROTOCOL;
    default:
      return EX_UNAVAILABLE;
    }
}

int
ctl_status_of_answer (long status)
{
  switch (status)
    {
    case 400:
    case 413:
      return EX_USAGE;
    case 403:
      return EX_NOPERM;
    case 404:
      return EX_NOINPUT;
    case 409:
    case 503:
      return EX_TEMPFAIL;
    default:
      return EX_SOFTWARE;
    }
}

/* ---------------------------------------------------------------------- requests */

char *
ctl_path (const char *word, ...)
{
  GString *path = g_string_new ("/api/v1");
  va_list words;

  va_start (words, word);
  for (; word != NULL; word = va_arg (words, const char *))
    {
      g_string_append_c (path, '/');
      g_string_append_uri_escaped (path, word, "/", FALSE); /* the slashes of an event's id are the path's */
    }
  va_end (words);
  return g_string_free (path, FALSE);
}

int
ctl_ask (Ctl *ctl, const char *method, const char *path, json_t *body, json_t **answer)
{
  g_autoptr (GError) error = NULL;
  json_t *sent = strcmp (method, "POST") == 0 && body == NULL ? json_object () : body;
  json_t *said = NULL;
  long status = 0;
  gboolean good = client_request (ctl->client, path, sent, &status, &said, &error);

  json_decref (sent);
  if (!good)
    {
      ctl_complain ("%s", error->message);
      return ctl_status_of_error (error);
    }
  if (status >= 400)
    ctl_complain ("%s", json_string_value (json_object_get (said, "message")));
  if (status >= 400 || answer == NULL)
    json_decref (said);
  else
    *answer = said;
  return status >= 400 ? ctl_status_of_answer (status) : EX_OK;
}

gboolean
ctl_is_json (Ctl *ctl, json_t *answer)
{
  if (!ctl->options.json)
    return FALSE;
  json_dumpf (answer, stdout,
              JSON_SORT_KEYS | (ctl->screen->is_terminal ? JSON_INDENT (2) | JSON_ENSURE_ASCII : JSON_COMPACT));
  putchar ('\n');
  return TRUE;
}

gboolean
ctl_is_sure (Ctl *ctl, int *status, const char *format, ...)
{
  char line[16] = "";
  va_list words;

  if (ctl->options.yes)
    return TRUE;
  va_start (words, format);
  g_autofree char *question = g_strdup_vprintf (format, words);
  va_end (words);
  g_autofree char *clean = screen_clean (question);
  if (isatty (STDIN_FILENO) != 1)
    {
      ctl_complain ("%s Nobody can be asked here: say --yes", clean);
      *status = EX_USAGE;
      return FALSE;
    }
  fprintf (stderr, "%s [y/N] ", clean);
  gboolean sure = fgets (line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
  *status = CTL_DECLINED;
  return sure;
}

/* -------------------------------------------------------------------------- main */

static int
run (Ctl *ctl)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *socket = target_find (&ctl->options, &error);

  if (socket != NULL)
    ctl->client = client_new (socket, &error);
  if (ctl->client == NULL)
    {
      ctl_complain ("%s", error->message);
      return ctl_status_of_error (error);
    }
  int status = ctl->command->run (ctl);
  if (fflush (stdout) != 0 || ferror (stdout))
    return status == EX_OK ? EX_IOERR : status;
  return status;
}

static int
serve_user (Ctl *ctl, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc == 2 && strcmp (argv[1], "--bash-completion") == 0)
    ctl_print_completion ();
  else if (!ctl_parse (ctl, argc, argv, &error))
    {
      ctl_complain ("%s", error->message);
      return EX_USAGE;
    }
  else if (ctl->options.help)
    ctl_print_help (ctl);
  else if (ctl->options.version)
    printf ("ipmidctl %s\n", PACKAGE_VERSION);
  else
    return run (ctl);
  return EX_OK;
}

int
main (int argc, char **argv)
{
  Ctl ctl = { .screen = screen_new () };

  setlocale (LC_CTYPE, "");
  curl_global_init (CURL_GLOBAL_NOTHING);
  int status = serve_user (&ctl, argc, argv);
  ctl_clear (&ctl);
  curl_global_cleanup ();
  return status;
}
