/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* suite17.c - see suite17.h.
 *
 * The library's own buffers for SIK and K1 have room for SHA-1 only.  So SIK
 * stays in the exchange and is wiped when that is over, and K1 goes on to the
 * integrity data of the connection, which the library frees with it. */
#include "suite17.h"

#include "cipher.h"
#include "suite17-keys.h"

#include <OpenIPMI/ipmi_auth.h>
#include <OpenIPMI/ipmi_conn.h>
#include <OpenIPMI/ipmi_err.h>
#include <OpenIPMI/ipmi_lan.h>
#include <OpenIPMI/ipmiif.h>
#include <errno.h>
#include <string.h>

/* Tables 13-11 to 13-14: where the fields are. */
#define RAKP1_USER 28u
#define RAKP2_RANDOM 8u
#define RAKP2_GUID 24u
#define RAKP2_CODE 40u
#define RAKP2_SIZE (RAKP2_CODE + SUITE17_HASH_SIZE)
#define RAKP3_CODE 8u
#define RAKP3_SIZE (RAKP3_CODE + SUITE17_HASH_SIZE)
#define RAKP4_CODE 8u
#define RAKP4_SIZE (RAKP4_CODE + SUITE17_CODE_SIZE)

/* OpenIPMI's buffer for K2 (13.32), of which AES takes 16 bytes. */
#define K2_SIZE 20u

/* One session being opened. */
typedef struct
{
  ipmi_rmcpp_auth_t *auth;
  ipmi_rmcpp_set_info_cb set;
  ipmi_rmcpp_finish_auth_cb done;
  void *cb_data;
  unsigned int hacks;
  guint8 tag;
  Suite17Exchange said;
  guint8 sik[SUITE17_HASH_SIZE];
} Exchange;

/* The exchange that is calling `set`, for the integrity algorithm to find: an
 * attribute of the connection. */
typedef struct
{
  Exchange *current;
} Handover;

static char attribute_name[] = "ipmid suite 17";

static int on_rakp4 (ipmi_con_t *con, ipmi_msgi_t *item);

/* ----------------------------------------------------------------- exchange */

static void
exchange_free (Exchange *exchange)
{
  explicit_bzero (exchange, sizeof *exchange);
  g_free (exchange);
}

/* `con` is NULL if the connection is gone. */
static void
finish (Exchange *exchange, ipmi_con_t *con, int address, int error)
{
  exchange->done (con, error, address, exchange->cb_data);
  exchange_free (exchange);
}

static void
put_number (guint8 *bytes, guint32 number)
{
  number = GUINT32_TO_LE (number);
  memcpy (bytes, &number, sizeof number);
}

static guint32
get_number (const guint8 *bytes)
{
  guint32 number;

  memcpy (&number, bytes, sizeof number);
  return GUINT32_FROM_LE (number);
}

/* What is common to RAKP 2 and RAKP 4: 0, or an error of OpenIPMI's kind. */
static int
check_answer (const Exchange *exchange, ipmi_con_t *con, const ipmi_msg_t *answer, guint size)
{
  if (con == NULL)
    return ECANCELED;
  /* The library itself, as after a timeout. */
  if (answer->data_len == 1)
    return IPMI_IPMI_ERR_VAL (answer->data[0]);
  if (answer->data_len < 2)
    return EBADMSG;
  if (answer->data[1] != 0)
    return IPMI_RMCPP_ERR_VAL (answer->data[1]);
  if (answer->data_len != size || get_number (answer->data + 4) != exchange->said.console_session)
    return EBADMSG;
  return 0;
}

static int
send_rakp (ipmi_con_t *con, int address, guint payload, guint8 *data, guint length, ipmi_ll_rsp_handler_t handler,
           ipmi_msgi_t *item)
{
  ipmi_rmcpp_addr_t to = { .addr_type = (int) (IPMI_RMCPP_ADDR_START + payload) };
  ipmi_msg_t message = { .netfn = IPMI_RMCPP_DUMMY_NETFN, .cmd = 0, .data = data, .data_len = (unsigned short) length };

  return ipmi_lan_send_command_forceip (con, address, (ipmi_addr_t *) &to, sizeof to, &message, handler, item);
}

static int
on_rakp4 (ipmi_con_t *con, ipmi_msgi_t *item)
{
  Exchange *exchange = item->data1;
  guint8 code[SUITE17_CODE_SIZE];
  int error = check_answer (exchange, con, &item->msg, RAKP4_SIZE);

  if (error == 0)
    {
      suite17_rakp4_code (&exchange->said, exchange->sik, code);
      if (!suite17_codes_equal (code, item->msg.data + RAKP4_CODE, sizeof code))
        error = EINVAL;
    }
  finish (exchange, con, (int) (gintptr) item->data4, error);
  return IPMI_MSG_ITEM_NOT_USED;
}

