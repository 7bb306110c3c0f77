/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * body.c - see body.h.
 *
 * Alertmanager tells alerts apart by their labels, and an alert ends when one with
 * the very same labels comes whose endsAt has passed.  The severity is a label,
 * because routes look at it, but the end of a state no longer knows how severe its
 * beginning was: so it ends the alert of every severity.  One that never fired is
 * no news to anybody.
 */
#include "body.h"

#include "../net/words.h"

#include <gio/gio.h>
#include <jansson.h>
#include <string.h>

#define US_PER_NS 1000

/* ------------------------------------------------------------------- generic */

static void
append_events (IpmidHost *host, IpmidEvent *const *events, guint n_events, GString *out)
{
  for (guint i = 0; i < n_events; i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      ipmid_event_render (host, events[i], IPMID_FORMAT_JSON, out);
      g_string_truncate (out, out->len - 1); /* its newline */
    }
}

static char *
make_json (const BodyOptions *options, IpmidHost *host, IpmidEvent *const *events, guint n_events)
{
  GString *out = g_string_new (options->array ? "[" : NULL);

  append_events (host, events, n_events, out);
  if (options->array)
    g_string_append_c (out, ']');
  return g_string_free (out, FALSE);
}

/* Takes the value. */
static char *
dump (json_t *value)
{
  char *text = json_dumps (value, JSON_COMPACT);
  char *result = g_strdup (text != NULL ? text : "{}");

  free (text);
  json_decref (value);
  return result;
}

/* --------------------------------------------------------------------- Slack */

/* The three characters that mean something to Slack. */
static void
append_slack (GString *out, const char *text)
{
  for (; *text != '\0'; text++)
    if (*text == '&')
      g_string_append (out, "&amp;");
    else if (*text == '<')
      g_string_append (out, "&lt;");
    else if (*text == '>')
      g_string_append (out, "&gt;");
    else
      g_string_append_c (out, *text);
}

static char *
make_slack (IpmidHost *host, IpmidEvent *const *events, guint n_events)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < n_events; i++)
    {
      g_autofree char *severity = ipmid_event_to_text (host, events[i], IPMID_FIELD_SEVERITY);
      g_autofree char *summary = words_summary (host, events[i]);

      g_string_append_printf (text, "%s*%s* ", i > 0 ? "\n" : "", severity != NULL ? severity : "info");
      append_slack (text, summary);
    }
  return dump (json_pack ("{s:s}", "text", text->str));
}

/* -------------------------------------------------------------- Alertmanager */

static const char *const alert_names[] = {
  [IPMID_KIND_THRESHOLD] = "IpmiThreshold",   [IPMID_KIND_DISCRETE] = "IpmiState",  [IPMID_KIND_UNKNOWN] = "IpmiRecord",
  [IPMID_KIND_CONNECTION] = "IpmiConnection", [IPMID_KIND_MESSAGE] = "IpmiMessage", [IPMID_KIND_GAP] = "IpmiGap",
  [IPMID_KIND_HEALTH] = "IpmidHealth",
};

static const struct
{
  const char *label;
  IpmidField field;
} alert_labels[] = {
  { "bmc", IPMID_FIELD_BMC },
  { "sensor", IPMID_FIELD_SENSOR },
  { "sensor_id", IPMID_FIELD_SENSOR_ID },
  { "sensor_type", IPMID_FIELD_SENSOR_TYPE },
  { "entity", IPMID_FIELD_ENTITY },
  { "component", IPMID_FIELD_COMPONENT },
  { "state", IPMID_FIELD_STATE },
};

gboolean
body_check_label (const char *label, GError **error)
{
  static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  const char *equals = strchr (label, '=');
  gsize length = equals == NULL ? 0 : (gsize) (equals - label);

  if (length > 0 && !g_ascii_isdigit (*label) && strspn (label, characters) == length && equals[1] != '\0')
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "alert-labels: '%s' is no label: site=north is right (letters, digits and _ before the =)", label);
  return FALSE;
}

static void
set_string (json_t *object, const char *key, const char *value)
{
  json_object_set_new (object, key, json_string (value));
}

