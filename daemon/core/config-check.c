/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config-check.c - what no single group of a configuration can know; see core.h. */
#include "core/core.h"

#include "event/error.h"

static gboolean
fail (GError **error, const char *kind, const char *name, const char *words)
{
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "%s \"%s\" %s", kind, name, words);
  return FALSE;
}

gboolean
core_config_check (const CoreConfig *config, GError **error)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) earlier = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < config->bmcs->len; i++)
    if (!g_hash_table_add (names, ((BmcConfig *) config->bmcs->pdata[i])->name))
      return fail (error, "bmc", ((BmcConfig *) config->bmcs->pdata[i])->name, "is configured twice");
  for (guint i = 0; i < config->bmcs->len; i++)
    {
      const BmcConfig *bmc = config->bmcs->pdata[i];
      if (bmc->was == NULL)
        continue;
      if (g_hash_table_contains (names, bmc->was))
        return fail (error, "bmc", bmc->name,
                     "cannot have the history of its earlier name (was), because a BMC with that name is configured, "
                     "too; remove one of them");
      if (!g_hash_table_add (earlier, bmc->was))
        return fail (error, "bmc", bmc->name, "has the same earlier name (was) as another BMC; remove one of them");
    }
  g_hash_table_remove_all (names);
  for (guint i = 0; i < config->handlers->len; i++)
    if (!g_hash_table_add (names, ((HandlerConfig *) config->handlers->pdata[i])->name))
      return fail (error, "handler", ((HandlerConfig *) config->handlers->pdata[i])->name, "is configured twice");
  return TRUE;
}
