/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-severity.c - the severity of every event that there can be.
 */
#include "event/severity.h"
#include "event/spec.h"
#include "event/states.h"

#include <string.h>

/* What the review of the table came to, state by state: Critical, Warning, Info,
 * Ok when asserted; '.' no state.  A change of states.c shows here. */
static const struct
{
  guint8 event_type, sensor_type;
  const char *asserted;
} reviewed[] = {
  { 0x02, 0, "III" },
  { 0x03, 0, "II" },
  { 0x04, 0, "OW" },
  { 0x05, 0, "OW" },
  { 0x06, 0, "OW" },
  { 0x07, 0, "OWCCWCCII" },
  { 0x08, 0, "IO" },
  { 0x09, 0, "II" },
  { 0x0a, 0, "OIIOIIWIC" },
  { 0x0b, 0, "OWWWWCWW" },
  { 0x0c, 0, "IIII" },
  { 0x6f, 0x05, "WWWWWWW" },
  { 0x6f, 0x06, "WWWWWW" },
  { 0x6f, 0x07, "CCCCCCCOWIWCW" },
  { 0x6f, 0x08, "OCWCCCCI" },
  { 0x6f, 0x09, "IICWCCCW" },
  { 0x6f, 0x0c, "WCCCWWOCIWC" },
  { 0x6f, 0x0d, "OCWIICCIW" },
  { 0x6f, 0x0f, "CCI" },
  { 0x6f, 0x10, "WWIWWWW" },
  { 0x6f, 0x11, "CCCCCCWW" },
  { 0x6f, 0x12, "IICIII" },
  { 0x6f, 0x13, "CCCCCCCWCCCW" },
  { 0x6f, 0x14, "IIIII" },
  { 0x6f, 0x19, "CC" },
  { 0x6f, 0x1b, "OW" },
  { 0x6f, 0x1d, "IIIIIIII" },
  { 0x6f, 0x1e, "CWWCW" },
  { 0x6f, 0x1f, "IIIIIIIIIWC" },
  { 0x6f, 0x20, "CCIIIW" },
  { 0x6f, 0x21, "CIOIIIIWWI" },
  { 0x6f, 0x22, "IIIIIIIIIIIII.I" },
  { 0x6f, 0x23, "WCCC....W" },
  { 0x6f, 0x24, "IIII" },
  { 0x6f, 0x25, "OIW" },
  { 0x6f, 0x27, "WO" },
  { 0x6f, 0x28, "WWWCWW" },
  { 0x6f, 0x29, "WCO" },
  { 0x6f, 0x2a, "IIWW" },
  { 0x6f, 0x2b, "IIWWWWII" },
  { 0x6f, 0x2c, "IIIIOIIW" },
};

static char
letter (IpmidSeverity severity)
{
  static const char letters[] = { [IPMID_SEVERITY_OK] = 'O',
                                  [IPMID_SEVERITY_INFO] = 'I',
                                  [IPMID_SEVERITY_WARNING] = 'W',
                                  [IPMID_SEVERITY_CRITICAL] = 'C' };

  return letters[severity];
}

/* What the review says of a state, '.' where there is none. */
static char
expected (guint8 event_type, guint8 sensor_type, guint offset)
{
  for (guint i = 0; i < G_N_ELEMENTS (reviewed); i++)
    if (reviewed[i].event_type == event_type && (event_type != 0x6f || reviewed[i].sensor_type == sensor_type))
      return offset < strlen (reviewed[i].asserted) ? reviewed[i].asserted[offset] : '.';
  return '.';
}

/* Every event type, sensor type, offset, direction and meaning of event data 2
 * and 3: 16 million events. */
static void
check_event (guint8 event_type, guint8 sensor_type, guint8 data_1)
{
  const guint8 data[3] = { data_1, 0xff, 0xff };
  guint offset = data_1 & 0x0f;
  char mark = expected (event_type, sensor_type, offset);
  IpmidSeverity on = severity_of_event (event_type, sensor_type, data);
  IpmidSeverity off = severity_of_event (event_type | 0x80, sensor_type, data);

  if (event_type != EVENT_TYPE_THRESHOLD && letter (on) != (mark == '.' ? 'I' : mark))
    g_error ("event type 0x%02x, sensor type 0x%02x, data 1 0x%02x: %c, not %c", event_type, sensor_type, data_1,
             letter (on), mark);
  if (off > IPMID_SEVERITY_INFO || off < IPMID_SEVERITY_OK)
    g_error ("event type 0x%02x, sensor type 0x%02x, data 1 0x%02x: a deassertion is %c", event_type, sensor_type,
             data_1, letter (off));
}

