/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json.c - see json.h. */
#include "json.h"

#include <math.h>
#include <string.h>

/* Deeper than anything that the core says. */
#define DEPTH_MAX 16

static const char *const time_keys[] = {
  "erased", "last_error_time", "last_event", "last_event_time", "last_read", "oldest", "received", "silence_until",
  "since",  "started",         "time",       "until",           NULL,
};

static json_t *convert (GVariant *value, const char *key, guint depth);

char *
json_format_time (gint64 time)
{
  g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (time / G_GINT64_CONSTANT (1000000000));
  gint64 rest = time % G_GINT64_CONSTANT (1000000000);

  if (seconds == NULL || rest < 0)
    return NULL;
  g_autofree char *text = g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S");
  return rest == 0 ? g_strdup_printf ("%sZ", text) : g_strdup_printf ("%s.%06" G_GINT64_FORMAT "Z", text, rest / 1000);
}

static json_t *
convert_time (gint64 time)
{
  g_autofree char *text = time > 0 ? json_format_time (time) : NULL;

  return text == NULL ? json_null () : json_string (text);
}

/* An event that is JSON already becomes a part of ours. */
static void
add_member (json_t *object, const char *key, GVariant *value, guint depth)
{
  g_autoptr (GVariant) inner
      = g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT) ? g_variant_get_variant (value) : NULL;
  json_t *event = NULL;

  if (strcmp (key, "event_json") == 0 && inner != NULL && g_variant_is_of_type (inner, G_VARIANT_TYPE_STRING))
    event = json_loads (g_variant_get_string (inner, NULL), 0, NULL);
  if (event != NULL)
    json_object_set_new (object, "event", event);
  else
    json_object_set_new (object, key, convert (value, key, depth));
}

static json_t *
convert_dictionary (GVariant *value, guint depth)
{
  json_t *object = json_object ();
  GVariantIter iter;
  GVariant *entry;

  g_variant_iter_init (&iter, value);
  while ((entry = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_autoptr (GVariant) owned = entry;
      g_autoptr (GVariant) name = g_variant_get_child_value (entry, 0);
      g_autoptr (GVariant) member = g_variant_get_child_value (entry, 1);
      const char *key = g_variant_get_string (name, NULL);
      add_member (object, key, member, depth + 1);
    }
  return object;
}

static json_t *
convert_children (GVariant *value, guint depth)
{
  json_t *array = json_array ();
  GVariantIter iter;
  GVariant *child;

  g_variant_iter_init (&iter, value);
  while ((child = g_variant_iter_next_value (&iter)) != NULL)
    {
      json_array_append_new (array, convert (child, NULL, depth + 1));
      g_variant_unref (child);
    }
  return array;
}

static json_t *
convert_container (GVariant *value, const char *key, guint depth)
{
  if (depth > DEPTH_MAX)
    return json_null ();
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT))
    {
      g_autoptr (GVariant) inner = g_variant_get_variant (value);
      return convert (inner, key, depth);
    }
  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("a{s*}")))
    return convert_dictionary (value, depth);
  return convert_children (value, depth);
}

/* NULL: it is no number that fits into a gint64. */
static json_t *
convert_integer (GVariant *value)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BYTE:
      return json_integer (g_variant_get_byte (value));
    case G_VARIANT_CLASS_INT16:
      return json_integer (g_variant_get_int16 (value));
    case G_VARIANT_CLASS_UINT16:
      return json_integer (g_variant_get_uint16 (value));
    case G_VARIANT_CLASS_INT32:
      return json_integer (g_variant_get_int32 (value));
    case G_VARIANT_CLASS_UINT32:
      return json_integer (g_variant_get_uint32 (value));
    case G_VARIANT_CLASS_INT64:
      return json_integer (g_variant_get_int64 (value));
    case G_VARIANT_CLASS_UINT64:
      return json_integer ((json_int_t) MIN (g_variant_get_uint64 (value), (guint64) G_MAXINT64));
    default:
      return NULL;
    }
}

static json_t *
convert (GVariant *value, const char *key, guint depth)
{
  if (g_variant_is_container (value))
    return convert_container (value, key, depth);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) && key != NULL && g_strv_contains (time_keys, key))
    return convert_time (g_variant_get_int64 (value));
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return json_boolean (g_variant_get_boolean (value));
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return json_string (g_variant_get_string (value, NULL));
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    return isfinite (g_variant_get_double (value)) ? json_real (g_variant_get_double (value)) : json_null ();
  json_t *integer = convert_integer (value);
  return integer == NULL ? json_null () : integer;
}

json_t *
json_from_variant (GVariant *value)
{
  return convert (value, NULL, 0);
}

json_t *
json_error (const char *code, const char *message)
{
  g_autofree char *text = g_utf8_make_valid (message, -1);

  return json_pack ("{s:s, s:s}", "error", code, "message", text);
}
