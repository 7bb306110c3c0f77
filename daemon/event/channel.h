/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * channel.h - frames over a SOCK_SEQPACKET socket, without blocking.
 *
 * A channel belongs to the thread that runs its main context.  What the socket
 * does not take at once waits in a queue; whoever sends looks at
 * channel_pending() where the amount is not bounded by the protocol.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "frame.h"

typedef struct _Channel Channel;

/* `body` belongs to the channel.  May send, and may free the channel. */
typedef void (*ChannelFrameFunc) (FrameType type, GVariant *body, gpointer user_data);

/* The other side is gone (error is NULL) or sent nonsense (error says what).
 * Called once, after which no frame comes.  May free the channel. */
typedef void (*ChannelClosedFunc) (const GError *error, gpointer user_data);

/* Takes the descriptor over.  `context` NULL: the default main context. */
Channel *channel_new (int fd, GMainContext *context, ChannelFrameFunc on_frame, ChannelClosedFunc on_closed,
                      gpointer user_data);
void channel_free (Channel *channel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Channel, channel_free)

/* Queues or sends.  Consumes a floating body.  After the other side has gone
 * it does nothing. */
void channel_send (Channel *channel, FrameType type, GVariant *body);

/* How many frames the socket has not taken yet. */
guint channel_pending (const Channel *channel);

/* Waits, at most so long, until the socket has taken everything. */
gboolean channel_flush (Channel *channel, gint64 timeout_us);

/* Reads what the other side has sent so far, to the end, without waiting. */
void channel_drain (Channel *channel);

#endif
