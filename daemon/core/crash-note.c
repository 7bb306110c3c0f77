/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crash-note.c - see crash-note.h. */
#include "core/crash-note.h"

#include "event/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define FILE_NAME "crash-note"
#define MAGIC G_GUINT64_CONSTANT (0x3165746f6e6d7069)

/* More than the largest set of registers that a kernel puts there. */
#define STACK_SIZE (64 * 1024)

/* The file is that, or zeros: nothing but its own blocks is needed to write it. */
typedef struct
{
  guint64 magic;
  gint64 handler, bmc, seq, attempt;
  guint32 n_events;
  guint32 worked;
  guint32 signal;
  guint32 reserved;
} Record;

G_STATIC_ASSERT (sizeof (Record) == 56); /* no padding */

/* SIGTRAP is how g_error() ends a program. */
static const struct
{
  int number;
  const char *name;
} signals[] = { { SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" },   { SIGFPE, "SIGFPE" },
                { SIGILL, "SIGILL" },   { SIGABRT, "SIGABRT" }, { SIGTRAP, "SIGTRAP" } };

/* A signal handler gets no argument of ours. */
static struct
{
  int fd;
  pid_t pid;                   /* whoever is forked off is somebody else */
  volatile sig_atomic_t dying; /* the first signal counts, no other */
  struct sigaction before[G_N_ELEMENTS (signals)];
} watch = { .fd = -1 };

static _Thread_local const CrashCall *volatile current; /* NULL: this thread is in no call */

const char *
crash_note_signal_name (int number)
{
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    if (signals[i].number == number)
      return signals[i].name;
  return NULL;
}

/* ------------------------------------------------------- in the signal handler */

/* What is called here has to be async-signal-safe (signal-safety(7)). */

static void
write_note (const CrashCall *call, int number)
{
  const Record record = { .magic = MAGIC,
                          .handler = call->handler,
                          .bmc = call->bmc,
                          .seq = call->seq,
                          .attempt = call->attempt,
                          .n_events = call->n_events,
                          .worked = call->worked != FALSE,
                          .signal = (guint32) number };

  if (pwrite (watch.fd, &record, sizeof record, 0) < 0)
    return; /* nobody can be told any more */
}

/* The processor's word, or this process has sent it to itself, as abort() does. */
static gboolean
is_own_doing (const siginfo_t *info)
{
  if (info->si_code > 0)
    return TRUE;
  return (info->si_code == SI_TKILL || info->si_code == SI_USER) && info->si_pid == watch.pid;
}

static void
restore (int number)
{
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    if (signals[i].number == number)
      sigaction (number, &watch.before[i], NULL);
}

static void
on_fatal_signal (int number, siginfo_t *info, G_GNUC_UNUSED void *context)
{
  restore (number);
  /* A sanitizer that reports it may end by abort(). */
  if (!watch.dying && current != NULL && getpid () == watch.pid && is_own_doing (info))
    write_note (current, number);
  watch.dying = TRUE;
  /* A fault comes again when the instruction is tried again, with the address that
   * a core dump and a sanitizer show; all else has to be sent once more. */
  if (info->si_code <= 0 || number == SIGTRAP)
    raise (number);
}

/* --------------------------------------------------------------------- the file */

static gboolean
is_good (const Record *record)
{
  return record->magic == MAGIC && record->n_events > 0 && record->worked <= 1 && record->signal <= G_MAXINT
         && crash_note_signal_name ((int) record->signal) != NULL;
}

gboolean
crash_note_read (CrashNote *note)
{
  Record record;

  if (watch.fd < 0 || pread (watch.fd, &record, sizeof record, 0) != sizeof record || !is_good (&record))
    return FALSE;
  *note = (CrashNote){ .call = { .handler = record.handler,
                                 .bmc = record.bmc,
                                 .seq = record.seq,
                                 .attempt = record.attempt,
                                 .n_events = record.n_events,
                                 .worked = record.worked != 0 },
                       .signal = (int) record.signal };
  return TRUE;
}

void
crash_note_empty (void)
{
  const Record nothing = { .signal = 0 };

  if (watch.fd >= 0 && pwrite (watch.fd, &nothing, sizeof nothing, 0) < 0)
    return; /* the journal knows what it has counted */
}

/* A file of zeros, if it is not as long as it has to be. */
static gboolean
make_room (int fd)
{
  const Record nothing = { .signal = 0 };
  off_t size = lseek (fd, 0, SEEK_END);

  if (size == sizeof nothing)
    return TRUE;
  return size >= 0 && ftruncate (fd, 0) == 0 && pwrite (fd, &nothing, sizeof nothing, 0) == sizeof nothing;
}

static int
open_file (const char *state_dir, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, FILE_NAME, NULL);
  int fd = open (path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd >= 0 && make_room (fd))
    return fd;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_FILE, "cannot prepare %s: %s", path, g_strerror (errno));
  if (fd >= 0)
    close (fd);
  return -1;
}

gboolean
crash_note_open (const char *state_dir, GError **error)
{
  struct sigaction action = { .sa_sigaction = on_fatal_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };

  g_assert (watch.fd < 0);
  watch.fd = open_file (state_dir, error);
  if (watch.fd < 0)
    return FALSE;
  watch.pid = getpid ();
  watch.dying = FALSE;
  sigemptyset (&action.sa_mask);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      /* What was there has to be known before the first signal can come. */
      sigaction (signals[i].number, NULL, &watch.before[i]);
      sigaction (signals[i].number, &action, NULL);
    }
  return TRUE;
}

void
crash_note_close (void)
{
  if (watch.fd < 0)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    restore (signals[i].number);
  close (watch.fd);
  watch.fd = -1;
}

/* ------------------------------------------------------------------- the threads */

void
crash_note_enter (const CrashCall *call)
{
  current = call;
}

void
crash_note_leave (void)
{
  current = NULL;
}

gpointer
crash_note_add_stack (void)
{
  stack_t stack;

  if (sigaltstack (NULL, &stack) < 0 || (stack.ss_flags & SS_DISABLE) == 0)
    return NULL;
  stack = (stack_t){ .ss_sp = g_malloc (STACK_SIZE), .ss_size = STACK_SIZE };
  if (sigaltstack (&stack, NULL) == 0)
    return stack.ss_sp;
  g_free (stack.ss_sp);
  return NULL;
}

void
crash_note_remove_stack (gpointer stack)
{
  const stack_t none = { .ss_flags = SS_DISABLE };

  if (stack != NULL && sigaltstack (&none, NULL) == 0)
    g_free (stack);
}
