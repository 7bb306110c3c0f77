/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event.c - see event.h. */
#include "event.h"

#include "error.h"
#include "text.h"

#include <math.h>
#include <string.h>

typedef union
{
  gint64 integer;
  double real;
  char *string;
  GBytes *bytes;
} EventValue;

struct _IpmidEvent
{
  gatomicrefcount references;
  guint32 present; /* bit n: field n has a value */
  EventValue values[IPMID_N_FIELDS];
};

G_STATIC_ASSERT (IPMID_N_FIELDS <= 32);

static const char *const kind_names[]
    = { NULL, "threshold", "discrete", "unknown", "connection", "message", "gap", "health" };
const char *const event_severities[] = { NULL, "ok", "info", "warning", "critical", NULL };
static const char *const threshold_names[] = { "lower non-critical", "lower critical", "lower non-recoverable",
                                               "upper non-critical", "upper critical", "upper non-recoverable" };
static const char *const direction_names[] = { "low", "high" };

#define ENUM(name, names)                                                                                              \
  {                                                                                                                    \
    name, EVENT_TYPE_ENUM, 0, G_N_ELEMENTS (names) - 1, names                                                          \
  }
#define INTEGER(name, maximum)                                                                                         \
  {                                                                                                                    \
    name, EVENT_TYPE_INTEGER, 0, maximum, NULL                                                                         \
  }
#define PLAIN(name, type)                                                                                              \
  {                                                                                                                    \
    name, type, G_MININT64, G_MAXINT64, NULL                                                                           \
  }

static const EventField fields[IPMID_N_FIELDS] = {
  [IPMID_FIELD_ID] = PLAIN ("id", EVENT_TYPE_STRING),
  [IPMID_FIELD_BMC] = PLAIN ("bmc", EVENT_TYPE_STRING),
  [IPMID_FIELD_KIND] = ENUM ("kind", kind_names),
  [IPMID_FIELD_TIME] = PLAIN ("time", EVENT_TYPE_TIME),
  [IPMID_FIELD_RECEIVED] = PLAIN ("received", EVENT_TYPE_TIME),
  [IPMID_FIELD_RECORD_ID] = INTEGER ("record_id", 0xffff),
  [IPMID_FIELD_RECORD_TYPE] = INTEGER ("record_type", 0xff),
  [IPMID_FIELD_ASSERT] = { "assert", EVENT_TYPE_BOOLEAN, 0, 1, NULL },
  [IPMID_FIELD_SEVERITY] = { "severity", EVENT_TYPE_ENUM, 0, IPMID_SEVERITY_CRITICAL, event_severities },
  [IPMID_FIELD_TEXT] = PLAIN ("text", EVENT_TYPE_STRING),
  [IPMID_FIELD_SENSOR] = PLAIN ("sensor", EVENT_TYPE_STRING),
  [IPMID_FIELD_SENSOR_TYPE] = PLAIN ("sensor_type", EVENT_TYPE_STRING),
  [IPMID_FIELD_ENTITY] = PLAIN ("entity", EVENT_TYPE_STRING),
  [IPMID_FIELD_OFFSET] = INTEGER ("offset", 15),
  [IPMID_FIELD_THRESHOLD] = ENUM ("threshold", threshold_names),
  [IPMID_FIELD_DIRECTION] = ENUM ("direction", direction_names),
  [IPMID_FIELD_VALUE] = PLAIN ("value", EVENT_TYPE_DOUBLE),
  [IPMID_FIELD_UNIT] = PLAIN ("unit", EVENT_TYPE_STRING),
  [IPMID_FIELD_LIMIT] = PLAIN ("limit", EVENT_TYPE_DOUBLE),
  [IPMID_FIELD_EXISTING] = { "existing", EVENT_TYPE_BOOLEAN, 0, 1, NULL },
  [IPMID_FIELD_RAW] = PLAIN ("raw", EVENT_TYPE_BYTES),
  [IPMID_FIELD_SENSOR_ID] = PLAIN ("sensor_id", EVENT_TYPE_STRING),
  [IPMID_FIELD_RAW_VALUE] = INTEGER ("raw_value", 0xff),
  [IPMID_FIELD_STATE_SEVERITY] = INTEGER ("state_severity", 0xff),
  [IPMID_FIELD_PREVIOUS_SEVERITY] = INTEGER ("previous_severity", 0xff),
  [IPMID_FIELD_LOST] = INTEGER ("lost", G_MAXINT32),
  [IPMID_FIELD_MAYBE_DUPLICATE_OF] = PLAIN ("maybe_duplicate_of", EVENT_TYPE_STRING),
  [IPMID_FIELD_COMPONENT] = PLAIN ("component", EVENT_TYPE_STRING),
  [IPMID_FIELD_STATE] = PLAIN ("state", EVENT_TYPE_STRING),
  [IPMID_FIELD_BACKFILLED] = { "backfilled", EVENT_TYPE_BOOLEAN, 0, 1, NULL },
};

