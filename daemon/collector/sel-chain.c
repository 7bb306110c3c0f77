/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sel-chain.c - following the chain of SEL records; see sel-reader.h.
 *
 * Each record names the next one.  A poll starts at the cursor's record, a
 * walk at the first.
 */
#include "sel-reader-private.h"

#include <string.h>

#define VISITED_BYTES (65536u / 8u)
#define READ_MAX 65536u
/* Odd answers to the cursor's check before its record counts as gone. */
#define FAILURES_MAX 3u

void
sel_chain_init (SelReader *reader)
{
  reader->chain.out = g_array_new (FALSE, FALSE, sizeof (SelRecord));
}

void
sel_chain_clear (SelReader *reader)
{
  g_array_unref (reader->chain.out);
  g_free (reader->chain.visited);
}

static void
begin (SelReader *reader, guint16 id)
{
  SelChain *chain = &reader->chain;
  GArray *out = chain->out;

  g_free (chain->visited);
  g_array_set_size (out, 0);
  *chain = (SelChain){ .active = TRUE, .next = id, .out = out };
}

/* The chain is done with, whatever it was. */
static void
finish (SelReader *reader)
{
  SelChain *chain = &reader->chain;
  GArray *out = chain->out;

  g_clear_pointer (&chain->visited, g_free);
  if (out->len > 4 * SEL_READER_BATCH)
    {
      g_array_unref (out);
      out = g_array_new (FALSE, FALSE, sizeof (SelRecord));
    }
  g_array_set_size (out, 0);
  *chain = (SelChain){ .out = out };
}

void
sel_chain_begin_poll (SelReader *reader)
{
  reader->want_poll = FALSE;
  if (reader->cursor_state == SEL_CURSOR_LOST)
    {
      sel_chain_begin_walk (reader, FALSE);
      return;
    }
  begin (reader, reader->cursor_state == SEL_CURSOR_RECORD ? sel_record_id (reader->cursor) : SEL_FIRST);
  reader->chain.checking = TRUE;
}

/* A poll of a SEL believed empty found something: all of it is new. */
static void
become_walk (SelReader *reader)
{
  SelChain *chain = &reader->chain;

  chain->checking = FALSE;
  chain->walk = ++reader->last_walk;
  chain->holding = reader->first_contact && reader->has_tail;
  reader->want_walk = FALSE;
}

void
sel_chain_begin_walk (SelReader *reader, gboolean silent)
{
  begin (reader, SEL_FIRST);
  reader->chain.silent = silent;
  if (!silent)
    become_walk (reader);
}

/* ------------------------------------------------------------- handing over */

static void
hand_over (SelReader *reader, guint n)
{
  SelChain *chain = &reader->chain;
  const SelRecord *records = &g_array_index (chain->out, SelRecord, chain->handed_over);
  gboolean first = chain->walk != 0 && !chain->announced;

  chain->announced = TRUE;
  if (n > 0)
    {
      sel_reader_set_cursor (reader, records[n - 1].bytes);
      /* A SEL that grows may overflow. */
      reader->next_info = MIN (reader->next_info, g_get_monotonic_time () + SEL_INFO_AFTER_RECORDS);
    }
  reader->funcs->records (reader->user_data, chain->walk, first, records, n);
  chain->handed_over += n;
  if (chain->handed_over == chain->out->len)
    {
      g_array_set_size (chain->out, 0);
      chain->handed_over = 0;
    }
}

guint
sel_chain_waiting (const SelChain *chain)
{
  return chain->out->len - chain->handed_over;
}

/* Hands over what there is credit for: whole batches, and the rest at the
 * end.  FALSE if something has to wait for credit. */
static gboolean
flush (SelReader *reader)
{
  SelChain *chain = &reader->chain;

  if (chain->holding || chain->silent)
    return TRUE;
  while (chain->active && sel_chain_waiting (chain) > 0
         && (chain->ending
             || sel_chain_waiting (chain) >= MIN (SEL_READER_BATCH, reader->funcs->credit (reader->user_data))))
    {
      guint n = MIN (MIN (sel_chain_waiting (chain), SEL_READER_BATCH), reader->funcs->credit (reader->user_data));

      if (n == 0)
        return FALSE;
      hand_over (reader, n);
    }
  return TRUE;
}

/* ------------------------------------------------------------------- ending */

