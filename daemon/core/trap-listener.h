/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trap-listener.h - Platform Event Traps: a hint to read a SEL now.
 *
 * A trap is never taken for an event, because anybody can send one.  It names a
 * BMC, by the address it comes from or by the GUID in it, and that BMC's SEL is
 * polled at once instead of a little later; what stands there is the event.
 * The worst that a forged trap can do is such a poll.  Polls are limited for
 * each BMC and for all together; a poll over the limit is made as soon as the
 * limit permits, and stands for all that came meanwhile.
 *
 * Belongs to the thread of the default main context, as does all that it calls.
 */
#ifndef TRAP_LISTENER_H
#define TRAP_LISTENER_H

#include "core/pet.h"

#include <sys/socket.h>

/* Who the BMCs are, and how they are polled.  A BMC is a number that is not 0. */
typedef struct
{
  /* The BMC with this address, of which the port does not count and IPv4 may be
   * in IPv6 clothes; 0: none. */
  gint64 (*find_address) (const struct sockaddr *address, gpointer user_data);
  /* The BMC that answers Get System GUID with these bytes; 0: none. */
  gint64 (*find_guid) (const guint8 guid[PET_GUID_SIZE], gpointer user_data);
  /* Polls this BMC's SEL now; one that is gone or not connected is no mistake. */
  void (*poll) (gint64 bmc, gpointer user_data);
} TrapHooks;

/* What has come since the start. */
typedef struct
{
  guint64 received;   /* datagrams */
  guint64 garbage;    /* of them, no PET */
  guint64 unknown;    /* of them, of nobody that we know */
  guint64 duplicates; /* of them, said before */
  guint64 polls;      /* that followed */
} TrapCounts;

typedef struct _TrapListener TrapListener;

/* Opens the socket; see trap_socket_open() for `listen` and `passed`. */
TrapListener *trap_listener_new (const char *listen, int passed, const TrapHooks *hooks, gpointer user_data,
                                 GError **error);
void trap_listener_free (TrapListener *listener);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TrapListener, trap_listener_free)

TrapCounts trap_listener_counts (const TrapListener *listener);

/* "traps: …" with its counts on lines of their own, for people. */
void trap_listener_describe (const TrapListener *listener, GString *out);

#endif
