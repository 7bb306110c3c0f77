/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cipher-query.c - see cipher-query.h. */
#include "cipher-query.h"

#include <OpenIPMI/ipmi_addr.h>
#include <OpenIPMI/ipmi_lan.h>
#include <OpenIPMI/ipmi_msgbits.h>
#include <OpenIPMI/ipmiif.h>

#define GET_CHANNEL_CIPHER_SUITES 0x54
/* The channel that the question comes in on; payload type IPMI; list index with
 * "by cipher suite" (22.15). */
#define THIS_CHANNEL 0x0e
#define PAYLOAD_IPMI 0x00
#define BY_CIPHER_SUITE 0x80

/* Held by its owner and by the request under way: OpenIPMI answers that when
 * the connection closes, which may be later. */
struct _CipherQuery
{
  ipmi_con_t *con;
  CipherQueryFunc done; /* NULL: over */
  gpointer user_data;
  CipherRecords records;
};

static int on_reply (ipmi_con_t *con, ipmi_msgi_t *item);

static int
ask (CipherQuery *query, ipmi_msgi_t *item)
{
  unsigned char data[] = { THIS_CHANNEL, PAYLOAD_IPMI, (unsigned char) (BY_CIPHER_SUITE | query->records.index) };
  ipmi_msg_t message
      = { .netfn = IPMI_APP_NETFN, .cmd = GET_CHANNEL_CIPHER_SUITES, .data = data, .data_len = sizeof data };
  ipmi_system_interface_addr_t address
      = { .addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE, .channel = IPMI_BMC_CHANNEL, .lun = 0 };

  item->data1 = query;
  return ipmi_lan_send_command_forceip (query->con, 0, (ipmi_addr_t *) &address, sizeof address, &message, on_reply,
                                        item);
}

static void
finish (CipherQuery *query, CipherSet offered)
{
  CipherQueryFunc done = query->done;

  query->done = NULL;
  if (done != NULL)
    done (offered, query->user_data);
}

/* `con` is NULL if the connection is gone. */
static int
on_reply (ipmi_con_t *con, ipmi_msgi_t *item)
{
  CipherQuery *query = item->data1;

  if (con != NULL && query->done != NULL && cipher_records_add (&query->records, item->msg.data, item->msg.data_len)
      && ask (query, item) == 0)
    return IPMI_MSG_ITEM_USED;
  finish (query, con == NULL ? 0 : cipher_parse_records (query->records.bytes, query->records.length));
  g_rc_box_release (query);
  return IPMI_MSG_ITEM_NOT_USED;
}

/* There is no session that the BMC would have to be told the end of. */
static void
close_quietly (ipmi_con_t *con)
{
  if (con->disable != NULL)
    con->disable (con);
  con->close_connection (con);
}

CipherQuery *
cipher_query_new (ipmi_con_t *con, CipherQueryFunc done, gpointer user_data)
{
  CipherQuery *query = g_rc_box_new0 (CipherQuery);
  ipmi_msgi_t *item = ipmi_alloc_msg_item ();

  query->con = con;
  if (item != NULL && ask (query, item) == 0)
    {
      query->done = done;
      query->user_data = user_data;
      return g_rc_box_acquire (query);
    }
  if (item != NULL)
    ipmi_free_msg_item (item);
  close_quietly (con);
  g_rc_box_release (query);
  return NULL;
}

void
cipher_query_free (CipherQuery *query)
{
  if (query == NULL)
    return;
  query->done = NULL;
  close_quietly (query->con);
  g_rc_box_release (query);
}
