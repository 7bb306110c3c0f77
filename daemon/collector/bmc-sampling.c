/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc-sampling.c - see bmc-sensors-private.h.
 *
 * Sensors are read in the order that sampler.h says.  OpenIPMI carries the
 * requests, and no more: its own readings queue without end when a BMC is slow.
 * Readings go to the core by the round. */
#include "bmc-sensors-private.h"

#include <string.h>

/* A reading that has been due so long goes out even while the SEL is read. */
#define OVERDUE G_USEC_PER_SEC

/* How soon after the start the first readings are due; and how soon while so many others
 * still come up: their SELs go before sensors. */
#define FIRST_WITHIN G_USEC_PER_SEC
#define FIRST_WITHIN_CROWD (10 * G_USEC_PER_SEC)
#define CROWD 8u

/* Readings are sent when nothing is left to read now, or so many, or so old. */
#define BATCH_MAX 512u
#define BATCH_AGE G_USEC_PER_SEC
/* The core is slow when so many frames wait: readings go first. */
#define PENDING_MAX 256u

/* ------------------------------------------------------------------- batch */

static void
tell_dropped (BmcSensors *sensors)
{
  g_autofree char *words
      = g_strdup_printf ("%" G_GUINT64_FORMAT " sensor readings were dropped: the core was slow", sensors->dropped);

  bmc_send_frame (sensors->bmc, FRAME_LOG,
                  g_variant_new ("(yus)", (guchar) IPMID_LOG_INFO, sensors->bmc->number, words));
  sensors->dropped = 0;
}

static void
flush (BmcSensors *sensors)
{
  GVariant *readings;

  if (sensors->batch->len == 0)
    return;
  if (channel_pending (sensors->bmc->host->channel) > PENDING_MAX)
    sensors->dropped += sensors->batch->len;
  else
    {
      if (sensors->dropped > 0)
        tell_dropped (sensors);
      readings = g_variant_new_fixed_array (G_VARIANT_TYPE ("(uxydu)"), sensors->batch->data, sensors->batch->len,
                                            sizeof (FrameReading));
      bmc_send_frame (sensors->bmc, FRAME_READINGS, g_variant_new ("(u@a(uxydu))", sensors->bmc->number, readings));
    }
  g_array_set_size (sensors->batch, 0);
}

static void
add_to_batch (BmcSensors *sensors, const FrameReading *reading)
{
  if (sensors->batch->len == 0)
    sensors->batch_since = g_get_monotonic_time ();
  g_array_append_vals (sensors->batch, reading, 1);
}

/* ------------------------------------------------------------------- a step */

static gboolean
send_to_sensor (BmcSensors *sensors, guint place, const SampleRequest *request)
{
  const SensorEntry *entry = sensor_table_get (&sensors->table, place);
  BmcTarget target = { .satellite = (entry->flags & FRAME_SENSOR_SATELLITE) != 0,
                       .channel = entry->channel,
                       .address = entry->owner,
                       .lun = entry->lun };

  return bmc_sensors_request (sensors, &target, request, place);
}

static BmcSensorStep *
find_step (BmcSensors *sensors, guint place)
{
  for (guint i = 0; i < G_N_ELEMENTS (sensors->steps); i++)
    if (sensors->steps[i].kind != STEP_NONE && sensors->steps[i].place == place)
      return &sensors->steps[i];
  return NULL;
}

static BmcSensorStep *
free_step (BmcSensors *sensors)
{
  for (guint i = 0; i < G_N_ELEMENTS (sensors->steps); i++)
    if (sensors->steps[i].kind == STEP_NONE)
      return &sensors->steps[i];
  return NULL;
}

static void
end_step (BmcSensors *sensors, BmcSensorStep *step, gboolean failed)
{
  step->kind = STEP_NONE;
  sampler_end (sensors->sampler, step->place, failed, g_get_monotonic_time ());
}

/* The thresholds once, after the first reading: a sensor that cannot be read has
 * none worth asking for. */
static void
step_after_reading (BmcSensors *sensors, BmcSensorStep *step)
{
  SensorEntry *entry = sensor_table_get (&sensors->table, step->place);
  SampleRequest request;

  add_to_batch (sensors, &step->reading);
  if (!entry->thresholds_readable || entry->thresholds_asked)
    {
      end_step (sensors, step, FALSE);
      return;
    }
  entry->thresholds_asked = TRUE;
  step->kind = STEP_THRESHOLDS;
  request = sample_thresholds_request (entry);
  send_to_sensor (sensors, step->place, &request);
}

static void
step_on_reading (BmcSensors *sensors, BmcSensorStep *step, const guint8 *reply, gsize length)
{
  const SensorEntry *entry = sensor_table_get (&sensors->table, step->place);
  SampleRequest request;
  FrameReading lost;

  switch (sample_decode (entry, reply, length, g_get_real_time (), &step->reading))
    {
    case SAMPLE_GOOD:
      step_after_reading (sensors, step);
      break;
    case SAMPLE_RAW:
      step->kind = STEP_FACTORS;
      step->raw = reply[1];
      request = sample_factors_request (entry, reply);
      send_to_sensor (sensors, step->place, &request);
      break;
    case SAMPLE_BUSY:
      /* Once is nothing. */
      if (sampler_failures (sensors->sampler, step->place) > 0)
        {
          lost = sample_lost (entry, step->reading.time);
          add_to_batch (sensors, &lost);
        }
      end_step (sensors, step, TRUE);
      break;
    case SAMPLE_FAILED:
      add_to_batch (sensors, &step->reading);
      end_step (sensors, step, TRUE);
      break;
    }
}

