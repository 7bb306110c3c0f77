/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rmcpp.c - see rmcpp.h. */
#include "rmcpp.h"

#include "cipher.h"
#include "os-handler.h"
#include "packet-crypto.h"
#include "suite17.h"
#include "suite17-keys.h"

#include <OpenIPMI/ipmi_auth.h>
#include <OpenIPMI/ipmi_conn.h>
#include <OpenIPMI/ipmi_lan.h>
#include <OpenIPMI/ipmiif.h>
#include <errno.h>
#include <string.h>

#define SHA1_KEY_SIZE 20u  /* K1 */
#define SHA1_CODE_SIZE 12u /* HMAC-SHA1-96 */

/* Next header (13.6): IPMI; always so. */
#define NEXT_HEADER 0x07
/* The RMCP header, which no code covers. */
#define RMCP_HEADER_SIZE 4u

/* ---------------------------------------------------------------- integrity */

typedef struct
{
  PacketCrypto *crypto; /* the OS handler's */
  PacketHmac hmac;
  guint key_size, code_size;
  guint8 key[SUITE17_HASH_SIZE];
} Integrity;

static Integrity *
integrity_new (ipmi_con_t *con, PacketHmac hmac, guint key_size, guint code_size)
{
  Integrity *integrity = g_new0 (Integrity, 1);

  integrity->crypto = os_handler_crypto (con->os_hnd);
  integrity->hmac = hmac;
  integrity->key_size = key_size;
  integrity->code_size = code_size;
  return integrity;
}

static int
sha1_init (ipmi_con_t *con, ipmi_rmcpp_auth_t *auth, void **data)
{
  gboolean sik = (con->hacks & IPMI_CONN_HACK_RMCPP_INTEG_SIK) != 0;
  unsigned int max;
  const unsigned char *key = sik ? ipmi_rmcpp_auth_get_sik (auth, &max) : ipmi_rmcpp_auth_get_k1 (auth, &max);
  Integrity *integrity;

  if (max < SHA1_KEY_SIZE)
    return EINVAL;
  integrity = integrity_new (con, PACKET_HMAC_SHA1, SHA1_KEY_SIZE, SHA1_CODE_SIZE);
  memcpy (integrity->key, key, SHA1_KEY_SIZE);
  *data = integrity;
  return 0;
}

static int
sha256_init (ipmi_con_t *con, G_GNUC_UNUSED ipmi_rmcpp_auth_t *auth, void **data)
{
  Integrity *integrity = integrity_new (con, PACKET_HMAC_SHA256, SUITE17_HASH_SIZE, SUITE17_CODE_SIZE);

  if (suite17_take_key (con, integrity->key))
    {
      *data = integrity;
      return 0;
    }
  g_free (integrity);
  return EINVAL; /* another authentication with this integrity algorithm is no cipher suite */
}

static void
integrity_free (G_GNUC_UNUSED ipmi_con_t *con, void *data)
{
  explicit_bzero (data, sizeof (Integrity));
  g_free (data);
}

/* So that with the pad length and the next header it is a multiple of four
 * (13.28.4).  The next header is integrity_add()'s. */
static int
integrity_pad (G_GNUC_UNUSED ipmi_con_t *con, G_GNUC_UNUSED void *data, unsigned char *payload,
               unsigned int *payload_len, unsigned int max_payload_len)
{
  guint pad = (4 - (*payload_len + 2) % 4) % 4;

  if (*payload_len > max_payload_len || max_payload_len - *payload_len < pad + 1)
    return E2BIG;
  memset (payload + *payload_len, 0xff, pad);
  payload[*payload_len + pad] = (guint8) pad;
  *payload_len += pad + 1;
  return 0;
}

static void
sign (const Integrity *integrity, const guint8 *packet, guint length, guint8 *hash)
{
  packet_crypto_sign (integrity->crypto, integrity->hmac, integrity->key, integrity->key_size,
                      packet + RMCP_HEADER_SIZE, length - RMCP_HEADER_SIZE, hash);
}

static int
integrity_add (G_GNUC_UNUSED ipmi_con_t *con, void *data, unsigned char *payload, unsigned int *payload_len,
               unsigned int max_payload_len)
{
  const Integrity *integrity = data;
  guint length = *payload_len;
  guint8 hash[PACKET_HASH_MAX];

  if (length < RMCP_HEADER_SIZE || length > max_payload_len || max_payload_len - length < 1 + integrity->code_size)
    return E2BIG;
  payload[length++] = NEXT_HEADER;
  sign (integrity, payload, length, hash);
  memcpy (payload + length, hash, integrity->code_size);
  *payload_len = length + integrity->code_size;
  return 0;
}

/* `payload_len` goes up to and including the pad length. */
static int
integrity_check (G_GNUC_UNUSED ipmi_con_t *con, void *data, unsigned char *payload, unsigned int payload_len,
                 unsigned int total_len)
{
  const Integrity *integrity = data;
  guint8 hash[PACKET_HASH_MAX];

  if (payload_len < RMCP_HEADER_SIZE || payload_len > total_len || total_len - payload_len != 1 + integrity->code_size)
    return EINVAL;
  sign (integrity, payload, payload_len + 1, hash);
  return suite17_codes_equal (hash, payload + payload_len + 1, integrity->code_size) ? 0 : EINVAL;
}

