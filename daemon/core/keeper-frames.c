/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper-frames.c - what the collector says, checked and handed on: what is for
 * the journal to keeper-intake.c, the rest to the fleet.
 */
#include "core/keeper-intake.h"
#include "event/error.h"

#include <string.h>

/* A BMC that is not up has its collector renewed that rarely. */
#define RENEW_PAUSE (5 * G_TIME_SPAN_MINUTE)

FleetBmc *
keeper_find_bmc (Keeper *keeper, guint32 number)
{
  gint64 id = number;

  return g_hash_table_lookup (keeper->bmcs, &id);
}

/* -------------------------------------------------------------------- frames */

static void
on_hello (Keeper *keeper, GVariant *body)
{
  guint32 protocol;
  const char *version;

  g_variant_get (body, "(u&s)", &protocol, &version);
  if (protocol != FRAME_PROTOCOL)
    keeper_break (keeper, "another protocol version; is it the collector of this ipmid?");
  else
    log_line (IPMID_LOG_DEBUG, NULL, "collector %u, version %s, has started", keeper->number, version);
  keeper->greeted = TRUE;
}

static void
note_state (FleetBmc *bmc, FrameState state, const char *words)
{
  g_clear_pointer (&bmc->up_words, g_free);
  if (state == FRAME_STATE_UP)
    {
      bmc->renewed_at = 0;
      bmc->up_words = g_strdup (words);
      fleet_set_state (bmc, FRAME_STATE_CONNECTING, "asking for its SEL");
    }
  else
    fleet_set_state (bmc, state, words);
}

static void
on_state (Keeper *keeper, GVariant *body)
{
  guint32 number;
  guchar state;
  const char *words;

  g_variant_get (body, "(uy&s)", &number, &state, &words);
  FleetBmc *bmc = keeper_find_bmc (keeper, number);
  if (state > FRAME_STATE_REFUSED)
    keeper_break (keeper, "an unknown state");
  else if (bmc != NULL && !bmc->removing)
    note_state (bmc, state, words);
}

static void
on_sel_info (Keeper *keeper, GVariant *body)
{
  guint32 number, entries, room, added, erased;
  guchar flags;

  g_variant_get (body, "(uyuuuu)", &number, &flags, &entries, &room, &added, &erased);
  FleetBmc *bmc = keeper_find_bmc (keeper, number);
  if (bmc == NULL)
    return;
  bmc->sel_known = TRUE;
  bmc->sel_entries = entries;
  bmc->sel_free = room;
  bmc->sel_overflow = (flags & FRAME_SEL_OVERFLOW) != 0;
  fleet_watch_sel (bmc);
  Intake *intake = keeper_intake_new (keeper, FRAME_SEL_INFO, bmc);
  intake->connected = (flags & FRAME_SEL_CONNECTED) != 0;
  if (intake->connected)
    fleet_tell_lost (bmc, "the session was begun anew");
  intake->flag = bmc->sel_overflow;
  keeper_intake_submit (intake);
}

static void
on_tail (Keeper *keeper, GVariant *body)
{
  guint32 number;
  g_autoptr (GVariant) record = NULL;
  gsize length;

  g_variant_get (body, "(u@ay)", &number, &record);
  const guint8 *bytes = g_variant_get_fixed_array (record, &length, 1);
  FleetBmc *bmc = keeper_find_bmc (keeper, number);
  if (length != 0 && length != STORE_RECORD_SIZE)
    keeper_break (keeper, "a record that has not 16 bytes");
  else if (bmc != NULL)
    {
      Intake *intake = keeper_intake_new (keeper, FRAME_TAIL, bmc);
      intake->has_record = length > 0;
      intake->flag = keeper->fleet->config->announce;
      if (intake->has_record)
        memcpy (intake->record, bytes, STORE_RECORD_SIZE);
      keeper_intake_submit (intake);
    }
}

/* Whether this is a record's event and nothing else. */
static gboolean
is_record (const IpmidEvent *event)
{
  gsize length;

  event_bytes (event, IPMID_FIELD_RAW, &length);
  return length == STORE_RECORD_SIZE && ((1u << event_integer (event, IPMID_FIELD_KIND)) & FILTER_RECORD_KINDS) != 0;
}

/* NULL if one of them is no record. */
static GPtrArray *
read_events (const Keeper *keeper, GVariant *array)
{
  g_autoptr (GPtrArray) events = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);

  for (gsize i = 0; i < g_variant_n_children (array); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (array, i);
      IpmidEvent *event = event_from_variant (child, NULL);
      if (event != NULL)
        g_ptr_array_add (events, event);
      if (event == NULL || !is_record (event))
        return NULL;
      severity_rules_apply (keeper->fleet->severities, event);
    }
  return g_steal_pointer (&events);
}

