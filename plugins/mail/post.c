/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * post.c - see mail.h.
 *
 * A table says for each event and recipient what is to be done or was answered.
 * Recipients who are to get the same events share a message.  An event is handled when
 * nobody is left to whom it could still be sent.  Until then the plugin remembers who has
 * got it, so that trying again for the others does not repeat it; a restart forgets that, and the
 * message's id shows the repetition.
 */
#include "mail.h"

#include "message.h"

#include <string.h>

/* So many events at most of which some recipients have got word and others have not. */
#define ACCEPTED_MAX 10000u

/* What does not leave so much time is not begun. */
#define TIME_MIN G_TIME_SPAN_SECOND

typedef enum
{
  CELL_NOT_MEANT,
  CELL_WANTED,
  CELL_ACCEPTED,
  CELL_LATER,
  CELL_REFUSED,
} Cell;

typedef struct
{
  Post *post;
  const IpmidBatch *batch;
  guint n_recipients;
  Cell *cells;  /* by event, then by recipient */
  char **words; /* by event: the last answer that was not good */
} Round;

static Cell *
cell (const Round *round, guint event, guint recipient)
{
  return &round->cells[event * round->n_recipients + recipient];
}

static const MailRecipient *
recipient_at (const Round *round, guint recipient)
{
  return &g_array_index (round->post->recipients, MailRecipient, recipient);
}

/* ----------------------------------------------------------------- who gets what */

/* The end of a state is for all who may have been told of its beginning. */
static gboolean
is_meant (const Round *round, const IpmidEvent *event, const MailRecipient *recipient)
{
  IpmidHost *host = round->post->host;
  gboolean ends
      = ipmid_event_has (host, event, IPMID_FIELD_ASSERT) && !ipmid_event_integer (host, event, IPMID_FIELD_ASSERT);

  return ends || ipmid_event_integer (host, event, IPMID_FIELD_SEVERITY) >= (gint64) recipient->least;
}

static guint64
accepted_before (const Round *round, guint event)
{
  const char *id = ipmid_event_string (round->post->host, round->batch->events[event], IPMID_FIELD_ID);
  const guint64 *mask = g_hash_table_lookup (round->post->accepted, id);

  return mask != NULL ? *mask : 0;
}

static void
plan (Round *round)
{
  for (guint i = 0; i < round->batch->n_events; i++)
    {
      guint64 accepted = accepted_before (round, i);

      for (guint j = 0; j < round->n_recipients; j++)
        if (is_meant (round, round->batch->events[i], recipient_at (round, j)))
          *cell (round, i, j) = (accepted >> j & 1) != 0 ? CELL_ACCEPTED : CELL_WANTED;
    }
}

/* ---------------------------------------------------------------------- sending */

/* One message: events and recipients by number. */
typedef struct
{
  GArray *events, *recipients; /* guint */
} Letter;

static guint
at (const GArray *numbers, guint index)
{
  return g_array_index (numbers, guint, index);
}

static char *
write_letter (const Round *round, const Letter *letter, const char **to)
{
  const MessageOptions options = { .from = round->post->from, .subject_prefix = round->post->subject_prefix, .to = to };
  g_autofree IpmidEvent **events = g_new (IpmidEvent *, letter->events->len);

  for (guint i = 0; i < letter->events->len; i++)
    events[i] = round->batch->events[at (letter->events, i)];
  return message_make (&options, round->post->host, events, letter->events->len);
}

static void
note_outcome (Round *round, const Letter *letter, const SmtpOutcome *outcome)
{
  static const Cell cell_of[] = { [SMTP_UNTRIED] = CELL_WANTED,
                                  [SMTP_ACCEPTED] = CELL_ACCEPTED,
                                  [SMTP_LATER] = CELL_LATER,
                                  [SMTP_REFUSED] = CELL_REFUSED };

  for (guint i = 0; i < letter->events->len; i++)
    {
      guint event = at (letter->events, i);

      for (guint j = 0; j < letter->recipients->len; j++)
        *cell (round, event, at (letter->recipients, j)) = cell_of[outcome->recipients[j]];
      if (outcome->words == NULL)
        continue;
      g_free (round->words[event]);
      round->words[event] = g_strdup (outcome->words);
    }
}

static gboolean
has_time (const Round *round)
{
  return round->batch->deadline - g_get_monotonic_time () >= TIME_MIN;
}

/* FALSE: its content was refused. */
static gboolean
send_letter (Round *round, const Letter *letter)
{
  g_autofree const char **to = g_new0 (const char *, letter->recipients->len + 1);
  g_autofree char *message = NULL;
  g_auto (SmtpOutcome) outcome = { 0 };

  if (!has_time (round))
    return TRUE;
  for (guint i = 0; i < letter->recipients->len; i++)
    to[i] = recipient_at (round, at (letter->recipients, i))->address;
  message = write_letter (round, letter, to);
  smtp_send (round->post->smtp, to, letter->recipients->len, message, round->batch->deadline, round->batch->cancel_fd,
             &outcome);
  note_outcome (round, letter, &outcome);
  return !outcome.content;
}

