/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decode.c - see decode.h. */
#include "decode.h"

#include "event/spec.h"
#include "extension.h"
#include "record.h"

#include <OpenIPMI/ipmi_mc.h>
#include <OpenIPMI/ipmi_sdr.h>
/* Only here is ipmi_sensor_convert_from_raw(); it needs the one before. */
#include <OpenIPMI/internal/ipmi_sensor.h>
#include <string.h>

/* As openipmi_eventd has it. */
#define SENSOR_ID_SIZE 128

/* The BMC's slave address (5.4). */
#define BMC_ADDRESS 0x20

struct _Decoder
{
  ipmi_event_handlers_t *handlers;
};

/* What a callback needs. */
typedef struct
{
  IpmidEvent *event;
  const guint8 *record;
  const SdrWatch *sdrs;
} Decoding;

/* ------------------------------------------------------------------ sensor */

static void
set_entity (IpmidEvent *event, ipmi_sensor_t *sensor)
{
  g_autofree char *name = spec_entity (ipmi_sensor_get_entity_id (sensor), ipmi_sensor_get_entity_instance (sensor));

  event_set_string (event, IPMID_FIELD_ENTITY, name);
}

/* The text that openipmi_eventd prints, with the name that OpenIPMI has. */
static void
set_sensor_id (IpmidEvent *event, ipmi_sensor_t *sensor)
{
  ipmi_entity_t *entity = ipmi_sensor_get_entity (sensor);
  char id[SENSOR_ID_SIZE] = "";
  int length;

  length = g_snprintf (id, sizeof id, "%d.%d.", ipmi_entity_get_entity_id (entity),
                       ipmi_entity_get_entity_instance (entity));
  ipmi_sensor_get_id (sensor, id + length, (int) sizeof id - length - 1);
  event_set_string (event, IPMID_FIELD_SENSOR_ID, id);
}

/* OpenIPMI reads the name of an event-only sensor from the wrong place. */
static void
set_sensor_name (const Decoding *decoding, ipmi_sensor_t *sensor)
{
  const guint8 *record = decoding->record;
  const char *name = NULL;
  char id[SENSOR_ID_SIZE] = "";

  if (decoding->sdrs != NULL)
    name = sdr_watch_name (decoding->sdrs, record[RECORD_GENERATOR], record[RECORD_CHANNEL_LUN] >> 4,
                           record[RECORD_CHANNEL_LUN] & 3, record[RECORD_SENSOR]);
  if (name == NULL)
    {
      ipmi_sensor_get_id (sensor, id, sizeof id - 1);
      name = id;
    }
  if (*name != '\0')
    event_set_string (decoding->event, IPMID_FIELD_SENSOR, name);
}

static void
set_sensor (const Decoding *decoding, ipmi_sensor_t *sensor, enum ipmi_event_dir_e direction)
{
  IpmidEvent *event = decoding->event;

  set_entity (event, sensor);
  set_sensor_id (event, sensor);
  set_sensor_name (decoding, sensor);
  event_set_integer (event, IPMID_FIELD_ASSERT, direction == IPMI_ASSERTION);
}

/* --------------------------------------------------------------- callbacks */

static void
set_limit (const Decoding *decoding, ipmi_sensor_t *sensor)
{
  const guint8 *record = decoding->record;
  double limit;

  if ((record[RECORD_DATA_1] & 0x30) == 0x10
      && ipmi_sensor_convert_from_raw (sensor, record[RECORD_DATA_3], &limit) == 0)
    event_set_double (decoding->event, IPMID_FIELD_LIMIT, limit);
}

static void
set_unit (IpmidEvent *event, ipmi_sensor_t *sensor)
{
  g_autofree char *unit = spec_unit (ipmi_sensor_get_percentage (sensor), ipmi_sensor_get_base_unit (sensor),
                                     ipmi_sensor_get_modifier_unit_use (sensor), ipmi_sensor_get_modifier_unit (sensor),
                                     ipmi_sensor_get_rate_unit (sensor));

  if (unit != NULL)
    event_set_string (event, IPMID_FIELD_UNIT, unit);
}

static int
on_threshold (ipmi_sensor_t *sensor, enum ipmi_event_dir_e direction, enum ipmi_thresh_e threshold,
              enum ipmi_event_value_dir_e high_low, enum ipmi_value_present_e present, unsigned int raw_value,
              double value, void *cb_data, G_GNUC_UNUSED ipmi_event_t *event)
{
  const Decoding *decoding = cb_data;

  if ((guint) threshold > IPMID_THRESHOLD_UPPER_NON_RECOVERABLE)
    return IPMI_EVENT_HANDLED; /* stays unknown */
  event_set_integer (decoding->event, IPMID_FIELD_KIND, IPMID_KIND_THRESHOLD);
  set_sensor (decoding, sensor, direction);
  event_set_integer (decoding->event, IPMID_FIELD_THRESHOLD, threshold);
  event_set_integer (decoding->event, IPMID_FIELD_DIRECTION,
                     high_low == IPMI_GOING_LOW ? IPMID_DIRECTION_LOW : IPMID_DIRECTION_HIGH);
  if (present == IPMI_BOTH_VALUES_PRESENT)
    event_set_double (decoding->event, IPMID_FIELD_VALUE, value);
  if (present != IPMI_NO_VALUES_PRESENT)
    event_set_integer (decoding->event, IPMID_FIELD_RAW_VALUE, raw_value & 0xff);
  set_limit (decoding, sensor);
  set_unit (decoding->event, sensor);
  return IPMI_EVENT_HANDLED;
}

