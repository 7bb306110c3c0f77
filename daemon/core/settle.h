/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * settle.h - when a BMC's coming and going is worth an event.
 *
 * A BMC that flaps is no news every time: only a state that has held for the
 * settle time is announced, and only if it differs from what was announced
 * last.  Pure logic: times are arguments, monotonic, in microseconds.
 */
#ifndef SETTLE_H
#define SETTLE_H

#include <glib.h>

typedef struct
{
  gboolean up;           /* now */
  gboolean announced_up; /* what the world was told last */
  gint64 since;          /* when `up` became what it is */
} Settle;

typedef enum
{
  SETTLE_NOTHING,
  SETTLE_AWAY, /* it has been away for the settle time */
  SETTLE_BACK, /* it has been up again for the settle time */
} SettleNews;

/* A BMC that nobody has connected yet.  `announced_up`: what an earlier ipmid
 * said; TRUE if it said nothing. */
void settle_init (Settle *settle, gboolean announced_up, gint64 now);

/* The BMC is up or not; told as often as one likes. */
void settle_see (Settle *settle, gboolean up, gint64 now);

/* What is to be announced now; the same news comes once. */
SettleNews settle_check (Settle *settle, gint64 settle_time, gint64 now);

/* When settle_check() may have news, if nothing changes; G_MAXINT64: never. */
gint64 settle_deadline (const Settle *settle, gint64 settle_time);

#endif
