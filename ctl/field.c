/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* field.c - see field.h. */
#include "field.h"

const char *
field_text (json_t *object, const char *key)
{
  const char *text = json_string_value (json_object_get (object, key));

  return text == NULL ? "" : text;
}

json_int_t
field_integer (json_t *object, const char *key)
{
  return json_integer_value (json_object_get (object, key));
}

gboolean
field_flag (json_t *object, const char *key)
{
  return json_is_true (json_object_get (object, key));
}

static GDateTime *
parse (const char *text)
{
  return text[0] == '\0' ? NULL : g_date_time_new_from_iso8601 (text, NULL);
}

char *
field_local_time (const char *text)
{
  g_autoptr (GDateTime) time = parse (text);
  g_autoptr (GDateTime) local = time == NULL ? NULL : g_date_time_to_local (time);

  return local == NULL ? g_strdup (text) : g_date_time_format (local, "%Y-%m-%d %H:%M:%S");
}

char *
field_time (json_t *object, const char *key)
{
  return field_local_time (field_text (object, key));
}

char *
field_age (json_t *object, const char *key)
{
  g_autoptr (GDateTime) time = parse (field_text (object, key));
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();

  if (time == NULL)
    return g_strdup ("");
  gint64 seconds = ABS (g_date_time_difference (now, time)) / G_USEC_PER_SEC;
  if (seconds < 60)
    return g_strdup_printf ("%" G_GINT64_FORMAT "s", seconds);
  if (seconds < 60 * 60)
    return g_strdup_printf ("%" G_GINT64_FORMAT "m", seconds / 60);
  if (seconds < 48 * 60 * 60)
    return g_strdup_printf ("%" G_GINT64_FORMAT "h", seconds / 3600);
  return g_strdup_printf ("%" G_GINT64_FORMAT "d", seconds / 86400);
}
