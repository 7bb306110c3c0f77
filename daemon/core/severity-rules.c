/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* severity-rules.c - see severity-rules.h. */
#include "core/severity-rules.h"

#include "core/options.h"
#include "event/error.h"
#include "event/pattern.h"
#include "event/spec.h"

#include <string.h>

/* Places in a record (table 32-1). */
#define RECORD_SIZE 16u
#define RECORD_DATA_1 13u

#define ANY "*"
#define OFFSET_PREFIX "offset-"
#define OFFSET_MAX 15u
#define SENSOR_TYPES 256u

typedef enum
{
  DIRECTION_BOTH,
  DIRECTION_ASSERT,
  DIRECTION_DEASSERT,
} Direction;

typedef struct
{
  const char *type; /* as spec_sensor_type() has it; NULL: every type */
  char *pattern;
  int offset; /* -1: every one */
  Direction direction;
  IpmidSeverity severity;
} Rule;

struct _SeverityRules
{
  gatomicrefcount references;
  GPtrArray *rules; /* Rule */
};

static void
rule_free (gpointer data)
{
  Rule *rule = data;

  g_free (rule->pattern);
  g_free (rule);
}

/* ------------------------------------------------------------------- parsing */

/* All names of sensor types, each once. */
static GPtrArray *
sensor_types (void)
{
  GPtrArray *types = g_ptr_array_new ();

  for (guint i = 1; i < SENSOR_TYPES; i++)
    {
      const char *name = spec_sensor_type ((guint8) i);
      if (!g_ptr_array_find (types, name, NULL) && !g_str_equal (name, "reserved"))
        g_ptr_array_add (types, (gpointer) name);
    }
  g_ptr_array_add (types, NULL);
  return types;
}

static gboolean
parse_type (Rule *rule, const char *word, const char *whole, GError **error)
{
  g_autoptr (GPtrArray) types = sensor_types ();

  if (g_str_equal (word, ANY))
    return TRUE;
  for (guint i = 0; i < types->len - 1; i++)
    if (g_ascii_strcasecmp (types->pdata[i], word) == 0)
      {
        rule->type = types->pdata[i];
        return TRUE;
      }
  const char *nearest = options_nearest_word ((const char *const *) types->pdata, word);
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "severity rule '%s': there is no sensor type '%s'%s%s%s", whole,
               word, nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "'?" : "; ipmid-events(7) lists them");
  return FALSE;
}

static gboolean
parse_severity (Rule *rule, const char *word, const char *whole, GError **error)
{
  const EventField *field = event_field (IPMID_FIELD_SEVERITY);

  for (gint64 i = IPMID_SEVERITY_OK; i <= field->maximum; i++)
    if (g_ascii_strcasecmp (field->names[i], word) == 0)
      {
        rule->severity = (IpmidSeverity) i;
        return TRUE;
      }
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
               "severity rule '%s': '%s' is no severity; it is one of ok, info, warning, critical", whole, word);
  return FALSE;
}

/* One of the words after the pattern; FALSE if it is none, and so a part of the
 * pattern. */
static gboolean
parse_condition (Rule *rule, const char *word)
{
  guint64 offset;

  if (g_str_equal (word, "assert"))
    rule->direction = DIRECTION_ASSERT;
  else if (g_str_equal (word, "deassert"))
    rule->direction = DIRECTION_DEASSERT;
  else if (g_str_has_prefix (word, OFFSET_PREFIX)
           && g_ascii_string_to_unsigned (word + strlen (OFFSET_PREFIX), 10, 0, OFFSET_MAX, &offset, NULL))
    rule->offset = (int) offset;
  else
    return FALSE;
  return TRUE;
}

/* Names of sensors may have colons: what stands behind the last one is a
 * condition only if it is one of their words. */
static void
parse_conditions (Rule *rule, char *pattern)
{
  char *colon;

  while ((colon = strrchr (pattern, ':')) != NULL && parse_condition (rule, colon + 1))
    *colon = '\0';
}

