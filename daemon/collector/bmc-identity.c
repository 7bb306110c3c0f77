/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc-identity.c - who the BMC is, and what its clock says; see bmc-private.h. */
#include "bmc-private.h"

#include <OpenIPMI/ipmi_msgbits.h>
#include <string.h>

/* Get Device ID (table 20-2), Get Device GUID (20.8), Get SEL Time (31.10),
 * from the completion code on. */
#define DEVICE_ID_FIRMWARE 3u
#define DEVICE_ID_MANUFACTURER 7u
#define DEVICE_ID_PRODUCT 10u
#define DEVICE_ID_SIZE 12u
#define GUID_SIZE 16u
#define SEL_TIME_SIZE 5u

#define CLOCK_INTERVAL G_TIME_SPAN_HOUR
/* For each answer about the identity.  Some BMCs have none, and the SEL must not
 * wait for it; nor must the BMC count as silent. */
#define PATIENCE (2500 * G_TIME_SPAN_MILLISECOND)

/* A clock that has not been set counts from 0 (section 37), or says so. */
#define CLOCK_PRE_INIT 0x20000000u
#define CLOCK_UNSPECIFIED G_MAXUINT32

/* -------------------------------------------------------------------- clock */

/* The BMC counts whole seconds: on the average it is half a second on. */
static gint64
drift (guint32 bmc_time, gint64 asked, gint64 answered)
{
  return (gint64) bmc_time * G_USEC_PER_SEC + G_USEC_PER_SEC / 2 - (asked + (answered - asked) / 2);
}

static void
on_sel_time (Bmc *bmc, G_GNUC_UNUSED guint ticket, const guint8 *reply, gsize length)
{
  guint32 bmc_time;

  if (length != SEL_TIME_SIZE || reply[0] != 0)
    return;
  memcpy (&bmc_time, reply + 1, sizeof bmc_time);
  bmc_time = GUINT32_FROM_LE (bmc_time);
  if (bmc_time > CLOCK_PRE_INIT && bmc_time != CLOCK_UNSPECIFIED)
    bmc_send_frame (bmc, FRAME_CLOCK,
                    g_variant_new ("(ux)", bmc->number, drift (bmc_time, bmc->clock_asked, g_get_real_time ())));
}

static void
ask_for_time (Bmc *bmc)
{
  bmc->clock_asked = g_get_real_time ();
  bmc_domain_send (bmc, NULL, IPMI_STORAGE_NETFN, IPMI_GET_SEL_TIME_CMD, NULL, 0, on_sel_time, 0);
  timer_start (bmc->identity_timer, timers_jitter (CLOCK_INTERVAL));
}

/* ----------------------------------------------------------------- identity */

/* All bits alike is what a BMC says that has never been given one. */
static gboolean
identifies (const guint8 *guid)
{
  for (guint i = 1; i < GUID_SIZE; i++)
    if (guid[i] != guid[0])
      return TRUE;
  return guid[0] != 0x00 && guid[0] != 0xff;
}

static void
finish (Bmc *bmc, guint32 manufacturer, guint32 product, const char *firmware)
{
  bmc->identity = BMC_IDENTITY_KNOWN;
  bmc_send_frame (bmc, FRAME_IDENTITY,
                  g_variant_new ("(u@ayuus)", bmc->number,
                                 g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bmc->guid, bmc->guid_length, 1),
                                 manufacturer, product, firmware));
  /* The reader asks for SEL Info, which must come after. */
  sel_reader_connected (bmc->reader);
  ask_for_time (bmc);
  /* Last: some BMCs leave its question unanswered, which takes a place for seconds. */
  bmc_sensors_connected (bmc->sensors);
}

static void
on_device_id (Bmc *bmc, G_GNUC_UNUSED guint ticket, const guint8 *reply, gsize length)
{
  g_autofree char *firmware = NULL;
  const guint8 *id = reply + DEVICE_ID_MANUFACTURER;

  if (bmc->identity != BMC_IDENTITY_DEVICE)
    return; /* too late */
  if (length < DEVICE_ID_SIZE || reply[0] != 0)
    {
      finish (bmc, 0, 0, "");
      return;
    }
  firmware = g_strdup_printf ("%u.%02x", reply[DEVICE_ID_FIRMWARE] & 0x7f, reply[DEVICE_ID_FIRMWARE + 1]);
  finish (bmc, (id[0] | (guint32) id[1] << 8 | (guint32) id[2] << 16) & 0xfffff,
          reply[DEVICE_ID_PRODUCT] | (guint32) reply[DEVICE_ID_PRODUCT + 1] << 8, firmware);
}

static void
ask_for_device (Bmc *bmc)
{
  bmc->identity = BMC_IDENTITY_DEVICE;
  timer_start (bmc->identity_timer, PATIENCE);
  bmc_domain_send (bmc, NULL, IPMI_APP_NETFN, IPMI_GET_DEVICE_ID_CMD, NULL, 0, on_device_id, 0);
}

static void
on_guid (Bmc *bmc, G_GNUC_UNUSED guint ticket, const guint8 *reply, gsize length)
{
  if (bmc->identity != BMC_IDENTITY_GUID)
    return;
  if (length == GUID_SIZE + 1 && reply[0] == 0 && identifies (reply + 1))
    {
      memcpy (bmc->guid, reply + 1, GUID_SIZE);
      bmc->guid_length = GUID_SIZE;
    }
  ask_for_device (bmc);
}

void
bmc_identity_begin (Bmc *bmc)
{
  bmc->guid_length = 0;
  bmc->identity = BMC_IDENTITY_GUID;
  timer_start (bmc->identity_timer, PATIENCE);
  /* Any answer: OpenIPMI may have asked for the GUID in vain, and counts what
   * stays unanswered in a row. */
  bmc_domain_send (bmc, NULL, IPMI_APP_NETFN, IPMI_GET_DEVICE_ID_CMD, NULL, 0, on_device_id, 0);
  bmc_domain_send (bmc, NULL, IPMI_APP_NETFN, IPMI_GET_DEVICE_GUID_CMD, NULL, 0, on_guid, 0);
}

void
bmc_identity_on_timer (G_GNUC_UNUSED Timer *timer, gpointer user_data)
{
  Bmc *bmc = user_data;

  if (bmc->phase != BMC_UP)
    return;
  switch (bmc->identity)
    {
    case BMC_IDENTITY_GUID:
      ask_for_device (bmc);
      break;
    case BMC_IDENTITY_DEVICE:
      finish (bmc, 0, 0, "");
      break;
    case BMC_IDENTITY_KNOWN:
      ask_for_time (bmc);
      break;
    }
}
