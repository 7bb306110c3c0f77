/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parse.c - see parse.h. */
#include "parse.h"

#include "error.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define NS_PER_SECOND G_GINT64_CONSTANT (1000000000)

/* "2026-12-01T08:00:00" */
#define TIME_LENGTH 19u

/* The years that nanoseconds since 1970 reach in full. */
#define YEAR_MIN 1678
#define YEAR_MAX 2261

/* What every event has. */
static const IpmidField required[] = { IPMID_FIELD_ID, IPMID_FIELD_BMC, IPMID_FIELD_KIND, IPMID_FIELD_RECEIVED };

/* So many digits; -1 if they are none. */
static int
read_number (const char *text, guint digits)
{
  int number = 0;

  for (guint i = 0; i < digits; i++)
    {
      if (!g_ascii_isdigit (text[i]))
        return -1;
      number = number * 10 + g_ascii_digit_value (text[i]);
    }
  return number;
}

/* ".123456Z" or "Z", to its end. */
static gboolean
read_fraction (const char *text, gint64 *ns)
{
  gint64 unit = NS_PER_SECOND;

  *ns = 0;
  if (*text == '.' && g_ascii_isdigit (text[1]))
    for (text++; g_ascii_isdigit (*text) && unit > 1; text++)
      *ns += g_ascii_digit_value (*text) * (unit /= 10);
  return strcmp (text, "Z") == 0;
}

/* RFC 3339 in UTC, as render.c writes it. */
static gboolean
read_time (const char *text, gint64 *ns)
{
  static const char shape[] = "0000-00-00T00:00:00";
  gint64 fraction;

  for (guint i = 0; i < TIME_LENGTH; i++)
    if (shape[i] == '0' ? !g_ascii_isdigit (text[i]) : text[i] != shape[i])
      return FALSE;
  int year = read_number (text, 4);
  if (year < YEAR_MIN || year > YEAR_MAX || !read_fraction (text + TIME_LENGTH, &fraction))
    return FALSE;
  g_autoptr (GDateTime) time
      = g_date_time_new_utc (year, read_number (text + 5, 2), read_number (text + 8, 2), read_number (text + 11, 2),
                             read_number (text + 14, 2), read_number (text + 17, 2));
  if (time == NULL)
    return FALSE;
  *ns = g_date_time_to_unix (time) * NS_PER_SECOND + fraction;
  return TRUE;
}

static gboolean
set_time (IpmidEvent *event, IpmidField field, const json_t *value)
{
  gint64 ns;

  if (!json_is_string (value) || !read_time (json_string_value (value), &ns))
    return FALSE;
  event_set_integer (event, field, ns);
  return TRUE;
}

static gboolean
set_enum (IpmidEvent *event, IpmidField field, const json_t *value)
{
  const EventField *description = event_field (field);

  for (gint64 i = description->minimum; json_is_string (value) && i <= description->maximum; i++)
    if (g_strcmp0 (description->names[i], json_string_value (value)) == 0)
      {
        event_set_integer (event, field, i);
        return TRUE;
      }
  return FALSE;
}

static gboolean
set_integer (IpmidEvent *event, IpmidField field, const json_t *value)
{
  const EventField *description = event_field (field);

  if (!json_is_integer (value) || json_integer_value (value) < description->minimum
      || json_integer_value (value) > description->maximum)
    return FALSE;
  event_set_integer (event, field, json_integer_value (value));
  return TRUE;
}

/* In hex. */
static gboolean
set_bytes (IpmidEvent *event, IpmidField field, const json_t *value)
{
  guint8 bytes[EVENT_BYTES_MAX];
  const char *text = json_string_value (value);
  gsize digits = text == NULL ? 1 : strlen (text);

  if (digits % 2 != 0 || digits / 2 > sizeof bytes)
    return FALSE;
  for (gsize i = 0; i < digits; i += 2)
    {
      int high = g_ascii_xdigit_value (text[i]), low = g_ascii_xdigit_value (text[i + 1]);
      if (high < 0 || low < 0)
        return FALSE;
      bytes[i / 2] = (guint8) (high << 4 | low);
    }
  event_set_bytes (event, field, bytes, digits / 2);
  return TRUE;
}

static gboolean
set_double (IpmidEvent *event, IpmidField field, const json_t *value)
{
  if (!json_is_number (value) || !isfinite (json_number_value (value)))
    return FALSE;
  event_set_double (event, field, json_number_value (value));
  return TRUE;
}

static gboolean
set_string (IpmidEvent *event, IpmidField field, const json_t *value)
{
  if (!json_is_string (value))
    return FALSE;
  event_set_string (event, field, json_string_value (value));
  return TRUE;
}

static gboolean
set_boolean (IpmidEvent *event, IpmidField field, const json_t *value)
{
  if (!json_is_boolean (value))
    return FALSE;
  event_set_integer (event, field, json_is_true (value));
  return TRUE;
}

static gboolean
set_field (IpmidEvent *event, IpmidField field, const json_t *value)
{
  switch (event_field (field)->type)
    {
    case EVENT_TYPE_STRING:
      return set_string (event, field, value);
    case EVENT_TYPE_INTEGER:
      return set_integer (event, field, value);
    case EVENT_TYPE_BOOLEAN:
      return set_boolean (event, field, value);
    case EVENT_TYPE_ENUM:
      return set_enum (event, field, value);
    case EVENT_TYPE_TIME:
      return set_time (event, field, value);
    case EVENT_TYPE_DOUBLE:
      return set_double (event, field, value);
    case EVENT_TYPE_BYTES:
      return set_bytes (event, field, value);
    }
  g_return_val_if_reached (FALSE);
}

static gboolean
set_fields (IpmidEvent *event, const json_t *object, GError **error)
{
  for (guint i = 0; i < IPMID_N_FIELDS; i++)
    {
      const json_t *value = json_object_get (object, event_field (i)->name);
      if (value == NULL || set_field (event, i, value))
        continue;
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "\"%s\" has a bad value", event_field (i)->name);
      return FALSE;
    }
  for (guint i = 0; i < G_N_ELEMENTS (required); i++)
    if (!event_has (event, required[i]))
      {
        g_set_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "\"%s\" is missing", event_field (required[i])->name);
        return FALSE;
      }
  return TRUE;
}

IpmidEvent *
parse_event (const char *json, GError **error)
{
  g_autoptr (IpmidEvent) event = event_new ();
  json_error_t mistake;
  json_t *object = json_loads (json, JSON_REJECT_DUPLICATES, &mistake);
  gboolean good = json_is_object (object);

  if (!good)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "it is no JSON object%s%s", object == NULL ? ": " : "",
                 object == NULL ? mistake.text : "");
  good = good && set_fields (event, object, error);
  json_decref (object);
  return good ? g_steal_pointer (&event) : NULL;
}
