/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* words.c - see words.h. */
#include "core/words.h"

/* GLib's table of interned strings is the process's own, and so is its lock. */
static GMutex lock;

char *
words_intern (const char *text)
{
  g_mutex_lock (&lock);
  char *words = g_ref_string_new_intern (text);
  g_mutex_unlock (&lock);
  return words;
}

char *
words_ref (char *words)
{
  return g_ref_string_acquire (words);
}

void
words_unref (char *words)
{
  g_mutex_lock (&lock);
  g_ref_string_release (words);
  g_mutex_unlock (&lock);
}
