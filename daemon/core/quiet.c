/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quiet.c - see quiet.h; quiet-subject.c says what an event is about. */
#include "core/quiet.h"

/* The lowest byte of a key, which a sensor's number leaves free. */
#define SLOT_SENSOR 0x7f
#define SLOT_END 0x80

gint64
quiet_key (const QuietRule *rule, const QuietSubject *subject)
{
  gint64 end = subject->effect == QUIET_ENDS ? SLOT_END : 0;

  switch (rule->by)
    {
    case QUIET_BY_BMC:
      return end;
    case QUIET_BY_SENSOR:
      return subject->sensor | SLOT_SENSOR | end;
    case QUIET_BY_STATE:
    default:
      return subject->sensor | (gint64) subject->state | end;
    }
}

gboolean
quiet_is_running (const QuietRule *rule, gint64 since, gint64 now)
{
  return since != 0 && since > now - rule->time && since < now + rule->time;
}

gboolean
quiet_is_silenced (gint64 until, gint64 now)
{
  return until > now && until <= now + QUIET_SILENCE_MAX;
}

static void
forget (QuietState *state)
{
  if (!state->waits)
    return;
  state->waits = FALSE;
  state->action = QUIET_FORGET;
}

static void
keep (QuietState *state)
{
  state->waits = TRUE;
  state->action = QUIET_KEEP;
}

/* What was kept and is not so any more.  TRUE: the handler still takes for
 * lasting what has ended. */
static gboolean
drop_stale (const QuietSubject *subject, QuietState *states)
{
  gboolean recovered = FALSE;

  for (guint i = 0; i < QUIET_STATES; i++)
    {
      if ((subject->ended & (1u << i)) == 0)
        continue;
      recovered = recovered || states[i].told;
      if (!states[i].told)
        forget (&states[i]); /* begun, and over before it was told */
    }
  if (subject->effect == QUIET_BEGINS && states[subject->state].told)
    forget (&states[subject->state]); /* ended, and begun again before that was told */
  return recovered;
}

void
quiet_release (const QuietSubject *subject, gboolean wanted, QuietState *states)
{
  for (guint i = 0; i < QUIET_STATES; i++)
    if ((subject->ended & (1u << i)) != 0)
      {
        forget (&states[i]);
        states[i].told = FALSE;
      }
  if (subject->effect != QUIET_BEGINS || !wanted)
    return;
  forget (&states[subject->state]);
  states[subject->state].told = TRUE;
}

static QuietVerdict
judge_recovery (const QuietSubject *subject, gboolean wanted, gboolean silenced, QuietState *states)
{
  if (!silenced)
    {
      quiet_release (subject, wanted, states);
      return QUIET_PASS;
    }
  for (guint i = 0; i < QUIET_STATES; i++)
    if ((subject->ended & (1u << i)) != 0 && states[i].told)
      keep (&states[i]);
  return QUIET_SILENCED;
}

QuietVerdict
quiet_judge (const QuietRule *rule, const QuietSubject *subject, gboolean wanted, gboolean silenced, gboolean running,
             QuietState *states)
{
  gboolean recovered = drop_stale (subject, states);

  silenced = silenced && rule->silence;
  if (recovered && rule->recovery)
    return judge_recovery (subject, wanted, silenced, states);
  if (!wanted)
    return QUIET_UNWANTED;
  if (!silenced && !running)
    {
      quiet_release (subject, TRUE, states);
      return QUIET_PASS;
    }
  /* In a silence, which is for work on the machine, small news is expected. */
  if (subject->effect == QUIET_BEGINS && !states[subject->state].told && (!silenced || subject->serious))
    keep (&states[subject->state]);
  return silenced ? QUIET_SILENCED : QUIET_HUSHED;
}
