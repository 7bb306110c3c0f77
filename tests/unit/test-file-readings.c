/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-file-readings.c - readings as lines of JSON, and in the file plugin's file. */
#include "plugin-bench-host.h"

#include <event/render.h>

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const no_words[] = { NULL };
static const char *const two_words[] = { "upper non-critical", "a \"quoted\" \\ state", NULL };

static IpmidReading
reading_of (const char *sensor, double value)
{
  return (IpmidReading){ .size = sizeof (IpmidReading),
                         .bmc = "b1",
                         .sensor = sensor,
                         .sensor_id = "3.1.CPU1 Temp",
                         .sensor_type = "Temperature",
                         .entity = "processor 1",
                         .unit = "\302\260C",
                         .time = G_GINT64_CONSTANT (1700000000123456000),
                         .available = TRUE,
                         .has_value = TRUE,
                         .value = value,
                         .state_words = no_words,
                         .severity = IPMID_SEVERITY_OK };
}

static void
assert_line (const IpmidReading *reading, const char *expected)
{
  g_autoptr (GString) out = g_string_new ("before\n");
  json_error_t error;

  g_assert_true (render_reading (reading, out));
  g_assert_cmpstr (out->str, ==, expected);
  json_t *object = json_loads (out->str + strlen ("before\n"), JSON_REJECT_DUPLICATES, &error);
  g_assert_nonnull (object);
  json_decref (object);
}

#define HEAD                                                                                                           \
  "before\n{\"kind\":\"reading\",\"bmc\":\"b1\",\"sensor\":\"%s\",\"sensor_id\":\"3.1.CPU1 Temp\","                    \
  "\"sensor_type\":\"Temperature\",\"entity\":\"processor 1\",\"time\":\"2023-11-14T22:13:20.123456Z\","

static char *
line_of (const char *sensor, const char *rest)
{
  g_autofree char *head = g_strdup_printf (HEAD, sensor);

  return g_strconcat (head, rest, "\n", NULL);
}

static void
test_render (void)
{
  IpmidReading reading = reading_of ("CPU1 Temp", 23.4);
  g_autofree char *plain = line_of (
      "CPU1 Temp", "\"available\":true,\"value\":23.4,\"unit\":\"\302\260C\",\"states\":[],\"severity\":\"ok\"}");
  g_autofree char *discrete
      = line_of ("CPU1 Temp", "\"available\":true,\"states\":[\"upper non-critical\",\"a \\\"quoted\\\" \\\\ state\"],"
                              "\"severity\":\"warning\"}");
  g_autofree char *whole = line_of ("a\\\"b", "\"available\":true,\"value\":-40,\"states\":[],\"severity\":\"ok\"}");
  g_autofree char *lost = line_of ("CPU1 Temp", "\"available\":false,\"obstacle\":\"no answer\"}");

  assert_line (&reading, plain);
  reading.has_value = FALSE;
  reading.state_words = two_words;
  reading.severity = IPMID_SEVERITY_WARNING;
  assert_line (&reading, discrete);
  reading.available = FALSE;
  reading.obstacle = "no answer";
  assert_line (&reading, lost);
  reading = reading_of ("a\"b", -40);
  reading.unit = "";
  assert_line (&reading, whole);
}

/* ------------------------------------------------------------------ the file */

typedef struct
{
  BenchHost *bench;
  char *directory, *path;
  gboolean open;
} Fixture;

static void
set_up (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->directory = bench_make_directory ();
  fixture->path = g_build_filename (fixture->directory, "events", NULL);
  fixture->bench = bench_host_new ("file");
  bench_host_set (fixture->bench, "path", fixture->path);
  bench_host_set (fixture->bench, "readings", "yes");
}

static void
close_plugin (Fixture *fixture)
{
  if (fixture->open)
    bench_host_close (fixture->bench);
  fixture->open = FALSE;
}

static void
tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  close_plugin (fixture);
  bench_host_free (fixture->bench);
  bench_remove_directory (fixture->directory);
  g_free (fixture->path);
}

static void
open_plugin (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;

  fixture->open = bench_host_open (fixture->bench, &error);
  g_assert_no_error (error);
}

static void
hand_over (Fixture *fixture, guint n)
{
  const IpmidReading reading = reading_of ("CPU1 Temp", n);
  g_autofree const IpmidReading **pointers = g_new (const IpmidReading *, n);

  for (guint i = 0; i < n; i++)
    pointers[i] = &reading;
  const IpmidReadings readings = { sizeof readings, n, pointers, 0 };
  fixture->bench->plugin->readings (fixture->bench->state, &readings);
}

