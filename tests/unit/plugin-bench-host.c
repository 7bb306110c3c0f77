/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin-bench-host.c - see plugin-bench-host.h. */
#include "plugin-bench-host.h"

#include <event/render.h>

#include <fcntl.h>
#include <glib/gstdio.h>
#include <gmodule.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* --------------------------------------------------------------- the table */

static BenchHost *
bench_of (IpmidHost *host)
{
  return (BenchHost *) host;
}

static void
on_log (IpmidHost *host, IpmidLogLevel level, G_GNUC_UNUSED const IpmidEvent *event, const char *message)
{
  BenchHost *bench = bench_of (host);

  g_mutex_lock (&bench->mutex);
  g_string_append_printf (bench->log, "%d %s\n", level, message);
  g_mutex_unlock (&bench->mutex);
}

static guint64 *
copy_of (guint64 token)
{
  return g_memdup2 (&token, sizeof token);
}

static void
on_reason (IpmidHost *host, guint64 token, const char *message)
{
  BenchHost *bench = bench_of (host);

  g_mutex_lock (&bench->mutex);
  g_hash_table_insert (bench->reasons, copy_of (token), g_strdup (message));
  g_mutex_unlock (&bench->mutex);
}

static void
on_answer (IpmidHost *host, guint64 token, IpmidVerdict verdict, const char *message)
{
  BenchHost *bench = bench_of (host);

  g_mutex_lock (&bench->mutex);
  g_assert_false (g_hash_table_contains (bench->answers, &token));
  g_hash_table_insert (bench->answers, copy_of (token), GINT_TO_POINTER (verdict));
  if (message != NULL)
    g_hash_table_insert (bench->reasons, copy_of (token), g_strdup (message));
  bench->n_answers++;
  g_mutex_unlock (&bench->mutex);
}

static void
on_stop (IpmidHost *host, int exit_status, const char *message)
{
  BenchHost *bench = bench_of (host);

  g_assert_cmpint (bench->stop_status, ==, -1);
  bench->stop_status = exit_status;
  bench->stop_message = g_strdup (message);
}

static const char *
field_name (IpmidField field)
{
  return event_field (field)->name;
}

static void
on_delete_record (IpmidHost *host, IpmidEvent *event, IpmidDeleteFlags flags, IpmidDeleteCallback callback,
                  gpointer user_data)
{
  BenchHost *bench = bench_of (host);

  bench->on_delete (event, flags, callback, user_data, bench->on_delete_data);
}

static void
on_want_readings (IpmidHost *host, gboolean wanted)
{
  bench_of (host)->wants_readings = wanted;
}

static void
on_pause (IpmidHost *host, gint64 duration)
{
  BenchHost *bench = bench_of (host);

  g_mutex_lock (&bench->mutex);
  bench->pause = duration;
  g_mutex_unlock (&bench->mutex);
}

static const char *
on_state_dir (IpmidHost *host)
{
  return bench_of (host)->state_dir;
}

static gboolean
on_offer (IpmidHost *host, G_GNUC_UNUSED const char *name, const void *table)
{
  bench_of (host)->offered = table;
  return TRUE;
}

static void
on_withdraw (IpmidHost *host, G_GNUC_UNUSED const char *name)
{
  bench_of (host)->offered = NULL;
}

static const void *
on_lookup (IpmidHost *host, G_GNUC_UNUSED const char *name)
{
  return bench_of (host)->offered;
}

static void
on_release (G_GNUC_UNUSED IpmidHost *host, G_GNUC_UNUSED const char *name)
{
}

static const IpmidHostApi api = {
  .size = sizeof (IpmidHostApi),
  .log = on_log,
  .reason = on_reason,
  .answer = on_answer,
  .stop = on_stop,
  .event_ref = event_ref,
  .event_unref = event_unref,
  .event_has = event_has,
  .event_integer = event_integer,
  .event_double = event_double,
  .event_string = event_string,
  .event_bytes = event_bytes,
  .event_to_text = render_field,
  .event_render = render_event,
  .event_arguments = render_arguments,
  .field_name = field_name,
  .delete_record = on_delete_record,
  .reading_render = render_reading,
  .want_readings = on_want_readings,
  .state_dir = on_state_dir,
  .offer = on_offer,
  .withdraw = on_withdraw,
  .lookup = on_lookup,
  .release = on_release,
  .pause = on_pause,
};

