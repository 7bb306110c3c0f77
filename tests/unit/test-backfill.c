/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-backfill.c - backfills with a store that is scripted, call by call: what comes, what is
 * asked again, and what the answer says.
 */
#include <core/backfill.h>
#include <core/handler-private.h>
#include <event/render.h>

#include <ipmid/store.h>
#include <string.h>

#define PATIENCE (60 * G_TIME_SPAN_SECOND)

/* What one call gives: events first to last, and whether there are more. */
typedef struct
{
  guint first, last; /* last 0: none */
  gboolean more;
  const char *error;
} Call;

#define MORE(from, to)                                                                                                 \
  {                                                                                                                    \
    .first = from, .last = to, .more = TRUE                                                                            \
  }
#define LAST(from, to)                                                                                                 \
  {                                                                                                                    \
    .first = from, .last = to                                                                                          \
  }
#define FAILS(words)                                                                                                   \
  {                                                                                                                    \
    .error = words                                                                                                     \
  }
#define NOTHING                                                                                                        \
  {                                                                                                                    \
    .last = 0                                                                                                          \
  }

typedef struct
{
  IpmidStore store; /* first: an IpmidStore is a Bench */
  Journal *journal;
  Services *services;
  Backfills *backfills;
  RequestBook *book;
  Handler *offerer;
  const Call *calls; /* ended by one without anything; then that one is repeated */
  guint n_calls;
  GString *places; /* where each call went on */
  GString *got;    /* the numbers that the handler was owed, in order; the journal's thread */
  gint answers;    /* atomic */
  GVariant *reply;
  GError *error;
} Bench;

/* -------------------------------------------------------------------- the store */

static void
give (guint number, IpmidStoreEventFunc func, gpointer user_data)
{
  g_autoptr (IpmidEvent) event = event_new ();
  g_autoptr (GString) json = g_string_new (NULL);
  g_autofree char *id = g_strdup_printf ("b1/1/%u", number);

  event_set_string (event, IPMID_FIELD_ID, id);
  event_set_string (event, IPMID_FIELD_BMC, "b1");
  event_set_integer (event, IPMID_FIELD_KIND, IPMID_KIND_DISCRETE);
  event_set_integer (event, IPMID_FIELD_RECEIVED, number * 1000);
  render_event (event, IPMID_FORMAT_JSON, json);
  const IpmidStoreEvent stored
      = { .size = sizeof stored, .id = id, .bmc = "b1", .received = number * 1000, .json = json->str };
  func (user_data, &stored);
}

static gboolean
on_events (const IpmidStore *store, const IpmidStoreEventQuery *query, IpmidStoreEventFunc func, gpointer user_data,
           char **next, GError **error)
{
  Bench *bench = (Bench *) store;
  const Call *call = bench->calls;

  g_assert_true (query->oldest_first && query->by_arrival);
  g_string_append_printf (bench->places, "%s ", query->after == NULL ? "-" : query->after);
  *next = NULL;
  bench->n_calls++;
  if (call->last != 0 || call->error != NULL)
    bench->calls++;
  if (call->error != NULL)
    {
      g_set_error_literal (error, IPMID_STORE_ERROR, IPMID_STORE_ERROR_UNAVAILABLE, call->error);
      return FALSE;
    }
  for (guint i = call->first; call->last != 0 && i <= call->last; i++)
    give (i, func, user_data);
  if (call->more)
    *next = g_strdup_printf ("after-%u", call->last);
  return TRUE;
}

static const IpmidStoreApi api = { .size = sizeof (IpmidStoreApi), .events = on_events };

/* --------------------------------------------------------------------- the bench */

static void
on_offer (gpointer user_data, G_GNUC_UNUSED gint64 bmc, G_GNUC_UNUSED gint64 seq, IpmidEvent *event)
{
  Bench *bench = user_data;
  const char *id = event_string (event, IPMID_FIELD_ID);

  g_assert_true (event_integer (event, IPMID_FIELD_BACKFILLED));
  g_string_append_printf (bench->got, "%s ", strrchr (id, '/') + 1);
}

