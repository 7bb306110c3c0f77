/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spawn-as.c - a program as another user; see spawn.h.
 *
 * posix_spawn() cannot change the user.  This does what it would do and that,
 * between fork() and execve(), where only async-signal-safe functions may be
 * called.  It is not vfork(): there the C library would change the user of our
 * own threads.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/wait.h>
#include <unistd.h>

static gboolean
set_descriptors (const ChildPlan *plan)
{
  int in = plan->in >= 0 ? plan->in : open ("/dev/null", O_RDONLY | O_CLOEXEC);

  return in >= 0 && dup2 (in, STDIN_FILENO) >= 0 && (plan->out < 0 || dup2 (plan->out, STDOUT_FILENO) >= 0)
         && close_range (STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0;
}

static void
reset_signals (void)
{
  const struct sigaction plain = { .sa_handler = SIG_DFL };
  sigset_t none;

  for (int number = 1; number < NSIG; number++)
    sigaction (number, &plain, NULL); /* some cannot be set, and need not */
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

/* In the child: says why it could not, through the pipe. */
static void
be_child (const ChildPlan *plan, int report)
{
  int status = 0;

  if (setpgid (0, 0) != 0 || !set_descriptors (plan) || chdir ("/") != 0)
    status = errno;
  if (status == 0)
    status = identity_become (plan->identity);
  if (status == 0)
    {
      reset_signals ();
      execve (plan->argv[0], plan->argv, plan->environment);
      status = errno;
    }
  if (write (report, &status, sizeof status) < 0)
    _exit (126);
  _exit (127);
}

/* Waits until the program has begun, or cannot; returns what errno would be. */
static int
hear_report (int report, pid_t pid)
{
  int status = 0;
  ssize_t length;

  do
    length = read (report, &status, sizeof status);
  while (length < 0 && errno == EINTR);
  if (length == 0)
    return 0;
  waitpid (pid, NULL, 0);
  return length == sizeof status && status != 0 ? status : EIO;
}

int
spawn_as (pid_t *pid, const ChildPlan *plan)
{
  sigset_t all, before;
  int report[2], status;

  if (pipe2 (report, O_CLOEXEC) != 0)
    return errno;
  /* No handler of ours may run in the child. */
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  *pid = fork ();
  status = *pid < 0 ? errno : 0;
  if (*pid == 0)
    be_child (plan, report[1]);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  close (report[1]);
  if (status == 0)
    status = hear_report (report[0], *pid);
  close (report[0]);
  return status;
}