static guint
count (const char *path, const char *words)
{
  g_autofree char *text = NULL;
  guint n = 0;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  for (const char *at = text; (at = strstr (at, words)) != NULL; at++)
    n++;
  return n;
}

static void
test_append (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (IpmidEvent) event = bench_event ("b1", 1);

  open_plugin (fixture);
  g_assert_true (fixture->bench->wants_readings);
  hand_over (fixture, 3);
  g_assert_cmpint (bench_host_deliver_one (fixture->bench, event), ==, IPMID_VERDICT_DONE);
  hand_over (fixture, 200);
  g_assert_cmpuint (count (fixture->path, "\n"), ==, 204);
  g_assert_cmpuint (count (fixture->path, "{\"kind\":\"reading\""), ==, 203);
}

static void
test_not_wanted (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  bench_host_set (fixture->bench, "readings", "no");
  open_plugin (fixture);
  g_assert_false (fixture->bench->wants_readings);
}

/* A crash inside a write: every beginning of a reading is cut off, at every
 * byte where it is certain; the events before it stay. */
static void
test_torn (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GString) line = g_string_new (NULL);
  const IpmidReading reading = reading_of ("CPU1 Temp", 1);
  const char *const before = "{\"id\":\"b1/1/1\"}\n";

  render_reading (&reading, line);
  for (gsize cut = 1; cut < line->len; cut++)
    {
      g_autofree char *text = g_strdup_printf ("%s%.*s", before, (int) cut, line->str);
      g_assert_true (g_file_set_contents (fixture->path, text, -1, NULL));
      open_plugin (fixture);
      hand_over (fixture, 1);
      close_plugin (fixture);
      g_autofree char *found = NULL;
      g_assert_true (g_file_get_contents (fixture->path, &found, NULL, NULL));
      g_autofree char *expected = g_strconcat (before, line->str, NULL);
      g_assert_cmpstr (found, ==, expected);
    }
}

/* Another ipmid writes all the time: readings are left out, and said so once. */
static void
test_locked (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  open_plugin (fixture);
  int fd = open (fixture->path, O_RDWR | O_CLOEXEC);
  g_assert_cmpint (flock (fd, LOCK_EX), ==, 0);
  hand_over (fixture, 1);
  hand_over (fixture, 1);
  g_assert_cmpuint (count (fixture->path, "\n"), ==, 0);
  close (fd);
  hand_over (fixture, 1);
  hand_over (fixture, 1);
  g_assert_cmpuint (count (fixture->path, "\n"), ==, 2);
  g_auto (GStrv) log = g_strsplit (fixture->bench->log->str, "\n", -1);
  g_assert_cmpuint (g_strv_length (log), ==, 3);
  g_assert_nonnull (strstr (log[0], "readings are left out: cannot append"));
  g_assert_nonnull (strstr (log[1], "again"));
}

/* A pipe that nobody reads takes what it has room for, in whole lines, and
 * nothing waits. */
static void
test_pipe (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_cmpint (mkfifo (fixture->path, 0600), ==, 0);
  int reader = open (fixture->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  static char text[1 << 20];

  open_plugin (fixture);
  for (guint i = 0; i < 20; i++)
    hand_over (fixture, 100);
  ssize_t length = read (reader, text, sizeof text - 1);
  g_assert_cmpint (length, >, 10000);
  g_assert_cmpint (text[length - 1], ==, '\n');
  hand_over (fixture, 1);
  ssize_t more = read (reader, text, sizeof text - 1);
  g_assert_cmpint (more, >, 0);
  g_assert_true (g_str_has_prefix (text, "{\"kind\":\"reading\""));
  close (reader);
  hand_over (fixture, 1); /* nobody is there: no signal, and no wait */
}

static void
test_gone (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *old = g_strconcat (fixture->path, ".old", NULL);

  open_plugin (fixture);
  hand_over (fixture, 1);
  g_assert_cmpint (rename (fixture->path, old), ==, 0);
  hand_over (fixture, 2);
  g_assert_cmpuint (count (old, "\n"), ==, 1);
  g_assert_cmpuint (count (fixture->path, "\n"), ==, 2);
}

#define ADD(name, function) g_test_add ("/file-readings/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/file-readings/render", test_render);
  ADD ("append", test_append);
  ADD ("not-wanted", test_not_wanted);
  ADD ("torn", test_torn);
  ADD ("locked", test_locked);
  ADD ("pipe", test_pipe);
  ADD ("gone", test_gone);
  return g_test_run ();
}
