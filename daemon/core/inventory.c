/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* inventory.c - see inventory.h. */
#include "core/inventory-private.h"

#include "core/log.h"
#include "core/words.h"
#include "event/error.h"
#include "event/text.h"

#include <math.h>

/* Plugins get nanoseconds: so times end in the year 2262. */
#define TIME_MAX (G_MAXINT64 / 1000)

/* Bytes of the words about a state. */
#define WORDS_MAX 256

struct _InventorySnapshot
{
  gatomicrefcount references;
  gint64 id;
  char *bmc, *host; /* words.h; host may be NULL */
  char **labels;
  IpmidBmcState state;
  char *state_words; /* words.h */
  gint64 since;      /* microseconds */
  SensorSet *set;
  SensorReading readings[];
};

G_STATIC_ASSERT (sizeof (FrameReading) == 40 && G_STRUCT_OFFSET (FrameReading, time) == 8
                 && G_STRUCT_OFFSET (FrameReading, flags) == 16 && G_STRUCT_OFFSET (FrameReading, value) == 24
                 && G_STRUCT_OFFSET (FrameReading, states) == 32);

static void
free_bmc (gpointer data)
{
  InventoryBmc *bmc = data;

  words_unref (bmc->name);
  g_clear_pointer (&bmc->host, words_unref);
  words_unref (bmc->state_words);
  g_strfreev (bmc->labels);
  sensor_set_unref (bmc->set);
  sensor_set_unref (bmc->building);
  g_free (bmc->slots);
  g_free (bmc);
}

Inventory *
inventory_new (void)
{
  Inventory *inventory = g_new0 (Inventory, 1);

  inventory->words = sensor_words_new ();
  g_mutex_init (&inventory->lock);
  inventory->bmcs = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, free_bmc);
  return inventory;
}

void
inventory_free (Inventory *inventory)
{
  if (inventory == NULL)
    return;
  for (guint i = 0; i < INVENTORY_READERS; i++)
    g_assert (inventory->readers[i] == NULL);
  g_hash_table_unref (inventory->bmcs);
  g_hash_table_unref (inventory->words);
  severity_rules_unref (inventory->severities);
  g_mutex_clear (&inventory->lock);
  g_free (inventory);
}

/* Without the lock where only this thread, which alone changes it, looks. */
static InventoryBmc *
find_bmc (Inventory *inventory, gint64 id)
{
  return g_hash_table_lookup (inventory->bmcs, &id);
}

void
inventory_add_bmc (Inventory *inventory, gint64 id, const char *name)
{
  g_mutex_lock (&inventory->lock);
  InventoryBmc *bmc = find_bmc (inventory, id);
  if (bmc == NULL)
    {
      bmc = g_new0 (InventoryBmc, 1);
      bmc->id = id;
      bmc->set = sensor_set_new ();
      bmc->state_words = words_intern ("");
      bmc->since = g_get_real_time ();
      g_hash_table_insert (inventory->bmcs, &bmc->id, bmc);
    }
  g_clear_pointer (&bmc->name, words_unref);
  bmc->name = words_intern (name);
  g_mutex_unlock (&inventory->lock);
}

void
inventory_remove_bmc (Inventory *inventory, gint64 id)
{
  g_mutex_lock (&inventory->lock);
  const InventoryBmc *bmc = find_bmc (inventory, id);
  for (guint i = 0; bmc != NULL && i < INVENTORY_READERS; i++)
    if (inventory->readers[i] != NULL)
      readings_forget (inventory->readers[i], bmc);
  g_hash_table_remove (inventory->bmcs, &id);
  g_mutex_unlock (&inventory->lock);
}

void
inventory_set_labels (Inventory *inventory, gint64 id, const char *host, const char *const *labels)
{
  g_mutex_lock (&inventory->lock);
  InventoryBmc *bmc = find_bmc (inventory, id);
  if (bmc != NULL)
    {
      g_clear_pointer (&bmc->host, words_unref);
      bmc->host = host == NULL ? NULL : words_intern (host);
      g_strfreev (bmc->labels);
      bmc->labels = g_strdupv ((char **) labels);
    }
  g_mutex_unlock (&inventory->lock);
}

void
inventory_set_state (Inventory *inventory, gint64 id, IpmidBmcState state, const char *words, gint64 since)
{
  g_autofree char *clean = text_clean (words == NULL ? "" : words, -1, WORDS_MAX);

  g_mutex_lock (&inventory->lock);
  InventoryBmc *bmc = find_bmc (inventory, id);
  if (bmc != NULL)
    {
      words_unref (bmc->state_words);
      bmc->state_words = words_intern (clean);
      bmc->state = state;
      bmc->since = since;
    }
  g_mutex_unlock (&inventory->lock);
}

/* -------------------------------------------------------------- the sensors */

/* What the old inventory knew of sensors that are in the new one.  An interned
 * id is the same pointer in both; of several with one id the first counts. */
