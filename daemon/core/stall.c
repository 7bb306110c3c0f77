/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stall.c - see stall.h. */
#include "core/stall.h"

StallVerdict
stall_look (Stall *stall, guint32 bmc, guint64 count, gint64 processor_time)
{
  if (bmc == 0 || bmc != stall->bmc || count != stall->count)
    {
      *stall = (Stall){ .bmc = bmc, .count = count, .began = processor_time, .last = processor_time };
      return STALL_NONE;
    }
  stall->still = processor_time == stall->last ? stall->still + 1 : 0;
  stall->last = processor_time;
  if (processor_time - stall->began >= STALL_SPIN)
    return STALL_SPINS;
  return stall->still >= STALL_STILL ? STALL_HANGS : STALL_NONE;
}
