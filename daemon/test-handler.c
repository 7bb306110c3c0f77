/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-handler.c - see test-handler.h.
 *
 * The handler runs as in the daemon: a worker's thread, a journal, a schedule.
 * Only what would keep the event from it is left out: its filter, quiet time
 * and silence, and the time for which a batch waits to grow.  A drain ends the worker
 * as soon as the one event is handled, rejected, or parked until it would be
 * tried again; then the journal's counts say which of them it was.
 */
#include "test-handler.h"

#include "configure.h"
#include "core/handler.h"
#include "core/log.h"
#include "core/options.h"
#include "core/plugin.h"
#include "daemonize.h"
#include "event/event.h"

#include <string.h>
#include <sysexits.h>

#define BMC_NAME "ipmid-test"
#define JOURNAL_SIZE_LIMIT (G_GINT64_CONSTANT (64) << 20)

/* The fallback of the key `timeout` of every handler. */
#define TIMEOUT_FALLBACK G_TIME_SPAN_MINUTE
/* So long after its time limit it is asked to give up, and again so long after
 * that it is given up itself. */
#define PATIENCE (5 * G_TIME_SPAN_SECOND)

typedef struct
{
  const HandlerConfig *config; /* as the user wrote it */
  CoreConfig *bare;            /* the same without what would keep the event from it */
  GMainLoop *loop;
  Journal *journal;
  Handler *handler;
  gint64 bmc;
  guint timer;
  gboolean stuck; /* the plugin does not come back: nothing can be freed */
} Test;

/* -------------------------------------------------------------- configuration */

static const HandlerConfig *
find_handler (const CoreConfig *config, const char *name)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < config->handlers->len; i++)
    {
      const HandlerConfig *handler = config->handlers->pdata[i];

      if (g_str_equal (handler->name, name))
        return handler;
      g_ptr_array_add (names, handler->name);
    }
  g_ptr_array_add (names, NULL);
  const char *nearest = options_nearest_word ((const char *const *) names->pdata, name);
  g_autofree char *message = g_strdup_printf ("there is no [handler %s] in the configuration%s%s%s", name,
                                              nearest != NULL ? "; did you mean \"" : "",
                                              nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
  daemonize_complain (message);
  return NULL;
}

static gboolean
keeps_event_away (const char *key)
{
  static const char *const keys[]
      = { "kinds", "severity", "bmcs",     "labels",   "sensors", "sensor-types", "direction", "existing",
          "quiet", "silence",  "recovery", "quiet-by", "linger",  "attempts",     NULL };

  return g_strv_contains (keys, key);
}

static const HandlerConfig *
bare_config (Test *test)
{
  HandlerConfig *bare;

  bare = core_config_add_handler (test->bare, test->config->name, test->config->plugin);
  bare->place = g_strdup (test->config->place);
  for (guint i = 0; i < test->config->entries->len; i++)
    {
      const ConfigEntry *entry = test->config->entries->pdata[i];

      if (!keeps_event_away (entry->key))
        handler_config_set (bare, entry->key, entry->value, entry->place);
    }
  return bare;
}

static gint64
time_limit (const HandlerConfig *config)
{
  gint64 limit = TIMEOUT_FALLBACK;

  for (guint i = 0; i < config->entries->len; i++)
    {
      const ConfigEntry *entry = config->entries->pdata[i];

      if (g_str_equal (entry->key, "timeout"))
        options_parse_duration (entry->value, &limit, NULL);
    }
  return limit;
}

/* ------------------------------------------------------------------ the event */

/* As if a threshold was crossed, because every format has words for that; and
 * critical, so that it goes to everybody whom the handler may ever call. */
