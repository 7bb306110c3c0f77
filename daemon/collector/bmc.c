/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc.c - see bmc.h.
 *
 *   WAITING ─▶ CONNECTING ─▶ SETTLING ─▶ UP
 *      ▲            │            │        │   a loss, a refusal, a removal
 *      └──────── CLOSING ◀───────┴────────┘
 *
 * SETTLING: the session is there, and OpenIPMI reads the sensor data records.
 * The SEL is read only after that, because an event that is decoded before its
 * sensor is known would lose its name; if reading them makes no progress, the
 * SEL is read anyway: nameless events are better than none. */
#include "bmc.h"

#include "guarded-con.h"
#include "sel-reader.h"

#include <OpenIPMI/ipmi_addr.h>
#include <OpenIPMI/ipmi_msgbits.h>
#include <OpenIPMI/ipmiif.h>
#include <string.h>

/* From opening the domain to a session; OpenIPMI's own time limit is shorter,
 * but it does not always hold. */
#define CONNECT_TIME (30 * G_USEC_PER_SEC)
/* How often to look at a settling BMC, how long it may make no progress, how
 * long it may take altogether. */
#define SETTLE_LOOK (2 * G_USEC_PER_SEC)
#define SETTLE_IDLE (20 * G_USEC_PER_SEC)
#define SETTLE_TIME (240 * G_USEC_PER_SEC)
/* More messages than that do not come from reading sensor data records. */
#define SETTLE_MESSAGES 3000u
#define SETTLE_MESSAGES_PER_RECORD 40u
#define RESTLESS_PER_SECOND 1000u
/* Nothing was answered for so long: the BMC is away. */
#define SILENCE (5 * G_USEC_PER_SEC)
#define SILENCE_LOSSY (12 * G_USEC_PER_SEC)
/* How often it is opened anew because its sensor data records could not be
 * read, before it is taken without them. */
#define SDR_RETRIES 3u
/* OpenIPMI's close that never ends is not waited for. */
#define CLOSE_TIME (20 * G_USEC_PER_SEC)

#define RETRY_FIRST G_USEC_PER_SEC
#define RETRY_MAX_AWAY (20 * G_USEC_PER_SEC)
#define RETRY_MAX_AWAY_LONG (45 * G_USEC_PER_SEC)
#define AWAY_LONG (10 * G_TIME_SPAN_MINUTE)
#define RETRY_FIRST_REFUSED (60 * G_USEC_PER_SEC)
#define RETRY_MAX_REFUSED (10 * G_TIME_SPAN_MINUTE)
/* A session that held so long was a good one. */
#define GOOD_SESSION (30 * G_USEC_PER_SEC)

/* OpenIPMI re-reads every sensor at this interval (seconds); 0 busy-loops. */
#define IPMB_RESCAN_TIME 86400

/* Get SEL Entry under way at once; more than OpenIPMI sends at once is of no
 * use. */
#define READ_AHEAD 2u

/* Room left in a frame for what is around the events. */
#define FRAME_EVENTS_MAX (FRAME_SIZE_MAX - 4096u)

typedef enum
{
  BMC_WAITING,
  BMC_CONNECTING,
  BMC_SETTLING,
  BMC_UP,
  BMC_CLOSING,
} BmcPhase;

struct _Bmc
{
  BmcHost *host;
  guint32 number;
  ConnectSettings *settings;
  BmcClosedFunc on_closed;
  gpointer user_data;

  BmcPhase phase;
  gboolean removing;
  gboolean has_domain;
  ipmi_domain_id_t domain;
  GuardedCon *con;
  SelReader *reader;
  Timer *timer; /* what it means depends on the phase */
  gint64 phase_since;
  gint64 progress_at;
  guint64 progress_sent;

  guint retries; /* in a row, without a good session */
  gint64 away_since;
  gboolean slow;        /* the next try waits longer: it may lock an account, or cost much */
  gboolean send_failed; /* a message could not be sent: the session is given up */
  guint64 own_requests;
  guint sdr_retries;

  gboolean reported; /* a STATE was sent */
  FrameState reported_state;
  char *reported_words;
};

static void open_domain (Bmc *bmc);

/* ------------------------------------------------------------------ to core */

