/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message.c - see message.h.
 *
 * A message that would be too long loses fields of the structured data first,
 * the last ones of IpmidField before the first, then the end of its text.
 */
#include "message.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define HOSTNAME_MAX 255
#define BOM "\xef\xbb\xbf"

/* Of a field: BMCs have no names or states that are longer. */
#define VALUE_MAX 256

/* So much of the text is worth more than the fields at the end. */
#define TEXT_KEPT 160

const char *const message_facilities[]
    = { "kern",   "user",     "mail",   "daemon", "auth",   "syslog", "lpr",   "news",   "uucp",
        "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock", "local0", "local1",
        "local2", "local3",   "local4", "local5", "local6", "local7", NULL };

/* By IpmidKind: message types of the journal, made with `systemd-id128 new`. */
static const char *const message_ids[] = {
  [IPMID_KIND_THRESHOLD] = "f5e14b7631814e619f9f0eb4c09114cc",
  [IPMID_KIND_DISCRETE] = "ff0a3aa74f0645dfb4137a8d3f26f02f",
  [IPMID_KIND_UNKNOWN] = "a458de660b94401fae9a16442e7dcbe3",
  [IPMID_KIND_CONNECTION] = "522042ba4e044810b8b43021a6ecba05",
  [IPMID_KIND_MESSAGE] = "cadd2a47439c4c80914bed5bb2b32d95",
  [IPMID_KIND_GAP] = "caeebfe631ad494a97c488d4f435dd11",
  [IPMID_KIND_HEALTH] = "28fa1be3f32e42179d0f4d0aacfd845f",
};

gboolean
message_is_name (const char *text, gsize maximum, gboolean sd_name)
{
  gsize length = strlen (text);

  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isgraph (text[i]) || (sd_name && strchr ("=]\"", text[i]) != NULL))
      return FALSE;
  return length > 0 && length <= maximum;
}

/* RFC 5424, table 2. */
static int
priority_of (IpmidHost *host, const IpmidEvent *event)
{
  switch (ipmid_event_integer (host, event, IPMID_FIELD_SEVERITY))
    {
    case IPMID_SEVERITY_CRITICAL:
      return 2; /* critical */
    case IPMID_SEVERITY_WARNING:
      return 4; /* warning */
    case IPMID_SEVERITY_OK:
      return 5; /* notice: normal, but significant */
    default:
      return 6; /* informational */
    }
}

/* Valid UTF-8 without control characters, of at most `maximum` octets. */
static char *
clean (const char *text, gsize maximum)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  const char *end = valid;

  for (const char *next; *end != '\0'; end = next)
    {
      next = g_utf8_next_char (end);
      if ((gsize) (next - valid) > maximum)
        break;
      if (g_unichar_iscntrl (g_utf8_get_char (end)))
        memset (valid + (end - valid), ' ', (gsize) (next - end));
    }
  return g_strndup (valid, (gsize) (end - valid));
}

/* A word of the header: what may not stand there becomes '_'. */
static void
append_word (GString *out, const char *text, gsize maximum)
{
  gsize length = text != NULL ? MIN (strlen (text), maximum) : 0;

  if (length == 0)
    g_string_append_c (out, '-');
  for (gsize i = 0; i < length; i++)
    g_string_append_c (out, g_ascii_isgraph (text[i]) ? text[i] : '_');
}