/* ----------------------------------------------------------------- options */

static gint64
parse_duration (const char *text)
{
  char *unit;
  gint64 number = g_ascii_strtoll (text, &unit, 10);

  if (strcmp (unit, "ms") == 0)
    return number * G_TIME_SPAN_MILLISECOND;
  if (strcmp (unit, "d") == 0)
    return number * G_TIME_SPAN_DAY;
  g_assert_true (strcmp (unit, "s") == 0 || strcmp (text, "0") == 0);
  return number * G_TIME_SPAN_SECOND;
}

static int
parse_choice (const IpmidOption *option, const char *text)
{
  for (int i = 0; option->choices[i] != NULL; i++)
    if (strcmp (option->choices[i], text) == 0)
      return i;
  g_error ("%s = %s is no choice", option->key, text);
}

static void
store (const IpmidOption *option, gpointer state, const char *text)
{
  gpointer member = G_STRUCT_MEMBER_P (state, option->offset);

  switch (option->type)
    {
    case IPMID_OPTION_BOOLEAN:
      *(gboolean *) member = strcmp (text, "yes") == 0;
      break;
    case IPMID_OPTION_DURATION:
      *(gint64 *) member = parse_duration (text);
      break;
    case IPMID_OPTION_INTEGER:
    case IPMID_OPTION_SIZE:
      *(gint64 *) member = g_ascii_strtoll (text, NULL, 10);
      break;
    case IPMID_OPTION_CHOICE:
      *(int *) member = parse_choice (option, text);
      break;
    case IPMID_OPTION_LIST:
      g_strfreev (*(char ***) member);
      *(char ***) member = g_strsplit (text, ";", -1);
      break;
    default:
      g_free (*(char **) member);
      *(char **) member = g_strdup (text);
    }
}

static void
release (const IpmidOption *option, gpointer state)
{
  gpointer member = G_STRUCT_MEMBER_P (state, option->offset);

  if (option->type == IPMID_OPTION_LIST)
    g_strfreev (*(char ***) member);
  else if (option->type == IPMID_OPTION_STRING || option->type == IPMID_OPTION_PATH
           || option->type == IPMID_OPTION_SECRET)
    g_free (*(char **) member);
}

void
bench_host_set (BenchHost *bench, const char *key, const char *value)
{
  for (const IpmidOption *option = bench->plugin->options; option->key != NULL; option++)
    if (strcmp (option->key, key) == 0)
      {
        store (option, bench->state, value);
        return;
      }
  g_error ("%s has no option %s", bench->plugin->name, key);
}

/* --------------------------------------------------------------- the bench */

static void
load (BenchHost *bench, const char *plugin)
{
  const char *directory = g_getenv ("IPMID_TEST_PLUGIN_DIR");
  g_autofree char *relative = g_strconcat (directory != NULL ? directory : ".libs", "/", plugin, ".so", NULL);
  g_autofree char *path = g_canonicalize_filename (relative, NULL);
  gpointer symbol = NULL;

  bench->module = g_module_open (path, G_MODULE_BIND_LOCAL);
  if (bench->module == NULL || !g_module_symbol (bench->module, IPMID_PLUGIN_SYMBOL, &symbol))
    g_error ("%s", g_module_error ());
  bench->plugin = symbol;
  g_assert_cmpuint (bench->plugin->abi_major, ==, IPMID_PLUGIN_ABI_MAJOR);
  g_assert_cmpuint (bench->plugin->size, ==, sizeof (IpmidPlugin));
  g_assert_cmpstr (bench->plugin->name, ==, plugin);
}