const EventField *
event_field (IpmidField field)
{
  g_assert (field < IPMID_N_FIELDS);
  return &fields[field];
}

static gboolean
holds_integer (EventFieldType type)
{
  return type == EVENT_TYPE_INTEGER || type == EVENT_TYPE_BOOLEAN || type == EVENT_TYPE_ENUM || type == EVENT_TYPE_TIME;
}

static gboolean
in_range (const EventField *field, gint64 value)
{
  return value >= field->minimum && value <= field->maximum && (field->names == NULL || field->names[value] != NULL);
}

IpmidEvent *
event_new (void)
{
  IpmidEvent *event = g_new0 (IpmidEvent, 1);
  g_atomic_ref_count_init (&event->references);
  return event;
}

IpmidEvent *
event_ref (IpmidEvent *event)
{
  g_atomic_ref_count_inc (&event->references);
  return event;
}

void
event_unref (IpmidEvent *event)
{
  if (event == NULL || !g_atomic_ref_count_dec (&event->references))
    return;
  for (guint i = 0; i < IPMID_N_FIELDS; i++)
    event_clear (event, i);
  g_free (event);
}

IpmidEvent *
event_copy (const IpmidEvent *event)
{
  IpmidEvent *copy = event_new ();

  copy->present = event->present;
  memcpy (copy->values, event->values, sizeof copy->values);
  for (guint i = 0; i < IPMID_N_FIELDS; i++)
    {
      if (!event_has (event, i))
        continue;
      if (fields[i].type == EVENT_TYPE_STRING)
        copy->values[i].string = g_strdup (event->values[i].string);
      else if (fields[i].type == EVENT_TYPE_BYTES)
        g_bytes_ref (copy->values[i].bytes);
    }
  return copy;
}

gboolean
event_has (const IpmidEvent *event, IpmidField field)
{
  return (guint) field < IPMID_N_FIELDS && (event->present & (1u << field)) != 0;
}

void
event_clear (IpmidEvent *event, IpmidField field)
{
  if (!event_has (event, field))
    return;
  if (fields[field].type == EVENT_TYPE_STRING)
    g_free (event->values[field].string);
  else if (fields[field].type == EVENT_TYPE_BYTES)
    g_bytes_unref (event->values[field].bytes);
  event->present &= ~(1u << field);
}

static void
set_value (IpmidEvent *event, IpmidField field, EventValue value)
{
  event_clear (event, field);
  event->values[field] = value;
  event->present |= 1u << field;
}

void
event_set_string (IpmidEvent *event, IpmidField field, const char *value)
{
  g_assert (fields[field].type == EVENT_TYPE_STRING);
  set_value (event, field, (EventValue){ .string = text_clean (value, -1, EVENT_STRING_MAX) });
}

void
event_set_integer (IpmidEvent *event, IpmidField field, gint64 value)
{
  g_assert (holds_integer (fields[field].type) && in_range (&fields[field], value));
  set_value (event, field, (EventValue){ .integer = value });
}

void
event_set_double (IpmidEvent *event, IpmidField field, double value)
{
  g_assert (fields[field].type == EVENT_TYPE_DOUBLE);
  /* A reading that is no number has no place in JSON, nor any meaning. */
  if (isfinite (value))
    set_value (event, field, (EventValue){ .real = value });
}

void
event_set_bytes (IpmidEvent *event, IpmidField field, gconstpointer bytes, gsize length)
{
  g_assert (fields[field].type == EVENT_TYPE_BYTES);
  set_value (event, field, (EventValue){ .bytes = g_bytes_new (bytes, MIN (length, EVENT_BYTES_MAX)) });
}

gint64
event_integer (const IpmidEvent *event, IpmidField field)
{
  return event_has (event, field) && holds_integer (fields[field].type) ? event->values[field].integer : 0;
}

double
event_double (const IpmidEvent *event, IpmidField field)
{
  return event_has (event, field) && fields[field].type == EVENT_TYPE_DOUBLE ? event->values[field].real : 0.0;
}

const char *
event_string (const IpmidEvent *event, IpmidField field)
{
  return event_has (event, field) && fields[field].type == EVENT_TYPE_STRING ? event->values[field].string : NULL;
}

const guint8 *
event_bytes (const IpmidEvent *event, IpmidField field, gsize *length)
{
  *length = 0;
  if (!event_has (event, field) || fields[field].type != EVENT_TYPE_BYTES)
    return NULL;
  return g_bytes_get_data (event->values[field].bytes, length);
}

/* The journal and the collector write thousands of events a second, and
 * GVariantBuilder is slow at that: the bytes are laid out here.  An array of
 * (field, value) is, each element aligned to 8: the field in a byte, up to the
 * next 8; the value's own bytes; a zero; the letters of its type.  Where the
 * elements end stands behind the last one, little-endian, in the smallest
 * numbers that can say so.  (GVariant specification, section 2.) */
#define ALIGNMENT 8u

static void
align (GByteArray *bytes)
{
  static const guint8 zeros[ALIGNMENT];

  g_byte_array_append (bytes, zeros, -bytes->len % ALIGNMENT);
}

