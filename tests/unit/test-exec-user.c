/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-exec-user.c - the exec plugin's `user`, alone; as root only, but for the refusals. */
#include "plugin-bench-host.h"

#include <glib/gstdio.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OTHER "nobody"
#define SECOND "daemon"

typedef struct
{
  BenchHost *bench;
  char *directory;
  char *script;
  char *out; /* "$1" of the script */
} Fixture;

static gboolean
is_root (void)
{
  if (geteuid () == 0)
    return TRUE;
  g_test_skip ("only root can become another user");
  return FALSE;
}

static void
set_up (Fixture *fixture, gconstpointer input)
{
  fixture->directory = bench_make_directory ();
  g_assert_cmpint (g_chmod (fixture->directory, 0777), ==, 0);
  fixture->script = g_build_filename (fixture->directory, "program", NULL);
  fixture->out = g_build_filename (fixture->directory, "out", NULL);
  fixture->bench = bench_host_new ("exec");
  bench_host_set (fixture->bench, "program", fixture->script);
  bench_host_set (fixture->bench, "arguments", fixture->out);
  bench_host_set (fixture->bench, "input", input != NULL ? input : "stdin");
}

static void
tear_down (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  bench_host_free (fixture->bench);
  bench_remove_directory (fixture->directory);
  g_free (fixture->script);
  g_free (fixture->out);
}

