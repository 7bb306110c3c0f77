/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ipmid/plugin.h - write a handler for ipmid: the one public header.
 *
 * A plugin is a shared object in ipmid's plugin directory that exports one
 * constant descriptor, `ipmid_plugin`.  The core loads it, reads its option
 * table, fills one zeroed state per configured handler from the configuration,
 * and then calls the functions of the descriptor.
 *
 * Threads.  Every configured handler has a worker thread of its own (or several,
 * each with a state of its own: IPMID_PLUGIN_WORKERS).  All
 * functions of the descriptor except `check` are called on that thread, and
 * never concurrently for the same state, so blocking code is fine.  `check`
 * runs on the thread that reads the configuration.  SIGPIPE does nothing in
 * ipmid: a write to a broken pipe or socket fails with EPIPE.
 *
 * Symbols.  A plugin uses no symbol of the ipmid executable.  What the host
 * offers comes in a table (IpmidHostApi) that only ever grows at its end; the
 * inline functions below wrap it.
 *
 * ABI.  A change that breaks compiled plugins raises IPMID_PLUGIN_ABI_MAJOR;
 * an addition raises IPMID_PLUGIN_ABI_MINOR and is listed here.
 *   1.0  first release
 *   1.1  IpmidReading.obstacle, ipmid_reading_render(), ipmid_host_want_readings(),
 *        ipmid_host_fleet() and its neighbours
 *   1.2  ipmid_host_state_dir(), services: ipmid_host_offer() and its neighbours,
 *        ipmid_host_pause(), IPMID_PLUGIN_WORKERS, IPMID_PLUGIN_LIVE, ipmid_host_request()
 */
#ifndef IPMID_PLUGIN_H
#define IPMID_PLUGIN_H

#include <glib.h>
#include <stdarg.h>

G_BEGIN_DECLS

#define IPMID_PLUGIN_ABI_MAJOR 1u
#define IPMID_PLUGIN_ABI_MINOR 2u

/* ------------------------------------------------------------------ events */

/* An event: immutable, reference-counted, safe to read from any thread. */
typedef struct _IpmidEvent IpmidEvent;

/* What happened.  The first three are openipmi_eventd's; the others are
 * ipmid's own.  Kinds are only ever added: ignore what you do not know. */
typedef enum
{
  IPMID_KIND_THRESHOLD = 1,  /* a threshold sensor crossed a threshold (IPMI 2.0, table 42-2, event type 01h) */
  IPMID_KIND_DISCRETE = 2,   /* a discrete sensor changed state (event types 02h-0Ch and 6Fh) */
  IPMID_KIND_UNKNOWN = 3,    /* an OEM, malformed or unattributable SEL record */
  IPMID_KIND_CONNECTION = 4, /* a BMC went away or came back */
  IPMID_KIND_MESSAGE = 5,    /* text logged by a user */
  IPMID_KIND_GAP = 6,        /* records were lost before ipmid could read them */
  IPMID_KIND_HEALTH = 7,     /* about ipmid itself: quarantine, a failing handler, a filling journal or SEL */
} IpmidKind;

typedef enum
{
  IPMID_SEVERITY_OK = 1,
  IPMID_SEVERITY_INFO = 2,
  IPMID_SEVERITY_WARNING = 3,
  IPMID_SEVERITY_CRITICAL = 4,
} IpmidSeverity;

/* IPMI 2.0, table 42-2, generic event/reading type code 01h. */
typedef enum
{
  IPMID_THRESHOLD_LOWER_NON_CRITICAL = 0,
  IPMID_THRESHOLD_LOWER_CRITICAL = 1,
  IPMID_THRESHOLD_LOWER_NON_RECOVERABLE = 2,
  IPMID_THRESHOLD_UPPER_NON_CRITICAL = 3,
  IPMID_THRESHOLD_UPPER_CRITICAL = 4,
  IPMID_THRESHOLD_UPPER_NON_RECOVERABLE = 5,
} IpmidThreshold;

typedef enum
{
  IPMID_DIRECTION_LOW = 0,  /* going low */
  IPMID_DIRECTION_HIGH = 1, /* going high */
} IpmidDirection;

/* The fields of an event.  Not every event has every field.  The names in the
 * comments are the public names, in JSON lines and (upper case, with IPMID_
 * before them) in the environment of programs.  More may come, none may go. */
