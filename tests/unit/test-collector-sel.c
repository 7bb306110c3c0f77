/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-collector-sel.c - the SEL reader against a BMC played by the test.
 *
 * Replies come in a later turn of the main loop, as from a network.
 */
#include "collector/sel-reader.h"

#include <string.h>

#define INTERVAL (20 * G_TIME_SPAN_MILLISECOND)

typedef struct
{
  guint8 bytes[FRAME_RECORD_SIZE];
} Record;

typedef struct
{
  guint8 command;
  guint8 data[8];
  guint ticket;
} Pending;

typedef struct
{
  Timers *timers;
  SelReader *reader;

  /* the BMC */
  GArray *sel; /* Record */
  GQueue pending;
  guint messages;
  guint8 support; /* operation support, 31.2 */
  guint16 reservation;
  guint lose;                     /* so many reservations are lost */
  guint8 fail_command, fail_code; /* this command fails, `fail_times` times */
  guint fail_times;
  guint erasing; /* so many status queries until a clear is done */
  gboolean mute;
  guint loop_at; /* the record after which the chain goes back; 0: none */
  guint32 erase_time;

  /* what came out */
  guint credit;
  GArray *got; /* SelRecord */
  guint walks, complete_walks, last_walk;
  guint firsts, infos, connected_infos, tails, suspects;
  gboolean tail_empty;
  guint8 tail[FRAME_RECORD_SIZE];
  guint deleted;
  FrameDeleteOutcome outcome;
  guint64 token;
  char *words;
} Fixture;

static guint16
id_of (const guint8 *record)
{
  return (guint16) (record[0] | record[1] << 8);
}

static void
add (Fixture *f, guint id, guint8 content)
{
  Record record = { { (guint8) id, (guint8) (id >> 8), 0x02, content } };

  g_array_append_val (f->sel, record);
}

static int
find (Fixture *f, guint16 id)
{
  if (f->sel->len == 0)
    return -1;
  if (id == 0)
    return 0;
  if (id == 0xffff)
    return (int) f->sel->len - 1;
  for (guint i = 0; i < f->sel->len; i++)
    if (id_of (g_array_index (f->sel, Record, i).bytes) == id)
      return (int) i;
  return -1;
}

static gsize
get_entry (Fixture *f, const guint8 *data, guint8 *reply)
{
  int i = find (f, (guint16) (data[2] | data[3] << 8));
  guint next = 0xffff;

  if (i < 0)
    {
      reply[0] = 0xcb;
      return 1;
    }
  if ((guint) i + 1 < f->sel->len)
    next = id_of (g_array_index (f->sel, Record, i + 1).bytes);
  if (f->loop_at != 0 && id_of (g_array_index (f->sel, Record, i).bytes) == f->loop_at)
    next = 2;
  reply[1] = (guint8) next;
  reply[2] = (guint8) (next >> 8);
  memcpy (reply + 3, g_array_index (f->sel, Record, i).bytes, FRAME_RECORD_SIZE);
  return 19;
}

static gboolean
reservation_is_good (Fixture *f, const guint8 *data)
{
  if (f->lose > 0)
    {
      f->lose--;
      return FALSE;
    }
  return (data[0] | data[1] << 8) == f->reservation || (f->support & 0x02) == 0;
}

static gsize
delete_entry (Fixture *f, const guint8 *data, guint8 *reply)
{
  int i = find (f, (guint16) (data[2] | data[3] << 8));

  reply[0] = (f->support & 0x08) == 0 ? 0xc1 : !reservation_is_good (f, data) ? 0xc5 : i < 0 ? 0xcb : 0;
  if (reply[0] != 0)
    return 1;
  reply[1] = data[2];
  reply[2] = data[3];
  g_array_remove_index (f->sel, (guint) i);
  return 3;
}

