/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrong-functions.c - it cannot deliver. */
#include <ipmid/plugin.h>

static gboolean
open_nothing (G_GNUC_UNUSED gpointer state, G_GNUC_UNUSED IpmidHost *host, G_GNUC_UNUSED GError **error)
{
  return TRUE;
}

static void
close_nothing (G_GNUC_UNUSED gpointer state)
{
}

const IpmidPlugin ipmid_plugin = { .abi_major = IPMID_PLUGIN_ABI_MAJOR,
                                   .abi_minor = IPMID_PLUGIN_ABI_MINOR,
                                   .size = sizeof (IpmidPlugin),
                                   .name = "wrong-functions",
                                   .version = "1",
                                   .summary = "Wrong",
                                   .open = open_nothing,
                                   .close = close_nothing };
