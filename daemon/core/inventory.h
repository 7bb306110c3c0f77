/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inventory.h - the sensors of all BMCs, and what each read last.
 *
 * BMCs, sensors and handlers come and go on the core's thread, which is the
 * only one that calls what changes something here.  Readings are behind a
 * lock: the handlers' threads take theirs (core/readings.h), and any thread may
 * take a snapshot.
 *
 * What breaks the protocol in a frame is what only a collector's own mistake
 * can bring there: an unknown flag or threshold, a sensor number twice in one
 * inventory.  It ends the collector.  What a BMC has a say in never does, so
 * that no BMC can end a collector from afar: readings of unknown sensors and
 * with impossible times are dropped and counted, values that are no number are
 * left out, too many sensors are cut off.
 */
#ifndef INVENTORY_H
#define INVENTORY_H

#include "core/sensor-set.h"

typedef struct _Inventory Inventory;

Inventory *inventory_new (void);

/* After all its Readings and snapshots are gone. */
void inventory_free (Inventory *inventory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Inventory, inventory_free)

/* Frames about a BMC count from here on.  `id` is the ledger's number.  A BMC
 * that is there already gets the new name, and keeps what it has. */
void inventory_add_bmc (Inventory *inventory, gint64 id, const char *name);
void inventory_remove_bmc (Inventory *inventory, gint64 id);

/* What plugins are told about the BMC besides its sensors.  An unknown BMC is no
 * mistake.  `host` and `labels` may be NULL, `words` too; `since` is wall clock,
 * microseconds. */
void inventory_set_labels (Inventory *inventory, gint64 bmc, const char *host, const char *const *labels);
void inventory_set_state (Inventory *inventory, gint64 bmc, IpmidBmcState state, const char *words, gint64 since);

/* The user's own severities, which readings have from now on, also those that came
 * before; NULL: none.  Takes a reference. */
void inventory_set_severities (Inventory *inventory, SeverityRules *rules);

/* The body of a FRAME_SENSORS about this BMC.  The new inventory replaces the
 * old one when its last frame has come; readings of sensors that are in both are
 * kept.  FALSE: the frame breaks the protocol.  An unknown BMC is no mistake. */
gboolean inventory_on_sensors (Inventory *inventory, gint64 bmc, GVariant *body, GError **error);

/* The body of a FRAME_READINGS.  A later one of the same sensor replaces the
 * earlier one, also within a frame. */
gboolean inventory_on_readings (Inventory *inventory, gint64 bmc, GVariant *body, GError **error);

/* For --status: a line about this BMC's sensors, if it has any. */
void inventory_describe (Inventory *inventory, gint64 bmc, GString *out);

/* --------------------------------------------------------------- snapshots */

/* The sensors of one BMC and their last readings, at one moment.  Immutable and
 * reference-counted; every function below may be called from any thread. */
typedef struct _InventorySnapshot InventorySnapshot;

/* NULL if there is no such BMC; without sensors if none are known yet. */
InventorySnapshot *inventory_snapshot (Inventory *inventory, gint64 bmc);
void inventory_snapshot_unref (InventorySnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (InventorySnapshot, inventory_snapshot_unref)

/* Of all BMCs, in the order of their ids; unreferences them when it goes. */
GPtrArray *inventory_snapshot_all (Inventory *inventory);

const char *inventory_snapshot_bmc (const InventorySnapshot *snapshot);

/* In a plugin's words; its texts are the snapshot's. */
IpmidBmc inventory_snapshot_about (const InventorySnapshot *snapshot);
const SensorSet *inventory_snapshot_sensors (const InventorySnapshot *snapshot);

/* Of the sensor at this place of the set. */
const SensorReading *inventory_snapshot_reading (const InventorySnapshot *snapshot, guint index);

#endif
