/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrong-name.c - it calls itself something else. */
#include "wrong.h"

WRONG_PLUGIN (.abi_minor = IPMID_PLUGIN_ABI_MINOR, .size = sizeof (IpmidPlugin), .name = "another",
              .deliver = deliver_nothing);
