/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-options.c - option tables: every type, its errors, copies and secrets. */
#include "core/options.h"
#include "event/error.h"

#include <string.h>

typedef struct
{
  char *name, *path, *secret;
  char **list;
  gboolean flag;
  int choice;
  gint64 number, free_number, duration, size;
} State;

static const char *const colours[] = { "red", "green", NULL };

static const IpmidOption table[] = {
  { "name", IPMID_OPTION_STRING, G_STRUCT_OFFSET (State, name), "none", FALSE, 0, 0, NULL, "NAME", "A name." },
  { "path", IPMID_OPTION_PATH, G_STRUCT_OFFSET (State, path), NULL, FALSE, 0, 0, NULL, "PATH", "A path." },
  { "secret", IPMID_OPTION_SECRET, G_STRUCT_OFFSET (State, secret), NULL, FALSE, 0, 0, NULL, "S", "A secret." },
  { "list", IPMID_OPTION_LIST, G_STRUCT_OFFSET (State, list), "a;b", FALSE, 0, 0, NULL, "L", "A list." },
  { "flag", IPMID_OPTION_BOOLEAN, G_STRUCT_OFFSET (State, flag), "yes", FALSE, 0, 0, NULL, NULL, "A flag." },
  { "choice", IPMID_OPTION_CHOICE, G_STRUCT_OFFSET (State, choice), "green", FALSE, 0, 0, colours, NULL, "One." },
  { "number", IPMID_OPTION_INTEGER, G_STRUCT_OFFSET (State, number), "7", FALSE, -5, 10, NULL, "N", "A number." },
  { "free-number", IPMID_OPTION_INTEGER, G_STRUCT_OFFSET (State, free_number), NULL, FALSE, 0, 0, NULL, "N", "Any." },
  { "duration", IPMID_OPTION_DURATION, G_STRUCT_OFFSET (State, duration), "2s", FALSE, 1000, 60000000, NULL, "D",
    "D." },
  { "size", IPMID_OPTION_SIZE, G_STRUCT_OFFSET (State, size), "1M", FALSE, 0, 0, NULL, "S", "S." },
  { .key = NULL },
};

static void
assert_good (State *state, const char *key, const char *value)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (options_set (options_find (table, key), state, value, &error));
  g_assert_no_error (error);
}

