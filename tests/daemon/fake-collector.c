/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-collector.c - the collector's stand-in: BMCs played from files.
 *
 *   fake-collector SEL        any BMC is played from this file
 *   fake-collector DIRECTORY  a BMC called NAME is played from DIRECTORY/NAME
 *
 * SEL is a file of 16-byte records, in order; whoever changes it holds a flock
 * on it.  Appended records are reported, missing ones missed, deletes done.  A
 * word in the file SEL.control makes it misbehave: once, and the file is
 * removed, for "crash" (with the BMC in the note, see event/serving.h),
 * "vanish" (a crash without), "spin" and "stall" (it burns processor time, or
 * none, with the BMC in the note), "hang" (without), "garbage", "flood",
 * "foreign", "renew"; as long as the file is there for "poison" (a crash as often as the
 * BMC is watched), "venom" (the same, without the note), "refuse",
 * "unavailable" (deletes, power), "mute" (power), "down" (connection), "keep" (REMOVE is not obeyed)
 * and "deaf" (nor SHUTDOWN).  Sensors are in fake-sensors.h.
 *
 * SEL.power is the chassis' power, "on" or "off", or what was asked of it last.
 *
 * SEL.guid (hexadecimal) is the BMC's GUID, read on connecting; SEL.clock the
 * drift of its clock in microseconds; SEL.free the free bytes of its SEL, with
 * a "!" behind if it has overflowed.  The latter two are told when they change.
 *
 * Descriptor 3 is the channel to the core and 4 the note, as with the real one.
 */
#include "fake-sensors.h"

#include <event/event.h>
#include <event/spec.h>
#include <event/serving.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICK 5 /* milliseconds */
#define SPIN_TIME (60 * G_USEC_PER_SEC)
#define EVENTS_PER_FRAME 64u

typedef struct
{
  guint8 bytes[FRAME_RECORD_SIZE];
} Record;

/* What all BMCs share. */
typedef struct
{
  Channel *channel;
  GMainLoop *loop;
  const char *path;
  gboolean is_directory;
  ServingNote *note;
  GPtrArray *bmcs; /* Fake */
  guint turn;      /* whose turn the credit is */
  guint credit;
} Process;

/* One BMC. */
typedef struct
{
  Process *process;
  Channel *channel; /* the process's */
  char *path;
  char *control;
  char order[32];     /* what SEL.control says */
  char *clock, *room; /* what was said of them */

  guint quota; /* its part of the credit, in its present turn */
  gboolean up;
  guint32 bmc;
  gboolean started;
  gboolean has_cursor;
  Record cursor;
  guint hint;      /* where the cursor stood */
  Record *walking; /* a walk's snapshot, NULL: none */
  guint n_walking, walk_index, walk_number;
  int existing_upto;
  FakeSensors sensors;
} Fake;

/* ----------------------------------------------------------------- the SEL */

static int
open_sel (Fake *fake, int flags, int lock)
{
  int fd = open (fake->path, flags | O_CLOEXEC, 0600);

  if (fd >= 0)
    flock (fd, lock);
  return fd;
}

static Record *
read_fd (int fd, guint *n)
{
  struct stat status;
  gsize size = fd >= 0 && fstat (fd, &status) == 0 ? (gsize) status.st_size / sizeof (Record) * sizeof (Record) : 0;
  Record *records = g_malloc (size + 1);
  ssize_t got = size > 0 ? pread (fd, records, size, 0) : 0;

  *n = got < 0 ? 0 : (guint) ((gsize) got / sizeof (Record));
  return records;
}

static Record *
read_sel (Fake *fake, guint *n)
{
  int fd = open_sel (fake, O_RDONLY, LOCK_SH);
  Record *records = read_fd (fd, n);

  if (fd >= 0)
    close (fd);
  return records;
}

