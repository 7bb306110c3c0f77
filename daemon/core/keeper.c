/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper.c - the collector's process; see keeper.h. */
#include "core/keeper-private.h"

#include "event/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Records on their way between a collector and the journal. */
#define CREDIT_WINDOW 512

/* A collector that ran so long did not end early. */
#define RAN_WELL (60 * G_TIME_SPAN_SECOND)

#define RESTART_PAUSE_MAX 30000 /* milliseconds */

/* How long a collector may take to close its sessions. */
#define STOP_PATIENCE 4000 /* milliseconds */

static gboolean start_collector (Keeper *keeper, GError **error);

Keeper *
keeper_ref (Keeper *keeper)
{
  return g_atomic_rc_box_acquire (keeper);
}

Keeper *
keeper_new (Fleet *fleet, guint number)
{
  Keeper *keeper = g_atomic_rc_box_new0 (Keeper);

  keeper->number = number;
  keeper->fleet = fleet;
  keeper->program = g_strdup (fleet->config->collector);
  keeper->journal = fleet->journal;
  keeper->bmcs = g_hash_table_new (g_int64_hash, g_int64_equal);
  return keeper;
}

static void
clear (gpointer data)
{
  Keeper *keeper = data;

  g_clear_handle_id (&keeper->child_watch, g_source_remove);
  g_clear_handle_id (&keeper->restart_timer, g_source_remove);
  g_clear_handle_id (&keeper->kill_timer, g_source_remove);
  g_clear_handle_id (&keeper->ping_timer, g_source_remove);
  g_clear_pointer (&keeper->channel, channel_free);
  serving_free (keeper->note);
  g_hash_table_unref (keeper->bmcs);
  g_free (keeper->end);
  g_free (keeper->program);
}

void
keeper_unref (Keeper *keeper)
{
  if (keeper != NULL)
    g_atomic_rc_box_release_full (keeper, clear);
}

void
keeper_send (Keeper *keeper, FrameType type, GVariant *body)
{
  if (keeper->channel != NULL)
    channel_send (keeper->channel, type, body);
  else
    g_variant_unref (g_variant_ref_sink (body));
}

/* ----------------------------------------------------------------- the process */

static void
finish_if_stopped (Keeper *keeper)
{
  void (*stopped) (Keeper *, gpointer) = keeper->stopped;

  if (stopped == NULL || keeper->pid != 0 || keeper->channel != NULL)
    return;
  keeper->stopped = NULL;
  g_clear_handle_id (&keeper->kill_timer, g_source_remove);
  stopped (keeper, keeper->stopped_data);
}

static gboolean
on_restart_timer (gpointer data)
{
  Keeper *keeper = data;
  g_autoptr (GError) error = NULL;

  keeper->restart_timer = 0;
  if (start_collector (keeper, &error))
    return G_SOURCE_REMOVE;
  log_line (IPMID_LOG_ERROR, NULL, "%s", error->message);
  keeper->failures++;
  keeper->restart_timer = g_timeout_add (RESTART_PAUSE_MAX, on_restart_timer, keeper);
  return G_SOURCE_REMOVE;
}

static void
schedule_restart (Keeper *keeper)
{
  gboolean early = g_get_monotonic_time () - keeper->started < RAN_WELL;

  keeper->failures = early ? keeper->failures + 1 : 0;
  guint pause = keeper->failures <= 1 ? 0 : MIN (100u << MIN (keeper->failures, 12), RESTART_PAUSE_MAX);
  keeper->restart_timer = g_timeout_add (pause, on_restart_timer, keeper);
}

/* Both its end of the socket and the process are gone; noticed once or twice. */
static void
collector_is_gone (Keeper *keeper)
{
  if (keeper->pid != 0 || keeper->channel != NULL || keeper->restart_timer != 0)
    return;
  if (keeper->stopping)
    {
      finish_if_stopped (keeper);
      return;
    }
  g_clear_handle_id (&keeper->kill_timer, g_source_remove);
  if (!keeper->renewing)
    fleet_on_crash (keeper->fleet, keeper, keeper->end);
  g_clear_pointer (&keeper->end, g_free);
  keeper->suspect = 0;
  keeper->caught = FALSE;
  /* Not if its share has become empty. */
  if (!keeper->stopping)
    schedule_restart (keeper);
}

/* What is known better, because we have killed it for that, stays. */
static void
note_end (Keeper *keeper, int status)
{
  /* Whatever else happens to one that is to end is what it would be otherwise. */
  if (keeper->end != NULL || !WIFEXITED (status) || WEXITSTATUS (status) != 0)
    keeper->renewing = FALSE;
  if (keeper->end == NULL && WIFSIGNALED (status))
    keeper->end = g_strdup_printf ("was ended by signal %d (%s)", WTERMSIG (status), g_strsignal (WTERMSIG (status)));
  else if (keeper->end == NULL)
    keeper->end = g_strdup_printf ("has ended with status %d", WEXITSTATUS (status));
  if (WIFSIGNALED (status) || (!keeper->stopping && !keeper->renewing))
    log_line (keeper->stopping ? IPMID_LOG_NOTICE : IPMID_LOG_ERROR, NULL, "the collector %s", keeper->end);
}

static void
on_child_ended (GPid pid, int status, gpointer data)
{
  Keeper *keeper = data;

  keeper->child_watch = 0;
  keeper->pid = 0;
  g_spawn_close_pid (pid);
  note_end (keeper, status);
  /* Everything that it said before counts. */
  if (keeper->channel != NULL)
    channel_drain (keeper->channel);
  collector_is_gone (keeper);
}

