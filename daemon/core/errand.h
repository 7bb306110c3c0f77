/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * errand.h - what a person asks of one BMC and waits for: read its SEL, clear it,
 * switch its power.
 *
 * An errand wanders between the core's thread, the journal's and a collector; one
 * of them has it at a time, and each has a deadline.  Belongs to the core's thread.
 */
#ifndef ERRAND_H
#define ERRAND_H

#include "core/fleet.h"
#include "core/request.h"

/* How long each may take, in seconds.  Reading 65535 records takes a minute. */
#define ERRAND_RESCAN_TIME 180
#define ERRAND_CLEAR_TIME 240
#define ERRAND_POWER_TIME 30

typedef struct _Errands Errands;

/* Both outlive it. */
Errands *errands_new (Fleet *fleet, Journal *journal);
/* Before the journal ends; who still waits is told. */
void errands_end (Errands *errands);
void errands_free (Errands *errands);

/* Each answers the request, once it is done or cannot be; the BMC is watched. */
void errand_rescan (Errands *errands, gint64 bmc, Request *request);
void errand_clear (Errands *errands, gint64 bmc, gboolean force, Request *request);
void errand_power (Errands *errands, gint64 bmc, FramePower power, Request *request);

/* For fleet_set_errands(); `errands` is an Errands. */
extern const FleetErrandFuncs errand_funcs;

/* FleetDeletedFunc: the tokens of errands have this bit, those of others do not. */
#define ERRAND_TOKEN (G_GUINT64_CONSTANT (1) << 63)
void errands_on_deleted (gint64 bmc, guint64 token, FrameDeleteOutcome outcome, const char *words, gpointer errands);

#endif
