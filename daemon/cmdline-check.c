/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmdline-check.c - see cmdline.h: which options go together. */
#include "cmdline-private.h"

#include "core/options.h"
#include "core/trap-socket.h"
#include "event/error.h"

#include <string.h>

/* The user wants to know something rather than a daemon. */
gboolean
cmdline_is_question (const Cmdline *cmdline)
{
  return cmdline->status || cmdline->dead_letters || cmdline->help || cmdline->version;
}

gboolean
cmdline_is_for_config (const Cmdline *cmdline)
{
  return cmdline->config != NULL || cmdline->import != NULL || cmdline->check || cmdline->test_handler != NULL;
}

/* With a handler the words are its options. */
static gboolean
check_handler (const Cmdline *cmdline, GError **error)
{
  if (cmdline->outfile != NULL || cmdline->exec_now || cmdline->event_stdin)
    return error_usage (error, "--handler takes the place of a file or a program: neither -f, -k nor -i goes with it");
  for (char **word = cmdline->program; word != NULL && *word != NULL; word++)
    if (strchr (*word, '=') == NULL || **word == '=')
      return error_usage (error, "'%s' is no option of a handler: they look like KEY=VALUE", *word);
  return TRUE;
}

static gboolean
check_output (const Cmdline *cmdline, GError **error)
{
  if (cmdline->handler != NULL)
    return check_handler (cmdline, error);
  if (cmdline->outfile != NULL && (cmdline->program != NULL || cmdline->exec_now))
    return error_usage (error, "-f takes the place of a program: neither -k nor a program goes with it");
  if (cmdline->outfile == NULL && cmdline->program == NULL)
    return error_usage (error, "what to do with events is missing: a program, -f FILE, or --handler PLUGIN");
  if (cmdline->program != NULL && *cmdline->program[0] == '\0')
    return error_usage (error, "the name of the program is empty");
  return TRUE;
}

static gboolean
check_run (const Cmdline *cmdline, GError **error)
{
  if (!check_output (cmdline, error))
    return FALSE;
  if (cmdline->acknowledge && !cmdline->exec_now)
    return error_usage (error, "--acknowledge goes with -k only");
  if (cmdline_says (cmdline, "on-exit") && !cmdline->exec_now)
    return error_usage (error, "--on-exit goes with -k only");
  if (cmdline->acknowledge && cmdline_says (cmdline, "format")
      && !g_str_equal (cmdline_formats[cmdline->format], "json"))
    return error_usage (error, "--acknowledge needs --format json: eventd's text has no id to answer for");
  if (cmdline->dry_run && !cmdline->delete_events)
    return error_usage (error, "--dry-run goes with -e only");
  if (cmdline->allow_clear && !cmdline->delete_events)
    return error_usage (error, "--allow-clear goes with -e only");
  return TRUE;
}

static gboolean
check_state (const Cmdline *cmdline, GError **error)
{
  gboolean question = cmdline->status || cmdline->dead_letters;

  if (cmdline->no_state && cmdline_says (cmdline, "state-dir"))
    return error_usage (error, "--no-state and --state-dir exclude each other");
  if (cmdline->status && cmdline->dead_letters)
    return error_usage (error, "--status and --dead-letters: one at a time");
  if (cmdline->no_state && question)
    return error_usage (error, "an ipmid with --no-state cannot be asked for its %s",
                        cmdline->status ? "status" : "dead letters");
  return TRUE;
}

static gboolean
check_traps (const Cmdline *cmdline, GError **error)
{
  if (cmdline->trap_listen == NULL || trap_socket_check (cmdline->trap_listen, error))
    return TRUE;
  g_prefix_error (error, "--trap-listen: ");
  return FALSE;
}

gboolean
cmdline_check_domain (const Cmdline *cmdline, GError **error)
{
  if (cmdline_is_for_config (cmdline))
    return cmdline_check_config (cmdline, cmdline->domain, error);
  if (cmdline->credentials_file != NULL)
    return error_usage (error, "--credentials-file goes with --import only");
  return check_traps (cmdline, error) && check_state (cmdline, error)
         && (cmdline_is_question (cmdline) || check_run (cmdline, error));
}

/* ---------------------------------------------------- the configuration file */

/* The first option that was given and is in none of the words; NULL: none. */
static const char *
stray_option (const Cmdline *cmdline, const char *const *words)
{
  for (const IpmidOption *option = cmdline_options; option->key != NULL; option++)
    if (cmdline_says (cmdline, option->key) && !g_strv_contains (words, option->key))
      return option->key;
  return NULL;
}

/* What stands in the file is said there. */
static gboolean
refuse_stray (const char *key, GError **error)
{
  if (g_str_equal (key, "sel-interval"))
    return error_usage (error, "--sel-interval does not go with -c: it is a key of [defaults] and [bmc NAME]");
  if (g_str_equal (key, "credentials-file") || g_str_equal (key, "trap-listen"))
    return error_usage (error, "--%s does not go with -c: it is a key of [daemon]", key);
  return error_usage (error, "--%s does not go with -c: what to do with events stands in a [handler NAME] of the file",
                      key);
}

gboolean
cmdline_check_config (const Cmdline *cmdline, const char *word, GError **error)
{
  static const char *const with_config[]
      = { "config",   "check",      "test-handler", "dont-daemonize", "debug",  "state-dir",
          "no-state", "plugin-dir", "collector",    "pid-file",       "status", "dead-letters",
          "help",     "version",    "socket",       "no-http",        NULL };
  static const char *const with_import[] = { "import", "credentials-file", NULL };
  const char *stray = stray_option (cmdline, cmdline->import != NULL ? with_import : with_config);

  if ((cmdline->check || cmdline->test_handler != NULL) && cmdline->config == NULL)
    return error_usage (error, "--%s goes with -c FILE only", cmdline->check ? "check" : "test-handler");
  if (cmdline->test_handler != NULL && (cmdline->check || cmdline_is_question (cmdline)))
    return error_usage (error, "--test-handler and --%s: one at a time",
                        cmdline->check    ? "check"
                        : cmdline->status ? "status"
                                          : "dead-letters");
  if (cmdline->import != NULL && stray != NULL)
    return error_usage (error, "--%s does not go with --import", stray);
  if (stray != NULL)
    return refuse_stray (stray, error);
  if (word != NULL)
    return error_usage (error, "'%s' is one word too many: with %s there is neither a domain nor a connection", word,
                        cmdline->import != NULL ? "--import" : "-c");
  if (cmdline->check && cmdline_is_question (cmdline))
    return error_usage (error, "--check and --%s: one at a time", cmdline->status ? "status" : "dead-letters");
  return check_state (cmdline, error);
}
