/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* settle.c - see settle.h. */
#include "core/settle.h"

void
settle_init (Settle *settle, gboolean announced_up, gint64 now)
{
  *settle = (Settle){ .up = FALSE, .announced_up = announced_up, .since = now };
}

void
settle_see (Settle *settle, gboolean up, gint64 now)
{
  if (settle->up == up)
    return;
  settle->up = up;
  settle->since = now;
}

SettleNews
settle_check (Settle *settle, gint64 settle_time, gint64 now)
{
  if (now < settle_deadline (settle, settle_time))
    return SETTLE_NOTHING;
  settle->announced_up = settle->up;
  return settle->up ? SETTLE_BACK : SETTLE_AWAY;
}

gint64
settle_deadline (const Settle *settle, gint64 settle_time)
{
  return settle->up == settle->announced_up ? G_MAXINT64 : settle->since + settle_time;
}
