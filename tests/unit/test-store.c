/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-store.c - the journal's file: schema, damage, room. */
#include <core/store.h>
#include <event/error.h>

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  char *directory;
  char *path;
} Fixture;

static void
set_up (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->directory = g_dir_make_tmp ("store-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->directory, "journal.db", NULL);
}

static void
tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->directory, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (fixture->directory, name, NULL);
      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (fixture->directory), ==, 0);
  g_free (fixture->directory);
  g_free (fixture->path);
}

static Store *
open_good (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  Store *store = store_open (fixture->directory, &error);

  g_assert_no_error (error);
  return store;
}

/* As another program would change it. */
static void
execute (Fixture *fixture, const char *sql)
{
  sqlite3 *db;

  g_assert_cmpint (sqlite3_open (fixture->path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (db);
}

static IpmidEvent *
new_event (void)
{
  IpmidEvent *event = event_new ();

  event_set_string (event, IPMID_FIELD_ID, "b/1/1");
  event_set_string (event, IPMID_FIELD_TEXT, "text");
  return event;
}

/* One event, owed to one handler. */
static gboolean
add_event (Store *store, GError **error)
{
  g_autoptr (IpmidEvent) event = new_event ();
  const StoreDues dues = { 1, 1, 1 };
  gint64 seq = store_next_seq (store);

  return store_event_insert (store, seq, 1, event, &dues, error)
         && store_delivery_insert (store, 1, 1, seq, TRUE, error);
}

static void
clear_delivery (gpointer data)
{
  event_unref (((StoreDelivery *) data)->event);
}

static GArray *
fetch (Store *store, GError **error)
{
  GArray *deliveries = g_array_new (FALSE, FALSE, sizeof (StoreDelivery));

  g_array_set_clear_func (deliveries, clear_delivery);
  if (store_delivery_fetch (store, 1, 1, G_MININT64, 100000, deliveries, error))
    return deliveries;
  g_array_unref (deliveries);
  return NULL;
}

static void
test_reopen (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  Store *store = open_good (fixture);
  StoreBmc bmc, again;
  gint64 handler;
  struct stat status;

  g_assert_true (store_bmc_load (store, "b", &bmc, NULL));
  g_assert_true (store_handler_load (store, "h", &handler, NULL));
  bmc.contact = STORE_CONTACT_DONE;
  bmc.has_cursor = TRUE;
  memset (bmc.cursor, 7, sizeof bmc.cursor);
  bmc.ordinal = 5;
  g_assert_true (store_bmc_save (store, &bmc, NULL));
  g_assert_true (add_event (store, NULL));
  gint64 next = store_next_seq (store);
  store_close (store);
  g_assert_cmpint (stat (fixture->path, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);
  store = open_good (fixture);
  g_assert_true (store_bmc_load (store, "b", &again, NULL));
  g_assert_cmpint (again.id, ==, bmc.id);
  g_assert_cmpint (again.epoch, ==, bmc.epoch);
  g_assert_cmpint (again.ordinal, ==, 5);
  g_assert_true (again.has_cursor);
  g_assert_cmpmem (again.cursor, 16, bmc.cursor, 16);
  g_assert_cmpint (store_next_seq (store), ==, next);
  g_autoptr (GArray) deliveries = fetch (store, NULL);
  g_assert_cmpuint (deliveries->len, ==, 1);
  g_assert_cmpstr (event_string (g_array_index (deliveries, StoreDelivery, 0).event, IPMID_FIELD_TEXT), ==, "text");
  store_close (store);
}

#define WITHOUT_TENTH "DROP TABLE backfilled; ALTER TABLE delivery DROP COLUMN crashes;"

/* What the versions after the third added. */
#define WITHOUT_LATER                                                                                                  \
  "DROP TABLE alarm; ALTER TABLE bmc DROP COLUMN silence; ALTER TABLE bmc DROP COLUMN "                                \
  "suspected;"                                                                                                         \
  "ALTER TABLE bmc DROP COLUMN replaced; ALTER TABLE dead DROP COLUMN counts;"                                         \
  "ALTER TABLE record DROP COLUMN given_up; ALTER TABLE handler DROP COLUMN before;"                                   \
  "ALTER TABLE handler DROP COLUMN since; ALTER TABLE handler DROP COLUMN gone;"                                       \
  "ALTER TABLE handler DROP COLUMN filled; ALTER TABLE handler DROP COLUMN filled_since;" WITHOUT_TENTH

/* The first schema is the present one without what came later. */
static void
test_older_schema (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  StoreNotice notices[STORE_NOTICE_STATES];
  Store *store = open_good (fixture);

  g_assert_true (add_event (store, NULL));
  store_close (store);
  execute (fixture, "DROP TABLE notice; DROP TABLE quiet;"
                    "ALTER TABLE bmc DROP COLUMN guid; ALTER TABLE bmc DROP COLUMN alarms; " WITHOUT_LATER
                    " PRAGMA user_version = 1");
  store_close (store_open_readonly (fixture->directory, &error)); /* looks, and changes nothing */
  g_assert_no_error (error);
  store = open_good (fixture);
  g_autoptr (GArray) deliveries = fetch (store, NULL);
  g_assert_cmpuint (deliveries->len, ==, 1);
  g_assert_true (store_notice_load (store, 1, 1, 1, notices, &error));
  g_assert_no_error (error);
  store_close (store);
  store_close (open_good (fixture));
}

/* A journal of version 2: what it knew of a BMC stays, what is new is empty. */
static void
test_second_schema (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  StoreBmc bmc;

  store_close (open_good (fixture));
  execute (fixture, "ALTER TABLE bmc DROP COLUMN guid; ALTER TABLE bmc DROP COLUMN alarms;" WITHOUT_LATER
                    "INSERT INTO bmc VALUES (5, 'old', 77, 2, zeroblob (16), 3, 4, 1); PRAGMA user_version = 2");
  for (guint i = 0; i < 2; i++)
    {
      Store *store = open_good (fixture);
      g_assert_true (store_bmc_load (store, "old", &bmc, NULL));
      g_assert_cmpint (bmc.id, ==, 5);
      g_assert_cmpint (bmc.epoch, ==, 77);
      g_assert_cmpint (bmc.contact, ==, STORE_CONTACT_DONE);
      g_assert_true (bmc.has_cursor && bmc.overflow);
      g_assert_cmpint (bmc.has_guid, ==, i == 1);
      g_assert_cmpuint (bmc.alarms, ==, i == 1 ? STORE_ALARM_CLOCK : 0);
      g_assert_cmpint (bmc.suspected, ==, i == 1 ? 3 : -1);
      g_assert_cmpint (bmc.replaced, ==, i == 1 ? 2 : 0);
      bmc.suspected = 3;
      bmc.replaced = 2;
      bmc.has_guid = TRUE;
      bmc.alarms = STORE_ALARM_CLOCK;
      g_assert_true (store_bmc_save (store, &bmc, NULL));
      store_close (store);
    }
}

/* A journal of version 3 does not say for whom its dead letters count: what stands in
 * the SELs that they come from does not look like handled. */
static void
test_third_schema (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  StoreOpen open;
  Store *store = open_good (fixture);

  g_assert_true (add_event (store, NULL));
  g_assert_true (store_dead_insert (store, 1, 1, 1, 1, TRUE, "no", NULL));
  for (gint64 bmc = 1; bmc <= 2; bmc++)
    {
      const StoreRecord record = { .bmc = bmc, .record_id = 1, .ordinal = 1 };
      g_assert_true (store_record_put (store, &record, NULL));
    }
  store_close (store);
  execute (fixture, WITHOUT_LATER "DELETE FROM delivery; PRAGMA user_version = 3");
  store = open_good (fixture);
  g_assert_true (store_open_count (store, 1, &open, NULL));
  g_assert_cmpint (open.given_up, ==, 1);
  g_assert_true (store_open_count (store, 2, &open, NULL));
  g_assert_cmpint (open.given_up, ==, 0);
  store_close (store);
}

/* Of what a journal of version 9 has, ipmid has not crashed, as far as it knows. */
static void
test_ninth_schema (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  gint64 crashes = 0;
  gboolean found;
  Store *store = open_good (fixture);

  g_assert_true (add_event (store, NULL));
  g_assert_true (store_delivery_attempt (store, 1, 1, 1, 4, 1, NULL));
  store_close (store);
  execute (fixture, WITHOUT_TENTH "PRAGMA user_version = 9");
  for (gint64 already = 0; already < 2; already++)
    {
      store = open_good (fixture);
      g_autoptr (GArray) deliveries = fetch (store, NULL);
      g_assert_cmpuint (deliveries->len, ==, 1);
      const StoreDelivery *delivery = &g_array_index (deliveries, StoreDelivery, 0);
      g_assert_cmpint (delivery->crashes, ==, already);
      g_assert_cmpint (delivery->inflight, ==, !already);
      g_assert_true (store_delivery_crash (store, 1, 1, 1, 4, &crashes, &found, NULL));
      g_assert_cmpint (found, ==, !already);
      g_assert_cmpint (crashes, ==, 1);
      store_close (store);
    }
}

/* A migration that cannot be completed leaves the journal as it was. */
static void
test_older_schema_odd (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  sqlite3 *db;
  sqlite3_stmt *row;

  store_close (open_good (fixture));
  /* alarms is there already */
  execute (fixture, "DROP TABLE alarm; ALTER TABLE bmc DROP COLUMN guid; PRAGMA user_version = 2");
  g_assert_null (store_open (fixture->directory, &error));
  g_assert_nonnull (error);
  g_assert_cmpint (sqlite3_open (fixture->path, &db), ==, SQLITE_OK);
  g_assert_cmpint (
      sqlite3_prepare_v2 (db, "SELECT count(*) FROM pragma_table_info ('bmc') WHERE name = 'guid'", -1, &row, NULL), ==,
      SQLITE_OK);
  g_assert_cmpint (sqlite3_step (row), ==, SQLITE_ROW);
  g_assert_cmpint (sqlite3_column_int (row, 0), ==, 0);
  sqlite3_finalize (row);
  sqlite3_close (db);
}

static void
test_newer_schema (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  gsize length_before, length_after;

  store_close (open_good (fixture));
  execute (fixture, "PRAGMA journal_mode = DELETE; PRAGMA user_version = 99");
  g_assert_true (g_file_get_contents (fixture->path, &before, &length_before, NULL));
  g_assert_null (store_open (fixture->directory, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_SCHEMA);
  g_clear_error (&error);
  g_assert_null (store_open_readonly (fixture->directory, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_SCHEMA);
  /* Refused, and intact. */
  g_assert_true (g_file_get_contents (fixture->path, &after, &length_after, NULL));
  g_assert_cmpuint (length_before, ==, length_after);
  g_assert_true (memcmp (before, after, length_before) == 0);
}

static void
test_readonly (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (store_open_readonly (fixture->directory, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_FILE);
  g_clear_error (&error);
  Store *writer = open_good (fixture);
  g_assert_true (add_event (writer, NULL));
  Store *reader = store_open_readonly (fixture->directory, &error);
  g_assert_no_error (error);
  g_autoptr (GArray) seen = fetch (reader, &error);
  g_assert_cmpuint (seen->len, ==, 1);
  g_assert_false (add_event (reader, &error));
  g_clear_error (&error);
  g_assert_true (add_event (writer, NULL)); /* not disturbed */
  store_close (writer);
  store_close (reader);
  reader = store_open_readonly (fixture->directory, &error); /* nobody writes */
  g_assert_no_error (error);
  store_close (reader);
}

static void
test_damaged_payload (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const damages[]
      = { "UPDATE event SET payload = x'00ff00ff'", "UPDATE event SET payload = x''",
          "UPDATE event SET payload = zeroblob (100000)", "UPDATE event SET payload = 'text'" };

  for (guint i = 0; i < G_N_ELEMENTS (damages); i++)
    {
      g_autoptr (GError) error = NULL;
      Store *store = open_good (fixture);
      g_assert_true (add_event (store, NULL));
      store_close (store);
      execute (fixture, damages[i]);
      store = open_good (fixture);
      g_assert_null (fetch (store, &error));
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, "damaged"));
      store_close (store);
    }
}

static void
test_no_database (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strnfill (20000, 'x');

  g_assert_true (g_file_set_contents (fixture->path, text, -1, NULL));
  g_assert_null (store_open (fixture->directory, &error));
  g_assert_cmpint (error->code, !=, IPMID_ERROR_JOURNAL_FULL);
}

static void
test_link (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *target = g_build_filename (fixture->directory, "target", NULL);

  g_assert_cmpint (symlink (target, fixture->path), ==, 0);
  g_assert_null (store_open (fixture->directory, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_FILE);
  g_assert_false (g_file_test (target, G_FILE_TEST_EXISTS));
}

/* Another connection's page limit does not bind ours, so the disk itself has
 * to be small: a tmpfs, for which one must be root. */
static void
test_full (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *mount = g_strdup_printf ("mount -t tmpfs -o size=1m none '%s'", fixture->directory);
  g_autofree char *umount = g_strdup_printf ("umount '%s'", fixture->directory);
  guint kept = 0;
  int status;

  if (geteuid () != 0 || !g_spawn_command_line_sync (mount, NULL, NULL, &status, NULL) || status != 0)
    {
      g_test_skip ("cannot mount a tmpfs");
      return;
    }
  Store *store = open_good (fixture);
  for (gboolean good = TRUE; good; kept += good)
    {
      g_assert_cmpuint (kept, <, 100000);
      good = store_begin (store, &error) && add_event (store, &error) && store_commit (store, &error);
      if (!good)
        store_rollback (store);
    }
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_FULL);
  g_clear_error (&error);
  g_autoptr (GArray) deliveries = fetch (store, &error); /* what was committed is there */
  g_assert_no_error (error);
  g_assert_cmpuint (deliveries->len, ==, kept);
  store_close (store);
  store = store_open (fixture->directory, &error);
  if (store == NULL)
    g_assert_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_FULL);
  store_close (store);
  g_assert_true (g_spawn_command_line_sync (umount, NULL, NULL, &status, NULL));
  g_assert_cmpint (status, ==, 0);
}

static void
test_dues (G_GNUC_UNUSED Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Store *store = store_open (NULL, &error);
  StoreDues dues;
  gint64 attempts;
  gboolean counts, found;

  g_assert_true (add_event (store, NULL));
  g_assert_true (store_delivery_attempt (store, 1, 1, 1, 1, 5, NULL));
  g_assert_true (store_delivery_remove (store, 1, 1, 1, &attempts, &counts, &found, NULL));
  g_assert_true (found && counts);
  g_assert_cmpint (attempts, ==, 1);
  g_assert_true (store_delivery_remove (store, 1, 1, 1, &attempts, &counts, &found, NULL));
  g_assert_false (found);
  g_assert_true (store_event_dues (store, 1, &dues, NULL));
  g_assert_cmpint (dues.open, ==, 1);
  dues.open = 0;
  g_assert_true (store_event_set_dues (store, 1, &dues, NULL));
  g_assert_true (store_event_dues (store, 1, &dues, NULL));
  g_assert_cmpint (dues.open, ==, 0);
  dues.owed = 0;
  g_assert_true (store_event_set_dues (store, 1, &dues, NULL));
  g_assert_false (store_event_dues (store, 1, &dues, &error)); /* nobody refers to it any more */
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_DAMAGED);
  store_close (store);
}

/* The attempts and marks of the lane's deliveries, as they stand. */
static void
assert_attempts (Store *store, guint n, const gint64 *attempts, const gint64 *inflight)
{
  g_autoptr (GArray) deliveries = fetch (store, NULL);

  g_assert_cmpuint (deliveries->len, ==, n);
  for (guint i = 0; i < n; i++)
    {
      g_assert_cmpint (g_array_index (deliveries, StoreDelivery, i).attempts, ==, attempts[i]);
      g_assert_cmpint (g_array_index (deliveries, StoreDelivery, i).inflight, ==, inflight[i]);
    }
}

/* Attempts for a whole run of a lane: all of it, or nothing. */
static void
test_attempt_run (G_GNUC_UNUSED Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  Store *store = store_open (NULL, NULL);
  const gint64 all[] = { 1, 2, 3, 4 }, ends[] = { 1, 4 }, middle[] = { 2, 3 };
  gboolean done;

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    g_assert_true (add_event (store, NULL));
  g_assert_true (store_delivery_attempt_run (store, 1, 1, all, 4, 4, &done, NULL));
  g_assert_true (done);
  assert_attempts (store, 4, (const gint64[]){ 1, 1, 1, 1 }, (const gint64[]){ 4, 4, 4, 4 });
  g_assert_true (store_delivery_attempt_run (store, 1, 1, ends, 2, 2, &done, NULL));
  g_assert_false (done); /* others lie between */
  g_assert_true (store_delivery_attempt_run (store, 1, 2, all, 4, 4, &done, NULL));
  g_assert_false (done); /* another lane */
  assert_attempts (store, 4, (const gint64[]){ 1, 1, 1, 1 }, (const gint64[]){ 4, 4, 4, 4 });
  g_assert_true (store_delivery_attempt_run (store, 1, 1, middle, 2, 2, &done, NULL));
  g_assert_true (done);
  assert_attempts (store, 4, (const gint64[]){ 1, 2, 2, 1 }, (const gint64[]){ 4, 2, 2, 4 });
  store_close (store);
}

/* One of two that are owed an event has it, then the other. */
static void
test_release (G_GNUC_UNUSED Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IpmidEvent) event = new_event ();
  Store *store = store_open (NULL, NULL);
  StoreDues dues = { 1, 1, 2 };
  gint64 seq = store_next_seq (store);

  g_assert_true (store_event_insert (store, seq, 1, event, &dues, NULL));
  g_assert_true (store_event_release (store, seq, TRUE, NULL));
  g_assert_true (store_event_dues (store, seq, &dues, NULL));
  g_assert_cmpint (dues.required, ==, 1);
  g_assert_cmpint (dues.open, ==, 0);
  g_assert_cmpint (dues.owed, ==, 1);
  g_assert_true (store_event_release (store, seq, FALSE, NULL));
  g_assert_false (store_event_release (store, seq, FALSE, &error)); /* nobody refers to it any more */
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_JOURNAL_DAMAGED);
  store_close (store);
}

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/store/reopen", test_reopen);
  ADD ("/store/older-schema", test_older_schema);
  ADD ("/store/second-schema", test_second_schema);
  ADD ("/store/third-schema", test_third_schema);
  ADD ("/store/ninth-schema", test_ninth_schema);
  ADD ("/store/older-schema-odd", test_older_schema_odd);
  ADD ("/store/newer-schema", test_newer_schema);
  ADD ("/store/readonly", test_readonly);
  ADD ("/store/damaged-payload", test_damaged_payload);
  ADD ("/store/no-database", test_no_database);
  ADD ("/store/link", test_link);
  ADD ("/store/attempt-run", test_attempt_run);
  ADD ("/store/release", test_release);
  ADD ("/store/full", test_full);
  ADD ("/store/dues", test_dues);
  return g_test_run ();
}
