/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-schedule-fair.c - a handler that is slower than what comes: who waits?
 *
 * Lanes get events at the same rate, in pieces of random size; the journal answers
 * at once.  Whatever the order in which they begin, each has had about as much as the
 * others when half of all is delivered.
 */
#include <core/schedule.h>

#define EACH 400u

typedef struct
{
  guint n;         /* lanes */
  guint *offered;  /* so many of each, with sequence numbers from 1 on */
  guint *had;      /* so many of each were delivered */
  guint delivered; /* of all */
  Schedule *schedule;
  IpmidEvent *event;
  GRand *rand;
} World;

static void
world_init (World *world, guint lanes)
{
  *world = (World){ .n = lanes };
  world->offered = g_new0 (guint, lanes);
  world->had = g_new0 (guint, lanes);
  world->schedule = schedule_new (&schedule_default_limits);
  world->event = event_new ();
  world->rand = g_rand_new_with_seed (lanes);
}

static void
world_clear (World *world)
{
  schedule_free (world->schedule);
  event_unref (world->event);
  g_rand_free (world->rand);
  g_free (world->offered);
  g_free (world->had);
}

static void
offer (World *world, guint lane, guint n)
{
  for (; n > 0 && world->offered[lane] < EACH; n--)
    schedule_offer (world->schedule, lane, ++world->offered[lane], world->event);
}

static void
clear_delivery (gpointer data)
{
  event_unref (((StoreDelivery *) data)->event);
}

/* What the journal has of the lanes that are wanted. */
static void
fetch (World *world)
{
  gint64 bmc, after;
  guint limit;

  while (schedule_wants (world->schedule, &bmc, &after, &limit))
    {
      g_autoptr (GArray) found = g_array_new (FALSE, TRUE, sizeof (StoreDelivery));

      g_array_set_clear_func (found, clear_delivery);
      for (gint64 seq = after + 1; found->len < limit && seq <= world->offered[bmc]; seq++)
        {
          StoreDelivery delivery = { .seq = seq, .event = event_ref (world->event) };
          g_array_append_val (found, delivery);
        }
      schedule_refill (world->schedule, bmc, found, limit, 0);
    }
}

/* One call of the handler, which takes all. */
static guint
deliver (World *world)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new ();
  g_autoptr (GArray) settlements = schedule_settlements_new ();

  schedule_pick (world->schedule, 0, items);
  for (guint i = 0; i < items->len; i++)
    {
      ScheduleItem *item = items->pdata[i];
      g_assert_cmpint (item->seq, ==, ++world->had[item->bmc]);
      schedule_settle (world->schedule, item, IPMID_VERDICT_DONE, NULL, 0, settlements);
    }
  world->delivered += items->len;
  return items->len;
}

static void
compare (const World *world, double least)
{
  guint poorest = G_MAXUINT;
  double mean = (double) world->delivered / world->n;

  for (guint i = 0; i < world->n; i++)
    poorest = MIN (poorest, world->had[i]);
  g_test_message ("%u lanes: the poorest had %u, the mean is %.1f", world->n, poorest, mean);
  g_assert_cmpfloat (poorest, >=, least * mean);
}

/* Everything that is offered arrives, too. */
static void
finish (World *world)
{
  for (guint i = 0; i < world->n; i++)
    offer (world, i, EACH);
  do
    fetch (world);
  while (deliver (world) > 0);
  g_assert_cmpuint (world->delivered, ==, world->n * EACH);
}

/* Twice as much comes as is taken. */
static void
test_flood (void)
{
  static const guint lanes[] = { 2, 7, 16, 64, 100, 200 };

  for (guint i = 0; i < G_N_ELEMENTS (lanes); i++)
    {
      World world;

      world_init (&world, lanes[i]);
      while (world.delivered < world.n * EACH / 2)
        {
          for (guint piece = 0; piece < 16; piece++)
            offer (&world, (guint) g_rand_int_range (world.rand, 0, (gint32) world.n),
                   (guint) g_rand_int_range (world.rand, 1, 16));
          deliver (&world);
          fetch (&world);
        }
      compare (&world, 0.75);
      finish (&world);
      world_clear (&world);
    }
}

/* Some have filled the memory before the others begin: those have their turns all the same. */
static void
test_latecomers (void)
{
  World world;

  world_init (&world, 100);
  for (guint i = 0; i < 20; i++)
    offer (&world, i, EACH);
  for (guint i = 20; i < world.n; i++)
    offer (&world, i, EACH);
  while (world.delivered < world.n * EACH / 2)
    {
      g_assert_cmpuint (deliver (&world), >, 0);
      fetch (&world);
    }
  compare (&world, 0.6);
  finish (&world);
  world_clear (&world);
}

/* Turns are short, calls are full. */
static void
test_full_calls (void)
{
  World world;

  world_init (&world, 10);
  offer (&world, 0, 200);
  for (guint i = 1; i < world.n; i++)
    offer (&world, i, 1);
  g_assert_cmpuint (deliver (&world), ==, schedule_default_limits.batch);
  for (guint i = 1; i < world.n; i++)
    g_assert_cmpuint (world.had[i], ==, 1);
  finish (&world);
  world_clear (&world);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/schedule/flood", test_flood);
  g_test_add_func ("/schedule/latecomers", test_latecomers);
  g_test_add_func ("/schedule/full-calls", test_full_calls);
  return g_test_run ();
}
