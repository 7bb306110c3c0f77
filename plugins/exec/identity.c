/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* identity.c - see identity.h. */
#include "identity.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* More supplementary groups than the kernel takes (NGROUPS_MAX) nobody has. */
#define GROUPS_MAX 65536

#define CAPABILITY(number) (1u << (number))

static void
find_groups (Identity *identity)
{
  int room = 32;

  do
    {
      identity->n_groups = room;
      identity->groups = g_renew (gid_t, identity->groups, room);
      room *= 2;
    }
  while (getgrouplist (identity->name, identity->gid, identity->groups, &identity->n_groups) < 0 && room <= GROUPS_MAX);
}

Identity *
identity_new (const char *user, GError **error)
{
  g_autofree char *buffer = NULL;
  gsize size = 1024;
  struct passwd entry, *found = NULL;
  Identity *identity;
  int status;

  do
    {
      size *= 2;
      g_free (buffer);
      buffer = g_malloc (size);
      status = getpwnam_r (user, &entry, buffer, size, &found);
    }
  while (status == ERANGE || status == EINTR);
  if (found == NULL)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "user = %s: %s", user,
                   status == 0 ? "there is no such user" : g_strerror (status));
      return NULL;
    }
  identity = g_new0 (Identity, 1);
  identity->name = g_strdup (entry.pw_name);
  identity->home = g_strdup (entry.pw_dir);
  identity->uid = entry.pw_uid;
  identity->gid = entry.pw_gid;
  find_groups (identity);
  return identity;
}

void
identity_free (Identity *identity)
{
  if (identity == NULL)
    return;
  g_free (identity->name);
  g_free (identity->home);
  g_free (identity->groups);
  g_free (identity);
}

static gboolean
get_capabilities (struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
  struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };

  return syscall (SYS_capget, &header, data) == 0;
}

/* Of a change from one plain user to another the kernel leaves them standing. */
static gboolean
drop_capabilities (void)
{
  struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
  const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0, 0, 0 }, { 0, 0, 0 } };

  return syscall (SYS_capset, &header, none) == 0;
}

void
identity_keep_capabilities (void)
{
  /* Only of these does a plain program inherit any.  A kernel that does not know
   * them has none. */
  prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

gboolean
identity_may_change (const char *user, GError **error)
{
  const guint32 needed = CAPABILITY (CAP_SETUID) | CAPABILITY (CAP_SETGID) | CAPABILITY (CAP_KILL);
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

  if (get_capabilities (data) && (data[0].effective & needed) == needed)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_PERM,
               "user = %s: to run programs as another user, ipmid has to be root or to have the capabilities "
               "CAP_SETUID, CAP_SETGID and CAP_KILL",
               user);
  return FALSE;
}

/* Nothing of what this process was is left. */
static gboolean
has_become (const Identity *identity)
{
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  uid_t uids[3];
  gid_t gids[3];

  if (getresuid (&uids[0], &uids[1], &uids[2]) != 0 || getresgid (&gids[0], &gids[1], &gids[2]) != 0
      || !get_capabilities (data) || getgroups (0, NULL) != identity->n_groups)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (uids); i++)
    if (uids[i] != identity->uid || gids[i] != identity->gid)
      return FALSE;
  return identity->uid == 0
         || (data[0].permitted == 0 && data[1].permitted == 0 && data[0].inheritable == 0 && data[1].inheritable == 0
             && setresuid (0, 0, 0) != 0);
}

int
identity_become (const Identity *identity)
{
  if (setgroups ((size_t) identity->n_groups, identity->groups) != 0
      || setresgid (identity->gid, identity->gid, identity->gid) != 0
      || setresuid (identity->uid, identity->uid, identity->uid) != 0 || (identity->uid != 0 && !drop_capabilities ()))
    return errno;
  return has_become (identity) ? 0 : EPERM;
}
