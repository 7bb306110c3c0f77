/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-config-file.c - the configuration file: what it means, and every mistake. */
#include "core/config-file.h"

#include "core/config-private.h"
#include "core/options.h"
#include "event/frame.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  char *directory, *path;
  ConfigReport *report;
  CoreConfig *config;
} Fixture;

static void
set_up (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *conf_d = NULL;

  fixture->directory = g_dir_make_tmp ("config-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->directory, "ipmid.conf", NULL);
  conf_d = g_build_filename (fixture->directory, "conf.d", NULL);
  g_assert_cmpint (g_mkdir (conf_d, 0700), ==, 0);
}

static void
forget (Fixture *fixture)
{
  g_clear_pointer (&fixture->report, config_report_free);
  g_clear_pointer (&fixture->config, core_config_unref);
}

static void
remove_files (const char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        remove_files (path);
      else
        g_unlink (path);
    }
  g_rmdir (directory);
}

static void
tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  forget (fixture);
  remove_files (fixture->directory);
  g_free (fixture->directory);
  g_free (fixture->path);
}

/* A file beside the main one; "@" in the text is the directory. */
static void
put (Fixture *fixture, const char *name, const char *text, int mode)
{
  g_autofree char *path = g_build_filename (fixture->directory, name, NULL);
  g_auto (GStrv) parts = g_strsplit (text, "@", -1);
  g_autofree char *whole = g_strjoinv (fixture->directory, parts);

  g_assert_true (g_file_set_contents (path, whole, -1, NULL));
  g_assert_cmpint (g_chmod (path, mode), ==, 0);
}

static CoreConfig *
load_again (Fixture *fixture)
{
  const ConfigOverrides overrides = { .plugin_dir = g_getenv ("IPMID_TEST_PLUGIN_DIR") };

  forget (fixture);
  fixture->report = config_report_new ();
  fixture->config = config_file_load (fixture->path, &overrides, fixture->report);
  g_assert_true ((fixture->config == NULL) == (fixture->report->errors->len > 0));
  return fixture->config;
}

static CoreConfig *
load (Fixture *fixture, const char *text)
{
  put (fixture, "ipmid.conf", text, 0600);
  return load_again (fixture);
}

static CoreConfig *
load_good (Fixture *fixture, const char *text)
{
  CoreConfig *config = load (fixture, text);

  for (guint i = 0; i < fixture->report->errors->len; i++)
    g_error ("%s", (const char *) fixture->report->errors->pdata[i]);
  return config;
}

/* Whether one of the lines is FILE:LINE: … with these words in it. */
static gboolean
has_line (const GPtrArray *lines, Fixture *fixture, const char *place, const char *words)
{
  g_autofree char *prefix = g_strdup_printf ("%s/%s: ", fixture->directory, place);

  for (guint i = 0; i < lines->len; i++)
    if (g_str_has_prefix (lines->pdata[i], prefix) && strstr (lines->pdata[i], words) != NULL)
      return TRUE;
  return FALSE;
}

static void
assert_told (Fixture *fixture, const GPtrArray *lines, const char *place, const char *words)
{
  g_autoptr (GString) all = g_string_new (NULL);

  for (guint i = 0; i < lines->len; i++)
    g_string_append_printf (all, "%s\n", (const char *) lines->pdata[i]);
  if (!has_line (lines, fixture, place, words))
    g_error ("'%s: … %s' is not in\n%s", place, words, all->str);
}

/* One mistake, and no other. */
static void
assert_mistake (Fixture *fixture, const char *text, const char *place, const char *words)
{
  g_assert_null (load (fixture, text));
  assert_told (fixture, fixture->report->errors, place, words);
  g_assert_cmpuint (fixture->report->errors->len, ==, 1);
}

static const BmcConfig *
bmc (const CoreConfig *config, guint index)
{
  g_assert_cmpuint (index, <, config->bmcs->len);
  return config->bmcs->pdata[index];
}

static const char *
choice (const Connection *connection, const char *key)
{
  const IpmidOption *option = options_find (connection_options, key);

  return option->choices[*(const int *) ((const char *) connection + option->offset)];
}

