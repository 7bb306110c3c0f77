/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* readings.c - see readings.h and inventory-private.h. */
#include "core/inventory-private.h"

#include "core/words.h"
#include "event/error.h"
#include "event/pattern.h"

/* BMCs in the order in which they got something to take; each stands here at
 * most once. */
typedef struct
{
  InventoryBmc **bmcs;
  guint size, first, length;
} Ring;

/* What one call of a plugin gets, and what keeps its texts alive. */
typedef struct
{
  IpmidReadings view;
  const IpmidReading *pointers[READINGS_BATCH];
  IpmidReading readings[READINGS_BATCH];
  const char *words[READINGS_BATCH * (SENSOR_STATES + 1)];
  guint n_words;
  SensorSet *sets[READINGS_BATCH];
  char *names[READINGS_BATCH]; /* words.h */
  guint n_bmcs;
} Batch;

struct _Readings
{
  Inventory *inventory;
  guint32 bit;           /* this reader's */
  PatternList *patterns; /* of sensors' names; NULL: all */
  ReadingsWakeFunc wake;
  gpointer user_data;
  Batch *batch; /* the handler's thread */

  /* Under the inventory's lock. */
  gboolean wanted;
  Ring ring;
  guint position; /* in the slots of the ring's first BMC: where to go on */
  guint64 taken, dropped;
};

/* ------------------------------------------------------------------ the ring */

static InventoryBmc **
ring_at (const Ring *ring, guint i)
{
  return &ring->bmcs[(ring->first + i) % ring->size];
}

/* Grows with the number of BMCs, not with their readings. */
static void
ring_push (Ring *ring, InventoryBmc *bmc)
{
  if (ring->length == ring->size)
    {
      InventoryBmc **bmcs = g_new (InventoryBmc *, 2 * ring->size);
      for (guint i = 0; i < ring->length; i++)
        bmcs[i] = *ring_at (ring, i);
      g_free (ring->bmcs);
      *ring = (Ring){ bmcs, 2 * ring->size, 0, ring->length };
    }
  *ring_at (ring, ring->length++) = bmc;
}

static InventoryBmc *
ring_pop (Ring *ring)
{
  InventoryBmc *bmc = *ring_at (ring, 0);

  ring->first = (ring->first + 1) % ring->size;
  ring->length--;
  return bmc;
}

/* ------------------------------------------------------- the core's thread */

void
readings_choose (const Readings *readings, InventoryBmc *bmc)
{
  for (guint i = 0; i < sensor_set_length (bmc->set); i++)
    {
      Slot *slot = &bmc->slots[i];
      gboolean wanted = readings->wanted && pattern_list_match (readings->patterns, sensor_set_get (bmc->set, i)->name);

      slot->wanted = wanted ? slot->wanted | readings->bit : slot->wanted & ~readings->bit;
      slot->pending &= wanted ? G_MAXUINT32 : ~readings->bit;
    }
}

static void
choose_everywhere (Readings *readings)
{
  GHashTableIter iter;
  gpointer bmc;

  g_hash_table_iter_init (&iter, readings->inventory->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &bmc))
    readings_choose (readings, bmc);
}

/* FALSE if there are too many readers. */
static gboolean
subscribe (Readings *readings)
{
  Inventory *inventory = readings->inventory;

  for (guint i = 0; i < INVENTORY_READERS; i++)
    if (inventory->readers[i] == NULL)
      {
        inventory->readers[i] = readings;
        readings->bit = 1u << i;
        choose_everywhere (readings);
        return TRUE;
      }
  return FALSE;
}

static void
unsubscribe (Readings *readings)
{
  Inventory *inventory = readings->inventory;

  readings->wanted = FALSE;
  choose_everywhere (readings);
  while (readings->ring.length > 0)
    ring_pop (&readings->ring)->queued &= ~readings->bit;
  for (guint i = 0; i < INVENTORY_READERS; i++)
    if (inventory->readers[i] == readings)
      inventory->readers[i] = NULL;
}

Readings *
readings_new (Inventory *inventory, const char *const *patterns, ReadingsWakeFunc wake, gpointer user_data,
              GError **error)
{
  g_autoptr (GError) local = NULL;
  PatternList *compiled = pattern_list_new (patterns, &local);

  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  Readings *readings = g_new0 (Readings, 1);
  readings->inventory = inventory;
  readings->patterns = compiled;
  readings->wake = wake;
  readings->user_data = user_data;
  readings->wanted = TRUE;
  readings->ring = (Ring){ g_new (InventoryBmc *, 16), 16, 0, 0 };
  g_mutex_lock (&inventory->lock);
  gboolean good = subscribe (readings);
  g_mutex_unlock (&inventory->lock);
  if (good)
    return readings;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "no more than %u handlers may take readings", INVENTORY_READERS);
  readings_free (readings);
  return NULL;
}

static void
release_batch (Batch *batch)
{
  for (guint i = 0; i < batch->n_bmcs; i++)
    {
      sensor_set_unref (batch->sets[i]);
      words_unref (batch->names[i]);
    }
  batch->n_bmcs = batch->n_words = batch->view.n_readings = 0;
}

