/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request-dead.c - the requests about dead letters.
 *
 * All of it happens on the journal's thread, in one transaction each, but for the
 * replay and the drop of all: those go through them part by part, oldest first.
 */
#include "core/request-private.h"

#include "event/render.h"
#include "event/text.h"

#include <stdio.h>

#define PAGE_DEFAULT 100
#define PAGE_MAX 1000

#define TEXT_SHOWN_MAX 1024 /* bytes */

#define NS_PER_US 1000

static void
insert_text (GVariantDict *dict, const char *key, const char *text)
{
  g_autofree char *clean = text == NULL ? NULL : text_clean (text, -1, TEXT_SHOWN_MAX);

  if (clean != NULL)
    g_variant_dict_insert (dict, key, "s", clean);
}

static void
report_dead (const StoreDead *dead, GVariantDict *dict)
{
  g_variant_dict_insert (dict, "seq", "x", dead->seq);
  insert_text (dict, "handler", dead->handler_name);
  insert_text (dict, "id", event_string (dead->event, IPMID_FIELD_ID));
  insert_text (dict, "bmc", event_string (dead->event, IPMID_FIELD_BMC));
  insert_text (dict, "text", event_string (dead->event, IPMID_FIELD_TEXT));
  insert_text (dict, "reason", dead->reason);
  g_variant_dict_insert (dict, "attempts", "x", dead->attempts);
  g_variant_dict_insert (dict, "time", "x", dead->time * NS_PER_US);
  if (event_has (dead->event, IPMID_FIELD_SEVERITY))
    {
      g_autofree char *severity = render_field (dead->event, IPMID_FIELD_SEVERITY);
      insert_text (dict, "severity", severity);
    }
}

/* The number of the handler that the request names; 0: it has to be refused, and
 * is. */
static gboolean
find_handler (Ledger *ledger, RequestWork *work, gint64 *id, GError **error)
{
  const char *name = request_text (work->request, "handler");
  g_autofree char *shown = text_clean (name, -1, TEXT_SHOWN_MAX);
  gboolean found;

  if (!store_handler_find (ledger_store (ledger), name, id, &found, error))
    return FALSE;
  if (!found)
    {
      *id = 0;
      request_refuse (work, IPMID_REQUEST_NOT_FOUND, "there is no handler \"%s\", and never was", shown);
    }
  return TRUE;
}

/* ----------------------------------------------------------------------- list */

/* What `next` said: "HANDLER/SEQ". */
static gboolean
parse_after (const char *text, gint64 *handler, gint64 *seq)
{
  int end = 0;

  return sscanf (text, "%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT "%n", handler, seq, &end) == 2 && text[end] == '\0';
}

static void
answer_page (RequestWork *work, const GArray *page, guint limit)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < MIN (page->len, limit); i++)
    {
      GVariantDict dict = G_VARIANT_DICT_INIT (NULL);
      report_dead (&g_array_index (page, StoreDead, i), &dict);
      g_variant_builder_add_value (&builder, g_variant_dict_end (&dict));
    }
  g_variant_dict_insert_value (&work->reply, "dead", g_variant_builder_end (&builder));
  if (page->len <= limit)
    return;
  const StoreDead *last = &g_array_index (page, StoreDead, limit - 1);
  g_autofree char *next = g_strdup_printf ("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT, last->handler, last->seq);
  g_variant_dict_insert (&work->reply, "next", "s", next);
}

static gboolean
list (Ledger *ledger, RequestWork *work, GError **error)
{
  const char *after = request_text (work->request, "after");
  gint64 handler = 0, after_handler = 0, after_seq = 0, limit = PAGE_DEFAULT;

  if (request_text (work->request, "handler") != NULL)
    {
      if (!find_handler (ledger, work, &handler, error))
        return FALSE;
      if (handler == 0)
        return TRUE;
      after_handler = handler;
    }
  if (after != NULL && !parse_after (after, &after_handler, &after_seq))
    return request_refuse (work, IPMID_REQUEST_INVALID, "dead-list: \"after\" has to be what `next` said");
  request_integer (work->request, "limit", &limit);
  if (limit < 1 || limit > PAGE_MAX)
    return request_refuse (work, IPMID_REQUEST_INVALID, "dead-list: \"limit\" has to be from 1 to %d", PAGE_MAX);
  /* One more shows whether there are more. */
  g_autoptr (GArray) page = store_dead_page (ledger_store (ledger), handler == 0 ? G_MAXINT64 : handler, after_handler,
                                             after_seq, (guint) limit + 1, error);
  if (page != NULL)
    answer_page (work, page, (guint) limit);
  return page != NULL;
}

void
request_dead_list (Core *core, Request *request)
{
  request_submit (core, request, JOURNAL_LOOK_UP, list);
}

/* ----------------------------------------------------------------------- show */

static void
report_raw (const IpmidEvent *event, GVariantDict *dict)
{
  g_autofree char *raw = event_has (event, IPMID_FIELD_RAW) ? render_field (event, IPMID_FIELD_RAW) : NULL;

  insert_text (dict, "raw", raw);
}

/* The handler and its dead letters with the id of the request; refuses if there are
 * none. */
