/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reload-private.h - what the files behind reload.h share.
 *
 *   reload.c          the order of the steps; life
 *   reload-swap.c     steps 1 to 3: handlers are compared, made, opened, closed
 *   reload-commit.c   steps 4 and 5: what is written, and the change that follows
 *   reload-removed.c  handlers that go, and what they are still owed
 *
 * The core's thread, but for what is said to run on the journal's.
 */
#ifndef RELOAD_PRIVATE_H
#define RELOAD_PRIVATE_H

#include "core/core-private.h"

/* A handler that is to close may take so long for what it has in hand; then it
 * is asked to give up. */
#define RELOAD_PATIENCE 5000 /* milliseconds */

/* One handler of the new configuration. */
typedef struct
{
  const HandlerConfig *config;
  const HandlerConfig *before; /* NULL: it is new */
  Handler *old;                /* NULL: it is new */
  Handler *fresh;              /* NULL: it has not changed */
  gboolean opened;             /* `fresh` has a thread, and is one of the core's handlers */
} ReloadSwap;

struct _Reload
{
  Core *core;
  guint number;       /* see Core.reloads */
  CoreConfig *config; /* the new one; NULL once the core has it */
  CoreReloadedFunc done;
  gpointer user_data;
  SeverityRules *severities;
  GArray *swaps;      /* ReloadSwap */
  GPtrArray *removed; /* Handler */
  guint patience_timer;
  gboolean waiting; /* for old handlers to end */
  gboolean failed;  /* it goes back */
  GError *error;
  GArray *bmcs; /* StoreBmc: as they are in the configuration */
  gboolean submitted, committed, cancelled;

  CoreConfig *next; /* another one came meanwhile; NULL: none */
  guint next_number;
  CoreReloadedFunc next_done;
  gpointer next_data;
};

/* ------------------------------------------------------------------ reload.c */

/* The reload is over, one way or the other (Reload.error): says so, frees it, and
 * begins the next if one waits. */
void reload_end (Reload *reload);
void reload_free (Reload *reload);

/* ------------------------------------------------------------- reload-swap.c */

/* Compares the configurations; makes and checks every handler that is new or has
 * changed. */
gboolean reload_swap_make (Reload *reload, GError **error);

gboolean reload_swap_open_added (Reload *reload, GError **error);

/* Once the old ones have ended. */
gboolean reload_swap_open_changed (Reload *reload, GError **error);

/* Whether all handlers that are to be opened anew have ended. */
gboolean reload_swap_all_old_ended (Reload *reload);

/* Nobody knows the fresh handler yet, and it has nothing in hand: it is freed. */
void reload_swap_close_fresh (Core *core, ReloadSwap *swap);

/* The handlers that were closed are opened as they were. */
gboolean reload_swap_restore (Reload *reload, GError **error);

/* ----------------------------------------------------------- reload-commit.c */

/* Gives the journal step 4; step 5 follows on the core's thread. */
void reload_commit_submit (Reload *reload);

/* GSourceFunc: step 5.  A reload that was cancelled is freed instead. */
gboolean reload_commit_follow_up (gpointer reload);

/* ---------------------------------------------------------- reload-removed.c */

/* A handler that has ended leaves the core. */
void reload_removed_retire (Core *core, Handler *handler);

/* What removed handlers are still owed becomes dead letters, as soon as they have
 * ended. */
void reload_removed_bury (Core *core);

#endif
