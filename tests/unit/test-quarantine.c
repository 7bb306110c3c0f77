/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-quarantine.c - every course of crashes over some ticks, and the bounds
 * that hold in all of them.
 */
#include <core/quarantine.h>

#define TIME (20 * G_TIME_SPAN_MINUTE)
#define TICK (4 * G_TIME_SPAN_MINUTE)
#define TICKS 16u

/* What must hold at every step, whatever came before. */
typedef struct
{
  gint64 last_crash; /* -1: none */
  gint64 crash_before;
  gint64 let_out;
} Past;

static void
crash (Quarantine *q, Past *past, gint64 now)
{
  QuarantineState before = q->state;
  gboolean two = past->last_crash >= 0 && now - past->last_crash <= QUARANTINE_WINDOW;
  gboolean isolated = quarantine_blame (q, TIME, now);

  if (before == QUARANTINE_FREE)
    g_assert_true (!isolated || two);
  g_assert_true (before != QUARANTINE_TRIAL || isolated);
  g_assert_true (before != QUARANTINE_ISOLATED || !isolated);
  g_assert_true (!isolated || q->state == QUARANTINE_ISOLATED);
  if (q->state == QUARANTINE_ISOLATED)
    {
      g_assert_cmpint (q->until, ==, now + quarantine_term (q, TIME));
      g_assert_cmpint (quarantine_term (q, TIME), <=, TIME << QUARANTINE_DOUBLINGS);
    }
  past->crash_before = past->last_crash;
  past->last_crash = now;
}

static void
pass_time (Quarantine *q, Past *past, gint64 now)
{
  QuarantineState before = q->state;
  gint64 deadline = quarantine_deadline (q);
  gboolean out = quarantine_check (q, TIME, now);

  g_assert_true (out == (before == QUARANTINE_ISOLATED && deadline <= now));
  g_assert_true (before != QUARANTINE_FREE || q->state == QUARANTINE_FREE);
  if (out)
    {
      /* It was quiet for at least its time. */
      g_assert_cmpint (now - past->last_crash, >=, TIME);
      g_assert_cmpint (q->state, ==, QUARANTINE_TRIAL);
      past->let_out = now;
    }
  if (before == QUARANTINE_TRIAL && q->state == QUARANTINE_FREE)
    {
      g_assert_cmpint (now - past->let_out, >=, TIME);
      g_assert_cmpuint (q->relapses, ==, 0);
    }
}

static void
test_every_course (void)
{
  for (guint course = 0; course < 1u << TICKS; course++)
    {
      Quarantine q = { 0 };
      Past past = { -1, -1, 0 };
      for (guint t = 0; t < TICKS; t++)
        {
          pass_time (&q, &past, t * TICK);
          if ((course >> t & 1) != 0)
            crash (&q, &past, t * TICK);
        }
    }
}

/* The whole way there and back, step by step. */
static void
test_story (void)
{
  Quarantine q = { 0 };
  gint64 now = 0;

  g_assert_false (quarantine_blame (&q, TIME, now));
  g_assert_cmpint (quarantine_deadline (&q), ==, G_MAXINT64);
  g_assert_true (quarantine_blame (&q, TIME, now += QUARANTINE_WINDOW));
  g_assert_cmpint (q.until, ==, now + TIME);
  g_assert_false (quarantine_check (&q, TIME, q.until - 1));
  g_assert_true (quarantine_check (&q, TIME, now = q.until));
  /* A relapse: at once, and for twice as long. */
  g_assert_true (quarantine_blame (&q, TIME, now += 1));
  g_assert_cmpint (q.until, ==, now + 2 * TIME);
  /* A crash in quarantine: the time begins anew, and doubles. */
  g_assert_false (quarantine_blame (&q, TIME, now += 1));
  g_assert_cmpint (q.until, ==, now + 4 * TIME);
  for (guint i = 0; i < 1000; i++)
    g_assert_false (quarantine_blame (&q, TIME, now += 1));
  g_assert_cmpint (q.until, ==, now + (TIME << QUARANTINE_DOUBLINGS));
  g_assert_true (quarantine_check (&q, TIME, now = q.until));
  g_assert_false (quarantine_check (&q, TIME, now = q.until));
  g_assert_cmpint (q.state, ==, QUARANTINE_FREE);
  g_assert_cmpuint (q.relapses, ==, 0);
  g_assert_false (quarantine_blame (&q, TIME, now += 1)); /* all is forgotten */
}

/* Caught in the act: at once, the first time, too. */
static void
test_convicted (void)
{
  Quarantine q = { 0 };

  g_assert_false (quarantine_convict (&q, 0, 1));
  g_assert_cmpint (q.state, ==, QUARANTINE_FREE);
  g_assert_true (quarantine_convict (&q, TIME, 1));
  g_assert_cmpint (q.until, ==, 1 + TIME);
  g_assert_false (quarantine_convict (&q, TIME, 2)); /* it is isolated already */
  g_assert_cmpint (q.until, ==, 2 + 2 * TIME);
  g_assert_true (quarantine_check (&q, TIME, q.until));
  g_assert_true (quarantine_convict (&q, TIME, 3 + 2 * TIME)); /* on trial */
  g_assert_cmpint (q.state, ==, QUARANTINE_ISOLATED);
}

static void
test_far_between (void)
{
  Quarantine q = { 0 };

  for (gint64 i = 0; i < 100; i++)
    g_assert_false (quarantine_blame (&q, TIME, i * (QUARANTINE_WINDOW + 1)));
  g_assert_cmpint (q.state, ==, QUARANTINE_FREE);
}

static void
test_switched_off (void)
{
  Quarantine q = { 0 };

  for (gint64 i = 0; i < 100; i++)
    g_assert_false (quarantine_blame (&q, 0, i));
  g_assert_cmpint (q.state, ==, QUARANTINE_FREE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/quarantine/every-course", test_every_course);
  g_test_add_func ("/quarantine/story", test_story);
  g_test_add_func ("/quarantine/convicted", test_convicted);
  g_test_add_func ("/quarantine/far-between", test_far_between);
  g_test_add_func ("/quarantine/switched-off", test_switched_off);
  return g_test_run ();
}
