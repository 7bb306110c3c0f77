/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger-clear.c - a SEL that somebody wants to be cleared; see ledger.h.
 *
 * What is to go is marked before the BMC is asked, so that whoever dies in between
 * does not take it for the doing of someone else.  The mark is not that of a delete:
 * what is forced away may wait for a handler, and must not look like handled if the
 * BMC did not do it.
 */
#include "core/ledger-private.h"

#include <string.h>

static gboolean
anybody_required (const Ledger *ledger)
{
  for (guint i = 0; i < ledger->handlers->len; i++)
    {
      const LedgerOwed *handler = ledger->handlers->pdata[i];
      if (!handler->removed && handler->description.required && !handler->description.finalizer)
        return TRUE;
    }
  return FALSE;
}

static char *
describe_open (const StoreOpen *open)
{
  return g_strdup_printf ("not everything in it is handled: %" G_GINT64_FORMAT " events wait for a required handler, "
                          "%" G_GINT64_FORMAT " are dead letters of one, %" G_GINT64_FORMAT
                          " were shed or dropped, or given to no required handler; force clears it all the same",
                          open->pending, open->dead, open->given_up);
}

/* NULL and no error: it may be cleared. */
static char *
find_obstacle (Ledger *ledger, gint64 bmc, gboolean force, GError **error)
{
  StoreOpen open;

  if (force)
    return NULL;
  if (!anybody_required (ledger))
    return g_strdup ("no handler is required, so nobody has to have handled it; force clears it all the same");
  if (!store_open_count (ledger->store, bmc, &open, error))
    return NULL;
  return open.pending + open.dead + open.given_up == 0 ? NULL : describe_open (&open);
}

/* The last one is what the BMC is asked about. */
static gboolean
mark (Ledger *ledger, gint64 bmc, const GArray *standing, LedgerClear *clear, GError **error)
{
  StoreRecord record;
  gboolean found;

  for (guint i = 0; i < standing->len; i++)
    {
      guint16 id = g_array_index (standing, guint16, i);
      if (!store_record_find (ledger->store, bmc, id, &record, &found, error))
        return FALSE;
      if (record.state != STORE_RECORD_STANDING)
        continue;
      if (!store_record_set_state (ledger->store, bmc, id, STORE_RECORD_CLEARING, error))
        return FALSE;
      g_array_append_val (clear->marked, id);
    }
  memcpy (clear->intent.record, record.raw, STORE_RECORD_SIZE);
  clear->intent.may_clear = TRUE;
  return TRUE;
}

gboolean
ledger_clear_intent (Ledger *ledger, gint64 bmc_id, gboolean force, LedgerClear *clear, GError **error)
{
  const LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);
  g_autoptr (GArray) standing = bmc == NULL ? NULL : store_record_list (ledger->store, bmc_id, error);
  g_autoptr (GError) local = NULL;

  g_clear_pointer (&clear->obstacle, g_free);
  g_array_set_size (clear->marked, 0); /* what an earlier try marked stands again, or is gone: the walk has shown it */
  if (standing == NULL)
    return FALSE;
  clear->standing = standing->len;
  if (bmc->saved.contact != STORE_CONTACT_DONE)
    clear->obstacle = g_strdup ("its SEL has not been read yet");
  else if (standing->len > 0)
    clear->obstacle = find_obstacle (ledger, bmc_id, force, &local);
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  return clear->obstacle != NULL || standing->len == 0 || mark (ledger, bmc_id, standing, clear, error);
}

gboolean
ledger_clear_refused (Ledger *ledger, gint64 bmc, const LedgerClear *clear, GError **error)
{
  for (guint i = 0; i < clear->marked->len; i++)
    {
      guint16 id = g_array_index (clear->marked, guint16, i);
      StoreRecord record;
      gboolean found;
      if (!store_record_find (ledger->store, bmc, id, &record, &found, error))
        return FALSE;
      if (found && record.state == STORE_RECORD_CLEARING
          && !store_record_set_state (ledger->store, bmc, id, STORE_RECORD_STANDING, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
ledger_cleared (Ledger *ledger, gint64 bmc_id, GError **error)
{
  LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);
  g_autoptr (GArray) standing = bmc == NULL ? NULL : store_record_list (ledger->store, bmc_id, error);

  if (standing == NULL)
    return FALSE;
  for (guint i = 0; i < standing->len; i++)
    if (!store_record_set_state (ledger->store, bmc_id, g_array_index (standing, guint16, i), STORE_RECORD_GONE, error))
      return FALSE;
  bmc->saved.has_cursor = FALSE;
  return store_bmc_save (ledger->store, &bmc->saved, error);
}

/* Its record must not be cleared away as handled. */
gboolean
ledger_give_up_on (Ledger *ledger, gint64 bmc, const IpmidEvent *event, GError **error)
{
  gsize length;
  const guint8 *raw = event_bytes (event, IPMID_FIELD_RAW, &length);

  if (raw == NULL || length != STORE_RECORD_SIZE)
    return TRUE;
  return store_record_give_up (ledger->store, bmc, raw[0] | (gint64) raw[1] << 8, raw, error);
}
