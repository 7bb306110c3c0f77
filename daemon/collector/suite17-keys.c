/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* suite17-keys.c - see suite17-keys.h. */
#include "suite17-keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

/* The constants that K1 and K2 are made from are as long as a SHA-1 hash,
 * whatever the hash is. */
#define CONSTANT_SIZE 20u

/* Everything that is signed is a row of fields. */
typedef struct
{
  guint8 bytes[96];
  gsize length;
} Text;

static void
add (Text *text, gconstpointer bytes, gsize length)
{
  g_assert (text->length + length <= sizeof text->bytes);
  if (length > 0)
    memcpy (text->bytes + text->length, bytes, length);
  text->length += length;
}

static void
add_number (Text *text, guint32 number)
{
  guint32 little = GUINT32_TO_LE (number);

  add (text, &little, sizeof little);
}

static void
add_user (Text *text, const Suite17Exchange *exchange, guint8 role)
{
  add (text, &role, 1);
  add (text, &exchange->user_length, 1);
  add (text, exchange->user, MIN (exchange->user_length, SUITE17_USER_MAX));
}

static void
sign (const guint8 *key, gsize key_length, const guint8 *bytes, gsize length, guint8 *hash)
{
  unsigned int hash_length = 0;

  /* Fails for lack of memory only, and then there is no way to go on. */
  if (HMAC (EVP_sha256 (), key, (int) key_length, bytes, length, hash, &hash_length) == NULL
      || hash_length != SUITE17_HASH_SIZE)
    g_error ("libcrypto makes no HMAC-SHA256");
}

void
suite17_rakp2_code (const Suite17Exchange *exchange, const guint8 *password, guint8 *code)
{
  Text text = { .length = 0 };

  add_number (&text, exchange->console_session);
  add_number (&text, exchange->bmc_session);
  add (&text, exchange->console_random, SUITE17_RANDOM_SIZE);
  add (&text, exchange->bmc_random, SUITE17_RANDOM_SIZE);
  add (&text, exchange->bmc_guid, SUITE17_GUID_SIZE);
  add_user (&text, exchange, exchange->role);
  sign (password, SUITE17_KEY_SIZE, text.bytes, text.length, code);
}

void
suite17_rakp3_code (const Suite17Exchange *exchange, guint8 role, const guint8 *password, guint8 *code)
{
  Text text = { .length = 0 };

  add (&text, exchange->bmc_random, SUITE17_RANDOM_SIZE);
  add_number (&text, exchange->console_session);
  add_user (&text, exchange, role);
  sign (password, SUITE17_KEY_SIZE, text.bytes, text.length, code);
}

void
suite17_rakp4_code (const Suite17Exchange *exchange, const guint8 *sik, guint8 *code)
{
  guint8 hash[SUITE17_HASH_SIZE];
  Text text = { .length = 0 };

  add (&text, exchange->console_random, SUITE17_RANDOM_SIZE);
  add_number (&text, exchange->bmc_session);
  add (&text, exchange->bmc_guid, SUITE17_GUID_SIZE);
  sign (sik, SUITE17_HASH_SIZE, text.bytes, text.length, hash);
  memcpy (code, hash, SUITE17_CODE_SIZE);
}

void
suite17_sik (const Suite17Exchange *exchange, const guint8 *bmc_key, guint8 *sik)
{
  Text text = { .length = 0 };

  add (&text, exchange->console_random, SUITE17_RANDOM_SIZE);
  add (&text, exchange->bmc_random, SUITE17_RANDOM_SIZE);
  add_user (&text, exchange, exchange->role);
  sign (bmc_key, SUITE17_KEY_SIZE, text.bytes, text.length, sik);
}

void
suite17_additional_key (const guint8 *sik, guint8 n, guint8 *key)
{
  guint8 constant[CONSTANT_SIZE];

  memset (constant, n, sizeof constant);
  sign (sik, SUITE17_HASH_SIZE, constant, sizeof constant, key);
}

gboolean
suite17_codes_equal (const guint8 *a, const guint8 *b, gsize length)
{
  return CRYPTO_memcmp (a, b, length) == 0;
}

void
suite17_prepare_crypto (void)
{
  const EVP_MD *digests[] = { EVP_md5 (), EVP_sha1 (), EVP_sha256 () };
  guint8 zeros[32] = { 0 }, out[64];
  EVP_CIPHER_CTX *cipher;
  int length = 0;

  OPENSSL_init_crypto (OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (digests); i++)
    HMAC (digests[i], zeros, 16, zeros, sizeof zeros, out, NULL);
  cipher = EVP_CIPHER_CTX_new ();
  if (cipher != NULL && EVP_EncryptInit_ex (cipher, EVP_aes_128_cbc (), NULL, zeros, zeros) == 1)
    EVP_EncryptUpdate (cipher, out, &length, zeros, 16);
  EVP_CIPHER_CTX_free (cipher);
}
