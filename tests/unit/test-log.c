/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-log.c - one line a fact, whatever is in it. */
#include "core/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What `function` writes to standard error. */
static char *
capture (void (*function) (void))
{
  int ends[2], saved = dup (STDERR_FILENO);
  char buffer[65536];
  ssize_t length;

  g_assert_cmpint (pipe (ends), ==, 0);
  g_assert_cmpint (dup2 (ends[1], STDERR_FILENO), ==, STDERR_FILENO);
  close (ends[1]);
  function ();
  g_assert_cmpint (dup2 (saved, STDERR_FILENO), ==, STDERR_FILENO);
  close (saved);
  length = read (ends[0], buffer, sizeof buffer - 1);
  close (ends[0]);
  g_assert_cmpint (length, >=, 0);
  buffer[length] = '\0';
  return g_strdup (buffer);
}

static void
assert_line (const char *line, const char *end)
{
  g_assert_true (g_str_has_prefix (line, "time=20"));
  g_assert_true (g_str_has_suffix (line, "\n"));
  g_assert_true (strchr (line, '\n') == line + strlen (line) - 1);
  if (strstr (line, end) == NULL)
    g_error ("'%s' is not in '%s'", end, line);
}

static void
log_plain (void)
{
  log_line (IPMID_LOG_INFO, NULL, "it is %d", 42);
}

static void
log_context (void)
{
  LogContext context = { .bmc = "bmc1", .handler = "file", .event = "bmc1/1/2" };

  log_line (IPMID_LOG_WARNING, &context, "up");
}

static void
log_hostile (void)
{
  LogContext context = { .bmc = "a b\"=\n", .event = "" };

  log_line (IPMID_LOG_ERROR, &context, "x\ny\r\t\x1b[31m\\\"\xff\xc2\x85\xe2\x80\xa8z\xc3\xa9");
}

static void
log_debug (void)
{
  log_line (IPMID_LOG_DEBUG, NULL, "hidden");
}

static void
log_glib (void)
{
  g_message ("from GLib\nwith a newline");
}

static void
log_long (void)
{
  g_autofree char *text = g_strnfill (100000, 'x');

  log_line (IPMID_LOG_INFO, NULL, "%s", text);
}

static void
test_lines (void)
{
  g_autofree char *plain = capture (log_plain);
  g_autofree char *context = capture (log_context);
  g_autofree char *hostile = capture (log_hostile);
  g_autofree char *glib = capture (log_glib);
  g_autofree char *long_line = capture (log_long);

  assert_line (plain, "Z level=info msg=\"it is 42\"\n");
  assert_line (context, " level=warning bmc=bmc1 handler=file event=bmc1/1/2 msg=up\n");
  assert_line (hostile, " level=error bmc=\"a b\\\"=\\n\" event=\"\" "
                        "msg=\"x\\ny\\r\\t\\x1b[31m\\\\\\\"\\xff\\xc2\\x85\\xe2\\x80\\xa8z\xc3\xa9\"\n");
  assert_line (glib, "from GLib\\nwith a newline\"\n");
  assert_line (long_line, "msg=xxxx");
  g_assert_cmpuint (strlen (long_line), <, 16384);
}

/* Every byte, alone and after another: one line, no control character. */
static void
log_every_byte (void)
{
  for (int byte = 1; byte < 256; byte++)
    {
      char text[] = { 'a', (char) byte, 'b', '\0' };

      log_line (IPMID_LOG_INFO, NULL, "%s", text);
    }
}

static void
test_bytes (void)
{
  g_autofree char *all = capture (log_every_byte);
  g_auto (GStrv) lines = g_strsplit (all, "\n", -1);

  g_assert_cmpuint (g_strv_length (lines), ==, 256); /* the last is empty */
  for (char **line = lines; **line != '\0'; line++)
    for (const char *c = *line; *c != '\0'; c++)
      g_assert_true ((guchar) *c >= 0x20 && *c != 0x7f && (guchar) *c < 0x80);
}

static void
test_levels (void)
{
  g_autofree char *hidden = capture (log_debug);
  g_autofree char *shown = NULL;

  g_assert_cmpstr (hidden, ==, "");
  log_init (LOG_TARGET_STDERR, IPMID_LOG_DEBUG);
  shown = capture (log_debug);
  assert_line (shown, "level=debug msg=hidden");
  log_init (LOG_TARGET_STDERR, IPMID_LOG_INFO);
}

static void
test_errno (void)
{
  g_autofree char *line = NULL;

  errno = ENOSPC;
  line = capture (log_plain);
  errno = ENOSPC;
  log_line (IPMID_LOG_DEBUG, NULL, "nothing");
  g_assert_cmpint (errno, ==, ENOSPC);
}

static void
test_limit (void)
{
  LogLimit limit = { 0 };
  guint suppressed = 99;

  g_assert_true (log_limit_pass (&limit, 50000, &suppressed));
  g_assert_cmpuint (suppressed, ==, 0);
  g_assert_false (log_limit_pass (&limit, 50000, &suppressed));
  g_assert_false (log_limit_pass (&limit, 50000, NULL));
  g_usleep (60000);
  g_assert_true (log_limit_pass (&limit, 50000, &suppressed));
  g_assert_cmpuint (suppressed, ==, 2);
  g_assert_false (log_limit_pass (&limit, 50000, &suppressed));
}

static gpointer
log_much (G_GNUC_UNUSED gpointer data)
{
  for (int i = 0; i < 50; i++)
    log_line (IPMID_LOG_INFO, NULL, "thread");
  return NULL;
}

static void
log_from_threads (void)
{
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("log", log_much, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

static void
test_threads (void)
{
  g_autofree char *all = capture (log_from_threads);
  g_auto (GStrv) lines = g_strsplit (all, "\n", -1);

  g_assert_cmpuint (g_strv_length (lines), ==, 201);
  for (guint i = 0; i < 200; i++)
    g_assert_true (g_str_has_suffix (lines[i], " level=info msg=thread"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  log_init (LOG_TARGET_STDERR, IPMID_LOG_INFO);
  g_test_add_func ("/log/lines", test_lines);
  g_test_add_func ("/log/bytes", test_bytes);
  g_test_add_func ("/log/levels", test_levels);
  g_test_add_func ("/log/errno", test_errno);
  g_test_add_func ("/log/limit", test_limit);
  g_test_add_func ("/log/threads", test_threads);
  return g_test_run ();
}
