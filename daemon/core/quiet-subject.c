/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quiet-subject.c - which state of which sensor an event is about; see quiet.h.
 *
 * A sensor's number is made of bytes that mean the same for ever: it is kept on
 * disk.  The highest byte says what it is made of, the lowest is left free.
 */
#include "core/quiet.h"

#include <string.h>

#define TAG_SENSOR G_GINT64_CONSTANT (1) /* generator, type, number, event type */
#define TAG_RECORD G_GINT64_CONSTANT (2) /* hash of a record that is no sensor's */
#define TAG_OWN G_GINT64_CONSTANT (3)    /* kind, hash of the words */

/* Of a SEL record (IPMI 2.0, tables 32-1 to 32-3). */
#define RECORD_SIZE 16u
#define TYPE 2
#define GENERATOR 7
#define SENSOR_TYPE 10
#define SENSOR 11
#define EVENT_TYPE 12
#define DATA_1 13
#define SYSTEM_EVENT 0x02
#define OEM_WITH_TIME_FIRST 0xc0
#define OEM_WITHOUT_TIME_FIRST 0xe0

#define THRESHOLD_TYPE 0x01
#define SEVERITY_TYPE 0x07
#define OEM_STATE_FIRST 12 /* offsets of threshold events end here */

/* States whose assertion says that all is well again (IPMI 2.0, tables 42-2 and
 * 42-3), and what they end. */
static const struct
{
  guint8 event_type;
  guint8 sensor_type; /* of the sensor-specific ones */
  guint8 offset;
  guint16 ended;
} good_states[] = {
  { 0x03, 0, 0, 1 << 1 },    /* state deasserted */
  { 0x04, 0, 0, 1 << 1 },    /* predictive failure deasserted */
  { 0x05, 0, 0, 1 << 1 },    /* limit not exceeded */
  { 0x06, 0, 0, 1 << 1 },    /* performance met */
  { 0x07, 0, 0, 0x000e },    /* transition to OK: severities 1 to 3 */
  { 0x08, 0, 1, 1 << 0 },    /* device inserted */
  { 0x09, 0, 1, 1 << 0 },    /* device enabled */
  { 0x0a, 0, 0, 0x01f6 },    /* running: not in test, off, degraded, … */
  { 0x0a, 0, 3, 0x01f6 },    /* on line */
  { 0x0b, 0, 0, 0x00fe },    /* fully redundant */
  { 0x6f, 0x25, 0, 0x0006 }, /* entity present: not absent, not disabled */
  { 0x6f, 0x27, 1, 1 << 0 }, /* LAN heartbeat */
};

static gint64
make_sensor (gint64 tag, guint64 what)
{
  return tag << 56 | (gint64) (what & G_GUINT64_CONSTANT (0xffffffffffff)) << 8;
}

