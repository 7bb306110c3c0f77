/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pool.c - see pool.h. */
#include "pool.h"

#include <ipmid/store.h>

/* How many may ask at a time, and how many connections stay open. */
#define CONNECTIONS_MAX 8u
#define IDLE_MAX 2u

/* The longest that a question may take, and a wait for a lock or for a connection. */
#define QUESTION_MAX (5 * G_TIME_SPAN_SECOND)
#define LOCK_PATIENCE 1000 /* milliseconds */

/* SQLite asks whether to go on after so many of its instructions. */
#define INSTRUCTIONS 10000

/* One connection that is in use. */
typedef struct
{
  Sql *sql;
  gint64 deadline;
  gint ended; /* atomic: an interrupt between two statements would be lost */
} Question;

struct _Pool
{
  GMutex lock;
  GCond given;
  char *path;      /* NULL: shut */
  GPtrArray *busy; /* Question */
  GQueue idle;     /* Sql */
};

Pool *
pool_new (void)
{
  Pool *pool = g_new0 (Pool, 1);

  g_mutex_init (&pool->lock);
  g_cond_init (&pool->given);
  pool->busy = g_ptr_array_new_with_free_func (g_free);
  g_queue_init (&pool->idle);
  return pool;
}

void
pool_free (Pool *pool)
{
  if (pool == NULL)
    return;
  g_ptr_array_unref (pool->busy);
  g_mutex_clear (&pool->lock);
  g_cond_clear (&pool->given);
  g_free (pool);
}

void
pool_open (Pool *pool, const char *path)
{
  g_mutex_lock (&pool->lock);
  pool->path = g_strdup (path);
  g_mutex_unlock (&pool->lock);
}

void
pool_shut (Pool *pool)
{
  g_mutex_lock (&pool->lock);
  g_clear_pointer (&pool->path, g_free);
  for (guint i = 0; i < pool->busy->len; i++)
    {
      Question *question = pool->busy->pdata[i];
      g_atomic_int_set (&question->ended, TRUE);
      sqlite3_interrupt (question->sql->db);
    }
  g_cond_broadcast (&pool->given);
  while (pool->busy->len > 0)
    g_cond_wait (&pool->given, &pool->lock);
  g_queue_clear_full (&pool->idle, (GDestroyNotify) sql_close);
  g_mutex_unlock (&pool->lock);
}

static int
on_progress (void *data)
{
  const Question *question = data;

  return g_atomic_int_get (&question->ended) || g_get_monotonic_time () > question->deadline;
}

static Sql *
open_connection (const char *path, GError **error)
{
  g_autoptr (GError) local = NULL;
  Sql *sql = sql_open (path, SQLITE_OPEN_READONLY, NULL, 0, &local);

  if (sql == NULL)
    {
      g_set_error (error, IPMID_STORE_ERROR, IPMID_STORE_ERROR_UNAVAILABLE, "%s", local->message);
      return NULL;
    }
  sqlite3_busy_timeout (sql->db, LOCK_PATIENCE);
  sqlite3_db_config (sql->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  sqlite3_exec (sql->db, "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
  return sql;
}

/* The lock is held.  Whether one more may be in use. */
static gboolean
wait_for_turn (Pool *pool)
{
  gint64 deadline = g_get_monotonic_time () + QUESTION_MAX;

  while (pool->path != NULL && pool->busy->len >= CONNECTIONS_MAX)
    if (!g_cond_wait_until (&pool->given, &pool->lock, deadline))
      break;
  return pool->path != NULL && pool->busy->len < CONNECTIONS_MAX;
}

Sql *
pool_take (Pool *pool, GError **error)
{
  Sql *sql = NULL;

  g_mutex_lock (&pool->lock);
  if (!wait_for_turn (pool))
    g_set_error_literal (error, IPMID_STORE_ERROR, IPMID_STORE_ERROR_UNAVAILABLE,
                         pool->path == NULL ? "the store is not open" : "too many questions at a time");
  else
    sql = pool->idle.length > 0 ? g_queue_pop_head (&pool->idle) : open_connection (pool->path, error);
  if (sql != NULL)
    {
      Question *question = g_new0 (Question, 1);
      question->sql = sql;
      question->deadline = g_get_monotonic_time () + QUESTION_MAX;
      g_ptr_array_add (pool->busy, question);
      sqlite3_progress_handler (sql->db, INSTRUCTIONS, on_progress, question);
    }
  g_mutex_unlock (&pool->lock);
  return sql;
}

static gboolean
is_of (gconstpointer question, gconstpointer sql)
{
  return ((const Question *) question)->sql == sql;
}

void
pool_give (Pool *pool, Sql *sql)
{
  guint place;

  g_mutex_lock (&pool->lock);
  sqlite3_progress_handler (sql->db, 0, NULL, NULL);
  g_ptr_array_find_with_equal_func (pool->busy, sql, is_of, &place);
  g_ptr_array_remove_index_fast (pool->busy, place);
  if (pool->path != NULL && pool->idle.length < IDLE_MAX)
    g_queue_push_head (&pool->idle, sql);
  else
    sql_close (sql);
  g_cond_broadcast (&pool->given);
  g_mutex_unlock (&pool->lock);
}

void
pool_set_error (Sql *sql, GError **error)
{
  g_autoptr (GError) local = NULL;

  sql_set_error (sql, &local);
  if (local->code == SQL_ERROR_ENDED)
    g_set_error_literal (error, IPMID_STORE_ERROR, IPMID_STORE_ERROR_TOO_SLOW,
                         "the question takes too long, or the store is closing; ask for a shorter time or less");
  else
    g_set_error_literal (error, IPMID_STORE_ERROR,
                         local->code == SQL_ERROR_BUSY ? IPMID_STORE_ERROR_UNAVAILABLE : IPMID_STORE_ERROR_FAILED,
                         local->message);
}