static gboolean
parse_rule (Rule *rule, const char *text, GError **error)
{
  g_autofree char *copy = g_strstrip (g_strdup (text));
  char *equals = strrchr (copy, '=');
  char *colon = strchr (copy, ':');

  rule->offset = -1;
  if (equals == NULL || colon == NULL || colon > equals)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                   "severity rule '%s': it must be TYPE:PATTERN=SEVERITY, such as Fan:*=critical", copy);
      return FALSE;
    }
  *equals = '\0';
  *colon = '\0';
  char *pattern = g_strstrip (colon + 1);
  parse_conditions (rule, pattern);
  if (*pattern == '\0')
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                   "severity rule '%s': no pattern of sensor names; '*' stands for all", text);
      return FALSE;
    }
  rule->pattern = g_strdup (pattern);
  return parse_type (rule, g_strstrip (copy), text, error)
         && parse_severity (rule, g_strstrip (equals + 1), text, error);
}

SeverityRules *
severity_rules_parse (const char *const *rules, GError **error)
{
  g_autoptr (SeverityRules) parsed = g_new0 (SeverityRules, 1);

  g_atomic_ref_count_init (&parsed->references);
  parsed->rules = g_ptr_array_new_with_free_func (rule_free);
  for (guint i = 0; rules != NULL && rules[i] != NULL; i++)
    {
      Rule *rule = g_new0 (Rule, 1);

      g_ptr_array_add (parsed->rules, rule);
      if (!parse_rule (rule, rules[i], error))
        return NULL;
    }
  return g_steal_pointer (&parsed);
}

SeverityRules *
severity_rules_ref (SeverityRules *rules)
{
  if (rules != NULL)
    g_atomic_ref_count_inc (&rules->references);
  return rules;
}

void
severity_rules_unref (SeverityRules *rules)
{
  if (rules == NULL || !g_atomic_ref_count_dec (&rules->references))
    return;
  g_ptr_array_unref (rules->rules);
  g_free (rules);
}

/* ------------------------------------------------------------------ matching */

/* -1: the event has no record. */
static int
offset_of (const IpmidEvent *event)
{
  gsize length;
  const guint8 *record = event_bytes (event, IPMID_FIELD_RAW, &length);

  return length == RECORD_SIZE ? record[RECORD_DATA_1] & 0x0f : -1;
}

static gboolean
sensor_matches (const Rule *rule, const char *type, const char *sensor)
{
  return (rule->type == NULL || g_str_equal (rule->type, type))
         && pattern_match (rule->pattern, sensor == NULL ? "" : sensor);
}

static gboolean
state_matches (const Rule *rule, int offset, gboolean assertion)
{
  return (rule->offset < 0 || rule->offset == offset)
         && (rule->direction == DIRECTION_BOTH || assertion == (rule->direction == DIRECTION_ASSERT));
}

void
severity_rules_apply (const SeverityRules *rules, IpmidEvent *event)
{
  const char *type = event_string (event, IPMID_FIELD_SENSOR_TYPE);
  const char *sensor = event_string (event, IPMID_FIELD_SENSOR);
  gboolean assertion = event_integer (event, IPMID_FIELD_ASSERT) != 0;
  int offset = offset_of (event);

  if (rules == NULL || type == NULL)
    return;
  for (guint i = 0; i < rules->rules->len; i++)
    {
      const Rule *rule = rules->rules->pdata[i];

      if (state_matches (rule, offset, assertion) && sensor_matches (rule, type, sensor))
        {
          event_set_integer (event, IPMID_FIELD_SEVERITY, rule->severity);
          return;
        }
    }
}

void
severity_rules_apply_states (const SeverityRules *rules, const char *type, const char *sensor, guint n,
                             const guint8 *offsets, guint8 *severities)
{
  /* Backwards: so the first that matches has the last word. */
  for (guint i = rules == NULL ? 0 : rules->rules->len; i > 0; i--)
    {
      const Rule *rule = rules->rules->pdata[i - 1];

      if (!sensor_matches (rule, type, sensor))
        continue;
      for (guint state = 0; state < n; state++)
        if (state_matches (rule, offsets[state], TRUE))
          severities[state] = (guint8) rule->severity;
    }
}
