/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bmc-private.h - what the files of a BMC share.
 *
 *   bmc.c          the outside: frames from and to the core
 *   bmc-session.c  the state machine: when to connect, when to give up
 *   bmc-open.c     the way to a session: a place, a cipher suite, a connection
 *   bmc-identity.c who the BMC is, and what its clock says
 *   bmc-domain.c   OpenIPMI's domain: opening, closing, sending
 *   bmc-records.c  what the SEL reader wants of the BMC, and tells the core
 *   bmc-sensors.c  reads the sensors; bmc-inventory.c finds them in OpenIPMI
 *   bmc-power.c    what people ask of the chassis
 *   bmc-cache.c    keeps sensor data records from one session to the next
 */
#ifndef BMC_PRIVATE_H
#define BMC_PRIVATE_H

#include "bmc.h"
#include "cipher-query.h"
#include "guarded-con.h"
#include "os-handler.h"
#include "sdr-blob.h"
#include "sel-reader.h"
#include "sensor-table.h"

#include <OpenIPMI/ipmiif.h>

typedef enum
{
  BMC_WAITING,
  BMC_QUEUED,
  BMC_ASKING,
  BMC_CONNECTING,
  BMC_SETTLING,
  BMC_UP,
  BMC_CLOSING,
} BmcPhase;

/* One domain from its opening on.  OpenIPMI's callbacks get this and not the
 * Bmc, because they may come after the Bmc has given the domain up.  Counted
 * references (g_rc_box): the Bmc's, the domain's until it is closed, one per
 * request under way. */
typedef struct
{
  Bmc *bmc; /* NULL: given up */
  ipmi_domain_id_t id;
} BmcDomain;

/* What is asked for in an UP session. */
typedef enum
{
  BMC_IDENTITY_GUID,
  BMC_IDENTITY_DEVICE,
  BMC_IDENTITY_KNOWN,
} BmcIdentity;

#define BMC_ADDRESSES_MAX 2u

typedef struct _BmcSensors BmcSensors;

struct _Bmc
{
  BmcHost *host;
  guint32 number;
  ConnectSettings *settings;
  BmcClosedFunc on_closed;
  gpointer user_data;

  BmcPhase phase;
  gboolean removing;
  Handshake handshake;
  gboolean rising; /* counted in the host's */
  CipherChoice choice;
  CipherQuery *query;       /* while it is asked for its cipher suites */
  const CipherSuite *suite; /* of this session; NULL: by the settings' algorithms */
  InboxSource *sources[BMC_ADDRESSES_MAX];
  gboolean warned;   /* of a weak session */
  BmcDomain *domain; /* NULL: none is open */
  GuardedCon *con;
  SelReader *reader;
  BmcSensors *sensors; /* NULL: they are not read */
  Timer *timer;        /* what it means depends on the phase */
  gint64 phase_since;
  gint64 progress_at;
  guint64 progress_sent;

  guint retries; /* in a row, without a good session */
  gint64 away_since;
  gboolean at_once;     /* the next try does not wait: with another cipher suite */
  gboolean slow;        /* the next try waits longer: it may lock an account, or cost much */
  gboolean send_failed; /* a message could not be sent: the session is given up */
  guint64 own_requests;
  guint sdr_retries;
  char *cache_key; /* what OpenIPMI asked for first in this session */

  gboolean powering; /* somebody waits for the chassis */
  guint64 power_token;
  FramePower power;
  guint power_ticket; /* of the last request */
  Timer *power_timer;

  guint8 guid[16];
  gsize guid_length;
  BmcIdentity identity;
  Timer *identity_timer; /* patience, then the clock's turn */
  gint64 clock_asked;    /* wall clock, microseconds */

  gboolean reported; /* a STATE was sent */
  FrameState reported_state;
  char *reported_words;
};

/* ------------------------------------------------------------------- bmc.c */

void bmc_send_frame (Bmc *bmc, FrameType type, GVariant *body);

/* A STATE frame, unless it would say nothing new. */
void bmc_report (Bmc *bmc, FrameState state, const char *words);

void bmc_free (Bmc *bmc);

/* ----------------------------------------------------------- bmc-session.c */

/* Starts to connect, in the next turn of the loop. */
void bmc_session_begin (Bmc *bmc);

/* Ends the session, from any phase but CLOSING; also within callbacks of the
 * domain, which is closed in the next turn of the loop. */
void bmc_session_end (Bmc *bmc);

/* Ends an UP session and begins another, without a word to the core: OpenIPMI
 * has to learn anew what the BMC has. */
void bmc_session_renew (Bmc *bmc);

/* Enters a phase; on its timer, after `timeout` microseconds, the phase says
 * what happens.  0: no timer. */
void bmc_session_enter (Bmc *bmc, BmcPhase phase, gint64 timeout);

/* The try to connect has failed; `refused`: it must not be repeated soon. */
void bmc_session_fail (Bmc *bmc, gboolean refused, const char *words);
void bmc_session_fail_silent (Bmc *bmc);

/* Whether it is down for minutes. */
gboolean bmc_session_is_away_long (const Bmc *bmc);

/* A domain is about to be opened. */
void bmc_session_opening (Bmc *bmc);

