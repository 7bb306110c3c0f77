/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sensors.h - GET /bmcs/{bmc}/sensors: from the fleet's snapshot; see routes.h. */
#ifndef SENSORS_H
#define SENSORS_H

typedef struct _Exchange Exchange;

void sensors_serve (Exchange *exchange);

#endif
