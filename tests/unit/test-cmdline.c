/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-cmdline.c - every option and mode of openipmi_eventd, ipmid's own, and their mistakes. */
#include "cmdline.h"
#include "core/log.h"
#include "event/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static Cmdline *
parse (const char *line, GError **error)
{
  g_autofree char *whole = g_strconcat ("ipmid ", line, NULL);
  g_auto (GStrv) argv = NULL;
  int argc;

  g_assert_true (g_shell_parse_argv (whole, &argc, &argv, NULL));
  return cmdline_parse (argc, argv, error);
}

static Cmdline *
parse_good (const char *line)
{
  g_autoptr (GError) error = NULL;
  Cmdline *cmdline = parse (line, &error);

  g_assert_no_error (error);
  return cmdline;
}

static void
assert_bad (const char *line, const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (parse (line, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
  if (strstr (error->message, words) == NULL)
    g_error ("'%s' is not in '%s'", words, error->message);
}

static HandlerConfig *
handler (const CoreConfig *config, guint index)
{
  g_assert_cmpuint (index, <, config->handlers->len);
  return config->handlers->pdata[index];
}

static void
assert_entry (const HandlerConfig *config, const char *key, const char *value)
{
  const char *found = NULL;

  for (guint i = 0; i < config->entries->len; i++)
    {
      const ConfigEntry *entry = config->entries->pdata[i];

      if (g_str_equal (entry->key, key))
        found = entry->value;
    }
  g_assert_cmpstr (found, ==, value);
}

/* One handler's entries, for a line that ends with its options. */
static void
assert_handler (const char *line, const char *plugin, const char *key, const char *value)
{
  g_autoptr (Cmdline) cmdline = parse_good (line);
  g_autoptr (CoreConfig) config = cmdline_to_config (cmdline);

  g_assert_cmpstr (handler (config, 0)->plugin, ==, plugin);
  assert_entry (handler (config, 0), key, value);
}

static void
test_eventd (void)
{
  g_autoptr (Cmdline) c = parse_good ("bmc1 lan -U root -P pw 10.0.0.1 -e -b -i -d /bin/prog -x --debug y");

  g_assert_cmpstr (c->domain, ==, "bmc1");
  g_assert_cmpstr (c->connection->host, ==, "10.0.0.1");
  g_assert_true (c->delete_events && c->dont_daemonize && c->event_stdin && c->debug);
  g_assert_false (c->exec_now);
  g_assert_cmpuint (g_strv_length (c->program), ==, 4);
  g_assert_cmpstr (c->program[1], ==, "-x");
  g_assert_cmpint (c->attempts, ==, 3);
  g_assert_cmpint (c->connection->sel_interval, ==, 2000000);
}

static void
test_long_forms (void)
{
  g_autoptr (Cmdline) a
      = parse_good ("d smi 0 --outfile /tmp/x --delete-events --dont-daemonize --event-stdin --debug");
  g_autoptr (Cmdline) b = parse_good ("d smi 0 --outfile=/tmp/y");
  g_autoptr (Cmdline) c = parse_good ("d smi 0 --exec-now prog");

  g_assert_cmpstr (a->outfile, ==, "/tmp/x");
  g_assert_true (a->delete_events && a->dont_daemonize && a->event_stdin && a->debug);
  g_assert_cmpstr (b->outfile, ==, "/tmp/y");
  g_assert_true (c->exec_now);
}

static void
test_places (void)
{
  g_autoptr (Cmdline) before = parse_good ("-b --sel-interval 1s d -e smi 0 -i prog -k");
  g_autoptr (Cmdline) dashes = parse_good ("d smi 0 -b -- -prog -e");
  g_autoptr (Cmdline) last = parse_good ("d smi 0 -f /a -f /b");

  g_assert_true (before->dont_daemonize && before->delete_events && before->event_stdin);
  g_assert_false (before->exec_now);
  g_assert_cmpint (before->connection->sel_interval, ==, 1000000);
  g_assert_cmpstr (dashes->program[0], ==, "-prog");
  g_assert_false (dashes->delete_events);
  g_assert_cmpstr (last->outfile, ==, "/b");
}

static void
test_handlers (void)
{
  assert_handler ("d smi 0 -f /tmp/x", "file", "path", "/tmp/x");
  assert_handler ("d smi 0 -f /tmp/x", "file", "format", "eventd");
  assert_handler ("d smi 0 -f /tmp/x --format json", "file", "format", "json");
  assert_handler ("d smi 0 -f /tmp/x -i", "file", "existing", "no");
  assert_handler ("d smi 0 --existing prog", "exec", "existing", "yes");
  assert_handler ("d smi 0 prog", "exec", "input", "arguments");
  assert_handler ("d smi 0 -i prog", "exec", "input", "stdin");
  assert_handler ("d smi 0 -k prog", "exec", "input", "persistent");
  assert_handler ("d smi 0 -k -i prog", "exec", "input", "persistent");
  assert_handler ("d smi 0 -k prog", "exec", "on-exit", "stop");
  assert_handler ("d smi 0 -k --on-exit restart prog", "exec", "on-exit", "restart");
  assert_handler ("d smi 0 -k --acknowledge prog", "exec", "input", "acknowledge");
  assert_handler ("d smi 0 -k --acknowledge prog", "exec", "format", "json");
  assert_handler ("d smi 0 -k --acknowledge prog", "exec", "on-exit", "restart");
  assert_handler ("d smi 0 -k --acknowledge --on-exit stop prog", "exec", "on-exit", "stop");
  assert_handler ("d smi 0 --timeout 90s prog", "exec", "timeout", "90s");
  assert_handler ("d smi 0 --attempts 0 prog", "exec", "attempts", "0");
  assert_handler ("d smi 0 prog ' a;b' ''", "exec", "arguments", "\\sa\\;b;;");
}

static void
test_own_plugin (void)
{
  assert_handler ("mc lan h --handler counts path=/x", "counts", "path", "/x");
  assert_handler ("mc lan h --handler counts path=/a=b existing=yes", "counts", "path", "/a=b");
  assert_bad ("mc lan h --handler counts word", "KEY=VALUE");
  assert_bad ("mc lan h --handler counts =x", "KEY=VALUE");
  assert_bad ("mc lan h -f x --handler counts", "--handler");
  assert_bad ("mc lan h -i --handler counts", "--handler");
}

static void
test_config (void)
{
  g_autoptr (Cmdline) c
      = parse_good ("d lan h --state-dir /s --plugin-dir /p --collector /c -e --dry-run --allow-clear prog");

  for (int round = 0; round < 2; round++)
    {
      g_autoptr (CoreConfig) config = cmdline_to_config (c);
      const BmcConfig *bmc = config->bmcs->pdata[0];

      g_assert_cmpstr (config->state_dir, ==, "/s");
      g_assert_cmpstr (config->plugin_dir, ==, "/p");
      g_assert_cmpstr (config->collector, ==, "/c");
      g_assert_cmpstr (bmc->name, ==, "d");
      g_assert_cmpstr (bmc->connection->host, ==, "h");
      g_assert_cmpuint (config->handlers->len, ==, 2);
      g_assert_cmpstr (handler (config, 1)->plugin, ==, "sel-delete");
      assert_entry (handler (config, 1), "dry-run", "yes");
      assert_entry (handler (config, 1), "allow-clear", "yes");
    }
}

static void
test_state_dir (void)
{
  g_autoptr (Cmdline) relative = parse_good ("d smi 0 --state-dir x/../y prog");
  g_autoptr (Cmdline) none = parse_good ("d smi 0 --no-state prog");
  g_autoptr (Cmdline) standard = parse_good ("d smi 0 prog");
  g_autoptr (CoreConfig) config = cmdline_to_config (none);
  g_autofree char *here = g_get_current_dir ();
  g_autofree char *expected = g_build_filename (here, "y", NULL);

  g_assert_cmpstr (relative->state_dir, ==, expected);
  g_assert_null (config->state_dir);
  g_assert_true (g_path_is_absolute (standard->state_dir));
  g_assert_true (g_str_has_suffix (standard->state_dir, "/ipmid/d"));
}

static void
test_questions (void)
{
  g_autoptr (Cmdline) status = parse_good ("d --status");
  g_autoptr (Cmdline) first = parse_good ("--dead-letters --state-dir /s d");
  g_autoptr (Cmdline) added = parse_good ("d lan -U x h -b -f /x --status");
  g_autoptr (Cmdline) help = parse_good ("--help");
  g_autoptr (Cmdline) short_help = parse_good ("-h whatever");
  g_autoptr (Cmdline) version = parse_good ("--version");
  g_autoptr (Cmdline) late = parse_good ("d smi 0 --help");

  g_assert_true (status->status);
  g_assert_nonnull (status->state_dir);
  g_assert_true (first->dead_letters);
  g_assert_cmpstr (first->state_dir, ==, "/s");
  g_assert_true (added->status);
  g_assert_true (help->help && short_help->help && version->version && late->help);
}

/* Every option of the table either goes with -c or says that it does not. */
static void
test_configuration_file (void)
{
  static const char *const alone[] = {
    "-b",       "-d",      "--state-dir /s", "--no-state",      "--plugin-dir /p", "--collector /c", "--pid-file /p",
    "--status", "--check", "--dead-letters", "--test-handler x"
  };
  static const char *const never[] = { "-f /x",
                                       "--handler file",
                                       "-k",
                                       "-i",
                                       "-e",
                                       "--acknowledge",
                                       "--on-exit stop",
                                       "--timeout 1s",
                                       "--attempts 1",
                                       "--format json",
                                       "--existing",
                                       "--dry-run",
                                       "--allow-clear",
                                       "--sel-interval 1s",
                                       "--credentials-file /x" };
  g_autoptr (Cmdline) relative = parse_good ("--config a/../b");
  g_autofree char *here = g_get_current_dir (), *path = g_build_filename (here, "b", NULL);

  g_assert_cmpstr (relative->config, ==, path);
  g_assert_null (relative->state_dir);
  g_assert_null (relative->domain);
  for (guint i = 0; i < G_N_ELEMENTS (alone); i++)
    {
      g_autofree char *line = g_strconcat ("-c /f ", alone[i], NULL);
      g_autoptr (Cmdline) cmdline = parse_good (line);

      g_assert_cmpstr (cmdline->config, ==, "/f");
    }
  for (guint i = 0; i < G_N_ELEMENTS (never); i++)
    {
      g_autofree char *line = g_strconcat ("-c /f ", never[i], NULL);

      assert_bad (line, "does not go with -c");
    }
  assert_bad ("-c /f mybmc", "one word too many");
  assert_bad ("mybmc -c /f smi 0 cat", "one word too many");
  assert_bad ("mybmc smi 0 -c /f cat", "one word too many");
  assert_bad ("-c", "-c needs a value: FILE");
  assert_bad ("-c ''", "a name is missing");
  assert_bad ("-c /f --no-state --state-dir /s", "exclude each other");
  assert_bad ("-c /f --check --status", "one at a time");
  assert_bad ("-c /f --check --test-handler x", "one at a time");
  assert_bad ("-c /f --test-handler x --status", "--test-handler and --status: one at a time");
  assert_bad ("--test-handler x", "--test-handler goes with -c FILE only");
  assert_bad ("mybmc --test-handler x smi 0 cat", "--test-handler goes with -c FILE only");
  assert_bad ("--check", "--check goes with -c FILE only");
  assert_bad ("mybmc --check smi 0 cat", "--check goes with -c FILE only");
}

static void
test_import (void)
{
  g_autoptr (Cmdline) cmdline = parse_good ("--import /l --credentials-file /c");

  g_assert_cmpstr (cmdline->import, ==, "/l");
  g_assert_cmpstr (cmdline->credentials_file, ==, "/c");
  assert_bad ("--import /l -b", "--dont-daemonize does not go with --import");
  assert_bad ("--import /l -c /f", "--config does not go with --import");
  assert_bad ("--import /l /m", "one word too many");
  assert_bad ("mybmc --credentials-file /c smi 0 cat", "--credentials-file goes with --import only");
}

static void
test_mistakes (void)
{
  assert_bad ("", "domain is missing");
  assert_bad ("-b", "domain is missing");
  assert_bad ("d", "connection is missing");
  assert_bad ("d smi 0", "what to do with events");
  assert_bad ("d smi 0 -b", "what to do with events");
  assert_bad ("d smi 0 -k", "what to do with events");
  assert_bad ("d smi 0 -f", "needs a value");
  assert_bad ("d smi 0 --outfile", "needs a value");
  assert_bad ("d smi 0 -f ''", "a name is missing");
  assert_bad ("d smi 0 -f /x prog", "neither -k nor a program");
  assert_bad ("d smi 0 -f /x -k", "neither -k nor a program");
  assert_bad ("d smi 0 ''", "empty");
  assert_bad ("d smi 0 --dry-run prog", "-e only");
  assert_bad ("d smi 0 --allow-clear prog", "-e only");
  assert_bad ("d smi 0 --acknowledge prog", "-k only");
  assert_bad ("d smi 0 --on-exit stop prog", "-k only");
  assert_bad ("d smi 0 --on-exit=never -k prog", "stop, restart");
  assert_bad ("d smi 0 -k --acknowledge --format eventd prog", "json");
  assert_bad ("d smi 0 --format xml prog", "eventd, json");
  assert_bad ("d smi 0 --no-state --state-dir /x prog", "exclude");
  assert_bad ("d --status --no-state", "status");
  assert_bad ("d --status --dead-letters", "one at a time");
  assert_bad ("d smi 0 --attempts x prog", "whole number");
  assert_bad ("d smi 0 --attempts -1 prog", "--attempts: '-1'");
  assert_bad ("d smi 0 --sel-interval 5 prog", "duration");
  assert_bad ("d smi 0 --sel-interval 1ms prog", "from 50ms to 1d");
  assert_bad ("d smi 0 --debug=perhaps prog", "--debug: 'perhaps'");
}

static void
test_unknown (void)
{
  assert_bad ("d smi 0 --statedir x prog", "did you mean --state-dir");
  assert_bad ("d smi 0 --state_dir=x prog", "did you mean --state-dir");
  assert_bad ("d smi 0 -outfile x", "did you mean --outfile");
  assert_bad ("d smi 0 -be prog", "'-b -e'");
  assert_bad ("d smi 0 -x prog", "--help");
  assert_bad ("d smi 0 - prog", "--help");
  assert_bad ("d smi 0 --= prog", "--help");
  assert_bad ("d lan h -U root prog", "between 'lan' and the host");
  assert_bad ("d -U root lan h prog", "between 'lan' and the host");
}

static void
test_domains (void)
{
  static const char *const good[] = { "bmc1", "...", "a b", "-", "\xc3\xa9", "lan" };
  static const char *const bad[] = { "''", ".", "..", "a/b", "/", "'a\nb'", "'\x7f'", "\xff", "\xe2\x80\xae" };
  g_autofree char *long_name = g_strnfill (129, 'x');

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autofree char *line = g_strdup_printf ("-- '%s' smi 0 prog", good[i]);
      g_autoptr (Cmdline) cmdline = parse_good (line);

      g_assert_cmpstr (cmdline->domain, ==, good[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *line = g_strdup_printf ("-- %s smi 0 prog", bad[i]);

      assert_bad (line, "domain");
    }
  assert_bad (long_name, "longer than 128");
}

/* ------------------------------------------------------------------ prepare */

static void
assert_prepare (const char *line, int expected_status, const char *words)
{
  g_autoptr (Cmdline) cmdline = parse_good (line);
  g_autoptr (GError) error = NULL;
  int status = 0;

  g_assert_false (cmdline_prepare (cmdline, &status, &error));
  g_assert_cmpint (status, ==, expected_status);
  if (strstr (error->message, words) == NULL)
    g_error ("'%s' is not in '%s'", words, error->message);
}

static void
test_programs (void)
{
  g_autoptr (Cmdline) cmdline = parse_good ("d smi 0 true");
  g_autoptr (GError) error = NULL;
  int status;

  g_assert_true (cmdline_prepare (cmdline, &status, &error));
  g_assert_no_error (error);
  g_assert_true (g_path_is_absolute (cmdline->program[0]));
  assert_prepare ("d smi 0 no-such-program", EX_UNAVAILABLE, "PATH");
  assert_prepare ("d smi 0 ./no-such-program", EX_UNAVAILABLE, "No such file");
  assert_prepare ("d smi 0 /etc", EX_UNAVAILABLE, "directory");
  assert_prepare ("d smi 0 /etc/passwd", EX_UNAVAILABLE, "Permission denied");
  assert_prepare ("d smi 0 /dev/null", EX_UNAVAILABLE, "Permission denied");
}

static void
test_outfiles (void)
{
  g_autofree char *directory = g_dir_make_tmp ("ipmid-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "events", NULL);
  g_autofree char *line = g_strdup_printf ("d smi 0 -f %s", path);
  g_autofree char *in_directory = g_strdup_printf ("d smi 0 -f %s", directory);
  g_autofree char *nowhere = g_strdup_printf ("d smi 0 -f %s/no/such", directory);
  g_autoptr (Cmdline) cmdline = parse_good (line);
  int status;

  g_assert_true (cmdline_prepare (cmdline, &status, NULL));
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_REGULAR));
  assert_prepare (in_directory, EX_CANTCREAT, "directory");
  assert_prepare (nowhere, EX_CANTCREAT, "No such file");
  g_unlink (path);
  g_rmdir (directory);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  log_init (LOG_TARGET_STDERR, IPMID_LOG_ERROR);
  g_test_add_func ("/cmdline/eventd", test_eventd);
  g_test_add_func ("/cmdline/long-forms", test_long_forms);
  g_test_add_func ("/cmdline/places", test_places);
  g_test_add_func ("/cmdline/handlers", test_handlers);
  g_test_add_func ("/cmdline/own-plugin", test_own_plugin);
  g_test_add_func ("/cmdline/config", test_config);
  g_test_add_func ("/cmdline/state-dir", test_state_dir);
  g_test_add_func ("/cmdline/questions", test_questions);
  g_test_add_func ("/cmdline/configuration-file", test_configuration_file);
  g_test_add_func ("/cmdline/import", test_import);
  g_test_add_func ("/cmdline/mistakes", test_mistakes);
  g_test_add_func ("/cmdline/unknown", test_unknown);
  g_test_add_func ("/cmdline/domains", test_domains);
  g_test_add_func ("/cmdline/programs", test_programs);
  g_test_add_func ("/cmdline/outfiles", test_outfiles);
  return g_test_run ();
}
