/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-text.c - text from a BMC, made harmless. */
#include "event/text.h"

#include <string.h>

#define FFFD "\xef\xbf\xbd"

static void
assert_clean (const char *text, const char *expected)
{
  g_autofree char *clean = text_clean (text, -1, 1024);

  g_assert_cmpstr (clean, ==, expected);
}

static gboolean
is_harmful (gunichar c)
{
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0x61c || c == 0x200e || c == 0x200f
         || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static void
test_examples (void)
{
  assert_clean ("", "");
  assert_clean ("CPU1 Temp", "CPU1 Temp");
  assert_clean ("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80", "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80");
  assert_clean ("a\nendevent\n", "a" FFFD "endevent" FFFD);
  assert_clean ("\x1b[31m", FFFD "[31m");
  assert_clean ("\xff\xfe", FFFD FFFD);
  assert_clean ("\xc3", FFFD);                   /* cut short */
  assert_clean ("\xc0\x80", FFFD FFFD);          /* overlong */
  assert_clean ("\xed\xa0\x80", FFFD FFFD FFFD); /* a surrogate */
  assert_clean ("\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD);
  assert_clean ("\xe2\x80\xae"
                "abc",
                FFFD "abc"); /* right to left */
  assert_clean ("\xc2\x9b"
                "31m",
                FFFD "31m"); /* C1: CSI */
  assert_clean ("`id`;$(x)\"'\\", "`id`;$(x)\"'\\");
}

static void
test_nul (void)
{
  g_autofree char *clean = text_clean ("a\0b", 3, 1024);

  g_assert_cmpstr (clean, ==, "a" FFFD "b");
}

/* Every character of Unicode, by itself. */
static void
test_every_character (void)
{
  for (gunichar c = 1; c <= 0x10ffff; c++)
    {
      char text[8] = { 0 };
      g_autofree char *clean = NULL;

      if (c >= 0xd800 && c <= 0xdfff)
        continue;
      g_unichar_to_utf8 (c, text);
      clean = text_clean (text, -1, 16);
      if (is_harmful (c))
        g_assert_cmpstr (clean, ==, FFFD);
      else
        g_assert_cmpstr (clean, ==, text);
    }
}

/* Every sequence of two bytes, and many of four: valid, bounded, and cleaning
 * what is clean changes nothing. */
static void
assert_sound (const char *bytes, gsize length, gsize maximum)
{
  g_autofree char *clean = text_clean (bytes, (gssize) length, maximum);
  g_autofree char *again = text_clean (clean, -1, maximum);

  g_assert_true (g_utf8_validate (clean, -1, NULL));
  g_assert_cmpuint (strlen (clean), <=, maximum);
  g_assert_cmpstr (clean, ==, again);
  for (const char *c = clean; *c != '\0'; c = g_utf8_next_char (c))
    g_assert_false (is_harmful (g_utf8_get_char (c)));
}

static void
test_byte_pairs (void)
{
  for (guint i = 0; i < 65536; i++)
    {
      /* On the heap, so that reading past the end shows. */
      g_autofree char *bytes = g_malloc (2);

      bytes[0] = (char) (i >> 8);
      bytes[1] = (char) i;
      assert_sound (bytes, 2, 16);
    }
}

static void
test_random_bytes (void)
{
  for (guint i = 0; i < 200000; i++)
    {
      gsize length = (gsize) g_test_rand_int_range (0, 9), maximum = (gsize) g_test_rand_int_range (0, 24);
      g_autofree char *bytes = g_malloc (length + (length == 0));

      for (gsize j = 0; j < length; j++)
        bytes[j] = (char) (g_test_rand_bit () ? g_test_rand_int_range (0x80, 0x100) : g_test_rand_int_range (0, 256));
      assert_sound (bytes, length, maximum);
    }
}

/* Cut at a character, never inside one, and not earlier than need be. */
static void
test_cut (void)
{
  static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
  static const gsize kept[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };

  for (gsize maximum = 0; maximum < G_N_ELEMENTS (kept); maximum++)
    {
      g_autofree char *clean = text_clean (text, -1, maximum);

      g_assert_cmpuint (strlen (clean), ==, kept[maximum]);
      g_assert_cmpint (memcmp (clean, text, kept[maximum]), ==, 0);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/examples", test_examples);
  g_test_add_func ("/text/nul", test_nul);
  g_test_add_func ("/text/every-character", test_every_character);
  g_test_add_func ("/text/byte-pairs", test_byte_pairs);
  g_test_add_func ("/text/random-bytes", test_random_bytes);
  g_test_add_func ("/text/cut", test_cut);
  return g_test_run ();
}
