/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * service.h - what the plugin offers by ipmid/store.h, on connections of a pool.
 *
 * Any thread.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include "pool.h"

#include <ipmid/store.h>

/* First, so that an IpmidStore is a Service. */
typedef struct _Service
{
  IpmidStore store;
  Pool *pool;
} Service;

void service_init (Service *service, Pool *pool);

/* A statement for one question, to be given to sqlite3_finalize(); NULL on failure. */
sqlite3_stmt *service_prepare (Sql *sql, const char *text, GError **error);
/* One row: TRUE; none: FALSE without error; else FALSE with an error of ipmid/store.h. */
gboolean service_next (Sql *sql, sqlite3_stmt *statement, GError **error);
/* Ends a loop over rows, and gives back the connection.  TRUE if `*local` is NULL;
 * else it becomes the error. */
gboolean service_end (const Service *service, Sql *sql, sqlite3_stmt *statement, GError **local, GError **error);
/* A text of a row; never NULL. */
const char *service_text (sqlite3_stmt *row, int column);

/* query-events.c */
gboolean events_page (const IpmidStore *store, const IpmidStoreEventQuery *query, IpmidStoreEventFunc func,
                      gpointer user_data, char **next, GError **error);
gboolean events_one (const IpmidStore *store, const char *id, IpmidStoreEventFunc func, gpointer user_data,
                     GError **error);
gboolean events_count (const IpmidStore *store, gint64 since, gint64 until, IpmidStoreCountFunc func,
                       gpointer user_data, GError **error);

/* query-readings.c */
gboolean readings_series (const IpmidStore *store, const IpmidStoreSeriesQuery *query, IpmidStorePointFunc func,
                          gpointer user_data, GError **error);
gboolean readings_sensors (const IpmidStore *store, const char *bmc, IpmidStoreSensorFunc func, gpointer user_data,
                           GError **error);

#endif
