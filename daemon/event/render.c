/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* render.c - see render.h. */
#include "render.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <time.h>

#define NS_PER_SECOND G_GINT64_CONSTANT (1000000000)

/* Where things stand in the 16 bytes of a record (IPMI 2.0, table 32-1). */
#define RECORD_SIZE 16u
#define RECORD_TYPE 2u
#define RECORD_TIME 3u
#define RECORD_EVENT_DATA_1 13u
#define RECORD_EVENT_DATA_2 14u
#define FIRST_TYPE_WITHOUT_TIME 0xe0

/* ------------------------------------------------- openipmi_eventd's words */

/* Both of openipmi_eventd's forms are one list of words.  As lines, a space
 * follows a key and a newline everything else; as arguments, a NUL follows
 * each word, which no word contains. */
typedef struct
{
  GString *out;
  char after_key;
  char after_value;
} Words;

static void
put (const Words *words, const char *key, const char *value)
{
  g_string_append (words->out, key);
  g_string_append_c (words->out, words->after_key);
  g_string_append (words->out, value);
  g_string_append_c (words->out, words->after_value);
}

static void put_formatted (const Words *words, const char *key, const char *format, ...) G_GNUC_PRINTF (3, 4);

static void
put_formatted (const Words *words, const char *key, const char *format, ...)
{
  va_list args;

  g_string_append (words->out, key);
  g_string_append_c (words->out, words->after_key);
  va_start (args, format);
  g_string_append_vprintf (words->out, format, args);
  va_end (args);
  g_string_append_c (words->out, words->after_value);
}

/* The record's bytes, or NULL if the event does not have all of them. */
static const guint8 *
record_of (const IpmidEvent *event)
{
  gsize length;
  const guint8 *record = event_bytes (event, IPMID_FIELD_RAW, &length);

  return length == RECORD_SIZE ? record : NULL;
}

static void
put_threshold (const Words *words, const IpmidEvent *event)
{
  static const char *const severities[] = { "lower_non_critical", "lower_critical", "lower_non_recoverable",
                                            "upper_non_critical", "upper_critical", "upper_non_recoverable" };
  char value[512]; /* "%f" of the largest double takes 317 */

  put (words, "severity", severities[event_integer (event, IPMID_FIELD_THRESHOLD)]);
  put (words, "direction",
       event_integer (event, IPMID_FIELD_DIRECTION) == IPMID_DIRECTION_LOW ? "going_low" : "going_high");
  if (!event_has (event, IPMID_FIELD_RAW_VALUE))
    return;
  if (event_has (event, IPMID_FIELD_VALUE))
    put (words, "val", g_ascii_formatd (value, sizeof value, "%f", event_double (event, IPMID_FIELD_VALUE)));
  put_formatted (words, "raw", "0x%2.2x", (guint) event_integer (event, IPMID_FIELD_RAW_VALUE));
}

/* openipmi_eventd takes severities from event data 2 where event data 1 says that
 * it is the maker's own, not where table 29-6 has them; it prints 0 where event
 * data 1 says anything else, and leaves the key out for "unspecified" (0Fh). */
static void
put_state_severity (const Words *words, const char *key, const guint8 *record, guint shift)
{
  guint severity = record == NULL ? 0 : (record[RECORD_EVENT_DATA_2] >> shift) & 0xf;

  if (record == NULL || record[RECORD_EVENT_DATA_1] >> 6 != 2)
    put (words, key, "0");
  else if (severity != 0xf)
    put_formatted (words, key, "%u", severity);
}

static void
put_discrete (const Words *words, const IpmidEvent *event)
{
  put_formatted (words, "offset", "%d", (int) event_integer (event, IPMID_FIELD_OFFSET));
  put_state_severity (words, "severity", record_of (event), 4);
  put_state_severity (words, "prevseverity", record_of (event), 0);
}

/* The time as openipmi_eventd has it: straight from the record, whatever it
 * says; -1 for the record types that have none. */
static gint64
record_time (const IpmidEvent *event, const guint8 *record)
{
  guint32 seconds;

  if (record == NULL)
    return event_has (event, IPMID_FIELD_TIME) ? event_integer (event, IPMID_FIELD_TIME) : -1;
  if (record[RECORD_TYPE] >= FIRST_TYPE_WITHOUT_TIME)
    return -1;
  memcpy (&seconds, record + RECORD_TIME, sizeof seconds);
  return GUINT32_FROM_LE (seconds) * NS_PER_SECOND;
}

static void
put_record (const Words *words, const IpmidEvent *event)
{
  const guint8 *record = record_of (event);
  char data[RECORD_SIZE * sizeof " 0x00"] = "";
  int length = 0;

  put_formatted (words, "eventtype", "0x%x",
                 record != NULL ? record[RECORD_TYPE] : (guint) event_integer (event, IPMID_FIELD_RECORD_TYPE));
  put_formatted (words, "eventtime", "%" G_GINT64_FORMAT, record_time (event, record));
  for (guint i = RECORD_TIME; record != NULL && i < RECORD_SIZE; i++)
    length += g_snprintf (data + length, sizeof data - (gsize) length, " 0x%2.2x", record[i]);
  put (words, "eventdata", data);
}

