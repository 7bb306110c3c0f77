/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * suite17.h - the authentication of cipher suite 17 for OpenIPMI, which has none
 * of its own: RAKP-HMAC-SHA256 (IPMI 2.0, table 13-17).
 *
 * Its integrity and its confidentiality are in rmcpp.h.  Suites 15 and 16 come
 * with it.  One thread.
 */
#ifndef SUITE17_H
#define SUITE17_H

#include <OpenIPMI/ipmi_conn.h>
#include <glib.h>

/* Puts K1 (SUITE17_HASH_SIZE bytes) of the session that is being opened on this
 * connection into `key`.  FALSE: there is none with this authentication. */
gboolean suite17_take_key (ipmi_con_t *con, guint8 *key);

/* Once, after ipmi_init().  FALSE: OpenIPMI has it already, or takes none. */
gboolean suite17_register (void);

#endif
