/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* networks.c - see networks.h. */
#include "networks.h"

#include <gio/gio.h>
#include <netinet/in.h>

GPtrArray *
networks_parse (const char *const *words, GError **error)
{
  g_autoptr (GPtrArray) networks = g_ptr_array_new_with_free_func (g_object_unref);

  for (; words != NULL && *words != NULL; words++)
    {
      GInetAddressMask *mask = g_inet_address_mask_new_from_string (*words, NULL);

      if (mask == NULL)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                       "'%s' is no network: 10.0.0.0/8 and fe80::/10 are right (all bits behind the prefix are 0)",
                       *words);
          return NULL;
        }
      g_ptr_array_add (networks, mask);
    }
  return g_steal_pointer (&networks);
}

static GInetAddress *
address_of (const struct sockaddr *address)
{
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) (const void *) address;
  const struct sockaddr_in *v4 = (const struct sockaddr_in *) (const void *) address;

  if (address->sa_family == AF_INET)
    return g_inet_address_new_from_bytes ((const guint8 *) &v4->sin_addr, G_SOCKET_FAMILY_IPV4);
  if (address->sa_family != AF_INET6)
    return NULL;
  if (IN6_IS_ADDR_V4MAPPED (&v6->sin6_addr))
    return g_inet_address_new_from_bytes (v6->sin6_addr.s6_addr + 12, G_SOCKET_FAMILY_IPV4);
  return g_inet_address_new_from_bytes (v6->sin6_addr.s6_addr, G_SOCKET_FAMILY_IPV6);
}

gboolean
networks_contain (const GPtrArray *networks, const struct sockaddr *address)
{
  g_autoptr (GInetAddress) inet = NULL;

  if (networks == NULL || networks->len == 0 || (inet = address_of (address)) == NULL)
    return FALSE;
  for (guint i = 0; i < networks->len; i++)
    if (g_inet_address_mask_matches (networks->pdata[i], inet))
      return TRUE;
  return FALSE;
}
