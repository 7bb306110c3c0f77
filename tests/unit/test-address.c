/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-address.c - where a BMC is, as people write it. */
#include "core/address.h"

#include "event/error.h"

static void
test_good (void)
{
  static const struct
  {
    const char *text, *host, *port;
  } cases[] = {
    { "bmc1", "bmc1", NULL },
    { "bmc1.example.org:1623", "bmc1.example.org", "1623" },
    { "bmc_1-a:asf-rmcp", "bmc_1-a", "asf-rmcp" },
    { "10.1.2.3", "10.1.2.3", NULL },
    { "10.1.2.3:623", "10.1.2.3", "623" },
    { "fe80::1", "fe80::1", NULL },
    { "fe80::1%eth0", "fe80::1%eth0", NULL },
    { "::1", "::1", NULL },
    { "[fe80::1]", "fe80::1", NULL },
    { "[fe80::1]:65535", "fe80::1", "65535" },
    { "2001:db8::623", "2001:db8::623", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *host = NULL, *port = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (address_parse (cases[i].text, &host, &port, &error));
      g_assert_no_error (error);
      g_assert_cmpstr (host, ==, cases[i].host);
      g_assert_cmpstr (port, ==, cases[i].port);
    }
}

static void
test_bad (void)
{
  static const char *const texts[]
      = { "",       " ",          "10.1.2",       "10.1.2.300", "1234",     "a b",          "a/b",        "-a",
          ".a",     "[fe80::1",   "[10.1.2.3]",   "[bmc1]",     "[]",       "fe80::1]",     "[fe80::1]x", "bmc1:",
          "bmc1:0", "bmc1:65536", "bmc1:no-port", "[::1]:",     "fe80::1%", "fe80::1%\x01", "fe80::1%a]", "1::2::3",
          "gg::1",  ":623" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *host = NULL, *port = NULL;
      g_autoptr (GError) error = NULL;

      if (address_parse (texts[i], &host, &port, &error))
        g_error ("'%s' was taken", texts[i]);
      g_assert_error (error, IPMID_ERROR, IPMID_ERROR_USAGE);
      g_assert_null (host);
      g_assert_null (port);
    }
}

static void
test_canonical (void)
{
  static const char *const pairs[][2] = {
    { "BMC1", "bmc1" }, { "FE80:0:0::1", "fe80::1" }, { "fe80::1%eth0", "fe80::1%eth0" }, { "10.1.2.3", "10.1.2.3" }
  };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autofree char *canonical = address_canonical (pairs[i][0]);

      g_assert_cmpstr (canonical, ==, pairs[i][1]);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/address/good", test_good);
  g_test_add_func ("/address/bad", test_bad);
  g_test_add_func ("/address/canonical", test_canonical);
  return g_test_run ();
}
