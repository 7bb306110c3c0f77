/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* filter.c - see filter.h. */
#include "core/filter.h"

gboolean
filter_match (const Filter *filter, const IpmidEvent *event)
{
  gint64 kind = event_integer (event, IPMID_FIELD_KIND);

  return (filter->kinds & (1u << kind)) != 0 && (filter->existing || event_integer (event, IPMID_FIELD_EXISTING) == 0);
}
