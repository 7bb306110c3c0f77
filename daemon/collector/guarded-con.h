/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guarded-con.h - OpenIPMI's connection with the reply guard before it.
 *
 * Every reply passes guard.h, sdr-watch.h and sdr-population.h before the library sees it.  On
 * the way, messages are counted: that tells a connection that is dead or one
 * that never settles.  One thread.
 */
#ifndef GUARDED_CON_H
#define GUARDED_CON_H

#include "sdr-population.h"
#include "sdr-watch.h"

#include <OpenIPMI/ipmi_conn.h>

typedef struct _GuardedCon GuardedCon;

/* The first message went out: there is a session now.  Runs inside of
 * OpenIPMI. */
typedef void (*GuardedConSessionFunc) (gpointer user_data);

/* Wraps a connection that has not been handed to ipmi_open_domain() yet.  The
 * library owns the connection; this lives until the connection, the last
 * reference and the last outstanding reply are gone.  NULL: no memory. */
GuardedCon *guarded_con_wrap (ipmi_con_t *con, GuardedConSessionFunc on_session, gpointer user_data);

/* `on_session` is not called any more. */
void guarded_con_forget (GuardedCon *guarded);

void guarded_con_unref (GuardedCon *guarded);

/* Whether the connection has been wrapped by anybody before. */
gboolean guarded_con_is_wrapped (const ipmi_con_t *con);

/* What the answers so far said of sensor data records; belong to the connection. */
SdrWatch *guarded_con_sdrs (const GuardedCon *guarded);
SdrPopulation *guarded_con_population (GuardedCon *guarded);

/* While the library looks at an answer to this connection, *place is `value`:
 * some of its callbacks do not say whose they are.  `place` NULL: no more. */
void guarded_con_set_answering (GuardedCon *guarded, gpointer *place, gpointer value);

guint64 guarded_con_sent (const GuardedCon *guarded);
guint64 guarded_con_refused (const GuardedCon *guarded);

/* Whether answers have come late in the last minutes: the network loses
 * packets. */
gboolean guarded_con_is_lossy (const GuardedCon *guarded);

/* Requests that have not been answered, whoever sent them. */
guint guarded_con_outstanding (const GuardedCon *guarded);

/* How long (microseconds) something has been outstanding while nothing at all
 * was answered; 0 if nothing is outstanding. */
gint64 guarded_con_silence (const GuardedCon *guarded);

#endif
