/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrong.h - what plugins with one mistake each have in common: all the rest. */
#ifndef WRONG_H
#define WRONG_H

#include <ipmid/plugin.h>

static gboolean G_GNUC_UNUSED
open_nothing (G_GNUC_UNUSED gpointer state, G_GNUC_UNUSED IpmidHost *host, G_GNUC_UNUSED GError **error)
{
  return TRUE;
}

static void G_GNUC_UNUSED
deliver_nothing (G_GNUC_UNUSED gpointer state, G_GNUC_UNUSED const IpmidBatch *batch,
                 G_GNUC_UNUSED IpmidVerdict *verdicts)
{
}

static void G_GNUC_UNUSED
close_nothing (G_GNUC_UNUSED gpointer state)
{
}

/* The descriptor of "wrong-WHAT"; the arguments are its mistake. */
#define WRONG_PLUGIN(...)                                                                                              \
  const IpmidPlugin ipmid_plugin = { .abi_major = IPMID_PLUGIN_ABI_MAJOR,                                              \
                                     .version = "1",                                                                   \
                                     .summary = "Wrong",                                                               \
                                     .open = open_nothing,                                                             \
                                     .close = close_nothing,                                                           \
                                     __VA_ARGS__ }

#endif
