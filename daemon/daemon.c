/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon.c - see daemon.h.
 *
 * Everything here happens on the main thread.  There is one way out: the main
 * loop ends, and `exit_status` says with what; the first failure stays.  When
 * the core ends because its journal failed (EX_IOERR), the daemon does not: it
 * frees the core and starts a new one from what is on disk, after a pause that
 * grows while that does not help.
 */
#include "daemon.h"

#include "configure.h"
#include "control.h"
#include "core/log.h"
#include "daemonize.h"
#include "notify.h"

#include <glib-unix.h>
#include <signal.h>
#include <sysexits.h>

#define RESTART_MIN_MS 1000u
#define RESTART_MAX_MS 60000u
/* A core that ran so long had recovered: the next pause is short again. */
#define RESTART_FORGET_US (60 * G_USEC_PER_SEC)

typedef struct
{
  const Cmdline *cmdline;
  CoreConfig *config; /* what each core gets */
  GMainLoop *loop;
  Core *core; /* NULL between two lives */
  Control *control;
  PidFile *pid_file;
  Notify *notify; /* once start-up has succeeded */
  int verdict;    /* for daemonize_report(), -1 once it is given */
  int exit_status;
  gboolean stopping;   /* somebody wants an end */
  guint restart;       /* source that starts the next core */
  guint restart_ms;    /* the last pause */
  gint64 core_started; /* monotonic */
  int core_status;     /* how the core ended */
  gboolean reloading;  /* a core was given a configuration, and has not answered */
} Daemon;

static void
end (Daemon *daemon, int exit_status)
{
  if (daemon->exit_status == EX_OK)
    daemon->exit_status = exit_status;
  g_main_loop_quit (daemon->loop);
}

/* ------------------------------------------------------------- lives of cores */

static gboolean on_restart (gpointer data);

static char *
on_asked (gpointer data)
{
  return core_status (((Daemon *) data)->core);
}

static void
open_control (Daemon *daemon)
{
  g_autoptr (GError) error = NULL;

  if (daemon->config->state_dir == NULL)
    return;
  daemon->control = control_new (daemon->config->state_dir, on_asked, daemon, &error);
  if (daemon->control == NULL)
    log_line (IPMID_LOG_WARNING, NULL, "--status will not work: %s", error->message);
}

/* Many ipmid on one full disk should not all come back at once. */
static void
schedule_restart (Daemon *daemon)
{
  guint pause = daemon->restart_ms == 0 ? RESTART_MIN_MS : MIN (2 * daemon->restart_ms, RESTART_MAX_MS);

  if (g_get_monotonic_time () - daemon->core_started > RESTART_FORGET_US)
    pause = RESTART_MIN_MS;
  daemon->restart_ms = pause;
  pause = (guint) g_random_int_range ((gint32) pause / 2, (gint32) pause + 1);
  log_line (IPMID_LOG_WARNING, NULL, "starting afresh from disk in %.1f s", pause / 1000.0);
  daemon->restart = g_timeout_add (pause, on_restart, daemon);
}

/* Outside of the core's own call. */
static gboolean
on_core_gone (gpointer data)
{
  Daemon *daemon = data;

  g_clear_pointer (&daemon->control, control_free);
  g_clear_pointer (&daemon->core, core_free);
  if (daemon->core_status == EX_IOERR && !daemon->stopping)
    schedule_restart (daemon);
  else
    end (daemon, daemon->core_status);
  return G_SOURCE_REMOVE;
}

static void
on_core_ended (int exit_status, const char *message, gpointer data)
{
  Daemon *daemon = data;

  if (message != NULL)
    log_line (exit_status == EX_OK ? IPMID_LOG_NOTICE : IPMID_LOG_ERROR, NULL, "%s", message);
  daemon->core_status = exit_status;
  g_idle_add_full (G_PRIORITY_DEFAULT, on_core_gone, daemon, NULL);
}

static CoreReloadStart on_reload_wanted (gpointer data, GPtrArray *mistakes);
static void on_check_wanted (gpointer data, GPtrArray *mistakes, GPtrArray *warnings);

static gboolean
start_core (Daemon *daemon, int *exit_status, GError **error)
{
  const CoreDaemon around = { daemon->cmdline->config, on_reload_wanted, on_check_wanted, daemon };

  *exit_status = EX_SOFTWARE;
  daemon->config->trap_socket = notify_passed_socket ();
  daemon->core = core_start (core_config_ref (daemon->config), on_core_ended, daemon, exit_status, error);
  if (daemon->core == NULL)
    return FALSE;
  core_set_daemon (daemon->core, &around);
  daemon->core_started = g_get_monotonic_time ();
  open_control (daemon);
  return TRUE;
}

static CoreReloadStart reload (Daemon *daemon, GPtrArray *mistakes);