/* RFC 5424, section 6.2.3, in UTC. */
static void
append_time (GString *out, gint64 nanoseconds)
{
  const gint64 second = 1000 * G_USEC_PER_SEC;
  gint64 fraction = nanoseconds % second;
  time_t seconds = (time_t) (nanoseconds / second);
  struct tm parts;
  char text[40];

  if (fraction < 0)
    {
      fraction += second;
      seconds--;
    }
  gmtime_r (&seconds, &parts); /* all that fits into the nanoseconds has a year of four digits */
  strftime (text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  g_string_append_printf (out, "%s.%06dZ", text, (int) (fraction / 1000));
}

static void
append_header (const MessageStyle *style, IpmidHost *host, const IpmidEvent *event, GString *out)
{
  gboolean event_time = style->event_time && ipmid_event_has (host, event, IPMID_FIELD_TIME);
  g_autofree char *kind = ipmid_event_to_text (host, event, IPMID_FIELD_KIND);

  g_string_append_printf (out, "<%d>1 ", style->facility * 8 + priority_of (host, event));
  append_time (out, ipmid_event_integer (host, event, event_time ? IPMID_FIELD_TIME : IPMID_FIELD_RECEIVED));
  g_string_append_c (out, ' ');
  append_word (out, style->hostname != NULL ? style->hostname : ipmid_event_string (host, event, IPMID_FIELD_BMC),
               HOSTNAME_MAX);
  g_string_append_printf (out, " %s %d ", style->app_name, (int) getpid ());
  append_word (out, kind, 32);
  g_string_append_c (out, ' ');
}

/* ` NAME="VALUE"`; NULL if the event does not have the field. */
static char *
make_parameter (IpmidHost *host, const IpmidEvent *event, IpmidField field)
{
  g_autofree char *text = ipmid_event_to_text (host, event, field);
  g_autofree char *value = NULL;
  GString *parameter;

  if (text == NULL || field == IPMID_FIELD_TEXT)
    return NULL;
  value = clean (text, VALUE_MAX);
  parameter = g_string_new (NULL);
  g_string_append_printf (parameter, " %s=\"", ipmid_field_name (host, field));
  for (const char *c = value; *c != '\0'; c++)
    {
      if (strchr ("\"\\]", *c) != NULL)
        g_string_append_c (parameter, '\\');
      g_string_append_c (parameter, *c);
    }
  g_string_append_c (parameter, '"');
  return g_string_free (parameter, FALSE);
}

/* Until `end`, where the message may have so many octets. */
static void
append_fields (const MessageStyle *style, IpmidHost *host, const IpmidEvent *event, gsize end, GString *out)
{
  gsize before = out->len;
  gboolean any = FALSE;

  g_string_append_printf (out, "[%s", style->sd_id);
  for (guint field = 0; field < IPMID_N_FIELDS; field++)
    {
      g_autofree char *parameter = make_parameter (host, event, (IpmidField) field);
      if (parameter == NULL)
        continue;
      if (out->len + strlen (parameter) + 1 > end)
        break;
      g_string_append (out, parameter);
      any = TRUE;
    }
  g_string_append_c (out, ']');
  if (any)
    return;
  g_string_truncate (out, before);
  g_string_append_c (out, '-');
}

void
message_append (const MessageStyle *style, IpmidHost *host, const IpmidEvent *event, GString *out)
{
  gsize end = out->len + style->max_size;
  const char *words = ipmid_event_string (host, event, IPMID_FIELD_TEXT);
  g_autofree char *text = clean (words != NULL ? words : "", style->max_size);
  /* Plain ASCII needs no mark that it is UTF-8 (section 6.4). */
  const char *bom = g_str_is_ascii (text) ? "" : BOM;
  gsize frame = 1 + strlen (bom);
  g_autofree char *cut = NULL;

  append_header (style, host, event, out);
  append_fields (style, host, event, end - frame - MIN (strlen (text), TEXT_KEPT), out);
  cut = clean (text, end - MIN (out->len + frame, end));
  if (*cut != '\0')
    g_string_append_printf (out, " %s%s", bom, cut);
}

void
message_append_journal (const MessageStyle *style, IpmidHost *host, const IpmidEvent *event, GString *out)
{
  const char *words = ipmid_event_string (host, event, IPMID_FIELD_TEXT);
  g_autofree char *text = clean (words != NULL ? words : "", style->max_size / 2);
  gsize end = out->len + style->max_size;
  gint64 kind = ipmid_event_integer (host, event, IPMID_FIELD_KIND);

  g_string_append_printf (out, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=%s\n", text,
                          priority_of (host, event), style->facility, style->app_name);
  if (kind > 0 && kind < (gint64) G_N_ELEMENTS (message_ids))
    g_string_append_printf (out, "MESSAGE_ID=%s\n", message_ids[kind]);
  for (guint field = 0; field < IPMID_N_FIELDS; field++)
    {
      g_autofree char *value = ipmid_event_to_text (host, event, (IpmidField) field);
      g_autofree char *name = g_ascii_strup (ipmid_field_name (host, (IpmidField) field), -1);
      g_autofree char *cut = value != NULL ? clean (value, VALUE_MAX) : NULL;

      if (cut != NULL && field != IPMID_FIELD_TEXT && out->len + strlen (name) + strlen (cut) + 8 <= end)
        g_string_append_printf (out, "IPMID_%s=%s\n", name, cut);
    }
}
