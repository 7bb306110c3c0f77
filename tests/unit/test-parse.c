/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-parse.c - events from their JSON: what was rendered comes back as it was. */
#include <event/error.h>
#include <event/parse.h>
#include <event/render.h>

#include <string.h>

#define MICROSECOND G_GINT64_CONSTANT (1000)
#define RECEIVED (G_GINT64_CONSTANT (1764576000123456) * MICROSECOND)

static IpmidEvent *
new_event (void)
{
  IpmidEvent *event = event_new ();

  event_set_string (event, IPMID_FIELD_ID, "b1/5/1");
  event_set_string (event, IPMID_FIELD_BMC, "b1");
  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_DISCRETE);
  event_set_integer (event, IPMID_FIELD_RECEIVED, RECEIVED);
  return event;
}

static char *
render (const IpmidEvent *event)
{
  GString *text = g_string_new (NULL);

  g_assert_true (render_event (event, IPMID_FORMAT_JSON, text));
  g_string_truncate (text, text->len - 1); /* as a store keeps it */
  return g_string_free (text, FALSE);
}

/* The same fields with the same values, to the bit. */
static void
check (const IpmidEvent *event)
{
  g_autofree char *text = render (event);
  g_autoptr (GError) error = NULL;
  g_autoptr (IpmidEvent) again = parse_event (text, &error);
  g_assert_no_error (error);
  g_autofree char *text_again = render (again);
  g_autoptr (GVariant) one = g_variant_ref_sink (event_to_variant (event));
  g_autoptr (GVariant) other = g_variant_ref_sink (event_to_variant (again));

  g_assert_cmpstr (text_again, ==, text);
  g_assert_true (g_variant_equal (one, other));
}

/* Every integer of a small range, both ends of a great one. */
static void
check_integers (IpmidField field)
{
  const EventField *description = event_field (field);
  gboolean small = description->maximum <= 0xffff;

  for (gint64 value = description->minimum; value <= description->maximum;
       value = small || value == description->maximum ? value + 1 : description->maximum)
    {
      if (description->names != NULL && description->names[value] == NULL)
        continue;
      g_autoptr (IpmidEvent) event = new_event ();
      event_set_integer (event, field, value);
      check (event);
    }
}

static void
check_times (IpmidField field)
{
  static const gint64 times[] = { 0,
                                  MICROSECOND,
                                  -MICROSECOND,
                                  G_GINT64_CONSTANT (1000000000),
                                  G_GINT64_CONSTANT (951782399999999) * MICROSECOND, /* the end of a leap day */
                                  RECEIVED,
                                  G_GINT64_CONSTANT (4294967295000000) * MICROSECOND,
                                  G_GINT64_CONSTANT (9214646399999999) * MICROSECOND };

  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    {
      g_autoptr (IpmidEvent) event = new_event ();
      event_set_integer (event, field, times[i]);
      check (event);
    }
}

static void
check_doubles (IpmidField field)
{
  static const double values[] = { 0, -1, 23.4, -0.001953125, 1e15, 9007199254740992.0, 1.5e300, -2.5e-300 };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (IpmidEvent) event = new_event ();
      event_set_double (event, field, values[i]);
      check (event);
    }
}

static void
check_strings (IpmidField field)
{
  static const char *const strings[]
      = { "", "CPU1 Temp", "a \"quoted\" \\ back\\slash / <b>", "Stra\303\237e \360\237\224\245", "{\"id\":1}" };

  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    {
      g_autoptr (IpmidEvent) event = new_event ();
      event_set_string (event, field, strings[i]);
      check (event);
    }
}

static void
check_bytes (IpmidField field)
{
  guint8 bytes[EVENT_BYTES_MAX];

  for (guint i = 0; i < sizeof bytes; i++)
    bytes[i] = (guint8) (i * 37 + 5);
  for (guint length = 0; length <= sizeof bytes; length++)
    {
      g_autoptr (IpmidEvent) event = new_event ();
      event_set_bytes (event, field, bytes, length);
      check (event);
    }
}

static void
test_every_field (void)
{
  for (guint field = 0; field < IPMID_N_FIELDS; field++)
    switch (event_field (field)->type)
      {
      case EVENT_TYPE_STRING:
        check_strings (field);
        break;
      case EVENT_TYPE_INTEGER:
      case EVENT_TYPE_BOOLEAN:
      case EVENT_TYPE_ENUM:
        check_integers (field);
        break;
      case EVENT_TYPE_TIME:
        check_times (field);
        break;
      case EVENT_TYPE_DOUBLE:
        check_doubles (field);
        break;
      case EVENT_TYPE_BYTES:
        check_bytes (field);
        break;
      }
}

/* What JSON does not keep. */
static void
test_precision (void)
{
  g_autoptr (IpmidEvent) event = new_event ();

  event_set_integer (event, IPMID_FIELD_TIME, RECEIVED + 999);
  event_set_double (event, IPMID_FIELD_VALUE, 23.399999999999999);
  g_autofree char *text = render (event);
  g_autoptr (IpmidEvent) again = parse_event (text, NULL);
  g_assert_cmpint (event_integer (again, IPMID_FIELD_TIME), ==, RECEIVED);
  g_autofree char *text_again = render (again);
  g_assert_cmpstr (text_again, ==, text);
}

