/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * frame.h - what the core and a collector say to each other.
 *
 * One frame is one packet on a SOCK_SEQPACKET socket pair: a header of four
 * bytes (protocol version, frame type, two zero bytes), then a body encoded as
 * a GVariant whose type the frame type fixes.  A frame is checked when it is
 * received; anything odd ends the conversation, and with it the collector.
 *
 * "bmc" is a number that the core chose for one BMC; a collector answers a
 * number that it does not know with silence, because a REMOVE may have crossed.
 */
#ifndef FRAME_H
#define FRAME_H

#include <glib.h>

#define FRAME_PROTOCOL 1u
#define FRAME_HEADER_SIZE 4u
#define FRAME_SIZE_MAX (64u * 1024u)

/* The sixteen bytes of one SEL record (IPMI 2.0, section 32). */
#define FRAME_RECORD_SIZE 16u

typedef enum
{
  /* ---- core to collector ---- */

  /* (u records): the collector may send so many records more.  It starts with
   * none.  Every event in a RECORDS frame takes one. */
  FRAME_CREDIT = 1,
  /* (u bmc, a{sv} settings): watch this BMC; see ConnectionSettings below.
   * Connects, reports STATE, and reads nothing from the SEL until START. */
  FRAME_ADD,
  /* (u bmc): close the session, forget the BMC, answer REMOVED. */
  FRAME_REMOVE,
  /* (u bmc, y FrameCursor, ay record, b walk): read the SEL from here on, now
   * and until the connection is lost.  Sent in answer to SEL_INFO (of every
   * connect) and to TAIL.
   * CURSOR_FIRST, walk FALSE: first contact; answer with TAIL, then wait for
   *   another START.
   * CURSOR_FIRST, walk TRUE: first contact goes on (perhaps with another
   *   collector than it began with); `record` is the tail, empty if the SEL was.
   *   Walk the whole SEL; what stands up to and including the tail is marked
   *   existing, and nothing is if the tail does not stand any more.
   * CURSOR_CHECK: another GUID answers than before.  If `record` still stands
   *   under its id, answer with TAIL of that record, else as for CURSOR_FIRST;
   *   then wait for another START.
   * CURSOR_RECORD: `record` is the last one that the core has (16 bytes).
   * CURSOR_EMPTY: the core believes that nothing stands in the SEL.
   * walk: read the whole SEL from its start first, whatever the cursor says. */
  FRAME_START,
  /* (u bmc): poll this SEL now. */
  FRAME_POLL,
  /* (u bmc): walk this SEL from its start now. */
  FRAME_WALK,
  /* (u bmc, t token, ay record, ay predecessor, u FrameDeleteFlags): delete
   * this record.  `predecessor` is the 16 bytes of the record that stands
   * before it, or empty if none does: what the cursor falls back to if the
   * cursor's record is the one deleted.  Answered with DELETED. */
  FRAME_DELETE,
  /* (): close all sessions in order, then exit. */
  FRAME_SHUTDOWN,
  /* (): answer with PONG, to show that the loop still turns. */
  FRAME_PING,
  /* (u bmc, t token, y FramePower): Chassis Control or Get Chassis Status (sections
   * 28.2, 28.3).  Answered with POWERED. */
  FRAME_POWER,

  /* ---- collector to core ---- */

  /* (us): protocol, version of the program.  The first frame. */
  FRAME_HELLO = 64,
  /* (u bmc, y FrameState, s words): the connection's state changed, and why. */
  FRAME_STATE,
  /* (u bmc, y FrameSelFlags, u entries, u free bytes, u last add, u last erase):
   * Get SEL Info (section 31.2), on every connect and when it is worth knowing.
   * On a connect it asks for START. */
  FRAME_SEL_INFO,
  /* (u bmc, ay record): the last record of a SEL at first contact, or empty; the
   * record of CURSOR_CHECK, if that stands. */
  FRAME_TAIL,
  /* (u bmc, u walk, b first, a a(yv) events): records in SEL order.
   * walk 0: they follow the cursor.  walk n: part of a walk over the whole SEL,
   * which begins with `first` and ends with WALK_END of the same n. */
  FRAME_RECORDS,
  /* (u bmc, u walk, b complete): complete: every record that stood in the SEL
   * has been sent.  If not, the walk was broken off and proves no absence. */
  FRAME_WALK_END,
  /* (u bmc, y FrameSuspicion, x last confirmed, s words): records may have gone
   * unread.  `last confirmed` is the wall-clock time (microseconds) at which
   * the cursor was last seen to be the end of the SEL, 0 if never. */
  FRAME_SUSPECT,
  /* (u bmc, t token, y FrameDeleteOutcome, s words) */
  FRAME_DELETED,
  /* (u bmc): the last frame about this BMC; its session is closed. */
  FRAME_REMOVED,
  /* (y level as syslog, u bmc or 0, s text): a line for the log. */
  FRAME_LOG,
  /* (): the answer to PING. */
  FRAME_PONG,
  /* (u bmc, ay guid, u manufacturer, u product, s firmware): who answers there
   * (sections 20.1 and 20.8); the GUID as it was sent, empty if the BMC has
   * none that identifies it.  On every connect, before SEL_INFO. */
  FRAME_IDENTITY,
  /* (u bmc, x drift): the SEL's clock minus ours, microseconds (section 31.10). */
  FRAME_CLOCK,
  /* (u bmc, b first, b last, a(usssyysqya{yd}) sensors): the inventory, whole,
   * in one or more frames; again whenever it has changed.  A sensor is: a number
   * that the collector chose, name, entity ("processor 1"), openipmi_eventd's id
   * ("3.1.CPU1 Temp"), sensor type (table 42-3), event/reading type (table 42-1),
   * unit, id of its sensor data record, FrameSensorFlags, thresholds
   * (IpmidThreshold to value). */
  FRAME_SENSORS,
  /* (u bmc, a(uxydu) readings): sensor, when (wall clock, microseconds),
   * FrameReadingFlags, value, states (bit n: discrete state n, or IpmidThreshold
   * n is crossed).  Takes no credit; dropped first when the core is slow. */
  FRAME_READINGS,
  /* (u bmc, s key, ay data): a sensor data record cache to keep and to hand back
   * in ADD; empty data: forget it. */
  FRAME_SDR_CACHE,
  /* (u bmc, t token, y FrameDeleteOutcome but not CHANGED, y FramePowerState, s words) */
  FRAME_POWERED,
  /* (u bmc, s words): what this BMC needs, this collector has shut itself out of
   * for good, and a new one would not have.  Answered with SHUTDOWN. */
  FRAME_RENEW,
} FrameType;

