/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sdr-blob.h - a sensor data record repository between OpenIPMI's form and the
 * one that the core keeps (FRAME_SDR_CACHE).
 *
 * OpenIPMI's form is its records as they lie in memory, 262 bytes each, then the
 * repository's two times and a format number.  Ours leaves out the unused bytes
 * and the host's byte order.  What comes back is not believed more than what a
 * BMC sends: sdr-watch.h sees every record again.  Pure logic.
 */
#ifndef SDR_BLOB_H
#define SDR_BLOB_H

#include "sdr-watch.h"

/* The times tell one state of the repository from the next.  That of a device's
 * own records has no erase time, and OpenIPMI must not take those from a cache:
 * it would find no sensors. */
gboolean sdr_times_are_good (SdrTimes times);

/* The times in OpenIPMI's form; FALSE: it is not one. */
gboolean sdr_blob_times (const guint8 *data, gsize length, SdrTimes *times);

/* From OpenIPMI's form to ours; NULL if it cannot be kept: its times are no good,
 * or it is larger than `maximum`. */
GBytes *sdr_blob_pack (const guint8 *data, gsize length, gsize maximum);

/* Back; free with g_free().  NULL if it is damaged, or holds nothing. */
guint8 *sdr_blob_unpack (GBytes *packed, SdrWatch *watch, gsize *length);

#endif
