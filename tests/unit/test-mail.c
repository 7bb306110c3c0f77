/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-mail.c - a mail's headers and text, whatever the events say. */
#include "plugin-bench-host.h"

#include "../../plugins/mail/message.h"

#include <string.h>

static const char *const to[] = { "a@example.org", "b@example.org", NULL };
static const MessageOptions options = { "ipmid@example.org", "[ipmid]", to };

static IpmidEvent *
make_event (const char *bmc, guint number, const char *text)
{
  g_autoptr (IpmidEvent) event = bench_event (bmc, number);
  IpmidEvent *copy = event_copy (event);

  event_set_string (copy, IPMID_FIELD_TEXT, text);
  event_set_integer (copy, IPMID_FIELD_SEVERITY, IPMID_SEVERITY_CRITICAL);
  return copy;
}

/* Lines are short, end with CRLF, and have only ASCII in them. */
static void
check_lines (const char *message)
{
  g_auto (GStrv) lines = g_strsplit (message, "\r\n", -1);

  for (char **line = lines; *line != NULL; line++)
    {
      g_assert_cmpuint (strlen (*line), <=, 998);
      g_assert_true (g_str_is_ascii (*line));
      g_assert_null (strpbrk (*line, "\r\n"));
    }
}

/* The value of a header with its folding undone; there is one of it. */
static char *
header (const char *message, const char *name)
{
  g_autofree char *head = g_strndup (message, (gsize) (strstr (message, "\r\n\r\n") - message));
  g_autofree char *begin = g_strdup_printf ("\r\n%s: ", name);
  const char *at = strstr (head, begin);
  g_autoptr (GString) value = g_string_new (NULL);

  g_assert_nonnull (at);
  g_assert_null (strstr (at + 1, begin));
  for (at += strlen (begin); *at != '\0' && !(at[0] == '\r' && at[2] != ' '); at++)
    if (*at != '\r' && *at != '\n')
      g_string_append_c (value, *at);
  return g_strdup (value->str);
}

static char *
decode_words (const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);

  if (!g_str_has_prefix (text, "=?"))
    return g_strdup (text);
  for (const char *at = text; *at != '\0';)
    {
      const char *end = strstr (at + strlen ("=?UTF-8?B?"), "?=");
      gsize length;

      g_assert_true (g_str_has_prefix (at, "=?UTF-8?B?"));
      g_assert_cmpuint ((gsize) (end + 2 - at), <=, 75);
      g_autofree char *word = g_strndup (at + strlen ("=?UTF-8?B?"), (gsize) (end - at) - strlen ("=?UTF-8?B?"));
      g_autofree guchar *bytes = g_base64_decode (word, &length);
      g_assert_true (g_utf8_validate ((const char *) bytes, (gssize) length, NULL)); /* whole characters */
      g_string_append_len (out, (const char *) bytes, (gssize) length);
      at = end + 2 + (end[2] == ' ');
    }
  return g_strdup (out->str);
}

static char *
decode_quoted (const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (const char *c = text; *c != '\0'; c++)
    if (*c == '=' && c[1] == '\r')
      c += 2;
    else if (*c == '=')
      {
        g_string_append_c (out, (char) (g_ascii_xdigit_value (c[1]) << 4 | g_ascii_xdigit_value (c[2])));
        c += 2;
      }
    else if (*c != '\r')
      g_string_append_c (out, *c);
  return g_strdup (out->str);
}

static void
test_one (void)
{
  static const char text[] = "Temp \xc3\xbc: 97 > 95 \xc2\xb0"
                             "C =?UTF-8?Q?x?= Bcc: evil@example.org";
  g_autoptr (BenchHost) bench = bench_host_new ("mail");
  g_autoptr (IpmidEvent) event = make_event ("node1", 1, text);
  g_autofree char *message = message_make (&options, &bench->host, &event, 1);
  g_autofree char *subject = header (message, "Subject"), *decoded = decode_words (subject);
  g_autofree char *people = header (message, "To"), *importance = header (message, "Importance");
  g_autofree char *body = decode_quoted (strstr (message, "\r\n\r\n") + 4);
  g_autofree char *expected = g_strconcat ("[ipmid] critical: node1: ", text, NULL);

  check_lines (message);
  g_assert_cmpstr (decoded, ==, expected);
  g_assert_cmpstr (people, ==, "a@example.org, b@example.org");
  g_assert_cmpstr (importance, ==, "high");
  g_assert_null (strstr (message, "\r\nBcc"));
  g_assert_nonnull (strstr (body, text));
}

static void
test_several (void)
{
  g_autoptr (BenchHost) bench = bench_host_new ("mail");
  IpmidEvent *events[5];

  for (guint i = 0; i < G_N_ELEMENTS (events); i++)
    {
      g_autofree char *bmc = g_strdup_printf ("node%u", i);
      events[i] = make_event (bmc, 1, "hot");
    }
  g_autofree char *message = message_make (&options, &bench->host, events, 5);
  g_autofree char *again = message_make (&options, &bench->host, events, 5);
  g_autofree char *fewer = message_make (&options, &bench->host, events, 4);
  g_autofree char *subject = header (message, "Subject"), *id = header (message, "Message-ID");
  g_autofree char *same = header (again, "Message-ID"), *other = header (fewer, "Message-ID");
  g_assert_cmpstr (subject, ==, "[ipmid] 5 events, 5 critical: node0, node1, node2 and 2 more");
  g_assert_cmpstr (id, ==, same);
  g_assert_cmpstr (id, !=, other);
  for (guint i = 0; i < G_N_ELEMENTS (events); i++)
    event_unref (events[i]);
}

/* Every length around the ends of lines, in one, two, three and four bytes a character. */
static void
test_lengths (void)
{
  static const char *const characters[] = { "x", " ", "=", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x94\xa5" };

  for (guint i = 0; i < G_N_ELEMENTS (characters); i++)
    for (guint n = 0; n < 200; n++)
      {
        g_autoptr (GString) text = g_string_new ("\xc2\xb0");
        g_autoptr (GString) quoted = g_string_new (NULL), words = g_string_new ("Subject: ");

        for (guint j = 0; j < n; j++)
          g_string_append (text, characters[i]);
        message_append_quoted_printable (quoted, text->str);
        message_append_header_text (words, text->str, words->len);
        g_autofree char *decoded = decode_quoted (quoted->str);
        g_auto (GStrv) lines = g_strsplit (quoted->str, "\r\n", -1);
        g_auto (GStrv) folded = g_strsplit (words->str, "\r\n", -1);
        g_assert_cmpstr (decoded, ==, text->str);
        for (char **line = lines; *line != NULL; line++)
          g_assert_true (strlen (*line) <= 76 && !g_str_has_suffix (*line, " "));
        for (char **line = folded; *line != NULL; line++)
          g_assert_true (strlen (*line) <= 76 && (line == folded || **line == ' '));
      }
}

static void
test_addresses (void)
{
  static const char *const good[] = { "a@b", "first.last+tag@mail.example.org", "x'y@example.org" };
  static const char *const bad[] = { "",      "a",       "@b",      "a@",    "a@b@c",      "a b@c",  "a@b\r\nBcc: c@d",
                                     "<a@b>", "a@b,c@d", "\"a\"@b", "a@b;c", "\xc3\xbc@b", "a@b\x7f" };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (message_check_address (good[i]));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (message_check_address (bad[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mail/one", test_one);
  g_test_add_func ("/mail/several", test_several);
  g_test_add_func ("/mail/lengths", test_lengths);
  g_test_add_func ("/mail/addresses", test_addresses);
  return g_test_run ();
}
