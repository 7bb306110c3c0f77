/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* span.c - see span.h. */
#include "span.h"

#include <math.h>

gint64
span_begin (gint64 time, gint64 width)
{
  gint64 into = time % width;

  return time - (into < 0 ? into + width : into);
}

/* Exact when both are the same, and without overflow when they are far apart. */
static double
weigh (double mean, double other, double share)
{
  double difference = other - mean;

  return isfinite (difference) ? mean + difference * share : mean * (1 - share) + other * share;
}

void
span_add (Span *whole, const Span *part)
{
  whole->severity = MAX (whole->severity, part->severity);
  if (part->count == 0)
    return;
  if (whole->count == 0)
    {
      whole->minimum = part->minimum;
      whole->mean = part->mean;
      whole->maximum = part->maximum;
    }
  else
    {
      double share = (double) part->count / (double) (whole->count + part->count);
      whole->minimum = MIN (whole->minimum, part->minimum);
      whole->maximum = MAX (whole->maximum, part->maximum);
      whole->mean = CLAMP (weigh (whole->mean, part->mean, share), whole->minimum, whole->maximum);
    }
  whole->count += part->count;
}
