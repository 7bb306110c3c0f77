/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handler-private.h - what handler.c (life), handler-configure.c and handler-options.c
 * (its configuration), workers.c (its threads), worker.c (what each of them does) and
 * host.c (the table that plugins see) share.
 */
#ifndef HANDLER_PRIVATE_H
#define HANDLER_PRIVATE_H

#include "core/handler.h"
#include "core/live.h"
#include "core/log.h"
#include "core/plugin.h"
#include "core/readings.h"
#include "core/schedule.h"

/* The state behind handler_options. */
typedef struct
{
  gboolean required;
  gboolean existing;
  gint64 batch;
  gint64 workers;
  gint64 linger;
  gint64 attempts;
  gint64 timeout;
  gint64 retry_min, retry_max;
  gint64 quota;
  gint64 heartbeat;
  char **readings_sensors;

  char **kinds;
  int severity;
  char **bmcs;
  char **labels;
  char **sensors;
  char **sensor_types;
  int direction;
  gint64 quiet;
  int quiet_by;
  int recovery; /* HANDLER_AUTO … */
  int silence;

  Filter filter;  /* compiled from them */
  QuietRule rule; /* likewise */
} HandlerOptions;

/* What a choice between "auto", "yes" and "no" is. */
enum
{
  HANDLER_AUTO,
  HANDLER_YES,
  HANDLER_NO,
};

/* `flags`: IpmidPluginFlags, on which some fallbacks depend. */
void handler_options_init (HandlerOptions *options, guint32 flags);
gboolean handler_options_set (HandlerOptions *options, const IpmidOption *option, const char *value, GError **error);
/* After the last one was set: what they mean together. */
gboolean handler_options_finish (HandlerOptions *options, const IpmidPlugin *plugin, GError **error);
void handler_options_clear (HandlerOptions *options);

/* One event that the plugin has in hand.  Under the lock. */
typedef struct
{
  guint64 token;
  ScheduleItem *item;
  gint64 deadline;
  gboolean later;    /* deliver() has returned LATER */
  gboolean answered; /* ipmid_host_answer() came */
  IpmidVerdict verdict;
  char *reason;
} Delivery;

/* One thread of a handler, with a state of the plugin that is its alone. */
typedef struct
{
  Handler *handler;
  gpointer state; /* the plugin's */
  GThread *thread;
  int wake_fd;                /* eventfd: something changed */
  gint64 readings_not_before; /* monotonic time of the next call; the thread's own */

  /* Under the handler's lock. */
  gboolean reopen;
  gint64 busy_since, busy_deadline;
} Worker;

struct _Handler
{
  IpmidHost host; /* first: a plugin's IpmidHost is a Handler */
  char *name;
  Plugin *plugin;
  const IpmidPlugin *descriptor;
  gpointer state; /* the plugin's: the first worker's */
  HandlerOptions options;
  HandlerHooks hooks;
  char *state_dir; /* NULL: there is none */
  Journal *journal;
  gint64 id;
  Worker *workers;
  guint n_workers;
  RequestBook *requests; /* what the plugin has asked the core */
  Live *live;            /* what waits for it if it is fed live; NULL: it is not */
  Readings *readings;    /* what waits for the plugin's `readings`; NULL: it has none */
  int cancel_fd;         /* eventfd: the plugin should give up */

  /* The core's thread alone. */
  gboolean removed, claimed;
  guint patience_timer;

  GMutex lock; /* everything below */
  GCond opened;
  Schedule *schedule;
  GHashTable *deliveries; /* guint64 token → Delivery */
  GArray *settled;        /* ScheduleSettlement: to be written after the next attempt; may be NULL */
  guint64 next_token;
  guint n_running; /* workers that have begun and not ended */
  gboolean stopping, draining, cancelled, ended;
  gboolean open_answered; /* by the worker that was started last */
  GError *open_error;
  gint64 paused_until; /* monotonic: nothing is picked before (ipmid_host_pause()) */
  guint64 done, failed;
  gboolean works; /* the last verdict was DONE */
  char *last_error;
  gint64 last_error_time; /* wall clock, microseconds */
  LogLimit failure_limit;
};

/* Fills the handler's options and the plugin's state: fallbacks, then what the
 * configuration says.  Adds all that is wrong with it to `mistakes` (char *).  The
 * core's thread. */
void handler_configure (Handler *handler, const HandlerConfig *config, GPtrArray *mistakes);

/* Adds what is wrong with one thing, and where; `place` may be NULL. */
void handler_configure_note_mistake (GPtrArray *mistakes, const char *place, const GError *error);

/* Wakes the workers.  Any thread. */
void handler_wake (Handler *handler);

/* The journal's thread hands over an event (LedgerHandler.offer). */
void handler_offer (gpointer handler, gint64 bmc, gint64 seq, IpmidEvent *event);

/* Likewise: events of this BMC, perhaps before others (LedgerHandler.reread). */
void handler_reread (gpointer handler, gint64 bmc, gint64 seq);

/* Makes the workers that the options ask for.  `handler->state` is the first
 * one's; the others get copies of its options. */
gboolean workers_make (Handler *handler, GError **error);

/* Frees them and the plugin's states, after workers_join(). */
void workers_free (Handler *handler);

/* Starts them, one after the other: each has opened its state before the next
 * begins.  After a failure there may be some to be joined; they are told to end. */
gboolean workers_start (Handler *handler, GError **error);
void workers_join (Handler *handler);

/* Counts an attempt for each (ScheduleItem), and waits until that is on disk.  FALSE:
 * the journal has failed.  A worker's thread. */
gboolean worker_record_attempts (Handler *handler, GPtrArray *items);

/* Takes answers (ScheduleSettlement) for the journal, which gets them with the next
 * worker_catch_up() at the latest.  The lock is held. */
void worker_keep_settlements (Handler *handler, GArray *settlements);

/* Gives the journal the answers, and asks it for what the schedule has room for.  Does
 * not wait.  Any thread. */
void worker_catch_up (Handler *handler);

/* A worker's thread function. */
gpointer worker_run (gpointer worker);

/* Gives the plugin one batch of readings if some wait and it is time.  Returns
 * when to come again, monotonic: in the past if more wait, G_MAXINT64 if none do.
 * The first worker's thread. */
gint64 worker_hand_over_readings (Worker *worker);

/* Gives the plugin what waits for it live, one batch at most.  Returns when to come
 * again, monotonic: 0 if there may be more, G_MAXINT64 if nothing waits.  The first
 * worker's thread. */
gint64 worker_deliver_live (Worker *worker);

/* The fleet's part of the table; see ipmid/plugin.h. */
IpmidFleet *host_fleet (IpmidHost *host);
IpmidFleet *host_fleet_ref (IpmidFleet *fleet);
void host_fleet_unref (IpmidFleet *fleet);
guint host_fleet_length (const IpmidFleet *fleet);
void host_fleet_bmc (const IpmidFleet *fleet, guint bmc, IpmidBmc *out);
void host_fleet_sensor (const IpmidFleet *fleet, guint bmc, guint sensor, IpmidSensor *out);
void host_fleet_reading (const IpmidFleet *fleet, guint bmc, guint sensor, IpmidReading *out, const char **words);

/* The table that every plugin gets. */
extern const IpmidHostApi host_api;

#endif