/* Appends the kind and all keys; FALSE for kinds that openipmi_eventd lacks. */
static gboolean
put_event (const Words *words, const IpmidEvent *event)
{
  gint64 kind = event_integer (event, IPMID_FIELD_KIND);
  const char *sensor = event_string (event, IPMID_FIELD_SENSOR_ID);

  if (kind == IPMID_KIND_THRESHOLD && !event_has (event, IPMID_FIELD_THRESHOLD))
    kind = IPMID_KIND_UNKNOWN; /* better few words than wrong ones */
  if (kind != IPMID_KIND_THRESHOLD && kind != IPMID_KIND_DISCRETE && kind != IPMID_KIND_UNKNOWN)
    return FALSE;
  g_string_append (words->out, event_field (IPMID_FIELD_KIND)->names[kind]);
  g_string_append_c (words->out, words->after_value);
  if (kind == IPMID_KIND_THRESHOLD)
    put_threshold (words, event);
  else if (kind == IPMID_KIND_DISCRETE)
    put_discrete (words, event);
  if (kind != IPMID_KIND_UNKNOWN)
    {
      put (words, "assert", event_integer (event, IPMID_FIELD_ASSERT) != 0 ? "true" : "false");
      put (words, "id", sensor != NULL ? sensor : "");
    }
  put_record (words, event);
  return TRUE;
}

static gboolean
render_eventd (const IpmidEvent *event, GString *out)
{
  Words lines = { out, ' ', '\n' };

  if (!put_event (&lines, event))
    return FALSE;
  g_string_append (out, "endevent\n");
  return TRUE;
}

char **
render_arguments (const IpmidEvent *event)
{
  g_autoptr (GString) out = g_string_sized_new (512);
  Words list = { out, '\0', '\0' };
  GPtrArray *arguments;

  if (!put_event (&list, event))
    return NULL;
  arguments = g_ptr_array_sized_new (32);
  for (const char *word = out->str; word < out->str + out->len; word += strlen (word) + 1)
    g_ptr_array_add (arguments, g_strdup (word));
  g_ptr_array_add (arguments, NULL);
  return (char **) g_ptr_array_free (arguments, FALSE);
}

/* ------------------------------------------------------------ single fields */

#define TIME_SIZE sizeof "-292277026596-01-01T00:00:00.000000Z"

