/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper-intake.c - see keeper-intake.h. */
#include "core/keeper-intake.h"

#include "core/crash-point.h"

static void
free_intake (Intake *intake)
{
  g_clear_pointer (&intake->events, g_ptr_array_unref);
  keeper_unref (intake->keeper);
  g_free (intake);
}

static gboolean
work (Ledger *ledger, gpointer data, GError **error)
{
  Intake *intake = data;

  switch (intake->type)
    {
    case FRAME_SEL_INFO:
      return ledger_overflow (ledger, intake->bmc, intake->flag, intake->connected, error)
             && (!intake->connected || ledger_cursor (ledger, intake->bmc, &intake->cursor, error));
    case FRAME_TAIL:
      return ledger_tail (ledger, intake->bmc, intake->has_record ? intake->record : NULL, intake->flag, error)
             && ledger_cursor (ledger, intake->bmc, &intake->cursor, error);
    case FRAME_RECORDS:
      return ledger_records (ledger, intake->bmc, intake->walk, intake->flag, intake->events, error);
    case FRAME_WALK_END:
      return ledger_walk_end (ledger, intake->bmc, intake->walk, intake->flag, error);
    case FRAME_IDENTITY:
      return ledger_identity (ledger, intake->bmc, intake->has_record ? intake->record : NULL, intake->flag, error);
    case FRAME_SUSPECT:
      return ledger_suspect (ledger, intake->bmc, intake->flag, intake->last_confirmed, error);
    default:
      g_assert_not_reached ();
    }
}

/* Where the collector is to read on. */
static void
send_start (const Intake *intake)
{
  const StoreBmc *cursor = &intake->cursor;
  FrameCursor kind = FRAME_CURSOR_RECORD;

  if (cursor->contact == STORE_CONTACT_DOUBT)
    kind = FRAME_CURSOR_CHECK;
  else if (cursor->contact != STORE_CONTACT_DONE)
    kind = FRAME_CURSOR_FIRST;
  else if (!cursor->has_cursor)
    kind = FRAME_CURSOR_EMPTY;
  gboolean with_record = cursor->has_cursor && cursor->contact != STORE_CONTACT_NONE;
  GVariant *record
      = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, cursor->cursor, with_record ? STORE_RECORD_SIZE : 0, 1);
  /* After a doubt every record that is known is compared, too. */
  gboolean walk = cursor->contact == STORE_CONTACT_TAIL
                  || (cursor->contact == STORE_CONTACT_DONE && cursor->suspected >= 0)
                  || (kind == FRAME_CURSOR_RECORD && intake->type == FRAME_TAIL);
  keeper_send (intake->keeper, FRAME_START,
               g_variant_new ("(uy@ayb)", (guint32) intake->bmc, (guchar) kind, record, walk));
}

/* "Up" means that no record that is written from now on will be missed or taken
 * for one that stood there before: the tail of first contact is on disk. */
static void
announce_up (FleetBmc *bmc)
{
  g_autofree char *words = g_steal_pointer (&bmc->up_words);

  if (words != NULL)
    fleet_set_state (bmc, FRAME_STATE_UP, words);
}

/* The BMC for which the collector waits; NULL: it was removed since, or handed
 * over again. */
static FleetBmc *
waiting_bmc (const Intake *intake)
{
  FleetBmc *bmc = g_hash_table_lookup (intake->keeper->bmcs, &intake->bmc);

  return bmc != NULL && bmc->generation == intake->bmc_generation && !bmc->removing ? bmc : NULL;
}

static void
start_bmc (const Intake *intake)
{
  FleetBmc *bmc = waiting_bmc (intake);

  if (bmc == NULL)
    return;
  send_start (intake);
  if (intake->cursor.contact == STORE_CONTACT_TAIL || intake->cursor.contact == STORE_CONTACT_DONE)
    announce_up (bmc);
}

void
keeper_intake_give_credit (Keeper *keeper, guint records)
{
  keeper->outstanding += records;
  keeper_send (keeper, FRAME_CREDIT, g_variant_new ("(u)", records));
}

static void
tell_walked (const Intake *intake)
{
  const Fleet *fleet = intake->keeper->fleet;
  const FleetBmc *bmc = waiting_bmc (intake);

  if (bmc != NULL && fleet->errands != NULL)
    fleet->errands->walked (bmc->id, intake->walk, intake->flag, bmc->records, fleet->errands_data);
}

/* On the core's thread again. */
static gboolean
follow_up (gpointer data)
{
  Intake *intake = data;
  Keeper *keeper = intake->keeper;

  if (intake->committed && keeper->channel != NULL && intake->generation == keeper->generation)
    {
      if (intake->type == FRAME_TAIL)
        crash_point ("first-contact");
      if (intake->connected || intake->type == FRAME_TAIL)
        start_bmc (intake);
      else if (intake->type == FRAME_RECORDS)
        keeper_intake_give_credit (keeper, intake->events->len);
      else if (intake->type == FRAME_WALK_END)
        tell_walked (intake);
    }
  free_intake (intake);
  return G_SOURCE_REMOVE;
}

static void
done (gpointer data, gboolean committed)
{
  Intake *intake = data;

  intake->committed = committed;
  g_idle_add_full (G_PRIORITY_DEFAULT, follow_up, intake, NULL);
}

Intake *
keeper_intake_new (Keeper *keeper, FrameType type, const FleetBmc *bmc)
{
  Intake *intake = g_new0 (Intake, 1);

  intake->keeper = keeper_ref (keeper);
  intake->generation = keeper->generation;
  intake->type = type;
  intake->bmc = bmc->id;
  intake->bmc_generation = bmc->generation;
  return intake;
}

void
keeper_intake_submit (Intake *intake)
{
  journal_submit (intake->keeper->journal, JOURNAL_INTAKE, work, done, intake);
}