static gsize
clear (Fixture *f, const guint8 *data, guint8 *reply)
{
  if (!reservation_is_good (f, data))
    {
      reply[0] = 0xc5;
      return 1;
    }
  if (data[5] == 0xaa)
    g_array_set_size (f->sel, 0);
  reply[1] = f->erasing == 0;
  f->erasing -= f->erasing > 0;
  return 2;
}

static gsize
get_info (Fixture *f, guint8 *reply)
{
  reply[1] = 0x51;
  reply[2] = (guint8) f->sel->len;
  reply[3] = (guint8) (f->sel->len >> 8);
  memcpy (reply + 10, &f->erase_time, 4);
  reply[14] = f->support;
  return 15;
}

static gsize
answer (Fixture *f, const Pending *request, guint8 *reply)
{
  memset (reply, 0, 32);
  if (f->fail_times > 0 && request->command == f->fail_command)
    {
      f->fail_times--;
      reply[0] = f->fail_code;
      return 1;
    }
  switch (request->command)
    {
    case SEL_GET_INFO:
      return get_info (f, reply);
    case SEL_GET_ENTRY:
      return get_entry (f, request->data, reply);
    case SEL_RESERVE:
      f->reservation++;
      reply[1] = (guint8) f->reservation;
      reply[2] = (guint8) (f->reservation >> 8);
      return 3;
    case SEL_DELETE_ENTRY:
      return delete_entry (f, request->data, reply);
    default:
      return clear (f, request->data, reply);
    }
}

static gboolean
on_send (gpointer user_data, guint8 command, const guint8 *data, gsize length, guint ticket)
{
  Fixture *f = user_data;
  Pending *request = g_new0 (Pending, 1);

  g_assert_cmpuint (length, <=, sizeof request->data);
  request->command = command;
  request->ticket = ticket;
  if (length > 0)
    memcpy (request->data, data, length);
  f->messages++;
  g_queue_push_tail (&f->pending, request);
  return TRUE;
}

static guint
on_credit (gpointer user_data)
{
  return ((Fixture *) user_data)->credit;
}

static void
on_records (gpointer user_data, guint walk, gboolean first, const SelRecord *records, guint n)
{
  Fixture *f = user_data;

  g_assert_cmpuint (n, <=, SEL_READER_BATCH);
  g_assert_cmpuint (n, <=, f->credit);
  f->credit -= n;
  if (first)
    {
      g_assert_cmpuint (walk, >, f->last_walk);
      f->firsts++;
      f->last_walk = walk;
      g_array_set_size (f->got, 0);
    }
  if (n > 0)
    g_array_append_vals (f->got, records, n);
}

static void
on_walk_end (gpointer user_data, guint walk, gboolean complete)
{
  Fixture *f = user_data;

  g_assert_cmpuint (walk, ==, f->last_walk);
  f->walks++;
  f->complete_walks += complete;
}

static void
on_info (gpointer user_data, G_GNUC_UNUSED const SelInfo *info, gboolean connected)
{
  Fixture *f = user_data;

  f->infos++;
  f->connected_infos += connected;
}

static void
on_tail (gpointer user_data, const guint8 *record)
{
  Fixture *f = user_data;

  f->tails++;
  f->tail_empty = record == NULL;
  if (record != NULL)
    memcpy (f->tail, record, FRAME_RECORD_SIZE);
}

static void
on_suspect (gpointer user_data, G_GNUC_UNUSED FrameSuspicion suspicion, G_GNUC_UNUSED gint64 confirmed,
            G_GNUC_UNUSED const char *words)
{
  ((Fixture *) user_data)->suspects++;
}

static void
on_deleted (gpointer user_data, guint64 token, FrameDeleteOutcome outcome, const char *words)
{
  Fixture *f = user_data;

  f->deleted++;
  f->token = token;
  f->outcome = outcome;
  g_free (f->words);
  f->words = g_strdup (words);
}

static const SelReaderFuncs funcs
    = { on_send, on_credit, on_records, on_walk_end, on_info, on_tail, on_suspect, on_deleted };

