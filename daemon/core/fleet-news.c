/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fleet-news.c - how the BMCs are, and what of that becomes an event.
 *
 * A BMC that is away is a warning, whatever the reason: what it watches may be
 * well.  One that stays away is critical: nobody would know.  Being back, and every limit that is kept again, is `ok`.
 * What the world was told stands in the journal (StoreBmc.alarms), so that it is told once, and told the end of it,
 * whatever restarts between.
 */
#include "core/alarms.h"
#include "core/keeper-private.h"

/* Below the limit by so many points of a hundred the SEL counts as emptied. */
#define FILL_HYSTERESIS 10

#define RECORD_SIZE STORE_RECORD_SIZE

/* ---------------------------------------------------------------- the journal */

/* An event on its way to the journal. */
typedef struct
{
  gint64 bmc;
  StoreAlarm alarm; /* 0: it is told in any case */
  gboolean raised;
  IpmidEvent *event;
} News;

static gboolean
write_news (Ledger *ledger, gpointer data, GError **error)
{
  News *news = data;

  if (news->alarm == 0)
    return ledger_own_event (ledger, news->bmc, news->event, error);
  return ledger_alarm (ledger, news->bmc, news->alarm, news->raised, news->event, error);
}

static void
free_news (gpointer data, G_GNUC_UNUSED gboolean committed)
{
  News *news = data;

  event_unref (news->event);
  g_free (news);
}

/* What begins and ends, whatever sentence tells of it; of connections the kind
 * says it. */
static const char *const alarm_states[] = {
  [STORE_ALARM_SEL_FULL] = "SEL filling",
  [STORE_ALARM_SEL_OVERFLOW] = "SEL overflow",
  [STORE_ALARM_CLOCK] = "SEL clock drift",
  [STORE_ALARM_DOWN] = "BMC down",
};

static IpmidSeverity
severity_of (StoreAlarm alarm)
{
  return alarm == STORE_ALARM_DOWN ? IPMID_SEVERITY_CRITICAL : IPMID_SEVERITY_WARNING;
}

static void
tell (FleetBmc *bmc, IpmidKind kind, StoreAlarm alarm, gboolean raised, const char *text)
{
  const LogContext context = { .bmc = bmc->name };

  if (!bmc->fleet->config->announce)
    return;
  log_line (raised ? IPMID_LOG_WARNING : IPMID_LOG_NOTICE, &context, "%s", text);
  News *news = g_new0 (News, 1);
  news->bmc = bmc->id;
  news->alarm = alarm;
  news->raised = raised;
  news->event = event_new ();
  event_set_integer (news->event, IPMID_FIELD_KIND, kind);
  event_set_integer (news->event, IPMID_FIELD_SEVERITY, raised ? severity_of (alarm) : IPMID_SEVERITY_OK);
  event_set_integer (news->event, IPMID_FIELD_ASSERT, raised);
  event_set_string (news->event, IPMID_FIELD_TEXT, text);
  if (alarm_states[alarm] != NULL)
    event_set_string (news->event, IPMID_FIELD_STATE, alarm_states[alarm]);
  journal_submit (bmc->fleet->journal, JOURNAL_INTAKE, write_news, free_news, news);
}

void
fleet_tell_health (FleetBmc *bmc, gboolean raised, const char *text)
{
  tell (bmc, IPMID_KIND_HEALTH, 0, raised, text);
}

/* --------------------------------------------------------------------- states */

const char *
fleet_state_word (const FleetBmc *bmc)
{
  static const char *const words[] = { "connecting", "up", "down", "refused" };

  return bmc->quarantine.state == QUARANTINE_ISOLATED ? "quarantined" : words[bmc->state];
}

void
fleet_show_state (const FleetBmc *bmc)
{
  gboolean isolated = bmc->quarantine.state == QUARANTINE_ISOLATED;
  IpmidBmcState state = isolated ? IPMID_BMC_QUARANTINED : (IpmidBmcState) bmc->state;

  if (bmc->fleet->inventory != NULL)
    inventory_set_state (bmc->fleet->inventory, bmc->id, state, isolated ? bmc->reason : bmc->words, bmc->since);
}

static void
log_state (const FleetBmc *bmc)
{
  static const char *const names[] = { "connecting", "up", "down", "refused" };
  const LogContext context = { .bmc = bmc->name };
  IpmidLogLevel level = bmc->state == FRAME_STATE_CONNECTING ? IPMID_LOG_DEBUG
                        : bmc->state == FRAME_STATE_UP       ? IPMID_LOG_NOTICE
                                                             : IPMID_LOG_WARNING;

  if (bmc->words == NULL || bmc->words[0] == '\0')
    log_line (level, &context, "%s", names[bmc->state]);
  else
    log_line (level, &context, "%s: %s", names[bmc->state], bmc->words);
}

/* A name may mean another address by now. */
static void
look_up_again (FleetBmc *bmc)
{
  if (bmc->state == FRAME_STATE_UP)
    {
      bmc->resolve_at = G_MAXINT64;
      bmc->resolve_again = 0;
    }
  else if (bmc->added && bmc->state == FRAME_STATE_DOWN && bmc->resolve_at == G_MAXINT64 && bmc->resolving == NULL)
    keeper_look_up_again (bmc);
}

