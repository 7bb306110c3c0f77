/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quiet-timer.c - see quiet-timer.h. */
#include "core/quiet-timer.h"

#define INTERVAL 1 /* second */

/* Intervals between two questions while no handler holds anything back. */
#define IDLE_INTERVALS 60

struct _QuietTimer
{
  Journal *journal;
  guint source;
  guint intervals; /* since the last question */
  gint asked;      /* atomic: the journal has not answered yet */
  gint needed;     /* atomic: some handler may hold something back */
};

/* The journal's thread. */
static gboolean
work (Ledger *ledger, gpointer data, GError **error)
{
  QuietTimer *timer = data;
  gboolean needed;

  if (!ledger_release (ledger, &needed, error))
    return FALSE;
  g_atomic_int_set (&timer->needed, needed);
  return TRUE;
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

  if (++timer->intervals < IDLE_INTERVALS && !g_atomic_int_get (&timer->needed))
    return G_SOURCE_CONTINUE;
  timer->intervals = 0;
  if (g_atomic_int_compare_and_exchange (&timer->asked, 0, 1))
    journal_submit (timer->journal, JOURNAL_INTAKE, work, on_done, timer);
  return G_SOURCE_CONTINUE;
}

QuietTimer *
quiet_timer_new (Journal *journal)
{
  QuietTimer *timer = g_new0 (QuietTimer, 1);

  timer->journal = journal;
  timer->needed = TRUE;
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
