/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper.h - the keeper of the collector: starts it, talks to it, starts it again.
 *
 * Belongs to the core's thread.  What comes from the collector goes straight
 * to the journal; credit is given back when it is on disk, so a slow disk
 * makes the collector leave records in the SELs.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include "core/core.h"
#include "core/inventory.h"
#include "core/journal.h"
#include "core/sdr-cache.h"
#include "core/severity-rules.h"
#include "event/frame.h"

typedef struct _Keeper Keeper;

/* How a delete that keeper_delete() sent has ended. */
typedef void (*KeeperDeletedFunc) (guint64 token, FrameDeleteOutcome outcome, const char *words, gpointer user_data);

Keeper *keeper_new (const char *collector, Journal *journal, KeeperDeletedFunc on_deleted, gpointer user_data);

/* Where sensors, readings and sensor data records go; both outlive what
 * keeper_stop() starts.  Before the first BMC. */
void keeper_set_inventory (Keeper *keeper, Inventory *inventory, SdrCache *sdr_cache);

/* Before keeper_start().  `id` is the ledger's number; the connection stays the
 * caller's. */
void keeper_add_bmc (Keeper *keeper, gint64 id, const char *name, const Connection *connection);

/* Severities that the user has set; they hold for the records that come from now
 * on.  Takes the rules, which may be NULL. */
void keeper_set_severities (Keeper *keeper, SeverityRules *rules);

/* Starts the collector; FALSE if the program cannot be started at all. */
gboolean keeper_start (Keeper *keeper, GError **error);

/* FALSE, and no answer will come, if this BMC is not connected. */
gboolean keeper_delete (Keeper *keeper, guint64 token, gint64 bmc, const LedgerIntent *intent, FrameDeleteFlags flags);

/* The BMC whose host this numeric address is; 0: none, or not looked up yet. */
gint64 keeper_find_address (Keeper *keeper, const char *address);

/* Has this BMC's SEL polled now; one that is not connected is polled when it is. */
void keeper_poll (Keeper *keeper, gint64 bmc);

/* Asks the collector to close its sessions and end; `done` is called when it
 * has, or when it was ended by force a few seconds later. */
void keeper_stop (Keeper *keeper, void (*done) (gpointer user_data), gpointer user_data);

/* "3 BMCs: 2 up, 1 down; 40 records read" */
void keeper_summarize (Keeper *keeper, GString *out);

/* One line a BMC, and the collector's, for people. */
void keeper_describe (Keeper *keeper, GString *out);

/* Gives up the reference; work of the journal may still hold others. */
void keeper_unref (Keeper *keeper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Keeper, keeper_unref)

#endif
