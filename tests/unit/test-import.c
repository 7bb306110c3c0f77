/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-import.c - IPMI Monitor's server lists. */
#include "import.h"
#include "import-private.h"

#include "core/config-file.h"
#include "core/options.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static ImportList *
parse (const char *text)
{
  return import_parse (text, strlen (text));
}

static const ImportServer *
server (const ImportList *list, guint index)
{
  g_assert_cmpuint (index, <, list->servers->len);
  return list->servers->pdata[index];
}

static void
assert_remark (const ImportList *list, const char *remark)
{
  for (guint i = 0; i < list->remarks->len; i++)
    if (g_str_equal (list->remarks->pdata[i], remark))
      return;
  g_error ("no remark '%s'", remark);
}

/* The configuration that comes out, as the daemon reads it. */
static CoreConfig *
load_rendered (ImportList *list, char **text)
{
  g_autofree char *directory = g_dir_make_tmp ("import-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "c", NULL),
                  *secrets_path = g_build_filename (directory, "s", NULL);
  g_autoptr (ConfigReport) report = config_report_new ();
  char *secrets = NULL;
  CoreConfig *config;

  *text = import_render (list, "list", secrets_path, &secrets);
  g_assert_true (g_file_set_contents (path, *text, -1, NULL));
  if (secrets != NULL)
    {
      g_assert_true (g_file_set_contents (secrets_path, secrets, -1, NULL));
      g_assert_cmpint (g_chmod (secrets_path, 0600), ==, 0);
    }
  config = config_file_load (path, NULL, report);
  for (guint i = 0; i < report->errors->len; i++)
    g_error ("%s in\n%s", (const char *) report->errors->pdata[i], *text);
  options_free_secret (secrets);
  g_unlink (path);
  g_unlink (secrets_path);
  g_rmdir (directory);
  return config;
}

static const BmcConfig *
bmc (const CoreConfig *config, guint index)
{
  g_assert_cmpuint (index, <, config->bmcs->len);
  return config->bmcs->pdata[index];
}

/* As its README has it. */
static void
test_readme (void)
{
  g_autoptr (ImportList) list
      = parse ("[server-01]\nbmc_ip = 192.168.1.100\nserver_ip = 192.168.1.10\nenabled = true\n\n"
               "[server-02]\nbmc_ip = 192.168.1.101\nserver_ip = 192.168.1.11\nenabled = false\n"
               "use_nvidia_password = false\nipmi_user = root\nipmi_pass = \\x y \n");
  g_autofree char *text = NULL;
  g_autoptr (CoreConfig) config = NULL;

  g_assert_cmpuint (list->remarks->len, ==, 0);
  g_assert_cmpuint (list->servers->len, ==, 2);
  g_assert_false (server (list, 1)->enabled);
  ((ImportServer *) list->servers->pdata[1])->enabled = TRUE;
  config = load_rendered (list, &text);
  g_assert_cmpstr (bmc (config, 0)->name, ==, "server-01");
  g_assert_cmpstr (bmc (config, 0)->connection->host, ==, "192.168.1.100");
  g_assert_cmpstr (bmc (config, 0)->connection->user, ==, "admin");
  g_assert_null (bmc (config, 0)->connection->password);
  g_assert_cmpstr (bmc (config, 0)->host, ==, "192.168.1.10");
  g_assert_cmpstr (bmc (config, 1)->connection->user, ==, "root");
  g_assert_cmpstr (bmc (config, 1)->connection->password, ==, "\\x y");
  g_assert_null (strstr (text, "x y"));
}

/* As its code has it. */
static void
test_plain (void)
{
  g_autoptr (ImportList) list = parse ("# IPMI Monitor - Server List\n[servers]\n192.168.1.100 = server-01\n"
                                       "192.168.1.102 = server-03  # NVidia bmc\n192.168.1.103=a b\nfe80::1 = six\n");
  g_autofree char *text = NULL;
  g_autoptr (CoreConfig) config = NULL;

  g_assert_cmpuint (list->remarks->len, ==, 1);
  assert_remark (list, "line 5: only the first word is the server's name");
  g_assert_cmpstr (server (list, 1)->notes, ==, "NVidia bmc");
  g_assert_true (server (list, 1)->nvidia);
  g_assert_false (server (list, 0)->nvidia);
  config = load_rendered (list, &text);
  g_assert_cmpuint (config->bmcs->len, ==, 4);
  g_assert_cmpstr (bmc (config, 3)->connection->host, ==, "fe80::1");
  g_assert_nonnull (strstr (text, "credentials = nvidia-admin"));
}

static void
test_json (void)
{
  g_autoptr (ImportList) list
      = parse ("[\n {\"server_name\": \"a\", \"bmc_ip\": \"10.0.0.1\", \"server_ip\": null, \"enabled\": true,\n"
               "  \"use_nvidia_password\": false, \"notes\": \"x\\ny\"},\n"
               " {\"name\": \"b{\", \"bmc_ip\": \"10.0.0.2\", \"ipmi_user\": \"u\", \"ipmi_pass\": \"p\",\n"
               "  \"ssh_port\": 22, \"ssh\": {\"key\": []}},\n 7,\n {\"name\": \"c\", \"enabled\": \"maybe\"}\n]\n");
  g_autofree char *text = NULL;
  g_autoptr (CoreConfig) config = load_rendered (list, &text);

  g_assert_cmpuint (config->bmcs->len, ==, 2);
  g_assert_cmpstr (bmc (config, 1)->name, ==, "b{");
  g_assert_cmpstr (bmc (config, 1)->connection->password, ==, "p");
  g_assert_cmpuint (list->remarks->len, ==, 5);
  assert_remark (list, "line 5: \"ssh_port\" means nothing to ipmid");
  assert_remark (list, "line 5: \"ssh\" means nothing to ipmid");
  assert_remark (list, "entry 3 of the list is no server");
  assert_remark (list, "line 7: \"enabled\" is neither true nor false");
  assert_remark (list, "line 7: this server has no bmc_ip: left out");
}

static void
test_json_object (void)
{
  g_autoptr (ImportList) list
      = parse ("{\"x\": {}, \"servers\":\n[{\"name\": \"a\",\n\"bmc_ip\": \"10.0.0.1\", \"q\": 1}]}");
  g_autoptr (ImportList) broken = parse ("[{\"ipmi_pass\": \"hunter2\n");
  g_autoptr (ImportList) strange = parse ("{\"servers\": 1}");

  g_assert_cmpuint (list->servers->len, ==, 1);
  assert_remark (list, "line 3: \"q\" means nothing to ipmid");
  assert_remark (list, "\"x\" means nothing to ipmid");
  g_assert_cmpuint (broken->servers->len, ==, 0);
  g_assert_null (strstr (broken->remarks->pdata[0], "hunter2"));
  assert_remark (strange, "this JSON is no list of servers");
}

/* Nothing of the list can become another key or group of the configuration. */
static void
test_hostile (void)
{
  g_autoptr (ImportList) list = parse (
      "[{\"name\": \"a]\\n[daemon\", \"bmc_ip\": \"10.0.0.1\"}, {\"name\": \"b[1-9]\", \"bmc_ip\": \"10.0.0.2\"},"
      "{\"name\": \"c\", \"bmc_ip\": \"10.0.0.3\\nenabled = no\"}, {\"name\": \"d\", \"bmc_ip\": \"10.0.0.[1-9]\"},"
      "{\"name\": \"e\", \"bmc_ip\": \"10.0.0.5\", \"server_ip\": \"h\\nx = y\", \"ipmi_user\": \"u\\nv\", "
      "\"ipmi_pass\": \"hunter2\\nhunter2\", \"notes\": \"\\n[bmc z]\\naddress = z\"},"
      "{\"name\": \"e\", \"bmc_ip\": \"10.0.0.6\"}, {\"name\": \"f\", \"bmc_ip\": \"10.0.0.5:623\"},"
      "{\"name\": \"g\", \"bmc_ip\": \"10.0.0.7\", \"ipmi_pass\": \" 012345678901234567890\"}]");
  g_autofree char *text = NULL;
  g_autoptr (CoreConfig) config = load_rendered (list, &text);

  g_assert_cmpuint (config->bmcs->len, ==, 2);
  g_assert_cmpstr (bmc (config, 0)->name, ==, "e");
  g_assert_null (bmc (config, 0)->host);
  g_assert_null (bmc (config, 0)->connection->password);
  g_assert_cmpstr (bmc (config, 1)->name, ==, "g");
  for (guint i = 0; i < list->remarks->len; i++)
    g_assert_null (strstr (list->remarks->pdata[i], "hunter2"));
}

static void
test_not_understood (void)
{
  g_autoptr (ImportList) list
      = parse ("hello\nkey = value\n[a]\nbmc_ip=10.0.0.1\nssh_user = root\nx\n\xff\n; c\n[b]\n");

  assert_remark (list, "line 1: this is neither a [server], nor key = value, nor address = name");
  assert_remark (list, "line 2: \"key\" is neither an address nor a key of a [server]");
  assert_remark (list, "line 5: \"ssh_user\" means nothing to ipmid");
  assert_remark (list, "line 6: this is neither a [server], nor key = value, nor address = name");
  assert_remark (list, "line 7: this is no text in UTF-8");
  g_assert_cmpuint (list->remarks->len, ==, 5);
  g_assert_cmpuint (list->servers->len, ==, 1);
}

/* The file of passwords is ours alone, and never written over. */
static void
test_files (void)
{
  g_autofree char *directory = g_dir_make_tmp ("import-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "list", NULL),
                  *secrets = g_strconcat (path, ".credentials", NULL);
  g_autofree char *printed = NULL, *said = NULL, *contents = NULL;
  size_t printed_length, said_length;
  struct stat status;
  FILE *out = open_memstream (&printed, &printed_length), *err = open_memstream (&said, &said_length);
  mode_t mask = umask (0);

  g_assert_true (g_file_set_contents (path, "[a]\nbmc_ip=10.0.0.1\nipmi_pass=hunter2\n", -1, NULL));
  g_assert_cmpint (import_list (path, NULL, out, err), ==, EX_OK);
  umask (mask);
  g_assert_cmpint (stat (secrets, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0600);
  g_assert_true (g_file_get_contents (secrets, &contents, NULL, NULL));
  g_assert_nonnull (strstr (contents, "password = hunter2\n"));
  fflush (out);
  g_assert_nonnull (strstr (printed, secrets));
  g_assert_null (strstr (printed, "hunter2"));
  g_assert_cmpint (import_list (path, NULL, out, err), ==, EX_CANTCREAT);
  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  g_assert_cmpint (import_list (path, NULL, out, err), ==, EX_DATAERR);
  fclose (out);
  fclose (err);
  g_assert_nonnull (strstr (said, "nothing was overwritten"));
  g_assert_nonnull (strstr (said, "there is no server"));
  g_assert_null (strstr (said, "hunter2"));
  g_unlink (path);
  g_unlink (secrets);
  g_rmdir (directory);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/import/readme", test_readme);
  g_test_add_func ("/import/plain", test_plain);
  g_test_add_func ("/import/json", test_json);
  g_test_add_func ("/import/json-object", test_json_object);
  g_test_add_func ("/import/hostile", test_hostile);
  g_test_add_func ("/import/not-understood", test_not_understood);
  g_test_add_func ("/import/files", test_files);
  return g_test_run ();
}
