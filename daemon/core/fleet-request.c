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

void
fleet_set_errands (Fleet *fleet, const FleetErrandFuncs *funcs, gpointer user_data)
{
  fleet->errands = funcs;
  fleet->errands_data = user_data;
}

gboolean
fleet_walk (Fleet *fleet, gint64 id, guint *under_way, guint64 *records)
{
  const FleetBmc *bmc = fleet_find_connected (fleet, id);

  if (bmc == NULL)
    return FALSE;
  *under_way = bmc->walk;
  *records = bmc->records;
  keeper_send (bmc->keeper, FRAME_WALK, g_variant_new ("(u)", (guint32) id));
  return TRUE;
}

gboolean
fleet_power (Fleet *fleet, guint64 token, gint64 id, FramePower power)
{
  const FleetBmc *bmc = fleet_find_connected (fleet, id);

  if (bmc != NULL)
    keeper_send (bmc->keeper, FRAME_POWER, g_variant_new ("(uty)", (guint32) id, token, (guchar) power));
  return bmc != NULL;
}

char *
fleet_describe_state (Fleet *fleet, gint64 id)
{
  const FleetBmc *bmc = g_hash_table_lookup (fleet->bmcs, &id);

  if (bmc == NULL)
    return g_strdup ("not watched any more");
  const char *words = bmc->reason != NULL ? bmc->reason : bmc->words;
  gboolean has_words = words != NULL && words[0] != '\0';
  return g_strconcat (fleet_state_word (bmc), has_words ? ": " : NULL, words, NULL);
}

const char *
fleet_privilege (Fleet *fleet, gint64 id)
{
  const FleetBmc *bmc = g_hash_table_lookup (fleet->bmcs, &id);

  return bmc == NULL || bmc->config == NULL ? "default" : connection_privilege (bmc->config->connection);
}

void
fleet_tell_lost (const FleetBmc *bmc, const char *words)
{
  const Fleet *fleet = bmc->fleet;

  if (fleet->errands != NULL)
    fleet->errands->lost (bmc->id, words == NULL ? "" : words, fleet->errands_data);
}
