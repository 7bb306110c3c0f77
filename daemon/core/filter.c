/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* filter.c - see filter.h. */
#include "core/filter.h"

#include "core/options.h"
#include "event/error.h"
#include "event/spec.h"

#include <string.h>

#define SENSOR_TYPES 256u

/* Within a system event record (IPMI 2.0, table 32-1). */
#define RECORD_SIZE 16
#define RECORD_TYPE 2
#define RECORD_SENSOR_TYPE 10
#define RECORD_TYPE_SYSTEM_EVENT 0x02

/* What the label `key` has to be. */
typedef struct
{
  char *key;
  PatternList *values;
} FilterLabel;

/* ------------------------------------------------------------------- kinds */

static gboolean
find_kind (const char *word, guint *kind, GError **error)
{
  const EventField *field = event_field (IPMID_FIELD_KIND);
  const char *const *names = field->names + 1; /* 0 is no kind */
  const char *known[32] = { NULL };

  for (guint i = 0; i < field->maximum; i++)
    {
      known[i] = names[i];
      *kind = i + 1;
      if (g_str_equal (word, names[i]))
        return TRUE;
    }
  const char *nearest = options_nearest_word (known, word);
  g_autofree char *all = g_strjoinv (", ", (char **) known);
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "'%s' is no kind of event%s%s%s; the kinds are %s", word,
               nearest == NULL ? "" : ": did you mean '", nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?",
               all);
  return FALSE;
}

gboolean
filter_set_kinds (Filter *filter, const char *const *words, GError **error)
{
  guint32 wanted = 0, excluded = 0;
  guint kind;

  for (; words != NULL && *words != NULL; words++)
    {
      gboolean excludes = **words == '!';
      if (!find_kind (*words + excludes, &kind, error))
        return FALSE;
      *(excludes ? &excluded : &wanted) |= 1u << kind;
    }
  filter->kinds = (wanted == 0 ? FILTER_ALL_KINDS : wanted) & ~excluded;
  return TRUE;
}

/* ---------------------------------------------------------------- patterns */

static gboolean
set_patterns (PatternList **list, const char *const *words, GError **error)
{
  g_autoptr (GError) local = NULL;
  PatternList *compiled = pattern_list_new (words, &local);

  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  pattern_list_free (*list);
  *list = compiled;
  return TRUE;
}

gboolean
filter_set_bmcs (Filter *filter, const char *const *words, GError **error)
{
  for (guint i = 0; words != NULL && words[i] != NULL; i++)
    if (strpbrk (words[i], "[]") != NULL)
      {
        g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                     "'%s' matches no BMC: a range is only for the name of a group; here * and ? stand for "
                     "what may vary, or give the BMCs a label",
                     words[i]);
        return FALSE;
      }
  return set_patterns (&filter->bmcs, words, error);
}

gboolean
filter_set_sensors (Filter *filter, const char *const *words, GError **error)
{
  return set_patterns (&filter->sensors, words, error);
}

/* ------------------------------------------------------------------ labels */

static void
free_label (gpointer data)
{
  FilterLabel *label = data;

  g_free (label->key);
  pattern_list_free (label->values);
  g_free (label);
}

static gboolean
add_label (GHashTable *values, const char *word, GError **error)
{
  gboolean excludes = *word == '!';
  const char *equals = strchr (word, '=');

  if (equals == NULL || equals == word + excludes || equals[1] == '\0')
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                   "'%s' is no label: it looks like KEY=VALUE, and * and ? may stand in the value", word);
      return FALSE;
    }
  g_autofree char *key = g_strndup (word + excludes, (gsize) (equals - word) - excludes);
  GPtrArray *list = g_hash_table_lookup (values, key);
  if (list == NULL)
    {
      list = g_ptr_array_new_with_free_func (g_free);
      g_hash_table_insert (values, g_steal_pointer (&key), list);
    }
  g_ptr_array_add (list, g_strconcat (excludes ? "!" : "", equals + 1, NULL));
  return TRUE;
}

/* Blanks may stand between labels, as in a BMC's group; whoever wants one in a
 * value puts it in quotes, as there. */
static gboolean
gather_labels (GHashTable *values, const char *const *words, GError **error)
{
  for (; words != NULL && *words != NULL; words++)
    {
      g_auto (GStrv) pieces = NULL;
      g_autoptr (GError) local = NULL;
      if (!g_shell_parse_argv (*words, NULL, &pieces, &local)
          && !g_error_matches (local, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING))
        {
          g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "'%s': %s", *words, local->message);
          return FALSE;
        }
      for (char **piece = pieces; piece != NULL && *piece != NULL; piece++)
        if (!add_label (values, *piece, error))
          return FALSE;
    }
  return TRUE;
}

