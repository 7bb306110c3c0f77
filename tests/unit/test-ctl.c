/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-ctl.c - ipmidctl's tables, its command line, and which ipmid it asks. */
#include "test-ctl.h"

#include "../../ctl/ctl.h"
#include "../../ctl/table.h"
#include "../../ctl/target.h"
#include "../../ctl/when.h"

#include <core/errand.h>
#include <event/error.h>
#include <glib/gstdio.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char *base; /* in the place of /var/lib/ipmid */

const char *
test_ctl_base (void)
{
  return base;
}

/* What main.c has, and the commands need. */
int
ctl_ask (G_GNUC_UNUSED Ctl *ctl, G_GNUC_UNUSED const char *method, G_GNUC_UNUSED const char *path,
         G_GNUC_UNUSED json_t *body, G_GNUC_UNUSED json_t **answer)
{
  g_assert_not_reached ();
}

int
ctl_status_of_error (G_GNUC_UNUSED const GError *error)
{
  g_assert_not_reached ();
}

int
ctl_status_of_answer (G_GNUC_UNUSED long status)
{
  g_assert_not_reached ();
}

gboolean
ctl_is_json (G_GNUC_UNUSED Ctl *ctl, G_GNUC_UNUSED json_t *answer)
{
  g_assert_not_reached ();
}

char *
ctl_path (G_GNUC_UNUSED const char *word, ...)
{
  g_assert_not_reached ();
}

void
ctl_complain (G_GNUC_UNUSED const char *format, ...)
{
  g_assert_not_reached ();
}

gboolean
ctl_is_sure (G_GNUC_UNUSED Ctl *ctl, G_GNUC_UNUSED int *status, G_GNUC_UNUSED const char *format, ...)
{
  g_assert_not_reached ();
}

/* Who gives up before ipmid does does not hear how it went. */
G_STATIC_ASSERT (CLIENT_ANSWER_TIMEOUT > ERRAND_RESCAN_TIME);
G_STATIC_ASSERT (CLIENT_ANSWER_TIMEOUT > ERRAND_CLEAR_TIME);
G_STATIC_ASSERT (CLIENT_ANSWER_TIMEOUT > ERRAND_POWER_TIME);

/* -------------------------------------------------------------------- the tables */

static void
check_options (const IpmidOption *table)
{
  for (; table != NULL && table->key != NULL; table++)
    {
      g_assert_cmpstr (table->help, !=, NULL);
      g_assert_true ((table->type == IPMID_OPTION_BOOLEAN) == (table->argument == NULL));
      g_assert_false (g_str_has_suffix (table->help, "."));
    }
}

/* Every row has all that help, parser and completion want; no option hides another. */
static void
test_tables (void)
{
  check_options (ctl_options);
  for (const CtlCommand *command = ctl_commands; command->name != NULL; command++)
    {
      g_assert_nonnull (command->run);
      g_assert_nonnull (command->help);
      g_assert_cmpuint (command->min, <=, command->max);
      g_assert_true ((command->max == 0) == (command->words[0] == '\0'));
      check_options (command->options);
      for (const IpmidOption *option = command->options; option != NULL && option->key != NULL; option++)
        for (const IpmidOption *common = ctl_options; common->key != NULL; common++)
          {
            g_assert_cmpstr (option->key, !=, common->key);
            g_assert_true (ctl_letter (option->key) == '\0' || ctl_letter (option->key) != ctl_letter (common->key));
          }
      for (const CtlCommand *other = command + 1; other->name != NULL; other++)
        g_assert_cmpstr (command->name, !=, other->name);
    }
}

/* -------------------------------------------------------------- the command line */

/* `line` is split at blanks.  NULL: it was refused. */
static char *
parse (Ctl *ctl, const char *line)
{
  g_autofree char *whole = g_strconcat ("ipmidctl ", line, NULL);
  g_auto (GStrv) argv = g_strsplit (g_strchomp (whole), " ", -1);
  g_autoptr (GError) error = NULL;

  memset (ctl, 0, sizeof *ctl);
  if (ctl_parse (ctl, (int) g_strv_length (argv), argv, &error))
    return NULL;
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
  return g_strdup (error->message);
}

