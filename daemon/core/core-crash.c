/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core-crash.c - what is made of the note that a crash has left (crash-note.h).
 *
 * The journal's thread counts it before it runs what the handlers submit, and
 * the note is emptied after the commit.  A crash in between tells it twice, which
 * the ledger knows.
 */
#include "core/core-private.h"
#include "core/crash-note.h"

typedef struct
{
  CrashNote note;
  LedgerCrash crash;
} Count;

/* JournalWork */
static gboolean
count (Ledger *ledger, gpointer data, GError **error)
{
  Count *counted = data;

  ledger_crash_clear (&counted->crash); /* of a run that was rolled back */
  return ledger_crash (ledger, &counted->note, &counted->crash, error);
}

static void
tell (const CrashNote *note, const LedgerCrash *crash)
{
  const char *signal = crash_note_signal_name (note->signal);
  LogContext context = { .handler = crash->handler };

  if (!crash->counts)
    {
      log_line (IPMID_LOG_WARNING, &context, "has made ipmid crash (%s) with %u event%s in hand", signal,
                note->call.n_events, note->call.n_events == 1 ? "" : "s, which are tried one by one now");
      return;
    }
  context.bmc = event_string (crash->event, IPMID_FIELD_BMC);
  context.event = event_string (crash->event, IPMID_FIELD_ID);
  log_line (IPMID_LOG_WARNING, &context,
            "has made ipmid crash (%s) with this event alone in hand, %" G_GINT64_FORMAT " time%s so far", signal,
            crash->crashes, crash->crashes == 1 ? "" : "s");
  if (crash->reason != NULL)
    log_line (IPMID_LOG_ERROR, &context, "dead letter, its record stays in the SEL: %s", crash->reason);
}

/* JournalDone */
static void
on_counted (gpointer data, gboolean committed)
{
  Count *counted = data;

  if (committed)
    {
      tell (&counted->note, &counted->crash);
      crash_note_empty ();
    }
  ledger_crash_clear (&counted->crash);
  g_free (counted);
}

void
core_watch_crashes (Core *core)
{
  g_autoptr (GError) error = NULL;
  CrashNote note;

  if (core->config->state_dir == NULL)
    return;
  if (!crash_note_open (core->config->state_dir, &error))
    {
      log_line (IPMID_LOG_WARNING, NULL, "an event of which a plugin crashes will not be found out: %s",
                error->message);
      return;
    }
  if (!crash_note_read (&note))
    return;
  Count *counted = g_new0 (Count, 1);
  counted->note = note;
  journal_submit (core->journal, JOURNAL_SETTLE, count, on_counted, counted);
}
