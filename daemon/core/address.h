/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * address.h - where a BMC is, as people write it: "bmc1", "bmc1:623",
 * "10.1.2.3", "fe80::1%eth0", "[fe80::1]:623".  Pure logic, any thread.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <glib.h>

/* Splits it; `*port` is NULL if there is none.  The results are the caller's,
 * the host without brackets.  A name is not looked up. */
gboolean address_parse (const char *text, char **host, char **port, GError **error);

/* One spelling for each numeric address, lower case for names: two that are
 * equal are one. */
char *address_canonical (const char *host);

/* A number or the name of a UDP service; 0 if it is neither. */
guint16 address_port (const char *port);

#endif