/* One turn of the world: a reply, or a while of waiting. */
static void
turn (Fixture *f)
{
  g_autofree Pending *request = f->mute ? NULL : g_queue_pop_head (&f->pending);
  guint8 reply[32];

  if (request != NULL)
    {
      gsize length = answer (f, request, reply);

      sel_reader_reply (f->reader, request->ticket, reply, length);
    }
  if (!g_main_context_iteration (NULL, FALSE) && request == NULL)
    g_usleep (200);
}

#define until(f, condition)                                                                                            \
  G_STMT_START                                                                                                         \
  {                                                                                                                    \
    gint64 deadline = g_get_monotonic_time () + 5 * G_USEC_PER_SEC;                                                    \
    while (!(condition))                                                                                               \
      {                                                                                                                \
        turn (f);                                                                                                      \
        g_assert_cmpint (g_get_monotonic_time (), <, deadline);                                                        \
      }                                                                                                                \
  }                                                                                                                    \
  G_STMT_END

static void
settle (Fixture *f)
{
  gint64 end = g_get_monotonic_time () + 4 * INTERVAL;

  while (g_get_monotonic_time () < end)
    turn (f);
}

static void
setup (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  f->timers = timers_new (NULL);
  f->reader = sel_reader_new (f->timers, INTERVAL, &funcs, f);
  sel_reader_set_window (f->reader, 2);
  f->sel = g_array_new (FALSE, FALSE, sizeof (Record));
  f->got = g_array_new (FALSE, FALSE, sizeof (SelRecord));
  f->support = 0x0a;
  f->credit = 100000;
  g_queue_init (&f->pending);
}

static void
teardown (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  sel_reader_free (f->reader);
  timers_free (f->timers);
  g_array_unref (f->sel);
  g_array_unref (f->got);
  g_queue_clear_full (&f->pending, g_free);
  g_free (f->words);
}

static void
connect_reader (Fixture *f)
{
  guint before = f->connected_infos;

  sel_reader_connected (f->reader);
  until (f, f->connected_infos > before);
}

static void
start_first (Fixture *f)
{
  connect_reader (f);
  sel_reader_start (f->reader, FRAME_CURSOR_FIRST, NULL, FALSE);
  until (f, f->tails == 1);
}

static void
start (Fixture *f)
{
  start_first (f);
  sel_reader_start (f->reader, FRAME_CURSOR_FIRST, f->tail_empty ? NULL : f->tail, TRUE);
  until (f, f->walks == 1);
}

static gboolean
existing (Fixture *f, guint i)
{
  return g_array_index (f->got, SelRecord, i).existing;
}

static guint
got_id (Fixture *f, guint i)
{
  return id_of (g_array_index (f->got, SelRecord, i).bytes);
}

/* -------------------------------------------------------------------- reading */

static void
test_first_contact (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 1; i <= 100; i++)
    add (f, i, (guint8) i);
  start_first (f);
  g_assert_cmpuint (id_of (f->tail), ==, 100);
  add (f, 101, 101);
  sel_reader_start (f->reader, FRAME_CURSOR_FIRST, f->tail, TRUE);
  until (f, f->walks == 1);
  g_assert_cmpuint (f->complete_walks, ==, 1);
  g_assert_cmpuint (f->got->len, ==, 101);
  for (guint i = 0; i < 101; i++)
    {
      g_assert_cmpuint (got_id (f, i), ==, i + 1);
      g_assert_cmpint (existing (f, i), ==, i < 100);
    }
}

static void
test_tail_vanished (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add (f, 1, 1);
  add (f, 2, 2);
  start_first (f);
  g_array_set_size (f->sel, 0);
  add (f, 3, 3);
  sel_reader_start (f->reader, FRAME_CURSOR_FIRST, f->tail, TRUE);
  until (f, f->walks == 1);
  g_assert_cmpuint (f->got->len, ==, 1);
  g_assert_false (existing (f, 0));
}

/* Another GUID answers: the record that is asked about is reported only if it is
 * the same, byte for byte; else the last one that stands. */
