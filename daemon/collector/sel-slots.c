/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sel-slots.c - the requests for records that are under way, and their answers; see
 * sel-reader.h.
 *
 * As ids mostly follow each other, the next few may be asked for before the chain is
 * known to lead there; an answer is used only when the chain does.
 */
#include "sel-reader-private.h"

#include <string.h>

SelSlot *
sel_slots_find (SelChain *chain, guint16 id)
{
  for (guint i = 0; i < SEL_WINDOW_MAX; i++)
    if (chain->slots[i].used && chain->slots[i].id == id)
      return &chain->slots[i];
  return NULL;
}

static SelSlot *
free_slot (SelReader *reader)
{
  for (guint i = 0; i < reader->window; i++)
    if (!reader->chain.slots[i].used)
      return &reader->chain.slots[i];
  return NULL;
}

static void
request (SelReader *reader, SelSlot *slot, guint16 id)
{
  *slot = (SelSlot){ .used = TRUE, .id = id };
  slot->ticket = sel_reader_send_get_entry (reader, id);
}

void
sel_slots_drop_strays (SelReader *reader)
{
  SelChain *chain = &reader->chain;

  for (guint i = 0; i < SEL_WINDOW_MAX; i++)
    {
      guint ahead = (guint16) (chain->slots[i].id - chain->next);

      if (chain->slots[i].used && ahead >= reader->window)
        chain->slots[i].used = FALSE;
    }
}

void
sel_slots_request_more (SelReader *reader)
{
  SelChain *chain = &reader->chain;
  guint ahead = chain->in_step && chain->read >= 2 ? reader->window : 1;

  /* Not further than what is read can be handed over. */
  if (!chain->checking && !chain->holding && !chain->silent)
    {
      guint room = reader->funcs->credit (reader->user_data);
      ahead = MIN (ahead, room > sel_chain_waiting (chain) ? room - sel_chain_waiting (chain) : 0);
    }
  for (guint i = 0; i < ahead && chain->next + i < SEL_LAST; i++)
    {
      guint16 id = (guint16) (chain->next + i);
      SelSlot *slot = sel_slots_find (chain, id) == NULL ? free_slot (reader) : NULL;

      if (slot != NULL)
        request (reader, slot, id);
    }
}

gboolean
sel_slots_reply (SelReader *reader, guint ticket, const guint8 *reply, gsize length)
{
  SelSlot *slot = NULL;

  for (guint i = 0; i < SEL_WINDOW_MAX && slot == NULL; i++)
    if (reader->chain.slots[i].used && reader->chain.slots[i].ticket == ticket)
      slot = &reader->chain.slots[i];
  if (slot == NULL)
    return FALSE;
  slot->answered = TRUE;
  slot->code = reply[0];
  if (slot->code == CC_OK && length != 3 + FRAME_RECORD_SIZE)
    slot->code = CC_UNSPECIFIED;
  if (slot->code != CC_OK)
    return TRUE;
  slot->next = (guint16) (reply[1] | reply[2] << 8);
  memcpy (slot->record, reply + 3, FRAME_RECORD_SIZE);
  /* Some answer with an empty record, or another one, for one that is not
   * there. */
  guint16 id = sel_record_id (slot->record);
  if (id == SEL_FIRST || id == SEL_LAST || (slot->id != SEL_FIRST && id != slot->id))
    slot->code = CC_NOT_PRESENT;
  return TRUE;
}
