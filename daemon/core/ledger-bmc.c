/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ledger-bmc.c - who a BMC is, and what is wrong with it; see ledger.h. */
#include "core/ledger-private.h"

#include <string.h>

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

/* Zeros and ones are what a BMC without a GUID answers. */
static gboolean
identifies (const guint8 *guid)
{
  if (guid == NULL || (guid[0] != 0 && guid[0] != 0xff))
    return guid != NULL;
  for (guint i = 1; i < STORE_GUID_SIZE; i++)
    if (guid[i] != guid[0])
      return TRUE;
  return FALSE;
}

/* As the bytes came, so that it can be compared with what ipmitool prints raw. */
static char *
format_guid (const guint8 *guid)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < STORE_GUID_SIZE; i++)
    g_string_append_printf (text, "%02x", guid[i]);
  return g_string_free (text, FALSE);
}

static gboolean
tell_changed (Ledger *ledger, const LedgerBmc *bmc, gboolean same_sel, gboolean announce, GError **error)
{
  g_autoptr (IpmidEvent) event = event_new ();
  g_autofree char *before = format_guid (bmc->saved.guid);
  g_autofree char *after = format_guid (bmc->guid);
  g_autofree char *text = g_strdup_printf (
      same_sel ? "its GUID was %s and is %s, and its SEL is the same: the firmware has given the board another one"
               : "another board answers there: its GUID was %s and is %s; its SEL is read as one never seen",
      before, after);
  const LogContext context = { .bmc = bmc->name };

  log_line (IPMID_LOG_WARNING, &context, "%s", text);
  if (!announce)
    return TRUE;
  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_HEALTH);
  event_set_integer (event, IPMID_FIELD_SEVERITY, IPMID_SEVERITY_WARNING);
  event_set_integer (event, IPMID_FIELD_ASSERT, TRUE);
  event_set_string (event, IPMID_FIELD_TEXT, text);
  return ledger_own_event (ledger, bmc->saved.id, event, error);
}

/* What is owed stays owed; what is known of the old board's SEL goes. */
static gboolean
meet_afresh (Ledger *ledger, LedgerBmc *bmc, GError **error)
{
  if (!store_record_forget_all (ledger->store, bmc->saved.id, error) || !ledger_advance_epoch (ledger, bmc, error))
    return FALSE;
  ledger_touch_walk (ledger, bmc);
  g_clear_pointer (&bmc->walk, g_free);
  bmc->saved.contact = STORE_CONTACT_NONE;
  bmc->saved.has_cursor = FALSE;
  bmc->saved.suspected = -1;
  bmc->saved.replaced = 0;
  bmc->saved.newest_time = 0;
  bmc->saved.overflow = FALSE;
  return TRUE;
}

/* A rollback undoes what was saved, and the board that answers is as it was: so
 * this is also right when the transaction runs again. */
gboolean
ledger_in_doubt (const LedgerBmc *bmc)
{
  return bmc->answers && bmc->saved.has_guid && memcmp (bmc->saved.guid, bmc->guid, STORE_GUID_SIZE) != 0;
}

gboolean
ledger_end_doubt (Ledger *ledger, LedgerBmc *bmc, gboolean same_sel, gboolean announce, GError **error)
{
  if (!tell_changed (ledger, bmc, same_sel, announce, error) || (!same_sel && !meet_afresh (ledger, bmc, error)))
    return FALSE;
  memcpy (bmc->saved.guid, bmc->guid, STORE_GUID_SIZE);
  return store_bmc_save (ledger->store, &bmc->saved, error);
}

/* Two boards may have the same record if it says no more than "cleared, since I
 * was switched on". */
static gboolean
can_prove (const LedgerBmc *bmc)
{
  return bmc->saved.contact == STORE_CONTACT_DONE && bmc->saved.has_cursor
         && ledger_record_time (bmc->saved.cursor) > 0;
}

gboolean
ledger_identity (Ledger *ledger, gint64 bmc_id, const guint8 *guid, gboolean announce, GError **error)
{
  LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);

  if (bmc == NULL)
    return FALSE;
  bmc->answers = identifies (guid);
  if (!bmc->answers)
    return TRUE;
  memcpy (bmc->guid, guid, STORE_GUID_SIZE);
  if (ledger_in_doubt (bmc))
    return can_prove (bmc) || ledger_end_doubt (ledger, bmc, FALSE, announce, error);
  if (bmc->saved.has_guid)
    return TRUE;
  bmc->saved.has_guid = TRUE;
  memcpy (bmc->saved.guid, guid, STORE_GUID_SIZE);
  return store_bmc_save (ledger->store, &bmc->saved, error);
}

gboolean
ledger_alarm (Ledger *ledger, gint64 bmc_id, StoreAlarm alarm, gboolean raised, IpmidEvent *event, GError **error)
{
  LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);

  if (bmc == NULL)
    return FALSE;
  if (((bmc->saved.alarms & alarm) != 0) == raised)
    return TRUE;
  bmc->saved.alarms ^= alarm;
  return store_bmc_save (ledger->store, &bmc->saved, error) && ledger_own_event (ledger, bmc_id, event, error);
}

gint64
ledger_bmc_named (Ledger *ledger, const char *name)
{
  GHashTableIter iter;
  gpointer id, bmc;

  g_hash_table_iter_init (&iter, ledger->bmcs);
  while (g_hash_table_iter_next (&iter, &id, &bmc))
    if (strcmp (((const LedgerBmc *) bmc)->name, name) == 0)
      return *(const gint64 *) id;
  return 0;
}

gboolean
ledger_bmc_info (Ledger *ledger, gint64 bmc_id, LedgerBmcInfo *info, GError **error)
{
  const LedgerBmc *bmc = ledger_find_bmc (ledger, bmc_id, error);

  if (bmc == NULL)
    return FALSE;
  *info = (LedgerBmcInfo){ .epoch = bmc->saved.epoch, .silence_until = ledger_silence_end (bmc, ledger->clock ()) };
  return TRUE;
}
