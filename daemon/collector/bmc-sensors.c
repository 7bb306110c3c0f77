/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc-sensors.c - see bmc-private.h.
 *
 * When the BMC is up, its sensors are taken from OpenIPMI into a table of our
 * own and told to the core; then they are read (bmc-sampling.c).  The table is
 * made anew when OpenIPMI's sensors change, and the session when the BMC's
 * records do (bmc-check.c). */
#include "bmc-sensors-private.h"

/* OpenIPMI's sensors change in bursts. */
#define REBUILD_AFTER (2 * G_USEC_PER_SEC)

static void on_reply (Bmc *bmc, guint ticket, const guint8 *reply, gsize length);

/* ------------------------------------------------------------------ sending */

gboolean
bmc_sensors_request (BmcSensors *sensors, const BmcTarget *target, const SampleRequest *request, guint place)
{
  guint ticket = sensors->generation << BMC_PLACE_BITS | place;

  return bmc_domain_send (sensors->bmc, target, request->netfn, request->command, request->data, request->length,
                          on_reply, ticket);
}

/* ------------------------------------------------------------------- frames */

static void
send_table (GVariant *body, gpointer user_data)
{
  const BmcSensors *sensors = user_data;

  bmc_send_frame (sensors->bmc, FRAME_SENSORS, body);
}

static void
tell_table (BmcSensors *sensors)
{
  sensor_table_send (&sensors->table, sensors->bmc->number, send_table, sensors);
  sensors->told = TRUE;
  sensors->thresholds_changed = FALSE;
}

/* ---------------------------------------------------------------- the table */

/* FALSE: the table is as it was. */
static gboolean
take_table (BmcSensors *sensors)
{
  GArray *entries = bmc_inventory_collect (sensors->bmc);

  if (sensors->dcmi)
    {
      SensorEntry power = sensor_table_dcmi_power ();

      g_array_append_val (entries, power);
    }
  return sensor_table_replace (&sensors->table, entries);
}

void
bmc_sensors_thresholds_changed (BmcSensors *sensors)
{
  sensors->thresholds_changed = TRUE;
  if (!timer_is_running (sensors->rebuild))
    timer_start (sensors->rebuild, REBUILD_AFTER);
}

static void
on_rebuild (G_GNUC_UNUSED Timer *timer, gpointer user_data)
{
  BmcSensors *sensors = user_data;
  gboolean changed;

  if (!sensors->running)
    return;
  changed = sensors->sensors_changed && take_table (sensors);
  sensors->sensors_changed = FALSE;
  if (changed)
    {
      bmc_sampling_restart (sensors);
      bmc_check_restart (sensors, TRUE);
    }
  else if (!sensors->thresholds_changed)
    return;
  tell_table (sensors);
  bmc_sampling_pump (sensors);
}

void
bmc_sensors_changed (BmcSensors *sensors)
{
  if (sensors == NULL || !sensors->running)
    return;
  sensors->sensors_changed = TRUE;
  timer_start (sensors->rebuild, REBUILD_AFTER);
}

/* ------------------------------------------------------------------- session */

static void
begin (BmcSensors *sensors)
{
  gboolean changed = take_table (sensors);

  sensors->running = TRUE;
  sensors->sensors_changed = FALSE;
  bmc_sampling_restart (sensors);
  if (changed || !sensors->told)
    tell_table (sensors);
  bmc_check_restart (sensors, changed);
}

static void
on_reply (Bmc *bmc, guint ticket, const guint8 *reply, gsize length)
{
  BmcSensors *sensors = bmc->sensors;
  guint place = ticket & BMC_PLACE_MASK;

  if (ticket >> BMC_PLACE_BITS != (sensors->generation & (G_MAXUINT >> BMC_PLACE_BITS)))
    return;
  if (place == BMC_PLACE_DCMI)
    {
      sensors->dcmi = sample_has_dcmi_power (reply, length);
      begin (sensors);
    }
  else if (place == BMC_PLACE_CHECK)
    bmc_check_reply (sensors);
  else
    bmc_sampling_reply (sensors, place, reply, length);
  /* bmc_sensors_wake() follows. */
}

static void
on_timer (G_GNUC_UNUSED Timer *timer, gpointer user_data)
{
  bmc_sampling_pump (user_data);
}

void
bmc_sensors_opened (BmcSensors *sensors)
{
  if (sensors != NULL)
    bmc_check_opened (sensors);
}

void
bmc_sensors_connected (BmcSensors *sensors)
{
  SampleRequest request = sample_dcmi_request ();

  if (sensors == NULL)
    return;
  sdr_population_settle (guarded_con_population (sensors->bmc->con));
  sensors->generation++;
  bmc_sensors_request (sensors, NULL, &request, BMC_PLACE_DCMI);
}

void
bmc_sensors_disconnected (BmcSensors *sensors)
{
  if (sensors == NULL)
    return;
  bmc_sampling_stop (sensors);
  timer_stop (sensors->rebuild);
  bmc_check_stop (sensors);
}

void
bmc_sensors_wake (BmcSensors *sensors)
{
  if (sensors != NULL)
    bmc_sampling_pump (sensors);
}

BmcSensors *
bmc_sensors_new (Bmc *bmc)
{
  const ConnectSettings *settings = bmc->settings;
  Timers *timers = bmc->host->timers;
  BmcSensors *sensors;

  if (settings->sensor_interval == 0)
    return NULL;
  sensors = g_new0 (BmcSensors, 1);
  sensors->bmc = bmc;
  sensor_table_init (&sensors->table);
  sensors->sampler = sampler_new ((gint64) (g_random_double () * G_TIME_SPAN_HOUR));
  sensors->batch = g_array_new (FALSE, FALSE, sizeof (FrameReading));
  sensors->timer = timer_new (timers, on_timer, sensors);
  sensors->rebuild = timer_new (timers, on_rebuild, sensors);
  bmc_check_init (sensors);
  return sensors;
}

void
bmc_sensors_free (BmcSensors *sensors)
{
  if (sensors == NULL)
    return;
  timer_free (sensors->timer);
  timer_free (sensors->rebuild);
  bmc_check_clear (sensors);
  g_array_unref (sensors->batch);
  sampler_free (sensors->sampler);
  sensor_table_clear (&sensors->table);
  g_free (sensors);
}
