/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * http.h - what the files of the http plugin share.
 *
 * http.c       options, life, the handler's thread
 * listener.c   the Unix socket
 * server.c     libmicrohttpd: connections, limits, its thread
 * exchange.c   one request and its answer
 * routes.c     the table of routes
 * arguments.c  what a request says, for the core
 * feed.c       the latest events, and who follows them
 * events.c, sensors.c   routes that are answered here
 * json.c       what the core says, as JSON
 *
 * Two threads: the handler's (open, deliver, idle, close) and libmicrohttpd's
 * (everything of a connection).  The core answers on a third one, and questions
 * to the store are asked on a few more.  A feed and an exchange have locks of
 * their own; the table of connections has the server's.
 */
#ifndef HTTP_H
#define HTTP_H

#include "feed.h"
#include "listener.h"

#include <ipmid/plugin.h>

typedef struct _Server Server;

/* The state of the plugin. */
typedef struct
{
  char *socket, *mode, *group;
  gint64 latest;

  IpmidHost *host;
  char *path; /* of the socket; NULL: there is none */
  Listener listener;
  Feed *feed;
  Server *server;  /* NULL: not serving */
  gint64 retry_at; /* monotonic: when to try again to serve; 0: not */
  gboolean told;   /* that it does not serve */
} Http;

#endif
