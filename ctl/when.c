/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* when.c - see when.h. */
#include "when.h"

#include "core/options.h"
#include "core/silence.h"
#include "event/error.h"

char *
when_parse (const char *text, GError **error)
{
  gint64 time, ago;

  if (options_parse_duration (text, &ago, NULL))
    time = g_get_real_time () - ago;
  else if (!silence_parse_time (text, &time, NULL))
    {
      error_usage (error, "'%s' is neither a time such as 2026-12-01T08:00Z nor so long ago, such as 2h", text);
      return NULL;
    }
  g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (time / G_USEC_PER_SEC);
  if (seconds == NULL || time <= 0)
    {
      error_usage (error, "'%s' is too long ago", text);
      return NULL;
    }
  return g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%SZ");
}
