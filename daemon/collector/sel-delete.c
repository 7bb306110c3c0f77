/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sel-delete.c - deleting one record: reserve, compare, delete; see
 * sel-reader.h.  IPMI 2.0, sections 31.4 to 31.9. */
#include "sel-reader-private.h"

#include <string.h>

/* How often a lost reservation is taken again, and the pause before. */
#define TRIES_MAX 8u
#define RETRY_PAUSE (20 * G_TIME_SPAN_MILLISECOND)
/* How long a clear may take, and how often to ask. */
#define ERASE_TIME (60 * G_USEC_PER_SEC)
#define ERASE_PAUSE (250 * G_TIME_SPAN_MILLISECOND)

#define CLEAR_INITIATE 0xaa
#define CLEAR_STATUS 0x00

static guint
hash_record (const guint8 *record)
{
  guint hash = 5381;

  for (guint i = 0; i < FRAME_RECORD_SIZE; i++)
    hash = hash * 33 + record[i];
  return hash | 1u; /* never the NULL of a missing key */
}

gboolean
sel_delete_was_ours (const SelReader *reader, const guint8 *record)
{
  gpointer id = GUINT_TO_POINTER ((guint) sel_record_id (record));

  return GPOINTER_TO_UINT (g_hash_table_lookup (reader->own_deleted, id)) == hash_record (record);
}

static void
answer (SelReader *reader, FrameDeleteOutcome outcome, const char *words)
{
  SelDelete *request = g_steal_pointer (&reader->deleting);

  reader->stage = SEL_STAGE_NONE;
  reader->funcs->deleted (reader->user_data, request->token, outcome, words);
  g_free (request);
}

void
sel_delete_abort_all (SelReader *reader)
{
  SelDelete *request;

  if (reader->deleting != NULL)
    answer (reader, FRAME_DELETE_UNAVAILABLE, "the connection was lost");
  while ((request = g_queue_pop_head (&reader->deletes)) != NULL)
    {
      reader->funcs->deleted (reader->user_data, request->token, FRAME_DELETE_UNAVAILABLE, "the connection was lost");
      g_free (request);
    }
}

/* The cursor's record is gone and it was our doing: fall back. */
static void
move_cursor (SelReader *reader, const SelDelete *request)
{
  if (reader->cursor_state != SEL_CURSOR_RECORD || memcmp (reader->cursor, request->record, FRAME_RECORD_SIZE) != 0)
    return;
  if (!request->has_predecessor)
    sel_reader_set_cursor (reader, NULL);
  else if (sel_delete_was_ours (reader, request->predecessor))
    reader->cursor_state = SEL_CURSOR_LOST;
  else
    sel_reader_set_cursor (reader, request->predecessor);
}

static void
done (SelReader *reader)
{
  guint16 id = sel_record_id (reader->deleting->record);

  reader->own_erase = TRUE;
  g_hash_table_insert (reader->own_deleted, GUINT_TO_POINTER ((guint) id),
                       GUINT_TO_POINTER (hash_record (reader->deleting->record)));
  move_cursor (reader, reader->deleting);
  sel_chain_skip (reader, id, reader->delete_next);
  answer (reader, FRAME_DELETE_DONE, "");
}

static void
cleared (SelReader *reader)
{
  reader->own_erase = TRUE;
  g_hash_table_remove_all (reader->own_deleted);
  sel_chain_abort (reader);
  sel_reader_set_cursor (reader, NULL);
  answer (reader, FRAME_DELETE_DONE, "");
}

/* ------------------------------------------------------------------ stages */

