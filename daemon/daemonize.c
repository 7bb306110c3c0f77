/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemonize.c - see daemonize.h. */
#ifdef HAVE_CONFIG_H
#include <config.h> /* _GNU_SOURCE */
#endif

#include "daemonize.h"

#include "core/log.h"
#include "event/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define MESSAGE_MAX 2048

static void
on_ignored_signal (G_GNUC_UNUSED int number)
{
}

/* A handler that does nothing, not SIG_IGN, which programs would inherit. */
void
daemonize_ignore_pipes (void)
{
  struct sigaction action = { .sa_handler = on_ignored_signal, .sa_flags = SA_RESTART };

  sigaction (SIGPIPE, &action, NULL);
}

void
daemonize_protect (guint kept)
{
  sigset_t none;

  /* An ignored SIGCHLD would hide how programs end; a blocked SIGTERM, ours. */
  signal (SIGCHLD, SIG_DFL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl (fd, F_GETFD) < 0 && open ("/dev/null", O_RDWR) < 0)
      _exit (EX_OSERR);
  closefrom (3 + (int) kept);
  prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void
daemonize_complain (const char *message)
{
  g_autofree char *clean = text_clean (message, -1, MESSAGE_MAX);

  fprintf (stderr, "ipmid: %s\n", clean);
}

/* ------------------------------------------------------------------- parent */

/* The status byte and the message; how many bytes came. */
static gsize
read_report (int fd, char *buffer, gsize size)
{
  gsize length = 0;

  while (length < size)
    {
      ssize_t n = read (fd, buffer + length, size - length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        break;
      length += (gsize) n;
    }
  return length;
}

/* The child ended without a word. */
static int
explain_death (pid_t child)
{
  g_autofree char *message = NULL;
  int status = 0;
  pid_t waited;

  do
    waited = waitpid (child, &status, 0);
  while (waited < 0 && errno == EINTR);
  if (waited == child && WIFSIGNALED (status))
    message = g_strdup_printf ("the daemon died while it started: %s", strsignal (WTERMSIG (status)));
  else
    message = g_strdup_printf ("the daemon ended while it started, with status %d",
                               waited == child && WIFEXITED (status) ? WEXITSTATUS (status) : -1);
  daemonize_complain (message);
  return EX_SOFTWARE;
}

static int
await_report (pid_t child, int fd)
{
  char report[MESSAGE_MAX + 2];
  gsize length = read_report (fd, report, sizeof report - 1);

  if (length == 0)
    return explain_death (child);
  report[length] = '\0';
  if (length > 1)
    daemonize_complain (report + 1);
  return (guchar) report[0];
}

/* -------------------------------------------------------------------- child */

/* Before anything is started: the collector and programs must not keep a pipe
 * of whoever called ipmid open.  Mistakes go through the report. */
static void
detach (void)
{
  int fd = open ("/dev/null", O_RDWR | O_CLOEXEC);

  if (fd < 0)
    return; /* nothing depends on it */
  dup2 (fd, STDIN_FILENO);
  dup2 (fd, STDOUT_FILENO);
  dup2 (fd, STDERR_FILENO);
  if (fd > STDERR_FILENO)
    close (fd);
}

/* Until it has reported, the child is a part of the parent's command: it ends
 * when that does. */
static void
begin_child (pid_t parent)
{
  setsid ();
  detach ();
  prctl (PR_SET_PDEATHSIG, SIGTERM);
  if (getppid () != parent)
    _exit (EX_SOFTWARE);
}

int
daemonize_fork (int *exit_status)
{
  pid_t parent = getpid (), child;
  int ends[2];

  *exit_status = EX_OSERR;
  if (pipe2 (ends, O_CLOEXEC) != 0)
    {
      daemonize_complain (g_strerror (errno));
      return -1;
    }
  fflush (NULL);
  child = fork ();
  if (child == 0)
    {
      close (ends[0]);
      begin_child (parent);
      return ends[1];
    }
  close (ends[1]);
  if (child < 0)
    daemonize_complain (g_strerror (errno));
  else
    *exit_status = await_report (child, ends[0]);
  close (ends[0]);
  return -1;
}

void
daemonize_report (int *fd, int exit_status, const char *message)
{
  g_autoptr (GString) report = g_string_new (NULL);

  if (*fd < 0)
    return;
  g_string_append_c (report, (char) exit_status);
  if (message != NULL)
    g_string_append_len (report, message, (gssize) MIN (strlen (message), MESSAGE_MAX));
  if (exit_status == 0 && chdir ("/") != 0)
    log_line (IPMID_LOG_WARNING, NULL, "cannot change to the directory /: %s", g_strerror (errno));
  prctl (PR_SET_PDEATHSIG, 0);
  /* Less than PIPE_BUF, so all or nothing; without a parent, nobody asks. */
  if (write (*fd, report->str, report->len) < 0)
    exit_status = -1;
  close (*fd);
  *fd = -1;
}
