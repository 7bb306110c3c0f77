/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parse.c - the command line of ipmidctl; see ctl.h. */
#include "ctl.h"

#include "core/options.h"
#include "event/error.h"

#include <stdio.h>
#include <string.h>

/* All option tables: the options' offsets are in one struct, so a parse may clear
 * them all. */
static void
for_each_table (void (*function) (const IpmidOption *table, gpointer state), CtlOptions *options)
{
  function (ctl_options, options);
  for (const CtlCommand *command = ctl_commands; command->name != NULL; command++)
    if (command->options != NULL)
      function (command->options, options);
}

/* ------------------------------------------------------------------- options */

static const IpmidOption *
find_in (const IpmidOption *table, const char *name, gsize length)
{
  for (; table != NULL && table->key != NULL; table++)
    {
      gboolean is_letter = length == 1 && ctl_letter (table->key) == name[0];
      if (is_letter || (strlen (table->key) == length && strncmp (table->key, name, length) == 0))
        return table;
    }
  return NULL;
}

static const IpmidOption *
find_option (const Ctl *ctl, const char *name, gsize length)
{
  const IpmidOption *option = find_in (ctl_options, name, length);

  return option != NULL || ctl->command == NULL ? option : find_in (ctl->command->options, name, length);
}

static gboolean
refuse_option (const Ctl *ctl, const char *argument, GError **error)
{
  const char *word = argument + strspn (argument, "-");
  g_autofree char *key = g_strndup (word, strcspn (word, "="));
  const char *nearest
      = ctl->command != NULL && ctl->command->options != NULL ? options_nearest (ctl->command->options, key) : NULL;

  if (nearest == NULL)
    nearest = options_nearest (ctl_options, key);
  if (nearest != NULL)
    return error_usage (error, "'%s' is not known: did you mean --%s?", argument, nearest);
  return error_usage (error, "'%s' is not known: 'ipmidctl%s%s --help' shows what is", argument,
                      ctl->command != NULL ? " " : "", ctl->command != NULL ? ctl->command->name : "");
}

static gboolean
set_option (Ctl *ctl, const IpmidOption *option, const char *value, GError **error)
{
  g_autofree char *path = option->type == IPMID_OPTION_PATH ? g_canonicalize_filename (value, NULL) : NULL;

  if (options_set (option, &ctl->options, path != NULL ? path : value, error))
    return TRUE;
  g_prefix_error (error, "--");
  return FALSE;
}

/* "--key", "--key=value", "--key value", "-k", "-k value", "-kvalue". */
static gboolean
parse_option (Ctl *ctl, char **argv, int argc, int *at, GError **error)
{
  const char *argument = argv[(*at)++];
  gboolean is_long = argument[1] == '-';
  const char *name = argument + (is_long ? 2 : 1);
  gsize length = is_long ? strcspn (name, "=") : 1;
  const IpmidOption *option = is_long && length < 2 ? NULL : find_option (ctl, name, length);
  const char *value = name[length] == '\0' ? NULL : name + length + (is_long ? 1 : 0);

  if (option == NULL)
    return refuse_option (ctl, argument, error);
  if (option->type == IPMID_OPTION_BOOLEAN && value != NULL && !is_long)
    return error_usage (error, "'%s' is not known: give each option by itself", argument);
  if (value == NULL && option->type == IPMID_OPTION_BOOLEAN)
    value = "yes";
  if (value == NULL && *at >= argc)
    return error_usage (error, "%s needs a value: %s", argument, option->argument);
  return set_option (ctl, option, value != NULL ? value : argv[(*at)++], error);
}

/* ------------------------------------------------------------------- commands */

/* Commands of one word, and of two: "dead list". */
static const CtlCommand *
find_command (const char *first, const char *second)
{
  g_autofree char *both = g_strdup_printf ("%s %s", first, second == NULL ? "" : second);

  for (const CtlCommand *command = ctl_commands; command->name != NULL; command++)
    if (strcmp (command->name, first) == 0 || strcmp (command->name, both) == 0)
      return command;
  return NULL;
}

static gboolean
is_first_of_two (const char *word)
{
  for (const CtlCommand *command = ctl_commands; command->name != NULL; command++)
    if (g_str_has_prefix (command->name, word) && command->name[strlen (word)] == ' ')
      return TRUE;
  return FALSE;
}

static gboolean
refuse_command (const char *first, const char *second, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *both = g_strdup_printf ("%s %s", first, second == NULL ? "" : second);
  const char *nearest;

  for (const CtlCommand *command = ctl_commands; command->name != NULL; command++)
    g_ptr_array_add (names, (gpointer) command->name);
  g_ptr_array_add (names, NULL);
  nearest = options_nearest_word ((const char *const *) names->pdata, second == NULL ? first : both);
  if (is_first_of_two (first))
    return error_usage (error, "'%s' needs one of list, show, replay, drop behind it", first);
  if (nearest != NULL)
    return error_usage (error, "there is no command '%s': did you mean '%s'?", first, nearest);
  return error_usage (error, "there is no command '%s': 'ipmidctl --help' shows what there is", first);
}

