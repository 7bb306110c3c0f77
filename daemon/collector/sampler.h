/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sampler.h - which sensor of one BMC to read next, and when.
 *
 * Pure logic: time is an argument (microseconds of a monotonic clock).  Each
 * sensor has a grid of moments, its interval apart, which begins at the BMC's
 * phase, so that a thousand BMCs do not read at once.  A sensor is due at the
 * next moment of its grid after its last reading has come: moments that a slow
 * BMC misses are skipped, and never made up for.  One thread.
 */
#ifndef SAMPLER_H
#define SAMPLER_H

#include <glib.h>

/* A sensor that gives nothing but errors is asked this rarely in the end. */
#define SAMPLER_BACK_OFF_MAX (5 * G_TIME_SPAN_MINUTE)
#define SAMPLER_NEVER G_MAXINT64

typedef struct _Sampler Sampler;

/* `phase`: where the grids begin, 0 or more; random. */
Sampler *sampler_new (gint64 phase);
void sampler_free (Sampler *sampler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Sampler, sampler_free)

/* Forgets all sensors, and what is under way. */
void sampler_clear (Sampler *sampler);

/* The next sensor; its place is counted from 0.  Interval 0: it is not read.
 * First due within `within` microseconds from now, its phase says when; never
 * later than in an interval.  `satellite`: its controller is reached
 * through the BMC, and perhaps not reached: no more than one of these is read at
 * once, so that the others are. */
void sampler_add (Sampler *sampler, gint64 interval, gboolean satellite, gint64 now, gint64 within);

/* The sensor to read now, -1 if none is due; from here to sampler_end() it is
 * under way. */
int sampler_begin (Sampler *sampler, gint64 now);

/* It has been read, or `failed`. */
void sampler_end (Sampler *sampler, guint place, gboolean failed, gint64 now);

/* A question to a satellite that is no reading takes the place of one, until
 * sampler_leave_satellite().  FALSE: another is under way. */
gboolean sampler_take_satellite (Sampler *sampler);
void sampler_leave_satellite (Sampler *sampler);

/* How often it has failed in a row. */
guint sampler_failures (const Sampler *sampler, guint place);

guint sampler_under_way (const Sampler *sampler);

/* When sampler_begin() will have something; SAMPLER_NEVER. */
gint64 sampler_due (const Sampler *sampler);

#endif
