/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config-secret.c - see config-private.h: passwords and K_g from files. */
#include "core/config-private.h"

#include "core/options.h"
#include "event/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Enough for every secret, and for the hexadecimal form of K_g. */
#define SECRET_MAX 256u

/* Where a secret comes from. */
typedef enum
{
  SECRET_PASSWORD,
  SECRET_BMC_KEY,
} Secret;

/* -------------------------------------------------------------------- files */

void
config_secret_wipe (char *contents, gsize length)
{
  if (contents != NULL)
    explicit_bzero (contents, length);
  g_free (contents);
}

static gboolean
read_all (int fd, gsize maximum, char **contents, gsize *length, GError **error)
{
  char *buffer = g_malloc (maximum + 2); /* the system gives no page that is not written to */
  gsize have = 0;
  ssize_t n;

  do
    {
      n = read (fd, buffer + have, maximum + 1 - have);
      if (n > 0)
        have += (gsize) n;
    }
  while (have <= maximum && (n > 0 || (n < 0 && errno == EINTR)));
  if (n < 0)
    error_usage (error, "cannot read it: %s", g_strerror (errno));
  else if (have > maximum)
    error_usage (error, "it is longer than %zu bytes", maximum);
  if (n < 0 || have > maximum)
    {
      config_secret_wipe (buffer, have);
      return FALSE;
    }
  buffer[have] = '\0';
  *contents = buffer;
  *length = have;
  return TRUE;
}

gboolean
config_secret_read (const char *path, gsize maximum, char **contents, gsize *length, struct stat *status,
                    GError **error)
{
  /* A FIFO must not hold us up. */
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  gboolean ok = FALSE;

  if (fd < 0)
    return error_usage (error, "cannot open it: %s", g_strerror (errno));
  if (fstat (fd, status) < 0)
    error_usage (error, "cannot look at it: %s", g_strerror (errno));
  else if (!S_ISREG (status->st_mode))
    error_usage (error, "it is no regular file");
  else
    ok = read_all (fd, maximum, contents, length, error);
  close (fd);
  return ok;
}