static void
begin_stage (SelReader *reader, SelStage stage)
{
  const guint8 *record = reader->deleting->record;
  guint8 low = (guint8) reader->reservation;
  guint8 high = (guint8) (reader->reservation >> 8);
  const guint8 delete[] = { low, high, record[0], record[1] };
  const guint8 clear[] = { low, high, 'C', 'L', 'R', stage == SEL_STAGE_CLEAR ? CLEAR_INITIATE : CLEAR_STATUS };

  reader->stage = stage;
  if (stage == SEL_STAGE_RESERVE)
    reader->delete_ticket = sel_reader_send (reader, SEL_RESERVE, NULL, 0);
  else if (stage == SEL_STAGE_COMPARE)
    reader->delete_ticket = sel_reader_send_get_entry (reader, sel_record_id (record));
  else if (stage == SEL_STAGE_DELETE)
    reader->delete_ticket = sel_reader_send (reader, SEL_DELETE_ENTRY, delete, sizeof delete);
  else
    reader->delete_ticket = sel_reader_send (reader, SEL_CLEAR, clear, sizeof clear);
}

static gboolean
can_reserve (const SelReader *reader)
{
  return !reader->cannot_reserve && (!reader->has_info || (reader->info_now.flags & FRAME_SEL_CAN_RESERVE) != 0);
}

static gboolean
can_delete (const SelReader *reader)
{
  return !reader->cannot_delete && (!reader->has_info || (reader->info_now.flags & FRAME_SEL_CAN_DELETE) != 0);
}

static void
begin_try (SelReader *reader)
{
  reader->reservation = 0;
  begin_stage (reader, can_reserve (reader) ? SEL_STAGE_RESERVE : SEL_STAGE_COMPARE);
}

/* Somebody else took the reservation, or a record came: once more. */
static void
try_again (SelReader *reader)
{
  if (++reader->delete_tries >= TRIES_MAX)
    {
      answer (reader, FRAME_DELETE_UNAVAILABLE, "the SEL's reservation is lost each time: something else uses it");
      return;
    }
  reader->stage = SEL_STAGE_PAUSE;
  timer_start (reader->pause, timers_jitter (RETRY_PAUSE * reader->delete_tries));
}

void
sel_delete_on_pause (G_GNUC_UNUSED Timer *timer, gpointer user_data)
{
  SelReader *reader = user_data;

  if (reader->stage == SEL_STAGE_PAUSE)
    begin_try (reader);
  else if (reader->stage == SEL_STAGE_ERASING)
    begin_stage (reader, SEL_STAGE_ERASING);
}

/* What a completion code means for a delete. */
static void
fail (SelReader *reader, guint8 code, const char *what)
{
  g_autofree char *words = NULL;

  switch (code)
    {
    case CC_TIMEOUT:
    case CC_UNSPECIFIED:
    case CC_NODE_BUSY:
      words = g_strdup_printf ("%s: no answer (completion code 0x%02x)", what, code);
      answer (reader, FRAME_DELETE_UNAVAILABLE, words);
      break;
    case CC_SEL_ERASE_IN_PROGRESS:
      answer (reader, FRAME_DELETE_UNAVAILABLE, "the SEL is being erased");
      break;
    case CC_RESERVATION_LOST:
      try_again (reader);
      break;
    case CC_NO_PRIVILEGE:
      answer (reader, FRAME_DELETE_REFUSED, "the user's privilege does not allow it (operator is needed)");
      break;
    default:
      words = g_strdup_printf ("%s: the BMC refuses (completion code 0x%02x)", what, code);
      answer (reader, FRAME_DELETE_REFUSED, words);
    }
}

static void
on_reserve (SelReader *reader, const guint8 *reply, gsize length)
{
  if (reply[0] == CC_INVALID_COMMAND)
    {
      reader->cannot_reserve = TRUE;
      begin_stage (reader, SEL_STAGE_COMPARE);
    }
  else if (reply[0] != CC_OK || length != 3)
    fail (reader, reply[0] == CC_OK ? CC_UNSPECIFIED : reply[0], "Reserve SEL");
  else
    {
      reader->reservation = (guint16) (reply[1] | reply[2] << 8);
      begin_stage (reader, SEL_STAGE_COMPARE);
    }
}

/* The BMC cannot delete single records, or nobody asks for that: the whole SEL, if
 * that is wanted and this is its last record. */
