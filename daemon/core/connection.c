/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connection.c - see connection.h. */
#include "core/connection.h"

#include "core/address.h"
#include "core/options.h"
#include "event/error.h"
#include "event/frame.h"
#include "event/secret.h"

#include <string.h>

#define AT(member) G_STRUCT_OFFSET (Connection, member)

/* "0x" and two digits for each byte: too long for K_g as text. */
#define BMC_KEY_HEX_LENGTH (2 + 2 * CONNECTION_KEY_MAX)

static const char *const interfaces[] = { "lan", "smi", NULL };
static const char *const families[] = { "any", "ipv4", "ipv6", NULL };
static const char *const authtypes[] = { "default", "none", "md2", "md5", "straight", "oem", "rmcp+", NULL };
static const char *const privileges[] = { "default", "callback", "user", "operator", "admin", "oem", NULL };
static const char *const auth_algorithms[]
    = { "default", "bmcpick", "rakp_none", "rakp_hmac_sha1", "rakp_hmac_md5", NULL };
static const char *const integrity_algorithms[]
    = { "default", "bmcpick", "none", "hmac_sha1", "hmac_md5", "md5", NULL };
static const char *const confidentiality_algorithms[]
    = { "default", "bmcpick", "none", "aes_cbc_128", "xrc4_128", "xrc4_40", NULL };

static const char *const suites[] = { "default", "auto", "0", "1", "2", "3", "15", "16", "17", NULL };

const char *const connection_hacks[] = { "intelplus", "rakp3_wrong_rolem", "rmcpp_integ_sik", NULL };

const IpmidOption connection_options[] = {
  { .key = "interface",
    .type = IPMID_OPTION_CHOICE,
    .offset = AT (interface),
    .fallback = "lan",
    .choices = interfaces,
    .help = "How to reach the BMC: over the network, or through this machine's own driver." },
  { .key = "smi-number",
    .type = IPMID_OPTION_INTEGER,
    .offset = AT (smi_number),
    .minimum = 0,
    .maximum = 99, /* OpenIPMI's own limit */
    .argument = "N",
    .help = "The number of the local interface: 0 for /dev/ipmi0." },
  { .key = "host",
    .type = IPMID_OPTION_STRING,
    .offset = AT (host),
    .argument = "HOST",
    .help = "The BMC's name or address." },
  { .key = "host2",
    .type = IPMID_OPTION_STRING,
    .offset = AT (host2),
    .argument = "HOST",
    .help = "A second address of the same BMC." },
  { .key = "port",
    .type = IPMID_OPTION_STRING,
    .offset = AT (port),
    .fallback = "623",
    .argument = "PORT",
    .help = "The BMC's UDP port, a number or a name." },
  { .key = "port2",
    .type = IPMID_OPTION_STRING,
    .offset = AT (port2),
    .fallback = "623",
    .argument = "PORT",
    .help = "The UDP port at the second address." },
  { .key = "family",
    .type = IPMID_OPTION_CHOICE,
    .offset = AT (family),
    .fallback = "any",
    .choices = families,
    .help = "Which kind of address a name may stand for." },
  { .key = "user",
    .type = IPMID_OPTION_STRING,
    .offset = AT (user),
    .argument = "NAME",
    .help = "The user on the BMC; without it, the anonymous one." },
  { .key = "password",
    .type = IPMID_OPTION_SECRET,
    .offset = AT (password),
    .argument = "PASSWORD",
    .help = "The user's password." },
  { .key = "bmc-key",
    .type = IPMID_OPTION_SECRET,
    .offset = AT (bmc_key),
    .argument = "KEY",
    .help = "The second key (K_g) of BMCs that want two." },
  { .key = "authtype",
    .type = IPMID_OPTION_CHOICE,
    .offset = AT (authtype),
    .fallback = "default",
    .choices = authtypes,
    .help = "The kind of session. The default is RMCP+ and nothing weaker." },
  { .key = "privilege",
    .type = IPMID_OPTION_CHOICE,
    .offset = AT (privilege),
    .fallback = "default",
    .choices = privileges,
    .help = "The privilege to ask the BMC for. The default is admin, as OpenIPMI has it." },
  { .key = "auth-algorithm",
    .type = IPMID_OPTION_CHOICE,
    .offset = AT (auth_algorithm),
    .fallback = "default",
    .choices = auth_algorithms,
    .help = "The authentication algorithm of RMCP+." },
  { .key = "integrity-algorithm",
    .type = IPMID_OPTION_CHOICE,
    .offset = AT (integrity_algorithm),
    .fallback = "default",
    .choices = integrity_algorithms,
    .help = "The integrity algorithm of RMCP+." },
  { .key = "confidentiality-algorithm",
    .type = IPMID_OPTION_CHOICE,
    .offset = AT (confidentiality_algorithm),
    .fallback = "default",
    .choices = confidentiality_algorithms,
    .help = "The encryption of RMCP+." },
  { .key = "name-only-lookup",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = AT (name_only_lookup),
    .fallback = "yes",
    .help = "Whether the BMC looks a user up by name alone, or by name and privilege." },
  { .key = "hacks",
    .type = IPMID_OPTION_LIST,
    .offset = AT (hacks),
    .argument = "HACK;…",
    .help = "Ways around the mistakes of some BMCs: intelplus, rakp3_wrong_rolem, rmcpp_integ_sik." },
  { .key = "max-outstanding",
    .type = IPMID_OPTION_INTEGER,
    .offset = AT (max_outstanding),
    .fallback = "2",
    .minimum = 1,
    .maximum = 63,
    .argument = "N",
    .help = "How many messages may be on their way to the BMC at once." },
  { .key = "sel-interval",
    .type = IPMID_OPTION_DURATION,
    .offset = AT (sel_interval),
    .fallback = "2s",
    .minimum = 50 * 1000,
    .maximum = G_GINT64_CONSTANT (86400000000),
    .argument = "DURATION",
    .help = "How often to look whether the SEL has grown." },
  { .key = "cipher-suite",
    .type = IPMID_OPTION_CHOICE,
    .offset = AT (cipher_suite),
    .fallback = "default",
    .choices = suites,
    .help = "The cipher suite of RMCP+; auto: the best that the BMC offers, 17 before 3. The default is "
            "what the algorithms say, auto where none is given." },
  { .key = "sensor-interval",
    .type = IPMID_OPTION_DURATION,
    .offset = AT (sensor_interval),
    .fallback = "0s",
    .minimum = 0,
    .maximum = G_GINT64_CONSTANT (86400000000),
    .argument = "DURATION",
    .help = "How often to read the sensors; 0s: not at all." },
  { .key = "sensor-intervals",
    .type = IPMID_OPTION_LIST,
    .offset = AT (sensor_intervals),
    .argument = "PATTERN=DURATION;…",
    .help = "Another interval for the sensors whose names match a pattern; the first that matches counts." },
  { .key = NULL },
};