typedef enum
{
  IPMID_FIELD_ID = 0,             /* "id", string: stable, "<bmc>/<epoch>/<record id>" or "<bmc>/-/<unique>" */
  IPMID_FIELD_BMC,                /* "bmc", string */
  IPMID_FIELD_KIND,               /* "kind", integer: IpmidKind */
  IPMID_FIELD_TIME,               /* "time", time: the BMC's clock; absent if the record has none */
  IPMID_FIELD_RECEIVED,           /* "received", time: when ipmid read it */
  IPMID_FIELD_RECORD_ID,          /* "record_id", integer 0..65535 (IPMI 2.0, table 32-1) */
  IPMID_FIELD_RECORD_TYPE,        /* "record_type", integer 0..255 */
  IPMID_FIELD_ASSERT,             /* "assert", boolean: assertion or deassertion */
  IPMID_FIELD_SEVERITY,           /* "severity", integer: IpmidSeverity */
  IPMID_FIELD_TEXT,               /* "text", string: a sentence for people */
  IPMID_FIELD_SENSOR,             /* "sensor", string: the sensor's name */
  IPMID_FIELD_SENSOR_TYPE,        /* "sensor_type", string: IPMI 2.0, table 42-3 */
  IPMID_FIELD_ENTITY,             /* "entity", string: entity and instance, "processor 1" */
  IPMID_FIELD_OFFSET,             /* "offset", integer 0..15: discrete state (tables 42-2 and 42-3) */
  IPMID_FIELD_THRESHOLD,          /* "threshold", integer: IpmidThreshold */
  IPMID_FIELD_DIRECTION,          /* "direction", integer: IpmidDirection */
  IPMID_FIELD_VALUE,              /* "value", number: the reading that triggered the event */
  IPMID_FIELD_UNIT,               /* "unit", string */
  IPMID_FIELD_LIMIT,              /* "limit", number: the threshold's value */
  IPMID_FIELD_EXISTING,           /* "existing", boolean: stood in the SEL before ipmid first met this BMC */
  IPMID_FIELD_RAW,                /* "raw", bytes: the 16 bytes of the SEL record */
  IPMID_FIELD_SENSOR_ID,          /* "sensor_id", string: "<entity>.<instance>.<sensor>" as openipmi_eventd's "id" */
  IPMID_FIELD_RAW_VALUE,          /* "raw_value", integer 0..255: the reading before conversion */
  IPMID_FIELD_STATE_SEVERITY,     /* "state_severity", integer: offset of the severity state, event data 2 [7:4] (table
                                     29-6) */
  IPMID_FIELD_PREVIOUS_SEVERITY,  /* "previous_severity", integer: offset of the state before, event data 2 [3:0] */
  IPMID_FIELD_LOST,               /* "lost", integer: at least so many records are gone (kind gap) */
  IPMID_FIELD_MAYBE_DUPLICATE_OF, /* "maybe_duplicate_of", string: an id under which this record may have been delivered
                                     before */
  IPMID_FIELD_COMPONENT,          /* "component", string: the DIMM, processor, power supply … that the event names */
  IPMID_FIELD_STATE,              /* "state", string: the state or threshold crossing that came (assert) or went:
                                     tables 42-2 and 42-3 */
  IPMID_FIELD_BACKFILLED,         /* "backfilled", boolean: came before this handler was there, and was asked for by
                                     `backfill` */
  IPMID_N_FIELDS
} IpmidField;

/* How an event is written. */
typedef enum
{
  IPMID_FORMAT_EVENTD = 0, /* openipmi_eventd's "key value" lines, ended by "endevent" */
  IPMID_FORMAT_JSON = 1,   /* one line of JSON, ended by a newline */
} IpmidFormat;

/* ---------------------------------------------------------------- verdicts */

typedef enum
{
  IPMID_VERDICT_NONE = 0, /* not tried: offered again, not counted as a failure */
  IPMID_VERDICT_DONE,     /* handled, durably: never offered again */
  IPMID_VERDICT_RETRY,    /* failed for now: offered again after a pause, this BMC's later events wait */
  IPMID_VERDICT_REJECT,   /* will never succeed: becomes a dead letter */
  IPMID_VERDICT_LATER,    /* answered with ipmid_host_answer(), exactly once */
} IpmidVerdict;

/* Some events to handle, in order.  Events of one BMC stand together, in SEL order.
 * Everything here belongs to the host and is valid until `deliver` returns;
 * take a reference on an event to keep it. */
typedef struct
{
  gsize size; /* sizeof (IpmidBatch) as the host knows it */
  guint n_events;
  IpmidEvent *const *events;
  const guint64 *tokens; /* one per event; names this delivery in ipmid_host_answer() and ipmid_host_reason() */
  const guint *attempts; /* one per event: 1 on the first try */
  gint64 deadline;       /* monotonic time (g_get_monotonic_time()), microseconds: be back by then */
  int cancel_fd;         /* becomes readable when the host wants you to give up: return as soon as you can */
} IpmidBatch;

/* One sensor's latest reading.  Names are the BMC's own words, cleaned. */
typedef struct
{
  gsize size; /* sizeof (IpmidReading) as the host knows it */
  const char *bmc;
  const char *sensor;
  const char *sensor_id;   /* "<entity>.<instance>.<sensor>": tells sensors of one name apart */
  const char *sensor_type; /* IPMI 2.0, table 42-3 */
  const char *entity;      /* "processor 1" */
  const char *unit;        /* "degrees C"; "" if it has none */
  gint64 time;             /* when it was read: nanoseconds since 1970, UTC */
  gboolean available;      /* FALSE: the sensor is there, but gives nothing now; what follows means nothing */
  gboolean has_value;
  double value;
  guint32 states;                 /* bit n: discrete state n is asserted, or IpmidThreshold n is crossed */
  const char *const *state_words; /* the names of those states, NULL-terminated */
  IpmidSeverity severity;         /* of the worst of those states; OK without any */
  const char *obstacle;           /* why it is not available: "no answer", "scanning disabled", "reading unavailable",
                                     "not read yet"; NULL if it is */
} IpmidReading;