gboolean
config_secret_check_file (const char *path, const struct stat *status, GError **error)
{
  if (status->st_uid != 0 && status->st_uid != geteuid ())
    return error_usage (error, "%s belongs to neither root nor ipmid's user: chown it", path);
  if ((status->st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return error_usage (error, "others than its owner may read or write it: chmod 0600 %s", path);
  return TRUE;
}

/* ------------------------------------------------------------------ secrets */

/* K_g as text or "0x…" becomes what connection_check() takes. */
static char *
parse_bmc_key (const char *text, gsize length, GError **error)
{
  guint8 bytes[CONNECTION_KEY_MAX] = { 0 };
  gsize digits = length - 2;
  char *key;

  if (length < 2 || memcmp (text, "0x", 2) != 0)
    {
      if (length > CONNECTION_KEY_MAX)
        return error_usage (error, "K_g has at most %d bytes", CONNECTION_KEY_MAX), NULL;
      return connection_bmc_key_from_bytes ((const guint8 *) text, length);
    }
  if (digits == 0 || digits % 2 != 0 || digits > 2 * CONNECTION_KEY_MAX
      || strspn (text + 2, "0123456789abcdefABCDEF") < digits)
    return error_usage (error, "K_g after 0x is an even number of hexadecimal digits, at most %d",
                        2 * CONNECTION_KEY_MAX),
           NULL;
  for (gsize i = 0; i < digits / 2; i++)
    bytes[i] = (guint8) (g_ascii_xdigit_value (text[2 + 2 * i]) << 4 | g_ascii_xdigit_value (text[3 + 2 * i]));
  key = connection_bmc_key_from_bytes (bytes, sizeof bytes);
  explicit_bzero (bytes, sizeof bytes);
  return key;
}

static char *
parse_password (const char *text, gsize length, GError **error)
{
  if (length == 0)
    return error_usage (error, "it is empty"), NULL;
  if (memchr (text, '\n', length) != NULL)
    return error_usage (error, "it has more than one line"), NULL;
  if (memchr (text, '\0', length) != NULL)
    return error_usage (error, "it has a NUL byte in it"), NULL;
  if (length > CONNECTION_KEY_MAX)
    return error_usage (error, "IPMI has room for %d bytes only", CONNECTION_KEY_MAX), NULL;
  return g_strndup (text, length);
}

/* The end of the line is no part of a secret, unless it is twenty bytes of any
 * kind. */
static char *
parse_file (Secret secret, const char *text, gsize length, GError **error)
{
  gboolean binary = secret == SECRET_BMC_KEY && length == CONNECTION_KEY_MAX;

  if (!binary && length > 0 && text[length - 1] == '\n')
    length--;
  if (!binary && length > 0 && text[length - 1] == '\r')
    length--;
  return secret == SECRET_PASSWORD ? parse_password (text, length, error) : parse_bmc_key (text, length, error);
}

static char *
read_secret (Secret secret, const char *path, gboolean trusted, GError **error)
{
  char *contents, *result = NULL;
  gsize length;
  struct stat status;

  if (!config_secret_read (path, SECRET_MAX, &contents, &length, &status, error))
    return NULL;
  if (trusted || config_secret_check_file (path, &status, error))
    result = parse_file (secret, contents, length, error);
  config_secret_wipe (contents, length);
  return result;
}

/* Read once, however many BMCs have it; what is wrong with it is said once. */
static const char *
secret_of_file (ConfigLoader *loader, const IniGroup *group, const char *key, Secret secret, const char *path,
                gboolean trusted)
{
  g_autofree char *name = g_strdup_printf ("%d %s", secret, path);
  g_autoptr (GError) error = NULL;
  char *text;

  if (path == NULL)
    return NULL; /* it was no path, and that was said */
  if (g_hash_table_contains (loader->secret_files, name))
    return g_hash_table_lookup (loader->secret_files, name);
  text = read_secret (secret, path, trusted, &error);
  if (text == NULL)
    config_report_problem (loader, CONFIG_ERROR, group->file, ini_find (group, key)->line, "%s: %s: %s", key, path,
                           error->message);
  g_hash_table_insert (loader->secret_files, g_steal_pointer (&name), text);
  return text;
}

/* systemd has seen to it that nobody else can read it (systemd.exec(5)). */
static const char *
secret_of_credential (ConfigLoader *loader, const IniGroup *group, const char *credential)
{
  const char *directory = g_getenv ("CREDENTIALS_DIRECTORY");
  g_autofree char *path = NULL;

  if (credential == NULL)
    return NULL;
  if (directory == NULL || strchr (credential, '/') != NULL || *credential == '\0' || *credential == '.')
    {
      config_report_problem (loader, CONFIG_ERROR, group->file, ini_find (group, "credential")->line,
                             directory == NULL
                                 ? "credential: '%s' cannot be found: systemd gives ipmid no credentials; see "
                                   "LoadCredential= in systemd.exec(5)"
                                 : "credential: '%s' cannot be the name of a credential",
                             credential);
      return NULL;
    }
  path = g_build_filename (directory, credential, NULL);
  return secret_of_file (loader, group, "credential", SECRET_PASSWORD, path, TRUE);
}

static gboolean
replace (char **secret, const char *text)
{
  if (text == NULL)
    return FALSE;
  options_free_secret (*secret);
  *secret = g_strdup (text);
  return TRUE;
}

/* What a group may say in one way only. */
static gboolean
check_one_way (ConfigLoader *loader, const IniGroup *group, const char *const *ways)
{
  const char *first = NULL;

  for (; *ways != NULL; ways++)
    {
      const IniEntry *entry = ini_find (group, *ways);

      if (entry != NULL && first != NULL)
        {
          config_report_problem (loader, CONFIG_ERROR, group->file, entry->line,
                                 "%s and %s exclude each other in one group", first, *ways);
          return FALSE;
        }
      first = entry != NULL ? *ways : first;
    }
  return TRUE;
}

/* A key that stands in the file itself. */
static gboolean
normalize_bmc_key (ConfigLoader *loader, const IniGroup *group, char **bmc_key)
{
  const IniEntry *entry = ini_find (group, "bmc-key");
  g_autoptr (GError) error = NULL;
  char *key;

  if (entry == NULL || *bmc_key == NULL || strlen (*bmc_key) == 2 + 2 * CONNECTION_KEY_MAX)
    return TRUE;
  key = parse_bmc_key (*bmc_key, strlen (*bmc_key), &error);
  if (key == NULL)
    config_report_problem (loader, CONFIG_ERROR, group->file, entry->line, "bmc-key: %s", error->message);
  options_free_secret (*bmc_key);
  *bmc_key = key;
  return key != NULL;
}

gboolean
config_secret_apply (ConfigLoader *loader, const IniGroup *group, BmcSettings *settings)
{
  static const char *const password_ways[] = { "password", "password-file", "credential", NULL };
  static const char *const key_ways[] = { "bmc-key", "bmc-key-file", NULL };
  Connection *connection = &settings->connection;
  const char *path = settings->password_file, *key_path = settings->bmc_key_file;

  if (!check_one_way (loader, group, password_ways) || !check_one_way (loader, group, key_ways))
    return FALSE;
  if (ini_find (group, "password-file") != NULL
      && !replace (&connection->password,
                   secret_of_file (loader, group, "password-file", SECRET_PASSWORD, path, FALSE)))
    return FALSE;
  if (ini_find (group, "credential") != NULL
      && !replace (&connection->password, secret_of_credential (loader, group, settings->credential)))
    return FALSE;
  if (ini_find (group, "bmc-key-file") != NULL
      && !replace (&connection->bmc_key,
                   secret_of_file (loader, group, "bmc-key-file", SECRET_BMC_KEY, key_path, FALSE)))
    return FALSE;
  return normalize_bmc_key (loader, group, &connection->bmc_key);
}