/* ---------------------------------------------------------- confidentiality */

typedef struct
{
  PacketCrypto *crypto;
  guint8 key[PACKET_BLOCK_SIZE]; /* the first half of K2 and a bit (13.29) */
} Aes;

static int
aes_init (ipmi_con_t *con, ipmi_rmcpp_auth_t *auth, void **data)
{
  unsigned int max;
  const unsigned char *key = ipmi_rmcpp_auth_get_k2 (auth, &max);
  Aes *aes;

  if (max < PACKET_BLOCK_SIZE)
    return EINVAL;
  aes = g_new (Aes, 1);
  aes->crypto = os_handler_crypto (con->os_hnd);
  memcpy (aes->key, key, PACKET_BLOCK_SIZE);
  *data = aes;
  return 0;
}

static void
aes_free (G_GNUC_UNUSED ipmi_con_t *con, void *data)
{
  explicit_bzero (data, sizeof (Aes));
  g_free (data);
}

/* The initialization vector in front; behind, a pad of 1, 2, 3 … and its length, up to a
 * full block (13.29). */
static int
aes_encrypt (ipmi_con_t *con, void *data, unsigned char **payload, unsigned int *header_len, unsigned int *payload_len,
             unsigned int *max_payload_len)
{
  const Aes *aes = data;
  guint length = *payload_len;
  guint pad = (PACKET_BLOCK_SIZE - (length + 1) % PACKET_BLOCK_SIZE) % PACKET_BLOCK_SIZE;
  guint8 *text = *payload, *iv = text - PACKET_BLOCK_SIZE;

  if (*header_len < PACKET_BLOCK_SIZE || length > *max_payload_len || *max_payload_len - length < pad + 1)
    return E2BIG;
  if (con->os_hnd->get_random (con->os_hnd, iv, PACKET_BLOCK_SIZE) != 0)
    return EIO;
  for (guint i = 0; i < pad; i++)
    text[length + i] = (guint8) (i + 1);
  text[length + pad] = (guint8) pad;
  length += pad + 1;
  packet_crypto_encrypt (aes->crypto, aes->key, iv, text, length);
  *payload = iv;
  *header_len -= PACKET_BLOCK_SIZE;
  *payload_len = length + PACKET_BLOCK_SIZE;
  *max_payload_len += PACKET_BLOCK_SIZE;
  return 0;
}

static int
aes_decrypt (G_GNUC_UNUSED ipmi_con_t *con, void *data, unsigned char **payload, unsigned int *payload_len)
{
  const Aes *aes = data;
  guint8 *iv = *payload, *text = iv + PACKET_BLOCK_SIZE;
  guint length = *payload_len;
  guint pad;

  if (length < 2 * PACKET_BLOCK_SIZE || length % PACKET_BLOCK_SIZE != 0)
    return EINVAL;
  length -= PACKET_BLOCK_SIZE;
  packet_crypto_decrypt (aes->crypto, aes->key, iv, text, length);
  pad = text[length - 1];
  if (pad >= PACKET_BLOCK_SIZE)
    return EINVAL;
  *payload = text;
  *payload_len = length - pad - 1;
  return 0;
}

/* ------------------------------------------------------------- registration */

/* Nothing takes the place of another but nothing. */
static gboolean
register_integrity (guint number, ipmi_rmcpp_integrity_t *algorithm)
{
  ipmi_rmcpp_register_integrity (number, NULL);
  return ipmi_rmcpp_register_integrity (number, algorithm) == 0;
}

gboolean
rmcpp_register (void)
{
  static ipmi_rmcpp_integrity_t sha1 = { .integ_init = sha1_init,
                                         .integ_free = integrity_free,
                                         .integ_pad = integrity_pad,
                                         .integ_add = integrity_add,
                                         .integ_check = integrity_check };
  static ipmi_rmcpp_integrity_t sha256 = { .integ_init = sha256_init,
                                           .integ_free = integrity_free,
                                           .integ_pad = integrity_pad,
                                           .integ_add = integrity_add,
                                           .integ_check = integrity_check };
  static ipmi_rmcpp_confidentiality_t aes
      = { .conf_init = aes_init, .conf_free = aes_free, .conf_encrypt = aes_encrypt, .conf_decrypt = aes_decrypt };

  ipmi_rmcpp_register_confidentiality (CIPHER_CONFIDENTIALITY_AES_CBC_128, NULL);
  return register_integrity (CIPHER_INTEGRITY_HMAC_SHA1_96, &sha1)
         && register_integrity (CIPHER_INTEGRITY_HMAC_SHA256_128, &sha256)
         && ipmi_rmcpp_register_confidentiality (CIPHER_CONFIDENTIALITY_AES_CBC_128, &aes) == 0;
}
