/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host-fleet.c - the fleet as plugins see it: a snapshot of the inventory.
 *
 * Any thread.  A caller says how large its structures are, because a plugin may
 * have been built before they grew.
 */
#include "core/handler-private.h"

#include <string.h>

struct _IpmidFleet
{
  gatomicrefcount references;
  GPtrArray *bmcs; /* InventorySnapshot */
};

G_STATIC_ASSERT (SENSOR_STATES + 1 == IPMID_STATE_WORDS);
G_STATIC_ASSERT (FRAME_SENSOR_EVENT_ONLY == (int) IPMID_SENSOR_EVENT_ONLY
                 && FRAME_SENSOR_ANALOG == (int) IPMID_SENSOR_ANALOG
                 && FRAME_SENSOR_SATELLITE == (int) IPMID_SENSOR_SATELLITE
                 && FRAME_SENSOR_OWN == (int) IPMID_SENSOR_OWN);
G_STATIC_ASSERT (FRAME_STATE_CONNECTING == (int) IPMID_BMC_CONNECTING && FRAME_STATE_UP == (int) IPMID_BMC_UP
                 && FRAME_STATE_DOWN == (int) IPMID_BMC_DOWN && FRAME_STATE_REFUSED == (int) IPMID_BMC_REFUSED);

IpmidFleet *
host_fleet (IpmidHost *host)
{
  Inventory *inventory = ((Handler *) host)->hooks.inventory;
  IpmidFleet *fleet = g_new0 (IpmidFleet, 1);

  g_atomic_ref_count_init (&fleet->references);
  fleet->bmcs = inventory == NULL ? g_ptr_array_new () : inventory_snapshot_all (inventory);
  return fleet;
}

IpmidFleet *
host_fleet_ref (IpmidFleet *fleet)
{
  g_atomic_ref_count_inc (&fleet->references);
  return fleet;
}

void
host_fleet_unref (IpmidFleet *fleet)
{
  if (fleet == NULL || !g_atomic_ref_count_dec (&fleet->references))
    return;
  g_ptr_array_unref (fleet->bmcs);
  g_free (fleet);
}

guint
host_fleet_length (const IpmidFleet *fleet)
{
  return fleet->bmcs->len;
}

/* Every structure of the contract begins with its size. */
static void
hand_out (gpointer out, gconstpointer full, gsize size)
{
  gsize wanted = MIN (*(gsize *) out, size);

  memcpy (out, full, wanted);
  *(gsize *) out = wanted;
}

void
host_fleet_bmc (const IpmidFleet *fleet, guint bmc, IpmidBmc *out)
{
  const IpmidBmc about = inventory_snapshot_about (fleet->bmcs->pdata[bmc]);

  hand_out (out, &about, sizeof about);
}

void
host_fleet_sensor (const IpmidFleet *fleet, guint bmc, guint sensor, IpmidSensor *out)
{
  const SensorSet *set = inventory_snapshot_sensors (fleet->bmcs->pdata[bmc]);
  const Sensor *found = sensor_set_get (set, sensor);
  IpmidSensor full = { .size = sizeof full, .flags = found->flags, .record_id = found->record_id };

  for (guint i = 0; i < G_N_ELEMENTS (full.limits); i++)
    if (sensor_set_limit (set, sensor, (IpmidThreshold) i, &full.limits[i]))
      full.limit_bits |= 1u << i;
  hand_out (out, &full, sizeof full);
}

void
host_fleet_reading (const IpmidFleet *fleet, guint bmc, guint sensor, IpmidReading *out, const char **words)
{
  const InventorySnapshot *snapshot = fleet->bmcs->pdata[bmc];
  IpmidReading full;

  sensor_fill_reading (sensor_set_get (inventory_snapshot_sensors (snapshot), sensor),
                       inventory_snapshot_bmc (snapshot), inventory_snapshot_reading (snapshot, sensor), words, &full);
  hand_out (out, &full, sizeof full);
}
