/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-frame.c - every frame there and back; cut, changed and invented packets. */
#include "event/error.h"
#include "event/event.h"
#include "event/frame.h"

#include <string.h>

typedef struct
{
  FrameType type;
  const char *body; /* GVariant text */
} Sample;

static const Sample samples[] = {
  { FRAME_CREDIT, "(uint32 64,)" },
  { FRAME_ADD, "(uint32 1, {'name': <'bmc1'>, 'addresses': <['127.0.0.1']>, 'password': <b'secret'>})" },
  { FRAME_ADD, "(uint32 1, @a{sv} {})" },
  { FRAME_REMOVE, "(uint32 1,)" },
  { FRAME_START, "(uint32 1, byte 0x01, [byte 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16], true)" },
  { FRAME_POLL, "(uint32 4294967295,)" },
  { FRAME_WALK, "(uint32 1,)" },
  { FRAME_DELETE, "(uint32 1, uint64 99, [byte 1,2], @ay [], uint32 3)" },
  { FRAME_SHUTDOWN, "()" },
  { FRAME_PING, "()" },
  { FRAME_PONG, "()" },
  { FRAME_HELLO, "(uint32 1, '0.1.0')" },
  { FRAME_STATE, "(uint32 1, byte 0x02, 'no answer')" },
  { FRAME_SEL_INFO, "(uint32 1, byte 0x0b, uint32 12, uint32 65535, uint32 0, uint32 4294967295)" },
  { FRAME_TAIL, "(uint32 1, @ay [])" },
  { FRAME_RECORDS, "(uint32 1, uint32 0, false, [[(byte 0x00, <'bmc1/1/2'>), (0x05, <int64 2>)], []])" },
  { FRAME_RECORDS, "(uint32 1, uint32 7, true, @aa(yv) [])" },
  { FRAME_WALK_END, "(uint32 1, uint32 7, true)" },
  { FRAME_SUSPECT, "(uint32 1, byte 0x00, int64 -1, 'cleared')" },
  { FRAME_DELETED, "(uint32 1, uint64 99, byte 0x00, '')" },
  { FRAME_REMOVED, "(uint32 1,)" },
  { FRAME_LOG, "(byte 0x06, uint32 0, 'words')" },
  { FRAME_IDENTITY, "(uint32 1, [byte 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16], uint32 343, uint32 9, '1.2')" },
  { FRAME_CLOCK, "(uint32 1, int64 -3600000000)" },
  { FRAME_SENSORS, "(uint32 1, true, true, [(uint32 7, 'CPU Temp', 'processor 1', '3.1.CPU Temp', byte 0x01, "
                   "byte 0x01, 'degrees C', uint16 12, byte 0x02, {0x04: 95.5})])" },
  { FRAME_READINGS, "(uint32 1, [(uint32 7, int64 1, byte 0x07, 41.5, uint32 0)])" },
  { FRAME_SDR_CACHE, "(uint32 1, 'sdr-00', @ay [])" },
  { FRAME_POWER, "(uint32 1, uint64 99, byte 0x02)" },
  { FRAME_POWERED, "(uint32 1, uint64 99, byte 0x00, byte 0x01, '')" },
  { FRAME_RENEW, "(uint32 1, 'words')" },
};

static GBytes *
encode (const Sample *sample)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) body = g_variant_parse (frame_body_type (sample->type), sample->body, NULL, NULL, &error);

  g_assert_no_error (error);
  return frame_encode (sample->type, body);
}

/* Decodes from a place of exactly this size, so that reading past it shows.
 * What is accepted is sound, and says the same when it is sent again. */
static gboolean
decode (gconstpointer packet, gsize length)
{
  g_autofree guint8 *exact = g_malloc (length + (length == 0));
  g_autoptr (GVariant) body = NULL;
  g_autoptr (GVariant) again = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  FrameType type;

  if (length > 0)
    memcpy (exact, packet, length);
  if (!frame_decode (exact, length, &type, &body, &error))
    {
      g_assert_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL);
      g_assert_null (body);
      return FALSE;
    }
  g_assert_true (g_variant_is_of_type (body, frame_body_type (type)));
  g_assert_true (g_variant_is_normal_form (body));
  g_assert_false (g_variant_is_floating (body));
  bytes = frame_encode (type, body);
  g_assert_true (frame_decode (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &type, &again, NULL));
  g_assert_true (g_variant_get_size (again) == g_variant_get_size (body));
  return TRUE;
}

