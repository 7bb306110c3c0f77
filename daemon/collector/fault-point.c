/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fault-point.c - see fault-point.h. */
#include "fault-point.h"

#ifdef ENABLE_CRASH_POINTS
#include <glib.h>
#include <string.h>

#define TYPE_OEM_WITHOUT_TIME 0xe0
/* Not for ever: nothing may outlive a test that has died. */
#define SPIN_TIME (60 * G_USEC_PER_SEC)

static gboolean
says (const unsigned char *record, const char *words)
{
  return record[2] >= TYPE_OEM_WITHOUT_TIME && memcmp (record + 3, words, 13) == 0;
}

void
fault_point_record (const unsigned char *record)
{
  gint64 end = g_get_monotonic_time () + SPIN_TIME;
  gboolean spins = says (record, "ipmid: spin!!");

  while (spins && g_get_monotonic_time () < end)
    ;
  if (spins || says (record, "ipmid: crash!"))
    __builtin_trap ();
}
#endif
