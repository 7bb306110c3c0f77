/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin.c - see plugin.h. */
#include "core/plugin.h"

#include "event/error.h"

#include <errno.h>
#include <gmodule.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct _Plugin
{
  IpmidPlugin descriptor;
};

static gboolean
refuse (GError **error, const char *path, const char *why)
{
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_PLUGIN, "plugin %s: %s", path, why);
  return FALSE;
}

/* ------------------------------------------------------------ safe to load? */

static gboolean
owner_is_trusted (const struct stat *status)
{
  return status->st_uid == 0 || status->st_uid == geteuid ();
}

/* Nobody but its owner can change what stands there. */
static gboolean
is_safe (const char *path, const struct stat *status, gboolean sticky_is_fine, GError **error)
{
  gboolean sticky = sticky_is_fine && S_ISDIR (status->st_mode) && (status->st_mode & S_ISVTX) != 0;

  if (!owner_is_trusted (status))
    return refuse (error, path, "belongs neither to root nor to the user that runs ipmid; use chown");
  if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky)
    return refuse (error, path, "can be written by its group or by others; use chmod go-w");
  return TRUE;
}

static gboolean
check_directory (const char *path, gboolean sticky_is_fine, GError **error)
{
  struct stat status;

  if (lstat (path, &status) < 0)
    return refuse (error, path, g_strerror (errno));
  return is_safe (path, &status, sticky_is_fine, error);
}

/* The directory and all its parents, without symbolic links on the way. */
static gboolean
check_directories (const char *directory, GError **error)
{
  g_autofree char *path = g_strdup (directory);

  if (!check_directory (path, FALSE, error))
    return FALSE;
  while (strcmp (path, "/") != 0)
    {
      char *parent = g_path_get_dirname (path);
      g_free (path);
      path = parent;
      if (!check_directory (path, TRUE, error))
        return FALSE;
    }
  return TRUE;
}

/* Nobody who is not trusted can exchange the file after this: its directory was
 * checked too. */
static gboolean
check_file (const char *path, GError **error)
{
  struct stat status;

  if (lstat (path, &status) < 0)
    return refuse (error, path, g_strerror (errno));
  if (S_ISLNK (status.st_mode))
    return refuse (error, path, "is a symbolic link");
  if (!S_ISREG (status.st_mode))
    return refuse (error, path, "is no regular file");
  return is_safe (path, &status, FALSE, error);
}

/* ----------------------------------------------------------------- the ABI */

static gboolean
name_is_good (const char *name)
{
  return g_ascii_islower (name[0]) && strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen (name);
}

static gboolean
check_descriptor (const char *path, const char *name, const IpmidPlugin *descriptor, GError **error)
{
  /* Version and size come first, before anything else is believed. */
  if (descriptor->abi_major != IPMID_PLUGIN_ABI_MAJOR)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_PLUGIN,
                   "plugin %s: made for plugin ABI %u, this ipmid has %u; build it again against this ipmid's header",
                   path, descriptor->abi_major, IPMID_PLUGIN_ABI_MAJOR);
      return FALSE;
    }
  /* It may call what this host does not have. */
  if (descriptor->abi_minor > IPMID_PLUGIN_ABI_MINOR)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_PLUGIN,
                   "plugin %s: made for plugin ABI %u.%u, this ipmid has %u.%u; build it against this ipmid's header",
                   path, descriptor->abi_major, descriptor->abi_minor, IPMID_PLUGIN_ABI_MAJOR, IPMID_PLUGIN_ABI_MINOR);
      return FALSE;
    }
  if (descriptor->size < G_STRUCT_OFFSET (IpmidPlugin, close) + sizeof descriptor->close)
    return refuse (error, path, "its descriptor is too small for its ABI version");
  if (descriptor->name == NULL || strcmp (descriptor->name, name) != 0)
    return refuse (error, path, "the name in its descriptor is not that of the file");
  if (descriptor->open == NULL || descriptor->deliver == NULL || descriptor->close == NULL)
    return refuse (error, path, "lacks one of the functions open, deliver and close");
  return TRUE;
}

static const IpmidPlugin *
find_descriptor (const char *path, GError **error)
{
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  gpointer symbol = NULL;

  if (module == NULL)
    {
      refuse (error, path, g_module_error ());
      return NULL;
    }
  g_module_make_resident (module);
  if (!g_module_symbol (module, IPMID_PLUGIN_SYMBOL, &symbol) || symbol == NULL)
    refuse (error, path, "exports no " IPMID_PLUGIN_SYMBOL);
  g_module_close (module);
  return symbol;
}

Plugin *
plugin_load (const char *directory, const char *name, GError **error)
{
  if (!name_is_good (name))
    {
      refuse (error, name, "no plugin can have this name (lower-case letters, digits and dashes)");
      return NULL;
    }
  g_autofree char *real = realpath (directory, NULL);
  if (real == NULL)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_PLUGIN,
                   "the plugin directory %s: %s; say with plugin-dir where it is", directory, g_strerror (errno));
      return NULL;
    }
  g_autofree char *file = g_strconcat (name, ".so", NULL);
  g_autofree char *path = g_build_filename (real, file, NULL);
  if (!check_directories (real, error) || !check_file (path, error))
    return NULL;
  const IpmidPlugin *descriptor = find_descriptor (path, error);
  if (descriptor == NULL || !check_descriptor (path, name, descriptor, error))
    return NULL;
  Plugin *plugin = g_new0 (Plugin, 1);
  memcpy (&plugin->descriptor, descriptor, MIN (descriptor->size, sizeof plugin->descriptor));
  return plugin;
}

void
plugin_free (Plugin *plugin)
{
  g_free (plugin);
}

const IpmidPlugin *
plugin_descriptor (const Plugin *plugin)
{
  return &plugin->descriptor;
}
