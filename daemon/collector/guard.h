/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guard.h - does a reply fit its request?
 *
 * OpenIPMI checks the length of a reply from below only.  Before it sees one,
 * the collector asks here.  Pure logic, without state.
 */
#ifndef GUARD_H
#define GUARD_H

#include <glib.h>

/* Network functions of requests (IPMI 2.0, table 5-1). */
#define GUARD_NETFN_CHASSIS 0x00
#define GUARD_NETFN_SENSOR 0x04
#define GUARD_NETFN_APP 0x06
#define GUARD_NETFN_STORAGE 0x0a
#define GUARD_NETFN_TRANSPORT 0x0c
#define GUARD_NETFN_GROUP 0x2c

/* What a group's messages begin with (table 5-1; DCMI 1.5, section 6). */
#define GUARD_GROUP_DCMI 0xdc

/* What stands in for the completion code of a reply that does not fit:
 * "unspecified error". */
#define GUARD_REFUSED 0xff

/* The lengths, with the completion code, of a good reply (completion code 0)
 * to this request.  FALSE: the command is not known, any length goes. */
gboolean guard_expected (guint8 netfn, guint8 command, const guint8 *request, gsize request_length, gsize *minimum,
                         gsize *maximum);

/* FALSE if the reply must not be believed.  One with a completion code other
 * than 0 fits if it has that code. */
gboolean guard_reply_fits (guint8 netfn, guint8 command, const guint8 *request, gsize request_length,
                           const guint8 *reply, gsize reply_length);

/* Whether the command only reads, so that it may be sent once more when its
 * answer got lost. */
gboolean guard_is_repeatable (guint8 netfn, guint8 command);

/* The table, for tests: the i-th fixed entry, FALSE beyond the end. */
gboolean guard_table_entry (guint i, guint8 *netfn, guint8 *command, gsize *minimum, gsize *maximum);

#endif
