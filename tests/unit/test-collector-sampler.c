/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-collector-sampler.c - the order in which sensors are read, against BMCs
 * of every speed, played with a clock of our own.
 */
#include "collector/sampler.h"

#include <string.h>

#define MS G_TIME_SPAN_MILLISECOND
#define SECOND G_GINT64_CONSTANT (1000000)
#define SENSORS_MAX 300u
#define WINDOW_MAX 4u

/* A BMC that takes its time, and how often each of its sensors was read. */
typedef struct
{
  Sampler *sampler;
  gint64 now;
  gint64 latency;
  guint window;
  guint n_sensors;
  gboolean fails[SENSORS_MAX];
  guint reads[SENSORS_MAX];
  gint64 last_read[SENSORS_MAX];
  gint64 longest[SENSORS_MAX]; /* between two readings */
  struct
  {
    guint place;
    gint64 done;
  } under_way[WINDOW_MAX];
  guint n_under_way;
} World;

static void
world_init (World *world, gint64 phase, gint64 latency, guint window)
{
  memset (world, 0, sizeof *world);
  world->sampler = sampler_new (phase);
  world->now = 1000 * SECOND;
  world->latency = latency;
  world->window = window;
}

static void
world_add (World *world, gint64 interval, gboolean satellite)
{
  world->last_read[world->n_sensors++] = world->now;
  sampler_add (world->sampler, interval, satellite, world->now, SECOND);
}

static void
end_first (World *world)
{
  guint place = world->under_way[0].place;

  world->now = MAX (world->now, world->under_way[0].done);
  sampler_end (world->sampler, place, world->fails[place], world->now);
  world->reads[place]++;
  world->longest[place] = MAX (world->longest[place], world->now - world->last_read[place]);
  world->last_read[place] = world->now;
  memmove (&world->under_way[0], &world->under_way[1], --world->n_under_way * sizeof world->under_way[0]);
}

static gboolean
begin_one (World *world)
{
  int place = world->n_under_way < world->window ? sampler_begin (world->sampler, world->now) : -1;
  gint64 busy = world->n_under_way == 0 ? world->now : world->under_way[world->n_under_way - 1].done;

  if (place < 0)
    return FALSE;
  world->under_way[world->n_under_way].place = (guint) place;
  world->under_way[world->n_under_way++].done = busy + world->latency;
  g_assert_cmpuint (sampler_under_way (world->sampler), ==, world->n_under_way);
  return TRUE;
}

static void
world_run (World *world, gint64 duration)
{
  gint64 end = world->now + duration;

  while (world->now < end)
    {
      gint64 due;

      while (begin_one (world))
        ;
      due = sampler_due (world->sampler);
      if (world->n_under_way > 0 && (due <= world->now || due >= world->under_way[0].done))
        end_first (world);
      else
        {
          g_assert_cmpint (due, >, world->now);
          world->now = MIN (due, end);
        }
    }
}

static void
world_clear (World *world)
{
  sampler_free (world->sampler);
}

/* A BMC that is fast enough is read as often as it should be, whatever the
 * phase, and never more often. */
static void
test_rate (void)
{
  static const gint64 intervals[] = { 250 * MS, 1 * SECOND, 10 * SECOND, 300 * SECOND };

  for (gint64 phase = 0; phase < 700 * SECOND; phase += 37 * SECOND + 123456)
    {
      World world;

      world_init (&world, phase, 2 * MS, 2);
      for (guint i = 0; i < 40; i++)
        world_add (&world, intervals[i % G_N_ELEMENTS (intervals)], FALSE);
      world_run (&world, 600 * SECOND);
      for (guint i = 0; i < 40; i++)
        {
          gint64 interval = intervals[i % G_N_ELEMENTS (intervals)];

          g_assert_cmpint (world.reads[i], >=, 600 * SECOND / interval - 1);
          g_assert_cmpint (world.reads[i], <=, 600 * SECOND / interval + 2);
          g_assert_cmpint (world.longest[i], <=, interval + 200 * MS);
        }
      world_clear (&world);
    }
}

/* One that is too slow is read without pause, each sensor as often as the
 * others, and what was missed is not made up for when it recovers. */
