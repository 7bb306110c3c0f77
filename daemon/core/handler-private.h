/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handler-private.h - what handler.c (life), worker.c (the thread) and host.c
 * (the table that plugins see) share.
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
  gint64 linger;
  gint64 attempts;
  gint64 timeout;
  gint64 retry_min, retry_max;
  gint64 quota;
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

struct _Handler
{
  IpmidHost host; /* first: a plugin's IpmidHost is a Handler */
  char *name;
  Plugin *plugin;
  const IpmidPlugin *descriptor;
  gpointer state; /* the plugin's */
  HandlerOptions options;
  HandlerHooks hooks;
  char *state_dir; /* NULL: there is none */
  Journal *journal;
  gint64 id;
  GThread *thread;
  Live *live;                 /* what waits for it if it is fed live; NULL: it is not */
  Readings *readings;         /* what waits for the plugin's `readings`; NULL: it has none */
  gint64 readings_not_before; /* the worker's: monotonic time of its next call */
  int wake_fd;                /* eventfd: something changed for the worker */
  int cancel_fd;              /* eventfd: the plugin should give up */

  /* The core's thread alone. */
  gboolean removed, claimed;
  guint patience_timer;

  GMutex lock; /* everything below */
  GCond opened;
  Schedule *schedule;
  GHashTable *deliveries; /* guint64 token → Delivery */
  guint64 next_token;
  gboolean stopping, draining, cancelled, reopen, ended;
  gboolean open_answered;
  GError *open_error;
  gint64 busy_since, busy_deadline;
  gint64 paused_until; /* monotonic: nothing is picked before (ipmid_host_pause()) */
  guint64 done, failed;
  char *last_error;
  LogLimit failure_limit;
};

/* Wakes the worker.  Any thread. */
void handler_wake (Handler *handler);

/* The journal's thread hands over an event (LedgerHandler.offer). */
void handler_offer (gpointer handler, gint64 bmc, gint64 seq, IpmidEvent *event);

/* The worker's thread function. */
gpointer worker_run (gpointer handler);

/* Gives the plugin one batch of readings if some wait and it is time.  Returns
 * when to come again, monotonic: in the past if more wait, G_MAXINT64 if none do.
 * The worker's thread. */
gint64 worker_hand_over_readings (Handler *handler);

/* Gives the plugin what waits for it live, one batch at most.  TRUE: there may be
 * more.  The worker's thread. */
gboolean worker_deliver_live (Handler *handler);

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
