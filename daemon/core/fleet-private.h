/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fleet-private.h - what fleet*.c and keeper*.c know of a BMC and its collector.
 */
#ifndef FLEET_PRIVATE_H
#define FLEET_PRIVATE_H

#include "core/fleet.h"
#include "core/keeper.h"
#include "core/log.h"
#include "core/quarantine.h"
#include "core/resolve.h"
#include "core/settle.h"

/* One BMC.  Belongs to the fleet; its keeper has it in its share. */
typedef struct
{
  gint64 id;
  char *name;
  const BmcConfig *config;
  Fleet *fleet;
  Keeper *keeper; /* NULL: not yet */

  Resolve *resolving; /* while its names are looked up */
  gint64 resolve_at;  /* monotonic: when they are, again; G_MAXINT64: not */
  guint resolve_failures;
  guint resolve_again; /* how often they were, since it is down */
  char **addresses;    /* as they were looked up last; NULL: not yet */

  gboolean added;     /* its collector knows it */
  gboolean removing;  /* its collector is closing the session */
  guint remove_pings; /* that were answered since, but REMOVE was not */
  gboolean moving;    /* then it goes to another collector */
  gboolean leaving;   /* then it is forgotten */
  gint64 renewed_at;  /* monotonic: its collector was renewed for it, and it was not up since; 0: never, or it was */
  gboolean stays;     /* in the new configuration; for fleet_forget_others() */
  guint generation;   /* of ADDs: what was asked for before is not answered */

  FrameState state;
  char *words;       /* why it is in this state */
  char *up_words;    /* connected, but where to read its SEL is not known yet; else NULL */
  gint64 since;      /* wall clock, microseconds */
  gint64 last_event; /* likewise; 0: none yet */
  guint64 records;   /* received since start */
  guint32 sel_entries, sel_free;
  gboolean sel_known, sel_overflow;
  gboolean has_guid;
  guint8 guid[STORE_GUID_SIZE];

  Settle settle;
  Settle outage; /* the same with a much longer time: it stays away */
  guint walk;    /* the walk over its SEL that is under way; 0: none */
  guint alarms;  /* StoreAlarm: what the journal was told to be wrong */
  Quarantine quarantine;
  char *reason; /* why it is in quarantine; else NULL */
} FleetBmc;

struct _Fleet
{
  const CoreConfig *config;
  Journal *journal;
  FleetDeletedFunc on_deleted;
  gpointer user_data;
  const FleetErrandFuncs *errands; /* NULL: there are none */
  gpointer errands_data;
  Resolver *resolver;
  Inventory *inventory;      /* the core's; NULL: sensors are of no interest */
  SdrCache *sdr_cache;       /* likewise */
  SeverityRules *severities; /* NULL: none */
  GHashTable *bmcs;          /* gint64 → FleetBmc */
  GPtrArray *keepers;        /* Keeper: those that run, and those that are ending */
  guint next_number;         /* of a keeper */
  guint tick_timer;
  gint64 tick_at; /* monotonic */
  guint watch_timer;
  gboolean running, stopping;
  void (*stopped) (gpointer user_data);
  gpointer stopped_data;
};

/* -------------------------------------------------------------------- fleet.c */

/* Something is to be done for some BMC at this (monotonic) time. */
void fleet_wake_at (Fleet *fleet, gint64 time);

/* Whether another collector would take a BMC more. */
gboolean fleet_has_room_besides (const Keeper *keeper);

/* The first `n` of these BMCs, which the collector does not know (it is not
 * running), get a new one. */
void fleet_split (Keeper *keeper, GList *bmcs, guint n);

/* Takes the BMC out of its share and into another one: at once if its collector
 * does not know it, else when that has closed the session. */
void fleet_move (FleetBmc *bmc);

/* A BMC whose collector would obey; NULL: it is not connected. */
FleetBmc *fleet_find_connected (Fleet *fleet, gint64 id);

/* The collector does not know the BMC any more (keeper-bmc.c). */
void fleet_on_removed (FleetBmc *bmc);

/* A collector without BMCs ends. */
void fleet_retire_if_empty (Keeper *keeper);

/* Whether one collector more may be started for a BMC of its own. */
gboolean fleet_may_grow (Fleet *fleet);

/* ------------------------------------------------------------ fleet-request.c */

/* Whoever waits for something of this BMC's session waits in vain. */
void fleet_tell_lost (const FleetBmc *bmc, const char *words);

/* -------------------------------------------------------------- fleet-blame.c */

/* A collector has crashed or was killed: finds out whose fault it was. */
void fleet_on_crash (Fleet *fleet, Keeper *keeper, const char *how);

/* Lets it out if its time has come. */
void fleet_check_quarantine (FleetBmc *bmc, gint64 now);

/* --------------------------------------------------------------- fleet-news.c */

/* Notes and logs a BMC's state; an event follows when it has held. */
void fleet_set_state (FleetBmc *bmc, FrameState state, const char *words);

void fleet_check_news (FleetBmc *bmc, gint64 now);

/* When there may be news, if nothing changes (monotonic); G_MAXINT64: never. */
gint64 fleet_news_deadline (const FleetBmc *bmc);

/* What FRAME_SEL_INFO and FRAME_CLOCK say. */
void fleet_watch_sel (FleetBmc *bmc);
void fleet_watch_clock (FleetBmc *bmc, gint64 drift);

/* An event about this BMC, ipmid's own, for the journal. */
void fleet_tell_health (FleetBmc *bmc, gboolean raised, const char *text);

/* Tells the inventory how the BMC is. */
void fleet_show_state (const FleetBmc *bmc);

/* "up", or "quarantined" whatever its connection is. */
const char *fleet_state_word (const FleetBmc *bmc);

#endif
