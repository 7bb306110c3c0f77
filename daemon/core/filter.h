/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * filter.h - which events a handler wants.
 *
 * Compiled once, from the words of the configuration; immutable once its
 * handler runs, and then read by the journal's thread.  A member that is NULL
 * or 0 asks for nothing (but `kinds`).
 */
#ifndef FILTER_H
#define FILTER_H

#include "event/pattern.h"
#include "event/event.h"

typedef enum
{
  FILTER_ANY_DIRECTION,
  FILTER_ASSERTIONS,   /* also events that have no direction */
  FILTER_DEASSERTIONS, /* only what says that it is one */
} FilterDirection;

typedef struct
{
  guint32 kinds;          /* bit n: IpmidKind n */
  gboolean existing;      /* also what stood in the SEL before ipmid first met the BMC */
  IpmidSeverity severity; /* at least so bad; an event without severity is INFO */
  FilterDirection direction;
  PatternList *bmcs;
  PatternList *sensors;
  GPtrArray *labels;    /* FilterLabel: all must hold */
  guint8 *sensor_types; /* bit n: type n (IPMI 2.0, table 42-3) */
  gboolean untyped;     /* with sensor_types: also events without a type */
} Filter;

#define FILTER_ALL_KINDS G_MAXUINT32

/* The kinds that come from SEL records. */
#define FILTER_RECORD_KINDS ((1u << IPMID_KIND_THRESHOLD) | (1u << IPMID_KIND_DISCRETE) | (1u << IPMID_KIND_UNKNOWN))

/* Each replaces what stood there; the error names the word and what would be
 * right.  Kinds ("threshold", "!health"), patterns of BMCs' names, "KEY=PATTERN"
 * labels, patterns of sensors' names, and patterns or numbers of sensor types.
 * No words: no restriction. */
gboolean filter_set_kinds (Filter *filter, const char *const *words, GError **error);
gboolean filter_set_bmcs (Filter *filter, const char *const *words, GError **error);
gboolean filter_set_labels (Filter *filter, const char *const *words, GError **error);
gboolean filter_set_sensors (Filter *filter, const char *const *words, GError **error);
gboolean filter_set_sensor_types (Filter *filter, const char *const *words, GError **error);

/* Frees what the setters made. */
void filter_clear (Filter *filter);

/* `labels` are the BMC's, "KEY=VALUE"; NULL: it has none. */
gboolean filter_match (const Filter *filter, const IpmidEvent *event, const char *const *labels);

#endif
