/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config-bmc.c - see config-private.h: [defaults], [credentials], and one BMC. */
#include "core/config-private.h"

#include "core/address.h"
#include "core/options.h"
#include "core/silence.h"
#include "event/error.h"
#include "event/text.h"

#include <string.h>

#define SERVER_MAX 253u /* bytes of the name of a server */

/* What one [credentials] group says. */
typedef struct
{
  BmcSettings *settings;
  gboolean good;
} Credentials;

static void
free_credentials (gpointer data)
{
  Credentials *credentials = data;

  config_settings_free (credentials->settings);
  g_free (credentials);
}

void
config_bmc_start (ConfigLoader *loader)
{
  loader->defaults = config_settings_new ();
  loader->credentials = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_credentials);
  loader->tables[CONFIG_IN_BMC] = config_settings_table (CONFIG_IN_BMC);
  loader->tables[CONFIG_IN_DEFAULTS] = config_settings_table (CONFIG_IN_DEFAULTS);
  loader->tables[CONFIG_IN_CREDENTIALS] = config_settings_table (CONFIG_IN_CREDENTIALS);
}

void
config_bmc_end (ConfigLoader *loader)
{
  config_settings_free (loader->defaults);
  g_hash_table_unref (loader->credentials);
  for (guint i = 0; i < G_N_ELEMENTS (loader->tables); i++)
    g_free (loader->tables[i]);
}

/* ------------------------------------------------------------------- groups */

static gboolean
same_key (const char *a, const char *b)
{
  gsize length = strcspn (a, "=");

  return strncmp (a, b, length + 1) == 0;
}

/* Those of [defaults], then the BMC's own; of two with one key, the BMC's. */
static char **
merge_labels (const char *defaults, const char *own)
{
  g_auto (GStrv) first = defaults != NULL ? config_settings_parse_labels (defaults, NULL) : NULL;
  g_auto (GStrv) second = own != NULL ? config_settings_parse_labels (own, NULL) : NULL;
  GPtrArray *merged = g_ptr_array_new ();

  for (char **label = first; label != NULL && *label != NULL; label++)
    {
      gboolean hidden = FALSE;

      for (char **other = second; other != NULL && *other != NULL; other++)
        hidden = hidden || same_key (*label, *other);
      if (!hidden)
        g_ptr_array_add (merged, g_strdup (*label));
    }
  for (char **label = second; label != NULL && *label != NULL; label++)
    g_ptr_array_add (merged, g_strdup (*label));
  g_ptr_array_add (merged, NULL);
  return (char **) g_ptr_array_free (merged, merged->len == 1);
}

/* `error` begins with the key that it is about.  What an earlier layer says is
 * told where it stands. */
static gboolean
judge (ConfigLoader *loader, const IniGroup *group, const GError *error)
{
  g_autofree char *key = NULL;
  const IniEntry *entry;

  if (error == NULL)
    return TRUE;
  key = g_strndup (error->message, strcspn (error->message, ":"));
  entry = ini_find (group, key);
  if (entry == NULL && loader->layers_failed)
    return TRUE;
  config_report_problem (loader, CONFIG_ERROR, group->file, entry != NULL ? entry->line : group->line, "%s",
                         error->message);
  return FALSE;
}

/* What stands in one group, as far as it can be judged without the others. */
static gboolean
check_group (ConfigLoader *loader, const IniGroup *group, const BmcSettings *settings)
{
  g_autoptr (BmcSettings) copy = config_settings_copy (settings);
  g_autoptr (GError) connection_error = NULL, labels_error = NULL, time_error = NULL;
  g_auto (GStrv) labels = NULL;
  gboolean ok;
  gint64 time;

  if (copy->connection.host == NULL)
    copy->connection.host = g_strdup ("none");
  connection_check (&copy->connection, &connection_error);
  if (copy->labels != NULL)
    labels = config_settings_parse_labels (copy->labels, &labels_error);
  if (copy->silence_until != NULL)
    silence_parse_time (copy->silence_until, &time, &time_error);
  g_prefix_error (&time_error, "silence-until: ");
  ok = judge (loader, group, connection_error);
  ok = judge (loader, group, labels_error) && ok;
  return judge (loader, group, time_error) && ok;
}

/* ----------------------------------------------------------------- sessions */

/* What is weak about the session, and which key says so; NULL: nothing.
 * `*open` if anybody can make one (IPMI 2.0, tables 13-17 and 22-20). */
