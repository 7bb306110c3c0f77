/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * glib-locks.c - tells ThreadSanitizer what GLib's locks order.
 *
 * A distribution's GLib is not instrumented, and its locks are futexes of its
 * own, of which ThreadSanitizer knows nothing: every correctly locked access
 * would be a data race.  So with --enable-sanitizers=thread this is linked into
 * every program, and takes the place of GLib's functions for it and its plugins.
 * It calls the real ones and says what happened before what: for locks,
 * conditions, counted references, and what one thread leaves for another's main
 * loop or thread pool.  The order is tied to the lock or to the one thing that is
 * handed over, and no wider than that.
 *
 * GLib up to 2.74 needs G_SLICE=always-malloc besides: its slices go from thread
 * to thread without being freed.
 */
#include <dlfcn.h>
#include <glib.h>
#include <sanitizer/tsan_interface.h>

/* The real function of this name, as `real`. */
#define REAL(name)                                                                                                     \
  static __typeof__ (name) *real;                                                                                      \
  if (g_atomic_pointer_get (&real) == NULL)                                                                            \
  g_atomic_pointer_set (&real, (__typeof__ (name) *) (gsize) dlsym (RTLD_NEXT, #name))

#define EXPORT __attribute__ ((visibility ("default")))

EXPORT void (g_mutex_lock) (GMutex *mutex)
{
  REAL (g_mutex_lock);
  real (mutex);
  __tsan_acquire (mutex);
}

EXPORT
gboolean (g_mutex_trylock) (GMutex *mutex)
{
  REAL (g_mutex_trylock);
  gboolean locked = real (mutex);

  if (locked)
    __tsan_acquire (mutex);
  return locked;
}

EXPORT void (g_mutex_unlock) (GMutex *mutex)
{
  REAL (g_mutex_unlock);
  __tsan_release (mutex);
  real (mutex);
}

EXPORT void (g_cond_wait) (GCond *cond, GMutex *mutex)
{
  REAL (g_cond_wait);
  __tsan_release (mutex);
  real (cond, mutex);
  __tsan_acquire (mutex);
}

EXPORT
gboolean (g_cond_wait_until) (GCond *cond, GMutex *mutex, gint64 end_time)
{
  REAL (g_cond_wait_until);
  __tsan_release (mutex);
  gboolean signalled = real (cond, mutex, end_time);
  __tsan_acquire (mutex);
  return signalled;
}

/* What remains is between GLib and itself: the queue of a thread pool, the table
 * of types of GVariant and the tables of a main context, with locks inside. */
EXPORT const char *__tsan_default_suppressions (void);

EXPORT const char *
__tsan_default_suppressions (void)
{
  return "race:g_queue_pop_tail\n"
         "race:g_variant_type_info_*\n"
         "race:g_realloc\n";
}

/* ------------------------------------------------------------------ references */

EXPORT
gboolean (g_atomic_ref_count_dec) (gatomicrefcount *count)
{
  REAL (g_atomic_ref_count_dec);
  __tsan_release (count);
  gboolean last = real (count);

  if (last)
    __tsan_acquire (count);
  return last;
}

/* ----------------------------------------------------------------- main loops */

/* Stands for the lock of the default main context, which all of these take, and
 * so does every turn of the loop. */
static char context_lock;

/* What is left for the main loop; freed with its source. */
typedef struct
{
  GSourceFunc function;
  gpointer data;
  GDestroyNotify notify;
} Idle;

static gboolean
call_idle (gpointer data)
{
  Idle *idle = data;

  __tsan_acquire (idle);
  __tsan_acquire (&context_lock);
  return idle->function (idle->data);
}

static void
free_idle (gpointer data)
{
  Idle *idle = data;

  __tsan_acquire (idle);
  if (idle->notify != NULL)
    idle->notify (idle->data);
  g_free (idle);
}

/* All that is allocated for the source comes before it is handed over. */
EXPORT
guint (g_idle_add_full) (gint priority, GSourceFunc function, gpointer data, GDestroyNotify notify)
{
  GSource *source = g_idle_source_new ();
  Idle *idle = g_new (Idle, 1);

  *idle = (Idle){ function, data, notify };
  g_source_set_priority (source, priority);
  g_source_set_callback (source, call_idle, idle, free_idle);
  __tsan_release (idle);
  __tsan_acquire (&context_lock);
  guint id = g_source_attach (source, NULL);
  g_source_unref (source);
  __tsan_release (&context_lock);
  return id;
}

EXPORT
guint (g_idle_add) (GSourceFunc function, gpointer data)
{
  return (g_idle_add_full) (G_PRIORITY_DEFAULT_IDLE, function, data, NULL);
}

EXPORT
guint (g_timeout_add_full) (gint priority, guint interval, GSourceFunc function, gpointer data, GDestroyNotify notify)
{
  REAL (g_timeout_add_full);
  __tsan_acquire (&context_lock);
  guint id = real (priority, interval, function, data, notify);
  __tsan_release (&context_lock);
  return id;
}

EXPORT
guint (g_timeout_add) (guint interval, GSourceFunc function, gpointer data)
{
  return (g_timeout_add_full) (G_PRIORITY_DEFAULT, interval, function, data, NULL);
}

EXPORT
gboolean (g_source_remove) (guint id)
{
  REAL (g_source_remove);
  __tsan_acquire (&context_lock);
  gboolean found = real (id);
  __tsan_release (&context_lock);
  return found;
}

/* --------------------------------------------------------------- thread pools */

/* Lives as long as the process: a pool has no moment at which nobody calls it. */
typedef struct
{
  GFunc function;
  gpointer user_data;
} Pool;

static void
call_pooled (gpointer data, gpointer user_data)
{
  const Pool *pool = user_data;

  __tsan_acquire (data);
  pool->function (data, pool->user_data);
  __tsan_release (user_data);
}

EXPORT GThreadPool *(g_thread_pool_new) (GFunc function, gpointer user_data, gint max_threads, gboolean exclusive,
                                         GError **error)
{
  REAL (g_thread_pool_new);
  Pool *pool = g_new (Pool, 1);

  *pool = (Pool){ function, user_data };
  return real (call_pooled, pool, max_threads, exclusive, error);
}

EXPORT
gboolean (g_thread_pool_push) (GThreadPool *pool, gpointer data, GError **error)
{
  REAL (g_thread_pool_push);
  __tsan_release (data);
  return real (pool, data, error);
}

/* The pool's own memory is between GLib's threads. */
__attribute__ ((no_sanitize_thread))
EXPORT void (g_thread_pool_free) (GThreadPool *pool, gboolean immediate, gboolean wait_)
{
  REAL (g_thread_pool_free);
  gpointer user_data = pool->user_data;

  real (pool, immediate, wait_);
  if (wait_)
    __tsan_acquire (user_data);
}