static void
keep_readings (const SensorSet *old, const Slot *old_slots, const SensorSet *set, Slot *slots)
{
  g_autoptr (GHashTable) by_id = g_hash_table_new (NULL, NULL);

  for (guint i = sensor_set_length (old); i > 0; i--)
    g_hash_table_insert (by_id, sensor_set_get (old, i - 1)->id, GUINT_TO_POINTER (i));
  for (guint i = 0; i < sensor_set_length (set); i++)
    {
      const Sensor *sensor = sensor_set_get (set, i);
      guint before = GPOINTER_TO_UINT (g_hash_table_lookup (by_id, sensor->id));
      const Sensor *same = before == 0 ? NULL : sensor_set_get (old, before - 1);
      if (same != NULL && same->type == sensor->type && same->reading_type == sensor->reading_type
          && same->unit == sensor->unit)
        slots[i] = old_slots[before - 1];
      g_hash_table_remove (by_id, sensor->id);
    }
}

static void
install (Inventory *inventory, InventoryBmc *bmc)
{
  const LogContext context = { .bmc = bmc->name };
  Slot *slots = g_new0 (Slot, sensor_set_length (bmc->building));

  if (bmc->beyond > 0)
    log_line (IPMID_LOG_WARNING, &context, "has more than %u sensors; %u of them are left out", SENSOR_SET_MAX,
              bmc->beyond);
  sensor_set_judge (bmc->building, inventory->severities);
  g_mutex_lock (&inventory->lock);
  keep_readings (bmc->set, bmc->slots, bmc->building, slots);
  sensor_set_unref (bmc->set);
  g_free (bmc->slots);
  bmc->set = g_steal_pointer (&bmc->building);
  bmc->slots = slots;
  for (guint i = 0; i < INVENTORY_READERS; i++)
    if (inventory->readers[i] != NULL)
      readings_choose (inventory->readers[i], bmc);
  g_mutex_unlock (&inventory->lock);
}

/* Others may read the old set, so a new one takes its place: the sensors stand at
 * the same places in it, and the slots stay. */
void
inventory_set_severities (Inventory *inventory, SeverityRules *rules)
{
  GHashTableIter iter;
  gpointer value;

  severity_rules_ref (rules);
  severity_rules_unref (inventory->severities);
  inventory->severities = rules;
  g_hash_table_iter_init (&iter, inventory->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      InventoryBmc *bmc = value;
      SensorSet *judged = sensor_set_copy (bmc->set);

      sensor_set_judge (judged, rules);
      g_mutex_lock (&inventory->lock);
      g_autoptr (SensorSet) before G_GNUC_UNUSED = bmc->set;
      bmc->set = judged;
      g_mutex_unlock (&inventory->lock);
    }
}

gboolean
inventory_on_sensors (Inventory *inventory, gint64 id, GVariant *body, GError **error)
{
  InventoryBmc *bmc = find_bmc (inventory, id);
  g_autoptr (GVariant) sensors = NULL;
  guint32 number;
  gboolean first, last;

  g_variant_get (body, "(ubb@*)", &number, &first, &last, &sensors);
  if (bmc == NULL)
    return TRUE;
  if (first)
    {
      sensor_set_unref (bmc->building);
      bmc->building = sensor_set_new ();
      bmc->beyond = 0;
    }
  /* The rest of an inventory from before the BMC was removed and added again. */
  if (bmc->building == NULL)
    return TRUE;
  if (!sensor_set_add (bmc->building, inventory->words, sensors, &bmc->beyond, error)
      || (last && !sensor_set_finish (bmc->building, error)))
    return FALSE;
  if (last)
    install (inventory, bmc);
  return TRUE;
}

/* ------------------------------------------------------------- the readings */

/* FALSE: dropped. */
static gboolean
store (Inventory *inventory, InventoryBmc *bmc, const FrameReading *reading, guint32 *readers)
{
  int index = sensor_set_find (bmc->set, reading->sensor);

  if (index < 0 || reading->time <= 0 || reading->time > TIME_MAX)
    return FALSE;
  Slot *slot = &bmc->slots[index];
  slot->reading.time = reading->time;
  slot->reading.states = reading->states;
  slot->reading.flags = reading->flags;
  slot->reading.value = reading->value;
  if (!isfinite (reading->value))
    {
      slot->reading.flags &= (guint8) ~FRAME_READING_VALUE;
      slot->reading.value = 0;
    }
  if ((slot->pending & slot->wanted) != 0)
    readings_note_dropped (inventory, slot->pending & slot->wanted);
  slot->pending = slot->wanted;
  *readers |= slot->wanted;
  return TRUE;
}

static gboolean
flags_are_known (const FrameReading *readings, gsize n, GError **error)
{
  guint8 flags = 0;

  for (gsize i = 0; i < n; i++)
    flags |= readings[i].flags;
  if ((flags & ~FRAME_READING_FLAGS) == 0)
    return TRUE;
  g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "a reading with an unknown flag");
  return FALSE;
}

