/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fleet.h - all BMCs: which collector has which, how they are, who is to blame.
 *
 * Each collector (keeper.h) has a share of the BMCs.  A BMC keeps its share as
 * long as possible; a new one goes to the emptiest; a collector without BMCs
 * ends.  When a collector crashes or spins, only its share is blind until it is
 * started again; the BMC that it was working for is put into quarantine, alone in
 * a collector of its own (quarantine.h): at once if the collector could not get
 * away from it, else if that happens again.  If nobody is suspect, the share is
 * halved until the guilty one is alone.
 *
 * Belongs to the core's thread.
 */
#ifndef FLEET_H
#define FLEET_H

#include "core/core.h"
#include "core/inventory.h"
#include "core/journal.h"
#include "core/sdr-cache.h"
#include "core/severity-rules.h"
#include "event/frame.h"

#include <sys/socket.h>

typedef struct _Fleet Fleet;

/* How a delete that fleet_delete() sent has ended.  Token 0: nothing that was
 * asked of this BMC will be answered. */
typedef void (*FleetDeletedFunc) (gint64 bmc, guint64 token, FrameDeleteOutcome outcome, const char *words,
                                  gpointer user_data);

/* `config` stays the caller's and must last until fleet_configure() gives
 * another one.  The BMCs are added by the caller. */
Fleet *fleet_new (const CoreConfig *config, Journal *journal, FleetDeletedFunc on_deleted, gpointer user_data);

/* Where sensors, readings and sensor data records go; both outlive what
 * fleet_stop() ends.  Before the first BMC. */
void fleet_set_inventory (Fleet *fleet, Inventory *inventory, SdrCache *sdr_cache);

/* The user's own severities from now on, of events and of readings; takes them,
 * NULL: none. */
void fleet_set_severities (Fleet *fleet, SeverityRules *rules);

/* `id` is the ledger's number; what it knows of the BMC stands in `saved`.  The
 * configuration stays the caller's. */
void fleet_add_bmc (Fleet *fleet, const StoreBmc *saved, const BmcConfig *config);

/* Starts the collectors; FALSE if the program cannot be started at all. */
gboolean fleet_start (Fleet *fleet, GError **error);

/* A new configuration.  Every BMC that stays must be given again, by
 * fleet_update_bmc(), before fleet_forget_others() closes the sessions of the
 * rest.  One whose connection is the same keeps its session. */
void fleet_configure (Fleet *fleet, const CoreConfig *config);
void fleet_update_bmc (Fleet *fleet, const StoreBmc *saved, const BmcConfig *config);
void fleet_forget_others (Fleet *fleet);

/* FALSE, and no answer will come, if this BMC is not connected. */
gboolean fleet_delete (Fleet *fleet, guint64 token, gint64 bmc, const LedgerIntent *intent, FrameDeleteFlags flags);

/* Reads this BMC's SEL now; FALSE if it is not connected. */
gboolean fleet_poll (Fleet *fleet, gint64 bmc);

/* The BMC with this address (IPv4, also mapped into IPv6, or IPv6; the port does
 * not count) or GUID (as FRAME_IDENTITY had it); 0: none, or more than one. */
gint64 fleet_find_address (Fleet *fleet, const struct sockaddr *address);
gint64 fleet_find_guid (Fleet *fleet, const guint8 guid[16]);

/* The BMC of that name; 0: none is watched. */
gint64 fleet_find_name (Fleet *fleet, const char *name);

/* What errands (errand.h) are told. */
typedef struct
{
  /* The walk with this number is over, and what it showed is on disk; so many records
   * have been received from this BMC in all. */
  void (*walked) (gint64 bmc, guint walk, gboolean complete, guint64 records, gpointer user_data);
  void (*powered) (gint64 bmc, guint64 token, FrameDeleteOutcome outcome, FramePowerState state, const char *words,
                   gpointer user_data);
  /* It is not connected any more. */
  void (*lost) (gint64 bmc, const char *words, gpointer user_data);
} FleetErrandFuncs;
void fleet_set_errands (Fleet *fleet, const FleetErrandFuncs *funcs, gpointer user_data);

/* Walks this BMC's SEL from its start; FALSE if it is not connected.  `*under_way`
 * is the number of a walk that runs already (0: none), `*records` how many records
 * were received so far. */
gboolean fleet_walk (Fleet *fleet, gint64 bmc, guint *under_way, guint64 *records);

/* FALSE, and no answer will come, if this BMC is not connected. */
gboolean fleet_power (Fleet *fleet, guint64 token, gint64 bmc, FramePower power);

/* "down: no answer", for people; the caller frees it. */
char *fleet_describe_state (Fleet *fleet, gint64 bmc);

/* The privilege that its configuration asks for, in the word of that. */
const char *fleet_privilege (Fleet *fleet, gint64 bmc);

/* Asks all collectors to close their sessions and end; `done` is called when
 * they have, or were ended by force a few seconds later. */
void fleet_stop (Fleet *fleet, void (*done) (gpointer user_data), gpointer user_data);

/* "3 BMCs: 2 up, 1 down; 40 records read" */
void fleet_summarize (Fleet *fleet, GString *out);

/* For people, with the first so many BMCs. */
void fleet_describe (Fleet *fleet, GString *out, guint bmcs_max);

/* A line in the log for every collector and BMC. */
void fleet_log (Fleet *fleet);

/* The same for programs, as ipmid_host_request() documents: an aa{sv}, an a{sv}. */
GVariant *fleet_report_collectors (Fleet *fleet);
GVariant *fleet_report_counts (Fleet *fleet);

typedef struct
{
  gint64 id; /* the ledger's number */
  char *name;
  GVariantDict *dict; /* what the core's thread knows of it; to be ended by whoever adds the rest */
} FleetBmcReport;

void fleet_bmc_report_free (FleetBmcReport *report);

/* FleetBmcReport, by name; frees them when it goes.  `name` NULL: all. */
GPtrArray *fleet_report_bmcs (Fleet *fleet, const char *name);

/* The journal may still hold its collectors' last frames. */
void fleet_free (Fleet *fleet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Fleet, fleet_free)

#endif
