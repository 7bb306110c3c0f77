/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-sensors.h - the sensors of the BMC that fake-collector plays.
 *
 * Files beside SEL say what it has:
 *   SEL.sensors  "COUNT MILLISECONDS": so many sensors, all read so often; a
 *                change is a new inventory
 *   SEL.cache    what it sends as its sensor data record cache when it is added
 *   SEL.handed   written by it if there is a SEL.cache: the one that came with
 *                ADD, "none" without one
 *
 * Sensor n is named "sensor n"; its value counts how often it was read.  Every
 * fourth one is, in turn: a temperature above its upper critical threshold, a
 * power supply that has failed, a fan that gives no reading, one that is not
 * scanned.
 */
#ifndef FAKE_SENSORS_H
#define FAKE_SENSORS_H

#include <event/channel.h>

typedef struct
{
  Channel *channel;
  guint32 bmc;
  char *sensors, *cache, *handed; /* paths */
  guint count, interval, serial;
  gint64 next;
} FakeSensors;

void fake_sensors_init (FakeSensors *fake, const char *sel);
void fake_sensors_clear (FakeSensors *fake);

/* The BMC was added, with these settings. */
void fake_sensors_on_add (FakeSensors *fake, Channel *channel, guint32 bmc, GVariant *settings);

/* Every few milliseconds while the BMC is there. */
void fake_sensors_tick (FakeSensors *fake);

/* Breaks the rules in one way: "sensor-twice", "reading-flag"; or sends what is
 * to be dropped: "reading-odd". */
void fake_sensors_misbehave (FakeSensors *fake, const char *word);

#endif