static void
on_records (Keeper *keeper, GVariant *body)
{
  guint32 number, walk;
  gboolean first;
  g_autoptr (GVariant) array = NULL;

  g_variant_get (body, "(uub@a" EVENT_VARIANT_TYPE ")", &number, &walk, &first, &array);
  FleetBmc *bmc = keeper_find_bmc (keeper, number);
  GPtrArray *events = read_events (keeper, array);
  if (events == NULL || events->len > keeper->outstanding)
    {
      keeper_break (keeper, events == NULL ? "an event that is no SEL record" : "more records than it was allowed");
      g_clear_pointer (&events, g_ptr_array_unref);
      return;
    }
  keeper->outstanding -= events->len;
  if (bmc == NULL)
    {
      keeper_intake_give_credit (keeper, events->len);
      g_ptr_array_unref (events);
      return;
    }
  bmc->records += events->len;
  if (walk != 0 && first)
    bmc->walk = walk;
  if (events->len > 0)
    bmc->last_event = g_get_real_time ();
  Intake *intake = keeper_intake_new (keeper, FRAME_RECORDS, bmc);
  intake->walk = walk;
  intake->flag = first;
  intake->events = events;
  keeper_intake_submit (intake);
}

static void
on_walk_end (Keeper *keeper, GVariant *body)
{
  guint32 number, walk;
  gboolean complete;

  g_variant_get (body, "(uub)", &number, &walk, &complete);
  FleetBmc *bmc = keeper_find_bmc (keeper, number);
  if (walk == 0)
    keeper_break (keeper, "the end of a walk without a number");
  if (bmc == NULL || walk == 0)
    return;
  bmc->walk = 0;
  Intake *intake = keeper_intake_new (keeper, FRAME_WALK_END, bmc);
  intake->walk = walk;
  intake->flag = complete;
  keeper_intake_submit (intake);
}

static void
on_suspect (Keeper *keeper, GVariant *body)
{
  guint32 number;
  guchar suspicion;
  const char *words;
  gint64 last_confirmed;

  g_variant_get (body, "(uyx&s)", &number, &suspicion, &last_confirmed, &words);
  FleetBmc *bmc = keeper_find_bmc (keeper, number);
  if (bmc == NULL)
    return;
  const LogContext context = { .bmc = bmc->name };
  log_line (IPMID_LOG_INFO, &context, "%s", words);
  Intake *intake = keeper_intake_new (keeper, FRAME_SUSPECT, bmc);
  intake->flag = suspicion == FRAME_SUSPECT_OVERFLOW;
  intake->last_confirmed = last_confirmed;
  keeper_intake_submit (intake);
}

static void
on_deleted (Keeper *keeper, GVariant *body)
{
  guint32 number;
  guint64 token;
  guchar outcome;
  const char *words;

  g_variant_get (body, "(uty&s)", &number, &token, &outcome, &words);
  if (outcome >= FRAME_DELETE_N || token == 0)
    keeper_break (keeper, "an unknown outcome of a delete");
  else if (keeper_find_bmc (keeper, number) != NULL)
    keeper->fleet->on_deleted (number, token, outcome, words, keeper->fleet->user_data);
}

static void
on_powered (Keeper *keeper, GVariant *body)
{
  const Fleet *fleet = keeper->fleet;
  guint32 number;
  guint64 token;
  guchar outcome, state;
  const char *words;

  g_variant_get (body, "(utyy&s)", &number, &token, &outcome, &state, &words);
  if (outcome >= FRAME_DELETE_N || outcome == FRAME_DELETE_CHANGED || state >= FRAME_POWER_N || token == 0)
    keeper_break (keeper, "an unknown outcome of a chassis control");
  else if (keeper_find_bmc (keeper, number) != NULL && fleet->errands != NULL)
    fleet->errands->powered (number, token, outcome, state, words, fleet->errands_data);
}

static void
on_removed (Keeper *keeper, GVariant *body)
{
  guint32 number;

  g_variant_get (body, "(u)", &number);
  FleetBmc *bmc = keeper_find_bmc (keeper, number);
  if (bmc != NULL && bmc->removing)
    fleet_on_removed (bmc);
}