static void
step_on_thresholds (BmcSensors *sensors, BmcSensorStep *step, const guint8 *reply, gsize length)
{
  if (sensor_table_take_thresholds (sensor_table_get (&sensors->table, step->place), reply, length))
    {
      bmc_sensors_thresholds_changed (sensors);
    }
  end_step (sensors, step, FALSE);
}

static void
step_on_reply (BmcSensors *sensors, BmcSensorStep *step, const guint8 *reply, gsize length)
{
  switch (step->kind)
    {
    case STEP_READING:
      step_on_reading (sensors, step, reply, length);
      break;
    case STEP_FACTORS:
      sample_take_factors (sensor_table_get (&sensors->table, step->place), step->raw, reply, length, &step->reading);
      step_after_reading (sensors, step);
      break;
    case STEP_THRESHOLDS:
      step_on_thresholds (sensors, step, reply, length);
      break;
    case STEP_NONE:
      break;
    }
}

/* ------------------------------------------------------------------ the pump */

static guint
count_under_way (const BmcSensors *sensors)
{
  return sampler_under_way (sensors->sampler) + (sensors->check.under_way ? 1 : 0);
}

gboolean
bmc_sampling_has_room (const BmcSensors *sensors)
{
  guint wanted = sensors->bmc->settings->max_outstanding;
  guint maximum = wanted == 0 ? BMC_SENSORS_UNDER_WAY : MIN (wanted, BMC_SENSORS_UNDER_WAY);

  return guarded_con_outstanding (sensors->bmc->con) < maximum && count_under_way (sensors) < maximum;
}

static gboolean
may_send (const BmcSensors *sensors, gint64 now)
{
  return bmc_sampling_has_room (sensors)
         || (count_under_way (sensors) == 0 && now - sampler_due (sensors->sampler) >= OVERDUE);
}

static void
begin_reading (BmcSensors *sensors, guint place)
{
  SampleRequest request = sample_request (sensor_table_get (&sensors->table, place));
  BmcSensorStep *step = free_step (sensors);

  step->kind = STEP_READING;
  step->place = place;
  /* If it cannot be sent, the session is about to end. */
  send_to_sensor (sensors, place, &request);
}

static void
arm (BmcSensors *sensors, gint64 now)
{
  gint64 due = sampler_due (sensors->sampler);

  /* Room comes with an answer; but the SEL may take all of it. */
  if (due <= now)
    due = count_under_way (sensors) > 0 ? SAMPLER_NEVER : MAX (due + OVERDUE, now);
  if (sensors->batch->len > 0)
    due = MIN (due, sensors->batch_since + BATCH_AGE);
  if (due == SAMPLER_NEVER)
    timer_stop (sensors->timer);
  else if (due != sensors->timer_due || !timer_is_running (sensors->timer))
    timer_start (sensors->timer, due - now);
  sensors->timer_due = due;
}

void
bmc_sampling_pump (BmcSensors *sensors)
{
  gint64 now = g_get_monotonic_time ();
  int place;

  /* An answer may come while its request is being sent. */
  if (!sensors->running || sensors->pumping)
    return;
  sensors->pumping = TRUE;
  bmc_check_pump (sensors);
  while (sensors->running && may_send (sensors, now) && (place = sampler_begin (sensors->sampler, now)) >= 0)
    begin_reading (sensors, (guint) place);
  sensors->pumping = FALSE;
  if (!sensors->running)
    return;
  if ((sampler_under_way (sensors->sampler) == 0 && sampler_due (sensors->sampler) > now)
      || sensors->batch->len >= BATCH_MAX || now - sensors->batch_since >= BATCH_AGE)
    flush (sensors);
  arm (sensors, now);
}

/* --------------------------------------------------------- from the outside */

void
bmc_sampling_restart (BmcSensors *sensors)
{
  gint64 now = g_get_monotonic_time ();
  gint64 within = sensors->bmc->host->rising >= CROWD ? FIRST_WITHIN_CROWD : FIRST_WITHIN;

  sensors->generation++;
  memset (sensors->steps, 0, sizeof sensors->steps);
  sampler_clear (sensors->sampler);
  for (guint i = 0; i < sensor_table_length (&sensors->table); i++)
    {
      const SensorEntry *entry = sensor_table_get (&sensors->table, i);
      gint64 interval = connect_sensor_interval (sensors->bmc->settings, entry->name);

      sampler_add (sensors->sampler, (entry->flags & FRAME_SENSOR_EVENT_ONLY) != 0 ? 0 : interval,
                   (entry->flags & FRAME_SENSOR_SATELLITE) != 0, now, within);
    }
}

void
bmc_sampling_stop (BmcSensors *sensors)
{
  flush (sensors);
  sensors->generation++;
  sensors->running = FALSE;
  sampler_clear (sensors->sampler);
  memset (sensors->steps, 0, sizeof sensors->steps);
  timer_stop (sensors->timer);
}

void
bmc_sampling_reply (BmcSensors *sensors, guint place, const guint8 *reply, gsize length)
{
  BmcSensorStep *step = find_step (sensors, place);

  if (step != NULL)
    step_on_reply (sensors, step, reply, length);
}
