/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request-backfill.c - the request `backfill`: what backfill.h does. */
#include "core/request-private.h"

#include "core/silence.h"

void
request_backfill (Core *core, Request *request)
{
  const char *since = request_text (request, "since");
  g_autoptr (GError) error = NULL;
  gint64 time = 0;

  if (since != NULL && !silence_parse_time (since, &time, &error))
    {
      request_fail (request, IPMID_REQUEST_INVALID, "backfill: %s", error->message);
      return;
    }
  if (journal_is_full (core->journal))
    {
      request_fail (request, IPMID_REQUEST_UNAVAILABLE,
                    "there is no room in the journal: nothing is taken in until there is");
      return;
    }
  time *= 1000;
  if (since == NULL)
    request_integer (request, "since", &time);
  backfills_start (core->backfills, request, time);
}
