/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * notify.c - see notify.h.
 *
 * The watchdog is told that all is well twice in its interval, and each time
 * only after everybody has answered a question of that moment: a ping proves
 * that this loop turns and that the journal still commits, not merely that the
 * process exists.
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "notify.h"

#include <sys/socket.h>

#define STATUS_INTERVAL 5 /* seconds */

#define FIRST_PASSED 3

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#else
/* The same functions for a system without systemd. */
static int
sd_notify (G_GNUC_UNUSED int unset_environment, G_GNUC_UNUSED const char *state)
{
  return 0;
}

static int
sd_watchdog_enabled (G_GNUC_UNUSED int unset_environment, G_GNUC_UNUSED guint64 *interval)
{
  return 0;
}

static int
sd_listen_fds (G_GNUC_UNUSED int unset_environment)
{
  return 0;
}

static int
sd_is_socket_inet (G_GNUC_UNUSED int fd, G_GNUC_UNUSED int family, G_GNUC_UNUSED int type, G_GNUC_UNUSED int listening,
                   G_GNUC_UNUSED guint16 port)
{
  return 0;
}
#endif

struct _Notify
{
  NotifyHooks hooks;
  gpointer user_data;
  guint watchdog_timer; /* 0: there is no watchdog */
  guint status_timer;
  gboolean asked; /* and not answered yet */
  char *status;   /* the last line of state */
};

guint
notify_passed_descriptors (void)
{
  return (guint) MAX (sd_listen_fds (FALSE), 0);
}

int
notify_passed_socket (void)
{
  int passed = (int) notify_passed_descriptors ();

  for (int fd = FIRST_PASSED; fd < FIRST_PASSED + passed; fd++)
    if (sd_is_socket_inet (fd, AF_UNSPEC, SOCK_DGRAM, -1, 0) > 0)
      return fd;
  return 0;
}

/* ------------------------------------------------------------------ messages */

static void
send_status (Notify *notify)
{
  g_autofree char *status = notify->hooks.status (notify->user_data);

  if (g_strcmp0 (status, notify->status) == 0)
    return;
  g_autofree char *message = g_strconcat ("STATUS=", status, NULL);
  sd_notify (FALSE, message);
  g_free (notify->status);
  notify->status = g_steal_pointer (&status);
}

static gboolean
on_status_timer (gpointer data)
{
  send_status (data);
  return G_SOURCE_CONTINUE;
}

void
notify_reloading (void)
{
  /* MONOTONIC_USEC is for Type=notify-reload of systemd 253 and later. */
  g_autofree char *message = g_strdup_printf ("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time ());

  sd_notify (FALSE, message);
}

void
notify_reloaded (void)
{
  sd_notify (FALSE, "READY=1");
}

void
notify_stopping (void)
{
  sd_notify (FALSE, "STOPPING=1");
}

/* ------------------------------------------------------------------ watchdog */

static gboolean
on_watchdog_timer (gpointer data)
{
  Notify *notify = data;

  if (notify->asked)
    return G_SOURCE_CONTINUE;
  notify->asked = TRUE;
  notify->hooks.probe (notify->user_data);
  return G_SOURCE_CONTINUE;
}

void
notify_answered (Notify *notify, gboolean well)
{
  notify->asked = FALSE;
  if (well)
    sd_notify (FALSE, "WATCHDOG=1");
}

/* -------------------------------------------------------------------- public */

Notify *
notify_ready (const NotifyHooks *hooks, gpointer user_data)
{
  Notify *notify = g_new0 (Notify, 1);
  guint64 interval = 0; /* microseconds */

  notify->hooks = *hooks;
  notify->user_data = user_data;
  if (sd_watchdog_enabled (FALSE, &interval) > 0)
    notify->watchdog_timer
        = g_timeout_add ((guint) MAX (interval / 2 / G_TIME_SPAN_MILLISECOND, 1), on_watchdog_timer, notify);
  if (sd_notify (FALSE, "READY=1") <= 0)
    return notify; /* nobody listens */
  notify->status_timer = g_timeout_add_seconds (STATUS_INTERVAL, on_status_timer, notify);
  send_status (notify);
  return notify;
}

void
notify_free (Notify *notify)
{
  if (notify == NULL)
    return;
  g_clear_handle_id (&notify->watchdog_timer, g_source_remove);
  g_clear_handle_id (&notify->status_timer, g_source_remove);
  g_free (notify->status);
  g_free (notify);
}