/* A field of FRAME_POWER: what chassis control byte 1 has in [3:0] (table 28-4),
 * and one that only asks. */
typedef enum
{
  FRAME_POWER_OFF = 0,
  FRAME_POWER_ON = 1,
  FRAME_POWER_CYCLE = 2,
  FRAME_POWER_RESET = 3,
  FRAME_POWER_SOFT = 5, /* by ACPI, as an over-temperature would */
  FRAME_POWER_STATUS = 0xff,
} FramePower;

/* Whether the value is one of those. */
gboolean frame_power_is_known (guint8 power);

/* A field of FRAME_POWERED. */
typedef enum
{
  FRAME_POWER_IS_OFF = 0,
  FRAME_POWER_IS_ON = 1,
  FRAME_POWER_NOT_SAID = 2,
  FRAME_POWER_N = 3,
} FramePowerState;

/* A field of FRAME_SENSORS. */
typedef enum
{
  FRAME_SENSOR_EVENT_ONLY = 1 << 0, /* has events but no reading (SDR type 3) */
  FRAME_SENSOR_ANALOG = 1 << 1,     /* has a value */
  FRAME_SENSOR_SATELLITE = 1 << 2,  /* belongs to a satellite controller */
  FRAME_SENSOR_OWN = 1 << 3,        /* no sensor of the BMC's: chassis power, DCMI power */
} FrameSensorFlags;

#define FRAME_SENSOR_FLAGS 0x0fu /* all of them */

/* A field of FRAME_READINGS. */
typedef enum
{
  FRAME_READING_AVAILABLE = 1 << 0, /* else value and states mean nothing ("reading/state unavailable") */
  FRAME_READING_SCANNING = 1 << 1,  /* sensor scanning is enabled */
  FRAME_READING_VALUE = 1 << 2,     /* value is one */
  FRAME_READING_LOST = 1 << 3,      /* the BMC did not answer for this sensor, or with an error */
} FrameReadingFlags;

#define FRAME_READING_FLAGS 0x0fu /* all of them */

/* One element of FRAME_READINGS as it lies in the frame: GVariant's own layout
 * of (uxydu), whose padding is zero. */
typedef struct
{
  guint32 sensor;
  guint32 padding1;
  gint64 time;
  guint8 flags;
  guint8 padding2[7];
  double value;
  guint32 states;
  guint32 padding3;
} FrameReading;

/* More of a sensor data record cache is not kept: ADD has to hold it beside the
 * other settings. */
#define FRAME_SDR_CACHE_MAX (56u * 1024u)
#define FRAME_SDR_CACHE_KEY_MAX 128u

typedef enum
{
  FRAME_CURSOR_FIRST = 0,
  FRAME_CURSOR_RECORD = 1,
  FRAME_CURSOR_EMPTY = 2,
  FRAME_CURSOR_CHECK = 3,
} FrameCursor;

