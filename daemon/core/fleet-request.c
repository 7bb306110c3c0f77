/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fleet-request.c - what people ask of one BMC; see fleet.h. */
#include "core/keeper-private.h"

#include <string.h>

gint64
fleet_find_name (Fleet *fleet, const char *name)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, fleet->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const FleetBmc *bmc = value;
      if (!bmc->leaving && strcmp (bmc->name, name) == 0)
        return bmc->id;
    }
  return 0;
}
