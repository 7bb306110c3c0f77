/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * collector-drive.c - plays the core for one collector, by hand.
 *
 *   collector-drive COLLECTOR ADDRESS PORT USER PASSWORD [INTERVAL-MS [CREDIT]]
 *
 * Starts the collector, adds one BMC as number 1, answers SEL_INFO and TAIL as
 * the core would at first contact, grants credit for each record it gets, and
 * prints every frame.  Lines on standard input are commands:
 *   poll, walk, remove, quit, credit N,
 *   delete FLAGS: deletes the oldest record that was received,
 *   delete-all FLAGS: all of them, oldest first.
 */
#include "event/channel.h"
#include "event/event.h"

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BMC 1u

typedef struct
{
  GMainLoop *loop;
  Channel *channel;
  GPtrArray *records; /* GBytes, in the order of the SEL */
  guint64 token;
  gboolean quiet;
  guint received;
  gint64 first_at;
  gint64 last_at;
  guint deleted;
} Drive;

static void
on_child_setup (gpointer user_data)
{
  int fd = GPOINTER_TO_INT (user_data);

  if (fd != 3)
    {
      dup2 (fd, 3);
      close (fd);
    }
}

static gint64
now_ms (void)
{
  return g_get_monotonic_time () / 1000 % 1000000;
}

static void
print_frame (FrameType type, GVariant *body)
{
  g_autofree char *text = g_variant_print (body, FALSE);

  printf ("%6" G_GINT64_FORMAT " %u %s\n", now_ms (), type, text);
  fflush (stdout);
}

static void
send_start (Drive *drive, FrameCursor cursor, const guint8 *record, gboolean walk)
{
  GVariant *bytes = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, record, record == NULL ? 0 : 16, 1);

  channel_send (drive->channel, FRAME_START, g_variant_new ("(uy@ayb)", BMC, (guchar) cursor, bytes, walk));
}

static void
on_sel_info (Drive *drive, GVariant *body)
{
  guint8 flags;

  g_variant_get_child (body, 1, "y", &flags);
  if ((flags & FRAME_SEL_CONNECTED) == 0)
    return;
  if (drive->records->len == 0)
    send_start (drive, FRAME_CURSOR_FIRST, NULL, FALSE);
  else
    send_start (drive, FRAME_CURSOR_RECORD,
                g_bytes_get_data (g_ptr_array_index (drive->records, drive->records->len - 1), NULL), FALSE);
}

static void
on_tail (Drive *drive, GVariant *body)
{
  g_autoptr (GVariant) tail = g_variant_get_child_value (body, 1);
  gsize size;
  const guint8 *record = g_variant_get_fixed_array (tail, &size, 1);

  send_start (drive, FRAME_CURSOR_FIRST, size == 16 ? record : NULL, TRUE);
}

static void
on_records (Drive *drive, GVariant *body)
{
  g_autoptr (GVariant) events = g_variant_get_child_value (body, 3);
  gsize n = g_variant_n_children (events);
  gboolean first;

  g_variant_get_child (body, 2, "b", &first);
  if (first)
    g_ptr_array_set_size (drive->records, 0);
  if (drive->received == 0)
    drive->first_at = g_get_monotonic_time ();
  drive->last_at = g_get_monotonic_time ();
  drive->received += (guint) n;
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) variant = g_variant_get_child_value (events, i);
      g_autoptr (IpmidEvent) event = event_from_variant (variant, NULL);
      gsize size = 0;
      const guint8 *raw = event == NULL ? NULL : event_bytes (event, IPMID_FIELD_RAW, &size);

      if (size == 16)
        g_ptr_array_add (drive->records, g_bytes_new (raw, size));
      if (event != NULL && !drive->quiet)
        printf ("       %s\n", event_string (event, IPMID_FIELD_TEXT));
    }
  if (n > 0)
    channel_send (drive->channel, FRAME_CREDIT, g_variant_new ("(u)", (guint32) n));
}

static void
on_frame (FrameType type, GVariant *body, gpointer user_data)
{
  Drive *drive = user_data;

  if (type == FRAME_DELETED)
    drive->deleted++;
  if (!drive->quiet || (type != FRAME_RECORDS && type != FRAME_DELETED && type != FRAME_LOG))
    print_frame (type, body);
  if (type == FRAME_SEL_INFO)
    on_sel_info (drive, body);
  else if (type == FRAME_TAIL)
    on_tail (drive, body);
  else if (type == FRAME_RECORDS)
    on_records (drive, body);
}

static void
on_closed (const GError *error, gpointer user_data)
{
  Drive *drive = user_data;

  printf ("%6" G_GINT64_FORMAT " closed %s\n", now_ms (), error == NULL ? "" : error->message);
  g_main_loop_quit (drive->loop);
}

