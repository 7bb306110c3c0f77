/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request-table.c - the methods and their arguments; see request-private.h. */
#include "core/request-private.h"

#include "event/text.h"

#include <string.h>

#define NAME_SHOWN_MAX 64 /* bytes */

/* Documented in ipmid/plugin.h, at ipmid_host_request(). */
const RequestMethod request_methods[] = {
  { "status", request_status, { { NULL } } },
  { "bmcs", request_bmcs, { { "bmc", REQUEST_TEXT, FALSE } } },
  { "dead-list",
    request_dead_list,
    { { "handler", REQUEST_TEXT, FALSE }, { "after", REQUEST_TEXT, FALSE }, { "limit", REQUEST_INTEGER, FALSE } } },
  { "dead-show", request_dead_show, { { "handler", REQUEST_TEXT, TRUE }, { "id", REQUEST_TEXT, TRUE } } },
  { "dead-replay",
    request_dead_replay,
    { { "handler", REQUEST_TEXT, TRUE }, { "id", REQUEST_TEXT, FALSE }, { "all", REQUEST_FLAG, FALSE } } },
  { "dead-drop",
    request_dead_drop,
    { { "handler", REQUEST_TEXT, TRUE }, { "id", REQUEST_TEXT, FALSE }, { "all", REQUEST_FLAG, FALSE } } },
  { "rescan", request_rescan, { { "bmc", REQUEST_TEXT, TRUE } } },
  { "clear-sel", request_clear_sel, { { "bmc", REQUEST_TEXT, TRUE }, { "force", REQUEST_FLAG, FALSE } } },
  { "power", request_power, { { "bmc", REQUEST_TEXT, TRUE }, { "action", REQUEST_TEXT, TRUE } } },
  { "reload", request_reload, { { NULL } } },
  { "check", request_check_config, { { NULL } } },
  { "log",
    request_log,
    { { "bmc", REQUEST_TEXT, TRUE }, { "text", REQUEST_TEXT, TRUE }, { "severity", REQUEST_TEXT, FALSE } } },
  { "silence",
    request_silence,
    { { "bmc", REQUEST_TEXT, TRUE },
      { "until", REQUEST_TIME, FALSE },
      { "for", REQUEST_DURATION, FALSE },
      { "off", REQUEST_FLAG, FALSE } } },
  { "backfill", request_backfill, { { "handler", REQUEST_TEXT, TRUE }, { "since", REQUEST_TIME, FALSE } } },
  { NULL },
};

static const RequestMethod *
find_method (const char *name)
{
  for (const RequestMethod *method = request_methods; method->name != NULL; method++)
    if (strcmp (method->name, name) == 0)
      return method;
  return NULL;
}

static const RequestArgument *
find_argument (const RequestMethod *method, const char *name)
{
  for (const RequestArgument *argument = method->arguments; argument->name != NULL; argument++)
    if (strcmp (argument->name, name) == 0)
      return argument;
  return NULL;
}

static gboolean
fits (RequestType type, GVariant *value)
{
  static const char *const types[] = {
    [REQUEST_TEXT] = "s",  [REQUEST_FLAG] = "b",       [REQUEST_INTEGER] = "x",
    [REQUEST_TIME] = "xs", [REQUEST_DURATION] = "dxs",
  };
  const char *given = g_variant_get_type_string (value);

  return strlen (given) == 1 && strchr (types[type], given[0]) != NULL;
}

static gboolean
check_value (const RequestMethod *method, const char *name, GVariant *value, GError **error)
{
  static const char *const words[] = {
    [REQUEST_TEXT] = "text",
    [REQUEST_FLAG] = "true or false",
    [REQUEST_INTEGER] = "a whole number",
    [REQUEST_TIME] = "a time (nanoseconds since 1970, or text like 2026-12-01T08:00Z)",
    [REQUEST_DURATION] = "a duration (seconds, or text like 2h)",
  };
  const RequestArgument *argument = find_argument (method, name);
  g_autofree char *shown = text_clean (name, -1, NAME_SHOWN_MAX);

  if (argument == NULL)
    g_set_error (error, IPMID_REQUEST_ERROR, IPMID_REQUEST_INVALID, "%s takes no argument \"%s\"", method->name, shown);
  else if (!fits (argument->type, value))
    g_set_error (error, IPMID_REQUEST_ERROR, IPMID_REQUEST_INVALID, "%s: the argument \"%s\" has to be %s",
                 method->name, shown, words[argument->type]);
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_arguments (const RequestMethod *method, GVariant *arguments, GError **error)
{
  GVariantIter iter;
  const char *name;
  GVariant *value;
  gboolean good = TRUE;

  if (!g_variant_is_of_type (arguments, G_VARIANT_TYPE_VARDICT))
    {
      g_set_error (error, IPMID_REQUEST_ERROR, IPMID_REQUEST_INVALID, "%s: the arguments are no a{sv}", method->name);
      return FALSE;
    }
  g_variant_iter_init (&iter, arguments);
  while (good && g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      good = check_value (method, name, value, error);
      g_variant_unref (value);
    }
  for (const RequestArgument *argument = method->arguments; good && argument->name != NULL; argument++)
    if (argument->required && !g_variant_lookup (arguments, argument->name, "*", NULL))
      {
        g_set_error (error, IPMID_REQUEST_ERROR, IPMID_REQUEST_INVALID, "%s: the argument \"%s\" is missing",
                     method->name, argument->name);
        good = FALSE;
      }
  return good;
}

const RequestMethod *
request_check (const char *name, GVariant *arguments, GError **error)
{
  const RequestMethod *method = find_method (name);

  if (method == NULL)
    g_set_error (error, IPMID_REQUEST_ERROR, IPMID_REQUEST_NOT_FOUND, "there is no request \"%s\"", name);
  return method != NULL && check_arguments (method, arguments, error) ? method : NULL;
}

void
request_fail_journal (Request *request)
{
  request_fail (request, IPMID_REQUEST_UNAVAILABLE, "the journal has failed, or ipmid is ending");
}

void
request_fail_bmc (Request *request, const char *name)
{
  g_autofree char *shown = text_clean (name, -1, NAME_SHOWN_MAX);

  request_fail (request, IPMID_REQUEST_NOT_FOUND, "there is no BMC \"%s\"", shown);
}

/* ------------------------------------------------------------- the core's thread */

typedef struct
{
  Core *core;
  Request *request;
} Call;

static gboolean
run (gpointer data)
{
  const Call *call = data;
  Request *request = call->request;
  g_autoptr (GError) error = NULL;
  const RequestMethod *method = request_check (request_method (request), request_arguments (request), &error);

  if (method == NULL)
    request_fail (request, (IpmidRequestError) error->code, "%s", error->message);
  else if (call->core->stopping)
    request_fail (request, IPMID_REQUEST_UNAVAILABLE, "ipmid is ending");
  else
    method->run (call->core, request);
  return G_SOURCE_REMOVE;
}

static void
free_call (gpointer data)
{
  Call *call = data;

  request_unref (call->request);
  g_free (call);
}

void
request_dispatch (gpointer core, Request *request)
{
  Call *call = g_new (Call, 1);

  *call = (Call){ core, request_ref (request) };
  g_idle_add_full (G_PRIORITY_DEFAULT, run, call, free_call);
}
