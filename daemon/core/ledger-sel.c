/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ledger-sel.c - what is new in a SEL, and what may be deleted from it; see ledger.h. */
#include "core/ledger-private.h"

#include <string.h>

/* A time stamp below this is "since the SEL device was started", not a date
 * (IPMI 2.0, section 37.1). */
#define FIRST_DATE 0x20000000u

/* ------------------------------------------------------------ new or known */

static guint
get_u16 (const guint8 *bytes)
{
  return bytes[0] | (guint) bytes[1] << 8;
}

gint64
ledger_record_time (const guint8 *raw)
{
  guint32 seconds = get_u16 (raw + 3) | (guint32) get_u16 (raw + 5) << 16;

  return raw[2] >= 0xe0 || seconds < FIRST_DATE || seconds == G_MAXUINT32 ? 0 : seconds;
}

static gboolean
report_gap (Ledger *ledger, LedgerBmc *bmc, gint64 lost, const char *text, GError **error)
{
  g_autoptr (IpmidEvent) event = event_new ();
  const LogContext context = { .bmc = bmc->name };

  log_line (IPMID_LOG_WARNING, &context, "%s", text);
  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_GAP);
  event_set_integer (event, IPMID_FIELD_SEVERITY, IPMID_SEVERITY_WARNING);
  event_set_string (event, IPMID_FIELD_TEXT, text);
  event_set_integer (event, IPMID_FIELD_LOST, lost);
  return ledger_own_event (ledger, bmc->saved.id, event, error);
}

static void
mark_seen (LedgerWalk *walk, const guint8 *raw)
{
  guint id = get_u16 (raw);

  walk->seen[id / 8] |= (guint8) (1u << id % 8);
  walk->has_last = TRUE;
  memcpy (walk->last, raw, STORE_RECORD_SIZE);
}

static gboolean
was_seen (const LedgerWalk *walk, guint id)
{
  return (walk->seen[id / 8] & (1u << id % 8)) != 0;
}

/* From the clock, so that it is also newer than any epoch of a state directory
 * that was lost. */
gboolean
ledger_advance_epoch (Ledger *ledger, LedgerBmc *bmc, GError **error)
{
  bmc->saved.epoch = MAX (bmc->saved.epoch + 1, g_get_real_time () / G_TIME_SPAN_MILLISECOND);
  return store_record_forget_gone (ledger->store, bmc->saved.id, bmc->saved.epoch, error);
}

/* Registers the record under a fresh id and owes its event. */
static gboolean
accept_record (Ledger *ledger, LedgerBmc *bmc, IpmidEvent *event, const guint8 *raw, const char *maybe_duplicate_of,
               GError **error)
{
  guint record_id = get_u16 (raw);
  StoreRecord record = { .bmc = bmc->saved.id, .record_id = record_id, .epoch = bmc->saved.epoch };
  g_autofree char *id = g_strdup_printf ("%s/%" G_GINT64_FORMAT "/%u", bmc->name, bmc->saved.epoch, record_id);

  record.ordinal = ++bmc->saved.ordinal;
  memcpy (record.raw, raw, STORE_RECORD_SIZE);
  bmc->saved.newest_time = MAX (bmc->saved.newest_time, ledger_record_time (raw));
  event_set_string (event, IPMID_FIELD_ID, id);
  event_set_string (event, IPMID_FIELD_BMC, bmc->name);
  if (maybe_duplicate_of != NULL)
    event_set_string (event, IPMID_FIELD_MAYBE_DUPLICATE_OF, maybe_duplicate_of);
  return store_record_put (ledger->store, &record, error) && ledger_owe (ledger, bmc->saved.id, event, error);
}

/* An id that we know came back: with other bytes, or after it was gone. */
static gboolean
accept_reused (Ledger *ledger, LedgerBmc *bmc, IpmidEvent *event, const guint8 *raw, const StoreRecord *before,
               GError **error)
{
  gboolean same = memcmp (before->raw, raw, STORE_RECORD_SIZE) == 0;
  g_autofree char *duplicate = same ? g_strdup_printf ("%s/%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT, bmc->name,
                                                       before->epoch, before->record_id)
                                    : NULL;

  if (bmc->walk != NULL && before->state == STORE_RECORD_STANDING)
    bmc->walk->replaced++;
  if (before->state == STORE_RECORD_STANDING && before->ordinal <= bmc->saved.suspected)
    bmc->saved.replaced++;
  if (before->epoch == bmc->saved.epoch && !ledger_advance_epoch (ledger, bmc, error))
    return FALSE;
  return accept_record (ledger, bmc, event, raw, duplicate, error);
}

