/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ipmid/store.h - ask the store of events and readings.
 *
 * A plugin that keeps history (sqlite) offers this as the service
 * IPMID_STORE_SERVICE; another one that shows history uses it:
 *
 *   const IpmidStore *store = ipmid_host_lookup (host, IPMID_STORE_SERVICE);
 *   if (store != NULL)
 *     {
 *       ipmid_store_events (store, &query, on_event, data, &next, &error);
 *       ipmid_host_release (host, IPMID_STORE_SERVICE);
 *     }
 *
 * Nothing in it is of one kind of database.
 *
 * Threads.  Every function may be called from any thread, also from several at
 * a time.  It blocks until it has the answer, and calls back on the caller's
 * thread before it returns.  A callback must not block and must not call the
 * store; what it is given is the store's, and valid until it returns.
 *
 * Bounds.  Every answer is bounded by a limit of the caller's and one of the
 * store's, and every query by a time (a few seconds), so that no question keeps
 * the store from closing.
 *
 * Times are nanoseconds since 1970, UTC, and durations nanoseconds.
 *
 * Structures begin with their size, which the caller sets for what it hands in
 * and the store for what it hands out, and grow only at their end.
 */
#ifndef IPMID_STORE_H
#define IPMID_STORE_H

#include <ipmid/plugin.h>

G_BEGIN_DECLS

#define IPMID_STORE_SERVICE "store"

/* The most events of one page, and points of one series. */
#define IPMID_STORE_EVENTS_MAX 1000u
#define IPMID_STORE_POINTS_MAX 10000u

typedef struct _IpmidStore IpmidStore;

/* ------------------------------------------------------------------ errors */

#define IPMID_STORE_ERROR (g_quark_from_static_string ("ipmid-store"))

typedef enum
{
  IPMID_STORE_ERROR_INVALID,     /* the question: the message says what is wrong with it (400) */
  IPMID_STORE_ERROR_NOT_FOUND,   /* no such event, BMC or sensor (404) */
  IPMID_STORE_ERROR_UNAVAILABLE, /* for now: locked, or not open (503) */
  IPMID_STORE_ERROR_TOO_SLOW,    /* it was given up: ask for less (503) */
  IPMID_STORE_ERROR_FAILED,      /* anything else (500) */
} IpmidStoreError;

/* ------------------------------------------------------------------ events */

/* Which events.  What is NULL or 0 does not restrict. */
typedef struct
{
  gsize size;             /* sizeof (IpmidStoreEventQuery) */
  gint64 since, until;    /* since <= time < until */
  const char *bmc;        /* its name */
  IpmidSeverity severity; /* this one or worse */
  IpmidKind kind;
  const char *sensor;    /* its name, as in the event */
  const char *text;      /* words that are all in the event's sentence, in any order; "temp*" is the beginning of one.
                            Case and punctuation do not matter. */
  gboolean oldest_first; /* FALSE: newest first */
  guint limit;           /* at most so many; 0: 100; never more than IPMID_STORE_EVENTS_MAX */
  const char *after;     /* go on behind a page: what that page gave as `next`, with the same query */
  gboolean by_arrival;   /* in the order in which they were stored, instead of by time: of one BMC that of its SEL, and
                            what is stored later comes behind.  The other filters are looked at event by event. */
} IpmidStoreEventQuery;

typedef struct
{
  gsize size; /* sizeof (IpmidStoreEvent) as the store knows it */
  const char *id;
  const char *bmc;
  gint64 time;     /* when it happened: the BMC's clock; `received` if the record has no time, one in the future,
                      or one of a clock that was not set */
  gint64 received; /* when ipmid read it */
  IpmidKind kind;
  IpmidSeverity severity;
  const char *sensor; /* NULL: none */
  const char *text;   /* "" if it has none */
  const char *json;   /* the whole event, as one JSON object without newline; see ipmid_event_render().  As it was
                         when it was stored: ipmid makes the event of it again for handlers that are backfilled. */
} IpmidStoreEvent;

typedef void (*IpmidStoreEventFunc) (gpointer user_data, const IpmidStoreEvent *event);

/* How many events a BMC has, of each severity. */
typedef struct
{
  gsize size; /* sizeof (IpmidStoreCount) as the store knows it */
  const char *bmc;
  guint64 by_severity[IPMID_SEVERITY_CRITICAL + 1]; /* [0] is not used */
  gint64 newest;                                    /* time of the newest one */
} IpmidStoreCount;

typedef void (*IpmidStoreCountFunc) (gpointer user_data, const IpmidStoreCount *count);

/* ---------------------------------------------------------------- readings */

typedef enum
{
  IPMID_STORE_RESOLUTION_AUTO = 0, /* the finest that has no more points than wanted, and reaches back to `since` */
  IPMID_STORE_RESOLUTION_RAW,      /* every reading */
  IPMID_STORE_RESOLUTION_MINUTE,   /* minimum, mean and maximum of each minute (UTC) */
  IPMID_STORE_RESOLUTION_HOUR,     /* likewise of each hour */
} IpmidStoreResolution;