static void
test_round_trip (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      g_autoptr (GBytes) bytes = encode (&samples[i]);
      g_autoptr (GVariant) body = NULL;
      g_autoptr (GVariant) expected = NULL;
      g_autoptr (GError) error = NULL;
      FrameType type;

      g_assert_true (frame_decode (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &type, &body, &error));
      g_assert_no_error (error);
      g_assert_cmpint (type, ==, samples[i].type);
      expected = g_variant_parse (frame_body_type (type), samples[i].body, NULL, NULL, NULL);
      g_assert_true (g_variant_equal (body, expected));
    }
}

/* No type is forgotten above. */
static void
test_every_type (void)
{
  for (guint type = 0; type < 256; type++)
    {
      gboolean sampled = FALSE;

      for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
        sampled |= samples[i].type == (FrameType) type;
      g_assert_cmpint (sampled, ==, frame_body_type ((guint8) type) != NULL);
    }
}

static void
test_truncated (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      g_autoptr (GBytes) bytes = encode (&samples[i]);
      gsize size = g_bytes_get_size (bytes);

      for (gsize length = 0; length < size; length++)
        decode (g_bytes_get_data (bytes, NULL), length);
      g_assert_false (decode (g_bytes_get_data (bytes, NULL), FRAME_HEADER_SIZE - 1));
      g_assert_true (decode (g_bytes_get_data (bytes, NULL), size));
    }
}

static void
test_header (void)
{
  g_autoptr (GBytes) bytes = encode (&samples[0]);
  gsize size;
  g_autofree guint8 *packet = g_memdup2 (g_bytes_get_data (bytes, &size), g_bytes_get_size (bytes));
  g_autofree guint8 *huge = g_malloc0 (FRAME_SIZE_MAX + 1);

  for (guint i = 0; i < FRAME_HEADER_SIZE; i++)
    {
      packet[i] ^= 0x80;
      g_assert_false (decode (packet, size));
      packet[i] ^= 0x80;
    }
  g_assert_true (decode (packet, size));
  huge[0] = FRAME_PROTOCOL;
  huge[1] = FRAME_TAIL;
  g_assert_false (decode (huge, FRAME_SIZE_MAX + 1));
}

/* Every byte of every packet, with every value. */
static void
test_changed_byte (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      g_autoptr (GBytes) bytes = encode (&samples[i]);
      gsize size;
      g_autofree guint8 *packet = g_memdup2 (g_bytes_get_data (bytes, &size), g_bytes_get_size (bytes));

      for (gsize at = 0; at < size; at++)
        {
          guint8 was = packet[at];

          for (guint value = 0; value < 256; value++)
            {
              packet[at] = (guint8) value;
              decode (packet, size);
            }
          packet[at] = was;
        }
    }
}

static void
test_random (void)
{
  for (guint round = 0; round < 100000; round++)
    {
      guint8 packet[64];
      gsize length = (gsize) g_test_rand_int_range (FRAME_HEADER_SIZE, sizeof packet);

      for (gsize i = 0; i < length; i++)
        packet[i] = (guint8) g_test_rand_int_range (0, 256);
      packet[0] = FRAME_PROTOCOL;
      packet[1] = (guint8) samples[g_test_rand_int_range (0, G_N_ELEMENTS (samples))].type;
      packet[2] = packet[3] = 0;
      decode (packet, length);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/frame/round-trip", test_round_trip);
  g_test_add_func ("/frame/every-type", test_every_type);
  g_test_add_func ("/frame/truncated", test_truncated);
  g_test_add_func ("/frame/header", test_header);
  g_test_add_func ("/frame/changed-byte", test_changed_byte);
  g_test_add_func ("/frame/random", test_random);
  return g_test_run ();
}