static void
test_parse (void)
{
  static const char *const same[] = {
    "events --follow --limit 5 --json --bmc b0 --severity warning",
    "-j events -f -n 5 --bmc=b0 --severity=warning",
    "events -n5 --bmc b0 -f --severity warning -j",
    "--json events --severity warning --bmc b0 --limit=5 --follow --",
  };

  for (guint i = 0; i < G_N_ELEMENTS (same); i++)
    {
      Ctl ctl;
      g_assert_null (parse (&ctl, same[i]));
      g_assert_cmpstr (ctl.command->name, ==, "events");
      g_assert_true (ctl.options.follow && ctl.options.json);
      g_assert_cmpint (ctl.options.limit, ==, 5);
      g_assert_cmpstr (ctl.options.bmc, ==, "b0");
      g_assert_cmpstr (ctl_severities[ctl.options.severity], ==, "warning");
      g_assert_cmpuint (ctl.n_words, ==, 0);
      ctl_clear (&ctl);
    }
}

static void
test_words (void)
{
  Ctl ctl;

  g_assert_null (parse (&ctl, "dead replay -- h --all"));
  g_assert_cmpstr (ctl.command->name, ==, "dead replay");
  g_assert_cmpuint (ctl.n_words, ==, 2);
  g_assert_cmpstr (ctl.words[1], ==, "--all");
  g_assert_false (ctl.options.all);
  ctl_clear (&ctl);
  g_assert_null (parse (&ctl, "log b0 -"));
  g_assert_cmpstr (ctl.words[1], ==, "-");
  ctl_clear (&ctl);
  g_assert_null (parse (&ctl, "power --help"));
  g_assert_true (ctl.options.help);
  ctl_clear (&ctl);
}

static void
test_mistakes (void)
{
  static const struct
  {
    const char *line, *words;
  } cases[] = {
    { "", "a command is missing" },
    { "evnts", "did you mean 'events'" },
    { "dead", "needs one of" },
    { "status --all", "is not known" },
    { "events --limt 5", "did you mean --limit" },
    { "events --limit", "needs a value" },
    { "events --limit 0", "--limit" },
    { "events --limit 1e3", "--limit" },
    { "events --follow=maybe", "--follow" },
    { "sensors", "too few words" },
    { "sensors a b", "too many words" },
    { "status --socket s --domain d", "one of them" },
    { "status -", "too many words" },
    { "status --j", "is not known" },
    { "status -x", "is not known" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Ctl ctl;
      g_autofree char *message = parse (&ctl, cases[i].line);
      g_assert_nonnull (message);
      g_assert_nonnull (strstr (message, cases[i].words));
      ctl_clear (&ctl);
    }
}

static void
test_when (void)
{
  g_autofree char *time = when_parse ("2026-12-01T08:00+01:00", NULL);
  g_autofree char *ago = when_parse ("2h", NULL);
  g_autoptr (GDateTime) then = g_date_time_new_from_iso8601 (ago, NULL);
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  gint64 seconds = g_date_time_difference (now, then) / G_USEC_PER_SEC;

  g_assert_cmpstr (time, ==, "2026-12-01T07:00:00Z");
  g_assert_cmpint (seconds, >=, 7200);
  g_assert_cmpint (seconds, <, 7200 + 60);
  g_assert_null (when_parse ("soon", NULL));
  g_assert_null (when_parse ("", NULL));
  g_assert_null (when_parse ("100000d", NULL));
}

/* ------------------------------------------------------------------------- tables */

static const TableColumn columns[]
    = { { "NAME", FALSE, FALSE }, { "N", TRUE, FALSE }, { "WORDS", FALSE, TRUE }, { NULL, FALSE, FALSE } };

/* What is printed on a screen of this width. */
static char *
print (guint width, gboolean colours)
{
  const Screen screen = { FALSE, colours, width };
  g_autoptr (Table) table = table_new (columns);
  g_autofree char *path = g_build_filename (base, "out", NULL);
  char *text;
  int out = dup (STDOUT_FILENO);
  int fd = g_open (path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

  table_add (table, SCREEN_PLAIN, "b0");
  table_add_integer (table, 7);
  table_add (table, SCREEN_BAD, "water \xe6\xb0\xb4\xe6\xb0\xb4 runs");
  table_add (table, SCREEN_PLAIN, "longer");
  table_add_integer (table, 1234);
  table_add (table, SCREEN_PLAIN, NULL);
  fflush (stdout);
  dup2 (fd, STDOUT_FILENO);
  table_print (table, &screen);
  fflush (stdout);
  dup2 (out, STDOUT_FILENO);
  close (out);
  close (fd);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_unlink (path);
  return text;
}

static void
test_table (void)
{
  g_autofree char *whole = print (G_MAXUINT, FALSE);
  g_autofree char *cut = print (24, FALSE);
  g_autofree char *coloured = print (G_MAXUINT, TRUE);

  g_assert_cmpstr (whole, ==,
                   "NAME       N  WORDS\n"
                   "b0         7  water \xe6\xb0\xb4\xe6\xb0\xb4 runs\n"
                   "longer  1234\n");
  g_assert_cmpstr (cut, ==,
                   "NAME       N  WORDS\n"
                   "b0         7  water \xe6\xb0\xb4…\n"
                   "longer  1234\n");
  g_assert_nonnull (strstr (coloured, "\033[31;1mwater"));
}

/* At every width no line is wider, and every one is UTF-8. */
static void
test_table_widths (void)
{
  for (guint width = 1; width < 60; width++)
    {
      g_autofree char *text = print (width, FALSE);
      g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

      g_assert_true (g_utf8_validate (text, -1, NULL));
      g_assert_cmpuint (g_strv_length (lines), ==, 4);
      for (char **line = lines; *line != NULL; line++)
        g_assert_cmpuint (screen_width_of (*line), <=, width);
    }
}

static void
test_clean (void)
{
  g_autofree char *clean = screen_clean ("a\033[2J\x7f\xc2\x9b"
                                         "b\xff\n");

  for (const char *at = clean; *at != '\0'; at = g_utf8_next_char (at))
    g_assert_false (g_unichar_iscntrl (g_utf8_get_char (at)));
}

/* -------------------------------------------------------------------- which ipmid */

static int
serve (const char *directory)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *path = g_build_filename (base, directory, NULL);
  int fd = socket (AF_UNIX, SOCK_STREAM, 0);

  g_mkdir_with_parents (path, 0700);
  g_snprintf (address.sun_path, sizeof address.sun_path, "%s/http", path);
  g_unlink (address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 5), ==, 0);
  return fd;
}

