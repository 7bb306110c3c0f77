/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame.c - see frame.h. */
#include "frame.h"

#include "error.h"
#include "event.h"
#include "secret.h"

#include <string.h>

static const char *
body_type_string (guint8 type)
{
  switch (type)
    {
    case FRAME_CREDIT:
    case FRAME_REMOVE:
    case FRAME_POLL:
    case FRAME_WALK:
    case FRAME_REMOVED:
      return "(u)";
    case FRAME_ADD:
      return "(ua{sv})";
    case FRAME_START:
      return "(uyayb)";
    case FRAME_DELETE:
      return "(utayayu)";
    case FRAME_SHUTDOWN:
    case FRAME_PING:
    case FRAME_PONG:
      return "()";
    case FRAME_HELLO:
      return "(us)";
    case FRAME_STATE:
      return "(uys)";
    case FRAME_RENEW:
      return "(us)";
    case FRAME_SEL_INFO:
      return "(uyuuuu)";
    case FRAME_TAIL:
      return "(uay)";
    case FRAME_RECORDS:
      return "(uuba" EVENT_VARIANT_TYPE ")";
    case FRAME_WALK_END:
      return "(uub)";
    case FRAME_SUSPECT:
      return "(uyxs)";
    case FRAME_DELETED:
      return "(utys)";
    case FRAME_LOG:
      return "(yus)";
    case FRAME_IDENTITY:
      return "(uayuus)";
    case FRAME_CLOCK:
      return "(ux)";
    case FRAME_SENSORS:
      return "(ubba(usssyysqya{yd}))";
    case FRAME_READINGS:
      return "(ua(uxydu))";
    case FRAME_SDR_CACHE:
      return "(usay)";
    case FRAME_POWER:
      return "(uty)";
    case FRAME_POWERED:
      return "(utyys)";
    default:
      return NULL;
    }
}

gboolean
frame_power_is_known (guint8 power)
{
  return power <= FRAME_POWER_RESET || power == FRAME_POWER_SOFT || power == FRAME_POWER_STATUS;
}

const GVariantType *
frame_body_type (guint8 type)
{
  const char *string = body_type_string (type);
  return string == NULL ? NULL : G_VARIANT_TYPE (string);
}

/* The body begins at an aligned place when the packet begins at this one. */
#define ALIGNMENT 8u
#define PACKET_OFFSET (ALIGNMENT - FRAME_HEADER_SIZE)

/* ADD has passwords in it: the body is written straight into memory that is
 * wiped, and never serialized anywhere else. */
GBytes *
frame_encode (FrameType type, GVariant *body)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (body);
  gsize size = FRAME_HEADER_SIZE + g_variant_get_size (owned);
  guint8 *buffer;
  g_autoptr (GBytes) bytes = secret_bytes_new (PACKET_OFFSET + size, &buffer);
  guint8 *packet = buffer + PACKET_OFFSET;

  g_assert (g_variant_is_of_type (owned, frame_body_type ((guint8) type)) && size <= FRAME_SIZE_MAX);
  packet[0] = FRAME_PROTOCOL;
  packet[1] = (guint8) type;
  packet[2] = packet[3] = 0;
  if (size > FRAME_HEADER_SIZE)
    g_variant_store (owned, packet + FRAME_HEADER_SIZE);
  return g_bytes_new_from_bytes (bytes, PACKET_OFFSET, size);
}

static gboolean
header_is_good (const guint8 *packet, gsize length, GError **error)
{
  if (length < FRAME_HEADER_SIZE || length > FRAME_SIZE_MAX)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "a frame of %" G_GSIZE_FORMAT " bytes", length);
  else if (packet[0] != FRAME_PROTOCOL)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "protocol version %u instead of %u", packet[0],
                 FRAME_PROTOCOL);
  else if (packet[2] != 0 || packet[3] != 0 || frame_body_type (packet[1]) == NULL)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "unknown frame type %u", packet[1]);
  else
    return TRUE;
  return FALSE;
}

gboolean
frame_decode (gconstpointer packet, gsize length, FrameType *type, GVariant **body, GError **error)
{
  const guint8 *bytes = packet;

  if (!header_is_good (bytes, length, error))
    return FALSE;

  /* A copy, because GVariant wants its data aligned and to stay. */
  guint8 *copy;
  g_autoptr (GBytes) data = secret_bytes_new (length - FRAME_HEADER_SIZE, &copy);
  memcpy (copy, bytes + FRAME_HEADER_SIZE, length - FRAME_HEADER_SIZE);
  g_autoptr (GVariant) variant
      = g_variant_ref_sink (g_variant_new_from_bytes (frame_body_type (bytes[1]), data, FALSE));

  if (!g_variant_is_normal_form (variant))
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "the body of a frame of type %u is malformed", bytes[1]);
      return FALSE;
    }
  *type = bytes[1];
  *body = g_steal_pointer (&variant);
  return TRUE;
}