/* ------------------------------------------------------------------- meaning */

static void
test_example (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  const CoreConfig *config;
  const BmcConfig *last;
  const HandlerConfig *handler;

  put (fixture, "password", "secret\n", 0600);
  config = load_good (fixture, "[daemon]\nstate-dir = @/state\n[defaults]\nuser = monitor\npassword-file = @/password\n"
                               "sel-interval = 2s\nsensor-interval = 10s\n[bmc node[001-200]]\n"
                               "address = 10.1.2.[1-200]\nlabels = site=north rack=r1\n"
                               "[handler log]\nplugin = file\npath = /var/log/ipmid/events.json\nformat = json\n");
  g_assert_cmpuint (fixture->report->warnings->len, ==, 0);
  g_assert_cmpuint (config->bmcs->len, ==, 200);
  last = bmc (config, 199);
  g_assert_cmpstr (bmc (config, 0)->name, ==, "node001");
  g_assert_cmpstr (last->name, ==, "node200");
  g_assert_cmpstr (last->connection->host, ==, "10.1.2.200");
  g_assert_cmpstr (last->connection->port, ==, "623");
  g_assert_cmpstr (last->connection->user, ==, "monitor");
  g_assert_cmpstr (last->connection->password, ==, "secret");
  g_assert_cmpint (last->connection->sensor_interval, ==, 10 * G_USEC_PER_SEC);
  g_assert_cmpstr (last->labels[0], ==, "site=north");
  g_assert_cmpstr (last->labels[1], ==, "rack=r1");
  g_assert_null (last->labels[2]);
  g_assert_cmpuint (config->handlers->len, ==, 1);
  handler = config->handlers->pdata[0];
  g_assert_cmpstr (handler->name, ==, "log");
  g_assert_cmpstr (handler->plugin, ==, "file");
  g_assert_cmpuint (handler->entries->len, ==, 2);
}

static void
test_defaults_of_the_code (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  const CoreConfig *config = load_good (fixture, "[bmc a]\naddress = a\n");
  const Connection *connection = bmc (config, 0)->connection;

  g_assert_true (config->announce);
  g_assert_cmpint (config->settle_time, ==, 10 * G_USEC_PER_SEC);
  g_assert_cmpint (config->quarantine_time, ==, 600 * G_USEC_PER_SEC);
  g_assert_cmpint (config->sel_fill_limit, ==, 80);
  g_assert_cmpint (config->clock_drift_limit, ==, 300 * G_USEC_PER_SEC);
  g_assert_cmpstr (config->plugin_dir, ==, g_getenv ("IPMID_TEST_PLUGIN_DIR"));
  g_assert_nonnull (config->state_dir);
  g_assert_cmpstr (choice (connection, "privilege"), ==, "user");
  g_assert_cmpint (connection->cipher_suite, ==, CONNECTION_SUITE_AUTO);
  g_assert_cmpint (connection->sensor_interval, ==, 30 * G_USEC_PER_SEC);
  assert_told (fixture, fixture->report->warnings, "ipmid.conf", "nobody gets the events");
}

/* Deleting takes the privilege operator, also when the handler stands last. */
static void
test_privilege (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  const CoreConfig *config
      = load_good (fixture, "[bmc a]\naddress = a\n[bmc b]\naddress = b\nprivilege = admin\n"
                            "[handler log]\nplugin = file\npath = /x\n[handler delete]\nplugin = sel-delete\n");

  g_assert_cmpstr (choice (bmc (config, 0)->connection, "privilege"), ==, "operator");
  g_assert_cmpstr (choice (bmc (config, 1)->connection, "privilege"), ==, "admin");
}