static void
test_check (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  const Record stands = { { 2, 0, 0x02, 2 } }, differs = { { 2, 0, 0x02, 9 } }, gone = { { 7, 0, 0x02, 7 } };
  const Record *const asked[] = { &stands, &differs, &gone };

  for (guint i = 1; i <= 3; i++)
    add (f, i, (guint8) i);
  connect_reader (f);
  for (guint i = 0; i < G_N_ELEMENTS (asked); i++)
    {
      sel_reader_start (f->reader, FRAME_CURSOR_CHECK, asked[i]->bytes, FALSE);
      until (f, f->tails == i + 1);
      g_assert_cmpuint (id_of (f->tail), ==, i == 0 ? 2 : 3);
    }
  /* It says neither yes nor no. */
  f->fail_command = SEL_GET_ENTRY;
  f->fail_code = 0xff;
  f->fail_times = 3;
  sel_reader_start (f->reader, FRAME_CURSOR_CHECK, stands.bytes, FALSE);
  until (f, f->tails == 4);
  g_assert_cmpuint (id_of (f->tail), ==, 3);
  g_assert_cmpuint (f->got->len, ==, 0);
  g_assert_cmpuint (f->suspects, ==, 0);
  /* Then it goes on from there. */
  sel_reader_start (f->reader, FRAME_CURSOR_RECORD, stands.bytes, FALSE);
  until (f, f->got->len == 1);
  g_assert_cmpuint (got_id (f, 0), ==, 3);
  g_assert_false (existing (f, 0));
}

static void
test_empty (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  start (f);
  g_assert_true (f->tail_empty);
  g_assert_cmpuint (f->complete_walks, ==, 1);
  g_assert_cmpuint (f->firsts, ==, 1);
  add (f, 1, 1);
  until (f, f->got->len == 1);
  until (f, f->walks == 2);
  g_assert_false (existing (f, 0));
  g_assert_cmpuint (f->suspects, ==, 0);
}

static void
test_idle_is_one_message (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  guint before;

  add (f, 1, 1);
  start (f);
  settle (f);
  before = f->messages;
  sel_reader_poll (f->reader);
  until (f, f->messages > before);
  for (guint i = 0; i < 3; i++)
    {
      g_autofree Pending *request = g_queue_pop_head (&f->pending);
      guint8 reply[32];

      if (request != NULL)
        sel_reader_reply (f->reader, request->ticket, reply, answer (f, request, reply));
    }
  g_assert_cmpuint (f->messages, ==, before + 1);
}

static void
test_new_records (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add (f, 1, 1);
  start (f);
  for (guint i = 2; i <= 1000; i++)
    add (f, i, (guint8) i);
  until (f, f->got->len == 1000);
  for (guint i = 0; i < 1000; i++)
    g_assert_cmpuint (got_id (f, i), ==, i + 1);
  g_assert_cmpuint (f->walks, ==, 1);
  /* Ids that do not follow each other. */
  add (f, 5000, 1);
  add (f, 4000, 2);
  add (f, 4002, 3);
  until (f, f->got->len == 1003);
  g_assert_cmpuint (got_id (f, 1001), ==, 4000);
  g_assert_cmpuint (f->suspects, ==, 0);
}

static void
test_cleared (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add (f, 1, 1);
  add (f, 2, 2);
  start (f);
  g_array_set_size (f->sel, 0);
  add (f, 1, 9);
  until (f, f->walks == 2);
  g_assert_cmpuint (f->suspects, ==, 1);
  g_assert_cmpuint (f->infos, ==, 2);
  g_assert_cmpuint (f->got->len, ==, 1);
  /* The same id with other bytes. */
  g_array_set_size (f->sel, 0);
  add (f, 1, 10);
  until (f, f->walks == 3);
  g_assert_cmpuint (f->suspects, ==, 2);
  /* And to nothing. */
  g_array_set_size (f->sel, 0);
  until (f, f->walks == 4);
  g_assert_cmpuint (f->suspects, ==, 3);
  settle (f);
  g_assert_cmpuint (f->walks, ==, 4);
}

