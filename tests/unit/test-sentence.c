/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-sentence.c - what records say in words: sentences, what event data 2 and
 * 3 add, the parts that they name, the makers of OEM records.
 */
#include "collector/component.h"
#include "collector/record.h"
#include "event/states.h"

#include <string.h>

static const Maker unknown_maker;

/* A system event of the BMC's sensor 0x42. */
static void
make_record (guint8 *record, guint8 sensor_type, guint8 event_type, guint8 data_1, guint8 data_2, guint8 data_3)
{
  const guint8 bytes[16]
      = { 1,      0,     RECORD_TYPE_SYSTEM_EVENT, 0, 0, 0, 0x60, 0x20, 0, 4, sensor_type, 0x42, event_type, data_1,
          data_2, data_3 };

  memcpy (record, bytes, sizeof bytes);
}

static IpmidEvent *
describe (const guint8 *record, const char *sensor, const Maker *maker)
{
  IpmidEvent *event = record_to_event (record, FALSE);

  if (sensor != NULL)
    event_set_string (event, IPMID_FIELD_SENSOR, sensor);
  record_describe (event, record, maker);
  return event;
}

/* --------------------------------------------------------------- thresholds */

static void
check_threshold (guint offset, gboolean assertion, const char *words)
{
  guint8 record[16];
  g_autofree char *with_sensor = g_strdup_printf ("CPU1 Temp: %s, 97 > 95 °C", words);
  g_autofree char *without
      = g_strdup_printf ("Temperature sensor 0x42 of controller 0x20: %s, raw reading 0x61, raw threshold 0x5f", words);

  make_record (record, 0x01, assertion ? 0x01 : 0x81, (guint8) (0x50 | offset), 97, 95);
  g_autoptr (IpmidEvent) bare = describe (record, NULL, &unknown_maker);
  g_autoptr (IpmidEvent) event = record_to_event (record, FALSE);
  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_THRESHOLD);
  event_set_string (event, IPMID_FIELD_SENSOR, "CPU1 Temp");
  event_set_double (event, IPMID_FIELD_VALUE, 97);
  event_set_double (event, IPMID_FIELD_LIMIT, 95);
  event_set_string (event, IPMID_FIELD_UNIT, "°C");
  record_describe (event, record, &unknown_maker);
  g_assert_cmpstr (event_string (event, IPMID_FIELD_TEXT), ==, with_sensor);
  g_assert_cmpstr (event_string (bare, IPMID_FIELD_TEXT), ==, without);
  g_assert_true (event_has (event, IPMID_FIELD_STATE));
  g_assert_false (event_has (event, IPMID_FIELD_COMPONENT));
}

static void
test_thresholds (void)
{
  check_threshold (0, TRUE, "lower non-critical going low");
  check_threshold (0, FALSE, "back above lower non-critical");
  check_threshold (3, TRUE, "lower critical going high");
  check_threshold (3, FALSE, "again below lower critical");
  check_threshold (8, TRUE, "upper critical going low");
  check_threshold (8, FALSE, "again above upper critical");
  check_threshold (11, TRUE, "upper non-recoverable going high");
  check_threshold (11, FALSE, "back below upper non-recoverable");
}

/* What event data 1 calls unspecified is not said. */
static void
test_threshold_without_values (void)
{
  guint8 record[16];

  make_record (record, 0x01, 0x01, 0x09, 97, 95);
  g_autoptr (IpmidEvent) event = describe (record, "T", &unknown_maker);
  g_assert_cmpstr (event_string (event, IPMID_FIELD_TEXT), ==, "T: upper critical going high");
  g_assert_cmpstr (event_string (event, IPMID_FIELD_STATE), ==, "upper critical going high");
  make_record (record, 0x01, 0x01, 0x49, 97, 95);
  g_autoptr (IpmidEvent) reading = describe (record, "T", &unknown_maker);
  g_assert_cmpstr (event_string (reading, IPMID_FIELD_TEXT), ==, "T: upper critical going high, raw reading 0x61");
}

/* ------------------------------------------------------- event data 2 and 3 */