Connection *
connection_new (void)
{
  Connection *connection = g_new0 (Connection, 1);

  options_init (connection_options, connection);
  return connection;
}

Connection *
connection_copy (const Connection *connection)
{
  Connection *copy = connection_new ();

  options_copy (connection_options, connection, copy);
  return copy;
}

gboolean
connection_equal (const Connection *a, const Connection *b)
{
  return options_equal (connection_options, a, b);
}

void
connection_free (Connection *connection)
{
  if (connection == NULL)
    return;
  options_clear (connection_options, connection);
  g_free (connection);
}

/* -------------------------------------------------------------------- check */

static gboolean
check_port (const char *key, const char *port, GError **error)
{
  if (address_port (port) != 0)
    return TRUE;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
               "%s: '%s' is no UDP port: give a number from 1 to 65535 or a name from /etc/services", key, port);
  return FALSE;
}

/* A host is looked up, logged and sent on as text. */
static gboolean
check_host (const char *key, const char *host, GError **error)
{
  const char *c = host;

  while (g_ascii_isgraph (*c))
    c++;
  if (c > host && *c == '\0')
    return TRUE;
  if (*host == '\0')
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "%s: a name or an address is missing", key);
  else
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "%s: this is neither a host name nor an address", key);
  return FALSE;
}

static gboolean
check_length (const char *key, const char *text, gsize maximum, GError **error)
{
  if (text == NULL || strlen (text) <= maximum)
    return TRUE;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "%s: IPMI has room for %zu bytes only", key, maximum);
  return FALSE;
}

static gboolean
check_user (const char *user, GError **error)
{
  if (user == NULL || g_utf8_validate (user, -1, NULL))
    return check_length ("user", user, CONNECTION_USER_MAX, error);
  g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_USAGE, "user: this is no text in UTF-8");
  return FALSE;
}

static gboolean
is_hex_key (const char *key)
{
  return strlen (key) == BMC_KEY_HEX_LENGTH && g_str_has_prefix (key, "0x")
         && strspn (key + 2, "0123456789abcdefABCDEF") == BMC_KEY_HEX_LENGTH - 2;
}