/* What bmc-domain.c tells: of the first message, of the connection, of the sensor data records being
 * read, of the domain being closed, of a message that went out, or did not. */
void bmc_session_begun (Bmc *bmc);
void bmc_session_connected (Bmc *bmc);
void bmc_session_lost (Bmc *bmc, int error);
void bmc_session_settled (Bmc *bmc);
void bmc_session_closed (Bmc *bmc);
void bmc_session_sent (Bmc *bmc, gboolean sent);

/* -------------------------------------------------------------- bmc-open.c */

/* Waits for a place; when there is one, the Bmc's timer runs. */
void bmc_open_queue (Bmc *bmc);
void bmc_open_leave_place (Bmc *bmc);

/* With a place: asks for the cipher suites if need be, else connects.  On the
 * timer of ASKING, connects. */
void bmc_open_ask (Bmc *bmc);
void bmc_open_connect (Bmc *bmc);

/* The session could not be opened; `refused`: the BMC said that it was for the
 * cipher suite.  TRUE: it is worth trying another one at once. */
gboolean bmc_open_try_another (Bmc *bmc, gboolean refused);

/* There is a session. */
void bmc_open_succeeded (Bmc *bmc);

/* Nothing is open any more. */
void bmc_open_end (Bmc *bmc);

/* What has come in since the connection was opened. */
InboxCounts bmc_open_counts (const Bmc *bmc);

/* ---------------------------------------------------------- bmc-identity.c */

/* The BMC is up: IDENTITY goes out, then the SEL reader starts, then CLOCK goes
 * out now and then. */
void bmc_identity_begin (Bmc *bmc);
void bmc_identity_on_timer (Timer *timer, gpointer user_data);

/* ------------------------------------------------------------ bmc-domain.c */

/* Opens a domain over `con`, which must not have been started and is closed if
 * this fails.  The Bmc may be told of a failure before this returns. */
gboolean bmc_domain_open (Bmc *bmc, ipmi_con_t *con);

/* Asks OpenIPMI to close the domain; bmc_session_closed() follows.  FALSE: there
 * is nothing to wait for. */
gboolean bmc_domain_close (Bmc *bmc);

/* Gives the domain up, whether it is closed or not: nothing of it reaches the
 * Bmc any more. */
void bmc_domain_forget (Bmc *bmc);

/* The answer to a request: the completion code and what follows, as it passed
 * guard.h.  Runs only while the BMC is up. */
typedef void (*BmcReplyFunc) (Bmc *bmc, guint ticket, const guint8 *reply, gsize length);

/* A controller behind the BMC, or a logical unit of the BMC's own. */
typedef struct
{
  gboolean satellite;
  guint8 channel, address; /* of a satellite */
  guint8 lun;
} BmcTarget;

/* Sends a request to the target; NULL: the BMC itself.  FALSE: it did not go out, and no reply
 * comes.  Nor does one if the session ends before.  Never calls `on_reply`
 * before it returns FALSE; but may before it returns TRUE. */
gboolean bmc_domain_send (Bmc *bmc, const BmcTarget *target, guint8 netfn, guint8 command, const guint8 *data,
                          gsize length, BmcReplyFunc on_reply, guint ticket);

/* The same to the BMC itself, for what must not be done twice: it is sent again only
 * after five seconds. */
gboolean bmc_domain_send_once (Bmc *bmc, guint8 netfn, guint8 command, const guint8 *data, gsize length,
                               BmcReplyFunc on_reply, guint ticket);

/* ----------------------------------------------------------- bmc-records.c */

SelReader *bmc_records_new_reader (Bmc *bmc);

/* ----------------------------------------------------------- bmc-sensors.c */

/* NULL if the settings say that no sensor is read. */
BmcSensors *bmc_sensors_new (Bmc *bmc);
void bmc_sensors_free (BmcSensors *sensors);

/* All of these do nothing for NULL.  OpenIPMI has read the BMC's repository, and
 * goes on to that of others; the BMC has become up; its session ends; a
 * request was answered, so that there is room for another; OpenIPMI's sensors
 * have changed. */
void bmc_sensors_opened (BmcSensors *sensors);
void bmc_sensors_connected (BmcSensors *sensors);
void bmc_sensors_disconnected (BmcSensors *sensors);
void bmc_sensors_wake (BmcSensors *sensors);
void bmc_sensors_changed (BmcSensors *sensors);

/* ------------------------------------------------------------- bmc-power.c */

/* The session ends: whoever waits is told. */
void bmc_power_disconnected (Bmc *bmc);
void bmc_power_on_timer (Timer *timer, gpointer user_data);

/* --------------------------------------------------------- bmc-inventory.c */

/* Whether it says that it has a chassis device (section 20.1): some that do not
 * break when they are asked about one. */
gboolean bmc_inventory_has_chassis (Bmc *bmc);

/* All sensors that OpenIPMI knows of the BMC, and chassis power if it has that:
 * entries for a SensorTable. */
GArray *bmc_inventory_collect (Bmc *bmc);

/* ------------------------------------------------------------- bmc-cache.c */

gboolean bmc_cache_is_wanted (const Bmc *bmc);

/* A new session begins. */
void bmc_cache_begin (Bmc *bmc);

#endif
