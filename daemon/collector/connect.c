/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connect.c - see connect.h. */
#include "connect.h"

#include "event/error.h"
#include "event/frame.h"
#include "event/pattern.h"

#include <OpenIPMI/ipmi_auth.h>
#include <OpenIPMI/ipmi_err.h>
#include <OpenIPMI/ipmi_lan.h>
#include <OpenIPMI/ipmi_smi.h>
#include <netdb.h>
#include <string.h>

#define SEL_INTERVAL_DEFAULT (2 * G_USEC_PER_SEC)
#define SEL_INTERVAL_MIN (20 * G_TIME_SPAN_MILLISECOND)
#define SENSOR_INTERVAL_MIN (250 * G_TIME_SPAN_MILLISECOND)
#define USER_MAX 16u
#define PASSWORD_MAX 20u
#define BMC_KEY_MAX 20u
#define OUTSTANDING_MAX 63u

typedef struct
{
  const char *name;
  int value;
} Choice;

static const Choice authtypes[] = {
  { "default", IPMI_AUTHTYPE_DEFAULT }, { "none", IPMI_AUTHTYPE_NONE },
  { "md2", IPMI_AUTHTYPE_MD2 },         { "md5", IPMI_AUTHTYPE_MD5 },
  { "oem", IPMI_AUTHTYPE_OEM },         { "straight", IPMI_AUTHTYPE_STRAIGHT },
  { "rmcp+", IPMI_AUTHTYPE_RMCP_PLUS }, { NULL, 0 },
};

static const Choice privileges[] = {
  { "default", IPMI_PRIVILEGE_ADMIN },
  { "callback", IPMI_PRIVILEGE_CALLBACK },
  { "user", IPMI_PRIVILEGE_USER },
  { "operator", IPMI_PRIVILEGE_OPERATOR },
  { "admin", IPMI_PRIVILEGE_ADMIN },
  { "oem", IPMI_PRIVILEGE_OEM },
  { NULL, 0 },
};

static const Choice auth_algorithms[] = {
  { "bmcpick", IPMI_LANP_AUTHENTICATION_ALGORITHM_BMCPICK },
  { "rakp_none", IPMI_LANP_AUTHENTICATION_ALGORITHM_RAKP_NONE },
  { "rakp_hmac_sha1", IPMI_LANP_AUTHENTICATION_ALGORITHM_RAKP_HMAC_SHA1 },
  { "rakp_hmac_md5", IPMI_LANP_AUTHENTICATION_ALGORITHM_RAKP_HMAC_MD5 },
  { NULL, 0 },
};

static const Choice integrity_algorithms[] = {
  { "bmcpick", IPMI_LANP_INTEGRITY_ALGORITHM_BMCPICK },
  { "none", IPMI_LANP_INTEGRITY_ALGORITHM_NONE },
  { "hmac_sha1", IPMI_LANP_INTEGRITY_ALGORITHM_HMAC_SHA1_96 },
  { "hmac_md5", IPMI_LANP_INTEGRITY_ALGORITHM_HMAC_MD5_128 },
  { "md5", IPMI_LANP_INTEGRITY_ALGORITHM_MD5_128 },
  { NULL, 0 },
};

static const Choice confidentiality_algorithms[] = {
  { "bmcpick", IPMI_LANP_CONFIDENTIALITY_ALGORITHM_BMCPICK },
  { "none", IPMI_LANP_CONFIDENTIALITY_ALGORITHM_NONE },
  { "aes_cbc_128", IPMI_LANP_CONFIDENTIALITY_ALGORITHM_AES_CBC_128 },
  { "xrc4_128", IPMI_LANP_CONFIDENTIALITY_ALGORITHM_xRC4_128 },
  { "xrc4_40", IPMI_LANP_CONFIDENTIALITY_ALGORITHM_xRC4_40 },
  { NULL, 0 },
};

static const Choice hacks[] = {
  { "intelplus", IPMI_CONN_HACK_RAKP3_WRONG_ROLEM },
  { "rakp3_wrong_rolem", IPMI_CONN_HACK_RAKP3_WRONG_ROLEM },
  { "rmcpp_integ_sik", IPMI_CONN_HACK_RMCPP_INTEG_SIK },
  { NULL, 0 },
};

/* ---------------------------------------------------------------- settings */

static gboolean
choose (const Choice *choices, const char *key, const char *name, int *value, GError **error)
{
  for (; choices->name != NULL; choices++)
    if (g_str_equal (choices->name, name))
      {
        *value = choices->value;
        return TRUE;
      }
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "%s: OpenIPMI knows no \"%s\"", key, name);
  return FALSE;
}

/* Leaves *value alone if the setting is absent. */
static gboolean
read_choice (GVariant *dict, const char *key, const Choice *choices, int *value, GError **error)
{
  const char *name;

  return !g_variant_lookup (dict, key, "&s", &name) || choose (choices, key, name, value, error);
}

