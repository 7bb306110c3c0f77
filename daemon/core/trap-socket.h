/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trap-socket.h - the UDP socket on which Platform Event Traps come in.
 *
 * Any thread.
 */
#ifndef TRAP_SOCKET_H
#define TRAP_SOCKET_H

#include <glib.h>
#include <sys/socket.h>

/* Whether `listen` is "[ADDRESS]:PORT": a numeric IPv4 address, a numeric IPv6
 * address in brackets, or nothing for all addresses of this machine; then a
 * port from 1 to 65535. */
gboolean trap_socket_check (const char *listen, GError **error);

/* A non-blocking socket that is bound to `listen`, -1 on failure.  `passed` is
 * one that systemd opened (daemon/notify.h), 0 if there is none; it stays the
 * caller's, and the result is a copy of it if `listen` is NULL or names its
 * port.  One of the two must be there. */
int trap_socket_open (const char *listen, int passed, GError **error);

/* "10.1.2.3:162", for people. */
char *trap_socket_describe (int fd);

/* Reads one datagram into `buffer`.  FALSE: nothing is there. */
gboolean trap_socket_receive (int fd, guint8 *buffer, gsize size, gsize *length, struct sockaddr_storage *sender);

/* Writes a numeric address (without a port; an IPv4 address in IPv6 clothes as
 * IPv4) into `text`, which has room for TRAP_ADDRESS_SIZE; "?" if it has none. */
#define TRAP_ADDRESS_SIZE 80u
void trap_socket_host (const struct sockaddr *address, char *text);

#endif
