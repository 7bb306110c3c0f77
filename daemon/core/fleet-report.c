/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fleet-report.c - the fleet for programs, as fleet-status.c has it for people. */
#include "core/keeper-private.h"
#include "event/text.h"

#include <string.h>

#define WORDS_SHOWN_MAX 1024 /* bytes */

#define NS_PER_US 1000

static void
insert_text (GVariantDict *dict, const char *key, const char *text)
{
  g_autofree char *clean = text == NULL ? NULL : text_clean (text, -1, WORDS_SHOWN_MAX);

  if (clean != NULL)
    g_variant_dict_insert (dict, key, "s", clean);
}

static void
insert_integer (GVariantDict *dict, const char *key, gint64 value)
{
  g_variant_dict_insert (dict, key, "x", value);
}

static GVariant *
report_keeper (const Keeper *keeper)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  const char *state = keeper->stopping ? "ending" : keeper->pid == 0 ? "not running" : "running";

  insert_integer (&dict, "number", keeper->number);
  if (keeper->pid != 0)
    insert_integer (&dict, "pid", keeper->pid);
  insert_text (&dict, "state", state);
  insert_integer (&dict, "bmcs", g_hash_table_size (keeper->bmcs));
  insert_integer (&dict, "restarts", keeper->generation);
  g_variant_dict_insert (&dict, "quarantine", "b", keeper->alone);
  return g_variant_dict_end (&dict);
}

GVariant *
fleet_report_collectors (Fleet *fleet)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < fleet->keepers->len; i++)
    g_variant_builder_add_value (&builder, report_keeper (fleet->keepers->pdata[i]));
  return g_variant_builder_end (&builder);
}

GVariant *
fleet_report_counts (Fleet *fleet)
{
  static const char *const words[] = { "up", "connecting", "down", "refused", "quarantined" };
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  gint64 counts[G_N_ELEMENTS (words)] = { 0 };
  GHashTableIter iter;
  gpointer bmc;

  g_hash_table_iter_init (&iter, fleet->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &bmc))
    for (guint i = 0; i < G_N_ELEMENTS (words); i++)
      counts[i] += strcmp (fleet_state_word (bmc), words[i]) == 0;
  insert_integer (&dict, "total", g_hash_table_size (fleet->bmcs));
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    insert_integer (&dict, words[i], counts[i]);
  return g_variant_dict_end (&dict);
}

static void
report_configured (const FleetBmc *bmc, GVariantDict *dict)
{
  static const char *const none[] = { NULL };
  const BmcConfig *config = bmc->config;

  if (config == NULL)
    return;
  g_autofree char *address = connection_describe (config->connection);
  insert_text (dict, "address", address);
  insert_text (dict, "host", config->host);
  g_variant_dict_insert (dict, "labels", "^as", config->labels == NULL ? (char **) none : config->labels);
}

static void
report_sel (const FleetBmc *bmc, GVariantDict *dict)
{
  if (!bmc->sel_known)
    return;
  insert_integer (dict, "sel_entries", bmc->sel_entries);
  insert_integer (dict, "sel_free", bmc->sel_free);
  g_variant_dict_insert (dict, "sel_overflow", "b", bmc->sel_overflow);
}

static void
report_sensors (const FleetBmc *bmc, GVariantDict *dict)
{
  Inventory *inventory = bmc->fleet->inventory;
  g_autoptr (InventorySnapshot) snapshot = inventory == NULL ? NULL : inventory_snapshot (inventory, bmc->id);

  if (snapshot != NULL)
    insert_integer (dict, "sensors", inventory_snapshot_about (snapshot).n_sensors);
}

/* As ipmid's events have it: the bytes as they came. */
static void
report_guid (const FleetBmc *bmc, GVariantDict *dict)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; bmc->has_guid && i < sizeof bmc->guid; i++)
    g_string_append_printf (text, "%02x", bmc->guid[i]);
  if (bmc->has_guid)
    insert_text (dict, "guid", text->str);
}

static GVariantDict *
report_bmc (const FleetBmc *bmc)
{
  GVariantDict *dict = g_variant_dict_new (NULL);

  insert_text (dict, "name", bmc->name);
  report_configured (bmc, dict);
  insert_text (dict, "state", fleet_state_word (bmc));
  insert_text (dict, "state_words", bmc->reason != NULL ? bmc->reason : bmc->words != NULL ? bmc->words : "");
  insert_integer (dict, "since", bmc->since * NS_PER_US);
  if (bmc->last_event != 0)
    insert_integer (dict, "last_event", bmc->last_event * NS_PER_US);
  insert_integer (dict, "records", (gint64) bmc->records);
  if (bmc->keeper != NULL)
    insert_integer (dict, "collector", bmc->keeper->number);
  report_sel (bmc, dict);
  report_sensors (bmc, dict);
  report_guid (bmc, dict);
  return dict;
}

void
fleet_bmc_report_free (FleetBmcReport *report)
{
  g_variant_dict_unref (report->dict);
  g_free (report->name);
  g_free (report);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(FleetBmcReport *const *) a)->name, (*(FleetBmcReport *const *) b)->name);
}

GPtrArray *
fleet_report_bmcs (Fleet *fleet, const char *name)
{
  GPtrArray *reports = g_ptr_array_new_with_free_func ((GDestroyNotify) fleet_bmc_report_free);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, fleet->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const FleetBmc *bmc = value;
      if (name != NULL && strcmp (bmc->name, name) != 0)
        continue;
      FleetBmcReport *report = g_new (FleetBmcReport, 1);
      *report = (FleetBmcReport){ bmc->id, g_strdup (bmc->name), report_bmc (bmc) };
      g_ptr_array_add (reports, report);
    }
  g_ptr_array_sort (reports, compare_names);
  return reports;
}