static void
test_slow (void)
{
  World world;
  guint least = G_MAXUINT, most = 0;

  world_init (&world, 0, 200 * MS, 2);
  for (guint i = 0; i < 50; i++)
    world_add (&world, SECOND, FALSE);
  world_run (&world, 1000 * SECOND);
  for (guint i = 0; i < 50; i++)
    {
      least = MIN (least, world.reads[i]);
      most = MAX (most, world.reads[i]);
      g_assert_cmpint (world.longest[i], <=, 12 * SECOND);
    }
  g_assert_cmpuint (least * 50, >=, 4500);
  g_assert_cmpuint (most, <=, least + 2);

  world.latency = 100; /* µs */
  memset (world.reads, 0, sizeof world.reads);
  world_run (&world, 10 * SECOND);
  for (guint i = 0; i < 50; i++)
    g_assert_cmpuint (world.reads[i], <=, 12);
  world_clear (&world);
}

/* A sensor of a short interval does not starve the others of a slow BMC. */
static void
test_no_starving (void)
{
  World world;

  world_init (&world, 12345, 150 * MS, 2);
  world_add (&world, 250 * MS, FALSE);
  world_add (&world, 250 * MS, FALSE);
  for (guint i = 0; i < 20; i++)
    world_add (&world, 10 * SECOND, FALSE);
  world_run (&world, 100 * SECOND);
  for (guint i = 2; i < 22; i++)
    {
      g_assert_cmpuint (world.reads[i], >=, 9);
      g_assert_cmpint (world.longest[i], <=, 14 * SECOND);
    }
  world_clear (&world);
}

/* Errors are asked for less and less, down to once in five minutes; one good
 * answer, and all is as before. */
static void
test_back_off (void)
{
  World world;

  world_init (&world, 0, MS, 2);
  world_add (&world, SECOND, FALSE);
  world_add (&world, SECOND, FALSE);
  world_add (&world, 3600 * SECOND, FALSE);
  world.fails[0] = TRUE;
  world_run (&world, 3600 * SECOND);
  g_assert_cmpuint (world.reads[0], <=, 22);
  g_assert_cmpuint (world.reads[0], >=, 15);
  g_assert_cmpint (world.longest[0], >=, SAMPLER_BACK_OFF_MAX - SECOND);
  g_assert_cmpint (world.longest[0], <=, SAMPLER_BACK_OFF_MAX + SECOND);
  g_assert_cmpuint (world.reads[1], >=, 3599);
  g_assert_cmpuint (sampler_failures (world.sampler, 0), ==, world.reads[0]);

  world.fails[0] = FALSE;
  world_run (&world, SAMPLER_BACK_OFF_MAX + SECOND);
  g_assert_cmpuint (sampler_failures (world.sampler, 0), ==, 0);
  memset (world.reads, 0, sizeof world.reads);
  world_run (&world, 100 * SECOND);
  g_assert_cmpuint (world.reads[0], >=, 99);
  world_clear (&world);
}

/* A long interval is not made shorter by failing. */
static void
test_back_off_long (void)
{
  World world;

  world_init (&world, 0, MS, 1);
  world_add (&world, 3600 * SECOND, FALSE);
  world.fails[0] = TRUE;
  world_run (&world, 100 * 3600 * SECOND);
  g_assert_cmpuint (world.reads[0], <=, 101);
  g_assert_cmpuint (world.reads[0], >=, 99);
  world_clear (&world);
}

/* A satellite that does not answer holds up the other satellites, not the BMC. */
static void
test_satellites (void)
{
  g_autoptr (Sampler) sampler = sampler_new (0);
  gint64 now = 100 * SECOND;
  guint own = 0, satellites = 0;

  for (guint i = 0; i < 20; i++)
    sampler_add (sampler, SECOND, i % 2 == 0, now, SECOND);
  now += 2 * SECOND;
  for (int place; (place = sampler_begin (sampler, now)) >= 0;)
    {
      satellites += place % 2 == 0;
      own += place % 2 != 0;
      if (place % 2 != 0)
        sampler_end (sampler, (guint) place, FALSE, now);
    }
  g_assert_cmpuint (satellites, ==, 1);
  g_assert_cmpuint (own, ==, 10);
}

