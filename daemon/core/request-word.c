/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request-word.c - the requests `log` and `silence`: what people say about a BMC. */
#include "core/request-private.h"

#include "core/options.h"
#include "core/quiet.h"
#include "core/silence.h"
#include "event/event.h"

#include <math.h>
#include <string.h>

#define NS_PER_US 1000

/* ------------------------------------------------------------------------ log */

/* 0: no such word. */
static gint64
parse_severity (const char *word)
{
  const EventField *field = event_field (IPMID_FIELD_SEVERITY);

  for (gint64 value = field->minimum; value <= field->maximum; value++)
    if (g_strcmp0 (field->names[value], word) == 0)
      return value;
  return 0;
}

static IpmidEvent *
make_message (Request *request)
{
  const char *severity = request_text (request, "severity");
  IpmidEvent *event = event_new ();

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_MESSAGE);
  event_set_integer (event, IPMID_FIELD_SEVERITY, severity == NULL ? IPMID_SEVERITY_INFO : parse_severity (severity));
  event_set_string (event, IPMID_FIELD_TEXT, request_text (request, "text"));
  return event;
}

/* The BMC of the request: its number, or 0 and an answer. */
static gboolean
find_bmc (Ledger *ledger, RequestWork *work, gint64 *id)
{
  const char *name = request_text (work->request, "bmc");

  *id = ledger_bmc_named (ledger, name);
  return *id != 0 || !request_refuse (work, IPMID_REQUEST_NOT_FOUND, "there is no BMC \"%s\"", name);
}

static gboolean
write_message (Ledger *ledger, RequestWork *work, GError **error)
{
  g_autoptr (IpmidEvent) event = make_message (work->request);
  gint64 bmc;

  if (!find_bmc (ledger, work, &bmc))
    return TRUE;
  if (!ledger_own_event (ledger, bmc, event, error))
    return FALSE;
  g_variant_dict_insert (&work->reply, "id", "s", event_string (event, IPMID_FIELD_ID));
  return TRUE;
}

void
request_log (Core *core, Request *request)
{
  const char *severity = request_text (request, "severity");
  const char *text = request_text (request, "text");

  if (severity != NULL && parse_severity (severity) == 0)
    request_fail (request, IPMID_REQUEST_INVALID, "log: \"severity\" has to be ok, info, warning or critical");
  else if (text[0] == '\0' || strlen (text) > EVENT_STRING_MAX)
    request_fail (request, IPMID_REQUEST_INVALID, "log: \"text\" has to have from 1 to %d bytes", EVENT_STRING_MAX);
  else if (fleet_find_name (core->fleet, request_text (request, "bmc")) == 0)
    request_fail_bmc (request, request_text (request, "bmc"));
  else if (journal_is_full (core->journal))
    request_fail (request, IPMID_REQUEST_UNAVAILABLE,
                  "there is no room in the journal: nothing is taken in until there is");
  else
    request_submit (core, request, JOURNAL_INTAKE, write_message);
}

/* -------------------------------------------------------------------- silence */

static gboolean
has (Request *request, const char *name)
{
  return g_variant_lookup (request_arguments (request), name, "*", NULL);
}

/* Microseconds; the arguments' types have been checked. */
static gboolean
get_time (Request *request, gint64 *time, GError **error)
{
  const char *text = request_text (request, "until");
  gint64 value;

  if (text != NULL)
    return silence_parse_time (text, time, error);
  request_integer (request, "until", &value);
  *time = MAX (value / NS_PER_US, 1); /* long ago, but not never */
  return TRUE;
}

static gboolean
get_duration (Request *request, gint64 *duration, GError **error)
{
  const char *text = request_text (request, "for");
  double seconds;
  gint64 whole;

  if (text != NULL)
    return options_parse_duration (text, duration, error);
  if (request_integer (request, "for", &whole))
    seconds = (double) whole;
  else
    g_variant_lookup (request_arguments (request), "for", "d", &seconds);
  /* Also not a number, which is not between anything. */
  gboolean good = isfinite (seconds) && fabs (seconds) <= (double) QUIET_SILENCE_MAX / G_USEC_PER_SEC;
  *duration = good ? (gint64) (seconds * G_USEC_PER_SEC) : -1;
  return TRUE;
}

/* 0: no silence. */
static gboolean
get_end (Request *request, gint64 *end, GError **error)
{
  gint64 now = g_get_real_time (), duration;

  *end = 0;
  if (request_flag (request, "off"))
    return TRUE;
  if (has (request, "until"))
    return get_time (request, end, error);
  if (!get_duration (request, &duration, error))
    return FALSE;
  *end = now + duration;
  return TRUE;
}

static gboolean
write_silence (Ledger *ledger, RequestWork *work, GError **error)
{
  LedgerBmcInfo info;
  gint64 bmc, end = 0;

  /* It was good a moment ago. */
  if (!find_bmc (ledger, work, &bmc) || !get_end (work->request, &end, NULL))
    return TRUE;
  if (!ledger_silence (ledger, bmc, end, error) || !ledger_bmc_info (ledger, bmc, &info, error))
    return FALSE;
  if (info.silence_until > g_get_real_time ())
    g_variant_dict_insert (&work->reply, "silence_until", "x", info.silence_until * NS_PER_US);
  g_variant_dict_insert (&work->reply, "configured", "b", info.silence_until > end);
  return TRUE;
}

void
request_silence (Core *core, Request *request)
{
  guint given = has (request, "until") + has (request, "for") + (request_flag (request, "off") ? 1u : 0u);
  gint64 now = g_get_real_time (), end;
  g_autoptr (GError) error = NULL;

  if (given != 1)
    request_fail (request, IPMID_REQUEST_INVALID, "silence: give one of \"until\", \"for\" and \"off\"");
  else if (!get_end (request, &end, &error))
    request_fail (request, IPMID_REQUEST_INVALID, "silence: %s", error->message);
  else if (end != 0 && (end <= now || end > now + QUIET_SILENCE_MAX))
    request_fail (request, IPMID_REQUEST_INVALID, "silence: its end has to be in the future, and within a year");
  else if (fleet_find_name (core->fleet, request_text (request, "bmc")) == 0)
    request_fail_bmc (request, request_text (request, "bmc"));
  else
    request_submit (core, request, JOURNAL_SETTLE, write_silence);
}