static void
test_layers (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  const CoreConfig *config;

  put (fixture, "password", "of-defaults\r\n", 0600);
  config = load_good (fixture,
                      "[defaults]\nuser = d\npassword-file = @/password\nlabels = site=n rack=r0\ncredentials = all\n"
                      "[credentials all]\nuser = c\nbmc-key = kg\n[credentials one]\npassword = of\\sone\n"
                      "[bmc a]\naddress = a\n[bmc b]\naddress = b\nuser = x\ncredentials = one\nlabels = rack=r1\n"
                      "[bmc c]\naddress = c\nlabels =\nenabled = no\n[bmc d]\naddress = d\nlabels = a=\"b c\"\n");
  g_assert_cmpuint (config->bmcs->len, ==, 3);
  g_assert_cmpstr (bmc (config, 0)->connection->user, ==, "c");
  g_assert_cmpstr (bmc (config, 0)->connection->password, ==, "of-defaults");
  g_assert_nonnull (bmc (config, 0)->connection->bmc_key);
  g_assert_cmpstr (bmc (config, 1)->connection->user, ==, "x");
  g_assert_cmpstr (bmc (config, 1)->connection->password, ==, "of one");
  g_assert_null (bmc (config, 1)->connection->bmc_key);
  g_assert_cmpstr (bmc (config, 1)->labels[0], ==, "site=n");
  g_assert_cmpstr (bmc (config, 1)->labels[1], ==, "rack=r1");
  g_assert_null (bmc (config, 1)->labels[2]);
  g_assert_cmpstr (bmc (config, 2)->labels[2], ==, "a=b c");
}

static void
test_addresses (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  const CoreConfig *config
      = load_good (fixture, "[bmc a]\naddress = [fe80::1]:1623\naddress2 = 10.0.0.1\n[bmc b]\naddress = fe80::1\n"
                            "family = ipv6\n[bmc c]\naddress = smi 1\n[bmc d[1-3]]\naddress = [fe80::[2-4]]:6\n");

  g_assert_cmpstr (bmc (config, 0)->connection->host, ==, "fe80::1");
  g_assert_cmpstr (bmc (config, 0)->connection->port, ==, "1623");
  g_assert_cmpstr (bmc (config, 0)->connection->host2, ==, "10.0.0.1");
  g_assert_cmpstr (bmc (config, 1)->connection->port, ==, "623");
  g_assert_cmpint (bmc (config, 1)->connection->family, ==, CONNECTION_FAMILY_IPV6);
  g_assert_cmpint (bmc (config, 2)->connection->interface, ==, CONNECTION_SMI);
  g_assert_cmpint (bmc (config, 2)->connection->smi_number, ==, 1);
  g_assert_cmpstr (bmc (config, 5)->connection->host, ==, "fe80::4");
}

static void
test_steps (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  const CoreConfig *config = load_good (
      fixture,
      "[bmc r[1-2]n[01-02]]\naddress = 10.0.[1-2].[1-2]\nhost = h[1-4]\nwas = old[5-8]\nlabels = u=[7-10] x=y\n"
      "silence-until = 2026-11-21T10:00:00Z\n");

  g_assert_cmpstr (bmc (config, 2)->name, ==, "r2n01");
  g_assert_cmpstr (bmc (config, 2)->connection->host, ==, "10.0.2.1");
  g_assert_cmpstr (bmc (config, 2)->host, ==, "h3");
  g_assert_cmpstr (bmc (config, 2)->was, ==, "old7");
  g_assert_cmpstr (bmc (config, 2)->labels[0], ==, "u=9");
  g_assert_cmpint (bmc (config, 2)->silence_until, ==, G_GINT64_CONSTANT (1795255200) * G_USEC_PER_SEC);
}

static void
test_files (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  const CoreConfig *config;

  put (fixture, "conf.d/20.conf", "[bmc c]\naddress = c\n", 0644);
  put (fixture, "conf.d/10.conf", "[bmc b]\naddress = b\ncredentials = x\n", 0644);
  put (fixture, "conf.d/30.conf~", "[bmc d]\naddress = d\n", 0644);
  put (fixture, "conf.d/.40.conf", "[bmc e]\naddress = e\n", 0644);
  put (fixture, "secrets", "[credentials x]\npassword = p\n", 0600);
  config = load_good (fixture, "[daemon]\ncredentials-file = @/secrets\n[bmc a]\naddress = a\n");
  g_assert_cmpuint (config->bmcs->len, ==, 3);
  g_assert_cmpstr (bmc (config, 1)->name, ==, "b");
  g_assert_cmpstr (bmc (config, 1)->connection->password, ==, "p");
  g_assert_cmpstr (bmc (config, 2)->name, ==, "c");
  put (fixture, "secrets", "[bmc z]\naddress = z\n", 0600);
  g_assert_null (load_again (fixture));
  assert_told (fixture, fixture->report->errors, "secrets:1", "only [credentials NAME] can");
}

