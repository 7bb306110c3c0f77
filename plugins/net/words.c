/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* words.c - see words.h. */
#include "words.h"

#include <string.h>

#define KEY_LENGTH 32

char *
words_summary (IpmidHost *host, const IpmidEvent *event)
{
  const char *bmc = ipmid_event_string (host, event, IPMID_FIELD_BMC);
  const char *text = ipmid_event_string (host, event, IPMID_FIELD_TEXT);

  return g_strdup_printf ("%s: %s", bmc != NULL ? bmc : "ipmid", text != NULL ? text : "an event without words");
}

gboolean
words_is_resolved (IpmidHost *host, const IpmidEvent *event)
{
  return ipmid_event_has (host, event, IPMID_FIELD_ASSERT) && !ipmid_event_integer (host, event, IPMID_FIELD_ASSERT);
}

const char *
words_level (IpmidHost *host, const IpmidEvent *event)
{
  switch (ipmid_event_integer (host, event, IPMID_FIELD_SEVERITY))
    {
    case IPMID_SEVERITY_CRITICAL:
      return "critical";
    case IPMID_SEVERITY_WARNING:
      return "warning";
    default:
      return "info";
    }
}

static void
add (GChecksum *sum, IpmidHost *host, const IpmidEvent *event, IpmidField field)
{
  g_autofree char *text = ipmid_event_to_text (host, event, field);

  /* With the NUL, so that two fields are never mistaken for two others. */
  g_checksum_update (sum, (const guchar *) (text != NULL ? text : ""), text != NULL ? (gssize) strlen (text) + 1 : 1);
}

char *
words_key (IpmidHost *host, const IpmidEvent *event)
{
  static const IpmidField of_state[] = { IPMID_FIELD_BMC,    IPMID_FIELD_KIND,      IPMID_FIELD_SENSOR_ID,
                                         IPMID_FIELD_SENSOR, IPMID_FIELD_COMPONENT, IPMID_FIELD_STATE };
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  gint64 kind = ipmid_event_integer (host, event, IPMID_FIELD_KIND);

  /* A connection has no name for its state, but only one of it. */
  if (ipmid_event_has (host, event, IPMID_FIELD_STATE) || kind == IPMID_KIND_CONNECTION)
    for (guint i = 0; i < G_N_ELEMENTS (of_state); i++)
      add (sum, host, event, of_state[i]);
  else
    add (sum, host, event, IPMID_FIELD_ID);
  return g_strndup (g_checksum_get_string (sum), KEY_LENGTH);
}
