/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-sqlite-events.c - events into the plugin sqlite, and out of its service.
 *
 * Every combination of filters, in both orders, is held against a plain loop over
 * the same events.
 */
#include "plugin-bench-host.h"

#include <ipmid/store.h>

#include <glib/gstdio.h>
#include <string.h>

#define N_EVENTS 90
#define EPOCH (G_GINT64_CONSTANT (1700000000) * 1000000000)
#define SECOND G_GINT64_CONSTANT (1000000000)

typedef struct
{
  char *directory;
  BenchHost *bench;
  const IpmidStore *store;
  IpmidEvent *events[N_EVENTS];
  gint64 step; /* of the events' times */
} Fixture;

static const char *const bmcs[] = { "b0", "b1", "b2" };
static const char *const sensors[] = { NULL, "CPU1 Temp", "Fan 7" };
static const char *const sentences[]
    = { "Temperature of CPU1 went above", "Fan_7 of the Stra\303\237e stopped", "power lost" };
static const IpmidKind kinds[] = { IPMID_KIND_THRESHOLD, IPMID_KIND_CONNECTION };

/* Fields from the number in different rhythms, so that all combinations come; many
 * events have the same time. */
static IpmidEvent *
make_event (guint number, gint64 step)
{
  g_autoptr (IpmidEvent) event = event_new ();
  g_autofree char *id = g_strdup_printf ("%s/1/%u", bmcs[number % 3], number);

  event_set_string (event, IPMID_FIELD_ID, id);
  event_set_string (event, IPMID_FIELD_BMC, bmcs[number % 3]);
  event_set_integer (event, IPMID_FIELD_KIND, kinds[number / 2 % 2]);
  event_set_integer (event, IPMID_FIELD_SEVERITY, number / 3 % 4 + 1);
  event_set_integer (event, IPMID_FIELD_TIME, EPOCH + number * 7 % 11 * step);
  event_set_integer (event, IPMID_FIELD_RECEIVED, EPOCH + 100 * step);
  event_set_string (event, IPMID_FIELD_TEXT, sentences[number / 5 % 3]);
  if (sensors[number / 4 % 3] != NULL)
    event_set_string (event, IPMID_FIELD_SENSOR, sensors[number / 4 % 3]);
  return g_steal_pointer (&event);
}

static void
deliver (Fixture *fixture, IpmidEvent *const *events, guint n)
{
  g_autofree IpmidVerdict *verdicts = g_new0 (IpmidVerdict, n);

  bench_host_deliver (fixture->bench, events, n, verdicts);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (verdicts[i], ==, IPMID_VERDICT_DONE);
}

static void
set_up (Fixture *fixture, gconstpointer step)
{
  g_autoptr (GError) error = NULL;

  fixture->step = *(const gint64 *) step;
  fixture->directory = g_dir_make_tmp ("sqlite-XXXXXX", NULL);
  fixture->bench = bench_host_new ("sqlite");
  fixture->bench->state_dir = fixture->directory;
  bench_host_open (fixture->bench, &error);
  g_assert_no_error (error);
  fixture->store = fixture->bench->offered;
  g_assert_nonnull (fixture->store);
  for (guint i = 0; i < N_EVENTS; i++)
    fixture->events[i] = make_event (i, fixture->step);
}

static void
tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  bench_host_close (fixture->bench);
  g_assert_null (fixture->bench->offered);
  bench_host_free (fixture->bench);
  for (guint i = 0; i < N_EVENTS; i++)
    event_unref (fixture->events[i]);
  dir = g_dir_open (fixture->directory, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (fixture->directory, name, NULL);
      g_unlink (path);
    }
  g_rmdir (fixture->directory);
  g_free (fixture->directory);
}

/* ------------------------------------------------------------------------- pages */

static void
collect (gpointer user_data, const IpmidStoreEvent *event)
{
  g_ptr_array_add (user_data, g_strdup (event->id));
}

