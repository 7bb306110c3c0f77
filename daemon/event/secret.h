/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * secret.h - memory for passwords on their way from the core to a collector.
 *
 * What a GVariant makes of its own lies in memory that is freed as it is; what
 * it makes of these bytes is wiped.  Any thread.
 */
#ifndef SECRET_H
#define SECRET_H

#include <glib.h>

/* So many bytes, aligned for a GVariant of every type, and wiped when the last
 * reference to them goes.  `data` is where to fill them in, before they are
 * shared. */
GBytes *secret_bytes_new (gsize size, guint8 **data);

/* A floating byte array ("ay") with a copy of `secret`, wiped likewise. */
GVariant *secret_variant_new (gconstpointer secret, gsize size);

#endif