static void
test_loop (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 1; i <= 5; i++)
    add (f, i, (guint8) i);
  f->loop_at = 5;
  start (f);
  g_assert_cmpuint (f->complete_walks, ==, 0);
  g_assert_cmpuint (f->got->len, ==, 5);
  settle (f);
  g_assert_cmpuint (f->got->len, ==, 5);
  g_assert_cmpuint (f->walks, ==, 1);
}

static void
test_points_to_itself (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add (f, 1, 1);
  add (f, 2, 2);
  f->loop_at = 2;
  start (f);
  settle (f);
  g_assert_cmpuint (f->got->len, ==, 2);
}

static void
test_credit (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  guint idle;

  f->credit = 0;
  for (guint i = 1; i <= 200; i++)
    add (f, i, (guint8) i);
  connect_reader (f);
  sel_reader_start (f->reader, FRAME_CURSOR_EMPTY, NULL, TRUE);
  settle (f);
  g_assert_cmpuint (f->got->len, ==, 0);
  idle = f->messages;
  settle (f);
  g_assert_cmpuint (f->messages, ==, idle);
  f->credit = 50;
  sel_reader_wake (f->reader);
  settle (f);
  g_assert_cmpuint (f->got->len, ==, 50);
  /* Deletes go on meanwhile, also of what comes next. */
  sel_reader_delete (f->reader, 1, g_array_index (f->sel, Record, 0).bytes, NULL, 0);
  until (f, f->deleted == 1);
  g_assert_cmpint (f->outcome, ==, FRAME_DELETE_DONE);
  f->credit = 1000;
  sel_reader_wake (f->reader);
  until (f, f->walks == 1);
  g_assert_cmpuint (f->complete_walks, ==, 1);
  g_assert_cmpuint (f->got->len, ==, 200);
}

static void
test_lost_connection (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 1; i <= 100; i++)
    add (f, i, (guint8) i);
  connect_reader (f);
  f->credit = 40;
  sel_reader_start (f->reader, FRAME_CURSOR_EMPTY, NULL, TRUE);
  until (f, f->got->len == 40);
  sel_reader_delete (f->reader, 7, g_array_index (f->sel, Record, 0).bytes, NULL, 0);
  sel_reader_delete (f->reader, 8, g_array_index (f->sel, Record, 1).bytes, NULL, 0);
  sel_reader_disconnected (f->reader);
  g_assert_cmpuint (f->deleted, ==, 2);
  g_assert_cmpint (f->outcome, ==, FRAME_DELETE_UNAVAILABLE);
  g_assert_cmpuint (f->walks, ==, 1);
  g_assert_cmpuint (f->complete_walks, ==, 0);
  settle (f);
  sel_reader_delete (f->reader, 9, g_array_index (f->sel, Record, 0).bytes, NULL, 0);
  g_assert_cmpuint (f->deleted, ==, 3);
  /* Back again, from the core's cursor. */
  f->credit = 1000;
  connect_reader (f);
  sel_reader_start (f->reader, FRAME_CURSOR_RECORD, g_array_index (f->got, SelRecord, 39).bytes, FALSE);
  until (f, f->got->len == 100);
  g_assert_cmpuint (got_id (f, 40), ==, 41);
}

static void
test_odd_answers (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add (f, 1, 1);
  start (f);
  /* A timeout now and then proves nothing. */
  f->fail_command = SEL_GET_ENTRY;
  f->fail_code = 0xc3;
  f->fail_times = 3;
  until (f, f->fail_times == 0);
  settle (f);
  g_assert_cmpuint (f->suspects, ==, 0);
  /* Nor does busy, once. */
  f->fail_code = 0xc0;
  f->fail_times = 1;
  until (f, f->fail_times == 0);
  settle (f);
  g_assert_cmpuint (f->suspects, ==, 0);
  /* "Parameter out of range" is another way to say that it is not there. */
  g_array_set_size (f->sel, 0);
  f->fail_code = 0xc9;
  f->fail_times = 1;
  until (f, f->suspects == 1);
}

