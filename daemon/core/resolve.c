/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resolve.c - see resolve.h.
 *
 * The thread that looks the names up has the question to itself until the
 * answer is queued on the asker's main context; only `cancelled` is the asker's
 * all the time.  The resolver is the asker's alone.  (GTask would do this, but GIO takes more memory than all of
 * the core.)  getaddrinfo() is asked as OpenIPMI would
 * ask it: datagrams, the first answer counts, and a second host must be of the
 * same family as the first.
 */
#include "core/resolve.h"

#include "event/error.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct _Resolver
{
  guint references; /* its owner's, and one of each question */
  guint free_threads;
  GQueue waiting; /* Resolve */
};

struct _Resolve
{
  Resolver *resolver;
  gboolean has_thread;
  char *hosts[3]; /* ends with NULL */
  int family;     /* AF_… */
  char **addresses;
  GError *error;

  GMainContext *context; /* of the asker */
  ResolveFunc callback;
  gpointer user_data;
  gboolean cancelled;
};

Resolver *
resolver_new (guint threads)
{
  Resolver *resolver = g_new0 (Resolver, 1);

  resolver->references = 1;
  resolver->free_threads = threads;
  g_queue_init (&resolver->waiting);
  return resolver;
}

void
resolver_free (Resolver *resolver)
{
  if (resolver == NULL || --resolver->references > 0)
    return;
  g_free (resolver);
}

static int
family_of (const Connection *connection)
{
  switch (connection->family)
    {
    case CONNECTION_FAMILY_IPV4:
      return AF_INET;
    case CONNECTION_FAMILY_IPV6:
      return AF_INET6;
    default:
      return AF_UNSPEC;
    }
}

static Resolve *
resolve_new (Resolver *resolver, const Connection *connection)
{
  Resolve *resolve = g_new0 (Resolve, 1);

  resolve->resolver = resolver;
  resolver->references++;
  resolve->family = family_of (connection);
  resolve->context = g_main_context_ref_thread_default ();
  if (connection->interface == CONNECTION_LAN)
    {
      resolve->hosts[0] = g_strdup (connection->host);
      resolve->hosts[1] = g_strdup (connection->host2);
    }
  return resolve;
}

static void
resolve_free (gpointer data)
{
  Resolve *resolve = data;

  g_free (resolve->hosts[0]);
  g_free (resolve->hosts[1]);
  g_strfreev (resolve->addresses);
  g_clear_error (&resolve->error);
  g_main_context_unref (resolve->context);
  resolver_free (resolve->resolver);
  g_free (resolve);
}

static const char *
family_words (int family)
{
  return family == AF_INET ? " (IPv4)" : family == AF_INET6 ? " (IPv6)" : "";
}

/* The zone of a link-local address as a number: the collector's sandbox cannot
 * look up the name of an interface. */
static void
number_zone (const struct addrinfo *found, char *address, gsize size)
{
  char *zone = found->ai_family == AF_INET6 ? strchr (address, '%') : NULL;

  if (zone != NULL)
    g_snprintf (zone, (gulong) (address + size - zone), "%%%u",
                ((const struct sockaddr_in6 *) (gconstpointer) found->ai_addr)->sin6_scope_id);
}

/* The first address of one host; narrows *family to that of the address. */
static char *
look_up (const char *host, int flags, int *family, GError **error)
{
  struct addrinfo hints = { .ai_family = *family, .ai_socktype = SOCK_DGRAM, .ai_flags = flags }, *found = NULL;
  char address[NI_MAXHOST];
  int rv = getaddrinfo (host, NULL, &hints, &found);

  if (rv == 0)
    {
      rv = getnameinfo (found->ai_addr, found->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST);
      if (rv == 0)
        number_zone (found, address, sizeof address);
      *family = found->ai_family;
      freeaddrinfo (found);
    }
  if (rv == 0)
    return g_strdup (address);
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "no address for '%s'%s: %s", host, family_words (*family),
               gai_strerror (rv));
  return NULL;
}

static char **
answer (const Resolve *resolve, int flags, GError **error)
{
  g_auto (GStrv) addresses = g_new0 (char *, G_N_ELEMENTS (resolve->hosts));
  int family = resolve->family;

  for (guint i = 0; resolve->hosts[i] != NULL; i++)
    if ((addresses[i] = look_up (resolve->hosts[i], flags, &family, error)) == NULL)
      return NULL;
  return g_steal_pointer (&addresses);
}

static void start_waiting (Resolver *resolver);

/* On the asker's thread again. */
static gboolean
on_answered (gpointer data)
{
  const Resolve *resolve = data;

  if (resolve->has_thread)
    {
      resolve->resolver->free_threads++;
      start_waiting (resolve->resolver);
    }
  if (!resolve->cancelled)
    resolve->callback ((const char *const *) resolve->addresses, resolve->error, resolve->user_data);
  return G_SOURCE_REMOVE;
}

static void
queue_answer (Resolve *resolve)
{
  GSource *source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_answered, resolve, resolve_free);
  g_source_attach (source, resolve->context);
  g_source_unref (source);
}

static gpointer
ask (gpointer data)
{
  Resolve *resolve = data;

  resolve->addresses = answer (resolve, 0, &resolve->error);
  queue_answer (resolve);
  return NULL;
}

static void
start_waiting (Resolver *resolver)
{
  Resolve *resolve;

  while (resolver->free_threads > 0 && (resolve = g_queue_pop_head (&resolver->waiting)) != NULL)
    {
      GThread *thread = g_thread_try_new ("resolve", ask, resolve, &resolve->error);
      resolve->has_thread = thread != NULL;
      resolver->free_threads -= thread != NULL;
      if (thread != NULL)
        g_thread_unref (thread);
      else
        queue_answer (resolve);
    }
}

Resolve *
resolve_connection (Resolver *resolver, const Connection *connection, ResolveFunc callback, gpointer user_data)
{
  Resolve *resolve = resolve_new (resolver, connection);

  resolve->callback = callback;
  resolve->user_data = user_data;
  resolve->addresses = answer (resolve, AI_NUMERICHOST, NULL);
  if (resolve->addresses != NULL)
    queue_answer (resolve);
  else
    {
      g_queue_push_tail (&resolver->waiting, resolve);
      start_waiting (resolver);
    }
  return resolve;
}

gboolean
resolve_has_names (const Connection *connection)
{
  const char *const hosts[] = { connection->host, connection->host2 };
  struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *found;

  for (guint i = 0; connection->interface == CONNECTION_LAN && i < G_N_ELEMENTS (hosts); i++)
    {
      if (hosts[i] == NULL)
        continue;
      if (getaddrinfo (hosts[i], NULL, &hints, &found) != 0)
        return TRUE;
      freeaddrinfo (found);
    }
  return FALSE;
}

void
resolve_cancel (Resolve *resolve)
{
  resolve->cancelled = TRUE;
  if (g_queue_remove (&resolve->resolver->waiting, resolve))
    resolve_free (resolve);
}
