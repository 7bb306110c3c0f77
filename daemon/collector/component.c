/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* component.c - see component.h.
 *
 * A wrong DIMM is worse than none: a maker's encoding is read only for the
 * machines that the reference beside it names, and only where two references
 * do not disagree. */
#include "component.h"

#include "event/spec.h"
#include "event/states.h"
#include "extension.h"
#include "record.h"

#define SENSOR_PROCESSOR 0x07
#define SENSOR_POWER_SUPPLY 0x08
#define SENSOR_MEMORY 0x0c
#define SENSOR_DRIVE_SLOT 0x0d
#define SENSOR_LOGGING_DISABLED 0x10
#define SENSOR_CABLE 0x1b
#define SENSOR_SLOT 0x21
#define SENSOR_BATTERY 0x29

/* Offsets of SENSOR_MEMORY, SENSOR_LOGGING_DISABLED and SENSOR_PROCESSOR. */
#define MEMORY_CORRECTABLE 0
#define MEMORY_UNCORRECTABLE 1
#define MEMORY_PRESENCE 6
#define MEMORY_CONFIGURATION 7
#define MEMORY_OVERTEMPERATURE 10
#define LOGGING_CORRECTABLE_MEMORY 0
#define LOGGING_MACHINE_CHECK 6
#define PROCESSOR_IERR 0

#define EVENT_TYPE_SEVERITY 0x07
#define EVENT_TYPE_REDUNDANCY 0x0b
#define INTEL_SMI_HANDLER 0x33
#define INTEL_SENSOR_ECC 0x02

typedef struct
{
  const guint8 *record;
  guint8 event_type;
  guint8 sensor_type;
  guint offset;
  guint8 data_2, data_3;
} Parts;

static gboolean
is_state (const Parts *parts, guint8 sensor_type, guint offset)
{
  return parts->event_type == EVENT_TYPE_SENSOR_SPECIFIC && parts->sensor_type == sensor_type
         && parts->offset == offset;
}

static gboolean
both_oem (const Parts *parts)
{
  return extension_use_2 (parts->record) == EXTENSION_OEM && extension_use_3 (parts->record) == EXTENSION_OEM;
}

/* -------------------------------------------------------------------- Dell */

/* Which events of memory carry the bitmap. */
static gboolean
has_dell_bitmap (const Parts *parts)
{
  if (parts->event_type == EVENT_TYPE_SENSOR_SPECIFIC && parts->sensor_type == SENSOR_MEMORY)
    return parts->offset == MEMORY_CORRECTABLE || parts->offset == MEMORY_UNCORRECTABLE
           || parts->offset == MEMORY_PRESENCE || parts->offset == MEMORY_CONFIGURATION
           || parts->offset == MEMORY_OVERTEMPERATURE;
  if (is_state (parts, SENSOR_LOGGING_DISABLED, LOGGING_CORRECTABLE_MEMORY))
    return TRUE;
  if (parts->sensor_type != SENSOR_MEMORY)
    return FALSE;
  return (parts->event_type == EVENT_TYPE_REDUNDANCY && parts->offset <= 1)
         || (parts->event_type == EVENT_TYPE_SEVERITY && (parts->offset == 1 || parts->offset == 2));
}

/* Event data 2 [7:4]: 0 to 7 a memory card, 8 to Dh how many DIMMs a node has,
 * Fh no card; [3:0] which eight DIMMs; event data 3 a bit for each of the eight.
 * (FreeIPMI 1.6, ipmi-sel-string-dell-poweredge.c, "From Dell Spec and Dell
 * Code"; ipmitool 1.8.19, get_dell_evt_desc(), says the same.  Eh they do not
 * read alike; with IPMI 1.5, the bytes mean something else.) */
static char *
dell_dimms (const Parts *parts)
{
  static const guint8 per_node[] = { 4, 6, 8, 9, 12, 24 };
  g_autoptr (GString) names = g_string_new (NULL);
  guint layout = parts->data_2 >> 4;
  guint first = (guint) (parts->data_2 & 0x0f) * 8;

  if (layout == 0x0e || parts->data_3 == 0)
    return NULL;
  if (layout < 8)
    g_string_append_printf (names, "memory card %c, ", 'A' + (char) layout);
  for (guint i = 0; i < 8; i++)
    {
      if ((parts->data_3 & (1u << i)) == 0)
        continue;
      if (names->len > 0 && names->str[names->len - 1] != ' ')
        g_string_append (names, ", ");
      if (layout < 8 || layout == 0x0f)
        g_string_append_printf (names, "DIMM %u", first + i + 1);
      else
        g_string_append_printf (names, "DIMM %c%u", 'A' + (char) ((first + i) / per_node[layout - 8]),
                                (first + i) % per_node[layout - 8] + 1);
    }
  return g_string_free (g_steal_pointer (&names), FALSE);
}

static char *
dell (const Parts *parts, guint8 ipmi_major)
{
  if (ipmi_major == 2 && has_dell_bitmap (parts) && both_oem (parts))
    return dell_dimms (parts);
  /* Event data 2: a bit for the processor.  (ipmitool, as above.) */
  if (is_state (parts, SENSOR_PROCESSOR, PROCESSOR_IERR) && extension_use_2 (parts->record) == EXTENSION_OEM
      && parts->data_2 != 0)
    return g_strdup_printf ("CPU %d", g_bit_nth_lsf (parts->data_2, -1) + 1);
  return NULL;
}

/* --------------------------------------------------------------- Supermicro */