/* Takes bytes out of the dictionary and wipes them there: the frame that they
 * came in is ours alone. */
static gboolean
read_secret (GVariant *dict, const char *key, gsize maximum, guint8 **secret, gsize *length, GError **error)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (dict, key, G_VARIANT_TYPE_BYTESTRING);
  gconstpointer bytes;

  if (value == NULL)
    return TRUE;
  bytes = g_variant_get_fixed_array (value, length, 1);
  if (*length > maximum)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "the %s is longer than %" G_GSIZE_FORMAT " bytes", key,
                   maximum);
      return FALSE;
    }
  *secret = g_malloc0 (maximum + 1);
  if (*length > 0)
    {
      memcpy (*secret, bytes, *length);
      explicit_bzero ((gpointer) (guintptr) bytes, *length);
    }
  return TRUE;
}

static gboolean
read_hacks (GVariant *dict, guint *bits, GError **error)
{
  g_autofree const char **names = NULL;

  if (!g_variant_lookup (dict, FRAME_SETTING_HACKS, "^a&s", &names))
    return TRUE;
  for (guint i = 0; names[i] != NULL; i++)
    {
      int bit;

      if (!choose (hacks, FRAME_SETTING_HACKS, names[i], &bit, error))
        return FALSE;
      *bits |= (guint) bit;
    }
  return TRUE;
}

static gboolean
read_choices (GVariant *dict, ConnectSettings *settings, GError **error)
{
  return read_choice (dict, FRAME_SETTING_AUTHTYPE, authtypes, &settings->authtype, error)
         && read_choice (dict, FRAME_SETTING_PRIVILEGE, privileges, &settings->privilege, error)
         && read_choice (dict, FRAME_SETTING_AUTH_ALGORITHM, auth_algorithms, &settings->auth_algorithm, error)
         && read_choice (dict, FRAME_SETTING_INTEGRITY_ALGORITHM, integrity_algorithms, &settings->integrity_algorithm,
                         error)
         && read_choice (dict, FRAME_SETTING_CONFIDENTIALITY_ALGORITHM, confidentiality_algorithms,
                         &settings->confidentiality_algorithm, error)
         && read_hacks (dict, &settings->hacks, error);
}

/* Without a word about it, the best suite is our choice, too. */
static gboolean
read_suite (GVariant *dict, ConnectSettings *settings, GError **error)
{
  const char *name;
  guint64 number;

  if (!g_variant_lookup (dict, FRAME_SETTING_CIPHER_SUITE, "&s", &name))
    {
      settings->suite_auto = settings->authtype == IPMI_AUTHTYPE_RMCP_PLUS && settings->auth_algorithm == CONNECT_UNSET
                             && settings->integrity_algorithm == CONNECT_UNSET
                             && settings->confidentiality_algorithm == CONNECT_UNSET;
      return TRUE;
    }
  settings->suite_auto = g_str_equal (name, "auto");
  if (g_ascii_string_to_unsigned (name, 10, 0, G_MAXUINT8, &number, NULL))
    settings->suite = cipher_suite ((guint) number);
  if (settings->suite_auto || settings->suite != NULL)
    return TRUE;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, FRAME_SETTING_CIPHER_SUITE ": there is no \"%s\"", name);
  return FALSE;
}

static gint64
check_sensor_interval (gint64 interval)
{
  return interval <= 0 ? 0 : MAX (interval, SENSOR_INTERVAL_MIN);
}

static void
read_sensor_settings (GVariant *dict, ConnectSettings *settings)
{
  g_autoptr (GVariant) intervals
      = g_variant_lookup_value (dict, FRAME_SETTING_SENSOR_INTERVALS, G_VARIANT_TYPE ("a(sx)"));
  g_autoptr (GVariant) cache = g_variant_lookup_value (dict, FRAME_SETTING_SDR_CACHE, G_VARIANT_TYPE_BYTESTRING);

  g_variant_lookup (dict, FRAME_SETTING_SENSOR_INTERVAL, "x", &settings->sensor_interval);
  settings->sensor_interval = check_sensor_interval (settings->sensor_interval);
  g_variant_lookup (dict, FRAME_SETTING_SDR_CACHE_KEY, "s", &settings->sdr_cache_key);
  /* A copy: the frame has secrets in it. */
  if (cache != NULL)
    settings->sdr_cache = g_bytes_new (g_variant_get_data (cache), g_variant_get_size (cache));
  if (intervals == NULL)
    return;
  settings->sensor_intervals = g_new0 (ConnectInterval, g_variant_n_children (intervals));
  for (; settings->n_sensor_intervals < g_variant_n_children (intervals); settings->n_sensor_intervals++)
    {
      ConnectInterval *item = &settings->sensor_intervals[settings->n_sensor_intervals];

      g_variant_get_child (intervals, settings->n_sensor_intervals, "(sx)", &item->pattern, &item->interval);
      item->interval = check_sensor_interval (item->interval);
    }
}

