/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * file.c - appends events to a file, and says DONE when they are on the disk.
 *
 * One batch is one write and one fdatasync().  A batch that fails is taken
 * back: the file is cut to what it was before.  While a batch is written the
 * file is locked (flock), so that several ipmid may share one file.
 *
 * A path that is no regular file (a pipe, a terminal, /dev/stdout) knows
 * neither cutting nor syncing: there each event is written by itself.
 *
 * Everything runs on the handler's worker thread.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

G_STATIC_ASSERT (FILE_FORMAT_EVENTD == (int) IPMID_FORMAT_EVENTD && FILE_FORMAT_JSON == (int) IPMID_FORMAT_JSON);

static const char *const formats[] = { "eventd", "json", NULL };

static const IpmidOption options[] = {
  { .key = "path",
    .type = IPMID_OPTION_PATH,
    .offset = G_STRUCT_OFFSET (File, path),
    .required = TRUE,
    .argument = "PATH",
    .help = "The file to append to.  It is created if it does not exist; symbolic links are followed." },
  { .key = "format",
    .type = IPMID_OPTION_CHOICE,
    .offset = G_STRUCT_OFFSET (File, format),
    .fallback = "json",
    .choices = formats,
    .argument = "FORMAT",
    .help
    = "How an event is written: \"json\" is one line of JSON, \"eventd\" the lines of openipmi_eventd, which has no "
      "words for ipmid's own kinds of events: those are left out." },
  { .key = "mode",
    .type = IPMID_OPTION_STRING,
    .offset = G_STRUCT_OFFSET (File, mode),
    .fallback = "0640",
    .argument = "MODE",
    .help
    = "The permissions of a file that is created, in octal, whatever the umask.  An existing file keeps its own." },
  { .key = "sync",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = G_STRUCT_OFFSET (File, sync),
    .fallback = "yes",
    .argument = "yes|no",
    .help
    = "Whether an event counts as handled only once the disk has it.  With \"no\", a power cut may lose events that "
      "were already deleted from the SEL." },
  { .key = "readings",
    .type = IPMID_OPTION_BOOLEAN,
    .offset = G_STRUCT_OFFSET (File, readings),
    .fallback = "no",
    .argument = "yes|no",
    .help = "Whether to append sensor readings, too: one line of JSON each.  They are not synchronised, and those that "
            "cannot be written at once are left out." },
  { .key = NULL },
};

static gboolean
file_check (gpointer state, GError **error)
{
  const File *file = state;
  mode_t mode;

  if (file->readings && file->format == FILE_FORMAT_EVENTD)
    {
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                           "readings = yes needs format = json: openipmi_eventd has no words for readings");
      return FALSE;
    }
  return file_parse_mode (file->mode, &mode, error);
}

static gboolean
file_open (gpointer state, IpmidHost *host, GError **error)
{
  File *file = state;

  file->host = host;
  file->fd = -1;
  file->buffer = g_string_new (NULL);
  ipmid_host_want_readings (host, file->readings);
  if (file_reopen (file, error))
    return TRUE;
  g_string_free (file->buffer, TRUE);
  return FALSE;
}

static void
file_close (gpointer state)
{
  File *file = state;

  file_shut (file);
  g_string_free (file->buffer, TRUE);
}

/* Sets the verdict of the events from `first` on. */
static void
fail (File *file, const IpmidBatch *batch, IpmidVerdict *verdicts, guint first, IpmidVerdict verdict,
      const GError *error)
{
  for (guint i = first; i < batch->n_events; i++)
    {
      verdicts[i] = verdict;
      if (verdict == IPMID_VERDICT_RETRY)
        ipmid_host_reason (file->host, batch->tokens[i], error->message);
    }
}

static void
succeed (const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  for (guint i = 0; i < batch->n_events; i++)
    verdicts[i] = IPMID_VERDICT_DONE;
}

/* Writes everything, or takes back what it wrote. */
static gboolean
append_durably (File *file, GError **error)
{
  off_t before = lseek (file->fd, 0, SEEK_END);

  if (before >= 0 && file_write (file->fd, file->buffer->str, file->buffer->len)
      && (!file->sync || fdatasync (file->fd) == 0))
    return TRUE;
  file_set_error (error, errno, "cannot append to %s", file->path);
  /* If even that fails, opening it again cuts the torn line off. */
  if (before < 0 || lseek (file->fd, 0, SEEK_END) < before || ftruncate (file->fd, before) != 0)
    file_shut (file);
  return FALSE;
}

