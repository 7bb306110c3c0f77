/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrong-newer.c - made for a later minor ABI than the host has. */
#include <ipmid/plugin.h>

static gboolean
open_nothing (G_GNUC_UNUSED gpointer state, G_GNUC_UNUSED IpmidHost *host, G_GNUC_UNUSED GError **error)
{
  return TRUE;
}

static void
deliver_nothing (G_GNUC_UNUSED gpointer state, G_GNUC_UNUSED const IpmidBatch *batch,
                 G_GNUC_UNUSED IpmidVerdict *verdicts)
{
}

static void
close_nothing (G_GNUC_UNUSED gpointer state)
{
}

const IpmidPlugin ipmid_plugin = { .abi_major = IPMID_PLUGIN_ABI_MAJOR,
                                   .abi_minor = IPMID_PLUGIN_ABI_MINOR + 1,
                                   .size = sizeof (IpmidPlugin),
                                   .name = "wrong-newer",
                                   .version = "1",
                                   .summary = "Wrong",
                                   .open = open_nothing,
                                   .deliver = deliver_nothing,
                                   .close = close_nothing };
