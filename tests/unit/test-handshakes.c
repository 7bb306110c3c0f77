/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-handshakes.c - the gate before the handshakes, with a clock of its own.
 */
#include "collector/handshakes.h"

#define PATIENCE 100
#define TIME 500

typedef struct
{
  Handshake handshake; /* first */
  gboolean heard;
  guint gone; /* how often it was told to go */
} Owner;

static void
on_go (gpointer owner, gpointer user_data)
{
  guint *total = user_data;

  ((Owner *) owner)->gone++;
  (*total)++;
}

static gboolean
on_is_heard (gpointer owner, G_GNUC_UNUSED gpointer user_data)
{
  return ((Owner *) owner)->heard;
}

static const HandshakesFuncs funcs = { .go = on_go, .is_heard = on_is_heard };

static void
begin (Handshakes *handshakes, Owner *owner, gint64 now)
{
  handshakes_begin (handshakes, &owner->handshake, owner, now);
}

static void
test_order (void)
{
  guint total = 0;
  g_autoptr (Handshakes) handshakes = handshakes_new (2, PATIENCE, TIME, &funcs, &total);
  Owner owners[5] = { 0 };

  for (guint i = 0; i < 5; i++)
    begin (handshakes, &owners[i], 0);
  g_assert_cmpuint (handshakes_active (handshakes), ==, 2);
  g_assert_cmpuint (handshakes_waiting (handshakes), ==, 3);
  g_assert_cmpuint (owners[0].gone + owners[1].gone, ==, 2);
  /* Who leaves gives the place to whoever has waited longest; who asks twice
   * waits once. */
  begin (handshakes, &owners[2], 0);
  handshakes_end (handshakes, &owners[1].handshake, 1);
  g_assert_cmpuint (owners[2].gone, ==, 1);
  /* One that waits may go away; one that is over may go away again. */
  handshakes_end (handshakes, &owners[3].handshake, 1);
  handshakes_end (handshakes, &owners[3].handshake, 1);
  handshakes_end (handshakes, &owners[0].handshake, 1);
  g_assert_cmpuint (owners[3].gone, ==, 0);
  g_assert_cmpuint (owners[4].gone, ==, 1);
  g_assert_cmpuint (total, ==, 4);
  handshakes_end (handshakes, &owners[2].handshake, 2);
  handshakes_end (handshakes, &owners[4].handshake, 2);
  g_assert_cmpuint (handshakes_active (handshakes), ==, 0);
  /* And come again. */
  begin (handshakes, &owners[0], 3);
  g_assert_cmpuint (owners[0].gone, ==, 2);
}

/* The dead lose their places after `patience`, those that were heard of after
 * `time`. */
static void
test_patience (void)
{
  guint total = 0;
  g_autoptr (Handshakes) handshakes = handshakes_new (2, PATIENCE, TIME, &funcs, &total);
  Owner dead = { .heard = FALSE }, slow = { .heard = TRUE }, others[2] = { 0 };

  g_assert_cmpint (handshakes_tick (handshakes, 0), ==, -1);
  begin (handshakes, &dead, 0);
  begin (handshakes, &slow, 10);
  begin (handshakes, &others[0], 10);
  begin (handshakes, &others[1], 10);
  g_assert_cmpint (handshakes_tick (handshakes, 10), ==, PATIENCE);
  g_assert_cmpuint (total, ==, 2);
  g_assert_cmpint (handshakes_tick (handshakes, PATIENCE), ==, PATIENCE + 10);
  g_assert_cmpuint (others[0].gone, ==, 1);
  /* The one that was heard of stays. */
  g_assert_cmpint (handshakes_tick (handshakes, PATIENCE + 10), ==, 2 * PATIENCE);
  g_assert_cmpuint (others[1].gone, ==, 0);
  /* The first of the others is dead, too. */
  handshakes_tick (handshakes, 2 * PATIENCE);
  g_assert_cmpuint (others[1].gone, ==, 1);
  handshakes_end (handshakes, &others[1].handshake, 2 * PATIENCE);
  g_assert_cmpint (handshakes_tick (handshakes, 2 * PATIENCE), ==, TIME + 10);
  g_assert_cmpint (handshakes_tick (handshakes, TIME + 10), ==, -1);
  g_assert_cmpuint (handshakes_active (handshakes), ==, 0);
  /* They ended without places: no place is given on twice. */
  handshakes_end (handshakes, &dead.handshake, TIME + 10);
  handshakes_end (handshakes, &slow.handshake, TIME + 10);
  g_assert_cmpuint (handshakes_active (handshakes), ==, 0);
}

/* A thousand BMCs that take 50 each, fifty of them dead and in front: the others
 * wait for the dead twice at most. */
static void
test_fleet (void)
{
  enum
  {
    N = 1000,
    DEAD = 50,
    PLACES = 32,
    TAKES = 50
  };
  guint total = 0;
  g_autoptr (Handshakes) handshakes = handshakes_new (PLACES, PATIENCE, TIME, &funcs, &total);
  Owner *owners = g_new0 (Owner, N);
  gint64 *since = g_new0 (gint64, N);
  gint64 now = 0;
  guint up = 0;

  for (guint i = 0; i < N; i++)
    begin (handshakes, &owners[i], 0);
  for (; up < N - DEAD; now++)
    {
      g_assert_cmpint (now, <, 100000);
      handshakes_tick (handshakes, now);
      g_assert_cmpuint (handshakes_active (handshakes), <=, PLACES);
      for (guint i = DEAD; i < N; i++)
        if (owners[i].gone == 1 && since[i] == 0)
          since[i] = now + 1;
        else if (since[i] > 0 && now - since[i] >= TAKES)
          {
            since[i] = G_MAXINT64;
            up++;
            handshakes_end (handshakes, &owners[i].handshake, now);
          }
    }
  g_assert_cmpint (now, <, 2 * PATIENCE + (N / PLACES + 2) * (TAKES + 3));
  g_assert_cmpuint (total, ==, N);
  g_free (owners);
  g_free (since);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/handshakes/order", test_order);
  g_test_add_func ("/handshakes/patience", test_patience);
  g_test_add_func ("/handshakes/fleet", test_fleet);
  return g_test_run ();
}