gint64
connect_sensor_interval (const ConnectSettings *settings, const char *name)
{
  for (guint i = 0; i < settings->n_sensor_intervals; i++)
    if (pattern_match (settings->sensor_intervals[i].pattern, name))
      return settings->sensor_intervals[i].interval;
  return settings->sensor_interval;
}

static gboolean
check_lan (const ConnectSettings *settings, GError **error)
{
  guint addresses = settings->addresses == NULL ? 0 : g_strv_length (settings->addresses);
  guint ports = settings->ports == NULL ? 0 : g_strv_length (settings->ports);

  if (addresses >= 1 && addresses <= 2 && ports == addresses
      && (settings->user == NULL || strlen (settings->user) <= USER_MAX))
    return TRUE;
  g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                       "a LAN connection needs one or two addresses with ports, and a user name of at most 16 bytes");
  return FALSE;
}

ConnectSettings *
connect_settings_new (GVariant *dict, GError **error)
{
  g_autoptr (ConnectSettings) settings = g_new0 (ConnectSettings, 1);
  const char *interface = "lan";

  settings->authtype = IPMI_AUTHTYPE_RMCP_PLUS;
  settings->privilege = IPMI_PRIVILEGE_ADMIN;
  settings->auth_algorithm = settings->integrity_algorithm = settings->confidentiality_algorithm = CONNECT_UNSET;
  settings->name_only_lookup = TRUE;
  settings->sel_interval = SEL_INTERVAL_DEFAULT;

  g_variant_lookup (dict, FRAME_SETTING_NAME, "s", &settings->name);
  g_variant_lookup (dict, FRAME_SETTING_INTERFACE, "&s", &interface);
  g_variant_lookup (dict, FRAME_SETTING_SMI_NUMBER, "u", &settings->smi_number);
  g_variant_lookup (dict, FRAME_SETTING_ADDRESSES, "^as", &settings->addresses);
  g_variant_lookup (dict, FRAME_SETTING_PORTS, "^as", &settings->ports);
  g_variant_lookup (dict, FRAME_SETTING_USER, "s", &settings->user);
  g_variant_lookup (dict, FRAME_SETTING_NAME_ONLY_LOOKUP, "b", &settings->name_only_lookup);
  g_variant_lookup (dict, FRAME_SETTING_MAX_OUTSTANDING, "u", &settings->max_outstanding);
  g_variant_lookup (dict, FRAME_SETTING_SEL_INTERVAL, "x", &settings->sel_interval);
  settings->sel_interval = MAX (settings->sel_interval, SEL_INTERVAL_MIN);
  settings->max_outstanding = MIN (settings->max_outstanding, OUTSTANDING_MAX);
  read_sensor_settings (dict, settings);
  settings->smi = g_str_equal (interface, "smi");
  if (settings->name == NULL)
    settings->name = g_strdup ("");

  if (!read_secret (dict, FRAME_SETTING_PASSWORD, PASSWORD_MAX, &settings->password, &settings->password_length, error)
      || !read_secret (dict, FRAME_SETTING_BMC_KEY, BMC_KEY_MAX, &settings->bmc_key, &settings->bmc_key_length, error)
      || !read_choices (dict, settings, error) || !read_suite (dict, settings, error)
      || (!settings->smi && !check_lan (settings, error)))
    return NULL;
  return g_steal_pointer (&settings);
}

void
connect_settings_free (ConnectSettings *settings)
{
  if (settings == NULL)
    return;
  if (settings->password != NULL)
    explicit_bzero (settings->password, PASSWORD_MAX + 1);
  if (settings->bmc_key != NULL)
    explicit_bzero (settings->bmc_key, BMC_KEY_MAX + 1);
  g_free (settings->password);
  g_free (settings->bmc_key);
  g_free (settings->name);
  g_free (settings->user);
  g_strfreev (settings->addresses);
  g_strfreev (settings->ports);
  for (guint i = 0; i < settings->n_sensor_intervals; i++)
    g_free (settings->sensor_intervals[i].pattern);
  g_free (settings->sensor_intervals);
  g_free (settings->sdr_cache_key);
  g_clear_pointer (&settings->sdr_cache, g_bytes_unref);
  g_free (settings);
}

/* -------------------------------------------------------------- connection */

typedef struct
{
  ipmi_lanp_parm_t items[16];
  guint count;
} Parameters;

