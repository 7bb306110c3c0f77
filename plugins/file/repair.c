/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * repair.c - the end of a file after a crash; see file.h.
 *
 * A crash inside a write leaves the beginning of a record.  It is cut off,
 * because the event was never DONE and comes again.  But only what is
 * certainly the beginning of such a record is cut: the file may be another
 * program's as well, or the wrong one.
 */
#include "file.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than the longest record. */
#define TAIL_MAX (64u * 1024u)

/* How long another ipmid may be in the middle of a write. */
#define LOCK_PATIENCE G_TIME_SPAN_SECOND

/* Whether one of the two begins with the other. */
static gboolean
agrees (const char *text, gsize length, const char *word)
{
  return memcmp (text, word, MIN (length, strlen (word))) == 0;
}

static gboolean
begins_eventd_record (const char *text, gsize length)
{
  return agrees (text, length, "threshold\n") || agrees (text, length, "discrete\n")
         || agrees (text, length, "unknown\n");
}

/* An event's line, or a reading's. */
static gboolean
begins_line (const char *text, gsize length)
{
  return agrees (text, length, "{\"id\":\"") || agrees (text, length, "{\"kind\":\"reading\",\"bmc\":\"");
}

/* What a power cut leaves of blocks that were never written. */
static gboolean
begins_with_nothing (const char *text, gsize length)
{
  return length > 0 && text[0] == '\0';
}

/* Behind the last finished record; at the start if there is none. */
static const char *
after_last_record (const char *tail, gsize length)
{
  static const char mark[] = "\nendevent\n";
  const char *found = g_strrstr_len (tail, (gssize) length, mark);

  return found != NULL ? found + sizeof mark - 1 : tail;
}

/* Behind the last newline. */
static const char *
after_last_line (const char *tail, gsize length)
{
  const char *newline = memrchr (tail, '\n', length);

  return newline != NULL ? newline + 1 : tail;
}

gsize
file_torn_length (const char *tail, gsize length, int format)
{
  const char *torn = format == FILE_FORMAT_EVENTD ? after_last_record (tail, length) : after_last_line (tail, length);
  gsize left = length - (gsize) (torn - tail);
  gboolean ours = format == FILE_FORMAT_EVENTD ? begins_eventd_record (torn, left) : begins_line (torn, left);

  return ours || begins_with_nothing (torn, left) ? left : 0;
}

/* The last bytes of the file; if they are not all, from the start of a line. */
static char *
read_tail (int fd, off_t size, gsize *length)
{
  gsize wanted = (gsize) MIN (size, (off_t) TAIL_MAX);
  g_autofree char *tail = g_malloc (wanted + 1);
  ssize_t got = pread (fd, tail, wanted, size - (off_t) wanted);
  const char *line = tail;

  if (got != (ssize_t) wanted)
    return NULL;
  if ((off_t) wanted < size)
    {
      line = memchr (tail, '\n', wanted);
      line = line != NULL ? line + 1 : tail + wanted;
    }
  *length = (gsize) (tail + wanted - line);
  return g_memdup2 (line, *length + 1);
}

static gboolean
mend (const File *file, int fd, off_t size, GError **error)
{
  gsize length = 0;
  g_autofree char *tail = read_tail (fd, size, &length);
  gsize torn = tail != NULL ? file_torn_length (tail, length, file->format) : 0;
  char last = '\n';

  if (torn > 0)
    {
      if (ftruncate (fd, size - (off_t) torn) != 0)
        {
          file_set_error (error, errno, "cannot cut a torn record off %s", file->path);
          return FALSE;
        }
      ipmid_host_log (file->host, IPMID_LOG_WARNING, NULL,
                      "cut a torn record of %" G_GSIZE_FORMAT " bytes off the end of %s", torn, file->path);
      return TRUE;
    }
  /* Not ours to cut; but our records begin on a line of their own. */
  if (pread (fd, &last, 1, size - 1) == 1 && last != '\n' && !file_write (fd, "\n", 1))
    {
      file_set_error (error, errno, "cannot append to %s", file->path);
      return FALSE;
    }
  return TRUE;
}

gboolean
file_repair (const File *file, int fd, GError **error)
{
  struct stat status;
  gboolean good = TRUE;

  if (file_lock (fd, g_get_monotonic_time () + LOCK_PATIENCE, -1) != FILE_WAIT_READY)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_AGAIN, "%s is locked by another program", file->path);
      return FALSE;
    }
  if (fstat (fd, &status) == 0 && status.st_size > 0)
    good = mend (file, fd, status.st_size, error);
  flock (fd, LOCK_UN);
  return good;
}
