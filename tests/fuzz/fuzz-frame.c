/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-frame.c - libFuzzer: a packet from the other process, and the events in it. */
#include "event/event.h"
#include "event/frame.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* What was accepted goes through the wire unchanged. */
static void
use_event (GVariant *variant)
{
  g_autoptr (IpmidEvent) event = event_from_variant (variant, NULL);
  g_autoptr (GVariant) once = NULL;
  g_autoptr (GVariant) twice = NULL;
  g_autoptr (IpmidEvent) again = NULL;

  if (event == NULL)
    return;
  once = g_variant_ref_sink (event_to_variant (event));
  again = event_from_variant (once, NULL);
  if (again == NULL)
    abort ();
  twice = g_variant_ref_sink (event_to_variant (again));
  if (!g_variant_equal (once, twice))
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GVariant) body = NULL;
  g_autoptr (GVariant) events = NULL;
  FrameType type;

  if (!frame_decode (data, size, &type, &body, NULL))
    return 0;
  if (!g_variant_is_of_type (body, frame_body_type ((guint8) type)))
    abort ();
  if (type != FRAME_RECORDS)
    return 0;
  events = g_variant_get_child_value (body, 3);
  for (gsize i = 0; i < g_variant_n_children (events); i++)
    {
      g_autoptr (GVariant) event = g_variant_get_child_value (events, i);

      use_event (event);
    }
  return 0;
}
