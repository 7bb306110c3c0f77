/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.c - see options.h. */
#include "core/options.h"

#include "event/error.h"

#include <string.h>

/* The places of a member within a state, by its type. */
static char **
string_at (const IpmidOption *option, gpointer state)
{
  return G_STRUCT_MEMBER_P (state, option->offset);
}

static char ***
list_at (const IpmidOption *option, gpointer state)
{
  return G_STRUCT_MEMBER_P (state, option->offset);
}

static gint64 *
integer_at (const IpmidOption *option, gpointer state)
{
  return G_STRUCT_MEMBER_P (state, option->offset);
}

static int *
int_at (const IpmidOption *option, gpointer state)
{
  return G_STRUCT_MEMBER_P (state, option->offset);
}

const IpmidOption *
options_find (const IpmidOption *table, const char *key)
{
  for (const IpmidOption *option = table; option != NULL && option->key != NULL; option++)
    if (g_str_equal (option->key, key))
      return option;
  return NULL;
}

/* ------------------------------------------------------------------ numbers */

static gboolean
parse_integer (const char *text, gint64 *number, GError **error)
{
  if (g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, number, NULL))
    return TRUE;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "'%s' is no whole number", text);
  return FALSE;
}

/* A bound as the user would write it. */
static char *
format_bound (const IpmidOption *option, gint64 bound)
{
  if (option->type == IPMID_OPTION_DURATION)
    return options_format_duration (bound);
  if (option->type == IPMID_OPTION_SIZE)
    return options_format_size (bound);
  return g_strdup_printf ("%" G_GINT64_FORMAT, bound);
}

static gboolean
check_range (const IpmidOption *option, const char *value, gint64 number, GError **error)
{
  if ((option->minimum == 0 && option->maximum == 0) || (number >= option->minimum && number <= option->maximum))
    return TRUE;

  g_autofree char *minimum = format_bound (option, option->minimum);
  g_autofree char *maximum = format_bound (option, option->maximum);
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "'%s' is out of range: from %s to %s is right", value, minimum,
               maximum);
  return FALSE;
}

static gboolean
set_number (const IpmidOption *option, gpointer state, const char *value, GError **error)
{
  gint64 number = 0;
  gboolean ok;

  if (option->type == IPMID_OPTION_DURATION)
    ok = options_parse_duration (value, &number, error);
  else if (option->type == IPMID_OPTION_SIZE)
    ok = options_parse_size (value, &number, error);
  else
    ok = parse_integer (value, &number, error);
  if (!ok || !check_range (option, value, number, error))
    return FALSE;
  *integer_at (option, state) = number;
  return TRUE;
}

/* -------------------------------------------------------------------- words */

static gboolean
set_boolean (const IpmidOption *option, gpointer state, const char *value, GError **error)
{
  static const char *const words[] = { "no", "yes", "false", "true", "0", "1" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strcasecmp (value, words[i]) == 0)
      {
        *(gboolean *) int_at (option, state) = (gboolean) (i % 2);
        return TRUE;
      }
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "'%s' is neither yes nor no", value);
  return FALSE;
}

static gboolean
set_choice (const IpmidOption *option, gpointer state, const char *value, GError **error)
{
  for (int i = 0; option->choices[i] != NULL; i++)
    if (g_str_equal (value, option->choices[i]))
      {
        *int_at (option, state) = i;
        return TRUE;
      }

  g_autofree char *all = g_strjoinv (", ", (char **) option->choices);
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "'%s' is not known: one of %s is right", value, all);
  return FALSE;
}

static gboolean
set_path (const IpmidOption *option, gpointer state, const char *value, GError **error)
{
  if (!g_path_is_absolute (value))
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "'%s' is no absolute path: it must begin with '/'", value);
      return FALSE;
    }
  g_free (*string_at (option, state));
  *string_at (option, state) = g_strdup (value);
  return TRUE;
}

/* -------------------------------------------------------------------- lists */

