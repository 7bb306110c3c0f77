/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request-backfill.c - the request `backfill`: part by part, on the journal's thread.
 *
 * What the journal still has, for others or as their dead letters, is all that it
 * gives.  What a store (ipmid/store.h) has beyond that would come before it, from
 * the service IPMID_STORE_SERVICE: one page oldest first, bounded by the same span,
 * to be owed like a part.  That seam is in run_part().
 */
#include "core/request-private.h"

#include "core/silence.h"

typedef struct
{
  Journal *journal;
  Request *request;
  LedgerBackfill backfill;
  gint64 handler; /* 0: not known yet */
  gint64 owed;
  char *obstacle;
} Backfill;

static gboolean
run_part (Ledger *ledger, gpointer data, GError **error)
{
  Backfill *part = data;
  const char *name = request_text (part->request, "handler");

  g_clear_pointer (&part->obstacle, g_free);
  part->handler = ledger_handler_named (ledger, name);
  if (part->handler == 0)
    part->obstacle = g_strdup ("is not configured");
  else if (!ledger_can_be_owed (ledger, part->handler))
    part->obstacle = g_strdup ("is a finalizer, or fed live: it is owed nothing of the kind");
  return part->obstacle != NULL || ledger_backfill (ledger, part->handler, &part->backfill, error);
}

static void
answer (Backfill *part)
{
  GVariantDict reply = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&reply, "backfilled", "x", part->owed);
  g_variant_dict_insert (&reply, "complete", "b", !part->backfill.is_full);
  request_answer (part->request, g_variant_dict_end (&reply));
}

static void
free_backfill (Backfill *part)
{
  request_unref (part->request);
  g_free (part->obstacle);
  g_free (part);
}

static void
on_part_done (gpointer data, gboolean committed)
{
  Backfill *part = data;

  if (committed && part->obstacle == NULL)
    {
      part->owed += part->backfill.part_owed;
      part->backfill.after = part->backfill.part_after;
    }
  if (committed && part->obstacle == NULL && !part->backfill.is_over)
    {
      journal_submit (part->journal, JOURNAL_INTAKE, run_part, on_part_done, part);
      return;
    }
  if (!committed)
    request_fail_journal (part->request);
  else if (part->obstacle != NULL)
    request_fail (part->request, part->handler == 0 ? IPMID_REQUEST_NOT_FOUND : IPMID_REQUEST_CONFLICT,
                  "handler \"%s\" %s", request_text (part->request, "handler"), part->obstacle);
  else
    answer (part);
  free_backfill (part);
}

void
request_backfill (Core *core, Request *request)
{
  const char *since = request_text (request, "since");
  g_autoptr (GError) error = NULL;
  gint64 time = 0;

  if (since != NULL && !silence_parse_time (since, &time, &error))
    {
      request_fail (request, IPMID_REQUEST_INVALID, "backfill: %s", error->message);
      return;
    }
  if (journal_is_full (core->journal))
    {
      request_fail (request, IPMID_REQUEST_UNAVAILABLE,
                    "there is no room in the journal: nothing is taken in until there is");
      return;
    }
  Backfill *part = g_new0 (Backfill, 1);
  part->journal = core->journal;
  part->request = request_ref (request);
  part->backfill.since = time * 1000;
  if (since == NULL)
    request_integer (request, "since", &part->backfill.since);
  journal_submit (core->journal, JOURNAL_INTAKE, run_part, on_part_done, part);
}
