/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * networks.h - where a plugin must not connect to.
 *
 * Looked at when a connection is made, so that a name that suddenly means
 * another address does not get around it.  No state; any thread.
 */
#ifndef NETWORKS_H
#define NETWORKS_H

#include <glib.h>
#include <sys/socket.h>

/* "10.0.0.0/8", "fe80::/10", or one address; GInetAddressMask each.  NULL if one of
 * the words is none. */
GPtrArray *networks_parse (const char *const *words, GError **error);

/* Whether the address is in one of them.  An IPv4 address that is mapped into IPv6
 * counts as what it is.  What is no address of IP is not.  `networks` may be NULL. */
gboolean networks_contain (const GPtrArray *networks, const struct sockaddr *address);

#endif
