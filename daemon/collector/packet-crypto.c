/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packet-crypto.c - see packet-crypto.h. */
#include "packet-crypto.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

struct _PacketCrypto
{
  EVP_MAC_CTX *hmacs[2]; /* by PacketHmac */
  EVP_CIPHER_CTX *encryption, *decryption;
};

/* Fails for lack of memory only, or if libcrypto has no such algorithm: then there is
 * no way to go on. */
static void
must (int good, const char *what)
{
  if (good != 1)
    g_error ("libcrypto has no %s", what);
}

static EVP_MAC_CTX *
make_hmac (const char *digest)
{
  const OSSL_PARAM parameters[]
      = { OSSL_PARAM_construct_utf8_string (OSSL_MAC_PARAM_DIGEST, (char *) (guintptr) digest, 0),
          OSSL_PARAM_construct_end () };
  EVP_MAC *algorithm = EVP_MAC_fetch (NULL, OSSL_MAC_NAME_HMAC, NULL);
  EVP_MAC_CTX *hmac = algorithm == NULL ? NULL : EVP_MAC_CTX_new (algorithm);

  EVP_MAC_free (algorithm); /* the context has a reference */
  must (hmac != NULL && EVP_MAC_CTX_set_params (hmac, parameters) == 1, digest);
  return hmac;
}

static EVP_CIPHER_CTX *
make_cipher (gboolean encrypt)
{
  EVP_CIPHER *algorithm = EVP_CIPHER_fetch (NULL, "AES-128-CBC", NULL);
  EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new ();

  must (algorithm != NULL && cipher != NULL
            && EVP_CipherInit_ex2 (cipher, algorithm, NULL, NULL, encrypt ? 1 : 0, NULL) == 1
            && EVP_CIPHER_CTX_set_padding (cipher, 0) == 1,
        "AES-128-CBC");
  EVP_CIPHER_free (algorithm);
  return cipher;
}

PacketCrypto *
packet_crypto_new (void)
{
  PacketCrypto *crypto = g_new0 (PacketCrypto, 1);

  crypto->hmacs[PACKET_HMAC_SHA1] = make_hmac ("SHA1");
  crypto->hmacs[PACKET_HMAC_SHA256] = make_hmac ("SHA256");
  crypto->encryption = make_cipher (TRUE);
  crypto->decryption = make_cipher (FALSE);
  return crypto;
}

void
packet_crypto_free (PacketCrypto *crypto)
{
  if (crypto == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (crypto->hmacs); i++)
    EVP_MAC_CTX_free (crypto->hmacs[i]);
  EVP_CIPHER_CTX_free (crypto->encryption);
  EVP_CIPHER_CTX_free (crypto->decryption);
  g_free (crypto);
}

void
packet_crypto_sign (PacketCrypto *crypto, PacketHmac hmac, const guint8 *key, gsize key_length, const guint8 *data,
                    gsize length, guint8 *hash)
{
  EVP_MAC_CTX *context = crypto->hmacs[hmac];
  gsize hash_length = 0;

  must (EVP_MAC_init (context, key, key_length, NULL) == 1 && EVP_MAC_update (context, data, length) == 1
            && EVP_MAC_final (context, hash, &hash_length, PACKET_HASH_MAX) == 1,
        "HMAC");
}

/* Without the cipher the context keeps the one that it has, and does no padding. */
static void
run_cipher (EVP_CIPHER_CTX *context, const guint8 *key, const guint8 *iv, guint8 *data, gsize length)
{
  int done = 0;

  must (EVP_CipherInit_ex2 (context, NULL, key, iv, -1, NULL) == 1
            && EVP_CipherUpdate (context, data, &done, data, (int) length) == 1 && done == (int) length,
        "AES-128-CBC");
}

void
packet_crypto_encrypt (PacketCrypto *crypto, const guint8 *key, const guint8 *iv, guint8 *data, gsize length)
{
  run_cipher (crypto->encryption, key, iv, data, length);
}

void
packet_crypto_decrypt (PacketCrypto *crypto, const guint8 *key, const guint8 *iv, guint8 *data, gsize length)
{
  run_cipher (crypto->decryption, key, iv, data, length);
}
