/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* message.c - see message.h. */
#include "message.h"

#include "../net/words.h"

#include <string.h>

#define LINE_MAX_LENGTH 76u
#define ADDRESS_MAX 254u
#define SUBJECT_MAX 180u /* bytes */
#define BMCS_IN_SUBJECT 3u
#define ID_LENGTH 32

/* ------------------------------------------------------------------- addresses */

gboolean
message_check_address (const char *address)
{
  const char *at = strrchr (address, '@');

  if (at == NULL || at == address || at[1] == '\0' || strchr (address, '@') != at || strlen (address) > ADDRESS_MAX)
    return FALSE;
  for (const char *c = address; *c != '\0'; c++)
    if (!g_ascii_isgraph (*c) || strchr ("()<>[]:;,\\\"", *c) != NULL)
      return FALSE;
  return TRUE;
}

/* -------------------------------------------------------------------- encodings */

static void
append_hex (GString *out, char mark, guchar byte)
{
  g_string_append_printf (out, "%c%02X", mark, byte);
}

void
message_append_quoted_printable (GString *out, const char *text)
{
  gsize used = 0;

  for (const char *c = text; *c != '\0'; c++)
    {
      /* A blank at the end of a line would get lost. */
      gboolean last = c[1] == '\n' || c[1] == '\0';
      gboolean plain = (g_ascii_isgraph (*c) && *c != '=') || (*c == ' ' && !last);

      if (*c == '\n')
        {
          g_string_append (out, "\r\n");
          used = 0;
          continue;
        }
      if (used + (plain ? 1 : 3) > LINE_MAX_LENGTH - 1)
        {
          g_string_append (out, "=\r\n");
          used = 0;
        }
      if (plain)
        g_string_append_c (out, *c);
      else
        append_hex (out, '=', (guchar) *c);
      used += plain ? 1 : 3;
    }
}

static gboolean
needs_encoding (const char *text)
{
  for (const char *c = text; *c != '\0'; c++)
    if (!g_ascii_isprint (*c))
      return TRUE;
  return strstr (text, "=?") != NULL;
}

/* How many bytes of the text, whole characters, become an encoded word of at most `room`
 * bytes (RFC 2047, section 2). */
static gsize
fits (const char *text, gsize room)
{
  gsize whole = 0;

  for (const char *c = text; *c != '\0'; c = g_utf8_next_char (c))
    {
      gsize next = (gsize) (g_utf8_next_char (c) - text);

      if (strlen ("=?UTF-8?B?") + (next + 2) / 3 * 4 + strlen ("?=") > room)
        break;
      whole = next;
    }
  return whole;
}

void
message_append_header_text (GString *out, const char *text, gsize used)
{
  if (!needs_encoding (text))
    {
      g_string_append (out, text);
      return;
    }
  while (*text != '\0')
    {
      gsize length = fits (text, LINE_MAX_LENGTH - 1 - used);
      g_autofree char *word = g_base64_encode ((const guchar *) text, length);

      if (length > 0)
        g_string_append_printf (out, "=?UTF-8?B?%s?=", word);
      text += length;
      if (*text != '\0')
        g_string_append (out, "\r\n ");
      used = 1;
    }
}

/* --------------------------------------------------------------------- subject */

static guint
count_severity (IpmidHost *host, IpmidEvent *const *events, guint n_events, IpmidSeverity severity)
{
  guint count = 0;

  for (guint i = 0; i < n_events; i++)
    count += ipmid_event_integer (host, events[i], IPMID_FIELD_SEVERITY) == (gint64) severity;
  return count;
}

/* "node001, node002, node003 and 4 more" */
static void
append_bmcs (GString *out, IpmidHost *host, IpmidEvent *const *events, guint n_events)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < n_events; i++)
    {
      const char *bmc = ipmid_event_string (host, events[i], IPMID_FIELD_BMC);

      if (bmc != NULL && g_hash_table_add (seen, (gpointer) bmc) && g_hash_table_size (seen) <= BMCS_IN_SUBJECT)
        g_string_append_printf (out, "%s%s", g_hash_table_size (seen) > 1 ? ", " : "", bmc);
    }
  if (g_hash_table_size (seen) > BMCS_IN_SUBJECT)
    g_string_append_printf (out, " and %u more", g_hash_table_size (seen) - BMCS_IN_SUBJECT);
}

static void
append_counts (GString *out, IpmidHost *host, IpmidEvent *const *events, guint n_events)
{
  guint critical = count_severity (host, events, n_events, IPMID_SEVERITY_CRITICAL);
  guint warning = count_severity (host, events, n_events, IPMID_SEVERITY_WARNING);

  g_string_append_printf (out, "%u events", n_events);
  if (critical > 0)
    g_string_append_printf (out, ", %u critical", critical);
  if (warning > 0)
    g_string_append_printf (out, ", %u warning", warning);
  g_string_append (out, ": ");
}

