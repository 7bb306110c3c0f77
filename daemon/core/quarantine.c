/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quarantine.c - see quarantine.h. */
#include "core/quarantine.h"

#include <string.h>

gboolean
quarantine_count (QuarantineCrashes *crashes, gint64 now)
{
  if (crashes->n == QUARANTINE_CRASHES)
    {
      memmove (crashes->times, crashes->times + 1, sizeof crashes->times - sizeof crashes->times[0]);
      crashes->n--;
    }
  crashes->times[crashes->n++] = now;
  if (crashes->n < QUARANTINE_CRASHES || now - crashes->times[0] > QUARANTINE_WINDOW)
    return FALSE;
  crashes->n = 0;
  return TRUE;
}

gint64
quarantine_term (const Quarantine *quarantine, gint64 time)
{
  return time << MIN (quarantine->relapses, QUARANTINE_DOUBLINGS);
}

static void
isolate (Quarantine *quarantine, gint64 time, gint64 now)
{
  quarantine->state = QUARANTINE_ISOLATED;
  quarantine->until = now + quarantine_term (quarantine, time);
}

gboolean
quarantine_blame (Quarantine *quarantine, gint64 time, gint64 now)
{
  if (time <= 0)
    return FALSE;
  switch (quarantine->state)
    {
    case QUARANTINE_FREE:
      if (!quarantine_count (&quarantine->crashes, now))
        return FALSE;
      isolate (quarantine, time, now);
      return TRUE;
    case QUARANTINE_TRIAL:
      quarantine->relapses++;
      isolate (quarantine, time, now);
      return TRUE;
    case QUARANTINE_ISOLATED:
      quarantine->relapses++;
      isolate (quarantine, time, now);
      return FALSE;
    }
  g_assert_not_reached ();
}

gboolean
quarantine_convict (Quarantine *quarantine, gint64 time, gint64 now)
{
  if (time > 0 && quarantine->state == QUARANTINE_FREE)
    {
      isolate (quarantine, time, now);
      return TRUE;
    }
  return quarantine_blame (quarantine, time, now);
}

gboolean
quarantine_check (Quarantine *quarantine, gint64 time, gint64 now)
{
  if (now < quarantine_deadline (quarantine))
    return FALSE;
  if (quarantine->state == QUARANTINE_TRIAL)
    {
      *quarantine = (Quarantine){ .state = QUARANTINE_FREE };
      return FALSE;
    }
  quarantine->state = QUARANTINE_TRIAL;
  quarantine->until = now + quarantine_term (quarantine, time);
  return TRUE;
}

gint64
quarantine_deadline (const Quarantine *quarantine)
{
  return quarantine->state == QUARANTINE_FREE ? G_MAXINT64 : quarantine->until;
}