static void
on_identity (Keeper *keeper, GVariant *body)
{
  guint32 number, manufacturer, product;
  g_autoptr (GVariant) guid = NULL;
  const char *firmware;
  gsize length;

  g_variant_get (body, "(u@ayuu&s)", &number, &guid, &manufacturer, &product, &firmware);
  const guint8 *bytes = g_variant_get_fixed_array (guid, &length, 1);
  FleetBmc *bmc = keeper_find_bmc (keeper, number);
  if (length != 0 && length != STORE_GUID_SIZE)
    keeper_break (keeper, "a GUID that has not 16 bytes");
  else if (bmc != NULL)
    {
      Intake *intake = keeper_intake_new (keeper, FRAME_IDENTITY, bmc);
      if (length > 0)
        {
          intake->has_record = bmc->has_guid = TRUE;
          memcpy (intake->record, bytes, STORE_GUID_SIZE);
          memcpy (bmc->guid, bytes, STORE_GUID_SIZE);
        }
      intake->flag = keeper->fleet->config->announce;
      keeper_intake_submit (intake);
    }
}

/* If another collector did not help, a third one soon after will not, either. */
static gboolean
may_renew (const FleetBmc *bmc)
{
  return bmc->renewed_at == 0 || g_get_monotonic_time () - bmc->renewed_at > RENEW_PAUSE;
}

static void
on_renew (Keeper *keeper, GVariant *body)
{
  guint32 number;
  const char *words;

  g_variant_get (body, "(u&s)", &number, &words);
  FleetBmc *bmc = keeper_find_bmc (keeper, number);
  if (keeper->interface != CONNECTION_SMI)
    keeper_break (keeper, "a wish for another collector, and it has no devices");
  else if (bmc != NULL && keeper->pid != 0 && may_renew (bmc))
    {
      const LogContext context = { .bmc = bmc->name };
      log_line (IPMID_LOG_NOTICE, &context, "%s", words);
      bmc->renewed_at = g_get_monotonic_time ();
      keeper_renew (keeper);
    }
}

static void
on_clock (Keeper *keeper, GVariant *body)
{
  guint32 number;
  gint64 drift;

  g_variant_get (body, "(ux)", &number, &drift);
  FleetBmc *bmc = keeper_find_bmc (keeper, number);
  if (bmc != NULL)
    fleet_watch_clock (bmc, drift);
}

static void
on_log (Keeper *keeper, GVariant *body)
{
  guchar level;
  guint32 number;
  const char *text;

  g_variant_get (body, "(yu&s)", &level, &number, &text);
  const FleetBmc *bmc = keeper_find_bmc (keeper, number);
  const LogContext context = { .bmc = bmc == NULL ? NULL : bmc->name };
  log_line (CLAMP (level, IPMID_LOG_ERROR, IPMID_LOG_DEBUG), &context, "%s", text);
}

/* Sensors, readings, sensor data records: all begin with the BMC's number. */
static void
on_sensors (Keeper *keeper, FrameType type, GVariant *body)
{
  guint32 number;
  g_autoptr (GError) error = NULL;

  g_variant_get_child (body, 0, "u", &number);
  if (keeper->fleet->inventory == NULL || keeper_find_bmc (keeper, number) == NULL)
    return;
  if (type == FRAME_SENSORS)
    inventory_on_sensors (keeper->fleet->inventory, number, body, &error);
  else if (type == FRAME_READINGS)
    inventory_on_readings (keeper->fleet->inventory, number, body, &error);
  else
    sdr_cache_on_frame (keeper->fleet->sdr_cache, number, body);
  if (error != NULL)
    keeper_break (keeper, error->message);
}

void
keeper_on_frame (FrameType type, GVariant *body, gpointer data)
{
  Keeper *keeper = data;

  if (keeper->broken)
    return;
  switch (type)
    {
    case FRAME_HELLO:
      on_hello (keeper, body);
      break;
    case FRAME_STATE:
      on_state (keeper, body);
      break;
    case FRAME_SEL_INFO:
      on_sel_info (keeper, body);
      break;
    case FRAME_TAIL:
      on_tail (keeper, body);
      break;
    case FRAME_RECORDS:
      on_records (keeper, body);
      break;
    case FRAME_WALK_END:
      on_walk_end (keeper, body);
      break;
    case FRAME_SUSPECT:
      on_suspect (keeper, body);
      break;
    case FRAME_DELETED:
      on_deleted (keeper, body);
      break;
    case FRAME_POWERED:
      on_powered (keeper, body);
      break;
    case FRAME_LOG:
      on_log (keeper, body);
      break;
    case FRAME_PONG:
      keeper->unanswered = 0;
      break;
    case FRAME_REMOVED:
      on_removed (keeper, body);
      break;
    case FRAME_IDENTITY:
      on_identity (keeper, body);
      break;
    case FRAME_RENEW:
      on_renew (keeper, body);
      break;
    case FRAME_CLOCK:
      on_clock (keeper, body);
      break;
    case FRAME_SENSORS:
    case FRAME_READINGS:
    case FRAME_SDR_CACHE:
      on_sensors (keeper, type, body);
      break;
    default:
      keeper_break (keeper, "a frame that only the core sends");
      break;
    }
}
