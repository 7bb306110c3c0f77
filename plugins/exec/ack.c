/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ack.c - see ack.h. */
#include "ack.h"

#include <string.h>

#define PRINTABLE_MAX 200u

void
ack_reader_init (AckReader *reader)
{
  reader->bytes = g_string_new (NULL);
  reader->start = 0;
}

void
ack_reader_clear (AckReader *reader)
{
  if (reader->bytes != NULL)
    g_string_free (reader->bytes, TRUE);
  reader->bytes = NULL;
}

void
ack_reader_push (AckReader *reader, const char *bytes, gsize length)
{
  g_string_erase (reader->bytes, 0, (gssize) reader->start);
  reader->start = 0;
  g_string_append_len (reader->bytes, bytes, (gssize) length);
}

AckState
ack_reader_next (AckReader *reader, const char **line, gsize *length)
{
  char *start = reader->bytes->str + reader->start;
  gsize left = reader->bytes->len - reader->start;
  char *end = memchr (start, '\n', left);

  *length = end != NULL ? (gsize) (end - start) : left;
  if (*length > ACK_LINE_MAX)
    return ACK_TOO_LONG;
  if (end == NULL)
    return ACK_MORE;
  reader->start += *length + 1;
  *end = '\0';
  if (*length > 0 && end[-1] == '\r')
    start[--*length] = '\0';
  *line = start;
  return ACK_LINE;
}

gboolean
ack_parse (const char *line, gsize length, Ack *ack)
{
  static const struct
  {
    const char *word;
    IpmidVerdict verdict;
  } verbs[] = { { "OK ", IPMID_VERDICT_DONE }, { "RETRY ", IPMID_VERDICT_RETRY }, { "REJECT ", IPMID_VERDICT_REJECT } };

  if (strlen (line) != length)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    if (g_str_has_prefix (line, verbs[i].word))
      {
        ack->verdict = verbs[i].verdict;
        ack->rest = line + strlen (verbs[i].word);
        return *ack->rest != '\0';
      }
  return FALSE;
}

gboolean
ack_names (const Ack *ack, const char *id, char **reason)
{
  gsize length = strlen (id);

  if (strncmp (ack->rest, id, length) != 0)
    return FALSE;
  if (ack->rest[length] != '\0' && (ack->rest[length] != ' ' || ack->verdict == IPMID_VERDICT_DONE))
    return FALSE;
  *reason = ack_printable (ack->rest + length, strlen (ack->rest + length));
  g_strstrip (*reason);
  return TRUE;
}

char *
ack_printable (const char *bytes, gsize length)
{
  char *text = g_utf8_make_valid (bytes, (gssize) MIN (length, PRINTABLE_MAX));

  for (char *c = text; *c != '\0'; c = g_utf8_next_char (c))
    if (g_ascii_iscntrl (*c))
      *c = '?';
  return text;
}
