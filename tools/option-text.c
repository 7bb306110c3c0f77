/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* option-text.c - see option-text.h. */
#include "option-text.h"

#include <stdio.h>

/* Text for mdoc: lines that are no macros, a new one for each sentence. */
static void
print_text (const char *text)
{
  gboolean fresh = TRUE;

  for (const char *c = text; *c != '\0'; c++)
    {
      if (fresh && (*c == '.' || *c == '\''))
        fputs ("\\&", stdout);
      fresh = g_str_has_prefix (c, ".  ");
      if (*c == '\\')
        fputs ("\\e", stdout);
      else
        fputs (fresh ? ".\n" : (char[]){ *c, '\0' }, stdout);
      c += fresh ? 2 : 0;
    }
  putchar ('\n');
}

/* A number as one writes it in the configuration. */
static char *
bound_to_text (IpmidOptionType type, gint64 value)
{
  static const struct
  {
    IpmidOptionType type;
    gint64 size;
    const char *suffix;
  } units[] = {
    { IPMID_OPTION_DURATION, G_TIME_SPAN_DAY, "d" },
    { IPMID_OPTION_DURATION, G_TIME_SPAN_HOUR, "h" },
    { IPMID_OPTION_DURATION, G_TIME_SPAN_MINUTE, "m" },
    { IPMID_OPTION_DURATION, G_TIME_SPAN_SECOND, "s" },
    { IPMID_OPTION_DURATION, G_TIME_SPAN_MILLISECOND, "ms" },
    { IPMID_OPTION_SIZE, 1 << 30, "G" },
    { IPMID_OPTION_SIZE, 1 << 20, "M" },
    { IPMID_OPTION_SIZE, 1 << 10, "k" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (units[i].type == type && value != 0 && value % units[i].size == 0)
      return g_strdup_printf ("%" G_GINT64_FORMAT "%s", value / units[i].size, units[i].suffix);
  return g_strdup_printf ("%" G_GINT64_FORMAT, value);
}

static void
print_range (const IpmidOption *option)
{
  g_autofree char *minimum = bound_to_text (option->type, option->minimum);
  g_autofree char *maximum = bound_to_text (option->type, option->maximum);

  if (option->type == IPMID_OPTION_CHOICE)
    {
      g_autofree char *choices = g_strjoinv (", ", (char **) option->choices);
      printf ("One of: %s.\n", choices);
    }
  else if (option->minimum != 0 || option->maximum != 0)
    printf ("From %s to %s.\n", minimum, maximum);
}

static const char *
type_words (IpmidOptionType type)
{
  static const char *const words[] = {
    [IPMID_OPTION_STRING] = "text",
    [IPMID_OPTION_PATH] = "an absolute path",
    [IPMID_OPTION_BOOLEAN] = "yes or no",
    [IPMID_OPTION_INTEGER] = "a number",
    [IPMID_OPTION_DURATION] = "a duration such as 250ms, 30s, 5m or 1h",
    [IPMID_OPTION_SIZE] = "a size such as 64k, 16M or 1G",
    [IPMID_OPTION_CHOICE] = "a choice",
    [IPMID_OPTION_LIST] = "a list, split at semicolons",
    [IPMID_OPTION_SECRET] = "a secret, which is never logged",
  };

  return words[type];
}

static void
print_option (const IpmidOption *option)
{
  printf (".It Cm %s No = Ar %s\n", option->key, option->argument != NULL ? option->argument : "VALUE");
  print_text (option->help);
  printf ("It is %s.\n", type_words (option->type));
  print_range (option);
  if (option->required)
    puts (".Em Required .");
  else if (option->fallback != NULL)
    printf ("Default:\n.Cm %s .\n", option->fallback);
}

void
option_text_print (const IpmidOption *options)
{
  puts (".Bl -tag -width Ds");
  for (const IpmidOption *option = options; option->key != NULL; option++)
    print_option (option);
  puts (".El");
}

gboolean
option_text_print_page (const char *template, OptionTextFunc fill, gpointer user_data, GError **error)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (template, &text, NULL, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if ((**line == '@' && fill (*line, user_data)) || (line[1] == NULL && **line == '\0'))
      continue;
    else
      puts (*line);
  return TRUE;
}
