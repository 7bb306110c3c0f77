/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper.c - the collector's process; see keeper.h. */
#include "core/keeper-private.h"

#include "core/resolve.h"
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

/* A collector that leaves so many pings unanswered hangs or spins. */
#define PING_INTERVAL 5 /* seconds */
#define PINGS_UNANSWERED 2

#define RESOLVE_PAUSE_MAX 60 /* seconds */

static gboolean start_collector (Keeper *keeper, GError **error);

Keeper *
keeper_ref (Keeper *keeper)
{
  return g_atomic_rc_box_acquire (keeper);
}

static void
free_bmc (gpointer data)
{
  KeeperBmc *bmc = data;

  g_clear_pointer (&bmc->resolving, resolve_cancel);
  g_clear_handle_id (&bmc->resolve_timer, g_source_remove);
  g_strfreev (bmc->addresses);
  g_free (bmc->name);
  g_free (bmc->words);
  g_free (bmc->up_words);
  g_free (bmc);
}

Keeper *
keeper_new (const char *collector, Journal *journal, KeeperDeletedFunc on_deleted, gpointer user_data)
{
  Keeper *keeper = g_atomic_rc_box_new0 (Keeper);

  keeper->program = g_strdup (collector);
  keeper->journal = journal;
  keeper->on_deleted = on_deleted;
  keeper->user_data = user_data;
  keeper->bmcs = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, free_bmc);
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
  g_hash_table_unref (keeper->bmcs);
  severity_rules_free (keeper->severities);
  g_free (keeper->program);
}

void
keeper_unref (Keeper *keeper)
{
  if (keeper != NULL)
    g_atomic_rc_box_release_full (keeper, clear);
}

void
keeper_set_severities (Keeper *keeper, SeverityRules *rules)
{
  severity_rules_free (keeper->severities);
  keeper->severities = rules;
}

void
keeper_set_inventory (Keeper *keeper, Inventory *inventory, SdrCache *sdr_cache)
{
  keeper->inventory = inventory;
  keeper->sdr_cache = sdr_cache;
}

void
keeper_add_bmc (Keeper *keeper, gint64 id, const char *name, const Connection *connection)
{
  KeeperBmc *bmc = g_new0 (KeeperBmc, 1);

  bmc->id = id;
  bmc->name = g_strdup (name);
  bmc->connection = connection;
  bmc->keeper = keeper;
  bmc->state = FRAME_STATE_CONNECTING;
  bmc->since = g_get_real_time ();
  g_hash_table_insert (keeper->bmcs, &bmc->id, bmc);
  if (keeper->inventory != NULL)
    inventory_add_bmc (keeper->inventory, id, name);
}

void
keeper_send (Keeper *keeper, FrameType type, GVariant *body)
{
  if (keeper->channel != NULL)
    channel_send (keeper->channel, type, body);
  else
    g_variant_unref (g_variant_ref_sink (body));
}

static const char *
state_word (FrameState state)
{
  static const char *const words[] = { "connecting", "up", "down", "refused" };

  return words[state];
}

void
keeper_set_state (KeeperBmc *bmc, FrameState state, const char *words)
{
  const LogContext context = { .bmc = bmc->name };
  IpmidLogLevel level = state == FRAME_STATE_CONNECTING ? IPMID_LOG_DEBUG
                        : state == FRAME_STATE_UP       ? IPMID_LOG_NOTICE
                                                        : IPMID_LOG_WARNING;

  if (bmc->state == state && g_strcmp0 (bmc->words, words) == 0)
    return;
  if (bmc->state != state)
    bmc->since = g_get_real_time ();
  bmc->state = state;
  g_free (bmc->words);
  bmc->words = g_strdup (words);
  if (bmc->keeper->inventory != NULL)
    inventory_set_state (bmc->keeper->inventory, bmc->id, (IpmidBmcState) state, words, bmc->since);
  if (words == NULL || words[0] == '\0')
    log_line (level, &context, "%s", state_word (state));
  else
    log_line (level, &context, "%s: %s", state_word (state), words);
}

/* ----------------------------------------------------------- handing over BMCs */

static void resolve_bmc (KeeperBmc *bmc);

static gboolean
on_resolve_timer (gpointer data)
{
  KeeperBmc *bmc = data;

  bmc->resolve_timer = 0;
  resolve_bmc (bmc);
  return G_SOURCE_REMOVE;
}

static void
on_resolved (const char *const *addresses, const GError *error, gpointer data)
{
  KeeperBmc *bmc = data;

  bmc->resolving = NULL;
  if (addresses != NULL)
    {
      bmc->resolve_failures = 0;
      bmc->added = TRUE;
      GVariant *settings = connection_to_settings (bmc->connection, bmc->name, addresses);
      if (bmc->keeper->sdr_cache != NULL)
        settings = sdr_cache_add_settings (bmc->keeper->sdr_cache, bmc->id, settings);
      g_strfreev (bmc->addresses);
      bmc->addresses = g_strdupv ((char **) addresses);
      keeper_send (bmc->keeper, FRAME_ADD, g_variant_new ("(u@a{sv})", (guint32) bmc->id, settings));
      return;
    }
  keeper_set_state (bmc, FRAME_STATE_DOWN, error->message);
  guint pause = MIN (1u << MIN (bmc->resolve_failures, 6), RESOLVE_PAUSE_MAX);
  bmc->resolve_failures++;
  bmc->resolve_timer = g_timeout_add_seconds (pause, on_resolve_timer, bmc);
}