static gboolean
take_record (Ledger *ledger, LedgerBmc *bmc, IpmidEvent *event, GError **error)
{
  gsize length;
  const guint8 *raw = event_bytes (event, IPMID_FIELD_RAW, &length);
  StoreRecord before;
  gboolean found;

  g_assert (length == STORE_RECORD_SIZE); /* checked when the frame came in */
  if (bmc->walk != NULL)
    mark_seen (bmc->walk, raw);
  if (!store_record_find (ledger->store, bmc->saved.id, get_u16 (raw), &before, &found, error))
    return FALSE;
  if (!found)
    return accept_record (ledger, bmc, event, raw, NULL, error);
  if (before.state == STORE_RECORD_GONE || memcmp (before.raw, raw, STORE_RECORD_SIZE) != 0)
    return accept_reused (ledger, bmc, event, raw, &before, error);
  /* What was read since then, by a walk that was broken off, proves nothing. */
  if (bmc->walk != NULL && (bmc->saved.suspected < 0 || before.ordinal <= bmc->saved.suspected))
    bmc->walk->known++;
  /* So the SEL was not cleared, whoever wanted that. */
  return before.state != STORE_RECORD_CLEARING
         || store_record_set_state (ledger->store, bmc->saved.id, get_u16 (raw), STORE_RECORD_STANDING, error);
}

static void
begin_walk (LedgerBmc *bmc, guint number)
{
  g_free (bmc->walk);
  bmc->walk = g_new0 (LedgerWalk, 1);
  bmc->walk->number = number;
}

/* Records of this walk come, perhaps the first ones. */
static void
follow_walk (Ledger *ledger, LedgerBmc *bmc, guint number, gboolean first)
{
  ledger_touch_walk (ledger, bmc);
  if (number == 0)
    return;
  if (first)
    begin_walk (bmc, number);
  else if (bmc->walk == NULL || bmc->walk->number != number)
    {
      g_clear_pointer (&bmc->walk, g_free);
      bmc->unproven_walk = number;
    }
}

gboolean
ledger_records (Ledger *ledger, gint64 bmc_id, guint walk, gboolean first, GPtrArray *events, GError **error)
{
  LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);
  gsize length;

  if (bmc == NULL)
    return FALSE;
  follow_walk (ledger, bmc, walk, first);
  for (guint i = 0; i < events->len; i++)
    if (!take_record (ledger, bmc, events->pdata[i], error))
      return FALSE;
  /* Until everything that stood at first contact is registered, the cursor
   * stays at the tail.  Later a cursor that lags behind, as in the middle of a
   * walk, does no harm: what is read again is known. */
  if (bmc->saved.contact == STORE_CONTACT_DONE && events->len > 0)
    {
      bmc->saved.has_cursor = TRUE;
      memcpy (bmc->saved.cursor, event_bytes (events->pdata[events->len - 1], IPMID_FIELD_RAW, &length),
              STORE_RECORD_SIZE);
    }
  return store_bmc_save (ledger->store, &bmc->saved, error);
}

/* --------------------------------------------------------- cursor and walks */

/* A clear that somebody wanted was broken off: only a walk shows what became of it. */
static gboolean
suspect_own_clear (Ledger *ledger, LedgerBmc *bmc, GError **error)
{
  gboolean clearing;

  if (bmc->saved.contact != STORE_CONTACT_DONE || bmc->saved.suspected >= 0)
    return TRUE;
  if (!store_record_is_clearing (ledger->store, bmc->saved.id, &clearing, error))
    return FALSE;
  bmc->saved.suspected = clearing ? bmc->saved.ordinal : -1;
  return !clearing || store_bmc_save (ledger->store, &bmc->saved, error);
}

gboolean
ledger_cursor (Ledger *ledger, gint64 bmc_id, StoreBmc *state, GError **error)
{
  LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);

  if (bmc == NULL || !suspect_own_clear (ledger, bmc, error))
    return FALSE;
  /* A walk of a collector that is gone proves nothing any more. */
  ledger_touch_walk (ledger, bmc);
  g_clear_pointer (&bmc->walk, g_free);
  bmc->unproven_walk = 0;
  *state = bmc->saved;
  if (ledger_in_doubt (bmc))
    state->contact = STORE_CONTACT_DOUBT;
  return TRUE;
}

/* Whether this is the record of the cursor. */
static gboolean
is_cursor (const LedgerBmc *bmc, const guint8 *record)
{
  return record != NULL && memcmp (bmc->saved.cursor, record, STORE_RECORD_SIZE) == 0;
}

gboolean
ledger_tail (Ledger *ledger, gint64 bmc_id, const guint8 *record, gboolean announce, GError **error)
{
  LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);

  if (bmc == NULL
      || (ledger_in_doubt (bmc) && !ledger_end_doubt (ledger, bmc, is_cursor (bmc, record), announce, error)))
    return FALSE;
  if (bmc->saved.contact != STORE_CONTACT_NONE)
    return TRUE;
  bmc->saved.contact = STORE_CONTACT_TAIL;
  bmc->saved.has_cursor = record != NULL;
  if (record != NULL)
    memcpy (bmc->saved.cursor, record, STORE_RECORD_SIZE);
  return store_bmc_save (ledger->store, &bmc->saved, error);
}

