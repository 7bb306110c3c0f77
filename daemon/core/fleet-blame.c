/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fleet-blame.c - a collector has crashed: whose fault it was, and what follows.
 *
 * The suspect is because of whom the keeper has ended the collector
 * (keeper-watch.c), whom it was working for (event/serving.h), or the only BMC
 * that it had.  Twice suspect within ten minutes, or caught: into quarantine.
 * Without a suspect a share that keeps crashing is halved; so the guilty one is
 * alone, and suspect, after a few crashes, and every half is spared those of
 * the other.
 */
#include "core/keeper-private.h"
#include "core/options.h"
#include "core/shares.h"

/* Only the BMCs of this share can be: the note is the collector's word. */
static FleetBmc *
find_suspect (Keeper *keeper)
{
  guint32 number = keeper->suspect != 0 ? (guint32) keeper->suspect : serving_bmc (keeper->note);
  FleetBmc *noted = keeper->broken ? NULL : keeper_find_bmc (keeper, number);
  GHashTableIter iter;
  gpointer only;

  if (noted != NULL || keeper->suspect != 0 || g_hash_table_size (keeper->bmcs) != 1)
    return noted;
  g_hash_table_iter_init (&iter, keeper->bmcs);
  return g_hash_table_iter_next (&iter, NULL, &only) ? only : NULL;
}

static void
isolate (FleetBmc *bmc, const char *how)
{
  Fleet *fleet = bmc->fleet;
  gint64 term = quarantine_term (&bmc->quarantine, fleet->config->quarantine_time);
  g_autofree char *duration = options_format_duration (term);

  g_free (bmc->reason);
  bmc->reason = g_strdup_printf ("its collector %s while working for it", how);
  g_autofree char *text = g_strdup_printf ("quarantined for %s, in a collector of its own: %s", duration, bmc->reason);
  fleet_tell_health (bmc, TRUE, text);
  fleet_show_state (bmc);
  bmc->keeper->failures = 0; /* that was the reason */
  if (g_hash_table_size (bmc->keeper->bmcs) > 1)
    fleet_move (bmc);
  else
    bmc->keeper->alone = TRUE;
}

static gboolean
judge (FleetBmc *bmc, gboolean caught)
{
  gint64 time = bmc->fleet->config->quarantine_time, now = g_get_monotonic_time ();

  return caught ? quarantine_convict (&bmc->quarantine, time, now) : quarantine_blame (&bmc->quarantine, time, now);
}

static void
blame (FleetBmc *bmc, const char *how)
{
  Fleet *fleet = bmc->fleet;
  const LogContext context = { .bmc = bmc->name };

  log_line (IPMID_LOG_WARNING, &context, "the collector %s while working for it", how);
  if (!fleet_may_grow (fleet) && g_hash_table_size (bmc->keeper->bmcs) > 1)
    log_line (IPMID_LOG_ERROR, &context, "too many collectors run already to give it one of its own");
  else if (judge (bmc, bmc->keeper->caught))
    isolate (bmc, how);
  fleet_wake_at (fleet, quarantine_deadline (&bmc->quarantine));
}

/* The collector is not running, so they go at once. */
static void
halve (Keeper *keeper)
{
  g_autoptr (GList) bmcs = g_hash_table_get_values (keeper->bmcs);
  guint n = shares_half (g_list_length (bmcs));

  if (n == 0 || !fleet_may_grow (keeper->fleet))
    return;
  log_line (IPMID_LOG_WARNING, NULL,
            "collector %u keeps ending without a suspect: %u of its %u BMCs get another collector", keeper->number, n,
            g_hash_table_size (keeper->bmcs));
  fleet_split (keeper, bmcs, n);
  keeper->failures = 0;
}

void
fleet_on_crash (Fleet *fleet, Keeper *keeper, const char *how)
{
  /* One that never spoke is broken by itself. */
  if (fleet->config->quarantine_time <= 0 || fleet->stopping || !keeper->greeted)
    return;
  FleetBmc *suspect = find_suspect (keeper);
  if (suspect != NULL)
    blame (suspect, how);
  else if (keeper->suspect == 0 && quarantine_count (&keeper->unexplained, g_get_monotonic_time ()))
    halve (keeper);
}

static void
let_out (FleetBmc *bmc)
{
  g_clear_pointer (&bmc->reason, g_free);
  fleet_tell_health (bmc, FALSE, "let out of quarantine, on trial");
  fleet_show_state (bmc);
  bmc->keeper->alone = FALSE;
  /* Its own collector becomes an ordinary one if no other has room. */
  if (fleet_has_room_besides (bmc->keeper))
    fleet_move (bmc);
}

void
fleet_check_quarantine (FleetBmc *bmc, gint64 now)
{
  if (!bmc->removing && quarantine_check (&bmc->quarantine, bmc->fleet->config->quarantine_time, now))
    let_out (bmc);
}
