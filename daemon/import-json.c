/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import-json.c - see import.h: IPMI Monitor's JSON. */
#include "import-private.h"

#include <jansson.h>
#include <string.h>

/* jansson does not say where an object stood: this finds it again. */
typedef struct
{
  const char *text, *end;
} Span;

static guint
line_of (const char *text, const char *place)
{
  guint line = 1;

  for (; text < place; text++)
    line += *text == '\n';
  return line;
}

/* The next '{' that is a member of the list, and its '}'; the text is good JSON. */
static gboolean
next_object (Span *rest, Span *object)
{
  guint depth = 0;
  gboolean quoted = FALSE;

  for (const char *c = rest->text; c < rest->end; c++)
    if (quoted && *c == '\\')
      c++;
    else if (*c == '"')
      quoted = !quoted;
    else if (!quoted && *c == '{' && depth++ == 0)
      object->text = c;
    else if (!quoted && *c == '}' && depth > 0 && --depth == 0)
      {
        object->end = rest->text = c + 1;
        return TRUE;
      }
  return FALSE;
}

static guint
line_of_key (const char *text, const Span *object, const char *key)
{
  g_autofree char *quoted = g_strdup_printf ("\"%s\"", key);
  const char *found = g_strstr_len (object->text, object->end - object->text, quoted);

  return line_of (text, found != NULL ? found : object->text);
}

/* A value as INI would have it; NULL if it has members of its own. */
static char *
value_text (const json_t *value)
{
  if (json_is_string (value))
    return g_strdup (json_string_value (value));
  if (json_is_boolean (value))
    return g_strdup (json_is_true (value) ? "true" : "false");
  if (json_is_integer (value))
    return g_strdup_printf ("%" JSON_INTEGER_FORMAT, json_integer_value (value));
  return json_is_null (value) ? g_strdup ("") : NULL;
}

static void
take_object (ImportList *list, const char *text, const Span *span, json_t *object)
{
  ImportServer *server = import_list_add (list, line_of (text, span->text));
  const char *key;
  json_t *value;

  json_object_foreach (object, key, value)
  {
    g_autofree char *string = value_text (value);
    guint line = line_of_key (text, span, key);

    if (string != NULL && *string == '\0')
      continue;
    if (string == NULL || !import_server_set (list, server, line, key, string))
      import_list_remark (list, line, "\"%s\" means nothing to ipmid", key);
  }
}

static void
take_array (ImportList *list, const char *text, Span rest, json_t *array)
{
  Span span = { rest.text, rest.end };

  for (gsize i = 0; i < json_array_size (array); i++)
    {
      json_t *object = json_array_get (array, i);

      if (!json_is_object (object))
        import_list_remark (list, 0, "entry %zu of the list is no server", i + 1);
      else if (next_object (&rest, &span))
        take_object (list, text, &span, object);
    }
}

static void
remark_others (ImportList *list, json_t *root)
{
  const char *key;
  json_t *value;

  json_object_foreach (root, key, value) if (!g_str_equal (key, "servers"))
      import_list_remark (list, 0, "\"%s\" means nothing to ipmid", key);
}

void
import_parse_json (ImportList *list, const char *text, gsize length)
{
  json_error_t error;
  json_t *root = json_loadb (text, length, JSON_REJECT_DUPLICATES, &error);
  json_t *array = json_is_object (root) ? json_object_get (root, "servers") : root;
  const char *start = g_strstr_len (text, (gssize) length, "\"servers\"");
  Span rest = { json_is_object (root) && start != NULL ? start + strlen ("\"servers\"") : text, text + length };

  /* jansson's words quote what stands there, which may be a password. */
  if (root == NULL)
    import_list_remark (list, (guint) MAX (error.line, 0), "this is no good JSON");
  else if (!json_is_array (array))
    import_list_remark (list, 0, "this JSON is no list of servers");
  else
    take_array (list, text, rest, array);
  if (json_is_object (root))
    remark_others (list, root);
  json_decref (root);
}
