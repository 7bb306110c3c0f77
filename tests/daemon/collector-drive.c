/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * collector-drive.c - plays the core for one collector, for tests and by hand.
 *
 *   collector-drive COLLECTOR ADDRESS PORT USER PASSWORD [INTERVAL-MS [CREDIT [KEY=VALUE ...]]]
 *
 * Starts the collector, adds a BMC as number 1 (and more, for more addresses
 * with commas between), answers SEL_INFO and TAIL as the core would at first
 * contact, grants credit for each record it gets, and prints every frame: its
 * time in milliseconds, type, and body as GVariant text.  KEY=VALUE are further
 * settings of ADD (frame.h), as GVariant text, with the type where it needs one.  Lines on standard input are commands:
 *   poll, walk, remove, quit, credit N, quiet, count,
 *   readd: removes all, and adds each again with the SDR cache that it gave,
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

#define BMC 1u /* the one that commands are about */

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
  guint64 readings;
  char **argv;
  char **addresses;   /* of BMC, BMC + 1, ... */
  GHashTable *caches; /* bmc -> SDR_CACHE's body */
  gboolean readding;
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
send_start (Drive *drive, guint32 bmc, FrameCursor cursor, const guint8 *record, gboolean walk)
{
  GVariant *bytes = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, record, record == NULL ? 0 : 16, 1);

  channel_send (drive->channel, FRAME_START, g_variant_new ("(uy@ayb)", bmc, (guchar) cursor, bytes, walk));
}

static void
on_sel_info (Drive *drive, GVariant *body)
{
  guint32 bmc;
  guint8 flags;

  g_variant_get_child (body, 0, "u", &bmc);
  g_variant_get_child (body, 1, "y", &flags);
  if ((flags & FRAME_SEL_CONNECTED) == 0)
    return;
  if (drive->records->len == 0)
    send_start (drive, bmc, FRAME_CURSOR_FIRST, NULL, FALSE);
  else
    send_start (drive, bmc, FRAME_CURSOR_RECORD,
                g_bytes_get_data (g_ptr_array_index (drive->records, drive->records->len - 1), NULL), FALSE);
}

