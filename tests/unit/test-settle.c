/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-settle.c - every course of ups and downs over some ticks, held against
 * the rule in its plainest form: news comes when the last SETTLE ticks were all
 * alike and differ from what was said last.
 */
#include <core/settle.h>

#define TICKS 14u
#define SETTLE 3

/* The rule, read off the whole course: `states[t]` is what held from tick t on. */
static SettleNews
expect (const gboolean *states, guint now, gboolean *said)
{
  if (now < SETTLE)
    return SETTLE_NOTHING;
  for (guint t = now - SETTLE; t < now; t++)
    if (states[t] != states[now])
      return SETTLE_NOTHING;
  if (states[now] == *said)
    return SETTLE_NOTHING;
  *said = states[now];
  return states[now] ? SETTLE_BACK : SETTLE_AWAY;
}

static void
run_course (guint course, gboolean announced)
{
  gboolean states[TICKS];
  gboolean said = announced;
  Settle settle;

  settle_init (&settle, announced, 0);
  for (guint t = 0; t < TICKS; t++)
    {
      states[t] = t > 0 && (course >> t & 1) != 0; /* nobody is connected at the start */
      settle_see (&settle, states[t], t);
      gint64 deadline = settle_deadline (&settle, SETTLE);
      SettleNews news = settle_check (&settle, SETTLE, t);
      g_assert_cmpint (news, ==, expect (states, t, &said));
      /* A deadline is there exactly if it may have news, and is kept. */
      g_assert_true ((news != SETTLE_NOTHING) == (deadline <= t));
      g_assert_cmpint (settle_check (&settle, SETTLE, t), ==, SETTLE_NOTHING); /* once */
    }
}

static void
test_every_course (void)
{
  for (guint course = 0; course < 1u << TICKS; course += 2)
    {
      run_course (course, TRUE);
      run_course (course, FALSE);
    }
}

static void
test_no_time (void)
{
  Settle settle;

  settle_init (&settle, TRUE, 5);
  g_assert_cmpint (settle_check (&settle, 0, 5), ==, SETTLE_AWAY);
  settle_see (&settle, TRUE, 6);
  g_assert_cmpint (settle_check (&settle, 0, 6), ==, SETTLE_BACK);
}

/* A thousand changes, none of which holds. */
static void
test_no_storm (void)
{
  Settle settle;

  settle_init (&settle, TRUE, 0);
  for (gint64 t = 0; t < 1000; t++)
    {
      settle_see (&settle, t % 2 == 1, t);
      g_assert_cmpint (settle_check (&settle, 2, t), ==, SETTLE_NOTHING);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/settle/every-course", test_every_course);
  g_test_add_func ("/settle/no-time", test_no_time);
  g_test_add_func ("/settle/no-storm", test_no_storm);
  return g_test_run ();
}
