/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fleet-status.c - what people see of the fleet; see fleet.h. */
#include "core/keeper-private.h"

#include <string.h>

static void
append_time (GString *out, const char *label, gint64 time)
{
  g_autoptr (GDateTime) moment = g_date_time_new_from_unix_utc (time / G_USEC_PER_SEC);
  g_autofree char *text = moment == NULL ? NULL : g_date_time_format_iso8601 (moment);

  g_string_append_printf (out, "%s%s\n", label, time == 0 || text == NULL ? "none" : text);
}

/* ": why", or nothing. */
static char *
reason (const FleetBmc *bmc)
{
  const char *words = bmc->reason != NULL ? bmc->reason : bmc->words;

  return words == NULL || words[0] == '\0' ? g_strdup ("") : g_strconcat (": ", words, NULL);
}

static char *
describe_address (const FleetBmc *bmc)
{
  return bmc->config == NULL ? g_strdup ("-") : connection_describe (bmc->config->connection);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (((const FleetBmc *) a)->name, ((const FleetBmc *) b)->name);
}

static GList *
sorted_bmcs (Fleet *fleet)
{
  return g_list_sort (g_hash_table_get_values (fleet->bmcs), compare_names);
}

static void
describe_bmc (const FleetBmc *bmc, GString *out)
{
  g_autofree char *address = describe_address (bmc);
  g_autofree char *why = reason (bmc);

  g_string_append_printf (out, "bmc: %s\n  address: %s\n  connection: %s%s\n", bmc->name, address,
                          fleet_state_word (bmc), why);
  append_time (out, "  since: ", bmc->since);
  append_time (out, "  last event: ", bmc->last_event);
  g_string_append_printf (out, "  records read: %" G_GUINT64_FORMAT "\n", bmc->records);
  if (bmc->sel_known)
    g_string_append_printf (out, "  sel: %u entries, %u bytes free%s\n", bmc->sel_entries, bmc->sel_free,
                            bmc->sel_overflow ? ", has overflowed" : "");
  if (bmc->fleet->inventory != NULL)
    inventory_describe (bmc->fleet->inventory, bmc->id, out);
}

static const char *
keeper_word (const Keeper *keeper)
{
  if (keeper->stopping)
    return "ending";
  return keeper->pid == 0 ? "not running" : "running";
}

static void
describe_keeper (const Keeper *keeper, GString *out)
{
  g_string_append_printf (out, "collector: %s\n", keeper_word (keeper));
  g_string_append_printf (out, "  number: %u\n  pid: %d\n  bmcs: %u%s\n", keeper->number, (int) keeper->pid,
                          g_hash_table_size (keeper->bmcs), keeper->alone ? ", in quarantine" : "");
}

static const char *const words[] = { "up", "connecting", "down", "refused", "quarantined" };

typedef struct
{
  guint of[G_N_ELEMENTS (words)];
  guint64 records;
} Counts;

static void
count_bmc (const FleetBmc *bmc, Counts *counts)
{
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    counts->of[i] += strcmp (fleet_state_word (bmc), words[i]) == 0;
  counts->records += bmc->records;
}

void
fleet_summarize (Fleet *fleet, GString *out)
{
  guint n = g_hash_table_size (fleet->bmcs);
  Counts counts = { 0 };
  GHashTableIter iter;
  gpointer bmc;

  g_hash_table_iter_init (&iter, fleet->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &bmc))
    count_bmc (bmc, &counts);
  g_string_append_printf (out, "%u BMC%s: %u up", n, n == 1 ? "" : "s", counts.of[0]);
  for (guint i = 1; i < G_N_ELEMENTS (words); i++)
    if (counts.of[i] > 0)
      g_string_append_printf (out, ", %u %s", counts.of[i], words[i]);
  g_string_append_printf (out, "; %" G_GUINT64_FORMAT " records read", counts.records);
}

static void
describe_counts (GList *bmcs, GString *out)
{
  Counts counts = { 0 };

  for (GList *link = bmcs; link != NULL; link = link->next)
    count_bmc (link->data, &counts);
  g_string_append (out, "bmcs:");
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (counts.of[i] > 0)
      g_string_append_printf (out, " %u %s", counts.of[i], words[i]);
  g_string_append_c (out, '\n');
}

void
fleet_describe (Fleet *fleet, GString *out, guint bmcs_max)
{
  g_autoptr (GList) bmcs = sorted_bmcs (fleet);
  guint n = g_list_length (bmcs), i = 0;

  for (guint k = 0; k < fleet->keepers->len; k++)
    describe_keeper (fleet->keepers->pdata[k], out);
  describe_counts (bmcs, out);
  for (GList *link = bmcs; link != NULL && i < bmcs_max; link = link->next, i++)
    describe_bmc (link->data, out);
  if (n > bmcs_max)
    g_string_append_printf (out, "and %u more BMCs; SIGUSR1 logs all of them\n", n - bmcs_max);
}

static void
log_bmc (const FleetBmc *bmc)
{
  const LogContext context = { .bmc = bmc->name };
  g_autofree char *address = describe_address (bmc);
  g_autofree char *why = reason (bmc);

  log_line (IPMID_LOG_NOTICE, &context,
            "state: %s%s; for %" G_GINT64_FORMAT " s; %s; collector %u; %" G_GUINT64_FORMAT
            " records read; SEL: %u entries, %u bytes free%s",
            fleet_state_word (bmc), why, (g_get_real_time () - bmc->since) / G_USEC_PER_SEC, address,
            bmc->keeper == NULL ? 0 : bmc->keeper->number, bmc->records, bmc->sel_entries, bmc->sel_free,
            bmc->sel_overflow ? ", has overflowed" : "");
}

void
fleet_log (Fleet *fleet)
{
  g_autoptr (GList) bmcs = sorted_bmcs (fleet);

  for (guint i = 0; i < fleet->keepers->len; i++)
    {
      const Keeper *keeper = fleet->keepers->pdata[i];
      log_line (IPMID_LOG_NOTICE, NULL, "state: collector %u %s, process %d, %u BMCs%s", keeper->number,
                keeper_word (keeper), (int) keeper->pid, g_hash_table_size (keeper->bmcs),
                keeper->alone ? ", in quarantine" : "");
    }
  for (GList *link = bmcs; link != NULL; link = link->next)
    log_bmc (link->data);
}
