/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-event.c - events: fields, copies, and the wire there and back. */
#include "event/error.h"
#include "event/event.h"

#include <math.h>
#include <string.h>

static const char *
sample_string (IpmidField field)
{
  return event_field (field)->name;
}

static void
fill (IpmidEvent *event, IpmidField field)
{
  const EventField *description = event_field (field);

  switch (description->type)
    {
    case EVENT_TYPE_STRING:
      event_set_string (event, field, sample_string (field));
      break;
    case EVENT_TYPE_DOUBLE:
      event_set_double (event, field, -12.625);
      break;
    case EVENT_TYPE_BYTES:
      event_set_bytes (event, field, "0123456789abcdef", 16);
      break;
    default:
      event_set_integer (event, field, description->maximum);
    }
}

static void
assert_same (const IpmidEvent *a, const IpmidEvent *b)
{
  for (guint i = 0; i < IPMID_N_FIELDS; i++)
    {
      gsize length_a, length_b;
      const guint8 *bytes_a = event_bytes (a, i, &length_a), *bytes_b = event_bytes (b, i, &length_b);

      g_assert_cmpint (event_has (a, i), ==, event_has (b, i));
      g_assert_cmpint (event_integer (a, i), ==, event_integer (b, i));
      g_assert_cmpfloat (event_double (a, i), ==, event_double (b, i));
      g_assert_cmpstr (event_string (a, i), ==, event_string (b, i));
      g_assert_cmpmem (bytes_a, (int) length_a, bytes_b, (int) length_b);
    }
}

/* Byte for byte what GVariantBuilder makes of the same fields. */
static void
assert_layout (GVariant *received, GBytes *bytes)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE (EVENT_VARIANT_TYPE));
  GVariantIter iter;
  guchar field;
  GVariant *value;

  g_assert_true (g_variant_is_normal_form (received));
  g_variant_iter_init (&iter, received);
  while (g_variant_iter_loop (&iter, "(yv)", &field, &value))
    g_variant_builder_add (&builder, "(yv)", field, value);
  g_autoptr (GVariant) built = g_variant_ref_sink (g_variant_builder_end (&builder));
  g_assert_cmpmem (g_variant_get_data (built), (int) g_variant_get_size (built), g_bytes_get_data (bytes, NULL),
                   (int) g_bytes_get_size (bytes));
}

/* As it comes out of a socket: serialised and not trusted. */
static IpmidEvent *
through_wire (const IpmidEvent *event, GError **error)
{
  g_autoptr (GVariant) variant = g_variant_ref_sink (event_to_variant (event));
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (variant);
  g_autoptr (GVariant) received
      = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (EVENT_VARIANT_TYPE), bytes, FALSE));

  assert_layout (received, bytes);
  return event_from_variant (received, error);
}

static void
test_empty (void)
{
  g_autoptr (IpmidEvent) event = event_new ();
  g_autoptr (IpmidEvent) copy = through_wire (event, NULL);

  g_assert_nonnull (copy);
  assert_same (event, copy);
  for (guint i = 0; i < IPMID_N_FIELDS; i++)
    g_assert_false (event_has (event, i));
  g_assert_false (event_has (event, IPMID_N_FIELDS));
}

/* Each field alone, and all together. */
static void
test_round_trip (void)
{
  g_autoptr (IpmidEvent) all = event_new ();
  g_autoptr (IpmidEvent) received = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < IPMID_N_FIELDS; i++)
    {
      g_autoptr (IpmidEvent) one = event_new ();
      g_autoptr (IpmidEvent) back = NULL;

      fill (one, i);
      fill (all, i);
      g_assert_true (event_has (one, i));
      back = through_wire (one, &error);
      g_assert_no_error (error);
      assert_same (one, back);
    }
  received = through_wire (all, &error);
  g_assert_no_error (error);
  assert_same (all, received);
}

static void
test_copy (void)
{
  g_autoptr (IpmidEvent) event = event_new ();
  g_autoptr (IpmidEvent) copy = NULL;

  for (guint i = 0; i < IPMID_N_FIELDS; i++)
    fill (event, i);
  copy = event_copy (event);
  assert_same (event, copy);
  event_set_string (copy, IPMID_FIELD_ID, "other");
  event_clear (copy, IPMID_FIELD_RAW);
  event_clear (copy, IPMID_FIELD_RAW);
  g_assert_cmpstr (event_string (event, IPMID_FIELD_ID), ==, "id");
  g_assert_true (event_has (event, IPMID_FIELD_RAW));
  g_assert_false (event_has (copy, IPMID_FIELD_RAW));
}

