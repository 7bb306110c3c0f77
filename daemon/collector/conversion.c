/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conversion.c - see conversion.h. */
#include "conversion.h"

#include <math.h>

#define LINEAR 0
#define LINEARIZATIONS 12

#define FACTORS_LENGTH 8u

static int
sign_extend (int value, guint bits)
{
  int sign = 1 << (bits - 1);

  value &= (1 << bits) - 1;
  return (value ^ sign) - sign;
}

Conversion
conversion_make (guint format, guint linearization, int m, int b, int b_exponent, int result_exponent)
{
  return (Conversion){
    .format = (guint8) (format & 3),
    .linearization = (guint8) (linearization & 0x7f),
    .m = sign_extend (m, 10),
    .offset = sign_extend (b, 10) * pow (10, sign_extend (b_exponent, 4)),
    .scale = pow (10, sign_extend (result_exponent, 4)),
  };
}

gboolean
conversion_is_nonlinear (const Conversion *conversion)
{
  return conversion->linearization >= CONVERSION_NONLINEAR && conversion->format != CONVERSION_NOT_ANALOG;
}

/* A compact record has no factors: all of them are 0. */
gboolean
conversion_is_possible (const Conversion *conversion)
{
  if (conversion->format == CONVERSION_NOT_ANALOG)
    return FALSE;
  return conversion_is_nonlinear (conversion)
         || (conversion->linearization < LINEARIZATIONS && (conversion->m != 0 || conversion->offset != 0));
}

gboolean
conversion_equal (const Conversion *one, const Conversion *other)
{
  return one->format == other->format && one->linearization == other->linearization && one->m == other->m
         && one->offset == other->offset && one->scale == other->scale;
}

gboolean
conversion_with_factors (const Conversion *conversion, const guint8 *reply, gsize length, Conversion *result)
{
  if (length < FACTORS_LENGTH || reply[0] != 0)
    return FALSE;
  *result = conversion_make (conversion->format, LINEAR, reply[2] | (reply[3] & 0xc0) << 2,
                             reply[4] | (reply[5] & 0xc0) << 2, reply[7] & 0xf, reply[7] >> 4);
  return TRUE;
}

static int
signed_raw (const Conversion *conversion, guint8 raw)
{
  switch (conversion->format)
    {
    case CONVERSION_ONES_COMPLEMENT:
      return raw & 0x80 ? sign_extend (raw, 8) + 1 : raw;
    case CONVERSION_TWOS_COMPLEMENT:
      return sign_extend (raw, 8);
    default:
      return raw;
    }
}

/* Table 43-1, byte 24. */
static double
linearize (guint linearization, double x)
{
  switch (linearization)
    {
    case 1:
      return log (x);
    case 2:
      return log10 (x);
    case 3:
      return log2 (x);
    case 4:
      return exp (x);
    case 5:
      return pow (10, x);
    case 6:
      return exp2 (x);
    case 7:
      return 1 / x;
    case 8:
      return x * x;
    case 9:
      return x * x * x;
    case 10:
      return sqrt (x);
    case 11:
      return cbrt (x);
    default:
      return x;
    }
}

gboolean
conversion_apply (const Conversion *conversion, guint8 raw, double *value)
{
  double linear;

  if (!conversion_is_possible (conversion) || conversion_is_nonlinear (conversion))
    return FALSE;
  linear = (conversion->m * signed_raw (conversion, raw) + conversion->offset) * conversion->scale;

  *value = linearize (conversion->linearization, linear);
  return isfinite (*value);
}
