/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core-private.h - what core.c (the start), core-end.c (the end), core-crash.c (what a
 * crash has left), reload.c (a new configuration) and core-status.c (what people see)
 * share.
 */
#ifndef CORE_PRIVATE_H
#define CORE_PRIVATE_H

#include "core/alarms.h"
#include "core/backfill.h"
#include "core/core.h"
#include "core/deletion.h"
#include "core/errand.h"
#include "core/fleet.h"
#include "core/handler.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/quiet-timer.h"
#include "core/reload.h"
#include "core/state-dir.h"
#include "core/trap-listener.h"

struct _Core
{
  CoreConfig *config;
  CoreEndedFunc on_ended;
  gpointer user_data;
  StateDir *state_dir;
  Journal *journal;
  Deletions *deletions;
  Errands *errands;
  Backfills *backfills;
  Inventory *inventory;
  Services *services;
  SdrCache *sdr_cache;
  Fleet *fleet;
  TrapListener *traps; /* NULL: none are wanted */
  HandlerHooks hooks;
  GPtrArray *handlers; /* Handler: all that may have a thread, also those that end */
  QuietTimer *quiet_timer;
  Alarms *alarms;
  GPtrArray *retired;        /* Handler: ended, but somebody may still hand over what was asked of them */
  Reload *reload;            /* NULL: none under way */
  guint reloads;             /* how many were asked for */
  GPtrArray *reload_waiters; /* see request-table.h */
  CoreDaemon around;

  gint64 started; /* wall clock, microseconds */
  gboolean stopping;
  gboolean stuck; /* a plugin does not come back: nothing can be freed */
  guint patience_timer;
  guint watch_timer;
  LogLimit overdue_limit;
  int exit_status;
  char *message;
};

/* Whether ipmid works without the handler, which it says; else `error` counts. */
gboolean core_do_without (const HandlerConfig *handler, const GError *error);

/* What filters and silences want to know of a BMC; on the journal's thread, or
 * before that runs. */
void core_set_attributes (const CoreConfig *config, Ledger *ledger, gint64 id, const BmcConfig *bmc);

/* A crash of the last ipmid in a plugin is counted by the journal, before any event is
 * tried again; one of this ipmid is noted.  The journal runs, and handlers do not
 * yet.  Without a state directory nothing is noted. */
void core_watch_crashes (Core *core);

/* GSourceFunc: a worker has ended.  Perhaps a reload waits for it, or the end. */
gboolean core_end_if_handlers_ended (gpointer core);

/* What the journal may take. */
RoomLimits core_room_limits (const CoreConfig *config);

#endif
