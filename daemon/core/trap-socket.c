/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trap-socket.c - see trap-socket.h. */
#include "core/trap-socket.h"

#include "event/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Many BMCs may have something to say at the same moment, when power fails. */
#define RECEIVE_BUFFER (1 << 20)

typedef union
{
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  struct sockaddr_storage storage;
} Address;

/* ------------------------------------------------------------------- parsing */

static gboolean
parse_port (const char *listen, const char *colon, guint16 *port, GError **error)
{
  guint64 number;

  if (colon == NULL)
    return error_usage (error, "'%s' has no port: it looks like [ADDRESS]:PORT, for example :162", listen);
  if (!g_ascii_string_to_unsigned (colon + 1, 10, 1, G_MAXUINT16, &number, NULL))
    return error_usage (error, "'%s' is no port in '%s': a number from 1 to 65535 is", colon + 1, listen);
  *port = (guint16) number;
  return TRUE;
}

/* In brackets, where an IPv4 address may stand as well. */
static gboolean
parse_bracketed (const char *listen, const char *text, Address *address, GError **error)
{
  address->any.sa_family = AF_INET;
  if (inet_pton (AF_INET, text, &address->v4.sin_addr) == 1)
    return TRUE;
  address->any.sa_family = AF_INET6;
  if (inet_pton (AF_INET6, text, &address->v6.sin6_addr) == 1)
    return TRUE;
  return error_usage (error, "'%s' is no numeric address in '%s'", text, listen);
}

static gboolean
parse_plain (const char *listen, const char *text, Address *address, GError **error)
{
  address->v4.sin_family = AF_INET;
  if (inet_pton (AF_INET, text, &address->v4.sin_addr) == 1)
    return TRUE;
  if (strchr (text, ':') != NULL)
    return error_usage (error, "an IPv6 address stands in brackets, as in [::1]:162; '%s' has none", listen);
  return error_usage (error, "'%s' is no numeric address in '%s': give the address and not a name, or :PORT for all",
                      text, listen);
}

/* No address at all is that of IPv6, which takes IPv4 as well. */
static gboolean
parse (const char *listen, Address *address, gboolean *everywhere, GError **error)
{
  const char *colon = strrchr (listen, ':');
  guint16 port;

  memset (address, 0, sizeof *address);
  if (!parse_port (listen, colon, &port, error))
    return FALSE;
  g_autofree char *host = g_strndup (listen, (gsize) (colon - listen));
  gsize length = strlen (host);
  gboolean brackets = length >= 2 && host[0] == '[' && host[length - 1] == ']';
  *everywhere = length == 0;
  if (brackets)
    host[length - 1] = '\0';
  if (*everywhere)
    address->v6.sin6_family = AF_INET6;
  else if (!(brackets ? parse_bracketed (listen, host + 1, address, error)
                      : parse_plain (listen, host, address, error)))
    return FALSE;
  if (address->any.sa_family == AF_INET6)
    address->v6.sin6_port = htons (port);
  else
    address->v4.sin_port = htons (port);
  return TRUE;
}

gboolean
trap_socket_check (const char *listen, GError **error)
{
  Address address;
  gboolean everywhere;

  return parse (listen, &address, &everywhere, error);
}

/* ------------------------------------------------------------------- opening */

static int
fail (int fd, const char *listen, GError **error)
{
  int reason = errno;

  if (fd >= 0)
    close (fd);
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "cannot listen for traps on %s: %s%s", listen,
               g_strerror (reason),
               reason == EACCES ? " (ports below 1024 need root, or ipmid.socket of systemd)" : "");
  return -1;
}

static int
bind_socket (const char *listen, const Address *address, gboolean everywhere, GError **error)
{
  const int buffer = RECEIVE_BUFFER, v6_only = !everywhere;
  socklen_t length = address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
  int fd = socket (address->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return fail (fd, listen, error);
  setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (address->any.sa_family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  return bind (fd, &address->any, length) == 0 ? fd : fail (fd, listen, error);
}

static int
open_own (const char *listen, GError **error)
{
  Address address;
  gboolean everywhere;
  g_autoptr (GError) local = NULL;

  if (!parse (listen, &address, &everywhere, error))
    return -1;
  int fd = bind_socket (listen, &address, everywhere, &local);
  if (fd < 0 && everywhere && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
    {
      /* A machine without IPv6. */
      in_port_t port = address.v6.sin6_port;
      memset (&address, 0, sizeof address);
      address.v4.sin_family = AF_INET;
      address.v4.sin_port = port;
      g_clear_error (&local);
      fd = bind_socket (listen, &address, everywhere, &local);
    }
  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  return fd;
}

static in_port_t
port_of (const Address *address)
{
  return ntohs (address->any.sa_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port);
}

static in_port_t
bound_port (int fd)
{
  Address address = { 0 };
  socklen_t length = sizeof address;

  return getsockname (fd, &address.any, &length) == 0 ? port_of (&address) : 0;
}

/* Its owner keeps it for the next core. */
static int
copy_passed (int passed, GError **error)
{
  int fd = fcntl (passed, F_DUPFD_CLOEXEC, 3);

  if (fd < 0 || fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK) < 0)
    return fail (fd, "the socket of systemd", error);
  return fd;
}

int
trap_socket_open (const char *listen, int passed, GError **error)
{
  Address address;
  gboolean everywhere;

  if (listen == NULL)
    return copy_passed (passed, error);
  if (!parse (listen, &address, &everywhere, error))
    return -1;
  if (passed != 0 && bound_port (passed) == port_of (&address))
    return copy_passed (passed, error);
  return open_own (listen, error);
}

/* ----------------------------------------------------------------- addresses */

/* As resolve.c writes addresses. */
void
trap_socket_host (const struct sockaddr *address, char *text)
{
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) address;
  socklen_t length = address->sa_family == AF_INET6 ? sizeof *v6 : sizeof (struct sockaddr_in);
  gboolean good;

  if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED (&v6->sin6_addr))
    good = inet_ntop (AF_INET, &v6->sin6_addr.s6_addr[12], text, TRAP_ADDRESS_SIZE) != NULL;
  else
    good = getnameinfo (address, length, text, TRAP_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) == 0;
  if (!good)
    g_strlcpy (text, "?", TRAP_ADDRESS_SIZE);
}

char *
trap_socket_describe (int fd)
{
  Address address = { 0 };
  socklen_t length = sizeof address;
  char host[TRAP_ADDRESS_SIZE];

  if (getsockname (fd, &address.any, &length) != 0)
    return g_strdup ("a socket");
  trap_socket_host (&address.any, host);
  return g_strdup_printf (strchr (host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port_of (&address));
}

gboolean
trap_socket_receive (int fd, guint8 *buffer, gsize size, gsize *length, struct sockaddr_storage *sender)
{
  socklen_t sender_length = sizeof *sender;
  ssize_t n;

  memset (sender, 0, sizeof *sender);
  do
    n = recvfrom (fd, buffer, size, 0, (struct sockaddr *) sender, &sender_length);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return FALSE;
  *length = (gsize) n;
  return TRUE;
}
