/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * collector-probe.c - the core's stand-in: starts a collector, and shows what it
 * says, frame by frame.
 *
 * Standard input has a frame on each line: the number of its type, a space, its
 * body in GVariant's text format.  Standard output gets the same, behind the
 * monotonic time in seconds; besides "pid N" at first, "serving N" when the line
 * "serving" came in, and "end signal|status N".
 *
 *   collector-probe COLLECTOR [ARGUMENT…]
 */
#include "event/channel.h"
#include "event/serving.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

typedef struct
{
  GMainLoop *loop;
  Channel *channel;
  const ServingNote *note;
} Probe;

static void
on_frame (FrameType type, GVariant *body, G_GNUC_UNUSED gpointer user_data)
{
  g_autofree char *text = g_variant_print (body, FALSE);

  printf ("%.6f %d %s\n", (double) g_get_monotonic_time () / G_USEC_PER_SEC, type, text);
}

static void
on_closed (const GError *error, G_GNUC_UNUSED gpointer user_data)
{
  if (error != NULL)
    printf ("nonsense %s\n", error->message);
}

static void
on_line (Probe *probe, const char *line)
{
  g_autoptr (GError) error = NULL;
  char *body_text;
  guint8 type = (guint8) g_ascii_strtoull (line, &body_text, 10);
  GVariant *body;

  if (g_str_equal (line, "serving"))
    {
      printf ("serving %u\n", serving_bmc (probe->note));
      return;
    }
  body = g_variant_parse (frame_body_type (type), body_text, NULL, NULL, &error);
  if (body == NULL)
    g_error ("%s: %s", line, error->message);
  channel_send (probe->channel, type, body);
  g_variant_unref (body);
}

static gboolean
on_input (GIOChannel *input, G_GNUC_UNUSED GIOCondition condition, gpointer user_data)
{
  Probe *probe = user_data;
  g_autofree char *line = NULL;

  if (g_io_channel_read_line (input, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL)
    {
      g_main_loop_quit (probe->loop);
      return G_SOURCE_REMOVE;
    }
  on_line (probe, g_strchomp (line));
  return G_SOURCE_CONTINUE;
}

static void
on_ended (G_GNUC_UNUSED GPid pid, int status, gpointer user_data)
{
  Probe *probe = user_data;

  if (probe->channel != NULL)
    channel_drain (probe->channel);
  if (WIFSIGNALED (status))
    printf ("end signal %d\n", WTERMSIG (status));
  else
    printf ("end status %d\n", WEXITSTATUS (status));
  g_main_loop_quit (probe->loop);
}

int
main (int argc, char **argv)
{
  Probe probe = { .loop = g_main_loop_new (NULL, FALSE) };
  g_autoptr (GError) error = NULL;
  g_autoptr (GIOChannel) input = g_io_channel_unix_new (0);
  const int targets[] = { 3, SERVING_FD };
  int ends[2], sources[2];
  GPid pid;

  setvbuf (stdout, NULL, _IOLBF, 0);
  signal (SIGPIPE, SIG_IGN);
  if (argc < 2 || socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return EXIT_FAILURE;
  sources[0] = ends[1];
  probe.note = serving_new (&sources[1], &error);
  if (probe.note == NULL
      || !g_spawn_async_with_pipes_and_fds ("/", (const char *const *) argv + 1, NULL,
                                            G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDIN_FROM_DEV_NULL, NULL, NULL, -1, -1,
                                            -1, sources, targets, 2, &pid, NULL, NULL, NULL, &error))
    g_error ("%s", error->message);
  close (ends[1]);
  printf ("pid %d\n", (int) pid);
  probe.channel = channel_new (ends[0], NULL, on_frame, on_closed, &probe);
  g_child_watch_add (pid, on_ended, &probe);
  g_io_add_watch (input, G_IO_IN | G_IO_HUP, on_input, &probe);
  g_main_loop_run (probe.loop);
  return EXIT_SUCCESS;
}