static void
test_every_event (void)
{
  for (guint event_type = 0; event_type < 0x80; event_type++)
    for (guint sensor_type = 0; sensor_type < 0x100; sensor_type++)
      for (guint data_1 = 0; data_1 < 0x100; data_1++)
        check_event ((guint8) event_type, (guint8) sensor_type, (guint8) data_1);
}

/* A state that was good and is gone is not well; what was bad and is gone is, or
 * is at most worth a look. */
static void
test_every_state (void)
{
  const StateSet *set;
  guint n = 0;

  for (guint i = 0; (set = states_set (i)) != NULL; i++)
    for (guint offset = 0; offset < STATES_MAX; offset++)
      {
        const State *state = &set->states[offset];

        g_assert_cmpint (state->words == NULL, ==, expected (set->event_type, set->sensor_type, offset) == '.');
        if (state->words == NULL)
          continue;
        n++;
        g_assert_true (states_find (set->event_type, set->sensor_type, offset) == state);
        g_assert_cmpstr (spec_state (set->event_type, set->sensor_type, offset), ==, state->words);
        g_assert_cmpint (spec_severity (set->event_type, set->sensor_type, offset, TRUE), ==, state->asserted);
        g_assert_cmpint (spec_severity (set->event_type, set->sensor_type, offset, FALSE), ==, state->deasserted);
        if (state->asserted <= IPMID_SEVERITY_INFO)
          g_assert_cmpint (state->deasserted, ==, IPMID_SEVERITY_INFO);
        if (state->deasserted == IPMID_SEVERITY_INFO && state->asserted >= IPMID_SEVERITY_WARNING)
          g_assert_nonnull (state->why);
      }
  g_assert_cmpuint (n, >, 200);
  g_assert_null (states_find (0x6f, 0x07, 16));
}

static void
test_thresholds (void)
{
  /* lower non-critical, critical, non-recoverable, then upper: low, high. */
  static const char on[] = "WOCOCOOWOCOC";
  static const char off[] = "OIOIOIIOIOIO";

  for (guint offset = 0; offset < 16; offset++)
    for (guint flags = 0; flags < 16; flags++)
      {
        const guint8 data[3] = { (guint8) (flags << 4 | offset), 0x20, 0x20 };
        IpmidSeverity asserted = severity_of_event (0x01, 0x01, data);
        IpmidSeverity deasserted = severity_of_event (0x81, 0x01, data);

        g_assert_cmpint (letter (asserted), ==, offset < 12 ? on[offset] : 'I');
        g_assert_cmpint (letter (deasserted), ==, offset < 12 ? off[offset] : 'I');
        g_assert_cmpint (spec_severity (0x01, 0x01, offset, TRUE), ==, asserted);
      }
}

/* Event data 2 [7:4], where event data 1 says that it is there, raises an
 * assertion, and never lowers one. */
static void
test_what_the_bmc_says (void)
{
  static const char said[] = "OWCCWCCII.......";

  for (guint flags = 0; flags < 4; flags++)
    for (guint severity = 0; severity < 16; severity++)
      {
        const guint8 asserted[3] = { (guint8) (flags << 6 | 0x01), (guint8) (severity << 4 | 0x0f), 0xff };
        const guint8 tripped[3] = { (guint8) (flags << 6 | 0x01), (guint8) (severity << 4), 0xff };
        char raised = said[severity] == 'W' || said[severity] == 'C' ? said[severity] : 'I';

        g_assert_cmpint (letter (severity_of_event (0x03, 0x07, asserted)), ==, flags == 1 ? raised : 'I');
        g_assert_cmpint (letter (severity_of_event (0x83, 0x07, asserted)), ==, 'I');
        g_assert_cmpint (letter (severity_of_event (0x6f, 0x07, tripped)), ==, 'C');
        g_assert_cmpint (letter (severity_of_event (0xef, 0x07, tripped)), ==, 'O');
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/severity/every-event", test_every_event);
  g_test_add_func ("/severity/every-state", test_every_state);
  g_test_add_func ("/severity/thresholds", test_thresholds);
  g_test_add_func ("/severity/what-the-bmc-says", test_what_the_bmc_says);
  return g_test_run ();
}
