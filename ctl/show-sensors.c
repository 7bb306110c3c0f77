/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show-sensors.c - the sensors of a BMC; see ctl.h. */
#include "ctl.h"
#include "field.h"
#include "table.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static char *
describe_value (json_t *sensor)
{
  json_t *value = json_object_get (sensor, "value");
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (!field_flag (sensor, "available"))
    return g_strdup ("-");
  if (!json_is_number (value))
    return g_strdup ("");
  g_ascii_formatd (number, sizeof number, "%.6g", json_number_value (value));
  return g_strdup_printf ("%s %s", number, field_text (sensor, "unit"));
}

static char *
describe_states (json_t *sensor)
{
  g_autoptr (GString) text = g_string_new (field_text (sensor, "obstacle"));
  json_t *state;
  size_t i;

  json_array_foreach (json_object_get (sensor, "states"), i, state)
      g_string_append_printf (text, "%s%s", text->len == 0 ? "" : ", ", json_string_value (state));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
add_sensor (Table *table, json_t *sensor)
{
  gboolean available = field_flag (sensor, "available");
  const char *severity = available ? field_text (sensor, "severity") : "unavailable";
  g_autofree char *value = describe_value (sensor);
  g_autofree char *states = describe_states (sensor);
  g_autofree char *age = field_age (sensor, "time");

  table_add (table, SCREEN_PLAIN, field_text (sensor, "sensor"));
  table_add (table, SCREEN_PLAIN, field_text (sensor, "sensor_type"));
  table_add (table, SCREEN_PLAIN, field_text (sensor, "entity"));
  table_add (table, available ? SCREEN_BOLD : SCREEN_FAINT, value);
  table_add (table, screen_colour_of (severity), severity);
  table_add (table, SCREEN_PLAIN, available ? age : "");
  table_add (table, available ? SCREEN_PLAIN : SCREEN_FAINT, states);
}

int
show_sensors (Ctl *ctl)
{
  static const TableColumn columns[]
      = { { "SENSOR", FALSE, FALSE },   { "TYPE", FALSE, TRUE }, { "ENTITY", FALSE, TRUE }, { "VALUE", TRUE, FALSE },
          { "SEVERITY", FALSE, FALSE }, { "AGE", TRUE, FALSE },  { "STATES", FALSE, TRUE }, { NULL, FALSE, FALSE } };
  g_autoptr (Table) table = table_new (columns);
  g_autofree char *path = ctl_path ("bmcs", ctl->words[0], "sensors", NULL);
  json_t *answer = NULL, *sensor;
  int status = ctl_ask (ctl, "GET", path, NULL, &answer);
  size_t i;

  if (status != EX_OK)
    return status;
  json_t *sensors = json_object_get (answer, "sensors");
  if (!ctl_is_json (ctl, answer))
    {
      json_array_foreach (sensors, i, sensor) add_sensor (table, sensor);
      if (json_array_size (sensors) > 0)
        table_print (table, ctl->screen);
      else
        fprintf (stderr,
                 "Its sensors are not known (yet); it is %s.  An ipmid without a configuration file reads none.\n",
                 field_text (answer, "state"));
    }
  json_decref (answer);
  return EX_OK;
}
