/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error.c - see error.h. */
#include "error.h"

G_DEFINE_QUARK (ipmid_error, ipmid_error)
