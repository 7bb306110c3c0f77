/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-crash-note.c - real deaths, and what is noted of them.
 *
 * A child dies in each way that there is; then the note is read as the next
 * ipmid would.
 */
#include <core/crash-note.h>
#include <event/error.h>

#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Who reports faults also ends the process itself, with an exit status. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED TRUE
#else
#define SANITIZED FALSE
#endif

static const CrashCall call
    = { .handler = 3, .bmc = 5, .seq = G_MAXINT64 - 1, .attempt = 7, .n_events = 1, .worked = TRUE };

typedef struct
{
  char *directory;
  char *path;
} Fixture;

static void
set_up (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->directory = g_dir_make_tmp ("crash-note-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->directory, "crash-note", NULL);
}

static void
tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_unlink (fixture->path);
  g_assert_cmpint (g_rmdir (fixture->directory), ==, 0);
  g_free (fixture->directory);
  g_free (fixture->path);
}

/* ---------------------------------------------------------------- ways to die */

static void
fault (void)
{
  volatile char *nobody = mmap (NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  *nobody = 1;
}

static void
touch_beyond_file (void)
{
  FILE *file = tmpfile ();
  volatile char *page = mmap (NULL, 1, PROT_READ, MAP_SHARED, fileno (file), 0);

  g_assert_cmpint (*page, ==, 0);
}

static void
raise_sigfpe (void)
{
  raise (SIGFPE);
}

static void
use_up_stack (void)
{
  volatile char some[4096];

  some[0] = 1;
  if (some[0] != 0)
    use_up_stack ();
  some[1] = some[0];
}

static void
trap (void)
{
  __builtin_trap ();
}

static void
say_error (void)
{
  g_error ("no");
}

/* By somebody else, who hits this very thread. */
static void
be_killed (int number)
{
  long target = getpid (), thread = syscall (SYS_gettid);
  pid_t killer = fork ();

  if (killer == 0)
    _exit (syscall (SYS_tgkill, target, thread, number) == 0 ? 0 : 1);
  waitpid (killer, NULL, 0); /* does not return */
}

static void
be_sent_sigsegv (void)
{
  be_killed (SIGSEGV);
}

/* What systemd's watchdog sends. */
static void
be_sent_sigabrt (void)
{
  be_killed (SIGABRT);
}

static void
be_sent_sigkill (void)
{
  be_killed (SIGKILL);
}

static void
be_sent_sigterm (void)
{
  be_killed (SIGTERM);
}

static gpointer
abort_now (G_GNUC_UNUSED gpointer data)
{
  abort ();
}

static void
let_another_thread_abort (void)
{
  g_thread_join (g_thread_new ("other", abort_now, NULL));
}

/* A child of the plugin's, before it becomes another program; ipmid dies later. */
static void
let_child_abort (void)
{
  pid_t child = fork ();

  if (child == 0)
    abort ();
  waitpid (child, NULL, 0);
  kill (getpid (), SIGKILL);
}

static void
end (void)
{
  _exit (0);
}

typedef struct
{
  const char *path;
  void (*die) (void);
  int signal;      /* by which it dies; 0: by none */
  gboolean noted;  /* if it happens in a call */
  gboolean caught; /* sanitizers report it, and end the process themselves */
} Way;

static const Way ways[] = {
  { "/crash-note/fault", fault, SIGSEGV, TRUE, TRUE },
  { "/crash-note/bus-error", touch_beyond_file, SIGBUS, TRUE, TRUE },
  { "/crash-note/sigfpe", raise_sigfpe, SIGFPE, TRUE, TRUE },
  { "/crash-note/illegal-instruction", trap, SIGILL, TRUE, TRUE },
  { "/crash-note/abort", abort, SIGABRT, TRUE, TRUE },
  { "/crash-note/g-error", say_error, SIGTRAP, TRUE, TRUE },
  { "/crash-note/sent-sigsegv", be_sent_sigsegv, SIGSEGV, FALSE, TRUE },
  { "/crash-note/sent-sigabrt", be_sent_sigabrt, SIGABRT, FALSE, TRUE },
  { "/crash-note/sent-sigkill", be_sent_sigkill, SIGKILL, FALSE, FALSE },
  { "/crash-note/sent-sigterm", be_sent_sigterm, SIGTERM, FALSE, FALSE },
  { "/crash-note/another-thread", let_another_thread_abort, SIGABRT, FALSE, TRUE },
  { "/crash-note/child", let_child_abort, SIGKILL, FALSE, FALSE },
  { "/crash-note/end", end, 0, FALSE, FALSE },
};

/* As a worker does. */
typedef struct
{
  void (*die) (void);
  gboolean in_call;
} Worker;

static gpointer
work (gpointer data)
{
  const Worker *worker = data;
  gpointer stack = crash_note_add_stack ();

  crash_note_enter (&call);
  if (!worker->in_call)
    crash_note_leave ();
  worker->die ();
  crash_note_remove_stack (stack);
  return NULL;
}

static int
die_in_child (const Fixture *fixture, const Worker *worker)
{
  const struct rlimit no_core = { 0, 0 };
  int status;
  pid_t child = fork ();

  if (child == 0)
    {
      setrlimit (RLIMIT_CORE, &no_core);
      g_log_set_always_fatal (G_LOG_FATAL_MASK); /* not as tests have it */
      if (crash_note_open (fixture->directory, NULL))
        g_thread_join (g_thread_new ("worker", work, (gpointer) worker));
      _exit (99);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  return status;
}

static gboolean
read_note (const Fixture *fixture, CrashNote *note)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (crash_note_open (fixture->directory, &error));
  g_assert_no_error (error);
  gboolean there = crash_note_read (note);
  crash_note_empty ();
  crash_note_close ();
  return there;
}

static void
check_note (const CrashNote *note, int signal)
{
  g_assert_cmpint (note->signal, ==, signal);
  g_assert_cmpint (note->call.handler, ==, call.handler);
  g_assert_cmpint (note->call.bmc, ==, call.bmc);
  g_assert_cmpint (note->call.seq, ==, call.seq);
  g_assert_cmpint (note->call.attempt, ==, call.attempt);
  g_assert_cmpuint (note->call.n_events, ==, call.n_events);
  g_assert_true (note->call.worked);
}

static void
check_end (int status, int signal, gboolean caught)
{
  if (signal == 0)
    g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  else if (SANITIZED && caught)
    g_assert_true (WIFSIGNALED (status) || WEXITSTATUS (status) != 99);
  else
    g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == signal);
}

