/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event.h - the event, as the collector, the core and the plugins see it.
 *
 * An event is a set of fields (IpmidField); one table says each field's type
 * and public name, and everything else (the wire, JSON, the environment of
 * programs) follows from it.  Events are built by one thread with the
 * setters, then shared: from the first event_ref() on they do not change.
 */
#ifndef EVENT_H
#define EVENT_H

#include <ipmid/plugin.h>

typedef enum
{
  EVENT_TYPE_STRING,
  EVENT_TYPE_INTEGER,
  EVENT_TYPE_BOOLEAN,
  EVENT_TYPE_ENUM, /* an integer with names */
  EVENT_TYPE_TIME, /* nanoseconds since 1970, UTC */
  EVENT_TYPE_DOUBLE,
  EVENT_TYPE_BYTES,
} EventFieldType;

typedef struct
{
  const char *name; /* public */
  EventFieldType type;
  gint64 minimum, maximum;  /* of integers and enumerations */
  const char *const *names; /* of enumerations, indexed by value; NULL entries are no values */
} EventField;

/* The description of a field; never NULL for a valid field. */
const EventField *event_field (IpmidField field);

/* The names of IpmidSeverity, in its order; there is none for 0, and NULL ends
 * them. */
extern const char *const event_severities[];

/* The longest string and byte field that an event takes; longer ones are cut. */
#define EVENT_STRING_MAX 1024
#define EVENT_BYTES_MAX 64

IpmidEvent *event_new (void);
IpmidEvent *event_ref (IpmidEvent *event);
void event_unref (IpmidEvent *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IpmidEvent, event_unref)

/* A new event with the same fields, to be changed before it is shared. */
IpmidEvent *event_copy (const IpmidEvent *event);

/* Setters, before the event is shared.  Strings are cleaned (text_clean()). */
void event_set_string (IpmidEvent *event, IpmidField field, const char *value);
void event_set_integer (IpmidEvent *event, IpmidField field, gint64 value);
void event_set_double (IpmidEvent *event, IpmidField field, double value);
void event_set_bytes (IpmidEvent *event, IpmidField field, gconstpointer bytes, gsize length);
void event_clear (IpmidEvent *event, IpmidField field);

/* Getters: see the wrappers of ipmid/plugin.h. */
gboolean event_has (const IpmidEvent *event, IpmidField field);
gint64 event_integer (const IpmidEvent *event, IpmidField field);
double event_double (const IpmidEvent *event, IpmidField field);
const char *event_string (const IpmidEvent *event, IpmidField field);
const guint8 *event_bytes (const IpmidEvent *event, IpmidField field, gsize *length);

/* The wire and journal form: an array of (field, value).  A reader skips
 * fields that it does not know. */
#define EVENT_VARIANT_TYPE "a(yv)"

/* A floating variant. */
GVariant *event_to_variant (const IpmidEvent *event);

/* NULL and an error if a known field has the wrong type or is out of range.
 * Never trusts the variant. */
IpmidEvent *event_from_variant (GVariant *variant, GError **error);

#endif
