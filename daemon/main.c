/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main.c - what the user wants of ipmid, and its exit status. */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "configure.h"
#include "control.h"
#include "core/journal.h"
#include "daemon.h"
#include "daemonize.h"
#include "import.h"
#include "notify.h"
#include "test-handler.h"

#include <sysexits.h>

static int
print_version (void)
{
  puts ("ipmid " PACKAGE_VERSION);
  return EX_OK;
}

static int
print_help (void)
{
  cmdline_print_help (stdout);
  return EX_OK;
}

static int
fail (const GError *error)
{
  daemonize_complain (error->message);
  return EX_UNAVAILABLE;
}

static int
ask_status (const Cmdline *cmdline)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *state_dir = configure_state_dir (cmdline, &error);

  return state_dir != NULL && control_ask (state_dir, stdout, &error) ? EX_OK : fail (error);
}

static int
print_dead_letters (const Cmdline *cmdline)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *state_dir = configure_state_dir (cmdline, &error);

  return state_dir != NULL && journal_print_dead_letters (state_dir, stdout, &error) ? EX_OK : fail (error);
}

static int
run (Cmdline *cmdline)
{
  if (cmdline->help)
    return print_help ();
  if (cmdline->version)
    return print_version ();
  if (cmdline->status)
    return ask_status (cmdline);
  if (cmdline->dead_letters)
    return print_dead_letters (cmdline);
  if (cmdline->check)
    return configure_check (cmdline);
  if (cmdline->import != NULL)
    return import_list (cmdline->import, cmdline->credentials_file, stdout, stderr);
  if (cmdline->test_handler != NULL)
    return test_handler (cmdline);
  return daemon_run (cmdline);
}

int
main (int argc, char **argv)
{
  g_autoptr (Cmdline) cmdline = NULL;
  g_autoptr (GError) error = NULL;
  int exit_status;

  daemonize_protect (notify_passed_descriptors ());
  cmdline = cmdline_parse (argc, argv, &error);
  if (cmdline == NULL)
    {
      daemonize_complain (error->message);
      return EX_USAGE;
    }
  exit_status = run (cmdline);
  return fflush (stdout) == 0 ? exit_status : EX_IOERR;
}
