/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-syslog-message.c - what the syslog plugin writes, read back by a strict
 * parser of RFC 5424, section 6.
 */
#include "plugin-bench-host.h"

#include "../../plugins/syslog/message.h"

#include <event/render.h>

#include <string.h>
#include <unistd.h>

#define BOM "\xef\xbb\xbf"

/* ------------------------------------------------------------ a strict parser */

typedef struct
{
  guint priority;
  char *words[5]; /* TIMESTAMP, HOSTNAME, APP-NAME, PROCID, MSGID */
  char *sd_id;    /* NULL: no structured data */
  GHashTable *parameters;
  gboolean bom;
  char *text; /* NULL: none */
} Parsed;

enum
{
  TIMESTAMP,
  HOSTNAME,
  APP_NAME,
  PROCID,
  MSGID,
};

static void
parsed_clear (Parsed *parsed)
{
  for (guint i = 0; i < G_N_ELEMENTS (parsed->words); i++)
    g_free (parsed->words[i]);
  g_free (parsed->sd_id);
  g_clear_pointer (&parsed->parameters, g_hash_table_unref);
  g_free (parsed->text);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Parsed, parsed_clear)

static void
eat (const char **at, char c)
{
  g_assert_cmpint (**at, ==, c);
  ++*at;
}

/* PRINTUSASCII, 1 to `maximum`, and none of `but`. */
static char *
eat_word (const char **at, gsize maximum, const char *but)
{
  const char *start = *at;

  while (**at > 32 && **at < 127 && strchr (but, **at) == NULL)
    ++*at;
  g_assert_cmpuint ((gsize) (*at - start), >, 0);
  g_assert_cmpuint ((gsize) (*at - start), <=, maximum);
  return g_strndup (start, (gsize) (*at - start));
}

static void
eat_priority (const char **at, Parsed *parsed)
{
  const char *start;

  eat (at, '<');
  start = *at;
  while (g_ascii_isdigit (**at))
    parsed->priority = parsed->priority * 10 + (guint) (*(*at)++ - '0');
  g_assert_true (*at - start >= 1 && *at - start <= 3 && parsed->priority <= 191);
  g_assert_true (*start != '0' || *at - start == 1);
  eat (at, '>');
  eat (at, '1');
}

/* FULL-DATE "T" FULL-TIME in UTC with a fraction, or "-". */
static void
check_timestamp (const char *text)
{
  static const char shape[] = "0000-00-00T00:00:00.000000Z";

  if (strcmp (text, "-") == 0)
    return;
  g_assert_cmpuint (strlen (text), ==, strlen (shape));
  for (gsize i = 0; shape[i] != '\0'; i++)
    g_assert_true (shape[i] == '0' ? g_ascii_isdigit (text[i]) : text[i] == shape[i]);
}

static char *
eat_value (const char **at)
{
  GString *value = g_string_new (NULL);

  eat (at, '"');
  for (; **at != '"'; ++*at)
    {
      g_assert_cmpint (**at, !=, '\0');
      g_assert_cmpint (**at, !=, ']'); /* has to be escaped */
      if (**at == '\\')
        {
          ++*at;
          g_assert_nonnull (strchr ("\"\\]", **at)); /* what we escape, and nothing else */
          g_assert_cmpint (**at, !=, '\0');
        }
      g_string_append_c (value, **at);
    }
  eat (at, '"');
  g_assert_true (g_utf8_validate (value->str, (gssize) value->len, NULL));
  return g_string_free (value, FALSE);
}

static void
eat_structured_data (const char **at, Parsed *parsed)
{
  parsed->parameters = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (**at == '-')
    {
      eat (at, '-');
      return;
    }
  eat (at, '[');
  parsed->sd_id = eat_word (at, 32, "=]\"");
  while (**at == ' ')
    {
      char *name;

      eat (at, ' ');
      name = eat_word (at, 32, "=]\"");
      eat (at, '=');
      g_assert_true (g_hash_table_insert (parsed->parameters, name, eat_value (at))); /* each once */
    }
  eat (at, ']');
}

static Parsed
parse (const char *message)
{
  static const gsize maxima[] = { 40, 255, 48, 128, 32 };
  Parsed parsed = { 0 };
  const char *at = message;

  eat_priority (&at, &parsed);
  for (guint i = 0; i < G_N_ELEMENTS (maxima); i++)
    {
      eat (&at, ' ');
      parsed.words[i] = eat_word (&at, maxima[i], "");
    }
  check_timestamp (parsed.words[TIMESTAMP]);
  eat (&at, ' ');
  eat_structured_data (&at, &parsed);
  if (*at != '\0')
    {
      eat (&at, ' ');
      parsed.bom = g_str_has_prefix (at, BOM);
      at += parsed.bom ? strlen (BOM) : 0;
      g_assert_true (g_utf8_validate (at, -1, NULL));
      g_assert_true (parsed.bom != g_str_is_ascii (at));
      for (const char *c = at; *c != '\0'; c = g_utf8_next_char (c))
        g_assert_false (g_unichar_iscntrl (g_utf8_get_char (c)));
      parsed.text = g_strdup (at);
    }
  return parsed;
}