static int
find (const Record *records, guint n, const Record *wanted, guint hint)
{
  if (hint < n && memcmp (&records[hint], wanted, sizeof *wanted) == 0)
    return (int) hint;
  for (guint i = n; i > 0; i--)
    if (memcmp (&records[i - 1], wanted, sizeof *wanted) == 0)
      return (int) i - 1;
  return -1;
}

/* --------------------------------------------------------------- the records */

static GVariant *
describe (const Record *record, gboolean existing)
{
  g_autoptr (IpmidEvent) event = event_new ();
  guint id = record->bytes[0] | (guint) record->bytes[1] << 8;
  char text[64];

  gboolean asserts = (record->bytes[12] & 0x80) == 0;
  guint8 event_type = record->bytes[12] & 0x7f;

  event_set_integer (event, IPMID_FIELD_KIND, event_type == 0x01 ? IPMID_KIND_THRESHOLD : IPMID_KIND_DISCRETE);
  event_set_integer (event, IPMID_FIELD_RECEIVED, g_get_real_time () * 1000);
  event_set_integer (event, IPMID_FIELD_RECORD_ID, id);
  event_set_integer (event, IPMID_FIELD_RECORD_TYPE, record->bytes[2]);
  event_set_integer (event, IPMID_FIELD_ASSERT, asserts);
  event_set_integer (event, IPMID_FIELD_SEVERITY,
                     spec_severity (event_type, record->bytes[10], record->bytes[13] & 0x0f, asserts));
  g_snprintf (text, sizeof text, "sensor %u", record->bytes[11]);
  event_set_string (event, IPMID_FIELD_SENSOR, text);
  g_snprintf (text, sizeof text, "record %u", id);
  event_set_string (event, IPMID_FIELD_SENSOR_TYPE, spec_sensor_type (record->bytes[10]));
  event_set_string (event, IPMID_FIELD_TEXT, text);
  if (existing)
    event_set_integer (event, IPMID_FIELD_EXISTING, TRUE);
  event_set_bytes (event, IPMID_FIELD_RAW, record->bytes, sizeof record->bytes);
  return event_to_variant (event);
}

static void
send_records (Fake *fake, const Record *records, guint n, guint walk, gboolean first, int existing)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a" EVENT_VARIANT_TYPE));
  for (guint i = 0; i < n; i++)
    g_variant_builder_add_value (&builder, describe (&records[i], (int) i < existing));
  channel_send (
      fake->channel, FRAME_RECORDS,
      g_variant_new ("(uub@a" EVENT_VARIANT_TYPE ")", fake->bmc, walk, first, g_variant_builder_end (&builder)));
}

static void
set_cursor (Fake *fake, const Record *record, guint hint)
{
  fake->has_cursor = record != NULL;
  if (record != NULL)
    fake->cursor = *record;
  fake->hint = hint;
}

static void
take_credit (Fake *fake, guint records)
{
  fake->quota -= records;
  fake->process->credit -= records;
}

static void
begin_walk (Fake *fake)
{
  g_free (fake->walking);
  fake->walking = read_sel (fake, &fake->n_walking);
  fake->walk_index = 0;
  fake->walk_number++;
  fake->existing_upto = 0;
}

static void
go_on_walking (Fake *fake)
{
  while (fake->quota > 0 && fake->walk_index < fake->n_walking)
    {
      guint n = MIN (MIN (fake->quota, EVENTS_PER_FRAME), fake->n_walking - fake->walk_index);
      send_records (fake, fake->walking + fake->walk_index, n, fake->walk_number, fake->walk_index == 0,
                    fake->existing_upto - (int) fake->walk_index);
      fake->walk_index += n;
      take_credit (fake, n);
    }
  if (fake->walk_index < fake->n_walking)
    return;
  channel_send (fake->channel, FRAME_WALK_END, g_variant_new ("(uub)", fake->bmc, fake->walk_number, TRUE));
  set_cursor (fake, fake->n_walking == 0 ? NULL : &fake->walking[fake->n_walking - 1], fake->n_walking - 1);
  g_clear_pointer (&fake->walking, g_free);
}