static const char *
weakness (const Connection *connection, const char **key, gboolean *open)
{
  static const char *const suites[] = {
    [CONNECTION_SUITE_0] = "cipher suite 0 has no authentication: anybody can be any user of the BMC",
    [CONNECTION_SUITE_1] = "cipher suite 1 has neither integrity nor encryption",
    [CONNECTION_SUITE_2] = "cipher suite 2 has no encryption",
    [CONNECTION_SUITE_15] = "cipher suite 15 has neither integrity nor encryption",
    [CONNECTION_SUITE_16] = "cipher suite 16 has no encryption",
    [CONNECTION_SUITE_17] = NULL,
  };
  const char *authtype = options_find (connection_options, "authtype")->choices[connection->authtype];

  *key = "authtype";
  *open = TRUE;
  if (g_str_equal (authtype, "none"))
    return "without authentication anybody can send the BMC commands";
  if (!g_str_equal (authtype, "default") && !g_str_equal (authtype, "rmcp+"))
    return "IPMI 1.5 has no encryption, and its password can be found from what is on the wire";
  *key = "cipher-suite";
  *open = connection->cipher_suite == CONNECTION_SUITE_0;
  return suites[connection->cipher_suite];
}

/* Where it is written. */
static void
warn_of_silence (ConfigLoader *loader, const IniGroup *group, const BmcSettings *settings)
{
  gint64 until;

  if (ini_find (group, "silence-until") != NULL && settings->silence_until != NULL
      && silence_parse_time (settings->silence_until, &until, NULL))
    config_settings_judge_silence (loader, group, "silence-until", until);
}

void
config_bmc_warn (ConfigLoader *loader, const IniGroup *group, const BmcSettings *settings)
{
  const char *key, *words;
  gboolean open;
  const IniEntry *entry;

  warn_of_silence (loader, group, settings);
  if (settings->connection.interface == CONNECTION_SMI
      || (words = weakness (&settings->connection, &key, &open)) == NULL)
    return;
  entry = ini_find (group, key);
  config_report_problem (loader, CONFIG_WARNING, group->file, entry != NULL ? entry->line : group->line, "[%s]: %s",
                         group->name, words);
}

/* ------------------------------------------------------------------- layers */

void
config_bmc_take_defaults (ConfigLoader *loader, const IniGroup *group)
{
  const char *key, *words;
  gboolean open, ok = config_file_set_group (loader, group, loader->tables[CONFIG_IN_DEFAULTS], loader->defaults);

  ok = config_secret_apply (loader, group, loader->defaults) && ok;
  ok = check_group (loader, group, loader->defaults) && ok;
  loader->layers_failed = loader->layers_failed || !ok;
  warn_of_silence (loader, group, loader->defaults);
  words = weakness (&loader->defaults->connection, &key, &open);
  if (words != NULL && open)
    config_report_problem (loader, CONFIG_ERROR, group->file, ini_find (group, key)->line,
                           "%s: %s; if a BMC can do no better, say so in its own group", key, words);
}

void
config_bmc_take_credentials (ConfigLoader *loader, const IniGroup *group, const char *name)
{
  Credentials *credentials = g_new0 (Credentials, 1);
  gboolean ok;

  credentials->settings = config_settings_new ();
  ok = config_file_set_group (loader, group, loader->tables[CONFIG_IN_CREDENTIALS], credentials->settings);
  ok = config_secret_apply (loader, group, credentials->settings) && ok;
  ok = check_group (loader, group, credentials->settings) && ok;
  credentials->good = ok;
  loader->layers_failed = loader->layers_failed || !ok;
  g_hash_table_insert (loader->credentials, g_strdup (name), credentials);
}

