/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * database.h - the file of a history, open for writing.
 *
 * It belongs to the handler's worker thread.  Every write is a transaction
 * between database_begin() and database_commit(); whatever fails in between ends
 * in database_fail().
 */
#ifndef DATABASE_H
#define DATABASE_H

#include "sql/sql.h"

#include <ipmid/plugin.h>
#include <sys/types.h>

typedef enum
{
  BEGIN,
  COMMIT,
  BMC_INSERT,
  BMC_FIND,
  EVENT_INSERT,
  EVENT_COUNT,
  EVENT_DAY,
  EVENT_TEXT,
  SENSOR_PUT,
  SENSOR_REWIND,
  SENSOR_NEXT,
  SENSOR_DONE,
  SENSOR_DROP,
  READING_PUT,
  READING_LIST,
  READING_PRUNE,
  MINUTE_PUT,
  MINUTE_LIST,
  MINUTE_PRUNE,
  HOUR_PUT,
  HOUR_PRUNE,
  EVENT_STEP,
  EVENT_PRUNE,
  COUNT_PRUNE,
  DAY_PRUNE,
  BMC_PRUNE,
  N_STATEMENTS
} Statement;

/* Who else has the file open, and must let go of it before it is renamed. */
typedef struct
{
  void (*opened) (gpointer user_data, const char *path);
  void (*shutting) (gpointer user_data);
  gpointer user_data;
} DatabaseHooks;

typedef struct
{
  IpmidHost *host;
  DatabaseHooks hooks;
  char *path;
  gboolean is_ours; /* the path is ipmid's own: whatever is there is a history, or was one */
  Sql *sql;         /* NULL: not open now */
  dev_t device;
  ino_t inode;

  gint64 patience; /* monotonic time up to which a lock is waited for */
  int cancel_fd;   /* readable: no more waiting; -1: none */
} Database;

/* Opens the file, and makes it if need be.  One that is damaged is set aside, and
 * a fresh one begun; what may never have been a database is an error. */
gboolean database_open (Database *database, GError **error);
void database_shut (Database *database);

/* Opens it if it is not open, or not under its name any more. */
gboolean database_ensure (Database *database, GError **error);

/* Begins to write.  `durable`: what is committed survives a power cut. */
gboolean database_begin (Database *database, gboolean durable, GError **error);
gboolean database_commit (Database *database, GError **error);

/* Takes back what was begun.  What is damaged is set aside; what fails otherwise
 * than by a lock or a full disk is opened anew the next time. */
void database_fail (Database *database, const GError *error);

#endif