static gboolean
check_bmc_key (const char *key, GError **error)
{
  return (key != NULL && is_hex_key (key)) || check_length ("bmc-key", key, CONNECTION_KEY_MAX, error);
}

/* The shortest interval at which a sensor may be read, microseconds. */
#define SENSOR_INTERVAL_MIN (250 * 1000)

/* "CPU*=250ms"; `pattern` is the caller's on success. */
static gboolean
parse_sensor_interval (const char *rule, char **pattern, gint64 *interval, GError **error)
{
  const char *equals = strrchr (rule, '=');
  g_autofree char *name = equals == NULL ? NULL : g_strndup (rule, (gsize) (equals - rule));

  if (equals == NULL || g_strstrip (name)[0] == '\0')
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                   "sensor-intervals: '%s' is not of the form PATTERN=DURATION, as in 'CPU*=250ms'", rule);
      return FALSE;
    }
  if (!options_parse_duration (equals + 1, interval, error))
    {
      g_prefix_error (error, "sensor-intervals: ");
      return FALSE;
    }
  if (*interval != 0 && *interval < SENSOR_INTERVAL_MIN)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                   "sensor-intervals: '%s' is below 250ms, the shortest interval; 0s reads them not at all", rule);
      return FALSE;
    }
  *pattern = g_steal_pointer (&name);
  return TRUE;
}

static gboolean
check_sensor_intervals (const Connection *connection, GError **error)
{
  for (char **rule = connection->sensor_intervals; rule != NULL && *rule != NULL; rule++)
    {
      g_autofree char *pattern = NULL;
      gint64 interval;

      if (!parse_sensor_interval (*rule, &pattern, &interval, error))
        return FALSE;
    }
  if (connection->sensor_interval == 0 || connection->sensor_interval >= SENSOR_INTERVAL_MIN)
    return TRUE;
  g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                       "sensor-interval: the shortest is 250ms; 0s reads no sensors");
  return FALSE;
}

char *
connection_bmc_key_from_bytes (const guint8 *bytes, gsize length)
{
  GString *key = g_string_sized_new (BMC_KEY_HEX_LENGTH);

  g_string_append (key, "0x");
  for (gsize i = 0; i < CONNECTION_KEY_MAX; i++)
    g_string_append_printf (key, "%02x", i < length ? bytes[i] : 0);
  return g_string_free (key, FALSE);
}

static gboolean
check_hacks (const Connection *connection, GError **error)
{
  for (char **hack = connection->hacks; hack != NULL && *hack != NULL; hack++)
    if (!g_strv_contains (connection_hacks, *hack))
      {
        g_autofree char *all = g_strjoinv (", ", (char **) connection_hacks);

        g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "hacks: '%s' is not known: %s are", *hack, all);
        return FALSE;
      }
  return TRUE;
}

gboolean
connection_check (const Connection *connection, GError **error)
{
  if (!check_sensor_intervals (connection, error) || !check_hacks (connection, error))
    return FALSE;
  if (connection->interface == CONNECTION_SMI)
    return TRUE;
  if (!check_host ("host", connection->host != NULL ? connection->host : "", error)
      || !check_port ("port", connection->port, error))
    return FALSE;
  if (connection->host2 != NULL
      && (!check_host ("host2", connection->host2, error) || !check_port ("port2", connection->port2, error)))
    return FALSE;
  return check_user (connection->user, error)
         && check_length ("password", connection->password, CONNECTION_KEY_MAX, error)
         && check_bmc_key (connection->bmc_key, error);
}

/* ----------------------------------------------------------------- settings */

static void
add_string (GVariantDict *settings, const char *key, const char *value)
{
  g_variant_dict_insert (settings, key, "s", value);
}

static void
add_secret (GVariantDict *settings, const char *key, const char *secret)
{
  if (secret != NULL)
    g_variant_dict_insert_value (settings, key, secret_variant_new (secret, strlen (secret)));
}

static void
add_bmc_key (GVariantDict *settings, const char *key)
{
  guint8 bytes[CONNECTION_KEY_MAX];

  if (key == NULL || !is_hex_key (key))
    {
      add_secret (settings, FRAME_SETTING_BMC_KEY, key);
      return;
    }
  for (guint i = 0; i < sizeof bytes; i++)
    bytes[i] = (guint8) (g_ascii_xdigit_value (key[2 + 2 * i]) << 4 | g_ascii_xdigit_value (key[3 + 2 * i]));
  g_variant_dict_insert_value (settings, FRAME_SETTING_BMC_KEY, secret_variant_new (bytes, sizeof bytes));
  explicit_bzero (bytes, sizeof bytes);
}