void
readings_free (Readings *readings)
{
  if (readings == NULL)
    return;
  g_mutex_lock (&readings->inventory->lock);
  unsubscribe (readings);
  g_mutex_unlock (&readings->inventory->lock);
  if (readings->batch != NULL)
    release_batch (readings->batch);
  pattern_list_free (readings->patterns);
  g_free (readings->batch);
  g_free (readings->ring.bmcs);
  g_free (readings);
}

guint32
readings_queue (Inventory *inventory, InventoryBmc *bmc, guint32 readers)
{
  guint32 woken = 0;

  readers &= ~bmc->queued;
  bmc->queued |= readers;
  for (guint i = 0; i < INVENTORY_READERS && readers >> i != 0; i++)
    if ((readers & (1u << i)) != 0)
      {
        woken |= inventory->readers[i]->ring.length == 0 ? 1u << i : 0;
        ring_push (&inventory->readers[i]->ring, bmc);
      }
  return woken;
}

void
readings_note_dropped (Inventory *inventory, guint32 readers)
{
  for (guint i = 0; i < INVENTORY_READERS; i++)
    if ((readers & (1u << i)) != 0)
      inventory->readers[i]->dropped++;
}

void
readings_forget (Readings *readings, const InventoryBmc *bmc)
{
  guint length = readings->ring.length;

  if (length > 0 && *ring_at (&readings->ring, 0) == bmc)
    readings->position = 0;
  for (guint i = 0; i < length; i++)
    {
      InventoryBmc *other = ring_pop (&readings->ring);
      if (other != bmc)
        ring_push (&readings->ring, other);
    }
}

void
readings_wake (Inventory *inventory, guint32 readers)
{
  for (guint i = 0; i < INVENTORY_READERS; i++)
    if ((readers & (1u << i)) != 0)
      inventory->readers[i]->wake (inventory->readers[i]->user_data);
}

void
readings_set_wanted (Readings *readings, gboolean wanted)
{
  g_mutex_lock (&readings->inventory->lock);
  readings->wanted = wanted;
  choose_everywhere (readings);
  g_mutex_unlock (&readings->inventory->lock);
}

/* -------------------------------------------------------- the handler's thread */

/* Takes what fits of one BMC; FALSE if something of it is left over. */
static gboolean
take_bmc (Readings *readings, InventoryBmc *bmc, Batch *batch)
{
  guint n = sensor_set_length (bmc->set), before = batch->view.n_readings;

  while (readings->position < n && batch->view.n_readings < READINGS_BATCH)
    {
      Slot *slot = &bmc->slots[readings->position];
      if ((slot->pending & readings->bit) != 0)
        {
          const char **words = &batch->words[batch->n_words];
          slot->pending &= ~readings->bit;
          batch->n_words += 1
                            + sensor_fill_reading (sensor_set_get (bmc->set, readings->position), bmc->name,
                                                   &slot->reading, words, &batch->readings[batch->view.n_readings++]);
        }
      readings->position++;
    }
  if (batch->view.n_readings > before)
    {
      batch->sets[batch->n_bmcs] = sensor_set_ref (bmc->set);
      batch->names[batch->n_bmcs++] = words_ref (bmc->name);
    }
  return readings->position >= n;
}

static gboolean
has_pending (const InventoryBmc *bmc, guint32 bit)
{
  for (guint i = 0; i < sensor_set_length (bmc->set); i++)
    if ((bmc->slots[i].pending & bit) != 0)
      return TRUE;
  return FALSE;
}

/* The lock is held.  A BMC whose earlier sensors were read again while its later
 * ones were taken gets in line again, behind the others. */
static void
take_all (Readings *readings, Batch *batch)
{
  Ring *ring = &readings->ring;

  while (ring->length > 0 && batch->view.n_readings < READINGS_BATCH)
    {
      if (!take_bmc (readings, *ring_at (ring, 0), batch))
        return;
      InventoryBmc *bmc = ring_pop (ring);
      readings->position = 0;
      if (has_pending (bmc, readings->bit))
        ring_push (ring, bmc);
      else
        bmc->queued &= ~readings->bit;
    }
}

static Batch *
new_batch (void)
{
  Batch *batch = g_new0 (Batch, 1);

  batch->view.size = sizeof batch->view;
  batch->view.readings = batch->pointers;
  for (guint i = 0; i < READINGS_BATCH; i++)
    batch->pointers[i] = &batch->readings[i];
  return batch;
}

const IpmidReadings *
readings_take (Readings *readings)
{
  if (readings->batch == NULL)
    readings->batch = new_batch ();
  Batch *batch = readings->batch;
  release_batch (batch);
  g_mutex_lock (&readings->inventory->lock);
  take_all (readings, batch);
  readings->taken += batch->view.n_readings;
  batch->view.dropped = readings->dropped;
  g_mutex_unlock (&readings->inventory->lock);
  return batch->view.n_readings == 0 ? NULL : &batch->view;
}

gboolean
readings_are_waiting (Readings *readings)
{
  g_mutex_lock (&readings->inventory->lock);
  gboolean waiting = readings->ring.length > 0;
  g_mutex_unlock (&readings->inventory->lock);
  return waiting;
}

void
readings_count (Readings *readings, guint64 *taken, guint64 *dropped)
{
  g_mutex_lock (&readings->inventory->lock);
  *taken = readings->taken;
  *dropped = readings->dropped;
  g_mutex_unlock (&readings->inventory->lock);
}