/* Records that we believed to stand and that a complete walk did not show. */
static gboolean
bury_vanished (Ledger *ledger, LedgerBmc *bmc, guint *vanished, GError **error)
{
  g_autoptr (GArray) standing = store_record_list (ledger->store, bmc->saved.id, error);
  StoreRecord record;
  gboolean found;

  *vanished = 0;
  if (standing == NULL)
    return FALSE;
  for (guint i = 0; i < standing->len; i++)
    {
      guint16 id = g_array_index (standing, guint16, i);
      if (was_seen (bmc->walk, id))
        continue;
      if (!store_record_find (ledger->store, bmc->saved.id, id, &record, &found, error)
          || !store_record_set_state (ledger->store, bmc->saved.id, id, STORE_RECORD_GONE, error))
        return FALSE;
      /* One that we were deleting, or clearing away, is gone because of us. */
      *vanished += record.state == STORE_RECORD_STANDING;
    }
  return TRUE;
}

static char *
describe_clear (LedgerBmc *bmc, guint vanished)
{
  g_autoptr (GDateTime) from = g_date_time_new_from_unix_utc (bmc->last_confirmed / G_USEC_PER_SEC);
  g_autofree char *since = bmc->last_confirmed == 0 || from == NULL ? g_strdup ("ipmid was last connected")
                                                                    : g_date_time_format_iso8601 (from);

  return g_strdup_printf ("the SEL was cleared by someone else since %s: %u records that ipmid had read are gone; "
                          "any that were written and cleared in that time are lost",
                          since, vanished);
}

/* Whether somebody else cleared the SEL, now that we know what stands in it. */
static gboolean
judge_clear (Ledger *ledger, LedgerBmc *bmc, guint vanished, GError **error)
{
  const LedgerWalk *walk = bmc->walk;
  guint replaced = bmc->saved.suspected < 0 ? walk->replaced : (guint) bmc->saved.replaced;
  guint missing = vanished + replaced;
  const LogContext context = { .bmc = bmc->name };

  if (missing == 0)
    return TRUE;
  if (walk->known > 0)
    {
      log_line (IPMID_LOG_NOTICE, &context, "%u records were deleted from the SEL by someone else", missing);
      return TRUE;
    }
  if (replaced == 0 && !ledger_advance_epoch (ledger, bmc, error))
    return FALSE;
  g_autofree char *text = describe_clear (bmc, missing);
  return report_gap (ledger, bmc, 0, text, error);
}

static gboolean
finish_walk (Ledger *ledger, LedgerBmc *bmc, GError **error)
{
  guint vanished;
  LedgerWalk *walk = bmc->walk;

  if (!bury_vanished (ledger, bmc, &vanished, error) || !judge_clear (ledger, bmc, vanished, error))
    return FALSE;
  bmc->saved.contact = STORE_CONTACT_DONE;
  bmc->saved.suspected = -1;
  bmc->saved.replaced = 0;
  bmc->saved.has_cursor = walk->has_last;
  memcpy (bmc->saved.cursor, walk->last, STORE_RECORD_SIZE);
  return store_bmc_save (ledger->store, &bmc->saved, error);
}

gboolean
ledger_walk_end (Ledger *ledger, gint64 bmc_id, guint walk, gboolean complete, GError **error)
{
  LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);

  if (bmc == NULL)
    return FALSE;
  ledger_touch_walk (ledger, bmc);
  /* A walk over an empty SEL shows no record, so nobody has begun it. */
  if (bmc->walk == NULL || bmc->walk->number != walk)
    begin_walk (bmc, walk);
  if (complete && walk != bmc->unproven_walk && !finish_walk (ledger, bmc, error))
    return FALSE;
  g_clear_pointer (&bmc->walk, g_free);
  return TRUE;
}

/* Once for each time that the flag rises. */
static gboolean
report_overflow (Ledger *ledger, LedgerBmc *bmc, GError **error)
{
  bmc->saved.overflow = TRUE;
  return report_gap (ledger, bmc, 1,
                     "the SEL has overflowed: the BMC has dropped at least one record before ipmid could read it; "
                     "clear the SEL or let ipmid delete what is handled",
                     error)
         && store_bmc_save (ledger->store, &bmc->saved, error);
}

