/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* errand.c - see errand.h. */
#include "core/errand.h"

#include "event/text.h"

/* A SEL that grows while it is to be cleared is read again so often. */
#define CLEAR_TRIES 5u

#define WORDS_SHOWN_MAX 1024 /* bytes */

typedef enum
{
  STAGE_WALK,   /* the collector reads the SEL */
  STAGE_DECIDE, /* the journal says whether it may be cleared */
  STAGE_CLEAR,  /* the collector clears it */
  STAGE_RECORD, /* the journal takes note */
  STAGE_UNMARK, /* it was not asked for: the journal takes back what it had noted; it has been answered */
  STAGE_POWER,  /* the collector asks the chassis */
} Stage;

typedef struct
{
  gint references; /* the list's, the journal's */
  Errands *owner;  /* NULL: it is over */
  Request *request;
  gint64 bmc;
  guint64 token;
  guint timer;
  Stage stage;
  guint walk_before;      /* a walk that was under way when it began: its end is not ours */
  guint64 records_before; /* what had been received then */
  gboolean clears, force;
  guint tries;
  LedgerClear clear;
  gboolean asked; /* since the decision: the BMC may have cleared it */
  gboolean late;  /* answered while the journal decided */
  gboolean committed, cleared;
  IpmidRequestError code;
  char *words; /* why the BMC did not do it */
} Errand;

struct _Errands
{
  Fleet *fleet;
  Journal *journal;
  GPtrArray *list; /* Errand */
  guint64 next_token;
};

/* ----------------------------------------------------------------------- life */

static void
unref (Errand *errand)
{
  if (--errand->references > 0)
    return;
  request_unref (errand->request);
  g_array_unref (errand->clear.marked);
  g_free (errand->clear.obstacle);
  g_free (errand->words);
  g_free (errand);
}

/* It has been answered.  The journal may still have it. */
static void
end (Errand *errand)
{
  Errands *owner = errand->owner;

  g_clear_handle_id (&errand->timer, g_source_remove);
  errand->owner = NULL;
  g_ptr_array_remove (owner->list, errand);
  unref (errand);
}

static void unmark (Errand *errand);

static void
tell (Errand *errand, IpmidRequestError code, const char *words)
{
  g_autofree char *clean = text_clean (words, -1, WORDS_SHOWN_MAX);

  request_fail (errand->request, code, "%s", clean);
}

/* The BMC may be asked no more.  What nobody has asked it to clear stands. */
static void
fail (Errand *errand, IpmidRequestError code, const char *words)
{
  tell (errand, code, words);
  if (errand->clear.marked->len > 0 && !errand->asked)
    unmark (errand);
  else
    end (errand);
}

static gboolean
on_timer (gpointer data)
{
  Errand *errand = data;

  errand->timer = 0;
  if (errand->stage == STAGE_WALK)
    fail (errand, IPMID_REQUEST_UNAVAILABLE, "reading its SEL takes too long; it goes on, and so do deliveries");
  else if (errand->stage == STAGE_DECIDE)
    {
      tell (errand, IPMID_REQUEST_UNAVAILABLE, "the journal takes too long; the SEL is not cleared");
      errand->late = TRUE; /* what it marks has to be taken back */
    }
  else
    fail (errand, IPMID_REQUEST_UNAVAILABLE, "the BMC takes too long; whether it did it is not known");
  return G_SOURCE_REMOVE;
}

static Errand *
begin (Errands *errands, gint64 bmc, Request *request, Stage stage, guint seconds)
{
  Errand *errand = g_new0 (Errand, 1);

  errand->references = 1;
  errand->owner = errands;
  errand->request = request_ref (request);
  errand->bmc = bmc;
  errand->token = ERRAND_TOKEN | errands->next_token++;
  errand->stage = stage;
  errand->clear.marked = g_array_new (FALSE, FALSE, sizeof (guint16));
  errand->timer = g_timeout_add_seconds (seconds, on_timer, errand);
  g_ptr_array_add (errands->list, errand);
  return errand;
}

Errands *
errands_new (Fleet *fleet, Journal *journal)
{
  Errands *errands = g_new0 (Errands, 1);

  errands->fleet = fleet;
  errands->journal = journal;
  errands->list = g_ptr_array_new ();
  errands->next_token = 1;
  return errands;
}

void
errands_end (Errands *errands)
{
  while (errands != NULL && errands->list->len > 0)
    {
      /* What it marked is sorted out by the next session. */
      tell (errands->list->pdata[0], IPMID_REQUEST_UNAVAILABLE, "ipmid is ending");
      end (errands->list->pdata[0]);
    }
}

void
errands_free (Errands *errands)
{
  if (errands == NULL)
    return;
  errands_end (errands);
  g_ptr_array_unref (errands->list);
  g_free (errands);
}

static void
not_connected (Errand *errand)
{
  g_autofree char *state = fleet_describe_state (errand->owner->fleet, errand->bmc);
  g_autofree char *words = g_strdup_printf ("the BMC is not connected (%s)", state);

  fail (errand, IPMID_REQUEST_UNAVAILABLE, words);
}