static void
send_frame (Bmc *bmc, FrameType type, GVariant *body)
{
  channel_send (bmc->host->channel, type, body);
}

/* Changes only, and new reasons. */
static void
report (Bmc *bmc, FrameState state, const char *words)
{
  if (bmc->reported && bmc->reported_state == state && g_strcmp0 (bmc->reported_words, words) == 0)
    return;
  /* While it is tried again, the last failure stands. */
  if (bmc->reported && state == FRAME_STATE_CONNECTING)
    return;
  bmc->reported = TRUE;
  bmc->reported_state = state;
  g_free (bmc->reported_words);
  bmc->reported_words = g_strdup (words);
  send_frame (bmc, FRAME_STATE, g_variant_new ("(uys)", bmc->number, (guchar) state, words));
}

static GVariant *
record_variant (const guint8 *record)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, record, record == NULL ? 0 : FRAME_RECORD_SIZE, 1);
}

/* ------------------------------------------------------------------- phases */

static void
enter (Bmc *bmc, BmcPhase phase, gint64 timeout)
{
  bmc->phase = phase;
  bmc->phase_since = g_get_monotonic_time ();
  if (timeout > 0)
    timer_start (bmc->timer, timeout);
  else
    timer_stop (bmc->timer);
}

static gint64
retry_delay (const Bmc *bmc)
{
  gboolean away_long = g_get_monotonic_time () - bmc->away_since > AWAY_LONG;
  gint64 maximum = bmc->slow ? RETRY_MAX_REFUSED : away_long ? RETRY_MAX_AWAY_LONG : RETRY_MAX_AWAY;
  gint64 first = bmc->slow ? RETRY_FIRST_REFUSED : RETRY_FIRST;

  return timers_jitter (MIN (first << MIN (bmc->retries, 10), maximum));
}

static void
bmc_free (Bmc *bmc)
{
  sel_reader_free (bmc->reader);
  guarded_con_unref (bmc->con);
  timer_free (bmc->timer);
  connect_settings_free (bmc->settings);
  g_free (bmc->reported_words);
  g_free (bmc);
}

/* No session is left: wait and try again, or go. */
static void
closed (Bmc *bmc)
{
  bmc->has_domain = FALSE;
  g_clear_pointer (&bmc->con, guarded_con_unref);
  if (bmc->removing)
    {
      send_frame (bmc, FRAME_REMOVED, g_variant_new ("(u)", bmc->number));
      bmc->on_closed (bmc, bmc->user_data);
      bmc_free (bmc);
      return;
    }
  enter (bmc, BMC_WAITING, retry_delay (bmc));
  bmc->retries++;
}

static void
on_domain_closed (void *cb_data)
{
  Bmc *bmc = cb_data;

  /* Never from within OpenIPMI: the next turn of the loop does the rest. */
  bmc->has_domain = FALSE;
  timer_start (bmc->timer, 0);
}

static void
close_in_callback (ipmi_domain_t *domain, G_GNUC_UNUSED void *cb_data)
{
  ipmi_domain_close (domain, on_domain_closed, cb_data);
}

/* Ends the session, from any phase but CLOSING.  The domain is closed in the
 * next turn of the loop, as this may run inside a callback of its own. */
static void
begin_close (Bmc *bmc)
{
  sel_reader_disconnected (bmc->reader);
  enter (bmc, BMC_CLOSING, 1);
}

static void
fail_slowly (Bmc *bmc, FrameState state, gboolean slow, const char *words)
{
  if (bmc->phase == BMC_UP && g_get_monotonic_time () - bmc->phase_since > GOOD_SESSION)
    bmc->retries = 0;
  if (!bmc->reported || bmc->reported_state != FRAME_STATE_DOWN)
    bmc->away_since = g_get_monotonic_time ();
  if (slow != bmc->slow)
    bmc->retries = 0;
  bmc->slow = slow;
  report (bmc, state, words);
  begin_close (bmc);
}

static void
fail (Bmc *bmc, gboolean refused, const char *words)
{
  fail_slowly (bmc, refused ? FRAME_STATE_REFUSED : FRAME_STATE_DOWN, refused, words);
}

static void
fail_restless (Bmc *bmc)
{
  fail_slowly (bmc, FRAME_STATE_DOWN, TRUE,
               "the BMC never settles: it was closed after far more messages than its sensors need");
}

