/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* template.c - see template.h. */
#include "template.h"

#include "../net/words.h"

#include <gio/gio.h>
#include <jansson.h>
#include <string.h>

typedef enum
{
  ENCODE_STRING,
  ENCODE_JSON,
  ENCODE_URL,
} Encoding;

static const char *const encodings[] = { "", "json", "url" };

/* After the fields. */
enum
{
  NAME_EVENT = IPMID_N_FIELDS,
  NAME_SUMMARY,
  NAME_LEVEL,
  NAME_STATUS,
  NAME_ACTION,
  NAME_KEY,
  NAME_SECRET,
  N_NAMES,
};

/* A check of the configuration has no host to ask for these names. */
static const struct
{
  const char *name;
  gboolean bare; /* JSON writes it without quotes */
} names[] = {
  [IPMID_FIELD_ID] = { "id", FALSE },
  [IPMID_FIELD_BMC] = { "bmc", FALSE },
  [IPMID_FIELD_KIND] = { "kind", FALSE },
  [IPMID_FIELD_TIME] = { "time", FALSE },
  [IPMID_FIELD_RECEIVED] = { "received", FALSE },
  [IPMID_FIELD_RECORD_ID] = { "record_id", TRUE },
  [IPMID_FIELD_RECORD_TYPE] = { "record_type", TRUE },
  [IPMID_FIELD_ASSERT] = { "assert", TRUE },
  [IPMID_FIELD_SEVERITY] = { "severity", FALSE },
  [IPMID_FIELD_TEXT] = { "text", FALSE },
  [IPMID_FIELD_SENSOR] = { "sensor", FALSE },
  [IPMID_FIELD_SENSOR_TYPE] = { "sensor_type", FALSE },
  [IPMID_FIELD_ENTITY] = { "entity", FALSE },
  [IPMID_FIELD_OFFSET] = { "offset", TRUE },
  [IPMID_FIELD_THRESHOLD] = { "threshold", FALSE },
  [IPMID_FIELD_DIRECTION] = { "direction", FALSE },
  [IPMID_FIELD_VALUE] = { "value", TRUE },
  [IPMID_FIELD_UNIT] = { "unit", FALSE },
  [IPMID_FIELD_LIMIT] = { "limit", TRUE },
  [IPMID_FIELD_EXISTING] = { "existing", TRUE },
  [IPMID_FIELD_RAW] = { "raw", FALSE },
  [IPMID_FIELD_SENSOR_ID] = { "sensor_id", FALSE },
  [IPMID_FIELD_RAW_VALUE] = { "raw_value", TRUE },
  [IPMID_FIELD_STATE_SEVERITY] = { "state_severity", TRUE },
  [IPMID_FIELD_PREVIOUS_SEVERITY] = { "previous_severity", TRUE },
  [IPMID_FIELD_LOST] = { "lost", TRUE },
  [IPMID_FIELD_MAYBE_DUPLICATE_OF] = { "maybe_duplicate_of", FALSE },
  [IPMID_FIELD_COMPONENT] = { "component", FALSE },
  [IPMID_FIELD_STATE] = { "state", FALSE },
  [IPMID_FIELD_BACKFILLED] = { "backfilled", TRUE },
  [NAME_EVENT] = { "event", TRUE },
  [NAME_SUMMARY] = { "summary", FALSE },
  [NAME_LEVEL] = { "level", FALSE },
  [NAME_STATUS] = { "status", FALSE },
  [NAME_ACTION] = { "action", FALSE },
  [NAME_KEY] = { "key", FALSE },
  [NAME_SECRET] = { "secret", FALSE },
};
G_STATIC_ASSERT (G_N_ELEMENTS (names) == N_NAMES);

/* A piece of the text, or a placeholder. */
typedef struct
{
  char *text; /* NULL: a placeholder */
  int name;
  Encoding encoding;
} Part;

struct _Template
{
  GArray *parts; /* Part */
};