/* All pages, one behind the other. */
static GPtrArray *
ask (Fixture *fixture, IpmidStoreEventQuery *query)
{
  GPtrArray *ids = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *next = NULL;

  do
    {
      g_autofree char *after = g_steal_pointer (&next);
      g_autoptr (GError) error = NULL;
      guint before = ids->len;
      query->after = after;
      ipmid_store_events (fixture->store, query, collect, ids, &next, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (ids->len - before, <=, query->limit);
      g_assert_true (next == NULL || ids->len - before == query->limit);
    }
  while (next != NULL);
  return ids;
}

/* What "text" should find, by hand: which sentences. */
typedef struct
{
  const char *text;
  gboolean finds[3];
} Words;

static const Words words[] = {
  { NULL, { TRUE, TRUE, TRUE } },        { "cpu*", { TRUE, FALSE, FALSE } },
  { "of, the", { FALSE, TRUE, FALSE } }, { "FAN stra\303\237*", { FALSE, TRUE, FALSE } },
  { "o*", { TRUE, TRUE, FALSE } },       { "\"lost\" OR*", { FALSE, FALSE, FALSE } },
};

static gboolean
matches (guint number, const IpmidStoreEventQuery *query, const Words *wanted)
{
  gint64 time = EPOCH + number * 7 % 11 * SECOND;

  return (query->bmc == NULL || strcmp (query->bmc, bmcs[number % 3]) == 0)
         && number / 3 % 4 + 1 >= (guint) query->severity && (query->kind == 0 || query->kind == kinds[number / 2 % 2])
         && (query->sensor == NULL || g_strcmp0 (query->sensor, sensors[number / 4 % 3]) == 0)
         && (query->since == 0 || time >= query->since) && (query->until == 0 || time < query->until)
         && wanted->finds[number / 5 % 3];
}

static int
compare (gconstpointer a, gconstpointer b, gpointer user_data)
{
  const IpmidStoreEventQuery *query = user_data;
  guint left = *(const guint *) a, right = *(const guint *) b;
  gboolean by_time = query->text == NULL && !query->by_arrival;
  guint left_time = by_time ? left * 7 % 11 : 0, right_time = by_time ? right * 7 % 11 : 0;
  int order = left_time != right_time ? (left_time < right_time ? -1 : 1) : (left < right ? -1 : left > right);

  return query->oldest_first ? order : -order;
}

static void
check_query (Fixture *fixture, IpmidStoreEventQuery *query, const Words *wanted)
{
  g_autoptr (GArray) expected = g_array_new (FALSE, FALSE, sizeof (guint));

  query->text = wanted->text;
  for (guint i = 0; i < N_EVENTS; i++)
    if (matches (i, query, wanted))
      g_array_append_val (expected, i);
  g_array_sort_with_data (expected, compare, query);
  g_autoptr (GPtrArray) got = ask (fixture, query);
  g_assert_cmpuint (got->len, ==, expected->len);
  for (guint i = 0; i < got->len; i++)
    g_assert_cmpstr (got->pdata[i], ==,
                     event_string (fixture->events[g_array_index (expected, guint, i)], IPMID_FIELD_ID));
}

static void
check_texts_and_orders (Fixture *fixture, const IpmidStoreEventQuery *query)
{
  for (guint text = 0; text < G_N_ELEMENTS (words); text++)
    for (guint order = 0; order < 4; order++)
      {
        IpmidStoreEventQuery copy = *query;
        copy.oldest_first = order % 2 != 0;
        copy.by_arrival = order / 2 != 0;
        check_query (fixture, &copy, &words[text]);
      }
}

static void
check_filters (Fixture *fixture, gint64 since, gint64 until)
{
  static const char *const some_bmcs[] = { NULL, "b1", "nobody" };
  static const char *const some_sensors[] = { NULL, "Fan 7" };
  static const IpmidKind some_kinds[] = { 0, IPMID_KIND_THRESHOLD, IPMID_KIND_CONNECTION };

  for (guint bmc = 0; bmc < G_N_ELEMENTS (some_bmcs); bmc++)
    for (guint sensor = 0; sensor < G_N_ELEMENTS (some_sensors); sensor++)
      for (guint kind = 0; kind < G_N_ELEMENTS (some_kinds); kind++)
        for (guint severity = 0; severity <= IPMID_SEVERITY_CRITICAL; severity++)
          check_texts_and_orders (fixture, &(IpmidStoreEventQuery){ .size = sizeof (IpmidStoreEventQuery),
                                                                    .since = since,
                                                                    .until = until,
                                                                    .bmc = some_bmcs[bmc],
                                                                    .severity = (IpmidSeverity) severity,
                                                                    .kind = some_kinds[kind],
                                                                    .sensor = some_sensors[sensor],
                                                                    .limit = 10 });
}

static void
test_pages (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  deliver (fixture, fixture->events, N_EVENTS);
  check_filters (fixture, 0, 0);
  check_filters (fixture, EPOCH + 3 * SECOND, EPOCH + 8 * SECOND);
}

/* Who was built before there was that order gets the order of time, whatever stands behind
 * what it knows. */
static void
test_older_query (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  IpmidStoreEventQuery query = { .size = sizeof query, .limit = 10, .oldest_first = TRUE };

  deliver (fixture, fixture->events, N_EVENTS);
  g_autoptr (GPtrArray) by_time = ask (fixture, &query);
  query.by_arrival = TRUE;
  g_autoptr (GPtrArray) by_arrival = ask (fixture, &query);
  query.size = G_STRUCT_OFFSET (IpmidStoreEventQuery, by_arrival);
  g_autoptr (GPtrArray) older = ask (fixture, &query);
  g_assert_cmpuint (older->len, ==, by_time->len);
  gboolean differs = FALSE;
  for (guint i = 0; i < older->len; i++)
    {
      g_assert_cmpstr (older->pdata[i], ==, by_time->pdata[i]);
      differs |= strcmp (by_time->pdata[i], by_arrival->pdata[i]) != 0;
    }
  g_assert_true (differs);
}

/* Events that come again stay once; a page goes on although others came meanwhile. */
static void
test_repeats (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  IpmidStoreEventQuery query = { .size = sizeof query, .limit = 15 };
  g_autoptr (GPtrArray) page = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *next = NULL;

  deliver (fixture, fixture->events, 60);
  deliver (fixture, fixture->events + 30, 30);
  g_autoptr (GPtrArray) all = ask (fixture, &query);
  g_assert_cmpuint (all->len, ==, 60);
  query.after = NULL;
  g_assert_true (ipmid_store_events (fixture->store, &query, collect, page, &next, NULL));
  deliver (fixture, fixture->events + 20, 70);
  query.after = next;
  g_assert_true (ipmid_store_events (fixture->store, &query, collect, page, NULL, NULL));
  g_assert_cmpuint (page->len, ==, 30);
  for (guint i = 0; i < page->len; i++)
    for (guint j = 0; j < i; j++)
      g_assert_cmpstr (page->pdata[i], !=, page->pdata[j]);
}

static void
check_refused (Fixture *fixture, IpmidStoreEventQuery query, const char *words_of_error)
{
  g_autoptr (GError) error = NULL;

  query.size = sizeof query;
  g_assert_false (ipmid_store_events (fixture->store, &query, collect, NULL, NULL, &error));
  g_assert_error (error, IPMID_STORE_ERROR, IPMID_STORE_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, words_of_error));
}

