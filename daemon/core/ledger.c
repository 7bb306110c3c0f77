/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ledger.c - who is owed what; see ledger.h. */
#include "core/ledger-private.h"

#include <string.h>

static void
free_bmc (gpointer data)
{
  LedgerBmc *bmc = data;

  g_free (bmc->name);
  g_free (bmc->walk);
  g_free (bmc->walk_before);
  g_strfreev (bmc->labels);
  g_free (bmc);
}

static void
free_handler (gpointer data)
{
  LedgerOwed *handler = data;

  g_free (handler->name);
  g_free (handler);
}

static void
clear_offer (gpointer data)
{
  LedgerOffer *offer = data;

  if (offer->event != NULL)
    event_unref (offer->event);
}

Ledger *
ledger_new (Store *store)
{
  Ledger *ledger = g_new0 (Ledger, 1);

  ledger->store = store;
  ledger->bmcs = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, free_bmc);
  ledger->handlers = g_ptr_array_new_with_free_func (free_handler);
  ledger->offers = g_array_new (FALSE, FALSE, sizeof (LedgerOffer));
  g_array_set_clear_func (ledger->offers, clear_offer);
  ledger->touched = g_ptr_array_new ();
  ledger->clock = g_get_real_time;
  return ledger;
}

void
ledger_free (Ledger *ledger)
{
  if (ledger == NULL)
    return;
  g_array_unref (ledger->offers);
  g_ptr_array_unref (ledger->touched);
  g_ptr_array_unref (ledger->handlers);
  g_hash_table_unref (ledger->bmcs);
  g_free (ledger);
}

void
ledger_distrust_existing (Ledger *ledger)
{
  ledger->distrust = TRUE;
}

Store *
ledger_store (Ledger *ledger)
{
  return ledger->store;
}

/* A BMC that was called otherwise keeps what is known of it. */
static gboolean
rename_bmc (Ledger *ledger, const char *was, const char *name, GError **error)
{
  const LogContext context = { .bmc = name };
  gboolean renamed = FALSE;

  if (was != NULL && !store_bmc_rename (ledger->store, was, name, &renamed, error))
    return FALSE;
  if (renamed)
    log_line (IPMID_LOG_NOTICE, &context, "keeps the history of \"%s\", its earlier name", was);
  return TRUE;
}

gint64
ledger_add_bmc (Ledger *ledger, const char *name, const char *was, GError **error)
{
  StoreBmc saved;

  if (!rename_bmc (ledger, was, name, error) || !store_bmc_load (ledger->store, name, &saved, error))
    return 0;
  if (ledger->distrust && saved.contact == STORE_CONTACT_NONE)
    {
      saved.contact = STORE_CONTACT_DONE;
      if (!store_bmc_save (ledger->store, &saved, error))
        return 0;
    }
  LedgerBmc *bmc = g_hash_table_lookup (ledger->bmcs, &saved.id);
  if (bmc == NULL)
    {
      bmc = g_new0 (LedgerBmc, 1);
      g_hash_table_insert (ledger->bmcs, g_memdup2 (&saved.id, sizeof saved.id), bmc);
    }
  g_free (bmc->name);
  bmc->name = g_strdup (name);
  bmc->saved = saved;
  bmc->loaded = TRUE;
  return saved.id;
}

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

