/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request-bmc.c - the requests `rescan`, `clear-sel` and `power`; see errand.h. */
#include "core/request-private.h"

#include <string.h>

/* 0: there is none, and the request is answered. */
static gint64
find_bmc (Core *core, Request *request)
{
  const char *name = request_text (request, "bmc");
  gint64 bmc = fleet_find_name (core->fleet, name);

  if (bmc == 0)
    request_fail_bmc (request, name);
  return bmc;
}

/* What takes an operator, and what a user (IPMI 2.0, appendix G).  What the
 * configuration does not ask for, the BMC need not be asked. */
static gboolean
may_do (Core *core, gint64 bmc, gboolean operator, Request * request)
{
  const char *privilege = fleet_privilege (core->fleet, bmc);
  gboolean less = strcmp (privilege, "callback") == 0 || (operator&& strcmp (privilege, "user") == 0);

  if (less)
    request_fail (request, IPMID_REQUEST_NOT_ALLOWED,
                  "ipmid asks this BMC for the privilege %s; this takes privilege = %s in its configuration",
                  privilege, operator? "operator" : "user");
  return !less;
}

void
request_rescan (Core *core, Request *request)
{
  gint64 bmc = find_bmc (core, request);

  if (bmc != 0)
    errand_rescan (core->errands, bmc, request);
}

void
request_clear_sel (Core *core, Request *request)
{
  gint64 bmc = find_bmc (core, request);

  if (bmc != 0 && journal_is_full (core->journal))
    request_fail (request, IPMID_REQUEST_UNAVAILABLE,
                  "there is no room in the journal: what is not read yet cannot be kept, so its SEL is not cleared");
  else if (bmc != 0 && may_do (core, bmc, TRUE, request))
    errand_clear (core->errands, bmc, request_flag (request, "force"), request);
}

/* ---------------------------------------------------------------------- power */

typedef struct
{
  const char *word;
  FramePower power;
} PowerWord;

static const PowerWord power_words[]
    = { { "status", FRAME_POWER_STATUS }, { "on", FRAME_POWER_ON },       { "off", FRAME_POWER_OFF },
        { "cycle", FRAME_POWER_CYCLE },   { "reset", FRAME_POWER_RESET }, { "soft", FRAME_POWER_SOFT } };

static const PowerWord *
find_power (const char *word)
{
  for (guint i = 0; i < G_N_ELEMENTS (power_words); i++)
    if (strcmp (power_words[i].word, word) == 0)
      return &power_words[i];
  return NULL;
}

void
request_power (Core *core, Request *request)
{
  const PowerWord *wanted = find_power (request_text (request, "action"));
  gint64 bmc;

  if (wanted == NULL)
    {
      request_fail (request, IPMID_REQUEST_INVALID,
                    "power: \"action\" has to be status, on, off, cycle, reset or soft");
      return;
    }
  bmc = find_bmc (core, request);
  if (bmc == 0 || !may_do (core, bmc, wanted->power != FRAME_POWER_STATUS, request))
    return;
  const LogContext context = { .bmc = request_text (request, "bmc") };
  if (wanted->power != FRAME_POWER_STATUS)
    log_line (IPMID_LOG_NOTICE, &context, "somebody asks for power %s", wanted->word);
  errand_power (core->errands, bmc, wanted->power, request);
}
