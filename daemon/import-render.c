/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import-render.c - see import.h: from a server list to a configuration. */
#include "core/address.h"
#include "core/core.h"
#include "core/options.h"
#include "core/range.h"
#include "event/text.h"
#include "import-private.h"

#include <string.h>

/* The user that IPMI Monitor takes if the list names none. */
#define DEFAULT_USER "admin"
#define NOTES_MAX 200u

/* ------------------------------------------------------- what can be used */

/* What two servers cannot share. */
typedef struct
{
  GHashTable *names, *addresses; /* to the first ImportServer */
} Taken;

static gboolean
is_single (const char *text)
{
  g_autoptr (Range) range = range_parse (text, NULL);

  return range != NULL && !range_is_many (range) && !g_ascii_isspace (*text)
         && (*text == '\0' || !g_ascii_isspace (text[strlen (text) - 1]));
}

static gboolean
check_address (ImportList *list, const ImportServer *server, char **key)
{
  g_autofree char *host = NULL, *port = NULL, *canonical = NULL;

  if (server->address == NULL)
    import_list_remark (list, server->line, "this server has no bmc_ip: left out");
  else if (!is_single (server->address) || !address_parse (server->address, &host, &port, NULL))
    import_list_remark (list, server->line, "bmc_ip is no address: left out");
  else
    {
      canonical = address_canonical (host);
      *key = g_strdup_printf ("%s %u", canonical, port != NULL ? address_port (port) : 623);
      return TRUE;
    }
  return FALSE;
}

static gboolean
check_name (ImportList *list, const ImportServer *server)
{
  const char *name = server->name;

  if (name != NULL && strpbrk (name, "\n\r") == NULL && is_single (name)
      && core_config_check_name (name, "a BMC", NULL))
    return TRUE;
  import_list_remark (list, server->line, "this server has no name that ipmid could use: left out");
  return FALSE;
}

static gboolean
take (ImportList *list, GHashTable *taken, char *key, const ImportServer *server, const char *what)
{
  const ImportServer *other = g_hash_table_lookup (taken, key);

  if (other == NULL)
    {
      g_hash_table_insert (taken, key, (gpointer) server);
      return TRUE;
    }
  import_list_remark (list, server->line, "another server has this %s (line %u): left out", what, other->line);
  g_free (key);
  return FALSE;
}

static gboolean
is_usable (ImportList *list, const Taken *taken, const ImportServer *server)
{
  char *address = NULL;

  return check_name (list, server) && check_address (list, server, &address)
         && take (list, taken->addresses, address, server, "address")
         && take (list, taken->names, g_strdup (server->name), server, "name");
}

