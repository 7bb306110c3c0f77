/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quiet-timer.c - see quiet-timer.h. */
#include "core/quiet-timer.h"

#define INTERVAL 1 /* second */

struct _QuietTimer
{
  Journal *journal;
  guint source;
  gint asked; /* atomic: the journal has not answered yet */
};

/* The journal's thread. */
static gboolean
work (Ledger *ledger, G_GNUC_UNUSED gpointer data, GError **error)
{
  return ledger_release (ledger, error);
}

/* The journal's thread. */
static void
on_done (gpointer data, G_GNUC_UNUSED gboolean committed)
{
  g_atomic_int_set (&((QuietTimer *) data)->asked, 0);
}

/* A journal without room answers late; one question is enough. */
static gboolean
ask (gpointer data)
{
  QuietTimer *timer = data;

  if (g_atomic_int_compare_and_exchange (&timer->asked, 0, 1))
    journal_submit (timer->journal, JOURNAL_INTAKE, work, on_done, timer);
  return G_SOURCE_CONTINUE;
}

QuietTimer *
quiet_timer_new (Journal *journal)
{
  QuietTimer *timer = g_new0 (QuietTimer, 1);

  timer->journal = journal;
  timer->source = g_timeout_add_seconds (INTERVAL, ask, timer);
  return timer;
}

void
quiet_timer_stop (QuietTimer *timer)
{
  if (timer != NULL)
    g_clear_handle_id (&timer->source, g_source_remove);
}

void
quiet_timer_free (QuietTimer *timer)
{
  quiet_timer_stop (timer);
  g_free (timer);
}
