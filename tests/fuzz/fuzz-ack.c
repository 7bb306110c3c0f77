/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-ack.c - what a program answers, in arbitrary pieces.
 *
 * The first byte says how large the pieces are.
 */
#include <plugins/exec/ack.h>

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
look_at (const char *line, gsize length)
{
  static const char *const ids[] = { "b1/5/1", "", "b 2/5/1" };
  g_autofree char *shown = ack_printable (line, length);
  Ack ack;

  g_assert (g_utf8_validate (shown, -1, NULL));
  g_assert (strpbrk (shown, "\n\r\033") == NULL);
  if (!ack_parse (line, length, &ack))
    return;
  g_assert (ack.rest > line && ack.rest < line + length);
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    {
      g_autofree char *reason = NULL;
      if (ack_names (&ack, ids[i], &reason))
        g_assert (g_str_has_prefix (ack.rest, ids[i]) && g_utf8_validate (reason, -1, NULL));
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  gsize piece = size > 0 ? data[0] + 1u : 1;
  AckState state = ACK_MORE;
  AckReader reader;

  ack_reader_init (&reader);
  for (gsize at = 1; at < size && state != ACK_TOO_LONG; at += piece)
    {
      const char *line;
      gsize length;

      ack_reader_push (&reader, (const char *) data + at, MIN (piece, size - at));
      while ((state = ack_reader_next (&reader, &line, &length)) == ACK_LINE)
        {
          g_assert (length <= ACK_LINE_MAX);
          look_at (line, length);
        }
    }
  ack_reader_clear (&reader);
  return 0;
}
