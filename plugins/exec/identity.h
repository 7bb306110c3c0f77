/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * identity.h - the user that programs run as, if that is not ipmid's own.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <glib.h>
#include <sys/types.h>

typedef struct
{
  char *name;
  char *home;
  uid_t uid;
  gid_t gid;
  gid_t *groups; /* the supplementary ones, and gid */
  int n_groups;
} Identity;

/* Looks the user up; may wait for a name service.  NULL: there is no such user. */
Identity *identity_new (const char *user, GError **error);
void identity_free (Identity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Identity, identity_free)

/* Whether this process may become other users, and end their programs. */
gboolean identity_may_change (const char *user, GError **error);

/* What this thread starts from now on inherits no capability of ours; the thread
 * itself keeps them. */
void identity_keep_capabilities (void);

/* Becomes that user for good: groups, group, user, no capabilities; and looks
 * whether that is so.  0, or what errno would be.  For a forked child, in which
 * there is one thread; async-signal-safe. */
int identity_become (const Identity *identity);

#endif