gboolean
ledger_suspect (Ledger *ledger, gint64 bmc_id, gboolean overflow, gint64 last_confirmed, GError **error)
{
  LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);

  if (bmc == NULL)
    return FALSE;
  bmc->last_confirmed = last_confirmed;
  if (overflow)
    return report_overflow (ledger, bmc, error);
  if (bmc->saved.contact != STORE_CONTACT_DONE || bmc->saved.suspected >= 0)
    return TRUE;
  /* The walk that follows may be broken off, and its records would look known
   * to the next one. */
  bmc->saved.suspected = bmc->saved.ordinal;
  return store_bmc_save (ledger->store, &bmc->saved, error);
}

gboolean
ledger_overflow (Ledger *ledger, gint64 bmc_id, gboolean overflow, gboolean connected, GError **error)
{
  LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);

  if (bmc == NULL)
    return FALSE;
  if (bmc->saved.overflow == overflow || (overflow && !connected))
    return TRUE;
  if (overflow && bmc->saved.contact != STORE_CONTACT_NONE)
    return report_overflow (ledger, bmc, error);
  bmc->saved.overflow = overflow;
  return store_bmc_save (ledger->store, &bmc->saved, error);
}

/* ----------------------------------------------------------------- deletes */

/* Whether nothing stands in the SEL but what is to be deleted.  Until the first
 * walk has ended, nobody knows; nor do we of what somebody wanted to be cleared,
 * and that may wait for a handler. */
static gboolean
nothing_else_stands (Ledger *ledger, gint64 bmc, gboolean *nothing, GError **error)
{
  const LedgerBmc *known = ledger_find_bmc (ledger, bmc, error);
  StoreRecord record;
  gboolean found;

  if (known == NULL || !store_record_predecessor (ledger->store, bmc, G_MAXINT64, &record, &found, error))
    return FALSE;
  *nothing = !found && known->saved.contact == STORE_CONTACT_DONE;
  return TRUE;
}

static gboolean
record_intent (Ledger *ledger, StoreRecord *record, gboolean dry_run, LedgerIntent *intent, GError **error)
{
  StoreRecord predecessor;

  if (!dry_run && !store_record_set_state (ledger->store, record->bmc, record->record_id, STORE_RECORD_DELETING, error))
    return FALSE;
  if (!store_record_predecessor (ledger->store, record->bmc, record->ordinal, &predecessor, &intent->has_predecessor,
                                 error))
    return FALSE;
  memcpy (intent->record, record->raw, STORE_RECORD_SIZE);
  if (intent->has_predecessor)
    memcpy (intent->predecessor, predecessor.raw, STORE_RECORD_SIZE);
  return nothing_else_stands (ledger, record->bmc, &intent->may_clear, error);
}

gboolean
ledger_delete_intent (Ledger *ledger, gint64 bmc, gint64 seq, const IpmidEvent *event, gboolean dry_run,
                      LedgerDelete *decision, LedgerIntent *intent, GError **error)
{
  gsize length;
  const guint8 *raw = event_bytes (event, IPMID_FIELD_RAW, &length);
  StoreDues dues;
  StoreRecord record;
  gboolean found = FALSE;

  if (!store_event_dues (ledger->store, seq, &dues, error))
    return FALSE;
  if (dues.required == 0 || dues.open > 0)
    {
      *decision = LEDGER_DELETE_NOT_ALLOWED;
      return TRUE;
    }
  if (raw != NULL && length == STORE_RECORD_SIZE
      && !store_record_find (ledger->store, bmc, get_u16 (raw), &record, &found, error))
    return FALSE;
  if (!found || record.state == STORE_RECORD_GONE || memcmp (record.raw, raw, STORE_RECORD_SIZE) != 0)
    {
      *decision = LEDGER_DELETE_CHANGED;
      return TRUE;
    }
  *decision = LEDGER_DELETE_GO;
  return record_intent (ledger, &record, dry_run, intent, error);
}

gboolean
ledger_deleted (Ledger *ledger, gint64 bmc_id, const LedgerIntent *intent, GError **error)
{
  LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);
  StoreRecord record;
  gboolean found;

  if (bmc == NULL || !store_record_find (ledger->store, bmc_id, get_u16 (intent->record), &record, &found, error))
    return FALSE;
  /* Somebody may have cleared the SEL and used the id again meanwhile. */
  if (!found || record.state != STORE_RECORD_DELETING || memcmp (record.raw, intent->record, STORE_RECORD_SIZE) != 0)
    return TRUE;
  if (!store_record_set_state (ledger->store, bmc_id, record.record_id, STORE_RECORD_GONE, error))
    return FALSE;
  if (bmc->saved.contact != STORE_CONTACT_DONE || !bmc->saved.has_cursor
      || memcmp (bmc->saved.cursor, intent->record, STORE_RECORD_SIZE) != 0)
    return TRUE;
  bmc->saved.has_cursor = intent->has_predecessor;
  memcpy (bmc->saved.cursor, intent->predecessor, STORE_RECORD_SIZE);
  return store_bmc_save (ledger->store, &bmc->saved, error);
}
