/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc.c - see bmc.h. */
#include "bmc-private.h"

/* ------------------------------------------------------------------ to core */

void
bmc_send_frame (Bmc *bmc, FrameType type, GVariant *body)
{
  channel_send (bmc->host->channel, type, body);
}

/* Changes only, and new reasons. */
void
bmc_report (Bmc *bmc, FrameState state, const char *words)
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
  bmc_send_frame (bmc, FRAME_STATE, g_variant_new ("(uys)", bmc->number, (guchar) state, words));
}

/* --------------------------------------------------------- from the outside */

void
bmc_free (Bmc *bmc)
{
  sel_reader_free (bmc->reader);
  bmc_sensors_free (bmc->sensors);
  guarded_con_unref (bmc->con);
  timer_free (bmc->timer);
  timer_free (bmc->identity_timer);
  timer_free (bmc->power_timer);
  connect_settings_free (bmc->settings);
  g_free (bmc->reported_words);
  g_free (bmc->cache_key);
  g_free (bmc);
}

Bmc *
bmc_new (BmcHost *host, guint32 number, ConnectSettings *settings, BmcClosedFunc on_closed, gpointer user_data)
{
  Bmc *bmc = g_new0 (Bmc, 1);

  bmc->host = host;
  bmc->number = number;
  bmc->settings = settings;
  bmc->on_closed = on_closed;
  bmc->user_data = user_data;
  bmc->power_timer = timer_new (host->timers, bmc_power_on_timer, bmc);
  bmc->reader = bmc_records_new_reader (bmc);
  bmc->sensors = bmc_sensors_new (bmc);
  bmc_session_begin (bmc);
  return bmc;
}

void
bmc_remove (Bmc *bmc)
{
  bmc->removing = TRUE;
  if (bmc->phase != BMC_CLOSING)
    bmc_session_end (bmc);
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
