/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core.h - the daemon without its command line: journal, collectors, handlers.
 *
 * A core belongs to the thread that created it, which runs the default main
 * context.
 */
#ifndef CORE_H
#define CORE_H

#include "core/connection.h"

/* One key of a handler's group, with the place where the user wrote it. */
typedef struct
{
  char *key;
  char *value;
  char *place; /* "ipmid.conf:12" or "--attempts"; for error messages */
} ConfigEntry;

/* What the user wants of one handler. */
typedef struct
{
  char *name;
  char *plugin;
  char *place;        /* "ipmid.conf:10", for error messages; NULL: the command line */
  GPtrArray *entries; /* ConfigEntry: keys of the plugin's table and of handler_options */
  gboolean optional;  /* nobody has asked for it: if it cannot be had, ipmid says so and does without */
} HandlerConfig;

/* What the user wants of one BMC. */
typedef struct
{
  char *name;
  Connection *connection;
  char *was;            /* an earlier name, whose history it keeps; NULL: none */
  char *host;           /* the server that it belongs to; NULL: not said */
  char **labels;        /* "KEY=VALUE" each; NULL: none */
  gint64 silence_until; /* wall clock, microseconds: no notifications before; 0: no silence */
} BmcConfig;

/* Counted references; nothing in it changes once a core has it. */
typedef struct
{
  gint refs;
  char *state_dir; /* NULL: a journal in memory */
  char *plugin_dir;
  char *collector;     /* the program */
  GPtrArray *bmcs;     /* BmcConfig; only enabled ones */
  GPtrArray *handlers; /* HandlerConfig */

  /* 0 and NULL, as core_config_new() has them, are what eventd style wants. */
  guint bmcs_per_collector;   /* 0: all in one */
  gboolean announce;          /* connection and health events are made */
  gint64 settle_time;         /* microseconds that a connection must be up or down before that is an event */
  gint64 quarantine_time;     /* microseconds after which a BMC is let out on trial */
  gint64 sel_fill_limit;      /* per cent; 0: not watched */
  gint64 clock_drift_limit;   /* microseconds; 0: not watched */
  gint64 handler_alarm_after; /* microseconds that a handler may fail; 0: not watched */
  gint64 bmc_alarm_after;     /* microseconds that a BMC may be away; 0: not watched */
  gint64 journal_limit;       /* bytes; 0: ipmid's own */
  gint64 minimum_free;        /* bytes that stay free beside the journal; 0: not watched */
  char *trap_listen;          /* "[ADDRESS]:PORT" for Platform Event Traps; NULL: none */
  char **silences;            /* "KEY=PATTERN until TIME" each (core/silence.h); NULL: none */
  int trap_socket;            /* one that systemd opened for them, the caller's; 0: none */
  char **severities;          /* overrides: "TYPE:PATTERN=SEVERITY" each (core/severity-rules.h); NULL: none */

  /* For the daemon around the core. */
  char *pid_file; /* NULL: none */
  int log_level;  /* IpmidLogLevel; 0: not said */
  gboolean http;  /* there is to be a handler for ipmidctl, also if the user configures none */
} CoreConfig;

CoreConfig *core_config_new (void);
CoreConfig *core_config_ref (CoreConfig *config);
void core_config_unref (CoreConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CoreConfig, core_config_unref)

/* A BMC's name is a part of event ids, stands in log lines, and in the names of
 * files; a domain's is the name of a directory. */
#define CORE_CONFIG_NAME_MAX 128 /* bytes */

/* `thing` is what has the name, for the error: "a domain". */
gboolean core_config_check_name (const char *name, const char *thing, GError **error);

HandlerConfig *core_config_add_handler (CoreConfig *config, const char *name, const char *plugin);
void handler_config_set (HandlerConfig *handler, const char *key, const char *value, const char *place);
/* Takes the connection. */
BmcConfig *core_config_add_bmc (CoreConfig *config, const char *name, Connection *connection);

/* What no single group can know: names are there once, and an earlier name
 * (`was`) belongs to nobody else. */
gboolean core_config_check (const CoreConfig *config, GError **error);

typedef struct _Core Core;

/* The core has ended, in order: the exit status (sysexits.h) and why, NULL if
 * it was asked to. */
typedef void (*CoreEndedFunc) (int exit_status, const char *message, gpointer user_data);

/* Everything that can be wrong at start-up shows here: the state directory and
 * its lock, the journal, plugins and their options, files that a handler opens.
 * No process or thread is left behind on failure.  Takes the configuration.
 * `*exit_status` is set on failure. */
Core *core_start (CoreConfig *config, CoreEndedFunc on_ended, gpointer user_data, int *exit_status, GError **error);

/* Ends in order: sessions closed, running deliveries finished or cancelled,
 * within ten seconds; then on_ended is called. */
void core_stop (Core *core, int exit_status, const char *message);

/* SIGHUP in eventd style: handlers re-open their files. */
void core_reopen (Core *core);

/* Has the core's other threads show that they are alive: `answered` is called
 * later on this thread, with FALSE if the core has failed, and not at all while
 * the journal is stuck.  core_free() does not return before. */
void core_probe (Core *core, void (*answered) (gboolean well, gpointer user_data), gpointer user_data);

/* One line, for people: "3 BMCs: 2 up, 1 down; 40 records read".  The caller
 * frees it. */
char *core_summary (Core *core);
/* How a reload has ended; `error` NULL: the new configuration is in use.  `config`
 * is the core's, and the one in use now. */
typedef void (*CoreReloadedFunc) (CoreConfig *config, const GError *error, gpointer user_data);

/* A new configuration, which the core takes.  Touches only what has changed, and
 * nothing if anything is wrong (see reload.h); logs the outcome, and calls `done`
 * (may be NULL), perhaps at once, unless ipmid ends before.  One that comes
 * while another is under way follows it. */
void core_reload (Core *core, CoreConfig *config, CoreReloadedFunc done, gpointer user_data);

typedef enum
{
  CORE_RELOAD_BEGUN,    /* core_reload() was called, and may have ended */
  CORE_RELOAD_MISTAKES, /* the configuration cannot be used */
  CORE_RELOAD_REOPENED, /* there is none to be read: core_reopen() was called */
} CoreReloadStart;

/* What the daemon around a core does when a plugin asks for it, on the core's
 * thread. */
typedef struct
{
  const char *config; /* the file; NULL: eventd style.  The daemon's */
  /* As on SIGHUP; adds to `mistakes` (g_free). */
  CoreReloadStart (*reload) (gpointer user_data, GPtrArray *mistakes);
  /* As --check; with a file only. */
  void (*check) (gpointer user_data, GPtrArray *mistakes, GPtrArray *warnings);
  gpointer user_data;
} CoreDaemon;

/* Before the main loop runs; copies it. */
void core_set_daemon (Core *core, const CoreDaemon *around);

/* SIGUSR1: a line in the log for every collector, BMC and handler. */
void core_log_status (Core *core);

/* What --status shows: "key: value" lines for people. */
char *core_status (Core *core);

/* After on_ended. */
void core_free (Core *core);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Core, core_free)

#endif
