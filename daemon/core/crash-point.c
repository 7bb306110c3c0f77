/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crash-point.c - see crash-point.h. */
#include "core/crash-point.h"

#include <glib.h>

#ifdef ENABLE_CRASH_POINTS
#include <signal.h>
#include <string.h>
#include <unistd.h>

void
crash_point (const char *name)
{
  static gint reached;
  const char *wanted = g_getenv ("IPMID_CRASH_POINT");
  gsize length = strlen (name);

  if (wanted == NULL || strncmp (wanted, name, length) != 0 || (wanted[length] != '\0' && wanted[length] != ':'))
    return;
  gint64 count = wanted[length] == ':' ? g_ascii_strtoll (wanted + length + 1, NULL, 10) : 1;
  if (g_atomic_int_add (&reached, 1) + 1 >= count)
    kill (getpid (), SIGKILL);
}
#endif