void
fleet_set_state (FleetBmc *bmc, FrameState state, const char *words)
{
  const CoreConfig *config = bmc->fleet->config;

  if (bmc->state == state && g_strcmp0 (bmc->words, words) == 0)
    return;
  gboolean lost = bmc->state == FRAME_STATE_UP && state != FRAME_STATE_UP;
  if (bmc->state != state)
    bmc->since = g_get_real_time ();
  bmc->state = state;
  g_free (bmc->words);
  bmc->words = g_strdup (words);
  log_state (bmc);
  fleet_show_state (bmc);
  if (lost)
    fleet_tell_lost (bmc, words);
  look_up_again (bmc);
  settle_see (&bmc->settle, state == FRAME_STATE_UP, g_get_monotonic_time ());
  settle_see (&bmc->outage, state == FRAME_STATE_UP, g_get_monotonic_time ());
  if (config->announce)
    fleet_wake_at (bmc->fleet, fleet_news_deadline (bmc));
}

/* How long it must be away, or back, for that. */
static gint64
outage_time (const FleetBmc *bmc)
{
  const CoreConfig *config = bmc->fleet->config;
  gint64 limit = config->bmc_alarm_after == 0 ? G_MAXINT64 / 2 : config->bmc_alarm_after;

  return bmc->outage.up ? config->settle_time : limit;
}

gint64
fleet_news_deadline (const FleetBmc *bmc)
{
  return MIN (settle_deadline (&bmc->settle, bmc->fleet->config->settle_time),
              settle_deadline (&bmc->outage, outage_time (bmc)));
}

static void
check_outage (FleetBmc *bmc, gint64 now)
{
  SettleNews news = settle_check (&bmc->outage, outage_time (bmc), now);

  if (news == SETTLE_BACK)
    tell (bmc, IPMID_KIND_HEALTH, STORE_ALARM_DOWN, FALSE, "the BMC was away for long, and is back");
  if (news != SETTLE_AWAY)
    return;
  g_autofree char *duration = alarms_format_duration (now - bmc->outage.since);
  gboolean has_words = bmc->words != NULL && bmc->words[0] != '\0';
  g_autofree char *text = g_strdup_printf ("the BMC has not been connected for %s (%s%s%s)", duration,
                                           fleet_state_word (bmc), has_words ? ": " : "", has_words ? bmc->words : "");
  tell (bmc, IPMID_KIND_HEALTH, STORE_ALARM_DOWN, TRUE, text);
}

void
fleet_check_news (FleetBmc *bmc, gint64 now)
{
  const CoreConfig *config = bmc->fleet->config;
  SettleNews news = config->announce ? settle_check (&bmc->settle, config->settle_time, now) : SETTLE_NOTHING;

  if (config->announce)
    check_outage (bmc, now);
  if (news == SETTLE_BACK)
    tell (bmc, IPMID_KIND_CONNECTION, STORE_ALARM_AWAY, FALSE, "the BMC is connected again");
  if (news != SETTLE_AWAY)
    return;
  gboolean has_words = bmc->words != NULL && bmc->words[0] != '\0';
  g_autofree char *text = g_strdup_printf ("the BMC is not connected (%s%s%s)", fleet_state_word (bmc),
                                           has_words ? ": " : "", has_words ? bmc->words : "");
  tell (bmc, IPMID_KIND_CONNECTION, STORE_ALARM_AWAY, TRUE, text);
}

/* --------------------------------------------------------------------- limits */

/* Told when it changes; between the two limits it stays as it is. */
static void
watch (FleetBmc *bmc, StoreAlarm alarm, gboolean above, gboolean below, const char *text)
{
  gboolean raised = (bmc->alarms & alarm) != 0;

  if (!(raised ? below : above))
    return;
  bmc->alarms ^= alarm;
  tell (bmc, IPMID_KIND_HEALTH, alarm, !raised, text);
}

void
fleet_watch_sel (FleetBmc *bmc)
{
  guint64 used = (guint64) bmc->sel_entries * RECORD_SIZE;
  guint64 room = used + bmc->sel_free;
  gint64 fill = room == 0 ? 0 : (gint64) (used * 100 / room);
  gint64 limit = bmc->fleet->config->sel_fill_limit;
  g_autofree char *text = g_strdup_printf ("the SEL is filled to %" G_GINT64_FORMAT " %% (%u entries, %u bytes free)",
                                           fill, bmc->sel_entries, bmc->sel_free);

  if (limit > 0)
    watch (bmc, STORE_ALARM_SEL_FULL, fill > limit, fill <= MAX (limit - FILL_HYSTERESIS, limit / 2), text);
  if (limit > 0)
    watch (bmc, STORE_ALARM_SEL_OVERFLOW, bmc->sel_overflow, !bmc->sel_overflow,
           bmc->sel_overflow ? "the SEL has overflowed: the BMC drops records until it is cleared"
                             : "the SEL takes records again");
}

void
fleet_watch_clock (FleetBmc *bmc, gint64 drift)
{
  gint64 limit = bmc->fleet->config->clock_drift_limit;
  gint64 size = drift == G_MININT64 ? G_MAXINT64 : ABS (drift);
  g_autofree char *text = g_strdup_printf ("the clock of its SEL is %.1f s %s", (double) size / G_USEC_PER_SEC,
                                           drift < 0 ? "behind" : "ahead");

  if (limit > 0)
    watch (bmc, STORE_ALARM_CLOCK, size > limit, size <= limit / 2, text);
}
