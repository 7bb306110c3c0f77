/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin.h - loading of plugins from the plugin directory, and nowhere else.
 */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <ipmid/plugin.h>

typedef struct _Plugin Plugin;

/* Loads DIRECTORY/NAME.so.  Refused unless the directory and the file belong to
 * root or to the running user and only they can write to them (parents of the
 * directory may be sticky), and unless the descriptor fits this host's ABI.  A
 * loaded plugin stays in memory until the process ends. */
Plugin *plugin_load (const char *directory, const char *name, GError **error);
void plugin_free (Plugin *plugin);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Plugin, plugin_free)

/* The descriptor, completed: what an older plugin does not have is zero. */
const IpmidPlugin *plugin_descriptor (const Plugin *plugin);

#endif
