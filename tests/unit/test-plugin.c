/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-plugin.c - which plugins are loaded, and why others are not. */
#include <core/plugin.h>
#include <event/error.h>

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  char *parent;
  char *directory;
} Fixture;

static void
copy (Fixture *fixture, const char *from, const char *to)
{
  g_autofree char *source = g_strdup_printf ("%s/%s.so", g_getenv ("IPMID_TEST_PLUGIN_DIR"), from);
  g_autofree char *target = g_strdup_printf ("%s/%s.so", fixture->directory, to);
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_file_get_contents (source, &data, &length, &error);
  g_assert_no_error (error);
  g_file_set_contents (target, data, (gssize) length, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (target, 0755), ==, 0);
}

static void
set_up (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->parent = g_dir_make_tmp ("plugin-XXXXXX", NULL);
  fixture->directory = g_build_filename (fixture->parent, "plugins", NULL);
  g_assert_cmpint (g_mkdir (fixture->directory, 0755), ==, 0);
  copy (fixture, "test-sink", "test-sink");
}

static void
tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->directory, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (fixture->directory, name, NULL);
      g_assert_cmpint (g_unlink (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (fixture->directory), ==, 0);
  g_assert_cmpint (g_rmdir (fixture->parent), ==, 0);
  g_free (fixture->directory);
  g_free (fixture->parent);
}

static void
assert_refused (Fixture *fixture, const char *name, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Plugin) plugin = plugin_load (fixture->directory, name, &error);

  g_assert_null (plugin);
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_PLUGIN);
  if (strstr (error->message, words) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
}

static void
assert_loaded (Fixture *fixture, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Plugin) plugin = plugin_load (fixture->directory, name, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (plugin_descriptor (plugin)->name, ==, name);
  g_assert_nonnull (plugin_descriptor (plugin)->deliver);
}

static char *
sink_path (Fixture *fixture)
{
  return g_build_filename (fixture->directory, "test-sink.so", NULL);
}

static void
test_good (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  assert_loaded (fixture, "test-sink");
  assert_loaded (fixture, "test-sink"); /* and again */
}

static void
test_wrong (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    const char *name, *words;
  } wrong[] = { { "wrong-abi", "build it again" },
                { "wrong-empty", "exports no ipmid_plugin" },
                { "wrong-functions", "lacks one of the functions" },
                { "wrong-name", "is not that of the file" },
                { "wrong-newer", "build it against this ipmid's header" },
                { "wrong-size", "too small" } };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      copy (fixture, wrong[i].name, wrong[i].name);
      assert_refused (fixture, wrong[i].name, wrong[i].words);
    }
}

static void
test_no_shared_object (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->directory, "text.so", NULL);
  g_autofree char *empty = g_build_filename (fixture->directory, "empty.so", NULL);

  g_assert_true (g_file_set_contents (path, "not a shared object", -1, NULL));
  g_assert_true (g_file_set_contents (empty, "", -1, NULL));
  assert_refused (fixture, "text", "text.so");
  assert_refused (fixture, "empty", "empty.so");
  assert_refused (fixture, "absent", g_strerror (ENOENT));
}

static void
test_names (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const names[] = { "", "../plugins/test-sink", "/etc/passwd", "Test", "1a", "a b", "a.so", "-a" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    assert_refused (fixture, names[i], "no plugin can have this name");
}

static void
test_writable (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = sink_path (fixture);
  const mode_t modes[] = { 0775, 0757 };

  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_assert_cmpint (g_chmod (path, modes[i]), ==, 0);
      assert_refused (fixture, "test-sink", "chmod go-w");
      g_assert_cmpint (g_chmod (path, 0755), ==, 0);
      g_assert_cmpint (g_chmod (fixture->directory, modes[i]), ==, 0);
      assert_refused (fixture, "test-sink", "chmod go-w");
      /* Sticky is fine for parents only: files can be added to it. */
      g_assert_cmpint (chmod (fixture->directory, modes[i] | S_ISVTX), ==, 0);
      assert_refused (fixture, "test-sink", "chmod go-w");
      g_assert_cmpint (g_chmod (fixture->directory, 0755), ==, 0);
      g_assert_cmpint (g_chmod (fixture->parent, modes[i]), ==, 0);
      assert_refused (fixture, "test-sink", "chmod go-w");
      g_assert_cmpint (chmod (fixture->parent, modes[i] | S_ISVTX), ==, 0);
      assert_loaded (fixture, "test-sink");
      g_assert_cmpint (g_chmod (fixture->parent, 0700), ==, 0);
    }
}

static void
test_owner (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = sink_path (fixture);

  if (geteuid () != 0)
    {
      g_test_skip ("only root can give files away");
      return;
    }
  const char *const places[] = { path, fixture->directory, fixture->parent };
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    {
      g_assert_cmpint (chown (places[i], 65534, 0), ==, 0);
      assert_refused (fixture, "test-sink", "chown");
      g_assert_cmpint (chown (places[i], 0, 0), ==, 0);
    }
  assert_loaded (fixture, "test-sink");
}

static void
test_links (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = sink_path (fixture);
  g_autofree char *link = g_build_filename (fixture->directory, "linked.so", NULL);
  g_autofree char *folder = g_build_filename (fixture->directory, "folder.so", NULL);
  g_autofree char *way = g_build_filename (fixture->parent, "way", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (symlink (path, link), ==, 0);
  assert_refused (fixture, "linked", "symbolic link");
  g_assert_cmpint (g_mkdir (folder, 0755), ==, 0);
  assert_refused (fixture, "folder", "no regular file");
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  /* The way to the directory may be a link: what counts is where it leads. */
  g_assert_cmpint (symlink (fixture->directory, way), ==, 0);
  g_autoptr (Plugin) plugin = plugin_load (way, "test-sink", &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_unlink (way), ==, 0);
}

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/plugin/good", test_good);
  ADD ("/plugin/wrong", test_wrong);
  ADD ("/plugin/no-shared-object", test_no_shared_object);
  ADD ("/plugin/names", test_names);
  ADD ("/plugin/writable", test_writable);
  ADD ("/plugin/owner", test_owner);
  ADD ("/plugin/links", test_links);
  return g_test_run ();
}
