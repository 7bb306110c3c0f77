/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * template.h - a body of the user's own, with placeholders.
 *
 *   {{NAME}}       escaped for the inside of a string of JSON
 *   {{NAME|json}}  a value of JSON: a number, true, false, a quoted string, or
 *                  null if the event does not have it
 *   {{NAME|url}}   percent-encoded, for application/x-www-form-urlencoded
 *
 * NAME is the name of a field of an event, as in JSON, or one of
 *
 *   event    the whole event as an object of JSON
 *   summary  "BMC: sentence"
 *   level    the severity without "ok": critical, warning or info
 *   status   firing or resolved
 *   action   trigger or resolve
 *   key      the same for the beginning and the end of one state
 *   secret   the option of that name
 *
 * A template does not change; any thread.
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <ipmid/plugin.h>

/* The largest template; what comes of it can be larger. */
#define TEMPLATE_MAX 65536u

typedef struct _Template Template;

/* Takes a template apart.  An error names the line. */
Template *template_parse (const char *text, GError **error);
void template_free (Template *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Template, template_free)

/* Whether it becomes JSON, whatever the events are.  The error names the line. */
gboolean template_check_json (const Template *self, GError **error);

/* Appends it with the event's values.  `secret` may be NULL. */
void template_render (const Template *self, IpmidHost *host, const IpmidEvent *event, const char *secret, GString *out);

/* For a test against the host's own table: the fields' names by number, and
 * whether JSON writes the field without quotes. */
const char *template_field_name (IpmidField field);
gboolean template_field_is_bare (IpmidField field);

#endif