gboolean
filter_set_labels (Filter *filter, const char *const *words, GError **error)
{
  g_autoptr (GHashTable) values
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  GHashTableIter iter;
  gpointer key, list;

  if (!gather_labels (values, words, error))
    return FALSE;
  g_clear_pointer (&filter->labels, g_ptr_array_unref);
  if (g_hash_table_size (values) == 0)
    return TRUE;
  filter->labels = g_ptr_array_new_with_free_func (free_label);
  g_hash_table_iter_init (&iter, values);
  while (g_hash_table_iter_next (&iter, &key, &list))
    {
      FilterLabel *label = g_new0 (FilterLabel, 1);
      label->key = g_strdup (key);
      g_ptr_array_add (filter->labels, label);
      g_ptr_array_add (list, NULL);
      if (!set_patterns (&label->values, (const char *const *) ((GPtrArray *) list)->pdata, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
match_labels (const GPtrArray *wanted, const char *const *labels)
{
  for (guint i = 0; wanted != NULL && i < wanted->len; i++)
    {
      const FilterLabel *label = wanted->pdata[i];
      gsize length = strlen (label->key);
      const char *value = NULL;

      for (guint j = 0; labels != NULL && labels[j] != NULL && value == NULL; j++)
        if (strncmp (labels[j], label->key, length) == 0 && labels[j][length] == '=')
          value = labels[j] + length + 1;
      if (!pattern_list_match (label->values, value))
        return FALSE;
    }
  return TRUE;
}

/* ------------------------------------------------------------ sensor types */

static gboolean
unknown_type (const char *word, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint type = 0; type < SENSOR_TYPES; type++)
    g_ptr_array_add (names, (gpointer) spec_sensor_type ((guint8) type));
  g_ptr_array_add (names, NULL);
  const char *nearest = options_nearest_word ((const char *const *) names->pdata, word);
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
               "'%s' is no sensor type of the IPMI specification (table 42-3)%s%s%s", word,
               nearest == NULL ? ", and no number up to 0xff" : ": did you mean '", nearest == NULL ? "" : nearest,
               nearest == NULL ? "" : "'?");
  return FALSE;
}

/* Sets the bits that a number or a pattern of names stands for. */
static gboolean
add_types (guint8 *types, const char *word, GError **error)
{
  gboolean found = FALSE;
  guint64 number;

  if (g_ascii_string_to_unsigned (word, 10, 0, SENSOR_TYPES - 1, &number, NULL)
      || (g_ascii_strncasecmp (word, "0x", 2) == 0
          && g_ascii_string_to_unsigned (word + 2, 16, 0, SENSOR_TYPES - 1, &number, NULL)))
    {
      types[number / 8] |= (guint8) (1u << number % 8);
      return TRUE;
    }
  for (guint type = 0; type < SENSOR_TYPES; type++)
    if (pattern_match (word, spec_sensor_type ((guint8) type)))
      {
        types[type / 8] |= (guint8) (1u << type % 8);
        found = TRUE;
      }
  return found || unknown_type (word, error);
}

gboolean
filter_set_sensor_types (Filter *filter, const char *const *words, GError **error)
{
  guint8 wanted[SENSOR_TYPES / 8] = { 0 }, excluded[SENSOR_TYPES / 8] = { 0 };
  gboolean only_exclusions = TRUE, any = FALSE;

  for (; words != NULL && *words != NULL; words++)
    {
      gboolean excludes = **words == '!';
      if (!add_types (excludes ? excluded : wanted, *words + excludes, error))
        return FALSE;
      only_exclusions = only_exclusions && excludes;
      any = TRUE;
    }
  g_clear_pointer (&filter->sensor_types, g_free);
  if (!any)
    return TRUE;
  filter->untyped = only_exclusions;
  filter->sensor_types = g_malloc (sizeof wanted);
  for (guint i = 0; i < sizeof wanted; i++)
    filter->sensor_types[i] = (only_exclusions ? G_MAXUINT8 : wanted[i]) & (guint8) ~excluded[i];
  return TRUE;
}

/* By the record's byte: names are for people. */
static gboolean
match_sensor_type (const Filter *filter, const IpmidEvent *event)
{
  gsize length = 0;
  const guint8 *raw;

  if (filter->sensor_types == NULL)
    return TRUE;
  raw = event_bytes (event, IPMID_FIELD_RAW, &length);
  if (raw == NULL || length != RECORD_SIZE || raw[RECORD_TYPE] != RECORD_TYPE_SYSTEM_EVENT)
    return filter->untyped;
  guint8 type = raw[RECORD_SENSOR_TYPE];
  return (filter->sensor_types[type / 8] & (1u << type % 8)) != 0;
}

/* ------------------------------------------------------------------- match */

void
filter_clear (Filter *filter)
{
  g_clear_pointer (&filter->bmcs, pattern_list_free);
  g_clear_pointer (&filter->sensors, pattern_list_free);
  g_clear_pointer (&filter->labels, g_ptr_array_unref);
  g_clear_pointer (&filter->sensor_types, g_free);
}

static gboolean
match_severity (IpmidSeverity wanted, const IpmidEvent *event)
{
  gint64 severity
      = event_has (event, IPMID_FIELD_SEVERITY) ? event_integer (event, IPMID_FIELD_SEVERITY) : IPMID_SEVERITY_INFO;

  return severity >= (gint64) wanted;
}

static gboolean
match_direction (FilterDirection wanted, const IpmidEvent *event)
{
  gboolean deasserts = event_has (event, IPMID_FIELD_ASSERT) && event_integer (event, IPMID_FIELD_ASSERT) == 0;

  return wanted == FILTER_ANY_DIRECTION || deasserts == (wanted == FILTER_DEASSERTIONS);
}

gboolean
filter_match (const Filter *filter, const IpmidEvent *event, const char *const *labels)
{
  gint64 kind = event_integer (event, IPMID_FIELD_KIND);

  return (filter->kinds & (1u << kind)) != 0 && (filter->existing || event_integer (event, IPMID_FIELD_EXISTING) == 0)
         && match_severity (filter->severity, event) && match_direction (filter->direction, event)
         && match_sensor_type (filter, event)
         && pattern_list_match (filter->sensors, event_string (event, IPMID_FIELD_SENSOR))
         && pattern_list_match (filter->bmcs, event_string (event, IPMID_FIELD_BMC))
         && match_labels (filter->labels, labels);
}