static void
fail_silent (Bmc *bmc)
{
  g_autofree char *where = connect_where (bmc->settings);
  g_autofree char *words = g_strdup_printf ("no answer (%s)", where);

  fail (bmc, FALSE, words);
}

static void
become_up (Bmc *bmc)
{
  g_autofree char *where = connect_where (bmc->settings);
  g_autofree char *words = g_strdup_printf ("connected (%s)", where);

  enter (bmc, BMC_UP, 0);
  bmc->slow = FALSE;
  bmc->send_failed = FALSE;
  bmc->sdr_retries = 0;
  bmc->own_requests = 0;
  bmc->progress_at = bmc->phase_since;
  bmc->progress_sent = guarded_con_sent (bmc->con);
  report (bmc, FRAME_STATE_UP, words);
  sel_reader_connected (bmc->reader);
}

static gint64
silence_limit (const Bmc *bmc)
{
  return guarded_con_is_lossy (bmc->con) ? SILENCE_LOSSY : SILENCE;
}

/* As good as it gets: the sensors are there, or will not come. */
static void
settled (Bmc *bmc)
{
  if (sdr_watch_failures (guarded_con_sdrs (bmc->con)) > 0 && bmc->sdr_retries < SDR_RETRIES)
    {
      bmc->sdr_retries++;
      fail (bmc, FALSE, "the BMC's sensor data records could not be read");
    }
  else
    become_up (bmc);
}

static gboolean
sends_too_much (const Bmc *bmc, gboolean too_long)
{
  guint64 sent = guarded_con_sent (bmc->con);
  guint records = MIN (sdr_watch_records (guarded_con_sdrs (bmc->con)), SDR_WATCH_SENSORS_MAX);

  return sent > SETTLE_MESSAGES + (guint64) SETTLE_MESSAGES_PER_RECORD * records
         || (too_long && sent - bmc->progress_sent > RESTLESS_PER_SECOND * SETTLE_LOOK / G_USEC_PER_SEC);
}

/* While it connects (OpenIPMI says so only after the sensor data records were
 * read) and settles: is there progress? */
static void
look_at_start (Bmc *bmc)
{
  gint64 now = g_get_monotonic_time ();
  guint64 sent = guarded_con_sent (bmc->con);
  gint64 patience = sent == 0 ? CONNECT_TIME : SETTLE_IDLE;
  gboolean too_long = now - bmc->phase_since > SETTLE_TIME;

  if (sent != bmc->progress_sent)
    bmc->progress_at = now;
  if (sends_too_much (bmc, too_long))
    fail_restless (bmc);
  else if (guarded_con_silence (bmc->con) > silence_limit (bmc))
    fail_silent (bmc);
  else if (!too_long && now - bmc->progress_at <= patience)
    {
      bmc->progress_sent = sent;
      timer_start (bmc->timer, SETTLE_LOOK);
    }
  else if (bmc->phase == BMC_SETTLING)
    settled (bmc);
  else
    fail_silent (bmc);
}

/* Whether OpenIPMI exchanges messages with it as if there were no end. */
static gboolean
is_restless (Bmc *bmc)
{
  gint64 now = g_get_monotonic_time ();
  guint64 foreign = guarded_con_sent (bmc->con) - bmc->progress_sent - bmc->own_requests;
  gint64 seconds = (now - bmc->progress_at) / G_USEC_PER_SEC;

  bmc->progress_at = now;
  bmc->progress_sent += bmc->own_requests + foreign;
  bmc->own_requests = 0;
  return seconds >= 2 && foreign > RESTLESS_PER_SECOND * (guint64) seconds;
}

/* Runs only while something was sent: see send_to_bmc(). */
static void
look_at_session (Bmc *bmc)
{
  gint64 silence = guarded_con_silence (bmc->con);

  if (bmc->send_failed)
    fail (bmc, FALSE, "the network takes no messages to the BMC");
  else if (silence >= silence_limit (bmc))
    fail_silent (bmc);
  else if (is_restless (bmc))
    fail_restless (bmc);
  else if (silence > 0)
    timer_start (bmc->timer, silence_limit (bmc) - silence);
}

