/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-pet.c - Platform Event Traps: datagrams as Debian's snmptrap makes them,
 * and all that can be wrong with one.
 */
#include "core/pet.h"

#include <string.h>

#define GUID "44454c4c4b00104a804bc3c04f4d4c31"
#define DATA GUID "0001184a74d5ffff202010207318008001ff000000000019000002a20100"
#define OEM "6c696f6e2d342d69706d69c1"
#define VERSION_1 "02010004067075626c6963"
#define ENTERPRISE "06092b06010401986f0101"
#define NAME "060a2b06010401986f010101"
#define SENDER "40040a010203"
#define SPECIFIC "0203056f00"

/* snmptrap -v1 -c public HOST 1.3.6.1.4.1.3183.1.1 10.1.2.3 6 356096 4711 1.3.6.1.4.1.3183.1.1.1 x DATA */
#define GOOD                                                                                                           \
  "3076" VERSION_1 "a469" ENTERPRISE SENDER "020106" SPECIFIC "43021267"                                               \
  "304a3048" NAME "043a" DATA OEM

/* The bytes of a hexadecimal text, in memory of just that size. */
static guint8 *
unhex (const char *text, gsize *length)
{
  *length = strlen (text) / 2;
  guint8 *bytes = g_malloc (MAX (*length, 1));

  for (gsize i = 0; i < *length; i++)
    bytes[i] = (guint8) (g_ascii_xdigit_value (text[2 * i]) << 4 | g_ascii_xdigit_value (text[2 * i + 1]));
  return bytes;
}

static void
assert_good (const char *text, guint16 sequence, guint32 timestamp)
{
  static const guint8 guid[PET_GUID_SIZE]
      = { 0x44, 0x45, 0x4c, 0x4c, 0x4b, 0x00, 0x10, 0x4a, 0x80, 0x4b, 0xc3, 0xc0, 0x4f, 0x4d, 0x4c, 0x31 };
  const char *why = "not set";
  gsize length;
  g_autofree guint8 *bytes = unhex (text, &length);
  Pet pet;

  g_assert_true (pet_parse (bytes, length, &pet, &why));
  g_assert_null (why);
  g_assert_cmpmem (pet.guid, PET_GUID_SIZE, guid, sizeof guid);
  g_assert_cmpuint (pet.sequence, ==, sequence);
  g_assert_cmpuint (pet.timestamp, ==, timestamp);
}

static void
assert_bad (const char *text, const char *reason)
{
  const char *why = NULL;
  gsize length;
  g_autofree guint8 *bytes = unhex (text, &length);
  Pet pet;

  g_assert_false (pet_parse (bytes, length, &pet, &why));
  g_assert_cmpstr (why, ==, reason);
}

static void
test_good (void)
{
  assert_good (GOOD, 1, 0x184a74d5);
  /* No OEM fields at all: 46 bytes. */
  assert_good ("306a" VERSION_1 "a45d" ENTERPRISE SENDER "020106" SPECIFIC "43021267"
               "303e303c" NAME "042e" DATA,
               1, 0x184a74d5);
  /* 110 bytes and more, whose lengths take two bytes (0x81) … */
  assert_good ("3081de" VERSION_1 "a481d0" ENTERPRISE SENDER "020106" SPECIFIC "43021267"
               "3081b03081ad" NAME "04819e" DATA OEM
               "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
               "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
               1, 0x184a74d5);
  /* … or three (0x82), which is allowed for short ones, too. */
  assert_good ("3082007a" VERSION_1 "a482006b" ENTERPRISE SENDER "020106" SPECIFIC "43021267"
               "304c304a" NAME "0482003a" DATA OEM,
               1, 0x184a74d5);
  /* Bytes after the message, no community, other numbers. */
  assert_good (GOOD "0000", 1, 0x184a74d5);
  assert_good ("3070"
               "0201000400"
               "a469" ENTERPRISE SENDER "020106" SPECIFIC "43021267"
               "304a3048" NAME "043a" GUID "ff8089abcdefffff202010207318008001ff000000000019000002a20100" OEM,
               0xff80, 0x89abcdef);
}

