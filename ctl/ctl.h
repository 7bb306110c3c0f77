/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ctl.h - what the files of ipmidctl share.
 *
 * main.c        from the command line to an exit status
 * parse.c       the command line, by the tables of commands.c
 * commands.c    the table of commands: one row each, with its options
 * complete.c    bash completion, from the same table
 * target.c      which ipmid is meant: where its socket is
 * client.c      HTTP on that socket
 * screen.c      the terminal: width, colours, harmless text
 * table.c       rows and columns
 * show-*.c      commands that show something; do-*.c: commands that do something
 *
 * One thread.
 */
#ifndef CTL_H
#define CTL_H

#include "client.h"
#include "screen.h"

#include <ipmid/plugin.h>

/* What the options say; the tables in commands.c point into it. */
typedef struct
{
  char *config, *state_dir, *domain, *socket;
  gboolean json, help, version;
  gboolean yes, force, all;
  gboolean follow;
  char *bmc, *sensor, *text, *since, *until, *handler;
  int severity, kind; /* from 1; 0: any */
  gint64 limit;       /* 0: not said */
} CtlOptions;

typedef struct _Ctl Ctl;

/* How a command ends: EX_OK or another of sysexits.h; CTL_DECLINED: the user said no. */
#define CTL_DECLINED 1

typedef struct
{
  const char *name;           /* "dead list"; NULL ends the table */
  const char *words;          /* what follows, as in a manual: "BMC [on|off]"; "" if nothing does */
  guint min, max;             /* how many words */
  const IpmidOption *options; /* besides ctl_options; NULL: none */
  int (*run) (Ctl *ctl);
  const char *help; /* one line */
} CtlCommand;

struct _Ctl
{
  CtlOptions options;
  const CtlCommand *command;
  char **words; /* NULL-terminated */
  guint n_words;
  Screen *screen;
  Client *client; /* NULL: not for this command */
};

/* Of every command. */
extern const IpmidOption ctl_options[];
extern const CtlCommand ctl_commands[];

/* The words of the choices, from 1 as in CtlOptions; NULL-terminated. */
extern const char *const ctl_severities[];
extern const char *const ctl_kinds[];

/* The letter of an option, as in -c; 0: it has none. */
char ctl_letter (const char *key);

/* ---- parse.c ---- */

/* Fills `ctl`.  FALSE: a mistake, in words. */
gboolean ctl_parse (Ctl *ctl, int argc, char **argv, GError **error);
void ctl_clear (Ctl *ctl);

/* The whole help, or that of ctl->command. */
void ctl_print_help (const Ctl *ctl);

/* ---- complete.c ---- */

/* A script for bash. */
void ctl_print_completion (void);

/* ---- main.c ---- */

/* Asks ipmid.  Returns EX_OK, or says what is wrong, and returns with what to end.
 * `body` (taken; may be NULL) goes with a POST; `answer` may be NULL. */
int ctl_ask (Ctl *ctl, const char *method, const char *path, json_t *body, json_t **answer);

/* How to end after an error of client.h, and after an answer with HTTP's `status` of 400 or more. */
int ctl_status_of_error (const GError *error);
int ctl_status_of_answer (long status);

/* With --json: prints the answer, and is done. */
gboolean ctl_is_json (Ctl *ctl, json_t *answer);

/* "/api/v1" and the words, each escaped; NULL-terminated; g_free(). */
char *ctl_path (const char *word, ...) G_GNUC_NULL_TERMINATED;

/* Says what is wrong, as "ipmidctl: …". */
void ctl_complain (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* Whether the user wants it: has said --yes, or says so now.  Else `*status` is
 * how to end. */
gboolean ctl_is_sure (Ctl *ctl, int *status, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* ---- commands ---- */

int show_status (Ctl *ctl);
int show_bmcs (Ctl *ctl);
int show_events (Ctl *ctl);
int show_sensors (Ctl *ctl);
int show_dead_list (Ctl *ctl);
int show_dead (Ctl *ctl);
int show_names (Ctl *ctl);
int do_dead_replay (Ctl *ctl);
int do_dead_drop (Ctl *ctl);
int do_rescan (Ctl *ctl);
int do_clear_sel (Ctl *ctl);
int do_power (Ctl *ctl);
int do_reload (Ctl *ctl);
int do_check (Ctl *ctl);
int do_log (Ctl *ctl);
int do_silence (Ctl *ctl);
int do_backfill (Ctl *ctl);

#endif
