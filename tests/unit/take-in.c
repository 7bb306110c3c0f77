/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* take-in.c - see take-in.h. */
#include "take-in.h"

typedef struct
{
  gint64 bmc;
  GPtrArray *events;
} Records;

static gboolean
take_in (Ledger *ledger, gpointer data, GError **error)
{
  Records *records = data;

  return ledger_records (ledger, records->bmc, 0, FALSE, records->events, error);
}

static IpmidEvent *
make_event (guint id)
{
  IpmidEvent *event = event_new ();
  const guint8 raw[16] = { (guint8) id, (guint8) (id >> 8), 2, 0, 0, 0, 0x60 };

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_DISCRETE);
  event_set_bytes (event, IPMID_FIELD_RAW, raw, sizeof raw);
  return event;
}

void
test_take_in (Journal *journal, gint64 bmc, guint *last, guint n)
{
  Records records = { bmc, g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref) };

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (records.events, make_event (++*last));
  g_assert_true (journal_run (journal, JOURNAL_INTAKE, take_in, &records));
  g_ptr_array_unref (records.events);
}
