/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * faulty.c - a handler with a bug: some events are more than it can take.
 *
 * An event whose id fits one of the patterns `event` makes it die of SIGSEGV or SIGABRT, with all of
 * ipmid, or never come back, as long as the file `while` is there.  Each event
 * that it is about to handle is a line "<id> <attempt> <events in the call>" in
 * the file `tried`, and each that it has handled one "<id>" in the file `log`.
 */
#include <ipmid/plugin.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct
{
  char **event;
  char *log;
  char *tried;
  char *as_long_as;
  int way;

  IpmidHost *host;
  int log_fd, tried_fd;
} Faulty;

enum
{
  WAY_SEGV,
  WAY_ABORT,
  WAY_LOOP,
};

static const char *const ways[] = { "segv", "abort", "loop", NULL };

#define OPTION(member) G_STRUCT_OFFSET (Faulty, member)

static const IpmidOption options[] = {
  { "event", IPMID_OPTION_LIST, OPTION (event), NULL, TRUE, 0, 0, NULL, "PATTERN;...", "What it cannot take, by id." },
  { "log", IPMID_OPTION_PATH, OPTION (log), NULL, TRUE, 0, 0, NULL, "PATH", "Where to write what was handled." },
  { "tried", IPMID_OPTION_PATH, OPTION (tried), NULL, TRUE, 0, 0, NULL, "PATH", "Where to write what was tried." },
  { "while", IPMID_OPTION_PATH, OPTION (as_long_as), NULL, TRUE, 0, 0, NULL, "PATH", "The bug is there with it." },
  { "way", IPMID_OPTION_CHOICE, OPTION (way), "segv", FALSE, 0, 0, ways, "segv|abort|loop", "What it does then." },
  { .key = NULL },
};

static int
open_log (const char *path)
{
  return open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static gboolean
faulty_open (gpointer state, IpmidHost *host, GError **error)
{
  Faulty *faulty = state;

  faulty->host = host;
  faulty->log_fd = open_log (faulty->log);
  faulty->tried_fd = open_log (faulty->tried);
  if (faulty->log_fd >= 0 && faulty->tried_fd >= 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot open %s or %s", faulty->log, faulty->tried);
  return FALSE;
}

static void
misbehave (const Faulty *faulty)
{
  volatile char *nobody = mmap (NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  volatile gboolean for_ever = TRUE;

  if (faulty->way == WAY_ABORT)
    abort ();
  if (faulty->way == WAY_SEGV)
    *nobody = 1;
  while (for_ever)
    g_thread_yield ();
}

static gboolean
is_too_much (const Faulty *faulty, const char *id)
{
  gboolean fits = FALSE;

  for (char **pattern = faulty->event; *pattern != NULL && !fits; pattern++)
    fits = g_pattern_match_simple (*pattern, id);
  return fits && access (faulty->as_long_as, F_OK) == 0;
}

static void
faulty_deliver (gpointer state, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  Faulty *faulty = state;

  for (guint i = 0; i < batch->n_events; i++)
    {
      const char *id = ipmid_event_string (faulty->host, batch->events[i], IPMID_FIELD_ID);
      dprintf (faulty->tried_fd, "%s %u %u\n", id, batch->attempts[i], batch->n_events);
      if (is_too_much (faulty, id))
        misbehave (faulty);
      dprintf (faulty->log_fd, "%s\n", id);
      verdicts[i] = IPMID_VERDICT_DONE;
    }
}

static void
faulty_close (gpointer state)
{
  Faulty *faulty = state;

  close (faulty->log_fd);
  close (faulty->tried_fd);
}

const IpmidPlugin ipmid_plugin = { .abi_major = IPMID_PLUGIN_ABI_MAJOR,
                                   .abi_minor = IPMID_PLUGIN_ABI_MINOR,
                                   .size = sizeof (IpmidPlugin),
                                   .name = "faulty",
                                   .version = "1",
                                   .summary = "Has a bug",
                                   .state_size = sizeof (Faulty),
                                   .options = options,
                                   .open = faulty_open,
                                   .deliver = faulty_deliver,
                                   .close = faulty_close };
