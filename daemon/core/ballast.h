/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ballast.h - disk space kept in reserve.
 *
 * A file of a few megabytes beside the journal.  When the disk is full it is
 * given up, so that answers, which make room, can still be committed.  Belongs
 * to the journal's thread.
 */
#ifndef BALLAST_H
#define BALLAST_H

#include <glib.h>

typedef struct _Ballast Ballast;

/* Takes the space if there is plenty; never fails. */
Ballast *ballast_new (const char *directory);
/* How large it is, or was before its release; 0: there never was room for one. */
gint64 ballast_size (const Ballast *ballast);

void ballast_free (Ballast *ballast);

/* Gives the space up.  FALSE if there was none to give. */
gboolean ballast_release (Ballast *ballast);

/* Takes it again, if there is plenty. */
void ballast_take (Ballast *ballast);

#endif
