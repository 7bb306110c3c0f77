/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pet.h - reads a Platform Event Trap.
 *
 * A PET is an SNMPv1 trap (RFC 1157, section 4.1.6) of the enterprise
 * 1.3.6.1.4.1.3183.1.1, whose variable is one octet string (IPMI Platform
 * Event Trap Format Specification v1.0, "Variable Bindings Fields").  Nobody vouches for what such
 * a datagram says; it is read for what identifies its sender, and for nothing
 * else.  Pure functions: no state, no allocation, any thread.
 */
#ifndef PET_H
#define PET_H

#include <glib.h>

#define PET_GUID_SIZE 16u

typedef struct
{
  guint8 guid[PET_GUID_SIZE]; /* as it was sent */
  guint16 sequence;           /* of the event; a repetition has the same; 0: not said */
  guint32 timestamp;          /* of the event: the sender's clock, seconds since 1998; 0: not said */
} Pet;

/* Reads one datagram.  FALSE if it is no PET; then *why says so in words, a
 * static text. */
gboolean pet_parse (const guint8 *datagram, gsize length, Pet *pet, const char **why);

/* The orders in which bytes of a GUID are found. */
#define PET_GUID_ORDERS 3u

/* The GUID of a trap as Get System GUID may have sent it: the same bytes;
 * turned round, because that command begins with the least significant byte
 * (IPMI 2.0, section 20.8); or with the first three fields turned round, as
 * SMBIOS has them.  `order` is below PET_GUID_ORDERS. */
void pet_guid (const Pet *pet, guint order, guint8 guid[PET_GUID_SIZE]);

#endif
