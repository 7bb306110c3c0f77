/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * intake.h - readings on their way into the database.
 *
 * They are collected in memory, and written in one transaction a second.  They
 * are unacknowledged: what is in memory is lost in a crash, and what does not fit
 * there, because the database is locked or the disk full for long, is left out,
 * oldest first.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include "sqlite.h"

typedef struct _Intake Intake;

Intake *intake_new (Sqlite *sqlite);
void intake_free (Intake *intake);

/* Takes readings into memory. */
void intake_add (Intake *intake, const IpmidReadings *readings);

/* Writes what is there if it is time; `now`: monotonic, microseconds.  Returns when
 * to come again, G_MAXINT64 if nothing waits. */
gint64 intake_flush (Intake *intake, gint64 now);

/* Writes what is there, at once. */
void intake_finish (Intake *intake);

/* Forgets which rows sensors have, and what waits: it is another file now. */
void intake_reset (Intake *intake);

/* The row of a sensor is gone. */
void intake_forget_sensor (Intake *intake, gint64 id);

/* Readings up to here are in rows of `minute`: nanoseconds since 1970. */
void intake_note_done (Intake *intake, gint64 id, gint64 minute_done);

#endif