/* ------------------------------------------------------------------- secrets */

static void
assert_bmc_key (const CoreConfig *config, const char *hex)
{
  static const char *const addresses[] = { "127.0.0.1", NULL };
  g_autoptr (GVariant) settings
      = g_variant_ref_sink (connection_to_settings (bmc (config, 0)->connection, "a", addresses));
  g_autoptr (GVariant) key = g_variant_lookup_value (settings, FRAME_SETTING_BMC_KEY, G_VARIANT_TYPE_BYTESTRING);
  g_autoptr (GString) text = g_string_new (NULL);
  gsize length;
  const guint8 *bytes = g_variant_get_fixed_array (key, &length, 1);

  for (gsize i = 0; i < length; i++)
    g_string_append_printf (text, "%02x", bytes[i]);
  g_assert_cmpstr (text->str, ==, hex);
}

/* Text, hexadecimal digits, and any twenty bytes; filled with zeros. */
static void
test_bmc_keys (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char binary[] = "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\n";
  g_autofree char *path = g_build_filename (fixture->directory, "key", NULL);

  g_assert_true (g_file_set_contents (path, binary, CONNECTION_KEY_MAX, NULL));
  g_assert_cmpint (g_chmod (path, 0600), ==, 0);
  assert_bmc_key (load_good (fixture, "[bmc a]\naddress = a\nbmc-key-file = @/key\n"),
                  "000102030405060708090a0b0c0d0e0f1011120a");
  put (fixture, "key", "0x00ff\n", 0600);
  assert_bmc_key (load_good (fixture, "[bmc a]\naddress = a\nbmc-key-file = @/key\n"),
                  "00ff000000000000000000000000000000000000");
  assert_bmc_key (load_good (fixture, "[bmc a]\naddress = a\nbmc-key = abc\n"),
                  "6162630000000000000000000000000000000000");
  assert_bmc_key (load_good (fixture, "[bmc a]\naddress = a\nbmc-key = 0x0102030405060708090a0b0c0d0e0f1011121300\n"),
                  "0102030405060708090a0b0c0d0e0f1011121300");
  assert_mistake (fixture, "[bmc a]\naddress = a\nbmc-key = 0x123\n", "ipmid.conf:3", "hexadecimal");
  assert_mistake (fixture, "[bmc a]\naddress = a\nbmc-key = 123456789012345678901\n", "ipmid.conf:3", "at most 20");
}

/* Every mode of every file that has a secret in it. */
static void
test_modes (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  for (int mode = 0400; mode <= 0777; mode++)
    {
      gboolean secret = (mode & 0077) == 0;

      if ((mode & 0400) == 0)
        continue;
      put (fixture, "password", "hunter2\n", mode);
      load (fixture, "[bmc a]\naddress = a\npassword-file = @/password\n");
      g_assert_true (secret == (fixture->config != NULL));
      if (!secret)
        assert_told (fixture, fixture->report->errors, "ipmid.conf:3", "chmod 0600 ");
      put (fixture, "conf.d/x.conf", "[defaults]\npassword = hunter2\n", mode);
      load (fixture, "[bmc a]\naddress = a\n");
      g_assert_true (secret == (fixture->config != NULL));
      if (!secret)
        assert_told (fixture, fixture->report->errors, "conf.d/x.conf:2", "chmod 0600 ");
      put (fixture, "conf.d/x.conf", "", 0644);
    }
}

static void
test_owner (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->directory, "password", NULL);

  put (fixture, "password", "hunter2\n", 0600);
  if (geteuid () != 0 || chown (path, 12345, 0) < 0)
    {
      g_test_skip ("only root can give a file away");
      return;
    }
  assert_mistake (fixture, "[bmc a]\naddress = a\npassword-file = @/password\n", "ipmid.conf:3", "chown it");
}