#define START "{\"id\":\"b1/5/1\",\"bmc\":\"b1\",\"kind\":\"discrete\",\"received\":\"2026-12-01T08:00:00Z\""

/* A newer ipmid's members are none of ours. */
static void
test_unknown_members (void)
{
  g_autoptr (IpmidEvent) event = parse_event (START ",\"colour\":\"red\",\"list\":[1,{}],\"assert\":true}", NULL);

  g_assert_nonnull (event);
  g_assert_true (event_integer (event, IPMID_FIELD_ASSERT));
}

static void
check_refused (const char *text, const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (parse_event (text, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL);
  if (strstr (error->message, words) == NULL)
    g_error ("%s: \"%s\" does not say \"%s\"", text, error->message, words);
}

static void
test_bad_values (void)
{
  static const char *const bad[][2] = {
    { "time", "1" },
    { "time", "\"\"" },
    { "time", "\"2026-12-01\"" },
    { "time", "\"2026-12-01T08:00:00\"" },
    { "time", "\"2026-12-01T08:00:00+01:00\"" },
    { "time", "\"2026-12-01T08:00:00.Z\"" },
    { "time", "\"2026-12-01T08:00:00.1234567890Z\"" },
    { "time", "\"2026-12-01T08:00:00Z \"" },
    { "time", "\"2026-13-01T08:00:00Z\"" },
    { "time", "\"2026-02-29T08:00:00Z\"" },
    { "time", "\"2026-12-01T24:00:00Z\"" },
    { "time", "\"0001-12-01T08:00:00Z\"" },
    { "time", "\"2262-12-01T08:00:00Z\"" },
    { "severity", "\"fatal\"" },
    { "severity", "4" },
    { "severity", "null" },
    { "threshold", "\"upper\"" },
    { "record_id", "65536" },
    { "record_id", "-1" },
    { "record_id", "1.0" },
    { "record_id", "\"1\"" },
    { "assert", "1" },
    { "value", "\"1\"" },
    { "value", "true" },
    { "raw", "\"0\"" },
    { "raw", "\"0g\"" },
    { "raw", "12" },
    { "text", "12" },
    { "text", "[]" },
  };
  g_autofree char *long_hex = g_strnfill (2 * EVENT_BYTES_MAX + 2, 'a');
  g_autofree char *long_raw = g_strdup_printf (START ",\"raw\":\"%s\"}", long_hex);

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *text = g_strdup_printf (START ",\"%s\":%s}", bad[i][0], bad[i][1]);
      g_autofree char *words = g_strdup_printf ("\"%s\" has a bad value", bad[i][0]);
      check_refused (text, words);
    }
  check_refused (long_raw, "raw");
  check_refused (START ",\"id\":\"other\"}", "no JSON object");
}

/* Control characters do not come back in by this way. */
static void
test_hostile_strings (void)
{
  g_autoptr (IpmidEvent) event = parse_event (START ",\"text\":\"a\\u001b[31m\\nb\\u202e\"}", NULL);

  g_assert_nonnull (event);
  g_assert_cmpstr (event_string (event, IPMID_FIELD_TEXT), ==, "a\357\277\275[31m\357\277\275b\357\277\275");
}

static void
test_missing (void)
{
  check_refused ("{}", "\"id\" is missing");
  check_refused ("{\"id\":\"x\"}", "\"bmc\" is missing");
  check_refused ("{\"id\":\"x\",\"bmc\":\"b\"}", "\"kind\" is missing");
  check_refused ("{\"id\":\"x\",\"bmc\":\"b\",\"kind\":\"gap\"}", "\"received\" is missing");
  check_refused ("[]", "no JSON object");
  check_refused ("\"id\"", "no JSON object");
  check_refused ("", "no JSON object");
}

/* Every beginning of a good text is none. */
static void
test_cut (void)
{
  const char *text = START ",\"raw\":\"00ff\",\"value\":1.5}";

  for (gsize length = 0; length < strlen (text); length++)
    {
      g_autofree char *cut = g_strndup (text, length);
      check_refused (cut, "no JSON object");
    }
}

/* Any byte may be another one: an event or an error, no crash. */
static void
test_changed (void)
{
  const char *text = START ",\"time\":\"2026-12-01T08:00:00.5Z\",\"raw\":\"00ff\",\"value\":1.5}";

  for (gsize at = 0; at < strlen (text); at++)
    for (guint byte = 1; byte < 256; byte++)
      {
        g_autofree char *changed = g_strdup (text);
        g_autoptr (GError) error = NULL;
        changed[at] = (char) byte;
        g_autoptr (IpmidEvent) event = parse_event (changed, &error);
        g_assert_true ((event == NULL) == (error != NULL));
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/parse/every-field", test_every_field);
  g_test_add_func ("/parse/precision", test_precision);
  g_test_add_func ("/parse/unknown-members", test_unknown_members);
  g_test_add_func ("/parse/bad-values", test_bad_values);
  g_test_add_func ("/parse/hostile-strings", test_hostile_strings);
  g_test_add_func ("/parse/missing", test_missing);
  g_test_add_func ("/parse/cut", test_cut);
  g_test_add_func ("/parse/changed", test_changed);
  return g_test_run ();
}