static void
follow (Fake *fake)
{
  guint n;
  g_autofree Record *records = read_sel (fake, &n);
  int at = fake->has_cursor ? find (records, n, &fake->cursor, fake->hint) : -1;

  if (fake->has_cursor && at < 0)
    {
      channel_send (fake->channel, FRAME_SUSPECT,
                    g_variant_new ("(uyxs)", fake->bmc, FRAME_SUSPECT_CLEARED, g_get_real_time (), "not there"));
      begin_walk (fake);
      go_on_walking (fake);
      return;
    }
  for (guint from = (guint) (at + 1); from < n && fake->quota > 0;)
    {
      guint some = MIN (MIN (fake->quota, EVENTS_PER_FRAME), n - from);
      send_records (fake, records + from, some, 0, FALSE, 0);
      take_credit (fake, some);
      from += some;
      set_cursor (fake, &records[from - 1], from - 1);
    }
}

static void
pump (Fake *fake)
{
  if (!fake->started || !fake->up)
    return;
  fake->quota = MAX (fake->process->credit / fake->process->bmcs->len, MIN (fake->process->credit, 1));
  if (fake->walking != NULL)
    go_on_walking (fake);
  else if (fake->quota > 0)
    follow (fake);
}

/* ----------------------------------------------------------------- the frames */

/* The content of SEL.SUFFIX; NULL: it is not there. */
static char *
read_aside (const Fake *fake, const char *suffix)
{
  g_autofree char *path = g_strconcat (fake->path, suffix, NULL);
  char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? g_strstrip (text) : NULL;
}

static void
send_identity (Fake *fake)
{
  g_autofree char *text = read_aside (fake, ".guid");
  guint8 guid[16] = { 0 };

  if (text == NULL)
    return;
  for (guint i = 0; i < sizeof guid && strlen (text) >= 2 * (i + 1); i++)
    guid[i] = (guint8) (g_ascii_xdigit_value (text[2 * i]) << 4 | g_ascii_xdigit_value (text[2 * i + 1]));
  channel_send (fake->channel, FRAME_IDENTITY,
                g_variant_new ("(u@ayuus)", fake->bmc,
                               g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, guid, sizeof guid, 1), 1u, 2u, "1.0"));
}

static void
send_sel_info (Fake *fake, guint8 flags)
{
  guint n;
  g_autofree Record *records = read_sel (fake, &n);
  guint room = fake->room == NULL ? 65535 : (guint) atoi (fake->room);

  flags |= FRAME_SEL_CAN_DELETE | FRAME_SEL_CAN_RESERVE;
  if (fake->room != NULL && strchr (fake->room, '!') != NULL)
    flags |= FRAME_SEL_OVERFLOW;
  channel_send (fake->channel, FRAME_SEL_INFO, g_variant_new ("(uyuuuu)", fake->bmc, flags, n, room, 0, 0));
}

/* Says it once. */
static gboolean
has_changed (const Fake *fake, const char *suffix, char **before)
{
  char *now = read_aside (fake, suffix);
  gboolean changed = now != NULL && g_strcmp0 (now, *before) != 0;

  if (changed)
    {
      g_free (*before);
      *before = g_steal_pointer (&now);
    }
  g_free (now);
  return changed;
}

static void
tell_changes (Fake *fake)
{
  if (has_changed (fake, ".clock", &fake->clock))
    channel_send (fake->channel, FRAME_CLOCK,
                  g_variant_new ("(ux)", fake->bmc, g_ascii_strtoll (fake->clock, NULL, 10)));
  if (has_changed (fake, ".free", &fake->room))
    send_sel_info (fake, 0);
}

static void
connect_bmc (Fake *fake)
{
  fake->up = TRUE;
  fake->started = FALSE;
  channel_send (fake->channel, FRAME_STATE, g_variant_new ("(uys)", fake->bmc, FRAME_STATE_UP, ""));
  send_identity (fake);
  send_sel_info (fake, FRAME_SEL_CONNECTED);
}

