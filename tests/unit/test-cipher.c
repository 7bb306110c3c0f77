/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-cipher.c - what a BMC offers, and what is taken of it.
 */
#include "collector/cipher.h"

#include <string.h>

#define SET(number) (G_GUINT64_CONSTANT (1) << (number))

static guint
number_of (const CipherSuite *suite)
{
  return suite == NULL ? G_MAXUINT : suite->number;
}

/* Table 22-20. */
static void
test_table (void)
{
  static const guint8 table[][4] = { { 0, 0, 0, 0 },  { 1, 1, 0, 0 },  { 2, 1, 1, 0 }, { 3, 1, 1, 1 },
                                     { 15, 3, 0, 0 }, { 16, 3, 4, 0 }, { 17, 3, 4, 1 } };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      const CipherSuite *suite = cipher_suite (table[i][0]);

      g_assert_nonnull (suite);
      g_assert_cmpuint (suite->authentication, ==, table[i][1]);
      g_assert_cmpuint (suite->integrity, ==, table[i][2]);
      g_assert_cmpuint (suite->confidentiality, ==, table[i][3]);
      g_assert_cmpint (cipher_is_weak (suite), ==, suite->number != 3 && suite->number != 17);
    }
  g_assert_null (cipher_suite (4));
  g_assert_null (cipher_suite (18));
}

static void
test_records (void)
{
  static const guint8 usual[] = { 0xc0, 3, 0x01, 0x41, 0x81, 0xc0, 17, 0x03, 0x44, 0x81 };
  static const guint8 short_ones[] = { 0xc0, 0, 0x00, 0xc0, 1, 0x01, 0xc0, 3, 0x01, 0x41, 0x81 };
  static const guint8 oem[] = { 0xc1, 17, 0x57, 0x01, 0x00, 0x03, 0x44, 0x81, 0xc0, 3, 0x01, 0x41, 0x81 };
  static const guint8 beyond[] = { 0xc0, 0x81, 0x01, 0xc0, 0xff, 0x01 };

  g_assert_cmphex (cipher_parse_records (usual, sizeof usual), ==, SET (3) | SET (17));
  g_assert_cmphex (cipher_parse_records (short_ones, sizeof short_ones), ==, SET (0) | SET (1) | SET (3));
  /* A suite of a maker's own is not the standard's of the same number. */
  g_assert_cmphex (cipher_parse_records (oem, sizeof oem), ==, SET (3));
  g_assert_cmphex (cipher_parse_records (beyond, sizeof beyond), ==, 0);
  g_assert_cmphex (cipher_parse_records (NULL, 0), ==, 0);
  /* Cut anywhere: nothing is read beyond, nothing is made up. */
  for (gsize length = 0; length <= sizeof usual; length++)
    {
      g_autofree guint8 *cut = g_memdup2 (usual, length);
      CipherSet expected = (length >= 2 ? SET (3) : 0) | (length >= 7 ? SET (17) : 0);

      g_assert_cmphex (cipher_parse_records (cut, length), ==, expected);
    }
  /* Any three bytes whatever. */
  for (guint i = 0; i < 1u << 24; i += 7)
    {
      guint8 bytes[] = { (guint8) i, (guint8) (i >> 8), (guint8) (i >> 16) };

      cipher_parse_records (bytes, sizeof bytes);
    }
}

/* Of all sets of the suites that there are. */
static void
test_best (void)
{
  static const guint numbers[] = { 0, 1, 2, 3, 15, 16, 17 };

  for (guint bits = 0; bits < 1u << G_N_ELEMENTS (numbers); bits++)
    {
      CipherSet offered = 0;
      guint expected;

      for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
        if ((bits & 1u << i) != 0)
          offered |= SET (numbers[i]);
      expected = (offered & SET (17)) != 0 ? 17 : (offered & SET (3)) != 0 ? 3 : G_MAXUINT;
      g_assert_cmpuint (number_of (cipher_best (offered)), ==, expected);
    }
}

static void
test_describe (void)
{
  g_autofree char *some = cipher_describe (SET (0) | SET (2) | SET (17));
  g_autofree char *none = cipher_describe (0);

  g_assert_cmpstr (some, ==, "0, 2, 17");
  g_assert_cmpstr (none, ==, "none");
}

static void
test_choice_offered (void)
{
  CipherChoice choice = { .asked = FALSE };

  g_assert_true (cipher_choice_wants_offer (&choice));
  cipher_choice_offer (&choice, SET (0) | SET (3) | SET (17));
  g_assert_false (cipher_choice_wants_offer (&choice));
  g_assert_cmpuint (number_of (cipher_choice_next (&choice)), ==, 17);
  cipher_choice_worked (&choice, cipher_suite (17));
  /* The next connect asks nothing. */
  g_assert_false (cipher_choice_wants_offer (&choice));
  g_assert_cmpuint (number_of (cipher_choice_next (&choice)), ==, 17);
}

static void
test_choice_weak (void)
{
  CipherChoice choice = { .asked = FALSE };

  cipher_choice_offer (&choice, SET (0) | SET (1) | SET (2) | SET (15) | SET (16));
  g_assert_null (cipher_choice_next (&choice));
}

/* A BMC that does not say: 17, then 3, then no more. */
static void
test_choice_trial (void)
{
  CipherChoice choice = { .asked = FALSE };

  cipher_choice_offer (&choice, 0);
  g_assert_cmpuint (number_of (cipher_choice_next (&choice)), ==, 17);
  g_assert_true (cipher_choice_refused (&choice, cipher_suite (17)));
  g_assert_false (cipher_choice_wants_offer (&choice));
  g_assert_cmpuint (number_of (cipher_choice_next (&choice)), ==, 3);
  g_assert_false (cipher_choice_refused (&choice, cipher_suite (3)));
  g_assert_true (cipher_choice_wants_offer (&choice));
}

/* Its settings have changed since: it is asked again, at once. */
static void
test_choice_changed (void)
{
  CipherChoice choice = { .asked = FALSE };

  cipher_choice_worked (&choice, cipher_suite (3));
  g_assert_true (cipher_choice_refused (&choice, cipher_suite (3)));
  g_assert_true (cipher_choice_wants_offer (&choice));
  cipher_choice_offer (&choice, SET (17));
  g_assert_cmpuint (number_of (cipher_choice_next (&choice)), ==, 17);
  g_assert_false (cipher_choice_refused (&choice, cipher_suite (17)));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cipher/table", test_table);
  g_test_add_func ("/cipher/records", test_records);
  g_test_add_func ("/cipher/best", test_best);
  g_test_add_func ("/cipher/describe", test_describe);
  g_test_add_func ("/cipher/choice/offered", test_choice_offered);
  g_test_add_func ("/cipher/choice/weak", test_choice_weak);
  g_test_add_func ("/cipher/choice/trial", test_choice_trial);
  g_test_add_func ("/cipher/choice/changed", test_choice_changed);
  return g_test_run ();
}
