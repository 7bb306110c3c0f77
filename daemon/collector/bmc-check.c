/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc-check.c - see bmc-sensors-private.h.
 *
 * OpenIPMI reads the sensor data records when a session begins.  Now and then the
 * BMC is asked whether they are still the same: those in its repository (Get SDR
 * Repository Info, 33.9), and those that controllers keep themselves (Get Device
 * SDR Info, 35.2).  If they are not, another session begins: OpenIPMI can read
 * them anew within a session, but then loses memory, and does so once a day.
 *
 * One question at a time, and only where there is room for it.  What the answers
 * say is noted on their way here, by sdr-watch.h and sdr-population.h.  A BMC that
 * says each time that all is new, and has the same sensors as before, is asked less
 * and less. */
#include "bmc-sensors-private.h"

#include "guard.h"

/* A round of questions each so many sensor intervals, within these limits. */
#define CHECK_INTERVALS 30
#define CHECK_MIN (5 * G_USEC_PER_SEC)
#define CHECK_MAX (5 * G_TIME_SPAN_MINUTE)
/* Twice as long after each session that was renewed in vain, so many times. */
#define CHECK_DOUBLINGS 6u

#define GET_REPOSITORY_INFO 0x20

static const SampleRequest repository_request = { GUARD_NETFN_STORAGE, GET_REPOSITORY_INFO, 0, { 0 } };
static const SampleRequest device_request = { GUARD_NETFN_SENSOR, SDR_POPULATION_GET_INFO, 0, { 0 } };

static SdrPopulation *
population_of (const BmcSensors *sensors)
{
  return guarded_con_population (sensors->bmc->con);
}

static void
arm (BmcSensors *sensors)
{
  gint64 interval = CLAMP (sensors->bmc->settings->sensor_interval, 0, CHECK_MAX / CHECK_INTERVALS);

  interval = (interval * CHECK_INTERVALS + CHECK_MIN) << MIN (sensors->check.in_vain, CHECK_DOUBLINGS);
  timer_start (sensors->check.timer, timers_jitter (interval));
}

/* ---------------------------------------------------------------- questions */

/* The next one of this round; or the round is over. */
static void
go_on (BmcSensors *sensors)
{
  BmcCheck *check = &sensors->check;

  check->of_repository = check->repository_due;
  check->repository_due = FALSE;
  check->controller = (SdrController){ .satellite = FALSE };
  check->waiting = check->of_repository || sdr_population_next (population_of (sensors), &check->controller);
  if (check->waiting)
    return;
  check->in_vain = 0;
  arm (sensors);
}

static void
on_timer (G_GNUC_UNUSED Timer *timer, gpointer user_data)
{
  BmcSensors *sensors = user_data;

  sensors->check.repository_due = sensors->check.times_known;
  sdr_population_begin_round (population_of (sensors));
  go_on (sensors);
  bmc_sampling_pump (sensors);
}

static gboolean
take_place (BmcSensors *sensors)
{
  const BmcCheck *check = &sensors->check;

  return check->waiting && bmc_sampling_has_room (sensors)
         && (!check->controller.satellite || sampler_take_satellite (sensors->sampler));
}

static void
ask (BmcSensors *sensors)
{
  const SdrController *controller = &sensors->check.controller;
  BmcTarget target = { controller->satellite, controller->channel, controller->address, controller->lun };

  sensors->check.waiting = FALSE;
  sensors->check.under_way = TRUE;
  /* If it cannot be sent, the session is about to end. */
  bmc_sensors_request (sensors, &target, sensors->check.of_repository ? &repository_request : &device_request,
                       BMC_PLACE_CHECK);
}

void
bmc_check_pump (BmcSensors *sensors)
{
  /* An answer may come while its request is being sent. */
  while (take_place (sensors))
    ask (sensors);
}

/* ------------------------------------------------------------------ answers */

static gboolean
has_changed (const BmcSensors *sensors)
{
  const SdrTimes *before = &sensors->check.times;
  SdrTimes now;

  if (sensors->check.times_known && sdr_watch_times (guarded_con_sdrs (sensors->bmc->con), &now)
      && (now.add != before->add || now.erase != before->erase))
    return TRUE;
  return sdr_population_has_changed (population_of (sensors));
}

void
bmc_check_reply (BmcSensors *sensors)
{
  BmcCheck *check = &sensors->check;

  check->under_way = FALSE;
  if (check->controller.satellite)
    sampler_leave_satellite (sensors->sampler);
  if (!has_changed (sensors))
    {
      go_on (sensors);
      return;
    }
  check->renewed = TRUE;
  bmc_session_renew (sensors->bmc);
}

/* ------------------------------------------------------------------ session */

void
bmc_check_opened (BmcSensors *sensors)
{
  sensors->check.times_known = sdr_watch_times (guarded_con_sdrs (sensors->bmc->con), &sensors->check.times);
}

void
bmc_check_restart (BmcSensors *sensors, gboolean other_sensors)
{
  BmcCheck *check = &sensors->check;

  if (other_sensors)
    check->in_vain = 0;
  else if (check->renewed)
    check->in_vain++;
  check->renewed = check->waiting = check->under_way = FALSE;
  if ((check->times_known || sdr_population_is_known (population_of (sensors))) && !timer_is_running (check->timer))
    arm (sensors);
}

void
bmc_check_stop (BmcSensors *sensors)
{
  sensors->check.waiting = sensors->check.under_way = FALSE;
  timer_stop (sensors->check.timer);
}

void
bmc_check_init (BmcSensors *sensors)
{
  sensors->check.timer = timer_new (sensors->bmc->host->timers, on_timer, sensors);
}

void
bmc_check_clear (BmcSensors *sensors)
{
  timer_free (sensors->check.timer);
}
