/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-sdr-blob.c - the sensor data record cache as it comes back, both forms. */
#include "collector/sdr-blob.h"

#define MAXIMUM (56u * 1024u)

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (SdrWatch) watch = sdr_watch_new ();
  g_autoptr (GBytes) packed = g_bytes_new (data, size);
  g_autoptr (GBytes) again = sdr_blob_pack (data, size, MAXIMUM);
  gsize length = 0;
  g_autofree guint8 *library = sdr_blob_unpack (packed, watch, &length);

  /* What came through goes through again. */
  if (library != NULL && size <= MAXIMUM)
    {
      g_autoptr (GBytes) repacked = sdr_blob_pack (library, length, MAXIMUM);

      g_assert (repacked != NULL && g_bytes_get_size (repacked) == size);
    }
  return 0;
}
