/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connect.h - a socket that is connected, or why there is none. */
#ifndef CONNECT_H
#define CONNECT_H

#include "wire.h"

/* Looks the name up and connects, trying all its addresses.  Non-blocking from
 * then on.  Free with g_object_unref(). */
GSocket *connect_to (const WireEnd *end, const Patience *patience, GError **error);

#endif
