/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmdline.h - the command line, in openipmi_eventd's style or with a file.
 *
 *   ipmid <domain> <connection> [options] [<program> [<parameters>]]
 *   ipmid <domain> <connection> [options] --handler <plugin> [<key>=<value>]...
 *
 *   ipmid -c <file> [options]
 *   ipmid --import <file>
 *
 * Options may also stand before the domain and before the connection; after
 * the program they are the program's.  Main thread only.
 */
#ifndef CMDLINE_H
#define CMDLINE_H

#include "core/core.h"

#include <stdio.h>

typedef struct
{
  char *domain;           /* NULL with a configuration file */
  Connection *connection; /* NULL if none was given (--status and the like) */
  char **program;         /* with its parameters; NULL without one.  With a handler: KEY=VALUE words */

  /* The table's; paths are absolute. */
  char *config; /* the configuration file; NULL: openipmi_eventd's style */
  gboolean check;
  char *test_handler; /* the name of a handler of the file */
  char *import, *credentials_file;
  char *outfile;
  char *handler; /* the name of a plugin */
  gboolean exec_now, event_stdin, delete_events, dont_daemonize, debug;
  gboolean acknowledge;
  int on_exit, format;
  gint64 timeout, attempts, sel_interval;
  gboolean existing, dry_run, allow_clear;
  char *state_dir; /* where the journal is, in openipmi_eventd's style also by default; NULL: without one, or said by
                      the file */
  gboolean no_state;
  char *trap_listen;
  char *socket; /* for ipmidctl; NULL: in the state directory */
  gboolean no_http;
  char *plugin_dir, *collector, *pid_file;
  gboolean status, dead_letters, help, version;

  guint64 given; /* bit n: the user gave option n of the table */
} Cmdline;

/* Parses and checks, without a look at the system but for the current
 * directory.  Secrets are blanked in argv. */
Cmdline *cmdline_parse (int argc, char **argv, GError **error);
void cmdline_free (Cmdline *cmdline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Cmdline, cmdline_free)

/* Whether the user gave this option of the table, "plugin-dir". */
gboolean cmdline_says (const Cmdline *cmdline, const char *key);

void cmdline_print_help (FILE *out);

/* Finds the program, makes its path absolute, and tries to open the output
 * file.  *exit_status is set on failure. */
gboolean cmdline_prepare (Cmdline *cmdline, int *exit_status, GError **error);

/* What the core shall do, in openipmi_eventd's style; may be called again. */
CoreConfig *cmdline_to_config (const Cmdline *cmdline);

#endif