/* -------------------------------------------------------------------- the walk */

static void
walk (Errand *errand)
{
  Fleet *fleet = errand->owner->fleet;

  errand->stage = STAGE_WALK;
  if (!fleet_walk (fleet, errand->bmc, &errand->walk_before, &errand->records_before))
    not_connected (errand);
}

void
errand_rescan (Errands *errands, gint64 bmc, Request *request)
{
  walk (begin (errands, bmc, request, STAGE_WALK, ERRAND_RESCAN_TIME));
}

static gboolean
is_being_cleared (const Errands *errands, gint64 bmc)
{
  for (guint i = 0; i < errands->list->len; i++)
    {
      const Errand *errand = errands->list->pdata[i];
      if (errand->clears && errand->bmc == bmc)
        return TRUE;
    }
  return FALSE;
}

/* One at a time: what the first has marked the second would take back when it finds
 * that the SEL has changed. */
void
errand_clear (Errands *errands, gint64 bmc, gboolean force, Request *request)
{
  if (is_being_cleared (errands, bmc))
    {
      request_fail (request, IPMID_REQUEST_CONFLICT, "its SEL is being cleared already");
      return;
    }
  Errand *errand = begin (errands, bmc, request, STAGE_WALK, ERRAND_CLEAR_TIME);

  errand->clears = TRUE;
  errand->force = force;
  walk (errand);
}

static void
answer_rescan (Errand *errand, gboolean complete, guint64 records)
{
  GVariantDict reply = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&reply, "complete", "b", complete);
  g_variant_dict_insert (&reply, "records", "x", (gint64) (records - errand->records_before));
  request_answer (errand->request, g_variant_dict_end (&reply));
  end (errand);
}

/* ------------------------------------------------------------------- the clear */

static gboolean
decide (Ledger *ledger, gpointer data, GError **error)
{
  Errand *errand = data;

  return ledger_clear_intent (ledger, errand->bmc, errand->force, &errand->clear, error);
}

static void
answer_cleared (Errand *errand)
{
  GVariantDict reply = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&reply, "cleared", "b", TRUE);
  g_variant_dict_insert (&reply, "records", "x", (gint64) errand->clear.standing);
  request_answer (errand->request, g_variant_dict_end (&reply));
  end (errand);
}

static void
ask_to_clear (Errand *errand)
{
  Errands *owner = errand->owner;

  errand->stage = STAGE_CLEAR;
  errand->asked = fleet_delete (owner->fleet, errand->token, errand->bmc, &errand->clear.intent,
                                FRAME_DELETE_ALLOW_CLEAR | FRAME_DELETE_CLEAR);
  if (!errand->asked)
    not_connected (errand);
}

static void refuse_clear (Errand *errand, IpmidRequestError code, const char *words);

static void
follow_decision (Errand *errand)
{
  if (errand->clear.obstacle != NULL)
    refuse_clear (errand, IPMID_REQUEST_CONFLICT, errand->clear.obstacle);
  else if (errand->clear.standing == 0)
    answer_cleared (errand);
  else
    ask_to_clear (errand);
}

static gboolean
record_outcome (Ledger *ledger, gpointer data, GError **error)
{
  const Errand *errand = data;

  return errand->cleared ? ledger_cleared (ledger, errand->bmc, error)
                         : ledger_clear_refused (ledger, errand->bmc, &errand->clear, error);
}

static void
follow_outcome (Errand *errand)
{
  if (errand->cleared)
    answer_cleared (errand);
  else
    fail (errand, errand->code, errand->words);
}

/* Without the journal nothing was marked, and nothing can be unmarked. */
static void
give_up (Errand *errand)
{
  tell (errand, IPMID_REQUEST_UNAVAILABLE, "the journal has failed, or ipmid is ending");
  end (errand);
}

/* On the core's thread: what was submitted is on disk. */
static gboolean
follow_up (gpointer data)
{
  Errand *errand = data;

  if (errand->owner == NULL)
    {
      unref (errand);
      return G_SOURCE_REMOVE;
    }
  if (!errand->committed)
    give_up (errand);
  else if (errand->late)
    unmark (errand);
  else if (errand->stage == STAGE_DECIDE)
    follow_decision (errand);
  else if (errand->stage == STAGE_RECORD)
    follow_outcome (errand);
  else
    end (errand);
  unref (errand);
  return G_SOURCE_REMOVE;
}

static void
on_done (gpointer data, gboolean committed)
{
  ((Errand *) data)->committed = committed;
  g_idle_add_full (G_PRIORITY_DEFAULT, follow_up, data, NULL);
}

static void
submit (Errand *errand, Stage stage, JournalWork work)
{
  errand->stage = stage;
  errand->references++;
  journal_submit (errand->owner->journal, JOURNAL_SETTLE, work, on_done, errand);
}

/* It has been answered, and the BMC was not asked: what was marked stands. */
static void
unmark (Errand *errand)
{
  g_clear_handle_id (&errand->timer, g_source_remove);
  errand->late = FALSE;
  submit (errand, STAGE_UNMARK, record_outcome);
}

