/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc-power.c - the chassis, as people ask for it (IPMI 2.0, sections 28.2 and 28.3).
 *
 * One question at a time: who asks meanwhile is refused.  A Chassis Control whose
 * answer gets lost is not sent again: a server must not be reset twice.  OpenIPMI
 * would, after five seconds; so the session is given up before, and another begun. */
#include "bmc-private.h"
#include "guard.h"

#define GET_CHASSIS_STATUS 0x01
#define CHASSIS_CONTROL 0x02

#define PATIENCE (4 * G_USEC_PER_SEC)

#define POWER_IS_ON 0x01 /* Get Chassis Status, current power state */

enum
{
  CC_OK = 0x00,
  CC_NODE_BUSY = 0xc0,
  CC_INVALID_COMMAND = 0xc1,
  CC_TIMEOUT = 0xc3,
  CC_INVALID_FIELD = 0xcc,
  CC_NO_PRIVILEGE = 0xd4,
  CC_NOT_NOW = 0xd5,
};

static void
say (Bmc *bmc, guint64 token, FrameDeleteOutcome outcome, FramePowerState state, const char *words)
{
  bmc_send_frame (bmc, FRAME_POWERED,
                  g_variant_new ("(utyys)", bmc->number, token, (guchar) outcome, (guchar) state, words));
}

static void
answer (Bmc *bmc, FrameDeleteOutcome outcome, FramePowerState state, const char *words)
{
  bmc->powering = FALSE;
  timer_stop (bmc->power_timer);
  say (bmc, bmc->power_token, outcome, state, words);
}

static void
refuse (Bmc *bmc, const char *words)
{
  answer (bmc, FRAME_DELETE_REFUSED, FRAME_POWER_NOT_SAID, words);
}

static void
fail (Bmc *bmc, guint8 code)
{
  g_autofree char *words = NULL;

  switch (code)
    {
    case CC_NO_PRIVILEGE:
      refuse (bmc, "the user's privilege does not allow it (operator is needed)");
      break;
    case CC_NOT_NOW:
      refuse (bmc, "the BMC does not do that in the chassis' present state");
      break;
    case CC_INVALID_COMMAND:
    case CC_INVALID_FIELD:
      refuse (bmc, "the BMC does not know this");
      break;
    case CC_TIMEOUT:
    case CC_NODE_BUSY:
    case GUARD_REFUSED:
      answer (bmc, FRAME_DELETE_UNAVAILABLE, FRAME_POWER_NOT_SAID,
              bmc->power == FRAME_POWER_STATUS ? "the BMC gave no answer"
                                               : "the BMC gave no answer: it may have done it, or not");
      break;
    default:
      words = g_strdup_printf ("the BMC refuses (completion code 0x%02x)", code);
      refuse (bmc, words);
    }
}

static void
on_reply (Bmc *bmc, guint ticket, const guint8 *reply, gsize length)
{
  FramePowerState state = FRAME_POWER_NOT_SAID;

  if (!bmc->powering || ticket != bmc->power_ticket)
    return;
  if (length == 0 || reply[0] != CC_OK)
    {
      fail (bmc, length == 0 ? GUARD_REFUSED : reply[0]);
      return;
    }
  if (bmc->power == FRAME_POWER_STATUS && length >= 2)
    state = (reply[1] & POWER_IS_ON) != 0 ? FRAME_POWER_IS_ON : FRAME_POWER_IS_OFF;
  answer (bmc, FRAME_DELETE_DONE, state, "");
}

void
bmc_power_on_timer (G_GNUC_UNUSED Timer *timer, gpointer user_data)
{
  Bmc *bmc = user_data;
  gboolean control = bmc->power != FRAME_POWER_STATUS;

  fail (bmc, CC_TIMEOUT);
  if (control && bmc->phase == BMC_UP)
    bmc_session_renew (bmc);
}

static gboolean
ask (Bmc *bmc)
{
  const guint8 control[] = { (guint8) bmc->power };

  bmc->power_ticket++;
  timer_start (bmc->power_timer, PATIENCE);
  if (bmc->power == FRAME_POWER_STATUS)
    return bmc_domain_send (bmc, NULL, GUARD_NETFN_CHASSIS, GET_CHASSIS_STATUS, NULL, 0, on_reply, bmc->power_ticket);
  return bmc_domain_send_once (bmc, GUARD_NETFN_CHASSIS, CHASSIS_CONTROL, control, sizeof control, on_reply,
                               bmc->power_ticket);
}

void
bmc_power (Bmc *bmc, guint64 token, FramePower power)
{
  if (bmc->powering)
    {
      say (bmc, token, FRAME_DELETE_UNAVAILABLE, FRAME_POWER_NOT_SAID, "somebody else is just asking for that");
      return;
    }
  bmc->powering = TRUE;
  bmc->power_token = token;
  bmc->power = power;
  if (bmc->phase != BMC_UP)
    answer (bmc, FRAME_DELETE_UNAVAILABLE, FRAME_POWER_NOT_SAID, "the BMC is not connected");
  else if (!bmc_inventory_has_chassis (bmc))
    refuse (bmc, "the BMC does not say that it has a chassis");
  else if (!ask (bmc) && bmc->powering)
    answer (bmc, FRAME_DELETE_UNAVAILABLE, FRAME_POWER_NOT_SAID, "the request could not be sent");
}

void
bmc_power_disconnected (Bmc *bmc)
{
  if (bmc->powering)
    answer (bmc, FRAME_DELETE_UNAVAILABLE, FRAME_POWER_NOT_SAID,
            bmc->power == FRAME_POWER_STATUS ? "the connection was lost"
                                             : "the connection was lost: it may have done it, or not");
}
