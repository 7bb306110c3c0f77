/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import.c - see import.h: the two INI formats, and what is printed. */
#include "import.h"

#include "core/address.h"
#include "core/connection.h"
#include "core/options.h"
#include "core/range.h"
#include "event/error.h"
#include "event/text.h"
#include "import-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* In a comment it says which password the BMC has. */
#define NVIDIA "nvidia"
#define HOST_MAX 253u

/* --------------------------------------------------------------------- list */

void
import_server_free (gpointer data)
{
  ImportServer *server = data;

  if (server == NULL)
    return;
  g_free (server->name);
  g_free (server->address);
  g_free (server->host);
  g_free (server->notes);
  g_free (server->user);
  options_free_secret (server->password);
  g_free (server);
}

ImportList *
import_list_new (void)
{
  ImportList *list = g_new0 (ImportList, 1);

  list->servers = g_ptr_array_new_with_free_func (import_server_free);
  list->remarks = g_ptr_array_new_with_free_func (g_free);
  return list;
}

void
import_list_free (ImportList *list)
{
  if (list == NULL)
    return;
  g_ptr_array_unref (list->servers);
  g_ptr_array_unref (list->remarks);
  g_free (list);
}

ImportServer *
import_list_add (ImportList *list, guint line)
{
  ImportServer *server = g_new0 (ImportServer, 1);

  server->line = line;
  server->enabled = TRUE;
  g_ptr_array_add (list->servers, server);
  return server;
}

void
import_list_remark (ImportList *list, guint line, const char *format, ...)
{
  g_autofree char *message = NULL, *clean = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  clean = text_clean (message, -1, 1024);
  g_ptr_array_add (list->remarks, line != 0 ? g_strdup_printf ("line %u: %s", line, clean) : g_steal_pointer (&clean));
}

/* --------------------------------------------------------------------- keys */

/* Python's and JSON's words. */
static gboolean
is_true (const char *value, gboolean *result)
{
  static const char *const words[] = { "false", "true", "no", "yes", "0", "1", "off", "on" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strcasecmp (value, words[i]) == 0)
      {
        *result = (gboolean) (i % 2);
        return TRUE;
      }
  return FALSE;
}

static void
set_boolean (ImportList *list, guint line, const char *key, const char *value, gboolean *member)
{
  if (!is_true (value, member))
    import_list_remark (list, line, "\"%s\" is neither true nor false", key);
}

static void
set_string (char **member, const char *value)
{
  options_free_secret (*member);
  *member = g_strdup (value);
}

/* One line without control characters, in UTF-8. */
static gboolean
is_plain (const char *text, gsize maximum)
{
  g_autofree char *clean = text_clean (text, -1, maximum);

  return *text != '\0' && g_str_equal (clean, text);
}

/* A part of the configuration in which "[1-3]" would be a range. */
static gboolean
is_single (const char *text)
{
  g_autoptr (Range) range = range_parse (text, NULL);

  return range != NULL && !range_is_many (range);
}

static void
set_user (ImportList *list, ImportServer *server, guint line, const char *value)
{
  if (is_plain (value, CONNECTION_USER_MAX) && is_single (value))
    set_string (&server->user, value);
  else
    import_list_remark (list, line, "this user name cannot be one of IPMI (at most %d bytes): left out",
                        CONNECTION_USER_MAX);
}

static void
set_password (ImportList *list, ImportServer *server, guint line, const char *value)
{
  if (is_plain (value, CONNECTION_KEY_MAX))
    set_string (&server->password, value);
  else
    import_list_remark (list, line, "this password cannot be one of IPMI (at most %d bytes): left out",
                        CONNECTION_KEY_MAX);
}

static void
set_host (ImportList *list, ImportServer *server, guint line, const char *value)
{
  if (is_plain (value, HOST_MAX) && is_single (value))
    set_string (&server->host, value);
  else
    import_list_remark (list, line, "server_ip is neither a name nor an address: left out");
}

gboolean
import_server_set (ImportList *list, ImportServer *server, guint line, const char *key, const char *value)
{
  if (g_str_equal (key, "bmc_ip"))
    set_string (&server->address, value);
  else if (g_str_equal (key, "server_name") || g_str_equal (key, "name"))
    set_string (&server->name, value);
  else if (g_str_equal (key, "server_ip"))
    set_host (list, server, line, value);
  else if (g_str_equal (key, "ipmi_user"))
    set_user (list, server, line, value);
  else if (g_str_equal (key, "ipmi_pass"))
    set_password (list, server, line, value);
  else if (g_str_equal (key, "enabled"))
    set_boolean (list, line, key, value, &server->enabled);
  else if (g_str_equal (key, "use_nvidia_password") || g_str_equal (key, "nvidia"))
    set_boolean (list, line, key, value, &server->nvidia);
  else if (g_str_equal (key, "notes"))
    set_string (&server->notes, value);
  else
    return FALSE;
  return TRUE;
}

/* ---------------------------------------------------------------------- INI */

typedef struct
{
  ImportList *list;
  char *group; /* "[server-01]"'s name; NULL: none yet */
  guint group_line;
  ImportServer *server; /* of that group; NULL until it has a key */
} Ini;

/* "10.1.2.3 = server-01  # nvidia" */
static void
take_address (Ini *ini, guint line, const char *address, const char *rest)
{
  ImportServer *server = import_list_add (ini->list, line);
  const char *hash = strchr (rest, '#');

  server->address = g_strdup (address);
  server->name = g_strndup (rest, strcspn (rest, " \t#"));
  if (hash != NULL)
    {
      g_autofree char *lower = g_ascii_strdown (hash, -1);

      server->notes = g_strstrip (g_strdup (hash + 1));
      server->nvidia = strstr (lower, NVIDIA) != NULL;
    }
  else if (rest[strcspn (rest, " \t")] != '\0')
    import_list_remark (ini->list, line, "only the first word is the server's name");
}

