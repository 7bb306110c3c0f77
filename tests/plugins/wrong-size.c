/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrong-size.c - its descriptor ends before the functions. */
#include "wrong.h"

WRONG_PLUGIN (.abi_minor = IPMID_PLUGIN_ABI_MINOR, .size = G_STRUCT_OFFSET (IpmidPlugin, deliver), .name = "wrong-size",
              .deliver = deliver_nothing);