static gboolean
on_restart (gpointer data)
{
  Daemon *daemon = data;
  g_autoptr (GError) error = NULL;
  int status;

  daemon->restart = 0;
  if (!start_core (daemon, &status, &error))
    {
      log_line (IPMID_LOG_ERROR, NULL, "%s", error->message);
      daemon->core_started = g_get_monotonic_time ();
      schedule_restart (daemon);
    }
  else if (daemon->reloading)
    reload (daemon, NULL); /* what the core before did not live to use */
  return G_SOURCE_REMOVE;
}

/* -------------------------------------------------------- the service manager */

static char *
describe_state (gpointer data)
{
  Daemon *daemon = data;

  return daemon->core != NULL ? core_summary (daemon->core) : g_strdup ("waiting for the journal's disk");
}

static void
on_core_answered (gboolean well, gpointer data)
{
  notify_answered (((Daemon *) data)->notify, well);
}

/* Between two cores there is nobody to ask: the pause is meant to be. */
static void
probe (gpointer data)
{
  Daemon *daemon = data;

  if (daemon->core != NULL)
    core_probe (daemon->core, on_core_answered, daemon);
  else
    notify_answered (daemon->notify, TRUE);
}

static void
report_ready (Daemon *daemon)
{
  static const NotifyHooks hooks = { describe_state, probe };

  daemon->notify = notify_ready (&hooks, daemon);
}

/* ------------------------------------------------------------------- signals */

static gboolean
on_stop_signal (gpointer data)
{
  Daemon *daemon = data;

  if (daemon->stopping)
    return G_SOURCE_CONTINUE;
  daemon->stopping = TRUE;
  log_line (IPMID_LOG_NOTICE, NULL, "stopping");
  notify_stopping ();
  if (daemon->core != NULL)
    core_stop (daemon->core, EX_OK, NULL);
  else
    end (daemon, EX_IOERR); /* it was waiting for its disk */
  return G_SOURCE_CONTINUE;
}

/* CoreReloadedFunc */
static void
on_reloaded (CoreConfig *config, G_GNUC_UNUSED const GError *error, gpointer data)
{
  Daemon *daemon = data;

  core_config_unref (daemon->config);
  daemon->config = core_config_ref (config);
  daemon->reloading = FALSE;
  notify_reloaded ();
}

static void
log_report (const ConfigReport *report)
{
  for (guint i = 0; i < report->errors->len; i++)
    log_line (IPMID_LOG_ERROR, NULL, "%s", (const char *) report->errors->pdata[i]);
  for (guint i = 0; i < report->warnings->len; i++)
    log_line (IPMID_LOG_WARNING, NULL, "%s", (const char *) report->warnings->pdata[i]);
}

static void
copy_lines (const GPtrArray *lines, GPtrArray *out)
{
  for (guint i = 0; i < lines->len; i++)
    g_ptr_array_add (out, g_strdup (lines->pdata[i]));
}

/* `mistakes` may be NULL. */
static CoreReloadStart
reload (Daemon *daemon, GPtrArray *mistakes)
{
  g_autoptr (ConfigReport) report = config_report_new ();
  g_autoptr (CoreConfig) config = configure_reload (daemon->cmdline, report);

  log_report (report);
  if (mistakes != NULL)
    copy_lines (report->errors, mistakes);
  CoreReloadStart start = config == NULL ? CORE_RELOAD_MISTAKES : CORE_RELOAD_BEGUN;
  if (config == NULL)
    log_line (IPMID_LOG_ERROR, NULL, "the configuration stays as it was");
  daemon->reloading = daemon->reloading || config != NULL;
  /* The next core starts with what worked, and then reloads: only that checks
   * everything, and goes back if it does not work. */
  if (daemon->core == NULL && config != NULL)
    notify_reloaded ();
  else if (daemon->core != NULL && config != NULL)
    core_reload (daemon->core, g_steal_pointer (&config), on_reloaded, daemon);
  else
    {
      if (daemon->core != NULL)
        core_reopen (daemon->core);
      notify_reloaded ();
    }
  return start;
}

/* In eventd style the command line has said everything once and for all.
 * CoreDaemon.reload. */
static CoreReloadStart
on_reload_wanted (gpointer data, GPtrArray *mistakes)
{
  Daemon *daemon = data;

  notify_reloading ();
  if (daemon->cmdline->config != NULL)
    return reload (daemon, mistakes);
  if (daemon->core != NULL)
    core_reopen (daemon->core);
  notify_reloaded ();
  return CORE_RELOAD_REOPENED;
}

static gboolean
on_reload_signal (gpointer data)
{
  if (!((Daemon *) data)->stopping)
    on_reload_wanted (data, NULL);
  return G_SOURCE_CONTINUE;
}

/* CoreDaemon.check */
static void
on_check_wanted (gpointer data, GPtrArray *mistakes, GPtrArray *warnings)
{
  g_autoptr (ConfigReport) report = config_report_new ();

  core_config_unref (configure_reload (((Daemon *) data)->cmdline, report));
  copy_lines (report->errors, mistakes);
  copy_lines (report->warnings, warnings);
}