static json_t *
make_labels (const BodyOptions *options, IpmidHost *host, const IpmidEvent *event, const char *severity)
{
  gint64 kind = ipmid_event_integer (host, event, IPMID_FIELD_KIND);
  json_t *labels = json_object ();

  for (const char *const *label = options->labels; label != NULL && *label != NULL; label++)
    {
      g_auto (GStrv) pair = g_strsplit (*label, "=", 2);

      set_string (labels, pair[0], pair[1]);
    }
  set_string (labels, "alertname",
              kind > 0 && kind < (gint64) G_N_ELEMENTS (alert_names) ? alert_names[kind] : "IpmiEvent");
  set_string (labels, "severity", severity);
  for (guint i = 0; i < G_N_ELEMENTS (alert_labels); i++)
    {
      g_autofree char *value = ipmid_event_to_text (host, event, alert_labels[i].field);

      if (value != NULL && *value != '\0')
        set_string (labels, alert_labels[i].label, value);
    }
  return labels;
}

static json_t *
make_annotations (IpmidHost *host, const IpmidEvent *event)
{
  g_autofree char *summary = words_summary (host, event);
  g_autofree char *time = ipmid_event_to_text (host, event, IPMID_FIELD_TIME);
  json_t *annotations = json_pack ("{s:s}", "summary", summary);

  set_string (annotations, "event_id", ipmid_event_string (host, event, IPMID_FIELD_ID));
  if (time != NULL)
    set_string (annotations, "bmc_time", time);
  return annotations;
}

static void
set_time (json_t *alert, const char *key, gint64 microseconds)
{
  g_autoptr (GDateTime) whole = g_date_time_new_from_unix_utc (microseconds / G_USEC_PER_SEC);
  g_autofree char *seconds = whole == NULL ? NULL : g_date_time_format (whole, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *text
      = seconds == NULL ? NULL : g_strdup_printf ("%s.%06dZ", seconds, (int) (microseconds % G_USEC_PER_SEC));

  if (text != NULL)
    set_string (alert, key, text);
}

/* By ipmid's clock: a BMC's may be anywhere, and an alert that ends before it
 * begins would never be seen. */
static void
add_alert (json_t *alerts, const BodyOptions *options, IpmidHost *host, const IpmidEvent *event, const char *severity)
{
  gint64 received = ipmid_event_integer (host, event, IPMID_FIELD_RECEIVED) / US_PER_NS;
  json_t *alert = json_object ();

  json_object_set_new (alert, "labels", make_labels (options, host, event, severity));
  json_object_set_new (alert, "annotations", make_annotations (host, event));
  if (words_is_resolved (host, event))
    set_time (alert, "endsAt", received);
  else
    {
      set_time (alert, "startsAt", received);
      set_time (alert, "endsAt", received + options->lifetime);
    }
  json_array_append_new (alerts, alert);
}

static char *
make_alertmanager (const BodyOptions *options, IpmidHost *host, IpmidEvent *const *events, guint n_events)
{
  static const char *const severities[] = { "critical", "warning", "info" };
  json_t *alerts = json_array ();

  for (guint i = 0; i < n_events; i++)
    if (!words_is_resolved (host, events[i]))
      add_alert (alerts, options, host, events[i], words_level (host, events[i]));
    else
      for (guint j = 0; j < G_N_ELEMENTS (severities); j++)
        add_alert (alerts, options, host, events[i], severities[j]);
  return dump (alerts);
}

char *
body_make (const BodyOptions *options, IpmidHost *host, IpmidEvent *const *events, guint n_events)
{
  switch (options->kind)
    {
    case BODY_SLACK:
      return make_slack (host, events, n_events);
    case BODY_ALERTMANAGER:
      return make_alertmanager (options, host, events, n_events);
    case BODY_TEMPLATE:
      {
        GString *text = g_string_new (NULL);

        template_render (options->template, host, events[0], options->secret, text);
        return g_string_free (text, FALSE);
      }
    case BODY_JSON:
    default:
      return make_json (options, host, events, n_events);
    }
}
