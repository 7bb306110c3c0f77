/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper.h - the keeper of one collector: starts it, talks to it, starts it again.
 *
 * Belongs to the core's thread.  What comes from the collector goes straight
 * to the journal; credit is given back when it is on disk, so a slow disk
 * makes the collector leave records in the SELs.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include <glib.h>

typedef struct _Keeper Keeper;

#endif
