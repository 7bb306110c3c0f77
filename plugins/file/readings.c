/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * readings.c - sensor readings in the file; see file.h.
 *
 * A reading is soon followed by the next one, so nothing here waits for the disk
 * or for who reads a pipe, and hardly for a lock.  What cannot be written is left
 * out; but no line is left half written.
 */
#include "file.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

/* How long another ipmid may be in the middle of a write. */
#define LOCK_PATIENCE (G_TIME_SPAN_SECOND / 10)

static void
render (File *file, const IpmidReading *reading)
{
  ipmid_reading_render (file->host, reading, file->buffer);
}

/* Writes everything, or takes back what it wrote; an errno, or 0. */
static int
append_to_regular (File *file, const IpmidReadings *readings)
{
  off_t before;
  int why = 0;

  g_string_truncate (file->buffer, 0);
  for (guint i = 0; i < readings->n_readings; i++)
    render (file, readings->readings[i]);
  if (file_lock (file->fd, g_get_monotonic_time () + LOCK_PATIENCE, -1) != FILE_WAIT_READY)
    return EWOULDBLOCK;
  before = lseek (file->fd, 0, SEEK_END);
  if (before < 0 || !file_write (file->fd, file->buffer->str, file->buffer->len))
    {
      why = errno;
      if (before < 0 || ftruncate (file->fd, before) != 0)
        file_shut (file); /* opening it again mends it */
    }
  if (file->fd >= 0)
    flock (file->fd, LOCK_UN);
  return why;
}

/* A pipe takes a line, which is smaller than PIPE_BUF, as a whole or not at all. */
static int
append_to_special (File *file, const IpmidReadings *readings)
{
  for (guint i = 0; i < readings->n_readings; i++)
    {
      g_string_assign (file->buffer, file->torn ? "\n" : "");
      render (file, readings->readings[i]);
      ssize_t written = write (file->fd, file->buffer->str, file->buffer->len);
      if (written < 0)
        return errno;
      file->torn = written < (ssize_t) file->buffer->len;
      if (file->torn)
        return EAGAIN;
    }
  return 0;
}

/* Once when it begins to fail, once when it has ended. */
static void
note_outcome (File *file, const char *why)
{
  if (why != NULL && !file->readings_fail)
    ipmid_host_log (file->host, IPMID_LOG_WARNING, NULL, "readings are left out: %s", why);
  else if (why == NULL && file->readings_fail)
    ipmid_host_log (file->host, IPMID_LOG_NOTICE, NULL, "readings are appended to %s again", file->path);
  file->readings_fail = why != NULL;
}

void
file_take_readings (gpointer state, const IpmidReadings *readings)
{
  File *file = state;
  g_autoptr (GError) error = NULL;

  if (!file_is_gone (file) || file_reopen (file, &error))
    {
      int why = file->regular ? append_to_regular (file, readings) : append_to_special (file, readings);
      if (why != 0)
        file_set_error (&error, why, "cannot append to %s", file->path);
    }
  note_outcome (file, error == NULL ? NULL : error->message);
}