static gboolean
find_dead (Ledger *ledger, RequestWork *work, gint64 *handler, GArray **found, GError **error)
{
  const char *id = request_text (work->request, "id");
  g_autofree char *shown = text_clean (id, -1, TEXT_SHOWN_MAX);

  if (!find_handler (ledger, work, handler, error))
    return FALSE;
  if (*handler == 0)
    return TRUE;
  *found = store_dead_find (ledger_store (ledger), *handler, id, error);
  if (*found != NULL && (*found)->len == 0)
    request_refuse (work, IPMID_REQUEST_NOT_FOUND, "handler \"%s\" has no dead letter \"%s\"",
                    request_text (work->request, "handler"), shown);
  return *found != NULL;
}

static gboolean
show (Ledger *ledger, RequestWork *work, GError **error)
{
  g_autoptr (GArray) found = NULL;
  g_autoptr (GString) json = g_string_new (NULL);
  gint64 handler;

  if (!find_dead (ledger, work, &handler, &found, error))
    return FALSE;
  if (work->refusal != NULL)
    return TRUE;
  const StoreDead *dead = &g_array_index (found, StoreDead, 0);
  report_dead (dead, &work->reply);
  report_raw (dead->event, &work->reply);
  render_event (dead->event, IPMID_FORMAT_JSON, json);
  g_variant_dict_insert (&work->reply, "event_json", "s", g_strchomp (json->str));
  return TRUE;
}

void
request_dead_show (Core *core, Request *request)
{
  request_submit (core, request, JOURNAL_LOOK_UP, show);
}

/* --------------------------------------------------------------- replay, drop */

typedef gboolean (*ChangeFunc) (Ledger *ledger, StoreDeadRange *range, gint64 *changed, GError **error);

/* Each with the id of the request. */
static gboolean
change_some (Ledger *ledger, RequestWork *work, ChangeFunc function, GError **error)
{
  g_autoptr (GArray) found = NULL;
  gint64 handler, changed;

  if (!find_dead (ledger, work, &handler, &found, error))
    return FALSE;
  for (guint i = 0; work->refusal == NULL && i < found->len; i++)
    {
      gint64 seq = g_array_index (found, StoreDead, i).seq;
      StoreDeadRange one = { handler, seq - 1, seq };
      if (!function (ledger, &one, &changed, error))
        return FALSE;
      work->next.count += changed;
    }
  return TRUE;
}

/* The next part of all that there are when the first one begins.  What becomes a dead
 * letter meanwhile is behind, or beyond the last, or taken once: there is an end. */
static gboolean
change_part (Ledger *ledger, RequestWork *work, ChangeFunc function, GError **error)
{
  gint64 handler, changed;

  if (!find_handler (ledger, work, &handler, error))
    return FALSE;
  if (work->refusal != NULL)
    return TRUE;
  if (work->done.last == 0 && !store_dead_last (ledger_store (ledger), handler, &work->next.last, error))
    return FALSE;
  StoreDeadRange part = { handler, work->done.after, work->next.last };
  if (!function (ledger, &part, &changed, error))
    return FALSE;
  work->next.after = part.last;
  work->next.count += changed;
  work->goes_on = part.last < work->next.last;
  return TRUE;
}

static gboolean
change (Ledger *ledger, RequestWork *work, ChangeFunc function, const char *key, GError **error)
{
  gboolean all = request_flag (work->request, "all");

  if (!(all ? change_part : change_some) (ledger, work, function, error))
    return FALSE;
  g_variant_dict_insert (&work->reply, key, "x", work->next.count);
  return TRUE;
}

static gboolean
replay (Ledger *ledger, RequestWork *work, GError **error)
{
  const char *name = request_text (work->request, "handler");
  gint64 handler;

  if (!find_handler (ledger, work, &handler, error))
    return FALSE;
  if (handler != 0 && ledger_handler_named (ledger, name) == 0)
    return request_refuse (work, IPMID_REQUEST_CONFLICT,
                           "handler \"%s\" is not configured any more: write [handler %s] into the configuration again "
                           "and reload, or drop its dead letters",
                           name, name);
  if (handler != 0 && !ledger_can_be_replayed (ledger, handler))
    return request_refuse (work, IPMID_REQUEST_CONFLICT,
                           "handler \"%s\" is fed live now, and is owed nothing: give it another plugin and reload, or "
                           "drop its dead letters",
                           name);
  return work->refusal != NULL || change (ledger, work, ledger_replay, "replayed", error);
}

static gboolean
drop (Ledger *ledger, RequestWork *work, GError **error)
{
  return change (ledger, work, ledger_drop, "dropped", error);
}

static void
submit_change (Core *core, Request *request, RequestWorkFunc run)
{
  if ((request_text (request, "id") != NULL) == request_flag (request, "all"))
    request_fail (request, IPMID_REQUEST_INVALID, "%s: give either \"id\" or \"all\"", request_method (request));
  else
    request_submit (core, request, JOURNAL_SETTLE, run);
}

void
request_dead_replay (Core *core, Request *request)
{
  submit_change (core, request, replay);
}

void
request_dead_drop (Core *core, Request *request)
{
  submit_change (core, request, drop);
}
