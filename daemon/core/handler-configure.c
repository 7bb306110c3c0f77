/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handler-configure.c - one group of the configuration, checked against the plugin's
 * table and the handler's own; see handler-private.h.
 *
 * The core's thread, before the handler has any of its own.
 */
#include "core/handler-private.h"

#include "core/options.h"
#include "event/error.h"

#include <string.h>

/* Takes what is wrong with one thing; `place` may be NULL. */
void
handler_configure_note_mistake (GPtrArray *mistakes, const char *place, const GError *error)
{
  g_ptr_array_add (mistakes,
                   place == NULL ? g_strdup (error->message) : g_strdup_printf ("%s: %s", place, error->message));
}

static gboolean
set_option (Handler *handler, const ConfigEntry *entry, GError **error)
{
  const IpmidOption *common = options_find (handler_options, entry->key);
  const IpmidOption *table = handler->descriptor->options;
  const IpmidOption *own = common != NULL || table == NULL ? NULL : options_find (table, entry->key);

  if (common != NULL)
    return handler_options_set (&handler->options, common, entry->value, error);
  if (own != NULL)
    return options_set (own, handler->state, entry->value, error);

  const char *nearest = options_nearest (handler_options, entry->key);
  if (nearest == NULL && table != NULL)
    nearest = options_nearest (table, entry->key);
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "plugin \"%s\" has no option \"%s\"%s%s%s",
               handler->descriptor->name, entry->key, nearest == NULL ? "" : "; did you mean \"",
               nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
  return FALSE;
}

static void
set_options (Handler *handler, const HandlerConfig *config, GPtrArray *mistakes)
{
  for (guint i = 0; i < config->entries->len; i++)
    {
      const ConfigEntry *entry = config->entries->pdata[i];
      g_autoptr (GError) error = NULL;

      if (!set_option (handler, entry, &error))
        handler_configure_note_mistake (mistakes, entry->place, error);
    }
}

static void
check_required (const Handler *handler, const HandlerConfig *config, GPtrArray *mistakes)
{
  for (const IpmidOption *option = handler->descriptor->options; option != NULL && option->key != NULL; option++)
    {
      g_autoptr (GError) error = NULL;
      gboolean given = !option->required;

      for (guint i = 0; i < config->entries->len && !given; i++)
        given = strcmp (((ConfigEntry *) config->entries->pdata[i])->key, option->key) == 0;
      if (given)
        continue;
      g_set_error (&error, IPMID_ERROR, IPMID_ERROR_USAGE, "handler \"%s\": \"%s\" is missing: %s", config->name,
                   option->key, option->help);
      handler_configure_note_mistake (mistakes, config->place, error);
    }
}

/* A plugin's option that hides one of ours could never be set. */
static void
check_table (const IpmidPlugin *descriptor, const HandlerConfig *config, GPtrArray *mistakes)
{
  for (const IpmidOption *option = descriptor->options; option != NULL && option->key != NULL; option++)
    if (options_find (handler_options, option->key) != NULL)
      {
        g_autoptr (GError) error
            = g_error_new (IPMID_ERROR, IPMID_ERROR_PLUGIN,
                           "plugin \"%s\": its option \"%s\" has the name of an option of every handler",
                           descriptor->name, option->key);
        handler_configure_note_mistake (mistakes, config->place, error);
      }
}

static void
check_readings (const Handler *handler, const HandlerConfig *config, GPtrArray *mistakes)
{
  g_autoptr (GError) error = NULL;

  if (handler->descriptor->readings != NULL || handler->options.readings_sensors == NULL)
    return;
  g_set_error (&error, IPMID_ERROR, IPMID_ERROR_USAGE,
               "handler \"%s\": readings-sensors is given, but the plugin \"%s\" takes no readings", config->name,
               handler->descriptor->name);
  handler_configure_note_mistake (mistakes, config->place, error);
}

/* A plugin that has not said so may not be made for more than one state. */
static void
check_workers (const Handler *handler, const HandlerConfig *config, GPtrArray *mistakes)
{
  g_autoptr (GError) error = NULL;

  if (handler->options.workers == 1 || (handler->descriptor->flags & IPMID_PLUGIN_WORKERS) != 0)
    return;
  g_set_error (&error, IPMID_ERROR, IPMID_ERROR_USAGE,
               "handler \"%s\": workers = %" G_GINT64_FORMAT ", but the plugin \"%s\" works with one only",
               config->name, handler->options.workers, handler->descriptor->name);
  handler_configure_note_mistake (mistakes, config->place, error);
}

void
handler_configure (Handler *handler, const HandlerConfig *config, GPtrArray *mistakes)
{
  g_autoptr (GError) error = NULL;

  if (handler->descriptor->options != NULL)
    options_init (handler->descriptor->options, handler->state);
  handler_options_init (&handler->options, handler->descriptor->flags);
  check_table (handler->descriptor, config, mistakes);
  set_options (handler, config, mistakes);
  if (!handler_options_finish (&handler->options, handler->descriptor, &error))
    {
      g_prefix_error (&error, "handler \"%s\": ", config->name);
      handler_configure_note_mistake (mistakes, config->place, error);
      g_clear_error (&error);
    }
  check_required (handler, config, mistakes);
  check_readings (handler, config, mistakes);
  check_workers (handler, config, mistakes);
  if (mistakes->len > 0 || handler->descriptor->check == NULL || handler->descriptor->check (handler->state, &error))
    return;
  g_prefix_error (&error, "handler \"%s\": ", config->name);
  handler_configure_note_mistake (mistakes, config->place, error);
}