static void
on_journal_failed (const GError *error, G_GNUC_UNUSED gpointer user_data)
{
  g_error ("%s", error->message);
}

static void
set_up (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  const JournalOptions options
      = { .limits = { .size_limit = G_GINT64_CONSTANT (1) << 30 }, .on_failed = on_journal_failed };
  const LedgerHandler handler = { .name = "late",
                                  .filter = { .kinds = FILTER_ALL_KINDS, .existing = TRUE },
                                  .quota = 1000,
                                  .offer = on_offer,
                                  .user_data = bench };

  bench->store.api = &api;
  bench->places = g_string_new (NULL);
  bench->got = g_string_new (NULL);
  bench->journal = journal_open (&options, NULL);
  g_assert_cmpint (ledger_add_bmc (journal_ledger (bench->journal), "b1", NULL, NULL), >, 0);
  g_assert_cmpint (ledger_add_handler (journal_ledger (bench->journal), &handler, NULL), >, 0);
  g_assert_true (journal_start (bench->journal, NULL));
  bench->services = services_new ();
  bench->backfills = backfills_new (bench->journal, bench->services);
  bench->book = request_book_new ();
  bench->offerer = g_new0 (Handler, 1);
  bench->offerer->name = g_strdup ("history");
}

static void
tear_down (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  journal_end (bench->journal);
  backfills_free (bench->backfills);
  services_free (bench->services);
  journal_close (bench->journal);
  request_book_close (bench->book);
  request_book_unref (bench->book);
  g_free (bench->offerer->name);
  g_free (bench->offerer);
  g_string_free (bench->places, TRUE);
  g_string_free (bench->got, TRUE);
  g_clear_pointer (&bench->reply, g_variant_unref);
  g_clear_error (&bench->error);
}

static void
on_reply (gpointer user_data, GVariant *reply, const GError *error)
{
  Bench *bench = user_data;

  g_clear_pointer (&bench->reply, g_variant_unref);
  g_clear_error (&bench->error);
  if (reply != NULL)
    bench->reply = g_variant_ref (reply);
  else
    bench->error = g_error_copy (error);
  g_atomic_int_inc (&bench->answers);
}

static void
start (Bench *bench, const char *handler)
{
  GVariantDict arguments = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&arguments, "handler", "s", handler);
  Request *request = request_new (bench->book, "backfill", g_variant_dict_end (&arguments), on_reply, bench);
  backfills_start (bench->backfills, request, 0);
  request_unref (request);
}

static void
ask (Bench *bench, const char *handler)
{
  gint before = g_atomic_int_get (&bench->answers);
  gint64 deadline = g_get_monotonic_time () + PATIENCE;

  g_string_truncate (bench->places, 0);
  start (bench, handler);
  while (g_atomic_int_get (&bench->answers) == before)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_usleep (1000);
    }
}

static void
check_answer (Bench *bench, gint64 owed, const char *obstacle)
{
  gint64 backfilled = -1;
  gboolean complete = 2;
  const char *words = NULL;

  g_assert_no_error (bench->error);
  g_assert_true (g_variant_lookup (bench->reply, "backfilled", "x", &backfilled));
  g_assert_true (g_variant_lookup (bench->reply, "complete", "b", &complete));
  g_variant_lookup (bench->reply, "obstacle", "&s", &words);
  g_assert_cmpint (backfilled, ==, owed);
  g_assert_cmpint (complete, ==, obstacle == NULL);
  g_assert_true ((words == NULL) == (obstacle == NULL));
  g_assert_true (words == NULL || strstr (words, obstacle) != NULL);
}

static void
offer (Bench *bench, const Call *calls)
{
  bench->calls = calls;
  g_assert_true (services_offer (bench->services, bench->offerer, IPMID_STORE_SERVICE, &bench->store));
}

/* ---------------------------------------------------------------------- the tests */

/* The last page is asked again at the end, and what is in it does not come again; what the
 * store was given meanwhile does. */