static void
go_on_closing (Bmc *bmc)
{
  if (!bmc->has_domain)
    {
      closed (bmc);
      return;
    }
  if (g_get_monotonic_time () - bmc->phase_since > CLOSE_TIME)
    {
      closed (bmc);
      return;
    }
  timer_start (bmc->timer, CLOSE_TIME);
  if (ipmi_domain_pointer_cb (bmc->domain, close_in_callback, bmc) != 0)
    closed (bmc);
}

static void
on_timer (G_GNUC_UNUSED Timer *timer, gpointer user_data)
{
  Bmc *bmc = user_data;

  switch (bmc->phase)
    {
    case BMC_WAITING:
      open_domain (bmc);
      break;
    case BMC_CONNECTING:
    case BMC_SETTLING:
      look_at_start (bmc);
      break;
    case BMC_UP:
      look_at_session (bmc);
      break;
    case BMC_CLOSING:
      go_on_closing (bmc);
      break;
    }
}

/* --------------------------------------------------------------- connecting */

static void
on_connection_change (ipmi_domain_t *domain, int error, G_GNUC_UNUSED unsigned int con_number,
                      G_GNUC_UNUSED unsigned int port, int still_connected, void *cb_data)
{
  Bmc *bmc = cb_data;
  gboolean answered = g_get_monotonic_time () - bmc->phase_since < 2 * G_USEC_PER_SEC;
  gboolean refused;

  if (bmc->phase == BMC_CLOSING || bmc->phase == BMC_WAITING)
    return;
  if (error == 0 && bmc->phase == BMC_CONNECTING)
    {
      ipmi_domain_set_ipmb_rescan_time (domain, IPMB_RESCAN_TIME);
      enter (bmc, BMC_SETTLING, SETTLE_LOOK);
    }
  else if (error != 0 && !still_connected)
    {
      g_autofree char *words = connect_explain (bmc->settings, error, answered, &refused);
      gboolean had_session = guarded_con_sent (bmc->con) > 0;

      /* With a session, the credentials were good. */
      if (bmc->phase == BMC_CONNECTING && guarded_con_refused (bmc->con) > 0)
        fail (bmc, FALSE, "the BMC's answers are malformed");
      else if (had_session && refused)
        fail (bmc, FALSE, "the BMC broke off the session");
      else
        fail (bmc, refused, words);
    }
}

static void
on_fully_up (G_GNUC_UNUSED ipmi_domain_t *domain, void *cb_data)
{
  Bmc *bmc = cb_data;

  if (bmc->phase == BMC_SETTLING)
    settled (bmc);
}

static int
open_with (Bmc *bmc, ipmi_con_t *con)
{
  static ipmi_open_option_t options[] = {
    { .option = IPMI_OPEN_OPTION_ALL, { .ival = 0 } },
    { .option = IPMI_OPEN_OPTION_SDRS, { .ival = 1 } },
    { .option = IPMI_OPEN_OPTION_SEL, { .ival = 0 } },
    { .option = IPMI_OPEN_OPTION_FRUS, { .ival = 0 } },
    { .option = IPMI_OPEN_OPTION_SET_EVENT_RCVR, { .ival = 0 } },
    { .option = IPMI_OPEN_OPTION_SET_SEL_TIME, { .ival = 0 } },
  };
  char name[16];

  /* Short, and a number again: log lines of the library begin with it. */
  g_snprintf (name, sizeof name, "b%" G_GUINT32_FORMAT, bmc->number);
  return ipmi_open_domain (name, &con, 1, on_connection_change, bmc, on_fully_up, bmc, options, G_N_ELEMENTS (options),
                           &bmc->domain);
}

static void
open_domain (Bmc *bmc)
{
  g_autoptr (GError) error = NULL;
  ipmi_con_t *con = connect_open (bmc->settings, bmc->host->os_handler, &error);

  report (bmc, FRAME_STATE_CONNECTING, "connecting");
  if (con == NULL)
    {
      fail (bmc, FALSE, error->message);
      return;
    }
  if (guarded_con_is_wrapped (con))
    {
      /* OpenIPMI gives the same connection for the same parameters. */
      con->close_connection (con);
      fail (bmc, FALSE, "this BMC is watched already, under another name");
      return;
    }
  enter (bmc, BMC_CONNECTING, SETTLE_LOOK);
  bmc->progress_at = bmc->phase_since;
  bmc->progress_sent = 0;
  bmc->con = guarded_con_wrap (con);
  bmc->has_domain = TRUE;
  if (bmc->con != NULL && open_with (bmc, con) == 0)
    return;
  bmc->has_domain = FALSE;
  con->close_connection (con);
  if (bmc->phase != BMC_CLOSING)
    fail_silent (bmc);
}

