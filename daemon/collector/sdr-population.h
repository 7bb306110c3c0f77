/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sdr-population.h - have the controllers behind one BMC other sensors of their
 * own than before?
 *
 * A controller may keep sensor data records of its own beside those in the BMC's
 * repository; its answers to Get Device SDR Info (IPMI 2.0, 35.2) tell one
 * population of sensors from the next.  OpenIPMI asks that of each such
 * controller, and of no other, before it reads the records: so what passes here
 * says whom to ask later, and what to compare with.  Pure logic, one thread.
 */
#ifndef SDR_POPULATION_H
#define SDR_POPULATION_H

#include <glib.h>

/* The command, which takes no data: the number of sensors is asked for. */
#define SDR_POPULATION_GET_INFO 0x20

/* An IPMB has room for 127; what a BMC claims beyond that is not followed. */
#define SDR_POPULATION_CONTROLLERS_MAX 128u
/* A controller that does not answer is left out of this many rounds in the end. */
#define SDR_POPULATION_PAUSE_MAX 15u

/* Who was asked: the BMC itself, or a satellite behind it. */
typedef struct
{
  gboolean satellite;
  guint8 channel, address; /* of a satellite; else 0 */
  guint8 lun;
} SdrController;

typedef struct
{
  GArray *entries; /* NULL: nobody has device SDRs */
  gboolean settled;
} SdrPopulation;

/* Begins as zeros. */
void sdr_population_clear (SdrPopulation *population);

/* An answer of any command, with the completion code.  Until
 * sdr_population_settle() a controller's latest is what later ones are compared
 * with; after that, its first. */
void sdr_population_reply (SdrPopulation *population, const SdrController *from, guint8 netfn, guint8 command,
                           const guint8 *reply, gsize length);

/* The records have been read. */
void sdr_population_settle (SdrPopulation *population);

/* Whether any controller has told of device SDRs. */
gboolean sdr_population_is_known (const SdrPopulation *population);

/* Whether a controller's number of sensors is another than it was, or the change
 * indicator that it gives if it is dynamic. */
gboolean sdr_population_has_changed (const SdrPopulation *population);

/* A round of questions: sdr_population_next() gives each controller that is to be
 * asked in it once, then FALSE.  Who did not answer is asked in ever fewer
 * rounds. */
void sdr_population_begin_round (SdrPopulation *population);
gboolean sdr_population_next (SdrPopulation *population, SdrController *next);

#endif
