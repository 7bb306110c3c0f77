/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shares.c - see shares.h. */
#include "core/shares.h"

guint
shares_pick (const Share *shares, guint n, guint limit)
{
  guint best = n;

  for (guint i = 0; i < n; i++)
    if (!shares[i].closed && (limit == 0 || shares[i].bmcs < limit)
        && (best == n || shares[i].bmcs < shares[best].bmcs))
      best = i;
  return best;
}

guint
shares_half (guint bmcs)
{
  return bmcs < 2 ? 0 : bmcs / 2;
}
