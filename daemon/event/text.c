/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text.c - see text.h. */
#include "text.h"

#include <string.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* Characters that are no text: they move the cursor, break lines or reorder
 * what a person reads. */
static gboolean
is_harmful (gunichar c)
{
  switch (g_unichar_type (c))
    {
    case G_UNICODE_CONTROL:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
      return TRUE;
    default:
      return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    }
}

/* How many printable ASCII characters come next: mostly all there are. */
static gsize
plain_length (const char *text, gsize length)
{
  gsize n = 0;

  while (n < length && text[n] >= 0x20 && text[n] < 0x7f)
    n++;
  return n;
}

char *
text_clean (const char *text, gssize length, gsize maximum)
{
  const char *end = text + (length < 0 ? strlen (text) : (gsize) length);
  g_autoptr (GString) clean = g_string_sized_new (MIN ((gsize) (end - text), maximum) + 1);

  while (text < end)
    {
      gsize plain = plain_length (text, MIN ((gsize) (end - text), maximum - clean->len));
      if (plain > 0)
        {
          g_string_append_len (clean, text, (gssize) plain);
          text += plain;
          continue;
        }
      gunichar c = g_utf8_get_char_validated (text, end - text);
      gboolean valid = c != (gunichar) -1 && c != (gunichar) -2 && c != 0;
      gboolean keep = valid && !is_harmful (c);
      gsize step = valid ? (gsize) (g_utf8_next_char (text) - text) : 1;
      gsize size = keep ? step : sizeof replacement - 1;

      if (clean->len + size > maximum)
        break;
      g_string_append_len (clean, keep ? text : replacement, (gssize) size);
      text += step;
    }
  /* Most are names that are kept: a GString takes 128 bytes at least. */
  return g_strndup (clean->str, clean->len);
}