static void
on_tail (Drive *drive, GVariant *body)
{
  g_autoptr (GVariant) tail = g_variant_get_child_value (body, 1);
  guint32 bmc;
  gsize size;
  const guint8 *record = g_variant_get_fixed_array (tail, &size, 1);

  g_variant_get_child (body, 0, "u", &bmc);
  send_start (drive, bmc, FRAME_CURSOR_FIRST, size == 16 ? record : NULL, TRUE);
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

static gboolean send_add (Drive *drive, guint32 bmc);

static void
on_removed (Drive *drive, GVariant *body)
{
  guint32 bmc;

  g_variant_get (body, "(u)", &bmc);
  if (drive->readding)
    send_add (drive, bmc);
}

static void
on_sdr_cache (Drive *drive, GVariant *body)
{
  guint32 bmc;

  g_variant_get_child (body, 0, "u", &bmc);
  g_hash_table_insert (drive->caches, GUINT_TO_POINTER (bmc), g_variant_ref (body));
}

static void
count_readings (Drive *drive, GVariant *body)
{
  g_autoptr (GVariant) readings = g_variant_get_child_value (body, 1);

  drive->readings += g_variant_n_children (readings);
}

static void
on_frame (FrameType type, GVariant *body, gpointer user_data)
{
  Drive *drive = user_data;

  if (type == FRAME_DELETED)
    drive->deleted++;
  if (type == FRAME_READINGS)
    count_readings (drive, body);
  if (!drive->quiet
      || (type != FRAME_RECORDS && type != FRAME_DELETED && type != FRAME_LOG && type != FRAME_READINGS
          && type != FRAME_SENSORS && type != FRAME_SDR_CACHE))
    print_frame (type, body);
  if (type == FRAME_SEL_INFO)
    on_sel_info (drive, body);
  else if (type == FRAME_TAIL)
    on_tail (drive, body);
  else if (type == FRAME_RECORDS)
    on_records (drive, body);
  else if (type == FRAME_SDR_CACHE)
    on_sdr_cache (drive, body);
  else if (type == FRAME_REMOVED)
    on_removed (drive, body);
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
readd_all (Drive *drive)
{
  drive->readding = TRUE;
  for (guint i = 0; drive->addresses[i] != NULL; i++)
    channel_send (drive->channel, FRAME_REMOVE, g_variant_new ("(u)", BMC + i));
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
  else if (g_str_equal (line, "readd"))
    readd_all (drive);
  else if (g_str_equal (line, "quiet"))
    drive->quiet = TRUE;
  else if (g_str_equal (line, "count"))
    {
      printf ("%6" G_GINT64_FORMAT " received %u in %.3f s, deleted %u, readings %" G_GUINT64_FORMAT "\n", now_ms (),
              drive->received, (double) (drive->last_at - drive->first_at) / 1e6, drive->deleted, drive->readings);
      drive->received = drive->deleted = 0;
      drive->readings = 0;
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

/* FALSE: it is no "key=value". */
static gboolean
add_setting (GVariantBuilder *dict, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *key = NULL;
  const char *equals = strchr (text, '=');
  GVariant *value = equals == NULL ? NULL : g_variant_parse (NULL, equals + 1, NULL, NULL, &error);

  if (value == NULL)
    {
      fprintf (stderr, "collector-drive: \"%s\" is no setting\n", text);
      return FALSE;
    }
  key = g_strndup (text, (gsize) (equals - text));
  g_variant_builder_add (dict, "{sv}", key, value);
  return TRUE;
}

static void
add_cache (GVariantBuilder *dict, GVariant *body)
{
  g_autoptr (GVariant) key = g_variant_get_child_value (body, 1);
  g_autoptr (GVariant) data = g_variant_get_child_value (body, 2);

  g_variant_builder_add (dict, "{sv}", FRAME_SETTING_SDR_CACHE_KEY, key);
  g_variant_builder_add (dict, "{sv}", FRAME_SETTING_SDR_CACHE, data);
}

/* FALSE: a setting on the command line is none. */
static gboolean
send_add (Drive *drive, guint32 bmc)
{
  g_auto (GVariantBuilder) dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  char **argv = drive->argv;
  const char *const address[] = { drive->addresses[bmc - BMC], NULL };
  const char *const port[] = { argv[3], NULL };
  gint64 interval = argv[6] == NULL ? 2000 : atoi (argv[6]);
  GVariant *cache = g_hash_table_lookup (drive->caches, GUINT_TO_POINTER (bmc));

  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_NAME, g_variant_new_string ("test"));
  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_INTERFACE, g_variant_new_string ("lan"));
  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_ADDRESSES, g_variant_new_strv (address, -1));
  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_PORTS, g_variant_new_strv (port, -1));
  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_USER, g_variant_new_string (argv[4]));
  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_PASSWORD,
                         g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, argv[5], strlen (argv[5]), 1));
  g_variant_builder_add (&dict, "{sv}", FRAME_SETTING_SEL_INTERVAL, g_variant_new_int64 (interval * 1000));
  for (guint i = 6; argv[i] != NULL; i++)
    if (i >= 8 && !add_setting (&dict, argv[i]))
      return FALSE;
  if (cache != NULL)
    add_cache (&dict, cache);
  channel_send (drive->channel, FRAME_ADD, g_variant_new ("(ua{sv})", bmc, &dict));
  return TRUE;
}

static gboolean
add_all (Drive *drive)
{
  for (guint i = 0; drive->addresses[i] != NULL; i++)
    if (!send_add (drive, BMC + i))
      return FALSE;
  return TRUE;
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
      fprintf (stderr, "usage: collector-drive COLLECTOR ADDRESS PORT USER PASSWORD [INTERVAL-MS [CREDIT "
                       "[KEY=VALUE ...]]]\n");
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
  drive.argv = argv;
  drive.addresses = g_strsplit (argv[2], ",", -1);
  drive.caches = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_variant_unref);
  drive.quiet = g_getenv ("QUIET") != NULL;
  channel_send (drive.channel, FRAME_CREDIT, g_variant_new ("(u)", argc > 7 ? (guint) atoi (argv[7]) : 256u));
  if (!add_all (&drive))
    return 64;
  g_unix_fd_add (0, G_IO_IN | G_IO_HUP, on_input, &drive);
  g_main_loop_run (drive.loop);

  int status = 0;
  waitpid (pid, &status, 0);
  printf ("exit status %d signal %d\n", WEXITSTATUS (status), WTERMSIG (status));
  channel_free (drive.channel);
  g_main_loop_unref (drive.loop);
  g_ptr_array_unref (drive.records);
  g_hash_table_unref (drive.caches);
  g_strfreev (drive.addresses);
  return status == 0 ? 0 : 1;
}
