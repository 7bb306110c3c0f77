/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* library-log.c - see library-log.h. */
#include "library-log.h"

#include "event/spec.h"

/* Its chatter: so many lines at once, then so many a second. */
#define BURST 100
#define PER_SECOND 10

static struct
{
  LibraryLogFunc function; /* NULL: nobody listens */
  gpointer user_data;
  gint64 refilled; /* monotonic */
  guint tokens;
  guint dropped;
} the_log;

/* FALSE if there have been too many lines. */
static gboolean
may_log (void)
{
  gint64 now = g_get_monotonic_time ();
  gint64 fresh = (now - the_log.refilled) * PER_SECOND / G_USEC_PER_SEC;

  if (fresh > 0)
    {
      the_log.tokens = (guint) MIN (the_log.tokens + fresh, BURST);
      the_log.refilled = now;
    }
  if (the_log.tokens == 0)
    {
      the_log.dropped++;
      return FALSE;
    }
  the_log.tokens--;
  return TRUE;
}

/* Whatever the library calls it: ipmid has its own words for what matters. */
static guint8
level_of (enum ipmi_log_type_e type)
{
  switch (type)
    {
    case IPMI_LOG_FATAL:
      return IPMID_LOG_ERROR;
    case IPMI_LOG_SEVERE:
      return IPMID_LOG_INFO;
    default:
      return IPMID_LOG_DEBUG;
    }
}

void
library_log_begin (LibraryLogFunc function, gpointer user_data)
{
  the_log.function = function;
  the_log.user_data = user_data;
  the_log.tokens = BURST;
}

void
library_log_end (void)
{
  the_log.function = NULL;
}

void
library_log (enum ipmi_log_type_e type, const char *text)
{
  guint32 bmc = 0;

  if (the_log.function == NULL || !may_log ())
    return;
  if (the_log.dropped > 0)
    {
      g_autofree char *words = g_strdup_printf ("%u lines of OpenIPMI's log were left out", the_log.dropped);

      the_log.dropped = 0;
      the_log.function (IPMID_LOG_DEBUG, 0, words, the_log.user_data);
    }
  /* Lines about a domain begin with its name: see bmc.c. */
  if (*text == 'b' && g_ascii_isdigit (text[1]))
    bmc = (guint32) g_ascii_strtoull (text + 1, NULL, 10);
  the_log.function (level_of (type), bmc, text, the_log.user_data);
}
