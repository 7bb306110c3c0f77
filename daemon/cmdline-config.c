/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmdline-config.c - see cmdline.h: from the command line to the core's configuration. */
#include "cmdline-private.h"

#include "core/options.h"
#include "event/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static const char *const on_exits[] = { "stop", "restart" };

/* ------------------------------------------------------------------ prepare */

/* Why the file at `path` cannot be run; 0 if it can. */
static int
why_not_executable (const char *path)
{
  struct stat status;

  if (stat (path, &status) != 0)
    return errno;
  if (S_ISDIR (status.st_mode))
    return EISDIR;
  if (!S_ISREG (status.st_mode))
    return EACCES;
  return access (path, X_OK) == 0 ? 0 : errno;
}

/* As execvp(3) looks for it; the daemon's own directory will be "/". */
static gboolean
find_program (char **program, GError **error)
{
  g_autofree char *found = strchr (*program, '/') != NULL ? g_strdup (*program) : g_find_program_in_path (*program);
  int reason = found != NULL ? why_not_executable (found) : ENOENT;

  if (reason == 0)
    {
      g_free (*program);
      *program = g_canonicalize_filename (found, NULL);
      return TRUE;
    }
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "cannot run the program '%s': %s", *program,
               found != NULL ? g_strerror (reason) : "it is in none of the directories of PATH");
  return FALSE;
}

/* Creates it, as openipmi_eventd does at this point.  A FIFO that nobody reads
 * yet is no mistake. */
static gboolean
try_outfile (const char *path, GError **error)
{
  int fd = g_open (path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
  int reason = errno;

  if (fd >= 0)
    return g_close (fd, error);
  if (reason == ENXIO)
    return TRUE;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_FILE, "cannot write to '%s': %s", path, g_strerror (reason));
  return FALSE;
}

gboolean
cmdline_prepare (Cmdline *cmdline, int *exit_status, GError **error)
{
  *exit_status = EX_UNAVAILABLE;
  if (cmdline->program != NULL && cmdline->handler == NULL && !find_program (&cmdline->program[0], error))
    return FALSE;
  *exit_status = EX_CANTCREAT;
  return cmdline->outfile == NULL || try_outfile (cmdline->outfile, error);
}

/* ------------------------------------------------------------ configuration */

static void
set_boolean (HandlerConfig *handler, const char *key, gboolean value, const char *place)
{
  handler_config_set (handler, key, value ? "yes" : "no", place);
}

static void
set_common (HandlerConfig *handler, const Cmdline *cmdline)
{
  g_autofree char *attempts = g_strdup_printf ("%" G_GINT64_FORMAT, cmdline->attempts);

  handler_config_set (handler, "attempts", attempts, "--attempts");
  set_boolean (handler, "existing", cmdline->existing, "--existing");
  handler_config_set (handler, "format", cmdline_formats[cmdline->format], "--format");
}

/* A new file gets the permissions that openipmi_eventd would give it. */
static char *
file_mode (void)
{
  mode_t mask = umask (0);

  umask (mask);
  return g_strdup_printf ("%04o", 0666 & ~(unsigned) mask);
}

static void
add_file (CoreConfig *config, const Cmdline *cmdline)
{
  HandlerConfig *handler = core_config_add_handler (config, "file", "file");
  g_autofree char *mode = file_mode ();

  handler_config_set (handler, "path", cmdline->outfile, "-f");
  handler_config_set (handler, "mode", mode, "-f");
  set_common (handler, cmdline);
}

static const char *
program_input (const Cmdline *cmdline)
{
  if (cmdline->exec_now)
    return cmdline->acknowledge ? "acknowledge" : "persistent";
  return cmdline->event_stdin ? "stdin" : "arguments";
}

static void
add_program (CoreConfig *config, const Cmdline *cmdline)
{
  HandlerConfig *handler = core_config_add_handler (config, "program", "exec");
  g_autofree char *arguments = options_join_list ((const char *const *) cmdline->program + 1);
  g_autofree char *timeout = options_format_duration (cmdline->timeout);

  handler_config_set (handler, "program", cmdline->program[0], "the program");
  handler_config_set (handler, "arguments", arguments, "the program's parameters");
  handler_config_set (handler, "input", program_input (cmdline), cmdline->exec_now ? "-k" : "-i");
  handler_config_set (handler, "on-exit", on_exits[cmdline->on_exit], "--on-exit");
  handler_config_set (handler, "time-limit", timeout, "--timeout");
  /* The core's limit is for a whole batch, which the plugin cuts short by it. */
  handler_config_set (handler, "timeout", timeout, "--timeout");
  set_common (handler, cmdline);
}

static void
add_plugin (CoreConfig *config, const Cmdline *cmdline)
{
  HandlerConfig *handler = core_config_add_handler (config, cmdline->handler, cmdline->handler);
  g_autofree char *attempts = g_strdup_printf ("%" G_GINT64_FORMAT, cmdline->attempts);

  handler_config_set (handler, "attempts", attempts, "--attempts");
  set_boolean (handler, "existing", cmdline->existing, "--existing");
  for (char **word = cmdline->program; word != NULL && *word != NULL; word++)
    {
      g_auto (GStrv) pair = g_strsplit (*word, "=", 2);
      if (pair[0] != NULL && pair[1] != NULL) /* with --help nobody has checked them */
        handler_config_set (handler, pair[0], pair[1], "--handler");
    }
}

static void
add_sel_delete (CoreConfig *config, const Cmdline *cmdline)
{
  HandlerConfig *handler = core_config_add_handler (config, "sel-delete", "sel-delete");

  set_boolean (handler, "dry-run", cmdline->dry_run, "--dry-run");
  set_boolean (handler, "allow-clear", cmdline->allow_clear, "--allow-clear");
  set_boolean (handler, "existing", cmdline->existing, "--existing");
  /* A BMC that comes back should not have to wait for minutes. */
  handler_config_set (handler, "retry-max", "15s", "-e");
}

CoreConfig *
cmdline_to_config (const Cmdline *cmdline)
{
  CoreConfig *config = core_config_new ();

  config->state_dir = g_strdup (cmdline->state_dir);
  config->plugin_dir = g_strdup (cmdline->plugin_dir);
  config->collector = g_strdup (cmdline->collector);
  config->pid_file = g_strdup (cmdline->pid_file);
  config->trap_listen = g_strdup (cmdline->trap_listen);
  core_config_add_bmc (config, cmdline->domain, connection_copy (cmdline->connection));
  if (cmdline->handler != NULL)
    add_plugin (config, cmdline);
  else if (cmdline->outfile != NULL)
    add_file (config, cmdline);
  else
    add_program (config, cmdline);
  if (cmdline->delete_events)
    add_sel_delete (config, cmdline);
  return config;
}