/* FNV-1a; the result is kept on disk, so it must never change. */
static guint64
hash (const guint8 *bytes, gsize n, guint64 start)
{
  guint64 value = start ^ G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (gsize i = 0; i < n; i++)
    value = (value ^ bytes[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return value ^ value >> 48;
}

/* Offsets of a threshold event: two for each threshold, going low and going
 * high.  Going back through a threshold is as good as the deassertion. */
static void
threshold_state (QuietSubject *subject, guint offset, gboolean assertion)
{
  guint threshold = offset / 2;
  gboolean upper = threshold >= IPMID_THRESHOLD_UPPER_NON_CRITICAL;
  gboolean worse = upper == (offset % 2 == 1);

  subject->state = threshold;
  if (offset >= OEM_STATE_FIRST)
    subject->state = offset;
  else if (!worse && !assertion)
    subject->state = 8 + threshold; /* not "going back" any more: means nothing by itself */
  else
    subject->effect = worse && assertion ? QUIET_BEGINS : QUIET_ENDS;
}

/* "Transition to … from …": by severity, 0 to 3, wherever it came from. */
static void
severity_state (QuietSubject *subject, guint offset, gboolean assertion)
{
  static const guint8 severities[] = { 0, 1, 2, 3, 1, 2, 3 };

  subject->state = offset < G_N_ELEMENTS (severities) ? severities[offset] : offset;
  if (subject->state == 0 || offset >= G_N_ELEMENTS (severities))
    return;
  subject->effect = assertion ? QUIET_BEGINS : QUIET_ENDS;
  if (assertion) /* what was worse is over */
    subject->ended = 0x000e & (guint16) ~((1u << (subject->state + 1)) - 1);
}

static const guint16 *
find_good_state (const guint8 *raw, guint8 event_type, guint offset)
{
  for (guint i = 0; i < G_N_ELEMENTS (good_states); i++)
    if (good_states[i].event_type == event_type && good_states[i].offset == offset
        && (good_states[i].sensor_type == 0 || good_states[i].sensor_type == raw[SENSOR_TYPE]))
      return &good_states[i].ended;
  return NULL;
}

static void
discrete_state (QuietSubject *subject, const guint8 *raw, guint8 event_type, guint offset, gboolean assertion)
{
  const guint16 *ended = find_good_state (raw, event_type, offset);

  subject->state = offset;
  if (ended == NULL && event_type == SEVERITY_TYPE)
    severity_state (subject, offset, assertion);
  else if (ended == NULL)
    subject->effect = assertion ? QUIET_BEGINS : QUIET_ENDS;
  else if (assertion)
    {
      subject->effect = QUIET_ENDS;
      subject->ended = *ended;
    }
}

static void
sensor_subject (QuietSubject *subject, const guint8 *raw)
{
  guint8 event_type = raw[EVENT_TYPE] & 0x7f;
  gboolean assertion = (raw[EVENT_TYPE] & 0x80) == 0;
  guint offset = raw[DATA_1] & 0x0f;

  subject->sensor
      = make_sensor (TAG_SENSOR, (guint64) raw[GENERATOR] << 32 | (guint64) raw[GENERATOR + 1] << 24
                                     | (guint64) raw[SENSOR_TYPE] << 16 | (guint64) raw[SENSOR] << 8 | event_type);
  if (event_type == THRESHOLD_TYPE)
    threshold_state (subject, offset, assertion);
  else
    discrete_state (subject, raw, event_type, offset, assertion);
  if (subject->effect == QUIET_ENDS && subject->ended == 0)
    subject->ended = (guint16) (1u << subject->state);
}

/* Everything but its id and its time. */
static void
record_subject (QuietSubject *subject, const guint8 *raw)
{
  gsize from = raw[TYPE] >= OEM_WITH_TIME_FIRST && raw[TYPE] < OEM_WITHOUT_TIME_FIRST ? GENERATOR : TYPE + 1;

  subject->sensor = make_sensor (TAG_RECORD, hash (raw + from, RECORD_SIZE - from, raw[TYPE]));
}

static guint64
hash_field (const IpmidEvent *event, IpmidField field, guint64 start)
{
  const char *text = event_string (event, field);

  return text == NULL ? start : hash ((const guint8 *) text, strlen (text), start);
}

/* Ipmid's own events: the state that they name and whose it is, else their
 * sentence.  Numbers in a sentence vary, its words do not. */
static guint64
hash_words (const IpmidEvent *event)
{
  const char *text = event_string (event, IPMID_FIELD_TEXT);
  g_autoptr (GString) words = g_string_new (NULL);

  if (event_has (event, IPMID_FIELD_STATE))
    return hash_field (event, IPMID_FIELD_STATE, hash_field (event, IPMID_FIELD_COMPONENT, 0));

  for (; text != NULL && *text != '\0'; text++)
    if (!g_ascii_isdigit (*text))
      g_string_append_c (words, *text);
  return hash ((const guint8 *) words->str, words->len, 0);
}

/* What has a direction, or is about the connection, begins and ends; anything
 * else is told for itself. */
static void
own_subject (QuietSubject *subject, const IpmidEvent *event)
{
  gint64 kind = event_integer (event, IPMID_FIELD_KIND);
  gboolean has_direction = event_has (event, IPMID_FIELD_ASSERT);
  gboolean well = event_integer (event, IPMID_FIELD_SEVERITY) == IPMID_SEVERITY_OK
                  || (has_direction && event_integer (event, IPMID_FIELD_ASSERT) == 0);
  guint64 words = kind == IPMID_KIND_CONNECTION ? 0 : hash_words (event) & 0xffffffffffu;

  subject->sensor = make_sensor (TAG_OWN, (guint64) kind << 40 | words);
  if (kind != IPMID_KIND_CONNECTION && !has_direction)
    return;
  subject->effect = well ? QUIET_ENDS : QUIET_BEGINS;
  subject->ended = well ? 1 : 0;
}

void
quiet_subject (const IpmidEvent *event, QuietSubject *subject)
{
  gsize length = 0;
  const guint8 *raw = event_bytes (event, IPMID_FIELD_RAW, &length);

  *subject = (QuietSubject){ .effect = QUIET_NEWS };
  subject->serious = event_integer (event, IPMID_FIELD_SEVERITY) >= IPMID_SEVERITY_WARNING;
  if (raw == NULL || length != RECORD_SIZE)
    own_subject (subject, event);
  else if (raw[TYPE] == SYSTEM_EVENT)
    sensor_subject (subject, raw);
  else
    record_subject (subject, raw);
}
