/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-severity-rules.c - severities that the user has set.
 */
#include "core/severity-rules.h"

#include "event/error.h"

#include <string.h>

static IpmidEvent *
sensor_event (const char *type, const char *sensor, guint8 offset, gboolean assertion)
{
  IpmidEvent *event = event_new ();
  guint8 record[16] = { 0 };

  record[13] = 0x50 | offset;
  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_THRESHOLD);
  event_set_string (event, IPMID_FIELD_SENSOR_TYPE, type);
  if (sensor != NULL)
    event_set_string (event, IPMID_FIELD_SENSOR, sensor);
  event_set_integer (event, IPMID_FIELD_ASSERT, assertion);
  event_set_bytes (event, IPMID_FIELD_RAW, record, sizeof record);
  event_set_integer (event, IPMID_FIELD_SEVERITY, IPMID_SEVERITY_WARNING);
  return event;
}

static void
check (const SeverityRules *rules, const char *type, const char *sensor, guint8 offset, gboolean assertion,
       IpmidSeverity expected)
{
  g_autoptr (IpmidEvent) event = sensor_event (type, sensor, offset, assertion);

  severity_rules_apply (rules, event);
  g_assert_cmpint (event_integer (event, IPMID_FIELD_SEVERITY), ==, expected);
}

static void
test_matching (void)
{
  static const char *const words[]
      = { "Temperature:Inlet*=info", " fan:*:deassert = ok", "Fan:FAN?:offset-2:assert=critical",
          "Slot / Connector:*=ok",   "*:a:b=critical",       NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (SeverityRules) rules = severity_rules_parse (words, &error);

  g_assert_no_error (error);
  check (rules, "Temperature", "Inlet Temp", 9, TRUE, IPMID_SEVERITY_INFO);
  check (rules, "Temperature", "inlet Temp", 9, TRUE, IPMID_SEVERITY_INFO);
  check (rules, "Temperature", "The Inlet Temp", 9, TRUE, IPMID_SEVERITY_WARNING);
  check (rules, "Temperature", NULL, 9, TRUE, IPMID_SEVERITY_WARNING);
  check (rules, "Voltage", "Inlet Temp", 9, TRUE, IPMID_SEVERITY_WARNING);
  check (rules, "Fan", "FAN1", 2, FALSE, IPMID_SEVERITY_OK);
  check (rules, "Fan", NULL, 2, FALSE, IPMID_SEVERITY_OK);
  check (rules, "Fan", "FAN1", 2, TRUE, IPMID_SEVERITY_CRITICAL);
  check (rules, "Fan", "FAN1", 3, TRUE, IPMID_SEVERITY_WARNING);
  check (rules, "Fan", "FAN12", 2, TRUE, IPMID_SEVERITY_WARNING);
  check (rules, "Slot / Connector", "PCIe 1", 0, TRUE, IPMID_SEVERITY_OK);
  check (rules, "Voltage", "a:b", 0, TRUE, IPMID_SEVERITY_CRITICAL);
}

static void
test_first_counts (void)
{
  static const char *const words[] = { "Fan:*=info", "Fan:*=critical", NULL };
  g_autoptr (SeverityRules) rules = severity_rules_parse (words, NULL);

  check (rules, "Fan", "FAN1", 2, TRUE, IPMID_SEVERITY_INFO);
}

/* No rules change nothing, and no rule touches ipmid's own events. */
static void
test_untouched (void)
{
  static const char *const words[] = { "*:*=critical", NULL };
  g_autoptr (SeverityRules) none = severity_rules_parse (NULL, NULL);
  g_autoptr (SeverityRules) all = severity_rules_parse (words, NULL);
  g_autoptr (IpmidEvent) gap = event_new ();

  check (none, "Fan", "FAN1", 2, TRUE, IPMID_SEVERITY_WARNING);
  check (NULL, "Fan", "FAN1", 2, TRUE, IPMID_SEVERITY_WARNING);
  event_set_integer (gap, IPMID_FIELD_KIND, IPMID_KIND_GAP);
  event_set_integer (gap, IPMID_FIELD_SEVERITY, IPMID_SEVERITY_WARNING);
  severity_rules_apply (all, gap);
  g_assert_cmpint (event_integer (gap, IPMID_FIELD_SEVERITY), ==, IPMID_SEVERITY_WARNING);
}

static void
test_mistakes (void)
{
  static const struct
  {
    const char *rule, *says;
  } cases[] = {
    { "Temprature:*=info", "no sensor type 'Temprature'; did you mean 'Temperature'?" },
    { "Gadget:*=info", "no sensor type 'Gadget'; ipmid-events(7) lists them" },
    { "reserved:*=info", "no sensor type 'reserved'" },
    { "Fan:*=crit", "'crit' is no severity; it is one of ok, info, warning, critical" },
    { "Fan:*=", "'' is no severity" },
    { "Fan=info", "it must be TYPE:PATTERN=SEVERITY" },
    { "Fan:*", "it must be TYPE:PATTERN=SEVERITY" },
    { "", "it must be TYPE:PATTERN=SEVERITY" },
    { "Fan:=info", "no pattern of sensor names" },
    { "Fan: :assert=info", "no pattern of sensor names" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *const words[] = { "Fan:*=ok", cases[i].rule, NULL };
      g_autoptr (GError) error = NULL;

      g_assert_null (severity_rules_parse (words, &error));
      g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
      g_assert_nonnull (strstr (error->message, cases[i].says));
      g_assert_nonnull (strstr (error->message, cases[i].rule));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/severity-rules/matching", test_matching);
  g_test_add_func ("/severity-rules/first-counts", test_first_counts);
  g_test_add_func ("/severity-rules/untouched", test_untouched);
  g_test_add_func ("/severity-rules/mistakes", test_mistakes);
  return g_test_run ();
}
