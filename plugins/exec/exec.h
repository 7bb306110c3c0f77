/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exec.h - what the parts of the exec plugin share.
 *
 *   exec.c     the options and the descriptor
 *   run.c      one run of the program per event
 *   persist.c  one program that stays: its life
 *   delivery.c what such a program is handed, and the verdicts
 *   stream.c   what goes through the pipes of such a program
 *   spawn.c    processes
 *   identity.c the user that they run as
 *   ack.c      the program's answers
 *
 * Everything runs on the handler's worker thread.
 */
#ifndef EXEC_H
#define EXEC_H

#include "identity.h"

#include <ipmid/plugin.h>

typedef enum
{
  EXEC_INPUT_ARGUMENTS,
  EXEC_INPUT_STDIN,
  EXEC_INPUT_PERSISTENT,
  EXEC_INPUT_ACKNOWLEDGE,
} ExecInput;

typedef enum
{
  EXEC_ON_EXIT_RESTART,
  EXEC_ON_EXIT_STOP,
} ExecOnExit;

typedef struct _Persist Persist;

typedef struct
{
  /* Filled in by the host. */
  char *program;
  char **arguments;
  int input;
  int format;
  gint64 time_limit; /* 0: none but the host's */
  int on_exit;
  char *user; /* NULL: ipmid's own */

  IpmidHost *host;
  char **environment; /* what every run gets */
  Identity *identity; /* of `user`, else NULL */
  Persist *persist;   /* of the persistent modes, else NULL */
} Exec;

/* The program and the user's arguments, borrowed, with room for `more` further
 * ones and the final NULL.  Free the array alone. */
GPtrArray *exec_argv (const Exec *exec, guint more);

/* When the time limit has passed for something that begins now. */
gint64 exec_time_limit (const Exec *exec);

/* ------------------------------------------------------------------- run.c */

void run_deliver (Exec *exec, const IpmidBatch *batch, IpmidVerdict *verdicts);

/* --------------------------------------------------------------- persist.c */

Persist *persist_new (Exec *exec);
void persist_free (Persist *persist);
gboolean persist_start (Persist *persist, GError **error);
void persist_deliver (Persist *persist, const IpmidBatch *batch, IpmidVerdict *verdicts);
void persist_idle (Persist *persist, IpmidIdle *idle);

#endif
