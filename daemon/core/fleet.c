/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fleet.c - the BMCs and their collectors; see fleet.h. */
#include "core/keeper-private.h"
#include "core/shares.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

/* Name servers are asked so many questions at a time. */
#define RESOLVER_THREADS 16

/* Collectors beyond those that the shares need (quarantine, halves of shares):
 * one that is broken by itself must not become one per BMC. */
#define EXTRA_KEEPERS 64

/* What is due for some BMC may wait so long for what is due for others. */
#define TICK_MIN (G_USEC_PER_SEC / 20)

static void
free_bmc (gpointer data)
{
  FleetBmc *bmc = data;

  g_clear_pointer (&bmc->resolving, resolve_cancel);
  g_strfreev (bmc->addresses);
  g_free (bmc->name);
  g_free (bmc->words);
  g_free (bmc->up_words);
  g_free (bmc->reason);
  g_free (bmc);
}

Fleet *
fleet_new (const CoreConfig *config, Journal *journal, FleetDeletedFunc on_deleted, gpointer user_data)
{
  Fleet *fleet = g_new0 (Fleet, 1);

  fleet->config = config;
  fleet->journal = journal;
  fleet->on_deleted = on_deleted;
  fleet->user_data = user_data;
  fleet->resolver = resolver_new (RESOLVER_THREADS);
  fleet->bmcs = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, free_bmc);
  fleet->keepers = g_ptr_array_new ();
  fleet->tick_at = G_MAXINT64;
  return fleet;
}

void
fleet_free (Fleet *fleet)
{
  if (fleet == NULL)
    return;
  g_clear_handle_id (&fleet->tick_timer, g_source_remove);
  g_clear_handle_id (&fleet->watch_timer, g_source_remove);
  for (guint i = 0; i < fleet->keepers->len; i++)
    keeper_unref (fleet->keepers->pdata[i]);
  g_ptr_array_unref (fleet->keepers);
  g_hash_table_unref (fleet->bmcs);
  resolver_free (fleet->resolver);
  severity_rules_unref (fleet->severities);
  g_free (fleet);
}

void
fleet_set_inventory (Fleet *fleet, Inventory *inventory, SdrCache *sdr_cache)
{
  fleet->inventory = inventory;
  fleet->sdr_cache = sdr_cache;
  inventory_set_severities (inventory, fleet->severities);
}

void
fleet_set_severities (Fleet *fleet, SeverityRules *rules)
{
  severity_rules_unref (fleet->severities);
  fleet->severities = rules;
  if (fleet->inventory != NULL)
    inventory_set_severities (fleet->inventory, rules);
}

/* ------------------------------------------------------------------ collectors */

static gboolean
unref_keeper (gpointer keeper)
{
  keeper_unref (keeper);
  return G_SOURCE_REMOVE;
}

/* Called from inside the keeper, so it goes later. */
static void
on_keeper_ended (Keeper *keeper, gpointer data)
{
  Fleet *fleet = data;

  g_ptr_array_remove (fleet->keepers, keeper);
  g_idle_add (unref_keeper, keeper);
  if (fleet->stopping && fleet->keepers->len == 0 && fleet->stopped != NULL)
    {
      void (*stopped) (gpointer) = g_steal_pointer (&fleet->stopped);
      stopped (fleet->stopped_data);
    }
}

static Keeper *
new_keeper (Fleet *fleet, int interface)
{
  Keeper *keeper = keeper_new (fleet, ++fleet->next_number);
  g_autoptr (GError) error = NULL;

  keeper->interface = interface;
  g_ptr_array_add (fleet->keepers, keeper);
  if (fleet->running && !keeper_start (keeper, TRUE, &error))
    log_line (IPMID_LOG_ERROR, NULL, "%s", error->message);
  return keeper;
}

gboolean
fleet_may_grow (Fleet *fleet)
{
  guint per = fleet->config->bmcs_per_collector;
  guint bmcs = g_hash_table_size (fleet->bmcs);

  return fleet->keepers->len < EXTRA_KEEPERS + (per == 0 ? 1 : (bmcs + per - 1) / per);
}

void
fleet_retire_if_empty (Keeper *keeper)
{
  if (g_hash_table_size (keeper->bmcs) == 0 && !keeper->stopping && !keeper->fleet->stopping)
    keeper_stop (keeper, on_keeper_ended, keeper->fleet);
}

