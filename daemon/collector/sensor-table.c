/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sensor-table.c - see sensor-table.h. */
#include "sensor-table.h"

#include "event/spec.h"

#include <string.h>

#define TYPE_POWER_UNIT 0x09
#define TYPE_OTHER_UNITS 0x0b
#define EVENT_TYPE_THRESHOLD 0x01
#define EVENT_TYPE_SENSOR_SPECIFIC 0x6f
#define ENTITY_SYSTEM_CHASSIS 23
#define UNIT_WATTS 6

#define THRESHOLDS_LENGTH 8u
#define FRAME_SENSORS_MAX (FRAME_SIZE_MAX - 8192u)

static void
entry_clear (gpointer data)
{
  SensorEntry *entry = data;

  g_free (entry->name);
  g_free (entry->entity);
  g_free (entry->id);
  g_free (entry->unit);
}

GArray *
sensor_table_new_entries (void)
{
  GArray *entries = g_array_new (FALSE, TRUE, sizeof (SensorEntry));

  g_array_set_clear_func (entries, entry_clear);
  return entries;
}

void
sensor_table_init (SensorTable *table)
{
  table->entries = sensor_table_new_entries ();
  table->last_number = 0;
}

void
sensor_table_clear (SensorTable *table)
{
  g_clear_pointer (&table->entries, g_array_unref);
}

/* -------------------------------------------------------------- own sensors */

static SensorEntry
own_sensor (SensorSource source, const char *name, guint8 sensor_type, guint8 event_type)
{
  return (SensorEntry){
    .source = source,
    .flags = FRAME_SENSOR_OWN,
    .sensor_type = sensor_type,
    .event_type = event_type,
    .name = g_strdup (name),
    .entity = spec_entity (ENTITY_SYSTEM_CHASSIS, 1),
    .id = g_strdup_printf ("%d.1.%s", ENTITY_SYSTEM_CHASSIS, name),
    .unit = g_strdup (""),
  };
}

SensorEntry
sensor_table_chassis_power (void)
{
  return own_sensor (SENSOR_CHASSIS_POWER, "Chassis Power", TYPE_POWER_UNIT, EVENT_TYPE_SENSOR_SPECIFIC);
}

SensorEntry
sensor_table_dcmi_power (void)
{
  SensorEntry entry = own_sensor (SENSOR_DCMI_POWER, "DCMI Power", TYPE_OTHER_UNITS, EVENT_TYPE_THRESHOLD);

  entry.flags |= FRAME_SENSOR_ANALOG;
  g_free (entry.unit);
  entry.unit = spec_unit (FALSE, UNIT_WATTS, 0, 0, 0);
  return entry;
}

/* ------------------------------------------------------------------ replace */

static int
compare (gconstpointer a, gconstpointer b)
{
  const SensorEntry *one = a;
  const SensorEntry *other = b;
  const int differences[] = {
    (int) one->source - (int) other->source,
    one->channel - other->channel,
    one->owner - other->owner,
    one->lun - other->lun,
    one->sensor - other->sensor,
  };

  for (guint i = 0; i < G_N_ELEMENTS (differences); i++)
    if (differences[i] != 0)
      return differences[i];
  return 0;
}

/* Sensors of one name and entity: the second is told by a number. */
static void
make_ids_unique (GArray *entries)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  /* Where the count stands: a BMC may claim thousands of one name. */
  g_autoptr (GHashTable) last = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < entries->len; i++)
    {
      SensorEntry *entry = &g_array_index (entries, SensorEntry, i);
      g_autofree char *id = g_strdup (entry->id);
      guint n = MAX (GPOINTER_TO_UINT (g_hash_table_lookup (last, id)), 1u);

      while (g_hash_table_contains (seen, entry->id))
        {
          g_free (entry->id);
          entry->id = g_strdup_printf ("%s#%u", id, ++n);
        }
      if (n > 1)
        g_hash_table_replace (last, g_strdup (id), GUINT_TO_POINTER (n));
      g_hash_table_add (seen, entry->id);
    }
}

static gboolean
is_same_sensor (const SensorEntry *one, const SensorEntry *other)
{
  return compare (one, other) == 0 && one->sensor_type == other->sensor_type && one->event_type == other->event_type
         && strcmp (one->id, other->id) == 0;
}

