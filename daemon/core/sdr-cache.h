/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sdr-cache.h - sensor data records on disk, so that a restart need not read
 * every BMC's repository again (IPMI 2.0, section 33).
 *
 * One file for each BMC in the directory sdr-cache of the state directory.  The
 * core never looks into the data: the collector made them, and gets them back
 * with ADD under the key that it gave.  Losing a file is harmless, a damaged one
 * is noticed by its checksum and ignored; so nothing here is synced, and no
 * failure is more than a line in the log.
 *
 * Files are written and removed on a thread of its own, so that a slow disk does
 * not hold up the core; they are read by whoever asks.  The functions belong to
 * the core's thread.
 */
#ifndef SDR_CACHE_H
#define SDR_CACHE_H

#include <glib.h>

typedef struct _SdrCache SdrCache;

/* `state_dir` NULL: nothing is kept.  Touches nothing yet. */
SdrCache *sdr_cache_new (const char *state_dir);

/* Waits until everything is written. */
void sdr_cache_free (SdrCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SdrCache, sdr_cache_free)

/* What is known of a BMC (the ledger's number): its data, and the key under
 * which they came (g_free()); NULL if there is nothing good.  Reads one file. */
GBytes *sdr_cache_load (SdrCache *cache, gint64 bmc, char **key);

/* The body of a FRAME_SDR_CACHE about this BMC; empty data: forget it.  What is
 * too large for ADD (FRAME_SDR_CACHE_MAX, FRAME_SDR_CACHE_KEY_MAX) is forgotten,
 * too: it would not be true any more. */
void sdr_cache_on_frame (SdrCache *cache, gint64 bmc, GVariant *body);

/* The BMC is not configured any more. */
void sdr_cache_forget (SdrCache *cache, gint64 bmc);

/* Removes the files of all other BMCs: `bmcs` has gint64 for keys, and is the
 * caller's. */
void sdr_cache_forget_others (SdrCache *cache, GHashTable *bmcs);

/* The settings of an ADD with what is known of this BMC.  Consumes floating
 * settings, and returns floating ones; leaves the cache out if the frame would
 * become too large. */
GVariant *sdr_cache_add_settings (SdrCache *cache, gint64 bmc, GVariant *settings);

#endif