static IpmidEvent *
make_event (const char *handler)
{
  IpmidEvent *event = event_new ();
  g_autofree char *text
      = g_strdup_printf ("TEST of the handler \"%s\" of ipmid: nothing is wrong, nobody has to do anything", handler);

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_THRESHOLD);
  event_set_integer (event, IPMID_FIELD_TIME, g_get_real_time () / G_USEC_PER_SEC * 1000000000);
  event_set_integer (event, IPMID_FIELD_ASSERT, TRUE);
  event_set_integer (event, IPMID_FIELD_SEVERITY, IPMID_SEVERITY_CRITICAL);
  event_set_string (event, IPMID_FIELD_TEXT, text);
  event_set_string (event, IPMID_FIELD_SENSOR, "TEST");
  event_set_string (event, IPMID_FIELD_SENSOR_ID, "7.1.TEST");
  event_set_string (event, IPMID_FIELD_SENSOR_TYPE, "Temperature");
  event_set_string (event, IPMID_FIELD_ENTITY, "system board 1");
  event_set_integer (event, IPMID_FIELD_THRESHOLD, IPMID_THRESHOLD_UPPER_CRITICAL);
  event_set_integer (event, IPMID_FIELD_DIRECTION, IPMID_DIRECTION_HIGH);
  event_set_double (event, IPMID_FIELD_VALUE, 97);
  event_set_double (event, IPMID_FIELD_LIMIT, 95);
  event_set_string (event, IPMID_FIELD_UNIT, "°C");
  event_set_string (event, IPMID_FIELD_STATE, "upper critical");
  return event;
}

static gboolean
take_in (Ledger *ledger, gpointer data, GError **error)
{
  const Test *test = data;
  g_autoptr (IpmidEvent) event = make_event (test->config->name);

  return ledger_own_event (ledger, test->bmc, event, error);
}

/* ------------------------------------------------------------ the handler's life */

static void
on_stop_wanted (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED int exit_status, const char *message)
{
  log_line (IPMID_LOG_WARNING, NULL, "it would end ipmid: %s", message);
}

static gboolean
quit (gpointer data)
{
  g_main_loop_quit (((Test *) data)->loop);
  return G_SOURCE_REMOVE;
}

/* The worker's thread. */
static void
on_ended (gpointer user_data, G_GNUC_UNUSED Handler *handler)
{
  g_idle_add (quit, user_data);
}

/* Of a journal in memory this is no disk's fault. */
static void
on_journal_failed (const GError *error, G_GNUC_UNUSED gpointer user_data)
{
  log_line (IPMID_LOG_ERROR, NULL, "%s", error->message);
}

static gboolean
on_does_not_come_back (gpointer data)
{
  Test *test = data;

  test->timer = 0;
  test->stuck = TRUE;
  g_main_loop_quit (test->loop);
  return G_SOURCE_REMOVE;
}

static gboolean
on_too_late (gpointer data)
{
  Test *test = data;

  handler_cancel (test->handler);
  test->timer = g_timeout_add (PATIENCE / 1000, on_does_not_come_back, test);
  return G_SOURCE_REMOVE;
}

static gboolean
start (Test *test, const char *plugin_dir, GError **error)
{
  const JournalOptions options = { .limits = { JOURNAL_SIZE_LIMIT, 0 }, .on_failed = on_journal_failed };
  const HandlerHooks hooks = { .stop = on_stop_wanted, .ended = on_ended, .user_data = test };

  test->handler = handler_new (bare_config (test), plugin_dir, &hooks, error);
  if (test->handler == NULL)
    return FALSE;
  test->journal = journal_open (&options, error);
  if (test->journal == NULL || !handler_register (test->handler, journal_ledger (test->journal), error))
    return FALSE;
  test->bmc = ledger_add_bmc (journal_ledger (test->journal), BMC_NAME, NULL, error);
  return test->bmc != 0 && journal_start (test->journal, error) && handler_start (test->handler, test->journal, error);
}

static gboolean
count (Ledger *ledger, gpointer data, G_GNUC_UNUSED GError **error)
{
  gpointer *arguments = data;

  ledger_counts (ledger, handler_id (arguments[0]), arguments[1]);
  return TRUE;
}