/* It certainly was not cleared: what was marked stands. */
static void
refuse_clear (Errand *errand, IpmidRequestError code, const char *words)
{
  errand->code = code;
  g_free (errand->words);
  errand->words = g_strdup_printf ("the SEL was not cleared: %s", words);
  submit (errand, STAGE_RECORD, record_outcome);
}

/* REFUSED and CHANGED are certain; UNAVAILABLE may mean that it was cleared, and
 * then the next walk shows what became of it. */
static void
take_outcome (Errand *errand, FrameDeleteOutcome outcome, const char *words)
{
  gboolean again = outcome == FRAME_DELETE_UNAVAILABLE || outcome == FRAME_DELETE_CHANGED;

  if (again && ++errand->tries < CLEAR_TRIES)
    {
      errand->asked = outcome == FRAME_DELETE_UNAVAILABLE;
      walk (errand);
      return;
    }
  errand->cleared = outcome == FRAME_DELETE_DONE;
  if (errand->cleared)
    submit (errand, STAGE_RECORD, record_outcome);
  else if (outcome != FRAME_DELETE_UNAVAILABLE)
    refuse_clear (errand, IPMID_REQUEST_FAILED, words);
  else
    {
      g_autofree char *text = g_strdup_printf ("the SEL was perhaps not cleared: %s", words);
      fail (errand, IPMID_REQUEST_UNAVAILABLE, text);
    }
}

/* ------------------------------------------------------------------- the power */

void
errand_power (Errands *errands, gint64 bmc, FramePower power, Request *request)
{
  Errand *errand = begin (errands, bmc, request, STAGE_POWER, ERRAND_POWER_TIME);

  if (!fleet_power (errands->fleet, errand->token, bmc, power))
    not_connected (errand);
}

static void
answer_power (Errand *errand, FramePowerState state)
{
  GVariantDict reply = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&reply, "done", "b", TRUE);
  if (state != FRAME_POWER_NOT_SAID)
    g_variant_dict_insert (&reply, "power", "s", state == FRAME_POWER_IS_ON ? "on" : "off");
  request_answer (errand->request, g_variant_dict_end (&reply));
  end (errand);
}

/* --------------------------------------------------------- what the fleet tells */

static Errand *
find (Errands *errands, gint64 bmc, guint64 token)
{
  for (guint i = 0; i < errands->list->len; i++)
    {
      Errand *errand = errands->list->pdata[i];
      if (errand->token == token && errand->bmc == bmc)
        return errand;
    }
  return NULL;
}

void
errands_on_deleted (gint64 bmc, guint64 token, FrameDeleteOutcome outcome, const char *words, gpointer data)
{
  Errand *errand = find (data, bmc, token);

  if (errand != NULL && errand->stage == STAGE_CLEAR)
    take_outcome (errand, outcome, words);
}

static void
on_powered (gint64 bmc, guint64 token, FrameDeleteOutcome outcome, FramePowerState state, const char *words,
            gpointer data)
{
  Errand *errand = find (data, bmc, token);

  if (errand == NULL || errand->stage != STAGE_POWER)
    return;
  if (outcome == FRAME_DELETE_DONE)
    answer_power (errand, state);
  else
    fail (errand, outcome == FRAME_DELETE_UNAVAILABLE ? IPMID_REQUEST_UNAVAILABLE : IPMID_REQUEST_FAILED, words);
}

static void
on_walked (gint64 bmc, guint number, gboolean complete, guint64 records, gpointer data)
{
  Errands *errands = data;
  g_autoptr (GPtrArray) list = g_ptr_array_copy (errands->list, NULL, NULL);

  for (guint i = 0; i < list->len; i++)
    {
      Errand *errand = list->pdata[i];
      if (errand->bmc != bmc || errand->stage != STAGE_WALK || errand->walk_before == number)
        continue;
      if (!errand->clears)
        answer_rescan (errand, complete, records);
      else if (complete)
        submit (errand, STAGE_DECIDE, decide);
      else
        fail (errand, IPMID_REQUEST_FAILED, "its SEL cannot be read to the end, so it was not cleared");
    }
}

static gboolean
is_in_journal (const Errand *errand)
{
  return errand->stage == STAGE_DECIDE || errand->stage == STAGE_RECORD || errand->stage == STAGE_UNMARK;
}

/* An outcome in the journal comes without the BMC. */
static void
on_lost (gint64 bmc, const char *words, gpointer data)
{
  Errands *errands = data;
  g_autoptr (GPtrArray) list = g_ptr_array_copy (errands->list, NULL, NULL);
  g_autofree char *text = g_strdup_printf ("the connection was lost: %s", words);

  for (guint i = 0; i < list->len; i++)
    {
      Errand *errand = list->pdata[i];
      if (errand->bmc == bmc && !is_in_journal (errand))
        fail (errand, IPMID_REQUEST_UNAVAILABLE, text);
    }
}

const FleetErrandFuncs errand_funcs = { on_walked, on_powered, on_lost };
