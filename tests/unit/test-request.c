/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-request.c - requests are answered exactly once, and refused if they do not
 * fit the table; what a core without BMCs says of itself.
 */
#include <core/request-private.h>
#include <event/error.h>

#include <glib/gstdio.h>
#include <string.h>

#define PATIENCE (60 * G_TIME_SPAN_SECOND)

typedef struct
{
  gint calls; /* atomic */
  GVariant *reply;
  GError *error;
} Answer;

static void
on_reply (gpointer user_data, GVariant *reply, const GError *error)
{
  Answer *answer = user_data;

  g_assert_true ((reply == NULL) != (error == NULL));
  if (reply != NULL)
    {
      g_assert_true (g_variant_is_of_type (reply, G_VARIANT_TYPE_VARDICT));
      answer->reply = g_variant_ref (reply);
    }
  else
    answer->error = g_error_copy (error);
  g_atomic_int_inc (&answer->calls);
}

static void
clear_answer (Answer *answer)
{
  g_clear_pointer (&answer->reply, g_variant_unref);
  g_clear_error (&answer->error);
  answer->calls = 0;
}

/* ---------------------------------------------------------------- the book */

static void
test_first_answer_counts (void)
{
  RequestBook *book = request_book_new ();
  Answer answer = { 0 };
  Request *request = request_new (book, "status", NULL, on_reply, &answer);

  request_answer (request, g_variant_new_parsed ("{'a': <1>}"));
  request_answer (request, g_variant_new_parsed ("{'a': <2>}"));
  request_fail (request, IPMID_REQUEST_FAILED, "late");
  g_assert_cmpint (answer.calls, ==, 1);
  g_assert_true (g_variant_lookup (answer.reply, "a", "i", &(gint){ 0 }));
  request_unref (request);
  request_book_close (book);
  request_book_unref (book);
  g_assert_cmpint (answer.calls, ==, 1);
  clear_answer (&answer);
}

static void
test_dropped_is_answered (void)
{
  RequestBook *book = request_book_new ();
  Answer answer = { 0 };
  Request *request = request_new (book, "status", NULL, on_reply, &answer);

  request_unref (request_ref (request));
  g_assert_cmpint (answer.calls, ==, 0);
  request_unref (request);
  g_assert_cmpint (answer.calls, ==, 1);
  g_assert_error (answer.error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_UNAVAILABLE);
  request_book_unref (book);
  clear_answer (&answer);
}

/* Also a request that outlives the book's other owner. */
static void
test_close_answers_open (void)
{
  RequestBook *book = request_book_new ();
  Answer answers[3] = { { 0 } }, late = { 0 };
  Request *requests[3];

  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    requests[i] = request_new (book, "status", NULL, on_reply, &answers[i]);
  request_book_close (book);
  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      g_assert_cmpint (answers[i].calls, ==, 1);
      g_assert_error (answers[i].error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_UNAVAILABLE);
    }
  g_assert_null (request_new (book, "status", NULL, on_reply, &late));
  g_assert_cmpint (late.calls, ==, 1);
  g_assert_error (late.error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_UNAVAILABLE);
  request_book_unref (book);
  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      request_answer (requests[i], g_variant_new ("a{sv}", NULL));
      request_unref (requests[i]);
      g_assert_cmpint (answers[i].calls, ==, 1);
      clear_answer (&answers[i]);
    }
  clear_answer (&late);
}

static void
test_bounded (void)
{
  RequestBook *book = request_book_new ();
  g_autoptr (GPtrArray) open = g_ptr_array_new_with_free_func ((GDestroyNotify) request_unref);
  Answer answer = { 0 };
  Request *request;

  while ((request = request_new (book, "status", NULL, on_reply, &answer)) != NULL)
    g_ptr_array_add (open, request);
  g_assert_cmpint (answer.calls, ==, 1);
  g_assert_error (answer.error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_UNAVAILABLE);
  clear_answer (&answer);
  request_fail (open->pdata[0], IPMID_REQUEST_FAILED, "room");
  clear_answer (&answer);
  request = request_new (book, "status", NULL, on_reply, &answer);
  g_assert_nonnull (request);
  request_answer (request, g_variant_new ("a{sv}", NULL));
  request_unref (request);
  clear_answer (&answer);
  for (guint i = 1; i < open->len; i++)
    {
      request_answer (open->pdata[i], g_variant_new ("a{sv}", NULL));
      clear_answer (&answer);
    }
  request_book_unref (book);
}

