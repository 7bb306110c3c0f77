/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spawn.h - a program as a child process that leads a process group.
 *
 * The child is watched through a pidfd, so that neither a handler of SIGCHLD
 * nor a thread is needed, and other children of the process are left alone.
 */
#ifndef SPAWN_H
#define SPAWN_H

#include "identity.h"

#include <signal.h>
#include <sys/types.h>

typedef struct
{
  pid_t pid; /* also the process group's; 0: there is none */
  int pidfd; /* readable when the program has ended; -1: there is none */
} Child;

/* What is started, and with what. */
typedef struct
{
  char **argv; /* argv[0] is a path */
  char **environment;
  int in;                   /* its standard input; -1: /dev/null */
  int out;                  /* its standard output; -1: ours */
  const Identity *identity; /* who it runs as; NULL: as we do */
} ChildPlan;

/* Starts it without a shell: signals reset, working directory "/", no other
 * descriptor inherited but our standard error. */
gboolean child_start (Child *child, const ChildPlan *plan, GError **error);

/* The part of child_start() that becomes another user (spawn-as.c): 0, or what
 * errno would be. */
int spawn_as (pid_t *pid, const ChildPlan *plan);

/* Whether the program has ended (and waits to be reaped). */
gboolean child_ended (const Child *child);

/* Waits until the program has ended; FALSE if it has not after so long. */
gboolean child_wait (const Child *child, gint64 patience);

/* Reaps a program that has ended; its process group, if anything is left of
 * it, is left alone.  FALSE if someone else has reaped it. */
gboolean child_reap (Child *child, siginfo_t *info);

/* Ends the whole process group and reaps the program: SIGTERM, and SIGKILL
 * when the program has ended or after two seconds. */
void child_kill (Child *child, siginfo_t *info);

/* How the program ended: "exited with status 1".  Free with g_free(). */
char *child_words (const siginfo_t *info);

#endif
