/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger-handler.c - the handlers that something may be owed to: who comes, who goes,
 * and how much each is owed; see ledger.h.
 */
#include "core/ledger-private.h"

#include <string.h>

static LedgerOwed *
find_handler_named (Ledger *ledger, const char *name)
{
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      LedgerOwed *handler = ledger->handlers->pdata[i];
      if (strcmp (handler->name, name) == 0)
        return handler;
    }
  return NULL;
}

/* One that is fed live now may have been owed something by an earlier
 * configuration. */
static gboolean
bury_for_live (Ledger *ledger, gint64 id, LedgerCounts *counts, GError **error)
{
  gint64 moved = 0;

  if (counts->pending == 0)
    return store_handler_leave (ledger->store, id, error);
  counts->pending = 0;
  return store_bury_handler (ledger->store, id, &moved, error)
         && store_dead_count (ledger->store, id, &counts->dead, error);
}

gint64
ledger_add_handler (Ledger *ledger, const LedgerHandler *description, GError **error)
{
  gint64 id;
  LedgerCounts counts = { 0 };
  StoreSpan span;
  LedgerOwed *handler = find_handler_named (ledger, description->name);

  if (!store_handler_load (ledger->store, description->name, &id, error)
      || !store_delivery_count (ledger->store, id, &counts.pending, error)
      || !store_dead_count (ledger->store, id, &counts.dead, error)
      || !(description->live ? bury_for_live (ledger, id, &counts, error)
                             : store_handler_come_back (ledger->store, id, error))
      || !store_handler_span (ledger->store, id, &span, error))
    return 0;
  if (handler == NULL)
    {
      handler = g_new0 (LedgerOwed, 1);
      handler->name = g_strdup (description->name);
      handler->counts = counts;
      g_ptr_array_add (ledger->handlers, handler);
    }
  if (handler->removed || description->live)
    handler->counts = counts;
  handler->description = *description;
  handler->description.name = handler->name;
  handler->id = id;
  handler->span = span;
  handler->removed = FALSE;
  return ledger_adopt_quiet (ledger, handler, error) ? id : 0;
}

gboolean
ledger_bury_orphans (Ledger *ledger, gint64 *moved, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      LedgerOwed *handler = ledger->handlers->pdata[i];
      if (!handler->removed)
        g_array_append_val (ids, handler->id);
      else
        handler->change.pending = -handler->counts.pending;
    }
  return store_bury_orphans (ledger->store, ids, moved, error);
}

gint64
ledger_handler_named (Ledger *ledger, const char *name)
{
  const LedgerOwed *handler = find_handler_named (ledger, name);

  return handler == NULL || handler->removed ? 0 : handler->id;
}

/* NULL: a reload has opened it, and not registered it yet. */
static LedgerOwed *
look_up_handler (Ledger *ledger, gint64 id)
{
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      LedgerOwed *handler = ledger->handlers->pdata[i];
      if (handler->id == id)
        return handler;
    }
  return NULL;
}

/* Also one that was removed, which may still answer. */
LedgerOwed *
ledger_handler_get (Ledger *ledger, gint64 id)
{
  LedgerOwed *handler = look_up_handler (ledger, id);

  g_assert (handler != NULL);
  return handler;
}

LedgerOwed *
ledger_find_handler (Ledger *ledger, gint64 id)
{
  LedgerOwed *handler = look_up_handler (ledger, id);

  return handler == NULL || handler->removed ? NULL : handler;
}

gboolean
ledger_bury_handler (Ledger *ledger, gint64 id, gint64 *moved, GError **error)
{
  LedgerOwed *handler = ledger_handler_get (ledger, id);

  *moved = 0;
  if (!handler->removed) /* it is configured again */
    return TRUE;
  handler->change.pending = -handler->counts.pending;
  return store_bury_handler (ledger->store, id, moved, error);
}

gboolean
ledger_remove_handler (Ledger *ledger, gint64 handler, GError **error)
{
  ledger_handler_get (ledger, handler)->removed = TRUE;
  return store_handler_leave (ledger->store, handler, error);
}

gboolean
ledger_wants (Ledger *ledger, const LedgerOwed *handler, gint64 bmc, const IpmidEvent *event)
{
  const LedgerBmc *known = g_hash_table_lookup (ledger->bmcs, &bmc);

  return filter_match (&handler->description.filter, event, known == NULL ? NULL : (const char *const *) known->labels);
}

/* Dead letters take room as well: a handler that rejects everything must not
 * fill the journal. */
gboolean
ledger_is_within_quota (const LedgerOwed *handler)
{
  return handler->counts.pending + handler->change.pending < handler->description.quota
         && handler->counts.dead + handler->change.dead < handler->description.quota;
}

void
ledger_handler_add_counts (LedgerCounts *counts, const LedgerCounts *change)
{
  counts->pending += change->pending;
  counts->dead += change->dead;
  counts->shed += change->shed;
  counts->hushed += change->hushed;
  counts->silenced += change->silenced;
}

void
ledger_counts (Ledger *ledger, gint64 handler, LedgerCounts *counts)
{
  const LedgerOwed *found = look_up_handler (ledger, handler);

  *counts = (LedgerCounts){ 0 };
  if (found == NULL)
    return;
  /* With what stands in this transaction: whoever asks is answered after it. */
  *counts = found->counts;
  ledger_handler_add_counts (counts, &found->change);
}