static void
test_refused (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *long_text = g_strnfill (257, 'a');

  check_refused (fixture, (IpmidStoreEventQuery){ .after = "1" }, "after");
  check_refused (fixture, (IpmidStoreEventQuery){ .after = "1.2.3" }, "after");
  check_refused (fixture, (IpmidStoreEventQuery){ .after = "1.2; DROP TABLE event" }, "after");
  check_refused (fixture, (IpmidStoreEventQuery){ .text = " *\" " }, "no letter");
  check_refused (fixture, (IpmidStoreEventQuery){ .text = long_text }, "longer");
  check_refused (fixture, (IpmidStoreEventQuery){ .text = "\377" }, "UTF-8");
  check_refused (fixture, (IpmidStoreEventQuery){ .text = "a b c d e f g h i j k l m n o p q" }, "16 words");
  check_refused (fixture, (IpmidStoreEventQuery){ .severity = (IpmidSeverity) 5 }, "severity");
}

/* ------------------------------------------------------------------ one, and counts */

static void
keep (gpointer user_data, const IpmidStoreEvent *event)
{
  g_string_printf (user_data, "%s %s %d %s %" G_GINT64_FORMAT " %s", event->id, event->bmc, event->severity,
                   event->sensor == NULL ? "-" : event->sensor, (event->time - EPOCH) / SECOND, event->json);
}

static void
test_one (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GString) seen = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  deliver (fixture, fixture->events, 10);
  g_assert_true (ipmid_store_event (fixture->store, "b2/1/5", keep, seen, NULL));
  g_assert_true (g_str_has_prefix (seen->str, "b2/1/5 b2 2 CPU1 Temp 2 {\"id\":\"b2/1/5\","));
  g_assert_true (g_str_has_suffix (seen->str, "}"));
  g_assert_false (ipmid_store_event (fixture->store, "b2/1/' OR 1", keep, seen, &error));
  g_assert_error (error, IPMID_STORE_ERROR, IPMID_STORE_ERROR_NOT_FOUND);
}

/* A clock that is ahead is not believed, nor one that was not set (IPMI 2.0, section 37.1); nor is there
 * one without time. */
