/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sensors.c - see sensors.h.
 *
 * The answer is {"bmc", "state", "sensors": […]}; a sensor is its reading as JSON
 * lines have it, without "kind" and "bmc", and "limits", "flags" and "record_id".
 */
#include "sensors.h"

#include "exchange.h"

static const char *const states[] = { "connecting", "up", "down", "refused", "quarantined" };
static const char *const limits[] = { "lower_non_critical", "lower_critical", "lower_non_recoverable",
                                      "upper_non_critical", "upper_critical", "upper_non_recoverable" };

static const struct
{
  guint32 bit;
  const char *word;
} flags[] = {
  { IPMID_SENSOR_EVENT_ONLY, "event_only" },
  { IPMID_SENSOR_ANALOG, "analog" },
  { IPMID_SENSOR_SATELLITE, "satellite" },
  { IPMID_SENSOR_OWN, "own" },
};

static json_t *
list_limits (const IpmidSensor *sensor)
{
  json_t *object = json_object ();

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    if ((sensor->limit_bits & (1u << i)) != 0)
      json_object_set_new (object, limits[i], json_real (sensor->limits[i]));
  return object;
}

static json_t *
list_flags (const IpmidSensor *sensor)
{
  json_t *array = json_array ();

  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    if ((sensor->flags & flags[i].bit) != 0)
      json_array_append_new (array, json_string (flags[i].word));
  return array;
}

static json_t *
render_sensor (IpmidHost *host, const IpmidFleet *fleet, guint bmc, guint number)
{
  IpmidSensor sensor = { .size = sizeof sensor };
  IpmidReading reading = { .size = sizeof reading };
  const char *words[IPMID_STATE_WORDS];
  g_autoptr (GString) line = g_string_new (NULL);

  ipmid_fleet_sensor (host, fleet, bmc, number, &sensor);
  ipmid_fleet_reading (host, fleet, bmc, number, &reading, words);
  json_t *object = ipmid_reading_render (host, &reading, line) ? json_loadb (line->str, line->len, 0, NULL) : NULL;
  if (object == NULL)
    object = json_object ();
  json_object_del (object, "kind");
  json_object_del (object, "bmc");
  json_object_set_new (object, "limits", list_limits (&sensor));
  json_object_set_new (object, "flags", list_flags (&sensor));
  json_object_set_new (object, "record_id", json_integer (sensor.record_id));
  return object;
}

static json_t *
render_bmc (IpmidHost *host, const IpmidFleet *fleet, guint number, const IpmidBmc *bmc)
{
  json_t *sensors = json_array ();
  const char *state = (guint) bmc->state < G_N_ELEMENTS (states) ? states[bmc->state] : "unknown";

  for (guint i = 0; i < bmc->n_sensors; i++)
    json_array_append_new (sensors, render_sensor (host, fleet, number, i));
  return json_pack ("{s:s, s:s, s:o}", "bmc", bmc->name, "state", state, "sensors", sensors);
}

void
sensors_serve (Exchange *exchange)
{
  IpmidHost *host = exchange_host (exchange);
  IpmidFleet *fleet = ipmid_host_fleet (host);
  const char *name = "";
  json_t *answer = NULL;

  g_variant_lookup (exchange_arguments (exchange), "bmc", "&s", &name);
  for (guint i = 0; i < ipmid_fleet_length (host, fleet) && answer == NULL; i++)
    {
      IpmidBmc bmc = { .size = sizeof bmc };
      ipmid_fleet_bmc (host, fleet, i, &bmc);
      if (g_strcmp0 (bmc.name, name) == 0)
        answer = render_bmc (host, fleet, i, &bmc);
    }
  ipmid_fleet_unref (host, fleet);
  if (answer != NULL)
    exchange_answer (exchange, MHD_HTTP_OK, answer);
  else
    exchange_fail (exchange, MHD_HTTP_NOT_FOUND, "there is no BMC \"%s\"", name);
}
