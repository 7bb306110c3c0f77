/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sel-reader.c - see sel-reader.h. */
#include "sel-reader-private.h"

#include <string.h>

#define INFO_INTERVAL G_TIME_SPAN_MINUTE
/* While something does not work, not more often than this. */
#define RETRY_INTERVAL G_USEC_PER_SEC

#define INFO_LENGTH 15u
/* Odd answers before a record counts as gone. */
#define CHECK_FAILURES_MAX 3u

static void on_tick (Timer *timer, gpointer user_data);

SelReader *
sel_reader_new (Timers *timers, gint64 interval, const SelReaderFuncs *funcs, gpointer user_data)
{
  SelReader *reader = g_new0 (SelReader, 1);

  reader->timers = timers;
  reader->tick = timer_new (timers, on_tick, reader);
  reader->pause = timer_new (timers, sel_delete_on_pause, reader);
  reader->interval = interval;
  reader->funcs = funcs;
  reader->user_data = user_data;
  reader->window = 1;
  g_queue_init (&reader->deletes);
  reader->own_deleted = g_hash_table_new (NULL, NULL);
  sel_chain_init (reader);
  return reader;
}

void
sel_reader_free (SelReader *reader)
{
  if (reader == NULL)
    return;
  sel_reader_disconnected (reader);
  timer_free (reader->tick);
  timer_free (reader->pause);
  sel_chain_clear (reader);
  g_hash_table_unref (reader->own_deleted);
  g_free (reader);
}

void
sel_reader_set_window (SelReader *reader, guint window)
{
  reader->window = CLAMP (window, 1, SEL_WINDOW_MAX);
}

/* ---------------------------------------------------------------- requests */

/* A request that cannot be sent has a ticket that nobody answers: the silence
 * is noticed by the owner, who ends the connection. */
guint
sel_reader_send (SelReader *reader, guint8 command, const guint8 *data, gsize length)
{
  guint ticket = ++reader->last_ticket;

  reader->funcs->send (reader->user_data, command, data, length, ticket);
  return ticket;
}

guint
sel_reader_send_get_entry (SelReader *reader, guint16 id)
{
  const guint8 data[6] = { 0, 0, (guint8) id, (guint8) (id >> 8), 0, 0xff };

  return sel_reader_send (reader, SEL_GET_ENTRY, data, sizeof data);
}

void
sel_reader_set_cursor (SelReader *reader, const guint8 *record)
{
  reader->cursor_state = record == NULL ? SEL_CURSOR_EMPTY : SEL_CURSOR_RECORD;
  if (record != NULL)
    memmove (reader->cursor, record, FRAME_RECORD_SIZE);
}

/* -------------------------------------------------------------------- info */

static guint32
get_uint32 (const guint8 *bytes)
{
  return bytes[0] | (guint32) bytes[1] << 8 | (guint32) bytes[2] << 16 | (guint32) bytes[3] << 24;
}

/* Section 31.2. */
static SelInfo
decode_info (const SelReader *reader, const guint8 *reply)
{
  SelInfo info = {
    .entries = reply[2] | (guint) reply[3] << 8,
    .free_bytes = reply[4] | (guint) reply[5] << 8,
    .last_add = get_uint32 (reply + 6),
    .last_erase = get_uint32 (reply + 10),
  };

  if ((reply[14] & 0x08) != 0 && !reader->cannot_delete)
    info.flags |= FRAME_SEL_CAN_DELETE;
  if ((reply[14] & 0x02) != 0 && !reader->cannot_reserve)
    info.flags |= FRAME_SEL_CAN_RESERVE;
  if ((reply[14] & 0x80) != 0)
    info.flags |= FRAME_SEL_OVERFLOW;
  return info;
}

/* The erase time moved and it was not our doing. */
static gboolean
was_erased (const SelReader *reader, const SelInfo *before, const SelInfo *now)
{
  return reader->has_info && before->last_erase != now->last_erase && !reader->own_erase;
}

static void
take_info (SelReader *reader, const SelInfo *now, gboolean connected)
{
  SelInfo before = reader->info_now;
  gboolean overflowed = reader->has_info && (now->flags & ~before.flags & FRAME_SEL_OVERFLOW) != 0;
  gboolean erased = was_erased (reader, &before, now);
  gboolean worth_knowing = !reader->has_info || before.flags != now->flags || before.entries != now->entries || erased;

  reader->info_now = *now;
  reader->has_info = TRUE;
  reader->own_erase = FALSE;
  reader->next_info = g_get_monotonic_time () + timers_jitter (INFO_INTERVAL);
  if (connected || reader->report_info || worth_knowing)
    reader->funcs->info (reader->user_data, now, connected);
  reader->report_info = FALSE;
  if (overflowed)
    reader->funcs->suspect (reader->user_data, FRAME_SUSPECT_OVERFLOW, reader->confirmed,
                            "the SEL has overflowed: the BMC dropped records");
  if (erased && !connected)
    reader->want_walk = TRUE;
}