/* With a status other than 0 it only says why there is no session; nothing
 * answers that. */
static int
send_rakp3 (const Exchange *exchange, ipmi_con_t *con, int address, guint8 status, ipmi_msgi_t *item)
{
  guint8 data[RAKP3_SIZE] = { exchange->tag, status };
  guint8 role = exchange->said.role;
  unsigned int max;

  put_number (data + 4, exchange->said.bmc_session);
  if (status != 0)
    return send_rakp (con, address, IPMI_RMCPP_PAYLOAD_TYPE_RAKP_3, data, RAKP3_CODE, NULL, item);
  if ((exchange->hacks & IPMI_CONN_HACK_RAKP3_WRONG_ROLEM) != 0)
    role &= 0x0f;
  suite17_rakp3_code (&exchange->said, role, ipmi_rmcpp_auth_get_password (exchange->auth, &max), data + RAKP3_CODE);
  return send_rakp (con, address, IPMI_RMCPP_PAYLOAD_TYPE_RAKP_3, data, sizeof data, on_rakp4, item);
}

/* ------------------------------------------------------------ keys, handover */

static int
on_attribute_init (G_GNUC_UNUSED ipmi_con_t *con, G_GNUC_UNUSED void *cb_data, void **data)
{
  *data = g_new0 (Handover, 1);
  return 0;
}

static void
on_attribute_destroy (G_GNUC_UNUSED void *cb_data, void *data)
{
  g_free (data);
}

static Handover *
handover_of (ipmi_con_t *con)
{
  ipmi_con_attr_t *attribute;
  Handover *handover;

  if (ipmi_con_register_attribute (con, attribute_name, on_attribute_init, on_attribute_destroy, NULL, &attribute) != 0)
    return NULL;
  handover = ipmi_con_attr_get_data (attribute);
  ipmi_con_attr_put (attribute);
  return handover;
}

static void
fill (unsigned char *(*get) (ipmi_rmcpp_auth_t *auth, unsigned int *max),
      void (*set_length) (ipmi_rmcpp_auth_t *auth, unsigned int length), ipmi_rmcpp_auth_t *auth, const guint8 *bytes,
      guint length)
{
  unsigned int max;
  unsigned char *place = get (auth, &max);

  memcpy (place, bytes, MIN (length, max));
  set_length (auth, MIN (length, max));
}

/* K2 goes where AES looks for it; K1 is fetched by suite17_take_key(). */
static int
set_up_session (Exchange *exchange, ipmi_con_t *con, int address)
{
  Handover *handover = handover_of (con);
  guint8 k2[SUITE17_HASH_SIZE];
  unsigned int max;
  int error;

  if (handover == NULL)
    return ENOMEM;
  suite17_sik (&exchange->said, ipmi_rmcpp_auth_get_bmc_key (exchange->auth, &max), exchange->sik);
  suite17_additional_key (exchange->sik, 2, k2);
  fill (ipmi_rmcpp_auth_get_k2, ipmi_rmcpp_auth_set_k2_len, exchange->auth, k2, K2_SIZE);
  explicit_bzero (k2, sizeof k2);

  handover->current = exchange;
  error = exchange->set (con, address, exchange->auth, exchange->cb_data);
  handover->current = NULL;
  return error;
}

static int
take_rakp2 (Exchange *exchange, ipmi_con_t *con, int address, const ipmi_msg_t *answer)
{
  guint8 code[SUITE17_HASH_SIZE];
  unsigned int max;
  int error = check_answer (exchange, con, answer, RAKP2_SIZE);

  if (error != 0)
    return error;
  memcpy (exchange->said.bmc_random, answer->data + RAKP2_RANDOM, SUITE17_RANDOM_SIZE);
  memcpy (exchange->said.bmc_guid, answer->data + RAKP2_GUID, SUITE17_GUID_SIZE);
  suite17_rakp2_code (&exchange->said, ipmi_rmcpp_auth_get_password (exchange->auth, &max), code);
  if (!suite17_codes_equal (code, answer->data + RAKP2_CODE, sizeof code))
    return EINVAL;
  fill (ipmi_rmcpp_auth_get_mgsys_rand, ipmi_rmcpp_auth_set_mgsys_rand_len, exchange->auth, exchange->said.bmc_random,
        SUITE17_RANDOM_SIZE);
  fill (ipmi_rmcpp_auth_get_mgsys_guid, ipmi_rmcpp_auth_set_mgsys_guid_len, exchange->auth, exchange->said.bmc_guid,
        SUITE17_GUID_SIZE);
  return set_up_session (exchange, con, address);
}