static void
test_way (Fixture *fixture, gconstpointer data)
{
  const Way *way = data;
  CrashNote note;

  for (guint in_call = 0; in_call < 2; in_call++)
    {
      const Worker worker = { way->die, in_call == 1 };
      int status = die_in_child (fixture, &worker);
      check_end (status, way->signal, way->caught);
      g_assert_cmpint (read_note (fixture, &note), ==, way->noted && in_call == 1);
      if (way->noted && in_call == 1)
        check_note (&note, way->signal);
      g_assert_false (read_note (fixture, &note)); /* it was emptied */
    }
}

/* Nothing is left for a signal handler but a stack of its own. */
static void
test_stack (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  const Worker worker = { use_up_stack, TRUE };
  CrashNote note;

  check_end (die_in_child (fixture, &worker), SIGSEGV, TRUE);
  g_assert_true (read_note (fixture, &note));
  check_note (&note, SIGSEGV);
}

/* ------------------------------------------------------------------- the file */

static void
test_file (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  CrashNote note;
  struct stat status;

  g_assert_false (read_note (fixture, &note));
  g_assert_cmpint (stat (fixture->path, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0600);
  g_assert_cmpint (status.st_size, >, 0); /* a full disk comes too late */
  g_assert_cmpint (status.st_blocks, >, 0);
}

/* Whatever stands there: it is nonsense, or it is what was there before. */
static void
test_damaged_file (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  const Worker worker = { abort, TRUE };
  g_autofree char *good = NULL;
  gsize length;
  CrashNote note;

  die_in_child (fixture, &worker);
  g_assert_true (g_file_get_contents (fixture->path, &good, &length, NULL));
  for (gsize cut = 0; cut < length; cut++)
    {
      g_assert_true (g_file_set_contents (fixture->path, good, (gssize) cut, NULL));
      g_assert_false (read_note (fixture, &note));
    }
  for (gsize i = 0; i < length * 8; i++)
    {
      g_autofree char *bad = g_memdup2 (good, length);
      bad[i / 8] = (char) (bad[i / 8] ^ (1 << i % 8));
      g_assert_true (g_file_set_contents (fixture->path, bad, (gssize) length, NULL));
      if (read_note (fixture, &note))
        g_assert_nonnull (crash_note_signal_name (note.signal));
    }
  g_assert_true (g_file_set_contents (fixture->path, good, (gssize) length, NULL));
  g_assert_true (read_note (fixture, &note));
  check_note (&note, SIGABRT);
}

/* The file is not made through a link that somebody has put there. */
static void
test_link (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (symlink ("elsewhere", fixture->path), ==, 0);
  g_assert_false (crash_note_open (fixture->directory, &error));
  g_assert_error (error, IPMID_ERROR, IPMID_ERROR_FILE);
  g_assert_nonnull (strstr (error->message, fixture->path));
}

/* Afterwards the signals are what they were. */
static void
test_signals_given_back (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  struct sigaction before, within, after;
  CrashNote note;

  sigaction (SIGSEGV, NULL, &before);
  g_assert_true (crash_note_open (fixture->directory, NULL));
  sigaction (SIGSEGV, NULL, &within);
  crash_note_close ();
  sigaction (SIGSEGV, NULL, &after);
  g_assert_true (before.sa_sigaction == after.sa_sigaction && before.sa_sigaction != within.sa_sigaction);
  g_assert_false (crash_note_read (&note)); /* and nothing else happens */
  crash_note_empty ();
  crash_note_close ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    g_test_add (ways[i].path, Fixture, &ways[i], set_up, test_way, tear_down);
#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/crash-note/stack", test_stack);
  ADD ("/crash-note/file", test_file);
  ADD ("/crash-note/damaged-file", test_damaged_file);
  ADD ("/crash-note/link", test_link);
  ADD ("/crash-note/signals-given-back", test_signals_given_back);
  return g_test_run ();
}
