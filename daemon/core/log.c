/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log.c - see log.h.
 *
 * The target and the level are the only state, set on the main thread and read
 * by all; they are process-wide because standard error and syslog are.  The
 * journal is spoken to by GLib's own writer, so no library is needed for it.
 */
#include "core/log.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define NAME "ipmid"

/* The longest line that is written; what is longer is cut. */
#define LINE_MAX_BYTES 8192

static int log_target = LOG_TARGET_STDERR; /* LogTarget, atomic */
static int log_level = IPMID_LOG_INFO;     /* IpmidLogLevel, atomic */

static const char *const level_names[]
    = { "emerg", "alert", "critical", "error", "warning", "notice", "info", "debug" };

static const char *
or_empty (const char *text)
{
  return text != NULL ? text : "";
}

/* ------------------------------------------------------------------ escaping */

/* C0, DEL, C1 and the line separators of Unicode break or forge lines. */
static gboolean
is_harmless (gunichar c)
{
  return c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) && c != 0x2028 && c != 0x2029;
}

static void
append_escaped_byte (GString *line, guchar c)
{
  switch (c)
    {
    case '\n':
      g_string_append (line, "\\n");
      break;
    case '\r':
      g_string_append (line, "\\r");
      break;
    case '\t':
      g_string_append (line, "\\t");
      break;
    default:
      g_string_append_printf (line, "\\x%02x", c);
    }
}

/* Text without anything that ends a line or moves a cursor.  Within quotes,
 * quotes and backslashes are escaped as well. */
static void
append_escaped (GString *line, const char *text, gboolean quoted)
{
  while (*text != '\0' && line->len < LINE_MAX_BYTES)
    {
      gunichar c = g_utf8_get_char_validated (text, -1);
      gboolean valid = c != (gunichar) -1 && c != (gunichar) -2;
      gsize size = valid ? (gsize) (g_utf8_next_char (text) - text) : 1;

      if (valid && is_harmless (c))
        {
          if (quoted && (c == '"' || c == '\\'))
            g_string_append_c (line, '\\');
          g_string_append_len (line, text, (gssize) size);
        }
      else
        for (gsize i = 0; i < size; i++)
          append_escaped_byte (line, (guchar) text[i]);
      text += size;
    }
}

static gboolean
needs_quotes (const char *value)
{
  if (*value == '\0')
    return TRUE;
  for (; *value != '\0'; value++)
    if (!g_ascii_isgraph (*value) || strchr ("\"\\=", *value) != NULL)
      return TRUE;
  return FALSE;
}

static void
append_field (GString *line, const char *key, const char *value)
{
  if (value == NULL)
    return;
  g_string_append_printf (line, "%s%s=", line->len > 0 ? " " : "", key);
  if (!needs_quotes (value))
    {
      append_escaped (line, value, FALSE);
      return;
    }
  g_string_append_c (line, '"');
  append_escaped (line, value, TRUE);
  g_string_append_c (line, '"');
}

static void
append_context (GString *line, const LogContext *context)
{
  append_field (line, "bmc", context->bmc);
  append_field (line, "handler", context->handler);
  append_field (line, "event", context->event);
}

/* ------------------------------------------------------------------- targets */

/* One write, so that lines of several processes do not mix. */
static void
to_stderr (IpmidLogLevel level, const LogContext *context, const char *message)
{
  gint64 now = g_get_real_time ();
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (now / G_USEC_PER_SEC);
  g_autofree char *seconds = g_date_time_format (date, "%Y-%m-%dT%H:%M:%S");
  g_autoptr (GString) line = g_string_sized_new (256);

  g_string_append_printf (line, "time=%s.%03dZ", seconds, (int) (now % G_USEC_PER_SEC / 1000));
  append_field (line, "level", level_names[level]);
  append_context (line, context);
  append_field (line, "msg", message);
  g_string_append_c (line, '\n');
  if (write (STDERR_FILENO, line->str, line->len) < 0)
    return; /* nobody is left to tell */
}

static void
to_syslog (IpmidLogLevel level, const LogContext *context, const char *message)
{
  g_autoptr (GString) line = g_string_sized_new (256);

  append_context (line, context);
  if (line->len > 0)
    g_string_append (line, ": ");
  append_escaped (line, message, FALSE);
  syslog ((int) level, "%s", line->str);
}

static void
add_journal_field (GLogField *fields, gsize *n, const char *key, const char *value)
{
  if (value != NULL)
    fields[(*n)++] = (GLogField){ key, value, -1 };
}

