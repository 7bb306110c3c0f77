/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* channel.c - see channel.h. */
#ifdef HAVE_CONFIG_H
#include <config.h> /* _GNU_SOURCE */
#endif

#include "channel.h"

#include "error.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* Frames read in one go before other sources of the loop get their turn. */
#define FRAMES_PER_DISPATCH 64

struct _Channel
{
  int fd;
  GMainContext *context;
  GSource *readable; /* NULL once closed */
  GSource *writable; /* only while something waits */
  GQueue outgoing;   /* GBytes */
  ChannelFrameFunc on_frame;
  ChannelClosedFunc on_closed;
  gpointer user_data;
  gboolean *freed; /* set when the channel is freed inside a callback */
  guint8 buffer[FRAME_SIZE_MAX];
};

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static GSource *
watch (Channel *channel, GIOCondition condition, GUnixFDSourceFunc function)
{
  GSource *source = g_unix_fd_source_new (channel->fd, condition);

  /* No callback runs a loop of its own.  But a source that cannot recurse is taken
   * out of the poll while it is dispatched and put back, and GLib wakes the loop for
   * each: two more writes, a read and a turn for every packet. */
  g_source_set_can_recurse (source, TRUE);
  g_source_set_callback (source, G_SOURCE_FUNC (function), channel, NULL);
  g_source_attach (source, channel->context);
  return source;
}

static void
close_channel (Channel *channel, const GError *error)
{
  if (channel->readable == NULL)
    return;
  clear_source (&channel->readable);
  clear_source (&channel->writable);
  g_queue_clear_full (&channel->outgoing, (GDestroyNotify) g_bytes_unref);
  channel->on_closed (error, channel->user_data);
}

/* FALSE: nothing more to read for now, or the channel is closed or freed. */
static gboolean
receive_one (Channel *channel)
{
  ssize_t size = recv (channel->fd, channel->buffer, sizeof channel->buffer, MSG_DONTWAIT | MSG_TRUNC);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) body = NULL;
  FrameType type;

  if (size < 0 && (errno == EAGAIN || errno == EINTR))
    return errno == EINTR;
  if (size <= 0)
    {
      close_channel (channel, NULL);
      return FALSE;
    }
  gboolean good = frame_decode (channel->buffer, (gsize) size, &type, &body, &error);
  /* An ADD has passwords in it. */
  explicit_bzero (channel->buffer, MIN ((gsize) size, sizeof channel->buffer));
  if (!good)
    {
      close_channel (channel, error);
      return FALSE;
    }
  channel->on_frame (type, body, channel->user_data);
  return TRUE;
}

/* FALSE if the channel was closed or freed on the way. */
static gboolean
receive_up_to (Channel *channel, guint frames)
{
  gboolean freed = FALSE;
  gboolean *outer = channel->freed;
  gboolean more = TRUE;

  channel->freed = &freed;
  for (guint i = 0; i < frames && more; i++)
    {
      more = receive_one (channel);
      if (freed)
        {
          if (outer != NULL)
            *outer = TRUE;
          return FALSE;
        }
      if (channel->readable == NULL)
        more = FALSE;
    }
  channel->freed = outer;
  return channel->readable != NULL;
}

static gboolean
on_readable (G_GNUC_UNUSED int fd, G_GNUC_UNUSED GIOCondition condition, gpointer user_data)
{
  return receive_up_to (user_data, FRAMES_PER_DISPATCH) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* FALSE if the socket is full; a broken socket shows on the reading side. */
static gboolean
send_queued (Channel *channel)
{
  GBytes *packet;

  while ((packet = g_queue_peek_head (&channel->outgoing)) != NULL)
    {
      gsize size;
      gconstpointer data = g_bytes_get_data (packet, &size);
      ssize_t sent = send (channel->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

      if (sent < 0 && errno == EINTR)
        continue;
      if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
        return FALSE;
      g_bytes_unref (g_queue_pop_head (&channel->outgoing));
    }
  return TRUE;
}

static gboolean
on_writable (G_GNUC_UNUSED int fd, G_GNUC_UNUSED GIOCondition condition, gpointer user_data)
{
  Channel *channel = user_data;

  if (!send_queued (channel))
    return G_SOURCE_CONTINUE;
  g_clear_pointer (&channel->writable, g_source_unref);
  return G_SOURCE_REMOVE;
}

Channel *
channel_new (int fd, GMainContext *context, ChannelFrameFunc on_frame, ChannelClosedFunc on_closed, gpointer user_data)
{
  Channel *channel = g_new0 (Channel, 1);

  channel->fd = fd;
  channel->context = context;
  channel->on_frame = on_frame;
  channel->on_closed = on_closed;
  channel->user_data = user_data;
  g_queue_init (&channel->outgoing);
  channel->readable = watch (channel, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable);
  return channel;
}

void
channel_free (Channel *channel)
{
  if (channel == NULL)
    return;
  if (channel->freed != NULL)
    *channel->freed = TRUE;
  clear_source (&channel->readable);
  clear_source (&channel->writable);
  g_queue_clear_full (&channel->outgoing, (GDestroyNotify) g_bytes_unref);
  g_close (channel->fd, NULL);
  g_free (channel);
}

void
channel_send (Channel *channel, FrameType type, GVariant *body)
{
  GBytes *packet = frame_encode (type, body);

  if (channel->readable == NULL)
    {
      g_bytes_unref (packet);
      return;
    }
  g_queue_push_tail (&channel->outgoing, packet);
  if (channel->writable == NULL && !send_queued (channel))
    channel->writable = watch (channel, G_IO_OUT, on_writable);
}

guint
channel_pending (const Channel *channel)
{
  return channel->outgoing.length;
}

gboolean
channel_flush (Channel *channel, gint64 timeout_us)
{
  gint64 deadline = g_get_monotonic_time () + timeout_us;

  while (channel->readable != NULL && !send_queued (channel))
    {
      gint64 left = deadline - g_get_monotonic_time ();
      struct pollfd writable = { .fd = channel->fd, .events = POLLOUT };

      if (left <= 0)
        return FALSE;
      poll (&writable, 1, (int) (left / 1000) + 1);
    }
  return channel->outgoing.length == 0;
}

void
channel_drain (Channel *channel)
{
  struct pollfd readable = { .fd = channel->fd, .events = POLLIN };

  while (channel->readable != NULL && poll (&readable, 1, 0) > 0)
    if (!receive_up_to (channel, 1))
      return;
}
