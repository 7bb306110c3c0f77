/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sandbox-filter.c - the system calls that a collector needs; see sandbox.h.
 *
 * What is not on the lists ends the process at once: the keeper sees the signal
 * and starts another one. */
#include "sandbox-private.h"

#if defined(HAVE_SECCOMP) && !defined(SANDBOX_SANITIZED)

#include "event/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ipmi.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_TYPE_MASK 0xf

static const int allowed[] = {
  /* sockets that exist */
  SCMP_SYS (recvfrom),
  SCMP_SYS (recvmsg),
  SCMP_SYS (recvmmsg),
  SCMP_SYS (sendto),
  SCMP_SYS (sendmsg),
  SCMP_SYS (sendmmsg),
  SCMP_SYS (recv),
  SCMP_SYS (send),
  SCMP_SYS (getsockopt),
  SCMP_SYS (setsockopt),
  SCMP_SYS (getsockname),
  SCMP_SYS (getpeername),
  SCMP_SYS (shutdown),
  SCMP_SYS (read),
  SCMP_SYS (write),
  SCMP_SYS (readv),
  SCMP_SYS (writev),
  SCMP_SYS (close),
  SCMP_SYS (fstat),
  SCMP_SYS (fstat64),
  SCMP_SYS (lseek),
  SCMP_SYS (_llseek),
  /* waiting, time, random numbers */
  SCMP_SYS (poll),
  SCMP_SYS (ppoll),
  SCMP_SYS (ppoll_time64),
  SCMP_SYS (select),
  SCMP_SYS (_newselect),
  SCMP_SYS (pselect6),
  SCMP_SYS (epoll_wait),
  SCMP_SYS (epoll_pwait),
  SCMP_SYS (epoll_ctl),
  SCMP_SYS (epoll_create1),
  SCMP_SYS (eventfd2),
  SCMP_SYS (futex),
  SCMP_SYS (futex_time64),
  SCMP_SYS (clock_gettime),
  SCMP_SYS (clock_gettime64),
  SCMP_SYS (clock_getres),
  SCMP_SYS (gettimeofday),
  SCMP_SYS (time),
  SCMP_SYS (nanosleep),
  SCMP_SYS (clock_nanosleep),
  SCMP_SYS (getrandom),
  SCMP_SYS (restart_syscall),
  SCMP_SYS (sched_yield),
  /* memory; executable memory is not: see filter_arguments() */
  SCMP_SYS (brk),
  SCMP_SYS (munmap),
  SCMP_SYS (mremap),
  SCMP_SYS (madvise),
  SCMP_SYS (sysinfo),
  SCMP_SYS (getrlimit),
  SCMP_SYS (ugetrlimit),
  SCMP_SYS (setrlimit),
  SCMP_SYS (membarrier),
  /* who we are, and the end */
  SCMP_SYS (getpid),
  SCMP_SYS (gettid),
  SCMP_SYS (getuid),
  SCMP_SYS (geteuid),
  SCMP_SYS (getgid),
  SCMP_SYS (getegid),
  SCMP_SYS (getgroups),
  SCMP_SYS (getppid),
  SCMP_SYS (rt_sigaction),
  SCMP_SYS (rt_sigprocmask),
  SCMP_SYS (rt_sigreturn),
  SCMP_SYS (sigreturn),
  SCMP_SYS (sigaltstack),
  SCMP_SYS (exit),
  SCMP_SYS (exit_group),
};

/* Libraries look whether something is there, and live without. */
static const int refused[] = {
  SCMP_SYS (stat),      SCMP_SYS (stat64),     SCMP_SYS (lstat),  SCMP_SYS (lstat64),           SCMP_SYS (newfstatat),
  SCMP_SYS (fstatat64), SCMP_SYS (statx),      SCMP_SYS (access), SCMP_SYS (faccessat),         SCMP_SYS (faccessat2),
  SCMP_SYS (readlink),  SCMP_SYS (readlinkat), SCMP_SYS (uname),  SCMP_SYS (sched_getaffinity), SCMP_SYS (connect),
  SCMP_SYS (rseq),
};

static gboolean
add (scmp_filter_ctx filter, guint32 action, const int *calls, gsize n)
{
  for (gsize i = 0; i < n; i++)
    /* One that this machine has not is no mistake. */
    if (calls[i] != __NR_SCMP_ERROR && seccomp_rule_add (filter, action, calls[i], 0) < 0)
      return FALSE;
  return TRUE;
}

static gboolean
allow_udp_sockets (scmp_filter_ctx filter)
{
  static const int families[] = { AF_INET, AF_INET6 };

  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    if (seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (socket), 2,
                          SCMP_A0 (SCMP_CMP_EQ, (scmp_datum_t) families[i]),
                          SCMP_A1 (SCMP_CMP_MASKED_EQ, SOCKET_TYPE_MASK, SOCK_DGRAM))
        < 0)
      return FALSE;
  return TRUE;
}

/* Libraries look for netlink and for nscd. */
static gboolean
refuse_other_sockets (scmp_filter_ctx filter)
{
  return seccomp_rule_add (filter, SCMP_ACT_ERRNO (EAFNOSUPPORT), SCMP_SYS (socket), 1,
                           SCMP_A0 (SCMP_CMP_EQ, AF_NETLINK))
             == 0
         && seccomp_rule_add (filter, SCMP_ACT_ERRNO (EAFNOSUPPORT), SCMP_SYS (socket), 1,
                              SCMP_A0 (SCMP_CMP_EQ, AF_UNIX))
                == 0;
}

