/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc-open.c - from waiting for a place to an open domain; see bmc-private.h.
 *
 * The BMC is asked for its cipher suites where the choice is ours, the
 * connection is made with the best, and nothing else than that is let through
 * to OpenIPMI. */
#include "bmc-private.h"

#include "event/error.h"

/* For an answer to the question for cipher suites, which OpenIPMI repeats each
 * second. */
#define ASK_TIME (2500 * G_TIME_SPAN_MILLISECOND)
/* So that those that were given places together do not keep step. */
#define STAGGER_MS 20

/* ------------------------------------------------------------------- places */

static void
arm (BmcHost *host)
{
  gint64 now = g_get_monotonic_time ();
  gint64 next = handshakes_tick (host->handshakes, now);

  if (next >= 0)
    timer_start (host->handshakes_timer, next - now);
}

void
bmc_open_on_places_timer (G_GNUC_UNUSED Timer *timer, gpointer user_data)
{
  arm (user_data);
}

static void
on_go (gpointer owner, G_GNUC_UNUSED gpointer user_data)
{
  Bmc *bmc = owner;

  /* Perhaps on behalf of another BMC: the timer is to be on its own. */
  guint32 before = serving_set (bmc->host->serving, bmc->number);

  timer_start (bmc->timer, g_random_int_range (0, STAGGER_MS) * G_TIME_SPAN_MILLISECOND);
  serving_set (bmc->host->serving, before);
}

static gboolean
on_is_heard (gpointer owner, G_GNUC_UNUSED gpointer user_data)
{
  return bmc_open_counts (owner).passed > 0;
}

const HandshakesFuncs bmc_open_places = { .go = on_go, .is_heard = on_is_heard };

void
bmc_open_queue (Bmc *bmc)
{
  handshakes_begin (bmc->host->handshakes, &bmc->handshake, bmc, g_get_monotonic_time ());
  arm (bmc->host);
}

void
bmc_open_leave_place (Bmc *bmc)
{
  handshakes_end (bmc->host->handshakes, &bmc->handshake, g_get_monotonic_time ());
  arm (bmc->host);
}

/* -------------------------------------------------------------------- inbox */

static void
watch_sources (Bmc *bmc, const CipherSuite *suite)
{
  InboxDemand demand;
  struct sockaddr_storage address;
  socklen_t length;

  connect_demand (bmc->settings, suite, &demand);
  for (guint i = 0; i < BMC_ADDRESSES_MAX; i++)
    {
      g_clear_pointer (&bmc->sources[i], inbox_source_free);
      if (connect_address (bmc->settings, i, &address, &length))
        bmc->sources[i]
            = inbox_source_new (bmc->host->inbox, bmc->number, (const struct sockaddr *) &address, length, &demand);
    }
}

InboxCounts
bmc_open_counts (const Bmc *bmc)
{
  InboxCounts sum = { 0 }, counts;

  for (guint i = 0; i < BMC_ADDRESSES_MAX; i++)
    if (bmc->sources[i] != NULL)
      {
        inbox_source_counts (bmc->sources[i], &counts);
        sum.passed += counts.passed;
        sum.flooding += counts.flooding;
        sum.unfit += counts.unfit;
        sum.downgrades += counts.downgrades;
        sum.exchanges += counts.exchanges;
      }
  return sum;
}

/* ------------------------------------------------------------------ opening */

/* A node that the sandbox does not know: the core is asked for a collector that
 * does. */
static void
ask_for_another (Bmc *bmc)
{
  g_autofree char *words
      = g_strdup_printf ("/dev/ipmi%u seems to be newer than the collector's sandbox: another collector is started",
                         bmc->settings->smi_number);

  bmc_session_fail (bmc, FALSE, words);
  bmc_send_frame (bmc, FRAME_RENEW, g_variant_new ("(us)", bmc->number, words));
}

static ipmi_con_t *
connect_to (Bmc *bmc, const CipherSuite *suite)
{
  SandboxDevices *devices = &bmc->host->devices;
  g_autoptr (GError) error = NULL;
  ipmi_con_t *con = connect_open (bmc->settings, suite, bmc->host->os_handler, &error);

  if (con == NULL && g_error_matches (error, IPMID_ERROR, IPMID_ERROR_FILE)
      && sandbox_device_is_newer (devices, bmc->settings->smi_number, bmc_session_is_away_long (bmc)))
    ask_for_another (bmc);
  else if (con == NULL)
    bmc_session_fail (bmc, FALSE, error->message);
  else if (bmc->settings->smi)
    sandbox_device_opened (devices, bmc->settings->smi_number);
  return con;
}

