/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* silence.c - see silence.h. */
#include "core/silence.h"

#include "core/quiet.h"

#include "event/error.h"
#include "event/pattern.h"

#include <string.h>

#define UNTIL " until "

static gboolean
usage (GError **error, const char *text)
{
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
               "'%s' is no time: give a date and a time, as in 2026-12-01T08:00Z or 2026-12-01T08:00+01:00", text);
  return FALSE;
}

/* GLib wants seconds, and a time of day. */
static char *
complete_time (const char *text)
{
  static const char shape[] = "dddd-dd-ddTdd:dd";
  gsize n = 0;

  for (; shape[n] != '\0'; n++)
    if (shape[n] == 'd'   ? !g_ascii_isdigit (text[n])
        : shape[n] == 'T' ? text[n] != 'T' && text[n] != ' '
                          : text[n] != shape[n])
      break;
  if (n == strlen ("dddd-dd-dd") && text[n] == '\0')
    return g_strconcat (text, "T00:00:00", NULL);
  if (shape[n] != '\0')
    return NULL;
  return text[n] == ':' ? g_strdup (text) : g_strdup_printf ("%.*s:00%s", (int) n, text, text + n);
}

gboolean
silence_parse_time (const char *text, gint64 *time, GError **error)
{
  g_autofree char *complete = complete_time (text);
  g_autoptr (GTimeZone) here = g_time_zone_new_local ();
  g_autoptr (GDateTime) when = complete == NULL ? NULL : g_date_time_new_from_iso8601 (complete, here);

  if (when == NULL)
    return usage (error, text);
  *time = g_date_time_to_unix (when) * G_USEC_PER_SEC;
  return TRUE;
}

static gboolean
parse (const char *text, char **label, gint64 *until, GError **error)
{
  const char *word = strstr (text, UNTIL);
  g_autofree char *left = word == NULL ? NULL : g_strstrip (g_strndup (text, (gsize) (word - text)));
  g_autofree char *right = word == NULL ? NULL : g_strstrip (g_strdup (word + strlen (UNTIL)));
  const char *equals = left == NULL ? NULL : strchr (left, '=');

  if (equals == NULL || equals == left || equals[1] == '\0' || strpbrk (left, " \t") != NULL)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                   "'%s' is no silence: it looks like KEY=VALUE until TIME, as in site=north until 2026-12-01T08:00Z",
                   text);
      return FALSE;
    }
  if (!silence_parse_time (right, until, error))
    return FALSE;
  *label = g_steal_pointer (&left);
  return TRUE;
}

gboolean
silence_check (const char *text, gint64 *until, GError **error)
{
  g_autofree char *label = NULL;

  return parse (text, &label, until, error);
}

/* The key is a pattern, too, as the '=' between them is no letter of a key. */
static gboolean
concerns (const char *label, const char *const *labels)
{
  for (; labels != NULL && *labels != NULL; labels++)
    if (pattern_match (label, *labels))
      return TRUE;
  return FALSE;
}

/* The last of those that are silences now, the first of those that are too far away. */
static void
take_end (gint64 end, gint64 now, gint64 *good, gint64 *far)
{
  if (end <= now + QUIET_SILENCE_MAX)
    *good = MAX (*good, end);
  else
    *far = MIN (*far, end);
}

gint64
silence_until (const char *const *silences, const char *const *labels, gint64 until, gint64 now)
{
  gint64 good = 0, far = G_MAXINT64;

  take_end (until, now, &good, &far);
  for (; silences != NULL && *silences != NULL; silences++)
    {
      g_autofree char *label = NULL;
      gint64 end;
      if (parse (*silences, &label, &end, NULL) && concerns (label, labels))
        take_end (end, now, &good, &far);
    }
  return good > now || far == G_MAXINT64 ? good : far;
}