/* What the user left at its default is the collector's to choose. */
static void
add_choice (GVariantDict *settings, const char *key, const char *const *choices, int index)
{
  if (index != 0)
    add_string (settings, key, choices[index]);
}

static void
add_lan (GVariantDict *settings, const Connection *connection, const char *const *addresses)
{
  g_autofree char *port = g_strdup_printf ("%u", address_port (connection->port));
  g_autofree char *port2 = g_strdup_printf ("%u", address_port (connection->port2));
  const char *ports[] = { port, connection->host2 != NULL ? port2 : NULL, NULL };

  g_variant_dict_insert (settings, FRAME_SETTING_ADDRESSES, "^as", addresses);
  g_variant_dict_insert (settings, FRAME_SETTING_PORTS, "^as", ports);
  add_string (settings, FRAME_SETTING_USER, connection->user != NULL ? connection->user : "");
  add_secret (settings, FRAME_SETTING_PASSWORD, connection->password != NULL ? connection->password : "");
  add_bmc_key (settings, connection->bmc_key);
  add_choice (settings, FRAME_SETTING_AUTHTYPE, authtypes, connection->authtype);
  add_choice (settings, FRAME_SETTING_PRIVILEGE, privileges, connection->privilege);
  add_choice (settings, FRAME_SETTING_AUTH_ALGORITHM, auth_algorithms, connection->auth_algorithm);
  add_choice (settings, FRAME_SETTING_INTEGRITY_ALGORITHM, integrity_algorithms, connection->integrity_algorithm);
  add_choice (settings, FRAME_SETTING_CONFIDENTIALITY_ALGORITHM, confidentiality_algorithms,
              connection->confidentiality_algorithm);
  add_choice (settings, FRAME_SETTING_CIPHER_SUITE, suites, connection->cipher_suite);
  g_variant_dict_insert (settings, FRAME_SETTING_NAME_ONLY_LOOKUP, "b", connection->name_only_lookup);
  if (connection->hacks != NULL)
    g_variant_dict_insert (settings, FRAME_SETTING_HACKS, "^as", connection->hacks);
}

static void
add_sensor_intervals (GVariantDict *settings, const Connection *connection)
{
  GVariantBuilder rules;

  g_variant_dict_insert (settings, FRAME_SETTING_SENSOR_INTERVAL, "x", connection->sensor_interval);
  g_variant_builder_init (&rules, G_VARIANT_TYPE ("a(sx)"));
  for (char **rule = connection->sensor_intervals; rule != NULL && *rule != NULL; rule++)
    {
      g_autofree char *pattern = NULL;
      gint64 interval;

      if (parse_sensor_interval (*rule, &pattern, &interval, NULL))
        g_variant_builder_add (&rules, "(sx)", pattern, interval);
    }
  g_variant_dict_insert_value (settings, FRAME_SETTING_SENSOR_INTERVALS, g_variant_builder_end (&rules));
}

GVariant *
connection_to_settings (const Connection *connection, const char *name, const char *const *addresses)
{
  g_auto (GVariantDict) settings = G_VARIANT_DICT_INIT (NULL);

  add_string (&settings, FRAME_SETTING_NAME, name);
  add_string (&settings, FRAME_SETTING_INTERFACE, interfaces[connection->interface]);
  if (connection->interface == CONNECTION_SMI)
    g_variant_dict_insert (&settings, FRAME_SETTING_SMI_NUMBER, "u", (guint32) connection->smi_number);
  else
    add_lan (&settings, connection, addresses);
  g_variant_dict_insert (&settings, FRAME_SETTING_MAX_OUTSTANDING, "u", (guint32) connection->max_outstanding);
  g_variant_dict_insert (&settings, FRAME_SETTING_SEL_INTERVAL, "x", connection->sel_interval);
  add_sensor_intervals (&settings, connection);
  return g_variant_dict_end (&settings);
}

static void
append_end (GString *text, const char *host, const char *port)
{
  g_string_append_printf (text, strchr (host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
}

char *
connection_describe (const Connection *connection)
{
  GString *text;

  if (connection->interface == CONNECTION_SMI)
    return g_strdup_printf ("smi %" G_GINT64_FORMAT, connection->smi_number);
  text = g_string_new ("lan ");
  append_end (text, connection->host, connection->port);
  if (connection->host2 != NULL)
    {
      g_string_append (text, ", ");
      append_end (text, connection->host2, connection->port2);
    }
  return g_string_free (text, FALSE);
}

const char *
connection_privilege (const Connection *connection)
{
  return privileges[connection->privilege];
}