static gpointer
answer_in_thread (gpointer request)
{
  request_answer (request, g_variant_new ("a{sv}", NULL));
  request_unref (request);
  return NULL;
}

/* Whoever closes has no callback running when that returns: the answers are counted
 * without any other synchronization. */
static void
test_close_waits (void)
{
  for (guint round = 0; round < 200; round++)
    {
      RequestBook *book = request_book_new ();
      Answer answers[4] = { { 0 } };
      GThread *threads[4];

      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        threads[i]
            = g_thread_new ("answers", answer_in_thread, request_new (book, "status", NULL, on_reply, &answers[i]));
      request_book_close (book);
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        {
          g_assert_cmpint (answers[i].calls, ==, 1);
          clear_answer (&answers[i]);
        }
      request_book_unref (book);
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        {
          g_thread_join (threads[i]);
          g_assert_cmpint (answers[i].calls, ==, 0);
        }
    }
}

/* --------------------------------------------------------------- the table */

static GVariant *
good_value (RequestType type)
{
  switch (type)
    {
    case REQUEST_TEXT:
      return g_variant_new_string ("x");
    case REQUEST_FLAG:
      return g_variant_new_boolean (TRUE);
    case REQUEST_INTEGER:
    case REQUEST_TIME:
      return g_variant_new_int64 (1);
    case REQUEST_DURATION:
      return g_variant_new_double (1);
    }
  g_assert_not_reached ();
}

/* All arguments; the one with this place wrong (of a type that none has), or missing. */
static GVariant *
make_arguments (const RequestMethod *method, int wrong, int missing, const char *unknown)
{
  GVariantDict dict = G_VARIANT_DICT_INIT (NULL);

  for (int i = 0; method->arguments[i].name != NULL; i++)
    if (i == wrong)
      g_variant_dict_insert (&dict, method->arguments[i].name, "u", 1u);
    else if (i != missing)
      g_variant_dict_insert_value (&dict, method->arguments[i].name, good_value (method->arguments[i].type));
  if (unknown != NULL)
    g_variant_dict_insert (&dict, unknown, "s", "x");
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static void
assert_refused (const RequestMethod *method, GVariant *taken, const char *name)
{
  g_autoptr (GVariant) arguments = taken;
  g_autoptr (GError) error = NULL;

  g_assert_null (request_check (method->name, arguments, &error));
  g_assert_error (error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_INVALID);
  g_assert_nonnull (strstr (error->message, method->name));
  g_assert_nonnull (strstr (error->message, name));
}

/* Every method with every argument: all there, each one wrong, each one missing. */
static void
test_arguments (void)
{
  for (const RequestMethod *method = request_methods; method->name != NULL; method++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) all = make_arguments (method, -1, -1, NULL);

      g_assert_true (request_check (method->name, all, &error) == method);
      g_assert_no_error (error);
      assert_refused (method, make_arguments (method, -1, -1, "b\nogus"), "ogus");
      assert_refused (method, g_variant_ref_sink (g_variant_new_string ("no")), "a{sv}");
      for (int i = 0; method->arguments[i].name != NULL; i++)
        {
          const RequestArgument *argument = &method->arguments[i];
          assert_refused (method, make_arguments (method, i, -1, NULL), argument->name);
          g_autoptr (GVariant) without = make_arguments (method, -1, i, NULL);
          if (argument->required)
            assert_refused (method, g_variant_ref (without), argument->name);
          else
            g_assert_true (request_check (method->name, without, NULL) == method);
        }
    }
}

static void
test_unknown_method (void)
{
  g_autoptr (GVariant) none = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_autoptr (GError) error = NULL;

  g_assert_null (request_check ("make-tea", none, &error));
  g_assert_error (error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "make-tea"));
}

/* ----------------------------------------------------------------- a real core */

typedef struct
{
  char *directory;
  Core *core;
  RequestBook *book;
  gboolean ended;
} Bench;

static void
on_core_ended (G_GNUC_UNUSED int exit_status, G_GNUC_UNUSED const char *message, gpointer user_data)
{
  ((Bench *) user_data)->ended = TRUE;
}