static void
expect_refusal (IpmidError code, const char *words)
{
  const CtlOptions options = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_null (target_find (&options, &error));
  g_assert_error (error, IPMID_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, words));
}

static void
test_search (void)
{
  const CtlOptions options = { 0 };
  g_autofree char *wanted = g_build_filename (base, "two", "http", NULL);

  expect_refusal (IPMID_ERROR_UNAVAILABLE, "no ipmid is running");
  int one = serve ("one"), two = serve ("two");
  expect_refusal (IPMID_ERROR_USAGE, "2 ipmid are running here");
  close (one); /* its socket stays there, as after a crash */
  g_autofree char *found = target_find (&options, NULL);
  g_assert_cmpstr (found, ==, wanted);
  int itself = serve (".");
  expect_refusal (IPMID_ERROR_USAGE, "--state-dir ");
  close (two);
  close (itself);
  expect_refusal (IPMID_ERROR_UNAVAILABLE, "no ipmid is running");
}

static void
test_said (void)
{
  const CtlOptions by_domain = { .domain = (char *) "d" }, by_directory = { .state_dir = (char *) "/s" };
  const CtlOptions by_socket = { .socket = (char *) "/x" }, wrong = { .domain = (char *) "../x" };
  g_autofree char *wanted = g_build_filename (base, "d", "http", NULL);
  g_autofree char *domain = target_find (&by_domain, NULL);
  g_autofree char *directory = target_find (&by_directory, NULL);
  g_autofree char *socket_path = target_find (&by_socket, NULL);

  g_assert_cmpstr (domain, ==, wanted);
  g_assert_cmpstr (directory, ==, "/s/http");
  g_assert_cmpstr (socket_path, ==, "/x");
  g_assert_null (target_find (&wrong, NULL));
}

static void
remove_base (void)
{
  static const char *const left[] = { "one/http", "two/http", "http", "one", "two", "." };

  for (guint i = 0; i < G_N_ELEMENTS (left); i++)
    {
      g_autofree char *path = g_build_filename (base, left[i], NULL);
      g_remove (path);
    }
  g_rmdir (base);
}

int
main (int argc, char **argv)
{
  g_autofree char *home = g_dir_make_tmp ("ctl-XXXXXX", NULL);

  g_setenv ("XDG_STATE_HOME", home, TRUE); /* for who is not root */
  base = g_build_filename (home, "ipmid", NULL);
  g_mkdir (base, 0700);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/tables", test_tables);
  g_test_add_func ("/ctl/parse", test_parse);
  g_test_add_func ("/ctl/words", test_words);
  g_test_add_func ("/ctl/mistakes", test_mistakes);
  g_test_add_func ("/ctl/when", test_when);
  g_test_add_func ("/ctl/table", test_table);
  g_test_add_func ("/ctl/table-widths", test_table_widths);
  g_test_add_func ("/ctl/clean", test_clean);
  g_test_add_func ("/ctl/search", test_search);
  g_test_add_func ("/ctl/said", test_said);
  int status = g_test_run ();
  remove_base ();
  g_rmdir (home);
  g_free (base);
  return status;
}