/* Which event a filter takes offence at shows when each goes by itself. */
static void
send_singly (Round *round, const Letter *letter)
{
  for (guint i = 0; i < letter->events->len; i++)
    {
      guint event = at (letter->events, i);
      g_autoptr (GArray) alone = g_array_new (FALSE, FALSE, sizeof (guint));
      const Letter single = { alone, letter->recipients };

      for (guint j = 0; j < letter->recipients->len; j++)
        *cell (round, event, at (letter->recipients, j)) = CELL_WANTED;
      g_array_append_val (alone, event);
      send_letter (round, &single);
    }
}

static gboolean
same_events (const Round *round, guint one, guint other)
{
  for (guint i = 0; i < round->batch->n_events; i++)
    if ((*cell (round, i, one) == CELL_WANTED) != (*cell (round, i, other) == CELL_WANTED))
      return FALSE;
  return TRUE;
}

/* What is for this recipient, to all who are to get the same. */
static void
serve (Round *round, guint recipient, gboolean *served)
{
  g_autoptr (GArray) events = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autoptr (GArray) recipients = g_array_new (FALSE, FALSE, sizeof (guint));
  const Letter letter = { events, recipients };

  for (guint i = 0; i < round->batch->n_events; i++)
    if (*cell (round, i, recipient) == CELL_WANTED)
      g_array_append_val (events, i);
  for (guint j = recipient; j < round->n_recipients; j++)
    if (!served[j] && same_events (round, recipient, j))
      {
        g_array_append_val (recipients, j);
        served[j] = TRUE;
      }
  if (events->len > 0 && !send_letter (round, &letter) && events->len > 1)
    send_singly (round, &letter);
}

/* --------------------------------------------------------------------- verdicts */

static void
remember (Round *round, guint event, guint64 mask)
{
  GHashTable *accepted = round->post->accepted;
  const char *id = ipmid_event_string (round->post->host, round->batch->events[event], IPMID_FIELD_ID);

  if (mask == 0 || (g_hash_table_size (accepted) >= ACCEPTED_MAX && !g_hash_table_contains (accepted, id)))
    g_hash_table_remove (accepted, id);
  else
    g_hash_table_insert (accepted, g_strdup (id), g_memdup2 (&mask, sizeof mask));
}

/* Somebody was not told, and will not be. */
static void
warn_of_refusal (const Round *round, guint event)
{
  ipmid_host_log (round->post->host, IPMID_LOG_WARNING, round->batch->events[event],
                  "some of its recipients were refused, the others got it: %s",
                  round->words[event] != NULL ? round->words[event] : "no reason given");
}

static IpmidVerdict
judge (Round *round, guint event)
{
  guint counts[CELL_REFUSED + 1] = { 0 };
  guint64 accepted = 0;

  for (guint j = 0; j < round->n_recipients; j++)
    {
      Cell what = *cell (round, event, j);

      counts[what]++;
      accepted |= what == CELL_ACCEPTED ? G_GUINT64_CONSTANT (1) << j : 0;
    }
  gboolean open = counts[CELL_LATER] + counts[CELL_WANTED] > 0;
  remember (round, event, open ? accepted : 0);
  if (open)
    return counts[CELL_LATER] > 0 ? IPMID_VERDICT_RETRY : IPMID_VERDICT_NONE;
  if (counts[CELL_REFUSED] > 0 && accepted == 0)
    return IPMID_VERDICT_REJECT;
  if (counts[CELL_REFUSED] > 0)
    warn_of_refusal (round, event);
  return IPMID_VERDICT_DONE;
}

/* Of events of one BMC that failed together the first has the blame. */
static void
answer (Round *round, IpmidVerdict *verdicts)
{
  IpmidHost *host = round->post->host;
  const char *failed = NULL;

  for (guint i = 0; i < round->batch->n_events; i++)
    {
      const char *bmc = ipmid_event_string (host, round->batch->events[i], IPMID_FIELD_BMC);

      verdicts[i] = judge (round, i);
      if (verdicts[i] == IPMID_VERDICT_RETRY && g_strcmp0 (bmc, failed) == 0)
        verdicts[i] = IPMID_VERDICT_NONE;
      if (verdicts[i] == IPMID_VERDICT_RETRY)
        failed = bmc;
      if (verdicts[i] == IPMID_VERDICT_RETRY || verdicts[i] == IPMID_VERDICT_REJECT)
        ipmid_host_reason (host, round->batch->tokens[i],
                           round->words[i] != NULL ? round->words[i] : "no reason given");
    }
}

void
post_deliver (Post *post, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  guint n_recipients = post->recipients->len;
  g_autofree Cell *cells = g_new0 (Cell, (gsize) batch->n_events * n_recipients);
  g_autofree char **words = g_new0 (char *, batch->n_events);
  g_autofree gboolean *served = g_new0 (gboolean, n_recipients);
  Round round = { post, batch, n_recipients, cells, words };

  plan (&round);
  for (guint j = 0; j < n_recipients; j++)
    if (!served[j])
      serve (&round, j, served);
  answer (&round, verdicts);
  for (guint i = 0; i < batch->n_events; i++)
    g_free (words[i]);
}
