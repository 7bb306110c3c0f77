/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger-quiet.c - which events are held back from a handler; see quiet.h.
 *
 * What a handler was told stands in the store alone, so that a rollback or a
 * crash takes it back together with what it came from.  An event that is held
 * back is not owed to the handler: for deletion it is as if the handler's filter
 * did not want it.
 */
#include "core/ledger-private.h"

G_STATIC_ASSERT (STORE_NOTICE_STATES == QUIET_STATES);

/* Kept events that are looked at in one transaction. */
#define RELEASE_MAX 64

/* A handler without room is asked again after so long. */
#define NO_ROOM_PAUSE (10 * G_USEC_PER_SEC)

/* A wall clock that moved by more, against the monotonic one, was set. */
#define CLOCK_STEP (10 * G_USEC_PER_SEC)

#define PRUNE_INTERVAL (10 * G_TIME_SPAN_MINUTE)

/* An event that one handler may be told of. */
typedef struct
{
  LedgerOwed *handler;
  gint64 bmc;
  gint64 silence_until; /* of that BMC */
  gint64 now;
  QuietSubject subject;
  QuietState states[QUIET_STATES];
  QuietState before[QUIET_STATES];
} Notice;

void
ledger_set_clock (Ledger *ledger, gint64 (*clock) (void))
{
  ledger->clock = clock;
}

static gboolean
has_rule (const LedgerOwed *handler)
{
  const QuietRule *rule = &handler->description.quiet;

  return rule->time > 0 || rule->recovery || rule->silence;
}

/* ------------------------------------------------------------------ notices */

static gboolean
load (Ledger *ledger, Notice *notice, GError **error)
{
  StoreNotice saved[STORE_NOTICE_STATES];

  if (!store_notice_load (ledger->store, notice->handler->id, notice->bmc, notice->subject.sensor, saved, error))
    return FALSE;
  for (guint i = 0; i < QUIET_STATES; i++)
    notice->before[i] = notice->states[i] = (QuietState){ saved[i].told, saved[i].waits, QUIET_LEAVE };
  return TRUE;
}

/* `event` is what QUIET_KEEP keeps. */
static gboolean
save (Ledger *ledger, const Notice *notice, gint64 due, const IpmidEvent *event, GError **error)
{
  for (guint i = 0; i < QUIET_STATES; i++)
    {
      const QuietState *state = &notice->states[i];
      if (state->action == QUIET_LEAVE && state->told == notice->before[i].told)
        continue;
      if (!store_notice_save (ledger->store, notice->handler->id, notice->bmc, notice->subject.sensor, i, state->told,
                              due, state->waits ? event : NULL, error))
        return FALSE;
    }
  return TRUE;
}

/* Looks at the BMC and at what the event is about. */
static void
prepare (Ledger *ledger, Notice *notice, LedgerOwed *handler, gint64 bmc, const IpmidEvent *event, gint64 now)
{
  const LedgerBmc *known = g_hash_table_lookup (ledger->bmcs, &bmc);

  notice->handler = handler;
  notice->bmc = bmc;
  notice->silence_until = known == NULL ? 0 : ledger_silence_end (known, now);
  notice->now = now;
  quiet_subject (event, &notice->subject);
}

static gboolean
is_silenced (const Notice *notice)
{
  return notice->handler->description.quiet.silence && quiet_is_silenced (notice->silence_until, notice->now);
}

static gboolean
begin_quiet (Ledger *ledger, const Notice *notice, GError **error)
{
  const QuietRule *rule = &notice->handler->description.quiet;

  return rule->time == 0
         || store_quiet_save (ledger->store, notice->handler->id, notice->bmc, quiet_key (rule, &notice->subject),
                              notice->now, error);
}

/* ------------------------------------------------------------------ judging */

static gboolean
settle_verdict (Ledger *ledger, const Notice *notice, QuietVerdict verdict, GError **error)
{
  notice->handler->change.hushed += verdict == QUIET_HUSHED;
  notice->handler->change.silenced += verdict == QUIET_SILENCED;
  return verdict != QUIET_PASS || begin_quiet (ledger, notice, error);
}