/* Event data 2 [7:4]: which channel, from 1 on; [3:0]: which DIMM, from Ah on;
 * event data 3 [1:0]: which processor, from 0 on.  (FreeIPMI 1.6,
 * ipmi-sel-string-supermicro-common.c, for these X10 boards; ipmitool 1.8.19,
 * get_supermicro_evt_desc().)  How the letters go on with the second processor,
 * the two do not agree: there the channel stays a number. */
static char *
supermicro (const Parts *parts, guint16 product)
{
  static const guint16 products[] = { 1832, 2049, 2051, 2065, 2081, 2097, 2098, 2099, 2100, 2115, 2117, 2148, 2201 };
  guint channel = parts->data_2 >> 4;
  guint dimm = parts->data_2 & 0x0f;
  guint processor = parts->data_3 & 3;
  gboolean known = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (products); i++)
    known = known || products[i] == product;
  if (!known || !both_oem (parts) || channel == 0 || channel > 8 || dimm < 0x0a || dimm > 0x0d
      || !(is_state (parts, SENSOR_MEMORY, MEMORY_CORRECTABLE)
           || is_state (parts, SENSOR_MEMORY, MEMORY_UNCORRECTABLE)))
    return NULL;
  if (processor == 0)
    return g_strdup_printf ("CPU 1 DIMM %c%u", '@' + (char) channel, dimm - 9);
  return g_strdup_printf ("CPU %u memory channel %u DIMM %u", processor + 1, channel, dimm - 9);
}

/* -------------------------------------------------------------------- Intel */

/* Event data 3 [7:5]: socket; [4:3]: channel; [2:0]: DIMM.  Letters of channels
 * go on from socket to socket and leave some out.  ("System Event Log
 * Troubleshooting Guide" for the server boards S2600KP and S2600WT, by way of
 * FreeIPMI 1.6, ipmi-sel-string-intel-xeon-broadwell-common.c.) */
static char *
intel (const Parts *parts, guint16 product)
{
  static const guint16 products[] = { 111, 112 };
  static const char *const channels[] = { "ABCD", "EFGH", "JKLM", "NPRT" };
  guint socket = parts->data_3 >> 5;
  guint channel = (parts->data_3 >> 3) & 3;
  guint dimm = parts->data_3 & 7;
  gboolean known = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (products); i++)
    known = known || products[i] == product;
  if (!known || extension_use_3 (parts->record) != EXTENSION_OEM || parts->record[RECORD_GENERATOR] != INTEL_SMI_HANDLER
      || parts->record[RECORD_SENSOR] != INTEL_SENSOR_ECC || socket >= G_N_ELEMENTS (channels) || dimm > 2
      || !(is_state (parts, SENSOR_MEMORY, MEMORY_CORRECTABLE)
           || is_state (parts, SENSOR_MEMORY, MEMORY_UNCORRECTABLE)))
    return NULL;
  return g_strdup_printf ("CPU %u DIMM %c%u", socket + 1, channels[socket][channel], dimm + 1);
}

/* -------------------------------------------------------- the specification */

static char *
slot (const Parts *parts)
{
  const char *type = extension_use_2 (parts->record) == EXTENSION_SPECIFIC ? extension_slot_type (parts->data_2) : NULL;

  return g_strdup_printf ("%s %u", type == NULL ? "slot" : type, parts->data_3);
}

/* Table 42-3.  FFh is no number there. */
static char *
standard (const Parts *parts)
{
  gboolean second = extension_use_2 (parts->record) == EXTENSION_SPECIFIC && parts->data_2 != 0xff;
  gboolean third = extension_use_3 (parts->record) == EXTENSION_SPECIFIC && parts->data_3 != 0xff;

  if (parts->event_type != EVENT_TYPE_SENSOR_SPECIFIC)
    return NULL;
  if (parts->sensor_type == SENSOR_MEMORY && third)
    return g_strdup_printf ("memory module %u", parts->data_3);
  if (parts->sensor_type == SENSOR_SLOT && third)
    return slot (parts);
  if (is_state (parts, SENSOR_LOGGING_DISABLED, LOGGING_CORRECTABLE_MEMORY) && second)
    return g_strdup_printf ("memory module %u", parts->data_2);
  if (is_state (parts, SENSOR_LOGGING_DISABLED, LOGGING_MACHINE_CHECK) && second)
    return g_strdup_printf ("processor %u", parts->data_2);
  return NULL;
}

char *
component_from_data (const guint8 *record, const Maker *maker)
{
  const Parts parts = {
    .record = record,
    .event_type = record[RECORD_EVENT_TYPE] & 0x7f,
    .sensor_type = record[RECORD_SENSOR_TYPE],
    .offset = record[RECORD_DATA_1] & 0x0f,
    .data_2 = record[RECORD_DATA_2],
    .data_3 = record[RECORD_DATA_3],
  };

  switch (maker->manufacturer)
    {
    case MAKER_DELL:
      return extension_use_2 (record) == EXTENSION_OEM ? dell (&parts, maker->ipmi_major) : standard (&parts);
    case MAKER_SUPERMICRO:
      return extension_use_2 (record) == EXTENSION_OEM ? supermicro (&parts, maker->product) : standard (&parts);
    case MAKER_INTEL:
      return extension_use_3 (record) == EXTENSION_OEM ? intel (&parts, maker->product) : standard (&parts);
    default:
      return standard (&parts);
    }
}

gboolean
component_is_sensor (guint8 sensor_type)
{
  switch (sensor_type)
    {
    case SENSOR_PROCESSOR:
    case SENSOR_POWER_SUPPLY:
    case SENSOR_MEMORY:
    case SENSOR_DRIVE_SLOT:
    case SENSOR_CABLE:
    case SENSOR_SLOT:
    case SENSOR_BATTERY:
      return TRUE;
    default:
      return FALSE;
    }
}
