/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-sdr-cache.c - sensor data records on disk: kept, and never believed when damaged. */
#include <core/sdr-cache.h>
#include <event/frame.h>

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  char *state_dir, *directory;
  SdrCache *cache;
} Bench;

static void
set_up (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  bench->state_dir = g_dir_make_tmp ("sdr-cache-XXXXXX", NULL);
  bench->directory = g_build_filename (bench->state_dir, "sdr-cache", NULL);
  bench->cache = sdr_cache_new (bench->state_dir);
}

static void
remove_directory (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);
      g_unlink (file);
    }
  g_rmdir (path);
}

static void
tear_down (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  sdr_cache_free (bench->cache);
  remove_directory (bench->directory);
  g_assert_cmpint (g_rmdir (bench->state_dir), ==, 0);
  g_free (bench->directory);
  g_free (bench->state_dir);
}

/* Everything is on disk, and forgotten in memory. */
static void
restart (Bench *bench)
{
  sdr_cache_free (bench->cache);
  bench->cache = sdr_cache_new (bench->state_dir);
}

static void
store (Bench *bench, gint64 bmc, const char *key, gconstpointer data, gsize length)
{
  g_autoptr (GVariant) body = g_variant_ref_sink (
      g_variant_new ("(us@ay)", (guint32) bmc, key, g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, length, 1)));

  sdr_cache_on_frame (bench->cache, bmc, body);
}

/* `data` NULL: there is nothing. */
static void
assert_known (Bench *bench, gint64 bmc, const char *key, const char *data)
{
  g_autofree char *known_key = NULL;
  g_autoptr (GBytes) known = sdr_cache_load (bench->cache, bmc, &known_key);

  g_assert_cmpint (known != NULL, ==, data != NULL);
  g_assert_cmpstr (known_key, ==, key);
  if (data != NULL)
    {
      g_autofree char *text = g_strndup (g_bytes_get_data (known, NULL), g_bytes_get_size (known));
      g_assert_cmpstr (text, ==, data);
    }
}

static char *
path_of (Bench *bench, gint64 bmc)
{
  g_autofree char *name = g_strdup_printf ("%" G_GINT64_FORMAT, bmc);

  return g_build_filename (bench->directory, name, NULL);
}

