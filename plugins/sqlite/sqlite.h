/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sqlite.h - a history of events and readings in an SQLite database.
 *
 *   sqlite.c    the plugin: options, life, verdicts
 *   database.c  the file: opening, transactions, what is done about damage
 *   schema.c    its tables
 *   events.c    events into it
 *   intake.c    readings into it, a second's at a time
 *   upkeep.c    minutes and hours of readings (span.c), what is too old, unused space
 *   pool.c      connections for questions
 *   service.c   the service of ipmid/store.h: query-events.c (event-page.c) and
 *               query-readings.c
 *
 * All but the last two run on the handler's worker thread and share one
 * connection.  Questions have read-only connections of their own, and come from
 * any thread; the write-ahead log keeps them and the writer out of each other's
 * way.
 */
#ifndef SQLITE_H
#define SQLITE_H

#include "database.h"
#include "pool.h"

typedef struct
{
  /* options */
  char *path;
  gint64 keep_raw, keep_minutes, keep_hours, keep_events; /* microseconds; 0: for ever */
  gboolean readings;

  IpmidHost *host;
  Database database;
  GHashTable *bmcs; /* name → gint64 *: their rows, as far as they have been needed */
  GString *line;    /* an event as JSON */
  struct _Intake *intake;
  struct _Upkeep *upkeep;
  Pool *pool;
  struct _Service *service;
} Sqlite;

/* The row of a BMC, made if need be; within a transaction.  0 on failure. */
gint64 events_find_bmc (Sqlite *sqlite, const char *name, GError **error);

/* What was kept of rows is not true any more: after a rollback, another file, or
 * when rows were removed. */
void events_forget_bmcs (Sqlite *sqlite);

/* Stores a batch, all or nothing, durably.  Events that are there already stay as
 * they are. */
gboolean events_store (Sqlite *sqlite, IpmidEvent *const *events, guint n_events, GError **error);

#endif
