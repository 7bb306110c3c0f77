/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrong-abi.c - made for another ipmid. */
#include <ipmid/plugin.h>

const IpmidPlugin ipmid_plugin = { .abi_major = IPMID_PLUGIN_ABI_MAJOR + 1, .size = sizeof (IpmidPlugin) };
