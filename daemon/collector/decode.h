/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decode.h - from the sixteen bytes of a SEL record to an event, with what
 * OpenIPMI knows about the sensor.
 */
#ifndef DECODE_H
#define DECODE_H

#include "event/event.h"
#include "sdr-watch.h"

#include <OpenIPMI/ipmiif.h>

typedef struct _Decoder Decoder;

/* One for the whole process. */
Decoder *decoder_new (void);
void decoder_free (Decoder *decoder);

/* Within a domain's callback, so that the sensors stay.  `sdrs` may be NULL.
 * Never NULL: what cannot be attributed becomes an event of kind unknown. */
IpmidEvent *decoder_event (Decoder *decoder, ipmi_domain_t *domain, const SdrWatch *sdrs, const guint8 *record,
                           gboolean existing);

#endif
