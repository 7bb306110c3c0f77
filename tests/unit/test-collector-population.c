/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-collector-population.c - the populations of device SDRs: which answers
 * count, what is a change, and who is asked when.
 */
#include "collector/guard.h"
#include "collector/sdr-population.h"

#define DYNAMIC 0x80

static const SdrController bmc = { .satellite = FALSE };
static const SdrController blade = { .satellite = TRUE, .address = 0x30 };

static void
tell (SdrPopulation *population, const SdrController *from, guint8 sensors, guint8 flags, guint8 indicator)
{
  const guint8 reply[] = { 0, sensors, flags, indicator, 0, 0, 0 };

  sdr_population_reply (population, from, GUARD_NETFN_SENSOR, SDR_POPULATION_GET_INFO, reply,
                        (flags & DYNAMIC) != 0 ? 7 : 3);
}

/* Only a whole answer to this command says anything, and nothing beyond its end is
 * looked at. */
static void
test_answers (void)
{
  static const guint8 commands[][2] = { { GUARD_NETFN_SENSOR, SDR_POPULATION_GET_INFO },
                                        { GUARD_NETFN_SENSOR, 0x21 },
                                        { GUARD_NETFN_STORAGE, SDR_POPULATION_GET_INFO } };
  static const guint8 codes[] = { 0, 0xc0, 0xc1, 0xc3, GUARD_REFUSED };

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    for (guint code = 0; code < G_N_ELEMENTS (codes); code++)
      for (guint flags = 0; flags <= 0xff; flags++)
        for (gsize length = 0; length <= 7; length++)
          {
            const guint8 whole_reply[] = { codes[code], 1, (guint8) flags, 1, 2, 3, 4 };
            g_autofree guint8 *reply = g_memdup2 (whole_reply, length);
            gboolean whole = length >= ((flags & DYNAMIC) != 0 ? 7 : 3);
            SdrPopulation population = { .entries = NULL };

            sdr_population_reply (&population, &bmc, commands[i][0], commands[i][1], reply, length);
            g_assert_cmpint (sdr_population_is_known (&population), ==, i == 0 && code == 0 && whole);
            sdr_population_clear (&population);
          }
}

static void
check_change (guint8 sensors, guint8 flags, guint8 indicator, gboolean expected)
{
  SdrPopulation population = { .entries = NULL };

  tell (&population, &bmc, 7, DYNAMIC | 1, 40);
  tell (&population, &blade, 2, 1, 0);
  sdr_population_settle (&population);
  g_assert_false (sdr_population_has_changed (&population));
  tell (&population, &blade, 2, 1, 0);
  tell (&population, &bmc, sensors, flags, indicator);
  g_assert_cmpint (sdr_population_has_changed (&population), ==, expected);
  sdr_population_clear (&population);
}

static void
test_change (void)
{
  check_change (7, DYNAMIC | 1, 40, FALSE);
  /* Which logical units have sensors is not what was read. */
  check_change (7, DYNAMIC | 3, 40, FALSE);
  check_change (8, DYNAMIC | 1, 40, TRUE);
  check_change (6, DYNAMIC | 1, 40, TRUE);
  check_change (7, DYNAMIC | 1, 41, TRUE);
  check_change (7, DYNAMIC | 1, 39, TRUE);
  /* It has become static. */
  check_change (7, 1, 0, TRUE);
}

/* All four bytes of the indicator count; of a static population none does. */
static void
test_indicator (void)
{
  for (guint flags = 0; flags <= DYNAMIC; flags += DYNAMIC)
    for (guint bit = 0; bit < 32; bit++)
      {
        guint8 reply[7] = { 0, 1, (guint8) flags };
        SdrPopulation population = { .entries = NULL };

        for (guint i = 0; i < 2; i++)
          {
            sdr_population_reply (&population, &bmc, GUARD_NETFN_SENSOR, SDR_POPULATION_GET_INFO, reply, sizeof reply);
            sdr_population_settle (&population);
            reply[3 + bit / 8] ^= (guint8) (1u << bit % 8);
          }
        g_assert_cmpint (sdr_population_has_changed (&population), ==, flags == DYNAMIC);
        sdr_population_clear (&population);
      }
}

/* OpenIPMI asks anew when the records change while it reads them: the latest counts
 * until they have been read, and the first of whoever comes later. */
static void
test_settle (void)
{
  SdrPopulation population = { .entries = NULL };

  tell (&population, &bmc, 7, 1, 0);
  tell (&population, &bmc, 8, 1, 0);
  g_assert_false (sdr_population_has_changed (&population));
  sdr_population_settle (&population);
  tell (&population, &blade, 3, 1, 0);
  g_assert_false (sdr_population_has_changed (&population));
  tell (&population, &blade, 4, 1, 0);
  g_assert_true (sdr_population_has_changed (&population));
  tell (&population, &blade, 3, 1, 0);
  g_assert_false (sdr_population_has_changed (&population));
  tell (&population, &bmc, 7, 1, 0);
  g_assert_true (sdr_population_has_changed (&population));
  sdr_population_clear (&population);
}

