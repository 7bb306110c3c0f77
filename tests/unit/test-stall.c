/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-stall.c - every course of some looks, and what may be judged in them.
 */
#include <core/stall.h>

/* Every course of so many looks, each in one of the steps below: 6^7. */
#define LOOKS 7u

/* What happens between two looks: which BMC, how many services begin, and how
 * much processor time passes (of STALL_SPIN). */
typedef struct
{
  guint32 bmc;
  guint64 services;
  gint64 spent;
} Step;

static const Step steps[] = {
  { 0, 1, 0 },              /* idle */
  { 0, 0, STALL_SPIN * 2 }, /* busy, but for nobody */
  { 1, 0, STALL_SPIN / 3 }, /* at the same service, if it was */
  { 1, 1, STALL_SPIN * 2 }, /* at another one of the same BMC, and slow */
  { 2, 1, STALL_SPIN / 3 },
  { 1, 0, 0 }, /* it gets no processor time */
};

/* The same, from the whole course: processor time since the service of the last
 * look was first seen; -1: it serves nobody. */
static gint64
spent_within (const guint *course, guint n)
{
  gint64 spent = 0;
  guint32 bmc = steps[course[n - 1]].bmc;

  for (guint i = n; i-- > 0;)
    {
      const Step *step = &steps[course[i]];
      gboolean same = i > 0 && step->services == 0 && steps[course[i - 1]].bmc == bmc && step->bmc == bmc;

      if (!same)
        break;
      spent += step->spent;
    }
  return bmc == 0 ? -1 : spent;
}

static void
run (const guint *course, guint n)
{
  Stall stall = { .bmc = 0 };
  guint64 count = 1;
  gint64 now = 1;

  for (guint i = 0; i < n; i++)
    {
      const Step *step = &steps[course[i]];

      count += step->services;
      now += step->spent;
      StallVerdict verdict = stall_look (&stall, step->bmc, count, step->bmc == 0 ? 0 : now);
      g_assert_cmpint (verdict, ==, spent_within (course, i + 1) >= STALL_SPIN ? STALL_SPINS : STALL_NONE);
    }
}

static void
test_every_course (void)
{
  guint course[LOOKS] = { 0 };

  for (;;)
    {
      guint i = 0;

      run (course, LOOKS);
      while (i < LOOKS && ++course[i] == G_N_ELEMENTS (steps))
        course[i++] = 0;
      if (i == LOOKS)
        return;
    }
}

/* Nothing at all for STALL_STILL looks in a row, and not one look less. */
static void
test_hangs (void)
{
  Stall stall = { .bmc = 0 };

  g_assert_cmpint (stall_look (&stall, 7, 3, 1000), ==, STALL_NONE);
  for (guint i = 1; i < STALL_STILL; i++)
    g_assert_cmpint (stall_look (&stall, 7, 3, 1000), ==, STALL_NONE);
  /* A page came back from the disk, say. */
  g_assert_cmpint (stall_look (&stall, 7, 3, 1001), ==, STALL_NONE);
  for (guint i = 1; i < STALL_STILL; i++)
    g_assert_cmpint (stall_look (&stall, 7, 3, 1001), ==, STALL_NONE);
  g_assert_cmpint (stall_look (&stall, 7, 3, 1001), ==, STALL_HANGS);
}

/* For nobody: that is for the pings. */
static void
test_idle_is_no_hang (void)
{
  Stall stall = { .bmc = 0 };

  for (guint i = 0; i < 3 * STALL_STILL; i++)
    g_assert_cmpint (stall_look (&stall, 0, 3, 0), ==, STALL_NONE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/stall/every-course", test_every_course);
  g_test_add_func ("/stall/hangs", test_hangs);
  g_test_add_func ("/stall/idle-is-no-hang", test_idle_is_no_hang);
  return g_test_run ();
}