/* -------------------------------------------------------------------- writing */

static const MessageStyle usual = { .facility = 3, .app_name = "ipmid", .sd_id = "ipmid@32473", .max_size = 8192 };

static BenchHost *bench; /* for its table of the host alone */

/* An event's strings are clean already.  That the plugin does not rely on that is
 * seen when these bytes stand in their place. */
static const char *raw_bytes;
static IpmidHostApi raw_api;
static IpmidHost raw_host = { &raw_api };

static gboolean
is_string (IpmidField field)
{
  return raw_bytes != NULL && event_field (field)->type == EVENT_TYPE_STRING;
}

static const char *
raw_string (const IpmidEvent *event, IpmidField field)
{
  return is_string (field) && event_has (event, field) ? raw_bytes : event_string (event, field);
}

static char *
raw_to_text (const IpmidEvent *event, IpmidField field)
{
  return is_string (field) && event_has (event, field) ? g_strdup (raw_bytes) : render_field (event, field);
}

static char *
write_message (const MessageStyle *style, const IpmidEvent *event)
{
  GString *out = g_string_new ("before"); /* must be left alone */

  message_append (style, &raw_host, event, out);
  g_assert_true (g_str_has_prefix (out->str, "before"));
  g_assert_cmpuint (strlen (out->str), ==, out->len); /* no zero inside */
  g_assert_cmpuint (out->len - strlen ("before"), <=, style->max_size);
  g_string_erase (out, 0, (gssize) strlen ("before"));
  return g_string_free (out, FALSE);
}

static Parsed
write_and_parse (const MessageStyle *style, const IpmidEvent *event)
{
  g_autofree char *message = write_message (style, event);

  return parse (message);
}

static const char *
value_of (const Parsed *parsed, const char *name)
{
  return g_hash_table_lookup (parsed->parameters, name);
}

static void
test_whole (void)
{
  g_autoptr (IpmidEvent) event = bench_event ("b1", 7);
  g_auto (Parsed) parsed = write_and_parse (&usual, event);
  g_autofree char *pid = g_strdup_printf ("%d", (int) getpid ());
  guint n_fields = 0;

  g_assert_cmpuint (parsed.priority, ==, 3 * 8 + 2);
  g_assert_cmpstr (parsed.words[TIMESTAMP], ==, "2023-11-14T22:13:20.123456Z");
  g_assert_cmpstr (parsed.words[HOSTNAME], ==, "b1");
  g_assert_cmpstr (parsed.words[APP_NAME], ==, "ipmid");
  g_assert_cmpstr (parsed.words[PROCID], ==, pid);
  g_assert_cmpstr (parsed.words[MSGID], ==, "threshold");
  g_assert_cmpstr (parsed.sd_id, ==, "ipmid@32473");
  g_assert_true (parsed.bom);
  g_assert_cmpstr (parsed.text, ==, ipmid_event_string (&bench->host, event, IPMID_FIELD_TEXT));
  for (guint field = 0; field < IPMID_N_FIELDS; field++)
    {
      g_autofree char *text = render_field (event, field);
      if (field != IPMID_FIELD_TEXT && text != NULL)
        g_assert_cmpstr (value_of (&parsed, event_field (field)->name), ==, text);
      n_fields += field != IPMID_FIELD_TEXT && text != NULL;
    }
  g_assert_cmpuint (g_hash_table_size (parsed.parameters), ==, n_fields);
}

static void
test_severities (void)
{
  /* Without a severity: informational. */
  static const guint levels[] = { 6, 5, 6, 4, 2 };

  for (guint severity = 0; severity < G_N_ELEMENTS (levels); severity++)
    for (guint facility = 0; message_facilities[facility] != NULL; facility++)
      {
        g_autoptr (IpmidEvent) event = event_new ();
        MessageStyle style = usual;
        g_auto (Parsed) parsed = { 0 };

        style.facility = (int) facility;
        if (severity > 0)
          event_set_integer (event, IPMID_FIELD_SEVERITY, severity);
        parsed = write_and_parse (&style, event);
        g_assert_cmpuint (parsed.priority, ==, facility * 8 + levels[severity]);
      }
  g_assert_cmpstr (message_facilities[23], ==, "local7");
  g_assert_null (message_facilities[24]);
}