/* NULL only with an error. */
LedgerBmc *
ledger_find_bmc (Ledger *ledger, gint64 id, GError **error)
{
  LedgerBmc *bmc = g_hash_table_lookup (ledger->bmcs, &id);

  g_assert (bmc != NULL);
  if (!bmc->loaded && !store_bmc_get (ledger->store, id, &bmc->saved, error))
    return NULL;
  bmc->loaded = TRUE;
  return bmc;
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
static LedgerOwed *
find_handler (Ledger *ledger, gint64 id)
{
  LedgerOwed *handler = look_up_handler (ledger, id);

  g_assert (handler != NULL);
  return handler;
}

gboolean
ledger_bury_handler (Ledger *ledger, gint64 id, gint64 *moved, GError **error)
{
  LedgerOwed *handler = find_handler (ledger, id);

  *moved = 0;
  if (!handler->removed) /* it is configured again */
    return TRUE;
  handler->change.pending = -handler->counts.pending;
  return store_bury_handler (ledger->store, id, moved, error);
}

LedgerOwed *
ledger_find_handler (Ledger *ledger, gint64 id)
{
  LedgerOwed *handler = look_up_handler (ledger, id);

  return handler == NULL || handler->removed ? NULL : handler;
}

gboolean
ledger_wants (Ledger *ledger, const LedgerOwed *handler, gint64 bmc, const IpmidEvent *event)
{
  const LedgerBmc *known = g_hash_table_lookup (ledger->bmcs, &bmc);

  return filter_match (&handler->description.filter, event, known == NULL ? NULL : (const char *const *) known->labels);
}

gboolean
ledger_remove_handler (Ledger *ledger, gint64 handler, GError **error)
{
  find_handler (ledger, handler)->removed = TRUE;
  return store_handler_leave (ledger->store, handler, error);
}

/* Before a walk changes: a rollback brings it back as it was. */
void
ledger_touch_walk (Ledger *ledger, LedgerBmc *bmc)
{
  if (bmc->touched)
    return;
  bmc->touched = TRUE;
  bmc->walk_before = bmc->walk == NULL ? NULL : g_memdup2 (bmc->walk, sizeof *bmc->walk);
  g_ptr_array_add (ledger->touched, bmc);
}

static void
forget_touched (Ledger *ledger, gboolean restore)
{
  for (guint i = 0; i < ledger->touched->len; i++)
    {
      LedgerBmc *bmc = ledger->touched->pdata[i];
      if (restore)
        {
          g_free (bmc->walk);
          bmc->walk = g_steal_pointer (&bmc->walk_before);
        }
      g_clear_pointer (&bmc->walk_before, g_free);
      bmc->touched = FALSE;
    }
  g_ptr_array_set_size (ledger->touched, 0);
}

static void
add_counts (LedgerCounts *counts, const LedgerCounts *change)
{
  counts->pending += change->pending;
  counts->dead += change->dead;
  counts->shed += change->shed;
  counts->hushed += change->hushed;
  counts->silenced += change->silenced;
}

void
ledger_committed (Ledger *ledger)
{
  forget_touched (ledger, FALSE);
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      LedgerOwed *handler = ledger->handlers->pdata[i];
      add_counts (&handler->counts, &handler->change);
      handler->change = (LedgerCounts){ 0 };
    }
  for (guint i = 0; i < ledger->offers->len; i++)
    {
      LedgerOffer *offer = &g_array_index (ledger->offers, LedgerOffer, i);
      const LedgerHandler *to = &offer->handler->description;
      if (offer->handler->removed)
        continue;
      if (offer->event != NULL)
        to->offer (to->user_data, offer->bmc, offer->seq, offer->event);
      else if (to->reread != NULL)
        to->reread (to->user_data, offer->bmc, offer->seq);
    }
  g_array_set_size (ledger->offers, 0);
}

void
ledger_rolled_back (Ledger *ledger)
{
  GHashTableIter iter;
  gpointer bmc;

  forget_touched (ledger, TRUE);
  g_array_set_size (ledger->offers, 0);
  for (guint i = 0; i < ledger->handlers->len; i++)
    ((LedgerOwed *) ledger->handlers->pdata[i])->change = (LedgerCounts){ 0 };
  g_hash_table_iter_init (&iter, ledger->bmcs);
  while (g_hash_table_iter_next (&iter, NULL, &bmc))
    ((LedgerBmc *) bmc)->loaded = FALSE;
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
  add_counts (counts, &found->change);
}

/* -------------------------------------------------------------- owing events */

/* Dead letters take room as well: a handler that rejects everything must not
 * fill the journal. */
gboolean
ledger_is_within_quota (const LedgerOwed *handler)
{
  return handler->counts.pending + handler->change.pending < handler->description.quota
         && handler->counts.dead + handler->change.dead < handler->description.quota;
}

static gboolean
has_room (LedgerOwed *handler)
{
  gboolean room = ledger_is_within_quota (handler);
  const LogContext context = { .handler = handler->description.name };

  if (!room && !handler->shedding)
    log_line (IPMID_LOG_ERROR, &context,
              "what it is owed, or its dead letters, have reached its quota of %" G_GINT64_FORMAT
              " events: further events are not kept for it, and stay in the SEL, until it works again",
              handler->description.quota);
  handler->shedding = !room;
  return room;
}