static void
on_info (SelReader *reader, const guint8 *reply, gsize length)
{
  gboolean connected = reader->want_connect_info;
  SelInfo info = { .flags = 0 };

  if (reply[0] == CC_OK && length == INFO_LENGTH)
    info = decode_info (reader, reply);
  else if (reply[0] != CC_INVALID_COMMAND || !connected)
    {
      /* Asked again with the next tick. */
      reader->want_info = reader->report_info;
      return;
    }
  reader->want_connect_info = reader->want_info = FALSE;
  take_info (reader, &info, connected);
}

/* -------------------------------------------------------------------- tail */

static void
report_tail (SelReader *reader, const guint8 *record)
{
  reader->want_tail = reader->checking_tail = FALSE;
  reader->failures = 0;
  reader->funcs->tail (reader->user_data, record);
}

/* How a BMC says that there is no such record. */
static gboolean
means_no_record (const SelReader *reader, guint8 code)
{
  return code == CC_NOT_PRESENT || (code != CC_OK && reader->has_info && reader->info_now.entries == 0);
}

/* Another GUID answers: is it the same SEL?  What is not certain means no. */
static void
on_checked (SelReader *reader, const guint8 *reply, gsize length)
{
  gboolean is_record = reply[0] == CC_OK && length == 3 + FRAME_RECORD_SIZE;

  if (is_record && memcmp (reply + 3, reader->tail, FRAME_RECORD_SIZE) == 0)
    report_tail (reader, reader->tail);
  else if (is_record || means_no_record (reader, reply[0])
           || (reply[0] != CC_TIMEOUT && ++reader->failures >= CHECK_FAILURES_MAX))
    {
      reader->checking_tail = FALSE;
      reader->failures = 0;
    }
}

static void
on_tail (SelReader *reader, const guint8 *reply, gsize length)
{
  if (reply[0] == CC_OK && length == 3 + FRAME_RECORD_SIZE)
    {
      guint16 id = sel_record_id (reply + 3);

      report_tail (reader, id == SEL_FIRST || id == SEL_LAST ? NULL : reply + 3);
    }
  else if (means_no_record (reader, reply[0]))
    report_tail (reader, NULL);
  else if (reply[0] != CC_TIMEOUT && ++reader->failures >= 2)
    /* This BMC does not know "the last one": look for it. */
    sel_chain_begin_walk (reader, TRUE);
}

/* ---------------------------------------------------------------- schedule */

static void
begin_query (SelReader *reader, SelQuery query)
{
  reader->query = query;
  if (query == SEL_QUERY_INFO)
    reader->query_ticket = sel_reader_send (reader, SEL_GET_INFO, NULL, 0);
  else
    reader->query_ticket
        = sel_reader_send_get_entry (reader, reader->checking_tail ? sel_record_id (reader->tail) : SEL_LAST);
}

/* FALSE: there is nothing to do before the next tick. */
static gboolean
begin_something (SelReader *reader)
{
  gboolean started = reader->cursor_state != SEL_CURSOR_UNKNOWN;

  if (reader->chain.active) /* it waits for credit */
    started = FALSE;
  if (reader->want_connect_info && !timer_is_running (reader->tick))
    begin_query (reader, SEL_QUERY_INFO);
  else if (reader->want_tail && !timer_is_running (reader->tick))
    begin_query (reader, SEL_QUERY_TAIL);
  else if (started && reader->want_info && !timer_is_running (reader->tick))
    begin_query (reader, SEL_QUERY_INFO);
  else if (started && reader->want_walk && !timer_is_running (reader->tick))
    sel_chain_begin_walk (reader, FALSE);
  else if (started && reader->want_poll)
    sel_chain_begin_poll (reader);
  else if (!g_queue_is_empty (&reader->deletes))
    sel_delete_begin (reader);
  else
    return FALSE;
  return TRUE;
}

static gboolean
is_busy (SelReader *reader)
{
  return reader->query != SEL_QUERY_NONE || reader->stage != SEL_STAGE_NONE
         || (reader->chain.active && sel_chain_pump (reader));
}

void
sel_reader_schedule (SelReader *reader)
{
  /* Callbacks lead back here; the outermost call does the work. */
  if (!reader->connected || reader->scheduling)
    return;
  reader->scheduling = TRUE;
  while (reader->connected && !is_busy (reader) && begin_something (reader))
    ;
  reader->scheduling = FALSE;
  /* It also runs while deletes go on, so that they do not hold up a poll. */
  if (!timer_is_running (reader->tick) && !reader->want_poll && !reader->chain.active
      && reader->query == SEL_QUERY_NONE)
    timer_start (reader->tick, timers_jitter (reader->interval));
}