static void
begin (Fixture *fixture, const char *user, const char *body)
{
  g_autofree char *text = g_strconcat ("#!/bin/sh\n", body, "\n", NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (fixture->script, text, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (fixture->script, 0755), ==, 0);
  if (user != NULL)
    bench_host_set (fixture->bench, "user", user);
  g_assert_true (bench_host_check (fixture->bench, &error));
  g_assert_no_error (error);
  bench_host_open (fixture->bench, &error);
  g_assert_no_error (error);
}

static IpmidVerdict
deliver (Fixture *fixture)
{
  g_autoptr (IpmidEvent) event = bench_event ("b1", 1);

  return bench_host_deliver_one (fixture->bench, event);
}

/* The words that the program wrote. */
static char **
read_words (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  char *text = NULL;
  char **words;

  g_file_get_contents (fixture->out, &text, NULL, &error);
  g_assert_no_error (error);
  words = g_strsplit_set (g_strchomp (text), " \n", -1);
  g_free (text);
  return words;
}

static void
assert_words (Fixture *fixture, const char *expected)
{
  g_auto (GStrv) words = read_words (fixture);
  g_autofree char *found = g_strjoinv (" ", words);

  g_assert_cmpstr (found, ==, expected);
}

/* What `id` says of a user, in words. */
static char *
id_of (const char *option, const char *user)
{
  g_autofree char *command = g_strconcat ("id ", option, " ", user, NULL);
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  g_spawn_command_line_sync (command, &text, NULL, NULL, &error);
  g_assert_no_error (error);
  return g_strchomp (text);
}

/* All ids are the user's, the groups too, and nothing of root is left. */
static void
assert_is (Fixture *fixture, const char *user)
{
  g_autofree char *uid = id_of ("-u", user);
  g_autofree char *gid = id_of ("-g", user);
  g_autofree char *groups = id_of ("-G", user);
  g_autofree char *expected = g_strdup_printf ("%s %s %s %s %s %s %s %s %s %s %s %s", uid, uid, uid, uid, gid, gid, gid,
                                               gid, "0000000000000000", "0000000000000000", "0000000000000000", groups);

  assert_words (fixture, expected);
}

#define TELL_IDENTITY                                                                                                  \
  "set -- \"$1\" $(sed -n 's/^\\(Uid\\|Gid\\|CapInh\\|CapPrm\\|CapEff\\)://p' /proc/$$/status) $(id -G); "             \
  "out=$1; shift; echo \"$@\" >\"$out.new\"; mv \"$out.new\" \"$out\"\n"

static void
test_identity (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  if (!is_root ())
    return;
  begin (fixture, OTHER, TELL_IDENTITY);
  g_assert_cmpint (deliver (fixture), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  assert_is (fixture, OTHER);
  g_assert_cmpuint (geteuid (), ==, 0); /* we stay what we are */
}

static gboolean
file_is_there (gconstpointer path)
{
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static void
test_kept_program (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  if (!is_root ())
    return;
  begin (fixture, OTHER, TELL_IDENTITY "exec cat >/dev/null");
  bench_wait_for (file_is_there, fixture->out, "the program to begin");
  g_assert_cmpint (deliver (fixture), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  assert_is (fixture, OTHER);
}

static void
test_environment (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  const struct passwd *entry;
  g_autofree char *expected = NULL;
  g_auto (GStrv) words = NULL;
  g_autofree char *found = NULL;

  if (!is_root ())
    return;
  entry = getpwnam (SECOND);
  expected = g_strdup_printf ("%s %s %s", entry->pw_dir, SECOND, SECOND);
  begin (fixture, SECOND, "echo $HOME $USER $LOGNAME >\"$1\"");
  g_assert_cmpint (deliver (fixture), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  words = read_words (fixture);
  found = g_strjoinv (" ", words);
  g_assert_cmpstr (found, ==, expected);
}

/* No descriptor but three, no signal ignored or blocked, a process group, "/". */
static void
test_surroundings (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  const guint64 of_glibc = G_GUINT64_CONSTANT (0x180000000); /* 32 and 33 are its own affair */
  g_auto (GStrv) words = NULL;

  if (!is_root ())
    return;
  begin (fixture, OTHER,
         "for fd in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$fd ] && echo $fd; done >\"$1\"\n"
         "out=$1; set -- $(cat /proc/$$/stat)\n"
         "echo $(($1 == $5)) $(pwd) $(sed -n 's/^Sig\\(Blk\\|Ign\\):.//p' /proc/$$/status) >>\"$out\"");
  g_assert_cmpint (deliver (fixture), ==, IPMID_VERDICT_DONE);
  bench_host_close (fixture->bench);
  words = read_words (fixture);
  g_assert_cmpuint (g_strv_length (words), ==, 7);
  for (guint i = 0; i < 3; i++) /* from 10 on they are the shell's own */
    g_assert_cmpint (atoi (words[i]), ==, (int) i);
  g_assert_cmpstr (words[3], ==, "1");
  g_assert_cmpstr (words[4], ==, "/");
  g_assert_cmphex (g_ascii_strtoull (words[5], NULL, 16), ==, 0);
  g_assert_cmphex (g_ascii_strtoull (words[6], NULL, 16) & ~of_glibc, ==, 0);
}

/* A program of another user is ended like our own. */
static void
test_hanging (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  g_auto (GStrv) words = NULL;

  if (!is_root ())
    return;
  bench_host_set (fixture->bench, "time-limit", "300ms");
  begin (fixture, OTHER, "sleep 600 & echo $$ $! >\"$1\"; wait");
  g_assert_cmpint (deliver (fixture), ==, IPMID_VERDICT_RETRY);
  bench_host_close (fixture->bench);
  words = read_words (fixture);
  for (guint i = 0; i < 2; i++)
    bench_assert_dies (atoi (words[i]));
}

static void
test_cannot_start (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  guint descriptors = bench_count_descriptors ();

  if (!is_root ())
    return;
  begin (fixture, OTHER, "exit 0");
  g_assert_cmpint (g_chmod (fixture->script, 0700), ==, 0); /* root's alone */
  g_assert_cmpint (deliver (fixture), ==, IPMID_VERDICT_RETRY);
  g_assert_nonnull (strstr (bench_host_reason (fixture->bench, 0), " as " OTHER ": Permission denied"));
  bench_host_close (fixture->bench);
  g_assert_cmpuint (bench_count_descriptors (), ==, descriptors);
}

static void
assert_refused (Fixture *fixture, const char *user, const char *words)
{
  g_autoptr (GError) error = NULL;

  bench_host_set (fixture->bench, "user", user);
  g_assert_false (bench_host_check (fixture->bench, &error));
  g_assert_nonnull (strstr (error->message, words));
}

static void
test_no_such_user (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  assert_refused (fixture, "no such user", "user = no such user: there is no such user");
}

/* Becomes a user who has these capabilities and no others. */
static void
become_with (Fixture *fixture, guint32 capabilities)
{
  struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { capabilities, capabilities, capabilities } };
  const struct passwd *entry = getpwnam (SECOND);

  g_assert_cmpint (chown (fixture->directory, entry->pw_uid, entry->pw_gid), ==, 0);
  g_assert_cmpint (prctl (PR_SET_KEEPCAPS, 1, 0, 0, 0), ==, 0);
  g_assert_cmpint (setresgid (entry->pw_gid, entry->pw_gid, entry->pw_gid), ==, 0);
  g_assert_cmpint (setresuid (entry->pw_uid, entry->pw_uid, entry->pw_uid), ==, 0);
  g_assert_cmpint (syscall (SYS_capset, &header, data), ==, 0);
}

/* In a process of its own: there is no way back. */
static void
test_not_root (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  if (g_test_subprocess ())
    {
      become_with (fixture, 1u << CAP_SETUID | 1u << CAP_SETGID);
      assert_refused (fixture, OTHER, "ipmid has to be root or to have the capabilities");
      return;
    }
  if (!is_root ())
    return;
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

/* As ipmid.service with a drop-in: a plain user with three capabilities, of
 * which the program gets none. */
static void
test_capabilities (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  if (g_test_subprocess ())
    {
      become_with (fixture, 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_KILL);
      begin (fixture, OTHER, TELL_IDENTITY);
      g_assert_cmpint (deliver (fixture), ==, IPMID_VERDICT_DONE);
      bench_host_close (fixture->bench);
      assert_is (fixture, OTHER);
      return;
    }
  if (!is_root ())
    return;
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

/* A program that runs as we do gets nothing of what the service manager gave us. */
static void
test_nothing_inherited (Fixture *fixture, G_GNUC_UNUSED gconstpointer input)
{
  if (g_test_subprocess ())
    {
      become_with (fixture, 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_KILL);
      g_assert_cmpint (prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0), ==, 0);
      begin (fixture, NULL, "sed -n 's/^Cap\\(Prm\\|Eff\\):.//p' /proc/$$/status >\"$1\"");
      g_assert_cmpint (deliver (fixture), ==, IPMID_VERDICT_DONE);
      bench_host_close (fixture->bench);
      assert_words (fixture, "0000000000000000 0000000000000000");
      return;
    }
  if (!is_root ())
    return;
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

#define ADD(name, input, function) g_test_add ("/exec-user/" name, Fixture, input, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("identity", NULL, test_identity);
  ADD ("kept-program", "persistent", test_kept_program);
  ADD ("environment", NULL, test_environment);
  ADD ("surroundings", NULL, test_surroundings);
  ADD ("hanging", NULL, test_hanging);
  ADD ("cannot-start", NULL, test_cannot_start);
  ADD ("no-such-user", NULL, test_no_such_user);
  ADD ("not-root", NULL, test_not_root);
  ADD ("capabilities", NULL, test_capabilities);
  ADD ("nothing-inherited", NULL, test_nothing_inherited);
  return g_test_run ();
}
