/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * silence.h - until when a BMC is silenced, by itself or by a label.
 *
 * Constant functions over the configuration's words; any thread.
 */
#ifndef SILENCE_H
#define SILENCE_H

#include <glib.h>

/* "2026-12-01T08:00Z", "2026-12-01T08:00:00+01:00", "2026-12-01 08:00" (local
 * time) or "2026-12-01" (its first moment); wall clock, microseconds. */
gboolean silence_parse_time (const char *text, gint64 *time, GError **error);

/* Whether `text` is "KEY=PATTERN until TIME"; `*until` as above. */
gboolean silence_check (const char *text, gint64 *until, GError **error);

/* The end of the last silence that concerns a BMC: its own (`until`, 0: none)
 * and those of `silences` that one of its labels ("KEY=VALUE") matches; both may
 * be NULL.  What does not parse concerns none.  One that is too long to be one
 * (quiet_is_silenced()) hides none that is; if there is no other, it is returned,
 * as the clock may only be wrong now. */
gint64 silence_until (const char *const *silences, const char *const *labels, gint64 until, gint64 now);

#endif
