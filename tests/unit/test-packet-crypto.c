/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-packet-crypto.c - the algorithms of packets against known answers: RFC 2202
 * (HMAC-SHA1), RFC 4231 (HMAC-SHA256), NIST SP 800-38A, F.2.1 (AES-CBC-128).
 */
#include "collector/packet-crypto.h"

#include <string.h>

static void
check (const guint8 *bytes, gsize length, const char *expected)
{
  g_autoptr (GString) hex = g_string_new (NULL);

  for (gsize i = 0; i < length; i++)
    g_string_append_printf (hex, "%02x", bytes[i]);
  g_assert_cmpstr (hex->str, ==, expected);
}

static void
sign (PacketCrypto *crypto, PacketHmac hmac, const char *key, const char *text, const char *expected)
{
  guint8 hash[PACKET_HASH_MAX];

  packet_crypto_sign (crypto, hmac, (const guint8 *) key, strlen (key), (const guint8 *) text, strlen (text), hash);
  check (hash, strlen (expected) / 2, expected);
}

/* Each for itself, whatever key was used before. */
static void
test_sign (void)
{
  g_autoptr (PacketCrypto) crypto = packet_crypto_new ();

  for (guint i = 0; i < 3; i++)
    {
      sign (crypto, PACKET_HMAC_SHA1, "Jefe", "what do ya want for nothing?",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
      sign (crypto, PACKET_HMAC_SHA1,
            "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
            "b617318655057264e28bc0b6fb378c8ef146be00");
      sign (crypto, PACKET_HMAC_SHA256, "Jefe", "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
      sign (crypto, PACKET_HMAC_SHA256,
            "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    }
}

static const guint8 key[PACKET_BLOCK_SIZE]
    = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c };
static const guint8 plain[4 * PACKET_BLOCK_SIZE]
    = { 0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
        0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51,
        0x30, 0xc8, 0x1c, 0x46, 0xa3, 0x5c, 0xe4, 0x11, 0xe5, 0xfb, 0xc1, 0x19, 0x1a, 0x0a, 0x52, 0xef,
        0xf6, 0x9f, 0x24, 0x45, 0xdf, 0x4f, 0x9b, 0x17, 0xad, 0x2b, 0x41, 0x7b, 0xe6, 0x6c, 0x37, 0x10 };
#define CIPHERED                                                                                                       \
  "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"                                                   \
  "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"

static void
test_cipher (void)
{
  g_autoptr (PacketCrypto) crypto = packet_crypto_new ();
  guint8 iv[PACKET_BLOCK_SIZE], data[sizeof plain];

  for (guint8 i = 0; i < sizeof iv; i++)
    iv[i] = i;
  for (guint i = 0; i < 3; i++)
    {
      memcpy (data, plain, sizeof plain);
      packet_crypto_encrypt (crypto, key, iv, data, sizeof data);
      check (data, sizeof data, CIPHERED);
      packet_crypto_decrypt (crypto, key, iv, data, sizeof data);
      g_assert_cmpmem (data, sizeof data, plain, sizeof plain);
    }
}

/* Every length, with keys that change: nothing stays from the packet before. */
static void
test_lengths (void)
{
  g_autoptr (PacketCrypto) crypto = packet_crypto_new ();
  guint8 keys[2][PACKET_BLOCK_SIZE], iv[PACKET_BLOCK_SIZE] = { 7 }, before[256], data[256];

  memset (keys[0], 1, sizeof keys[0]);
  memset (keys[1], 2, sizeof keys[1]);
  for (gsize length = PACKET_BLOCK_SIZE; length <= sizeof data; length += PACKET_BLOCK_SIZE)
    for (guint i = 0; i < 2; i++)
      {
        for (gsize j = 0; j < length; j++)
          {
            before[j] = (guint8) (j * 31 + length);
            data[j] = before[j];
          }
        packet_crypto_encrypt (crypto, keys[i], iv, data, length);
        g_assert_cmpint (memcmp (data, before, length), !=, 0);
        packet_crypto_encrypt (crypto, keys[1 - i], iv, data, length);
        packet_crypto_decrypt (crypto, keys[1 - i], iv, data, length);
        packet_crypto_decrypt (crypto, keys[i], iv, data, length);
        g_assert_cmpint (memcmp (data, before, length), ==, 0);
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/packet-crypto/sign", test_sign);
  g_test_add_func ("/packet-crypto/cipher", test_cipher);
  g_test_add_func ("/packet-crypto/lengths", test_lengths);
  return g_test_run ();
}
