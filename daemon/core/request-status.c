/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request-status.c - the requests `status` and `bmcs`.
 *
 * What the core's thread knows is put together there; the journal's thread adds
 * what only that knows, and answers.
 */
#ifdef HAVE_CONFIG_H
#include <config.h> /* PACKAGE_VERSION */
#endif

#include "core/request-private.h"

#include <unistd.h>

#define NS_PER_US 1000

/* --------------------------------------------------------------------- status */

typedef struct
{
  gint64 id;
  GVariantDict *dict;
  LedgerCounts counts;
  gint64 oldest; /* 0: nothing is pending */
} HandlerReport;

typedef struct
{
  Request *request;
  GVariantDict *reply, *daemon;
  GPtrArray *handlers; /* HandlerReport */
  GPtrArray *gone;     /* HandlerReport: not configured, but with dead letters */
  gint64 journal_bytes;
} Status;

static void
free_handler_report (gpointer data)
{
  HandlerReport *report = data;

  g_variant_dict_unref (report->dict);
  g_free (report);
}

static const char *
handler_word (Handler *handler, const HandlerStatus *status)
{
  if (handler_is_removed (handler))
    return "ending";
  return status->down ? "failing" : "working";
}

static HandlerReport *
report_handler (Handler *handler)
{
  HandlerReport *report = g_new0 (HandlerReport, 1);
  GVariantDict *dict = report->dict = g_variant_dict_new (NULL);
  HandlerStatus status;

  handler_get_status (handler, &status);
  report->id = handler_id (handler);
  g_variant_dict_insert (dict, "name", "s", handler_name (handler));
  g_variant_dict_insert (dict, "plugin", "s", handler_plugin (handler));
  g_variant_dict_insert (dict, "state", "s", handler_word (handler, &status));
  g_variant_dict_insert (dict, "required", "b", handler_is_required (handler));
  g_variant_dict_insert (dict, "finalizer", "b", handler_is_finalizer (handler));
  g_variant_dict_insert (dict, "delivered", "x", (gint64) status.done);
  g_variant_dict_insert (dict, "failures", "x", (gint64) status.failed);
  if (status.last_error != NULL)
    {
      g_variant_dict_insert (dict, "last_error", "s", status.last_error);
      g_variant_dict_insert (dict, "last_error_time", "x", status.last_error_time * NS_PER_US);
    }
  g_free (status.last_error);
  return report;
}

static GVariantDict *
report_daemon (Core *core)
{
  GVariantDict *dict = g_variant_dict_new (NULL);

  g_variant_dict_insert (dict, "version", "s", PACKAGE_VERSION);
  g_variant_dict_insert (dict, "pid", "x", (gint64) getpid ());
  g_variant_dict_insert (dict, "started", "x", core->started * NS_PER_US);
  if (core->around.config != NULL)
    g_variant_dict_insert (dict, "config", "s", core->around.config);
  if (core->config->state_dir != NULL)
    g_variant_dict_insert (dict, "state_dir", "s", core->config->state_dir);
  g_variant_dict_insert (dict, "journal_limit", "x", journal_size_limit (core->journal));
  g_variant_dict_insert (dict, "journal_full", "b", journal_is_full (core->journal));
  return dict;
}

/* Dead letters are kept for ever, also those of handlers that are gone. */
static void
note_gone (const char *name, gint64 dead, gpointer user_data)
{
  Status *status = user_data;
  HandlerReport *report = g_new0 (HandlerReport, 1);

  report->dict = g_variant_dict_new (NULL);
  report->counts.dead = dead;
  g_variant_dict_insert (report->dict, "name", "s", name);
  g_variant_dict_insert (report->dict, "state", "s", "removed");
  g_ptr_array_add (status->gone, report);
}

static gboolean
look_up_status (Ledger *ledger, gpointer data, GError **error)
{
  Status *status = data;

  g_autoptr (GArray) known = g_array_new (FALSE, FALSE, sizeof (gint64));

  g_ptr_array_set_size (status->gone, 0);
  status->journal_bytes = store_size (ledger_store (ledger));
  for (guint i = 0; i < status->handlers->len; i++)
    {
      HandlerReport *report = status->handlers->pdata[i];
      g_array_append_val (known, report->id);
      ledger_counts (ledger, report->id, &report->counts);
      if (!store_delivery_oldest (ledger_store (ledger), report->id, &report->oldest, error))
        return FALSE;
    }
  return store_dead_of_others (ledger_store (ledger), known, note_gone, status, error);
}

static GVariant *
finish_handler (HandlerReport *report)
{
  GVariantDict *dict = report->dict;

  g_variant_dict_insert (dict, "pending", "x", report->counts.pending);
  g_variant_dict_insert (dict, "dead", "x", report->counts.dead);
  g_variant_dict_insert (dict, "shed", "x", report->counts.shed);
  g_variant_dict_insert (dict, "hushed", "x", report->counts.hushed);
  g_variant_dict_insert (dict, "silenced", "x", report->counts.silenced);
  if (report->oldest != 0)
    g_variant_dict_insert (dict, "oldest", "x", report->oldest);
  return g_variant_dict_end (dict);
}

