/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stream.c - see stream.h. */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

void
stream_init (Stream *stream)
{
  stream->in = stream->out = -1;
  stream->unsent = g_string_new (NULL);
  ack_reader_init (&stream->answers);
}

void
stream_close (Stream *stream)
{
  if (stream->in >= 0)
    close (stream->in);
  if (stream->out >= 0)
    close (stream->out);
  stream->in = stream->out = -1;
  stream->broken = FALSE;
  stream->queued = stream->taken = 0;
  g_string_truncate (stream->unsent, 0);
  ack_reader_clear (&stream->answers);
  ack_reader_init (&stream->answers);
}

void
stream_clear (Stream *stream)
{
  stream_close (stream);
  g_string_free (stream->unsent, TRUE);
  ack_reader_clear (&stream->answers);
}

/* A pipe of which the program gets one end and we the other, non-blocking. */
static gboolean
make_pipe (int *theirs, int *ours, gboolean we_write, GError **error)
{
  int ends[2];

  if (pipe2 (ends, O_CLOEXEC) != 0)
    {
      g_set_error (error, G_FILE_ERROR, (int) g_file_error_from_errno (errno), "cannot make a pipe: %s",
                   g_strerror (errno));
      return FALSE;
    }
  *ours = ends[we_write ? 1 : 0];
  *theirs = ends[we_write ? 0 : 1];
  fcntl (*ours, F_SETFL, O_NONBLOCK);
  return TRUE;
}

gboolean
stream_open (Stream *stream, gboolean answered, int ends[2], GError **error)
{
  ends[0] = ends[1] = -1;
  stream_close (stream);
  if (!make_pipe (&ends[0], &stream->in, TRUE, error))
    return FALSE;
  if (!answered || make_pipe (&ends[1], &stream->out, FALSE, error))
    return TRUE;
  close (ends[0]);
  stream_close (stream);
  return FALSE;
}

guint64
stream_add (Stream *stream, const GString *text)
{
  g_string_append_len (stream->unsent, text->str, (gssize) text->len);
  stream->queued += text->len;
  return stream->queued;
}

gboolean
stream_push (Stream *stream)
{
  guint64 before = stream->taken;
  ssize_t written = 0;
  int in_pipe = 0;

  if (stream->unsent->len > 0)
    written = write (stream->in, stream->unsent->str, stream->unsent->len);
  if (written > 0)
    g_string_erase (stream->unsent, 0, written);
  else if (written < 0 && errno != EAGAIN && errno != EINTR)
    stream->broken = TRUE;
  /* On Linux the writing end knows as well how much stands in the pipe. */
  if (ioctl (stream->in, FIONREAD, &in_pipe) == 0)
    stream->taken = stream->queued - stream->unsent->len - (guint64) in_pipe;
  return stream->taken > before;
}

gboolean
stream_pull (Stream *stream)
{
  char bytes[16 * 1024];
  ssize_t length = read (stream->out, bytes, sizeof bytes);

  if (length > 0)
    ack_reader_push (&stream->answers, bytes, (gsize) length);
  else if (length == 0 || (errno != EAGAIN && errno != EINTR))
    stream->broken = TRUE;
  return length > 0;
}