/* Readings, in no particular order; at most one of each sensor.  Belongs to the
 * host and is valid until `readings` returns. */
typedef struct
{
  gsize size; /* sizeof (IpmidReadings) as the host knows it */
  guint n_readings;
  const IpmidReading *const *readings;
  guint64 dropped; /* replaced by newer ones before this handler took them, since its start */
} IpmidReadings;

/* ------------------------------------------------------------------- fleet */

/* The BMCs, their sensors and last readings at one moment: immutable,
 * reference-counted, safe to read from any thread. */
typedef struct _IpmidFleet IpmidFleet;

typedef enum
{
  IPMID_BMC_CONNECTING = 0,
  IPMID_BMC_UP = 1,
  IPMID_BMC_DOWN = 2,        /* unreachable or lost; tried again with back-off */
  IPMID_BMC_REFUSED = 3,     /* it refuses the credentials; tried again slowly */
  IPMID_BMC_QUARANTINED = 4, /* it made a collector fail, and has one of its own now */
} IpmidBmcState;

typedef struct
{
  gsize size; /* set by the caller: sizeof (IpmidBmc) */
  const char *name;
  const char *host;          /* the server that it belongs to; NULL: not said */
  const char *const *labels; /* "KEY=VALUE" each, NULL-terminated; never NULL */
  IpmidBmcState state;
  const char *state_words; /* why; "" if there is nothing to say */
  gint64 since;            /* when it got into this state: nanoseconds since 1970, UTC */
  guint n_sensors;         /* 0 until its sensors are known */
} IpmidBmc;

typedef enum
{
  IPMID_SENSOR_EVENT_ONLY = 1 << 0, /* has events but no reading */
  IPMID_SENSOR_ANALOG = 1 << 1,     /* has a value */
  IPMID_SENSOR_SATELLITE = 1 << 2,  /* belongs to a satellite controller */
  IPMID_SENSOR_OWN = 1 << 3,        /* ipmid's own: chassis power, DCMI power */
} IpmidSensorFlags;

typedef struct
{
  gsize size;         /* set by the caller: sizeof (IpmidSensor) */
  guint32 flags;      /* IpmidSensorFlags */
  guint32 record_id;  /* of its sensor data record */
  guint32 limit_bits; /* bit n: there is a limits[n] */
  double limits[6];   /* by IpmidThreshold */
} IpmidSensor;

/* How many pointers ipmid_fleet_reading() wants room for. */
#define IPMID_STATE_WORDS 16

/* What a plugin wants between deliveries; see IpmidPlugin.idle. */
typedef struct
{
  gsize size;
  int fd;            /* watch this descriptor for reading, or -1 */
  gint64 wake_after; /* call `idle` again after so many microseconds, or -1 */
} IpmidIdle;

/* ----------------------------------------------------------------- options */

typedef enum
{
  IPMID_OPTION_STRING,   /* char *  */
  IPMID_OPTION_PATH,     /* char *, absolute */
  IPMID_OPTION_BOOLEAN,  /* gboolean: yes/no, true/false, 1/0 */
  IPMID_OPTION_INTEGER,  /* gint64, within minimum..maximum */
  IPMID_OPTION_DURATION, /* gint64, microseconds: "250ms", "30s", "5m", "1h", "1d" */
  IPMID_OPTION_SIZE,     /* gint64, bytes: "64k", "16M", "1G" */
  IPMID_OPTION_CHOICE,   /* int: index into choices */
  IPMID_OPTION_LIST,     /* char **: split at ';' as GKeyFile does */
  IPMID_OPTION_SECRET,   /* char *: never logged, wiped when freed */
} IpmidOptionType;

/* One configuration key of a plugin.  A table ends with a NULL key.  The host
 * owns what it stores in the state and frees it after `close`. */
typedef struct
{
  const char *key; /* lower-case-with-dashes */
  IpmidOptionType type;
  gsize offset;               /* G_STRUCT_OFFSET (State, member) */
  const char *fallback;       /* in configuration syntax; NULL: zero or NULL */
  gboolean required;          /* an error if the user does not give it */
  gint64 minimum, maximum;    /* INTEGER, DURATION (microseconds), SIZE; both 0: unlimited */
  const char *const *choices; /* CHOICE: NULL-terminated */
  const char *argument;       /* what stands for the value in the manual page, "PATH" */
  const char *help;           /* one or more full sentences; goes into the manual page */
} IpmidOption;