static void
end_walk (SelReader *reader)
{
  SelChain *chain = &reader->chain;
  guint walk = chain->walk;
  gboolean complete = chain->complete;

  if (!chain->announced)
    hand_over (reader, 0);
  if (complete)
    {
      if (!chain->has_last)
        sel_reader_set_cursor (reader, NULL);
      reader->first_contact = FALSE;
      reader->next_walk = g_get_monotonic_time () + timers_jitter (SEL_WALK_INTERVAL);
      reader->want_poll = FALSE;
    }
  else if (reader->has_loop) /* which never is complete */
    reader->next_walk = g_get_monotonic_time () + timers_jitter (SEL_WALK_INTERVAL);
  finish (reader);
  reader->funcs->walk_end (reader->user_data, walk, complete);
  if (!complete && reader->connected && !reader->has_loop)
    {
      reader->want_walk = TRUE;
      timer_start (reader->tick, timers_jitter (MAX (reader->interval, G_USEC_PER_SEC)));
    }
}

static void
end_silent (SelReader *reader)
{
  SelChain *chain = &reader->chain;
  guint8 last[FRAME_RECORD_SIZE];
  gboolean has_last = chain->has_last;
  gboolean complete = chain->complete;

  memcpy (last, chain->last, sizeof last);
  finish (reader);
  reader->want_tail = FALSE;
  if (!complete)
    {
      reader->want_tail = TRUE;
      timer_start (reader->tick, timers_jitter (G_USEC_PER_SEC));
      return;
    }
  reader->funcs->tail (reader->user_data, has_last ? last : NULL);
}

/* Read to the end, or as far as it goes.  What was read goes out first. */
static void
end (SelReader *reader, gboolean complete)
{
  SelChain *chain = &reader->chain;

  /* Broken off before the tail: what is old cannot be told from what is new,
   * and the next walk will say. */
  if (chain->holding && !complete && !reader->has_loop)
    g_array_set_size (chain->out, 0);
  chain->ending = TRUE;
  chain->complete = complete;
  chain->holding = FALSE;
  if (complete)
    reader->confirmed = g_get_real_time ();
}

/* FALSE while records wait for credit. */
static gboolean
try_to_end (SelReader *reader)
{
  if (!flush (reader))
    return FALSE;
  if (!reader->chain.active)
    return TRUE;
  if (reader->chain.silent)
    end_silent (reader);
  else if (reader->chain.walk != 0)
    end_walk (reader);
  else
    finish (reader);
  return TRUE;
}

void
sel_chain_abort (SelReader *reader)
{
  guint walk = reader->chain.walk;
  gboolean announced = reader->chain.announced;

  if (!reader->chain.active)
    return;
  finish (reader);
  if (walk != 0 && announced)
    reader->funcs->walk_end (reader->user_data, walk, FALSE);
}

/* ------------------------------------------------------------------ reading */

/* TRUE if the chain has been at this place before. */
static gboolean
visit (SelChain *chain, guint16 id)
{
  guint8 bit = (guint8) (1u << (id % 8));
  gboolean before;

  if (chain->visited == NULL)
    chain->visited = g_malloc0 (VISITED_BYTES);
  before = (chain->visited[id / 8] & bit) != 0;
  chain->visited[id / 8] |= bit;
  return before;
}

/* Where the chain goes from `record`. */
static void
follow (SelReader *reader, const guint8 *record, guint16 next)
{
  SelChain *chain = &reader->chain;
  guint16 id = sel_record_id (record);

  visit (chain, id);
  if (chain->walk == 0 && !chain->silent && reader->has_loop && next == reader->loop)
    end (reader, TRUE); /* where the walk found that the chain begins again */
  else if (next == SEL_LAST)
    {
      reader->has_loop = FALSE;
      end (reader, TRUE);
    }
  else if (next == SEL_FIRST || visit (chain, next) || chain->read >= READ_MAX)
    {
      reader->has_loop = TRUE;
      reader->loop = next;
      end (reader, FALSE);
    }
  else
    {
      chain->in_step = next == id + 1;
      chain->next = next;
    }
}

/* At first contact: everything up to the tail stood there before us. */
static void
release_held (SelReader *reader)
{
  GArray *out = reader->chain.out;

  for (guint i = 0; i < out->len; i++)
    g_array_index (out, SelRecord, i).existing = TRUE;
  reader->chain.holding = FALSE;
}

static void
take_record (SelReader *reader, const guint8 *record, guint16 next)
{
  SelChain *chain = &reader->chain;
  SelRecord entry = { .existing = FALSE };

  memcpy (entry.bytes, record, FRAME_RECORD_SIZE);
  memcpy (chain->last, record, FRAME_RECORD_SIZE);
  chain->has_last = TRUE;
  chain->read++;
  if (!chain->silent)
    g_array_append_val (chain->out, entry);
  g_hash_table_remove (reader->own_deleted, GUINT_TO_POINTER ((guint) sel_record_id (record)));
  if (chain->holding && memcmp (record, reader->tail, FRAME_RECORD_SIZE) == 0)
    release_held (reader);
  follow (reader, record, next);
}