static void
test_erase_time (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add (f, 1, 1);
  start (f);
  f->support |= 0x80;
  sel_reader_disconnected (f->reader);
  connect_reader (f);
  g_assert_cmpuint (f->suspects, ==, 0); /* known from the start of this connection */
}

/* ------------------------------------------------------------------- deleting */

static void
delete_and_wait (Fixture *f, guint i, const guint8 *predecessor, FrameDeleteFlags flags)
{
  Record record = g_array_index (f->sel, Record, i);
  guint before = f->deleted;

  sel_reader_delete (f->reader, 42, record.bytes, predecessor, flags);
  until (f, f->deleted > before);
  g_assert_cmpuint (f->token, ==, 42);
}

static void
test_delete (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 1; i <= 3; i++)
    add (f, i, (guint8) i);
  start (f);
  delete_and_wait (f, 0, NULL, FRAME_DELETE_DRY_RUN);
  g_assert_cmpint (f->outcome, ==, FRAME_DELETE_DONE);
  g_assert_cmpuint (f->sel->len, ==, 3);
  delete_and_wait (f, 0, NULL, 0);
  g_assert_cmpint (f->outcome, ==, FRAME_DELETE_DONE);
  g_assert_cmpuint (f->sel->len, ==, 2);
  /* The cursor's own record: no alarm. */
  Record two = g_array_index (f->sel, Record, 0);
  delete_and_wait (f, 1, two.bytes, 0);
  settle (f);
  delete_and_wait (f, 0, NULL, 0);
  settle (f);
  g_assert_cmpuint (f->suspects, ==, 0);
  g_assert_cmpuint (f->walks, ==, 1);
  add (f, 4, 4);
  until (f, f->walks == 2);
  g_assert_cmpuint (got_id (f, 0), ==, 4);
}

static void
test_delete_stale_predecessor (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 1; i <= 3; i++)
    add (f, i, (guint8) i);
  start (f);
  Record two = g_array_index (f->sel, Record, 1);
  delete_and_wait (f, 1, g_array_index (f->sel, Record, 0).bytes, 0);
  delete_and_wait (f, 1, two.bytes, 0);
  settle (f);
  g_assert_cmpuint (f->suspects, ==, 0);
  g_assert_cmpuint (f->walks, ==, 2);
}

static void
test_delete_outcomes (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    guint8 command, code;
    FrameDeleteOutcome outcome;
  } cases[] = {
    { SEL_DELETE_ENTRY, 0xcb, FRAME_DELETE_DONE },        { SEL_DELETE_ENTRY, 0xd4, FRAME_DELETE_REFUSED },
    { SEL_DELETE_ENTRY, 0xd5, FRAME_DELETE_REFUSED },     { SEL_DELETE_ENTRY, 0x80, FRAME_DELETE_REFUSED },
    { SEL_DELETE_ENTRY, 0x81, FRAME_DELETE_UNAVAILABLE }, { SEL_DELETE_ENTRY, 0xc3, FRAME_DELETE_UNAVAILABLE },
    { SEL_DELETE_ENTRY, 0xff, FRAME_DELETE_UNAVAILABLE }, { SEL_RESERVE, 0x81, FRAME_DELETE_UNAVAILABLE },
    { SEL_RESERVE, 0xd4, FRAME_DELETE_REFUSED },          { SEL_RESERVE, 0xc1, FRAME_DELETE_DONE },
    { SEL_DELETE_ENTRY, 0xc1, FRAME_DELETE_REFUSED },
  };

  add (f, 1, 1);
  add (f, 2, 2);
  start (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      if (f->sel->len < 2)
        add (f, 100 + i, (guint8) i);
      settle (f);
      f->fail_command = cases[i].command;
      f->fail_code = cases[i].code;
      f->fail_times = 1;
      f->support = cases[i].code == 0xc1 && cases[i].command == SEL_RESERVE ? 0x08 : 0x0a;
      delete_and_wait (f, 0, NULL, 0);
      f->fail_times = 0;
      if (f->outcome != cases[i].outcome)
        g_error ("command %02x code %02x: %d %s", cases[i].command, cases[i].code, f->outcome, f->words);
      g_assert_cmpint (f->outcome == FRAME_DELETE_DONE, ==, *f->words == '\0');
    }
}