/* ---------------------------------------------------------------- requests */

/* Why a request was refused: the codes of a GError in the domain
 * IPMID_REQUEST_ERROR.  More may come: take an unknown one for FAILED. */
typedef enum
{
  IPMID_REQUEST_INVALID = 400,     /* an argument is unknown, missing or of the wrong type */
  IPMID_REQUEST_NOT_ALLOWED = 403, /* the configuration or the BMC's privilege limit forbids it */
  IPMID_REQUEST_NOT_FOUND = 404,   /* no such method, BMC, handler or event */
  IPMID_REQUEST_CONFLICT = 409,    /* not as things are; the message says what to mend */
  IPMID_REQUEST_FAILED = 500,      /* it was tried, and failed */
  IPMID_REQUEST_UNAVAILABLE = 503, /* not now: BMC not connected, journal without room, ipmid ending */
} IpmidRequestError;

#define IPMID_REQUEST_ERROR (g_quark_from_string ("ipmid-request"))

/* The answer to ipmid_host_request(): called once, on a thread of the host; must
 * not block.  `reply` is an a{sv}, and NULL on an error; both stay the host's. */
typedef void (*IpmidReplyFunc) (gpointer user_data, GVariant *reply, const GError *error);

/* -------------------------------------------------------------------- host */

/* The host's side of one configured handler.  Opaque but for the table. */
typedef struct _IpmidHost IpmidHost;

/* As in syslog(3). */
typedef enum
{
  IPMID_LOG_ERROR = 3,
  IPMID_LOG_WARNING = 4,
  IPMID_LOG_NOTICE = 5,
  IPMID_LOG_INFO = 6,
  IPMID_LOG_DEBUG = 7,
} IpmidLogLevel;

/* How a delete ended; see ipmid_host_delete_record(). */
typedef enum
{
  IPMID_DELETE_DONE = 0,    /* the record is gone (or was gone already) */
  IPMID_DELETE_CHANGED,     /* another record stands under that id: left alone */
  IPMID_DELETE_REFUSED,     /* the BMC refuses for good (no privilege, unsupported) */
  IPMID_DELETE_UNAVAILABLE, /* for now: connection down, reservation lost, timeout */
  IPMID_DELETE_NOT_ALLOWED, /* a required handler has not answered DONE for it: a bug of the caller */
} IpmidDeleteOutcome;

/* ipmid_host_delete_record() flags. */
typedef enum
{
  IPMID_DELETE_DRY_RUN = 1 << 0,     /* reserve and compare, but do not delete */
  IPMID_DELETE_ALLOW_CLEAR = 1 << 1, /* a BMC that cannot delete may be cleared once everything in its SEL is handled */
} IpmidDeleteFlags;

/* Called once, on a thread of the host; must not block.  `message` says in
 * words why the outcome is not DONE, else NULL. */
typedef void (*IpmidDeleteCallback) (gpointer user_data, IpmidDeleteOutcome outcome, const char *message);

typedef struct
{
  gsize size; /* what the host really has; the wrappers need no check within one ABI major */

  void (*log) (IpmidHost *host, IpmidLogLevel level, const IpmidEvent *event, const char *message);
  void (*reason) (IpmidHost *host, guint64 token, const char *message);
  void (*answer) (IpmidHost *host, guint64 token, IpmidVerdict verdict, const char *message);
  void (*stop) (IpmidHost *host, int exit_status, const char *message);

  IpmidEvent *(*event_ref) (IpmidEvent *event);
  void (*event_unref) (IpmidEvent *event);
  gboolean (*event_has) (const IpmidEvent *event, IpmidField field);
  gint64 (*event_integer) (const IpmidEvent *event, IpmidField field);
  double (*event_double) (const IpmidEvent *event, IpmidField field);
  const char *(*event_string) (const IpmidEvent *event, IpmidField field);
  const guint8 *(*event_bytes) (const IpmidEvent *event, IpmidField field, gsize *length);
  char *(*event_to_text) (const IpmidEvent *event, IpmidField field);
  gboolean (*event_render) (const IpmidEvent *event, IpmidFormat format, GString *out);
  char **(*event_arguments) (const IpmidEvent *event);
  const char *(*field_name) (IpmidField field);

  void (*delete_record) (IpmidHost *host, IpmidEvent *event, IpmidDeleteFlags flags, IpmidDeleteCallback callback,
                         gpointer user_data);

  /* 1.1 */
  gboolean (*reading_render) (const IpmidReading *reading, GString *out);
  void (*want_readings) (IpmidHost *host, gboolean wanted);
  IpmidFleet *(*fleet) (IpmidHost *host);
  IpmidFleet *(*fleet_ref) (IpmidFleet *fleet);
  void (*fleet_unref) (IpmidFleet *fleet);
  guint (*fleet_length) (const IpmidFleet *fleet);
  void (*fleet_bmc) (const IpmidFleet *fleet, guint bmc, IpmidBmc *out);
  void (*fleet_sensor) (const IpmidFleet *fleet, guint bmc, guint sensor, IpmidSensor *out);
  void (*fleet_reading) (const IpmidFleet *fleet, guint bmc, guint sensor, IpmidReading *out, const char **words);

  /* 1.2 */
  const char *(*state_dir) (IpmidHost *host);
  gboolean (*offer) (IpmidHost *host, const char *name, const void *table);
  void (*withdraw) (IpmidHost *host, const char *name);
  const void *(*lookup) (IpmidHost *host, const char *name);
  void (*release) (IpmidHost *host, const char *name);
  void (*pause) (IpmidHost *host, gint64 duration);
  void (*request) (IpmidHost *host, const char *method, GVariant *arguments, IpmidReplyFunc callback,
                   gpointer user_data);
} IpmidHostApi;

