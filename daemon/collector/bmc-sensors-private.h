/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bmc-sensors-private.h - what the files of a BMC's sensors share.
 *
 *   bmc-sensors.c   the table: when it is made, told, and made anew
 *   bmc-sampling.c  the readings: what to send when, and what to make of it
 *   bmc-check.c     the records: whether they are still those of the table
 */
#ifndef BMC_SENSORS_PRIVATE_H
#define BMC_SENSORS_PRIVATE_H

#include "bmc-private.h"
#include "sample.h"
#include "sampler.h"

/* So many of a BMC's requests are under way at once, the SEL reader's included:
 * it never waits for more than one of ours.  More make a BMC slower. */
#define BMC_SENSORS_UNDER_WAY 2u

/* A ticket: the generation, and the place in the table or one of these. */
#define BMC_PLACE_BITS 12
#define BMC_PLACE_MASK ((1u << BMC_PLACE_BITS) - 1)
#define BMC_PLACE_DCMI BMC_PLACE_MASK
#define BMC_PLACE_CHECK (BMC_PLACE_MASK - 1)
G_STATIC_ASSERT (SENSOR_TABLE_MAX < BMC_PLACE_CHECK);

typedef enum
{
  STEP_NONE,
  STEP_READING,
  STEP_FACTORS,
  STEP_THRESHOLDS,
} BmcSensorStepKind;

/* What is under way for one sensor. */
typedef struct
{
  BmcSensorStepKind kind;
  guint place;
  guint8 raw;
  FrameReading reading;
} BmcSensorStep;

/* Whether the sensor data records are still the same. */
typedef struct
{
  Timer *timer;         /* to the next round of questions */
  gboolean times_known; /* the repository's, as OpenIPMI has read it */
  SdrTimes times;
  gboolean repository_due; /* in this round */
  gboolean waiting;        /* for room: the question that these say */
  gboolean under_way;      /* that question */
  gboolean of_repository;
  SdrController controller;
  gboolean renewed; /* the session, because they were not */
  guint in_vain;    /* in a row: its sensors were those of the session before */
} BmcCheck;

struct _BmcSensors
{
  Bmc *bmc;
  SensorTable table;
  gboolean told; /* the core has a table */
  Sampler *sampler;
  BmcSensorStep steps[BMC_SENSORS_UNDER_WAY];
  GArray *batch; /* FrameReading */
  gint64 batch_since;
  guint64 dropped;

  guint generation; /* answers to older requests are ignored */
  gboolean running; /* the table is that of this session */
  gboolean pumping;
  gboolean dcmi;

  Timer *timer; /* something is due */
  gint64 timer_due;
  Timer *rebuild; /* the table, or the core's knowledge of it, is old: */
  gboolean sensors_changed;
  gboolean thresholds_changed;
  BmcCheck check;
};

/* -------------------------------------------------------------- bmc-sensors.c */

/* Sends a request with a ticket for this place; FALSE as bmc_domain_send(). */
gboolean bmc_sensors_request (BmcSensors *sensors, const BmcTarget *target, const SampleRequest *request, guint place);

/* Thresholds in the table are others than the core knows. */
void bmc_sensors_thresholds_changed (BmcSensors *sensors);

/* ------------------------------------------------------------- bmc-sampling.c */

/* Begins with the table as it is; answers to older requests are ignored. */
void bmc_sampling_restart (BmcSensors *sensors);
void bmc_sampling_stop (BmcSensors *sensors);

/* Sends what is due, as far as there is room. */
void bmc_sampling_pump (BmcSensors *sensors);

/* Whether one more request may go out now. */
gboolean bmc_sampling_has_room (const BmcSensors *sensors);

/* The answer to a request with the ticket of a place in the table. */
void bmc_sampling_reply (BmcSensors *sensors, guint place, const guint8 *reply, gsize length);

/* ---------------------------------------------------------------- bmc-check.c */

void bmc_check_init (BmcSensors *sensors);
void bmc_check_clear (BmcSensors *sensors);

/* OpenIPMI has read the BMC's repository. */
void bmc_check_opened (BmcSensors *sensors);

/* A session has begun, or within one the sensors have become others: looks from now
 * on, if the BMC has anything to look at; forgets a question that is under way. */
void bmc_check_restart (BmcSensors *sensors, gboolean other_sensors);
void bmc_check_stop (BmcSensors *sensors);

/* Sends the question that is due, if there is room. */
void bmc_check_pump (BmcSensors *sensors);

/* The question was answered, or will not be.  May end the session. */
void bmc_check_reply (BmcSensors *sensors);

#endif