static gboolean
get_record (GVariant *bytes, Record *record)
{
  gsize length;
  gconstpointer data = g_variant_get_fixed_array (bytes, &length, 1);

  if (length != sizeof *record)
    return FALSE;
  memcpy (record, data, sizeof *record);
  return TRUE;
}

/* `check` if that stands, else the last one. */
static void
send_tail (Fake *fake, const Record *check)
{
  guint n;
  g_autofree Record *records = read_sel (fake, &n);
  const Record *found = check != NULL && find (records, n, check, 0) >= 0 ? check : n > 0 ? &records[n - 1] : NULL;
  GVariant *tail = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, found == NULL ? NULL : found->bytes,
                                              found == NULL ? 0 : sizeof (Record), 1);

  channel_send (fake->channel, FRAME_TAIL, g_variant_new ("(u@ay)", fake->bmc, tail));
}

static void
on_start (Fake *fake, GVariant *body)
{
  guint32 bmc;
  guint8 cursor;
  g_autoptr (GVariant) bytes = NULL;
  gboolean walk;
  Record record;

  g_variant_get (body, "(uy@ayb)", &bmc, &cursor, &bytes, &walk);
  gboolean has_record = get_record (bytes, &record);
  if (cursor == FRAME_CURSOR_CHECK || (cursor == FRAME_CURSOR_FIRST && !walk))
    {
      send_tail (fake, cursor == FRAME_CURSOR_CHECK && has_record ? &record : NULL);
      return;
    }
  fake->started = TRUE;
  set_cursor (fake, has_record ? &record : NULL, 0);
  g_clear_pointer (&fake->walking, g_free);
  if (walk)
    {
      begin_walk (fake);
      if (cursor == FRAME_CURSOR_FIRST && has_record)
        fake->existing_upto = find (fake->walking, fake->n_walking, &record, 0) + 1;
    }
  pump (fake);
}

static FrameDeleteOutcome
delete_record (Fake *fake, const Record *record)
{
  FrameDeleteOutcome outcome = FRAME_DELETE_DONE; /* also if it is gone already */
  int fd = open_sel (fake, O_RDWR, LOCK_EX);
  guint n;
  g_autofree Record *records = read_fd (fd, &n);

  for (guint i = 0; i < n; i++)
    {
      if (memcmp (records[i].bytes, record->bytes, 2) != 0)
        continue;
      if (memcmp (&records[i], record, sizeof *record) != 0)
        outcome = FRAME_DELETE_CHANGED;
      else if (pwrite (fd, &records[i + 1], (n - i - 1) * sizeof *record, (off_t) (i * sizeof *record)) < 0
               || ftruncate (fd, (off_t) ((n - 1) * sizeof *record)) < 0)
        outcome = FRAME_DELETE_UNAVAILABLE;
      break;
    }
  if (fd >= 0)
    close (fd);
  return outcome;
}

/* The whole SEL, if nothing follows the record. */
static FrameDeleteOutcome
clear_sel (Fake *fake, const Record *record)
{
  int fd = open_sel (fake, O_RDWR, LOCK_EX);
  guint n;
  g_autofree Record *records = read_fd (fd, &n);
  FrameDeleteOutcome outcome = FRAME_DELETE_UNAVAILABLE;

  if (n > 0 && memcmp (&records[n - 1], record, sizeof *record) == 0 && ftruncate (fd, 0) == 0)
    outcome = FRAME_DELETE_DONE;
  if (fd >= 0)
    close (fd);
  if (outcome == FRAME_DELETE_DONE)
    set_cursor (fake, NULL, 0);
  return outcome;
}

