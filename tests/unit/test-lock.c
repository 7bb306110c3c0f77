/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit test of lock.c. */
#include "core/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

typedef struct
{
  char *path;
  int first, second; /* two openings of one file, as of two processes */
} Fixture;

static void
set_up (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  fixture->first = g_file_open_tmp ("ipmid-lock-XXXXXX", &fixture->path, NULL);
  fixture->second = open (fixture->path, O_RDWR | O_CLOEXEC);
  g_assert_cmpint (fixture->first, >=, 0);
  g_assert_cmpint (fixture->second, >=, 0);
}

static void
tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  if (fixture->first >= 0)
    close (fixture->first);
  close (fixture->second);
  g_unlink (fixture->path);
  g_free (fixture->path);
}

static void
test_free (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true (lock_take (fixture->first));
}

static void
test_held (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true (lock_take (fixture->first));
  g_assert_false (lock_take (fixture->second));
  g_assert_cmpint (errno, ==, EWOULDBLOCK);
}

static gpointer
close_soon (gpointer data)
{
  int *fd = data;

  g_usleep (G_TIME_SPAN_SECOND / 5);
  close (*fd);
  *fd = -1;
  return NULL;
}

/* The owner has died, but not yet all who have its descriptors. */
static void
test_dying (Fixture *fixture, G_GNUC_UNUSED gconstpointer data)
{
  g_assert_true (lock_take (fixture->first));
  GThread *thread = g_thread_new ("dying", close_soon, &fixture->first);
  g_assert_true (lock_take (fixture->second));
  g_thread_join (thread);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/lock/free", Fixture, NULL, set_up, test_free, tear_down);
  g_test_add ("/lock/held", Fixture, NULL, set_up, test_held, tear_down);
  g_test_add ("/lock/dying", Fixture, NULL, set_up, test_dying, tear_down);
  return g_test_run ();
}
