/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-bench-host.h - a host for one plugin, to test or measure it alone.
 *
 * Loads the shared object, fills the state from its option table, and calls
 * the plugin's functions on the thread of the test.  What the plugin tells the
 * host is kept for the test to look at; a mutex guards it, because a finalizer
 * answers from other threads.
 */
#ifndef PLUGIN_BENCH_HOST_H
#define PLUGIN_BENCH_HOST_H

#include <event/event.h>

typedef struct _BenchHost BenchHost;

/* Called for ipmid_host_delete_record(); calls the callback, now or later. */
typedef void (*BenchDeleteFunc) (IpmidEvent *event, IpmidDeleteFlags flags, IpmidDeleteCallback callback,
                                 gpointer callback_data, gpointer user_data);

struct _BenchHost
{
  IpmidHost host; /* first: the plugin's view */
  gpointer module;
  const IpmidPlugin *plugin;
  gpointer state;
  GMutex mutex;
  GString *log;        /* "<level> <message>" lines */
  GHashTable *reasons; /* token to words */
  GHashTable *answers; /* token to verdict */
  guint n_answers;
  int stop_status; /* -1: not asked to stop */
  char *stop_message;
  int cancel[2];   /* a pipe: bench_host_cancel() writes */
  gint64 patience; /* the deadline of a batch, from its start */
  guint64 next_token;
  BenchDeleteFunc on_delete;
  gpointer on_delete_data;
  gint64 pause;            /* microseconds of the last ipmid_host_pause() */
  gboolean wants_readings; /* TRUE until the plugin says otherwise */
  const char *state_dir;   /* what ipmid_host_state_dir() says; NULL at first */
  const void *offered;     /* the last ipmid_host_offer(); NULL: none, or withdrawn */
};

/* "file" finds file.so in $IPMID_TEST_PLUGIN_DIR, else in ./.libs. */
BenchHost *bench_host_new (const char *plugin);
void bench_host_free (BenchHost *bench);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchHost, bench_host_free)

/* Sets an option, in configuration syntax. */
void bench_host_set (BenchHost *bench, const char *key, const char *value);

gboolean bench_host_check (BenchHost *bench, GError **error);
gboolean bench_host_open (BenchHost *bench, GError **error);
void bench_host_close (BenchHost *bench);

/* Delivers; the tokens are first_token + i.  Returns first_token. */
guint64 bench_host_deliver (BenchHost *bench, IpmidEvent *const *events, guint n_events, IpmidVerdict *verdicts);

/* One event; returns its verdict. */
IpmidVerdict bench_host_deliver_one (BenchHost *bench, IpmidEvent *event);

/* Why the event of this token got its verdict, or NULL; of the last delivered
 * event for token 0. */
const char *bench_host_reason (BenchHost *bench, guint64 token);

/* What `idle` asks for. */
IpmidIdle bench_host_idle (BenchHost *bench);

/* Makes cancel_fd readable.  Any thread. */
void bench_host_cancel (BenchHost *bench);

/* A threshold event of this BMC with the record id `number`. */
IpmidEvent *bench_event (const char *bmc, guint number);

/* How many descriptors this process has open. */
guint bench_count_descriptors (void);

/* Waits until the condition holds; fails the test if it never does. */
typedef gboolean (*BenchCondition) (gconstpointer data);
void bench_wait_for (BenchCondition condition, gconstpointer data, const char *what);

/* The state letter of a process in /proc; 'X' if there is none. */
char bench_process_state (int pid);

/* Whether a process runs: it exists and is no zombie. */
gboolean bench_is_alive (int pid);

/* Waits until it runs no more; a signal takes its time. */
void bench_assert_dies (int pid);

/* A new temporary directory, and its end with all that is in it. */
char *bench_make_directory (void);
void bench_remove_directory (char *path);

#endif
