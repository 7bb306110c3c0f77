/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secret.c - see secret.h. */
#ifdef HAVE_CONFIG_H
#include <config.h> /* _GNU_SOURCE */
#endif

#include "secret.h"

#include <string.h>

typedef struct
{
  gsize size;
  _Alignas(8) guint8 bytes[]; /* no type of GVariant's wants more */
} Secret;

static void
wipe (gpointer data)
{
  Secret *secret = data;

  explicit_bzero (secret->bytes, secret->size);
  g_free (secret);
}

GBytes *
secret_bytes_new (gsize size, guint8 **data)
{
  Secret *secret = g_malloc (sizeof *secret + size);

  secret->size = size;
  *data = secret->bytes;
  return g_bytes_new_with_free_func (secret->bytes, size, wipe, secret);
}

GVariant *
secret_variant_new (gconstpointer secret, gsize size)
{
  guint8 *data;
  g_autoptr (GBytes) bytes = secret_bytes_new (size, &data);

  if (size > 0)
    memcpy (data, secret, size);
  return g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
}
