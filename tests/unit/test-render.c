/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-render.c - events as text.
 *
 * The expected eventd texts are what openipmi_eventd 2.0.33 printed for these
 * records, byte for byte.
 */
#include "plugin-bench-host.h"

#include <event/render.h>

#include <jansson.h>
#include <string.h>

static void
set_raw (IpmidEvent *event, const char *hex)
{
  guint8 raw[16];

  g_assert_cmpuint (strlen (hex), ==, 32);
  for (guint i = 0; i < 16; i++)
    raw[i] = (guint8) (g_ascii_xdigit_value (hex[2 * i]) << 4 | g_ascii_xdigit_value (hex[2 * i + 1]));
  event_set_bytes (event, IPMID_FIELD_RAW, raw, sizeof raw);
  event_set_integer (event, IPMID_FIELD_RECORD_ID, raw[0] | raw[1] << 8);
  event_set_integer (event, IPMID_FIELD_RECORD_TYPE, raw[2]);
}

static IpmidEvent *
event_of_kind (IpmidKind kind, const char *raw)
{
  IpmidEvent *event = event_new ();

  event_set_string (event, IPMID_FIELD_ID, "b1/5/1");
  event_set_integer (event, IPMID_FIELD_KIND, kind);
  if (raw != NULL)
    set_raw (event, raw);
  if (kind != IPMID_KIND_UNKNOWN)
    {
      event_set_string (event, IPMID_FIELD_SENSOR_ID, "3.1.CPU1 Temp");
      event_set_integer (event, IPMID_FIELD_ASSERT, TRUE);
    }
  return event;
}

static void
assert_eventd (const IpmidEvent *event, const char *expected)
{
  g_autoptr (GString) text = g_string_new ("before\n");
  g_autoptr (GString) joined = g_string_new ("before\n");
  g_auto (GStrv) arguments = render_arguments (event);

  g_assert_true (render_event (event, IPMID_FORMAT_EVENTD, text));
  g_assert_true (g_str_has_prefix (text->str, "before\n"));
  g_assert_cmpstr (text->str + 7, ==, expected);
  /* The arguments are the same words. */
  g_assert_nonnull (arguments);
  g_string_append_printf (joined, "%s\n", arguments[0]);
  for (guint i = 1; arguments[i] != NULL; i += 2)
    g_string_append_printf (joined, "%s %s\n", arguments[i], arguments[i + 1]);
  g_string_append (joined, "endevent\n");
  g_assert_cmpstr (joined->str, ==, text->str);
}

#define RAW_THRESHOLD "0100020403020120000401300159615f"
#define TAIL_THRESHOLD                                                                                                 \
  "eventtype 0x2\neventtime 16909060000000000\n"                                                                       \
  "eventdata  0x04 0x03 0x02 0x01 0x20 0x00 0x04 0x01 0x30 0x01 0x59 0x61 0x5f\nendevent\n"

static IpmidEvent *
threshold_event (IpmidThreshold threshold, IpmidDirection direction)
{
  IpmidEvent *event = event_of_kind (IPMID_KIND_THRESHOLD, RAW_THRESHOLD);

  event_set_integer (event, IPMID_FIELD_THRESHOLD, threshold);
  event_set_integer (event, IPMID_FIELD_DIRECTION, direction);
  return event;
}

static void
test_thresholds (void)
{
  static const char *const words[] = { "lower_non_critical", "lower_critical", "lower_non_recoverable",
                                       "upper_non_critical", "upper_critical", "upper_non_recoverable" };

  for (guint i = 0; i < 12; i++)
    {
      g_autoptr (IpmidEvent) event = threshold_event (i / 2, i % 2);
      g_autofree char *expected
          = g_strdup_printf ("threshold\nseverity %s\ndirection %s\nassert true\nid 3.1.CPU1 Temp\n" TAIL_THRESHOLD,
                             words[i / 2], i % 2 != 0 ? "going_high" : "going_low");
      assert_eventd (event, expected);
    }
}

static void
test_threshold_values (void)
{
  g_autoptr (IpmidEvent) event = threshold_event (IPMID_THRESHOLD_UPPER_CRITICAL, IPMID_DIRECTION_HIGH);

  event_set_integer (event, IPMID_FIELD_ASSERT, FALSE);
  event_set_integer (event, IPMID_FIELD_RAW_VALUE, 0x05);
  assert_eventd (event, "threshold\nseverity upper_critical\ndirection going_high\nraw 0x05\nassert false\n"
                        "id 3.1.CPU1 Temp\n" TAIL_THRESHOLD);
  event_set_double (event, IPMID_FIELD_VALUE, -23.4375);
  assert_eventd (event, "threshold\nseverity upper_critical\ndirection going_high\nval -23.437500\nraw 0x05\n"
                        "assert false\nid 3.1.CPU1 Temp\n" TAIL_THRESHOLD);
  event_set_double (event, IPMID_FIELD_VALUE, -G_MAXDOUBLE); /* no buffer is too small */
  g_strfreev (render_arguments (event));
}

