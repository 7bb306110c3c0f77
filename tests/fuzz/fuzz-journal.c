/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-journal.c - recovery of a journal that a disk has damaged.
 *
 * The input is a list of changes (offset, length, bytes) to the file of a good
 * journal.  Whatever they do, opening it ends in an error or in a ledger that
 * works; never in a crash.
 */
#include "core/ledger.h"
#include "core/store.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define RECORDS 40

int LLVMFuzzerTestOneInput (const guint8 *data, size_t size);

typedef struct
{
  char *directory;
  char *path;
  char *image; /* a good journal */
  gsize length;
} Bench;

static void
ignore_offer (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED gint64 bmc, G_GNUC_UNUSED gint64 seq,
              G_GNUC_UNUSED IpmidEvent *event)
{
}

static IpmidEvent *
make_event (guint id)
{
  IpmidEvent *event = event_new ();
  guint8 raw[STORE_RECORD_SIZE] = { (guint8) id, 0, 2, 1, 2, 3, 0x60, 0x20, 0, 4, 1, 1, 1, 0x57, 0x80, (guint8) id };

  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_THRESHOLD);
  event_set_bytes (event, IPMID_FIELD_RAW, raw, sizeof raw);
  event_set_string (event, IPMID_FIELD_TEXT, "CPU1 Temp: upper critical going high");
  return event;
}

static Ledger *
open_ledger (Store *store, gint64 *bmc, gint64 *handler)
{
  const LedgerHandler description = {
    .name = "file", .required = TRUE, .filter = { .kinds = FILTER_ALL_KINDS, .existing = TRUE }, .quota = 1000, .offer = ignore_offer
  };
  g_autoptr (Ledger) ledger = ledger_new (store);

  *bmc = ledger_add_bmc (ledger, "bmc", NULL, NULL);
  *handler = *bmc == 0 ? 0 : ledger_add_handler (ledger, &description, NULL);
  return *handler == 0 ? NULL : g_steal_pointer (&ledger);
}

static void
make_image (Bench *bench)
{
  g_autoptr (Store) store = store_open (bench->directory, NULL);
  g_autoptr (GPtrArray) events = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  gint64 bmc, handler;
  g_autoptr (Ledger) ledger = open_ledger (store, &bmc, &handler);

  for (guint i = 1; i <= RECORDS; i++)
    g_ptr_array_add (events, make_event (i));
  if (!store_begin (store, NULL) || !ledger_records (ledger, bmc, 0, FALSE, events, NULL)
      || !store_commit (store, NULL))
    g_error ("cannot make a journal");
  ledger_committed (ledger);
}

static Bench *
make_bench (void)
{
  Bench *bench = g_new0 (Bench, 1);

  bench->directory = g_dir_make_tmp ("fuzz-journal-XXXXXX", NULL);
  bench->path = g_build_filename (bench->directory, "journal.db", NULL);
  make_image (bench);
  if (!g_file_get_contents (bench->path, &bench->image, &bench->length, NULL))
    g_error ("cannot read the journal");
  return bench;
}

/* Offset in 24 bits, length in 8, then so many bytes. */
static void
damage (char *image, gsize length, const guint8 *data, gsize size)
{
  while (size >= 4)
    {
      gsize offset = (data[0] | (gsize) data[1] << 8 | (gsize) data[2] << 16) % length;
      gsize count = MIN (MIN (data[3], size - 4), length - offset);
      memcpy (image + offset, data + 4, count);
      data += 4 + count;
      size -= 4 + count;
    }
}

static void
use (Store *store)
{
  g_autoptr (GArray) deliveries = g_array_new (FALSE, FALSE, sizeof (StoreDelivery));
  g_autoptr (GPtrArray) events = g_ptr_array_new_with_free_func ((GDestroyNotify) event_unref);
  gint64 bmc, handler;
  g_autoptr (Ledger) ledger = open_ledger (store, &bmc, &handler);

  if (ledger == NULL)
    return;
  store_delivery_fetch (store, handler, bmc, G_MININT64, 1000, deliveries, NULL);
  g_ptr_array_add (events, make_event (RECORDS + 1));
  if (store_begin (store, NULL) && ledger_records (ledger, bmc, 1, TRUE, events, NULL)
      && ledger_walk_end (ledger, bmc, 1, TRUE, NULL))
    store_commit (store, NULL);
  store_rollback (store);
  for (guint i = 0; i < deliveries->len; i++)
    event_unref (g_array_index (deliveries, StoreDelivery, i).event);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  static Bench *bench;

  if (bench == NULL)
    bench = make_bench ();
  g_autofree char *image = g_memdup2 (bench->image, bench->length);
  damage (image, bench->length, data, size);
  g_autofree char *log = g_strconcat (bench->path, "-wal", NULL);
  g_unlink (log);
  g_file_set_contents (bench->path, image, (gssize) bench->length, NULL);
  g_autoptr (Store) store = store_open (bench->directory, NULL);
  if (store != NULL)
    use (store);
  return 0;
}
