/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * complete.c - bash completion, made from the tables of commands and options.
 *
 * A word of a command that is called BMC or HANDLER is completed with what the
 * running ipmid says; alternatives ("on|off") with themselves.
 */
#include "ctl.h"

#include <stdio.h>
#include <string.h>

static void
print_options (const IpmidOption *table)
{
  for (; table != NULL && table->key != NULL; table++)
    printf ("--%s ", table->key);
}

/* What completes the value of an option, or a word of a command. */
static void
print_action (const char *argument, const char *const *choices)
{
  if (choices != NULL)
    {
      g_autofree char *words = g_strjoinv (" ", (char **) choices);
      printf ("words '%s'", words);
    }
  else if (strcmp (argument, "BMC") == 0)
    printf ("names bmcs");
  else if (strcmp (argument, "HANDLER") == 0)
    printf ("names handlers");
  else if (strcmp (argument, "DIR") == 0)
    printf ("directories");
  else if (strcmp (argument, "FILE") == 0 || strcmp (argument, "PATH") == 0)
    printf ("files");
  else
    printf ("nothing");
}

static void
print_values (const char *command, const IpmidOption *table)
{
  for (; table != NULL && table->key != NULL; table++)
    {
      if (table->type == IPMID_OPTION_BOOLEAN)
        continue;
      printf ("    '%s --%s'%s", command, table->key, "");
      if (ctl_letter (table->key) != '\0')
        printf (" | '%s -%c'", command, ctl_letter (table->key));
      printf (") __ipmidctl_");
      print_action (table->argument, table->choices);
      printf (" ;;\n");
    }
}

/* "BMC [on|off]": the number of each, and what completes it. */
static void
print_words (const CtlCommand *command)
{
  g_auto (GStrv) words = g_strsplit_set (command->words, " []", -1);
  guint number = 0;

  for (char **word = words; *word != NULL; word++)
    {
      g_auto (GStrv) choices = strchr (*word, '|') == NULL ? NULL : g_strsplit (*word, "|", -1);
      if (**word == '\0')
        continue;
      printf ("    '%s %u') __ipmidctl_", command->name, number++);
      print_action (*word, (const char *const *) choices);
      printf (" ;;\n");
    }
}

static void
print_head (void)
{
  printf ("# bash completion for ipmidctl; made by 'ipmidctl --bash-completion'\n\n"
          "__ipmidctl_words () { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$current\"); }\n"
          "__ipmidctl_names () {\n"
          "  local name\n"
          "  while IFS= read -r name; do\n"
          "    [[ $name == \"$current\"* ]] && COMPREPLY+=(\"$(printf %%q \"$name\")\")\n"
          "  done < <(\"${program[@]}\" names \"$1\" 2>/dev/null)\n"
          "}\n"
          "__ipmidctl_directories () { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\"); }\n"
          "__ipmidctl_files () { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); }\n"
          "__ipmidctl_nothing () { :; }\n\n");
}

/* Options of all commands stand under "". */
static void
print_value_table (void)
{
  printf ("__ipmidctl_value () {\n  case \"$1\" in\n");
  print_values ("", ctl_options);
  for (const CtlCommand *command = ctl_commands; command->name != NULL; command++)
    print_values (command->name, command->options);
  printf ("    *) return 1 ;;\n  esac\n}\n\n");
}

static void
print_word_table (void)
{
  printf ("__ipmidctl_word () {\n  case \"$1\" in\n");
  for (const CtlCommand *command = ctl_commands; command->name != NULL; command++)
    print_words (command);
  printf ("    *) __ipmidctl_nothing ;;\n  esac\n}\n\n");
}

static void
print_option_table (void)
{
  printf ("__ipmidctl_options () {\n  case \"$1\" in\n");
  for (const CtlCommand *command = ctl_commands; command->name != NULL; command++)
    {
      printf ("    '%s') echo '", command->name);
      print_options (command->options);
      printf ("' ;;\n");
    }
  printf ("  esac\n  echo '");
  print_options (ctl_options);
  printf ("'\n}\n\n");
}

/* The first words of all commands, and what may follow each of those that have two. */
static void
print_command_table (void)
{
  printf ("__ipmidctl_commands () {\n  case \"$1\" in\n    '') echo '");
  for (const CtlCommand *command = ctl_commands; command->name != NULL; command++)
    {
      g_autofree char *first = g_strndup (command->name, strcspn (command->name, " "));
      const CtlCommand *before = command == ctl_commands ? NULL : command - 1;
      if (before == NULL || !g_str_has_prefix (before->name, first) || strchr (command->name, ' ') == NULL)
        printf ("%s ", first);
    }
  printf ("' ;;\n");
  for (const CtlCommand *command = ctl_commands; command->name != NULL; command++)
    if (strchr (command->name, ' ') != NULL)
      printf ("    '%.*s') echo '%s' ;;&\n", (int) strcspn (command->name, " "), command->name,
              strchr (command->name, ' ') + 1);
  printf ("  esac\n}\n\n");
}

/* Reads the line up to the cursor as ctl_parse() does. */
static void
print_function (void)
{
  printf ("_ipmidctl () {\n"
          "  local current=${COMP_WORDS[COMP_CWORD]} command='' value='' at word n=0\n"
          "  local -a program=(\"${COMP_WORDS[0]}\")\n"
          "  COMPREPLY=()\n"
          "  for ((at = 1; at < COMP_CWORD; at++)); do\n"
          "    word=${COMP_WORDS[at]}\n"
          "    if [[ -n $value ]]; then\n"
          "      [[ $value == ' '* ]] && program+=(\"${value# }\" \"$word\")\n"
          "      value=''\n"
          "    elif [[ $word == -* ]]; then\n"
          "      value=\" $word\"\n"
          "      if ! __ipmidctl_is_value \"$value\"; then\n"
          "        value=\"$command $word\"\n"
          "        __ipmidctl_is_value \"$value\" || value=''\n"
          "      fi\n"
          "    elif [[ -z $command ]]; then command=$word\n"
          "    elif [[ $command != *' '* && -n $(__ipmidctl_commands \"$command\") ]]; then command+=\" $word\"\n"
          "    else n=$((n + 1))\n"
          "    fi\n"
          "  done\n"
          "  if [[ -n $value ]]; then __ipmidctl_value \"$value\"\n"
          "  elif [[ $current == -* ]]; then __ipmidctl_words \"$(__ipmidctl_options \"$command\")\"\n"
          "  elif [[ -z $command ]]; then __ipmidctl_words \"$(__ipmidctl_commands '')\"\n"
          "  elif [[ $command != *' '* && -n $(__ipmidctl_commands \"$command\") ]]; then\n"
          "    __ipmidctl_words \"$(__ipmidctl_commands \"$command\")\"\n"
          "  else __ipmidctl_word \"$command $n\"\n"
          "  fi\n"
          "}\n"
          "__ipmidctl_is_value () { local current='' program=(true); local -a COMPREPLY; __ipmidctl_value \"$1\"; }\n\n"
          "complete -F _ipmidctl ipmidctl\n");
}

void
ctl_print_completion (void)
{
  print_head ();
  print_value_table ();
  print_word_table ();
  print_option_table ();
  print_command_table ();
  print_function ();
}