static void
on_delete (Fake *fake, GVariant *body)
{
  guint32 bmc, flags;
  guint64 token;
  g_autoptr (GVariant) bytes = NULL;
  g_autoptr (GVariant) before = NULL;
  Record record, predecessor = { 0 };
  FrameDeleteOutcome outcome = FRAME_DELETE_REFUSED;

  g_variant_get (body, "(ut@ay@ayu)", &bmc, &token, &bytes, &before, &flags);
  gboolean has_predecessor = get_record (before, &predecessor);
  if (strcmp (fake->order, "unavailable") == 0)
    outcome = FRAME_DELETE_UNAVAILABLE;
  else if (strcmp (fake->order, "refuse") != 0 && (flags & FRAME_DELETE_CLEAR) != 0 && get_record (bytes, &record))
    outcome = clear_sel (fake, &record);
  else if (strcmp (fake->order, "refuse") != 0 && get_record (bytes, &record))
    {
      outcome = (flags & FRAME_DELETE_DRY_RUN) != 0 ? FRAME_DELETE_DONE : delete_record (fake, &record);
      if (outcome == FRAME_DELETE_DONE && fake->has_cursor && memcmp (&fake->cursor, &record, sizeof record) == 0)
        set_cursor (fake, has_predecessor ? &predecessor : NULL, 0);
    }
  channel_send (fake->channel, FRAME_DELETED,
                g_variant_new ("(utys)", bmc, token, (guchar) outcome, outcome == FRAME_DELETE_DONE ? "" : "no"));
}

/* SEL.power is "on" or "off", and "cycle" and the like what was asked for last. */
static void
on_power (Fake *fake, GVariant *body)
{
  static const char *const words[] = { "off", "on", "cycle", "reset", NULL, "soft" };
  g_autofree char *path = g_strconcat (fake->path, ".power", NULL);
  g_autofree char *now = NULL;
  FrameDeleteOutcome outcome = strcmp (fake->order, "refuse") == 0        ? FRAME_DELETE_REFUSED
                               : strcmp (fake->order, "unavailable") == 0 ? FRAME_DELETE_UNAVAILABLE
                                                                          : FRAME_DELETE_DONE;
  FramePowerState state = FRAME_POWER_NOT_SAID;
  guint64 token;
  guchar power;

  g_variant_get (body, "(uty)", NULL, &token, &power);
  if (strcmp (fake->order, "mute") == 0)
    return;
  if (outcome == FRAME_DELETE_DONE && power == FRAME_POWER_STATUS)
    state = g_file_get_contents (path, &now, NULL, NULL) && strcmp (now, "off") == 0 ? FRAME_POWER_IS_OFF
                                                                                     : FRAME_POWER_IS_ON;
  else if (outcome == FRAME_DELETE_DONE)
    g_file_set_contents (path, words[power], -1, NULL);
  channel_send (fake->channel, FRAME_POWERED,
                g_variant_new ("(utyys)", fake->bmc, token, (guchar) outcome, (guchar) state,
                               outcome == FRAME_DELETE_DONE ? "" : "no"));
}

/* In turns, as long as anybody takes of the credit. */
static void
pump_all (Process *process)
{
  guint n = process->bmcs->len, before = 0;

  process->turn++;
  while (n > 0 && process->credit > 0 && process->credit != before)
    {
      before = process->credit;
      for (guint i = 0; i < n; i++)
        pump (process->bmcs->pdata[(i + process->turn) % n]);
    }
}

static void
free_fake (gpointer data)
{
  Fake *fake = data;

  fake_sensors_clear (&fake->sensors);
  g_free (fake->walking);
  g_free (fake->control);
  g_free (fake->path);
  g_free (fake->clock);
  g_free (fake->room);
  g_free (fake);
}

static Fake *
find_fake (Process *process, guint32 number)
{
  for (guint i = 0; i < process->bmcs->len; i++)
    if (((Fake *) process->bmcs->pdata[i])->bmc == number)
      return process->bmcs->pdata[i];
  return NULL;
}

