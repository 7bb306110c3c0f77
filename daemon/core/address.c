/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* address.c - see address.h. */
#include "core/address.h"

#include "event/error.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

/* RFC 1035, section 2.3.4. */
#define NAME_MAX_BYTES 253

/* The letters of names, of hosts and of network interfaces. */
static gboolean
is_word (const char *text)
{
  for (const char *c = text; *c != '\0'; c++)
    if (!g_ascii_isalnum (*c) && strchr ("-._", *c) == NULL)
      return FALSE;
  return *text != '\0';
}

/* The binary form of an IPv6 address, which may have a zone (RFC 4007). */
static gboolean
parse_ipv6 (const char *host, struct in6_addr *address)
{
  g_autofree char *bare = g_strndup (host, strcspn (host, "%"));
  const char *zone = strchr (host, '%');

  return (zone == NULL || is_word (zone + 1)) && inet_pton (AF_INET6, bare, address) == 1;
}

static gboolean
is_ipv6 (const char *host)
{
  struct in6_addr address;

  return parse_ipv6 (host, &address);
}

/* Digits and dots only are meant to be an IPv4 address. */
static gboolean
is_name (const char *host)
{
  struct in_addr address;

  if (!is_word (host) || strlen (host) > NAME_MAX_BYTES)
    return FALSE;
  if (strspn (host, "0123456789.") == strlen (host))
    return inet_pton (AF_INET, host, &address) == 1;
  return *host != '-' && *host != '.';
}

/* Where the host ends: at the ']' of a bracketed address, at the only colon,
 * or at the end. */
static const char *
end_of_host (const char *text)
{
  const char *colon = strchr (text, ':');

  if (*text == '[')
    return strchr (text, ']');
  return colon != NULL && strchr (colon + 1, ':') == NULL ? colon : text + strlen (text);
}

gboolean
address_parse (const char *text, char **host, char **port, GError **error)
{
  gboolean brackets = *text == '[';
  const char *end = end_of_host (text), *rest = end;
  g_autofree char *name = NULL;

  *host = *port = NULL;
  if (end != NULL)
    {
      name = g_strndup (text + brackets, (gsize) (end - text) - brackets);
      rest = end + brackets;
    }
  if (name == NULL || !(brackets || strchr (name, ':') != NULL ? is_ipv6 (name) : is_name (name))
      || (*rest != '\0' && *rest != ':'))
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                   "'%s' is no address: give a name, 10.1.2.3, fe80::1, or one with a port as in 10.1.2.3:623 or "
                   "[fe80::1]:623",
                   text);
      return FALSE;
    }
  if (*rest == ':' && address_port (rest + 1) == 0)
    {
      g_set_error (error, IPMID_ERROR, IPMID_ERROR_USAGE,
                   "'%s' is no UDP port: give a number from 1 to 65535 or a name from /etc/services", rest + 1);
      return FALSE;
    }
  *host = g_steal_pointer (&name);
  *port = *rest == ':' ? g_strdup (rest + 1) : NULL;
  return TRUE;
}

char *
address_canonical (const char *host)
{
  char text[INET6_ADDRSTRLEN];
  struct in6_addr ipv6;
  const char *zone = strchr (host, '%');

  if (!parse_ipv6 (host, &ipv6))
    return g_ascii_strdown (host, -1);
  inet_ntop (AF_INET6, &ipv6, text, sizeof text);
  return g_strconcat (text, zone, NULL);
}

guint16
address_port (const char *port)
{
  guint64 number;
  char buffer[1024];
  struct servent entry, *found = NULL;

  if (g_ascii_string_to_unsigned (port, 10, 1, G_MAXUINT16, &number, NULL))
    return (guint16) number;
  if (getservbyname_r (port, "udp", &entry, buffer, sizeof buffer, &found) != 0 || found == NULL)
    return 0;
  return GUINT16_FROM_BE ((guint16) found->s_port);
}
