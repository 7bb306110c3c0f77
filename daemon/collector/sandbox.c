/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sandbox.c - see sandbox.h; the list of system calls is in sandbox-filter.c. */
#include "sandbox.h"

#include "sandbox-private.h"
#include "suite17-keys.h"

#include "event/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/landlock.h>
#include <netdb.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define USER "ipmid"
#define USER_FALLBACK "nobody"

/* Each socket of OpenIPMI's serves 32 BMCs. */
#define DESCRIPTORS_MAX 4096
/* A BMC takes less than half a megabyte; one with 4000 sensors ten times that. */
#define MEMORY_BASE (192 * G_GUINT64_CONSTANT (1048576))
#define MEMORY_PER_BMC (4 * G_GUINT64_CONSTANT (1048576))

/* ----------------------------------------------------------------- prepare */

/* What is opened now needs not be opened behind the sandbox. */
static void
warm_up (void)
{
  struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM };
  struct addrinfo *result = NULL;

  suite17_prepare_crypto ();
  g_random_int ();
  if (getaddrinfo ("127.0.0.1", "623", &hints, &result) == 0)
    freeaddrinfo (result);
}

void
sandbox_prepare (void)
{
  prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  /* Secrets: no core dump, no debugger. */
  prctl (PR_SET_DUMPABLE, 0);
  warm_up ();
}

/* -------------------------------------------------------------- privileges */

static gboolean
fail (const char *what, GError **error)
{
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "the collector's sandbox: cannot %s: %s", what,
               g_strerror (errno));
  return FALSE;
}

/* Only root has a user to change.  The device for smi is root's, and a process
 * without capabilities opens it as its owner. */
static gboolean
leave_root (SandboxProfile profile, GError **error)
{
  const struct passwd *user;

  if (geteuid () != 0)
    return TRUE;
  if (setgroups (0, NULL) != 0)
    return fail ("leave its groups", error);
  if (profile == SANDBOX_SMI)
    return TRUE;
  user = getpwnam (USER);
  if (user == NULL)
    user = getpwnam (USER_FALLBACK);
  if (user == NULL || user->pw_uid == 0)
    return fail ("find the user \"" USER "\" or \"" USER_FALLBACK "\"", error);
  if (setresgid (user->pw_gid, user->pw_gid, user->pw_gid) != 0
      || setresuid (user->pw_uid, user->pw_uid, user->pw_uid) != 0)
    return fail ("become another user than root", error);
  prctl (PR_SET_DUMPABLE, 0);
  return TRUE;
}

/* LeakSanitizer traces the process, which this would forbid. */
static gboolean
drop_capabilities (GError **error)
{
#ifndef SANDBOX_SANITIZED
  struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0, 0, 0 } };

  if (syscall (SYS_capset, &header, none) != 0)
    return fail ("drop its capabilities", error);
#else
  (void) error;
#endif
  return TRUE;
}

/* ------------------------------------------------------------------ limits */

static void
limit (__rlimit_resource_t resource, rlim_t value)
{
  struct rlimit now, new = { value, value };

  if (getrlimit (resource, &now) == 0 && now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
    new.rlim_cur = new.rlim_max = now.rlim_max;
  setrlimit (resource, &new);
}

void
sandbox_allow_bmcs (guint n)
{
#ifndef SANDBOX_SANITIZED
  struct rlimit now;

  if (getrlimit (RLIMIT_DATA, &now) != 0)
    return;
  now.rlim_cur = MIN (MEMORY_BASE + n * MEMORY_PER_BMC, now.rlim_max);
  setrlimit (RLIMIT_DATA, &now);
#else
  (void) n;
#endif
}

static void
set_limits (void)
{
  limit (RLIMIT_CORE, 0);
  limit (RLIMIT_FSIZE, 0);
  limit (RLIMIT_NOFILE, DESCRIPTORS_MAX);
#ifndef SANDBOX_SANITIZED
  limit (RLIMIT_NPROC, 0);
#endif
  sandbox_allow_bmcs (1);
}

/* ------------------------------------------------------------------- files */

/* LeakSanitizer reads files at the end, and waits for ever if it cannot. */
#ifdef SANDBOX_SANITIZED
static const gboolean wants_landlock = FALSE;
#else
static const gboolean wants_landlock = TRUE;
#endif

static void
note_device (SandboxDevices *devices, const char *path)
{
  const char *digits = path + strlen (path);
  guint64 number;

  while (digits > path && g_ascii_isdigit (digits[-1]))
    digits--;
  if (g_ascii_string_to_unsigned (digits, 10, 0, SANDBOX_DEVICES - 1, &number, NULL))
    devices->untried[number] = TRUE;
}

void
sandbox_device_opened (SandboxDevices *devices, guint number)
{
  if (number < SANDBOX_DEVICES)
    devices->untried[number] = FALSE;
}

gboolean
sandbox_device_is_newer (const SandboxDevices *devices, guint number, gboolean is_away_long)
{
  return devices->restricted && number < SANDBOX_DEVICES && (is_away_long || !devices->untried[number]);
}

static void
allow_device (int ruleset, const char *path)
{
  struct landlock_path_beneath_attr rule
      = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE };

  rule.parent_fd = open (path, O_PATH | O_CLOEXEC);
  if (rule.parent_fd < 0)
    return;
  syscall (SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  close (rule.parent_fd);
}

/* For smi the filter has to let files be opened, and cannot see which.  A kernel
 * without Landlock (before 5.13) leaves it at the file permissions. */
static gboolean
restrict_files_to_devices (SandboxDevices *devices, GError **error)
{
  static const char *const patterns[] = { "/dev/ipmi[0-9]*", "/dev/ipmidev/[0-9]*", "/dev/ipmi/[0-9]*" };
  struct landlock_ruleset_attr all = { .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 };
  int ruleset = wants_landlock ? (int) syscall (SYS_landlock_create_ruleset, &all, sizeof all, 0) : -1;

  if (ruleset < 0)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++)
    {
      glob_t found;

      if (glob (patterns[i], 0, NULL, &found) != 0)
        continue;
      for (gsize j = 0; j < found.gl_pathc; j++)
        {
          allow_device (ruleset, found.gl_pathv[j]);
          note_device (devices, found.gl_pathv[j]);
        }
      globfree (&found);
    }
  devices->restricted = syscall (SYS_landlock_restrict_self, ruleset, 0) == 0 || fail ("restrict its files", error);
  close (ruleset);
  return devices->restricted;
}

