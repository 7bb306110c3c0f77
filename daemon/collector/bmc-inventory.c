/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc-inventory.c - see bmc-private.h. */
#include "bmc-private.h"

#include "event/spec.h"
#include "event/text.h"

#include <OpenIPMI/ipmi_addr.h>
#include <OpenIPMI/ipmi_mc.h>
#include <OpenIPMI/ipmi_sdr.h>
/* Only here are the records and the factors that readings are converted with. */
#include <OpenIPMI/internal/ipmi_domain.h>
#include <OpenIPMI/internal/ipmi_sensor.h>

#define BMC_ADDRESS 0x20u
#define NAME_SIZE 128
#define EVENT_TYPE_THRESHOLD 0x01

/* Places in a sensor data record, counted after the header (43.1 to 43.3). */
#define BODY_NUMBER 2u
#define BODY_COMPACT_SHARING 18u
#define BODY_EVENT_ONLY_SHARING 7u

typedef struct
{
  const SdrWatch *sdrs;
  GArray *entries;        /* SensorEntry */
  GHashTable *record_ids; /* key_of() -> id of the sensor data record, plus one */
  gboolean chassis;
} Collecting;

/* OpenIPMI knows the BMC by its place on the IPMB, too (5.4), and does not bridge
 * to it. */
static gboolean
is_the_bmc (ipmi_mc_t *mc)
{
  ipmi_addr_t address;
  unsigned int size;

  ipmi_mc_get_ipmi_address (mc, &address, &size);
  return address.addr_type == IPMI_SYSTEM_INTERFACE_ADDR_TYPE
         || (address.addr_type == IPMI_IPMB_ADDR_TYPE && address.channel == 0
             && ipmi_mc_get_address (mc) == BMC_ADDRESS);
}

static gpointer
key_of (guint owner, guint channel, guint lun, guint number)
{
  return GUINT_TO_POINTER ((owner & 0xff) << 24 | (channel & 0xf) << 16 | (lun & 3) << 8 | (number & 0xff));
}

/* ---------------------------------------------------------------- record ids */

static guint
sensors_in (const ipmi_sdr_t *record)
{
  switch (record->type)
    {
    case 1:
      return 1;
    case 2:
      return MAX (record->data[BODY_COMPACT_SHARING] & 0xf, 1);
    case 3:
      return MAX (record->data[BODY_EVENT_ONLY_SHARING] & 0xf, 1);
    default:
      return 0;
    }
}

/* OpenIPMI knows which record a sensor came from, and does not say. */
static void
note_record_ids (Collecting *collecting, ipmi_domain_t *domain)
{
  ipmi_sdr_info_t *sdrs = ipmi_domain_get_main_sdrs (domain);
  unsigned int count = 0;

  if (sdrs == NULL || ipmi_get_sdr_count (sdrs, &count) != 0)
    return;
  for (unsigned int i = 0; i < count; i++)
    {
      ipmi_sdr_t record;

      if (ipmi_get_sdr_by_index (sdrs, (int) i, &record) != 0)
        continue;
      for (guint n = 0; n < sensors_in (&record); n++)
        g_hash_table_insert (collecting->record_ids,
                             key_of (record.data[0], record.data[1] >> 4, record.data[1], record.data[BODY_NUMBER] + n),
                             GUINT_TO_POINTER (record.record_id + 1u));
    }
}

/* ------------------------------------------------------------------- sensors */

/* A copy that is clean. */
static char *
library_name (ipmi_sensor_t *sensor)
{
  char name[NAME_SIZE] = "";

  ipmi_sensor_get_id (sensor, name, sizeof name - 1);
  return text_clean (name, -1, NAME_SIZE);
}

static void
set_names (const Collecting *collecting, SensorEntry *entry, ipmi_sensor_t *sensor)
{
  int entity = ipmi_sensor_get_entity_id (sensor);
  int instance = ipmi_sensor_get_entity_instance (sensor);
  const char *event_only = sdr_watch_name (collecting->sdrs, entry->owner, entry->channel, entry->lun, entry->sensor);

  entry->name = event_only != NULL ? text_clean (event_only, -1, NAME_SIZE) : library_name (sensor);
  if (*entry->name == '\0')
    {
      g_free (entry->name);
      entry->name = g_strdup_printf ("sensor 0x%02x of controller 0x%02x", entry->sensor, entry->owner);
    }
  entry->entity = spec_entity (entity, instance);
  entry->id = g_strdup_printf ("%d.%d.%s", entity, instance, entry->name);
  entry->unit = spec_unit (ipmi_sensor_get_percentage (sensor), ipmi_sensor_get_base_unit (sensor),
                           ipmi_sensor_get_modifier_unit_use (sensor), ipmi_sensor_get_modifier_unit (sensor),
                           ipmi_sensor_get_rate_unit (sensor));
  if (entry->unit == NULL)
    entry->unit = g_strdup ("");
}

/* A threshold sensor has a value; so has a discrete one if its record gives a
 * unit, as the fans of some vendors do. */
static void
set_conversion (SensorEntry *entry, ipmi_sensor_t *sensor)
{
  guint format = (guint) ipmi_sensor_get_analog_data_format (sensor);
  gboolean analog = entry->event_type == EVENT_TYPE_THRESHOLD || *entry->unit != '\0';

  entry->conversion
      = conversion_make (analog ? format : CONVERSION_NOT_ANALOG, (guint) ipmi_sensor_get_linearization (sensor),
                         ipmi_sensor_get_raw_m (sensor, 0), ipmi_sensor_get_raw_b (sensor, 0),
                         ipmi_sensor_get_raw_b_exp (sensor, 0), ipmi_sensor_get_raw_r_exp (sensor, 0));
  if (conversion_is_possible (&entry->conversion))
    entry->flags |= FRAME_SENSOR_ANALOG;
}

