/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc-session.c - see bmc-private.h.
 *
 *   WAITING ─▶ QUEUED ─▶ ASKING ─▶ CONNECTING ─▶ SETTLING ─▶ UP
 *      ▲         │          │           │            │        │   a loss, a
 *      └─────────┴───── CLOSING ◀───────┴────────────┴────────┘   refusal, a
 *                                                                 removal
 *
 * QUEUED: for a place among those that connect at the same time.  ASKING: for
 * the cipher suites that the BMC has; see bmc-open.c.
 *
 * SETTLING: the session is there, and OpenIPMI reads the sensor data records.
 * The SEL is read only after that, because an event that is decoded before its
 * sensor is known would lose its name; if reading them makes no progress, the
 * SEL is read anyway: nameless events are better than none. */
#include "bmc-private.h"

#include <errno.h>

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

/* ------------------------------------------------------------------- phases */

void
bmc_session_enter (Bmc *bmc, BmcPhase phase, gint64 timeout)
{
  bmc->phase = phase;
  bmc->phase_since = g_get_monotonic_time ();
  if (timeout > 0)
    timer_start (bmc->timer, timeout);
  else
    timer_stop (bmc->timer);
}

gboolean
bmc_session_is_away_long (const Bmc *bmc)
{
  return bmc->reported && bmc->reported_state == FRAME_STATE_DOWN
         && g_get_monotonic_time () - bmc->away_since > AWAY_LONG;
}

/* There is a session; or it is up, or lost. */
static void
set_rising (Bmc *bmc, gboolean rising)
{
  bmc->host->rising += (guint) rising - (guint) bmc->rising;
  bmc->rising = rising;
}

static gint64
retry_delay (const Bmc *bmc)
{
  gboolean away_long = bmc_session_is_away_long (bmc);
  gint64 maximum = bmc->slow ? RETRY_MAX_REFUSED : away_long ? RETRY_MAX_AWAY_LONG : RETRY_MAX_AWAY;
  gint64 first = bmc->slow ? RETRY_FIRST_REFUSED : RETRY_FIRST;

  return timers_jitter (MIN (first << MIN (bmc->retries, 10), maximum));
}

/* No session is left: wait and try again, or go. */
static void
closed (Bmc *bmc)
{
  bmc_domain_forget (bmc);
  bmc_open_end (bmc);
  g_clear_pointer (&bmc->con, guarded_con_unref);
  if (bmc->removing)
    {
      bmc_send_frame (bmc, FRAME_REMOVED, g_variant_new ("(u)", bmc->number));
      bmc->on_closed (bmc, bmc->user_data);
      bmc_free (bmc);
      return;
    }
  if (bmc->at_once)
    {
      bmc->at_once = FALSE;
      bmc_session_enter (bmc, BMC_WAITING, 1);
      return;
    }
  bmc_session_enter (bmc, BMC_WAITING, retry_delay (bmc));
  bmc->retries++;
}

void
bmc_session_closed (Bmc *bmc)
{
  /* Never from within OpenIPMI: the next turn of the loop does the rest. */
  bmc_domain_forget (bmc);
  timer_start (bmc->timer, 0);
}

void
bmc_session_end (Bmc *bmc)
{
  sel_reader_disconnected (bmc->reader);
  bmc_sensors_disconnected (bmc->sensors);
  bmc_power_disconnected (bmc);
  bmc_open_leave_place (bmc);
  set_rising (bmc, FALSE);
  timer_stop (bmc->identity_timer);
  bmc_session_enter (bmc, BMC_CLOSING, 1);
}

/* A session that was good says nothing about the next try. */
static void
forget_retries (Bmc *bmc)
{
  if (bmc->phase == BMC_UP && g_get_monotonic_time () - bmc->phase_since > GOOD_SESSION)
    bmc->retries = 0;
}

void
bmc_session_renew (Bmc *bmc)
{
  forget_retries (bmc);
  bmc_session_end (bmc);
}

static void
fail_slowly (Bmc *bmc, FrameState state, gboolean slow, const char *words)
{
  forget_retries (bmc);
  if (!bmc->reported || bmc->reported_state != FRAME_STATE_DOWN)
    bmc->away_since = g_get_monotonic_time ();
  if (slow != bmc->slow)
    bmc->retries = 0;
  bmc->slow = slow;
  bmc_report (bmc, state, words);
  bmc_session_end (bmc);
}

void
bmc_session_fail (Bmc *bmc, gboolean refused, const char *words)
{
  fail_slowly (bmc, refused ? FRAME_STATE_REFUSED : FRAME_STATE_DOWN, refused, words);
}

static void
fail_restless (Bmc *bmc)
{
  fail_slowly (bmc, FRAME_STATE_DOWN, TRUE,
               "the BMC never settles: it was closed after far more messages than its sensors need");
}

void
bmc_session_fail_silent (Bmc *bmc)
{
  g_autofree char *where = connect_where (bmc->settings);
  g_autofree char *words = g_strdup_printf ("no answer (%s)", where);

  bmc_session_fail (bmc, FALSE, words);
}