static void
test_password_files (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char text[] = "[bmc a]\naddress = a\npassword-file = @/password\n";

  assert_mistake (fixture, text, "ipmid.conf:3", "cannot open it");
  put (fixture, "password", "", 0600);
  assert_mistake (fixture, text, "ipmid.conf:3", "it is empty");
  put (fixture, "password", "hunter2\nhunter2\n", 0600);
  assert_mistake (fixture, text, "ipmid.conf:3", "more than one line");
  put (fixture, "password", "hunter2hunter2hunter2\n", 0600);
  assert_mistake (fixture, text, "ipmid.conf:3", "room for 20 bytes");
  g_assert_null (strstr (fixture->report->errors->pdata[0], "hunter2"));
  assert_mistake (fixture, "[bmc a]\naddress = a\npassword-file = @\n", "ipmid.conf:3", "no regular file");
  assert_mistake (fixture, "[bmc a]\naddress = a\npassword = x\npassword-file = @/password\n", "ipmid.conf:4",
                  "password and password-file exclude each other");
}

static void
test_systemd_credentials (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char text[] = "[credentials c]\ncredential = bmc\n[bmc a]\naddress = a\ncredentials = c\n";

  g_unsetenv ("CREDENTIALS_DIRECTORY");
  assert_mistake (fixture, text, "ipmid.conf:2", "systemd gives ipmid no credentials");
  put (fixture, "bmc", "hunter2", 0440); /* as systemd has it, with an ACL */
  g_setenv ("CREDENTIALS_DIRECTORY", fixture->directory, TRUE);
  g_assert_cmpstr (bmc (load_good (fixture, text), 0)->connection->password, ==, "hunter2");
  assert_mistake (fixture, "[credentials c]\ncredential = ../x\n", "ipmid.conf:2",
                  "cannot be the name of a credential");
  g_unsetenv ("CREDENTIALS_DIRECTORY");
}

/* ------------------------------------------------------------------ mistakes */

typedef struct
{
  const char *text;
  const char *place;
  const char *words;
} Mistake;

