/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sql.h - SQLite in few words: statements that are prepared once, errors as GError.
 *
 * A Sql belongs to one thread at a time.
 */
#ifndef SQL_H
#define SQL_H

#include <glib.h>
#include <sqlite3.h>

#define SQL_ERROR (sql_error_quark ())
GQuark sql_error_quark (void);

typedef enum
{
  SQL_ERROR_BUSY,    /* somebody else has it locked */
  SQL_ERROR_FULL,    /* no room */
  SQL_ERROR_DAMAGED, /* it is no database, or no good one any more */
  SQL_ERROR_ENDED,   /* sqlite3_interrupt(), or a progress handler */
  SQL_ERROR_FILE,    /* the file cannot be made, or opened */
  SQL_ERROR_FAILED,  /* anything else */
} SqlError;

/* What an extended result code of SQLite means. */
SqlError sql_error_code (int extended);

/* A connection. */
typedef struct
{
  sqlite3 *db;
  char *path;
  const char *const *texts; /* by number; the caller's */
  sqlite3_stmt **prepared;
  guint n_texts;
} Sql;

/* `flags`: SQLITE_OPEN_READONLY or SQLITE_OPEN_READWRITE; the file is there
 * (sql_create_file()).  `texts` may be NULL, and is needed until sql_close(). */
Sql *sql_open (const char *path, int flags, const char *const *texts, guint n_texts, GError **error);
void sql_close (Sql *sql);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Sql, sql_close)

/* Makes the file, with mode 0600, if it is not there, on the disk for good.
 * SQLite would take the umask's mode, and follow a symbolic link. */
gboolean sql_create_file (const char *path, GError **error);

/* The size of the write-ahead log beside the file; 0: there is none.  Whoever opens a
 * database looks before that: SQLite takes a log of which no frame is good for no log at
 * all, and so what was a database for an empty file. */
gint64 sql_log_size (const char *path);

/* Renames the file, its log and the log's index.  Nobody has it open any more. */
gboolean sql_move (const char *path, const char *where, GError **error);

/* Likewise, to PATH.bad.TIME; `*where` is that name, which the caller frees. */
gboolean sql_set_aside (const char *path, char **where, GError **error);

/* What SQLite says is wrong. */
void sql_set_error (Sql *sql, GError **error);

/* A statement that is about to be stepped, with its values by letters: i (gint64),
 * d (double), t (text or NULL); the others are NULL.  They stay the caller's and have
 * to last until sql_finish(). */
sqlite3_stmt *sql_start (Sql *sql, GError **error, guint which, const char *types, ...);
/* One row: TRUE; none: FALSE without error; else FALSE with error. */
gboolean sql_next (Sql *sql, sqlite3_stmt *statement, GError **error);
void sql_finish (sqlite3_stmt *statement);

/* Runs a statement to its end, without looking at rows. */
gboolean sql_run (Sql *sql, GError **error, guint which, const char *types, ...);
/* The one integer of the first row; `*found` FALSE if there is no row. */
gboolean sql_get (Sql *sql, GError **error, gint64 *value, gboolean *found, guint which, const char *types, ...);

/* SQL that is used once.  sql_query() is for one integer, such as a PRAGMA's. */
gboolean sql_execute (Sql *sql, const char *text, GError **error);
gboolean sql_query (Sql *sql, const char *text, gint64 *value, GError **error);

/* Nothing if no transaction is open. */
void sql_rollback (Sql *sql);

#endif