/* Other datagrams of snmptrap. */
static void
test_other_traps (void)
{
  assert_bad ("302c" VERSION_1 "a41f" ENTERPRISE SENDER "020106" SPECIFIC "43021267"
              "3000",
              "a trap without data");
  assert_bad ("303d" VERSION_1 "a430" ENTERPRISE SENDER "020106" SPECIFIC "43021267"
              "3011300f" NAME "020105",
              "a trap without data");
  assert_bad ("302a" VERSION_1 "a41d" ENTERPRISE SENDER "020100"
              "020100"
              "43021267"
              "3000",
              "a generic trap");
  assert_bad ("3074" VERSION_1 "a467"
              "06092b06010401986f0102" SENDER "020106"
              "020101"
              "43021267"
              "304a3048" NAME "043a" DATA OEM,
              "a trap of another enterprise");
  assert_bad ("3069" VERSION_1 "a45c" ENTERPRISE SENDER "020106" SPECIFIC "43021267"
              "303d303b" NAME "042d" GUID "0001184a74d5ffff202010207318008001ff000000000019000002a201",
              "its data are too short");
  assert_bad ("30819302010104067075626c6963a78185020458669c540201000201003077300e06082b060102010103004302126730"
              "1b060a2b060106030101040100060d2b06010401986f01010095de003048" NAME "043a" DATA OEM,
              "another version of SNMP than 1");
  assert_bad ("302902010004067075626c6963a01c02047b0b7d3c020100020100300e300c06082b060102010101000500", "no SNMP trap");
}

static void
test_garbage (void)
{
  assert_bad ("", "no SNMP");
  assert_bad ("00", "no SNMP");
  assert_bad ("3000", "no SNMP");
  assert_bad ("30", "no SNMP");
  assert_bad ("3080020100", "no SNMP");           /* of indefinite length */
  assert_bad ("3084ffffffff020100", "no SNMP");   /* longer than any datagram */
  assert_bad ("3088ffffffffffffffff", "no SNMP"); /* longer than anything */
  assert_bad ("30830000030201000000", "no SNMP"); /* in three bytes */
  assert_bad ("3003020100", "no SNMP trap");
  assert_bad ("30050203010000", "no SNMP");
  assert_bad ("06ff03ff", "no SNMP");
}

/* Whatever its length and wherever it is cut: refused, and not read beyond its
 * end (AddressSanitizer looks). */
static void
test_cut (void)
{
  gsize length;
  g_autofree guint8 *whole = unhex (GOOD, &length);
  const char *why;
  Pet pet;

  for (gsize kept = 0; kept < length; kept++)
    {
      g_autofree guint8 *cut = g_memdup2 (whole, MAX (kept, 1));
      g_assert_false (pet_parse (cut, kept, &pet, &why));
      g_assert_nonnull (why);
    }
}

/* Every byte of it with every value: what is accepted says what stands there. */
static void
test_changed (void)
{
  gsize length;
  g_autofree guint8 *bytes = unhex (GOOD, &length);
  guint accepted = 0;
  const char *why;
  Pet pet;

  for (gsize at = 0; at < length; at++)
    for (guint value = 0; value < 256; value++)
      {
        guint8 kept = bytes[at];
        bytes[at] = (guint8) value;
        gboolean good = pet_parse (bytes, length, &pet, &why);
        g_assert_true (good == (why == NULL));
        accepted += good;
        if (good && at >= length - 58)
          g_assert_cmpmem (pet.guid, PET_GUID_SIZE, bytes + length - 58, PET_GUID_SIZE);
        bytes[at] = kept;
      }
  /* At least all that differ in the data only. */
  g_assert_cmpuint (accepted, >=, 58 * 256);
  g_assert_cmpuint (accepted, <, length * 256);
}

static void
test_guid (void)
{
  static const guint8 expected[PET_GUID_ORDERS][PET_GUID_SIZE] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 },
    { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 },
  };
  Pet pet = { .guid = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 } };
  guint8 guid[PET_GUID_SIZE];

  for (guint order = 0; order < PET_GUID_ORDERS; order++)
    {
      pet_guid (&pet, order, guid);
      g_assert_cmpmem (guid, sizeof guid, expected[order], PET_GUID_SIZE);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pet/good", test_good);
  g_test_add_func ("/pet/other-traps", test_other_traps);
  g_test_add_func ("/pet/garbage", test_garbage);
  g_test_add_func ("/pet/cut", test_cut);
  g_test_add_func ("/pet/changed", test_changed);
  g_test_add_func ("/pet/guid", test_guid);
  return g_test_run ();
}