/* GKeyFile's escapes. */
static const char escape_letters[] = "sntr\\;";
static const char escape_values[] = " \n\t\r\\;";

/* Takes one item up to an unescaped ';' or the end.  Blanks around it count
 * only if they are escaped. */
static gboolean
take_item (const char **text, GString *item, GError **error)
{
  gsize keep = 0;

  g_string_truncate (item, 0);
  while (g_ascii_isspace (**text))
    (*text)++;
  for (; **text != '\0' && **text != ';'; (*text)++)
    {
      char c = **text;

      if (c == '\\')
        {
          const char *letter = (*text)[1] == '\0' ? NULL : strchr (escape_letters, (*text)[1]);

          if (letter == NULL)
            {
              g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                                   "a '\\' must be followed by one of s n t r \\ ;");
              return FALSE;
            }
          c = escape_values[letter - escape_letters];
          (*text)++;
        }
      g_string_append_c (item, c);
      if (**text == ';' || !g_ascii_isspace (**text))
        keep = item->len;
    }
  g_string_truncate (item, keep);
  return TRUE;
}

static gboolean
set_list (const IpmidOption *option, gpointer state, const char *value, GError **error)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) item = g_string_new (NULL);

  while (*value != '\0')
    {
      if (!take_item (&value, item, error))
        return FALSE;
      if (*value == ';')
        value++;
      else if (item->len == 0)
        break; /* blanks after the last ';' */
      g_ptr_array_add (items, g_strdup (item->str));
    }
  g_ptr_array_add (items, NULL);
  g_strfreev (*list_at (option, state));
  *list_at (option, state) = (char **) g_ptr_array_free (g_steal_pointer (&items), FALSE);
  return TRUE;
}

char *
options_join_list (const char *const *words)
{
  GString *text = g_string_new (NULL);

  for (; *words != NULL; words++)
    {
      for (const char *c = *words; *c != '\0'; c++)
        {
          const char *value = strchr (escape_values, *c);

          if (value != NULL)
            {
              g_string_append_c (text, '\\');
              g_string_append_c (text, escape_letters[value - escape_values]);
            }
          else
            g_string_append_c (text, *c);
        }
      g_string_append_c (text, ';');
    }
  return g_string_free (text, FALSE);
}

/* ------------------------------------------------------------------- states */

void
options_free_secret (char *secret)
{
  if (secret != NULL)
    explicit_bzero (secret, strlen (secret));
  g_free (secret);
}

static gboolean
set_any (const IpmidOption *option, gpointer state, const char *value, GError **error)
{
  switch (option->type)
    {
    case IPMID_OPTION_STRING:
      g_free (*string_at (option, state));
      *string_at (option, state) = g_strdup (value);
      return TRUE;
    case IPMID_OPTION_SECRET:
      options_free_secret (*string_at (option, state));
      *string_at (option, state) = g_strdup (value);
      return TRUE;
    case IPMID_OPTION_PATH:
      return set_path (option, state, value, error);
    case IPMID_OPTION_BOOLEAN:
      return set_boolean (option, state, value, error);
    case IPMID_OPTION_CHOICE:
      return set_choice (option, state, value, error);
    case IPMID_OPTION_LIST:
      return set_list (option, state, value, error);
    case IPMID_OPTION_INTEGER:
    case IPMID_OPTION_DURATION:
    case IPMID_OPTION_SIZE:
    default:
      return set_number (option, state, value, error);
    }
}

gboolean
options_set (const IpmidOption *option, gpointer state, const char *value, GError **error)
{
  if (set_any (option, state, value, error))
    return TRUE;
  g_prefix_error (error, "%s: ", option->key);
  return FALSE;
}

