/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-serving.c - the note of the BMC being served, across a process that dies. */
#include <event/serving.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct
{
  const ServingNote *core;
  ServingNote *collector;
  int fd;
} Pair;

static Pair
pair_new (void)
{
  Pair pair;
  g_autoptr (GError) error = NULL;

  pair.core = serving_new (&pair.fd, &error);
  g_assert_no_error (error);
  pair.collector = serving_attach (pair.fd);
  g_assert_nonnull (pair.collector);
  return pair;
}

static void
pair_clear (Pair *pair)
{
  serving_free (pair->core);
  serving_free (pair->collector);
  close (pair->fd);
}

static void
test_nested (void)
{
  Pair pair = pair_new ();

  g_assert_cmpuint (serving_bmc (pair.core), ==, 0);
  g_assert_cmpuint (serving_set (pair.collector, 7), ==, 0);
  g_assert_cmpuint (serving_set (pair.collector, 8), ==, 7);
  g_assert_cmpuint (serving_bmc (pair.core), ==, 8);
  guint64 count, later;
  g_assert_cmpuint (serving_look (pair.core, &count), ==, 8);
  g_assert_cmpuint (serving_look (pair.core, &later), ==, 8);
  g_assert_cmpuint (later, ==, count);
  g_assert_cmpuint (serving_set (pair.collector, 7), ==, 8);
  g_assert_cmpuint (serving_set (pair.collector, 0), ==, 7);
  g_assert_cmpuint (serving_bmc (pair.core), ==, 0);
  g_assert_cmpuint (serving_look (pair.core, &later), ==, 0);
  g_assert_cmpuint (later, ==, count + 2);
  g_assert_cmpuint (serving_look (NULL, &later), ==, 0);
  g_assert_cmpuint (pair.core->count, ==, 4);
  pair_clear (&pair);
}

static void
test_survives_a_crash (void)
{
  Pair pair = pair_new ();
  int status;
  pid_t pid = fork ();

  if (pid == 0)
    {
      serving_set (pair.collector, 42);
      raise (SIGKILL);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpuint (serving_bmc (pair.core), ==, 42);
  pair_clear (&pair);
}

static void
test_cannot_be_shrunk (void)
{
  Pair pair = pair_new ();

  g_assert_cmpint (ftruncate (pair.fd, 0), <, 0);
  g_assert_cmpint (ftruncate (pair.fd, 1 << 20), <, 0);
  g_assert_cmpint (fcntl (pair.fd, F_ADD_SEALS, F_SEAL_WRITE), <, 0);
  pair_clear (&pair);
}

/* Anything else at the collector's descriptor is no note. */
static void
test_not_there (void)
{
  const int closed = 1000;
  int file = open ("/dev/zero", O_RDWR | O_CLOEXEC);
  int page = memfd_create ("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  g_assert_null (serving_attach (closed));
  g_assert_null (serving_attach (file));
  g_assert_cmpint (ftruncate (page, sizeof (ServingNote)), ==, 0);
  g_assert_null (serving_attach (page)); /* not sealed */
  g_assert_cmpint (fcntl (page, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), ==, 0);
  g_assert_null (serving_attach (page)); /* no magic */
  g_assert_cmpuint (serving_set (NULL, 1), ==, 0);
  g_assert_cmpuint (serving_bmc (NULL), ==, 0);
  close (file);
  close (page);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serving/nested", test_nested);
  g_test_add_func ("/serving/survives-a-crash", test_survives_a_crash);
  g_test_add_func ("/serving/cannot-be-shrunk", test_cannot_be_shrunk);
  g_test_add_func ("/serving/not-there", test_not_there);
  return g_test_run ();
}