/* What its record says; the BMC is asked later. */
static void
set_thresholds (SensorEntry *entry, ipmi_sensor_t *sensor)
{
  ipmi_thresholds_t *thresholds;

  if (entry->event_type != EVENT_TYPE_THRESHOLD || (entry->flags & FRAME_SENSOR_ANALOG) == 0
      || conversion_is_nonlinear (&entry->conversion)
      || ipmi_sensor_get_threshold_access (sensor) == IPMI_THRESHOLD_ACCESS_SUPPORT_NONE)
    return;
  thresholds = g_malloc0 (ipmi_thresholds_size ());
  if (ipmi_get_default_sensor_thresholds (sensor, thresholds) == 0)
    for (guint i = 0; i < G_N_ELEMENTS (entry->limits); i++)
      {
        int readable = 0;

        if (ipmi_sensor_threshold_readable (sensor, i, &readable) == 0 && readable
            && ipmi_threshold_get (thresholds, i, &entry->limits[i]) == 0)
          entry->thresholds |= (guint8) (1u << i);
      }
  entry->thresholds_readable = entry->thresholds != 0;
  g_free (thresholds);
}

/* FALSE: it stands for no controller that could be asked. */
static gboolean
set_controller (SensorEntry *entry, ipmi_sensor_t *sensor)
{
  ipmi_mc_t *mc = ipmi_sensor_get_mc (sensor);
  int lun = 0, number = 0;

  if (mc == NULL || ipmi_sensor_get_num (sensor, &lun, &number) != 0)
    return FALSE;
  entry->owner = (guint8) ipmi_sensor_get_owner (sensor);
  entry->channel = (guint8) ipmi_sensor_get_channel (sensor);
  entry->lun = (guint8) lun;
  entry->sensor = (guint8) number;
  if (!is_the_bmc (mc))
    entry->flags |= FRAME_SENSOR_SATELLITE;
  return TRUE;
}

static void
on_sensor (G_GNUC_UNUSED ipmi_entity_t *entity, ipmi_sensor_t *sensor, void *cb_data)
{
  Collecting *collecting = cb_data;
  SensorEntry entry = { .source = SENSOR_OF_CONTROLLER };

  if (collecting->entries->len >= SENSOR_TABLE_MAX || !set_controller (&entry, sensor))
    return;
  entry.sensor_type = (guint8) ipmi_sensor_get_sensor_type (sensor);
  entry.event_type = (guint8) ipmi_sensor_get_event_reading_type (sensor);
  entry.record_id
      = (guint16) (GPOINTER_TO_UINT (g_hash_table_lookup (collecting->record_ids,
                                                          key_of (entry.owner, entry.channel, entry.lun, entry.sensor)))
                   - 1u);
  if (!ipmi_sensor_get_is_readable (sensor))
    entry.flags |= FRAME_SENSOR_EVENT_ONLY;
  set_names (collecting, &entry, sensor);
  if ((entry.flags & FRAME_SENSOR_EVENT_ONLY) == 0)
    {
      set_conversion (&entry, sensor);
      set_thresholds (&entry, sensor);
    }
  g_array_append_val (collecting->entries, entry);
}

static void
on_entity (ipmi_entity_t *entity, void *cb_data)
{
  ipmi_entity_iterate_sensors (entity, on_sensor, cb_data);
}

/* --------------------------------------------------------------- controllers */

/* Some BMCs, and simulators, do not survive a question that they do not expect. */
static void
on_controller (G_GNUC_UNUSED ipmi_domain_t *domain, ipmi_mc_t *mc, void *cb_data)
{
  Collecting *collecting = cb_data;

  if (is_the_bmc (mc) && ipmi_mc_chassis_support (mc))
    collecting->chassis = TRUE;
}

static void
look_for_chassis (ipmi_domain_t *domain, void *cb_data)
{
  ipmi_domain_iterate_mcs (domain, on_controller, cb_data);
}

gboolean
bmc_inventory_has_chassis (Bmc *bmc)
{
  Collecting collecting = { .chassis = FALSE };

  ipmi_domain_pointer_cb (bmc->domain->id, look_for_chassis, &collecting);
  return collecting.chassis;
}

static void
collect_in_callback (ipmi_domain_t *domain, void *cb_data)
{
  note_record_ids (cb_data, domain);
  ipmi_domain_iterate_entities (domain, on_entity, cb_data);
  ipmi_domain_iterate_mcs (domain, on_controller, cb_data);
}

GArray *
bmc_inventory_collect (Bmc *bmc)
{
  g_autoptr (GHashTable) record_ids = g_hash_table_new (NULL, NULL);
  Collecting collecting
      = { .sdrs = guarded_con_sdrs (bmc->con), .entries = sensor_table_new_entries (), .record_ids = record_ids };

  ipmi_domain_pointer_cb (bmc->domain->id, collect_in_callback, &collecting);
  if (collecting.chassis)
    {
      SensorEntry chassis = sensor_table_chassis_power ();

      g_array_append_val (collecting.entries, chassis);
    }
  return collecting.entries;
}