static const Mistake mistakes[] = {
  { "[daemon]\nstat-dir = /x\n", ":2", "\"stat-dir\" is no key of [daemon]; did you mean \"state-dir\"?" },
  { "[daemon x]\n", ":1", "takes no name" },
  { "[bmc]\n", ":1", "needs a name" },
  { "[bmk a]\n", ":1", "did you mean [bmc]?" },
  { "[zzzzzzz]\n", ":1", "is no group" },
  { "[daemon]\nsettle-time = 1\n", ":2", "no duration" },
  { "[daemon]\nstate-dir = state\n", ":2", "no absolute path" },
  { "[daemon]\nsel-fill-limit = 101\n", ":2", "out of range" },
  { "[daemon]\njournal-limit = 1\n", ":2", "from 16M to 1024G is right" },
  { "[daemon]\ntrap-listen = 162\n", ":2", "[ADDRESS]:PORT" },
  { "[daemon]\ntrap-listen = [bmc]:162\n", ":2", "no numeric address" },
  { "[daemon]\nseverities = Fan:*=info;Fan=ok\n", ":2", "severity rule 'Fan=ok'" },
  { "[daemon]\nseverities = Fan:*=bad\n", ":2", "'bad' is no severity" },
  { "[daemon]\npid-file = /a\\b\n", ":2", "pid-file: a '\\' must be followed" },
  { "[defaults]\naddress = a\n", ":2", "\"address\" is no key of [defaults]" },
  { "[defaults]\nuser = 12345678901234567\n", ":2", "user: IPMI has room for 16" },
  { "[defaults]\nuser = 12345678901234567\n[bmc a]\naddress = a\n", ":2", "user: IPMI has room for 16" },
  { "[defaults]\ncipher-suite = 0\n", ":2", "say so in its own group" },
  { "[defaults]\nauthtype = md5\n", ":2", "say so in its own group" },
  { "[defaults]\nauthtype = none\n", ":2", "say so in its own group" },
  { "[defaults]\npassword-file = x\n", ":2", "no absolute path" },
  { "[defaults]\nsilence-until = x\n[bmc a]\naddress = a\n", ":2", "'x' is no time" },
  { "[defaults]\nsensor-interval = 100ms\n", ":2", "the shortest is 250ms" },
  { "[defaults]\nsensor-intervals = CPU\n", ":2", "PATTERN=DURATION" },
  { "[bmc a]\n", ":1", "its address is missing" },
  { "[bmc a]\naddress = a b\n", ":2", "'a b' is no address" },
  { "[bmc a]\naddress = 10.1.2.3:0\n", ":2", "no UDP port" },
  { "[bmc a]\naddress = smi\n", ":2", "smi 0 is /dev/ipmi0" },
  { "[bmc a]\naddress = smi 0\naddress2 = b\n", ":2", "no second address" },
  { "[bmc a]\naddress = a\n[bmc b]\naddress = A:623\n", ":3", "a:623 belongs to BMC \"a\" in " },
  { "[bmc a]\naddress = a\n[bmc b]\naddress = b\naddress2 = a\n", ":3", "a:623 belongs to BMC \"a\" in " },
  { "[bmc a]\naddress = smi 0\n[bmc b]\naddress = smi 0\n", ":3", "smi 0 belongs to BMC \"a\" in " },
  { "[bmc a]\naddress = a\n[bmc a]\naddress = b\n", ":3", "for the second time; the first is in line 1" },
  { "[bmc a[1-3]]\naddress = a[1-3]\n[bmc a3]\naddress = b\n", ":3",
    "BMC \"a3\" stands here for the second time: see BMC" },
  { "[bmc a]\naddress = a\nwas = z\n[bmc b]\naddress = b\nwas = z\n", ":4", "was z belongs to BMC \"a\" in " },
  { "[bmc a/b]\naddress = a\n", ":1", "it has a '/' in it" },
  { "[bmc ..]\naddress = a\n", ":1", "cannot be the name of a BMC" },
  { "[bmc a[1-3]]\naddress = 10.0.0.[1-4]\n", ":2", "address stands for 4 values, but [bmc a[1-3]] for 3 BMCs" },
  { "[bmc a]\naddress = 10.0.0.[1-4]\n", ":2", "4 values, but [bmc a] for 1 BMCs" },
  { "[bmc a[3-1]]\naddress = a\n", ":1", "runs backwards" },
  { "[bmc a[1-65537]]\naddress = a\n", ":1", "more than 65536" },
  { "[bmc a[1-2]]\naddress = a[2-1]\n", ":2", "address: the range [2-1] runs backwards" },
  { "[bmc a[1-3]]\naddress = 10.0.0.[254-256]\n", ":2", "BMC \"a3\": '10.0.0.256' is no address" },
  { "[bmc a]\naddress = a\nlabels = rack\n", ":3", "'rack' is not of the form KEY=VALUE" },
  { "[bmc a]\naddress = a\nlabels = \"x\n", ":3", "labels: " },
  { "[bmc a]\naddress = a\nsilence-until = soon\n", ":3", "'soon' is no time" },
  { "[bmc a]\naddress = a\ncredentials = x\n", ":3", "there is no [credentials x]" },
  { "[bmc a]\naddress = a\ncredentials = tets\n[credentials test]\n", ":3", "did you mean \"test\"?" },
  { "[bmc a]\naddress = a\nprivilege = root\n", ":3", "one of default, callback, user" },
  { "[bmc a]\naddress = a\nhacks = nohack\n", ":3", "'nohack' is not known" },
  { "[handler a]\n", ":1", "needs a line plugin = NAME" },
  { "[handler a]\nplugin = fiel\n", ":2", "did you mean \"file\"?" },
  { "[handler a]\nplugin = ../file\n", ":2", "no plugin can have this name" },
  { "[handler a]\nplugin = file\n", ":1", "\"path\" is missing" },
  { "[handler a]\nplugin = file\npath = /x\npth = /x\n", ":4", "no option \"pth\"; did you mean \"path\"?" },
  { "[handler a]\nplugin = file\npath = /x\nformat = xml\n", ":4", "one of eventd, json" },
  { "[handler a]\nplugin = file\npath = /x\nbatch = 0\n", ":4", "out of range" },
  { "[handler a/b]\nplugin = file\npath = /x\n", ":1", "cannot be the name of a handler" },
  { "[handler a]\nplugin = file\npath = /a\\b\n", ":3", "must be followed" },
};