/* --------------------------------------------------------------- the reader */

typedef struct
{
  Bmc *bmc;
  guint8 command;
  const guint8 *data;
  gsize length;
  guint ticket;
  gboolean sent;
} Request;

static int
on_reply (ipmi_domain_t *domain, ipmi_msgi_t *item)
{
  Bmc *bmc = item->data1;

  /* Without a domain it is being closed, and the reader knows. */
  if (domain != NULL && bmc->phase == BMC_UP)
    sel_reader_reply (bmc->reader, GPOINTER_TO_UINT (item->data2), item->msg.data, item->msg.data_len);
  return IPMI_MSG_ITEM_NOT_USED;
}

static void
send_in_callback (ipmi_domain_t *domain, void *cb_data)
{
  Request *request = cb_data;
  ipmi_system_interface_addr_t address
      = { .addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE, .channel = IPMI_BMC_CHANNEL, .lun = 0 };
  ipmi_msg_t message = { .netfn = IPMI_STORAGE_NETFN,
                         .cmd = request->command,
                         .data_len = (unsigned short) request->length,
                         .data = (unsigned char *) (guintptr) request->data };

  request->sent = ipmi_send_command_addr (domain, (ipmi_addr_t *) &address, sizeof address, &message, on_reply,
                                          request->bmc, GUINT_TO_POINTER (request->ticket))
                  == 0;
}

static gboolean
send_to_bmc (gpointer user_data, guint8 command, const guint8 *data, gsize length, guint ticket)
{
  Bmc *bmc = user_data;
  Request request = { bmc, command, data, length, ticket, FALSE };

  if (bmc->phase != BMC_UP)
    return FALSE;
  if (ipmi_domain_pointer_cb (bmc->domain, send_in_callback, &request) != 0 || !request.sent)
    {
      /* The network is down, say.  The reader would wait for ever for the
       * reply; it is in the middle of something, so the session ends later. */
      bmc->send_failed = TRUE;
      timer_start (bmc->timer, 1);
      return FALSE;
    }
  bmc->own_requests++;
  if (!timer_is_running (bmc->timer))
    timer_start (bmc->timer, SILENCE);
  return TRUE;
}

static guint
credit (gpointer user_data)
{
  const Bmc *bmc = user_data;

  return bmc->host->credit;
}

static void
send_records (Bmc *bmc, guint walk, gboolean first, GVariantBuilder *events)
{
  send_frame (
      bmc, FRAME_RECORDS,
      g_variant_new ("(uub@a" EVENT_VARIANT_TYPE ")", bmc->number, walk, first, g_variant_builder_end (events)));
}

typedef struct
{
  Bmc *bmc;
  guint walk;
  gboolean first;
  const SelRecord *records;
  guint n_records;
} Delivery;

static void
deliver_in_callback (ipmi_domain_t *domain, void *cb_data)
{
  Delivery *delivery = cb_data;
  Bmc *bmc = delivery->bmc;
  const SdrWatch *sdrs = bmc->con == NULL ? NULL : guarded_con_sdrs (bmc->con);
  GVariantBuilder events;
  gsize size = 0;

  g_variant_builder_init (&events, G_VARIANT_TYPE ("a" EVENT_VARIANT_TYPE));
  for (guint i = 0; i < delivery->n_records; i++)
    {
      const SelRecord *record = &delivery->records[i];
      g_autoptr (IpmidEvent) event = decoder_event (bmc->host->decoder, domain, sdrs, record->bytes, record->existing);
      GVariant *variant = event_to_variant (event);

      if (size > 0 && size + g_variant_get_size (variant) > FRAME_EVENTS_MAX)
        {
          send_records (bmc, delivery->walk, delivery->first, &events);
          g_variant_builder_init (&events, G_VARIANT_TYPE ("a" EVENT_VARIANT_TYPE));
          delivery->first = FALSE;
          size = 0;
        }
      size += g_variant_get_size (variant) + 16;
      g_variant_builder_add_value (&events, variant);
    }
  send_records (bmc, delivery->walk, delivery->first, &events);
}