/* The emptiest besides that one that has room, or NULL.  A collector's sandbox is
 * for one interface. */
static Keeper *
pick_keeper (Fleet *fleet, const Keeper *besides, int interface)
{
  g_autofree Share *shares = g_new (Share, fleet->keepers->len + 1);

  for (guint i = 0; i < fleet->keepers->len; i++)
    {
      const Keeper *keeper = fleet->keepers->pdata[i];
      shares[i] = (Share){ g_hash_table_size (keeper->bmcs),
                           keeper == besides || keeper->alone || keeper->stopping || keeper->interface != interface };
    }
  guint i = shares_pick (shares, fleet->keepers->len, fleet->config->bmcs_per_collector);
  return i < fleet->keepers->len ? fleet->keepers->pdata[i] : NULL;
}

gboolean
fleet_has_room_besides (const Keeper *keeper)
{
  return pick_keeper (keeper->fleet, keeper, keeper->interface) != NULL;
}

/* Finds a share for a BMC that is in none. */
static void
place (FleetBmc *bmc, const Keeper *besides)
{
  gboolean alone = bmc->quarantine.state == QUARANTINE_ISOLATED;
  int interface = bmc->config->connection->interface;
  Keeper *keeper = alone ? NULL : pick_keeper (bmc->fleet, besides, interface);

  if (keeper == NULL)
    keeper = new_keeper (bmc->fleet, interface);
  keeper->alone = alone;
  keeper_take_bmc (keeper, bmc);
}

static void
place_elsewhere (FleetBmc *bmc)
{
  Keeper *keeper = bmc->keeper;

  bmc->moving = FALSE;
  keeper_drop_bmc (bmc);
  place (bmc, keeper);
  fleet_retire_if_empty (keeper);
}

void
fleet_split (Keeper *keeper, GList *bmcs, guint n)
{
  Keeper *other = new_keeper (keeper->fleet, keeper->interface);

  for (GList *link = bmcs; link != NULL && n > 0; link = link->next, n--)
    {
      keeper_drop_bmc (link->data);
      keeper_take_bmc (other, link->data);
    }
}

void
fleet_move (FleetBmc *bmc)
{
  bmc->moving = TRUE;
  keeper_close_bmc (bmc);
}

static void
forget_bmc (FleetBmc *bmc)
{
  const LogContext context = { .bmc = bmc->name };
  Keeper *keeper = bmc->keeper;

  log_line (IPMID_LOG_NOTICE, &context, "is not watched any more");
  if (bmc->fleet->inventory != NULL)
    inventory_remove_bmc (bmc->fleet->inventory, bmc->id);
  if (bmc->fleet->sdr_cache != NULL)
    sdr_cache_forget (bmc->fleet->sdr_cache, bmc->id);
  keeper_drop_bmc (bmc);
  g_hash_table_remove (bmc->fleet->bmcs, &bmc->id);
  fleet_retire_if_empty (keeper);
}

void
fleet_on_removed (FleetBmc *bmc)
{
  bmc->added = bmc->removing = FALSE;
  if (bmc->leaving)
    forget_bmc (bmc);
  else if (bmc->moving || bmc->keeper->interface != bmc->config->connection->interface)
    place_elsewhere (bmc);
  else if (bmc->keeper->channel != NULL)
    keeper_resolve_bmc (bmc);
}

/* ------------------------------------------------------------------------ BMCs */

/* What plugins are told about it. */
static void
enter_inventory (const FleetBmc *bmc)
{
  Inventory *inventory = bmc->fleet->inventory;

  if (inventory == NULL)
    return;
  inventory_add_bmc (inventory, bmc->id, bmc->name);
  inventory_set_labels (inventory, bmc->id, bmc->config->host, (const char *const *) bmc->config->labels);
}