static void
set_up (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  CoreConfig *config = core_config_new ();
  HandlerConfig *handler = core_config_add_handler (config, "sink", "test-sink");
  Connection *connection = connection_new ();
  g_autoptr (GError) error = NULL;
  int exit_status;

  bench->directory = g_dir_make_tmp ("request-XXXXXX", NULL);
  g_autofree char *log = g_build_filename (bench->directory, "log", NULL);
  handler_config_set (handler, "log", log, "here");
  config->plugin_dir = g_strdup (g_getenv ("IPMID_TEST_PLUGIN_DIR"));
  config->collector = g_strdup ("/bin/cat");
  g_free (connection->host);
  connection->host = g_strdup ("127.0.0.1");
  BmcConfig *bmc = core_config_add_bmc (config, "b0", connection);
  bmc->labels = g_strsplit ("site=north rack=1", " ", -1);
  bench->core = core_start (config, on_core_ended, bench, &exit_status, &error);
  g_assert_no_error (error);
  bench->book = request_book_new ();
}

static void
iterate_until (const gint *value, gint wanted)
{
  gint64 deadline = g_get_monotonic_time () + PATIENCE;

  while (g_atomic_int_get (value) != wanted && g_get_monotonic_time () < deadline)
    {
      g_main_context_iteration (NULL, FALSE);
      g_usleep (500);
    }
  g_assert_cmpint (g_atomic_int_get (value), ==, wanted);
}

static void
stop (Bench *bench)
{
  core_stop (bench->core, 0, NULL);
  iterate_until (&bench->ended, TRUE);
}

static void
tear_down (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *log = g_build_filename (bench->directory, "log", NULL);

  if (!bench->ended)
    stop (bench);
  core_free (bench->core);
  request_book_close (bench->book);
  request_book_unref (bench->book);
  g_unlink (log);
  g_rmdir (bench->directory);
  g_free (bench->directory);
}

static Answer
ask (Bench *bench, const char *method, GVariant *arguments)
{
  Answer answer = { 0 };
  Request *request = request_new (bench->book, method, arguments, on_reply, &answer);

  request_dispatch (bench->core, request);
  request_unref (request);
  g_assert_cmpint (answer.calls, ==, 0);
  iterate_until (&answer.calls, 1);
  return answer;
}

static gint64
integer (GVariant *dict, const char *key)
{
  gint64 value = -1;

  g_assert_true (g_variant_lookup (dict, key, "x", &value));
  return value;
}