static void
on_records (gpointer user_data, guint walk, gboolean first, const SelRecord *records, guint n_records)
{
  Bmc *bmc = user_data;
  Delivery delivery = { bmc, walk, first, records, n_records };

  g_assert (n_records <= bmc->host->credit);
  bmc->host->credit -= n_records;
  if (ipmi_domain_pointer_cb (bmc->domain, deliver_in_callback, &delivery) != 0)
    deliver_in_callback (NULL, &delivery);
}

static void
on_walk_end (gpointer user_data, guint walk, gboolean complete)
{
  Bmc *bmc = user_data;

  send_frame (bmc, FRAME_WALK_END, g_variant_new ("(uub)", bmc->number, walk, complete));
}

static void
on_info (gpointer user_data, const SelInfo *info, gboolean connected)
{
  Bmc *bmc = user_data;
  guint8 flags = info->flags | (connected ? FRAME_SEL_CONNECTED : 0);

  send_frame (bmc, FRAME_SEL_INFO,
              g_variant_new ("(uyuuuu)", bmc->number, flags, info->entries, info->free_bytes, info->last_add,
                             info->last_erase));
}

static void
on_tail (gpointer user_data, const guint8 *record)
{
  Bmc *bmc = user_data;

  send_frame (bmc, FRAME_TAIL, g_variant_new ("(u@ay)", bmc->number, record_variant (record)));
}

static void
on_suspect (gpointer user_data, FrameSuspicion suspicion, gint64 last_confirmed, const char *words)
{
  Bmc *bmc = user_data;

  send_frame (bmc, FRAME_SUSPECT, g_variant_new ("(uyxs)", bmc->number, (guchar) suspicion, last_confirmed, words));
}

static void
on_deleted (gpointer user_data, guint64 token, FrameDeleteOutcome outcome, const char *words)
{
  Bmc *bmc = user_data;

  send_frame (bmc, FRAME_DELETED, g_variant_new ("(utys)", bmc->number, token, (guchar) outcome, words));
}

static const SelReaderFuncs reader_funcs = {
  .send = send_to_bmc,
  .credit = credit,
  .records = on_records,
  .walk_end = on_walk_end,
  .info = on_info,
  .tail = on_tail,
  .suspect = on_suspect,
  .deleted = on_deleted,
};

/* --------------------------------------------------------- from the outside */

Bmc *
bmc_new (BmcHost *host, guint32 number, ConnectSettings *settings, BmcClosedFunc on_closed, gpointer user_data)
{
  Bmc *bmc = g_new0 (Bmc, 1);

  bmc->host = host;
  bmc->number = number;
  bmc->settings = settings;
  bmc->on_closed = on_closed;
  bmc->user_data = user_data;
  bmc->timer = timer_new (host->timers, on_timer, bmc);
  bmc->reader = sel_reader_new (host->timers, settings->sel_interval, &reader_funcs, bmc);
  sel_reader_set_window (bmc->reader, READ_AHEAD);
  enter (bmc, BMC_WAITING, 1);
  return bmc;
}

void
bmc_remove (Bmc *bmc)
{
  bmc->removing = TRUE;
  if (bmc->phase != BMC_CLOSING)
    begin_close (bmc);
}

guint32
bmc_number (const Bmc *bmc)
{
  return bmc->number;
}

void
bmc_start (Bmc *bmc, FrameCursor cursor, const guint8 *record, gboolean walk)
{
  sel_reader_start (bmc->reader, cursor, record, walk);
}

void
bmc_poll (Bmc *bmc)
{
  sel_reader_poll (bmc->reader);
}

void
bmc_walk (Bmc *bmc)
{
  sel_reader_walk (bmc->reader);
}

void
bmc_delete (Bmc *bmc, guint64 token, const guint8 *record, const guint8 *predecessor, FrameDeleteFlags flags)
{
  sel_reader_delete (bmc->reader, token, record, predecessor, flags);
}

void
bmc_wake (Bmc *bmc)
{
  sel_reader_wake (bmc->reader);
}