/* Both are the same sensor: whether FRAME_SENSORS would tell them apart. */
static gboolean
looks_the_same (const SensorEntry *one, const SensorEntry *other)
{
  return one->flags == other->flags && one->record_id == other->record_id && one->thresholds == other->thresholds
         && memcmp (one->limits, other->limits, sizeof one->limits) == 0 && strcmp (one->name, other->name) == 0
         && strcmp (one->entity, other->entity) == 0 && strcmp (one->unit, other->unit) == 0;
}

/* Both arrays are sorted. */
static const SensorEntry *
find_before (const SensorTable *table, const SensorEntry *entry, guint *place)
{
  while (*place < table->entries->len && compare (sensor_table_get (table, *place), entry) < 0)
    ++*place;
  if (*place < table->entries->len && is_same_sensor (sensor_table_get (table, *place), entry))
    return sensor_table_get (table, *place);
  return NULL;
}

static void
keep_thresholds (SensorEntry *entry, const SensorEntry *before)
{
  if (!before->thresholds_read || !entry->thresholds_readable
      || !conversion_equal (&entry->conversion, &before->conversion))
    return;
  entry->thresholds_read = TRUE;
  entry->thresholds = before->thresholds;
  memcpy (entry->limits, before->limits, sizeof entry->limits);
}

gboolean
sensor_table_replace (SensorTable *table, GArray *entries)
{
  gboolean changed = entries->len != table->entries->len;
  guint place = 0;

  g_array_sort (entries, compare);
  if (entries->len > SENSOR_TABLE_MAX)
    g_array_set_size (entries, SENSOR_TABLE_MAX);
  make_ids_unique (entries);
  for (guint i = 0; i < entries->len; i++)
    {
      SensorEntry *entry = &g_array_index (entries, SensorEntry, i);
      const SensorEntry *before = find_before (table, entry, &place);

      entry->number = before == NULL ? ++table->last_number : before->number;
      if (before != NULL)
        keep_thresholds (entry, before);
      changed |= before == NULL || !looks_the_same (entry, before);
    }
  g_array_unref (table->entries);
  table->entries = entries;
  return changed;
}

/* --------------------------------------------------------------- thresholds */

gboolean
sensor_table_take_thresholds (SensorEntry *entry, const guint8 *reply, gsize length)
{
  guint8 thresholds = 0;
  double limits[6] = { 0 };
  gboolean changed;

  if (length < THRESHOLDS_LENGTH || reply[0] != 0)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    if ((reply[1] >> i & 1) != 0 && conversion_apply (&entry->conversion, reply[2 + i], &limits[i]))
      thresholds |= (guint8) (1u << i);
    else
      limits[i] = 0;
  changed = thresholds != entry->thresholds || memcmp (limits, entry->limits, sizeof limits) != 0;
  entry->thresholds = thresholds;
  memcpy (entry->limits, limits, sizeof limits);
  entry->thresholds_read = TRUE;
  return changed;
}

/* ------------------------------------------------------------------- frames */

static GVariant *
entry_variant (const SensorEntry *entry)
{
  g_auto (GVariantBuilder) limits = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{yd}"));

  for (guint i = 0; i < G_N_ELEMENTS (entry->limits); i++)
    if ((entry->thresholds >> i & 1) != 0)
      g_variant_builder_add (&limits, "{yd}", i, entry->limits[i]);
  return g_variant_new ("(usssyysqy@a{yd})", entry->number, entry->name, entry->entity, entry->id, entry->sensor_type,
                        entry->event_type, entry->unit, entry->record_id, entry->flags,
                        g_variant_builder_end (&limits));
}

void
sensor_table_send (const SensorTable *table, guint32 bmc, void (*send) (GVariant *body, gpointer user_data),
                   gpointer user_data)
{
  guint next = 0;

  do
    {
      g_auto (GVariantBuilder) sensors = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(usssyysqya{yd})"));
      gboolean first = next == 0;
      gsize size = 0;

      for (; next < table->entries->len && size < FRAME_SENSORS_MAX; next++)
        {
          GVariant *variant = entry_variant (sensor_table_get (table, next));

          size += g_variant_get_size (variant) + 16;
          g_variant_builder_add_value (&sensors, variant);
        }
      send (g_variant_new ("(ubb@a(usssyysqya{yd}))", bmc, first, next == table->entries->len,
                           g_variant_builder_end (&sensors)),
            user_data);
    }
  while (next < table->entries->len);
}