static gboolean
take_command (Ctl *ctl, char **argv, int argc, int *at, GError **error)
{
  const char *first = argv[*at];
  const char *second = *at + 1 < argc ? argv[*at + 1] : NULL;

  ctl->command = find_command (first, second);
  if (ctl->command == NULL)
    return refuse_command (first, is_first_of_two (first) ? second : NULL, error);
  *at += strchr (ctl->command->name, ' ') == NULL ? 1 : 2;
  return TRUE;
}

static gboolean
check_words (Ctl *ctl, GError **error)
{
  const CtlCommand *command = ctl->command;

  if (ctl->options.help || ctl->options.version)
    return TRUE;
  if (command == NULL)
    return error_usage (error, "a command is missing: 'ipmidctl --help' shows them");
  if (ctl->n_words >= command->min && ctl->n_words <= command->max)
    return TRUE;
  return error_usage (error, "%s words: ipmidctl %s%s%s", ctl->n_words < command->min ? "too few" : "too many",
                      command->name, command->words[0] == '\0' ? "" : " ", command->words);
}

static gboolean
check_target (const CtlOptions *options, GError **error)
{
  guint n = (options->config != NULL) + (options->state_dir != NULL) + (options->domain != NULL)
            + (options->socket != NULL);

  return n <= 1 || error_usage (error, "--config, --state-dir, --domain and --socket: one of them");
}

/* One option, or one word; the first word is the command. */
static gboolean
parse_one (Ctl *ctl, char **argv, int argc, int *at, gboolean *options_end, GPtrArray *words, GError **error)
{
  if (!*options_end && strcmp (argv[*at], "--") == 0)
    {
      *options_end = TRUE;
      ++*at;
      return TRUE;
    }
  if (!*options_end && argv[*at][0] == '-' && argv[*at][1] != '\0')
    return parse_option (ctl, argv, argc, at, error);
  if (ctl->command == NULL)
    return take_command (ctl, argv, argc, at, error);
  g_ptr_array_add (words, g_strdup (argv[(*at)++]));
  return TRUE;
}

gboolean
ctl_parse (Ctl *ctl, int argc, char **argv, GError **error)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  gboolean options_end = FALSE, good = TRUE;

  for_each_table (options_init, &ctl->options);
  for (int at = 1; at < argc && good;)
    good = parse_one (ctl, argv, argc, &at, &options_end, words, error);
  ctl->n_words = words->len;
  g_ptr_array_add (words, NULL);
  ctl->words = (char **) g_ptr_array_free (g_steal_pointer (&words), FALSE);
  return good && check_words (ctl, error) && check_target (&ctl->options, error);
}

void
ctl_clear (Ctl *ctl)
{
  for_each_table (options_clear, &ctl->options);
  g_strfreev (ctl->words);
  screen_free (ctl->screen);
  client_free (ctl->client);
}

/* ----------------------------------------------------------------------- help */

static void
print_options (const IpmidOption *table)
{
  for (; table != NULL && table->key != NULL; table++)
    {
      char letter = ctl_letter (table->key);
      g_autofree char *names = g_strdup_printf (
          "%c%c%c --%s%s%s", letter != '\0' ? '-' : ' ', letter != '\0' ? letter : ' ', letter != '\0' ? ',' : ' ',
          table->key, table->argument != NULL ? " " : "", table->argument != NULL ? table->argument : "");
      printf ("  %-26s %s\n", names, table->help);
    }
}

static void
print_commands (void)
{
  for (const CtlCommand *command = ctl_commands; command->name != NULL; command++)
    {
      g_autofree char *left = g_strdup_printf ("%s %s", command->name, command->words);
      printf (strlen (left) > 26 ? "  %s\n%28s %s\n" : "  %-26s%.0s %s\n", left, "", command->help);
    }
}

void
ctl_print_help (const Ctl *ctl)
{
  const CtlCommand *command = ctl->command;

  if (command == NULL)
    {
      printf ("Usage: ipmidctl [OPTION]... COMMAND [WORD]...\n"
              "Asks a running ipmid, and tells it what to do.\n\nCommands:\n");
      print_commands ();
      printf ("\nOptions of all commands:\n");
      print_options (ctl_options);
      printf ("\n'ipmidctl COMMAND --help' shows the options of a command; see also ipmidctl(1).\n");
      return;
    }
  printf ("Usage: ipmidctl %s%s%s%s\n%c%s.\n", command->name, command->options != NULL ? " [OPTION]..." : "",
          command->words[0] == '\0' ? "" : " ", command->words, g_ascii_toupper (command->help[0]), command->help + 1);
  if (command->options != NULL)
    printf ("\nOptions:\n");
  print_options (command->options);
  printf ("\nOptions of all commands:\n");
  print_options (ctl_options);
}
