/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper-intake.h - the way of a frame from its collector to the journal, and back.
 *
 * A frame becomes work for the journal's thread; what follows from it (credit,
 * the next START) comes back to the core's thread when the work is on disk.
 */
#ifndef KEEPER_INTAKE_H
#define KEEPER_INTAKE_H

#include "core/keeper-private.h"

/* One frame's work.  Created on the core's thread, used on the journal's,
 * finished and freed on the core's. */
typedef struct
{
  Keeper *keeper; /* a reference */
  guint generation;
  FrameType type;
  gint64 bmc;
  guint bmc_generation;
  guint walk;
  gboolean flag;         /* RECORDS: first; WALK_END: complete; SUSPECT, SEL_INFO: overflow;
                            IDENTITY, TAIL: to be announced */
  gboolean connected;    /* SEL_INFO */
  gint64 last_confirmed; /* SUSPECT */
  GPtrArray *events;     /* RECORDS */
  gboolean has_record;
  guint8 record[STORE_RECORD_SIZE]; /* TAIL; IDENTITY: the GUID */
  StoreBmc cursor;                  /* the answer to SEL_INFO and TAIL */
  gboolean committed;
} Intake;

/* For a frame of this type about this BMC, with nothing filled in. */
Intake *keeper_intake_new (Keeper *keeper, FrameType type, const FleetBmc *bmc);

/* Takes it. */
void keeper_intake_submit (Intake *intake);

/* The collector may send so many records more. */
void keeper_intake_give_credit (Keeper *keeper, guint records);

#endif