/* Each by itself, and with its place. */
static void
test_mistakes (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autofree char *place = g_strconcat ("ipmid.conf", mistakes[i].place, NULL);

      /* A path that could not be read is also missing. */
      g_assert_null (load (fixture, mistakes[i].text));
      assert_told (fixture, fixture->report->errors, place, mistakes[i].words);
      if (!g_str_has_suffix (mistakes[i].text, "\\b\n"))
        g_assert_cmpuint (fixture->report->errors->len, ==, 1);
    }
}

/* Those that do not get in each other's way, all in one file, in its order. */
static void
test_all_at_once (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const words[]
      = { "\"x\" is no key of [daemon]", "is no group", "user: ", "no address", "no absolute path",
          "\"path\" is missing" };

  g_assert_null (load (fixture, "[daemon]\nx = 1\n[y]\n[defaults]\nuser = 12345678901234567\n[bmc a]\naddress = /\n"
                                "password-file = x\n[handler h]\nplugin = file\n"));
  g_assert_cmpuint (fixture->report->errors->len, ==, G_N_ELEMENTS (words));
  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    g_assert_nonnull (strstr (fixture->report->errors->pdata[i], words[i]));
}

static void
test_twice_in_two_files (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  put (fixture, "conf.d/a.conf", "\n[daemon]\n[handler h]\nplugin = file\npath = /x\n", 0644);
  g_assert_null (load (fixture, "[daemon]\n[handler h]\nplugin = file\npath = /x\n"));
  g_assert_cmpuint (fixture->report->errors->len, ==, 2);
  assert_told (fixture, fixture->report->errors, "conf.d/a.conf:2", "[daemon] stands here for the second time: see ");
  assert_told (fixture, fixture->report->errors, "conf.d/a.conf:3", "ipmid.conf:2");
}

static void
test_weak_sessions (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  static const char *const weak[]
      = { "cipher-suite = 0", "cipher-suite = 1", "cipher-suite = 2", "cipher-suite = 15",   "cipher-suite = 16",
          "authtype = none",  "authtype = md5",   "authtype = md2",   "authtype = straight", "authtype = oem" };
  static const char *const strong[]
      = { "cipher-suite = auto", "cipher-suite = 3", "cipher-suite = 17", "authtype = rmcp+", "authtype = default" };

  for (guint i = 0; i < G_N_ELEMENTS (weak); i++)
    {
      g_autofree char *text = g_strdup_printf ("[bmc a[1-3]]\naddress = a[1-3]\n%s\n", weak[i]);

      load_good (fixture, text);
      assert_told (fixture, fixture->report->warnings, "ipmid.conf:3", "warning: [bmc a[1-3]]: ");
      g_assert_cmpuint (fixture->report->warnings->len, ==, 2); /* and no handler */
    }
  for (guint i = 0; i < G_N_ELEMENTS (strong); i++)
    {
      g_autofree char *text = g_strdup_printf ("[bmc a]\naddress = a\n%s\n", strong[i]);

      load_good (fixture, text);
      g_assert_cmpuint (fixture->report->warnings->len, ==, 1);
    }
}

static void
test_silence_without_end (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  load_good (fixture, "[daemon]\nsilences = a=b until 2020-01-01;a=c until 2999-01-01\n"
                      "[bmc a[1-3]]\naddress = a[1-3]\nsilence-until = 2999-01-01\n"
                      "[bmc b]\naddress = b\nsilence-until = 2020-01-01\n");
  assert_told (fixture, fixture->report->warnings, "ipmid.conf:2", "silences: a silence is none before");
  assert_told (fixture, fixture->report->warnings, "ipmid.conf:5", "silence-until: a silence is none before");
  g_assert_cmpuint (fixture->report->warnings->len, ==, 3); /* and no handler */
  load_good (fixture, "[defaults]\nsilence-until = 2999-01-01\n[bmc a]\naddress = a\n[bmc b]\naddress = b\n");
  assert_told (fixture, fixture->report->warnings, "ipmid.conf:2", "silence-until: a silence is none before");
  g_assert_cmpuint (fixture->report->warnings->len, ==, 2); /* once, where it is written */
}

