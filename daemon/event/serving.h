/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * serving.h - which BMC a collector is working for, readable after its death.
 *
 * One page of shared memory per collector, which gets it as descriptor 4.  The
 * collector writes down the BMC before code runs that parses what that BMC
 * sent, and takes it back after; the core looks when the collector has crashed
 * or spins.  The collector is not to be trusted: a number in the note is a
 * suspicion, no more.
 */
#ifndef SERVING_H
#define SERVING_H

#include <glib.h>

/* The collector's descriptor for the page.  It may be missing. */
#define SERVING_FD 4

typedef struct
{
  guint32 magic;
  guint32 bmc;   /* its number in frames; 0: none */
  guint64 count; /* how often it has been written: one that stands still hangs */
} ServingNote;

/* The core's side: a page of a fixed size, mapped for reading only.  `*fd` is
 * the caller's, to hand to the collector and to close (close-on-exec). */
const ServingNote *serving_new (int *fd, GError **error);

/* The collector's side: maps the page for writing.  NULL: the descriptor is
 * missing or something else; everything works without. */
ServingNote *serving_attach (int fd);

/* The collector's side: `bmc` is served from now on; 0: none.  Returns the one
 * that was served before, so that calls may be nested.  `note` may be NULL. */
guint32 serving_set (ServingNote *note, guint32 bmc);

/* The BMC being served, 0 if none or `note` is NULL; any side. */
guint32 serving_bmc (const ServingNote *note);

/* The same, for whoever looks while the collector goes on: with the same number
 * and the same `*count` as at an earlier look it is still at the same service.
 * The two may belong to two services that follow each other. */
guint32 serving_look (const ServingNote *note, guint64 *count);

/* Unmaps; either side.  NULL is fine. */
void serving_free (const ServingNote *note);

#endif