static void
on_tick (G_GNUC_UNUSED Timer *timer, gpointer user_data)
{
  SelReader *reader = user_data;
  gint64 now = g_get_monotonic_time ();

  reader->want_poll = TRUE;
  if (now >= reader->next_info)
    reader->want_info = TRUE;
  if (now >= reader->next_walk)
    reader->want_walk = TRUE;
  sel_reader_schedule (reader);
}

/* Tries again, but not at once. */
static void
wait_a_little (SelReader *reader)
{
  timer_start (reader->tick, timers_jitter (MAX (reader->interval, RETRY_INTERVAL)));
}

/* --------------------------------------------------------- from the outside */

void
sel_reader_connected (SelReader *reader)
{
  gint64 now = g_get_monotonic_time ();

  reader->connected = TRUE;
  reader->cursor_state = SEL_CURSOR_UNKNOWN;
  reader->has_info = FALSE;
  reader->own_erase = FALSE;
  reader->failures = 0;
  reader->want_connect_info = TRUE;
  reader->want_info = reader->want_tail = reader->want_walk = reader->want_poll = reader->report_info = FALSE;
  reader->checking_tail = FALSE;
  reader->next_info = now + timers_jitter (INFO_INTERVAL);
  reader->next_walk = now + timers_jitter (SEL_WALK_INTERVAL);
  timer_stop (reader->tick);
  sel_reader_schedule (reader);
}

void
sel_reader_disconnected (SelReader *reader)
{
  reader->connected = FALSE;
  timer_stop (reader->tick);
  timer_stop (reader->pause);
  reader->query = SEL_QUERY_NONE;
  reader->want_connect_info = FALSE;
  sel_chain_abort (reader);
  sel_delete_abort_all (reader);
}

void
sel_reader_reply (SelReader *reader, guint ticket, const guint8 *reply, gsize length)
{
  static const guint8 nothing[1] = { CC_UNSPECIFIED };
  SelQuery query = reader->query;

  if (!reader->connected)
    return;
  if (length == 0)
    {
      reply = nothing;
      length = 1;
    }
  if (query != SEL_QUERY_NONE && ticket == reader->query_ticket)
    {
      reader->query = SEL_QUERY_NONE;
      if (query == SEL_QUERY_INFO)
        on_info (reader, reply, length);
      else if (reader->checking_tail)
        on_checked (reader, reply, length);
      else
        on_tail (reader, reply, length);
      if ((reader->want_connect_info && query == SEL_QUERY_INFO) || (reader->want_tail && !reader->chain.active)
          || reader->want_info)
        wait_a_little (reader);
    }
  else if (!sel_slots_reply (reader, ticket, reply, length) && !sel_delete_reply (reader, ticket, reply, length))
    return;
  sel_reader_schedule (reader);
}

void
sel_reader_start (SelReader *reader, FrameCursor cursor, const guint8 *record, gboolean walk)
{
  if (!reader->connected)
    return;
  sel_chain_abort (reader);
  timer_stop (reader->tick);
  reader->first_contact = cursor == FRAME_CURSOR_FIRST && walk;
  if (cursor == FRAME_CURSOR_EMPTY)
    record = NULL;
  reader->has_tail = record != NULL;
  if (record != NULL)
    memcpy (reader->tail, record, FRAME_RECORD_SIZE);
  reader->checking_tail = cursor == FRAME_CURSOR_CHECK && record != NULL;
  if (reader->checking_tail || (cursor == FRAME_CURSOR_FIRST && !walk))
    {
      reader->cursor_state = SEL_CURSOR_UNKNOWN;
      reader->want_tail = TRUE;
    }
  else
    {
      sel_reader_set_cursor (reader, record);
      reader->want_walk = walk;
      reader->want_poll = TRUE;
    }
  sel_reader_schedule (reader);
}

void
sel_reader_poll (SelReader *reader)
{
  reader->want_poll = TRUE;
  sel_reader_schedule (reader);
}

void
sel_reader_walk (SelReader *reader)
{
  reader->want_walk = TRUE;
  if (!reader->want_connect_info && !reader->want_tail)
    timer_stop (reader->tick);
  sel_reader_schedule (reader);
}

void
sel_reader_wake (SelReader *reader)
{
  sel_reader_schedule (reader);
}

void
sel_reader_delete (SelReader *reader, guint64 token, const guint8 *record, const guint8 *predecessor,
                   FrameDeleteFlags flags)
{
  SelDelete *request;

  if (!reader->connected)
    {
      reader->funcs->deleted (reader->user_data, token, FRAME_DELETE_UNAVAILABLE, "the BMC is not connected");
      return;
    }
  request = g_new0 (SelDelete, 1);
  request->token = token;
  memcpy (request->record, record, FRAME_RECORD_SIZE);
  request->has_predecessor = predecessor != NULL;
  if (predecessor != NULL)
    memcpy (request->predecessor, predecessor, FRAME_RECORD_SIZE);
  request->flags = flags;
  g_queue_push_tail (&reader->deletes, request);
  sel_reader_schedule (reader);
}