/* Leaves out what cannot be used. */
static void
sift (ImportList *list)
{
  const Taken taken = { g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
                        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  GPtrArray *usable = g_ptr_array_new_with_free_func (import_server_free);

  for (guint i = 0; i < list->servers->len; i++)
    if (is_usable (list, &taken, list->servers->pdata[i]))
      g_ptr_array_add (usable, g_steal_pointer (&list->servers->pdata[i]));
  g_hash_table_unref (taken.names);
  g_hash_table_unref (taken.addresses);
  g_ptr_array_unref (list->servers);
  list->servers = usable;
}

/* --------------------------------------------------------------- credentials */

/* The text grows without leaving copies of a password behind. */
static void
append_secret (GString **text, const char *more)
{
  GString *bigger;

  if ((*text)->len + strlen (more) >= (*text)->allocated_len)
    {
      bigger = g_string_sized_new (2 * ((*text)->len + strlen (more)));
      g_string_append (bigger, (*text)->str);
      options_free_secret (g_string_free (*text, FALSE));
      *text = bigger;
    }
  g_string_append (*text, more);
}

/* GKeyFile's escapes. */
static char *
escape (const char *value)
{
  GString *out = g_string_sized_new (2 * strlen (value) + 1);
  gsize last = strlen (value) - 1;

  for (gsize i = 0; value[i] != '\0'; i++)
    if (value[i] == '\\')
      g_string_append (out, "\\\\");
    else if (value[i] == ' ' && (i == 0 || i == last))
      g_string_append (out, "\\s");
    else
      g_string_append_c (out, value[i]);
  return g_string_free (out, FALSE);
}

static void
append_group (GString **text, const char *name, const char *user, const char *password)
{
  g_autofree char *head = g_strdup_printf ("\n[credentials %s]\nuser = ", name), *shown = escape (user);
  char *secret = password != NULL ? escape (password) : NULL;

  append_secret (text, head);
  append_secret (text, shown);
  append_secret (text, secret != NULL ? "\npassword = " : "\n# This password is not in the list.\n# password = ");
  append_secret (text, secret != NULL ? secret : "");
  append_secret (text, "\n");
  options_free_secret (secret);
}

/* The name of the group with this server's secrets, made if there is none. */
static char *
credentials_of (GHashTable *groups, GString **text, const ImportServer *server)
{
  const char *user = server->user != NULL ? server->user : DEFAULT_USER;
  char *key, *name;

  if (server->password == NULL && !server->nvidia)
    return NULL;
  key = g_strconcat (user, "\n", server->password != NULL ? server->password : "", NULL);
  name = g_hash_table_lookup (groups, key);
  if (name == NULL)
    {
      name = server->password != NULL ? g_strdup_printf ("imported-%u", g_hash_table_size (groups) + 1)
                                      : g_strconcat ("nvidia-", user, NULL);
      append_group (text, name, user, server->password);
      g_hash_table_insert (groups, key, name);
    }
  else
    options_free_secret (key);
  return g_strdup (name);
}

/* -------------------------------------------------------------------- output */

static void
append_value (GString *out, const char *key, const char *value)
{
  g_autofree char *escaped = escape (value);

  g_string_append_printf (out, "%s = %s\n", key, escaped);
}

static void
append_server (GString *out, const ImportServer *server, const char *credentials)
{
  g_string_append_printf (out, "\n[bmc %s]\n", server->name);
  if (server->notes != NULL && *server->notes != '\0')
    {
      g_autofree char *notes = text_clean (server->notes, -1, NOTES_MAX);

      g_string_append_printf (out, "# %s\n", notes);
    }
  append_value (out, "address", server->address);
  if (server->host != NULL)
    append_value (out, "host", server->host);
  if (credentials != NULL)
    g_string_append_printf (out, "credentials = %s\n", credentials);
  else if (server->user != NULL)
    append_value (out, "user", server->user);
  if (!server->enabled)
    g_string_append (out, "enabled = no\n");
}

static void
append_head (GString *out, const char *source, const char *credentials_file)
{
  g_autofree char *shown = text_clean (source, -1, G_MAXUINT16);

  g_string_append_printf (out, "# From %s; what the keys mean: ipmid.conf(5).\n\n[daemon]\n", shown);
  if (credentials_file != NULL)
    append_value (out, "credentials-file", credentials_file);
  g_string_append (out, "\n[defaults]\nuser = " DEFAULT_USER "\n"
                        "# IPMI Monitor's own password (IPMI_PASS) does not stand in its list:\n"
                        "# password-file = /etc/ipmid/password\n"
                        "\n# What to do with events:\n"
                        "# [handler log]\n# plugin = file\n# path = /var/log/ipmid/events.json\n# format = json\n");
}

static void
free_secret (gpointer secret)
{
  options_free_secret (secret);
}

char *
import_render (ImportList *list, const char *source, const char *credentials_file, char **credentials)
{
  g_autoptr (GHashTable) groups = g_hash_table_new_full (g_str_hash, g_str_equal, free_secret, g_free);
  g_autoptr (GString) body = g_string_new (NULL);
  GString *secrets = g_string_sized_new (4096), *out = g_string_new (NULL);

  sift (list);
  append_secret (&secrets, "# Nobody but ipmid's user or root may read this file.\n");
  for (guint i = 0; i < list->servers->len; i++)
    {
      const ImportServer *server = list->servers->pdata[i];
      g_autofree char *name = credentials_of (groups, &secrets, server);

      append_server (body, server, name);
    }
  *credentials = g_string_free (secrets, FALSE);
  if (g_hash_table_size (groups) == 0)
    g_clear_pointer (credentials, options_free_secret);
  append_head (out, source, *credentials != NULL ? credentials_file : NULL);
  g_string_append (out, body->str);
  return g_string_free (out, FALSE);
}