struct _IpmidHost
{
  const IpmidHostApi *api;
};

/* ------------------------------------------------------------------ plugin */

typedef enum
{
  /* Runs for an event only after every `required` handler that matches it
   * (at least one) has answered DONE and that is on disk. */
  IPMID_PLUGIN_FINALIZER = 1 << 0,
  /* It tells people (mail, a chat, a pager).  By default it keeps still about a
   * BMC that is silenced; see the keys `silence`, `quiet` and `recovery`, which
   * the host obeys for every handler: a plugin just is not given what is held
   * back. */
  IPMID_PLUGIN_NOTIFIER = 1 << 1,
  /* It keeps events (a file, a database).  By default it also takes what stood
   * in the SEL before ipmid first met the BMC; see the key `existing`. */
  IPMID_PLUGIN_STORE = 1 << 2,
  /* It shows what happens while it happens (a browser's stream of events), and
   * is owed nothing.  It is given events after they are on disk, without the
   * journal: only the latest wait for it, in memory, and what it does not take
   * in time is dropped and counted.  Verdicts count and mean nothing else, LATER
   * is none; `required`, attempts and quotas mean nothing.  Since 1.2. */
  IPMID_PLUGIN_LIVE = 1 << 3,
  /* It may have several workers (the key `workers`): the host opens so many
   * states of one handler, all with the same options and the same IpmidHost,
   * each on a thread of its own.  Events of one BMC are never with two of them
   * at once, and a batch holds those of one BMC only. */
  IPMID_PLUGIN_WORKERS = 1 << 4,
} IpmidPluginFlags;

typedef struct
{
  guint32 abi_major; /* IPMID_PLUGIN_ABI_MAJOR */
  guint32 abi_minor; /* IPMID_PLUGIN_ABI_MINOR */
  gsize size;        /* sizeof (IpmidPlugin) */

  const char *name; /* [a-z][a-z0-9-]*, the same as the file's name without ".so" */
  const char *version;
  const char *summary;        /* one line, no full stop */
  guint32 flags;              /* IpmidPluginFlags */
  gsize state_size;           /* the host allocates so many zeroed bytes per configured handler */
  const IpmidOption *options; /* ends with a NULL key; may be NULL */

  /* Is the configuration good?  No side effects.  May be NULL. */
  gboolean (*check) (gpointer state, GError **error);

  /* Gets ready.  On FALSE ipmid does not start, and the error says why; what may
   * be mended later (a server that is down) is no reason to fail here, but for
   * `deliver` to answer RETRY.  May be called more than once in the life of a
   * process.  Release what a failed open acquired: `close` is called only after
   * a good one.  `host` stays valid until `close` returns. */
  gboolean (*open) (gpointer state, IpmidHost *host, GError **error);

  /* Handles a batch.  `verdicts` has one entry per event, all NONE at first.
   * DONE means durably handled: after it nothing of the event may be lost by
   * a crash of ipmid or of the machine.  An event of which this thread crashes again
   * and again, while it handles others, becomes a dead letter. */
  void (*deliver) (gpointer state, const IpmidBatch *batch, IpmidVerdict *verdicts);

  /* Takes sensor readings, when there is no event to deliver.  Unacknowledged:
   * what a slow handler does not take in time is replaced by newer readings.
   * Events wait while it runs, so it should not take long.  May be NULL: it wants
   * none; see ipmid_host_want_readings(), too. */
  void (*readings) (gpointer state, const IpmidReadings *readings);

  /* SIGHUP: re-open what you hold by name (log rotation).  May be NULL.  On
   * FALSE the host says why; the handler goes on with what it has. */
  gboolean (*reopen) (gpointer state, GError **error);

  /* Called after `open` and whenever the worker has nothing to deliver: when
   * idle->fd became readable, wake_after has passed, or after a delivery.
   * Sets idle->fd and idle->wake_after (-1 and -1 on entry).  May be NULL. */
  void (*idle) (gpointer state, IpmidIdle *idle);

  /* Releases everything.  Outstanding LATER answers are ignored from now on. */
  void (*close) (gpointer state);
} IpmidPlugin;

