/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-services.c - services of plugins: who gets what, and who waits for whom. */
#include <core/services.h>

#include <glib.h>

/* Members and tables are told apart by their addresses only. */
static const char members[4];
static const char tables[4];

#define A (&members[0])
#define B (&members[1])
#define USER (&members[2])
#define OTHER (&members[3])

static void
test_offer (void)
{
  g_autoptr (Services) services = services_new ();

  g_assert_null (services_lookup (services, USER, "store"));
  services_release (services, USER, "store"); /* nothing */
  services_withdraw (services, A, "store");
  g_assert_true (services_offer (services, A, "store", &tables[0]));
  g_assert_false (services_offer (services, A, "store", &tables[1]));
  g_assert_true (services_lookup (services, USER, "store") == &tables[0]);
  g_assert_null (services_lookup (services, USER, "stor"));
  services_release (services, USER, "store");
  services_withdraw (services, B, "store"); /* not B's */
  g_assert_true (services_lookup (services, USER, "store") == &tables[0]);
  services_release (services, USER, "store");
  services_withdraw (services, A, "store");
  g_assert_null (services_lookup (services, USER, "store"));
}

static void
test_names (void)
{
  static const char *const bad[] = { "", "1store", "-", "Store", "st ore", "st/ore", "st\303\266re", NULL };
  g_autoptr (Services) services = services_new ();
  g_autofree char *longest = g_strnfill (SERVICES_NAME_MAX, 'a');
  g_autofree char *longer = g_strnfill (SERVICES_NAME_MAX + 1, 'a');

  for (guint i = 0; bad[i] != NULL; i++)
    g_assert_false (services_offer (services, A, bad[i], tables));
  g_assert_false (services_offer (services, A, longer, tables));
  g_assert_true (services_offer (services, A, longest, tables));
  g_assert_true (services_offer (services, A, "store.v-2", tables));
}

/* The first offer counts; the next one when that is gone. */
static void
test_several (void)
{
  g_autoptr (Services) services = services_new ();

  g_assert_true (services_offer (services, A, "store", &tables[0]));
  g_assert_true (services_offer (services, B, "store", &tables[1]));
  g_assert_true (services_lookup (services, USER, "store") == &tables[0]);
  services_release (services, USER, "store");
  services_withdraw (services, A, "store");
  g_assert_true (services_lookup (services, USER, "store") == &tables[1]);
  g_assert_true (services_offer (services, A, "store", &tables[2]));
  services_withdraw (services, A, "store"); /* behind the first: nobody can hold it */
  g_assert_true (services_lookup (services, USER, "store") == &tables[1]);
  services_release (services, USER, "store");
  services_release (services, USER, "store");
  services_withdraw (services, B, "store");
}

typedef struct
{
  Services *services;
  gint withdrawn;
} Withdrawal;

static gpointer
withdraw (gpointer data)
{
  Withdrawal *withdrawal = data;

  services_withdraw (withdrawal->services, A, "store");
  g_atomic_int_set (&withdrawal->withdrawn, TRUE);
  return NULL;
}

/* As soon as the offer is being taken back, nobody gets it. */
static void
wait_until_closing (Services *services)
{
  while (services_lookup (services, OTHER, "store") != NULL)
    {
      services_release (services, OTHER, "store");
      g_thread_yield ();
    }
}

static void
test_withdraw_waits (void)
{
  g_autoptr (Services) services = services_new ();
  Withdrawal withdrawal = { services, FALSE };

  services_offer (services, A, "store", &tables[0]);
  services_offer (services, B, "store", &tables[1]);
  for (int i = 0; i < 2; i++)
    g_assert_nonnull (services_lookup (services, USER, "store"));
  GThread *thread = g_thread_new ("withdraw", withdraw, &withdrawal);
  wait_until_closing (services);
  services_release (services, USER, "store");
  g_assert_null (services_lookup (services, USER, "store"));
  g_assert_false (g_atomic_int_get (&withdrawal.withdrawn));
  services_release (services, USER, "store");
  g_thread_join (thread);
  g_assert_true (services_lookup (services, USER, "store") == &tables[1]);
  services_release (services, USER, "store");
}

/* One that has gone without giving anything back holds up nobody. */
static void
test_forget (void)
{
  g_autoptr (Services) services = services_new ();
  Withdrawal withdrawal = { services, FALSE };

  services_offer (services, A, "store", &tables[0]);
  g_assert_false (services_forget (services, USER));
  g_assert_nonnull (services_lookup (services, USER, "store"));
  GThread *thread = g_thread_new ("withdraw", withdraw, &withdrawal);
  wait_until_closing (services);
  g_assert_true (services_forget (services, USER));
  g_thread_join (thread);

  services_offer (services, A, "store", &tables[0]);
  services_offer (services, A, "other", &tables[0]);
  g_assert_true (services_forget (services, A));
  g_assert_false (services_forget (services, A));
  g_assert_null (services_lookup (services, USER, "store"));
  g_assert_null (services_lookup (services, USER, "other"));
}

/* Who it is that is held. */
static void
test_offerer (void)
{
  g_autoptr (Services) services = services_new ();

  g_assert_null (services_offerer (services, "store"));
  services_offer (services, A, "store", &tables[0]);
  services_offer (services, B, "store", &tables[1]);
  g_assert_true (services_offerer (services, "store") == A);
  g_assert_null (services_offerer (services, "stor"));
  services_withdraw (services, A, "store");
  g_assert_true (services_offerer (services, "store") == B);
  services_withdraw (services, B, "store");
  g_assert_null (services_offerer (services, "store"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/services/offer", test_offer);
  g_test_add_func ("/services/names", test_names);
  g_test_add_func ("/services/several", test_several);
  g_test_add_func ("/services/withdraw-waits", test_withdraw_waits);
  g_test_add_func ("/services/forget", test_forget);
  g_test_add_func ("/services/offerer", test_offerer);
  return g_test_run ();
}