BenchHost *
bench_host_new (const char *plugin)
{
  BenchHost *bench = g_new0 (BenchHost, 1);

  bench->wants_readings = TRUE;
  signal (SIGPIPE, SIG_IGN); /* as the core does */
  load (bench, plugin);
  bench->host.api = &api;
  g_mutex_init (&bench->mutex);
  bench->log = g_string_new (NULL);
  bench->reasons = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  bench->answers = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  bench->stop_status = -1;
  bench->patience = 60 * G_TIME_SPAN_SECOND;
  g_assert_cmpint (pipe2 (bench->cancel, O_CLOEXEC | O_NONBLOCK), ==, 0);
  bench->state = g_malloc0 (bench->plugin->state_size);
  for (const IpmidOption *option = bench->plugin->options; option->key != NULL; option++)
    if (option->fallback != NULL)
      store (option, bench->state, option->fallback);
  return bench;
}

void
bench_host_free (BenchHost *bench)
{
  for (const IpmidOption *option = bench->plugin->options; option->key != NULL; option++)
    release (option, bench->state);
  g_free (bench->state);
  g_module_close (bench->module);
  g_string_free (bench->log, TRUE);
  g_hash_table_unref (bench->reasons);
  g_hash_table_unref (bench->answers);
  g_mutex_clear (&bench->mutex);
  g_free (bench->stop_message);
  close (bench->cancel[0]);
  close (bench->cancel[1]);
  g_free (bench);
}

gboolean
bench_host_check (BenchHost *bench, GError **error)
{
  return bench->plugin->check == NULL || bench->plugin->check (bench->state, error);
}

gboolean
bench_host_open (BenchHost *bench, GError **error)
{
  return bench->plugin->open (bench->state, &bench->host, error);
}

void
bench_host_close (BenchHost *bench)
{
  bench->plugin->close (bench->state);
}

guint64
bench_host_deliver (BenchHost *bench, IpmidEvent *const *events, guint n_events, IpmidVerdict *verdicts)
{
  g_autofree guint64 *tokens = g_new (guint64, n_events);
  g_autofree guint *attempts = g_new (guint, n_events);
  guint64 first = bench->next_token + 1;
  IpmidBatch batch = { .size = sizeof batch,
                       .n_events = n_events,
                       .events = events,
                       .tokens = tokens,
                       .attempts = attempts,
                       .deadline = g_get_monotonic_time () + bench->patience,
                       .cancel_fd = bench->cancel[0] };

  for (guint i = 0; i < n_events; i++)
    {
      tokens[i] = ++bench->next_token;
      attempts[i] = 1;
      verdicts[i] = IPMID_VERDICT_NONE;
    }
  bench->plugin->deliver (bench->state, &batch, verdicts);
  return first;
}

IpmidVerdict
bench_host_deliver_one (BenchHost *bench, IpmidEvent *event)
{
  IpmidVerdict verdict;

  bench_host_deliver (bench, &event, 1, &verdict);
  return verdict;
}

const char *
bench_host_reason (BenchHost *bench, guint64 token)
{
  if (token == 0)
    token = bench->next_token;
  return g_hash_table_lookup (bench->reasons, &token);
}

IpmidIdle
bench_host_idle (BenchHost *bench)
{
  IpmidIdle idle = { sizeof idle, -1, -1 };

  bench->plugin->idle (bench->state, &idle);
  return idle;
}

void
bench_host_cancel (BenchHost *bench)
{
  g_assert_cmpint (write (bench->cancel[1], "", 1), ==, 1);
}

/* ------------------------------------------------------------------ helpers */

