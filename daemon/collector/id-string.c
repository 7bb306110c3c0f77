/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* id-string.c - see id-string.h. */
#include "id-string.h"

#include "event/text.h"

/* Longer than any name of 31 characters after cleaning. */
#define NAME_MAX_BYTES 128

static void
append_bcd_plus (GString *name, const guint8 *bytes, gsize length, gsize characters)
{
  static const char digits[] = "0123456789 -.:,_";

  for (gsize i = 0; i < characters && i / 2 < length; i++)
    g_string_append_c (name, digits[i % 2 == 0 ? bytes[i / 2] & 0xf : bytes[i / 2] >> 4]);
}

/* Six bits a character, least significant bits first, 0 is a space. */
static void
append_six_bit (GString *name, const guint8 *bytes, gsize length, gsize characters)
{
  for (gsize i = 0; i < characters && (i * 6 + 5) / 8 < length; i++)
    {
      gsize bit = i * 6;
      guint pair = bytes[bit / 8];

      if (bit / 8 + 1 < length)
        pair |= (guint) bytes[bit / 8 + 1] << 8;
      g_string_append_c (name, (char) (' ' + ((pair >> (bit % 8)) & 0x3f)));
    }
}

/* The specification says "Unicode" and no more; UCS-2, little endian, is what
 * is found. */
static void
append_unicode (GString *name, const guint8 *bytes, gsize length)
{
  for (gsize i = 0; i + 1 < length; i += 2)
    {
      gunichar c = bytes[i] | (gunichar) bytes[i + 1] << 8;

      g_string_append_unichar (name, g_unichar_validate (c) && c != 0 ? c : 0xfffd);
    }
}

char *
id_string_decode (const guint8 *bytes, gsize length)
{
  g_autoptr (GString) name = g_string_new (NULL);

  if (length > 1)
    {
      gsize characters = bytes[0] & 0x1f;
      const guint8 *text = bytes + 1;

      length--;
      switch (bytes[0] >> 6)
        {
        case 0:
          append_unicode (name, text, MIN (length, characters));
          break;
        case 1:
          append_bcd_plus (name, text, length, characters);
          break;
        case 2:
          append_six_bit (name, text, length, characters);
          break;
        default:
          g_string_append_len (name, (const char *) text, (gssize) MIN (length, characters));
        }
    }
  return text_clean (name->str, (gssize) name->len, NAME_MAX_BYTES);
}

char *
id_string_with_modifier (const char *name, guint modifier, gboolean letters)
{
  if (!letters)
    return g_strdup_printf ("%s%u", name, modifier);
  if (modifier >= 26)
    return g_strdup_printf ("%s%c%c", name, 'A' + (char) (modifier / 26 - 1) % 26, 'A' + (char) (modifier % 26));
  return g_strdup_printf ("%s%c", name, 'A' + (char) modifier);
}
