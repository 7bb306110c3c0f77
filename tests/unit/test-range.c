/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-range.c - one text for many. */
#include "core/range.h"

#include "event/error.h"

#include <string.h>

/* All texts, split at blanks. */
static char *
expand (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Range) range = range_parse (text, &error);
  GString *all = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < range_count (range); i++)
    {
      g_autofree char *one = range_nth (range, i);

      g_string_append_printf (all, "%s%s", i > 0 ? " " : "", one);
    }
  return g_string_free (all, FALSE);
}

static void
assert_expands (const char *text, const char *expected)
{
  g_autofree char *all = expand (text);

  g_assert_cmpstr (all, ==, expected);
}

static void
assert_bad (const char *text, const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (range_parse (text, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
  if (strstr (error->message, words) == NULL)
    g_error ("'%s' is not in '%s'", words, error->message);
}

static void
test_ranges (void)
{
  assert_expands ("node[1-3]", "node1 node2 node3");
  assert_expands ("[1-3,7]x", "1x 2x 3x 7x");
  assert_expands ("n[5]", "n5");
  assert_expands ("r[1-2]n[1-2]", "r1n1 r1n2 r2n1 r2n2");
  assert_expands ("[1-2][1-2][1-2]", "111 112 121 122 211 212 221 222");
  assert_expands ("n[08-11]", "n08 n09 n10 n11");
  assert_expands ("n[001,2,10-11]", "n001 n2 n10 n11");
  assert_expands ("n[098-101]", "n098 n099 n100 n101");
}

static void
test_plain (void)
{
  static const char *const texts[]
      = { "", "a", "[", "]", "[]", "[fe80::1]:623", "fe80::1", "[a-b]", "[1-2", "x[1.2]", "[1 2]" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (Range) range = range_parse (texts[i], NULL);

      g_assert_false (range_is_many (range));
      assert_expands (texts[i], texts[i]);
    }
  assert_expands ("[fe80::[1-3]]:623", "[fe80::1]:623 [fe80::2]:623 [fe80::3]:623");
  assert_expands ("[::1]:[1-2]", "[::1]:1 [::1]:2");
}

static void
test_bad (void)
{
  assert_bad ("[3-1]", "runs backwards");
  assert_bad ("[1-]", "needs numbers");
  assert_bad ("[-1]", "needs numbers");
  assert_bad ("[1,]", "needs numbers");
  assert_bad ("[,1]", "needs numbers");
  assert_bad ("[-]", "needs numbers");
  assert_bad ("[1-2-3]", "is no list");
  assert_bad ("[1-010]", "leading zeros");
  assert_bad ("[1234567890]", "at most nine digits");
  assert_bad ("a[0-65536]", "more than 65536");
  assert_bad ("[0-999999999]", "more than 65536");
  assert_bad ("[1-256][1-257]", "the ranges together stand for more than 65536");
}

static void
test_limit (void)
{
  g_autoptr (Range) range = range_parse ("[1-256][0-255]", NULL);
  g_autofree char *last = range_nth (range, RANGE_COUNT_MAX - 1);

  g_assert_cmpuint (range_count (range), ==, RANGE_COUNT_MAX);
  g_assert_cmpstr (last, ==, "256255");
}

/* Every span with ends below 120, padded to every width: the texts are those
 * that printf makes, in order. */
static void
test_exhaustive (void)
{
  for (int width = 1; width <= 4; width++)
    for (guint first = 0; first < 120; first++)
      for (guint last = first; last < 120; last += 1 + last % 7)
        {
          g_autofree char *head = g_strdup_printf ("%0*u", width, first);
          int padded = head[0] == '0' ? (int) strlen (head) : 1;
          g_autofree char *text = g_strdup_printf ("a[%s-%0*u]b", head, padded, last);
          g_autoptr (Range) range = range_parse (text, NULL);

          g_assert_cmpuint (range_count (range), ==, last - first + 1);
          for (guint i = 0; i <= last - first; i++)
            {
              g_autofree char *got = range_nth (range, i), *want = g_strdup_printf ("a%0*ub", padded, first + i);

              g_assert_cmpstr (got, ==, want);
            }
        }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/range/ranges", test_ranges);
  g_test_add_func ("/range/plain", test_plain);
  g_test_add_func ("/range/bad", test_bad);
  g_test_add_func ("/range/limit", test_limit);
  g_test_add_func ("/range/exhaustive", test_exhaustive);
  return g_test_run ();
}
