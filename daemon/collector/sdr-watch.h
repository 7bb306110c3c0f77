/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sdr-watch.h - looks over the library's shoulder while it reads the SDRs.
 *
 * OpenIPMI believes what a sensor data record says about itself.  One that is
 * shorter than its type, or that makes sensor numbers run over 255, would make
 * it read or write where it must not; such a record is turned into one of a
 * type that it skips, on its way through, so that the others stay.  While at
 * it, the watch notes the names of event-only sensors, which OpenIPMI looks
 * for in the wrong place.  Pure logic, one per connection.
 */
#ifndef SDR_WATCH_H
#define SDR_WATCH_H

#include <glib.h>

typedef struct _SdrWatch SdrWatch;

/* No BMC needs more; each costs the library about 10 kB. */
#define SDR_WATCH_SENSORS_MAX 2048u
#define SDR_WATCH_RECORDS_MAX 4096u

/* When the repository was last added to and last erased, seconds as the BMC has
 * them (33.9). */
typedef struct
{
  guint32 add;
  guint32 erase;
} SdrTimes;

SdrWatch *sdr_watch_new (void);
void sdr_watch_free (SdrWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SdrWatch, sdr_watch_free)

/* A reply that fits its request (guard.h), of any command.  May change it;
 * never its length. */
void sdr_watch_reply (SdrWatch *watch, guint8 netfn, guint8 command, const guint8 *request, gsize request_length,
                      guint8 *reply, gsize reply_length);

/* A whole record that comes from elsewhere than the BMC: its type, and what
 * follows the header.  May change both, as above. */
void sdr_watch_record (SdrWatch *watch, guint8 *type, guint8 *body, guint8 length);

/* The library has so many records from elsewhere, and believes them if the
 * repository's times are as they were.  These count in seconds: if the number of
 * records is another, it is made to read all. */
void sdr_watch_expect (SdrWatch *watch, guint records);

/* The times in the last answer about a repository; FALSE: there was none. */
gboolean sdr_watch_times (const SdrWatch *watch, SdrTimes *times);

/* How many records have begun to be read: a measure of how many messages
 * start-up may take. */
guint sdr_watch_records (const SdrWatch *watch);

/* How often reading the records broke off: OpenIPMI then goes on without
 * sensors. */
guint sdr_watch_failures (const SdrWatch *watch);

/* The name of an event-only sensor, or NULL; belongs to the watch.  `channel`
 * and `lun` as in the record (43.3, bytes 6 to 8). */
const char *sdr_watch_name (const SdrWatch *watch, guint8 owner, guint8 channel, guint8 lun, guint8 number);

#endif
