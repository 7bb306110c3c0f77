/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core-status.c - what people see of a running ipmid; see core.h. */
#include "core/core-private.h"

/* An answer that a person can still read; and it is made in one go. */
#define STATUS_BMCS_MAX 200

typedef struct
{
  gint64 handler;
  LedgerCounts counts;
} CountQuery;

static gboolean
count (Ledger *ledger, gpointer data, G_GNUC_UNUSED GError **error)
{
  CountQuery *query = data;

  ledger_counts (ledger, query->handler, &query->counts);
  return TRUE;
}

static void
describe_handler (Core *core, Handler *handler, GString *out)
{
  CountQuery query = { .handler = handler_id (handler) };
  HandlerStatus status;

  handler_get_status (handler, &status);
  g_string_append_printf (out, "handler: %s\n", handler_name (handler));
  g_string_append_printf (out, "  state: %s\n", status.down ? "failing" : "working");
  if (journal_run (core->journal, JOURNAL_LOOK_UP, count, &query))
    g_string_append_printf (
        out,
        "  queue: %" G_GINT64_FORMAT "\n  dead letters: %" G_GINT64_FORMAT "\n  not kept: %" G_GINT64_FORMAT
        "\n  held back in quiet time: %" G_GINT64_FORMAT "\n  held back in silence: %" G_GINT64_FORMAT "\n",
        query.counts.pending, query.counts.dead, query.counts.shed, query.counts.hushed, query.counts.silenced);
  g_string_append_printf (out, "  handled: %" G_GUINT64_FORMAT "\n  failures: %" G_GUINT64_FORMAT "\n", status.done,
                          status.failed);
  if (status.has_readings)
    g_string_append_printf (
        out, "  readings: %" G_GUINT64_FORMAT " taken, %" G_GUINT64_FORMAT " replaced by newer ones before\n",
        status.readings, status.readings_dropped);
  if (status.live)
    g_string_append_printf (out, "  dropped: %" G_GUINT64_FORMAT "\n", status.live_dropped);
  if (status.last_error != NULL)
    g_string_append_printf (out, "  last error: %s\n", status.last_error);
  g_free (status.last_error);
}

char *
core_summary (Core *core)
{
  GString *out;

  if (core->stopping)
    return g_strdup ("ending");
  out = g_string_new (NULL);
  fleet_summarize (core->fleet, out);
  if (journal_is_full (core->journal))
    g_string_append (out, "; the journal is full");
  return g_string_free (out, FALSE);
}

char *
core_status (Core *core)
{
  GString *out = g_string_new (NULL);

  if (core->stopping)
    {
      g_string_append (out, "ipmid: ending\n");
      return g_string_free (out, FALSE);
    }
  g_string_append_printf (out, "journal: %s%s\n",
                          core->config->state_dir == NULL ? "in memory" : core->config->state_dir,
                          journal_is_full (core->journal) ? ", full: SELs are not read" : "");
  fleet_describe (core->fleet, out, STATUS_BMCS_MAX);
  if (core->traps != NULL)
    trap_listener_describe (core->traps, out);
  for (guint i = 0; i < core->handlers->len; i++)
    describe_handler (core, core->handlers->pdata[i], out);
  return g_string_free (out, FALSE);
}

static void
log_handler (Core *core, Handler *handler)
{
  const LogContext context = { .handler = handler_name (handler) };
  CountQuery query = { .handler = handler_id (handler) };
  HandlerStatus status;

  handler_get_status (handler, &status);
  if (!journal_run (core->journal, JOURNAL_LOOK_UP, count, &query))
    query.counts = (LedgerCounts){ 0 };
  log_line (IPMID_LOG_NOTICE, &context,
            "state: %s; queue %" G_GINT64_FORMAT "; dead letters %" G_GINT64_FORMAT "; not kept %" G_GINT64_FORMAT
            "; handled %" G_GUINT64_FORMAT "; failures %" G_GUINT64_FORMAT "%s%s",
            status.down ? "failing" : "working", query.counts.pending, query.counts.dead, query.counts.shed,
            status.done, status.failed,
            status.last_error == NULL ? "" : "; last error: ", status.last_error == NULL ? "" : status.last_error);
  g_free (status.last_error);
}

void
core_log_status (Core *core)
{
  if (core->stopping)
    {
      log_line (IPMID_LOG_NOTICE, NULL, "state: ending");
      return;
    }
  log_line (IPMID_LOG_NOTICE, NULL, "state: journal %s%s",
            core->config->state_dir == NULL ? "in memory" : core->config->state_dir,
            journal_is_full (core->journal) ? ", full: SELs are not read" : "");
  fleet_log (core->fleet);
  for (guint i = 0; i < core->handlers->len; i++)
    log_handler (core, core->handlers->pdata[i]);
}
