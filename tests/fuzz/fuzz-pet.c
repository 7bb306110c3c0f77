/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-pet.c - any datagram: either a PET or a reason, and nothing read beyond its end. */
#include "core/pet.h"

int LLVMFuzzerTestOneInput (const guint8 *data, size_t size);

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  /* A copy, so that AddressSanitizer sees where it ends. */
  g_autofree guint8 *datagram = g_memdup2 (data, size);
  const char *why;
  Pet pet;

  gboolean good = pet_parse (datagram, size, &pet, &why);
  g_assert_true (good == (why == NULL));
  if (good)
    g_assert_cmpuint (size, >=, 46);
  return 0;
}