static void
test_times (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const gint64 hour = 3600 * SECOND;
  g_autoptr (IpmidEvent) near = event_copy (fixture->events[0]);
  g_autoptr (IpmidEvent) ahead = event_copy (fixture->events[1]);
  g_autoptr (IpmidEvent) none = event_copy (fixture->events[2]);
  g_autoptr (IpmidEvent) unset = event_copy (fixture->events[3]);
  g_autoptr (IpmidEvent) early = event_copy (fixture->events[4]);
  g_autoptr (GString) seen = g_string_new (NULL);

  event_set_integer (near, IPMID_FIELD_TIME, EPOCH + 23 * hour);
  event_set_integer (ahead, IPMID_FIELD_TIME, EPOCH + 25 * hour);
  event_clear (none, IPMID_FIELD_TIME);
  event_set_integer (unset, IPMID_FIELD_TIME, 0x1fffffff * SECOND);
  event_set_integer (early, IPMID_FIELD_TIME, 0x20000000 * SECOND);
  deliver (fixture, (IpmidEvent *const[]){ near, ahead, none, unset, early }, 5);
  g_assert_true (ipmid_store_event (fixture->store, "b0/1/0", keep, seen, NULL));
  g_assert_nonnull (strstr (seen->str, " - 82800 {"));
  g_assert_true (ipmid_store_event (fixture->store, "b1/1/1", keep, seen, NULL));
  g_assert_nonnull (strstr (seen->str, " - 100 {"));
  g_assert_true (ipmid_store_event (fixture->store, "b2/1/2", keep, seen, NULL));
  g_assert_nonnull (strstr (seen->str, " - 100 {"));
  g_assert_true (ipmid_store_event (fixture->store, "b0/1/3", keep, seen, NULL));
  g_assert_nonnull (strstr (seen->str, " - 100 {"));
  g_assert_true (ipmid_store_event (fixture->store, "b1/1/4", keep, seen, NULL));
  g_assert_nonnull (strstr (seen->str, " -1163129088 {"));
}

static void
keep_count (gpointer user_data, const IpmidStoreCount *count)
{
  g_string_append_printf (user_data, "%s %u %u %u %u %d;", count->bmc, (guint) count->by_severity[1],
                          (guint) count->by_severity[2], (guint) count->by_severity[3], (guint) count->by_severity[4],
                          (int) ((count->newest - EPOCH) / SECOND));
}

static void
check_counts (Fixture *fixture, gint64 since, gint64 until)
{
  g_autoptr (GString) expected = g_string_new (NULL);
  g_autoptr (GString) got = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  for (guint bmc = 0; bmc < G_N_ELEMENTS (bmcs); bmc++)
    {
      IpmidStoreCount count = { .bmc = bmcs[bmc] };
      guint all = 0;
      for (guint i = bmc; i < N_EVENTS; i += 3)
        {
          gint64 time = EPOCH + i * 7 % 11 * fixture->step;
          if (time < since || (until != 0 && time >= until))
            continue;
          count.by_severity[i / 3 % 4 + 1]++;
          count.newest = MAX (count.newest, time);
          all++;
        }
      if (all > 0)
        keep_count (expected, &count);
    }
  ipmid_store_counts (fixture->store, since, until, keep_count, got, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (got->str, ==, expected->str);
}

static void
test_counts (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  deliver (fixture, fixture->events, N_EVENTS);
  deliver (fixture, fixture->events, N_EVENTS); /* counted once */
  check_counts (fixture, 0, 0);
  for (gint64 begin = 0; begin <= 11; begin++)
    for (gint64 end = begin; end <= 11; end++)
      check_counts (fixture, EPOCH + begin * fixture->step, EPOCH + end * fixture->step);
  check_counts (fixture, EPOCH + 5 * fixture->step, 0);
  check_counts (fixture, 0, EPOCH + 5 * fixture->step);
  check_counts (fixture, G_MAXINT64, 0);
}

/* ------------------------------------------------------------------------ threads */

typedef struct
{
  Fixture *fixture;
  gint stop;
} Asker;

static gpointer
keep_asking (gpointer data)
{
  Asker *asker = data;

  while (!g_atomic_int_get (&asker->stop))
    {
      IpmidStoreEventQuery query = { .size = sizeof query, .limit = 10, .text = "cpu*" };
      g_autoptr (GPtrArray) ids = ask (asker->fixture, &query);
      g_autoptr (GString) counts = g_string_new (NULL);
      g_assert_true (ipmid_store_counts (asker->fixture->store, 0, 0, keep_count, counts, NULL));
    }
  return NULL;
}

static void
test_many_askers (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  Asker asker = { fixture, FALSE };
  GThread *threads[12];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("asker", keep_asking, &asker);
  for (guint i = 0; i < N_EVENTS; i += 3)
    deliver (fixture, fixture->events + i, 3);
  g_atomic_int_set (&asker.stop, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

static const gint64 second = SECOND;
static const gint64 hours = 7 * 3600 * SECOND; /* so that there are whole days */

#define ADD(name, function) g_test_add ("/sqlite-events/" name, Fixture, &second, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("pages", test_pages);
  ADD ("older-query", test_older_query);
  ADD ("repeats", test_repeats);
  ADD ("refused", test_refused);
  ADD ("one", test_one);
  ADD ("times", test_times);
  ADD ("counts", test_counts);
  g_test_add ("/sqlite-events/counts-of-days", Fixture, &hours, set_up, test_counts, tear_down);
  ADD ("many-askers", test_many_askers);
  return g_test_run ();
}