static void
test_status (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  Answer answer = ask (bench, "status", NULL);

  g_assert_no_error (answer.error);
  g_autoptr (GVariant) about = g_variant_lookup_value (answer.reply, "daemon", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) bmcs = g_variant_lookup_value (answer.reply, "bmcs", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) handlers = g_variant_lookup_value (answer.reply, "handlers", G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (GVariant) collectors = g_variant_lookup_value (answer.reply, "collectors", G_VARIANT_TYPE ("aa{sv}"));
  g_assert_cmpint (integer (about, "started") / G_GINT64_CONSTANT (1000000000), <=,
                   g_get_real_time () / G_USEC_PER_SEC);
  g_assert_cmpint (integer (about, "journal_bytes"), >, 0);
  g_assert_false (g_variant_lookup (about, "state_dir", "s", NULL));
  g_assert_cmpint (integer (bmcs, "total"), ==, 1);
  g_assert_cmpint (g_variant_n_children (handlers), ==, 1);
  g_assert_cmpint (g_variant_n_children (collectors), ==, 1);
  g_autoptr (GVariant) handler = g_variant_get_child_value (handlers, 0);
  const char *plugin;
  g_assert_true (g_variant_lookup (handler, "plugin", "&s", &plugin));
  g_assert_cmpstr (plugin, ==, "test-sink");
  g_assert_cmpint (integer (handler, "pending"), ==, 0);
  g_assert_false (g_variant_lookup (handler, "oldest", "x", NULL));
  g_assert_false (g_variant_lookup (handler, "last_error", "s", NULL));
  clear_answer (&answer);
}

static void
test_bmcs (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  Answer answer = ask (bench, "bmcs", g_variant_new_parsed ("{'bmc': <'b0'>}"));

  g_assert_no_error (answer.error);
  g_autoptr (GVariant) bmcs = g_variant_lookup_value (answer.reply, "bmcs", G_VARIANT_TYPE ("aa{sv}"));
  g_assert_cmpint (g_variant_n_children (bmcs), ==, 1);
  g_autoptr (GVariant) bmc = g_variant_get_child_value (bmcs, 0);
  const char *name, *state;
  g_autofree const char **labels = NULL;
  g_assert_true (g_variant_lookup (bmc, "name", "&s", &name));
  g_assert_true (g_variant_lookup (bmc, "state", "&s", &state));
  g_assert_true (g_variant_lookup (bmc, "labels", "^a&s", &labels));
  g_assert_cmpstr (name, ==, "b0");
  g_assert_cmpstr (labels[1], ==, "rack=1");
  g_assert_cmpint (integer (bmc, "epoch"), >, 0);
  g_assert_false (g_variant_lookup (bmc, "silence_until", "x", NULL));
  clear_answer (&answer);
  answer = ask (bench, "bmcs", g_variant_new_parsed ("{'bmc': <'b1'>}"));
  g_assert_error (answer.error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_NOT_FOUND);
  clear_answer (&answer);
}

static void
test_refused (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  Answer answer = ask (bench, "make-tea", NULL);

  g_assert_error (answer.error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_NOT_FOUND);
  clear_answer (&answer);
  answer = ask (bench, "bmcs", g_variant_new_parsed ("{'bmc': <1>}"));
  g_assert_error (answer.error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_INVALID);
  clear_answer (&answer);
}

/* Whatever its state: while it ends, when it has ended, and what is under way then. */
static void
test_at_the_end (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  Answer before = { 0 };
  Request *request = request_new (bench->book, "status", NULL, on_reply, &before);

  request_dispatch (bench->core, request);
  request_unref (request);
  core_stop (bench->core, 0, NULL);
  Answer during = ask (bench, "status", NULL);
  g_assert_error (during.error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_UNAVAILABLE);
  g_assert_cmpint (before.calls, ==, 1);
  g_assert_error (before.error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_UNAVAILABLE);
  iterate_until (&bench->ended, TRUE);
  Answer after = ask (bench, "bmcs", NULL);
  g_assert_error (after.error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_UNAVAILABLE);
  clear_answer (&before);
  clear_answer (&during);
  clear_answer (&after);
}

/* ---------------------------------------------------------------- work in parts */

#define PARTS 5

typedef struct
{
  Journal *journal;
  Core core; /* of which there is only the journal */
  RequestBook *book;
  gint answers; /* atomic: how many came */
} PartsBench;

typedef struct
{
  PartsBench *bench;
  gint place; /* from 1, in the order of the answers */
  GVariant *reply;
  GError *error;
} PartsAnswer;

static gint runs; /* of count_parts(), on the journal's thread */

static void
on_journal_failed (const GError *error, G_GNUC_UNUSED gpointer user_data)
{
  g_error ("%s", error->message);
}

static void
set_up_parts (PartsBench *bench, G_GNUC_UNUSED gconstpointer data)
{
  const JournalOptions options = { NULL, { G_GINT64_CONSTANT (1) << 30, 0 }, on_journal_failed, NULL };

  bench->journal = journal_open (&options, NULL);
  g_assert_nonnull (bench->journal);
  bench->core.journal = bench->journal;
  bench->book = request_book_new ();
  runs = 0;
}

static void
tear_down_parts (PartsBench *bench, G_GNUC_UNUSED gconstpointer data)
{
  journal_close (bench->journal);
  request_book_close (bench->book);
  request_book_unref (bench->book);
}

static void
on_parts_reply (gpointer user_data, GVariant *reply, const GError *error)
{
  PartsAnswer *answer = user_data;

  answer->reply = reply == NULL ? NULL : g_variant_ref (reply);
  answer->error = error == NULL ? NULL : g_error_copy (error);
  g_assert_cmpint (answer->place, ==, 0);
  answer->place = g_atomic_int_get (&answer->bench->answers) + 1;
  g_atomic_int_inc (&answer->bench->answers);
}

static void
submit_parts (PartsBench *bench, RequestWorkFunc run, PartsAnswer *answer)
{
  g_autoptr (Request) request = request_new (bench->book, "parts", NULL, on_parts_reply, answer);

  answer->bench = bench;
  request_submit (&bench->core, request, JOURNAL_SETTLE, run);
}

/* Once it is rolled back, in the middle. */
static gboolean
count_parts (G_GNUC_UNUSED Ledger *ledger, RequestWork *work, GError **error)
{
  g_assert_cmpint (work->next.count, ==, work->done.count);
  g_assert_false (work->goes_on);
  work->next.count++;
  work->goes_on = work->next.count < PARTS;
  g_variant_dict_insert (&work->reply, "count", "x", work->next.count);
  if (++runs == 3)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_FULL, "told to be full");
  return runs != 3;
}