static void
answer_status (Status *status)
{
  GVariantBuilder handlers = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < status->handlers->len; i++)
    g_variant_builder_add_value (&handlers, finish_handler (status->handlers->pdata[i]));
  for (guint i = 0; i < status->gone->len; i++)
    g_variant_builder_add_value (&handlers, finish_handler (status->gone->pdata[i]));
  g_variant_dict_insert (status->daemon, "journal_bytes", "x", status->journal_bytes);
  g_variant_dict_insert_value (status->reply, "daemon", g_variant_dict_end (status->daemon));
  g_variant_dict_insert_value (status->reply, "handlers", g_variant_builder_end (&handlers));
  request_answer (status->request, g_variant_dict_end (status->reply));
}

static void
on_status_looked_up (gpointer data, gboolean committed)
{
  Status *status = data;

  if (committed)
    answer_status (status);
  else
    request_fail_journal (status->request);
  g_variant_dict_unref (status->reply);
  g_variant_dict_unref (status->daemon);
  g_ptr_array_unref (status->handlers);
  g_ptr_array_unref (status->gone);
  request_unref (status->request);
  g_free (status);
}

void
request_status (Core *core, Request *request)
{
  Status *status = g_new0 (Status, 1);

  status->request = request_ref (request);
  status->reply = g_variant_dict_new (NULL);
  status->daemon = report_daemon (core);
  status->handlers = g_ptr_array_new_with_free_func (free_handler_report);
  status->gone = g_ptr_array_new_with_free_func (free_handler_report);
  for (guint i = 0; i < core->handlers->len; i++)
    g_ptr_array_add (status->handlers, report_handler (core->handlers->pdata[i]));
  g_variant_dict_insert_value (status->reply, "collectors", fleet_report_collectors (core->fleet));
  g_variant_dict_insert_value (status->reply, "bmcs", fleet_report_counts (core->fleet));
  journal_submit (core->journal, JOURNAL_LOOK_UP, look_up_status, on_status_looked_up, status);
}

/* ----------------------------------------------------------------------- bmcs */

typedef struct
{
  Request *request;
  GPtrArray *reports; /* FleetBmcReport */
  GArray *known;      /* LedgerBmcInfo: one each */
} Bmcs;

static gboolean
look_up_bmcs (Ledger *ledger, gpointer data, GError **error)
{
  Bmcs *bmcs = data;

  g_array_set_size (bmcs->known, 0);
  for (guint i = 0; i < bmcs->reports->len; i++)
    {
      LedgerBmcInfo info;
      if (!ledger_bmc_info (ledger, ((FleetBmcReport *) bmcs->reports->pdata[i])->id, &info, error))
        return FALSE;
      g_array_append_val (bmcs->known, info);
    }
  return TRUE;
}

static void
answer_bmcs (Bmcs *bmcs)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < bmcs->reports->len; i++)
    {
      GVariantDict *dict = ((FleetBmcReport *) bmcs->reports->pdata[i])->dict;
      const LedgerBmcInfo *info = &g_array_index (bmcs->known, LedgerBmcInfo, i);
      g_variant_dict_insert (dict, "epoch", "x", info->epoch);
      if (info->silence_until != 0)
        g_variant_dict_insert (dict, "silence_until", "x", info->silence_until * NS_PER_US);
      g_variant_builder_add_value (&builder, g_variant_dict_end (dict));
    }
  request_answer (bmcs->request, g_variant_new_parsed ("{'bmcs': <%*>}", g_variant_builder_end (&builder)));
}

static void
on_bmcs_looked_up (gpointer data, gboolean committed)
{
  Bmcs *bmcs = data;

  if (committed)
    answer_bmcs (bmcs);
  else
    request_fail_journal (bmcs->request);
  g_ptr_array_unref (bmcs->reports);
  g_array_unref (bmcs->known);
  request_unref (bmcs->request);
  g_free (bmcs);
}

void
request_bmcs (Core *core, Request *request)
{
  const char *name = request_text (request, "bmc");
  g_autoptr (GPtrArray) reports = fleet_report_bmcs (core->fleet, name);

  if (name != NULL && reports->len == 0)
    {
      request_fail_bmc (request, name);
      return;
    }
  Bmcs *bmcs = g_new0 (Bmcs, 1);
  bmcs->request = request_ref (request);
  bmcs->reports = g_steal_pointer (&reports);
  bmcs->known = g_array_new (FALSE, FALSE, sizeof (LedgerBmcInfo));
  journal_submit (core->journal, JOURNAL_LOOK_UP, look_up_bmcs, on_bmcs_looked_up, bmcs);
}
