/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config-handler.c - see config-private.h: [handler NAME]. */
#include "core/config-private.h"

#include "core/handler.h"
#include "core/options.h"
#include "core/plugin.h"

#include <string.h>

/* The plugins that lie there, for who has misspelt one. */
static char *
nearest_plugin (const char *directory, const char *plugin)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  GDir *dir = g_dir_open (directory, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".so"))
      g_ptr_array_add (names, g_strndup (name, strlen (name) - strlen (".so")));
  g_clear_pointer (&dir, g_dir_close);
  g_ptr_array_add (names, NULL);
  return g_strdup (options_nearest_word ((const char *const *) names->pdata, plugin));
}

/* Lists keep their escapes, which the option itself takes apart. */
static void
add_entry (ConfigLoader *loader, const IniGroup *group, const IniEntry *entry, const IpmidPlugin *plugin,
           HandlerConfig *handler)
{
  const IpmidOption *option = options_find (handler_options, entry->key);
  g_autofree char *place = g_strdup_printf ("%s:%u", group->file, entry->line);
  g_autoptr (GError) error = NULL;
  char *value;

  if (option == NULL)
    option = options_find (plugin->options, entry->key);
  if (option != NULL && option->type == IPMID_OPTION_SECRET)
    config_file_note_secret (loader, group, entry);
  value = option != NULL && option->type != IPMID_OPTION_LIST ? ini_unescape (entry->value, &error)
                                                              : g_strdup (entry->value);
  if (value != NULL)
    handler_config_set (handler, entry->key, value, place);
  else
    config_report_problem (loader, CONFIG_ERROR, group->file, entry->line, "%s: %s", entry->key, error->message);
  options_free_secret (value);
}

/* The text begins with the place, which is split off so that it can be sorted. */
static void
take_mistake (ConfigLoader *loader, const IniGroup *group, const char *mistake)
{
  const char *rest = mistake;
  guint64 line = group->line;

  if (g_str_has_prefix (mistake, group->file) && mistake[strlen (group->file)] == ':')
    {
      char *end;

      line = g_ascii_strtoull (mistake + strlen (group->file) + 1, &end, 10);
      rest = g_str_has_prefix (end, ": ") ? end + 2 : end;
    }
  config_report_problem (loader, CONFIG_ERROR, group->file, (guint) line, "%s", rest);
}

static void
check (ConfigLoader *loader, const IniGroup *group, const HandlerConfig *handler)
{
  g_autoptr (GPtrArray) mistakes = g_ptr_array_new_with_free_func (g_free);

  handler_check (handler, loader->config->plugin_dir, mistakes);
  for (guint i = 0; i < mistakes->len; i++)
    take_mistake (loader, group, mistakes->pdata[i]);
}

static Plugin *
find_plugin (ConfigLoader *loader, const IniGroup *group, const IniEntry *entry)
{
  const char *directory = loader->config->plugin_dir;
  g_autoptr (GError) error = NULL;
  g_autofree char *nearest = NULL;
  Plugin *plugin = plugin_load (directory, entry->value, &error);

  if (plugin != NULL)
    return plugin;
  nearest = nearest_plugin (directory, entry->value);
  config_report_problem (loader, CONFIG_ERROR, group->file, entry->line, "%s%s%s%s", error->message,
                         nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                         nearest != NULL ? "\"?" : "");
  return NULL;
}

void
config_handler_take (ConfigLoader *loader, const IniGroup *group, const char *name)
{
  const IniEntry *plugin_entry = ini_find (group, "plugin");
  g_autoptr (Plugin) plugin = NULL;
  g_autoptr (GError) error = NULL;
  HandlerConfig *handler;

  if (!core_config_check_name (name, "a handler", &error))
    config_report_problem (loader, CONFIG_ERROR, group->file, group->line, "%s", error->message);
  if (plugin_entry == NULL)
    config_report_problem (loader, CONFIG_ERROR, group->file, group->line,
                           "[%s] needs a line plugin = NAME: which plugin gets the events", group->name);
  if (plugin_entry == NULL || (plugin = find_plugin (loader, group, plugin_entry)) == NULL)
    return;
  handler = core_config_add_handler (loader->config, name, plugin_entry->value);
  handler->place = g_strdup_printf ("%s:%u", group->file, group->line);
  for (guint i = 0; i < group->entries->len; i++)
    if (group->entries->pdata[i] != plugin_entry)
      add_entry (loader, group, group->entries->pdata[i], plugin_descriptor (plugin), handler);
  if ((plugin_descriptor (plugin)->flags & IPMID_PLUGIN_FINALIZER) != 0)
    loader->deletes = TRUE;
  check (loader, group, handler);
}
