/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-guard.c - any request, any reply: the guard reads neither beyond its end,
 * and what it lets pass is not longer than an IPMI message can be.
 *
 * Input: network function, command, length of the request, request, reply.
 */
#include "collector/guard.h"

int LLVMFuzzerTestOneInput (const guint8 *data, size_t size);

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  gsize minimum = 0, maximum = 0;

  if (size < 3)
    return 0;
  guint8 netfn = data[0], command = data[1];
  gsize request_length = MIN ((gsize) data[2], size - 3);
  gsize reply_length = size - 3 - request_length;
  /* Copies, so that AddressSanitizer sees where each of them ends. */
  g_autofree guint8 *request = g_memdup2 (data + 3, request_length);
  g_autofree guint8 *reply = g_memdup2 (data + 3 + request_length, reply_length);

  gboolean known = guard_expected (netfn, command, request, request_length, &minimum, &maximum);
  gboolean fits = guard_reply_fits (netfn, command, request, request_length, reply, reply_length);

  if (known)
    g_assert_cmpuint (minimum, <=, maximum);
  if (known && fits && reply[0] == 0)
    g_assert_true (reply_length >= minimum && reply_length <= maximum);
  return 0;
}
