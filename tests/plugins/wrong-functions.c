/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrong-functions.c - it cannot deliver. */
#include "wrong.h"

WRONG_PLUGIN (.abi_minor = IPMID_PLUGIN_ABI_MINOR, .size = sizeof (IpmidPlugin), .name = "wrong-functions");
