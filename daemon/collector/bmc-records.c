/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc-records.c - see bmc-private.h. */
#include "bmc-private.h"
#include "fault-point.h"

#include <OpenIPMI/ipmi_msgbits.h>

/* Get SEL Entry under way at once; more than OpenIPMI sends at once is of no
 * use. */
#define READ_AHEAD 2u

/* Room left in a frame for what is around the events. */
#define FRAME_EVENTS_MAX (FRAME_SIZE_MAX - 4096u)

static GVariant *
record_variant (const guint8 *record)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, record, record == NULL ? 0 : FRAME_RECORD_SIZE, 1);
}

static void
on_reply (Bmc *bmc, guint ticket, const guint8 *reply, gsize length)
{
  sel_reader_reply (bmc->reader, ticket, reply, length);
}

static gboolean
send_request (gpointer user_data, guint8 command, const guint8 *data, gsize length, guint ticket)
{
  return bmc_domain_send (user_data, NULL, IPMI_STORAGE_NETFN, command, data, length, on_reply, ticket);
}

static guint
credit (gpointer user_data)
{
  const Bmc *bmc = user_data;

  return bmc->host->credit;
}

static void
send_records (Bmc *bmc, guint walk, gboolean first, GVariantBuilder *events)
{
  bmc_send_frame (
      bmc, FRAME_RECORDS,
      g_variant_new ("(uub@a" EVENT_VARIANT_TYPE ")", bmc->number, walk, first, g_variant_builder_end (events)));
}

typedef struct
{
  Bmc *bmc;
  guint walk;
  gboolean first;
  const SelRecord *records;
  guint n_records;
} Delivery;

static void
deliver_in_callback (ipmi_domain_t *domain, void *cb_data)
{
  Delivery *delivery = cb_data;
  Bmc *bmc = delivery->bmc;
  const SdrWatch *sdrs = bmc->con == NULL ? NULL : guarded_con_sdrs (bmc->con);
  GVariantBuilder events;
  gsize size = 0;

  g_variant_builder_init (&events, G_VARIANT_TYPE ("a" EVENT_VARIANT_TYPE));
  for (guint i = 0; i < delivery->n_records; i++)
    {
      const SelRecord *record = &delivery->records[i];
      fault_point_record (record->bytes);
      g_autoptr (IpmidEvent) event = decoder_event (bmc->host->decoder, domain, sdrs, record->bytes, record->existing);
      GVariant *variant = event_to_variant (event);

      if (size > 0 && size + g_variant_get_size (variant) > FRAME_EVENTS_MAX)
        {
          send_records (bmc, delivery->walk, delivery->first, &events);
          g_variant_builder_init (&events, G_VARIANT_TYPE ("a" EVENT_VARIANT_TYPE));
          delivery->first = FALSE;
          size = 0;
        }
      size += g_variant_get_size (variant) + 16;
      g_variant_builder_add_value (&events, variant);
    }
  send_records (bmc, delivery->walk, delivery->first, &events);
}

static void
on_records (gpointer user_data, guint walk, gboolean first, const SelRecord *records, guint n_records)
{
  Bmc *bmc = user_data;
  Delivery delivery = { bmc, walk, first, records, n_records };

  g_assert (n_records <= bmc->host->credit);
  bmc->host->credit -= n_records;
  if (bmc->domain == NULL || ipmi_domain_pointer_cb (bmc->domain->id, deliver_in_callback, &delivery) != 0)
    deliver_in_callback (NULL, &delivery);
}

static void
on_walk_end (gpointer user_data, guint walk, gboolean complete)
{
  Bmc *bmc = user_data;

  bmc_send_frame (bmc, FRAME_WALK_END, g_variant_new ("(uub)", bmc->number, walk, complete));
}

static void
on_info (gpointer user_data, const SelInfo *info, gboolean connected)
{
  Bmc *bmc = user_data;
  guint8 flags = info->flags | (connected ? FRAME_SEL_CONNECTED : 0);

  bmc_send_frame (bmc, FRAME_SEL_INFO,
                  g_variant_new ("(uyuuuu)", bmc->number, flags, info->entries, info->free_bytes, info->last_add,
                                 info->last_erase));
}

static void
on_tail (gpointer user_data, const guint8 *record)
{
  Bmc *bmc = user_data;

  bmc_send_frame (bmc, FRAME_TAIL, g_variant_new ("(u@ay)", bmc->number, record_variant (record)));
}

static void
on_suspect (gpointer user_data, FrameSuspicion suspicion, gint64 last_confirmed, const char *words)
{
  Bmc *bmc = user_data;

  bmc_send_frame (bmc, FRAME_SUSPECT, g_variant_new ("(uyxs)", bmc->number, (guchar) suspicion, last_confirmed, words));
}

static void
on_deleted (gpointer user_data, guint64 token, FrameDeleteOutcome outcome, const char *words)
{
  Bmc *bmc = user_data;

  bmc_send_frame (bmc, FRAME_DELETED, g_variant_new ("(utys)", bmc->number, token, (guchar) outcome, words));
}

static const SelReaderFuncs reader_funcs = {
  .send = send_request,
  .credit = credit,
  .records = on_records,
  .walk_end = on_walk_end,
  .info = on_info,
  .tail = on_tail,
  .suspect = on_suspect,
  .deleted = on_deleted,
};

SelReader *
bmc_records_new_reader (Bmc *bmc)
{
  SelReader *reader = sel_reader_new (bmc->host->timers, bmc->settings->sel_interval, &reader_funcs, bmc);

  sel_reader_set_window (reader, READ_AHEAD);
  return reader;
}