/* The cursor's record is not what it was. */
static void
cursor_gone (SelReader *reader)
{
  gboolean ours = sel_delete_was_ours (reader, reader->cursor);

  reader->failures = 0;
  reader->cursor_state = SEL_CURSOR_LOST;
  reader->want_walk = TRUE;
  finish (reader);
  timer_stop (reader->tick);
  if (ours)
    return;
  reader->want_info = reader->report_info = TRUE;
  reader->funcs->suspect (reader->user_data, FRAME_SUSPECT_CLEARED, reader->confirmed,
                          "the last record read is no longer in the SEL: somebody cleared it or deleted from it");
}

static void
check_cursor (SelReader *reader, const SelSlot *slot)
{
  SelChain *chain = &reader->chain;

  if (reader->cursor_state == SEL_CURSOR_EMPTY)
    {
      become_walk (reader);
      take_record (reader, slot->record, slot->next);
    }
  else if (memcmp (slot->record, reader->cursor, FRAME_RECORD_SIZE) != 0)
    cursor_gone (reader);
  else
    {
      reader->failures = 0;
      chain->checking = FALSE;
      if (reader->has_loop && slot->next == reader->loop)
        end (reader, TRUE); /* known: nothing has been added */
      else
        follow (reader, slot->record, slot->next);
    }
}

static gboolean
means_not_present (guint8 code)
{
  return code == CC_NOT_PRESENT || code == CC_OUT_OF_RANGE || code == CC_INVALID_FIELD;
}

static void
check_failed (SelReader *reader, guint8 code)
{
  if (reader->cursor_state == SEL_CURSOR_EMPTY)
    {
      /* However a BMC puts it: there is no first record. */
      if (means_not_present (code))
        reader->confirmed = g_get_real_time ();
      finish (reader);
    }
  else if (means_not_present (code) || (code != CC_TIMEOUT && ++reader->failures >= FAILURES_MAX))
    cursor_gone (reader);
  else
    finish (reader);
}

static void
take_failure (SelReader *reader, guint8 code)
{
  SelChain *chain = &reader->chain;
  gboolean at_start = chain->read == 0 && chain->next == SEL_FIRST;
  gboolean known_empty = reader->has_info && reader->info_now.entries == 0;

  if (chain->checking)
    check_failed (reader, code);
  else
    end (reader, at_start && (code == CC_NOT_PRESENT || (code != CC_TIMEOUT && known_empty)));
}

static void
take_slot (SelReader *reader, const SelSlot *slot)
{
  if (slot->code != CC_OK)
    take_failure (reader, slot->code);
  else if (reader->chain.checking)
    check_cursor (reader, slot);
  else
    take_record (reader, slot->record, slot->next);
}

/* ------------------------------------------------------------------ going on */

/* Whether the next record has somewhere to go. */
static gboolean
may_read (SelReader *reader)
{
  const SelChain *chain = &reader->chain;

  return chain->checking ? reader->funcs->credit (reader->user_data) > 0
                         : chain->holding || chain->silent
                               || (sel_chain_waiting (chain) < SEL_READER_BATCH
                                   && reader->funcs->credit (reader->user_data) > sel_chain_waiting (chain));
}

gboolean
sel_chain_pump (SelReader *reader)
{
  SelChain *chain = &reader->chain;

  while (chain->active && !chain->ending)
    {
      gboolean flushed = flush (reader);
      SelSlot *slot = sel_slots_find (chain, chain->next);

      if (slot == NULL && (!flushed || !may_read (reader)))
        return FALSE;
      if (slot == NULL || !slot->answered)
        {
          sel_slots_drop_strays (reader);
          sel_slots_request_more (reader);
          return TRUE;
        }
      SelSlot answered = *slot;
      slot->used = FALSE;
      take_slot (reader, &answered);
    }
  if (chain->active)
    try_to_end (reader);
  return FALSE;
}

void
sel_chain_skip (SelReader *reader, guint16 id, guint16 next)
{
  SelChain *chain = &reader->chain;

  if (chain->active && chain->checking && chain->next == id)
    {
      /* The poll was about to ask for the cursor's record, and that is gone. */
      finish (reader);
      reader->want_poll = TRUE;
      return;
    }
  if (!chain->active || chain->ending || chain->next != id || chain->checking || next == SEL_FIRST)
    return;
  for (guint i = 0; i < SEL_WINDOW_MAX; i++)
    chain->slots[i].used = FALSE;
  chain->in_step = FALSE;
  if (next == SEL_LAST)
    end (reader, TRUE);
  else
    chain->next = next;
}
