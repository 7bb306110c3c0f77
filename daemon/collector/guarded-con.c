/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guarded-con.c - see guarded-con.h. */
#include "guarded-con.h"

#include "guard.h"

#include <OpenIPMI/ipmi_err.h>
#include <OpenIPMI/ipmi_types.h>
#include <errno.h>
#include <string.h>

typedef int (*SendFunc) (ipmi_con_t *con, const ipmi_addr_t *addr, unsigned int addr_len, const ipmi_msg_t *msg,
                         ipmi_ll_rsp_handler_t handler, ipmi_msgi_t *item);
typedef int (*SendOptionFunc) (ipmi_con_t *con, const ipmi_addr_t *addr, unsigned int addr_len, const ipmi_msg_t *msg,
                               const ipmi_con_option_t *options, ipmi_ll_rsp_handler_t handler, ipmi_msgi_t *item);

struct _GuardedCon
{
  guint references; /* the owner's, the connection's, one per outstanding reply */
  SdrWatch *sdrs;
  SdrPopulation population;
  GuardedConSessionFunc on_session; /* NULL: called, or not wanted any more */
  gpointer user_data;
  SendFunc send;
  SendOptionFunc send_option;
  guint64 sent;
  guint64 refused;
  guint outstanding;
  guint optional; /* of these, what some BMCs never answer */
  gpointer *answering_place;
  gpointer answering;
  gint64 last_sign; /* of life, or when the first message went out */
  gint64 last_late; /* answer that came only after the library asked again */
};

static char attribute_name[] = "ipmid";

/* The library sends again after one second. */
#define LATE (900 * G_TIME_SPAN_MILLISECOND)
#define LATE_REMEMBERED (5 * G_TIME_SPAN_MINUTE)
#define REPEATS_MAX 4u

#define BMC_ADDRESS 0x20u

static int on_reply (ipmi_con_t *con, ipmi_msgi_t *own);

/* A request under way. */
typedef struct
{
  GuardedCon *guarded;
  ipmi_ll_rsp_handler_t handler;
  ipmi_msgi_t *item; /* the caller's */
  guint8 netfn;
  guint8 command;
  gboolean whole; /* `request` is all of it */
  guint8 request_length;
  guint8 request[8]; /* no command that is judged by its request is longer */
  gint64 sent_at;
  guint repeats;
  ipmi_addr_t addr;
  unsigned int addr_len;
} Pending;

/* What a BMC that is well may leave unanswered until the library gives up, which
 * takes it longer than the ordinary limit of silence. */
static gboolean
is_optional (const Pending *pending)
{
  return pending->netfn == GUARD_NETFN_GROUP || (pending->netfn == GUARD_NETFN_APP && pending->command == 0x08)
         || (pending->whole && pending->addr.addr_type == IPMI_IPMB_ADDR_TYPE);
}

void
guarded_con_unref (GuardedCon *guarded)
{
  if (guarded == NULL || --guarded->references > 0)
    return;
  sdr_watch_free (guarded->sdrs);
  sdr_population_clear (&guarded->population);
  g_free (guarded);
}

/* The library answers by itself what was never answered. */
static gboolean
is_sign_of_life (const ipmi_msg_t *reply)
{
  return reply->data_len > 1
         || (reply->data_len == 1 && reply->data[0] != IPMI_TIMEOUT_CC && reply->data[0] != IPMI_UNKNOWN_ERR_CC);
}

/* FALSE: it is neither the BMC nor a satellite. */
static gboolean
who_answers (const Pending *pending, SdrController *controller)
{
  const ipmi_system_interface_addr_t *itself = (const ipmi_system_interface_addr_t *) &pending->addr;
  const ipmi_ipmb_addr_t *behind = (const ipmi_ipmb_addr_t *) &pending->addr;

  if (pending->whole && pending->addr.addr_type == IPMI_SYSTEM_INTERFACE_ADDR_TYPE)
    *controller = (SdrController){ .lun = itself->lun };
  else if (!pending->whole || pending->addr.addr_type != IPMI_IPMB_ADDR_TYPE)
    return FALSE;
  /* The library knows the BMC by its place on the IPMB, too (5.4). */
  else if (pending->addr.channel == 0 && behind->slave_addr == BMC_ADDRESS)
    *controller = (SdrController){ .lun = behind->lun };
  else
    *controller = (SdrController){
      .satellite = TRUE, .channel = (guint8) pending->addr.channel, .address = behind->slave_addr, .lun = behind->lun
    };
  return TRUE;
}