static void
deliver_regular (File *file, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  g_autoptr (GError) error = NULL;
  FileWait locked;
  gboolean good;

  for (guint i = 0; i < batch->n_events; i++)
    ipmid_event_render (file->host, batch->events[i], (IpmidFormat) file->format, file->buffer);
  if (file->buffer->len == 0)
    {
      succeed (batch, verdicts);
      return;
    }
  locked = file_lock (file->fd, batch->deadline, batch->cancel_fd);
  if (locked == FILE_WAIT_CANCELLED)
    return;
  if (locked == FILE_WAIT_LATE)
    g_set_error (&error, G_FILE_ERROR, G_FILE_ERROR_AGAIN, "%s is locked by another program", file->path);
  good = locked == FILE_WAIT_READY && append_durably (file, &error);
  if (file->fd >= 0)
    flock (file->fd, LOCK_UN);
  if (good)
    succeed (batch, verdicts);
  else
    fail (file, batch, verdicts, 0, IPMID_VERDICT_RETRY, error);
}

/* Writes one event to a pipe or terminal, waiting for room.  An event is
 * smaller than PIPE_BUF but for extreme texts, so that a pipe takes it whole or
 * not at all. */
static FileWait
write_special (File *file, const IpmidBatch *batch, GError **error)
{
  const char *rest = file->buffer->str;
  gsize length = file->buffer->len;

  while (length > 0)
    {
      ssize_t written = write (file->fd, rest, length);
      FileWait waited;

      if (written >= 0)
        {
          rest += written;
          length -= (gsize) written;
          file->torn = length > 0;
          continue;
        }
      if (errno == EINTR)
        continue;
      if (errno != EAGAIN)
        {
          file_set_error (error, errno, "cannot write to %s", file->path);
          return FILE_WAIT_FAILED;
        }
      waited = file_wait (file->fd, batch->deadline, batch->cancel_fd);
      if (waited == FILE_WAIT_LATE)
        g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_AGAIN, "%s takes no more: nobody reads it", file->path);
      if (waited != FILE_WAIT_READY)
        return waited;
    }
  return FILE_WAIT_READY;
}

static void
deliver_special (File *file, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  for (guint i = 0; i < batch->n_events; i++)
    {
      g_autoptr (GError) error = NULL;
      FileWait outcome;

      /* What a broken-off write left is ended, so that the next line is whole. */
      g_string_assign (file->buffer, file->torn ? "\n" : "");
      ipmid_event_render (file->host, batch->events[i], (IpmidFormat) file->format, file->buffer);
      outcome = write_special (file, batch, &error);
      if (outcome == FILE_WAIT_READY)
        {
          verdicts[i] = IPMID_VERDICT_DONE;
          continue;
        }
      fail (file, batch, verdicts, i, outcome == FILE_WAIT_CANCELLED ? IPMID_VERDICT_NONE : IPMID_VERDICT_RETRY, error);
      if (outcome == FILE_WAIT_FAILED)
        file_shut (file);
      return;
    }
}

static void
file_deliver (gpointer state, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  File *file = state;
  g_autoptr (GError) error = NULL;

  g_string_truncate (file->buffer, 0);
  if (file_is_gone (file) && !file_reopen (file, &error))
    fail (file, batch, verdicts, 0, IPMID_VERDICT_RETRY, error);
  else if (file->regular)
    deliver_regular (file, batch, verdicts);
  else
    deliver_special (file, batch, verdicts);
  /* One burst must not hold its memory for good. */
  if (file->buffer->allocated_len > FILE_BUFFER_KEEP)
    {
      g_string_free (file->buffer, TRUE);
      file->buffer = g_string_new (NULL);
    }
}

static gboolean
file_on_reopen (gpointer state, GError **error)
{
  return file_reopen (state, error);
}

const IpmidPlugin ipmid_plugin = {
  .abi_major = IPMID_PLUGIN_ABI_MAJOR,
  .abi_minor = IPMID_PLUGIN_ABI_MINOR,
  .size = sizeof (IpmidPlugin),
  .name = "file",
  .version = PLUGIN_VERSION,
  .summary = "append events, and readings, to a file",
  .flags = IPMID_PLUGIN_STORE,
  .state_size = sizeof (File),
  .options = options,
  .check = file_check,
  .open = file_open,
  .deliver = file_deliver,
  .readings = file_take_readings,
  .reopen = file_on_reopen,
  .close = file_close,
};