static gboolean
insert_delivery (Ledger *ledger, LedgerOwed *handler, gint64 bmc, gint64 seq, IpmidEvent *event, gboolean counts,
                 GError **error)
{
  LedgerOffer offer = { handler, bmc, seq, event };

  if (!store_delivery_insert (ledger->store, handler->id, bmc, seq, counts, error))
    return FALSE;
  handler->change.pending++;
  event_ref (event);
  g_array_append_val (ledger->offers, offer);
  return TRUE;
}

/* Who wants it, and who gets it: the handlers to which it will be owed.  NULL
 * on failure. */
static GPtrArray *
choose_handlers (Ledger *ledger, gint64 bmc, const IpmidEvent *event, StoreDues *dues, GError **error)
{
  g_autoptr (GPtrArray) chosen = g_ptr_array_new ();
  gboolean gets;

  *dues = (StoreDues){ 0 };
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      LedgerOwed *handler = ledger->handlers->pdata[i];
      if (handler->removed || handler->description.finalizer || handler->description.live)
        continue;
      if (!ledger_judge (ledger, handler, bmc, event, &gets, error))
        return NULL;
      if (!gets)
        continue;
      dues->required += handler->description.required;
      if (has_room (handler))
        g_ptr_array_add (chosen, handler);
      else
        {
          handler->change.shed++;
          if (handler->description.required && !ledger_give_up_on (ledger, bmc, event, error))
            return NULL;
        }
    }
  /* What is shed is never answered, so a required handler's share stays open. */
  dues->open = dues->required;
  dues->owed = chosen->len;
  return g_steal_pointer (&chosen);
}

/* Those that are fed live: no row says so, the commit alone makes it real. */
static void
offer_live (Ledger *ledger, gint64 bmc, IpmidEvent *event)
{
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      LedgerOffer offer = { ledger->handlers->pdata[i], bmc, 0, event };
      if (offer.handler->removed || !offer.handler->description.live
          || !ledger_wants (ledger, offer.handler, bmc, event))
        continue;
      event_ref (event);
      g_array_append_val (ledger->offers, offer);
    }
}

static gboolean
is_required (const LedgerOwed *handler)
{
  return handler->description.required && !handler->description.finalizer;
}

gboolean
ledger_owe (Ledger *ledger, gint64 bmc, IpmidEvent *event, GError **error)
{
  StoreDues dues;
  g_autoptr (GPtrArray) chosen = choose_handlers (ledger, bmc, event, &dues, error);

  offer_live (ledger, bmc, event);
  if (chosen == NULL || chosen->len == 0)
    return chosen != NULL;
  gint64 seq = store_next_seq (ledger->store);
  if (!store_event_insert (ledger->store, seq, bmc, event, &dues, error))
    return FALSE;
  for (guint i = 0; i < chosen->len; i++)
    if (!insert_delivery (ledger, chosen->pdata[i], bmc, seq, event, is_required (chosen->pdata[i]), error)
        || !ledger_note_early (ledger, chosen->pdata[i], event, error))
      return FALSE;
  return TRUE;
}

gboolean
ledger_owe_late (Ledger *ledger, LedgerOwed *handler, gint64 bmc, IpmidEvent *event, gint64 *seq, GError **error)
{
  const StoreDues dues = { .owed = 1 };

  *seq = 0;
  if (!has_room (handler))
    return TRUE;
  *seq = store_next_seq (ledger->store);
  return store_event_insert (ledger->store, *seq, bmc, event, &dues, error)
         && insert_delivery (ledger, handler, bmc, *seq, event, FALSE, error);
}

gboolean
ledger_sign (Ledger *ledger, gint64 bmc_id, IpmidEvent *event, GError **error)
{
  LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);

  if (bmc == NULL)
    return FALSE;
  g_autofree char *unique = g_uuid_string_random ();
  g_autofree char *id = g_strdup_printf ("%s/-/%s", bmc->name, unique);
  event_set_string (event, IPMID_FIELD_ID, id);
  event_set_string (event, IPMID_FIELD_BMC, bmc->name);
  event_set_integer (event, IPMID_FIELD_RECEIVED, g_get_real_time () * 1000);
  return TRUE;
}

