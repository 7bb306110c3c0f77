/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * render.h - an event as text: openipmi_eventd's words, JSON, one field; a
 * reading as JSON.
 *
 * Pure functions, for any thread.  Plugins reach them through the
 * host's table (ipmid_event_render() and its neighbours in ipmid/plugin.h).
 */
#ifndef RENDER_H
#define RENDER_H

#include "event.h"

/* Appends the event with its final newline.  FALSE, and nothing appended, if
 * the format has no words for this kind. */
gboolean render_event (const IpmidEvent *event, IpmidFormat format, GString *out);

/* openipmi_eventd's arguments: the kind, then key and value in turn.  NULL if
 * it has no words for this kind.  Free with g_strfreev(). */
char **render_arguments (const IpmidEvent *event);

/* One field as in JSON, but without quotes; NULL if the event does not have
 * it.  Free with g_free(). */
char *render_field (const IpmidEvent *event, IpmidField field);

/* Appends a sensor's reading as one line of JSON with its final newline.  What
 * means nothing, because the sensor gives nothing now, is left out. */
gboolean render_reading (const IpmidReading *reading, GString *out);

#endif
