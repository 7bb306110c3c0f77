/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deletion.c - see deletion.h.
 *
 * A deletion wanders: finalizer's thread → journal (intent) → core (collector)
 * → journal (outcome) → callback.  Only one of them holds it at a time.
 */
#include "core/deletion.h"

#include "core/crash-point.h"

typedef struct
{
  Deletions *owner;
  guint64 token;
  gint64 bmc;
  gint64 seq;
  IpmidEvent *event;
  IpmidDeleteFlags flags;
  IpmidDeleteCallback callback;
  gpointer user_data;
  LedgerDelete decision;
  LedgerIntent intent;
  gboolean committed;
} Deletion;

struct _Deletions
{
  Journal *journal;
  Fleet *fleet;
  GHashTable *asked; /* guint64 token → Deletion: the collector has these */
  guint64 next_token;
};

static void
finish (Deletion *deletion, IpmidDeleteOutcome outcome, const char *words)
{
  deletion->callback (deletion->user_data, outcome, outcome == IPMID_DELETE_DONE ? NULL : words);
  event_unref (deletion->event);
  g_free (deletion);
}

Deletions *
deletions_new (Journal *journal)
{
  Deletions *deletions = g_new0 (Deletions, 1);

  deletions->journal = journal;
  deletions->asked = g_hash_table_new (g_int64_hash, g_int64_equal);
  deletions->next_token = 1;
  return deletions;
}

void
deletions_set_fleet (Deletions *deletions, Fleet *fleet)
{
  deletions->fleet = fleet;
}

/* ------------------------------------------------------------- the outcome */

static gboolean
record_outcome (Ledger *ledger, gpointer data, GError **error)
{
  const Deletion *deletion = data;

  return ledger_deleted (ledger, deletion->bmc, &deletion->intent, error);
}

static void
on_outcome_recorded (gpointer data, gboolean committed)
{
  if (committed)
    finish (data, IPMID_DELETE_DONE, NULL);
  else
    finish (data, IPMID_DELETE_UNAVAILABLE, "the journal has failed");
}

static void
settle (Deletion *deletion, FrameDeleteOutcome outcome, const char *words)
{
  if (outcome == FRAME_DELETE_DONE && (deletion->flags & IPMID_DELETE_DRY_RUN) == 0)
    {
      crash_point ("delete-after");
      journal_submit (deletion->owner->journal, JOURNAL_SETTLE, record_outcome, on_outcome_recorded, deletion);
    }
  else
    finish (deletion, (IpmidDeleteOutcome) outcome, words);
}

/* What was asked of this BMC, of all if it is 0. */
static void
give_up (Deletions *deletions, gint64 bmc, FrameDeleteOutcome outcome, const char *words)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, deletions->asked);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      if (bmc != 0 && ((Deletion *) value)->bmc != bmc)
        continue;
      g_hash_table_iter_remove (&iter);
      settle (value, outcome, words);
    }
}

void
deletions_on_deleted (gint64 bmc, guint64 token, FrameDeleteOutcome outcome, const char *words, gpointer data)
{
  Deletions *deletions = data;
  Deletion *deletion = g_hash_table_lookup (deletions->asked, &token);

  if (token == 0)
    give_up (deletions, bmc, outcome, words);
  /* A collector speaks for its own BMCs only. */
  else if (deletion != NULL && deletion->bmc == bmc)
    {
      g_hash_table_remove (deletions->asked, &token);
      settle (deletion, outcome, words);
    }
}

void
deletions_free (Deletions *deletions)
{
  if (deletions == NULL)
    return;
  give_up (deletions, 0, FRAME_DELETE_UNAVAILABLE, "ipmid is ending");
  g_hash_table_unref (deletions->asked);
  g_free (deletions);
}

/* -------------------------------------------------------------- the request */

static FrameDeleteFlags
frame_flags (const Deletion *deletion)
{
  FrameDeleteFlags flags = 0;

  if ((deletion->flags & IPMID_DELETE_DRY_RUN) != 0)
    flags |= FRAME_DELETE_DRY_RUN;
  if ((deletion->flags & IPMID_DELETE_ALLOW_CLEAR) != 0 && deletion->intent.may_clear)
    flags |= FRAME_DELETE_ALLOW_CLEAR;
  return flags;
}

/* On the core's thread: the intent is on disk, or there is none. */
static gboolean
ask_collector (gpointer data)
{
  Deletion *deletion = data;
  Deletions *owner = deletion->owner;

  if (!deletion->committed)
    finish (deletion, IPMID_DELETE_UNAVAILABLE, "the journal has failed");
  else if (deletion->decision == LEDGER_DELETE_CHANGED)
    finish (deletion, IPMID_DELETE_CHANGED, "the record is not in the SEL any more");
  else if (deletion->decision == LEDGER_DELETE_NOT_ALLOWED)
    finish (deletion, IPMID_DELETE_NOT_ALLOWED, "a required handler has not handled it");
  else
    {
      deletion->token = owner->next_token++;
      crash_point ("delete-before");
      if (owner->fleet == NULL
          || !fleet_delete (owner->fleet, deletion->token, deletion->bmc, &deletion->intent, frame_flags (deletion)))
        finish (deletion, IPMID_DELETE_UNAVAILABLE, "the BMC is not connected");
      else
        g_hash_table_insert (owner->asked, &deletion->token, deletion);
    }
  return G_SOURCE_REMOVE;
}

static gboolean
record_intent (Ledger *ledger, gpointer data, GError **error)
{
  Deletion *deletion = data;

  return ledger_delete_intent (ledger, deletion->bmc, deletion->seq, deletion->event,
                               (deletion->flags & IPMID_DELETE_DRY_RUN) != 0, &deletion->decision, &deletion->intent,
                               error);
}

static void
on_intent_recorded (gpointer data, gboolean committed)
{
  Deletion *deletion = data;

  deletion->committed = committed;
  g_idle_add_full (G_PRIORITY_DEFAULT, ask_collector, deletion, NULL);
}

void
deletions_start (Deletions *deletions, gint64 bmc, gint64 seq, IpmidEvent *event, IpmidDeleteFlags flags,
                 IpmidDeleteCallback callback, gpointer user_data)
{
  Deletion *deletion = g_new0 (Deletion, 1);

  deletion->owner = deletions;
  deletion->bmc = bmc;
  deletion->seq = seq;
  deletion->event = event_ref (event);
  deletion->flags = flags;
  deletion->callback = callback;
  deletion->user_data = user_data;
  journal_submit (deletions->journal, JOURNAL_SETTLE, record_intent, on_intent_recorded, deletion);
}