static gboolean
judge (Ledger *ledger, Notice *notice, const IpmidEvent *event, gboolean wanted, gboolean *gets, GError **error)
{
  const QuietRule *rule = &notice->handler->description.quiet;
  gboolean silenced = is_silenced (notice);
  gint64 since = 0;

  if (!load (ledger, notice, error)
      || (rule->time > 0
          && !store_quiet_load (ledger->store, notice->handler->id, notice->bmc, quiet_key (rule, &notice->subject),
                                &since, error)))
    return FALSE;
  gboolean running = quiet_is_running (rule, since, notice->now);
  QuietVerdict verdict = quiet_judge (rule, &notice->subject, wanted, silenced, running, notice->states);
  /* Also after a clock that stepped back a little, no longer than asked for. */
  gint64 due = running ? MIN (since, notice->now) + rule->time : notice->now;
  *gets = verdict == QUIET_PASS;
  /* Beyond its quota it is not told, and so nothing may be noted as told. */
  if (*gets && !ledger_is_within_quota (notice->handler))
    return TRUE;
  return save (ledger, notice, silenced ? MAX (due, notice->silence_until) : due, event, error)
         && settle_verdict (ledger, notice, verdict, error);
}

gboolean
ledger_judge (Ledger *ledger, LedgerOwed *handler, gint64 bmc, const IpmidEvent *event, gboolean *gets, GError **error)
{
  gboolean wanted = ledger_wants (ledger, handler, bmc, event);
  Notice notice;

  *gets = wanted;
  if (!has_rule (handler))
    return TRUE;
  prepare (ledger, &notice, handler, bmc, event, ledger->clock ());
  /* Most events that a filter does not want can change nothing. */
  if (!wanted && notice.subject.ended == 0)
    return TRUE;
  return judge (ledger, &notice, event, wanted, gets, error);
}

/* ---------------------------------------------------------------- releasing */

/* Nobody is there to be told of what nobody watches; or a later ipmid sees
 * another sensor in the same bytes. */
static gboolean
drop (Ledger *ledger, const StoreKept *kept, GError **error)
{
  return store_notice_save (ledger->store, kept->handler, kept->bmc, kept->sensor, kept->state, FALSE, 0, NULL, error);
}

static gboolean
postpone (Ledger *ledger, const StoreKept *kept, gint64 due, GError **error)
{
  return store_notice_postpone (ledger->store, kept, due, error);
}

/* Until when the quiet time runs; 0: it does not.  One that began just now, with
 * another notice that waited for the end of the same time, is none. */
static gboolean
find_quiet_end (Ledger *ledger, const Notice *notice, gint64 *end, GError **error)
{
  const QuietRule *rule = &notice->handler->description.quiet;
  gint64 since;

  if (!store_quiet_load (ledger->store, notice->handler->id, notice->bmc, quiet_key (rule, &notice->subject), &since,
                         error))
    return FALSE;
  gboolean running = quiet_is_running (rule, since, notice->now) && since != notice->now;
  *end = running ? MIN (since, notice->now) + rule->time : 0;
  return TRUE;
}

static gboolean
tell (Ledger *ledger, Notice *notice, const StoreKept *kept, GError **error)
{
  gboolean wanted = ledger_wants (ledger, notice->handler, kept->bmc, kept->event);
  gint64 quiet_end = 0;
  gint64 seq;

  if (!load (ledger, notice, error))
    return FALSE;
  /* One event can be kept for several states, and was told with the first. */
  if (!notice->states[kept->state].waits)
    return TRUE;
  /* The filter has changed since: nobody wants to hear that it began. */
  if (!wanted && !notice->states[kept->state].told)
    return drop (ledger, kept, error);
  /* If it was hastened, nobody knows whether its time has come; ends do not wait
   * for a quiet time. */
  if (kept->due == 0 && !notice->states[kept->state].told && !find_quiet_end (ledger, notice, &quiet_end, error))
    return FALSE;
  if (quiet_end > 0)
    return postpone (ledger, kept, quiet_end, error);
  if (!ledger_owe_late (ledger, notice->handler, kept->bmc, kept->event, &seq, error))
    return FALSE;
  if (seq == 0)
    return postpone (ledger, kept, notice->now + NO_ROOM_PAUSE, error);
  quiet_release (&notice->subject, wanted, notice->states);
  return save (ledger, notice, 0, NULL, error) && begin_quiet (ledger, notice, error);
}

