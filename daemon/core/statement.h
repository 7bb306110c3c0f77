/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * statement.h - the SQL of the journal, prepared once, and how to run it.
 *
 * For store.c and its siblings only.  Values are bound by letters: i (gint64),
 * t (text), b (the 16 bytes of a record, or NULL), v (a GVariant's bytes, or NULL); they
 * stay the caller's and have to last until the statement is finished.
 */
#ifndef STATEMENT_H
#define STATEMENT_H

#include "core/store.h"
#include "sql/sql.h"

typedef enum
{
  BEGIN,
  COMMIT,
  BMC_FIND,
  BMC_GET,
  BMC_INSERT,
  BMC_SAVE,
  BMC_RENAME,
  RECORD_FIND,
  RECORD_PUT,
  RECORD_SET_STATE,
  RECORD_PREDECESSOR,
  RECORD_CLEARING,
  RECORD_LIST,
  RECORD_GIVE_UP,
  RECORD_COUNT_GIVEN_UP,
  RECORD_FORGET,
  RECORD_FORGET_ALL,
  HANDLER_FIND,
  HANDLER_INSERT,
  HANDLER_LIST,
  HANDLER_COME_BACK,
  HANDLER_SPAN,
  HANDLER_SET_FILLED,
  HANDLER_EXTEND_SPAN,
  HANDLER_LEAVE,
  BACKFILLED_FIND,
  BACKFILLED_INSERT,
  BACKFILLED_FORGET,
  EVENT_INSERT,
  EVENT_SET_DUES,
  EVENT_RELEASE,
  EVENT_REMOVE_LAST,
  EVENT_DUES,
  EVENT_REMOVE,
  EVENT_GET,
  EVENT_PAGE,
  DELIVERY_INSERT,
  DELIVERY_ATTEMPT,
  DELIVERY_ATTEMPT_RUN,
  DELIVERY_CRASH,
  DELIVERY_REMOVE,
  DELIVERY_FETCH,
  DELIVERY_NEXT_LANE,
  DELIVERY_FIRST,
  DELIVERY_COUNT,
  DELIVERY_COUNT_OPEN,
  DEAD_INSERT,
  DEAD_COUNT,
  DEAD_LIST,
  DEAD_PAGE,
  DEAD_FIND,
  DEAD_LAST,
  DEAD_CUT,
  DEAD_LANES,
  DEAD_COUNTING,
  DEAD_COUNT_OPEN,
  DEAD_TO_DELIVERY,
  DEAD_DISOWN,
  DEAD_REMOVE_EVENTS,
  DEAD_REMOVE,
  NOTICE_LOAD,
  NOTICE_PUT,
  NOTICE_REMOVE,
  NOTICE_EVICT,
  NOTICE_DUE,
  NOTICE_POSTPONE,
  NOTICE_HASTEN,
  NOTICE_FORGET_TOLD,
  QUIET_FIND,
  QUIET_PUT,
  QUIET_EVICT,
  QUIET_PRUNE,
  OWN_LOAD,
  OWN_PUT,
  OWN_REMOVE,
  OWN_LIST,
  HANDLER_NAME,
  DELIVERY_STANDS,
  N_STATEMENTS
} Statement;

struct _Store
{
  sqlite3 *db;
  sqlite3_stmt *prepared[N_STATEMENTS];
  gint64 next_seq;
  char *path; /* NULL: in memory */
};

/* For messages. */
const char *statement_journal_name (const Store *store);

/* What SQLite says is wrong, as an error of ours. */
void statement_set_error (Store *store, GError **error);

/* A statement that is about to be stepped, for sql_finish() afterwards; NULL on failure. */
sqlite3_stmt *statement_start (Store *store, GError **error, Statement which, const char *types, ...);
/* One row: TRUE; none: FALSE without error; else FALSE with error. */
gboolean statement_next_row (Store *store, sqlite3_stmt *statement, GError **error);

/* Runs a statement without rows. */
gboolean statement_run (Store *store, GError **error, Statement which, const char *types, ...);
/* The one integer of the first row; `*found` FALSE if there is no row. */
gboolean statement_get_integer (Store *store, GError **error, gint64 *value, gboolean *found, Statement which,
                                const char *types, ...);

/* SQL that is used once.  statement_query_integer() is for a PRAGMA or any
 * other query with one integer. */
gboolean statement_execute (Store *store, const char *sql, GError **error);
gboolean statement_query_integer (Store *store, const char *sql, gint64 *value, GError **error);

/* Passes on the error of a loop over rows, if there is one. */
gboolean statement_ended_well (GError **local, GError **error);

/* The event in a payload column; NULL and an error if it is damaged. */
IpmidEvent *statement_get_event (Store *store, sqlite3_stmt *statement, int column, GError **error);

/* The bytes of a record; zeros if the column has something else. */
void statement_copy_record (guint8 *raw, sqlite3_stmt *statement, int column);

#endif