static void
test_kept (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  struct stat status;
  g_autofree char *path = path_of (bench, 1);

  assert_known (bench, 1, NULL, NULL);
  store (bench, 1, "k1", "one", 3);
  store (bench, 2, "k2", "two", 3);
  assert_known (bench, 1, "k1", "one"); /* at once, wherever it is by now */
  store (bench, 1, "k3", "three", 5);
  assert_known (bench, 1, "k3", "three");
  restart (bench);
  assert_known (bench, 1, "k3", "three");
  assert_known (bench, 2, "k2", "two");
  assert_known (bench, 3, NULL, NULL);
  g_assert_cmpint (stat (path, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);
  g_assert_cmpint (stat (bench->directory, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0700);
}

static void
test_forgotten (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = path_of (bench, 1);

  sdr_cache_forget (bench->cache, 9); /* nothing to forget is no mistake */
  store (bench, 1, "k", "one", 3);
  restart (bench);
  sdr_cache_forget (bench->cache, 1);
  assert_known (bench, 1, NULL, NULL);
  store (bench, 2, "k", "two", 3);
  store (bench, 2, "k", "", 0);
  assert_known (bench, 2, NULL, NULL);
  restart (bench);
  assert_known (bench, 1, NULL, NULL);
  assert_known (bench, 2, NULL, NULL);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_others_forgotten (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  const gint64 two = 2;
  g_autoptr (GHashTable) bmcs = g_hash_table_new (g_int64_hash, g_int64_equal);
  static const char *const left[] = { "new", "x", "-3" };

  sdr_cache_forget_others (bench->cache, bmcs); /* there is no directory yet */
  for (gint64 bmc = 1; bmc <= 3; bmc++)
    store (bench, bmc, "k", "data", 4);
  restart (bench);
  for (guint i = 0; i < G_N_ELEMENTS (left); i++)
    {
      g_autofree char *path = g_build_filename (bench->directory, left[i], NULL);
      g_assert_true (g_file_set_contents (path, "", 0, NULL));
    }
  g_hash_table_add (bmcs, (gpointer) &two);
  sdr_cache_forget_others (bench->cache, bmcs);
  store (bench, 4, "k", "later", 5); /* added since */
  restart (bench);
  assert_known (bench, 1, NULL, NULL);
  assert_known (bench, 2, "k", "data");
  assert_known (bench, 3, NULL, NULL);
  assert_known (bench, 4, "k", "later");
  g_autofree char *path = g_build_filename (bench->directory, "new", NULL);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

/* Any other byte anywhere, any length, and the file of another BMC. */
static void
test_damaged (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = path_of (bench, 1);
  g_autofree char *other = path_of (bench, 2);
  g_autofree char *good = NULL;
  gsize length;

  store (bench, 1, "key", "some data", 9);
  restart (bench);
  g_assert_true (g_file_get_contents (path, &good, &length, NULL));
  for (gsize i = 0; i < length; i++)
    for (guint bit = 0; bit < 8; bit++)
      {
        g_autofree char *bad = g_memdup2 (good, length);
        bad[i] ^= (char) (1 << bit);
        g_assert_true (g_file_set_contents (path, bad, (gssize) length, NULL));
        assert_known (bench, 1, NULL, NULL);
      }
  for (gsize cut = 0; cut < length; cut++)
    {
      g_assert_true (g_file_set_contents (path, good, (gssize) cut, NULL));
      assert_known (bench, 1, NULL, NULL);
    }
  g_autofree char *longer = g_strnfill (2 * FRAME_SIZE_MAX, 'x');
  memcpy (longer, good, length);
  for (gsize size = length + 1; size < length + 9; size++)
    {
      g_assert_true (g_file_set_contents (path, longer, (gssize) size, NULL));
      assert_known (bench, 1, NULL, NULL);
    }
  g_assert_true (g_file_set_contents (path, longer, 2 * FRAME_SIZE_MAX, NULL));
  assert_known (bench, 1, NULL, NULL);
  g_assert_true (g_file_set_contents (other, good, (gssize) length, NULL));
  assert_known (bench, 2, NULL, NULL);
  store (bench, 1, "key", "again", 5); /* and is written afresh */
  restart (bench);
  assert_known (bench, 1, "key", "again");
}

static void
test_too_large (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *large = g_strnfill (FRAME_SDR_CACHE_MAX + 1, 'x');
  g_autofree char *key = g_strnfill (FRAME_SDR_CACHE_KEY_MAX + 1, 'k');

  store (bench, 1, "k", large, FRAME_SDR_CACHE_MAX + 1);
  assert_known (bench, 1, NULL, NULL);
  large[FRAME_SDR_CACHE_MAX] = '\0';
  store (bench, 1, "k", large, FRAME_SDR_CACHE_MAX);
  store (bench, 2, "k", "data", 4);
  store (bench, 2, key, "data", 4);
  assert_known (bench, 2, NULL, NULL);
  key[FRAME_SDR_CACHE_KEY_MAX] = '\0';
  store (bench, 3, key, large, FRAME_SDR_CACHE_MAX);
  restart (bench);
  assert_known (bench, 1, "k", large);
  assert_known (bench, 3, key, large);
}

/* A file is never seen half written while it is replaced over and over. */
static void
test_concurrent (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (SdrCache) reader = sdr_cache_new (bench->state_dir);
  g_autofree char *some = g_strnfill (20000, 'a');
  g_autofree char *more = g_strnfill (50000, 'b');
  guint seen = 0;

  store (bench, 1, "first", "data", 4);
  restart (bench);
  for (guint i = 0; i < 400; i++)
    {
      g_autofree char *key = NULL;
      store (bench, 1, i % 2 == 0 ? "some" : "more", i % 2 == 0 ? some : more, i % 2 == 0 ? 20000 : 50000);
      g_autoptr (GBytes) known = sdr_cache_load (reader, 1, &key);
      g_assert_nonnull (known);
      gsize length = g_bytes_get_size (known);
      g_assert_cmpuint (length, ==, strcmp (key, "some") == 0 ? 20000 : strcmp (key, "more") == 0 ? 50000 : 4);
      seen += length != 4;
    }
  g_assert_cmpuint (seen, >, 0);
  assert_known (bench, 1, "more", more);
  restart (bench);
  assert_known (bench, 1, "more", more);
}

/* What cannot be written is a line in the log, and nothing more. */
static void
test_no_directory (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true (g_file_set_contents (bench->directory, "", 0, NULL)); /* a file in its place */
  store (bench, 1, "k", "data", 4);
  sdr_cache_forget (bench->cache, 2);
  restart (bench);
  assert_known (bench, 1, NULL, NULL);
  g_unlink (bench->directory);
  g_assert_cmpint (symlink ("/tmp", bench->directory), ==, 0); /* nobody leads us elsewhere */
  store (bench, 1, "k", "data", 4);
  restart (bench);
  assert_known (bench, 1, NULL, NULL);
  g_unlink (bench->directory);
}

static void
test_no_state (void)
{
  g_autoptr (SdrCache) cache = sdr_cache_new (NULL);
  g_autoptr (GHashTable) bmcs = g_hash_table_new (g_int64_hash, g_int64_equal);
  g_autofree char *key = NULL;
  Bench bench = { .cache = cache };

  store (&bench, 1, "k", "data", 4);
  sdr_cache_forget (cache, 1);
  sdr_cache_forget_others (cache, bmcs);
  g_assert_null (sdr_cache_load (cache, 1, &key));
}

static GVariant *
settings_of (gsize name_length)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_autofree char *name = g_strnfill (name_length, 'n');

  g_variant_dict_insert (&dict, FRAME_SETTING_NAME, "s", name);
  return g_variant_dict_end (&dict);
}

/* ADD with it is a good frame, always. */
static void
test_settings (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *large = g_strnfill (FRAME_SDR_CACHE_MAX, 'x');
  gboolean with = FALSE, without = FALSE;

  store (bench, 1, "the key", large, FRAME_SDR_CACHE_MAX);
  for (gsize length = 1; length < 9000; length += 7)
    {
      GVariant *settings = sdr_cache_add_settings (bench->cache, 1, settings_of (length));
      g_autoptr (GVariant) body = g_variant_ref_sink (g_variant_new ("(u@a{sv})", 1, settings));
      g_autoptr (GBytes) packet = frame_encode (FRAME_ADD, body);
      const char *key = NULL;
      g_autoptr (GVariant) dict = g_variant_get_child_value (body, 1);
      g_autoptr (GVariant) cache = g_variant_lookup_value (dict, FRAME_SETTING_SDR_CACHE, G_VARIANT_TYPE_BYTESTRING);
      gboolean has = g_variant_lookup (dict, FRAME_SETTING_SDR_CACHE_KEY, "&s", &key);

      g_assert_cmpint (has, ==, cache != NULL);
      if (has)
        {
          g_assert_cmpstr (key, ==, "the key");
          g_assert_cmpuint (g_variant_get_size (cache), ==, FRAME_SDR_CACHE_MAX);
        }
      with = with || has;
      without = without || !has;
      g_assert_true (g_variant_lookup (dict, FRAME_SETTING_NAME, "&s", &key));
    }
  g_assert_true (with && without);
}

/* A thousand BMCs are added at start. */
static void
test_speed (Bench *bench, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *some = g_strnfill (20000, 'a');

  for (gint64 bmc = 1; bmc <= 1000; bmc++)
    store (bench, bmc, "k", some, 20000);
  restart (bench);
  g_test_timer_start ();
  for (gint64 bmc = 1; bmc <= 1000; bmc++)
    {
      g_autoptr (GVariant) settings = g_variant_ref_sink (sdr_cache_add_settings (bench->cache, bmc, settings_of (9)));
      g_assert_cmpuint (g_variant_get_size (settings), >, 20000);
    }
  double each = g_test_timer_elapsed () * 1000;
  g_test_minimized_result (each, "%.0f µs for a BMC's cache of 20 kB at its ADD", each);
}

#define ADD(name, function) g_test_add ("/sdr-cache/" name, Bench, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("kept", test_kept);
  ADD ("forgotten", test_forgotten);
  ADD ("others-forgotten", test_others_forgotten);
  ADD ("damaged", test_damaged);
  ADD ("too-large", test_too_large);
  ADD ("concurrent", test_concurrent);
  ADD ("no-directory", test_no_directory);
  g_test_add_func ("/sdr-cache/no-state", test_no_state);
  ADD ("settings", test_settings);
  if (g_test_perf ())
    ADD ("speed", test_speed);
  return g_test_run ();
}