static void
judge (Pending *pending, ipmi_msg_t *reply)
{
  GuardedCon *guarded = pending->guarded;
  SdrController controller;

  if (reply->data == NULL)
    return;
  if (!guard_reply_fits (pending->netfn, pending->command, pending->request, pending->request_length, reply->data,
                         reply->data_len))
    {
      guarded->refused++;
      reply->data[0] = GUARD_REFUSED;
      reply->data_len = 1;
    }
  sdr_watch_reply (guarded->sdrs, pending->netfn, pending->command, pending->request, pending->request_length,
                   reply->data, reply->data_len);
  if (who_answers (pending, &controller))
    sdr_population_reply (&guarded->population, &controller, pending->netfn, pending->command, reply->data,
                          reply->data_len);
}

/* The library gives up a message after some tries, and much with it: one
 * record that got lost costs it all sensors.  What only reads is asked for
 * anew; a BMC that is gone is noticed by guarded_con_silence(). */
static gboolean
repeat (ipmi_con_t *con, Pending *pending, ipmi_msgi_t *own)
{
  ipmi_msg_t msg = {
    .netfn = pending->netfn, .cmd = pending->command, .data_len = pending->request_length, .data = pending->request
  };

  if (con == NULL || own->msg.data_len != 1 || own->msg.data[0] != IPMI_TIMEOUT_CC || pending->repeats >= REPEATS_MAX
      || !pending->whole || !guard_is_repeatable (pending->netfn, pending->command))
    return FALSE;
  pending->repeats++;
  return pending->guarded->send (con, &pending->addr, pending->addr_len, &msg, on_reply, own) == 0;
}

static void
note_sign (GuardedCon *guarded, const Pending *pending)
{
  gint64 now = g_get_monotonic_time ();

  guarded->last_sign = now;
  if (now - pending->sent_at > LATE)
    guarded->last_late = now;
}

static void
hand_over (const Pending *pending, ipmi_con_t *con, ipmi_msgi_t *item)
{
  gpointer *place = pending->guarded->answering_place;
  gpointer before = place == NULL ? NULL : *place;

  if (place != NULL)
    *place = pending->guarded->answering;
  if (pending->handler (con, item) == IPMI_MSG_ITEM_NOT_USED)
    ipmi_free_msg_item (item);
  if (place != NULL)
    *place = before;
}

/* `con` is NULL if the connection is gone. */
static int
on_reply (ipmi_con_t *con, ipmi_msgi_t *own)
{
  Pending *pending = own->data1;
  GuardedCon *guarded = pending->guarded;
  ipmi_msgi_t *item = pending->item;

  if (repeat (con, pending, own))
    return IPMI_MSG_ITEM_USED;
  guarded->outstanding--;
  guarded->optional -= is_optional (pending) ? 1 : 0;
  if (con != NULL && is_sign_of_life (&own->msg))
    note_sign (guarded, pending);
  judge (pending, &own->msg);

  item->addr = own->addr;
  item->addr_len = own->addr_len;
  ipmi_move_msg_item (item, own);
  hand_over (pending, con, item);

  guarded_con_unref (guarded);
  g_free (pending);
  return IPMI_MSG_ITEM_NOT_USED;
}

static ipmi_msgi_t *
new_pending (GuardedCon *guarded, const ipmi_addr_t *addr, unsigned int addr_len, const ipmi_msg_t *msg,
             ipmi_ll_rsp_handler_t handler, ipmi_msgi_t *item)
{
  ipmi_msgi_t *own = ipmi_alloc_msg_item ();
  Pending *pending;

  if (own == NULL)
    return NULL;
  pending = g_new0 (Pending, 1);
  pending->guarded = guarded;
  pending->handler = handler;
  pending->item = item;
  pending->netfn = msg->netfn;
  pending->command = msg->cmd;
  pending->sent_at = g_get_monotonic_time ();
  pending->whole = msg->data_len <= sizeof pending->request && addr_len <= sizeof pending->addr;
  if (pending->whole)
    {
      memcpy (&pending->addr, addr, addr_len);
      pending->addr_len = addr_len;
      pending->request_length = (guint8) msg->data_len;
      if (msg->data_len > 0)
        memcpy (pending->request, msg->data, msg->data_len);
    }
  own->data1 = pending;
  return own;
}

static void
count_sent (GuardedCon *guarded)
{
  if (guarded->outstanding++ == 0)
    guarded->last_sign = g_get_monotonic_time ();
  guarded->sent++;
  guarded->references++;
  if (guarded->on_session != NULL)
    {
      GuardedConSessionFunc on_session = guarded->on_session;

      guarded->on_session = NULL;
      on_session (guarded->user_data);
    }
}

static void
discard (ipmi_msgi_t *own)
{
  g_free (own->data1);
  ipmi_free_msg_item (own);
}

/* The connection's user_data is not free: the domain takes it. */
static GuardedCon *
of_connection (ipmi_con_t *con)
{
  ipmi_con_attr_t *attribute;
  GuardedCon *guarded;

  if (ipmi_con_find_attribute (con, attribute_name, &attribute) != 0)
    return NULL;
  guarded = ipmi_con_attr_get_data (attribute);
  ipmi_con_attr_put (attribute);
  return guarded;
}