static void
zero (const IpmidOption *option, gpointer state)
{
  switch (option->type)
    {
    case IPMID_OPTION_STRING:
    case IPMID_OPTION_PATH:
    case IPMID_OPTION_SECRET:
      *string_at (option, state) = NULL;
      break;
    case IPMID_OPTION_LIST:
      *list_at (option, state) = NULL;
      break;
    case IPMID_OPTION_BOOLEAN:
    case IPMID_OPTION_CHOICE:
      *int_at (option, state) = 0;
      break;
    case IPMID_OPTION_INTEGER:
    case IPMID_OPTION_DURATION:
    case IPMID_OPTION_SIZE:
    default:
      *integer_at (option, state) = 0;
      break;
    }
}

/* A fallback that does not parse is a mistake of whoever wrote the table: the
 * option then stays zero. */
void
options_init (const IpmidOption *table, gpointer state)
{
  for (const IpmidOption *option = table; option != NULL && option->key != NULL; option++)
    {
      g_autoptr (GError) error = NULL;

      zero (option, state);
      if (option->fallback != NULL && !options_set (option, state, option->fallback, &error))
        g_critical ("fallback of an option table: %s", error->message);
    }
}

void
options_copy (const IpmidOption *table, gconstpointer from, gpointer to)
{
  gpointer source = (gpointer) from; /* only read */

  options_clear (table, to);
  for (const IpmidOption *option = table; option != NULL && option->key != NULL; option++)
    switch (option->type)
      {
      case IPMID_OPTION_STRING:
      case IPMID_OPTION_PATH:
      case IPMID_OPTION_SECRET:
        *string_at (option, to) = g_strdup (*string_at (option, source));
        break;
      case IPMID_OPTION_LIST:
        *list_at (option, to) = g_strdupv (*list_at (option, source));
        break;
      case IPMID_OPTION_BOOLEAN:
      case IPMID_OPTION_CHOICE:
        *int_at (option, to) = *int_at (option, source);
        break;
      case IPMID_OPTION_INTEGER:
      case IPMID_OPTION_DURATION:
      case IPMID_OPTION_SIZE:
      default:
        *integer_at (option, to) = *integer_at (option, source);
        break;
      }
}

static gboolean
lists_equal (char **a, char **b)
{
  /* NULL and the empty list are the same wish. */
  guint n = a == NULL ? 0 : g_strv_length (a);

  if (n != (b == NULL ? 0 : g_strv_length (b)))
    return FALSE;
  return n == 0 || g_strv_equal ((const char *const *) a, (const char *const *) b);
}

static gboolean
option_equal (const IpmidOption *option, gpointer a, gpointer b)
{
  switch (option->type)
    {
    case IPMID_OPTION_STRING:
    case IPMID_OPTION_PATH:
    case IPMID_OPTION_SECRET:
      return g_strcmp0 (*string_at (option, a), *string_at (option, b)) == 0;
    case IPMID_OPTION_LIST:
      return lists_equal (*list_at (option, a), *list_at (option, b));
    case IPMID_OPTION_BOOLEAN:
    case IPMID_OPTION_CHOICE:
      return *int_at (option, a) == *int_at (option, b);
    case IPMID_OPTION_INTEGER:
    case IPMID_OPTION_DURATION:
    case IPMID_OPTION_SIZE:
    default:
      return *integer_at (option, a) == *integer_at (option, b);
    }
}

gboolean
options_equal (const IpmidOption *table, gconstpointer a, gconstpointer b)
{
  for (const IpmidOption *option = table; option != NULL && option->key != NULL; option++)
    if (!option_equal (option, (gpointer) a, (gpointer) b)) /* only read */
      return FALSE;
  return TRUE;
}

void
options_clear (const IpmidOption *table, gpointer state)
{
  for (const IpmidOption *option = table; option != NULL && option->key != NULL; option++)
    {
      if (option->type == IPMID_OPTION_SECRET)
        options_free_secret (*string_at (option, state));
      else if (option->type == IPMID_OPTION_STRING || option->type == IPMID_OPTION_PATH)
        g_free (*string_at (option, state));
      else if (option->type == IPMID_OPTION_LIST)
        g_strfreev (*list_at (option, state));
      zero (option, state);
    }
}