IpmidEvent *
bench_event (const char *bmc, guint number)
{
  guint8 raw[16] = {
    (guint8) number, (guint8) (number >> 8), 2, 0x10, 0x20, 0x30, 0x40, 0x20, 0, 4, 1, 0x30, 1, 0x59, 0x61, 0x5f
  };
  g_autofree char *id = g_strdup_printf ("%s/1700000000/%u", bmc, number);
  IpmidEvent *event = event_new ();

  event_set_string (event, IPMID_FIELD_ID, id);
  event_set_string (event, IPMID_FIELD_BMC, bmc);
  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_THRESHOLD);
  event_set_integer (event, IPMID_FIELD_TIME, G_GINT64_CONSTANT (1076895760) * 1000000000);
  event_set_integer (event, IPMID_FIELD_RECEIVED, G_GINT64_CONSTANT (1700000000123456) * 1000);
  event_set_integer (event, IPMID_FIELD_RECORD_ID, number);
  event_set_integer (event, IPMID_FIELD_RECORD_TYPE, 2);
  event_set_integer (event, IPMID_FIELD_ASSERT, TRUE);
  event_set_integer (event, IPMID_FIELD_SEVERITY, IPMID_SEVERITY_CRITICAL);
  event_set_string (event, IPMID_FIELD_TEXT,
                    "CPU1 Temp: upper critical going high, 97 > 95 \xc2\xb0"
                    "C");
  event_set_string (event, IPMID_FIELD_SENSOR, "CPU1 Temp");
  event_set_string (event, IPMID_FIELD_SENSOR_TYPE, "Temperature");
  event_set_string (event, IPMID_FIELD_ENTITY, "processor 1");
  event_set_integer (event, IPMID_FIELD_OFFSET, 9);
  event_set_integer (event, IPMID_FIELD_THRESHOLD, IPMID_THRESHOLD_UPPER_CRITICAL);
  event_set_integer (event, IPMID_FIELD_DIRECTION, IPMID_DIRECTION_HIGH);
  event_set_double (event, IPMID_FIELD_VALUE, 97.0);
  event_set_string (event, IPMID_FIELD_UNIT,
                    "\xc2\xb0"
                    "C");
  event_set_double (event, IPMID_FIELD_LIMIT, 95.0);
  event_set_integer (event, IPMID_FIELD_EXISTING, FALSE);
  event_set_bytes (event, IPMID_FIELD_RAW, raw, sizeof raw);
  event_set_string (event, IPMID_FIELD_SENSOR_ID, "3.1.CPU1 Temp");
  event_set_integer (event, IPMID_FIELD_RAW_VALUE, 0x61);
  return event;
}

guint
bench_count_descriptors (void)
{
  g_autoptr (GDir) directory = g_dir_open ("/proc/self/fd", 0, NULL);
  guint count = 0;

  while (g_dir_read_name (directory) != NULL)
    count++;
  return count;
}

void
bench_wait_for (BenchCondition condition, gconstpointer data, const char *what)
{
  const char *scale = g_getenv ("IPMID_TEST_TIMESCALE");
  double factor = scale != NULL ? g_ascii_strtod (scale, NULL) : 1.0;
  gint64 deadline = g_get_monotonic_time () + (gint64) (10.0 * factor * G_TIME_SPAN_SECOND);

  while (!condition (data))
    {
      if (g_get_monotonic_time () > deadline)
        g_error ("gave up waiting for %s", what);
      g_usleep (2000);
    }
}

char
bench_process_state (int pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *stat = NULL;
  const char *name_end;

  if (!g_file_get_contents (path, &stat, NULL, NULL))
    return 'X';
  name_end = strrchr (stat, ')');
  return name_end != NULL ? name_end[2] : 'X';
}

gboolean
bench_is_alive (int pid)
{
  return strchr ("ZX", bench_process_state (pid)) == NULL;
}

static gboolean
is_dead (gconstpointer pid)
{
  return !bench_is_alive (GPOINTER_TO_INT (pid));
}

void
bench_assert_dies (int pid)
{
  bench_wait_for (is_dead, GINT_TO_POINTER (pid), "a process to die");
}

char *
bench_make_directory (void)
{
  g_autoptr (GError) error = NULL;
  char *path = g_dir_make_tmp ("ipmid-test-XXXXXX", &error);

  g_assert_no_error (error);
  return path;
}

void
bench_remove_directory (char *path)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *entry = g_build_filename (path, name, NULL);
      if (g_unlink (entry) != 0)
        g_assert_cmpint (g_rmdir (entry), ==, 0);
    }
  g_assert_cmpint (g_rmdir (path), ==, 0);
  g_free (path);
}