static char *
make_subject (const MessageOptions *options, IpmidHost *host, IpmidEvent *const *events, guint n_events)
{
  g_autoptr (GString) subject = g_string_new (options->subject_prefix);
  g_autofree char *severity = ipmid_event_to_text (host, events[0], IPMID_FIELD_SEVERITY);
  g_autofree char *summary = words_summary (host, events[0]);

  if (subject->len > 0)
    g_string_append_c (subject, ' ');
  if (n_events == 1)
    g_string_append_printf (subject, "%s: %s", severity != NULL ? severity : "info", summary);
  else
    {
      append_counts (subject, host, events, n_events);
      append_bmcs (subject, host, events, n_events);
    }
  if (subject->len > SUBJECT_MAX)
    {
      const char *end = g_utf8_find_prev_char (subject->str, subject->str + SUBJECT_MAX + 1);

      g_string_truncate (subject, (gsize) (end - subject->str));
      g_string_append (subject, "…");
    }
  return g_strdup (subject->str);
}

/* --------------------------------------------------------------------- headers */

/* RFC 5322 has English names, whatever the locale. */
static void
append_date (GString *out)
{
  static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
  static const char *const months[]
      = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *time = g_date_time_format (now, "%H:%M:%S %z");

  g_string_append_printf (out, "Date: %s, %02d %s %d %s\r\n", days[g_date_time_get_day_of_week (now) - 1],
                          g_date_time_get_day_of_month (now), months[g_date_time_get_month (now) - 1],
                          g_date_time_get_year (now), time);
}

static void
append_id (GString *out, const MessageOptions *options, IpmidHost *host, IpmidEvent *const *events, guint n_events)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  for (guint i = 0; i < n_events; i++)
    {
      const char *id = ipmid_event_string (host, events[i], IPMID_FIELD_ID);

      g_checksum_update (sum, (const guchar *) id, (gssize) strlen (id) + 1);
    }
  for (const char *const *to = options->to; *to != NULL; to++)
    g_checksum_update (sum, (const guchar *) *to, (gssize) strlen (*to) + 1);
  g_string_append_printf (out, "Message-ID: <%.*s%s>\r\n", ID_LENGTH, g_checksum_get_string (sum),
                          strchr (options->from, '@'));
}

static void
append_headers (GString *out, const MessageOptions *options, IpmidHost *host, IpmidEvent *const *events, guint n_events)
{
  g_autofree char *subject = make_subject (options, host, events, n_events);

  append_date (out);
  g_string_append_printf (out, "From: ipmid <%s>\r\nTo: ", options->from);
  for (const char *const *to = options->to; *to != NULL; to++)
    g_string_append_printf (out, "%s%s", *to, to[1] != NULL ? ",\r\n " : "\r\n");
  g_string_append (out, "Subject: ");
  message_append_header_text (out, subject, strlen ("Subject: "));
  g_string_append (out, "\r\n");
  append_id (out, options, host, events, n_events);
  if (count_severity (host, events, n_events, IPMID_SEVERITY_CRITICAL) > 0)
    g_string_append (out, "Importance: high\r\n");
  g_string_append (out, "Auto-Submitted: auto-generated\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=UTF-8\r\n"
                        "Content-Transfer-Encoding: quoted-printable\r\n");
}

/* ------------------------------------------------------------------------ text */

static void
append_line (GString *out, IpmidHost *host, const IpmidEvent *event, const char *words, IpmidField field)
{
  g_autofree char *text = ipmid_event_to_text (host, event, field);

  if (text != NULL && *text != '\0')
    g_string_append_printf (out, "  %-10s %s\n", words, text);
}

static void
append_event (GString *out, IpmidHost *host, const IpmidEvent *event)
{
  g_autofree char *severity = ipmid_event_to_text (host, event, IPMID_FIELD_SEVERITY);
  g_autofree char *summary = words_summary (host, event);

  g_string_append_printf (out, "%s: %s\n", severity != NULL ? severity : "info", summary);
  append_line (out, host, event, "time:", IPMID_FIELD_TIME);
  append_line (out, host, event, "received:", IPMID_FIELD_RECEIVED);
  append_line (out, host, event, "sensor:", IPMID_FIELD_SENSOR);
  append_line (out, host, event, "type:", IPMID_FIELD_SENSOR_TYPE);
  append_line (out, host, event, "entity:", IPMID_FIELD_ENTITY);
  append_line (out, host, event, "component:", IPMID_FIELD_COMPONENT);
  append_line (out, host, event, "id:", IPMID_FIELD_ID);
  append_line (out, host, event, "repeats:", IPMID_FIELD_MAYBE_DUPLICATE_OF);
  g_string_append_c (out, '\n');
}

char *
message_make (const MessageOptions *options, IpmidHost *host, IpmidEvent *const *events, guint n_events)
{
  g_autoptr (GString) text = g_string_new (NULL);
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < n_events; i++)
    append_event (text, host, events[i]);
  g_string_append_printf (text, "-- \nipmid on %s\n", g_get_host_name ());
  append_headers (out, options, host, events, n_events);
  g_string_append (out, "\r\n");
  message_append_quoted_printable (out, text->str);
  return g_string_free (out, FALSE);
}