typedef enum
{
  FRAME_STATE_CONNECTING = 0,
  FRAME_STATE_UP = 1,
  FRAME_STATE_DOWN = 2,    /* unreachable or lost; tried again with back-off */
  FRAME_STATE_REFUSED = 3, /* the BMC refuses the credentials; tried again slowly */
} FrameState;

typedef enum
{
  FRAME_SEL_CAN_DELETE = 1 << 0,  /* Delete SEL Entry is supported */
  FRAME_SEL_CAN_RESERVE = 1 << 1, /* Reserve SEL is supported */
  FRAME_SEL_OVERFLOW = 1 << 2,    /* records have been dropped for lack of space */
  FRAME_SEL_CONNECTED = 1 << 3,   /* sent because the BMC has just been connected: answer with START */
} FrameSelFlags;

typedef enum
{
  FRAME_SUSPECT_CLEARED = 0,  /* the cursor's record is gone or changed, and it was not our doing */
  FRAME_SUSPECT_OVERFLOW = 1, /* the BMC's overflow flag rose */
} FrameSuspicion;

typedef enum
{
  FRAME_DELETE_DRY_RUN = 1 << 0,
  FRAME_DELETE_ALLOW_CLEAR = 1 << 1, /* the core knows every record up to and including this one as handled:
                                        a BMC that cannot delete may be cleared if nothing follows it */
  FRAME_DELETE_CLEAR = 1 << 2,       /* with ALLOW_CLEAR: clear also a SEL from which single records can be deleted */
} FrameDeleteFlags;

/* The same values as IpmidDeleteOutcome. */
typedef enum
{
  FRAME_DELETE_DONE = 0,
  FRAME_DELETE_CHANGED = 1,
  FRAME_DELETE_REFUSED = 2,
  FRAME_DELETE_UNAVAILABLE = 3,
  FRAME_DELETE_N = 4,
} FrameDeleteOutcome;

/* The keys of ADD's settings, with their GVariant types.  Only the collector
 * turns them into OpenIPMI's own. */
#define FRAME_SETTING_NAME "name"                               /* s: for log lines */
#define FRAME_SETTING_INTERFACE "interface"                     /* s: "lan" or "smi" */
#define FRAME_SETTING_SMI_NUMBER "smi-number"                   /* u */
#define FRAME_SETTING_ADDRESSES "addresses"                     /* as: numeric, one or two */
#define FRAME_SETTING_PORTS "ports"                             /* as: numeric, as many */
#define FRAME_SETTING_USER "user"                               /* s */
#define FRAME_SETTING_PASSWORD "password"                       /* ay */
#define FRAME_SETTING_BMC_KEY "bmc-key"                         /* ay: K_g; absent: none */
#define FRAME_SETTING_AUTHTYPE "authtype"                       /* s: default none md2 md5 straight oem rmcp+ */
#define FRAME_SETTING_PRIVILEGE "privilege"                     /* s: default callback user operator admin oem */
#define FRAME_SETTING_AUTH_ALGORITHM "auth-algorithm"           /* s: OpenIPMI's -Ra */
#define FRAME_SETTING_INTEGRITY_ALGORITHM "integrity-algorithm" /* s: -Ri */
#define FRAME_SETTING_CONFIDENTIALITY_ALGORITHM "confidentiality-algorithm" /* s: -Rc */
#define FRAME_SETTING_NAME_ONLY_LOOKUP "name-only-lookup" /* b: FALSE: -Rl, look users up by name and privilege */
#define FRAME_SETTING_HACKS "hacks"                       /* as: -H */
#define FRAME_SETTING_MAX_OUTSTANDING "max-outstanding"   /* u: -M, messages in flight */
#define FRAME_SETTING_SEL_INTERVAL "sel-interval"         /* x: microseconds */
#define FRAME_SETTING_CIPHER_SUITE                                                                                     \
  "cipher-suite" /* s: "auto" or a number; absent: by the algorithms, auto without any */
#define FRAME_SETTING_SENSOR_INTERVAL "sensor-interval"   /* x: microseconds; 0: sensors are not read */
#define FRAME_SETTING_SENSOR_INTERVALS "sensor-intervals" /* a(sx): sensors by pattern; the first that matches */
#define FRAME_SETTING_SDR_CACHE_KEY "sdr-cache-key"       /* s: as SDR_CACHE said it */
#define FRAME_SETTING_SDR_CACHE "sdr-cache"               /* ay */

/* The body's GVariant type; NULL for an unknown frame type. */
const GVariantType *frame_body_type (guint8 type);

/* The frame as a packet.  Consumes a floating body.  A body of the wrong type
 * or a frame that is too large is a bug of ours. */
GBytes *frame_encode (FrameType type, GVariant *body);

/* Checks a packet completely; the body is in normal form and never floating. */
gboolean frame_decode (gconstpointer packet, gsize length, FrameType *type, GVariant **body, GError **error);

#endif
