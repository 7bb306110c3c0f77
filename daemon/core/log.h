/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log.h - one line a fact, with fields.
 *
 * Goes to the journal of systemd (fields IPMID_BMC, IPMID_HANDLER, IPMID_EVENT),
 * to standard error as key=value, or to syslog in daemon mode.  Everything may
 * be called from any thread.  No secret ever reaches these functions.
 */
#ifndef LOG_H
#define LOG_H

#include <ipmid/plugin.h>

typedef enum
{
  LOG_TARGET_AUTO, /* the journal if standard error is connected to it, else standard error */
  LOG_TARGET_STDERR,
  LOG_TARGET_JOURNAL,
  LOG_TARGET_SYSLOG,
} LogTarget;

/* What a line is about; any member may be NULL. */
typedef struct
{
  const char *bmc;
  const char *handler;
  const char *event;
} LogContext;

/* Also routes GLib's own messages here.  May be called again to change the
 * target (daemonizing) or the level. */
void log_init (LogTarget target, IpmidLogLevel level);

/* `context` may be NULL.  errno is preserved. */
void log_line (IpmidLogLevel level, const LogContext *context, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* Zeroed to begin with; owned by whoever repeats the message. */
typedef struct
{
  gint64 last; /* monotonic, microseconds */
  guint suppressed;
} LogLimit;

/* TRUE at most once in `interval` (microseconds); `suppressed` then says how
 * often it was FALSE since.  Not for use from several threads at once. */
gboolean log_limit_pass (LogLimit *limit, gint64 interval, guint *suppressed);

#endif