static gboolean
allow_fcntl (scmp_filter_ctx filter)
{
  static const int commands[] = { F_GETFL, F_SETFL, F_GETFD, F_SETFD };
  static const int calls[] = { SCMP_SYS (fcntl), SCMP_SYS (fcntl64) };

  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    for (guint j = 0; j < G_N_ELEMENTS (commands); j++)
      if (seccomp_rule_add (filter, SCMP_ACT_ALLOW, calls[i], 1, SCMP_A1 (SCMP_CMP_EQ, (scmp_datum_t) commands[j])) < 0)
        return FALSE;
  return TRUE;
}

/* Memory, but none that code could be put into; signals, but to ourselves. */
static gboolean
filter_arguments (scmp_filter_ctx filter)
{
  static const int mappings[] = { SCMP_SYS (mmap), SCMP_SYS (mmap2), SCMP_SYS (mprotect) };
  static const int limits[] = { SCMP_SYS (prlimit64) };
  static const int kills[] = { SCMP_SYS (tgkill), SCMP_SYS (kill) };

  for (guint i = 0; i < G_N_ELEMENTS (mappings); i++)
    if (seccomp_rule_add (filter, SCMP_ACT_ALLOW, mappings[i], 1, SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) < 0)
      return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    if (seccomp_rule_add (filter, SCMP_ACT_ALLOW, limits[i], 1, SCMP_A0 (SCMP_CMP_EQ, 0)) < 0)
      return FALSE;
  /* abort() */
  for (guint i = 0; i < G_N_ELEMENTS (kills); i++)
    if (seccomp_rule_add (filter, SCMP_ACT_ALLOW, kills[i], 1, SCMP_A0 (SCMP_CMP_EQ, (scmp_datum_t) getpid ())) < 0)
      return FALSE;
  return TRUE;
}

/* To read a file is refused, as libraries look for some; to write one is not
 * what any library does by itself. */
static gboolean
refuse_reading (scmp_filter_ctx filter)
{
  return seccomp_rule_add (filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (openat), 1,
                           SCMP_A2 (SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY))
             == 0
         && seccomp_rule_add (filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (open), 1,
                              SCMP_A1 (SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY))
                == 0;
}

/* Which file, the filter cannot see: that is Landlock's part (sandbox.c).  But
 * none is made or emptied, and nothing is asked of it that is not IPMI's. */
static gboolean
allow_devices (scmp_filter_ctx filter)
{
  const scmp_datum_t how = O_ACCMODE | O_CREAT | O_TRUNC | O_DIRECTORY, group = 0xff00;

  return seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (openat), 1, SCMP_A2 (SCMP_CMP_MASKED_EQ, how, O_RDWR)) == 0
         && seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (open), 1, SCMP_A1 (SCMP_CMP_MASKED_EQ, how, O_RDWR))
                == 0
         && seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (ioctl), 1,
                              SCMP_A1 (SCMP_CMP_MASKED_EQ, group, IPMI_IOC_MAGIC << 8))
                == 0
         /* Libraries ask whether something is a terminal. */
         && seccomp_rule_add (filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (ioctl), 1,
                              SCMP_A1 (SCMP_CMP_MASKED_EQ, group, 'T' << 8))
                == 0
         /* Likewise, on powerpc. */
         && seccomp_rule_add (filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (ioctl), 1,
                              SCMP_A1 (SCMP_CMP_MASKED_EQ, group, 't' << 8))
                == 0;
}

/* The one way to the BMCs. */
static gboolean
allow_interface (scmp_filter_ctx filter, SandboxProfile profile)
{
  static const int ioctls[] = { SCMP_SYS (ioctl) };

  if (profile == SANDBOX_SMI)
    return allow_devices (filter);
  return add (filter, SCMP_ACT_ERRNO (EACCES), ioctls, G_N_ELEMENTS (ioctls)) && allow_udp_sockets (filter);
}

static gboolean
fill (scmp_filter_ctx filter, SandboxProfile profile)
{
  return add (filter, SCMP_ACT_ERRNO (EACCES), refused, G_N_ELEMENTS (refused))
         && add (filter, SCMP_ACT_ALLOW, allowed, G_N_ELEMENTS (allowed)) && refuse_other_sockets (filter)
         && allow_fcntl (filter) && filter_arguments (filter) && refuse_reading (filter)
         && allow_interface (filter, profile);
}

gboolean
sandbox_filter_install (SandboxProfile profile, GError **error)
{
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_KILL_PROCESS);
  int result = -ENOMEM;

  if (filter != NULL)
    {
      seccomp_attr_set (filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree: it is asked for each call */
      result = fill (filter, profile) ? seccomp_load (filter) : -EINVAL;
      seccomp_release (filter);
    }
  if (result == 0)
    return TRUE;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE,
               "the collector's sandbox: cannot filter its system calls: %s", g_strerror (-result));
  return FALSE;
}

#else

gboolean
sandbox_filter_install (G_GNUC_UNUSED SandboxProfile profile, G_GNUC_UNUSED GError **error)
{
  return TRUE;
}

#endif
