/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * routes.h - what can be asked for over HTTP: one table.
 *
 * A pattern is a path in which {name} stands for one segment, and {name*} for one
 * or more: the id of an event has slashes in it.  What stands there becomes the
 * argument of that name.  Pure functions; any thread.
 */
#ifndef ROUTES_H
#define ROUTES_H

#include <glib.h>

typedef struct _Exchange Exchange;

typedef enum
{
  ROUTE_GET = 1 << 0, /* and HEAD */
  ROUTE_POST = 1 << 1,
} RouteMethod;

typedef enum
{
  ROUTE_TEXT,
  ROUTE_INTEGER,
  ROUTE_FLAG, /* yes, true, 1, or without a value; no, false, 0 */
} RouteType;

/* What may stand behind the "?" of a path. */
typedef struct
{
  const char *name; /* NULL ends a list */
  RouteType type;
} RouteQuery;

typedef struct
{
  RouteMethod method;
  const char *pattern; /* NULL ends the table */
  const char *request; /* the core's method (ipmid_host_request()), with the arguments of the path, the query, and the
                          body; NULL: `serve` answers */
  void (*serve) (Exchange *exchange);
  const RouteQuery *query; /* NULL: nothing may stand there */
  const char *help;
  const char *only; /* this member of what the core says; NULL: all of it */
} Route;

extern const Route routes[];

/* The route for this path (unescaped) and method.  NULL: there is none; `*allowed`
 * has the methods (RouteMethod) that the path does have, 0 if it means nothing.
 * The arguments of the path, name and value in turn, are added to `arguments`
 * (g_free()). */
const Route *routes_find (const char *path, RouteMethod method, GPtrArray *arguments, guint *allowed);

/* The table itself, as an answer. */
void routes_serve (Exchange *exchange);

#endif