static gboolean
is_address (const char *key)
{
  g_autofree char *host = NULL, *port = NULL;

  return strpbrk (key, ".:") != NULL && address_parse (key, &host, &port, NULL);
}

static void
take_pair (Ini *ini, guint line, const char *key, const char *value)
{
  if (is_address (key))
    take_address (ini, line, key, value);
  else if (ini->group == NULL)
    import_list_remark (ini->list, line, "\"%s\" is neither an address nor a key of a [server]", key);
  else
    {
      if (ini->server == NULL)
        {
          ini->server = import_list_add (ini->list, ini->group_line);
          ini->server->name = g_strdup (ini->group);
        }
      if (!import_server_set (ini->list, ini->server, line, key, value))
        import_list_remark (ini->list, line, "\"%s\" means nothing to ipmid", key);
    }
}

static void
take_line (Ini *ini, guint line, char *text)
{
  char *equals = strchr (g_strstrip (text), '=');
  gsize length = strlen (text);

  if (length == 0 || *text == '#' || *text == ';')
    return;
  if (*text == '[' && text[length - 1] == ']')
    {
      g_free (ini->group);
      ini->group = g_strstrip (g_strndup (text + 1, length - 2));
      ini->group_line = line;
      ini->server = NULL;
    }
  else if (equals == NULL || equals == text)
    import_list_remark (ini->list, line, "this is neither a [server], nor key = value, nor address = name");
  else
    {
      *equals = '\0';
      take_pair (ini, line, g_strstrip (text), g_strstrip (equals + 1));
    }
}

static void
parse_ini (ImportList *list, const char *text, gsize length)
{
  Ini ini = { .list = list };
  const char *end = text + length;

  for (guint line = 1; text < end; line++)
    {
      const char *newline = memchr (text, '\n', (gsize) (end - text));
      gsize size = (gsize) ((newline != NULL ? newline : end) - text);
      char *copy = g_strndup (text, size);

      if (strlen (copy) < size || !g_utf8_validate (copy, -1, NULL))
        import_list_remark (list, line, "this is no text in UTF-8");
      else
        take_line (&ini, line, copy);
      explicit_bzero (copy, size);
      g_free (copy);
      text += size + 1;
    }
  g_free (ini.group);
}

/* "[" opens a list in JSON, and a group in INI. */
static gboolean
is_json (const char *text, gsize length)
{
  gsize at = 0;

  while (at < length && g_ascii_isspace (text[at]))
    at++;
  if (at < length && text[at] == '{')
    return TRUE;
  if (at == length || text[at++] != '[')
    return FALSE;
  while (at < length && g_ascii_isspace (text[at]))
    at++;
  return at < length && (text[at] == '{' || text[at] == ']');
}

ImportList *
import_parse (const char *text, gsize length)
{
  ImportList *list = import_list_new ();

  if (is_json (text, length))
    import_parse_json (list, text, length);
  else
    parse_ini (list, text, length);
  return list;
}

/* --------------------------------------------------------------------- files */

/* Never in the place of a file that is there. */
static gboolean
write_secrets (const char *path, const char *text, GError **error)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  gsize length = strlen (text), done = 0;
  ssize_t n = 0;
  int reason = errno;

  if (fd < 0)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_FILE, "cannot make %s for the passwords: %s%s", path,
                   g_strerror (reason),
                   reason == EEXIST ? "; nothing was overwritten: give another --credentials-file" : "");
      return FALSE;
    }
  while (done < length && ((n = write (fd, text + done, length - done)) >= 0 || errno == EINTR))
    done += (gsize) MAX (n, 0);
  if (done == length && fsync (fd) == 0 && close (fd) == 0)
    return TRUE;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_FILE, "cannot write %s: %s", path, g_strerror (errno));
  unlink (path);
  return FALSE;
}

static void
print_remarks (const ImportList *list, const char *path, FILE *err)
{
  for (guint i = 0; i < list->remarks->len; i++)
    fprintf (err, "%s: %s\n", path, (const char *) list->remarks->pdata[i]);
}

static int
fail (const GError *error, FILE *err, int exit_status)
{
  fprintf (err, "ipmid: %s\n", error->message);
  return exit_status;
}

int
import_list (const char *path, const char *credentials_file, FILE *out, FILE *err)
{
  g_autofree char *fallback = g_strconcat (path, ".credentials", NULL), *config = NULL;
  const char *secrets_path = credentials_file != NULL ? credentials_file : fallback;
  g_autoptr (GError) error = NULL;
  g_autoptr (ImportList) list = NULL;
  char *text, *secrets = NULL;
  gsize length;
  int exit_status = EX_OK;

  if (!g_file_get_contents (path, &text, &length, &error))
    return fail (error, err, EX_NOINPUT);
  list = import_parse (text, length);
  explicit_bzero (text, length);
  g_free (text);
  config = import_render (list, path, secrets_path, &secrets);
  print_remarks (list, path, err);
  if (secrets != NULL && !write_secrets (secrets_path, secrets, &error))
    exit_status = fail (error, err, EX_CANTCREAT);
  else if (list->servers->len == 0)
    {
      fprintf (err, "ipmid: there is no server in %s that ipmid could watch\n", path);
      exit_status = EX_DATAERR;
    }
  else
    {
      fputs (config, out);
      if (secrets != NULL)
        fprintf (err, "ipmid: the passwords are in %s\n", secrets_path);
    }
  options_free_secret (secrets);
  return exit_status;
}
