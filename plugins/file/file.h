/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * file.h - what the two halves of the file plugin share.
 *
 * file.c talks to the host, system.c to the file system; repair.c mends what a
 * crash tore.
 */
#ifndef FILE_H
#define FILE_H

#include <ipmid/plugin.h>
#include <sys/types.h>

/* Between batches, no more memory than this is kept for the next one. */
#define FILE_BUFFER_KEEP (256u * 1024u)

enum
{
  FILE_FORMAT_EVENTD,
  FILE_FORMAT_JSON,
};

typedef struct
{
  /* Filled in by the host. */
  char *path;
  int format;
  char *mode;
  gboolean sync;
  gboolean readings;

  IpmidHost *host;
  int fd;                 /* -1: to be opened before the next batch */
  gboolean regular;       /* can be cut, locked and synced */
  gboolean torn;          /* the last write to a pipe or terminal was broken off inside a line */
  GString *buffer;        /* the batch being written */
  gboolean readings_fail; /* the last readings could not be written, and the log says so */
} File;

typedef enum
{
  FILE_WAIT_READY,
  FILE_WAIT_CANCELLED, /* the host wants its thread back */
  FILE_WAIT_LATE,      /* the batch's deadline has passed */
  FILE_WAIT_FAILED,
} FileWait;

/* "0640" as a mode. */
gboolean file_parse_mode (const char *text, mode_t *mode, GError **error);

/* Sets an error: "<words>: <what errno means>". */
void file_set_error (GError **error, int number, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* Opens the path afresh; on failure what was open stays open. */
gboolean file_reopen (File *file, GError **error);

/* Closes the descriptor, if there is one. */
void file_shut (File *file);

/* Whether the path no longer names what is open. */
gboolean file_is_gone (const File *file);

/* Waits until `fd` takes more, or, if it is -1, a moment.  `cancel_fd` may be
 * -1.  Times are monotonic. */
FileWait file_wait (int fd, gint64 deadline, int cancel_fd);

/* Keeps other ipmid out of a regular file; flock (LOCK_UN) ends it. */
FileWait file_lock (int fd, gint64 deadline, int cancel_fd);

/* Appends readings (IpmidPlugin.readings): without syncing, and what cannot be
 * written now is left out. */
void file_take_readings (gpointer file, const IpmidReadings *readings);

/* Writes it all to a regular file; errno says why not. */
gboolean file_write (int fd, const char *text, gsize length);

/* Takes away what a crash left of a record at the end of a regular file or, if
 * that does not look like ours, ends its line. */
gboolean file_repair (const File *file, int fd, GError **error);

/* Pure: how many bytes at the end of `tail` are a record of ours that was not
 * finished.  `tail` begins where a line begins. */
gsize file_torn_length (const char *tail, gsize length, int format);

#endif
