/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sensor-set.c - see sensor-set.h. */
#include "core/sensor-set.h"

#include "core/words.h"
#include "event/error.h"
#include "event/spec.h"
#include "event/text.h"

#include <math.h>
#include <string.h>

/* Bytes of a text.  The name of a sensor has at most 32 characters (IPMI 2.0,
 * section 43.15), of up to three bytes each when they are not ASCII. */
#define TEXT_MAX 128

#define READING_TYPE_THRESHOLD 0x01u
#define READING_TYPE_GENERIC_LAST 0x0cu
#define READING_TYPE_SPECIFIC 0x6fu
#define SENSOR_TYPE_OEM 0x80u /* from here on the specification has no words */

#define N_THRESHOLDS 6u

struct _SensorSet
{
  gatomicrefcount references;
  GArray *sensors; /* Sensor */
  GArray *limits;  /* double */
};

/* ------------------------------------------------------------- state words */

SensorWords *
sensor_words_new (void)
{
  return g_hash_table_new_full (NULL, NULL, NULL, g_free);
}

/* For states that only the vendor knows. */
static const char *
anonymous_state (guint offset)
{
  static const char *const words[SENSOR_STATES]
      = { "state 0", "state 1", "state 2",  "state 3",  "state 4",  "state 5",  "state 6", "state 7",
          "state 8", "state 9", "state 10", "state 11", "state 12", "state 13", "state 14" };

  return words[offset];
}

/* A crossed threshold is the event that goes away from what is normal: offset
 * 2n going low, 2n + 1 going high (IPMI 2.0, table 42-2, 01h). */
static void
fill_thresholds (SensorStates *states)
{
  states->mask = (1u << N_THRESHOLDS) - 1;
  for (guint i = 0; i < SENSOR_STATES; i++)
    {
      guint offset = 2 * i + (i >= IPMID_THRESHOLD_UPPER_NON_CRITICAL ? 1 : 0);
      states->words[i] = i < N_THRESHOLDS ? spec_threshold (i) : anonymous_state (i);
      states->offsets[i] = (guint8) offset;
      states->severities[i] = (guint8) spec_severity (READING_TYPE_THRESHOLD, 0, offset, TRUE);
    }
}

static void
fill_states (SensorStates *states, guint8 reading_type, guint8 type)
{
  states->mask = (1u << SENSOR_STATES) - 1;
  for (guint i = 0; i < SENSOR_STATES; i++)
    {
      const char *word = spec_state (reading_type, type, i);
      states->words[i] = word != NULL ? word : anonymous_state (i);
      states->offsets[i] = (guint8) i;
      states->severities[i] = (guint8) spec_severity (reading_type, type, i, TRUE);
    }
}

/* The types that the specification has no words for share one table, so that a
 * BMC cannot make many. */
static const SensorStates *
find_states (SensorWords *words, guint8 reading_type, guint8 type)
{
  gboolean known = type < SENSOR_TYPE_OEM && reading_type != 0
                   && (reading_type <= READING_TYPE_GENERIC_LAST || reading_type == READING_TYPE_SPECIFIC);
  guint key = reading_type == READING_TYPE_THRESHOLD ? READING_TYPE_THRESHOLD << 8
              : known                                ? (guint) reading_type << 8 | type
                                                     : 0;
  SensorStates *states = g_hash_table_lookup (words, GUINT_TO_POINTER (key));

  if (states != NULL)
    return states;
  states = g_new0 (SensorStates, 1);
  if (reading_type == READING_TYPE_THRESHOLD)
    fill_thresholds (states);
  else
    fill_states (states, known ? reading_type : 0, known ? type : 0);
  g_hash_table_insert (words, GUINT_TO_POINTER (key), states);
  return states;
}

/* ------------------------------------------------------------------ the set */

static void
clear_sensor (gpointer data)
{
  Sensor *sensor = data;

  words_unref (sensor->name);
  words_unref (sensor->entity);
  words_unref (sensor->id);
  words_unref (sensor->unit);
}

SensorSet *
sensor_set_new (void)
{
  SensorSet *set = g_new0 (SensorSet, 1);

  g_atomic_ref_count_init (&set->references);
  set->sensors = g_array_new (FALSE, FALSE, sizeof (Sensor));
  g_array_set_clear_func (set->sensors, clear_sensor);
  set->limits = g_array_new (FALSE, FALSE, sizeof (double));
  return set;
}

SensorSet *
sensor_set_ref (SensorSet *set)
{
  g_atomic_ref_count_inc (&set->references);
  return set;
}

