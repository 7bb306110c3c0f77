/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sensor-set.h - the sensors of one BMC, as FRAME_SENSORS describes them.
 *
 * A set is built by one thread, then immutable and reference-counted: whoever
 * holds a reference may read it on any thread.  Texts are interned, because a
 * thousand BMCs of one model have the same forty names.
 */
#ifndef SENSOR_SET_H
#define SENSOR_SET_H

#include "core/severity-rules.h"
#include "event/frame.h"

#include <ipmid/plugin.h>

/* More sensors of one BMC are not taken: a BMC could make up as many as it
 * likes.  (A system interface has 4 LUNs of 255 sensors, IPMI 2.0, section 5.) */
#define SENSOR_SET_MAX 2048

/* Discrete states have the offsets 0 to 14 (IPMI 2.0, section 35.14). */
#define SENSOR_STATES 15

/* The names of a sensor's states, and how bad the specification makes each. */
typedef struct
{
  const char *words[SENSOR_STATES]; /* never NULL; live as long as the process */
  guint8 offsets[SENSOR_STATES];    /* of the event that begins it (table 42-2) */
  guint8 severities[SENSOR_STATES]; /* IpmidSeverity */
  guint32 mask;                     /* bit n: there is a state n */
} SensorStates;

typedef struct
{
  guint32 number;     /* the collector's */
  guint32 limits;     /* where its thresholds begin in the set's array */
  guint32 severities; /* of its states, as the user wants them: two bits each, IpmidSeverity - 1 */
  guint16 record_id;  /* of its sensor data record */
  guint8 type, reading_type;
  guint8 flags;                    /* FrameSensorFlags */
  guint8 threshold;                /* bit n: has IpmidThreshold n */
  char *name, *entity, *id, *unit; /* words.h */
  const char *type_name;           /* IPMI 2.0, table 42-3 */
  const SensorStates *states;      /* the SensorWords' */
} Sensor;

/* The last reading of a sensor, as FRAME_READINGS had it. */
typedef struct
{
  gint64 time; /* wall clock, microseconds; 0: never read */
  double value;
  guint32 states;
  guint8 flags; /* FrameReadingFlags */
} SensorReading;

typedef struct _SensorSet SensorSet;

/* The tables of states in use, made when they are first wanted.  They must
 * outlive the sets that were built with them.  Belongs to one thread. */
typedef GHashTable SensorWords;

SensorWords *sensor_words_new (void);

/* An empty set, to be filled. */
SensorSet *sensor_set_new (void);
SensorSet *sensor_set_ref (SensorSet *set);
void sensor_set_unref (SensorSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SensorSet, sensor_set_unref)

/* Adds what stands in the array of a FRAME_SENSORS.  FALSE if that breaks the
 * protocol: an unknown flag or threshold.  What a BMC has a say in is mended
 * instead: texts are cleaned and cut, a threshold that is no number is left
 * out, sensors beyond SENSOR_SET_MAX are left out and counted in `*beyond`. */
gboolean sensor_set_add (SensorSet *set, SensorWords *words, GVariant *sensors, guint *beyond, GError **error);

/* The set is whole: from here on it does not change.  FALSE if a number stands
 * in it twice, which breaks the protocol. */
gboolean sensor_set_finish (SensorSet *set, GError **error);

/* How bad the states of its sensors are: by the specification, and by the user's
 * rules (NULL: none).  Before the set is shared. */
void sensor_set_judge (SensorSet *set, const SeverityRules *rules);

/* The same sensors, in a set that is not shared yet. */
SensorSet *sensor_set_copy (const SensorSet *set);

guint sensor_set_length (const SensorSet *set);

/* In the order of their numbers. */
const Sensor *sensor_set_get (const SensorSet *set, guint index);

/* Where the sensor with this number is; -1: nowhere. */
int sensor_set_find (const SensorSet *set, guint32 number);

/* FALSE if the sensor has no such threshold. */
gboolean sensor_set_limit (const SensorSet *set, guint index, IpmidThreshold threshold, double *limit);

/* Why a sensor gives nothing now, in IpmidReading's words; NULL if it does
 * (IPMI 2.0, section 35.14). */
const char *sensor_obstacle (const SensorReading *reading);

/* A reading in a plugin's words.  `*words` has room for SENSOR_STATES + 1
 * pointers; it and the texts of the set have to live as long as `out` does.
 * Returns how many words, without the NULL behind them. */
guint sensor_fill_reading (const Sensor *sensor, const char *bmc, const SensorReading *reading, const char **words,
                           IpmidReading *out);

#endif
