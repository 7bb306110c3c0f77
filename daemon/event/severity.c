/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* severity.c - see severity.h. */
#include "severity.h"

#include "states.h"

#define DEASSERTED 0x80u
#define THRESHOLD_OFFSETS 12u

/* Event data 1 [7:6] of a discrete event (table 29-6): event data 2 holds the
 * state before and the severity. */
#define DATA_2_IS_STATE 1

/* Event data 2 [7:4] is an offset of the generic severity states. */
#define EVENT_TYPE_SEVERITY 0x07u

IpmidSeverity
severity_of_threshold (guint offset, gboolean assertion)
{
  guint threshold = offset / 2;
  gboolean high = offset % 2 == 1;
  gboolean upper = threshold >= IPMID_THRESHOLD_UPPER_NON_CRITICAL;

  if (offset >= THRESHOLD_OFFSETS)
    return IPMID_SEVERITY_INFO;
  /* Through the upper threshold downwards, or the lower one upwards: back
   * towards what is well.  That it is no longer so says only that the reading
   * has turned round again; what is bad about that has an event of its own. */
  if (upper != high)
    return assertion ? IPMID_SEVERITY_OK : IPMID_SEVERITY_INFO;
  if (!assertion)
    return IPMID_SEVERITY_OK;
  if (threshold == IPMID_THRESHOLD_LOWER_NON_CRITICAL || threshold == IPMID_THRESHOLD_UPPER_NON_CRITICAL)
    return IPMID_SEVERITY_WARNING;
  return IPMID_SEVERITY_CRITICAL;
}

IpmidSeverity
severity_of_state (guint8 event_type, guint8 sensor_type, guint offset, gboolean assertion)
{
  const State *state = states_find (event_type, sensor_type, offset);

  if (state == NULL)
    return IPMID_SEVERITY_INFO;
  return assertion ? state->asserted : state->deasserted;
}

IpmidSeverity
severity_of_event (guint8 event_type, guint8 sensor_type, const guint8 data[3])
{
  gboolean assertion = (event_type & DEASSERTED) == 0;
  guint8 type = event_type & (guint8) ~DEASSERTED;
  guint offset = data[0] & 0x0f;

  if (type == EVENT_TYPE_THRESHOLD)
    return severity_of_threshold (offset, assertion);
  IpmidSeverity severity = severity_of_state (type, sensor_type, offset, assertion);
  /* Only upwards: a thermal trip stays one, whatever the BMC thinks of it. */
  if (assertion && data[0] >> 6 == DATA_2_IS_STATE)
    {
      const State *said = states_find (EVENT_TYPE_SEVERITY, 0, data[1] >> 4);
      if (said != NULL)
        severity = MAX (severity, said->asserted);
    }
  return severity;
}
