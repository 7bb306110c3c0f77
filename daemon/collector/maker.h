/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * maker.h - who made a controller: what Get Device ID says (IPMI 2.0, 20.1),
 * and the words for it.
 */
#ifndef MAKER_H
#define MAKER_H

#include <glib.h>

/* IANA's enterprise numbers of the makers whose records are read further. */
#define MAKER_INTEL 343u
#define MAKER_DELL 674u
#define MAKER_SUPERMICRO 10876u

typedef struct
{
  guint32 manufacturer; /* IANA enterprise number; 0: not known */
  guint16 product;
  guint8 ipmi_major; /* the version of IPMI that it speaks: 1 or 2 */
} Maker;

/* "Dell", or NULL if it is none of those that make BMCs; static. */
const char *maker_name (guint32 manufacturer);

/* "Dell", or "manufacturer 4711".  Free with g_free(). */
char *maker_words (guint32 manufacturer);

#endif