static void
add_value (Parameters *parameters, int id, int value)
{
  g_assert (parameters->count < G_N_ELEMENTS (parameters->items));
  parameters->items[parameters->count++] = (ipmi_lanp_parm_t){ .parm_id = id, .parm_val = value };
}

static void
add_data (Parameters *parameters, int id, gpointer data, gsize length)
{
  g_assert (parameters->count < G_N_ELEMENTS (parameters->items));
  parameters->items[parameters->count++]
      = (ipmi_lanp_parm_t){ .parm_id = id, .parm_data = data, .parm_data_len = (unsigned int) length };
}

static void
add_optional (Parameters *parameters, int id, int value)
{
  if (value != CONNECT_UNSET)
    add_value (parameters, id, value);
}

static void
collect_parameters (const ConnectSettings *settings, const CipherSuite *suite, Parameters *parameters)
{
  guint n = g_strv_length (settings->addresses);

  add_data (parameters, IPMI_LANP_PARMID_ADDRS, settings->addresses, n);
  add_data (parameters, IPMI_LANP_PARMID_PORTS, settings->ports, n);
  add_value (parameters, IPMI_LANP_PARMID_AUTHTYPE, settings->authtype);
  add_value (parameters, IPMI_LANP_PARMID_PRIVILEGE, settings->privilege);
  if (settings->user != NULL)
    add_data (parameters, IPMI_LANP_PARMID_USERNAME, settings->user, strlen (settings->user));
  if (settings->password != NULL)
    add_data (parameters, IPMI_LANP_PARMID_PASSWORD, settings->password, settings->password_length);
  if (settings->bmc_key != NULL)
    add_data (parameters, IPMI_LANP_BMC_KEY, settings->bmc_key, settings->bmc_key_length);
  add_optional (parameters, IPMI_LANP_AUTHENTICATION_ALGORITHM,
                suite != NULL ? suite->authentication : settings->auth_algorithm);
  add_optional (parameters, IPMI_LANP_INTEGRITY_ALGORITHM,
                suite != NULL ? suite->integrity : settings->integrity_algorithm);
  add_optional (parameters, IPMI_LANP_CONFIDENTIALITY_ALGORITHM,
                suite != NULL ? suite->confidentiality : settings->confidentiality_algorithm);
  add_value (parameters, IPMI_LANP_NAME_LOOKUP_ONLY, settings->name_only_lookup);
  if (settings->max_outstanding > 0)
    add_value (parameters, IPMI_LANP_MAX_OUTSTANDING_MSG_COUNT, (int) settings->max_outstanding);
}

ipmi_con_t *
connect_open (const ConnectSettings *settings, const CipherSuite *suite, os_handler_t *handler, GError **error)
{
  Parameters parameters = { .count = 0 };
  ipmi_con_t *con = NULL;
  int result;

  if (settings->smi)
    result = ipmi_smi_setup_con ((int) settings->smi_number, handler, NULL, &con);
  else
    {
      collect_parameters (settings, suite, &parameters);
      result = ipmi_lanp_setup_con (parameters.items, parameters.count, handler, NULL, &con);
    }
  if (result != 0)
    {
      connect_set_error (settings, result, error);
      return NULL;
    }
  con->hacks |= settings->hacks;
  return con;
}

/* OpenIPMI's own choice where there is none, "any" where the BMC is to pick. */
static int
demand (int algorithm, int fallback)
{
  return algorithm == CONNECT_UNSET ? fallback : algorithm < 0 ? INBOX_ANY : algorithm;
}

void
connect_demand (const ConnectSettings *settings, const CipherSuite *suite, InboxDemand *result)
{
  result->rmcp_plus = settings->authtype == IPMI_AUTHTYPE_RMCP_PLUS;
  if (suite != NULL)
    {
      result->authentication = suite->authentication;
      result->integrity = suite->integrity;
      result->confidentiality = suite->confidentiality;
      return;
    }
  result->authentication = demand (settings->auth_algorithm, CIPHER_AUTH_HMAC_SHA1);
  result->integrity = demand (settings->integrity_algorithm, CIPHER_INTEGRITY_HMAC_SHA1_96);
  result->confidentiality = demand (settings->confidentiality_algorithm, CIPHER_CONFIDENTIALITY_AES_CBC_128);
}

gboolean
connect_address (const ConnectSettings *settings, guint i, struct sockaddr_storage *address, socklen_t *length)
{
  struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM };
  struct addrinfo *found = NULL;
  gboolean good;

  if (settings->smi || i >= g_strv_length (settings->addresses)
      || getaddrinfo (settings->addresses[i], settings->ports[i], &hints, &found) != 0)
    return FALSE;
  good = found->ai_addrlen <= sizeof *address;
  if (good)
    {
      memcpy (address, found->ai_addr, found->ai_addrlen);
      *length = found->ai_addrlen;
    }
  freeaddrinfo (found);
  return good;
}