static gboolean
release (Ledger *ledger, const StoreKept *kept, gint64 now, GError **error)
{
  LedgerOwed *handler = ledger_find_handler (ledger, kept->handler);
  Notice notice;

  if (handler == NULL || !g_hash_table_contains (ledger->bmcs, &kept->bmc) || kept->state >= QUIET_STATES)
    return drop (ledger, kept, error);
  if (ledger_find_bmc (ledger, kept->bmc, error) == NULL)
    return FALSE;
  prepare (ledger, &notice, handler, kept->bmc, kept->event, now);
  if (notice.subject.sensor != kept->sensor)
    return drop (ledger, kept, error);
  if (is_silenced (&notice))
    return postpone (ledger, kept, notice.silence_until, error);
  return tell (ledger, &notice, kept, error);
}

/* After the clock was set, nobody knows any more what is due when. */
static gboolean
follow_clock (Ledger *ledger, gint64 now, GError **error)
{
  gint64 difference = now - g_get_monotonic_time ();
  gboolean stepped = ledger->clock_difference != 0 && ABS (difference - ledger->clock_difference) > CLOCK_STEP;

  if (stepped && !store_notice_hasten (ledger->store, 0, 0, error))
    return FALSE;
  ledger->clock_difference = difference;
  return TRUE;
}

static gboolean
prune (Ledger *ledger, gint64 now, GError **error)
{
  if (g_get_monotonic_time () - ledger->pruned < PRUNE_INTERVAL)
    return TRUE;
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      const LedgerOwed *handler = ledger->handlers->pdata[i];
      gint64 time = handler->description.quiet.time;
      if (!store_quiet_prune (ledger->store, handler->id, now - time, now + time, error))
        return FALSE;
    }
  ledger->pruned = g_get_monotonic_time ();
  return TRUE;
}

static gboolean
any_rule (Ledger *ledger)
{
  for (guint i = 0; i < ledger->handlers->len; i++)
    if (has_rule (ledger->handlers->pdata[i]))
      return TRUE;
  return FALSE;
}

gboolean
ledger_release (Ledger *ledger, gboolean *needed, GError **error)
{
  gint64 now = ledger->clock ();

  *needed = any_rule (ledger);
  if (!follow_clock (ledger, now, error) || !prune (ledger, now, error))
    return FALSE;
  g_autoptr (GArray) due = store_notice_due (ledger->store, now, RELEASE_MAX, error);
  for (guint i = 0; due != NULL && i < due->len; i++)
    if (!release (ledger, &g_array_index (due, StoreKept, i), now, error))
      return FALSE;
  /* Also of handlers that had a rule once. */
  *needed = *needed || (due != NULL && due->len > 0);
  return due != NULL;
}

/* ------------------------------------------------------------------ silences */

gint64
ledger_silence_end (const LedgerBmc *bmc, gint64 now)
{
  gint64 configured = quiet_is_silenced (bmc->silence_until, now) ? bmc->silence_until : 0;
  gint64 asked = quiet_is_silenced (bmc->saved.silence, now) ? bmc->saved.silence : 0;

  return MAX (configured, asked);
}

gboolean
ledger_silence (Ledger *ledger, gint64 id, gint64 until, GError **error)
{
  LedgerBmc *bmc = ledger_find_bmc (ledger, id, error);

  if (bmc == NULL)
    return FALSE;
  bmc->saved.silence = until;
  /* What waits for the end of the old silence is looked at again. */
  return store_bmc_save (ledger->store, &bmc->saved, error) && store_notice_hasten (ledger->store, 0, id, error);
}

/* ------------------------------------------------------------- before it runs */

/* The rule, the clock and silences may have changed since the last start. */
gboolean
ledger_adopt_quiet (Ledger *ledger, const LedgerOwed *handler, GError **error)
{
  return store_notice_hasten (ledger->store, handler->id, 0, error)
         && (has_rule (handler) || store_notice_forget_told (ledger->store, handler->id, error));
}

void
ledger_set_bmc_attributes (Ledger *ledger, gint64 id, const char *const *labels, gint64 silence_until)
{
  LedgerBmc *bmc = g_hash_table_lookup (ledger->bmcs, &id);

  g_strfreev (bmc->labels);
  bmc->labels = g_strdupv ((char **) labels);
  bmc->silence_until = silence_until;
}

gboolean
ledger_silences_changed (Ledger *ledger, GError **error)
{
  return store_notice_hasten (ledger->store, 0, 0, error);
}
