/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper-bmc.c - the BMCs of one collector: looked up, handed over, taken back. */
#include "core/keeper-private.h"

#define RESOLVE_PAUSE_MAX 60 /* seconds */

/* How soon the names of a BMC that is down are looked up again, and how often if
 * it stays so: that they mean another address may be why it is. */
#define RESOLVE_AGAIN G_TIME_SPAN_SECOND
#define RESOLVE_AGAIN_MAX (30 * G_TIME_SPAN_SECOND)

/* ----------------------------------------------------------------- names */

static void
look_up_at (FleetBmc *bmc, gint64 time)
{
  bmc->resolve_at = time;
  fleet_wake_at (bmc->fleet, time);
}

void
keeper_look_up_again (FleetBmc *bmc)
{
  if (bmc->config == NULL || !resolve_has_names (bmc->config->connection))
    return;
  gint64 pause = MIN (RESOLVE_AGAIN << MIN (bmc->resolve_again, 5), RESOLVE_AGAIN_MAX);
  bmc->resolve_again++;
  look_up_at (bmc, g_get_monotonic_time () + pause);
}

static gboolean
same_addresses (char **before, const char *const *now)
{
  return before != NULL && g_strv_equal ((const char *const *) before, now);
}

static void
add_bmc (FleetBmc *bmc)
{
  GVariant *settings
      = connection_to_settings (bmc->config->connection, bmc->name, (const char *const *) bmc->addresses);

  if (bmc->fleet->sdr_cache != NULL)
    settings = sdr_cache_add_settings (bmc->fleet->sdr_cache, bmc->id, settings);
  bmc->added = TRUE;
  bmc->generation++;
  keeper_send (bmc->keeper, FRAME_ADD, g_variant_new ("(u@a{sv})", (guint32) bmc->id, settings));
}

static void
take_addresses (FleetBmc *bmc, const char *const *addresses)
{
  const LogContext context = { .bmc = bmc->name };
  gboolean same = same_addresses (bmc->addresses, addresses);

  bmc->resolve_failures = 0;
  if (!same)
    {
      g_strfreev (bmc->addresses);
      bmc->addresses = g_strdupv ((char **) addresses);
    }
  if (!bmc->added)
    add_bmc (bmc);
  else if (!same)
    {
      log_line (IPMID_LOG_NOTICE, &context, "its name means another address now: %s", addresses[0]);
      keeper_close_bmc (bmc);
    }
  else if (bmc->state != FRAME_STATE_UP)
    keeper_look_up_again (bmc);
}

static void
on_resolved (const char *const *addresses, const GError *error, gpointer data)
{
  FleetBmc *bmc = data;

  bmc->resolving = NULL;
  if (addresses != NULL)
    {
      take_addresses (bmc, addresses);
      return;
    }
  /* One that is handed over is tried at the address that it had. */
  if (!bmc->added)
    fleet_set_state (bmc, FRAME_STATE_DOWN, error->message);
  gint64 pause = MIN (1u << MIN (bmc->resolve_failures, 6), RESOLVE_PAUSE_MAX);
  bmc->resolve_failures++;
  look_up_at (bmc, g_get_monotonic_time () + pause * G_TIME_SPAN_SECOND);
}

void
keeper_resolve_bmc (FleetBmc *bmc)
{
  bmc->resolve_at = G_MAXINT64;
  if (bmc->resolving == NULL)
    bmc->resolving = resolve_connection (bmc->fleet->resolver, bmc->config->connection, on_resolved, bmc);
}

void
keeper_check_names (FleetBmc *bmc, gint64 now)
{
  if (now >= bmc->resolve_at && bmc->keeper != NULL && bmc->keeper->channel != NULL && !bmc->removing)
    keeper_resolve_bmc (bmc);
}

/* ------------------------------------------------------------- handing over */

static void
forget_questions (FleetBmc *bmc)
{
  g_clear_pointer (&bmc->resolving, resolve_cancel);
  bmc->resolve_at = G_MAXINT64;
  g_clear_pointer (&bmc->up_words, g_free);
}

void
keeper_take_bmc (Keeper *keeper, FleetBmc *bmc)
{
  bmc->keeper = keeper;
  g_hash_table_insert (keeper->bmcs, &bmc->id, bmc);
  keeper_begin_watch (keeper->fleet);
  if (keeper->channel != NULL)
    keeper_resolve_bmc (bmc);
}

void
keeper_drop_bmc (FleetBmc *bmc)
{
  forget_questions (bmc);
  g_hash_table_remove (bmc->keeper->bmcs, &bmc->id);
  bmc->keeper = NULL;
}

void
keeper_close_bmc (FleetBmc *bmc)
{
  if (bmc->removing)
    return;
  forget_questions (bmc);
  /* What is owed for its sake is answered by nobody else. */
  bmc->fleet->on_deleted (bmc->id, 0, FRAME_DELETE_UNAVAILABLE, "the session is being closed", bmc->fleet->user_data);
  if (!bmc->added)
    {
      fleet_on_removed (bmc);
      return;
    }
  bmc->removing = TRUE;
  bmc->remove_pings = 0;
  fleet_set_state (bmc, FRAME_STATE_CONNECTING, "the session is being closed");
  keeper_send (bmc->keeper, FRAME_REMOVE, g_variant_new ("(u)", (guint32) bmc->id));
}

void
keeper_hand_over_all (Keeper *keeper)
{
  GHashTableIter iter;
  gpointer bmc;

  g_hash_table_iter_init (&iter, keeper->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &bmc))
    keeper_resolve_bmc (bmc);
}

void
keeper_lose_all (Keeper *keeper)
{
  Fleet *fleet = keeper->fleet;
  /* A copy: one that was being removed leaves the share. */
  g_autoptr (GList) bmcs = g_hash_table_get_values (keeper->bmcs);

  for (GList *link = bmcs; link != NULL; link = link->next)
    {
      FleetBmc *bmc = link->data;
      forget_questions (bmc);
      bmc->added = FALSE;
      fleet->on_deleted (bmc->id, 0, FRAME_DELETE_UNAVAILABLE, "the collector has ended", fleet->user_data);
      if (!keeper->stopping)
        fleet_set_state (bmc, FRAME_STATE_CONNECTING, "the collector is being started again");
      if (bmc->removing && !fleet->stopping)
        fleet_on_removed (bmc);
    }
}