void
sensor_set_unref (SensorSet *set)
{
  if (set == NULL || !g_atomic_ref_count_dec (&set->references))
    return;
  g_array_unref (set->sensors);
  g_array_unref (set->limits);
  g_free (set);
}

static char *
intern (const char *text)
{
  g_autofree char *clean = text_clean (text, -1, TEXT_MAX);

  return words_intern (clean);
}

static gboolean
refuse (GError **error, const char *why)
{
  g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, why);
  return FALSE;
}

/* Thresholds stand in the set's array in the order of their numbers. */
static gboolean
add_limits (SensorSet *set, Sensor *sensor, GVariant *thresholds, GError **error)
{
  double limits[N_THRESHOLDS];
  GVariantIter iter;
  guchar threshold;
  double limit;

  g_variant_iter_init (&iter, thresholds);
  while (g_variant_iter_next (&iter, "{yd}", &threshold, &limit))
    {
      if (threshold >= N_THRESHOLDS)
        return refuse (error, "an unknown threshold");
      if (!isfinite (limit))
        continue;
      sensor->threshold |= (guint8) (1u << threshold);
      limits[threshold] = limit;
    }
  sensor->limits = set->limits->len;
  for (guint i = 0; i < N_THRESHOLDS; i++)
    if ((sensor->threshold & (1u << i)) != 0)
      g_array_append_val (set->limits, limits[i]);
  return TRUE;
}

static gboolean
add_one (SensorSet *set, SensorWords *words, GVariant *description, GError **error)
{
  const char *name, *entity, *id, *unit;
  g_autoptr (GVariant) thresholds = NULL;
  Sensor sensor = { 0 };

  g_variant_get (description, "(u&s&s&syy&sqy@a{yd})", &sensor.number, &name, &entity, &id, &sensor.type,
                 &sensor.reading_type, &unit, &sensor.record_id, &sensor.flags, &thresholds);
  if ((sensor.flags & ~FRAME_SENSOR_FLAGS) != 0)
    return refuse (error, "a sensor with an unknown flag");
  if (!add_limits (set, &sensor, thresholds, error))
    return FALSE;
  sensor.states = find_states (words, sensor.reading_type, sensor.type);
  sensor.type_name = spec_sensor_type (sensor.type);
  sensor.name = intern (name);
  sensor.entity = intern (entity);
  sensor.id = intern (id);
  sensor.unit = intern (unit);
  g_array_append_val (set->sensors, sensor);
  return TRUE;
}

gboolean
sensor_set_add (SensorSet *set, SensorWords *words, GVariant *sensors, guint *beyond, GError **error)
{
  gsize n = g_variant_n_children (sensors);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) description = g_variant_get_child_value (sensors, i);
      if (set->sensors->len >= SENSOR_SET_MAX)
        (*beyond)++;
      else if (!add_one (set, words, description, error))
        return FALSE;
    }
  return TRUE;
}

static int
compare_numbers (gconstpointer a, gconstpointer b)
{
  guint32 one = ((const Sensor *) a)->number, other = ((const Sensor *) b)->number;

  return one < other ? -1 : one > other;
}

/* Sets live long: no room is kept for more. */
static void
shrink (GArray **array, GDestroyNotify clear)
{
  guint size = g_array_get_element_size (*array);
  GArray *exact = g_array_sized_new (FALSE, FALSE, size, (*array)->len);

  g_array_append_vals (exact, (*array)->data, (*array)->len);
  g_array_set_clear_func (exact, clear);
  g_array_set_clear_func (*array, NULL);
  g_array_unref (*array);
  *array = exact;
}

gboolean
sensor_set_finish (SensorSet *set, GError **error)
{
  g_array_sort (set->sensors, compare_numbers);
  for (guint i = 1; i < set->sensors->len; i++)
    if (sensor_set_get (set, i)->number == sensor_set_get (set, i - 1)->number)
      return refuse (error, "a sensor number that stands in the inventory twice");
  shrink (&set->sensors, clear_sensor);
  shrink (&set->limits, NULL);
  return TRUE;
}

/* ---------------------------------------------------------------- severities */

static guint32
pack_severities (const guint8 *severities)
{
  guint32 packed = 0;

  for (guint i = 0; i < SENSOR_STATES; i++)
    packed |= (severities[i] - 1u) << 2 * i;
  return packed;
}

static IpmidSeverity
severity_of (const Sensor *sensor, guint state)
{
  return (IpmidSeverity) (1 + (sensor->severities >> 2 * state & 3));
}