gboolean
ledger_own_event (Ledger *ledger, gint64 bmc, IpmidEvent *event, GError **error)
{
  return ledger_sign (ledger, bmc, event, error) && ledger_owe (ledger, bmc, event, error);
}

/* ------------------------------------------------------------------ handlers */

/* A finalizer's need not be. */
static gboolean
is_ascending (const gint64 *seqs, guint n)
{
  for (guint i = 1; i < n; i++)
    if (seqs[i] <= seqs[i - 1])
      return FALSE;
  return TRUE;
}

gboolean
ledger_attempt (Ledger *ledger, gint64 handler, gint64 bmc, const gint64 *seqs, guint n, guint batch, GError **error)
{
  gboolean done = FALSE;

  if (n > 1 && is_ascending (seqs, n)
      && !store_delivery_attempt_run (ledger->store, handler, bmc, seqs, n, batch, &done, error))
    return FALSE;
  for (guint i = 0; !done && i < n; i++)
    if (!store_delivery_attempt (ledger->store, handler, bmc, seqs[i], 1, batch, error))
      return FALSE;
  return TRUE;
}

/* All required handlers are DONE: the finalizers' turn. */
static gboolean
owe_finalizers (Ledger *ledger, gint64 bmc, gint64 seq, IpmidEvent *event, guint *owed, GError **error)
{
  *owed = 0;
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      LedgerOwed *handler = ledger->handlers->pdata[i];
      if (handler->removed || !handler->description.finalizer || !ledger_wants (ledger, handler, bmc, event))
        continue;
      if (!insert_delivery (ledger, handler, bmc, seq, event, FALSE, error))
        return FALSE;
      ++*owed;
    }
  return TRUE;
}

static gboolean
has_finalizers (const Ledger *ledger)
{
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      const LedgerOwed *handler = ledger->handlers->pdata[i];
      if (!handler->removed && handler->description.finalizer)
        return TRUE;
    }
  return FALSE;
}

static gboolean
settle_done (Ledger *ledger, gboolean counts, gint64 bmc, gint64 seq, IpmidEvent *event, GError **error)
{
  StoreDues dues;
  guint owed = 0;

  if (!counts || !has_finalizers (ledger))
    return store_event_release (ledger->store, seq, counts, error);
  if (!store_event_dues (ledger->store, seq, &dues, error))
    return FALSE;
  if (dues.open == 1 && !owe_finalizers (ledger, bmc, seq, event, &owed, error))
    return FALSE;
  dues.open--;
  dues.owed += (gint64) owed - 1;
  return store_event_set_dues (ledger->store, seq, &dues, error);
}

static gboolean
settle_finally (Ledger *ledger, LedgerOwed *handler, gint64 bmc, gint64 seq, IpmidEvent *event, LedgerOutcome outcome,
                const char *reason, GError **error)
{
  gint64 attempts;
  gboolean counts, found;

  /* Whether it counts was decided when the event came: a handler that became
   * `required` since then settles nothing for those that were required then. */
  if (!store_delivery_remove (ledger->store, handler->id, bmc, seq, &attempts, &counts, &found, error))
    return FALSE;
  if (!found) /* answered before */
    return TRUE;
  handler->change.pending--;
  if (outcome == LEDGER_DONE)
    return settle_done (ledger, counts, bmc, seq, event, error);
  handler->change.dead++;
  return store_dead_insert (ledger->store, handler->id, bmc, seq, attempts, counts, reason, error);
}

gboolean
ledger_settle (Ledger *ledger, gint64 handler, gint64 bmc, gint64 seq, IpmidEvent *event, LedgerOutcome outcome,
               const char *reason, GError **error)
{
  switch (outcome)
    {
    case LEDGER_DONE:
    case LEDGER_DEAD:
      return settle_finally (ledger, find_handler (ledger, handler), bmc, seq, event, outcome, reason, error);
    case LEDGER_RETRY:
      return store_delivery_attempt (ledger->store, handler, bmc, seq, 0, 0, error);
    case LEDGER_UNTRIED:
      return store_delivery_attempt (ledger->store, handler, bmc, seq, -1, 0, error);
    }
  g_assert_not_reached ();
}
