/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-room.c - when the journal may take something in. */
#include <core/room.h>

#define MEGA (G_GINT64_CONSTANT (1) << 20)

static void
test_disk (void)
{
  static const struct
  {
    gint64 minimum, free, total;
    gboolean was_full, is_short;
  } cases[] = {
    { 256, 255, 100000, FALSE, TRUE },
    { 256, 256, 100000, FALSE, FALSE },
    { 256, 256, 100000, TRUE, TRUE },
    { 256, 319, 100000, TRUE, TRUE },
    { 256, 320, 100000, TRUE, FALSE },
    /* Of a small disk a twentieth. */
    { 256, 50, 1000, FALSE, FALSE },
    { 256, 49, 1000, FALSE, TRUE },
    { 256, 62, 1000, TRUE, TRUE },
    { 256, 63, 1000, TRUE, FALSE },
    { 256, 0, 1000, FALSE, TRUE },
    { 0, 0, 1000, FALSE, FALSE },
    { 0, 0, 1000, TRUE, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpint (
        room_is_short (cases[i].minimum * MEGA, cases[i].free * MEGA, cases[i].total * MEGA, cases[i].was_full), ==,
        cases[i].is_short);
}

static void
test_size (void)
{
  const RoomLimits limits = { 100, 0 };

  g_assert_null (room_find_shortage (&limits, "/", 100, FALSE));
  g_assert_nonnull (room_find_shortage (&limits, "/", 101, FALSE));
  g_assert_nonnull (room_find_shortage (&limits, "/", 81, TRUE));
  g_assert_null (room_find_shortage (&limits, "/", 80, TRUE));
}

static void
test_looks_at_the_disk (void)
{
  const RoomLimits none = { G_MAXINT64, 0 }, some = { G_MAXINT64, 1 };

  g_assert_null (room_find_shortage (&none, "/", 0, FALSE));
  g_assert_null (room_find_shortage (&some, "/proc/self/nothing", 0, FALSE)); /* nobody knows */
  g_assert_null (room_find_shortage (&some, NULL, 0, TRUE));
  g_assert_null (room_find_shortage (&some, "/tmp", 0, FALSE));
  /* It has no blocks, so none are free and none have to be. */
  g_assert_null (room_find_shortage (&some, "/proc", 0, FALSE));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/room/disk", test_disk);
  g_test_add_func ("/room/size", test_size);
  g_test_add_func ("/room/looks-at-the-disk", test_looks_at_the_disk);
  return g_test_run ();
}
