/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conversion.h - from a raw reading to a value (IPMI 2.0, sections 36.3 to 36.6).
 *
 * What OpenIPMI does with its sensors, without a sensor: readings come by the
 * thousand a second.  Pure functions.
 */
#ifndef CONVERSION_H
#define CONVERSION_H

#include <glib.h>

/* Analogue data formats (table 43-1, byte 21). */
#define CONVERSION_UNSIGNED 0
#define CONVERSION_ONES_COMPLEMENT 1
#define CONVERSION_TWOS_COMPLEMENT 2
#define CONVERSION_NOT_ANALOG 3

/* Linearization (table 43-1, byte 24): from here on the factors depend on the
 * reading, and Get Sensor Reading Factors (35.5) tells them. */
#define CONVERSION_NONLINEAR 0x70

typedef struct
{
  guint8 format;
  guint8 linearization;
  double m;      /* M */
  double offset; /* B * 10^K1 */
  double scale;  /* 10^K2 */
} Conversion;

/* `m` and `b` are ten bits, the exponents four bits, signed, of which the upper
 * ones may be missing. */
Conversion conversion_make (guint format, guint linearization, int m, int b, int b_exponent, int result_exponent);

/* There are values at all. */
gboolean conversion_is_possible (const Conversion *conversion);

/* The factors have to be asked for each raw reading. */
gboolean conversion_is_nonlinear (const Conversion *conversion);

gboolean conversion_equal (const Conversion *one, const Conversion *other);

/* The answer to Get Sensor Reading Factors, with the completion code, put into a
 * copy that is good for that raw reading.  FALSE: it is none. */
gboolean conversion_with_factors (const Conversion *conversion, const guint8 *reply, gsize length, Conversion *result);

/* FALSE if this raw reading stands for no finite number that could be known
 * without asking for factors. */
gboolean conversion_apply (const Conversion *conversion, guint8 raw, double *value);

#endif