void
sensor_set_judge (SensorSet *set, const SeverityRules *rules)
{
  for (guint i = 0; i < set->sensors->len; i++)
    {
      Sensor *sensor = &g_array_index (set->sensors, Sensor, i);
      guint8 severities[SENSOR_STATES];

      memcpy (severities, sensor->states->severities, sizeof severities);
      severity_rules_apply_states (rules, sensor->type_name, sensor->name, SENSOR_STATES, sensor->states->offsets,
                                   severities);
      sensor->severities = pack_severities (severities);
    }
}

SensorSet *
sensor_set_copy (const SensorSet *set)
{
  SensorSet *copy = sensor_set_new ();

  g_array_append_vals (copy->limits, set->limits->data, set->limits->len);
  g_array_append_vals (copy->sensors, set->sensors->data, set->sensors->len);
  for (guint i = 0; i < copy->sensors->len; i++)
    {
      const Sensor *sensor = sensor_set_get (copy, i);

      words_ref (sensor->name);
      words_ref (sensor->entity);
      words_ref (sensor->id);
      words_ref (sensor->unit);
    }
  shrink (&copy->sensors, clear_sensor);
  shrink (&copy->limits, NULL);
  return copy;
}

/* ------------------------------------------------------------------ looking up */

guint
sensor_set_length (const SensorSet *set)
{
  return set->sensors->len;
}

const Sensor *
sensor_set_get (const SensorSet *set, guint index)
{
  return &g_array_index (set->sensors, Sensor, index);
}

int
sensor_set_find (const SensorSet *set, guint32 number)
{
  guint low = 0, high = set->sensors->len;

  /* Collectors count from 0 or 1, without holes. */
  if (number < high && sensor_set_get (set, number)->number == number)
    return (int) number;
  while (low < high)
    {
      guint middle = (low + high) / 2;
      guint32 found = sensor_set_get (set, middle)->number;
      if (found == number)
        return (int) middle;
      if (found < number)
        low = middle + 1;
      else
        high = middle;
    }
  return -1;
}

gboolean
sensor_set_limit (const SensorSet *set, guint index, IpmidThreshold threshold, double *limit)
{
  const Sensor *sensor = sensor_set_get (set, index);
  guint at = sensor->limits;

  if ((guint) threshold >= N_THRESHOLDS || (sensor->threshold & (1u << threshold)) == 0)
    return FALSE;
  for (guint i = 0; i < (guint) threshold; i++)
    at += (sensor->threshold >> i) & 1;
  *limit = g_array_index (set->limits, double, at);
  return TRUE;
}

/* ------------------------------------------------------------------ readings */

const char *
sensor_obstacle (const SensorReading *reading)
{
  if (reading->time == 0)
    return "not read yet";
  if ((reading->flags & FRAME_READING_LOST) != 0)
    return "no answer";
  if ((reading->flags & FRAME_READING_SCANNING) == 0)
    return "scanning disabled";
  if ((reading->flags & FRAME_READING_AVAILABLE) == 0)
    return "reading unavailable";
  return NULL;
}

static guint
fill_words (const Sensor *sensor, guint32 asserted, const char **words, IpmidSeverity *severity)
{
  guint n = 0;

  for (guint i = 0; i < SENSOR_STATES && asserted >> i != 0; i++)
    if ((asserted & (1u << i)) != 0)
      {
        words[n++] = sensor->states->words[i];
        *severity = MAX (*severity, severity_of (sensor, i));
      }
  words[n] = NULL;
  return n;
}

guint
sensor_fill_reading (const Sensor *sensor, const char *bmc, const SensorReading *reading, const char **words,
                     IpmidReading *out)
{
  const char *obstacle = sensor_obstacle (reading);
  guint32 asserted = obstacle == NULL ? reading->states & sensor->states->mask : 0;

  *out = (IpmidReading){
    .size = sizeof *out,
    .bmc = bmc,
    .sensor = sensor->name,
    .sensor_id = sensor->id,
    .sensor_type = sensor->type_name,
    .entity = sensor->entity,
    .unit = sensor->unit,
    .time = reading->time * 1000,
    .available = obstacle == NULL,
    .has_value = obstacle == NULL && (reading->flags & FRAME_READING_VALUE) != 0,
    .states = asserted,
    .state_words = words,
    .severity = IPMID_SEVERITY_OK,
    .obstacle = obstacle,
  };
  if (out->has_value)
    out->value = reading->value;
  return fill_words (sensor, asserted, words, &out->severity);
}
