/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-collector-blob.c - the sensor data record cache: there and back, and what
 * is not to be believed.
 */
#include "collector/sdr-blob.h"

#include <OpenIPMI/ipmi_sdr.h>
#include <string.h>

#define MAXIMUM (56u * 1024u)

static void
put_uint32 (guint8 *bytes, guint32 value)
{
  for (guint i = 0; i < 4; i++)
    bytes[i] = (guint8) (value >> (8 * i));
}

/* An event-only sensor (43.3) of 4 characters. */
static ipmi_sdr_t
make_record (guint16 id, guint8 number)
{
  ipmi_sdr_t record = { .record_id = id, .major_version = 1, .minor_version = 5, .type = 3, .length = 16 };

  record.data[0] = 0x20;
  record.data[2] = number;
  record.data[7] = 1;
  memcpy (record.data + 11, "\xc4Name", 5);
  return record;
}

/* As OpenIPMI stores it. */
static guint8 *
make_library_form (guint records, guint32 add, guint32 erase, gsize *length)
{
  guint8 *data;

  *length = records * sizeof (ipmi_sdr_t) + 9;
  data = g_malloc0 (*length);
  for (guint i = 0; i < records; i++)
    {
      ipmi_sdr_t record = make_record ((guint16) (i + 1), (guint8) i);

      memcpy (data + i * sizeof record, &record, sizeof record);
    }
  put_uint32 (data + *length - 9, add);
  put_uint32 (data + *length - 5, erase);
  data[*length - 1] = 1;
  return data;
}

static GBytes *
make_packed (guint records)
{
  gsize length;
  g_autofree guint8 *data = make_library_form (records, 1000, 2000, &length);

  return sdr_blob_pack (data, length, MAXIMUM);
}

static void
test_there_and_back (void)
{
  for (guint records = 1; records <= 200; records += 33)
    {
      g_autoptr (SdrWatch) watch = sdr_watch_new ();
      gsize length, length_back = 0;
      g_autofree guint8 *data = make_library_form (records, 1000, 2000, &length);
      g_autoptr (GBytes) packed = sdr_blob_pack (data, length, MAXIMUM);
      g_autofree guint8 *back = NULL;
      SdrTimes times;

      g_assert_nonnull (packed);
      g_assert_cmpuint (g_bytes_get_size (packed), ==, 14 + records * 22);
      back = sdr_blob_unpack (packed, watch, &length_back);
      g_assert_cmpuint (length_back, ==, length);
      g_assert_true (memcmp (back, data, length) == 0);
      g_assert_true (sdr_blob_times (back, length_back, &times));
      g_assert_cmpuint (times.add, ==, 1000);
      g_assert_cmpuint (times.erase, ==, 2000);
      g_assert_cmpuint (sdr_watch_records (watch), ==, records);
      g_assert_cmpstr (sdr_watch_name (watch, 0x20, 0, 0, (guint8) (records - 1)), ==, "Name");
    }
}

/* The rule of safety: times that say nothing are those of a device's own
 * records, too. */
static void
test_times (void)
{
  static const guint32 values[] = { 0, 1, 1000, G_MAXUINT32 - 1, G_MAXUINT32 };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    for (guint j = 0; j < G_N_ELEMENTS (values); j++)
      {
        gboolean good = i > 0 && i < 4 && j > 0 && j < 4;
        gsize length;
        g_autofree guint8 *data = make_library_form (3, values[i], values[j], &length);
        g_autoptr (GBytes) packed = sdr_blob_pack (data, length, MAXIMUM);

        g_assert_true ((packed != NULL) == good);
      }
}

static void
test_limits (void)
{
  gsize length;
  g_autofree guint8 *none = make_library_form (0, 1, 1, &length);
  g_autofree guint8 *many = NULL;
  g_autoptr (GBytes) packed = NULL;

  g_assert_null (sdr_blob_pack (none, length, MAXIMUM));
  g_assert_null (sdr_blob_pack (none, 8, MAXIMUM));
  many = make_library_form (2610, 1, 1, &length);
  g_assert_null (sdr_blob_pack (many, length, MAXIMUM));
  packed = sdr_blob_pack (many, length, 2 * MAXIMUM);
  g_assert_nonnull (packed);
  many[length - 1] = 2;
  g_assert_null (sdr_blob_pack (many, length, 2 * MAXIMUM));
  many[length - 1] = 1;
  g_assert_null (sdr_blob_pack (many, length - 1, 2 * MAXIMUM));
}

/* Cut anywhere, or with something behind it: nothing. */
static void
test_cut (void)
{
  g_autoptr (GBytes) packed = make_packed (5);
  gsize size;
  const guint8 *bytes = g_bytes_get_data (packed, &size);

  for (gsize length = 0; length <= size + 1; length++)
    {
      g_autoptr (SdrWatch) watch = sdr_watch_new ();
      g_autofree guint8 *copy = g_malloc0 (size + 1);
      g_autoptr (GBytes) cut = NULL;
      g_autofree guint8 *back = NULL;
      gsize back_length;

      memcpy (copy, bytes, size);
      cut = g_bytes_new (copy, length);
      back = sdr_blob_unpack (cut, watch, &back_length);
      g_assert_true ((back != NULL) == (length == size));
    }
}

/* Every byte changed to a few others: never more than the library may see.  A
 * record that is shorter than its type is one of a type that it skips. */
static void
test_poisoned (void)
{
  g_autoptr (GBytes) packed = make_packed (5);
  gsize size;
  const guint8 *bytes = g_bytes_get_data (packed, &size);

  for (gsize place = 0; place < size; place++)
    for (guint value = 0; value < 256; value += 15)
      {
        g_autoptr (SdrWatch) watch = sdr_watch_new ();
        g_autofree guint8 *copy = g_memdup2 (bytes, size);
        g_autoptr (GBytes) poisoned = NULL;
        g_autofree guint8 *back = NULL;
        gsize length = 0;

        copy[place] = (guint8) value;
        poisoned = g_bytes_new (copy, size);
        back = sdr_blob_unpack (poisoned, watch, &length);
        for (gsize i = 0; back != NULL && i < length / sizeof (ipmi_sdr_t); i++)
          {
            ipmi_sdr_t record;

            memcpy (&record, back + i * sizeof record, sizeof record);
            g_assert_true (record.type != 1 || record.length >= 43);
            g_assert_true (record.type != 2 || record.length >= 27);
            g_assert_true (record.type != 3 || record.length >= 12);
            if (record.type == 3)
              g_assert_cmpuint (record.data[2] + (record.data[7] & 0xf), <=, 256);
          }
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sdr-blob/there-and-back", test_there_and_back);
  g_test_add_func ("/sdr-blob/times", test_times);
  g_test_add_func ("/sdr-blob/limits", test_limits);
  g_test_add_func ("/sdr-blob/cut", test_cut);
  g_test_add_func ("/sdr-blob/poisoned", test_poisoned);
  return g_test_run ();
}
