/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-suite17.c - RAKP-HMAC-SHA256 against known answers.
 *
 * The answers were computed with Python's hmac module from the formulas of
 * IPMI 2.0, sections 13.28 to 13.33; that a BMC agrees is shown by test_link.py
 * and by ipmitool -C 17.
 */
#include "collector/suite17-keys.h"

#include <string.h>

static const guint8 password[SUITE17_KEY_SIZE] = "correct horse";
static const guint8 bmc_key[SUITE17_KEY_SIZE] = "another key";

static Suite17Exchange
make_exchange (void)
{
  Suite17Exchange exchange
      = { .console_session = 0x01, .bmc_session = 0x1a2b3c4d, .role = 0x14, .user_length = 7, .user = "monitor" };

  for (guint8 i = 0; i < SUITE17_RANDOM_SIZE; i++)
    {
      exchange.console_random[i] = (guint8) (0x10 + i);
      exchange.bmc_random[i] = (guint8) (0xa0 + i);
      exchange.bmc_guid[i] = (guint8) (0x40 + i);
    }
  return exchange;
}

static void
check (const guint8 *bytes, gsize length, const char *expected)
{
  GString *hex = g_string_new (NULL);

  for (gsize i = 0; i < length; i++)
    g_string_append_printf (hex, "%02x", bytes[i]);
  g_assert_cmpstr (hex->str, ==, expected);
  g_string_free (hex, TRUE);
}

static void
test_codes (void)
{
  Suite17Exchange exchange = make_exchange ();
  guint8 code[SUITE17_HASH_SIZE], sik[SUITE17_HASH_SIZE];

  suite17_rakp2_code (&exchange, password, code);
  check (code, sizeof code, "a25527fcde8706fa3c4e198bb65db5bcd66568d682fa1039b238a19c62722495");
  suite17_rakp3_code (&exchange, 0x14, password, code);
  check (code, sizeof code, "21dc1b29dcd48c9f89bab367e779c3cce61a811fa272250fe3475df575fa0e93");
  suite17_rakp3_code (&exchange, 0x04, password, code);
  check (code, sizeof code, "5dda6b64ca6c737bd4a7a1d8afff5a532ce0d4e3fd92c704bb6846fda776c850");
  suite17_sik (&exchange, bmc_key, sik);
  suite17_rakp4_code (&exchange, sik, code);
  check (code, SUITE17_CODE_SIZE, "34fcfebb4105191a1514d0db41da3869");
}

/* The user without a name has no bytes at all in what is signed. */
static void
test_anonymous (void)
{
  static const guint8 nothing[SUITE17_KEY_SIZE];
  Suite17Exchange exchange = make_exchange ();
  guint8 code[SUITE17_HASH_SIZE];

  exchange.role = 0x02;
  exchange.user_length = 0;
  suite17_rakp2_code (&exchange, nothing, code);
  check (code, sizeof code, "1110bdfc5d303a07d961e39f9259a1c8fa4aac828959a6cdfc52a11a10694b71");
}

static void
test_keys (void)
{
  Suite17Exchange exchange = make_exchange ();
  guint8 sik[SUITE17_HASH_SIZE], key[SUITE17_HASH_SIZE];

  suite17_sik (&exchange, password, sik);
  check (sik, sizeof sik, "7b7d3ab3722458511decd95b8a3eaf98b51f8596ea603e9a166fc1f194654742");
  suite17_sik (&exchange, bmc_key, sik);
  check (sik, sizeof sik, "e071c4157712d3644f8a2c7d80afa8cd0d8268e9e4afa262be7dcac083b51e19");
  suite17_additional_key (sik, 1, key);
  check (key, sizeof key, "573584faf9f7e2857d2d4da4f3a438477ccb0e5dd9dd9ce13d1f92c23c6f590a");
  suite17_additional_key (sik, 2, key);
  check (key, sizeof key, "d7f65499d68d3f62b88db3094ff95b7c1542eee169f72afde2fa085c531ec6e3");
}

/* Each single bit counts, and only as many bytes as are asked for. */
static void
test_equal (void)
{
  guint8 a[SUITE17_HASH_SIZE] = { 0 }, b[SUITE17_HASH_SIZE] = { 0 };

  g_assert_true (suite17_codes_equal (a, b, sizeof a));
  for (guint bit = 0; bit < sizeof a * 8; bit++)
    {
      b[bit / 8] ^= (guint8) (1u << bit % 8);
      g_assert_false (suite17_codes_equal (a, b, sizeof a));
      g_assert_cmpint (suite17_codes_equal (a, b, SUITE17_CODE_SIZE), ==, bit / 8 >= SUITE17_CODE_SIZE);
      b[bit / 8] = 0;
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  suite17_prepare_crypto ();
  g_test_add_func ("/suite17/codes", test_codes);
  g_test_add_func ("/suite17/anonymous", test_anonymous);
  g_test_add_func ("/suite17/keys", test_keys);
  g_test_add_func ("/suite17/equal", test_equal);
  return g_test_run ();
}