static int
on_rakp2 (ipmi_con_t *con, ipmi_msgi_t *item)
{
  Exchange *exchange = item->data1;
  int address = (int) (gintptr) item->data4;
  int error = take_rakp2 (exchange, con, address, &item->msg);
  gboolean used = FALSE;

  if (error == 0)
    {
      error = send_rakp3 (exchange, con, address, 0, item);
      if (error == 0)
        return IPMI_MSG_ITEM_USED;
    }
  else if (error == EINVAL)
    /* So that the BMC gives the session up at once (13.22). */
    used = send_rakp3 (exchange, con, address, IPMI_RMCPP_INVALID_INTEGRITY_CHECK_VALUE, item) == 0;
  finish (exchange, con, address, error);
  return used ? IPMI_MSG_ITEM_USED : IPMI_MSG_ITEM_NOT_USED;
}

static int
send_rakp1 (const Exchange *exchange, ipmi_con_t *con, int address, ipmi_msgi_t *item)
{
  const Suite17Exchange *said = &exchange->said;
  guint8 data[RAKP1_USER + SUITE17_USER_MAX] = { exchange->tag };

  put_number (data + 4, said->bmc_session);
  memcpy (data + 8, said->console_random, SUITE17_RANDOM_SIZE);
  data[24] = said->role;
  data[27] = said->user_length;
  memcpy (data + RAKP1_USER, said->user, said->user_length);
  return send_rakp (con, address, IPMI_RMCPP_PAYLOAD_TYPE_RAKP_1, data, RAKP1_USER + said->user_length, on_rakp2, item);
}

/* Our half of what is said; 0 or an error. */
static int
begin_exchange (Exchange *exchange, ipmi_con_t *con)
{
  Suite17Exchange *said = &exchange->said;
  unsigned int max;
  unsigned int user_length = ipmi_rmcpp_auth_get_username_len (exchange->auth);

  if (user_length > SUITE17_USER_MAX)
    return EINVAL;
  said->console_session = ipmi_rmcpp_auth_get_my_session_id (exchange->auth);
  said->bmc_session = ipmi_rmcpp_auth_get_mgsys_session_id (exchange->auth);
  said->role = ipmi_rmcpp_auth_get_role (exchange->auth);
  said->user_length = (guint8) user_length;
  memcpy (said->user, ipmi_rmcpp_auth_get_username (exchange->auth, &max), user_length);
  if (con->os_hnd->get_random (con->os_hnd, said->console_random, SUITE17_RANDOM_SIZE) != 0)
    return EIO;
  fill (ipmi_rmcpp_auth_get_my_rand, ipmi_rmcpp_auth_set_my_rand_len, exchange->auth, said->console_random,
        SUITE17_RANDOM_SIZE);
  return 0;
}

static int
start_auth (ipmi_con_t *con, int address, unsigned char tag, ipmi_rmcpp_auth_t *auth, ipmi_rmcpp_set_info_cb set,
            ipmi_rmcpp_finish_auth_cb done, void *cb_data)
{
  Exchange *exchange = g_new0 (Exchange, 1);
  ipmi_msgi_t *item = ipmi_alloc_msg_item ();
  int error = ENOMEM;

  exchange->auth = auth;
  exchange->set = set;
  exchange->done = done;
  exchange->cb_data = cb_data;
  exchange->hacks = con->hacks;
  exchange->tag = tag;
  if (item != NULL)
    {
      item->data1 = exchange;
      error = begin_exchange (exchange, con);
      if (error == 0)
        error = send_rakp1 (exchange, con, address, item);
      if (error == 0)
        return 0;
      ipmi_free_msg_item (item);
    }
  exchange_free (exchange);
  return error;
}

/* ------------------------------------------------------------ from outside */

gboolean
suite17_take_key (ipmi_con_t *con, guint8 *key)
{
  const Handover *handover = handover_of (con);

  if (handover == NULL || handover->current == NULL)
    return FALSE;
  if ((handover->current->hacks & IPMI_CONN_HACK_RMCPP_INTEG_SIK) != 0)
    memcpy (key, handover->current->sik, SUITE17_HASH_SIZE);
  else
    suite17_additional_key (handover->current->sik, 1, key);
  return TRUE;
}

gboolean
suite17_register (void)
{
  static ipmi_rmcpp_authentication_t authentication = { .start_auth = start_auth };

  return ipmi_rmcpp_register_authentication (CIPHER_AUTH_HMAC_SHA256, &authentication) == 0;
}
