/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper-private.h - what the fleet, keeper.c (the process), keeper-bmc.c (its
 * share), keeper-frames.c (what it says) and keeper-watch.c (whether it works)
 * know of a keeper.
 */
#ifndef KEEPER_PRIVATE_H
#define KEEPER_PRIVATE_H

#include "core/fleet-private.h"
#include "core/stall.h"
#include "event/channel.h"
#include "event/serving.h"

struct _Keeper
{
  guint number; /* for people */
  Fleet *fleet;
  char *program;
  Journal *journal;
  GHashTable *bmcs; /* gint64 → FleetBmc: its share */
  gboolean alone;   /* has a BMC in quarantine: takes no other */
  int interface;    /* ConnectionInterface, of all its BMCs */

  GPid pid; /* 0: not running */
  guint child_watch;
  const ServingNote *note; /* whom the collector works for; NULL: not known */
  Channel *channel;        /* NULL: not running */
  guint generation;        /* of collectors; what an older one asked for is not answered */
  guint outstanding;       /* records that the collector may still send */
  guint restart_timer, kill_timer;
  guint failures;                /* collectors that ended early, in a row */
  gint64 started;                /* monotonic, microseconds */
  gboolean greeted;              /* it is ours: it has said HELLO */
  gboolean broken;               /* it broke the rules: nothing that it says counts any more */
  gboolean renewing;             /* it has asked for another one in its place, and is to end */
  char *end;                     /* how it ended, in words */
  QuarantineCrashes unexplained; /* crashes for which nobody was suspect */

  guint ping_timer;
  guint unanswered; /* pings in a row */
  Stall stall;
  gint64 suspect;  /* we have killed it because of this BMC; 0: not, or because of nobody */
  gboolean caught; /* it was at work for the suspect, without end */

  gboolean stopping;                                    /* it is to end, and no other one is started */
  void (*stopped) (Keeper *keeper, gpointer user_data); /* NULL once it has been called */
  gpointer stopped_data;
};

/* ------------------------------------------------------------------- keeper.c */

Keeper *keeper_new (Fleet *fleet, guint number);
Keeper *keeper_ref (Keeper *keeper);
/* Work of the journal may hold other references. */
void keeper_unref (Keeper *keeper);

/* Starts the collector; FALSE if the program cannot be started at all, and then
 * it is tried again if `patient`. */
gboolean keeper_start (Keeper *keeper, gboolean patient, GError **error);

/* Asks the collector to close its sessions and end; `done` is called when it
 * has, or when it was ended by force a few seconds later.  Perhaps at once.  An
 * earlier `done` is replaced. */
void keeper_stop (Keeper *keeper, void (*done) (Keeper *keeper, gpointer user_data), gpointer user_data);

/* The collector asks for another one in its place: it is told to close its
 * sessions and end.  If it does, that is nobody's fault. */
void keeper_renew (Keeper *keeper);

/* Sends if a collector is there. */
void keeper_send (Keeper *keeper, FrameType type, GVariant *body);

/* The collector broke the rules: it is ended, and another one started. */
void keeper_break (Keeper *keeper, const char *why);

/* --------------------------------------------------------------- keeper-bmc.c */

/* The BMC, which is in no share, is in this one now. */
void keeper_take_bmc (Keeper *keeper, FleetBmc *bmc);

/* The session is to be closed; fleet_on_removed() follows, perhaps at once. */
void keeper_close_bmc (FleetBmc *bmc);

/* It is in no share any more; the collector must not know it. */
void keeper_drop_bmc (FleetBmc *bmc);

/* A collector has just been started, or is gone. */
void keeper_hand_over_all (Keeper *keeper);
void keeper_lose_all (Keeper *keeper);

/* In a while, if it has names. */
void keeper_look_up_again (FleetBmc *bmc);

/* Looks its names up, and hands it over (again, if they mean another address). */
void keeper_resolve_bmc (FleetBmc *bmc);
/* If it is time for that. */
void keeper_check_names (FleetBmc *bmc, gint64 now);

/* ------------------------------------------------------------- keeper-watch.c */

/* Sends pings from now on, and expects answers. */
void keeper_begin_pings (Keeper *keeper);

/* A collector works, or has more BMCs, since now.  Looks whether one is stuck
 * with a BMC, every STALL_LOOK milliseconds as long as one has to be looked at;
 * then it is ended. */
void keeper_begin_watch (Fleet *fleet);

/* ------------------------------------------------------------ keeper-frames.c */

/* Handles one frame of the collector (ChannelFrameFunc). */
void keeper_on_frame (FrameType type, GVariant *body, gpointer keeper);

/* The BMC of this share with that number; NULL: it was removed. */
FleetBmc *keeper_find_bmc (Keeper *keeper, guint32 number);

#endif