static void
resolve_bmc (KeeperBmc *bmc)
{
  bmc->resolving = resolve_connection (bmc->connection, on_resolved, bmc);
}

static void
forget_bmc (KeeperBmc *bmc)
{
  g_clear_pointer (&bmc->resolving, resolve_cancel);
  g_clear_handle_id (&bmc->resolve_timer, g_source_remove);
  bmc->added = FALSE;
  g_clear_pointer (&bmc->up_words, g_free);
}

static void
hand_over_bmcs (Keeper *keeper)
{
  GHashTableIter iter;
  gpointer bmc;

  keeper->outstanding = CREDIT_WINDOW;
  keeper_send (keeper, FRAME_CREDIT, g_variant_new ("(u)", CREDIT_WINDOW));
  g_hash_table_iter_init (&iter, keeper->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &bmc))
    resolve_bmc (bmc);
}

/* ----------------------------------------------------------------- the process */

static void
lose_bmcs (Keeper *keeper)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, keeper->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      KeeperBmc *bmc = value;
      forget_bmc (bmc);
      if (!keeper->stopping)
        keeper_set_state (bmc, FRAME_STATE_CONNECTING, "the collector is being started again");
    }
  keeper->on_deleted (0, FRAME_DELETE_UNAVAILABLE, "the collector has ended", keeper->user_data);
}

static void
finish_if_stopped (Keeper *keeper)
{
  void (*stopped) (gpointer) = keeper->stopped;

  if (stopped == NULL || keeper->pid != 0 || keeper->channel != NULL)
    return;
  keeper->stopped = NULL;
  g_clear_handle_id (&keeper->kill_timer, g_source_remove);
  stopped (keeper->stopped_data);
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
  gboolean early = g_get_monotonic_time () - keeper->started < RAN_WELL;
  keeper->failures = early ? keeper->failures + 1 : 0;
  guint pause = keeper->failures <= 1 ? 0 : MIN (100u << MIN (keeper->failures, 12), RESTART_PAUSE_MAX);
  g_clear_handle_id (&keeper->kill_timer, g_source_remove);
  keeper->restart_timer = g_timeout_add (pause, on_restart_timer, keeper);
}

static void
on_child_ended (GPid pid, int status, gpointer data)
{
  Keeper *keeper = data;

  keeper->child_watch = 0;
  keeper->pid = 0;
  g_spawn_close_pid (pid);
  if (WIFSIGNALED (status))
    log_line (keeper->stopping ? IPMID_LOG_NOTICE : IPMID_LOG_ERROR, NULL, "the collector was ended by signal %d (%s)",
              WTERMSIG (status), g_strsignal (WTERMSIG (status)));
  else if (!keeper->stopping)
    log_line (IPMID_LOG_ERROR, NULL, "the collector has ended with status %d", WEXITSTATUS (status));
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
  if (keeper->pid != 0 && !keeper->stopping)
    kill (keeper->pid, SIGKILL);
  lose_bmcs (keeper);
  collector_is_gone (keeper);
}

void
keeper_break (Keeper *keeper, const char *why)
{
  log_line (IPMID_LOG_ERROR, NULL, "the collector does not keep to the protocol: %s", why);
  keeper->broken = TRUE;
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

/* The program with its end of the socket as descriptor 3. */
static gboolean
spawn (Keeper *keeper, int socket_fd, GError **error)
{
  const char *arguments[] = { keeper->program, NULL };
  const int target_fd = 3;
  g_auto (GStrv) environment = make_environment ();

  return g_spawn_async_with_pipes_and_fds ("/", arguments, (const char *const *) environment,
                                           G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDIN_FROM_DEV_NULL, NULL, NULL, -1, -1,
                                           -1, &socket_fd, &target_fd, 1, &keeper->pid, NULL, NULL, NULL, error);
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
  gboolean good = spawn (keeper, ends[1], error);
  close (ends[1]);
  if (!good)
    {
      close (ends[0]);
      g_prefix_error (error, "cannot start the collector %s: ", keeper->program);
      return FALSE;
    }
  keeper->started = g_get_monotonic_time ();
  keeper->broken = FALSE;
  keeper->unanswered = 0;
  keeper->child_watch = g_child_watch_add (keeper->pid, on_child_ended, keeper);
  keeper->channel = channel_new (ends[0], NULL, keeper_on_frame, on_channel_closed, keeper);
  hand_over_bmcs (keeper);
  return TRUE;
}

/* Counted in turns of this timer and not in time: after a stop of both
 * processes the collector gets its chance to answer. */
static gboolean
on_ping_timer (gpointer data)
{
  Keeper *keeper = data;

  if (keeper->channel == NULL || keeper->pid == 0)
    return G_SOURCE_CONTINUE;
  if (keeper->unanswered >= PINGS_UNANSWERED)
    {
      log_line (IPMID_LOG_ERROR, NULL, "the collector does not answer any more: killed, to be started again");
      kill (keeper->pid, SIGKILL);
      return G_SOURCE_CONTINUE;
    }
  keeper->unanswered++;
  keeper_send (keeper, FRAME_PING, g_variant_new ("()"));
  return G_SOURCE_CONTINUE;
}

gboolean
keeper_start (Keeper *keeper, GError **error)
{
  keeper->ping_timer = g_timeout_add_seconds (PING_INTERVAL, on_ping_timer, keeper);
  return start_collector (keeper, error);
}

gboolean
keeper_delete (Keeper *keeper, guint64 token, gint64 id, const LedgerIntent *intent, FrameDeleteFlags flags)
{
  KeeperBmc *bmc = g_hash_table_lookup (keeper->bmcs, &id);

  if (bmc == NULL || bmc->state != FRAME_STATE_UP || keeper->channel == NULL)
    return FALSE;
  GVariant *record = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, intent->record, STORE_RECORD_SIZE, 1);
  GVariant *predecessor = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, intent->predecessor,
                                                     intent->has_predecessor ? STORE_RECORD_SIZE : 0, 1);
  keeper_send (keeper, FRAME_DELETE,
               g_variant_new ("(ut@ay@ayu)", (guint32) id, token, record, predecessor, (guint32) flags));
  return TRUE;
}

