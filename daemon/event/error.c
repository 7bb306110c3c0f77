/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error.c - see error.h. */
#include "error.h"

G_DEFINE_QUARK (ipmid_error, ipmid_error)

gboolean
error_usage (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error != NULL)
    *error = g_error_new_valist (IPMID_ERROR, IPMID_ERROR_USAGE, format, args);
  va_end (args);
  return FALSE;
}
