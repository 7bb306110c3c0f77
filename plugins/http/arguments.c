/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* arguments.c - see arguments.h. */
#include "arguments.h"

#include <ipmid/plugin.h>
#include <jansson.h>
#include <string.h>

/* A name in an error. */
#define SHOWN 64

struct _Arguments
{
  GVariantDict values;
};

static gboolean refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const char *format, ...)
{
  va_list words;

  va_start (words, format);
  g_autofree char *text = g_strdup_vprintf (format, words);
  va_end (words);
  g_set_error_literal (error, IPMID_REQUEST_ERROR, IPMID_REQUEST_INVALID, text);
  return FALSE;
}

Arguments *
arguments_new (void)
{
  Arguments *arguments = g_new0 (Arguments, 1);

  g_variant_dict_init (&arguments->values, NULL);
  return arguments;
}

void
arguments_free (Arguments *arguments)
{
  if (arguments == NULL)
    return;
  g_variant_dict_clear (&arguments->values);
  g_free (arguments);
}

GVariant *
arguments_end (Arguments *arguments)
{
  return g_variant_dict_end (&arguments->values);
}

/* Takes the value, which is floating. */
static gboolean
insert (Arguments *arguments, const char *name, GVariant *value, GError **error)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);

  if (g_variant_dict_contains (&arguments->values, name))
    return refuse (error, "%.*s is given twice", SHOWN, name);
  g_variant_dict_insert_value (&arguments->values, name, owned);
  return TRUE;
}

gboolean
arguments_add_text (Arguments *arguments, const char *name, const char *value, GError **error)
{
  if (!g_utf8_validate (value, -1, NULL))
    return refuse (error, "%.*s is no UTF-8", SHOWN, name);
  return insert (arguments, name, g_variant_new_string (value), error);
}

/* -------------------------------------------------------------------- query */

static const RouteQuery *
find_query (const RouteQuery *query, const char *name)
{
  for (; query != NULL && query->name != NULL; query++)
    if (strcmp (query->name, name) == 0)
      return query;
  return NULL;
}

static gboolean
unknown (const RouteQuery *query, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);

  for (; query != NULL && query->name != NULL; query++)
    g_string_append_printf (known, "%s%s", known->len == 0 ? "" : ", ", query->name);
  if (known->len == 0)
    return refuse (error, "nothing may stand behind the ? here");
  return refuse (error, "there is an argument that is not known here; these are: %s", known->str);
}

static gboolean
add_integer (Arguments *arguments, const char *name, const char *value, GError **error)
{
  gint64 number;

  if (value == NULL || !g_ascii_string_to_signed (value, 10, G_MININT64, G_MAXINT64, &number, NULL))
    return refuse (error, "%s is no integer", name);
  return insert (arguments, name, g_variant_new_int64 (number), error);
}

static gboolean
add_flag (Arguments *arguments, const char *name, const char *value, GError **error)
{
  static const char *const yes[] = { "", "1", "yes", "true", NULL };
  static const char *const no[] = { "0", "no", "false", NULL };

  if (value == NULL || g_strv_contains (yes, value))
    return insert (arguments, name, g_variant_new_boolean (TRUE), error);
  if (g_strv_contains (no, value))
    return insert (arguments, name, g_variant_new_boolean (FALSE), error);
  return refuse (error, "%s is neither yes nor no", name);
}

gboolean
arguments_add_query (Arguments *arguments, const RouteQuery *query, const char *name, const char *value, GError **error)
{
  const RouteQuery *known = find_query (query, name);

  if (known == NULL)
    return unknown (query, error);
  switch (known->type)
    {
    case ROUTE_INTEGER:
      return add_integer (arguments, known->name, value, error);
    case ROUTE_FLAG:
      return add_flag (arguments, known->name, value, error);
    case ROUTE_TEXT:
      break;
    }
  return value == NULL ? refuse (error, "%s needs a value", known->name)
                       : arguments_add_text (arguments, known->name, value, error);
}

/* --------------------------------------------------------------------- body */

static GVariant *
list_of_text (json_t *array)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  json_t *word;
  size_t i;

  json_array_foreach (array, i, word)
  {
    if (!json_is_string (word))
      return NULL;
    g_ptr_array_add (words, (gpointer) json_string_value (word));
  }
  return g_variant_new_strv ((const char *const *) words->pdata, words->len);
}

/* NULL: there is nothing like it. */
static GVariant *
from_json (json_t *value)
{
  switch (json_typeof (value))
    {
    case JSON_STRING:
      return g_variant_new_string (json_string_value (value));
    case JSON_INTEGER:
      return g_variant_new_int64 (json_integer_value (value));
    case JSON_REAL:
      return g_variant_new_double (json_real_value (value));
    case JSON_TRUE:
    case JSON_FALSE:
      return g_variant_new_boolean (json_is_true (value));
    case JSON_ARRAY:
      return list_of_text (value);
    case JSON_OBJECT:
    case JSON_NULL:
      break;
    }
  return NULL;
}

static gboolean
add_members (Arguments *arguments, json_t *object, GError **error)
{
  const char *name;
  json_t *value;

  json_object_foreach (object, name, value)
  {
    GVariant *variant = from_json (value);
    if (variant == NULL)
      return refuse (error, "\"%.*s\" is neither text nor a number, a flag or a list of text", SHOWN, name);
    if (!insert (arguments, name, variant, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
arguments_add_json (Arguments *arguments, const char *body, gsize length, GError **error)
{
  json_error_t wrong;
  json_t *object = json_loadb (body, length, JSON_REJECT_DUPLICATES, &wrong);
  gboolean good;

  if (object == NULL)
    return refuse (error, "the body is no JSON (line %d, column %d)", wrong.line, wrong.column);
  good = json_is_object (object) ? add_members (arguments, object, error)
                                 : refuse (error, "the body is no object of JSON");
  json_decref (object);
  return good;
}
