/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reload-removed.c - handlers that go, and what they are still owed; see reload.h.
 *
 * A removed handler delivers what it can, then its thread ends.  What is left becomes
 * dead letters in a transaction of its own, and only then the handler is freed.
 */
#include "core/reload-private.h"

void
reload_removed_retire (Core *core, Handler *handler)
{
  handler_join (handler);
  g_ptr_array_remove (core->handlers, handler);
  /* One that had to give up may still get an answer that it had asked for. */
  if (handler_was_cancelled (handler))
    g_ptr_array_add (core->retired, handler);
  else
    handler_free (handler);
}

/* What a removed handler was owed. */
typedef struct
{
  Core *core;
  Handler *handler;
  gint64 moved;
  gboolean committed;
} Burial;

static gboolean
bury (Ledger *ledger, gpointer data, GError **error)
{
  Burial *burial = data;

  return ledger_bury_handler (ledger, handler_id (burial->handler), &burial->moved, error);
}

static gboolean
after_burial (gpointer data)
{
  g_autofree Burial *burial = data;
  const LogContext context = { .handler = handler_name (burial->handler) };

  if (!burial->committed || burial->core->stopping)
    return G_SOURCE_REMOVE;
  if (burial->moved > 0)
    log_line (IPMID_LOG_WARNING, &context,
              "is not configured any more: %" G_GINT64_FORMAT " events that it was still owed are dead letters now",
              burial->moved);
  else
    log_line (IPMID_LOG_NOTICE, &context, "is not configured any more; it was owed nothing");
  reload_removed_retire (burial->core, burial->handler);
  return G_SOURCE_REMOVE;
}

static void
on_buried (gpointer data, gboolean committed)
{
  ((Burial *) data)->committed = committed;
  g_idle_add_full (G_PRIORITY_DEFAULT, after_burial, data, NULL);
}

void
reload_removed_bury (Core *core)
{
  for (guint i = 0; i < core->handlers->len; i++)
    {
      Handler *handler = core->handlers->pdata[i];
      if (!handler_claim_removed (handler))
        continue;
      Burial *burial = g_new0 (Burial, 1);
      burial->core = core;
      burial->handler = handler;
      journal_submit (core->journal, JOURNAL_SETTLE, bury, on_buried, burial);
    }
}
