/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request-journal.c - methods that are work for the journal; see request-private.h. */
#include "core/request-private.h"

#include "core/crash-point.h"

static void
reset (RequestWork *work)
{
  g_clear_pointer (&work->refusal, g_free);
  work->next = work->done;
  work->goes_on = FALSE;
  g_variant_dict_clear (&work->reply);
  g_variant_dict_init (&work->reply, NULL);
}

static gboolean
run (Ledger *ledger, gpointer data, GError **error)
{
  RequestWork *work = data;

  reset (work); /* it may be the second time */
  return work->run (ledger, work, error);
}

static void
on_done (gpointer data, gboolean committed)
{
  RequestWork *work = data;

  if (committed && work->refusal == NULL && work->goes_on)
    {
      work->done = work->next;
      crash_point ("request-part");
      journal_submit (work->journal, work->class, run, on_done, work);
      return;
    }
  if (!committed)
    request_fail_journal (work->request);
  else if (work->refusal != NULL)
    request_fail (work->request, work->code, "%s", work->refusal);
  else
    request_answer (work->request, g_variant_dict_end (&work->reply));
  g_variant_dict_clear (&work->reply);
  g_free (work->refusal);
  request_unref (work->request);
  g_free (work);
}

void
request_submit (Core *core, Request *request, JournalClass class, RequestWorkFunc run_it)
{
  RequestWork *work = g_new0 (RequestWork, 1);

  work->journal = core->journal;
  work->class = class;
  work->request = request_ref (request);
  work->run = run_it;
  g_variant_dict_init (&work->reply, NULL);
  journal_submit (core->journal, class, run, on_done, work);
}

gboolean
request_refuse (RequestWork *work, IpmidRequestError code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_free (work->refusal);
  work->refusal = g_strdup_vprintf (format, args);
  work->code = code;
  va_end (args);
  return TRUE;
}