/* Says what became of the event. */
static int
conclude (Test *test)
{
  g_autofree char *who = g_strdup_printf ("handler \"%s\" (%s)", test->config->name, test->config->plugin);
  LedgerCounts counts = { 0 };
  HandlerStatus status;

  if (test->stuck)
    {
      printf ("%s: FAILED: it does not come back from its call\n", who);
      return EX_TEMPFAIL;
    }
  journal_run (test->journal, JOURNAL_LOOK_UP, count, (gpointer[]){ test->handler, &counts });
  handler_get_status (test->handler, &status);
  g_autofree char *reason = status.last_error != NULL ? status.last_error : g_strdup ("it did not try");
  if (counts.dead > 0)
    printf ("%s: REJECTED, such an event would become a dead letter: %s\n", who, reason);
  else if (counts.pending > 0)
    printf ("%s: FAILED, such an event would be tried again: %s\n", who, reason);
  else
    printf ("%s: good, the test event was handled\n", who);
  return counts.dead > 0 ? EX_UNAVAILABLE : counts.pending > 0 ? EX_TEMPFAIL : EX_OK;
}

static int
run (Test *test)
{
  gint64 patience = time_limit (test->config) + PATIENCE;

  if (!journal_run (test->journal, JOURNAL_INTAKE, take_in, test))
    return EX_SOFTWARE; /* on_journal_failed() has said why */
  handler_stop (test->handler, TRUE);
  test->timer = g_timeout_add ((guint) (patience / 1000), on_too_late, test);
  g_main_loop_run (test->loop);
  g_clear_handle_id (&test->timer, g_source_remove);
  return conclude (test);
}

static void
free_test (Test *test)
{
  if (test->stuck)
    return; /* the thread that does not come back may still look at it */
  if (test->handler != NULL)
    {
      handler_stop (test->handler, FALSE);
      handler_join (test->handler);
    }
  if (test->journal != NULL)
    journal_close (test->journal);
  g_clear_pointer (&test->handler, handler_free);
  core_config_unref (test->bare);
  g_main_loop_unref (test->loop);
  g_free (test);
}

/* A finalizer acts on what others have handled: there is nothing to try. */
static gboolean
can_be_tested (const HandlerConfig *config, const char *plugin_dir)
{
  g_autoptr (Plugin) plugin = plugin_load (plugin_dir, config->plugin, NULL);
  g_autofree char *message = NULL;

  if (plugin == NULL || (plugin_descriptor (plugin)->flags & IPMID_PLUGIN_FINALIZER) == 0)
    return TRUE;
  message = g_strdup_printf ("the handler \"%s\" (%s) acts on records that others have handled: a test event is none",
                             config->name, config->plugin);
  daemonize_complain (message);
  return FALSE;
}

static int
try_handler (const HandlerConfig *config, const char *plugin_dir)
{
  Test *test = g_new0 (Test, 1);
  g_autoptr (GError) error = NULL;
  int exit_status = EX_UNAVAILABLE;

  test->config = config;
  test->bare = core_config_new ();
  test->loop = g_main_loop_new (NULL, FALSE);
  if (start (test, plugin_dir, &error))
    exit_status = run (test);
  else
    daemonize_complain (error->message);
  free_test (test);
  return exit_status;
}

int
test_handler (Cmdline *cmdline)
{
  g_autoptr (ConfigReport) report = config_report_new ();
  g_autoptr (CoreConfig) config = NULL;
  const HandlerConfig *handler;
  int exit_status;

  config = configure_load (cmdline, report, &exit_status);
  if (config == NULL)
    return exit_status;
  handler = find_handler (config, cmdline->test_handler);
  if (handler == NULL || !can_be_tested (handler, config->plugin_dir))
    return EX_USAGE;
  log_init (LOG_TARGET_STDERR, cmdline->debug ? IPMID_LOG_DEBUG : IPMID_LOG_NOTICE);
  daemonize_ignore_pipes ();
  return try_handler (handler, config->plugin_dir);
}
