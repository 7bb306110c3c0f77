/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-ini.c - GKeyFile's syntax with lines. */
#include "core/ini.h"

#include "core/options.h"
#include "event/error.h"

#include <string.h>

/* "3: words" for each mistake. */
static void
note (guint line, const char *message, gpointer user_data)
{
  g_string_append_printf (user_data, "%u: %s\n", line, message);
}

static Ini *
parse_bytes (const char *text, gsize length, char **mistakes)
{
  GString *lines = g_string_new (NULL);
  Ini *ini = ini_parse ("a.conf", text, length, note, lines);

  *mistakes = g_string_free (lines, FALSE);
  return ini;
}

static Ini *
parse (const char *text, char **mistakes)
{
  return parse_bytes (text, strlen (text), mistakes);
}

static void
assert_mistake (const char *text, const char *words)
{
  g_autofree char *mistakes = NULL;
  g_autoptr (Ini) ini = parse (text, &mistakes);

  if (strstr (mistakes, words) == NULL)
    g_error ("'%s' is not in '%s'", words, mistakes);
}

static void
test_places (void)
{
  g_autofree char *mistakes = NULL;
  g_autoptr (Ini) ini = parse ("# x\n\n[bmc a[1-2]]\r\n key = va lue \n\tother=\n[ two ]\nk=a=b\nlast = 1", &mistakes);
  const IniGroup *one = ini->groups->pdata[0], *two = ini->groups->pdata[1];

  g_assert_cmpstr (mistakes, ==, "");
  g_assert_cmpuint (ini->groups->len, ==, 2);
  g_assert_cmpstr (one->name, ==, "bmc a[1-2]");
  g_assert_cmpstr (one->file, ==, "a.conf");
  g_assert_cmpuint (one->line, ==, 3);
  g_assert_cmpstr (ini_find (one, "key")->value, ==, "va lue");
  g_assert_cmpuint (ini_find (one, "key")->line, ==, 4);
  g_assert_cmpstr (ini_find (one, "other")->value, ==, "");
  g_assert_null (ini_find (one, "k"));
  g_assert_cmpstr (two->name, ==, "two");
  g_assert_cmpstr (ini_find (two, "k")->value, ==, "a=b");
  g_assert_cmpstr (ini_find (two, "last")->value, ==, "1");
  g_assert_cmpuint (ini_find (two, "last")->line, ==, 8);
}

static void
test_mistakes (void)
{
  g_autofree char *long_name = g_strnfill (INI_NAME_MAX + 1, 'x');
  g_autofree char *long_group = g_strdup_printf ("[%s]\n", long_name),
                  *long_key = g_strdup_printf ("[a]\n%s=1\n", long_name);
  g_autofree char *long_value = g_strnfill (INI_LINE_MAX, 'x'),
                  *long_line = g_strdup_printf ("[a]\nk=%s\n", long_value);

  assert_mistake ("k = 1\n", "1: \"k\" stands before the first [group]\n");
  assert_mistake ("[a]\n\n[a]\n", "3: [a] stands here for the second time; the first is in line 1\n");
  assert_mistake ("[a]\nk=1\nk=2\n", "3: \"k\" stands here for the second time in [a]; the first is in line 2\n");
  assert_mistake ("[a\n", "1: the ']' of a group is missing\n");
  assert_mistake ("[]\n", "1: the name of a group");
  assert_mistake (long_group, "1: the name of a group");
  assert_mistake (long_key, "2: the name of a key");
  assert_mistake (long_line, "2: the line is longer");
  assert_mistake ("[a]\n=1\n", "2: this line is neither");
  assert_mistake ("[a]\nk = \x01\n", "2: the line is no text");
  assert_mistake ("[a]\nk = \xff\n", "2: the line is no text");
}