static void
on_channel_closed (const GError *error, gpointer data)
{
  Keeper *keeper = data;

  if (error != NULL)
    log_line (IPMID_LOG_ERROR, NULL, "the collector does not keep to the protocol: %s", error->message);
  g_clear_pointer (&keeper->channel, channel_free);
  keeper->generation++;
  if (keeper->pid != 0 && !keeper->stopping && !keeper->renewing)
    kill (keeper->pid, SIGKILL);
  keeper_lose_all (keeper);
  collector_is_gone (keeper);
}

void
keeper_break (Keeper *keeper, const char *why)
{
  log_line (IPMID_LOG_ERROR, NULL, "the collector does not keep to the protocol: %s", why);
  keeper->broken = TRUE;
  g_free (keeper->end);
  keeper->end = g_strdup_printf ("did not keep to the protocol: %s", why);
  if (keeper->pid != 0)
    kill (keeper->pid, SIGKILL);
}

/* A clean environment; a sanitizer's options are for our own tests. */
static char **
make_environment (void)
{
  static const char *const kept[] = { "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS" };
  char **environment = g_environ_setenv (NULL, "LC_ALL", "C.UTF-8", TRUE);

  for (guint i = 0; i < G_N_ELEMENTS (kept); i++)
    if (g_getenv (kept[i]) != NULL)
      environment = g_environ_setenv (environment, kept[i], g_getenv (kept[i]), TRUE);
  return environment;
}

/* The program with its end of the socket as descriptor 3 and the note, if there
 * is one, as SERVING_FD. */
static gboolean
spawn (Keeper *keeper, int socket_fd, int note_fd, GError **error)
{
  const char *arguments[] = { keeper->program, NULL };
  const int sources[] = { socket_fd, note_fd }, targets[] = { 3, SERVING_FD };
  g_auto (GStrv) environment = make_environment ();

  return g_spawn_async_with_pipes_and_fds (
      "/", arguments, (const char *const *) environment, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDIN_FROM_DEV_NULL, NULL,
      NULL, -1, -1, -1, sources, targets, note_fd < 0 ? 1 : 2, &keeper->pid, NULL, NULL, NULL, error);
}

/* Without it nobody will be suspect; that is no reason not to start. */
static int
make_note (Keeper *keeper)
{
  g_autoptr (GError) error = NULL;
  int fd;

  serving_free (keeper->note);
  keeper->note = serving_new (&fd, &error);
  if (keeper->note == NULL)
    log_line (IPMID_LOG_WARNING, NULL, "%s", error->message);
  return fd;
}

static void
begin_talk (Keeper *keeper, int fd)
{
  keeper->started = g_get_monotonic_time ();
  keeper->greeted = keeper->broken = keeper->renewing = FALSE;
  keeper->unanswered = 0;
  keeper->stall = (Stall){ .bmc = 0 };
  keeper->child_watch = g_child_watch_add (keeper->pid, on_child_ended, keeper);
  keeper->channel = channel_new (fd, NULL, keeper_on_frame, on_channel_closed, keeper);
  keeper->outstanding = CREDIT_WINDOW;
  keeper_send (keeper, FRAME_CREDIT, g_variant_new ("(u)", CREDIT_WINDOW));
  keeper_hand_over_all (keeper);
  keeper_begin_watch (keeper->fleet);
}

static gboolean
start_collector (Keeper *keeper, GError **error)
{
  int ends[2];
  const int buffer = 1 << 20;

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "cannot make a socket: %s", g_strerror (errno));
      return FALSE;
    }
  setsockopt (ends[1], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  int note_fd = make_note (keeper);
  gboolean good = spawn (keeper, ends[1], note_fd, error);
  close (ends[1]);
  if (note_fd >= 0)
    close (note_fd);
  if (!good)
    {
      close (ends[0]);
      g_prefix_error (error, "cannot start the collector %s: ", keeper->program);
      return FALSE;
    }
  begin_talk (keeper, ends[0]);
  return TRUE;
}

gboolean
keeper_start (Keeper *keeper, gboolean patient, GError **error)
{
  keeper_begin_pings (keeper);
  if (start_collector (keeper, error))
    return TRUE;
  if (patient)
    schedule_restart (keeper);
  return FALSE;
}

static gboolean
on_patience_ended (gpointer data)
{
  Keeper *keeper = data;

  keeper->kill_timer = 0;
  log_line (IPMID_LOG_WARNING, NULL, "the collector does not end by itself: killed");
  if (keeper->pid != 0)
    kill (keeper->pid, SIGKILL);
  return G_SOURCE_REMOVE;
}

static void
tell_to_end (Keeper *keeper)
{
  if (keeper->pid != 0 && keeper->kill_timer == 0)
    keeper->kill_timer = g_timeout_add (STOP_PATIENCE, on_patience_ended, keeper);
  keeper_send (keeper, FRAME_SHUTDOWN, g_variant_new ("()"));
}

void
keeper_renew (Keeper *keeper)
{
  if (keeper->stopping || keeper->renewing)
    return;
  keeper->renewing = TRUE;
  tell_to_end (keeper);
}

void
keeper_stop (Keeper *keeper, void (*done) (Keeper *, gpointer), gpointer user_data)
{
  keeper->stopped = done;
  keeper->stopped_data = user_data;
  if (!keeper->stopping)
    {
      keeper->stopping = TRUE;
      g_clear_handle_id (&keeper->restart_timer, g_source_remove);
      g_clear_handle_id (&keeper->ping_timer, g_source_remove);
      tell_to_end (keeper);
    }
  finish_if_stopped (keeper);
}
