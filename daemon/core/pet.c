/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pet.c - see pet.h. */
#include "core/pet.h"

#include <string.h>

/* Tags of the Basic Encoding Rules, as SNMPv1 has them (RFC 1155, RFC 1157). */
#define TAG_INTEGER 0x02
#define TAG_OCTET_STRING 0x04
#define TAG_OBJECT_IDENTIFIER 0x06
#define TAG_SEQUENCE 0x30
#define TAG_IP_ADDRESS 0x40
#define TAG_TIME_TICKS 0x43
#define TAG_TRAP_PDU 0xA4

#define SNMP_VERSION_1 0
#define ENTERPRISE_SPECIFIC 6

/* What every PET has, up to the system's id; OEM fields follow. */
#define PET_DATA_MIN 46u

/* 1.3.6.1.4.1.3183.1.1 */
static const guint8 enterprise[] = { 0x2B, 0x06, 0x01, 0x04, 0x01, 0x98, 0x6F, 0x01, 0x01 };

/* What has not been read yet of a datagram or of a part of it. */
typedef struct
{
  const guint8 *data;
  gsize length;
} Bytes;

static gboolean
take_byte (Bytes *from, guint8 *byte)
{
  if (from->length == 0)
    return FALSE;
  *byte = from->data[0];
  from->data++;
  from->length--;
  return TRUE;
}

/* X.690, section 8.1.3: short, or definite in up to two bytes, which is more
 * than a datagram can need. */
static gboolean
take_length (Bytes *from, gsize *length)
{
  guint8 first, byte;

  if (!take_byte (from, &first))
    return FALSE;
  *length = first;
  if (first < 0x80)
    return TRUE;
  if (first != 0x81 && first != 0x82)
    return FALSE;
  *length = 0;
  for (guint i = first & 0x7Fu; i > 0; i--)
    {
      if (!take_byte (from, &byte))
        return FALSE;
      *length = *length << 8 | byte;
    }
  return TRUE;
}

/* The next value, if it has this tag and lies in `from`. */
static gboolean
take (Bytes *from, guint8 tag, Bytes *value)
{
  guint8 found;
  gsize length;

  if (!take_byte (from, &found) || found != tag || !take_length (from, &length) || length > from->length)
    return FALSE;
  *value = (Bytes){ from->data, length };
  from->data += length;
  from->length -= length;
  return TRUE;
}

static gboolean
take_small_integer (Bytes *from, guint8 *number)
{
  Bytes value;

  if (!take (from, TAG_INTEGER, &value) || value.length != 1)
    return FALSE;
  *number = value.data[0];
  return TRUE;
}

/* The first variable.  Its name is 1.3.6.1.4.1.3183.1.1.1, or what a firmware
 * takes for that. */
static gboolean
take_variable (Bytes *trap, Bytes *data)
{
  Bytes variables, variable, name;

  return take (trap, TAG_SEQUENCE, &variables) && take (&variables, TAG_SEQUENCE, &variable)
         && take (&variable, TAG_OBJECT_IDENTIFIER, &name) && take (&variable, TAG_OCTET_STRING, data);
}

static void
read_data (const guint8 *data, Pet *pet)
{
  memcpy (pet->guid, data, PET_GUID_SIZE);
  pet->sequence = (guint16) (data[16] << 8 | data[17]);
  pet->timestamp = (guint32) data[18] << 24 | (guint32) data[19] << 16 | (guint32) data[20] << 8 | data[21];
}

/* RFC 1157, section 4.1.6. */
static const char *
read_trap (Bytes trap, Pet *pet)
{
  Bytes name, ignored, data;
  guint8 generic;

  if (!take (&trap, TAG_OBJECT_IDENTIFIER, &name))
    return "the trap is cut short";
  if (name.length != sizeof enterprise || memcmp (name.data, enterprise, sizeof enterprise) != 0)
    return "a trap of another enterprise";
  if (!take (&trap, TAG_IP_ADDRESS, &ignored) || !take_small_integer (&trap, &generic))
    return "the trap is cut short";
  if (generic != ENTERPRISE_SPECIFIC)
    return "a generic trap";
  if (!take (&trap, TAG_INTEGER, &ignored) || !take (&trap, TAG_TIME_TICKS, &ignored))
    return "the trap is cut short";
  if (!take_variable (&trap, &data))
    return "a trap without data";
  if (data.length < PET_DATA_MIN)
    return "its data are too short";
  read_data (data.data, pet);
  return NULL;
}

gboolean
pet_parse (const guint8 *datagram, gsize length, Pet *pet, const char **why)
{
  Bytes rest = { datagram, length }, message, community, trap;
  guint8 version;

  if (!take (&rest, TAG_SEQUENCE, &message) || !take_small_integer (&message, &version))
    *why = "no SNMP";
  else if (version != SNMP_VERSION_1)
    *why = "another version of SNMP than 1";
  else if (!take (&message, TAG_OCTET_STRING, &community) || !take (&message, TAG_TRAP_PDU, &trap))
    *why = "no SNMP trap";
  else
    *why = read_trap (trap, pet);
  return *why == NULL;
}

void
pet_guid (const Pet *pet, guint order, guint8 guid[PET_GUID_SIZE])
{
  static const guint8 places[PET_GUID_ORDERS][PET_GUID_SIZE] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 },
    { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 },
  };

  for (guint i = 0; i < PET_GUID_SIZE; i++)
    guid[i] = pet->guid[places[order][i]];
}