/* Event data 2 may hold the severity and the state before (table 29-6), 0Fh where
 * it does not know.  OpenIPMI looks for them in the maker's own bytes. */
static void
set_state_severity (IpmidEvent *event, const guint8 *record)
{
  guint8 data = record[RECORD_DATA_2];

  if (extension_use_2 (record) != EXTENSION_STATE)
    return;
  if (data >> 4 != 0xf)
    event_set_integer (event, IPMID_FIELD_STATE_SEVERITY, data >> 4);
  if ((data & 0xf) != 0xf)
    event_set_integer (event, IPMID_FIELD_PREVIOUS_SEVERITY, data & 0xf);
}

static int
on_discrete (ipmi_sensor_t *sensor, enum ipmi_event_dir_e direction, int offset, G_GNUC_UNUSED int severity,
             G_GNUC_UNUSED int previous_severity, void *cb_data, G_GNUC_UNUSED ipmi_event_t *event)
{
  const Decoding *decoding = cb_data;

  event_set_integer (decoding->event, IPMID_FIELD_KIND, IPMID_KIND_DISCRETE);
  set_sensor (decoding, sensor, direction);
  event_set_integer (decoding->event, IPMID_FIELD_OFFSET, offset & 0xf);
  set_state_severity (decoding->event, decoding->record);
  return IPMI_EVENT_HANDLED;
}

/* ------------------------------------------------------------------- maker */

typedef struct
{
  guint8 address; /* of the controller that is looked for */
  gboolean found; /* itself, not only the BMC */
  Maker maker;
} MakerSearch;

static void
on_controller (G_GNUC_UNUSED ipmi_domain_t *domain, ipmi_mc_t *mc, void *cb_data)
{
  MakerSearch *search = cb_data;
  gboolean is_bmc = ipmi_mc_get_channel (mc) == IPMI_BMC_CHANNEL || ipmi_mc_get_address (mc) == BMC_ADDRESS;
  guint address = is_bmc ? BMC_ADDRESS : ipmi_mc_get_address (mc);

  if (search->found || (address != search->address && !is_bmc))
    return;
  search->found = address == search->address;
  search->maker.manufacturer = (guint32) ipmi_mc_manufacturer_id (mc);
  search->maker.product = (guint16) ipmi_mc_product_id (mc);
  search->maker.ipmi_major = (guint8) ipmi_mc_major_version (mc);
}

/* Who made the controller that caused the event, or else the BMC: what system
 * software writes, it writes for the BMC's machine. */
static Maker
find_maker (ipmi_domain_t *domain, const guint8 *record)
{
  MakerSearch search = { .address = record[RECORD_GENERATOR] };

  if (domain != NULL)
    ipmi_domain_iterate_mcs (domain, on_controller, &search);
  return search.maker;
}

/* ----------------------------------------------------------------- decoder */

Decoder *
decoder_new (void)
{
  Decoder *decoder = g_new0 (Decoder, 1);

  decoder->handlers = ipmi_event_handlers_alloc ();
  g_assert (decoder->handlers != NULL);
  ipmi_event_handlers_set_threshold (decoder->handlers, on_threshold);
  ipmi_event_handlers_set_discrete (decoder->handlers, on_discrete);
  return decoder;
}

void
decoder_free (Decoder *decoder)
{
  if (decoder == NULL)
    return;
  ipmi_event_handlers_free (decoder->handlers);
  g_free (decoder);
}

/* Lets OpenIPMI find the sensor, and call back if it knows it. */
static void
attribute (Decoder *decoder, ipmi_domain_t *domain, Decoding *decoding)
{
  const guint8 *record = decoding->record;
  guint8 data[13];
  ipmi_event_t *event;
  ipmi_mcid_t mc = IPMI_MCID_INVALID;

  memcpy (data, record + RECORD_TIME, sizeof data);
  /* Which controller's SEL it stands in matters only for events of software,
   * and those never come here. */
  event = ipmi_event_alloc (mc, record_id (record), record[RECORD_TYPE],
                            (ipmi_time_t) record_time (record) * 1000000000, data, sizeof data);
  if (event == NULL)
    return;
  ipmi_event_call_handler (domain, decoder->handlers, event, decoding);
  ipmi_event_free (event);
}

IpmidEvent *
decoder_event (Decoder *decoder, ipmi_domain_t *domain, const SdrWatch *sdrs, const guint8 *record, gboolean existing)
{
  Decoding decoding = { .event = record_to_event (record, existing), .record = record, .sdrs = sdrs };

  if (domain != NULL && record_is_attributable (record))
    attribute (decoder, domain, &decoding);
  const Maker maker = find_maker (domain, record);
  record_describe (decoding.event, record, &maker);
  return decoding.event;
}