static void
on_offer (CipherSet offered, gpointer user_data)
{
  Bmc *bmc = user_data;

  cipher_choice_offer (&bmc->choice, offered);
  /* Never from within OpenIPMI. */
  if (bmc->phase == BMC_ASKING)
    timer_start (bmc->timer, 0);
}

void
bmc_open_ask (Bmc *bmc)
{
  ipmi_con_t *con;

  if (bmc->settings->smi || !bmc->settings->suite_auto || !cipher_choice_wants_offer (&bmc->choice))
    {
      bmc_open_connect (bmc);
      return;
    }
  watch_sources (bmc, NULL);
  con = connect_to (bmc, NULL);
  if (con == NULL)
    return;
  bmc->query = cipher_query_new (con, on_offer, bmc);
  if (bmc->query != NULL)
    bmc_session_enter (bmc, BMC_ASKING, ASK_TIME);
  else
    bmc_open_connect (bmc);
}

/* FALSE: it has failed. */
static gboolean
choose_suite (Bmc *bmc)
{
  g_autofree char *offered = NULL, *words = NULL;

  bmc->suite = bmc->settings->suite;
  if (bmc->settings->smi || !bmc->settings->suite_auto)
    return TRUE;
  if (!bmc->choice.asked)
    cipher_choice_offer (&bmc->choice, 0);
  bmc->suite = cipher_choice_next (&bmc->choice);
  if (bmc->suite != NULL)
    return TRUE;
  offered = cipher_describe (bmc->choice.offered);
  words = g_strdup_printf ("the BMC has no cipher suite that is safe: it offers %s, and 17 or 3 is needed; "
                           "set cipher-suite to one of its own to use it all the same",
                           offered);
  bmc->choice = (CipherChoice){ .asked = FALSE };
  bmc_session_fail (bmc, TRUE, words);
  return FALSE;
}

static void
warn_once (Bmc *bmc)
{
  g_autofree char *weakness = connect_weakness (bmc->settings);

  if (bmc->warned || weakness == NULL)
    return;
  bmc->warned = TRUE;
  bmc_send_frame (bmc, FRAME_LOG, g_variant_new ("(yus)", (guchar) IPMID_LOG_WARNING, bmc->number, weakness));
}

void
bmc_open_connect (Bmc *bmc)
{
  ipmi_con_t *con;

  g_clear_pointer (&bmc->query, cipher_query_free);
  if (!choose_suite (bmc))
    return;
  con = connect_to (bmc, bmc->suite);
  if (con == NULL)
    return;
  if (guarded_con_is_wrapped (con))
    {
      /* OpenIPMI gives the same connection for the same parameters. */
      con->close_connection (con);
      bmc_session_fail (bmc, FALSE, "this BMC is watched already, under another name");
      return;
    }
  warn_once (bmc);
  watch_sources (bmc, bmc->suite);
  bmc_session_opening (bmc);
  if (!bmc_domain_open (bmc, con) && bmc->phase != BMC_CLOSING)
    bmc_session_fail_silent (bmc);
}

gboolean
bmc_open_try_another (Bmc *bmc, gboolean refused)
{
  InboxCounts counts = bmc_open_counts (bmc);
  /* One that does not say what it has may keep silent about what it has not;
   * and what it said, or what once worked, need not hold for ever. */
  gboolean unsure = (bmc->choice.worked == NULL && bmc->choice.offered == 0) || bmc->retries >= 3;
  gboolean silent = unsure && counts.passed > 0 && counts.exchanges == 0;

  if (!bmc->settings->suite_auto || bmc->suite == NULL || (!refused && !silent && counts.downgrades == 0))
    return FALSE;
  return cipher_choice_refused (&bmc->choice, bmc->suite);
}

void
bmc_open_succeeded (Bmc *bmc)
{
  bmc_open_leave_place (bmc);
  if (bmc->settings->suite_auto && bmc->suite != NULL)
    cipher_choice_worked (&bmc->choice, bmc->suite);
}

void
bmc_open_end (Bmc *bmc)
{
  bmc_open_leave_place (bmc);
  g_clear_pointer (&bmc->query, cipher_query_free);
  for (guint i = 0; i < BMC_ADDRESSES_MAX; i++)
    g_clear_pointer (&bmc->sources[i], inbox_source_free);
}
