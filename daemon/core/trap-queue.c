/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trap-queue.c - see trap-queue.h.
 *
 * A BMC that has been polled rests; all rest equally long, so those that rest
 * stand in the order in which their rest ends, and each step takes constant
 * time.  There is one entry for each BMC that ever sent a trap.
 */
#include "core/trap-queue.h"

#define POLL_TIME (G_USEC_PER_SEC / TRAP_QUEUE_RATE)

typedef struct
{
  gint64 bmc;
  gboolean waiting; /* for a poll */
  gboolean resting;
  gint64 rested; /* when its rest ends */
  guint16 sequence;
  guint32 timestamp;
  gint64 heard; /* when its last trap came; 0: never */
} Sender;

struct _TrapQueue
{
  GHashTable *senders; /* gint64 → Sender */
  GQueue waiting;      /* Sender: waiting and not resting */
  GQueue resting;      /* Sender: resting */
  gint64 spent;        /* polls are paid for up to this moment */
  gint64 free_at;      /* when the next one can be paid */
};

TrapQueue *
trap_queue_new (void)
{
  TrapQueue *queue = g_new0 (TrapQueue, 1);

  queue->senders = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);
  g_queue_init (&queue->waiting);
  g_queue_init (&queue->resting);
  return queue;
}

void
trap_queue_free (TrapQueue *queue)
{
  if (queue == NULL)
    return;
  g_queue_clear (&queue->waiting);
  g_queue_clear (&queue->resting);
  g_hash_table_unref (queue->senders);
  g_free (queue);
}

static Sender *
find_sender (TrapQueue *queue, gint64 bmc)
{
  Sender *sender = g_hash_table_lookup (queue->senders, &bmc);

  if (sender != NULL)
    return sender;
  sender = g_new0 (Sender, 1);
  sender->bmc = bmc;
  g_hash_table_insert (queue->senders, &sender->bmc, sender);
  return sender;
}

/* Not the number alone: there are BMCs that do not count. */
static gboolean
is_repeated (const Sender *sender, const Pet *trap, gint64 now)
{
  return trap->sequence != 0 && sender->heard != 0 && now - sender->heard < TRAP_QUEUE_REPEATED
         && sender->sequence == trap->sequence && sender->timestamp == trap->timestamp;
}

gboolean
trap_queue_add (TrapQueue *queue, gint64 bmc, const Pet *trap, gint64 now)
{
  Sender *sender = find_sender (queue, bmc);

  if (is_repeated (sender, trap, now))
    return FALSE;
  sender->sequence = trap->sequence;
  sender->timestamp = trap->timestamp;
  sender->heard = now;
  if (!sender->waiting && !sender->resting)
    g_queue_push_tail (&queue->waiting, sender);
  sender->waiting = TRUE;
  return TRUE;
}

static void
end_rests (TrapQueue *queue, gint64 now)
{
  Sender *sender;

  while ((sender = g_queue_peek_head (&queue->resting)) != NULL && sender->rested <= now)
    {
      g_queue_pop_head (&queue->resting);
      sender->resting = FALSE;
      if (sender->waiting)
        g_queue_push_tail (&queue->waiting, sender);
    }
}

/* What is not spent is saved, up to a burst. */
static gboolean
pay (TrapQueue *queue, gint64 now)
{
  gint64 saved_since = now - TRAP_QUEUE_BURST * POLL_TIME;

  queue->spent = MAX (queue->spent, saved_since);
  if (queue->spent + POLL_TIME > now)
    {
      queue->free_at = queue->spent + POLL_TIME;
      return FALSE;
    }
  queue->spent += POLL_TIME;
  return TRUE;
}

gint64
trap_queue_next (TrapQueue *queue, gint64 now)
{
  end_rests (queue, now);
  if (g_queue_is_empty (&queue->waiting) || !pay (queue, now))
    return 0;
  Sender *sender = g_queue_pop_head (&queue->waiting);
  sender->waiting = FALSE;
  sender->resting = TRUE;
  sender->rested = now + TRAP_QUEUE_REST;
  g_queue_push_tail (&queue->resting, sender);
  return sender->bmc;
}

gint64
trap_queue_wake (const TrapQueue *queue)
{
  if (queue->waiting.length > 0)
    return queue->free_at;
  return queue->resting.head == NULL ? G_MAXINT64 : ((const Sender *) queue->resting.head->data)->rested;
}