static void read_order (Fake *fake);

static void
on_add (Process *process, GVariant *body)
{
  g_autoptr (GVariant) settings = NULL;
  guint32 number;
  const char *name = "";

  g_variant_get (body, "(u@a{sv})", &number, &settings);
  g_variant_lookup (settings, FRAME_SETTING_NAME, "&s", &name);
  if (find_fake (process, number) != NULL)
    return;
  Fake *fake = g_new0 (Fake, 1);
  fake->process = process;
  fake->channel = process->channel;
  fake->bmc = number;
  fake->path = process->is_directory ? g_build_filename (process->path, name, NULL) : g_strdup (process->path);
  fake->control = g_strconcat (fake->path, ".control", NULL);
  g_ptr_array_add (process->bmcs, fake);
  read_order (fake);
  fake_sensors_init (&fake->sensors, fake->path);
  fake_sensors_on_add (&fake->sensors, process->channel, number, settings);
  connect_bmc (fake);
}

static void
on_bmc_frame (Process *process, FrameType type, GVariant *body)
{
  guint32 number;

  g_variant_get_child (body, 0, "u", &number);
  Fake *fake = find_fake (process, number);
  if (fake == NULL)
    return;
  if (type == FRAME_DELETE || type == FRAME_POWER || type == FRAME_REMOVE)
    read_order (fake); /* what was ordered before counts */
  if (type == FRAME_START)
    on_start (fake, body);
  else if (type == FRAME_DELETE)
    on_delete (fake, body);
  else if (type == FRAME_POWER)
    on_power (fake, body);
  else if (type == FRAME_REMOVE && strcmp (fake->order, "keep") == 0)
    return;
  else if (type == FRAME_REMOVE)
    {
      g_ptr_array_remove (process->bmcs, fake);
      channel_send (process->channel, FRAME_REMOVED, g_variant_new ("(u)", number));
    }
  else
    {
      if (type == FRAME_WALK)
        begin_walk (fake);
      pump (fake);
    }
}

/* Whether some BMC has this word in its control. */
static gboolean
is_ordered (Process *process, const char *word)
{
  for (guint i = 0; i < process->bmcs->len; i++)
    if (strcmp (((Fake *) process->bmcs->pdata[i])->order, word) == 0)
      return TRUE;
  return FALSE;
}

static void
on_frame (FrameType type, GVariant *body, gpointer data)
{
  Process *process = data;
  guint32 number;

  switch ((int) type)
    {
    case FRAME_CREDIT:
      g_variant_get (body, "(u)", &number);
      process->credit += number;
      pump_all (process);
      break;
    case FRAME_ADD:
      on_add (process, body);
      break;
    case FRAME_START:
    case FRAME_WALK:
    case FRAME_POLL:
    case FRAME_DELETE:
    case FRAME_POWER:
    case FRAME_REMOVE:
      on_bmc_frame (process, type, body);
      break;
    case FRAME_PING:
      channel_send (process->channel, FRAME_PONG, g_variant_new ("()"));
      break;
    case FRAME_SHUTDOWN:
      if (!is_ordered (process, "deaf"))
        g_main_loop_quit (process->loop);
      break;
    default:
      break;
    }
}

static void
on_closed (G_GNUC_UNUSED const GError *error, gpointer data)
{
  g_main_loop_quit (((Process *) data)->loop);
}

/* -------------------------------------------------------------- misbehaviour */

static void
crash (Fake *fake, gboolean noted)
{
  serving_set (fake->process->note, noted ? fake->bmc : 0);
  raise (SIGKILL);
}

/* Not for ever: nothing may outlive a test that has died. */
static void
spin (Fake *fake)
{
  gint64 end = g_get_monotonic_time () + SPIN_TIME;

  serving_set (fake->process->note, fake->bmc);
  while (g_get_monotonic_time () < end)
    ;
  raise (SIGKILL);
}