/* ------------------------------------------------------------------- enter */

gboolean
sandbox_enter (SandboxProfile profile, SandboxDevices *devices, GError **error)
{
  if (profile == SANDBOX_SMI && !restrict_files_to_devices (devices, error))
    return FALSE;
  if (!leave_root (profile, error) || !drop_capabilities (error))
    return FALSE;
  set_limits ();
  return sandbox_filter_install (profile, error);
}

/* -------------------------------------------------------------------- test */

#ifdef ENABLE_CRASH_POINTS
static char *
outcome (int result)
{
  return g_strdup_printf ("sandbox test: %s", result < 0 ? g_strerror (errno) : "it was allowed");
}

char *
sandbox_test (void)
{
  const char *wanted = g_getenv ("IPMID_SANDBOX_TEST");
  char *const arguments[] = { (char *) "/bin/true", NULL };
  struct sockaddr_in tcp = { .sin_family = AF_INET, .sin_port = htons (9) };

  if (wanted == NULL)
    return NULL;
  if (g_str_equal (wanted, "read"))
    return outcome (open ("/etc/passwd", O_RDONLY | O_CLOEXEC));
  if (g_str_equal (wanted, "device"))
    return outcome (open ("/dev/null", O_RDWR | O_CLOEXEC));
  if (g_str_equal (wanted, "ipmi"))
    return outcome (open ("/dev/ipmi0", O_RDWR | O_CLOEXEC));
  if (g_str_equal (wanted, "truncate"))
    return outcome (open ("/dev/ipmi0", O_RDWR | O_TRUNC | O_CLOEXEC));
  if (g_str_equal (wanted, "ioctl"))
    return outcome (ioctl (0, BLKRRPART, NULL));
  if (g_str_equal (wanted, "udp"))
    return outcome (socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (g_str_equal (wanted, "write"))
    return outcome (open ("/tmp/ipmid-sandbox-test", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (g_str_equal (wanted, "exec"))
    return outcome (execv (arguments[0], arguments));
  if (g_str_equal (wanted, "fork"))
    return outcome (fork ());
  if (g_str_equal (wanted, "kill"))
    return outcome (kill (getppid (), 0));
  if (g_str_equal (wanted, "tcp"))
    return outcome (socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (g_str_equal (wanted, "unix"))
    return outcome (socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (g_str_equal (wanted, "connect"))
    return outcome (connect (0, (const struct sockaddr *) &tcp, sizeof tcp));
  if (g_str_equal (wanted, "executable-memory"))
    return outcome (syscall (SYS_mmap, NULL, 4096, 7, 0x22, -1, 0) == -1 ? -1 : 0);
  if (g_str_equal (wanted, "memory"))
    for (;;)
      memset (g_malloc (1 << 20), 1, 1 << 20);
  return g_strdup_printf ("sandbox test: uid %d gid %d groups %d", (int) getuid (), (int) getgid (),
                          getgroups (0, NULL));
}
#else
char *
sandbox_test (void)
{
  return NULL;
}
#endif