static int
pass_on (const GuardedCon *guarded, ipmi_con_t *con, const ipmi_addr_t *addr, unsigned int addr_len,
         const ipmi_msg_t *msg, const ipmi_con_option_t *options, ipmi_ll_rsp_handler_t handler, ipmi_msgi_t *item)
{
  if (options != NULL)
    return guarded->send_option (con, addr, addr_len, msg, options, handler, item);
  return guarded->send (con, addr, addr_len, msg, handler, item);
}

static int
send_command_option (ipmi_con_t *con, const ipmi_addr_t *addr, unsigned int addr_len, const ipmi_msg_t *msg,
                     const ipmi_con_option_t *options, ipmi_ll_rsp_handler_t handler, ipmi_msgi_t *item)
{
  GuardedCon *guarded = of_connection (con);
  ipmi_msgi_t *own;
  int result;

  if (guarded == NULL)
    return EINVAL;
  /* The library's audit of the connection does not look at the answer. */
  if (handler == NULL || item == NULL)
    return pass_on (guarded, con, addr, addr_len, msg, options, handler, item);
  own = new_pending (guarded, addr, addr_len, msg, handler, item);
  if (own == NULL)
    return ENOMEM;
  /* Counted before: the answer may come before this returns. */
  guarded->optional += is_optional (own->data1) ? 1 : 0;
  count_sent (guarded);
  result = pass_on (guarded, con, addr, addr_len, msg, options, on_reply, own);
  if (result == 0)
    return 0;
  guarded->outstanding--;
  guarded->optional -= is_optional (own->data1) ? 1 : 0;
  discard (own);
  guarded_con_unref (guarded);
  return result;
}

static int
send_command (ipmi_con_t *con, const ipmi_addr_t *addr, unsigned int addr_len, const ipmi_msg_t *msg,
              ipmi_ll_rsp_handler_t handler, ipmi_msgi_t *item)
{
  return send_command_option (con, addr, addr_len, msg, NULL, handler, item);
}

gboolean
guarded_con_is_wrapped (const ipmi_con_t *con)
{
  return con->send_command == send_command;
}

static int
on_attribute_init (G_GNUC_UNUSED ipmi_con_t *con, void *cb_data, void **data)
{
  GuardedCon *guarded = cb_data;

  guarded->references++;
  *data = guarded;
  return 0;
}

static void
on_attribute_destroy (G_GNUC_UNUSED void *cb_data, void *data)
{
  guarded_con_unref (data);
}

GuardedCon *
guarded_con_wrap (ipmi_con_t *con, GuardedConSessionFunc on_session, gpointer user_data)
{
  GuardedCon *guarded = g_new0 (GuardedCon, 1);
  ipmi_con_attr_t *attribute;

  guarded->references = 1;
  if (ipmi_con_register_attribute (con, attribute_name, on_attribute_init, on_attribute_destroy, guarded, &attribute)
      != 0)
    {
      g_free (guarded);
      return NULL;
    }
  ipmi_con_attr_put (attribute);
  guarded->sdrs = sdr_watch_new ();
  guarded->on_session = on_session;
  guarded->user_data = user_data;
  guarded->send = con->send_command;
  guarded->send_option = con->send_command_option;
  con->send_command = send_command;
  if (con->send_command_option != NULL)
    con->send_command_option = send_command_option;
  return guarded;
}

void
guarded_con_forget (GuardedCon *guarded)
{
  guarded->on_session = NULL;
}

SdrWatch *
guarded_con_sdrs (const GuardedCon *guarded)
{
  return guarded->sdrs;
}

SdrPopulation *
guarded_con_population (GuardedCon *guarded)
{
  return &guarded->population;
}

void
guarded_con_set_answering (GuardedCon *guarded, gpointer *place, gpointer value)
{
  guarded->answering_place = place;
  guarded->answering = value;
}

guint
guarded_con_outstanding (const GuardedCon *guarded)
{
  return guarded->outstanding;
}

guint64
guarded_con_sent (const GuardedCon *guarded)
{
  return guarded->sent;
}

guint64
guarded_con_refused (const GuardedCon *guarded)
{
  return guarded->refused;
}

gboolean
guarded_con_is_lossy (const GuardedCon *guarded)
{
  return guarded->optional > 0
         || (guarded->last_late != 0 && g_get_monotonic_time () - guarded->last_late < LATE_REMEMBERED);
}

gint64
guarded_con_silence (const GuardedCon *guarded)
{
  return guarded->outstanding == 0 ? 0 : g_get_monotonic_time () - guarded->last_sign;
}
