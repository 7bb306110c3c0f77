/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sql.c - see sql.h. */
#include "sql/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

G_DEFINE_QUARK (sql - error, sql_error)

SqlError
sql_error_code (int extended)
{
  int code = extended & 0xff;

  if (code == SQLITE_FULL || extended == SQLITE_IOERR_SHMSIZE || extended == SQLITE_IOERR_NOMEM)
    return SQL_ERROR_FULL;
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    return SQL_ERROR_DAMAGED;
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
    return SQL_ERROR_BUSY;
  if (code == SQLITE_INTERRUPT)
    return SQL_ERROR_ENDED;
  return code == SQLITE_CANTOPEN || code == SQLITE_PERM || code == SQLITE_READONLY ? SQL_ERROR_FILE : SQL_ERROR_FAILED;
}

void
sql_set_error (Sql *sql, GError **error)
{
  int extended = sql->db == NULL ? SQLITE_NOMEM : sqlite3_extended_errcode (sql->db);
  SqlError code = sql_error_code (extended);

  g_set_error (error, SQL_ERROR, code, "%s: %s", sql->path,
               code == SQL_ERROR_BUSY ? "locked by another program" : sqlite3_errmsg (sql->db));
}

static void
set_file_error (GError **error, const char *what, const char *path)
{
  g_set_error (error, SQL_ERROR, errno == ENOSPC ? SQL_ERROR_FULL : SQL_ERROR_FILE, "%s %s: %s", what, path,
               g_strerror (errno));
}

Sql *
sql_open (const char *path, int flags, const char *const *texts, guint n_texts, GError **error)
{
  g_autoptr (Sql) sql = g_new0 (Sql, 1);

  sql->path = g_strdup (path);
  sql->texts = texts;
  sql->n_texts = n_texts;
  sql->prepared = g_new0 (sqlite3_stmt *, n_texts);
  if (sqlite3_open_v2 (path, &sql->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) == SQLITE_OK)
    return g_steal_pointer (&sql);
  sql_set_error (sql, error);
  return NULL;
}

void
sql_close (Sql *sql)
{
  if (sql == NULL)
    return;
  for (guint i = 0; i < sql->n_texts; i++)
    sqlite3_finalize (sql->prepared[i]);
  sqlite3_close (sql->db);
  g_free (sql->prepared);
  g_free (sql->path);
  g_free (sql);
}

/* A new file is there after a power cut only if its directory says so. */
static gboolean
sync_directory (const char *path)
{
  g_autofree char *directory = g_path_get_dirname (path);
  int fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* Some file systems cannot sync a directory, and need not. */
  gboolean good = fd >= 0 && (fsync (fd) == 0 || errno == EINVAL);

  if (fd >= 0)
    close (fd);
  return good;
}

gboolean
sql_create_file (const char *path, GError **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0 && errno == ELOOP)
    {
      g_set_error (error, SQL_ERROR, SQL_ERROR_FILE, "%s is a symbolic link; give the file itself", path);
      return FALSE;
    }
  if (fd < 0)
    {
      set_file_error (error, "cannot open", path);
      return FALSE;
    }
  close (fd);
  if (sync_directory (path))
    return TRUE;
  set_file_error (error, "cannot synchronise the directory of", path);
  return FALSE;
}

gint64
sql_log_size (const char *path)
{
  g_autofree char *log = g_strconcat (path, "-wal", NULL);
  struct stat status;

  return stat (log, &status) == 0 ? (gint64) status.st_size : 0;
}