/* The error begins with the key and has `words` in it. */
static void
assert_bad (State *state, const char *key, const char *value, const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (options_set (options_find (table, key), state, value, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
  g_assert_true (g_str_has_prefix (error->message, key));
  g_assert_nonnull (strstr (error->message, words));
  g_assert_null (strchr (error->message, '\n'));
}

static void
test_fallbacks (void)
{
  State state;

  memset (&state, 0xa5, sizeof state); /* what stood there does not matter */
  options_init (table, &state);
  g_assert_cmpstr (state.name, ==, "none");
  g_assert_null (state.path);
  g_assert_null (state.secret);
  g_assert_cmpuint (g_strv_length (state.list), ==, 2);
  g_assert_true (state.flag);
  g_assert_cmpint (state.choice, ==, 1);
  g_assert_cmpint (state.number, ==, 7);
  g_assert_cmpint (state.free_number, ==, 0);
  g_assert_cmpint (state.duration, ==, 2000000);
  g_assert_cmpint (state.size, ==, 1 << 20);
  options_clear (table, &state);
  g_assert_null (state.name);
  g_assert_null (state.list);
}

static void
test_words (void)
{
  State state;

  options_init (table, &state);
  assert_good (&state, "name", "");
  g_assert_cmpstr (state.name, ==, "");
  assert_good (&state, "path", "/a b");
  g_assert_cmpstr (state.path, ==, "/a b");
  assert_bad (&state, "path", "a/b", "'/'");
  assert_bad (&state, "path", "", "absolute");
  g_assert_cmpstr (state.path, ==, "/a b");
  assert_good (&state, "choice", "red");
  g_assert_cmpint (state.choice, ==, 0);
  assert_bad (&state, "choice", "Red", "red, green");
  assert_bad (&state, "choice", "", "red, green");
  options_clear (table, &state);
}

static void
test_booleans (void)
{
  static const char *const words[] = { "yes", "TRUE", "1", "no", "False", "0" };
  State state;

  options_init (table, &state);
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    {
      assert_good (&state, "flag", words[i]);
      g_assert_cmpint (state.flag, ==, i < 3);
    }
  assert_bad (&state, "flag", "", "yes nor no");
  assert_bad (&state, "flag", "yess", "'yess'");
  options_clear (table, &state);
}

static void
test_integers (void)
{
  static const char *const bad[] = { "", " 1", "1 ", "0x10", "1.5", "--1", "9223372036854775808", "ten" };
  State state;

  options_init (table, &state);
  assert_good (&state, "number", "-5");
  g_assert_cmpint (state.number, ==, -5);
  assert_good (&state, "number", "10");
  assert_bad (&state, "number", "11", "from -5 to 10");
  assert_bad (&state, "number", "-6", "from -5 to 10");
  assert_good (&state, "free-number", "9223372036854775807");
  g_assert_cmpint (state.free_number, ==, G_MAXINT64);
  assert_good (&state, "free-number", "-9223372036854775808");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_bad (&state, "free-number", bad[i], "whole number");
  options_clear (table, &state);
}

static void
test_durations (void)
{
  static const struct
  {
    const char *text;
    gint64 value;
  } good[] = {
    { "0", 0 },
    { "0s", 0 },
    { "1us", 1 },
    { "250ms", 250000 },
    { "30s", 30000000 },
    { "5m", 300000000 },
    { "1h", 3600000000 },
    { "1d", 86400000000 },
    { "1h30m", 5400000000 },
    { "106751991d", 9223372022400000000 },
    { "9223372036854775807us", G_MAXINT64 },
  };
  static const char *const bad[] = { "",
                                     "1",
                                     "s",
                                     "1x",
                                     "-1s",
                                     "1 s",
                                     "1.5s",
                                     "1s ",
                                     "1S",
                                     "+1s",
                                     "1ss",
                                     "1s2",
                                     "106751992d",
                                     "9223372036854775808us",
                                     "1d9223372036854775807us",
                                     "99999999999999999999s" };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      gint64 value = -1, again = -1;
      g_autofree char *text = NULL;

      g_assert_true (options_parse_duration (good[i].text, &value, NULL));
      g_assert_cmpint (value, ==, good[i].value);
      text = options_format_duration (value);
      g_assert_true (options_parse_duration (text, &again, NULL));
      g_assert_cmpint (again, ==, value);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      gint64 value = 42;

      g_assert_false (options_parse_duration (bad[i], &value, &error));
      g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
      g_assert_cmpint (value, ==, 42);
    }
}

static void
test_duration_range (void)
{
  State state;

  options_init (table, &state);
  assert_good (&state, "duration", "1ms");
  assert_good (&state, "duration", "60s");
  assert_bad (&state, "duration", "61s", "from 1ms to 1m");
  assert_bad (&state, "duration", "0", "from 1ms to 1m");
  assert_bad (&state, "duration", "soon", "'soon'");
  options_clear (table, &state);
}

static void
test_sizes (void)
{
  static const char *const bad[] = { "", "k", "1kk", "1KiB", "-1", "1.5M", "9223372036854775808", "8388608T", "1 k" };
  gint64 size;

  g_assert_true (options_parse_size ("0", &size, NULL));
  g_assert_cmpint (size, ==, 0);
  g_assert_true (options_parse_size ("64k", &size, NULL));
  g_assert_cmpint (size, ==, 65536);
  g_assert_true (options_parse_size ("64K", &size, NULL));
  g_assert_true (options_parse_size ("16M", &size, NULL));
  g_assert_cmpint (size, ==, 16 << 20);
  g_assert_true (options_parse_size ("8388607T", &size, NULL));
  g_assert_cmpint (size, ==, G_GINT64_CONSTANT (8388607) << 40);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (options_parse_size (bad[i], &size, NULL));
}

static void
assert_list (const char *text, const char *const *expected)
{
  State state;

  options_init (table, &state);
  assert_good (&state, "list", text);
  g_assert_true (g_strv_equal ((const char *const *) state.list, expected));
  options_clear (table, &state);
}

static void
test_lists (void)
{
  State state;

  assert_list ("", (const char *[]){ NULL });
  assert_list (";", (const char *[]){ "", NULL });
  assert_list ("a", (const char *[]){ "a", NULL });
  assert_list ("a;", (const char *[]){ "a", NULL });
  assert_list (" a ; b c ;", (const char *[]){ "a", "b c", NULL });
  assert_list ("a;;b", (const char *[]){ "a", "", "b", NULL });
  assert_list ("\\sa\\s;x\\;y;\\\\;\\n\\t\\r", (const char *[]){ " a ", "x;y", "\\", "\n\t\r", NULL });

  options_init (table, &state);
  assert_bad (&state, "list", "a\\", "'\\'");
  assert_bad (&state, "list", "a\\x", "'\\'");
  g_assert_cmpuint (g_strv_length (state.list), ==, 2);
  options_clear (table, &state);
}

/* Any words survive the way through a list. */
static void
test_list_round_trip (void)
{
  static const char alphabet[] = "a ;\\\n\t\rs'\"\x80\xff";

  for (guint round = 0; round < 2000; round++)
    {
      g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
      g_autofree char *text = NULL;
      gint n = g_test_rand_int_range (0, 5);

      for (gint i = 0; i < n; i++)
        {
          gint length = g_test_rand_int_range (0, 6);
          char *word = g_malloc0 ((gsize) length + 1);

          for (gint j = 0; j < length; j++)
            word[j] = alphabet[g_test_rand_int_range (0, sizeof alphabet - 1)];
          g_ptr_array_add (words, word);
        }
      g_ptr_array_add (words, NULL);
      text = options_join_list ((const char *const *) words->pdata);
      g_assert_null (strpbrk (text, "\n\r"));
      assert_list (text, (const char *const *) words->pdata);
    }
}

static void
test_secrets (void)
{
  State state;
  g_autoptr (GError) error = NULL;

  options_init (table, &state);
  assert_good (&state, "secret", "hush");
  g_assert_cmpstr (state.secret, ==, "hush");
  assert_good (&state, "secret", "");
  g_assert_cmpstr (state.secret, ==, "");
  options_clear (table, &state);
  g_assert_null (state.secret);
  options_free_secret (NULL);
}

static void
test_copy (void)
{
  State from, to;

  options_init (table, &from);
  options_init (table, &to);
  assert_good (&from, "name", "x");
  assert_good (&from, "secret", "y");
  assert_good (&from, "list", "1;2;3");
  assert_good (&from, "size", "5");
  options_copy (table, &from, &to);
  options_clear (table, &from);
  g_assert_cmpstr (to.name, ==, "x");
  g_assert_null (to.path);
  g_assert_cmpstr (to.secret, ==, "y");
  g_assert_cmpstr (to.list[2], ==, "3");
  g_assert_cmpint (to.size, ==, 5);
  g_assert_cmpint (to.choice, ==, 1);
  options_clear (table, &to);
}

static void
test_nearest (void)
{
  const char *const words[] = { "red", "green", NULL };

  g_assert_cmpstr (options_nearest (table, "free_number"), ==, "free-number");
  g_assert_cmpstr (options_nearest (table, "numbre"), ==, "number");
  g_assert_cmpstr (options_nearest (table, "durations"), ==, "duration");
  g_assert_cmpstr (options_nearest (table, "pat"), ==, "path");
  g_assert_null (options_nearest (table, "colour"));
  g_assert_null (options_nearest (table, ""));
  g_assert_null (options_nearest (NULL, "x"));
  g_assert_cmpstr (options_nearest_word (words, "gren"), ==, "green");

  g_autofree char *long_word = g_strnfill (100000, 'n');
  g_assert_null (options_nearest (table, long_word));
  g_assert_null (options_find (table, "nam"));
  g_assert_null (options_find (NULL, "name"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/options/fallbacks", test_fallbacks);
  g_test_add_func ("/options/words", test_words);
  g_test_add_func ("/options/booleans", test_booleans);
  g_test_add_func ("/options/integers", test_integers);
  g_test_add_func ("/options/durations", test_durations);
  g_test_add_func ("/options/duration-range", test_duration_range);
  g_test_add_func ("/options/sizes", test_sizes);
  g_test_add_func ("/options/lists", test_lists);
  g_test_add_func ("/options/list-round-trip", test_list_round_trip);
  g_test_add_func ("/options/secrets", test_secrets);
  g_test_add_func ("/options/copy", test_copy);
  g_test_add_func ("/options/nearest", test_nearest);
  return g_test_run ();
}
