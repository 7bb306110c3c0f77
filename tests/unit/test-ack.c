/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-ack.c - the acknowledgement protocol's parser. */
#include <plugins/exec/ack.h>

#include <string.h>

/* Takes everything from the reader; lines joined with "|". */
static char *
take_all (AckReader *reader, AckState *state)
{
  GString *all = g_string_new (NULL);
  const char *line;
  gsize length;

  while ((*state = ack_reader_next (reader, &line, &length)) == ACK_LINE)
    {
      g_assert_cmpuint (strlen (line), ==, length);
      g_string_append_printf (all, "%s|", line);
    }
  return g_string_free (all, FALSE);
}

static void
test_lines (void)
{
  static const char text[] = "OK a\n\nRETRY b c\r\nlast";
  AckReader reader;

  /* However it is cut into pieces. */
  for (gsize cut = 0; cut < sizeof text - 1; cut++)
    {
      g_autofree char *first = NULL;
      g_autofree char *second = NULL;
      g_autofree char *both = NULL;
      AckState state;

      ack_reader_init (&reader);
      ack_reader_push (&reader, text, cut);
      first = take_all (&reader, &state);
      g_assert_cmpint (state, ==, ACK_MORE);
      ack_reader_push (&reader, text + cut, sizeof text - 1 - cut);
      second = take_all (&reader, &state);
      g_assert_cmpint (state, ==, ACK_MORE);
      both = g_strconcat (first, second, NULL);
      g_assert_cmpstr (both, ==, "OK a||RETRY b c|");
      ack_reader_clear (&reader);
    }
}

static void
test_too_long (void)
{
  g_autofree char *longest = g_strnfill (ACK_LINE_MAX, 'x');
  AckReader reader;
  const char *line;
  gsize length;

  ack_reader_init (&reader);
  ack_reader_push (&reader, longest, ACK_LINE_MAX);
  g_assert_cmpint (ack_reader_next (&reader, &line, &length), ==, ACK_MORE);
  ack_reader_push (&reader, "\n", 1);
  g_assert_cmpint (ack_reader_next (&reader, &line, &length), ==, ACK_LINE);
  g_assert_cmpuint (length, ==, ACK_LINE_MAX);
  ack_reader_push (&reader, longest, ACK_LINE_MAX);
  ack_reader_push (&reader, "x", 1);
  g_assert_cmpint (ack_reader_next (&reader, &line, &length), ==, ACK_TOO_LONG);
  ack_reader_clear (&reader);
}

static void
test_parse (void)
{
  static const struct
  {
    const char *line;
    IpmidVerdict verdict;
    const char *reason; /* NULL: is not about this event */
  } cases[] = {
    { "OK b 1/5/1", IPMID_VERDICT_DONE, "" },
    { "RETRY b 1/5/1", IPMID_VERDICT_RETRY, "" },
    { "RETRY b 1/5/1  not now ", IPMID_VERDICT_RETRY, "not now" },
    { "REJECT b 1/5/1 \x01\xff", IPMID_VERDICT_REJECT, "?\xef\xbf\xbd" },
    { "OK b 1/5/1 with words", IPMID_VERDICT_DONE, NULL },
    { "OK b 1/5/11", IPMID_VERDICT_DONE, NULL },
    { "OK b 1/5/", IPMID_VERDICT_DONE, NULL },
    { "OK  b 1/5/1", IPMID_VERDICT_DONE, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *reason = NULL;
      Ack ack;

      g_assert_true (ack_parse (cases[i].line, strlen (cases[i].line), &ack));
      g_assert_cmpint (ack.verdict, ==, cases[i].verdict);
      g_assert_cmpint (ack_names (&ack, "b 1/5/1", &reason), ==, cases[i].reason != NULL);
      g_assert_cmpstr (reason, ==, cases[i].reason);
    }
}

static void
test_nonsense (void)
{
  static const char *const lines[]
      = { "", " ", "OK", "OK ", "ok b1", "OKb1", " OK b1", "DONE b1", "RETRY", "REJECT ", "{}" };
  Ack ack;

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    g_assert_false (ack_parse (lines[i], strlen (lines[i]), &ack));
  g_assert_false (ack_parse ("OK a\0b", 6, &ack));
}

static void
test_printable (void)
{
  g_autofree char *endless = g_strnfill (10000, 'x');
  g_autofree char *short_one = ack_printable (endless, 10000);
  g_autofree char *escaped = ack_printable ("a\x1b[2J\n\xc3\xa9\xff", 9);

  g_assert_cmpuint (strlen (short_one), ==, 200);
  g_assert_cmpstr (escaped, ==, "a?[2J?\xc3\xa9\xef\xbf\xbd");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ack/lines", test_lines);
  g_test_add_func ("/ack/too-long", test_too_long);
  g_test_add_func ("/ack/parse", test_parse);
  g_test_add_func ("/ack/nonsense", test_nonsense);
  g_test_add_func ("/ack/printable", test_printable);
  return g_test_run ();
}
