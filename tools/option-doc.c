/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * option-doc.c - a plugin's manual page, with its options from its own table.
 *
 *   option-doc PLUGIN.so TEMPLATE > PAGE
 *
 * Copies the template and puts the plugin's option list, as mdoc(7) source, in
 * the place of the line "@OPTIONS@".  Used when ipmid is built.
 */
#include "option-text.h"

#include <gmodule.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gboolean
print_options (const char *line, gpointer user_data)
{
  const IpmidPlugin *plugin = user_data;

  if (strcmp (line, "@OPTIONS@") != 0)
    return FALSE;
  if (plugin->options != NULL && plugin->options->key != NULL)
    option_text_print (plugin->options);
  else
    puts ("It has none of its own.");
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  GModule *module;
  gpointer plugin;

  if (argc != 3)
    {
      fputs ("usage: option-doc PLUGIN.so TEMPLATE\n", stderr);
      return EXIT_FAILURE;
    }
  /* Without a slash the dynamic linker would search for it. */
  path = g_canonicalize_filename (argv[1], NULL);
  module = g_module_open (path, G_MODULE_BIND_LOCAL);
  if (module == NULL || !g_module_symbol (module, IPMID_PLUGIN_SYMBOL, &plugin))
    {
      fprintf (stderr, "option-doc: %s\n", g_module_error ());
      return EXIT_FAILURE;
    }
  if (option_text_print_page (argv[2], print_options, plugin, &error) && fflush (stdout) == 0)
    return EXIT_SUCCESS;
  fprintf (stderr, "option-doc: %s\n", error != NULL ? error->message : "cannot write the page");
  return EXIT_FAILURE;
}