/* The symbol that a plugin exports. */
#define IPMID_PLUGIN_SYMBOL "ipmid_plugin"
extern __attribute__ ((visibility ("default"))) const IpmidPlugin ipmid_plugin;

/* ---------------------------------------------------------------- wrappers */

/* Writes one line to ipmid's log, with the handler's name as a field, and the
 * BMC's and the event's if `event` is not NULL.  Any thread. */
static inline void ipmid_host_log (IpmidHost *host, IpmidLogLevel level, const IpmidEvent *event, const char *format,
                                   ...) G_GNUC_PRINTF (4, 5);

static inline void
ipmid_host_log (IpmidHost *host, IpmidLogLevel level, const IpmidEvent *event, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  char *message = g_strdup_vprintf (format, args);
  va_end (args);
  host->api->log (host, level, event, message);
  g_free (message);
}

/* Says why the event of `token` got the verdict that `deliver` returns for it;
 * shown in the log and beside a dead letter.  Within `deliver` only. */
static inline void
ipmid_host_reason (IpmidHost *host, guint64 token, const char *message)
{
  host->api->reason (host, token, message);
}

/* Answers a delivery for which `deliver` said LATER; DONE, RETRY, REJECT or
 * NONE.  Any thread, also before `deliver` has returned.  An answer that is
 * late, repeated or unknown is counted and ignored.  `message` may be NULL. */
static inline void
ipmid_host_answer (IpmidHost *host, guint64 token, IpmidVerdict verdict, const char *message)
{
  host->api->answer (host, token, verdict, message);
}

/* Gives this handler no events before so many microseconds have passed: its
 * receiver asks to be left alone, as with HTTP's Retry-After.  At most an hour.
 * Of several pauses the one that ends last counts.  What is in hand has to be answered
 * all the same.  Any thread, also within `deliver`. */
static inline void
ipmid_host_pause (IpmidHost *host, gint64 duration)
{
  host->api->pause (host, duration);
}

/* Asks ipmid to end in order, with this exit status (sysexits.h).  Any thread. */
static inline void
ipmid_host_stop (IpmidHost *host, int exit_status, const char *message)
{
  host->api->stop (host, exit_status, message);
}

static inline IpmidEvent *
ipmid_event_ref (IpmidHost *host, IpmidEvent *event)
{
  return host->api->event_ref (event);
}

static inline void
ipmid_event_unref (IpmidHost *host, IpmidEvent *event)
{
  host->api->event_unref (event);
}

/* Whether the event has this field. */
static inline gboolean
ipmid_event_has (IpmidHost *host, const IpmidEvent *event, IpmidField field)
{
  return host->api->event_has (event, field);
}

/* An integer, boolean, enumeration or time (nanoseconds since 1970, UTC);
 * 0 if the event does not have it. */
static inline gint64
ipmid_event_integer (IpmidHost *host, const IpmidEvent *event, IpmidField field)
{
  return host->api->event_integer (event, field);
}

/* A number; 0.0 if the event does not have it. */
static inline double
ipmid_event_double (IpmidHost *host, const IpmidEvent *event, IpmidField field)
{
  return host->api->event_double (event, field);
}

/* A string, owned by the event; NULL if the event does not have it.  Valid
 * UTF-8 without control characters, but otherwise the BMC's own words. */
static inline const char *
ipmid_event_string (IpmidHost *host, const IpmidEvent *event, IpmidField field)
{
  return host->api->event_string (event, field);
}

/* Bytes, owned by the event; NULL if the event does not have them. */
static inline const guint8 *
ipmid_event_bytes (IpmidHost *host, const IpmidEvent *event, IpmidField field, gsize *length)
{
  return host->api->event_bytes (event, field, length);
}

/* Any field as text, as in JSON but without quotes: enumerations by name,
 * times in RFC 3339 (UTC), bytes in hex.  Free with g_free(); NULL if absent. */
static inline char *
ipmid_event_to_text (IpmidHost *host, const IpmidEvent *event, IpmidField field)
{
  return host->api->event_to_text (event, field);
}

/* Appends the event, with the final newline.  FALSE, and nothing appended, if
 * the format has no words for this kind (EVENTD knows only its own three). */
static inline gboolean
ipmid_event_render (IpmidHost *host, const IpmidEvent *event, IpmidFormat format, GString *out)
{
  return host->api->event_render (event, format, out);
}

/* openipmi_eventd's arguments, key and value in turn; NULL if it has no words
 * for this kind.  Free with g_strfreev(). */
static inline char **
ipmid_event_arguments (IpmidHost *host, const IpmidEvent *event)
{
  return host->api->event_arguments (event);
}

/* The public name of a field, "record_id". */
static inline const char *
ipmid_field_name (IpmidHost *host, IpmidField field)
{
  return host->api->field_name (field);
}

/* Asks the collector to delete this event's record from the BMC's SEL:
 * reserve, compare the 16 bytes, delete (IPMI 2.0, sections 31.4, 31.5, 31.8).
 * Returns at once; `callback` is called exactly once, on a thread of the host,
 * possibly before this returns.  Only for FINALIZER plugins. */