/* Controllers that differ in one thing only. */
static void
test_controllers (void)
{
  static const SdrController others[] = { { .satellite = FALSE },
                                          { .satellite = FALSE, .lun = 1 },
                                          { .satellite = TRUE, .address = 0x30 },
                                          { .satellite = TRUE, .address = 0x30, .lun = 1 },
                                          { .satellite = TRUE, .address = 0x32 },
                                          { .satellite = TRUE, .channel = 7, .address = 0x30 } };
  SdrPopulation population = { .entries = NULL };
  SdrController next;

  sdr_population_settle (&population);
  for (guint round = 0; round < 2; round++)
    for (guint i = 0; i < G_N_ELEMENTS (others); i++)
      tell (&population, &others[i], (guint8) (10 + i), 1, 0);
  g_assert_false (sdr_population_has_changed (&population));
  sdr_population_begin_round (&population);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_assert_true (sdr_population_next (&population, &next));
      g_assert_cmpint (next.satellite, ==, others[i].satellite);
      g_assert_cmpuint (next.channel, ==, others[i].channel);
      g_assert_cmpuint (next.address, ==, others[i].address);
      g_assert_cmpuint (next.lun, ==, others[i].lun);
    }
  g_assert_false (sdr_population_next (&population, &next));
  sdr_population_clear (&population);
}

static void
test_bounded (void)
{
  SdrPopulation population = { .entries = NULL };
  SdrController next;
  guint asked = 0;

  for (guint channel = 0; channel < 16; channel++)
    for (guint address = 2; address < 256; address += 2)
      {
        SdrController from = { TRUE, (guint8) channel, (guint8) address, 0 };

        tell (&population, &from, 1, 1, 0);
      }
  sdr_population_begin_round (&population);
  while (sdr_population_next (&population, &next))
    asked++;
  g_assert_cmpuint (asked, ==, SDR_POPULATION_CONTROLLERS_MAX);
  sdr_population_clear (&population);
}

/* In one round: whether the satellite is asked.  The BMC always is, and answers. */
static gboolean
is_asked (SdrPopulation *population)
{
  gboolean asked = FALSE;
  guint times = 0;
  SdrController next;

  sdr_population_begin_round (population);
  while (sdr_population_next (population, &next))
    {
      if (next.satellite)
        asked = TRUE;
      else
        {
          times++;
          tell (population, &bmc, 7, 1, 0);
        }
    }
  g_assert_cmpuint (times, ==, 1);
  return asked;
}

/* Who does not answer is asked less and less, and as always when it does. */
static void
test_silent (void)
{
  static const guint pauses[] = { 0, 1, 3, 7, 15, 15, 15 };
  SdrPopulation population = { .entries = NULL };

  g_assert_cmpuint (pauses[G_N_ELEMENTS (pauses) - 1], ==, SDR_POPULATION_PAUSE_MAX);
  tell (&population, &blade, 2, 1, 0);
  tell (&population, &bmc, 7, 1, 0);
  for (guint i = 0; i < G_N_ELEMENTS (pauses); i++)
    {
      for (guint round = 0; round < pauses[i]; round++)
        g_assert_false (is_asked (&population));
      g_assert_true (is_asked (&population));
    }
  tell (&population, &blade, 2, 1, 0);
  g_assert_true (is_asked (&population));
  g_assert_false (is_asked (&population));
  g_assert_true (is_asked (&population));
  sdr_population_clear (&population);
}

/* A BMC without any is asked nothing. */
static void
test_none (void)
{
  SdrPopulation population = { .entries = NULL };
  SdrController next;

  sdr_population_settle (&population);
  sdr_population_begin_round (&population);
  g_assert_false (sdr_population_next (&population, &next));
  g_assert_false (sdr_population_is_known (&population));
  g_assert_false (sdr_population_has_changed (&population));
  sdr_population_clear (&population);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/collector-population/answers", test_answers);
  g_test_add_func ("/collector-population/change", test_change);
  g_test_add_func ("/collector-population/indicator", test_indicator);
  g_test_add_func ("/collector-population/settle", test_settle);
  g_test_add_func ("/collector-population/controllers", test_controllers);
  g_test_add_func ("/collector-population/bounded", test_bounded);
  g_test_add_func ("/collector-population/silent", test_silent);
  g_test_add_func ("/collector-population/none", test_none);
  return g_test_run ();
}