gint64
keeper_find_address (Keeper *keeper, const char *address)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, keeper->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const KeeperBmc *bmc = value;
      if (bmc->addresses != NULL && g_strv_contains ((const char *const *) bmc->addresses, address))
        return bmc->id;
    }
  return 0;
}

void
keeper_poll (Keeper *keeper, gint64 id)
{
  const KeeperBmc *bmc = g_hash_table_lookup (keeper->bmcs, &id);

  if (bmc != NULL && bmc->state == FRAME_STATE_UP)
    keeper_send (keeper, FRAME_POLL, g_variant_new ("(u)", (guint32) id));
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

void
keeper_stop (Keeper *keeper, void (*done) (gpointer), gpointer user_data)
{
  keeper->stopping = TRUE;
  keeper->stopped = done;
  keeper->stopped_data = user_data;
  g_clear_handle_id (&keeper->restart_timer, g_source_remove);
  g_clear_handle_id (&keeper->ping_timer, g_source_remove);
  if (keeper->pid != 0)
    keeper->kill_timer = g_timeout_add (STOP_PATIENCE, on_patience_ended, keeper);
  keeper_send (keeper, FRAME_SHUTDOWN, g_variant_new ("()"));
  finish_if_stopped (keeper);
}

void
keeper_summarize (Keeper *keeper, GString *out)
{
  guint n[FRAME_STATE_REFUSED + 1] = { 0 };
  guint64 records = 0;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, keeper->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      n[((const KeeperBmc *) value)->state]++;
      records += ((const KeeperBmc *) value)->records;
    }
  guint all = g_hash_table_size (keeper->bmcs);
  g_string_append_printf (out, "%u BMC%s: %u up", all, all == 1 ? "" : "s", n[FRAME_STATE_UP]);
  for (FrameState state = 0; state < G_N_ELEMENTS (n); state++)
    if (state != FRAME_STATE_UP && n[state] > 0)
      g_string_append_printf (out, ", %u %s", n[state], state_word (state));
  g_string_append_printf (out, "; %" G_GUINT64_FORMAT " records read", records);
}

static void
append_time (GString *out, const char *label, gint64 time)
{
  g_autoptr (GDateTime) moment = g_date_time_new_from_unix_utc (time / G_USEC_PER_SEC);
  g_autofree char *text = moment == NULL ? NULL : g_date_time_format_iso8601 (moment);

  g_string_append_printf (out, "%s%s\n", label, time == 0 || text == NULL ? "none" : text);
}

void
keeper_describe (Keeper *keeper, GString *out)
{
  GHashTableIter iter;
  gpointer value;

  g_string_append_printf (out, "collector: %s\n", keeper->pid == 0 ? "not running" : "running");
  g_hash_table_iter_init (&iter, keeper->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const KeeperBmc *bmc = value;
      g_autofree char *address = connection_describe (bmc->connection);
      g_string_append_printf (out, "bmc: %s\n  address: %s\n  connection: %s%s%s\n", bmc->name, address,
                              state_word (bmc->state), bmc->words == NULL || bmc->words[0] == '\0' ? "" : ": ",
                              bmc->words == NULL ? "" : bmc->words);
      append_time (out, "  since: ", bmc->since);
      append_time (out, "  last event: ", bmc->last_event);
      g_string_append_printf (out, "  records read: %" G_GUINT64_FORMAT "\n", bmc->records);
      if (bmc->sel_known)
        g_string_append_printf (out, "  sel: %u entries, %u bytes free%s\n", bmc->sel_entries, bmc->sel_free,
                                bmc->sel_overflow ? ", has overflowed" : "");
      if (keeper->inventory != NULL)
        inventory_describe (keeper->inventory, bmc->id, out);
    }
}