/* FALSE: the journal does not listen. */
static gboolean
to_journal (IpmidLogLevel level, const LogContext *context, const char *message)
{
  const char priority[] = { (char) ('0' + (int) level), '\0' };
  g_autoptr (GString) text = g_string_sized_new (256);
  GLogField fields[6];
  gsize n = 0;

  append_escaped (text, message, FALSE);
  add_journal_field (fields, &n, "MESSAGE", text->str);
  add_journal_field (fields, &n, "PRIORITY", priority);
  add_journal_field (fields, &n, "SYSLOG_IDENTIFIER", NAME);
  add_journal_field (fields, &n, "IPMID_BMC", context->bmc);
  add_journal_field (fields, &n, "IPMID_HANDLER", context->handler);
  add_journal_field (fields, &n, "IPMID_EVENT", context->event);
  return g_log_writer_journald (G_LOG_LEVEL_MESSAGE, fields, n, NULL) == G_LOG_WRITER_HANDLED;
}

static void
emit (IpmidLogLevel level, const LogContext *context, const char *message)
{
  static const LogContext none = { NULL, NULL, NULL };
  LogTarget target = (LogTarget) g_atomic_int_get (&log_target);
  int saved_errno = errno;

  if (context == NULL)
    context = &none;
  if (target == LOG_TARGET_SYSLOG)
    to_syslog (level, context, message);
  else if (target != LOG_TARGET_JOURNAL || !to_journal (level, context, message))
    to_stderr (level, context, message);
  errno = saved_errno;
}

static gboolean
is_wanted (IpmidLogLevel level)
{
  return (int) level <= g_atomic_int_get (&log_level);
}

/* ---------------------------------------------------------------- GLib's own */

static IpmidLogLevel
from_glib (GLogLevelFlags flags)
{
  if (flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    return IPMID_LOG_ERROR;
  if (flags & G_LOG_LEVEL_WARNING)
    return IPMID_LOG_WARNING;
  if (flags & G_LOG_LEVEL_MESSAGE)
    return IPMID_LOG_NOTICE;
  if (flags & G_LOG_LEVEL_INFO)
    return IPMID_LOG_INFO;
  return IPMID_LOG_DEBUG;
}

static char *
glib_field (const GLogField *fields, gsize n_fields, const char *key)
{
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, key))
      return fields[i].length < 0 ? g_strdup (fields[i].value) : g_strndup (fields[i].value, (gsize) fields[i].length);
  return NULL;
}

/* GLib's debugging messages are about GLib and stay out. */
static GLogWriterOutput
write_glib (GLogLevelFlags flags, const GLogField *fields, gsize n_fields, G_GNUC_UNUSED gpointer user_data)
{
  IpmidLogLevel level = from_glib (flags);

  if (level < IPMID_LOG_DEBUG && is_wanted (level))
    {
      g_autofree char *message = glib_field (fields, n_fields, "MESSAGE");
      g_autofree char *domain = glib_field (fields, n_fields, "GLIB_DOMAIN");
      g_autofree char *line = g_strconcat (or_empty (domain), domain != NULL ? ": " : "", or_empty (message), NULL);

      emit (level, NULL, line);
    }
  return G_LOG_WRITER_HANDLED;
}

/* -------------------------------------------------------------------- public */

void
log_init (LogTarget target, IpmidLogLevel level)
{
  static gboolean routed; /* GLib takes a writer once */

  if (target == LOG_TARGET_AUTO)
    target = g_log_writer_is_journald (STDERR_FILENO) ? LOG_TARGET_JOURNAL : LOG_TARGET_STDERR;
  if (target == LOG_TARGET_SYSLOG)
    openlog (NAME, LOG_PID | LOG_NDELAY, LOG_DAEMON);
  g_atomic_int_set (&log_target, (int) target);
  g_atomic_int_set (&log_level, (int) level);
  if (!routed)
    g_log_set_writer_func (write_glib, NULL, NULL);
  routed = TRUE;
}

void
log_line (IpmidLogLevel level, const LogContext *context, const char *format, ...)
{
  g_autofree char *message = NULL;
  int saved_errno = errno;
  va_list args;

  if (!is_wanted (level))
    return;
  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  errno = saved_errno;
  emit (level, context, message);
}

gboolean
log_limit_pass (LogLimit *limit, gint64 interval, guint *suppressed)
{
  gint64 now = g_get_monotonic_time ();

  if (limit->last != 0 && now - limit->last < interval)
    {
      limit->suppressed++;
      return FALSE;
    }
  if (suppressed != NULL)
    *suppressed = limit->suppressed;
  limit->last = now;
  limit->suppressed = 0;
  return TRUE;
}
