/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-doc.c - ipmid.conf(5), with the keys from the tables that read them.
 *
 *   config-doc TEMPLATE > PAGE
 *
 * "@DAEMON@", "@BMC@", "@CREDENTIALS@" and "@HANDLER@" stand for the keys of
 * these groups.  With --keys instead of a template it prints "GROUP KEY" lines,
 * for the test that the page has them all.  Used when ipmid is built.
 */
#include "core/config-private.h"
#include "core/handler.h"
#include "option-text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct
{
  const char *word;
  const IpmidOption *table;
} Group;

static gboolean
print_group (const char *line, gpointer user_data)
{
  for (const Group *group = user_data; group->word != NULL; group++)
    if (strlen (line) == strlen (group->word) + 2 && strncmp (line + 1, group->word, strlen (group->word)) == 0)
      {
        option_text_print (group->table);
        return TRUE;
      }
  return FALSE;
}

static void
print_keys (const Group *groups)
{
  for (const Group *group = groups; group->word != NULL; group++)
    for (const IpmidOption *option = group->table; option->key != NULL; option++)
      printf ("%s %s\n", group->word, option->key);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree IpmidOption *bmc = config_settings_table (CONFIG_IN_BMC);
  g_autofree IpmidOption *credentials = config_settings_table (CONFIG_IN_CREDENTIALS);
  Group groups[] = {
    { "DAEMON", config_daemon_options }, { "BMC", bmc }, { "CREDENTIALS", credentials },
    { "HANDLER", handler_options },      { NULL, NULL },
  };

  if (argc != 2)
    fputs ("usage: config-doc TEMPLATE | --keys\n", stderr);
  else if (strcmp (argv[1], "--keys") == 0)
    print_keys (groups);
  else if (!option_text_print_page (argv[1], print_group, groups, &error))
    fprintf (stderr, "config-doc: %s\n", error->message);
  return argc == 2 && error == NULL && fflush (stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
