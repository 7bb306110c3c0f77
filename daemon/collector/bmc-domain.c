/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bmc-domain.c - see bmc-private.h. */
#include "bmc-private.h"

#include <OpenIPMI/ipmi_addr.h>
#include <OpenIPMI/ipmi_msgbits.h>

/* OpenIPMI re-reads every sensor at this interval (seconds); 0 busy-loops. */
#define IPMB_RESCAN_TIME 86400

/* A request under way. */
typedef struct
{
  BmcDomain *domain;
  BmcReplyFunc on_reply;
  guint ticket;
} Request;

/* What a request needs on its way into OpenIPMI. */
typedef struct
{
  const BmcTarget *target;
  gboolean once; /* never sent again */
  ipmi_msg_t message;
  Request *request;
  gboolean sent;
} Departure;

/* ------------------------------------------------------------------ opening */

static void
on_sensor (G_GNUC_UNUSED enum ipmi_update_e op, G_GNUC_UNUSED ipmi_entity_t *entity,
           G_GNUC_UNUSED ipmi_sensor_t *sensor, void *cb_data)
{
  const BmcDomain *domain = cb_data;

  if (domain->bmc != NULL)
    bmc_sensors_changed (domain->bmc->sensors);
}

static void
on_entity (enum ipmi_update_e op, G_GNUC_UNUSED ipmi_domain_t *ipmi_domain, ipmi_entity_t *entity, void *cb_data)
{
  if (op == IPMI_ADDED)
    ipmi_entity_add_sensor_update_handler (entity, on_sensor, cb_data);
}

static void
on_connection_change (ipmi_domain_t *ipmi_domain, int error, G_GNUC_UNUSED unsigned int con_number,
                      G_GNUC_UNUSED unsigned int port, int still_connected, void *cb_data)
{
  BmcDomain *domain = cb_data;

  if (domain->bmc == NULL)
    return;
  if (error == 0)
    {
      ipmi_domain_set_ipmb_rescan_time (ipmi_domain, IPMB_RESCAN_TIME);
      if (domain->bmc->sensors != NULL)
        ipmi_domain_add_entity_update_handler (ipmi_domain, on_entity, domain);
      bmc_sensors_opened (domain->bmc->sensors);
      bmc_session_connected (domain->bmc);
    }
  else if (!still_connected)
    bmc_session_lost (domain->bmc, error);
}

static void
on_fully_up (G_GNUC_UNUSED ipmi_domain_t *ipmi_domain, void *cb_data)
{
  BmcDomain *domain = cb_data;

  if (domain->bmc != NULL)
    bmc_session_settled (domain->bmc);
}

static int
open_with (BmcDomain *domain, ipmi_con_t *con)
{
  ipmi_open_option_t options[] = {
    { .option = IPMI_OPEN_OPTION_ALL, { .ival = 0 } },
    { .option = IPMI_OPEN_OPTION_SDRS, { .ival = 1 } },
    { .option = IPMI_OPEN_OPTION_SEL, { .ival = 0 } },
    { .option = IPMI_OPEN_OPTION_FRUS, { .ival = 0 } },
    { .option = IPMI_OPEN_OPTION_SET_EVENT_RCVR, { .ival = 0 } },
    { .option = IPMI_OPEN_OPTION_SET_SEL_TIME, { .ival = 0 } },
    { .option = IPMI_OPEN_OPTION_USE_CACHE, { .ival = bmc_cache_is_wanted (domain->bmc) } },
  };
  char name[16];

  /* Short, and a number again: log lines of the library begin with it. */
  g_snprintf (name, sizeof name, "b%" G_GUINT32_FORMAT, domain->bmc->number);
  return ipmi_open_domain (name, &con, 1, on_connection_change, domain, on_fully_up, domain, options,
                           G_N_ELEMENTS (options), &domain->id);
}

static void
on_first_message (gpointer user_data)
{
  bmc_session_begun (user_data);
}

gboolean
bmc_domain_open (Bmc *bmc, ipmi_con_t *con)
{
  BmcDomain *domain = g_rc_box_new0 (BmcDomain);

  domain->bmc = bmc;
  bmc->domain = g_rc_box_acquire (domain);
  bmc->con = guarded_con_wrap (con, on_first_message, bmc);
  bmc_cache_begin (bmc);
  if (bmc->con != NULL)
    guarded_con_set_answering (bmc->con, &bmc->host->answering, domain);
  if (bmc->con != NULL && open_with (domain, con) == 0)
    return TRUE;
  bmc_domain_forget (bmc);
  g_rc_box_release (domain);
  con->close_connection (con);
  return FALSE;
}

/* ------------------------------------------------------------------ closing */

