/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-connection.c - openipmi_eventd's connection parameters, and where they lead. */
#include "core/connection.h"
#include "core/log.h"
#include "core/resolve.h"
#include "event/error.h"
#include "event/frame.h"

#include <string.h>

/* Parses one line, split at blanks as a shell would; `rest` is what is left. */
static Connection *
parse (const char *line, char ***rest, GError **error)
{
  g_auto (GStrv) argv = NULL;
  int argc, index = 0;
  Connection *connection;

  if (*line == '\0')
    argv = g_new0 (char *, 1);
  else
    g_assert_true (g_shell_parse_argv (line, NULL, &argv, NULL));
  argc = (int) g_strv_length (argv);
  connection = connection_parse_arguments (argc, argv, &index, error);
  g_assert_cmpint (index, <=, argc);
  if (rest != NULL)
    *rest = g_strdupv (argv + index);
  return connection;
}

static Connection *
parse_good (const char *line)
{
  g_autoptr (GError) error = NULL;
  Connection *connection = parse (line, NULL, &error);

  g_assert_no_error (error);
  return connection;
}

static void
assert_bad (const char *line, const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (parse (line, NULL, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
  if (strstr (error->message, words) == NULL)
    g_error ("'%s' is not in '%s'", words, error->message);
}

static GVariant *
settings_of (const char *line)
{
  static const char *const addresses[] = { "127.0.0.1", NULL };
  g_autoptr (Connection) connection = parse_good (line);

  return g_variant_ref_sink (connection_to_settings (connection, "bmc1", addresses));
}

static void
test_plain (void)
{
  g_autoptr (Connection) connection = parse_good ("lan 10.0.0.1");
  g_autofree char *words = connection_describe (connection);

  g_assert_cmpint (connection->interface, ==, CONNECTION_LAN);
  g_assert_cmpstr (connection->host, ==, "10.0.0.1");
  g_assert_null (connection->host2);
  g_assert_cmpstr (connection->port, ==, "623");
  g_assert_null (connection->user);
  g_assert_null (connection->password);
  g_assert_true (connection->name_only_lookup);
  g_assert_cmpint (connection->max_outstanding, ==, 2);
  g_assert_cmpint (connection->sel_interval, ==, 2000000);
  g_assert_cmpstr (words, ==, "lan 10.0.0.1:623");
}

static void
test_everything (void)
{
  g_autoptr (Connection) c = parse_good ("lan -U root -P pw -p 624 -p2 625 -A rmcp+ -L operator -s -Ra rakp_hmac_md5 "
                                         "-Ri hmac_md5 -Rc aes_cbc_128 -Rl -Rk key -H intelplus -H rmcpp_integ_sik "
                                         "-4 -6 -M 0x3f a ::1");
  g_autofree char *words = connection_describe (c);

  g_assert_cmpstr (c->user, ==, "root");
  g_assert_cmpstr (c->password, ==, "pw");
  g_assert_cmpstr (c->bmc_key, ==, "key");
  g_assert_cmpstr (c->port, ==, "624");
  g_assert_cmpstr (c->port2, ==, "625");
  g_assert_cmpstr (c->host, ==, "a");
  g_assert_cmpstr (c->host2, ==, "::1");
  g_assert_false (c->name_only_lookup);
  g_assert_cmpint (c->family, ==, CONNECTION_FAMILY_IPV6);
  g_assert_cmpint (c->max_outstanding, ==, 63);
  g_assert_cmpuint (g_strv_length (c->hacks), ==, 2);
  g_assert_cmpstr (words, ==, "lan a:624, [::1]:625");
}

/* Every value name of openipmi_conparms(7). */
static void
test_values (void)
{
  static const char *const lines[] = {
    "-A none",
    "-A md2",
    "-A md5",
    "-A straight",
    "-A rmcp+",
    "-L callback",
    "-L user",
    "-L operator",
    "-L admin",
    "-L oem",
    "-Ra bmcpick",
    "-Ra rakp_none",
    "-Ra rakp_hmac_sha1",
    "-Ra rakp_hmac_md5",
    "-Ri bmcpick",
    "-Ri none",
    "-Ri hmac_sha1",
    "-Ri hmac_md5",
    "-Ri md5",
    "-Rc bmcpick",
    "-Rc none",
    "-Rc aes_cbc_128",
    "-Rc xrc4_128",
    "-Rc xrc4_40",
    "-H intelplus",
    "-H rakp3_wrong_rolem",
    "-H rmcpp_integ_sik",
    "-M 1",
    "-M 010",
    "-p asf-rmcp",
    "-U ''",
    "-P ''",
  };

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autofree char *line = g_strdup_printf ("lan %s host", lines[i]);
      g_autoptr (Connection) connection = NULL;

      if (g_str_has_suffix (lines[i], "asf-rmcp") && !g_file_test ("/etc/services", G_FILE_TEST_EXISTS))
        continue;
      connection = parse_good (line);
      g_assert_cmpstr (connection->host, ==, "host");
    }
}

static void
test_rest (void)
{
  g_auto (GStrv) rest = NULL;
  g_autoptr (Connection) connection = parse ("lan -U a h -U b -f x", &rest, NULL);
  g_auto (GStrv) rest2 = NULL;
  g_autoptr (Connection) smi = parse ("smi 3 -e prog", &rest2, NULL);

  g_assert_cmpstr (connection->user, ==, "a");
  g_assert_cmpstr (rest[0], ==, "-U");
  g_assert_cmpint (smi->interface, ==, CONNECTION_SMI);
  g_assert_cmpint (smi->smi_number, ==, 3);
  g_assert_cmpstr (rest2[0], ==, "-e");
}

static void
test_mistakes (void)
{
  assert_bad ("", "connection is missing");
  assert_bad ("serial /dev/x", "lan or smi");
  assert_bad ("lan", "host is missing");
  assert_bad ("lan -U root", "host is missing");
  assert_bad ("lan -U", "-U needs a value");
  assert_bad ("lan -Rk", "-Rk needs a value");
  assert_bad ("lan -s a", "two hosts");
  assert_bad ("lan -s a -b", "two hosts");
  assert_bad ("lan -u root h", "did you mean -U");
  assert_bad ("lan -RA x h", "did you mean -Ra");
  assert_bad ("lan -b h", "after the host");
  assert_bad ("lan - h", "after the host");
  assert_bad ("lan -A sha h", "rmcp+");
  assert_bad ("lan -L root h", "operator");
  assert_bad ("lan -Ra x h", "rakp_hmac_sha1");
  assert_bad ("lan -Ri x h", "hmac_md5");
  assert_bad ("lan -Rc xrc_40 h", "xrc4_40");
  assert_bad ("lan -M 0 h", "from 1 to 63");
  assert_bad ("lan -M 64 h", "from 1 to 63");
  assert_bad ("lan -M '' h", "whole number");
  assert_bad ("lan -M 5x h", "whole number");
  assert_bad ("lan -p 0 h", "UDP port");
  assert_bad ("lan -p 65536 h", "UDP port");
  assert_bad ("lan -p no-such-port h", "UDP port");
  assert_bad ("lan ''", "missing");
  assert_bad ("lan 'a b'", "neither");
  assert_bad ("lan $'x\ny'", "neither");
  assert_bad ("smi", "smi 0");
  assert_bad ("smi x", "'x' is no number");
  assert_bad ("smi -1", "smi 0");
  assert_bad ("smi 100", "smi 0");
}

/* What IPMI has no room for is cut, as OpenIPMI does. */
static void
test_cut (void)
{
  g_autoptr (Connection) c = NULL;
  g_autoptr (Connection) utf8 = NULL;

  c = parse_good ("lan -U abcdefghijklmnopqrst -P 0123456789012345678901234 -Rk 0123456789012345678901234 h");
  g_assert_cmpstr (c->user, ==, "abcdefghijklmnop");
  g_assert_cmpstr (c->password, ==, "01234567890123456789");
  g_assert_cmpstr (c->bmc_key, ==, "01234567890123456789");
  utf8 = parse_good ("lan -U 0123456789012345\xc3\xa9 h"); /* the cut is before the character */
  g_assert_cmpstr (utf8->user, ==, "0123456789012345");
  assert_bad ("lan -U \xff h", "UTF-8");
}

/* Secrets leave argv, whatever becomes of the rest. */
static void
test_blanked (void)
{
  static const char *const tails[] = { "host", "-A nonsense", "" };

  for (guint i = 0; i < G_N_ELEMENTS (tails); i++)
    {
      char line[] = "lan\0-U\0user\0-P\0s3cr3t-password-longer-than-20\0-Rk\0k3y";
      char *argv[9] = { NULL };
      g_auto (GStrv) tail = g_strsplit (tails[i], " ", 2);
      g_autoptr (Connection) connection = NULL;
      int argc = 0, index = 0;

      for (char *word = line; word < line + sizeof line; word += strlen (word) + 1)
        argv[argc++] = word;
      for (char **word = tail; *word != NULL && **word != '\0'; word++)
        argv[argc++] = *word;
      connection = connection_parse_arguments (argc, argv, &index, NULL);
      g_assert_cmpint (connection != NULL, ==, i == 0);
      for (gsize j = 0; j + 3 <= sizeof line; j++)
        {
          g_assert_cmpint (memcmp (line + j, "s3c", 3), !=, 0);
          g_assert_cmpint (memcmp (line + j, "20", 2), !=, 0);
          g_assert_cmpint (memcmp (line + j, "k3y", 3), !=, 0);
        }
      g_assert_cmpstr (argv[2], ==, "user");
      if (connection != NULL)
        g_assert_cmpstr (connection->bmc_key, ==, "k3y");
    }
}

static void
test_settings (void)
{
  g_autoptr (GVariant) plain = settings_of ("lan h");
  g_autoptr (GVariant) full = settings_of ("lan -U u -P pw -Rk k -L user -A md5 -Ri none -Rl -H intelplus -p 7 h");
  g_autoptr (GVariant) smi = settings_of ("smi 2");
  g_autoptr (GVariant) password = NULL;
  g_autofree const char **ports = NULL;
  const char *text;
  gboolean flag = FALSE;
  guint32 number;
  gint64 interval;

  g_assert_true (g_variant_lookup (plain, FRAME_SETTING_NAME, "&s", &text));
  g_assert_cmpstr (text, ==, "bmc1");
  g_assert_true (g_variant_lookup (plain, FRAME_SETTING_NAME_ONLY_LOOKUP, "b", &flag));
  g_assert_true (flag);
  g_assert_true (g_variant_lookup (plain, FRAME_SETTING_SEL_INTERVAL, "x", &interval));
  /* What the user did not choose is the collector's to choose. */
  g_assert_false (g_variant_lookup (plain, FRAME_SETTING_AUTHTYPE, "&s", &text));
  g_assert_false (g_variant_lookup (plain, FRAME_SETTING_AUTH_ALGORITHM, "&s", &text));
  g_assert_null (g_variant_lookup_value (plain, FRAME_SETTING_BMC_KEY, NULL));

  g_assert_true (g_variant_lookup (full, FRAME_SETTING_AUTHTYPE, "&s", &text));
  g_assert_cmpstr (text, ==, "md5");
  g_assert_true (g_variant_lookup (full, FRAME_SETTING_INTEGRITY_ALGORITHM, "&s", &text));
  g_assert_cmpstr (text, ==, "none");
  password = g_variant_lookup_value (full, FRAME_SETTING_PASSWORD, G_VARIANT_TYPE_BYTESTRING);
  g_assert_cmpuint (g_variant_n_children (password), ==, 2);
  g_assert_true (g_variant_lookup (full, FRAME_SETTING_PORTS, "^a&s", &ports));
  g_assert_cmpstr (ports[0], ==, "7");
  g_assert_null (ports[1]);

  g_assert_true (g_variant_lookup (smi, FRAME_SETTING_SMI_NUMBER, "u", &number));
  g_assert_cmpuint (number, ==, 2);
  g_assert_false (g_variant_lookup (smi, FRAME_SETTING_USER, "&s", &text));
}

static void
test_copy (void)
{
  g_autoptr (Connection) from = parse_good ("lan -U u -P p -H intelplus -s a b");
  g_autoptr (Connection) to = connection_copy (from);

  g_assert_cmpstr (to->password, ==, "p");
  g_assert_cmpstr (to->host2, ==, "b");
  g_assert_cmpstr (to->hacks[0], ==, "intelplus");
  g_assert_true (to->password != from->password);
}

/* ------------------------------------------------------------------ resolve */

typedef struct
{
  GMainLoop *loop;
  char **addresses;
  char *error;
  guint calls;
} Answer;

static void
on_resolved (const char *const *addresses, const GError *error, gpointer data)
{
  Answer *answer = data;

  g_assert_cmpint (addresses == NULL, ==, error != NULL);
  answer->addresses = g_strdupv ((char **) addresses);
  answer->error = error != NULL ? g_strdup (error->message) : NULL;
  answer->calls++;
  g_main_loop_quit (answer->loop);
}

/* Joined by blanks, or the error. */
static char *
resolve (const char *line)
{
  g_autoptr (Connection) connection = parse_good (line);
  g_autoptr (Resolver) resolver = resolver_new (1);
  Answer answer = { .loop = g_main_loop_new (NULL, FALSE) };
  char *text;

  resolve_connection (resolver, connection, on_resolved, &answer);
  g_assert_cmpuint (answer.calls, ==, 0);
  g_main_loop_run (answer.loop);
  g_assert_cmpuint (answer.calls, ==, 1);
  g_main_loop_unref (answer.loop);
  text = answer.addresses != NULL ? g_strjoinv (" ", answer.addresses) : g_strdup (answer.error);
  g_strfreev (answer.addresses);
  g_free (answer.error);
  return text;
}

static void
test_resolve (void)
{
  g_autofree char *v4 = resolve ("lan 127.0.0.1");
  g_autofree char *v6 = resolve ("lan -6 ::1");
  g_autofree char *two = resolve ("lan -s 127.0.0.1 127.0.0.2");
  g_autofree char *name = resolve ("lan -4 localhost");
  g_autofree char *mixed = resolve ("lan -s 127.0.0.1 ::1");
  g_autofree char *wrong = resolve ("lan -6 127.0.0.1");
  g_autofree char *unknown = resolve ("lan no-such-host.invalid");
  g_autofree char *smi = resolve ("smi 0");

  g_assert_cmpstr (v4, ==, "127.0.0.1");
  g_assert_cmpstr (v6, ==, "::1");
  g_assert_cmpstr (two, ==, "127.0.0.1 127.0.0.2");
  g_assert_cmpstr (name, ==, "127.0.0.1");
  g_assert_nonnull (strstr (mixed, "no address for '::1' (IPv4)"));
  g_assert_nonnull (strstr (wrong, "no address for '127.0.0.1' (IPv6)"));
  g_assert_nonnull (strstr (unknown, "no address for 'no-such-host.invalid'"));
  g_assert_cmpstr (smi, ==, "");
}

static gboolean
on_enough (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static void
on_each_resolved (const char *const *addresses, G_GNUC_UNUSED const GError *error, gpointer data)
{
  g_assert_cmpstr (addresses[0], ==, "127.0.0.1");
  ((Answer *) data)->calls++;
}

static void
test_resolve_cancelled (void)
{
  static const char *const lines[] = { "lan 127.0.0.1", "lan localhost", "lan localhost" };
  g_autoptr (Resolver) resolver = resolver_new (1);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Answer answer = { .loop = loop };

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autoptr (Connection) connection = parse_good (lines[i]);

      resolve_cancel (resolve_connection (resolver, connection, on_resolved, &answer));
    }
  g_timeout_add (200, on_enough, loop);
  g_main_loop_run (loop);
  g_assert_cmpuint (answer.calls, ==, 0);
}

/* More questions than threads: all are answered. */
static void
test_resolve_many (void)
{
  g_autoptr (Connection) connection = parse_good ("lan -4 localhost");
  g_autoptr (Resolver) resolver = resolver_new (2);
  Answer answer = { .loop = g_main_loop_new (NULL, FALSE) };

  for (guint i = 0; i < 20; i++)
    resolve_connection (resolver, connection, on_each_resolved, &answer);
  while (answer.calls < 20)
    g_main_context_iteration (NULL, TRUE);
  g_main_loop_unref (answer.loop);
}

static void
test_has_names (void)
{
  static const struct
  {
    const char *line;
    gboolean names;
  } cases[] = { { "lan 127.0.0.1", FALSE },
                { "lan ::1", FALSE },
                { "lan localhost", TRUE },
                { "lan -s 127.0.0.1 localhost", TRUE },
                { "smi 0", FALSE } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (Connection) connection = parse_good (cases[i].line);
      g_assert_cmpint (resolve_has_names (connection), ==, cases[i].names);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  log_init (LOG_TARGET_STDERR, IPMID_LOG_ERROR);
  g_test_add_func ("/connection/plain", test_plain);
  g_test_add_func ("/connection/everything", test_everything);
  g_test_add_func ("/connection/values", test_values);
  g_test_add_func ("/connection/rest", test_rest);
  g_test_add_func ("/connection/mistakes", test_mistakes);
  g_test_add_func ("/connection/cut", test_cut);
  g_test_add_func ("/connection/blanked", test_blanked);
  g_test_add_func ("/connection/settings", test_settings);
  g_test_add_func ("/connection/copy", test_copy);
  g_test_add_func ("/connection/resolve", test_resolve);
  g_test_add_func ("/connection/resolve-cancelled", test_resolve_cancelled);
  g_test_add_func ("/connection/resolve-many", test_resolve_many);
  g_test_add_func ("/connection/has-names", test_has_names);
  return g_test_run ();
}
