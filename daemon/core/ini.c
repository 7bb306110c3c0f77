/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ini.c - see ini.h. */
#include "core/ini.h"

#include "core/options.h"
#include "event/error.h"

#include <string.h>

typedef struct
{
  Ini *ini;
  IniGroup *group;   /* the one that lines belong to; NULL: none yet, or one that was refused */
  gboolean refused;  /* the last group was: its keys are no mistakes of their own */
  GHashTable *names; /* of the groups so far, to IniGroup */
  guint line;
  IniMistakeFunc on_mistake;
  gpointer user_data;
} Parser;

static void G_GNUC_PRINTF (2, 3) mistake (const Parser *parser, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  parser->on_mistake (parser->line, message, parser->user_data);
}

static void
free_entry (gpointer data)
{
  IniEntry *entry = data;

  g_free (entry->key);
  options_free_secret (entry->value);
  g_free (entry);
}

static void
free_group (gpointer data)
{
  IniGroup *group = data;

  g_free (group->name);
  g_ptr_array_unref (group->entries);
  g_free (group);
}

void
ini_free (Ini *ini)
{
  if (ini == NULL)
    return;
  g_ptr_array_unref (ini->groups);
  g_free (ini->file);
  g_free (ini);
}

const IniEntry *
ini_find (const IniGroup *group, const char *key)
{
  for (guint i = 0; i < group->entries->len; i++)
    {
      const IniEntry *entry = group->entries->pdata[i];

      if (g_str_equal (entry->key, key))
        return entry;
    }
  return NULL;
}

/* -------------------------------------------------------------------- lines */

/* Blanks at both ends do not count. */
static void
strip (const char **text, gsize *length)
{
  while (*length > 0 && g_ascii_isspace (**text))
    {
      (*text)++;
      (*length)--;
    }
  while (*length > 0 && g_ascii_isspace ((*text)[*length - 1]))
    (*length)--;
}

static gboolean
has_control (const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (g_ascii_iscntrl (text[i]) && text[i] != '\t')
      return TRUE;
  return FALSE;
}

static void
take_group (Parser *parser, const char *text, gsize length)
{
  g_autofree char *name = NULL;
  const IniGroup *other;

  parser->group = NULL;
  parser->refused = TRUE;
  if (text[length - 1] != ']')
    {
      mistake (parser, "the ']' of a group is missing");
      return;
    }
  text++;
  length -= 2;
  strip (&text, &length);
  if (length == 0 || length > INI_NAME_MAX)
    {
      mistake (parser, "the name of a group has from 1 to %u bytes", INI_NAME_MAX);
      return;
    }
  name = g_strndup (text, length);
  other = g_hash_table_lookup (parser->names, name);
  if (other != NULL)
    mistake (parser, "[%s] stands here for the second time; the first is in line %u", name, other->line);
  else if (parser->ini->groups->len >= INI_GROUPS_MAX)
    mistake (parser, "more than %u groups", INI_GROUPS_MAX);
  else
    {
      IniGroup *group = g_new0 (IniGroup, 1);

      group->name = g_steal_pointer (&name);
      group->line = parser->line;
      group->file = parser->ini->file;
      group->entries = g_ptr_array_new_with_free_func (free_entry);
      g_ptr_array_add (parser->ini->groups, group);
      g_hash_table_insert (parser->names, group->name, group);
      parser->group = group;
      parser->refused = FALSE;
    }
}

static void
take_entry (Parser *parser, const char *text, gsize length)
{
  const char *equals = memchr (text, '=', length), *value;
  gsize key_length, value_length;
  g_autofree char *key = NULL;
  const IniEntry *other;

  if (equals == NULL || equals == text)
    {
      /* It may be a password that was written on a line of its own. */
      mistake (parser, "this line is neither a [group], nor a key = value, nor a # comment");
      return;
    }
  key_length = (gsize) (equals - text);
  strip (&text, &key_length);
  if (key_length > INI_NAME_MAX)
    {
      mistake (parser, "the name of a key has at most %u bytes", INI_NAME_MAX);
      return;
    }
  key = g_strndup (text, key_length);
  value = equals + 1;
  value_length = length - (gsize) (value - text);
  if (parser->group == NULL)
    {
      if (!parser->refused)
        mistake (parser, "\"%s\" stands before the first [group]", key);
      return;
    }
  other = ini_find (parser->group, key);
  if (other != NULL)
    {
      mistake (parser, "\"%s\" stands here for the second time in [%s]; the first is in line %u", key,
               parser->group->name, other->line);
      return;
    }
  strip (&value, &value_length);
  IniEntry *entry = g_new0 (IniEntry, 1);
  entry->key = g_steal_pointer (&key);
  entry->value = g_strndup (value, value_length);
  entry->line = parser->line;
  g_ptr_array_add (parser->group->entries, entry);
}

static void
take_line (Parser *parser, const char *text, gsize length)
{
  if (length > INI_LINE_MAX)
    {
      mistake (parser, "the line is longer than %u bytes", INI_LINE_MAX);
      return;
    }
  strip (&text, &length);
  if (length == 0 || *text == '#')
    return;
  if (!g_utf8_validate_len (text, length, NULL) || has_control (text, length))
    mistake (parser, "the line is no text in UTF-8, or has control characters in it");
  else if (*text == '[')
    take_group (parser, text, length);
  else
    take_entry (parser, text, length);
}

Ini *
ini_parse (const char *file, const char *text, gsize length, IniMistakeFunc on_mistake, gpointer user_data)
{
  Ini *ini = g_new0 (Ini, 1);
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  Parser parser = { .ini = ini, .names = names, .line = 1, .on_mistake = on_mistake, .user_data = user_data };
  const char *end = text + length;

  ini->file = g_strdup (file);
  ini->groups = g_ptr_array_new_with_free_func (free_group);
  if (length > INI_SIZE_MAX)
    {
      mistake (&parser, "the file is longer than %u MiB", INI_SIZE_MAX >> 20);
      return ini;
    }
  if (length >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0)
    text += 3; /* a byte order mark */
  for (; text < end; parser.line++)
    {
      const char *newline = memchr (text, '\n', (gsize) (end - text));
      const char *stop = newline != NULL ? newline : end;

      take_line (&parser, text, (gsize) (stop - text));
      text = stop + 1;
    }
  return ini;
}

char *
ini_unescape (const char *value, GError **error)
{
  static const char letters[] = "sntr\\", values[] = " \n\t\r\\";
  char *text = g_malloc (strlen (value) + 1), *out = text;

  for (; *value != '\0'; value++)
    if (*value != '\\')
      *out++ = *value;
    else
      {
        const char *letter = value[1] != '\0' ? strchr (letters, value[1]) : NULL;

        if (letter == NULL)
          {
            *out = '\0';
            options_free_secret (text);
            g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                                 "a '\\' must be followed by one of s n t r \\; write '\\\\' for one of its own");
            return NULL;
          }
        *out++ = values[letter - letters];
        value++;
      }
  *out = '\0';
  return text;
}