static gboolean
on_status_signal (gpointer data)
{
  Daemon *daemon = data;

  if (daemon->core != NULL)
    core_log_status (daemon->core);
  return G_SOURCE_CONTINUE;
}

static void
watch_signals (Daemon *daemon)
{
  daemonize_ignore_pipes ();
  g_unix_signal_add (SIGTERM, on_stop_signal, daemon);
  g_unix_signal_add (SIGINT, on_stop_signal, daemon);
  g_unix_signal_add (SIGHUP, on_reload_signal, daemon);
  g_unix_signal_add (SIGUSR1, on_status_signal, daemon);
}

/* ----------------------------------------------------------------------- run */

/* Everything that can go wrong at the start goes wrong here. */
static gboolean
start (Daemon *daemon, int *exit_status, GError **error)
{
  const char *pid_path = daemon->config->pid_file;

  watch_signals (daemon);
  *exit_status = EX_CANTCREAT;
  if (pid_path != NULL && (daemon->pid_file = pid_file_new (pid_path, error)) == NULL)
    return FALSE;
  return start_core (daemon, exit_status, error);
}

static void
announce (const CoreConfig *config, const Cmdline *cmdline)
{
  const LogContext context = { .bmc = cmdline->domain };
  g_autofree char *where = cmdline->config != NULL
                               ? g_strdup_printf ("%u BMC%s", config->bmcs->len, config->bmcs->len == 1 ? "" : "s")
                               : connection_describe (cmdline->connection);

  if (config->state_dir != NULL)
    log_line (IPMID_LOG_NOTICE, &context, "watching %s, state in %s", where, config->state_dir);
  else
    log_line (IPMID_LOG_NOTICE, &context,
              "watching %s without state on disk: what is not yet handled when ipmid ends is forgotten", where);
}

/* In the process that stays. */
static int
live (Daemon *daemon)
{
  g_autoptr (GError) error = NULL;
  int exit_status;

  if (start (daemon, &exit_status, &error))
    {
      announce (daemon->config, daemon->cmdline);
      daemonize_report (&daemon->verdict, EX_OK, NULL);
      report_ready (daemon);
      g_main_loop_run (daemon->loop);
    }
  else
    {
      daemon->exit_status = exit_status;
      if (daemon->verdict < 0)
        daemonize_complain (error->message);
      else
        log_line (IPMID_LOG_ERROR, NULL, "%s", error->message);
      daemonize_report (&daemon->verdict, exit_status, error->message);
    }
  g_clear_pointer (&daemon->control, control_free);
  g_clear_pointer (&daemon->core, core_free);
  g_clear_pointer (&daemon->notify, notify_free);
  g_clear_pointer (&daemon->pid_file, pid_file_free);
  return daemon->exit_status;
}

/* A service manager that waits to be notified wants this very process; it says
 * so only to who is meant to (sd_notify(3)).  openipmi_eventd's style knows
 * nothing of that. */
static gboolean
stays_in_foreground (const Cmdline *cmdline)
{
  return cmdline->debug || cmdline->dont_daemonize || (cmdline->config != NULL && g_getenv ("NOTIFY_SOCKET") != NULL);
}

static void
start_log (const Cmdline *cmdline, const CoreConfig *config, const ConfigReport *report)
{
  LogTarget target = stays_in_foreground (cmdline) ? LOG_TARGET_AUTO : LOG_TARGET_SYSLOG;
  IpmidLogLevel level = config->log_level != 0 ? (IpmidLogLevel) config->log_level : IPMID_LOG_INFO;

  log_init (cmdline->debug ? LOG_TARGET_STDERR : target, cmdline->debug ? IPMID_LOG_DEBUG : level);
  for (guint i = 0; i < report->warnings->len; i++)
    log_line (IPMID_LOG_WARNING, NULL, "%s", (const char *) report->warnings->pdata[i]);
}

int
daemon_run (Cmdline *cmdline)
{
  Daemon daemon = { .cmdline = cmdline, .verdict = -1, .exit_status = EX_OK };
  g_autoptr (ConfigReport) report = config_report_new ();
  int exit_status;

  daemon.config = configure_load (cmdline, report, &exit_status);
  if (daemon.config == NULL)
    return exit_status;
  if (!stays_in_foreground (cmdline) && (daemon.verdict = daemonize_fork (&exit_status)) < 0)
    {
      core_config_unref (daemon.config);
      return exit_status;
    }
  start_log (cmdline, daemon.config, report);
  daemon.loop = g_main_loop_new (NULL, FALSE);
  exit_status = live (&daemon);
  g_main_loop_unref (daemon.loop);
  core_config_unref (daemon.config);
  return exit_status;
}
