/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * filter.h - which events a handler wants.
 *
 * Immutable once its handler runs; read by the journal's thread.
 */
#ifndef FILTER_H
#define FILTER_H

#include "event/event.h"

typedef struct
{
  guint32 kinds;     /* bit n: IpmidKind n */
  gboolean existing; /* also what stood in the SEL before ipmid first met the BMC */
} Filter;

#define FILTER_ALL_KINDS G_MAXUINT32

/* The kinds that come from SEL records. */
#define FILTER_RECORD_KINDS ((1u << IPMID_KIND_THRESHOLD) | (1u << IPMID_KIND_DISCRETE) | (1u << IPMID_KIND_UNKNOWN))

gboolean filter_match (const Filter *filter, const IpmidEvent *event);

#endif