static void
test_extensions (void)
{
  static const struct
  {
    guint8 sensor_type, event_type, data[3];
    const char *words;
  } cases[] = {
    { 0x05, 0x6f, { 0xc4, 1, 0xff }, "LAN leash lost, network controller 1" },
    { 0x08, 0x6f, { 0x36, 0xff, 3 }, "configuration error, power supply rating mismatch" },
    { 0x08, 0x6f, { 0x36, 0xff, 9 }, "configuration error" },
    { 0x08, 0xef, { 0x01, 0xff, 0xff }, "power supply failure no longer detected" },
    { 0x0c, 0x6f, { 0x30, 0xff, 3 }, "correctable ECC or other correctable memory error, memory module 3" },
    { 0x0c, 0x6f, { 0x00, 0xff, 3 }, "correctable ECC or other correctable memory error" },
    { 0x0c, 0x6f, { 0x30, 0xff, 0xff }, "correctable ECC or other correctable memory error" },
    { 0x0c,
      0x6f,
      { 0xa1, 0x12, 0x34 },
      "uncorrectable ECC or other uncorrectable memory error, OEM data 2: 0x12, OEM data 3: 0x34" },
    { 0x0f, 0x6f, { 0xc0, 1, 0xff }, "system firmware error (POST error), no system memory is physically installed" },
    { 0x0f, 0x6f, { 0xc0, 0xd, 0xff }, "system firmware error (POST error), CPU speed matching failure" },
    { 0x0f, 0x6f, { 0xc1, 0x19, 0xff }, "system firmware hang, primary processor initialization" },
    { 0x0f, 0x6f, { 0xc2, 0x13, 0xff }, "system firmware progress, starting operating system boot process" },
    { 0x0f, 0x6f, { 0xc2, 0x15, 0xff }, "system firmware progress" },
    { 0x10, 0x6f, { 0xc0, 4, 0xff }, "correctable memory error logging disabled, memory module 4" },
    { 0x10,
      0x6f,
      { 0xf1, 1, 0x39 },
      "event type logging disabled, event type 1, offset 9, assertion, for all events of this type" },
    { 0x10, 0x6f, { 0x35, 0xff, 80 }, "SEL almost full, 80% full" },
    { 0x10, 0xef, { 0x04, 0xff, 0xff }, "SEL no longer full" },
    { 0x10, 0x6f, { 0xc6, 2, 0xff }, "correctable machine check error logging disabled, processor 2" },
    { 0x12, 0x6f, { 0xc3, 0x31, 0xff }, "entry added to auxiliary log, log cleared, OEM 1 log" },
    { 0x12, 0x6f, { 0xc4, 0x09, 0xff }, "PEF action, alert, power cycle" },
    { 0x12, 0x6f, { 0xc5, 0x80, 0xff }, "timestamp clock synchronization, second of a pair, SEL clock" },
    { 0x19, 0x6f, { 0xf0, 0, 5 }, "soft power control failure, requested state: S0/G0, state at that time: S5/G2" },
    { 0x1d, 0x6f, { 0xf7, 4, 1 }, "system restart, watchdog expiration, by channel 1" },
    { 0x21, 0x6f, { 0xf0, 9, 3 }, "fault status asserted, PCI Express slot, number 3" },
    { 0x23, 0x6f, { 0xc1, 0x24, 0xff }, "hard reset, interrupt: NMI, timer use: SMS/OS" },
    { 0x23, 0x6f, { 0xc8, 0xf0, 0xff }, "timer interrupt" },
    { 0x28, 0x6f, { 0xc4, 7, 0xff }, "sensor failure, sensor number 7" },
    { 0x28, 0x6f, { 0xf5, 0x80, 5 }, "FRU failure, logical FRU device, FRU device 5" },
    { 0x2a, 0x6f, { 0xf1, 2, 0x21 }, "session deactivated, user 2, by timeout, channel 1" },
    { 0x2a, 0x6f, { 0xf0, 2, 0x01 }, "session activated, user 2, channel 1" },
    { 0x2a, 0x6f, { 0xf0, 0, 0x01 }, "session activated, channel 1" },
    { 0x2b, 0x6f, { 0xc1, 9, 0xff }, "firmware or software change detected, system firmware (EFI or BIOS)" },
    { 0x2c, 0x6f, { 0xc0, 0x74, 0xff }, "FRU not installed, unexpected extraction, before: active" },
    /* The severity and the state before. */
    { 0x08,
      0x6f,
      { 0x41, 0x20, 0xff },
      "power supply failure detected, severity: transition to critical from less severe, before: presence detected" },
    { 0x08, 0x6f, { 0x41, 0xff, 0xff }, "power supply failure detected" },
    { 0x02,
      0x07,
      { 0x42, 0x21, 0xff },
      "transition to critical from less severe, before: transition to non-critical from OK" },
    /* Generic types have no extensions, whatever event data 1 says. */
    { 0x0c, 0x0b, { 0xf1, 1, 2 }, "redundancy lost" },
    { 0x0c, 0x8b, { 0x01, 0xff, 0xff }, "redundancy no longer lost" },
    { 0x07, 0xef, { 0x01, 0xff, 0xff }, "thermal trip is over" },
    /* What the specification does not know. */
    { 0xc0, 0x70, { 0x02, 3, 4 }, "state 2 of event type 0x70, event data 02 03 04" },
    { 0xc0, 0xf0, { 0x02, 3, 4 }, "state 2 of event type 0x70 is over, event data 02 03 04" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const guint8 *data = cases[i].data;
      guint8 record[16];
      g_autofree char *expected = g_strdup_printf ("Sensor: %s", cases[i].words);

      make_record (record, cases[i].sensor_type, cases[i].event_type, data[0], data[1], data[2]);
      g_autoptr (IpmidEvent) event = describe (record, "Sensor", &unknown_maker);
      g_assert_cmpstr (event_string (event, IPMID_FIELD_TEXT), ==, expected);
    }
}

/* --------------------------------------------------------------- components */

static void
test_components (void)
{
  static const struct
  {
    Maker maker;
    const char *sensor;
    guint8 sensor_type, event_type, data[3];
    const char *component;
  } cases[] = {
    { { 0, 0, 2 }, "DIMM A1", 0x0c, 0x6f, { 0x00, 0xff, 0xff }, "DIMM A1" },
    { { 0, 0, 2 }, "P1 memory", 0x0c, 0x6f, { 0x31, 0xff, 3 }, "P1 memory, memory module 3" },
    { { 0, 0, 2 }, NULL, 0x0c, 0x6f, { 0x31, 0xff, 3 }, "memory module 3" },
    { { 0, 0, 2 }, NULL, 0x0c, 0x6f, { 0x31, 0xff, 0xff }, NULL },
    { { 0, 0, 2 }, NULL, 0x0c, 0x6f, { 0xa0, 0x1a, 0 }, NULL },
    { { 0, 0, 2 }, "CPU1 Status", 0x07, 0x6f, { 0x0b, 0xff, 0xff }, "CPU1 Status" },
    { { 0, 0, 2 }, "CPU1 Temp", 0x01, 0x01, { 0x59, 1, 2 }, NULL },
    { { 0, 0, 2 }, NULL, 0x10, 0x6f, { 0xc0, 4, 0xff }, "memory module 4" },
    { { 0, 0, 2 }, NULL, 0x10, 0x6f, { 0xc6, 2, 0xff }, "processor 2" },
    { { 0, 0, 2 }, NULL, 0x21, 0x6f, { 0xf0, 9, 3 }, "PCI Express slot 3" },
    { { 0, 0, 2 }, NULL, 0x21, 0x6f, { 0x30, 9, 3 }, "slot 3" },
    /* Dell */
    { { MAKER_DELL, 1, 2 }, "ECC Corr Err", 0x0c, 0x6f, { 0xa0, 0x80, 0x01 }, "DIMM A1" },
    { { MAKER_DELL, 1, 1 }, NULL, 0x0c, 0x6f, { 0xa0, 0x80, 0x01 }, NULL },
    { { MAKER_DELL, 1, 2 }, NULL, 0x0c, 0x6f, { 0xa1, 0xc1, 0x30 }, "DIMM B1, DIMM B2" },
    { { MAKER_DELL, 1, 2 }, NULL, 0x0c, 0x6f, { 0xa0, 0xf1, 0x02 }, "DIMM 10" },
    { { MAKER_DELL, 1, 2 }, NULL, 0x0c, 0x6f, { 0xa0, 0x10, 0x02 }, "memory card B, DIMM 2" },
    { { MAKER_DELL, 1, 2 }, NULL, 0x0c, 0x6f, { 0xa0, 0xe0, 0x02 }, NULL },
    { { MAKER_DELL, 1, 2 }, NULL, 0x0c, 0x6f, { 0xa0, 0x80, 0x00 }, NULL },
    { { MAKER_DELL, 1, 2 }, NULL, 0x0c, 0x6f, { 0xa2, 0x80, 0x01 }, NULL },
    { { MAKER_DELL, 1, 2 }, NULL, 0x10, 0x6f, { 0xa0, 0x90, 0x40 }, "DIMM B1" },
    { { MAKER_DELL, 1, 2 }, NULL, 0x0c, 0x0b, { 0xa1, 0x80, 0x02 }, "DIMM A2" },
    { { MAKER_DELL, 1, 2 }, NULL, 0x0c, 0x6f, { 0x30, 0xff, 7 }, "memory module 7" },
    { { MAKER_DELL, 1, 2 }, "CPU Machine Chk", 0x07, 0x6f, { 0xa0, 0x02, 0x14 }, "CPU 2" },
    /* Supermicro */
    { { MAKER_SUPERMICRO, 2098, 2 }, NULL, 0x0c, 0x6f, { 0xa0, 0x2a, 0x80 }, "CPU 1 DIMM B1" },
    { { MAKER_SUPERMICRO, 2098, 2 }, NULL, 0x0c, 0x6f, { 0xa1, 0x1b, 0x81 }, "CPU 2 memory channel 1 DIMM 2" },
    { { MAKER_SUPERMICRO, 2098, 2 }, NULL, 0x0c, 0x6f, { 0xa0, 0x21, 0x80 }, NULL },
    { { MAKER_SUPERMICRO, 2098, 2 }, NULL, 0x0c, 0x6f, { 0xa0, 0x0a, 0x80 }, NULL },
    { { MAKER_SUPERMICRO, 1, 2 }, NULL, 0x0c, 0x6f, { 0xa0, 0x2a, 0x80 }, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const guint8 *data = cases[i].data;
      guint8 record[16];

      make_record (record, cases[i].sensor_type, cases[i].event_type, data[0], data[1], data[2]);
      g_autoptr (IpmidEvent) event = describe (record, cases[i].sensor, &cases[i].maker);
      g_assert_cmpstr (event_string (event, IPMID_FIELD_COMPONENT), ==, cases[i].component);
    }
}

static void
test_intel (void)
{
  const Maker board = { MAKER_INTEL, 111, 2 }, other = { MAKER_INTEL, 124, 2 };
  guint8 record[16];

  make_record (record, 0x0c, 0x6f, 0xa0, 0x01, 0x29);
  record[RECORD_GENERATOR] = 0x33;
  record[RECORD_SENSOR] = 0x02;
  g_autoptr (IpmidEvent) event = describe (record, NULL, &board);
  g_assert_cmpstr (event_string (event, IPMID_FIELD_COMPONENT), ==, "CPU 2 DIMM F2");
  g_assert_cmpstr (event_string (event, IPMID_FIELD_TEXT), ==,
                   "SMI handler: Memory: correctable ECC or other correctable memory error, OEM data 2: 0x01, "
                   "OEM data 3: 0x29: CPU 2 DIMM F2");
  g_assert_null (component_from_data (record, &other));
  record[RECORD_SENSOR] = 0x03;
  g_assert_null (component_from_data (record, &board));
}

/* --------------------------------------------------------------------- OEM */

static void
test_oem_records (void)
{
  const guint8 dell[16] = { 1, 0, 0xc5, 0, 0, 0, 0x60, 0xa2, 0x02, 0, 1, 2, 3, 4, 5, 6 };
  const guint8 stranger[16] = { 1, 0, 0xdf, 0, 0, 0, 0x60, 0xfe, 0xc0, 0, 1, 2, 3, 4, 5, 6 };
  const guint8 untimed[16] = { 1, 0, 0xe5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };
  const guint8 reserved[16] = { 1, 0, 0x55, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };
  const Maker maker = { 10876, 0, 2 };
  g_autoptr (IpmidEvent) a = describe (dell, NULL, &maker);
  g_autoptr (IpmidEvent) b = describe (stranger, NULL, &maker);
  g_autoptr (IpmidEvent) c = describe (untimed, NULL, &maker);
  g_autoptr (IpmidEvent) d = describe (untimed, NULL, &unknown_maker);
  g_autoptr (IpmidEvent) e = describe (reserved, NULL, &maker);

  g_assert_cmpstr (event_string (a, IPMID_FIELD_TEXT), ==, "OEM record of type 0xc5 from Dell: 01 02 03 04 05 06");
  g_assert_cmpstr (event_string (b, IPMID_FIELD_TEXT), ==,
                   "OEM record of type 0xdf from manufacturer 49406: 01 02 03 04 05 06");
  g_assert_cmpstr (event_string (c, IPMID_FIELD_TEXT), ==,
                   "OEM record of type 0xe5 from Supermicro: 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d");
  g_assert_cmpstr (event_string (d, IPMID_FIELD_TEXT), ==,
                   "OEM record of type 0xe5: 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d");
  g_assert_cmpstr (event_string (e, IPMID_FIELD_TEXT), ==,
                   "record of the reserved type 0x55: 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d");
}

/* --------------------------------------------------------------- everything */

static void
check_line (const char *line)
{
  g_assert_nonnull (line);
  g_assert_true (*line != '\0' && g_utf8_validate (line, -1, NULL) && strpbrk (line, "\n\r|") == NULL);
  g_assert_cmpuint (strlen (line), <, 400);
}

/* Both directions of one event: each has a sentence of its own. */
static void
check_pair (guint8 event_type, guint8 sensor_type, guint8 data_1, guint8 data_2, guint8 data_3)
{
  guint8 on[16], off[16];

  make_record (on, sensor_type, event_type, data_1, data_2, data_3);
  make_record (off, sensor_type, event_type | 0x80, data_1, data_2, data_3);
  g_autoptr (IpmidEvent) came = describe (on, "Sensor", &unknown_maker);
  g_autoptr (IpmidEvent) went = describe (off, "Sensor", &unknown_maker);
  const char *text = event_string (came, IPMID_FIELD_TEXT);

  check_line (text);
  check_line (event_string (went, IPMID_FIELD_TEXT));
  g_assert_cmpstr (text, !=, event_string (went, IPMID_FIELD_TEXT));
  g_assert_cmpstr (event_string (came, IPMID_FIELD_STATE), ==, event_string (went, IPMID_FIELD_STATE));
  g_assert_cmpint (event_integer (went, IPMID_FIELD_SEVERITY), <=, IPMID_SEVERITY_INFO);
}

/* Every event type, sensor type, offset and meaning of event data 2 and 3 that
 * the specification tells apart, and one of each kind that it does not. */
static void
test_every_event (void)
{
  static const guint8 event_types[]
      = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x6f, 0x70 };
  guint sensor_types = 0x2f;

  for (guint i = 0; i < G_N_ELEMENTS (event_types); i++)
    for (guint sensor_type = 0; sensor_type < sensor_types; sensor_type++)
      for (guint data_1 = 0; data_1 < 0x100; data_1++)
        check_pair (event_types[i], (guint8) (sensor_type == 0x2e ? 0xc0 : sensor_type), (guint8) data_1, 0x11, 0x11);
}

/* Every value of event data 2 and 3 under every state that has extensions. */
static void
test_every_extension (void)
{
  const StateSet *set;

  for (guint i = 0; (set = states_set (i)) != NULL; i++)
    for (guint offset = 0; set->event_type == EVENT_TYPE_SENSOR_SPECIFIC && offset < STATES_MAX; offset++)
      for (guint data = 0; set->states[offset].words != NULL && data < 0x100; data++)
        check_pair (set->event_type, set->sensor_type, (guint8) (0xf0 | offset), (guint8) data, (guint8) data);
}

/* Whatever the bytes are. */
static void
test_any_bytes (void)
{
  static const guint32 manufacturers[] = { 0, MAKER_INTEL, MAKER_DELL, MAKER_SUPERMICRO };
  static const guint16 products[] = { 0, 111, 2098, 2099 };

  for (guint i = 0; i < 200000; i++)
    {
      const Maker maker = { manufacturers[i % 4], products[i / 4 % 4], (guint8) (1 + i / 16 % 2) };
      guint8 record[16];

      for (guint j = 0; j < sizeof record; j++)
        record[j] = (guint8) g_test_rand_int ();
      if (i % 2 == 0)
        record[RECORD_TYPE] = RECORD_TYPE_SYSTEM_EVENT;
      g_autoptr (IpmidEvent) event = describe (record, NULL, &maker);
      check_line (event_string (event, IPMID_FIELD_TEXT));
      g_assert_true (event_has (event, IPMID_FIELD_SEVERITY));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sentence/thresholds", test_thresholds);
  g_test_add_func ("/sentence/threshold-without-values", test_threshold_without_values);
  g_test_add_func ("/sentence/extensions", test_extensions);
  g_test_add_func ("/sentence/components", test_components);
  g_test_add_func ("/sentence/intel", test_intel);
  g_test_add_func ("/sentence/oem-records", test_oem_records);
  g_test_add_func ("/sentence/every-event", test_every_event);
  g_test_add_func ("/sentence/every-extension", test_every_extension);
  g_test_add_func ("/sentence/any-bytes", test_any_bytes);
  return g_test_run ();
}
