/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper-private.h - what keeper.c (the process) and keeper-frames.c (what it
 * says) share.
 */
#ifndef KEEPER_PRIVATE_H
#define KEEPER_PRIVATE_H

#include "core/keeper.h"
#include "core/log.h"
#include "core/resolve.h"
#include "event/channel.h"

/* One BMC as the keeper knows it. */
typedef struct
{
  gint64 id;
  char *name;
  const Connection *connection;
  Keeper *keeper;
  Resolve *resolving; /* while its names are looked up */
  guint resolve_timer;
  guint resolve_failures;
  char **addresses; /* numeric, as last looked up; NULL: not yet */
  gboolean added; /* the present collector knows it */
  FrameState state;
  char *words;       /* why it is in this state */
  char *up_words;    /* connected, but where to read its SEL is not known yet; else NULL */
  gint64 since;      /* wall clock, microseconds */
  gint64 last_event; /* likewise; 0: none yet */
  guint64 records;   /* received since start */
  guint32 sel_entries, sel_free;
  gboolean sel_known, sel_overflow;
} KeeperBmc;

struct _Keeper
{
  char *program;
  Journal *journal;
  KeeperDeletedFunc on_deleted;
  gpointer user_data;
  Inventory *inventory;      /* the core's; NULL: sensors are of no interest */
  SdrCache *sdr_cache;       /* likewise */
  GHashTable *bmcs;          /* gint64 → KeeperBmc */
  SeverityRules *severities; /* NULL: none */

  GPid pid; /* 0: not running */
  guint child_watch;
  Channel *channel;  /* NULL: not running */
  guint generation;  /* of collectors; what an older one asked for is not answered */
  guint outstanding; /* records that the collector may still send */
  guint restart_timer, kill_timer;
  guint failures;  /* collectors that ended early, in a row */
  gint64 started;  /* monotonic, microseconds */
  gboolean broken; /* it broke the rules: nothing that it says counts any more */

  guint ping_timer;
  guint unanswered; /* pings in a row */

  gboolean stopping;                    /* it is to end, and no other one is started */
  void (*stopped) (gpointer user_data); /* NULL once it has been called */
  gpointer stopped_data;
};

Keeper *keeper_ref (Keeper *keeper);

/* Sends if a collector is there. */
void keeper_send (Keeper *keeper, FrameType type, GVariant *body);

/* The collector broke the rules: it is ended, and another one started. */
void keeper_break (Keeper *keeper, const char *why);

/* Handles one frame of the collector (ChannelFrameFunc). */
void keeper_on_frame (FrameType type, GVariant *body, gpointer keeper);

/* Notes and logs a BMC's state. */
void keeper_set_state (KeeperBmc *bmc, FrameState state, const char *words);

#endif