/* What should not be is an unknown event, never a crash or a wrong word. */
static void
test_threshold_without (void)
{
  g_autoptr (IpmidEvent) event = event_of_kind (IPMID_KIND_THRESHOLD, RAW_THRESHOLD);

  assert_eventd (event, "unknown\n" TAIL_THRESHOLD);
}

static IpmidEvent *
discrete_event (const char *raw, int severity, int previous)
{
  IpmidEvent *event = event_of_kind (IPMID_KIND_DISCRETE, raw);

  event_set_integer (event, IPMID_FIELD_OFFSET, 2);
  if (severity >= 0)
    event_set_integer (event, IPMID_FIELD_STATE_SEVERITY, severity);
  if (previous >= 0)
    event_set_integer (event, IPMID_FIELD_PREVIOUS_SEVERITY, previous);
  return event;
}

static void
test_discrete (void)
{
  static const struct
  {
    const char *raw;
    const char *data_1_and_2;
    int severity, previous;
    const char *words;
  } cases[] = {
    /* Nothing said in event data 2: openipmi_eventd prints 0, whether the
     * collector sets the fields or leaves them out. */
    { "01000204030201200004083107020000", "0x02 0x00", -1, -1, "severity 0\nprevseverity 0\n" },
    { "01000204030201200004083107020000", "0x02 0x00", 0, 0, "severity 0\nprevseverity 0\n" },
    /* Event data 2 holds severities. */
    { "01000204030201200004083107823100", "0x82 0x31", 3, 1, "severity 3\nprevseverity 1\n" },
    { "01000204030201200004083107823f00", "0x82 0x3f", 3, -1, "severity 3\n" },
    { "0100020403020120000408310782f100", "0x82 0xf1", -1, 1, "prevseverity 1\n" },
    { "0100020403020120000408310782ff00", "0x82 0xff", -1, -1, "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (IpmidEvent) event = discrete_event (cases[i].raw, cases[i].severity, cases[i].previous);
      g_autofree char *expected
          = g_strdup_printf ("discrete\noffset 2\n%sassert true\nid 3.1.CPU1 Temp\neventtype 0x2\n"
                             "eventtime 16909060000000000\n"
                             "eventdata  0x04 0x03 0x02 0x01 0x20 0x00 0x04 0x08 0x31 0x07 %s 0x00\nendevent\n",
                             cases[i].words, cases[i].data_1_and_2);
      assert_eventd (event, expected);
    }
}

static void
test_unknown (void)
{
  /* Record type C5h has a time, E0h and above have none. */
  g_autoptr (IpmidEvent) with_time = event_of_kind (IPMID_KIND_UNKNOWN, "0500c5ffffffff010203040506070809");
  g_autoptr (IpmidEvent) without = event_of_kind (IPMID_KIND_UNKNOWN, "0600e0010203040506070809000a0b0c");
  g_autoptr (IpmidEvent) bare = event_of_kind (IPMID_KIND_UNKNOWN, NULL);

  assert_eventd (with_time, "unknown\neventtype 0xc5\neventtime 4294967295000000000\n"
                            "eventdata  0xff 0xff 0xff 0xff 0x01 0x02 0x03 0x04 0x05 0x06 0x07 0x08 0x09\nendevent\n");
  assert_eventd (without, "unknown\neventtype 0xe0\neventtime -1\n"
                          "eventdata  0x01 0x02 0x03 0x04 0x05 0x06 0x07 0x08 0x09 0x00 0x0a 0x0b 0x0c\nendevent\n");
  assert_eventd (bare, "unknown\neventtype 0x0\neventtime -1\neventdata \nendevent\n");
}

static void
test_own_kinds (void)
{
  for (gint64 kind = IPMID_KIND_CONNECTION; kind <= IPMID_KIND_HEALTH; kind++)
    {
      g_autoptr (IpmidEvent) event = event_of_kind ((IpmidKind) kind, NULL);
      g_autoptr (GString) text = g_string_new ("before");

      g_assert_false (render_event (event, IPMID_FORMAT_EVENTD, text));
      g_assert_cmpstr (text->str, ==, "before");
      g_assert_null (render_arguments (event));
      g_assert_true (render_event (event, IPMID_FORMAT_JSON, text));
    }
}

/* A sensor name that would forge a record stays inside its line. */
static void
test_hostile_eventd (void)
{
  g_autoptr (IpmidEvent) event = threshold_event (IPMID_THRESHOLD_LOWER_CRITICAL, IPMID_DIRECTION_LOW);

  event_set_string (event, IPMID_FIELD_SENSOR_ID, "3.1.x\nendevent\nthreshold\r\x1b[2J\x80");
  assert_eventd (event, "threshold\nseverity lower_critical\ndirection going_low\nassert true\n"
                        "id 3.1.x\xef\xbf\xbd"
                        "endevent\xef\xbf\xbd"
                        "threshold\xef\xbf\xbd\xef\xbf\xbd[2J\xef\xbf\xbd\n" TAIL_THRESHOLD);
}

/* -------------------------------------------------------------------- JSON */

static char *
json_line (const IpmidEvent *event)
{
  GString *text = g_string_new (NULL);

  g_assert_true (render_event (event, IPMID_FORMAT_JSON, text));
  return g_string_free (text, FALSE);
}

static void
test_json (void)
{
  g_autoptr (IpmidEvent) event = bench_event ("b1", 7);
  g_autofree char *line = NULL;

  event_set_double (event, IPMID_FIELD_LIMIT, 95.1);
  line = json_line (event);
  g_assert_cmpstr (
      line, ==,
      "{\"id\":\"b1/1700000000/7\",\"bmc\":\"b1\",\"kind\":\"threshold\",\"time\":\"2004-02-16T01:42:40Z\","
      "\"received\":\"2023-11-14T22:13:20.123456Z\",\"record_id\":7,\"record_type\":2,\"assert\":true,"
      "\"severity\":\"critical\",\"text\":\"CPU1 Temp: upper critical going high, 97 > 95 \xc2\xb0"
      "C\","
      "\"sensor\":\"CPU1 Temp\",\"sensor_type\":\"Temperature\",\"entity\":\"processor 1\",\"offset\":9,"
      "\"threshold\":\"upper critical\",\"direction\":\"high\",\"value\":97,\"unit\":\"\xc2\xb0"
      "C\","
      "\"limit\":95.1,\"existing\":false,\"raw\":\"07000210203040200004013001596"
      "15f\","
      "\"sensor_id\":\"3.1.CPU1 Temp\",\"raw_value\":97}\n");
}

/* Gives every field a value of its type. */
static void
fill (IpmidEvent *event, IpmidField field)
{
  switch (event_field (field)->type)
    {
    case EVENT_TYPE_STRING:
      event_set_string (event, field, "words");
      break;
    case EVENT_TYPE_DOUBLE:
      event_set_double (event, field, 2.5);
      break;
    case EVENT_TYPE_BYTES:
      event_set_bytes (event, field, "\x01\xff", 2);
      break;
    default:
      event_set_integer (event, field, 1);
    }
}

/* Every field, in the order of IpmidField, readable by a strict parser, and
 * with the same text as render_field() gives. */
static void
test_every_field (void)
{
  g_autoptr (IpmidEvent) event = event_new ();
  g_autofree char *line = NULL;
  json_t *object;
  void *iterator;

  for (guint i = 0; i < IPMID_N_FIELDS; i++)
    {
      g_assert_null (render_field (event, i));
      fill (event, i);
    }
  line = json_line (event);
  object = json_loads (line, JSON_REJECT_DUPLICATES, NULL);
  g_assert_nonnull (object);
  iterator = json_object_iter (object);
  for (guint i = 0; i < IPMID_N_FIELDS; i++, iterator = json_object_iter_next (object, iterator))
    {
      json_t *value = json_object_iter_value (iterator);
      g_autofree char *text = render_field (event, i);
      char *dumped = json_is_string (value) ? NULL : json_dumps (value, JSON_ENCODE_ANY);

      g_assert_cmpstr (json_object_iter_key (iterator), ==, event_field (i)->name);
      g_assert_cmpstr (text, ==, json_is_string (value) ? json_string_value (value) : dumped);
      free (dumped);
    }
  json_decref (object);
}

static void
test_numbers (void)
{
  static const struct
  {
    double value;
    const char *text;
  } cases[] = { { 97, "97" },
                { -0.0, "0" },
                { 23.4, "23.4" },
                { -1.25, "-1.25" },
                { 0.1, "0.1" },
                { 1e15, "1000000000000000" },
                { 12345.678, "12345.678" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (IpmidEvent) event = event_new ();
      g_autofree char *expected = g_strdup_printf ("{\"value\":%s}\n", cases[i].text);
      g_autofree char *line = NULL;
      g_autofree char *field = NULL;

      event_set_double (event, IPMID_FIELD_VALUE, cases[i].value);
      line = json_line (event);
      field = render_field (event, IPMID_FIELD_VALUE);
      g_assert_cmpstr (line, ==, expected);
      g_assert_cmpstr (field, ==, cases[i].text);
    }
}

static void
test_times (void)
{
  static const struct
  {
    gint64 ns;
    const char *text;
  } cases[] = { { 0, "1970-01-01T00:00:00Z" },
                { 999, "1970-01-01T00:00:00Z" },
                { 1000, "1970-01-01T00:00:00.000001Z" },
                { G_GINT64_CONSTANT (4294967295000000000), "2106-02-07T06:28:15Z" },
                { -1, "1969-12-31T23:59:59.999999Z" },
                { G_MAXINT64, "2262-04-11T23:47:16.854775Z" },
                { G_MININT64, "1677-09-21T00:12:43.145224Z" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (IpmidEvent) event = event_new ();
      g_autofree char *text = NULL;

      event_set_integer (event, IPMID_FIELD_TIME, cases[i].ns);
      text = render_field (event, IPMID_FIELD_TIME);
      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

/* Every byte and pair of bytes as a sensor's name: one line, valid JSON, and
 * the parser gets back what the event holds. */
static void
test_hostile_json (void)
{
  for (guint i = 1; i < 65536; i++)
    {
      const char name[] = { (char) (i & 0xff), (char) (i >> 8), '"', '\\', '\0' };
      g_autoptr (IpmidEvent) event = event_new ();
      g_autofree char *line = NULL;
      json_t *object;

      event_set_string (event, IPMID_FIELD_SENSOR, name);
      line = json_line (event);
      g_assert_true (strchr (line, '\n') == line + strlen (line) - 1);
      for (const char *c = line; *c != '\n'; c++)
        g_assert_false (g_ascii_iscntrl (*c));
      object = json_loads (line, JSON_REJECT_DUPLICATES, NULL);
      g_assert_nonnull (object);
      g_assert_cmpstr (json_string_value (json_object_get (object, "sensor")), ==,
                       event_string (event, IPMID_FIELD_SENSOR));
      json_decref (object);
    }
}

static void
test_separators (void)
{
  g_autoptr (IpmidEvent) event = event_new ();
  g_autofree char *line = NULL;

  event_set_string (event, IPMID_FIELD_TEXT,
                    "a\xe2\x80\xa8"
                    "b\xe2\x80\xa9"
                    "c\xc2\x85"
                    "d\x7f");
  line = json_line (event);
  g_assert_cmpstr (line, ==,
                   "{\"text\":\"a\xef\xbf\xbd"
                   "b\xef\xbf\xbd"
                   "c\xef\xbf\xbd"
                   "d\xef\xbf\xbd\"}\n");
}

static void
test_speed (gconstpointer data)
{
  IpmidFormat format = (IpmidFormat) GPOINTER_TO_INT (data);
  g_autoptr (IpmidEvent) event = bench_event ("b1", 1);
  g_autoptr (GString) text = g_string_new (NULL);
  const guint rounds = 100000;
  gint64 began = g_get_monotonic_time ();

  if (!g_test_perf ())
    {
      g_test_skip ("run with -m perf");
      return;
    }
  for (guint i = 0; i < rounds; i++)
    {
      g_string_truncate (text, 0);
      render_event (event, format, text);
    }
  g_test_message ("%.2f microseconds an event", (double) (g_get_monotonic_time () - began) / rounds);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/render/eventd/thresholds", test_thresholds);
  g_test_add_func ("/render/eventd/threshold-values", test_threshold_values);
  g_test_add_func ("/render/eventd/threshold-without", test_threshold_without);
  g_test_add_func ("/render/eventd/discrete", test_discrete);
  g_test_add_func ("/render/eventd/unknown", test_unknown);
  g_test_add_func ("/render/eventd/own-kinds", test_own_kinds);
  g_test_add_func ("/render/eventd/hostile", test_hostile_eventd);
  g_test_add_data_func ("/render/eventd/speed", GINT_TO_POINTER (IPMID_FORMAT_EVENTD), test_speed);
  g_test_add_func ("/render/json/event", test_json);
  g_test_add_func ("/render/json/every-field", test_every_field);
  g_test_add_func ("/render/json/numbers", test_numbers);
  g_test_add_func ("/render/json/times", test_times);
  g_test_add_func ("/render/json/hostile", test_hostile_json);
  g_test_add_func ("/render/json/separators", test_separators);
  g_test_add_data_func ("/render/json/speed", GINT_TO_POINTER (IPMID_FORMAT_JSON), test_speed);
  return g_test_run ();
}
