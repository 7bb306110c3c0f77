/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-shares.c - every small fleet: who gets the next BMC. */
#include <core/shares.h>

#define N 4u
#define SIZES 4u /* sizes 0 … 3, each open or closed */

static void
check_pick (const Share *shares, guint n, guint limit)
{
  guint pick = shares_pick (shares, n, limit);

  g_assert_cmpuint (pick, <=, n);
  if (pick < n)
    g_assert_true (!shares[pick].closed && (limit == 0 || shares[pick].bmcs < limit));
  for (guint i = 0; i < n; i++)
    if (!shares[i].closed && (limit == 0 || shares[i].bmcs < limit))
      g_assert_true (pick < n && shares[pick].bmcs <= shares[i].bmcs);
}

static void
test_every_fleet (void)
{
  guint courses = 1;

  for (guint i = 0; i < N; i++)
    courses *= 2 * SIZES;
  for (guint course = 0; course < courses; course++)
    {
      Share shares[N];
      guint rest = course;
      for (guint i = 0; i < N; i++, rest /= 2 * SIZES)
        shares[i] = (Share){ rest % SIZES, rest / SIZES % 2 == 1 };
      for (guint n = 0; n <= N; n++)
        for (guint limit = 0; limit <= SIZES; limit++)
          check_pick (shares, n, limit);
    }
}

/* Halving again and again isolates any single BMC, and ends. */
static void
test_halves (void)
{
  for (guint bmcs = 0; bmcs < 1000; bmcs++)
    {
      guint rounds = 0;
      for (guint rest = bmcs; shares_half (rest) > 0; rounds++)
        {
          g_assert_cmpuint (shares_half (rest), <, rest);
          rest -= shares_half (rest);
        }
      g_assert_cmpuint (rounds, <=, 10);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/shares/every-fleet", test_every_fleet);
  g_test_add_func ("/shares/halves", test_halves);
  return g_test_run ();
}
