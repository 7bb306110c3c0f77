/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sensor-table.h - the sensors of one BMC: what they are, and their numbers.
 *
 * The table outlives sessions, so that a sensor keeps its number when the BMC
 * comes back.  It knows no OpenIPMI: bmc-sensors.c fills it.  One thread.
 */
#ifndef SENSOR_TABLE_H
#define SENSOR_TABLE_H

#include "conversion.h"
#include "event/frame.h"

#include <ipmid/plugin.h>

/* More are not read; no BMC has them (sdr-watch.h), and a number fits a ticket. */
#define SENSOR_TABLE_MAX 2048u

typedef enum
{
  SENSOR_OF_CONTROLLER, /* Get Sensor Reading (35.14) */
  SENSOR_CHASSIS_POWER, /* Get Chassis Status (28.2) */
  SENSOR_DCMI_POWER,    /* Get Power Reading (DCMI 1.5, 6.6.1) */
} SensorSource;

typedef struct
{
  guint32 number; /* the table's; never 0 */
  SensorSource source;
  /* Which one of its controller, and which controller, as in its record (43.1). */
  guint8 owner, channel, lun, sensor;
  guint8 sensor_type; /* table 42-3 */
  guint8 event_type;  /* event/reading type, table 42-1 */
  guint8 flags;       /* FrameSensorFlags */
  guint8 thresholds;  /* bit n: limits[n] is IpmidThreshold n */
  guint16 record_id;
  gboolean thresholds_readable; /* Get Sensor Thresholds is worth asking */
  gboolean thresholds_asked;    /* since the entry was made */
  gboolean thresholds_read;     /* limits are the BMC's own answer, not its record's */
  double limits[6];
  Conversion conversion;
  char *name; /* cleaned, as all texts here; never NULL */
  char *entity;
  char *id; /* openipmi_eventd's, made unique */
  char *unit;
} SensorEntry;

typedef struct
{
  GArray *entries; /* SensorEntry */
  guint32 last_number;
} SensorTable;

void sensor_table_init (SensorTable *table);
void sensor_table_clear (SensorTable *table);

static inline guint
sensor_table_length (const SensorTable *table)
{
  return table->entries->len;
}

static inline SensorEntry *
sensor_table_get (const SensorTable *table, guint index)
{
  return &g_array_index (table->entries, SensorEntry, index);
}

/* An empty array of entries, to be filled; frees the texts with it. */
GArray *sensor_table_new_entries (void);

/* Chassis power, DCMI power, as entries without a number.  Chassis power has the
 * states of a power unit (table 42-3, 09h), and the value 1 for on, 0 for off. */
SensorEntry sensor_table_chassis_power (void);
SensorEntry sensor_table_dcmi_power (void);

/* Takes the entries over in place of those before; `entries` is used up.  A
 * sensor that was there before keeps its number, and the thresholds that were
 * read.  FALSE: nothing that a FRAME_SENSORS says has changed. */
gboolean sensor_table_replace (SensorTable *table, GArray *entries);

/* The answer to Get Sensor Thresholds (35.9), with the completion code.  TRUE if
 * the thresholds were others so far. */
gboolean sensor_table_take_thresholds (SensorEntry *entry, const guint8 *reply, gsize length);

/* The table as the bodies of FRAME_SENSORS, at least one, each small enough. */
void sensor_table_send (const SensorTable *table, guint32 bmc, void (*send) (GVariant *body, gpointer user_data),
                        gpointer user_data);

#endif
