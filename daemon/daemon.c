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

#include "control.h"
#include "core/log.h"
#include "daemonize.h"

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
  GMainLoop *loop;
  Core *core; /* NULL between two lives */
  Control *control;
  PidFile *pid_file;
  int verdict; /* for daemonize_report(), -1 once it is given */
  int exit_status;
  gboolean stopping;   /* somebody wants an end */
  guint restart;       /* source that starts the next core */
  guint restart_ms;    /* the last pause */
  gint64 core_started; /* monotonic */
  int core_status;     /* how the core ended */
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

  if (daemon->cmdline->state_dir == NULL)
    return;
  daemon->control = control_new (daemon->cmdline->state_dir, on_asked, daemon, &error);
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

static gboolean
start_core (Daemon *daemon, int *exit_status, GError **error)
{
  *exit_status = EX_SOFTWARE;
  daemon->core = core_start (cmdline_to_config (daemon->cmdline), on_core_ended, daemon, exit_status, error);
  if (daemon->core == NULL)
    return FALSE;
  daemon->core_started = g_get_monotonic_time ();
  open_control (daemon);
  return TRUE;
}

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
  return G_SOURCE_REMOVE;
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
  if (daemon->core != NULL)
    core_stop (daemon->core, EX_OK, NULL);
  else
    end (daemon, EX_IOERR); /* it was waiting for its disk */
  return G_SOURCE_CONTINUE;
}

static gboolean
on_reopen_signal (gpointer data)
{
  Daemon *daemon = data;

  if (daemon->core != NULL)
    core_reopen (daemon->core);
  return G_SOURCE_CONTINUE;
}

static void
on_ignored_signal (G_GNUC_UNUSED int number)
{
}

/* A handler that does nothing, not SIG_IGN, which programs would inherit. */
static void
ignore_signal (int number)
{
  struct sigaction action = { .sa_handler = on_ignored_signal, .sa_flags = SA_RESTART };

  sigaction (number, &action, NULL);
}

static void
watch_signals (Daemon *daemon)
{
  ignore_signal (SIGPIPE);
  ignore_signal (SIGUSR1); /* reserved */
  g_unix_signal_add (SIGTERM, on_stop_signal, daemon);
  g_unix_signal_add (SIGINT, on_stop_signal, daemon);
  g_unix_signal_add (SIGHUP, on_reopen_signal, daemon);
}

/* ----------------------------------------------------------------------- run */

/* Everything that can go wrong at the start goes wrong here. */
static gboolean
start (Daemon *daemon, int *exit_status, GError **error)
{
  const char *pid_path = daemon->cmdline->pid_file;

  watch_signals (daemon);
  *exit_status = EX_CANTCREAT;
  if (pid_path != NULL && (daemon->pid_file = pid_file_new (pid_path, error)) == NULL)
    return FALSE;
  return start_core (daemon, exit_status, error);
}

static void
announce (const Cmdline *cmdline)
{
  const LogContext context = { .bmc = cmdline->domain };
  g_autofree char *where = connection_describe (cmdline->connection);

  if (cmdline->state_dir != NULL)
    log_line (IPMID_LOG_NOTICE, &context, "watching %s, state in %s", where, cmdline->state_dir);
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
      announce (daemon->cmdline);
      daemonize_report (&daemon->verdict, EX_OK, NULL);
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
  g_clear_pointer (&daemon->pid_file, pid_file_free);
  return daemon->exit_status;
}

static LogTarget
log_target (const Cmdline *cmdline)
{
  if (cmdline->debug)
    return LOG_TARGET_STDERR;
  return cmdline->dont_daemonize ? LOG_TARGET_AUTO : LOG_TARGET_SYSLOG;
}

int
daemon_run (Cmdline *cmdline)
{
  Daemon daemon = { .cmdline = cmdline, .verdict = -1, .exit_status = EX_OK };
  g_autoptr (GError) error = NULL;
  int exit_status;

  if (!cmdline_prepare (cmdline, &exit_status, &error))
    {
      daemonize_complain (error->message);
      return exit_status;
    }
  if (!cmdline->debug && !cmdline->dont_daemonize && (daemon.verdict = daemonize_fork (&exit_status)) < 0)
    return exit_status;
  log_init (log_target (cmdline), cmdline->debug ? IPMID_LOG_DEBUG : IPMID_LOG_INFO);
  daemon.loop = g_main_loop_new (NULL, FALSE);
  exit_status = live (&daemon);
  g_main_loop_unref (daemon.loop);
  return exit_status;
}
