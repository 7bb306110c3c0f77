/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sdr-cache.c - see sdr-cache.h.
 *
 * A file is a header and the key and the data behind it, numbers in little
 * endian:
 *   magic (8) · version (4) · key's length (4) · data's length (4) · zero (4) ·
 *   BMC (8) · SHA-256 of everything else (32)
 * A new one is written under another name and renamed, so that a reader sees
 * the old or the new one, whole.
 */
#include "core/sdr-cache.h"

#include "core/log.h"
#include "event/frame.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "sdr-cache"
#define TEMPORARY "new"
#define VERSION 1u
#define DIGEST_SIZE 32u
#define FILE_MAX (sizeof (Header) + FRAME_SDR_CACHE_KEY_MAX + FRAME_SDR_CACHE_MAX)
#define FAILURE_LOG_INTERVAL G_TIME_SPAN_HOUR

typedef struct
{
  char magic[8];
  guint32 version;
  guint32 key_length;
  guint32 data_length;
  guint32 zero;
  gint64 bmc;
  guint8 digest[DIGEST_SIZE];
} Header;

G_STATIC_ASSERT (sizeof (Header) == 64);

static const char magic[8] = { 'i', 'p', 'm', 'i', 'd', 'S', 'D', 'R' };

struct _SdrCache
{
  char *path;             /* of the directory; NULL: nothing is kept */
  GThread *thread;        /* NULL until there is something to do */
  LogLimit failure_limit; /* the thread's */

  GMutex lock; /* everything below */
  GCond changed;
  GHashTable *waiting;  /* gint64 → GBytes, the file to be; empty: remove it */
  GHashTable *others;   /* remove the files of BMCs that are not in it; NULL: done */
  gint64 in_hand;       /* the BMC whose file is being written … */
  GBytes *in_hand_file; /* … and what it will be; NULL: none */
  gboolean ending;
};

/* ---------------------------------------------------------------- the format */

static void
compute_digest (const guint8 *file, gsize size, guint8 digest[DIGEST_SIZE])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize length = DIGEST_SIZE;

  g_checksum_update (checksum, file, G_STRUCT_OFFSET (Header, digest));
  g_checksum_update (checksum, file + sizeof (Header), (gssize) (size - sizeof (Header)));
  g_checksum_get_digest (checksum, digest, &length);
}

static GBytes *
pack (gint64 bmc, const char *key, gconstpointer data, gsize length)
{
  gsize key_length = strlen (key), size = sizeof (Header) + key_length + length;
  guint8 *file = g_malloc0 (size);
  Header header = { .version = GUINT32_TO_LE (VERSION),
                    .key_length = GUINT32_TO_LE ((guint32) key_length),
                    .data_length = GUINT32_TO_LE ((guint32) length),
                    .bmc = GINT64_TO_LE (bmc) };

  memcpy (header.magic, magic, sizeof magic);
  memcpy (file, &header, sizeof header);
  memcpy (file + sizeof header, key, key_length);
  memcpy (file + sizeof header + key_length, data, length);
  compute_digest (file, size, file + G_STRUCT_OFFSET (Header, digest));
  return g_bytes_new_take (file, size);
}

/* NULL if it is damaged, of another version, or of another BMC. */
static GBytes *
unpack (GBytes *bytes, gint64 bmc, char **key)
{
  gsize size;
  const guint8 *file = g_bytes_get_data (bytes, &size);
  guint8 digest[DIGEST_SIZE];
  Header header;

  if (size < sizeof header || size > FILE_MAX)
    return NULL;
  memcpy (&header, file, sizeof header);
  compute_digest (file, size, digest);
  gsize key_length = GUINT32_FROM_LE (header.key_length), length = GUINT32_FROM_LE (header.data_length);
  if (memcmp (header.magic, magic, sizeof magic) != 0 || GUINT32_FROM_LE (header.version) != VERSION
      || GINT64_FROM_LE (header.bmc) != bmc || memcmp (header.digest, digest, sizeof digest) != 0
      || size != sizeof header + key_length + length)
    return NULL;
  *key = g_strndup ((const char *) file + sizeof header, key_length);
  return g_bytes_new_from_bytes (bytes, sizeof header + key_length, length);
}

/* ------------------------------------------------------------------ the files */

static char *
file_name (gint64 bmc)
{
  return g_strdup_printf ("%" G_GINT64_FORMAT, bmc);
}