static void
clear_instead (SelReader *reader)
{
  if ((reader->deleting->flags & FRAME_DELETE_ALLOW_CLEAR) == 0)
    answer (reader, FRAME_DELETE_REFUSED, "the BMC cannot delete single records");
  else if (!can_reserve (reader))
    answer (reader, FRAME_DELETE_REFUSED, "the BMC offers no reservation, so clearing its SEL is not safe");
  else if (reader->delete_next != SEL_LAST)
    answer (reader, FRAME_DELETE_UNAVAILABLE, "the SEL can only be cleared, and a later record stands in it");
  else
    {
      reader->delete_deadline = g_get_monotonic_time () + ERASE_TIME;
      begin_stage (reader, SEL_STAGE_CLEAR);
    }
}

static void
on_compare (SelReader *reader, const guint8 *reply, gsize length)
{
  gboolean good = reply[0] == CC_OK && length == 3 + FRAME_RECORD_SIZE;

  if (good)
    reader->delete_next = (guint16) (reply[1] | reply[2] << 8);
  if (reply[0] == CC_NOT_PRESENT && (reader->deleting->flags & FRAME_DELETE_CLEAR) != 0)
    answer (reader, FRAME_DELETE_CHANGED, "the record does not stand any more");
  else if (reply[0] == CC_NOT_PRESENT)
    done (reader);
  else if (!good)
    fail (reader, reply[0] == CC_OK ? CC_UNSPECIFIED : reply[0], "Get SEL Entry");
  else if (memcmp (reply + 3, reader->deleting->record, FRAME_RECORD_SIZE) != 0)
    answer (reader, FRAME_DELETE_CHANGED, "another record stands under this id");
  else if ((reader->deleting->flags & FRAME_DELETE_DRY_RUN) != 0)
    answer (reader, FRAME_DELETE_DONE, "");
  else if (can_delete (reader) && (reader->deleting->flags & FRAME_DELETE_CLEAR) == 0)
    begin_stage (reader, SEL_STAGE_DELETE);
  else
    clear_instead (reader);
}

static void
on_delete (SelReader *reader, const guint8 *reply)
{
  if (reply[0] == CC_OK || reply[0] == CC_NOT_PRESENT)
    done (reader);
  else if (reply[0] == CC_INVALID_COMMAND)
    {
      reader->cannot_delete = TRUE;
      clear_instead (reader);
    }
  else
    fail (reader, reply[0], "Delete SEL Entry");
}

static void
on_erase (SelReader *reader, const guint8 *reply, gsize length)
{
  if (reply[0] != CC_OK || length != 2)
    fail (reader, reply[0] == CC_OK ? CC_UNSPECIFIED : reply[0], "Clear SEL");
  else if ((reply[1] & 0xf) == 1)
    cleared (reader);
  else if (g_get_monotonic_time () >= reader->delete_deadline)
    answer (reader, FRAME_DELETE_UNAVAILABLE, "the BMC has not finished erasing its SEL");
  else
    {
      reader->stage = SEL_STAGE_ERASING;
      timer_start (reader->pause, ERASE_PAUSE);
    }
}

void
sel_delete_begin (SelReader *reader)
{
  reader->deleting = g_queue_pop_head (&reader->deletes);
  reader->delete_tries = 0;
  reader->delete_next = SEL_FIRST; /* not known */
  begin_try (reader);
}

gboolean
sel_delete_reply (SelReader *reader, guint ticket, const guint8 *reply, gsize length)
{
  if (reader->deleting == NULL || ticket != reader->delete_ticket)
    return FALSE;
  switch (reader->stage)
    {
    case SEL_STAGE_RESERVE:
      on_reserve (reader, reply, length);
      break;
    case SEL_STAGE_COMPARE:
      on_compare (reader, reply, length);
      break;
    case SEL_STAGE_DELETE:
      on_delete (reader, reply);
      break;
    case SEL_STAGE_CLEAR:
    case SEL_STAGE_ERASING:
      on_erase (reader, reply, length);
      break;
    default:
      return FALSE;
    }
  return TRUE;
}