/* All strings of this length over the characters that matter. */
static void
test_escapes (void)
{
  static const char *const letters[]
      = { "a", "\"", "\\", "]", "[", "=", " ", "\n", "\t", "\x7f", "\xc3\xa9", "\xc2\x85", "\xe2\x82\xac", "\xff" };
  static const char *const expected[]
      = { "a", "\"", "\\", "]", "[", "=", " ", " ", " ", " ", "\xc3\xa9", "  ", "\xe2\x82\xac", "\xef\xbf\xbd" };
  const guint n = G_N_ELEMENTS (letters);

  for (guint code = 0; code < n * n * n; code++)
    {
      g_autoptr (IpmidEvent) event = bench_event ("b1", 1);
      guint digits[] = { code % n, code / n % n, code / n / n };
      g_autofree char *value = g_strconcat (letters[digits[0]], letters[digits[1]], letters[digits[2]], NULL);
      g_autofree char *wanted = g_strconcat (expected[digits[0]], expected[digits[1]], expected[digits[2]], NULL);
      g_auto (Parsed) parsed = { 0 };

      raw_bytes = value;
      parsed = write_and_parse (&usual, event);
      raw_bytes = NULL;
      g_assert_cmpstr (value_of (&parsed, "sensor"), ==, wanted);
      g_assert_cmpstr (parsed.text, ==, wanted);
    }
}

/* Every byte by itself, as a text and as the header's word. */
static void
test_every_byte (void)
{
  for (guint byte = 1; byte < 256; byte++)
    {
      const char text[] = { (char) byte, '\0' };
      g_autoptr (IpmidEvent) event = bench_event ("b1", 1);
      g_auto (Parsed) parsed = { 0 };

      raw_bytes = text;
      parsed = write_and_parse (&usual, event);
      raw_bytes = NULL;
      g_assert_cmpstr (parsed.words[HOSTNAME], ==, g_ascii_isgraph ((char) byte) ? text : "_");
    }
}

static void
test_nothing (void)
{
  g_autoptr (IpmidEvent) event = event_new ();
  g_auto (Parsed) parsed = write_and_parse (&usual, event);

  g_assert_null (parsed.sd_id);
  g_assert_null (parsed.text);
  g_assert_cmpstr (parsed.words[HOSTNAME], ==, "-");
  g_assert_cmpstr (parsed.words[MSGID], ==, "-");
}

static void
check_time (gint64 nanoseconds, const char *expected)
{
  g_autoptr (IpmidEvent) event = bench_event ("b1", 1);
  MessageStyle style = usual;
  g_auto (Parsed) parsed = { 0 };

  style.event_time = TRUE;
  event_set_integer (event, IPMID_FIELD_TIME, nanoseconds);
  parsed = write_and_parse (&style, event);
  g_assert_cmpstr (parsed.words[TIMESTAMP], ==, expected);
}

static void
test_times (void)
{
  g_autoptr (IpmidEvent) event = event_new ();
  MessageStyle style = usual;
  g_auto (Parsed) parsed = { 0 };

  check_time (0, "1970-01-01T00:00:00.000000Z");
  check_time (-1, "1969-12-31T23:59:59.999999Z");
  check_time (G_GINT64_CONSTANT (951782399999999999), "2000-02-28T23:59:59.999999Z");
  check_time (G_GINT64_CONSTANT (4294967295000000000), "2106-02-07T06:28:15.000000Z"); /* a BMC's last second */
  check_time (G_MAXINT64, "2262-04-11T23:47:16.854775Z");
  check_time (G_MININT64, "1677-09-21T00:12:43.145224Z");
  style.event_time = TRUE; /* but it has none */
  event_set_integer (event, IPMID_FIELD_RECEIVED, G_GINT64_CONSTANT (1700000000123456) * 1000);
  parsed = write_and_parse (&style, event);
  g_assert_cmpstr (parsed.words[TIMESTAMP], ==, "2023-11-14T22:13:20.123456Z");
}

/* An event whose strings are all this, 2000 bytes long. */
static IpmidEvent *
long_event (const char *letter, GString *text)
{
  IpmidEvent *event = bench_event ("b1", 1);

  while (text->len < 2000)
    g_string_append (text, letter);
  for (guint field = 0; field < IPMID_N_FIELDS; field++)
    if (event_field (field)->type == EVENT_TYPE_STRING)
      event_set_string (event, field, "there is one");
  raw_bytes = text->str;
  return event;
}

/* Cut at every length: still valid, no longer than allowed, and never a field
 * that follows one which was left out. */
static void
check_cut (const IpmidEvent *event, gsize size)
{
  MessageStyle style = usual;
  g_auto (Parsed) parsed = { 0 };
  gboolean left_out = FALSE;

  style.max_size = size;
  parsed = write_and_parse (&style, event);
  for (guint field = 0; field < IPMID_N_FIELDS; field++)
    {
      const char *value = value_of (&parsed, event_field (field)->name);

      if (field == IPMID_FIELD_TEXT || !event_has (event, field))
        continue;
      left_out = left_out || value == NULL;
      g_assert_true (!left_out || value == NULL);
      g_assert_true (value == NULL || strlen (value) <= 256);
    }
}