static void
test_delete_reservation (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  add (f, 1, 1);
  add (f, 2, 2);
  start (f);
  f->lose = 3;
  delete_and_wait (f, 0, NULL, 0);
  g_assert_cmpint (f->outcome, ==, FRAME_DELETE_DONE);
  f->lose = 1000;
  delete_and_wait (f, 0, NULL, 0);
  g_assert_cmpint (f->outcome, ==, FRAME_DELETE_UNAVAILABLE);
  g_assert_cmpuint (f->sel->len, ==, 1);
}

static void
test_delete_changed (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  Record other;

  add (f, 1, 1);
  start (f);
  other = g_array_index (f->sel, Record, 0);
  other.bytes[3]++;
  sel_reader_delete (f->reader, 42, other.bytes, NULL, 0);
  until (f, f->deleted == 1);
  g_assert_cmpint (f->outcome, ==, FRAME_DELETE_CHANGED);
  g_assert_cmpuint (f->sel->len, ==, 1);
}

static void
test_clear (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  f->support = 0x02;
  add (f, 1, 1);
  add (f, 2, 2);
  start (f);
  delete_and_wait (f, 1, NULL, 0);
  g_assert_cmpint (f->outcome, ==, FRAME_DELETE_REFUSED);
  delete_and_wait (f, 0, NULL, FRAME_DELETE_ALLOW_CLEAR);
  g_assert_cmpint (f->outcome, ==, FRAME_DELETE_UNAVAILABLE);
  f->lose = 1;
  f->erasing = 2;
  delete_and_wait (f, 1, NULL, FRAME_DELETE_ALLOW_CLEAR);
  g_assert_cmpint (f->outcome, ==, FRAME_DELETE_DONE);
  g_assert_cmpuint (f->sel->len, ==, 0);
  settle (f);
  g_assert_cmpuint (f->suspects, ==, 0);
}

static void
test_polls_between_deletes (Fixture *f, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 1; i <= 2000; i++)
    add (f, i, (guint8) i);
  start (f);
  for (guint i = 0; i < 1999; i++)
    sel_reader_delete (f->reader, 1, g_array_index (f->sel, Record, i).bytes, NULL, 0);
  add (f, 3000, 1);
  until (f, f->got->len == 2001);
  until (f, f->deleted == 1999);
  g_assert_cmpuint (f->sel->len, ==, 2);
  g_assert_cmpuint (f->suspects, ==, 0);
}

#define ADD(path, function) g_test_add ("/collector/sel/" path, Fixture, NULL, setup, function, teardown)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("first-contact", test_first_contact);
  ADD ("tail-vanished", test_tail_vanished);
  ADD ("check", test_check);
  ADD ("empty", test_empty);
  ADD ("idle", test_idle_is_one_message);
  ADD ("new-records", test_new_records);
  ADD ("cleared", test_cleared);
  ADD ("loop", test_loop);
  ADD ("points-to-itself", test_points_to_itself);
  ADD ("credit", test_credit);
  ADD ("lost-connection", test_lost_connection);
  ADD ("odd-answers", test_odd_answers);
  ADD ("erase-time", test_erase_time);
  ADD ("delete", test_delete);
  ADD ("delete/stale-predecessor", test_delete_stale_predecessor);
  ADD ("delete/outcomes", test_delete_outcomes);
  ADD ("delete/reservation", test_delete_reservation);
  ADD ("delete/changed", test_delete_changed);
  ADD ("delete/clear", test_clear);
  ADD ("delete/polls-between", test_polls_between_deletes);
  return g_test_run ();
}
