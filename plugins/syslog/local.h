/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * local.h - whether the receiver at a local socket of datagrams is still the
 * one that was connected to.
 *
 * When it dies, what it has not read is gone, which looks as if it had read it;
 * the kernel tells only whoever sends more.
 */
#ifndef LOCAL_H
#define LOCAL_H

#include <gio/gio.h>
#include <sys/types.h>

/* A socket in the file system: an inode is bound once in its life. */
typedef struct
{
  dev_t device;
  ino_t inode;
} LocalId;

/* To be called before connecting; all zero if there is nothing. */
LocalId local_identify (const char *path);

/* Whether it is still there, and somebody holds it. */
gboolean local_stands (const char *path, const LocalId *id, GError **error);

#endif