static void
become_up (Bmc *bmc)
{
  g_autofree char *where = connect_where (bmc->settings);
  g_autofree char *words = g_strdup_printf ("connected (%s)", where);

  bmc_session_enter (bmc, BMC_UP, 0);
  set_rising (bmc, FALSE);
  bmc->slow = FALSE;
  bmc->send_failed = FALSE;
  bmc->sdr_retries = 0;
  bmc->own_requests = 0;
  bmc->progress_at = bmc->phase_since;
  bmc->progress_sent = guarded_con_sent (bmc->con);
  bmc_report (bmc, FRAME_STATE_UP, words);
  bmc_identity_begin (bmc);
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
      bmc_session_fail (bmc, FALSE, "the BMC's sensor data records could not be read");
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
    bmc_session_fail_silent (bmc);
  else if (!too_long && now - bmc->progress_at <= patience)
    {
      bmc->progress_sent = sent;
      timer_start (bmc->timer, SETTLE_LOOK);
    }
  else if (bmc->phase == BMC_SETTLING)
    settled (bmc);
  else
    bmc_session_fail_silent (bmc);
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

/* Runs only while something was sent: see bmc_session_sent(). */
static void
look_at_session (Bmc *bmc)
{
  gint64 silence = guarded_con_silence (bmc->con);

  if (bmc->send_failed)
    bmc_session_fail (bmc, FALSE,
                      bmc->settings->smi ? "the kernel's driver takes no messages to the BMC"
                                         : "the network takes no messages to the BMC");
  else if (silence >= silence_limit (bmc))
    bmc_session_fail_silent (bmc);
  else if (is_restless (bmc))
    fail_restless (bmc);
  else if (silence > 0)
    timer_start (bmc->timer, silence_limit (bmc) - silence);
}

static void
go_on_closing (Bmc *bmc)
{
  if (g_get_monotonic_time () - bmc->phase_since > CLOSE_TIME || !bmc_domain_close (bmc))
    closed (bmc);
  else
    timer_start (bmc->timer, bmc->domain == NULL ? 0 : CLOSE_TIME);
}

static void
on_timer (G_GNUC_UNUSED Timer *timer, gpointer user_data)
{
  Bmc *bmc = user_data;

  switch (bmc->phase)
    {
    case BMC_WAITING:
      bmc_session_enter (bmc, BMC_QUEUED, 0);
      bmc_open_queue (bmc);
      break;
    case BMC_QUEUED:
      bmc_report (bmc, FRAME_STATE_CONNECTING, "connecting");
      bmc_open_ask (bmc);
      break;
    case BMC_ASKING:
      bmc_open_connect (bmc);
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

void
bmc_session_connected (Bmc *bmc)
{
  if (bmc->phase == BMC_CONNECTING)
    bmc_session_enter (bmc, BMC_SETTLING, SETTLE_LOOK);
}

/* Before there was a session. */
static void
fail_to_open (Bmc *bmc, int error)
{
  gboolean answered = g_get_monotonic_time () - bmc->phase_since < 2 * G_USEC_PER_SEC;
  InboxCounts counts = bmc_open_counts (bmc);
  gboolean refused;
  g_autofree char *words = connect_explain (bmc->settings, error, answered, &refused);

  if (bmc_open_try_another (bmc, connect_refuses_suite (error)))
    {
      bmc->at_once = TRUE;
      bmc_session_end (bmc);
    }
  else if (counts.downgrades > 0)
    bmc_session_fail (bmc, TRUE, "the BMC answers with other cipher algorithms than it was asked for");
  /* OpenIPMI takes lost packets for a wrong password. */
  else if (error == EINVAL && connect_is_rmcp_plus (bmc->settings) && counts.exchanges == 0)
    bmc_session_fail_silent (bmc);
  else
    bmc_session_fail (bmc, refused, words);
}

void
bmc_session_lost (Bmc *bmc, int error)
{
  gboolean refused;
  g_autofree char *words = connect_explain (bmc->settings, error, FALSE, &refused);

  if (bmc->phase == BMC_CLOSING || bmc->phase == BMC_WAITING)
    return;
  /* With a session, the credentials were good. */
  if (bmc->phase == BMC_CONNECTING && guarded_con_refused (bmc->con) > 0)
    bmc_session_fail (bmc, FALSE, "the BMC's answers are malformed");
  else if (guarded_con_sent (bmc->con) == 0)
    fail_to_open (bmc, error);
  else if (refused)
    bmc_session_fail (bmc, FALSE, "the BMC broke off the session");
  else
    bmc_session_fail (bmc, FALSE, words);
}

void
bmc_session_settled (Bmc *bmc)
{
  if (bmc->phase == BMC_SETTLING)
    settled (bmc);
}

void
bmc_session_opening (Bmc *bmc)
{
  bmc_session_enter (bmc, BMC_CONNECTING, SETTLE_LOOK);
  bmc->progress_at = bmc->phase_since;
  bmc->progress_sent = 0;
}

void
bmc_session_begun (Bmc *bmc)
{
  set_rising (bmc, bmc->phase == BMC_CONNECTING);
  bmc_open_succeeded (bmc);
}

void
bmc_session_sent (Bmc *bmc, gboolean sent)
{
  if (sent)
    {
      bmc->own_requests++;
      if (!timer_is_running (bmc->timer))
        timer_start (bmc->timer, SILENCE);
      return;
    }
  /* The network is down, say.  The reader would wait for ever for the reply;
   * it is in the middle of something, so the session ends later. */
  bmc->send_failed = TRUE;
  timer_start (bmc->timer, 1);
}

void
bmc_session_begin (Bmc *bmc)
{
  bmc->timer = timer_new (bmc->host->timers, on_timer, bmc);
  bmc->identity_timer = timer_new (bmc->host->timers, bmc_identity_on_timer, bmc);
  bmc_session_enter (bmc, BMC_WAITING, 1);
}