static gboolean
do_nothing (G_GNUC_UNUSED Ledger *ledger, G_GNUC_UNUSED RequestWork *work, G_GNUC_UNUSED GError **error)
{
  return TRUE;
}

static gboolean
go_on_for_ever (G_GNUC_UNUSED Ledger *ledger, RequestWork *work, G_GNUC_UNUSED GError **error)
{
  work->goes_on = TRUE;
  return TRUE;
}

static gboolean
refuse_the_second (G_GNUC_UNUSED Ledger *ledger, RequestWork *work, G_GNUC_UNUSED GError **error)
{
  work->next.count++;
  work->goes_on = TRUE;
  return work->done.count == 0 || request_refuse (work, IPMID_REQUEST_CONFLICT, "not any more");
}

/* What is submitted after it is done before it, and each part counts once. */
static void
test_parts (PartsBench *bench, G_GNUC_UNUSED gconstpointer data)
{
  PartsAnswer slow = { 0 }, quick = { 0 };

  submit_parts (bench, count_parts, &slow);
  submit_parts (bench, do_nothing, &quick);
  g_assert_true (journal_start (bench->journal, NULL));
  iterate_until (&bench->answers, 2);
  g_assert_cmpint (quick.place, ==, 1);
  g_assert_cmpint (slow.place, ==, 2);
  g_assert_no_error (slow.error);
  g_assert_cmpint (integer (slow.reply, "count"), ==, PARTS);
  g_assert_cmpint (runs, ==, PARTS + 1);
  g_variant_unref (slow.reply);
  g_variant_unref (quick.reply);
}

static void
test_parts_refused (PartsBench *bench, G_GNUC_UNUSED gconstpointer data)
{
  PartsAnswer answer = { 0 };

  submit_parts (bench, refuse_the_second, &answer);
  g_assert_true (journal_start (bench->journal, NULL));
  iterate_until (&bench->answers, 1);
  g_assert_error (answer.error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_CONFLICT);
  g_clear_error (&answer.error);
}

/* The end of the journal waits for one part only. */
static void
test_parts_at_the_end (PartsBench *bench, G_GNUC_UNUSED gconstpointer data)
{
  PartsAnswer endless = { 0 }, quick = { 0 };

  submit_parts (bench, go_on_for_ever, &endless);
  submit_parts (bench, do_nothing, &quick);
  g_assert_true (journal_start (bench->journal, NULL));
  iterate_until (&bench->answers, 1);
  journal_end (bench->journal);
  g_assert_cmpint (endless.place, ==, 2);
  g_assert_error (endless.error, IPMID_REQUEST_ERROR, (int) IPMID_REQUEST_UNAVAILABLE);
  g_clear_error (&endless.error);
  g_variant_unref (quick.reply);
}

#define ADD_PARTS(name, function)                                                                                      \
  g_test_add ("/request/" name, PartsBench, NULL, set_up_parts, function, tear_down_parts)
#define ADD(name, function) g_test_add ("/request/" name, Bench, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/request/first-answer-counts", test_first_answer_counts);
  g_test_add_func ("/request/dropped-is-answered", test_dropped_is_answered);
  g_test_add_func ("/request/close-answers-open", test_close_answers_open);
  g_test_add_func ("/request/bounded", test_bounded);
  g_test_add_func ("/request/close-waits", test_close_waits);
  g_test_add_func ("/request/arguments", test_arguments);
  g_test_add_func ("/request/unknown-method", test_unknown_method);
  ADD ("status", test_status);
  ADD ("bmcs", test_bmcs);
  ADD ("refused", test_refused);
  ADD ("at-the-end", test_at_the_end);
  ADD_PARTS ("parts", test_parts);
  ADD_PARTS ("parts-refused", test_parts_refused);
  ADD_PARTS ("parts-at-the-end", test_parts_at_the_end);
  return g_test_run ();
}