static void
append_value (GByteArray *bytes, const EventValue *value, EventFieldType type)
{
  gsize length;
  gconstpointer data;

  switch (type)
    {
    case EVENT_TYPE_STRING:
      g_byte_array_append (bytes, (const guint8 *) value->string, (guint) strlen (value->string) + 1);
      g_byte_array_append (bytes, (const guint8 *) "\0s", 2);
      break;
    case EVENT_TYPE_DOUBLE:
      g_byte_array_append (bytes, (const guint8 *) &value->real, sizeof value->real);
      g_byte_array_append (bytes, (const guint8 *) "\0d", 2);
      break;
    case EVENT_TYPE_BYTES:
      data = g_bytes_get_data (value->bytes, &length);
      g_byte_array_append (bytes, data, (guint) length);
      g_byte_array_append (bytes, (const guint8 *) "\0ay", 3);
      break;
    default:
      g_byte_array_append (bytes, (const guint8 *) &value->integer, sizeof value->integer);
      g_byte_array_append (bytes, (const guint8 *) "\0x", 2);
    }
}

static void
append_ends (GByteArray *bytes, const guint *ends, guint n)
{
  guint width = bytes->len + n <= G_MAXUINT8 ? 1 : bytes->len + 2 * n <= G_MAXUINT16 ? 2 : 4;

  for (guint i = 0; i < n; i++)
    {
      guint32 end = GUINT32_TO_LE (ends[i]);
      g_byte_array_append (bytes, (const guint8 *) &end, width);
    }
}

GVariant *
event_to_variant (const IpmidEvent *event)
{
  GByteArray *bytes = g_byte_array_sized_new (512);
  guint ends[IPMID_N_FIELDS];
  guint n = 0;

  for (guint8 i = 0; i < IPMID_N_FIELDS; i++)
    {
      if (!event_has (event, i))
        continue;
      align (bytes);
      g_byte_array_append (bytes, &i, 1);
      align (bytes);
      append_value (bytes, &event->values[i], fields[i].type);
      ends[n++] = bytes->len;
    }
  append_ends (bytes, ends, n);
  g_autoptr (GBytes) data = g_byte_array_free_to_bytes (bytes);
  return g_variant_new_from_bytes (G_VARIANT_TYPE (EVENT_VARIANT_TYPE), data, TRUE);
}

/* FALSE if the value is not what the field takes.  `type` are the letters of
 * its type. */
static gboolean
set_from_bytes (IpmidEvent *event, IpmidField field, const char *type, const guint8 *data, gsize size)
{
  gint64 integer = 0;
  double real = 0;

  if (fields[field].type == EVENT_TYPE_STRING && strcmp (type, "s") == 0 && size > 0 && data[size - 1] == '\0')
    event_set_string (event, field, (const char *) data);
  else if (fields[field].type == EVENT_TYPE_BYTES && strcmp (type, "ay") == 0 && size <= EVENT_BYTES_MAX)
    event_set_bytes (event, field, data, size);
  else if (fields[field].type == EVENT_TYPE_DOUBLE && strcmp (type, "d") == 0 && size == sizeof real)
    {
      memcpy (&real, data, sizeof real);
      event_set_double (event, field, real);
    }
  else if (holds_integer (fields[field].type) && strcmp (type, "x") == 0 && size == sizeof integer)
    {
      memcpy (&integer, data, sizeof integer);
      if (!in_range (&fields[field], integer))
        return FALSE;
      event_set_integer (event, field, integer);
    }
  else
    return FALSE;
  return TRUE;
}

/* One element, in normal form: see above how it is laid out. */
static gboolean
set_from_element (IpmidEvent *event, const guint8 *bytes, gsize size, IpmidField *field)
{
  char type[3] = "";
  gsize zero = size;

  *field = bytes[0];
  if (*field >= IPMID_N_FIELDS)
    return TRUE;
  while (zero > ALIGNMENT && bytes[zero - 1] != '\0')
    zero--;
  if (zero <= ALIGNMENT)
    return FALSE;
  if (size - zero < sizeof type)
    memcpy (type, bytes + zero, size - zero);
  return set_from_bytes (event, *field, type, bytes + ALIGNMENT, zero - 1 - ALIGNMENT);
}

IpmidEvent *
event_from_variant (GVariant *variant, GError **error)
{
  g_autoptr (IpmidEvent) event = event_new ();
  IpmidField field;

  if (!g_variant_is_normal_form (variant))
    {
      g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "an event is malformed");
      return NULL;
    }
  for (gsize i = 0; i < g_variant_n_children (variant); i++)
    {
      g_autoptr (GVariant) element = g_variant_get_child_value (variant, i);
      if (set_from_element (event, g_variant_get_data (element), g_variant_get_size (element), &field))
        continue;
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "field \"%s\" of an event has a bad value",
                   fields[field].name);
      return NULL;
    }
  return g_steal_pointer (&event);
}