static void
misbehave (Fake *fake)
{
  Record records[EVENTS_PER_FRAME] = { { { 0 } } };
  gboolean noted = strcmp (fake->order, "stall") == 0;

  if (strcmp (fake->order, "crash") == 0 || strcmp (fake->order, "poison") == 0)
    crash (fake, TRUE);
  else if (strcmp (fake->order, "vanish") == 0 || strcmp (fake->order, "venom") == 0)
    crash (fake, FALSE);
  else if (strcmp (fake->order, "spin") == 0)
    spin (fake);
  else if (noted || strcmp (fake->order, "hang") == 0)
    {
      serving_set (fake->process->note, noted ? fake->bmc : 0);
      pause ();
    }
  else if (strcmp (fake->order, "garbage") == 0)
    send (3, "garbage", 7, 0);
  else if (strcmp (fake->order, "foreign") == 0)
    channel_send (fake->channel, FRAME_SHUTDOWN, g_variant_new ("()"));
  else if (strcmp (fake->order, "renew") == 0)
    channel_send (fake->channel, FRAME_RENEW, g_variant_new ("(us)", fake->bmc, "it is fun"));
  else if (strcmp (fake->order, "flood") == 0)
    for (guint i = 0; i < 20; i++)
      send_records (fake, records, EVENTS_PER_FRAME, 0, FALSE, 0);
  else
    fake_sensors_misbehave (&fake->sensors, fake->order);
}

static void
read_order (Fake *fake)
{
  static const char *const once[]
      = { "crash",   "vanish", "spin",         "stall",        "hang",        "garbage", "flood",
          "foreign", "renew",  "sensor-twice", "reading-flag", "reading-odd", NULL };
  static const char *const always[] = { "poison", "venom", NULL };
  g_autofree char *text = NULL;

  fake->order[0] = '\0';
  if (!g_file_get_contents (fake->control, &text, NULL, NULL))
    return;
  g_strlcpy (fake->order, g_strstrip (text), sizeof fake->order);
  if (g_strv_contains (once, fake->order))
    unlink (fake->control);
  else if (!g_strv_contains (always, fake->order))
    return;
  misbehave (fake);
}

static void
tick (Fake *fake)
{
  read_order (fake);
  gboolean down = strcmp (fake->order, "down") == 0;
  if (fake->up && down)
    {
      fake->up = fake->started = FALSE;
      g_clear_pointer (&fake->walking, g_free);
      channel_send (fake->channel, FRAME_STATE, g_variant_new ("(uys)", fake->bmc, FRAME_STATE_DOWN, "told so"));
    }
  else if (!fake->up && !down)
    connect_bmc (fake);
  if (fake->up)
    {
      tell_changes (fake);
      fake_sensors_tick (&fake->sensors);
    }
}

static gboolean
on_tick (gpointer data)
{
  Process *process = data;

  for (guint i = 0; i < process->bmcs->len; i++)
    tick (process->bmcs->pdata[i]);
  if (process->bmcs->len > 0)
    pump_all (process);
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  Process process = { 0 };

  if (argc != 2)
    return 64;
  fcntl (3, F_SETFD, FD_CLOEXEC);
  process.path = argv[1];
  process.is_directory = g_file_test (argv[1], G_FILE_TEST_IS_DIR);
  process.note = serving_attach (SERVING_FD);
  process.bmcs = g_ptr_array_new_with_free_func (free_fake);
  process.loop = g_main_loop_new (NULL, FALSE);
  process.channel = channel_new (3, NULL, on_frame, on_closed, &process);
  channel_send (process.channel, FRAME_HELLO, g_variant_new ("(us)", FRAME_PROTOCOL, "fake"));
  g_timeout_add (TICK, on_tick, &process);
  g_main_loop_run (process.loop);
  channel_free (process.channel);
  g_main_loop_unref (process.loop);
  g_ptr_array_unref (process.bmcs);
  serving_free (process.note);
  return 0;
}