static int
open_directory (const SdrCache *cache)
{
  return open (cache->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* NULL if there is none that can be read. */
static GBytes *
read_file (int directory, const char *name)
{
  int fd = openat (directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat status;
  g_autofree guint8 *data = NULL;
  gsize size = 0;
  ssize_t got;

  if (fd < 0)
    return NULL;
  if (fstat (fd, &status) == 0 && S_ISREG (status.st_mode) && status.st_size <= (off_t) FILE_MAX)
    {
      data = g_malloc (FILE_MAX);
      while (size < FILE_MAX && (got = read (fd, data + size, FILE_MAX - size)) > 0)
        size += (gsize) got;
    }
  close (fd);
  return data == NULL ? NULL : g_bytes_new (data, size);
}

static gboolean
write_all (int fd, GBytes *file)
{
  gsize size, done = 0;
  const guint8 *data = g_bytes_get_data (file, &size);

  while (done < size)
    {
      ssize_t written = write (fd, data + done, size - done);
      if (written < 0 && errno != EINTR)
        return FALSE;
      done += written > 0 ? (gsize) written : 0;
    }
  return TRUE;
}

static gboolean
write_file (int directory, const char *name, GBytes *file)
{
  int fd = openat (directory, TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0)
    return FALSE;
  gboolean good = write_all (fd, file);
  int why = errno;
  good = close (fd) == 0 && good;
  if (good && renameat (directory, TEMPORARY, directory, name) == 0)
    return TRUE;
  why = good ? errno : why;
  unlinkat (directory, TEMPORARY, 0);
  errno = why;
  return FALSE;
}

static gboolean
replace_file (int directory, const char *name, GBytes *file)
{
  if (g_bytes_get_size (file) == 0)
    return unlinkat (directory, name, 0) == 0 || errno == ENOENT;
  g_autoptr (GBytes) present = read_file (directory, name);
  return (present != NULL && g_bytes_equal (present, file)) || write_file (directory, name, file);
}

/* ----------------------------------------------------------------- the thread */

static void
complain (SdrCache *cache)
{
  int why = errno;
  guint suppressed;

  if (log_limit_pass (&cache->failure_limit, FAILURE_LOG_INTERVAL, &suppressed))
    log_line (IPMID_LOG_WARNING, NULL,
              "sensor data records cannot be kept in %s: %s; BMCs' repositories will be read again after a restart",
              cache->path, g_strerror (why));
}

static void
replace (SdrCache *cache, gint64 bmc, GBytes *file)
{
  g_autofree char *name = file_name (bmc);
  int directory = open_directory (cache);

  if (directory < 0 && errno == ENOENT)
    {
      if (g_bytes_get_size (file) == 0)
        return;
      if (mkdir (cache->path, 0700) == 0)
        directory = open_directory (cache);
    }
  if (directory < 0 || !replace_file (directory, name, file))
    complain (cache);
  if (directory >= 0)
    close (directory);
}

/* What is no number of a BMC that stays: other BMCs', and what a crash left. */
static gboolean
is_stale (const char *name, GHashTable *bmcs)
{
  gint64 bmc;

  if (name[0] == '.')
    return FALSE;
  return !g_ascii_string_to_signed (name, 10, 1, G_MAXINT64, &bmc, NULL) || !g_hash_table_contains (bmcs, &bmc);
}

static void
sweep (const SdrCache *cache, GHashTable *bmcs)
{
  int fd = open_directory (cache);
  DIR *directory = fd < 0 ? NULL : fdopendir (fd);
  const struct dirent *entry;

  if (directory == NULL)
    {
      if (fd >= 0)
        close (fd);
      return;
    }
  while ((entry = readdir (directory)) != NULL)
    if (is_stale (entry->d_name, bmcs))
      unlinkat (dirfd (directory), entry->d_name, 0);
  closedir (directory);
}

/* Takes what waits of one BMC into hand; the lock is held.  FALSE: nothing does. */
static gboolean
take_in_hand (SdrCache *cache)
{
  GHashTableIter iter;
  gpointer bmc, file;

  g_hash_table_iter_init (&iter, cache->waiting);
  if (!g_hash_table_iter_next (&iter, &bmc, &file))
    return FALSE;
  cache->in_hand = *(gint64 *) bmc;
  cache->in_hand_file = g_bytes_ref (file);
  g_hash_table_iter_remove (&iter);
  return TRUE;
}

static gpointer
run (gpointer data)
{
  SdrCache *cache = data;

  g_mutex_lock (&cache->lock);
  for (;;)
    {
      g_autoptr (GHashTable) others = g_steal_pointer (&cache->others);
      if (others != NULL || take_in_hand (cache))
        {
          g_mutex_unlock (&cache->lock);
          if (others != NULL)
            sweep (cache, others);
          else
            replace (cache, cache->in_hand, cache->in_hand_file);
          g_mutex_lock (&cache->lock);
          g_clear_pointer (&cache->in_hand_file, g_bytes_unref);
        }
      else if (cache->ending)
        break;
      else
        g_cond_wait (&cache->changed, &cache->lock);
    }
  g_mutex_unlock (&cache->lock);
  return NULL;
}

/* Wakes the thread; the lock is held. */
static void
hurry (SdrCache *cache)
{
  g_autoptr (GError) error = NULL;

  if (cache->thread == NULL)
    cache->thread = g_thread_try_new ("sdr-cache", run, cache, &error);
  if (cache->thread == NULL)
    log_line (IPMID_LOG_WARNING, NULL, "sensor data records cannot be kept: %s", error->message);
  g_cond_signal (&cache->changed);
}

/* ------------------------------------------------------------- the core's side */

SdrCache *
sdr_cache_new (const char *state_dir)
{
  SdrCache *cache = g_new0 (SdrCache, 1);

  cache->path = state_dir == NULL ? NULL : g_build_filename (state_dir, DIRECTORY, NULL);
  g_mutex_init (&cache->lock);
  g_cond_init (&cache->changed);
  cache->waiting = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, (GDestroyNotify) g_bytes_unref);
  return cache;
}

void
sdr_cache_free (SdrCache *cache)
{
  if (cache == NULL)
    return;
  g_mutex_lock (&cache->lock);
  cache->ending = TRUE;
  g_cond_signal (&cache->changed);
  g_mutex_unlock (&cache->lock);
  if (cache->thread != NULL)
    g_thread_join (cache->thread);
  g_hash_table_unref (cache->waiting);
  g_mutex_clear (&cache->lock);
  g_cond_clear (&cache->changed);
  g_free (cache->path);
  g_free (cache);
}

/* What waits is newer than what is on disk; NULL: look there. */
static GBytes *
find_waiting (SdrCache *cache, gint64 bmc)
{
  g_mutex_lock (&cache->lock);
  GBytes *file = g_hash_table_lookup (cache->waiting, &bmc);
  if (file == NULL && cache->in_hand_file != NULL && cache->in_hand == bmc)
    file = cache->in_hand_file;
  if (file != NULL)
    g_bytes_ref (file);
  g_mutex_unlock (&cache->lock);
  return file;
}

GBytes *
sdr_cache_load (SdrCache *cache, gint64 bmc, char **key)
{
  g_autoptr (GBytes) file = find_waiting (cache, bmc);
  g_autofree char *name = file_name (bmc);

  *key = NULL;
  if (file == NULL && cache->path != NULL)
    {
      int directory = open_directory (cache);
      if (directory < 0)
        return NULL;
      file = read_file (directory, name);
      close (directory);
    }
  return file == NULL ? NULL : unpack (file, bmc, key);
}

/* Takes the file. */
static void
submit (SdrCache *cache, gint64 bmc, GBytes *file)
{
  if (cache->path == NULL)
    {
      g_bytes_unref (file);
      return;
    }
  g_mutex_lock (&cache->lock);
  g_hash_table_replace (cache->waiting, g_memdup2 (&bmc, sizeof bmc), file);
  hurry (cache);
  g_mutex_unlock (&cache->lock);
}

void
sdr_cache_on_frame (SdrCache *cache, gint64 bmc, GVariant *body)
{
  guint32 number;
  const char *key;
  g_autoptr (GVariant) bytes = NULL;
  gsize length;

  g_variant_get (body, "(u&s@ay)", &number, &key, &bytes);
  gconstpointer data = g_variant_get_fixed_array (bytes, &length, 1);
  if (length == 0 || length > FRAME_SDR_CACHE_MAX || strlen (key) > FRAME_SDR_CACHE_KEY_MAX)
    sdr_cache_forget (cache, bmc);
  else
    submit (cache, bmc, pack (bmc, key, data, length));
}

void
sdr_cache_forget (SdrCache *cache, gint64 bmc)
{
  submit (cache, bmc, g_bytes_new (NULL, 0));
}

void
sdr_cache_forget_others (SdrCache *cache, GHashTable *bmcs)
{
  GHashTable *copy;
  GHashTableIter iter;
  gpointer bmc;

  if (cache->path == NULL || access (cache->path, F_OK) != 0)
    return;
  copy = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_hash_table_iter_init (&iter, bmcs);
  while (g_hash_table_iter_next (&iter, &bmc, NULL))
    g_hash_table_add (copy, g_memdup2 (bmc, sizeof (gint64)));
  g_mutex_lock (&cache->lock);
  g_clear_pointer (&cache->others, g_hash_table_unref);
  cache->others = copy;
  hurry (cache);
  g_mutex_unlock (&cache->lock);
}

GVariant *
sdr_cache_add_settings (SdrCache *cache, gint64 bmc, GVariant *settings)
{
  g_autofree char *key = NULL;
  g_autoptr (GBytes) data = sdr_cache_load (cache, bmc, &key);
  /* Keys, types and offsets of the two settings, and ADD's own framing. */
  const gsize overhead = 256;

  if (data == NULL
      || g_variant_get_size (settings) + strlen (key) + g_bytes_get_size (data) + overhead
             > FRAME_SIZE_MAX - FRAME_HEADER_SIZE)
    return settings;
  g_autoptr (GVariant) owned = g_variant_ref_sink (settings);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (owned);
  g_variant_dict_insert (&dict, FRAME_SETTING_SDR_CACHE_KEY, "s", key);
  g_variant_dict_insert_value (&dict, FRAME_SETTING_SDR_CACHE,
                               g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, data, TRUE));
  return g_variant_dict_end (&dict);
}