static void
test_missing_file (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_null (load_again (fixture));
  assert_told (fixture, fixture->report->errors, "ipmid.conf", "cannot open it: No such file");
  g_assert_cmpuint (fixture->report->warnings->len, ==, 0); /* nobody knows what is in it */
}

static void
test_state_dir (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  const ConfigOverrides overrides = { .state_dir = "/s", .collector = "/c", .pid_file = "/p", .plugin_dir = "/d" };
  g_autofree char *said = NULL, *by_systemd = NULL;

  put (fixture, "ipmid.conf", "[daemon]\nstate-dir = /x/y\n[bmc a]\nbroken\n", 0644);
  /* A mistake elsewhere is no reason not to answer, but one in the syntax is. */
  put (fixture, "ipmid.conf", "[daemon]\nstate-dir = /x/y\n[bmc a]\naddress = /\n", 0644);
  said = config_file_state_dir (fixture->path, NULL);
  g_assert_cmpstr (said, ==, "/x/y");
  put (fixture, "ipmid.conf", "[bmc a]\naddress = a\n", 0644);
  g_setenv ("STATE_DIRECTORY", "/var/lib/from-systemd", TRUE);
  by_systemd = config_file_state_dir (fixture->path, NULL);
  g_assert_cmpstr (by_systemd, ==, "/var/lib/from-systemd");
  g_unsetenv ("STATE_DIRECTORY");
  fixture->report = config_report_new ();
  fixture->config = config_file_load (fixture->path, &overrides, fixture->report);
  g_assert_cmpstr (fixture->config->state_dir, ==, "/s");
  g_assert_cmpstr (fixture->config->collector, ==, "/c");
  g_assert_cmpstr (fixture->config->pid_file, ==, "/p");
  g_assert_cmpstr (fixture->config->plugin_dir, ==, "/d");
}

/* The tables name every key once, and every fallback and choice is good. */
static void
test_tables (void)
{
  for (guint group = CONFIG_IN_BMC; group <= CONFIG_IN_CREDENTIALS; group <<= 1)
    {
      g_autofree IpmidOption *table = config_settings_table (group);
      g_autoptr (BmcSettings) settings = config_settings_new ();

      for (const IpmidOption *option = table; option->key != NULL; option++)
        {
          g_assert_true (options_find (table, option->key) == option);
          g_assert_nonnull (option->help);
          if (option->fallback != NULL)
            g_assert_true (options_set (option, settings, option->fallback, NULL));
        }
    }
}

#define ADD(path, function) g_test_add ("/config-file/" path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (g_getenv ("IPMID_TEST_PLUGIN_DIR") == NULL)
    g_error ("IPMID_TEST_PLUGIN_DIR is not set: run me by make check");
  ADD ("example", test_example);
  ADD ("defaults-of-the-code", test_defaults_of_the_code);
  ADD ("privilege", test_privilege);
  ADD ("layers", test_layers);
  ADD ("addresses", test_addresses);
  ADD ("steps", test_steps);
  ADD ("files", test_files);
  ADD ("bmc-keys", test_bmc_keys);
  ADD ("modes", test_modes);
  ADD ("owner", test_owner);
  ADD ("password-files", test_password_files);
  ADD ("systemd-credentials", test_systemd_credentials);
  ADD ("mistakes", test_mistakes);
  ADD ("all-at-once", test_all_at_once);
  ADD ("twice-in-two-files", test_twice_in_two_files);
  ADD ("weak-sessions", test_weak_sessions);
  ADD ("silence-without-end", test_silence_without_end);
  ADD ("missing-file", test_missing_file);
  ADD ("state-dir", test_state_dir);
  g_test_add_func ("/config-file/tables", test_tables);
  return g_test_run ();
}
