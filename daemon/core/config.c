/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config.c - what the user wants, as structs; see core.h. */
#include "core/core.h"

#include "core/options.h"
#include "event/error.h"
#include "event/text.h"

#include <string.h>

static void
free_entry (gpointer data)
{
  ConfigEntry *entry = data;

  g_free (entry->key);
  options_free_secret (entry->value);
  g_free (entry->place);
  g_free (entry);
}

static void
free_handler (gpointer data)
{
  HandlerConfig *handler = data;

  g_free (handler->name);
  g_free (handler->plugin);
  g_free (handler->place);
  g_ptr_array_unref (handler->entries);
  g_free (handler);
}

static void
free_bmc (gpointer data)
{
  BmcConfig *bmc = data;

  g_free (bmc->name);
  connection_free (bmc->connection);
  g_free (bmc->was);
  g_free (bmc->host);
  g_strfreev (bmc->labels);
  g_free (bmc);
}

CoreConfig *
core_config_new (void)
{
  CoreConfig *config = g_new0 (CoreConfig, 1);

  config->refs = 1;
  config->bmcs = g_ptr_array_new_with_free_func (free_bmc);
  config->handlers = g_ptr_array_new_with_free_func (free_handler);
  return config;
}

CoreConfig *
core_config_ref (CoreConfig *config)
{
  g_atomic_int_inc (&config->refs);
  return config;
}

void
core_config_unref (CoreConfig *config)
{
  if (config == NULL || !g_atomic_int_dec_and_test (&config->refs))
    return;
  g_ptr_array_unref (config->bmcs);
  g_ptr_array_unref (config->handlers);
  g_free (config->state_dir);
  g_free (config->plugin_dir);
  g_free (config->collector);
  g_free (config->trap_listen);
  g_free (config->pid_file);
  g_strfreev (config->silences);
  g_strfreev (config->severities);
  g_free (config);
}

HandlerConfig *
core_config_add_handler (CoreConfig *config, const char *name, const char *plugin)
{
  HandlerConfig *handler = g_new0 (HandlerConfig, 1);

  handler->name = g_strdup (name);
  handler->plugin = g_strdup (plugin);
  handler->entries = g_ptr_array_new_with_free_func (free_entry);
  g_ptr_array_add (config->handlers, handler);
  return handler;
}

void
handler_config_set (HandlerConfig *handler, const char *key, const char *value, const char *place)
{
  ConfigEntry *entry = g_new0 (ConfigEntry, 1);

  entry->key = g_strdup (key);
  entry->value = g_strdup (value);
  entry->place = g_strdup (place);
  g_ptr_array_add (handler->entries, entry);
}

BmcConfig *
core_config_add_bmc (CoreConfig *config, const char *name, Connection *connection)
{
  BmcConfig *bmc = g_new0 (BmcConfig, 1);

  bmc->name = g_strdup (name);
  bmc->connection = connection;
  g_ptr_array_add (config->bmcs, bmc);
  return bmc;
}

gboolean
core_config_check_name (const char *name, const char *thing, GError **error)
{
  g_autofree char *clean = text_clean (name, -1, CORE_CONFIG_NAME_MAX);

  if (*name == '\0' || g_str_equal (name, ".") || g_str_equal (name, ".."))
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "'%s' cannot be the name of %s", name, thing);
  else if (strlen (name) > CORE_CONFIG_NAME_MAX)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "the name of %s is longer than %d bytes", thing,
                 CORE_CONFIG_NAME_MAX);
  else if (strchr (name, '/') != NULL)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "'%s' cannot be the name of %s: it has a '/' in it", name,
                 thing);
  else if (!g_str_equal (name, clean))
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "the name of %s has control characters in it, or is no UTF-8",
                 thing);
  else
    return TRUE;
  return FALSE;
}