void
fleet_add_bmc (Fleet *fleet, const StoreBmc *saved, const BmcConfig *config)
{
  FleetBmc *bmc = g_new0 (FleetBmc, 1);
  gint64 now = g_get_monotonic_time ();

  bmc->id = saved->id;
  bmc->name = g_strdup (config->name);
  bmc->config = config;
  bmc->fleet = fleet;
  bmc->stays = TRUE;
  bmc->resolve_at = G_MAXINT64;
  bmc->state = FRAME_STATE_CONNECTING;
  bmc->since = g_get_real_time ();
  bmc->has_guid = saved->has_guid;
  memcpy (bmc->guid, saved->guid, sizeof bmc->guid);
  bmc->alarms = saved->alarms;
  settle_init (&bmc->settle, (saved->alarms & STORE_ALARM_AWAY) == 0, now);
  settle_init (&bmc->outage, (saved->alarms & STORE_ALARM_DOWN) == 0, now);
  g_hash_table_insert (fleet->bmcs, &bmc->id, bmc);
  enter_inventory (bmc);
  place (bmc, NULL);
  if (fleet->config->announce)
    fleet_wake_at (fleet, fleet_news_deadline (bmc));
}

gboolean
fleet_start (Fleet *fleet, GError **error)
{
  fleet->running = TRUE;
  for (guint i = 0; i < fleet->keepers->len; i++)
    if (!keeper_start (fleet->keepers->pdata[i], FALSE, error))
      return FALSE;
  return TRUE;
}

void
fleet_configure (Fleet *fleet, const CoreConfig *config)
{
  GHashTableIter iter;
  gpointer bmc;

  fleet->config = config;
  g_hash_table_iter_init (&iter, fleet->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &bmc))
    ((FleetBmc *) bmc)->stays = FALSE;
}

void
fleet_update_bmc (Fleet *fleet, const StoreBmc *saved, const BmcConfig *config)
{
  FleetBmc *bmc = g_hash_table_lookup (fleet->bmcs, &saved->id);

  if (bmc == NULL)
    {
      fleet_add_bmc (fleet, saved, config);
      return;
    }
  gboolean same = bmc->config != NULL && connection_equal (bmc->config->connection, config->connection);
  bmc->config = config;
  bmc->stays = TRUE;
  bmc->leaving = FALSE; /* it was just being removed */
  g_free (bmc->name);
  bmc->name = g_strdup (config->name);
  enter_inventory (bmc);
  if (!same)
    keeper_close_bmc (bmc);
}

void
fleet_forget_others (Fleet *fleet)
{
  g_autoptr (GList) bmcs = g_hash_table_get_values (fleet->bmcs);

  for (GList *link = bmcs; link != NULL; link = link->next)
    {
      FleetBmc *bmc = link->data;
      if (bmc->stays)
        continue;
      bmc->leaving = TRUE;
      bmc->config = NULL; /* its configuration goes */
      keeper_close_bmc (bmc);
    }
}

FleetBmc *
fleet_find_connected (Fleet *fleet, gint64 id)
{
  FleetBmc *bmc = g_hash_table_lookup (fleet->bmcs, &id);
  gboolean connected = bmc != NULL && bmc->state == FRAME_STATE_UP && bmc->added && !bmc->removing
                       && bmc->keeper->channel != NULL && !bmc->keeper->stopping;

  return connected ? bmc : NULL;
}

gboolean
fleet_delete (Fleet *fleet, guint64 token, gint64 id, const LedgerIntent *intent, FrameDeleteFlags flags)
{
  FleetBmc *bmc = fleet_find_connected (fleet, id);

  if (bmc == NULL)
    return FALSE;
  GVariant *record = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, intent->record, STORE_RECORD_SIZE, 1);
  GVariant *predecessor = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, intent->predecessor,
                                                     intent->has_predecessor ? STORE_RECORD_SIZE : 0, 1);
  keeper_send (bmc->keeper, FRAME_DELETE,
               g_variant_new ("(ut@ay@ayu)", (guint32) id, token, record, predecessor, (guint32) flags));
  return TRUE;
}

gboolean
fleet_poll (Fleet *fleet, gint64 id)
{
  FleetBmc *bmc = fleet_find_connected (fleet, id);

  if (bmc != NULL)
    keeper_send (bmc->keeper, FRAME_POLL, g_variant_new ("(u)", (guint32) id));
  return bmc != NULL;
}

/* ------------------------------------------------------------------- look-ups */