/* RFC 3339 in UTC, with microseconds if there are any. */
static void
format_time (gint64 ns, char text[TIME_SIZE])
{
  gint64 rest = ns % NS_PER_SECOND;
  time_t seconds = (time_t) (ns / NS_PER_SECOND);
  struct tm utc;
  gsize length;

  if (rest < 0)
    {
      rest += NS_PER_SECOND;
      seconds--;
    }
  gmtime_r (&seconds, &utc);
  length = strftime (text, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
  if (rest / 1000 != 0)
    length += (gsize) g_snprintf (text + length, TIME_SIZE - length, ".%06d", (int) (rest / 1000));
  g_strlcpy (text + length, "Z", TIME_SIZE - length);
}

static char *
format_bytes (const guint8 *bytes, gsize length)
{
  static const char digits[] = "0123456789abcdef";
  char *text = g_malloc (2 * length + 1);

  for (gsize i = 0; i < length; i++)
    {
      text[2 * i] = digits[bytes[i] >> 4];
      text[2 * i + 1] = digits[bytes[i] & 0xf];
    }
  text[2 * length] = '\0';
  return text;
}

/* Up to here every integer is a double of its own. */
#define EXACT_INTEGER_MAX 9007199254740992.0 /* 2^53 */

static gboolean
is_integral (double value)
{
  return value == floor (value) && fabs (value) <= EXACT_INTEGER_MAX;
}

/* A reading has at most ten significant bits or so: fifteen digits say all of
 * it, and do not turn 23.4 into 23.399999999999999. */
#define DOUBLE_DIGITS 15

static char *
format_double (double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (is_integral (value))
    return g_strdup_printf ("%" G_GINT64_FORMAT, (gint64) value);
  return g_strdup (g_ascii_formatd (text, sizeof text, "%." G_STRINGIFY (DOUBLE_DIGITS) "g", value));
}

char *
render_field (const IpmidEvent *event, IpmidField field)
{
  const EventField *description;
  char time[TIME_SIZE];
  const guint8 *bytes;
  gsize length;

  if (!event_has (event, field))
    return NULL;
  description = event_field (field);
  switch (description->type)
    {
    case EVENT_TYPE_STRING:
      return g_strdup (event_string (event, field));
    case EVENT_TYPE_BOOLEAN:
      return g_strdup (event_integer (event, field) != 0 ? "true" : "false");
    case EVENT_TYPE_ENUM:
      return g_strdup (description->names[event_integer (event, field)]);
    case EVENT_TYPE_TIME:
      format_time (event_integer (event, field), time);
      return g_strdup (time);
    case EVENT_TYPE_DOUBLE:
      return format_double (event_double (event, field));
    case EVENT_TYPE_BYTES:
      bytes = event_bytes (event, field, &length);
      return format_bytes (bytes, length);
    case EVENT_TYPE_INTEGER:
      return g_strdup_printf ("%" G_GINT64_FORMAT, event_integer (event, field));
    }
  g_return_val_if_reached (NULL);
}

/* -------------------------------------------------------------------- JSON */

static json_t *
double_to_json (double value)
{
  return is_integral (value) ? json_integer ((json_int_t) value) : json_real (value);
}

/* The field's value, which the event has.  Strings of an event are valid
 * UTF-8 without control characters or line separators (text_clean()), so that
 * JSON keeps them on one line. */
static json_t *
field_to_json (const IpmidEvent *event, IpmidField field)
{
  g_autofree char *text = NULL;

  switch (event_field (field)->type)
    {
    case EVENT_TYPE_STRING:
      return json_string_nocheck (event_string (event, field));
    case EVENT_TYPE_BOOLEAN:
      return json_boolean (event_integer (event, field) != 0);
    case EVENT_TYPE_INTEGER:
      return json_integer (event_integer (event, field));
    case EVENT_TYPE_DOUBLE:
      return double_to_json (event_double (event, field));
    default:
      text = render_field (event, field);
      return json_string_nocheck (text);
    }
}

static int
append_json (const char *text, size_t length, void *out)
{
  g_string_append_len (out, text, (gssize) length);
  return 0;
}

/* Appends the object as one line; frees it. */
static gboolean
append_line (json_t *object, GString *out)
{
  gsize before = out->len;
  int status = json_dump_callback (object, append_json, out, JSON_COMPACT | JSON_REAL_PRECISION (DOUBLE_DIGITS));

  json_decref (object);
  if (status != 0)
    {
      g_string_truncate (out, before);
      g_return_val_if_reached (FALSE);
    }
  g_string_append_c (out, '\n');
  return TRUE;
}

static gboolean
render_json (const IpmidEvent *event, GString *out)
{
  json_t *object = json_object ();

  for (guint i = 0; i < IPMID_N_FIELDS; i++)
    if (event_has (event, i))
      json_object_set_new_nocheck (object, event_field (i)->name, field_to_json (event, i));
  return append_line (object, out);
}

gboolean
render_event (const IpmidEvent *event, IpmidFormat format, GString *out)
{
  return format == IPMID_FORMAT_EVENTD ? render_eventd (event, out) : render_json (event, out);
}

/* What a reading of a sensor that gives nothing would mean, is left out. */
static void
add_measured (json_t *object, const IpmidReading *reading)
{
  json_t *states = json_array ();

  if (reading->has_value)
    json_object_set_new_nocheck (object, "value", double_to_json (reading->value));
  if (reading->has_value && reading->unit[0] != '\0')
    json_object_set_new_nocheck (object, "unit", json_string_nocheck (reading->unit));
  for (const char *const *word = reading->state_words; *word != NULL; word++)
    json_array_append_new (states, json_string_nocheck (*word));
  json_object_set_new_nocheck (object, "states", states);
  json_object_set_new_nocheck (object, "severity",
                               json_string_nocheck (event_field (IPMID_FIELD_SEVERITY)->names[reading->severity]));
}

gboolean
render_reading (const IpmidReading *reading, GString *out)
{
  json_t *object = json_object ();
  char time[TIME_SIZE];

  format_time (reading->time, time);
  json_object_set_new_nocheck (object, "kind", json_string_nocheck ("reading"));
  json_object_set_new_nocheck (object, "bmc", json_string_nocheck (reading->bmc));
  json_object_set_new_nocheck (object, "sensor", json_string_nocheck (reading->sensor));
  json_object_set_new_nocheck (object, "sensor_id", json_string_nocheck (reading->sensor_id));
  json_object_set_new_nocheck (object, "sensor_type", json_string_nocheck (reading->sensor_type));
  json_object_set_new_nocheck (object, "entity", json_string_nocheck (reading->entity));
  json_object_set_new_nocheck (object, "time", json_string_nocheck (time));
  json_object_set_new_nocheck (object, "available", json_boolean (reading->available));
  if (reading->available)
    add_measured (object, reading);
  else
    json_object_set_new_nocheck (object, "obstacle", json_string_nocheck (reading->obstacle));
  return append_line (object, out);
}
