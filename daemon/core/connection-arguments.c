/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connection-arguments.c - see connection.h: openipmi_eventd's connection parameters. */
#include "core/connection.h"

#include "core/log.h"
#include "core/options.h"
#include "event/error.h"

#include <string.h>

/* One parameter of "lan": the key that it sets, with its own argument or with
 * a fixed value. */
typedef struct
{
  const char *flag;
  const char *key;
  const char *value;
} LanFlag;

static const LanFlag lan_flags[] = {
  { "-U", "user", NULL },
  { "-P", "password", NULL },
  { "-p", "port", NULL },
  { "-p2", "port2", NULL },
  { "-A", "authtype", NULL },
  { "-L", "privilege", NULL },
  { "-s", NULL, NULL },
  { "-Ra", "auth-algorithm", NULL },
  { "-Ri", "integrity-algorithm", NULL },
  { "-Rc", "confidentiality-algorithm", NULL },
  { "-Rl", "name-only-lookup", "no" },
  { "-Rk", "bmc-key", NULL },
  { "-H", "hacks", NULL },
  { "-4", "family", "ipv4" },
  { "-6", "family", "ipv6" },
  { "-M", "max-outstanding", NULL },
};

static const LanFlag *
find_flag (const char *argument)
{
  for (guint i = 0; i < G_N_ELEMENTS (lan_flags); i++)
    if (g_str_equal (lan_flags[i].flag, argument))
      return &lan_flags[i];
  return NULL;
}

gboolean
connection_is_lan_option (const char *argument)
{
  return find_flag (argument) != NULL;
}

static gboolean
refuse_flag (const char *argument, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (lan_flags); i++)
    if (g_ascii_strcasecmp (lan_flags[i].flag, argument) == 0)
      {
        g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "lan: '%s' is not known: did you mean %s?", argument,
                     lan_flags[i].flag);
        return FALSE;
      }
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
               "lan: '%s' is no connection parameter: ipmid's own options stand after the host", argument);
  return FALSE;
}

/* As OpenIPMI does, what is too long for IPMI is cut; a user name between
 * two characters. */
static void
cut (const char *flag, char *text, gsize maximum)
{
  gsize length = strlen (text);

  if (length <= maximum)
    return;
  log_line (IPMID_LOG_WARNING, NULL, "lan %s: IPMI has room for %zu bytes, the rest is cut off", flag, maximum);
  if (g_utf8_validate (text, -1, NULL))
    while (maximum > 0 && ((guchar) text[maximum] & 0xc0) == 0x80)
      maximum--;
  explicit_bzero (text + maximum, length - maximum);
}

/* OpenIPMI's -M knows hexadecimal and octal numbers, too. */
static char *
decimal (const char *text)
{
  char *end;
  gint64 number = g_ascii_strtoll (text, &end, 0);

  if (end == text || *end != '\0')
    return g_strdup (text);
  return g_strdup_printf ("%" G_GINT64_FORMAT, number);
}

static void
add_hack (Connection *connection, const char *hack)
{
  guint n = connection->hacks != NULL ? g_strv_length (connection->hacks) : 0;

  if (!g_strv_contains (connection_hacks, hack))
    {
      log_line (IPMID_LOG_WARNING, NULL, "lan -H: an unknown hack is ignored, as OpenIPMI does");
      return;
    }
  connection->hacks = g_renew (char *, connection->hacks, n + 2);
  connection->hacks[n] = g_strdup (hack);
  connection->hacks[n + 1] = NULL;
}

static gboolean
apply_flag (Connection *connection, const LanFlag *flag, char *argument, GError **error)
{
  const IpmidOption *option = options_find (connection_options, flag->key);
  g_autofree char *number = NULL;
  gboolean ok = TRUE;

  if (option->type == IPMID_OPTION_LIST)
    add_hack (connection, argument);
  else if (option->type == IPMID_OPTION_INTEGER)
    ok = options_set (option, connection, number = decimal (argument), error);
  else
    ok = options_set (option, connection, argument, error);
  if (ok && option->type == IPMID_OPTION_SECRET)
    cut (flag->flag, *(char **) G_STRUCT_MEMBER_P (connection, option->offset), CONNECTION_KEY_MAX);
  if (ok && g_str_equal (flag->flag, "-U"))
    cut (flag->flag, connection->user, CONNECTION_USER_MAX);
  /* All bytes of a secret leave the process list, also when it was wrong. */
  if (option->type == IPMID_OPTION_SECRET)
    explicit_bzero (argument, strlen (argument));
  if (!ok)
    g_prefix_error (error, "lan %s: ", flag->flag);
  return ok;
}

/* One parameter with its value. */
static gboolean
parse_flag (Connection *connection, int argc, char **argv, int *index, gboolean *two_hosts, GError **error)
{
  const LanFlag *flag = find_flag (argv[*index]);

  if (flag == NULL)
    return refuse_flag (argv[*index], error);
  (*index)++;
  if (flag->key == NULL)
    return *two_hosts = TRUE;
  if (flag->value != NULL)
    return options_set (options_find (connection_options, flag->key), connection, flag->value, error);
  if (*index >= argc)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "lan: %s needs a value", flag->flag);
      return FALSE;
    }
  return apply_flag (connection, flag, argv[(*index)++], error);
}

static gboolean
take_host (char **host, int argc, char **argv, int *index, const char *words, GError **error)
{
  if (*index >= argc || argv[*index][0] == '-')
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "lan: %s", words);
      return FALSE;
    }
  *host = g_strdup (argv[(*index)++]);
  return TRUE;
}

static gboolean
parse_lan (Connection *connection, int argc, char **argv, int *index, GError **error)
{
  gboolean two_hosts = FALSE;

  while (*index < argc && argv[*index][0] == '-')
    if (!parse_flag (connection, argc, argv, index, &two_hosts, error))
      return FALSE;
  if (!take_host (&connection->host, argc, argv, index, "the host is missing", error))
    return FALSE;
  return !two_hosts || take_host (&connection->host2, argc, argv, index, "-s needs two hosts", error);
}

static gboolean
parse_smi (Connection *connection, int argc, char **argv, int *index, GError **error)
{
  const char *number = *index < argc ? argv[(*index)++] : NULL;

  connection->interface = CONNECTION_SMI;
  if (number == NULL)
    g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                         "smi: the number of the interface is missing: 'smi 0' is /dev/ipmi0");
  else if (options_set (options_find (connection_options, "smi-number"), connection, number, NULL))
    return TRUE;
  else
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "smi: '%s' is no number of an interface: 'smi 0' is /dev/ipmi0",
                 number);
  return FALSE;
}

Connection *
connection_parse_arguments (int argc, char **argv, int *index, GError **error)
{
  g_autoptr (Connection) connection = connection_new ();
  const char *type = *index < argc ? argv[(*index)++] : NULL;
  gboolean ok = FALSE;

  if (type == NULL)
    g_set_error_literal (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                         "the connection is missing: 'lan -U USER -P PASSWORD HOST' or 'smi 0'");
  else if (g_str_equal (type, "lan"))
    ok = parse_lan (connection, argc, argv, index, error);
  else if (g_str_equal (type, "smi"))
    ok = parse_smi (connection, argc, argv, index, error);
  else
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "'%s' is no kind of connection: lan or smi is right", type);
  if (!ok || !connection_check (connection, error))
    return NULL;
  return g_steal_pointer (&connection);
}