gboolean
sql_move (const char *path, const char *where, GError **error)
{
  static const char *const suffixes[] = { "", "-wal", "-shm" };

  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *from = g_strconcat (path, suffixes[i], NULL);
      g_autofree char *to = g_strconcat (where, suffixes[i], NULL);
      if (rename (from, to) < 0 && errno != ENOENT)
        {
          set_file_error (error, "cannot rename", from);
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
sql_set_aside (const char *path, char **where, GError **error)
{
  *where = g_strdup_printf ("%s.bad.%" G_GINT64_FORMAT, path, g_get_real_time () / G_USEC_PER_SEC);
  return sql_move (path, *where, error);
}

static void
bind_value (sqlite3_stmt *statement, int place, char type, va_list *args)
{
  switch (type)
    {
    case 'i':
      sqlite3_bind_int64 (statement, place, va_arg (*args, gint64));
      break;
    case 'd':
      sqlite3_bind_double (statement, place, va_arg (*args, double));
      break;
    case 't':
      sqlite3_bind_text (statement, place, va_arg (*args, const char *), -1, SQLITE_STATIC);
      break;
    default:
      g_assert_not_reached ();
    }
}

static sqlite3_stmt *
prepare (Sql *sql, GError **error, guint which, const char *types, va_list *args)
{
  g_assert (which < sql->n_texts);
  sqlite3_stmt **statement = &sql->prepared[which];

  if (*statement == NULL
      && sqlite3_prepare_v3 (sql->db, sql->texts[which], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
    {
      sql_set_error (sql, error);
      return NULL;
    }
  for (int i = 0; types[i] != '\0'; i++)
    bind_value (*statement, i + 1, types[i], args);
  return *statement;
}

sqlite3_stmt *
sql_start (Sql *sql, GError **error, guint which, const char *types, ...)
{
  va_list args;

  va_start (args, types);
  sqlite3_stmt *statement = prepare (sql, error, which, types, &args);
  va_end (args);
  return statement;
}

gboolean
sql_next (Sql *sql, sqlite3_stmt *statement, GError **error)
{
  int code = sqlite3_step (statement);

  if (code == SQLITE_ROW)
    return TRUE;
  if (code != SQLITE_DONE)
    sql_set_error (sql, error);
  return FALSE;
}

void
sql_finish (sqlite3_stmt *statement)
{
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);
}

/* Steps to the end; keeps the integer of the first row. */
static gboolean
run (Sql *sql, sqlite3_stmt *statement, gint64 *value, gboolean *found, GError **error)
{
  int code;

  *found = FALSE;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    {
      if (!*found)
        *value = sqlite3_column_int64 (statement, 0);
      *found = TRUE;
    }
  if (code != SQLITE_DONE)
    sql_set_error (sql, error);
  sql_finish (statement);
  return code == SQLITE_DONE;
}

gboolean
sql_run (Sql *sql, GError **error, guint which, const char *types, ...)
{
  gint64 value;
  gboolean found;
  va_list args;

  va_start (args, types);
  sqlite3_stmt *statement = prepare (sql, error, which, types, &args);
  va_end (args);
  return statement != NULL && run (sql, statement, &value, &found, error);
}

gboolean
sql_get (Sql *sql, GError **error, gint64 *value, gboolean *found, guint which, const char *types, ...)
{
  va_list args;

  va_start (args, types);
  sqlite3_stmt *statement = prepare (sql, error, which, types, &args);
  va_end (args);
  return statement != NULL && run (sql, statement, value, found, error);
}

gboolean
sql_execute (Sql *sql, const char *text, GError **error)
{
  if (sqlite3_exec (sql->db, text, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  sql_set_error (sql, error);
  return FALSE;
}

gboolean
sql_query (Sql *sql, const char *text, gint64 *value, GError **error)
{
  sqlite3_stmt *statement = NULL;
  gboolean good
      = sqlite3_prepare_v2 (sql->db, text, -1, &statement, NULL) == SQLITE_OK && sqlite3_step (statement) == SQLITE_ROW;

  if (good)
    *value = sqlite3_column_int64 (statement, 0);
  else
    sql_set_error (sql, error);
  sqlite3_finalize (statement);
  return good;
}

void
sql_rollback (Sql *sql)
{
  /* SQLite may have rolled back by itself. */
  if (!sqlite3_get_autocommit (sql->db))
    sqlite3_exec (sql->db, "ROLLBACK", NULL, NULL, NULL);
}