/* What is asked of a satellite besides readings takes the place of one. */
static void
test_satellite_asked (void)
{
  g_autoptr (Sampler) sampler = sampler_new (0);
  gint64 now = 100 * SECOND;

  sampler_add (sampler, SECOND, TRUE, now, SECOND);
  sampler_add (sampler, 10 * SECOND, FALSE, now, SECOND);
  now += 20 * SECOND;
  g_assert_true (sampler_take_satellite (sampler));
  g_assert_false (sampler_take_satellite (sampler));
  g_assert_cmpint (sampler_begin (sampler, now), ==, 1);
  g_assert_cmpint (sampler_begin (sampler, now), ==, -1);
  g_assert_cmpint (sampler_due (sampler), ==, SAMPLER_NEVER);
  sampler_leave_satellite (sampler);
  g_assert_cmpint (sampler_begin (sampler, now), ==, 0);
  g_assert_false (sampler_take_satellite (sampler));
  sampler_end (sampler, 0, FALSE, now);
  g_assert_true (sampler_take_satellite (sampler));
  sampler_clear (sampler);
  g_assert_true (sampler_take_satellite (sampler));
}

static void
test_never (void)
{
  g_autoptr (Sampler) sampler = sampler_new (0);

  g_assert_cmpint (sampler_due (sampler), ==, SAMPLER_NEVER);
  sampler_add (sampler, 0, FALSE, 5 * SECOND, SECOND);
  g_assert_cmpint (sampler_due (sampler), ==, SAMPLER_NEVER);
  g_assert_cmpint (sampler_begin (sampler, G_MAXINT64 - 1), ==, -1);
  sampler_add (sampler, SECOND, FALSE, 5 * SECOND, SECOND);
  g_assert_cmpint (sampler_begin (sampler, 7 * SECOND), ==, 1);
  sampler_clear (sampler);
  g_assert_cmpuint (sampler_under_way (sampler), ==, 0);
  g_assert_cmpint (sampler_due (sampler), ==, SAMPLER_NEVER);
}

/* A thousand BMCs that connect at one moment: the first readings are spread over the time that
 * they may take, the next over the interval. */
static void
check_spread (gint64 within)
{
  guint per_second[10] = { 0 }, first_per_second[10] = { 0 };
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < 1000; i++)
    {
      g_autoptr (Sampler) sampler = sampler_new ((gint64) (g_rand_double (rand) * G_TIME_SPAN_HOUR));
      gint64 now = 777 * SECOND;

      sampler_add (sampler, 10 * SECOND, FALSE, now, within);
      g_assert_cmpint (sampler_due (sampler), >, now);
      g_assert_cmpint (sampler_due (sampler), <=, now + within);
      first_per_second[(sampler_due (sampler) - now - 1) / SECOND]++;
      now += within;
      sampler_end (sampler, (guint) sampler_begin (sampler, now), FALSE, now);
      per_second[sampler_due (sampler) / SECOND % 10]++;
    }
  for (guint i = 0; i < 10; i++)
    {
      g_assert_cmpuint (per_second[i], <, 150);
      g_assert_cmpuint (first_per_second[i], <, 1500 / (within / SECOND));
    }
}

static void
test_spread (void)
{
  check_spread (SECOND);
  check_spread (5 * SECOND);
  check_spread (10 * SECOND);
}

/* However long the first may take, it is not later than in an interval. */
static void
test_first_in_interval (void)
{
  g_autoptr (Sampler) sampler = sampler_new (0);

  sampler_add (sampler, SECOND / 4, FALSE, 5 * SECOND, 10 * SECOND);
  g_assert_cmpint (sampler_due (sampler), >, 5 * SECOND);
  g_assert_cmpint (sampler_due (sampler), <=, 5 * SECOND + SECOND / 4);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sampler/rate", test_rate);
  g_test_add_func ("/sampler/slow", test_slow);
  g_test_add_func ("/sampler/no-starving", test_no_starving);
  g_test_add_func ("/sampler/back-off", test_back_off);
  g_test_add_func ("/sampler/back-off-long", test_back_off_long);
  g_test_add_func ("/sampler/satellites", test_satellites);
  g_test_add_func ("/sampler/satellite-asked", test_satellite_asked);
  g_test_add_func ("/sampler/never", test_never);
  g_test_add_func ("/sampler/spread", test_spread);
  g_test_add_func ("/sampler/first-in-interval", test_first_in_interval);
  return g_test_run ();
}
