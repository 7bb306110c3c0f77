/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inbox.h - which datagrams OpenIPMI gets to see, and whose they are.
 *
 * OpenIPMI shares one socket among 32 BMCs and trusts what comes from it more
 * than it should: it accepts other algorithms than it asked for, and messages
 * without authentication within an authenticated session.  Each datagram is
 * judged here by its first bytes before OpenIPMI takes it from the socket.  A
 * BMC that floods us is cut off cheaply, before anything is decrypted.
 *
 * Pure logic, one thread.
 */
#ifndef INBOX_H
#define INBOX_H

#include <glib.h>
#include <sys/socket.h>

/* So many bytes of a datagram are enough to judge it. */
#define INBOX_HEAD_SIZE 64u

typedef struct _Inbox Inbox;

/* One address of one BMC. */
typedef struct _InboxSource InboxSource;

/* An algorithm that may be any. */
#define INBOX_ANY (-1)

/* What the session must be like.  Without rmcp_plus nothing is demanded. */
typedef struct
{
  gboolean rmcp_plus;
  int authentication, integrity, confidentiality; /* numbers of tables 13-17 to 13-19, or INBOX_ANY */
} InboxDemand;

/* What has come from a source. */
typedef struct
{
  guint64 passed;
  guint64 flooding;   /* beyond what any BMC has to say */
  guint64 unfit;      /* no IPMI, or not of this session's kind */
  guint64 downgrades; /* a session with other algorithms than asked for */
  guint64 exchanges;  /* RAKP 2 and RAKP 4: it has used the password, or refused to */
} InboxCounts;

Inbox *inbox_new (void);
void inbox_free (Inbox *inbox); /* after its sources */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Inbox, inbox_free)

/* `bmc` is only given back.  Two BMCs may have the same address. */
InboxSource *inbox_source_new (Inbox *inbox, guint32 bmc, const struct sockaddr *address, socklen_t length,
                               const InboxDemand *demand);
void inbox_source_free (InboxSource *source);
void inbox_source_counts (const InboxSource *source, InboxCounts *counts);

/* Whether OpenIPMI may have the datagram: `head` is its first bytes, `length`
 * all of it, `now` monotonic microseconds.  *bmc becomes whose it is, 0 if
 * nobody's. */
gboolean inbox_judge (Inbox *inbox, const struct sockaddr *from, socklen_t from_length, const guint8 *head,
                      gsize length, gint64 now, guint32 *bmc);

#endif