gboolean
inventory_on_readings (Inventory *inventory, gint64 id, GVariant *body, GError **error)
{
  g_autoptr (GVariant) array = g_variant_get_child_value (body, 1);
  gsize n;
  const FrameReading *readings = g_variant_get_fixed_array (array, &n, sizeof *readings);
  InventoryBmc *bmc = find_bmc (inventory, id);
  guint32 readers = 0;

  if (!flags_are_known (readings, n, error))
    return FALSE;
  if (bmc == NULL)
    return TRUE;
  g_mutex_lock (&inventory->lock);
  for (gsize i = 0; i < n; i++)
    if (!store (inventory, bmc, &readings[i], &readers))
      bmc->dropped++;
  readers = readings_queue (inventory, bmc, readers);
  g_mutex_unlock (&inventory->lock);
  readings_wake (inventory, readers);
  return TRUE;
}

/* ----------------------------------------------------------------- snapshots */

/* The lock is held. */
static InventorySnapshot *
take_snapshot (const InventoryBmc *bmc)
{
  guint n = sensor_set_length (bmc->set);
  InventorySnapshot *snapshot = g_malloc (sizeof *snapshot + n * sizeof snapshot->readings[0]);

  g_atomic_ref_count_init (&snapshot->references);
  snapshot->id = bmc->id;
  snapshot->bmc = words_ref (bmc->name);
  snapshot->host = bmc->host == NULL ? NULL : words_ref (bmc->host);
  snapshot->labels = bmc->labels == NULL ? g_new0 (char *, 1) : g_strdupv (bmc->labels);
  snapshot->state = bmc->state;
  snapshot->state_words = words_ref (bmc->state_words);
  snapshot->since = bmc->since;
  snapshot->set = sensor_set_ref (bmc->set);
  for (guint i = 0; i < n; i++)
    snapshot->readings[i] = bmc->slots[i].reading;
  return snapshot;
}

InventorySnapshot *
inventory_snapshot (Inventory *inventory, gint64 id)
{
  g_mutex_lock (&inventory->lock);
  const InventoryBmc *bmc = find_bmc (inventory, id);
  InventorySnapshot *snapshot = bmc == NULL ? NULL : take_snapshot (bmc);
  g_mutex_unlock (&inventory->lock);
  return snapshot;
}

static int
compare_ids (gconstpointer a, gconstpointer b)
{
  gint64 one = (*(InventorySnapshot *const *) a)->id, other = (*(InventorySnapshot *const *) b)->id;

  return one < other ? -1 : one > other;
}

GPtrArray *
inventory_snapshot_all (Inventory *inventory)
{
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) inventory_snapshot_unref);
  GHashTableIter iter;
  gpointer bmc;

  g_mutex_lock (&inventory->lock);
  g_hash_table_iter_init (&iter, inventory->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &bmc))
    g_ptr_array_add (all, take_snapshot (bmc));
  g_mutex_unlock (&inventory->lock);
  g_ptr_array_sort (all, compare_ids);
  return all;
}

void
inventory_snapshot_unref (InventorySnapshot *snapshot)
{
  if (snapshot == NULL || !g_atomic_ref_count_dec (&snapshot->references))
    return;
  words_unref (snapshot->bmc);
  g_clear_pointer (&snapshot->host, words_unref);
  words_unref (snapshot->state_words);
  g_strfreev (snapshot->labels);
  sensor_set_unref (snapshot->set);
  g_free (snapshot);
}

const char *
inventory_snapshot_bmc (const InventorySnapshot *snapshot)
{
  return snapshot->bmc;
}

IpmidBmc
inventory_snapshot_about (const InventorySnapshot *snapshot)
{
  return (IpmidBmc){
    .size = sizeof (IpmidBmc),
    .name = snapshot->bmc,
    .host = snapshot->host,
    .labels = (const char *const *) snapshot->labels,
    .state = snapshot->state,
    .state_words = snapshot->state_words,
    .since = snapshot->since * 1000,
    .n_sensors = sensor_set_length (snapshot->set),
  };
}

const SensorSet *
inventory_snapshot_sensors (const InventorySnapshot *snapshot)
{
  return snapshot->set;
}

const SensorReading *
inventory_snapshot_reading (const InventorySnapshot *snapshot, guint index)
{
  return &snapshot->readings[index];
}

void
inventory_describe (Inventory *inventory, gint64 id, GString *out)
{
  g_autoptr (InventorySnapshot) snapshot = inventory_snapshot (inventory, id);
  guint n = snapshot == NULL ? 0 : sensor_set_length (snapshot->set), available = 0;
  gint64 newest = 0;

  for (guint i = 0; i < n; i++)
    {
      const SensorReading *reading = &snapshot->readings[i];
      newest = MAX (newest, reading->time);
      available += sensor_obstacle (reading) == NULL;
    }
  if (n == 0)
    return;
  g_string_append_printf (out, "  sensors: %u, %u of them give readings", n, available);
  if (newest > 0)
    g_string_append_printf (out, ", the last one %" G_GINT64_FORMAT " s ago",
                            MAX (g_get_real_time () - newest, 0) / G_USEC_PER_SEC);
  g_string_append_c (out, '\n');
}
