/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* target.c - see target.h. */
#include "target.h"

#include "core/config-file.h"
#include "event/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET "http" /* in a state directory */

/* Where state directories are, for this user and for root. */
static char *
own_base (void)
{
  const char *state_home = g_getenv ("XDG_STATE_HOME");

  if (geteuid () == 0)
    return g_strdup (STATE_DIR);
  if (state_home != NULL && g_path_is_absolute (state_home))
    return g_build_filename (state_home, "ipmid", NULL);
  return g_build_filename (g_get_home_dir (), ".local", "state", "ipmid", NULL);
}

/* Whether somebody serves DIRECTORY/http. */
static gboolean
is_served (const char *directory)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int parent = open (directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int fd = parent < 0 ? -1 : socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  gboolean served = FALSE;

  g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET, parent);
  if (fd >= 0)
    {
      /* EAGAIN: there is a queue before it. */
      served = connect (fd, (const struct sockaddr *) &address, sizeof address) == 0 || errno == EAGAIN;
      close (fd);
    }
  if (parent >= 0)
    close (parent);
  return served;
}

static void
add_if_served (GPtrArray *found, const char *directory)
{
  if (is_served (directory))
    g_ptr_array_add (found, g_strdup (directory));
}

/* The base itself and what is in it.  `*closed`: one may not look. */
static void
look_below (const char *base, GPtrArray *found, gboolean *closed)
{
  GDir *dir = g_dir_open (base, 0, NULL);
  const char *name;

  if (dir == NULL)
    {
      *closed = *closed || errno == EACCES;
      return;
    }
  add_if_served (found, base);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *directory = g_build_filename (base, name, NULL);
      add_if_served (found, directory);
    }
  g_dir_close (dir);
}

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
refuse_many (GPtrArray *found, GError **error)
{
  g_autoptr (GString) list = g_string_new (NULL);

  g_ptr_array_sort (found, compare);
  for (guint i = 0; i < found->len; i++)
    g_string_append_printf (list, "\n  --state-dir %s", (const char *) found->pdata[i]);
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE, "%u ipmid are running here: choose one with%s", found->len,
               list->str);
}

static char *
find_only (GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *base = own_base ();
  gboolean closed = FALSE;

  look_below (base, found, &closed);
  if (strcmp (base, STATE_DIR) != 0)
    look_below (STATE_DIR, found, &closed);
  if (found->len == 1)
    return g_build_filename (found->pdata[0], SOCKET, NULL);
  if (found->len > 1)
    refuse_many (found, error);
  else if (closed)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_FILE,
                 "no ipmid of yours is running, and you may not look into %s: ask as root, or choose a socket that you "
                 "may use with --socket",
                 STATE_DIR);
  else
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE,
                 "no ipmid is running with its state below %s; choose another place with -c, --state-dir or --socket",
                 base);
  return NULL;
}

char *
target_find (const CtlOptions *options, GError **error)
{
  g_autofree char *base = own_base ();

  if (options->socket != NULL)
    return g_strdup (options->socket);
  if (options->state_dir != NULL)
    return g_build_filename (options->state_dir, SOCKET, NULL);
  if (options->config != NULL)
    return config_file_socket (options->config, error);
  if (options->domain == NULL)
    return find_only (error);
  return core_config_check_name (options->domain, "a domain", error)
             ? g_build_filename (base, options->domain, SOCKET, NULL)
             : NULL;
}