/* As resolve.c writes addresses.  FALSE: it is no address of a network. */
static gboolean
format_address (const struct sockaddr *address, char *text, socklen_t size)
{
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) (gconstpointer) address;
  struct sockaddr_in v4 = { .sin_family = AF_INET };
  socklen_t length = address->sa_family == AF_INET ? sizeof v4 : sizeof *v6;

  if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
    return FALSE;
  if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED (&v6->sin6_addr))
    {
      memcpy (&v4.sin_addr, v6->sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
      address = (const struct sockaddr *) &v4;
      length = sizeof v4;
    }
  return getnameinfo (address, length, text, size, NULL, 0, NI_NUMERICHOST) == 0;
}

typedef gboolean (*Match) (const FleetBmc *bmc, gconstpointer wanted);

static gint64
find_only (Fleet *fleet, Match match, gconstpointer wanted)
{
  GHashTableIter iter;
  gpointer value;
  gint64 found = 0;

  g_hash_table_iter_init (&iter, fleet->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const FleetBmc *bmc = value;
      if (!match (bmc, wanted))
        continue;
      if (found != 0)
        return 0;
      found = bmc->id;
    }
  return found;
}

static gboolean
has_address (const FleetBmc *bmc, gconstpointer wanted)
{
  return bmc->addresses != NULL && g_strv_contains ((const char *const *) bmc->addresses, wanted);
}

static gboolean
has_guid (const FleetBmc *bmc, gconstpointer wanted)
{
  return bmc->has_guid && memcmp (bmc->guid, wanted, STORE_GUID_SIZE) == 0;
}

gint64
fleet_find_address (Fleet *fleet, const struct sockaddr *address)
{
  char text[NI_MAXHOST];

  return format_address (address, text, sizeof text) ? find_only (fleet, has_address, text) : 0;
}

gint64
fleet_find_guid (Fleet *fleet, const guint8 guid[STORE_GUID_SIZE])
{
  return find_only (fleet, has_guid, guid);
}

/* -------------------------------------------------------------------- the clock */

static gint64
next_time (const FleetBmc *bmc)
{
  gint64 news = bmc->fleet->config->announce ? fleet_news_deadline (bmc) : G_MAXINT64;

  return MIN (news, MIN (bmc->resolve_at, quarantine_deadline (&bmc->quarantine)));
}

/* One timer for all: a main loop with a timer for each of thousands is slow. */
static gboolean
on_tick (gpointer data)
{
  Fleet *fleet = data;
  gint64 now = g_get_monotonic_time ();
  gint64 next = G_MAXINT64;
  /* A copy: letting one out of quarantine may start a collector. */
  g_autoptr (GList) bmcs = g_hash_table_get_values (fleet->bmcs);

  fleet->tick_timer = 0;
  fleet->tick_at = G_MAXINT64;
  for (GList *link = bmcs; link != NULL; link = link->next)
    {
      FleetBmc *bmc = link->data;
      if (bmc->leaving)
        continue;
      fleet_check_news (bmc, now);
      fleet_check_quarantine (bmc, now);
      keeper_check_names (bmc, now);
      next = MIN (next, next_time (bmc));
    }
  fleet_wake_at (fleet, next);
  return G_SOURCE_REMOVE;
}

void
fleet_wake_at (Fleet *fleet, gint64 time)
{
  gint64 now = g_get_monotonic_time ();
  gint64 at = time == G_MAXINT64 ? time : MAX (time, now + TICK_MIN);

  if (at >= fleet->tick_at || fleet->stopping)
    return;
  g_clear_handle_id (&fleet->tick_timer, g_source_remove);
  fleet->tick_at = at;
  fleet->tick_timer = g_timeout_add ((guint) MIN ((at - now) / 1000 + 1, G_MAXINT32), on_tick, fleet);
}

/* ---------------------------------------------------------------------- the end */

void
fleet_stop (Fleet *fleet, void (*done) (gpointer), gpointer user_data)
{
  g_autoptr (GPtrArray) keepers = g_ptr_array_copy (fleet->keepers, NULL, NULL);

  fleet->stopping = TRUE;
  fleet->stopped = done;
  fleet->stopped_data = user_data;
  g_clear_handle_id (&fleet->tick_timer, g_source_remove);
  for (guint i = 0; i < keepers->len; i++)
    keeper_stop (keepers->pdata[i], on_keeper_ended, fleet);
  if (keepers->len == 0)
    g_steal_pointer (&fleet->stopped) (user_data);
}