const char *
template_field_name (IpmidField field)
{
  return names[field].name;
}

gboolean
template_field_is_bare (IpmidField field)
{
  return names[field].bare;
}

/* -------------------------------------------------------------------- parsing */

static void
clear_part (gpointer data)
{
  g_free (((Part *) data)->text);
}

void
template_free (Template *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->parts);
  g_free (self);
}

static int
find_name (const char *word)
{
  for (int i = 0; i < N_NAMES; i++)
    if (g_str_equal (names[i].name, word))
      return i;
  return -1;
}

static int
find_encoding (const char *word)
{
  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    if (g_str_equal (encodings[i], word))
      return (int) i;
  return -1;
}

static char *
list_names (void)
{
  GString *text = g_string_new (names[0].name);

  for (int i = 1; i < N_NAMES; i++)
    g_string_append_printf (text, ", %s", names[i].name);
  return g_string_free (text, FALSE);
}

/* `inside` is what stands between the braces. */
static gboolean
parse_placeholder (const char *inside, Part *part, GError **error)
{
  g_auto (GStrv) words = g_strsplit (inside, "|", 2);
  g_autofree char *all = NULL;
  int encoding;

  part->name = words[0] == NULL ? -1 : find_name (g_strstrip (words[0]));
  encoding = words[0] == NULL || words[1] == NULL ? ENCODE_STRING : find_encoding (g_strstrip (words[1]));
  part->encoding = (Encoding) encoding;
  if (part->name >= 0 && encoding >= 0)
    return TRUE;
  if (part->name >= 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "{{%s}}: after the '|' stands json or url, or there is no '|'", inside);
  else
    {
      all = list_names ();
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "{{%s}}: an event has no such thing; there are %s",
                   inside, all);
    }
  return FALSE;
}

static guint
line_of (const char *text, const char *place)
{
  guint line = 1;

  for (; text < place; text++)
    line += *text == '\n';
  return line;
}

static void
add_text (Template *self, const char *text, gsize length)
{
  const Part part = { .text = g_strndup (text, length) };

  g_array_append_val (self->parts, part);
}

/* Takes what stands at `*at`, which begins with "{{". */
static gboolean
take_placeholder (Template *self, const char **at, GError **error)
{
  const char *end = strstr (*at, "}}");
  g_autofree char *inside = end == NULL ? NULL : g_strndup (*at + 2, (gsize) (end - *at - 2));
  Part part = { 0 };

  if (inside == NULL || strpbrk (inside, "{\n") != NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "after {{ there is no }} in the same line");
      return FALSE;
    }
  if (!parse_placeholder (inside, &part, error))
    return FALSE;
  g_array_append_val (self->parts, part);
  *at = end + 2;
  return TRUE;
}

Template *
template_parse (const char *text, GError **error)
{
  g_autoptr (Template) self = g_new0 (Template, 1);
  const char *at = text;

  self->parts = g_array_new (FALSE, FALSE, sizeof (Part));
  g_array_set_clear_func (self->parts, clear_part);
  while (*at != '\0')
    {
      const char *brace = strstr (at, "{{");
      gsize length = brace == NULL ? strlen (at) : (gsize) (brace - at);

      if (length > 0)
        add_text (self, at, length);
      at += length;
      if (brace != NULL && !take_placeholder (self, &at, error))
        {
          g_prefix_error (error, "line %u: ", line_of (text, brace));
          return NULL;
        }
    }
  return g_steal_pointer (&self);
}

/* ------------------------------------------------------------------ rendering */

/* As a value of JSON with its quotes. */
static char *
quote (const char *text)
{
  json_t *string = json_string (text);
  char *dumped = json_dumps (string, JSON_ENCODE_ANY);
  char *result = g_strdup (dumped != NULL ? dumped : "\"\"");

  free (dumped);
  json_decref (string);
  return result;
}

