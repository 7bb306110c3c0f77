/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* secret.c - see secret.h. */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HIDDEN_MARK "[hidden]"
/* What is shorter would make words unreadable, and hide nothing. */
#define HIDDEN_MIN 4u

void
secret_free (char *secret)
{
  if (secret != NULL)
    explicit_bzero (secret, strlen (secret));
  g_free (secret);
}

static gboolean G_GNUC_PRINTF (2, 3) refuse (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error != NULL)
    *error = g_error_new_valist (G_IO_ERROR, G_IO_ERROR_FAILED, format, args);
  va_end (args);
  return FALSE;
}

/* -------------------------------------------------------------------- files */

/* systemd has seen to it that nobody else can read it (systemd.exec(5)). */
static gboolean
is_credential (const char *path)
{
  const char *directory = g_getenv ("CREDENTIALS_DIRECTORY");
  gsize length = directory == NULL ? 0 : strlen (directory);

  return length > 1 && strncmp (path, directory, length) == 0 && path[length] == '/' && strstr (path, "/../") == NULL;
}

static gboolean
is_private (const char *path, const struct stat *status, GError **error)
{
  if (!S_ISREG (status->st_mode))
    return refuse (error, "%s is no regular file", path);
  if (is_credential (path))
    return TRUE;
  if (status->st_uid != 0 && status->st_uid != geteuid ())
    return refuse (error, "%s belongs to neither root nor ipmid's user: chown it", path);
  if ((status->st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return refuse (error, "others than its owner may read or write it: chmod 0600 %s", path);
  return TRUE;
}

/* A descriptor of a file that is private, or -1. */
static int
open_private (const char *path, GError **error)
{
  /* A FIFO must not hold us up. */
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat status;

  if (fd < 0)
    {
      refuse (error, "cannot open %s: %s", path, g_strerror (errno));
      return -1;
    }
  if (fstat (fd, &status) == 0 && is_private (path, &status, error))
    return fd;
  if (error != NULL && *error == NULL)
    refuse (error, "cannot look at %s: %s", path, g_strerror (errno));
  close (fd);
  return -1;
}

gboolean
secret_check_file (const char *path, GError **error)
{
  int fd = open_private (path, error);

  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

/* At most `size` bytes; -1 after an error. */
static gssize
read_all (int fd, char *buffer, gsize size)
{
  gsize have = 0;
  ssize_t n;

  do
    {
      n = read (fd, buffer + have, size - have);
      have += n > 0 ? (gsize) n : 0;
    }
  while (have < size && (n > 0 || (n < 0 && errno == EINTR)));
  return n < 0 ? -1 : (gssize) have;
}

char *
secret_read (const char *path, GError **error)
{
  int fd = open_private (path, error);
  char *text;
  gssize length;

  if (fd < 0)
    return NULL;
  text = g_malloc0 (SECRET_FILE_MAX + 2);
  length = read_all (fd, text, SECRET_FILE_MAX + 1);
  close (fd);
  if (length < 0)
    refuse (error, "cannot read %s: %s", path, g_strerror (errno));
  else if (length > SECRET_FILE_MAX)
    refuse (error, "%s is longer than %u bytes", path, SECRET_FILE_MAX);
  else if (memchr (text, '\0', (gsize) length) != NULL || !g_utf8_validate (text, length, NULL))
    refuse (error, "%s is no text in UTF-8", path);
  else
    return text;
  explicit_bzero (text, SECRET_FILE_MAX + 2);
  g_free (text);
  return NULL;
}

char *
secret_read_line (const char *path, GError **error)
{
  char *text = secret_read (path, error);

  if (text == NULL)
    return NULL;
  for (gsize length = strlen (text); length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'); length--)
    text[length - 1] = '\0';
  if (*text != '\0' && strpbrk (text, "\r\n") == NULL)
    return text;
  refuse (error, *text == '\0' ? "%s is empty" : "%s has more than one line", path);
  secret_free (text);
  return NULL;
}

gboolean
secret_choose (const char *key, const char *value, const char *path, char **secret, GError **error)
{
  *secret = NULL;
  if (value != NULL && path != NULL)
    return refuse (error, "%s and %s-file exclude each other", key, key);
  if (value != NULL)
    *secret = g_strdup (value);
  else if (path != NULL && (*secret = secret_read_line (path, error)) == NULL)
    {
      g_prefix_error (error, "%s-file: ", key);
      return FALSE;
    }
  return TRUE;
}

/* ------------------------------------------------------------------ excerpts */

static void
hide (GString *text, const GPtrArray *hidden)
{
  for (guint i = 0; hidden != NULL && i < hidden->len; i++)
    if (strlen (hidden->pdata[i]) >= HIDDEN_MIN)
      g_string_replace (text, hidden->pdata[i], HIDDEN_MARK, 0);
}

/* Runs of blanks and of what is no character for people become one blank. */
static void
append_clean (GString *out, const char *text)
{
  for (const char *c = text; *c != '\0'; c = g_utf8_next_char (c))
    {
      gunichar character = g_utf8_get_char (c);

      if (g_unichar_isprint (character) && !g_unichar_isspace (character))
        g_string_append_unichar (out, character);
      else if (out->len > 0 && out->str[out->len - 1] != ' ')
        g_string_append_c (out, ' ');
    }
}

char *
secret_excerpt (const char *text, gsize length, gsize maximum, const GPtrArray *hidden)
{
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) length);
  g_autoptr (GString) whole = g_string_new (valid);
  g_autoptr (GString) clean = g_string_new (NULL);

  hide (whole, hidden);
  append_clean (clean, whole->str);
  g_strchomp (clean->str);
  clean->len = strlen (clean->str);
  if (clean->len > maximum)
    {
      const char *end = g_utf8_find_prev_char (clean->str, clean->str + maximum + 1 - strlen ("…"));

      g_string_truncate (clean, end == NULL ? 0 : (gsize) (end - clean->str));
      g_string_append (clean, "…");
    }
  return g_strdup (clean->str);
}
