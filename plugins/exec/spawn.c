/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spawn.c - see spawn.h. */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between SIGTERM and SIGKILL. */
#define KILL_PATIENCE (2 * G_TIME_SPAN_SECOND)

static void
set_attributes (posix_spawnattr_t *attributes)
{
  sigset_t signals;

  posix_spawnattr_init (attributes);
  posix_spawnattr_setflags (attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup (attributes, 0);
  sigemptyset (&signals);
  posix_spawnattr_setsigmask (attributes, &signals);
  sigfillset (&signals);
  sigdelset (&signals, SIGKILL);
  sigdelset (&signals, SIGSTOP);
  posix_spawnattr_setsigdefault (attributes, &signals);
}

static void
set_actions (posix_spawn_file_actions_t *actions, int in, int out)
{
  posix_spawn_file_actions_init (actions);
  if (in >= 0)
    posix_spawn_file_actions_adddup2 (actions, in, STDIN_FILENO);
  else
    posix_spawn_file_actions_addopen (actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (out >= 0)
    posix_spawn_file_actions_adddup2 (actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_addclosefrom_np (actions, STDERR_FILENO + 1);
  posix_spawn_file_actions_addchdir_np (actions, "/");
}

/* As the user that we are; returns what errno would be. */
static int
spawn_plain (pid_t *pid, const ChildPlan *plan)
{
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  int status;

  set_attributes (&attributes);
  set_actions (&actions, plan->in, plan->out);
  status = posix_spawn (pid, plan->argv[0], &actions, &attributes, plan->argv, plan->environment);
  posix_spawn_file_actions_destroy (&actions);
  posix_spawnattr_destroy (&attributes);
  return status;
}

gboolean
child_start (Child *child, const ChildPlan *plan, GError **error)
{
  int status;

  *child = (Child){ 0, -1 };
  status = plan->identity != NULL ? spawn_as (&child->pid, plan) : spawn_plain (&child->pid, plan);
  if (status == 0)
    {
      child->pidfd = pidfd_open (child->pid, 0);
      if (child->pidfd >= 0)
        return TRUE;
      status = errno;
      kill (-child->pid, SIGKILL);
      waitpid (child->pid, NULL, 0);
    }
  *child = (Child){ 0, -1 };
  g_set_error (error, G_FILE_ERROR, (int) g_file_error_from_errno (status), "cannot start %s%s%s: %s", plan->argv[0],
               plan->identity != NULL ? " as " : "", plan->identity != NULL ? plan->identity->name : "",
               g_strerror (status));
  return FALSE;
}

gboolean
child_ended (const Child *child)
{
  struct pollfd watched = { child->pidfd, POLLIN, 0 };

  return poll (&watched, 1, 0) > 0;
}

gboolean
child_wait (const Child *child, gint64 patience)
{
  gint64 deadline = g_get_monotonic_time () + patience;
  struct pollfd watched = { child->pidfd, POLLIN, 0 };
  int ready;

  do
    ready = poll (&watched, 1, (int) (MAX (0, deadline - g_get_monotonic_time ()) / 1000));
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

gboolean
child_reap (Child *child, siginfo_t *info)
{
  int status;

  memset (info, 0, sizeof *info);
  do
    status = waitid (P_PIDFD, (id_t) child->pidfd, info, WEXITED);
  while (status != 0 && errno == EINTR);
  close (child->pidfd);
  *child = (Child){ 0, -1 };
  return status == 0;
}

/* Until the program is reaped, nobody else can have its process group's number. */
void
child_kill (Child *child, siginfo_t *info)
{
  kill (-child->pid, SIGTERM);
  kill (-child->pid, SIGCONT);
  child_wait (child, KILL_PATIENCE);
  kill (-child->pid, SIGKILL);
  child_reap (child, info);
}

char *
child_words (const siginfo_t *info)
{
  switch (info->si_code)
    {
    case CLD_EXITED:
      return g_strdup_printf ("exited with status %d", info->si_status);
    case CLD_KILLED:
    case CLD_DUMPED:
      return g_strdup_printf ("was killed by signal %d (%s)", info->si_status, g_strsignal (info->si_status));
    default:
      return g_strdup ("ended, nobody knows how");
    }
}
