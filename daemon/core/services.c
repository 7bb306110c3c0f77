/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* services.c - see services.h. */
#include "core/services.h"

#include <string.h>

typedef struct
{
  gconstpointer member;
  gconstpointer table;
} Offer;

/* Everything of one name.  Only the first offer can be held, so that a name is
 * enough to say what is released. */
typedef struct
{
  GArray *offers;      /* Offer, in the order in which they came */
  GHashTable *holders; /* member → how often it holds the first offer */
  gboolean closing;    /* the first one waits for its holders */
} Service;

struct _Services
{
  GMutex lock;
  GCond released;
  GHashTable *by_name; /* Service; it stays when nobody offers it any more */
};

static void
free_service (gpointer data)
{
  Service *service = data;

  g_array_unref (service->offers);
  g_hash_table_unref (service->holders);
  g_free (service);
}

Services *
services_new (void)
{
  Services *services = g_new0 (Services, 1);

  g_mutex_init (&services->lock);
  g_cond_init (&services->released);
  services->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_service);
  return services;
}

void
services_free (Services *services)
{
  if (services == NULL)
    return;
  g_hash_table_unref (services->by_name);
  g_mutex_clear (&services->lock);
  g_cond_clear (&services->released);
  g_free (services);
}

static gboolean
is_name (const char *name)
{
  return g_ascii_islower (name[0]) && strlen (name) <= SERVICES_NAME_MAX
         && strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen (name);
}

static Service *
ensure (Services *services, const char *name)
{
  Service *service = g_hash_table_lookup (services->by_name, name);

  if (service == NULL)
    {
      service = g_new0 (Service, 1);
      service->offers = g_array_new (FALSE, FALSE, sizeof (Offer));
      service->holders = g_hash_table_new (NULL, NULL);
      g_hash_table_insert (services->by_name, g_strdup (name), service);
    }
  return service;
}

/* The place of the member's offer; -1 if it has none. */
static int
find_offer (const Service *service, gconstpointer member)
{
  for (guint i = 0; service != NULL && i < service->offers->len; i++)
    if (g_array_index (service->offers, Offer, i).member == member)
      return (int) i;
  return -1;
}

gboolean
services_offer (Services *services, gconstpointer member, const char *name, gconstpointer table)
{
  const Offer offer = { member, table };

  if (!is_name (name))
    return FALSE;
  g_mutex_lock (&services->lock);
  Service *service = ensure (services, name);
  gboolean good = find_offer (service, member) < 0;
  if (good)
    g_array_append_val (service->offers, offer);
  g_mutex_unlock (&services->lock);
  return good;
}

/* The lock is held. */
static void
withdraw (Services *services, Service *service, gconstpointer member)
{
  int place = find_offer (service, member);

  if (place < 0)
    return;
  if (place == 0)
    {
      service->closing = TRUE;
      while (g_hash_table_size (service->holders) > 0)
        g_cond_wait (&services->released, &services->lock);
      service->closing = FALSE;
    }
  /* Those behind it may have gone meanwhile; the first one stays the first. */
  g_array_remove_index (service->offers, (guint) place);
}

void
services_withdraw (Services *services, gconstpointer member, const char *name)
{
  g_mutex_lock (&services->lock);
  withdraw (services, g_hash_table_lookup (services->by_name, name), member);
  g_mutex_unlock (&services->lock);
}

gconstpointer
services_lookup (Services *services, gconstpointer member, const char *name)
{
  gconstpointer table = NULL;

  g_mutex_lock (&services->lock);
  Service *service = g_hash_table_lookup (services->by_name, name);
  if (service != NULL && !service->closing && service->offers->len > 0)
    {
      gsize held = GPOINTER_TO_SIZE (g_hash_table_lookup (service->holders, member));
      g_hash_table_insert (service->holders, (gpointer) member, GSIZE_TO_POINTER (held + 1));
      table = g_array_index (service->offers, Offer, 0).table;
    }
  g_mutex_unlock (&services->lock);
  return table;
}

void
services_release (Services *services, gconstpointer member, const char *name)
{
  g_mutex_lock (&services->lock);
  Service *service = g_hash_table_lookup (services->by_name, name);
  gsize held = service == NULL ? 0 : GPOINTER_TO_SIZE (g_hash_table_lookup (service->holders, member));
  if (held > 1)
    g_hash_table_insert (service->holders, (gpointer) member, GSIZE_TO_POINTER (held - 1));
  else if (held == 1)
    {
      g_hash_table_remove (service->holders, member);
      g_cond_broadcast (&services->released);
    }
  g_mutex_unlock (&services->lock);
}

gconstpointer
services_offerer (Services *services, const char *name)
{
  gconstpointer member = NULL;

  g_mutex_lock (&services->lock);
  const Service *service = g_hash_table_lookup (services->by_name, name);
  if (service != NULL && service->offers->len > 0)
    member = g_array_index (service->offers, Offer, 0).member;
  g_mutex_unlock (&services->lock);
  return member;
}

gboolean
services_forget (Services *services, gconstpointer member)
{
  GHashTableIter iter;
  gpointer value;
  gboolean left = FALSE;

  g_mutex_lock (&services->lock);
  g_hash_table_iter_init (&iter, services->by_name);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    left |= g_hash_table_remove (((Service *) value)->holders, member);
  g_cond_broadcast (&services->released);
  /* Services are only ever added, so waiting in the midst of them is safe only
   * without an iterator. */
  g_autoptr (GList) all = g_hash_table_get_values (services->by_name);
  for (GList *link = all; link != NULL; link = link->next)
    {
      left |= find_offer (link->data, member) >= 0;
      withdraw (services, link->data, member);
    }
  g_mutex_unlock (&services->lock);
  return left;
}