static void
test_cleaned (void)
{
  g_autoptr (IpmidEvent) event = event_new ();
  g_autofree char *long_text = g_strnfill (5000, 'x');
  guint8 long_bytes[200] = { 0 };
  gsize length;

  event_set_string (event, IPMID_FIELD_SENSOR, "a\nendevent\n\xff");
  g_assert_cmpstr (event_string (event, IPMID_FIELD_SENSOR), ==,
                   "a\xef\xbf\xbd"
                   "endevent\xef\xbf\xbd\xef\xbf\xbd");
  event_set_string (event, IPMID_FIELD_SENSOR, long_text);
  g_assert_cmpuint (strlen (event_string (event, IPMID_FIELD_SENSOR)), ==, EVENT_STRING_MAX);
  event_set_bytes (event, IPMID_FIELD_RAW, long_bytes, sizeof long_bytes);
  event_bytes (event, IPMID_FIELD_RAW, &length);
  g_assert_cmpuint (length, ==, EVENT_BYTES_MAX);
  event_set_double (event, IPMID_FIELD_VALUE, (double) NAN);
  event_set_double (event, IPMID_FIELD_LIMIT, (double) INFINITY);
  g_assert_false (event_has (event, IPMID_FIELD_VALUE) || event_has (event, IPMID_FIELD_LIMIT));
}

/* An event as text in GVariant's notation; NULL if it is refused. */
static IpmidEvent *
from_text (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) variant = g_variant_parse (G_VARIANT_TYPE (EVENT_VARIANT_TYPE), text, NULL, NULL, &error);
  IpmidEvent *event;

  g_assert_no_error (error);
  event = event_from_variant (variant, &error);
  if (event == NULL)
    g_assert_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL);
  return event;
}

static void
test_refused (void)
{
  static const char *const bad[] = {
    "[(0, <int64 1>)]", /* a string */
    "[(2, <int64 0>)]", /* no kind */
    "[(2, <int64 8>)]",
    "[(2, <int64 -1>)]",
    "[(2, <'threshold'>)]",
    "[(5, <int64 65536>)]",
    "[(5, <uint32 1>)]",
    "[(7, <true>)]",
    "[(7, <int64 2>)]",
    "[(13, <int64 16>)]",
    "[(14, <int64 6>)]",
    "[(16, <int64 1>)]",
    "[(20, <'raw'>)]",
    "[(5, <int64 1>), (5, <int64 -1>)]",
    "[(5, <int64 9223372036854775807>)]",
    "[(8, <int64 0>)]",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (from_text (bad[i]));
}

/* What a newer ipmid wrote is skipped; what is said twice counts the second time. */
static void
test_tolerated (void)
{
  g_autoptr (IpmidEvent) newer = from_text ("[(200, <{'x': <1>}>), (5, <int64 7>), (255, <''>)]");
  g_autoptr (IpmidEvent) twice = from_text ("[(0, <'a'>), (0, <'b'>)]");
  g_autoptr (IpmidEvent) infinite = NULL;
  GVariant *infinity = g_variant_new_double ((double) INFINITY);
  GVariant *pair = g_variant_new ("(yv)", IPMID_FIELD_VALUE, infinity);
  g_autoptr (GVariant) fields = g_variant_ref_sink (g_variant_new_array (NULL, &pair, 1));

  infinite = event_from_variant (fields, NULL);

  g_assert_cmpint (event_integer (newer, IPMID_FIELD_RECORD_ID), ==, 7);
  g_assert_cmpstr (event_string (twice, IPMID_FIELD_ID), ==, "b");
  g_assert_false (event_has (infinite, IPMID_FIELD_VALUE));
}

/* Any bytes, taken as an event: refused or sound. */
static void
test_random (void)
{
  for (guint round = 0; round < 50000; round++)
    {
      gsize length = (gsize) g_test_rand_int_range (0, 80);
      guint8 *data = g_malloc (length + (length == 0));
      g_autoptr (GVariant) variant = NULL;
      g_autoptr (IpmidEvent) event = NULL;

      for (gsize i = 0; i < length; i++)
        data[i] = (guint8) (g_test_rand_bit () ? g_test_rand_int_range (0, 256) : g_test_rand_int_range (0, 24));
      variant = g_variant_ref_sink (
          g_variant_new_from_data (G_VARIANT_TYPE (EVENT_VARIANT_TYPE), data, length, FALSE, g_free, data));
      event = event_from_variant (variant, NULL);
      if (event != NULL)
        {
          g_autoptr (IpmidEvent) back = through_wire (event, NULL);

          assert_same (event, back);
        }
    }
}

/* The public names, which never change. */
static void
test_names (void)
{
  static const char *const names[]
      = { "id",        "bmc",       "kind",  "time",   "received",    "record_id", "record_type",
          "assert",    "severity",  "text",  "sensor", "sensor_type", "entity",    "offset",
          "threshold", "direction", "value", "unit",   "limit",       "existing",  "raw" };
  static const char *const later[] = { "component", "state" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_assert_cmpstr (event_field (i)->name, ==, names[i]);
  for (guint i = 0; i < G_N_ELEMENTS (later); i++)
    g_assert_cmpstr (event_field (IPMID_FIELD_COMPONENT + i)->name, ==, later[i]);
  for (guint i = 0; i < IPMID_N_FIELDS; i++)
    g_assert_nonnull (event_field (i)->name);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/event/empty", test_empty);
  g_test_add_func ("/event/round-trip", test_round_trip);
  g_test_add_func ("/event/copy", test_copy);
  g_test_add_func ("/event/cleaned", test_cleaned);
  g_test_add_func ("/event/refused", test_refused);
  g_test_add_func ("/event/tolerated", test_tolerated);
  g_test_add_func ("/event/random", test_random);
  g_test_add_func ("/event/names", test_names);
  return g_test_run ();
}
