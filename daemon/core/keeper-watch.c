/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper-watch.c - whether a collector still does its work.
 *
 * Three watches, because each sees what the others cannot.  A look at the note
 * of the BMC being served, ten times a second and without waking the collector,
 * finds the BMC that it cannot get away from: for the others of the share that
 * has to be quick.  A ping finds a loop that does not turn any more for whatever
 * reason.  A count of pings finds a BMC whose session is not closed, though the
 * loop turns.
 */
#include "core/keeper-private.h"

#include <signal.h>
#include <time.h>

/* A collector that leaves so many pings unanswered hangs or spins. */
#define PING_INTERVAL 5 /* seconds */
#define PINGS_UNANSWERED 2

/* So many pings were answered, but not REMOVE: longer than a collector waits for
 * OpenIPMI to close a session (20 s). */
#define REMOVE_PINGS 6

static void
condemn (Keeper *keeper, gint64 suspect, const char *how)
{
  const FleetBmc *bmc = g_hash_table_lookup (keeper->bmcs, &suspect);
  const LogContext context = { .bmc = bmc == NULL ? NULL : bmc->name };

  log_line (IPMID_LOG_ERROR, &context, "the collector %s: killed, to be started again", how);
  g_free (keeper->end);
  keeper->end = g_strdup (how);
  keeper->suspect = suspect;
  kill (keeper->pid, SIGKILL);
}

/* Whether it is there and nobody has ended it yet. */
static gboolean
is_at_work (const Keeper *keeper)
{
  return keeper->channel != NULL && keeper->pid != 0 && keeper->end == NULL;
}

/* ------------------------------------------------------------------ the service */

/* All threads, nanoseconds.  The process is a child that nobody has waited for
 * yet, so its number is its own. */
static gboolean
processor_time (GPid pid, gint64 *nanoseconds)
{
  struct timespec spent;
  clockid_t clock;

  if (clock_getcpuclockid (pid, &clock) != 0 || clock_gettime (clock, &spent) != 0)
    return FALSE;
  *nanoseconds = (gint64) spent.tv_sec * G_USEC_PER_SEC * 1000 + spent.tv_nsec;
  return TRUE;
}

static void
look (Keeper *keeper)
{
  gint64 spent = 0;
  guint64 count;
  guint32 bmc = serving_look (keeper->note, &count);

  if (bmc != 0 && !processor_time (keeper->pid, &spent))
    return;
  StallVerdict verdict = stall_look (&keeper->stall, bmc, count, spent);
  if (verdict == STALL_NONE || keeper_find_bmc (keeper, bmc) == NULL)
    return;
  keeper->caught = TRUE;
  condemn (keeper, bmc, verdict == STALL_SPINS ? "was spinning" : "was hanging");
}

/* A collector with one BMC keeps no other one waiting, but in quarantine it is
 * not to waste a processor. */
static gboolean
wants_look (const Keeper *keeper)
{
  return (g_hash_table_size (keeper->bmcs) > 1 || keeper->alone) && is_at_work (keeper);
}

/* One timer for all collectors, and none while no BMC has to share its one.  It
 * goes on while they end: one that is stuck will not end by itself. */
static gboolean
on_watch (gpointer data)
{
  Fleet *fleet = data;
  gboolean wanted = FALSE;

  for (guint i = 0; i < fleet->keepers->len; i++)
    if (wants_look (fleet->keepers->pdata[i]))
      {
        wanted = TRUE;
        look (fleet->keepers->pdata[i]);
      }
  if (!wanted)
    fleet->watch_timer = 0;
  return wanted;
}

void
keeper_begin_watch (Fleet *fleet)
{
  if (fleet->watch_timer == 0 && !fleet->stopping)
    fleet->watch_timer = g_timeout_add (STALL_LOOK, on_watch, fleet);
}

/* ---------------------------------------------------------------------- removals */

static void
count_removals (Keeper *keeper)
{
  GHashTableIter iter;
  gpointer value;
  gint64 overdue = 0;

  g_hash_table_iter_init (&iter, keeper->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      FleetBmc *bmc = value;
      if (bmc->removing && ++bmc->remove_pings > REMOVE_PINGS)
        overdue = bmc->id;
    }
  if (overdue != 0)
    condemn (keeper, overdue, "did not close a session");
}

/* ------------------------------------------------------------------------- pings */

/* Counted in turns of this timer and not in time: after a stop of both
 * processes the collector gets its chance to answer. */
static gboolean
on_ping_timer (gpointer data)
{
  Keeper *keeper = data;

  if (!is_at_work (keeper))
    return G_SOURCE_CONTINUE;
  if (keeper->unanswered >= PINGS_UNANSWERED)
    {
      condemn (keeper, serving_bmc (keeper->note), "did not answer any more");
      return G_SOURCE_CONTINUE;
    }
  if (keeper->unanswered == 0)
    count_removals (keeper);
  keeper->unanswered++;
  keeper_send (keeper, FRAME_PING, g_variant_new ("()"));
  return G_SOURCE_CONTINUE;
}

void
keeper_begin_pings (Keeper *keeper)
{
  keeper->ping_timer = g_timeout_add_seconds (PING_INTERVAL, on_ping_timer, keeper);
}