static void
append_quoted (GString *out, const char *text, gboolean with_quotes)
{
  g_autofree char *quoted = quote (text);

  if (with_quotes)
    g_string_append (out, quoted);
  else
    g_string_append_len (out, quoted + 1, (gssize) strlen (quoted) - 2);
}

static void
append_encoded (GString *out, const Part *part, const char *text)
{
  if (part->encoding == ENCODE_URL)
    g_string_append_uri_escaped (out, text != NULL ? text : "", NULL, FALSE);
  else if (part->name == NAME_EVENT)
    g_string_append (out, text);
  else if (part->encoding == ENCODE_STRING)
    append_quoted (out, text != NULL ? text : "", FALSE);
  else if (text == NULL)
    g_string_append (out, "null");
  else if (names[part->name].bare)
    g_string_append (out, text);
  else
    append_quoted (out, text, TRUE);
}

static char *
whole_event (IpmidHost *host, const IpmidEvent *event)
{
  GString *text = g_string_new (NULL);

  ipmid_event_render (host, event, IPMID_FORMAT_JSON, text);
  return g_strchomp (g_string_free (text, FALSE));
}

/* NULL: the event does not have it. */
static char *
value_of (int name, IpmidHost *host, const IpmidEvent *event, const char *secret)
{
  gboolean resolved = words_is_resolved (host, event);

  switch (name)
    {
    case NAME_EVENT:
      return whole_event (host, event);
    case NAME_SUMMARY:
      return words_summary (host, event);
    case NAME_LEVEL:
      return g_strdup (words_level (host, event));
    case NAME_STATUS:
      return g_strdup (resolved ? "resolved" : "firing");
    case NAME_ACTION:
      return g_strdup (resolved ? "resolve" : "trigger");
    case NAME_KEY:
      return words_key (host, event);
    case NAME_SECRET:
      return g_strdup (secret);
    default:
      return ipmid_event_to_text (host, event, (IpmidField) name);
    }
}

void
template_render (const Template *self, IpmidHost *host, const IpmidEvent *event, const char *secret, GString *out)
{
  for (guint i = 0; i < self->parts->len; i++)
    {
      const Part *part = &g_array_index (self->parts, Part, i);
      g_autofree char *value = part->text == NULL ? value_of (part->name, host, event, secret) : NULL;

      if (part->text != NULL)
        g_string_append (out, part->text);
      else
        append_encoded (out, part, value);
    }
}

/* ------------------------------------------------------------------ the check */

/* What is worst to have in this place: of an event that has the field, or not. */
static const char *
sample_of (const Part *part, gboolean there)
{
  gboolean bare = names[part->name].bare;

  if (part->encoding == ENCODE_URL)
    return there ? "x" : "";
  if (part->name == NAME_EVENT)
    return "{\"a\":0}";
  if (part->encoding == ENCODE_STRING)
    return !there ? "" : bare ? "-1" : "x";
  return !there ? "null" : bare ? "-1" : "\"x\"";
}

static gboolean
check_sample (const Template *self, gboolean there, GError **error)
{
  g_autoptr (GString) sample = g_string_new (NULL);
  json_error_t mistake;
  json_t *value;

  for (guint i = 0; i < self->parts->len; i++)
    {
      const Part *part = &g_array_index (self->parts, Part, i);

      g_string_append (sample, part->text != NULL ? part->text : sample_of (part, there));
    }
  value = json_loads (sample->str, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &mistake);
  json_decref (value);
  if (value != NULL)
    return TRUE;
  /* The library's own words would quote the template, and there may be a secret in it. */
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "line %d, column %d: it does not become JSON, whatever an event has: a placeholder stands in quotes, or "
               "it ends with |json and has none (if it is not meant to be JSON, say so with content-type)",
               mistake.line, mistake.column);
  return FALSE;
}

gboolean
template_check_json (const Template *self, GError **error)
{
  return check_sample (self, TRUE, error) && check_sample (self, FALSE, error);
}
