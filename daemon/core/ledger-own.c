/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ledger-own.c - events that are ipmid's own, and what it says of itself; see ledger.h. */
#include "core/ledger-private.h"

#include "core/core.h"
#include "event/text.h"

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

char *
ledger_self_name (void)
{
  g_autofree char *name = g_strconcat ("ipmid@", g_get_host_name (), NULL);

  return text_clean (g_strdelimit (name, "/", '-'), -1, CORE_CONFIG_NAME_MAX);
}

/* Looked up every time: it happens rarely, and a rollback may have taken it away. */
gint64
ledger_add_self (Ledger *ledger, GError **error)
{
  g_autofree char *name = ledger_self_name ();

  return ledger_add_bmc (ledger, name, NULL, error);
}

gboolean
ledger_tell_own (Ledger *ledger, gint64 handler, StoreOwn what, gint64 level, IpmidEvent *event, gboolean *told,
                 GError **error)
{
  StoreOwnAlarm alarm;

  *told = FALSE;
  if (!store_own_load (ledger->store, handler, what, &alarm, error))
    return FALSE;
  if (alarm.level == level)
    return TRUE;
  *told = TRUE;
  alarm.level = level;
  alarm.since = ledger->clock ();
  gint64 self = ledger_add_self (ledger, error);
  return self != 0 && store_own_save (ledger->store, &alarm, error) && ledger_own_event (ledger, self, event, error);
}

GArray *
ledger_list_orphaned_alarms (Ledger *ledger, GError **error)
{
  GArray *alarms = store_own_list (ledger->store, error);

  for (guint i = alarms == NULL ? 0 : alarms->len; i-- > 0;)
    if (ledger_find_handler (ledger, g_array_index (alarms, StoreOwnAlarm, i).handler) != NULL)
      g_array_remove_index (alarms, i);
  return alarms;
}

/* A clock that was set back must not mean silence for long. */
static gboolean
is_due (const StoreOwnAlarm *last, gint64 interval, gint64 now)
{
  return last->since == 0 || now < last->since || now - last->since >= interval;
}

static gboolean
beat (Ledger *ledger, LedgerOwed *handler, gint64 self, IpmidEvent *event, StoreOwnAlarm *last, GError **error)
{
  last->since = ledger->clock ();
  return ledger_sign (ledger, self, event, error) && ledger_owe_late (ledger, handler, self, event, &last->level, error)
         && (last->level == 0 || store_own_save (ledger->store, last, error));
}

gboolean
ledger_heartbeat (Ledger *ledger, gint64 id, gint64 interval, IpmidEvent *event, GError **error)
{
  LedgerOwed *handler = ledger_find_handler (ledger, id);
  StoreOwnAlarm last;
  gboolean waits = FALSE;

  if (handler == NULL)
    return TRUE;
  if (!store_own_load (ledger->store, id, STORE_OWN_HEARTBEAT, &last, error))
    return FALSE;
  if (!is_due (&last, interval, ledger->clock ()))
    return TRUE;
  gint64 self = ledger_add_self (ledger, error);
  if (self == 0 || (last.level > 0 && !store_delivery_stands (ledger->store, id, self, last.level, &waits, error)))
    return FALSE;
  return waits || beat (ledger, handler, self, event, &last, error);
}