static void
test_pages (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  static const Call calls[] = { MORE (1, 3), MORE (4, 5), LAST (6, 6), LAST (6, 8), NOTHING };

  offer (bench, calls);
  ask (bench, "late");
  check_answer (bench, 8, NULL);
  g_assert_cmpstr (bench->places->str, ==, "- after-3 after-5 after-5 ");
  g_assert_cmpstr (bench->got->str, ==, "1 2 3 4 5 6 7 8 ");
}

/* Then it has all of the past: a store that says otherwise is not believed. */
static void
test_the_end (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  static const Call calls[] = { LAST (1, 3), LAST (1, 3), LAST (1, 9), LAST (1, 9), NOTHING };

  offer (bench, calls);
  ask (bench, "late");
  check_answer (bench, 3, NULL);
  ask (bench, "late");
  check_answer (bench, 0, NULL);
}

/* It goes on behind what is on disk, from the start of the store. */
static void
test_failure (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  static const Call calls[]
      = { MORE (1, 3), FAILS ("locked"), MORE (1, 3), LAST (4, 6), FAILS ("slow"), LAST (1, 7), LAST (1, 7), NOTHING };

  offer (bench, calls);
  ask (bench, "late");
  check_answer (bench, 3, "the store: locked");
  ask (bench, "late");
  check_answer (bench, 3, "the store: slow");
  ask (bench, "late");
  check_answer (bench, 1, NULL);
  g_assert_cmpstr (bench->got->str, ==, "1 2 3 4 5 6 7 ");
}

/* A handler that offers the store is not given what it has; nobody else's is left out. */
static void
test_its_own (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  static const Call calls[] = { LAST (1, 3), LAST (1, 3), NOTHING };

  g_free (bench->offerer->name);
  bench->offerer->name = g_strdup ("late");
  offer (bench, calls);
  ask (bench, "late");
  check_answer (bench, 0, NULL);
  g_assert_cmpuint (bench->n_calls, ==, 0);
  services_withdraw (bench->services, bench->offerer, IPMID_STORE_SERVICE);
  bench->offerer->name[0] = 'L';
  offer (bench, calls);
  ask (bench, "late");
  check_answer (bench, 3, NULL);
}

/* Without a store the journal is all there is, and a store may come yet. */
static void
test_no_store (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  static const Call calls[] = { LAST (1, 3), LAST (1, 3), NOTHING };

  ask (bench, "late");
  check_answer (bench, 0, NULL);
  offer (bench, calls);
  ask (bench, "late");
  check_answer (bench, 3, NULL);
}

static void
test_quota (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  static const Call calls[] = { MORE (1, 899), MORE (900, 950), NOTHING };

  offer (bench, calls);
  ask (bench, "late");
  check_answer (bench, 900, "quota");
  g_assert_cmpuint (bench->n_calls, ==, 2);
}

static void
test_unknown_handler (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  ask (bench, "nobody");
  g_assert_error (bench->error, IPMID_REQUEST_ERROR, IPMID_REQUEST_NOT_FOUND);
  g_assert_nonnull (strstr (bench->error->message, "nobody"));
}

/* Whoever is not done, or has not begun, is told that ipmid ends. */
static void
test_stop (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  static const Call calls[] = { LAST (1, 3), NOTHING };

  offer (bench, calls);
  backfills_stop (bench->backfills);
  for (guint i = 0; i < 3; i++)
    start (bench, "late");
  journal_end (bench->journal);
  g_clear_pointer (&bench->backfills, backfills_free);
  g_assert_cmpint (bench->answers, ==, 3);
  g_assert_error (bench->error, IPMID_REQUEST_ERROR, IPMID_REQUEST_UNAVAILABLE);
  g_assert_cmpuint (bench->n_calls, ==, 0);
}

#define ADD(path, function) g_test_add ("/backfill/" path, Bench, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("pages", test_pages);
  ADD ("the-end", test_the_end);
  ADD ("failure", test_failure);
  ADD ("its-own", test_its_own);
  ADD ("no-store", test_no_store);
  ADD ("quota", test_quota);
  ADD ("unknown-handler", test_unknown_handler);
  ADD ("stop", test_stop);
  return g_test_run ();
}