static void
test_sizes (void)
{
  static const char *const letters[] = { "x", "]", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x94\xa5" };

  for (guint i = 0; i < G_N_ELEMENTS (letters); i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      g_autoptr (IpmidEvent) event = long_event (letters[i], text);

      for (gsize size = MESSAGE_SIZE_MIN; size < 1200; size++)
        check_cut (event, size);
      check_cut (event, 65536);
      raw_bytes = NULL;
    }
}

/* A text that fits is whole, whatever the fields take. */
static void
test_text_before_fields (void)
{
  g_autoptr (IpmidEvent) event = bench_event ("b1", 1);
  g_autofree char *brackets = g_strnfill (500, ']');
  MessageStyle style = usual;
  g_auto (Parsed) parsed = { 0 };

  event_set_string (event, IPMID_FIELD_TEXT, "A sentence for people");
  event_set_string (event, IPMID_FIELD_ID, brackets);
  style.max_size = MESSAGE_SIZE_MIN;
  parsed = write_and_parse (&style, event);
  g_assert_cmpstr (parsed.text, ==, "A sentence for people");
}

static void
test_names (void)
{
  for (int byte = 1; byte < 256; byte++)
    {
      const char text[] = { 'a', (char) byte, '\0' };
      gboolean graph = byte > 32 && byte < 127;
      g_assert_true (message_is_name (text, 32, FALSE) == graph);
      g_assert_true (message_is_name (text, 32, TRUE) == (graph && strchr ("=]\"", byte) == NULL));
    }
  g_assert_false (message_is_name ("", 32, FALSE));
  g_assert_true (message_is_name ("12345", 5, FALSE));
  g_assert_false (message_is_name ("123456", 5, FALSE));
}

/* One line a field, each name a valid and unique one, no line forged. */
static void
check_journal (const IpmidEvent *event, gsize size)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GString) out = g_string_new (NULL);
  g_auto (GStrv) lines = NULL;
  MessageStyle style = usual;

  style.max_size = size;
  message_append_journal (&style, &raw_host, event, out);
  g_assert_cmpuint (out->len, <=, size);
  g_assert_cmpuint (strlen (out->str), ==, out->len);
  g_assert_true (g_utf8_validate (out->str, -1, NULL));
  g_assert_true (g_str_has_suffix (out->str, "\n"));
  g_string_truncate (out, out->len - 1);
  lines = g_strsplit (out->str, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      char *equals = strchr (*line, '=');
      g_assert_nonnull (equals);
      *equals = '\0';
      g_assert_cmpuint (strspn (*line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), ==, strlen (*line));
      g_assert_true (g_ascii_isupper (**line));
      g_assert_true (g_hash_table_insert (seen, *line, equals + 1));
    }
  g_assert_cmpstr (g_hash_table_lookup (seen, "PRIORITY"), ==, "2");
  g_assert_cmpstr (g_hash_table_lookup (seen, "MESSAGE_ID"), ==, "f5e14b7631814e619f9f0eb4c09114cc");
  g_assert_true (g_hash_table_contains (seen, "MESSAGE") && g_hash_table_contains (seen, "IPMID_ID"));
}

static void
test_journal (void)
{
  static const char *const letters[] = { "x", "\n", "=", "\xe2\x82\xac" };
  g_autoptr (IpmidEvent) plain = bench_event ("b1", 1);

  check_journal (plain, 8192);
  for (guint i = 0; i < G_N_ELEMENTS (letters); i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      g_autoptr (IpmidEvent) event = long_event (letters[i], text);

      check_journal (event, 65536);
      check_journal (event, 2048);
      raw_bytes = NULL;
    }
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  bench = bench_host_new ("syslog");
  raw_api = *bench->host.api;
  raw_api.event_string = raw_string;
  raw_api.event_to_text = raw_to_text;
  g_test_add_func ("/syslog-message/whole", test_whole);
  g_test_add_func ("/syslog-message/severities", test_severities);
  g_test_add_func ("/syslog-message/escapes", test_escapes);
  g_test_add_func ("/syslog-message/every-byte", test_every_byte);
  g_test_add_func ("/syslog-message/nothing", test_nothing);
  g_test_add_func ("/syslog-message/times", test_times);
  g_test_add_func ("/syslog-message/sizes", test_sizes);
  g_test_add_func ("/syslog-message/text-before-fields", test_text_before_fields);
  g_test_add_func ("/syslog-message/names", test_names);
  g_test_add_func ("/syslog-message/journal", test_journal);
  status = g_test_run ();
  bench_host_free (bench);
  return status;
}
