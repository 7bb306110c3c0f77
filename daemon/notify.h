/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * notify.h - what ipmid and the service manager say to each other.
 *
 * The protocol of sd_notify(3): readiness, reload, end, a line of state, and
 * the watchdog.  Without systemd, or when nobody asked to be notified, all of
 * it does nothing.  Main thread.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <glib.h>

/* What notify.c asks of the daemon. */
typedef struct
{
  /* The line of state for people, the caller's to free. */
  char *(*status) (gpointer user_data);
  /* Asks all that must work whether it does, and has notify_answered() called
   * later or at once.  The loop itself shows that it turns by calling this. */
  void (*probe) (gpointer user_data);
} NotifyHooks;

typedef struct _Notify Notify;

/* Before other threads and sockets are there: how many descriptors, from 3 on,
 * systemd has passed to this process. */
guint notify_passed_descriptors (void);

/* The one among them that is a UDP socket; 0: none.  It stays open as long as
 * the process lives. */
int notify_passed_socket (void);

/* Start-up has succeeded: says so, and begins to answer the watchdog, if there
 * is one, and to keep the line of state fresh. */
Notify *notify_ready (const NotifyHooks *hooks, gpointer user_data);
void notify_free (Notify *notify);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Notify, notify_free)

/* The answer to NotifyHooks.probe.  With `well` FALSE, or without an answer, the
 * watchdog hears nothing: after WatchdogSec= without a word systemd starts ipmid
 * anew. */
void notify_answered (Notify *notify, gboolean well);

/* Around a reload. */
void notify_reloading (void);
void notify_reloaded (void);

/* The end has begun. */
void notify_stopping (void);

#endif