/* A password may stand on any line. */
static void
test_no_secret_is_quoted (void)
{
  static const char *const texts[] = { "hunter2",
                                       "password = hunter2",
                                       "[a]\nhunter2\n",
                                       "[a]\np=hunter2\np=hunter2\n",
                                       "[a]\np = hunter2\x01\n",
                                       "[a]\n[a]\np = hunter2" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *mistakes = NULL;
      g_autoptr (Ini) ini = parse (texts[i], &mistakes);

      g_assert_cmpstr (mistakes, !=, "");
      g_assert_null (strstr (mistakes, "hunter2"));
    }
}

/* The keys of a group that was refused are not blamed on the one before. */
static void
test_refused_group (void)
{
  g_autofree char *mistakes = NULL;
  g_autoptr (Ini) ini = parse ("[a]\nk=1\n[b\nk=2\n[c]\nk=3\n", &mistakes);

  g_assert_cmpstr (mistakes, ==, "3: the ']' of a group is missing\n");
  g_assert_cmpuint (ini->groups->len, ==, 2);
  g_assert_cmpstr (ini_find (ini->groups->pdata[1], "k")->value, ==, "3");
}

static void
test_bytes (void)
{
  g_autofree char *mistakes = NULL, *nul = NULL, *huge = g_malloc0 (INI_SIZE_MAX + 1), *too_long = NULL;
  g_autoptr (Ini) mark = parse ("\xef\xbb\xbf[a]\nk=1\n", &mistakes);
  g_autoptr (Ini) with_nul = parse_bytes ("[a]\nk=1\0002\n", 10, &nul);
  g_autoptr (Ini) empty = parse_bytes (huge, INI_SIZE_MAX + 1, &too_long);

  g_assert_cmpstr (mistakes, ==, "");
  g_assert_cmpuint (mark->groups->len, ==, 1);
  g_assert_cmpstr (nul, ==, "2: the line is no text in UTF-8, or has control characters in it\n");
  g_assert_cmpstr (too_long, ==, "1: the file is longer than 16 MiB\n");
}

static void
test_unescape (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = ini_unescape ("\\sa\\tb\\nc\\rd\\\\e", &error), *plain = ini_unescape ("", &error);

  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, " a\tb\nc\rd\\e");
  g_assert_cmpstr (plain, ==, "");
  g_assert_null (ini_unescape ("hunter2\\x", &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
  g_assert_null (strstr (error->message, "hunter2"));
  g_assert_null (ini_unescape ("\\", NULL));
}

/* Whatever GKeyFile takes, this takes with the same values. */
static void
test_like_key_file (void)
{
  static const char text[] = "[a]\nk = 1\n# c\nl=\\sx\\\\\n[b c]\nm = ü;ö\n";
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *mistakes = NULL;
  g_autoptr (Ini) ini = parse (text, &mistakes);

  g_assert_true (g_key_file_load_from_data (file, text, (gsize) -1, G_KEY_FILE_NONE, NULL));
  for (guint i = 0; i < ini->groups->len; i++)
    {
      const IniGroup *group = ini->groups->pdata[i];

      for (guint j = 0; j < group->entries->len; j++)
        {
          const IniEntry *entry = group->entries->pdata[j];
          g_autofree char *theirs = g_key_file_get_string (file, group->name, entry->key, NULL);
          g_autofree char *ours = ini_unescape (entry->value, NULL);

          g_assert_cmpstr (ours, ==, theirs);
        }
    }
  g_assert_cmpuint (ini->groups->len, ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ini/places", test_places);
  g_test_add_func ("/ini/mistakes", test_mistakes);
  g_test_add_func ("/ini/no-secret-is-quoted", test_no_secret_is_quoted);
  g_test_add_func ("/ini/refused-group", test_refused_group);
  g_test_add_func ("/ini/bytes", test_bytes);
  g_test_add_func ("/ini/unescape", test_unescape);
  g_test_add_func ("/ini/like-key-file", test_like_key_file);
  return g_test_run ();
}
