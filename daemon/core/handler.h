/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handler.h - one configured handler: a plugin's state, its schedule, its thread.
 *
 * The worker thread calls the plugin.  The schedule and the table of
 * deliveries in flight are shared with the journal's thread (offers, refills)
 * and with whoever answers LATER; they are under the handler's lock.  The
 * interface below belongs to the core's thread.
 */
#ifndef HANDLER_H
#define HANDLER_H

#include "core/core.h"
#include "core/inventory.h"
#include "core/journal.h"
#include "core/request.h"
#include "core/services.h"

typedef struct _Handler Handler;

/* What a handler asks of the core; called on any thread. */
typedef struct
{
  /* End ipmid, in order. */
  void (*stop) (gpointer user_data, int exit_status, const char *message);
  /* Delete a record; `callback` is called exactly once. */
  void (*delete_record) (gpointer user_data, gint64 bmc, gint64 seq, IpmidEvent *event, IpmidDeleteFlags flags,
                         IpmidDeleteCallback callback, gpointer callback_data);
  /* The worker has ended: handler_join() will not wait. */
  void (*ended) (gpointer user_data, Handler *handler);
  gpointer user_data;
  /* Where readings come from; NULL: there are none.  Needed until handler_join(). */
  Inventory *inventory;
  /* What plugins offer each other; NULL: they cannot.  Needed until handler_join(). */
  Services *services;
  /* Copied by handler_new(); NULL: there is none. */
  const char *state_dir;
  /* The plugin asks something; takes a reference to keep it.  NULL: nobody answers. */
  void (*request) (gpointer user_data, Request *request);
} HandlerHooks;

/* The keys that every handler takes besides its plugin's. */
extern const IpmidOption handler_options[];

/* Adds everything that handler_new() would find wrong to `mistakes`, as text
 * that begins with the place where it stands. */
void handler_check (const HandlerConfig *config, const char *plugin_dir, GPtrArray *mistakes);

/* Loads the plugin and checks the configuration.  `hooks` stay the caller's. */
Handler *handler_new (const HandlerConfig *config, const char *plugin_dir, const HandlerHooks *hooks, GError **error);

/* Makes it known to the ledger, in the place of another one of its name if there
 * is one, and takes up its backlog.  On the journal's thread, or before that
 * runs; also again, after a rollback. */
gboolean handler_register (Handler *handler, Ledger *ledger, GError **error);

/* Starts the worker and waits until the plugin is open.  The journal runs.
 * Before handler_register() it has nothing to do. */
gboolean handler_start (Handler *handler, Journal *journal, GError **error);

/* Asks the worker to end when its present batch is answered; `drain`: when it
 * has nothing left that can be delivered now. */
void handler_stop (Handler *handler, gboolean drain);

/* Asks the plugin to give up what it is doing. */
void handler_cancel (Handler *handler);

/* It is not configured any more (and the ledger knows that): delivers what it can
 * within `patience` milliseconds, and ends. */
void handler_remove (Handler *handler, guint patience);
gboolean handler_is_removed (const Handler *handler);
/* TRUE, once, if it was removed and has ended. */
gboolean handler_claim_removed (Handler *handler);

/* Whether the plugin was asked to give up: not all that it was given is answered. */
gboolean handler_was_cancelled (Handler *handler);

/* Whether there is a worker to be joined. */
gboolean handler_has_thread (const Handler *handler);

/* Whether handler_join() would not have to wait. */
gboolean handler_has_ended (Handler *handler);

void handler_reopen (Handler *handler);

/* Waits for the worker's end; the journal must still be there. */
void handler_join (Handler *handler);

/* After handler_join(), and after the journal is closed: it may still hand over
 * what was asked of it. */
void handler_free (Handler *handler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Handler, handler_free)

const char *handler_name (const Handler *handler);
const char *handler_plugin (const Handler *handler);
gboolean handler_is_required (const Handler *handler);
gboolean handler_is_finalizer (const Handler *handler);
gint64 handler_id (Handler *handler);

/* A snapshot for people. */
typedef struct
{
  gboolean down;     /* taken to be down: one probe at a time */
  gint64 busy_since; /* monotonic time, microseconds; 0: not in a call */
  gint64 deadline;   /* of that call */
  guint64 done, failed;
  gint64 failing_since; /* monotonic: since when some event fails; G_MAXINT64: none does */
  gboolean works;       /* the last verdict was DONE */
  gint64 quota;
  gint64 heartbeat; /* microseconds; 0: none */
  char *last_error;       /* g_free(); NULL: none */
  gint64 last_error_time; /* wall clock, microseconds; 0: none */
  gboolean has_readings;
  guint64 readings, readings_dropped; /* taken; replaced by newer ones before */
  gboolean live;                      /* fed without the journal */
  guint64 live_dropped;               /* events that it did not take in time */
} HandlerStatus;

void handler_get_status (Handler *handler, HandlerStatus *status);

#endif