static inline void
ipmid_host_delete_record (IpmidHost *host, IpmidEvent *event, IpmidDeleteFlags flags, IpmidDeleteCallback callback,
                          gpointer user_data)
{
  host->api->delete_record (host, event, flags, callback, user_data);
}

/* Appends a reading as one line of JSON, with the final newline: "kind" is
 * "reading"; "bmc", "sensor", "sensor_id", "sensor_type", "entity", "time" and
 * "available" are always there, "value" and "unit" if it has them, "states" and
 * "severity" if it is available, and "obstacle" if it is not. */
static inline gboolean
ipmid_reading_render (IpmidHost *host, const IpmidReading *reading, GString *out)
{
  return host->api->reading_render (reading, out);
}

/* Whether this handler wants readings at all; a plugin with the function
 * `readings` does until it says otherwise.  Nothing is kept for a handler that
 * wants none.  Any thread, also within `open`. */
static inline void
ipmid_host_want_readings (IpmidHost *host, gboolean wanted)
{
  host->api->want_readings (host, wanted);
}

/* A snapshot of all BMCs; give it back with ipmid_fleet_unref() before `close`
 * returns.  Costs a copy of all last readings: not for every event.  Any thread. */
static inline IpmidFleet *
ipmid_host_fleet (IpmidHost *host)
{
  return host->api->fleet (host);
}

static inline IpmidFleet *
ipmid_fleet_ref (IpmidHost *host, IpmidFleet *fleet)
{
  return host->api->fleet_ref (fleet);
}

static inline void
ipmid_fleet_unref (IpmidHost *host, IpmidFleet *fleet)
{
  host->api->fleet_unref (fleet);
}

/* How many BMCs. */
static inline guint
ipmid_fleet_length (IpmidHost *host, const IpmidFleet *fleet)
{
  return host->api->fleet_length (fleet);
}

/* Fills `out`, whose size the caller has set; its texts are the snapshot's.
 * `bmc` is below ipmid_fleet_length(). */
static inline void
ipmid_fleet_bmc (IpmidHost *host, const IpmidFleet *fleet, guint bmc, IpmidBmc *out)
{
  host->api->fleet_bmc (fleet, bmc, out);
}

/* Likewise; `sensor` is below the BMC's n_sensors. */
static inline void
ipmid_fleet_sensor (IpmidHost *host, const IpmidFleet *fleet, guint bmc, guint sensor, IpmidSensor *out)
{
  host->api->fleet_sensor (fleet, bmc, sensor, out);
}

/* The last reading of that sensor; what it is called stands there, too.  Fills
 * `words` for its state_words, which stay valid as long as both do. */
static inline void
ipmid_fleet_reading (IpmidHost *host, const IpmidFleet *fleet, guint bmc, guint sensor, IpmidReading *out,
                     const char *words[IPMID_STATE_WORDS])
{
  host->api->fleet_reading (fleet, bmc, sensor, out, words);
}

/* The directory that this ipmid keeps its state in, absolute; NULL if it keeps
 * none.  It is there, is ipmid's alone (0700), and stays the same until `close`
 * has returned.  Any thread. */
static inline const char *
ipmid_host_state_dir (IpmidHost *host)
{
  return host->api->state_dir (host);
}

/* Services: what one plugin offers and another one uses, a constant table of
 * functions whose type stands in a header that both include, such as
 * ipmid/store.h.  All four are for any thread.
 *
 * Offers `table` under this name ([a-z][a-z0-9.-]*, at most 63 bytes).  It stays
 * the plugin's, and valid until ipmid_host_withdraw() has returned.  If several
 * handlers offer the same name, the first one counts until it withdraws; then
 * the next one does.  FALSE: it is no name, or this handler offers it already. */
static inline gboolean
ipmid_host_offer (IpmidHost *host, const char *name, const void *table)
{
  return host->api->offer (host, name, table);
}

/* Takes an offer back: nobody gets it any more, and when this returns nobody
 * holds it.  At the latest in `close`, before anything that it needs is gone.
 * Not on a thread that holds the service itself. */
static inline void
ipmid_host_withdraw (IpmidHost *host, const char *name)
{
  host->api->withdraw (host, name);
}

/* The table that is offered under this name; NULL if none is now.  It may be
 * called through until ipmid_host_release(), once for each lookup.  Look it up for
 * each piece of work and release it after, because whoever offers it cannot
 * close before: services come and go with a reload. */
static inline const void *
ipmid_host_lookup (IpmidHost *host, const char *name)
{
  return host->api->lookup (host, name);
}

/* Gives back what ipmid_host_lookup() has returned; not for NULL. */
static inline void
ipmid_host_release (IpmidHost *host, const char *name)
{
  host->api->release (host, name);
}