static void
complain_of_credentials (ConfigLoader *loader, const IniGroup *group, const char *name)
{
  const IniEntry *entry = ini_find (group, "credentials");
  g_autofree char **names = (char **) g_hash_table_get_keys_as_array (loader->credentials, NULL);
  const char *nearest = options_nearest_word ((const char *const *) names, name);

  config_report_problem (loader, CONFIG_ERROR, group->file, entry != NULL ? entry->line : group->line,
                         "there is no [credentials %s]%s%s%s", name, nearest != NULL ? "; did you mean \"" : "",
                         nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

static void
replace_secret (char **secret, const char *other)
{
  if (other == NULL)
    return;
  options_free_secret (*secret);
  *secret = g_strdup (other);
}

gboolean
config_bmc_apply_credentials (ConfigLoader *loader, const IniGroup *group, BmcSettings *settings)
{
  const IniEntry *entry = ini_find (group, "credentials");
  g_autofree char *name = g_strdup (entry != NULL ? entry->value : settings->credentials);
  const Credentials *credentials;

  if (name == NULL)
    return TRUE;
  credentials = g_hash_table_lookup (loader->credentials, name);
  if (credentials == NULL)
    {
      complain_of_credentials (loader, group, name);
      return FALSE;
    }
  if (credentials->settings->connection.user != NULL)
    {
      g_free (settings->connection.user);
      settings->connection.user = g_strdup (credentials->settings->connection.user);
    }
  replace_secret (&settings->connection.password, credentials->settings->connection.password);
  replace_secret (&settings->connection.bmc_key, credentials->settings->connection.bmc_key);
  return credentials->good;
}

/* ------------------------------------------------------------------ one BMC */

static gboolean
refuse (ConfigLoader *loader, const IniGroup *group, const char *key, const char *name, const char *message)
{
  const IniEntry *entry = ini_find (group, key);

  config_report_problem (loader, CONFIG_ERROR, group->file, entry != NULL ? entry->line : group->line, "BMC \"%s\": %s",
                         name, message);
  return FALSE;
}

/* "smi 0", or one or two addresses. */
static gboolean
set_addresses (Connection *connection, const char *address, const char *address2, GError **error)
{
  g_autofree char *port = NULL, *port2 = NULL;

  if (g_str_has_prefix (address, "smi ") || g_str_equal (address, "smi"))
    {
      g_autofree char *number = g_strstrip (g_strdup (address + strlen ("smi")));

      connection->interface = CONNECTION_SMI;
      if (address2 == NULL && options_set (options_find (connection_options, "smi-number"), connection, number, NULL))
        return TRUE;
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                   address2 != NULL ? "address2: smi has no second address"
                                    : "address: '%s' needs a number: smi 0 is /dev/ipmi0",
                   address);
      return FALSE;
    }
  if (!address_parse (address, &connection->host, &port, error)
      || (address2 != NULL && !address_parse (address2, &connection->host2, &port2, error)))
    return FALSE;
  replace_secret (&connection->port, port);
  replace_secret (&connection->port2, port2);
  return TRUE;
}

/* One BMC has one watcher: two sessions would read, and delete, the same SEL. */
static gboolean
claim_address (ConfigLoader *loader, const IniGroup *group, const char *owner, const Connection *connection,
               gboolean second)
{
  g_autofree char *host = NULL, *key = NULL, *thing = NULL;

  if (connection->interface == CONNECTION_SMI)
    thing = g_strdup_printf ("smi %" G_GINT64_FORMAT, connection->smi_number);
  else
    {
      host = address_canonical (second ? connection->host2 : connection->host);
      thing = g_strdup_printf (strchr (host, ':') != NULL ? "[%s]:%u" : "%s:%u", host,
                               address_port (second ? connection->port2 : connection->port));
    }
  key = g_strconcat ("at ", thing, NULL);
  return config_expand_claim (loader, group, key, owner, thing);
}

static gboolean
claim (ConfigLoader *loader, const IniGroup *group, const char *name, const BmcSettings *settings)
{
  g_autofree char *owner = g_strdup_printf ("BMC \"%s\"", name);
  g_autofree char *was = settings->was != NULL ? g_strconcat ("was ", settings->was, NULL) : NULL;

  return claim_address (loader, group, owner, &settings->connection, FALSE)
         && (settings->connection.host2 == NULL || claim_address (loader, group, owner, &settings->connection, TRUE))
         && (was == NULL || config_expand_claim (loader, group, was, owner, was));
}

/* The connection of a BMC, checked. */
static gboolean
complete (ConfigLoader *loader, const IniGroup *group, const char *name, BmcSettings *settings)
{
  Connection *connection = &settings->connection;
  g_autoptr (GError) error = NULL;
  g_autofree char *clean = settings->server != NULL ? text_clean (settings->server, -1, SERVER_MAX) : NULL;

  if (settings->address == NULL && ini_find (group, "address") != NULL)
    return FALSE; /* what is wrong with it was said */
  if (settings->address == NULL)
    return refuse (loader, group, "address", name, "its address is missing");
  if (!set_addresses (connection, settings->address, settings->address2, &error))
    return refuse (loader, group, "address", name, error->message);
  if (connection->privilege == 0)
    options_set (options_find (connection_options, "privilege"), connection, loader->deletes ? "operator" : "user",
                 NULL);
  /* The best cipher suite is a question of RMCP+ only. */
  if (connection->cipher_suite == CONNECTION_SUITE_AUTO && connection->authtype != 0
      && !g_str_equal (options_find (connection_options, "authtype")->choices[connection->authtype], "rmcp+"))
    connection->cipher_suite = CONNECTION_SUITE_DEFAULT;
  if (clean != NULL && (*clean == '\0' || !g_str_equal (clean, settings->server)))
    return refuse (loader, group, "host", name, "host: this is neither a name nor an address");
  if (settings->was != NULL && !core_config_check_name (settings->was, "a BMC", &error))
    return refuse (loader, group, "was", name, error->message);
  return TRUE;
}

gboolean
config_bmc_make (ConfigLoader *loader, const IniGroup *group, const char *name, BmcSettings *settings)
{
  const IniEntry *labels = ini_find (group, "labels");
  BmcConfig *bmc;
  gboolean ok = config_secret_apply (loader, group, settings);

  ok = check_group (loader, group, settings) && ok;
  ok = complete (loader, group, name, settings) && ok;
  if (!ok || !settings->enabled)
    return ok;
  if (!claim (loader, group, name, settings))
    return FALSE;
  bmc = core_config_add_bmc (loader->config, name, connection_copy (&settings->connection));
  bmc->was = g_strdup (settings->was);
  bmc->host = g_strdup (settings->server);
  bmc->labels = merge_labels (loader->defaults->labels, labels != NULL ? settings->labels : NULL);
  if (settings->silence_until != NULL)
    silence_parse_time (settings->silence_until, &bmc->silence_until, NULL);
  return TRUE;
}
