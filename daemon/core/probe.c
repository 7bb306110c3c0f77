/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe.c - see probe.h. */
#include "core/probe.h"

/* Made and freed on the asker's thread; the journal's has it in between. */
typedef struct
{
  void (*answered) (gboolean well, gpointer user_data);
  gpointer user_data;
  gboolean well;
} Probe;

static gboolean
answer (gpointer data)
{
  Probe *probe = data;

  probe->answered (probe->well, probe->user_data);
  g_free (probe);
  return G_SOURCE_REMOVE;
}

static gboolean
do_nothing (G_GNUC_UNUSED Ledger *ledger, G_GNUC_UNUSED gpointer data, G_GNUC_UNUSED GError **error)
{
  return TRUE;
}

static void
on_done (gpointer data, gboolean committed)
{
  ((Probe *) data)->well = committed;
  g_idle_add_full (G_PRIORITY_DEFAULT, answer, data, NULL);
}

void
probe_journal (Journal *journal, void (*answered) (gboolean, gpointer), gpointer user_data)
{
  Probe *probe = g_new0 (Probe, 1);

  probe->answered = answered;
  probe->user_data = user_data;
  if (journal == NULL)
    on_done (probe, FALSE);
  else
    journal_submit (journal, JOURNAL_LOOK_UP, do_nothing, on_done, probe);
}