/* Asks the core something by name.  Asynchronous; any thread.  `arguments` is an
 * a{sv}, or NULL; a floating one is taken.  Exactly one callback comes, possibly
 * before this returns, and none after `close` has returned: what is still open when
 * the host is about to call `close` is answered with UNAVAILABLE before, and so is
 * what is asked from then on.  Within `open` only if that succeeds; and no function
 * of a plugin may wait for an answer, because the core may wait for the plugin.
 *
 * In replies times are int64, nanoseconds since 1970; durations are doubles, in
 * seconds; what is not known is left out.  Integers are int64.  Keys are only ever
 * added.  In arguments a time may also be text, "2026-12-01T08:00Z", and a duration
 * too, "2h" or "30m", or an int64 of seconds.  Flags are b, texts s.
 *
 * status {}
 *     daemon: a{sv} version, pid, started, state_dir (not if it is in memory),
 *       config (not in eventd style), journal_bytes, journal_limit, journal_full
 *     collectors: aa{sv} number, pid, state, bmcs, restarts, quarantine
 *     handlers: aa{sv} name, plugin, state ("working", "failing", "ending"), required,
 *       finalizer, pending, oldest (when ipmid received the oldest pending event), dead;
 *       since the start: delivered, failures, shed (not kept beyond the quota), hushed
 *       (in quiet times), silenced, last_error, last_error_time.  Of a handler that is
 *       not configured any more: name, state ("removed") and the counts
 *     bmcs: a{sv} total, up, connecting, down, refused, quarantined
 * bmcs { bmc: s (optional) }
 *     bmcs: aa{sv} name, address, host, labels (as), state, state_words, since,
 *       silence_until, sel_entries, sel_free, sel_overflow, sensors, records, epoch,
 *       guid, last_event, collector
 *
 * dead-list { handler: s (optional), after: s (optional), limit: x (1 to 1000; 100) }
 *     dead: aa{sv} handler, id, bmc, seq, time (when it became one), attempts, reason,
 *       text, severity; next: s, for `after`, if there are more
 * dead-show { handler: s, id: s }
 *     the same of one, and event_json (the event as one line of JSON), raw (its record,
 *       hexadecimal)
 * dead-replay { handler: s, id: s or all: b }
 *     replayed: x.  They are owed to the handler again, as if they had never been tried,
 *       before what is newer; on disk when this is answered.  CONFLICT: it is not
 *       configured any more.
 *       `all`: those that there are when it begins, the oldest first and some hundred at
 *       a time, so that nothing else waits for it; what the handler takes meanwhile may be
 *       newer than what is still to come.  If ipmid ends in between (UNAVAILABLE) the rest
 *       stay dead letters: ask again.
 * dead-drop { handler: s, id: s or all: b }
 *     dropped: x.  Their records stay in the SEL, as not handled.  `all`: likewise.
 *
 * rescan { bmc: s }
 *     complete: b (whether the SEL could be read to its end), records: x.  When what it
 *       showed is on disk.
 * clear-sel { bmc: s, force: b (optional) }
 *     cleared: b, records: x (that stood).  What is not read yet is read first.  CONFLICT:
 *       some required handler has not handled everything that stands, and `force` was not
 *       given; or nobody is required to; or it is being cleared already.
 * power { bmc: s, action: s (status, on, off, cycle, reset, soft) }
 *     done: b, power: s ("on" or "off"; status only).  IPMI 2.0, sections 28.2 and 28.3.
 *       UNAVAILABLE, without an answer of the BMC: it may have done it, or not; it is not
 *       asked twice.  NOT_ALLOWED: its configuration asks for less than operator.
 *
 * reload {}
 *     reloaded: b, bmcs, handlers: how many; or, without a configuration file, reopened: b.
 *       CONFLICT: the configuration stays as it was.  One that closes the handler that
 *       asks answers it with UNAVAILABLE.
 * check {}
 *     config: s, good: b, errors: as, warnings: as.  What is on disk now.
 *
 * log { bmc: s, text: s, severity: s (optional: ok, info, warning, critical; info) }
 *     id: s, of an event of the kind `message`; on disk when this is answered.
 * silence { bmc: s, and one of until: time, for: duration, off: b }
 *     silence_until (if it is silent), configured: b (the configuration has a longer one,
 *       which stays).  Lasts over restarts, beside the key silence-until.
 *
 * backfill { handler: s, since: time (optional) }
 *     backfilled: x, complete: b, obstacle: s (if it is not complete: why), unreadable: x
 *       (events of the store that are none, if there are some).  What a store (ipmid/store.h)
 *       has and what the journal still has from before the handler was there is owed to it,
 *       marked `backfilled`, once: what it was owed before is not.  Again, it goes on.  Of its
 *       own store a handler gets nothing.
 */
static inline void
ipmid_host_request (IpmidHost *host, const char *method, GVariant *arguments, IpmidReplyFunc callback,
                    gpointer user_data)
{
  host->api->request (host, method, arguments, callback, user_data);
}

G_END_DECLS

#endif