static void
delete_oldest (Drive *drive, guint32 flags)
{
  g_autoptr (GBytes) record = NULL;

  if (drive->records->len == 0)
    return;
  record = g_bytes_ref (g_ptr_array_index (drive->records, 0));
  g_ptr_array_remove_index (drive->records, 0);
  channel_send (drive->channel, FRAME_DELETE,
                g_variant_new ("(ut@ay@ayu)", BMC, ++drive->token,
                               g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, record, TRUE),
                               g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, NULL, 0, 1), flags));
}

static void
run_command (Drive *drive, const char *line)
{
  guint number = 0;

  if (g_str_equal (line, "poll"))
    channel_send (drive->channel, FRAME_POLL, g_variant_new ("(u)", BMC));
  else if (g_str_equal (line, "walk"))
    channel_send (drive->channel, FRAME_WALK, g_variant_new ("(u)", BMC));
  else if (g_str_equal (line, "remove"))
    channel_send (drive->channel, FRAME_REMOVE, g_variant_new ("(u)", BMC));
  else if (g_str_equal (line, "quit"))
    channel_send (drive->channel, FRAME_SHUTDOWN, g_variant_new ("()"));
  else if (g_str_equal (line, "quiet"))
    drive->quiet = TRUE;
  else if (g_str_equal (line, "count"))
    {
      printf ("%6" G_GINT64_FORMAT " received %u in %.3f s, deleted %u\n", now_ms (), drive->received,
              (double) (drive->last_at - drive->first_at) / 1e6, drive->deleted);
      drive->received = drive->deleted = 0;
      fflush (stdout);
    }
  else if (sscanf (line, "credit %u", &number) == 1)
    channel_send (drive->channel, FRAME_CREDIT, g_variant_new ("(u)", number));
  else if (sscanf (line, "delete-all %u", &number) == 1)
    while (drive->records->len > 0)
      delete_oldest (drive, number);
  else if (sscanf (line, "delete %u", &number) == 1)
    delete_oldest (drive, number);
  else
    printf ("? %s\n", line);
}

static gboolean
on_input (int fd, G_GNUC_UNUSED GIOCondition condition, gpointer user_data)
{
  Drive *drive = user_data;
  char buffer[1024];
  ssize_t size = read (fd, buffer, sizeof buffer - 1);

  if (size <= 0)
    {
      channel_send (drive->channel, FRAME_SHUTDOWN, g_variant_new ("()"));
      return G_SOURCE_REMOVE;
    }
  buffer[size] = '\0';
  g_auto (GStrv) lines = g_strsplit (buffer, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (*lines[i] != '\0')
      run_command (drive, lines[i]);
  return G_SOURCE_CONTINUE;
}

static void
send_add (Drive *drive, char **argv, gint64 interval)
{
  g_auto (GVariantBuilder) dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const char *const address[] = { argv[2], NULL };
  const char *const port[] = { argv[3], NULL };

  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_NAME, g_variant_new_string ("test"));
  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_INTERFACE, g_variant_new_string ("lan"));
  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_ADDRESSES, g_variant_new_strv (address, -1));
  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_PORTS, g_variant_new_strv (port, -1));
  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_USER, g_variant_new_string (argv[4]));
  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_PASSWORD,
                         g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, argv[5], strlen (argv[5]), 1));
  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_SEL_INTERVAL, g_variant_new_int64 (interval));
  channel_send (drive->channel, FRAME_ADD, g_variant_new ("(ua{sv})", BMC, &dict));
}

int
main (int argc, char **argv)
{
  Drive drive = { .records = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref) };
  g_auto (GStrv) command = NULL;
  int sockets[2];
  GPid pid;

  if (argc < 6)
    {
      fprintf (stderr, "usage: collector-drive COLLECTOR ADDRESS PORT USER PASSWORD [INTERVAL-MS [CREDIT]]\n");
      return 64;
    }
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
    return 71;
  command = g_strsplit (argv[1], " ", -1);
  if (!g_spawn_async (NULL, command, NULL,
                      G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN | G_SPAWN_SEARCH_PATH, on_child_setup,
                      GINT_TO_POINTER (sockets[1]), &pid, NULL))
    return 71;
  close (sockets[1]);
  printf ("collector %d\n", pid);
  fflush (stdout);
  drive.loop = g_main_loop_new (NULL, FALSE);
  drive.channel = channel_new (sockets[0], NULL, on_frame, on_closed, &drive);
  drive.quiet = g_getenv ("QUIET") != NULL;
  channel_send (drive.channel, FRAME_CREDIT, g_variant_new ("(u)", argc > 7 ? (guint) atoi (argv[7]) : 256u));
  send_add (&drive, argv, (argc > 6 ? atoi (argv[6]) : 2000) * G_GINT64_CONSTANT (1000));
  g_unix_fd_add (0, G_IO_IN | G_IO_HUP, on_input, &drive);
  g_main_loop_run (drive.loop);

  int status = 0;
  waitpid (pid, &status, 0);
  printf ("exit status %d signal %d\n", WEXITSTATUS (status), WTERMSIG (status));
  channel_free (drive.channel);
  g_main_loop_unref (drive.loop);
  g_ptr_array_unref (drive.records);
  return status == 0 ? 0 : 1;
}