typedef struct
{
  gsize size;            /* sizeof (IpmidStoreSeriesQuery) */
  const char *bmc;       /* required */
  const char *sensor_id; /* required: "<entity>.<instance>.<sensor>" */
  gint64 since, until;   /* since <= time < until; until 0: now; since 0: an hour before `until` */
  IpmidStoreResolution resolution;
  guint points; /* at most so many; 0: 1000; never more than IPMID_STORE_POINTS_MAX.  A series that has more
                   ends there, unless the resolution is AUTO: then points are made wider. */
} IpmidStoreSeriesQuery;

/* One reading, or what the readings of a span of time had in common. */
typedef struct
{
  gsize size;    /* sizeof (IpmidStorePoint) as the store knows it */
  gint64 time;   /* of the reading, or when the span begins */
  gint64 width;  /* of the span; 0: one reading */
  guint64 count; /* readings with a value; 0: this one reading has none */
  double minimum, mean, maximum;
  gboolean available;     /* of one reading; TRUE for a span */
  guint32 states;         /* of one reading, as in IpmidReading; 0 for a span */
  IpmidSeverity severity; /* of one reading; the worst of a span's */
} IpmidStorePoint;

typedef void (*IpmidStorePointFunc) (gpointer user_data, const IpmidStorePoint *point);

/* A sensor, and what it read last. */
typedef struct
{
  gsize size; /* sizeof (IpmidStoreSensor) as the store knows it */
  const char *bmc;
  const char *sensor;
  const char *sensor_id;
  const char *sensor_type;
  const char *entity;
  const char *unit;
  gint64 time; /* 0: its last reading is not kept any more, and what follows means nothing */
  gboolean available;
  gboolean has_value;
  double value;
  guint32 states;
  IpmidSeverity severity;
} IpmidStoreSensor;

typedef void (*IpmidStoreSensorFunc) (gpointer user_data, const IpmidStoreSensor *sensor);

/* ------------------------------------------------------------------- table */

typedef struct
{
  gsize size; /* sizeof (IpmidStoreApi) as the store has it; grows only at its end */

  gboolean (*events) (const IpmidStore *store, const IpmidStoreEventQuery *query, IpmidStoreEventFunc func,
                      gpointer user_data, char **next, GError **error);
  gboolean (*event) (const IpmidStore *store, const char *id, IpmidStoreEventFunc func, gpointer user_data,
                     GError **error);
  gboolean (*counts) (const IpmidStore *store, gint64 since, gint64 until, IpmidStoreCountFunc func, gpointer user_data,
                      GError **error);
  gboolean (*series) (const IpmidStore *store, const IpmidStoreSeriesQuery *query, IpmidStorePointFunc func,
                      gpointer user_data, GError **error);
  gboolean (*sensors) (const IpmidStore *store, const char *bmc, IpmidStoreSensorFunc func, gpointer user_data,
                       GError **error);
} IpmidStoreApi;

/* What the service's table is. */
struct _IpmidStore
{
  const IpmidStoreApi *api;
};

/* ---------------------------------------------------------------- wrappers */

/* A page of events, ordered by time; those with `text` or `by_arrival` by when they were stored.
 * `*next` (may be NULL) is what `after` of the next page is, NULL if there is none;
 * the caller frees it.  An event that is stored between two pages is on neither or
 * on one, and no event is on two. */
static inline gboolean
ipmid_store_events (const IpmidStore *store, const IpmidStoreEventQuery *query, IpmidStoreEventFunc func,
                    gpointer user_data, char **next, GError **error)
{
  return store->api->events (store, query, func, user_data, next, error);
}

/* The event of this id, once; NOT_FOUND if there is none. */
static inline gboolean
ipmid_store_event (const IpmidStore *store, const char *id, IpmidStoreEventFunc func, gpointer user_data,
                   GError **error)
{
  return store->api->event (store, id, func, user_data, error);
}

/* Counts of since <= time < until (0: no limit), of every BMC that has some, in the
 * order of their names.  Both 0 is answered from a table of sums, at once. */
static inline gboolean
ipmid_store_counts (const IpmidStore *store, gint64 since, gint64 until, IpmidStoreCountFunc func, gpointer user_data,
                    GError **error)
{
  return store->api->counts (store, since, until, func, user_data, error);
}

/* What a sensor has read, oldest first.  Spans without a reading are left out.
 * NOT_FOUND if the store does not know the sensor. */
static inline gboolean
ipmid_store_series (const IpmidStore *store, const IpmidStoreSeriesQuery *query, IpmidStorePointFunc func,
                    gpointer user_data, GError **error)
{
  return store->api->series (store, query, func, user_data, error);
}

/* The sensors of a BMC, in the order of their ids.  NOT_FOUND if the store does not
 * know the BMC. */
static inline gboolean
ipmid_store_sensors (const IpmidStore *store, const char *bmc, IpmidStoreSensorFunc func, gpointer user_data,
                     GError **error)
{
  return store->api->sensors (store, bmc, func, user_data, error);
}

G_END_DECLS

#endif