static void
on_domain_closed (void *cb_data)
{
  BmcDomain *domain = cb_data;

  if (domain->bmc != NULL)
    bmc_session_closed (domain->bmc);
  g_rc_box_release (domain);
}

static void
close_in_callback (ipmi_domain_t *ipmi_domain, void *cb_data)
{
  ipmi_domain_close (ipmi_domain, on_domain_closed, cb_data);
}

gboolean
bmc_domain_close (Bmc *bmc)
{
  return bmc->domain != NULL && ipmi_domain_pointer_cb (bmc->domain->id, close_in_callback, bmc->domain) == 0;
}

void
bmc_domain_forget (Bmc *bmc)
{
  if (bmc->domain == NULL)
    return;
  if (bmc->con != NULL)
    guarded_con_forget (bmc->con);
  bmc->domain->bmc = NULL;
  if (bmc->con != NULL)
    guarded_con_set_answering (bmc->con, NULL, NULL);
  g_clear_pointer (&bmc->domain, g_rc_box_release);
}

/* ------------------------------------------------------------------ sending */

static void
request_free (Request *request)
{
  g_rc_box_release (request->domain);
  g_free (request);
}

static int
on_reply (ipmi_domain_t *ipmi_domain, ipmi_msgi_t *item)
{
  Request *request = item->data1;
  Bmc *bmc = request->domain->bmc;

  /* Without a domain it is being closed, and whoever waits has been told. */
  if (ipmi_domain != NULL && bmc != NULL && bmc->phase == BMC_UP)
    {
      request->on_reply (bmc, request->ticket, item->msg.data, item->msg.data_len);
      bmc_sensors_wake (bmc->sensors);
    }
  request_free (request);
  return IPMI_MSG_ITEM_NOT_USED;
}

static unsigned int
make_address (const BmcTarget *target, ipmi_addr_t *address)
{
  ipmi_system_interface_addr_t *itself = (ipmi_system_interface_addr_t *) address;
  ipmi_ipmb_addr_t *behind = (ipmi_ipmb_addr_t *) address;
  unsigned char lun = target == NULL ? 0 : target->lun;

  if (target != NULL && target->satellite)
    {
      *behind = (ipmi_ipmb_addr_t){
        .addr_type = IPMI_IPMB_ADDR_TYPE, .channel = target->channel, .slave_addr = target->address, .lun = lun
      };
      return sizeof *behind;
    }
  *itself = (ipmi_system_interface_addr_t){ .addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE,
                                            .channel = IPMI_BMC_CHANNEL,
                                            .lun = lun };
  return sizeof *itself;
}

static void
send_in_callback (ipmi_domain_t *ipmi_domain, void *cb_data)
{
  Departure *departure = cb_data;
  ipmi_addr_t address;
  unsigned int size = make_address (departure->target, &address);

  int (*send) (ipmi_domain_t *, const ipmi_addr_t *, unsigned int, const ipmi_msg_t *, ipmi_addr_response_handler_t,
               void *, void *)
      = departure->once ? ipmi_send_command_addr_sideeff : ipmi_send_command_addr;

  departure->sent = send (ipmi_domain, &address, size, &departure->message, on_reply, departure->request, NULL) == 0;
}

static gboolean
depart (Bmc *bmc, Departure *departure, BmcReplyFunc reply_func, guint ticket)
{
  gboolean sent;

  if (bmc->phase != BMC_UP)
    return FALSE;
  departure->request = g_new (Request, 1);
  *departure->request = (Request){ g_rc_box_acquire (bmc->domain), reply_func, ticket };
  sent = ipmi_domain_pointer_cb (bmc->domain->id, send_in_callback, departure) == 0 && departure->sent;
  if (!sent)
    request_free (departure->request);
  bmc_session_sent (bmc, sent);
  return sent;
}

static ipmi_msg_t
make_message (guint8 netfn, guint8 command, const guint8 *data, gsize length)
{
  return (ipmi_msg_t){
    .netfn = netfn, .cmd = command, .data_len = (unsigned short) length, .data = (unsigned char *) (guintptr) data
  };
}

gboolean
bmc_domain_send (Bmc *bmc, const BmcTarget *target, guint8 netfn, guint8 command, const guint8 *data, gsize length,
                 BmcReplyFunc reply_func, guint ticket)
{
  Departure departure = { .target = target, .message = make_message (netfn, command, data, length) };

  return depart (bmc, &departure, reply_func, ticket);
}

gboolean
bmc_domain_send_once (Bmc *bmc, guint8 netfn, guint8 command, const guint8 *data, gsize length, BmcReplyFunc reply_func,
                      guint ticket)
{
  Departure departure = { .once = TRUE, .message = make_message (netfn, command, data, length) };

  return depart (bmc, &departure, reply_func, ticket);
}
