/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrong-newer.c - made for a later minor ABI than the host has. */
#include "wrong.h"

WRONG_PLUGIN (.abi_minor = IPMID_PLUGIN_ABI_MINOR + 1, .size = sizeof (IpmidPlugin), .name = "wrong-newer",
              .deliver = deliver_nothing);
