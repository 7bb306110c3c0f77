/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-id-string.c - names in sensor data records. */
#include "collector/id-string.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree guint8 *copy = g_memdup2 (data, size);
  g_autofree char *name = id_string_decode (copy, size);

  g_assert (g_utf8_validate (name, -1, NULL) && strchr (name, '\n') == NULL);
  for (guint i = 0; size > 0 && i < 3; i++)
    {
      g_autofree char *shared = id_string_with_modifier (name, (guint) data[0] + i, i == 1);
      g_assert (g_str_has_prefix (shared, name));
    }
  return 0;
}
