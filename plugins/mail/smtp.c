/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smtp.c - see smtp.h.
 *
 * libcurl tells whether the whole worked; which recipient was refused, and at which
 * step, only shows in the dialogue, which its debug callback sees.  Nothing of that is
 * kept but the answers' text: logins pass by there.
 */
#include "smtp.h"

#include "../net/secret.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_SHOWN_MAX 200u

/* Which command the next answer is for. */
typedef enum
{
  STEP_OTHER, /* greeting, EHLO, STARTTLS, AUTH: before any message */
  STEP_MAIL,
  STEP_RECIPIENT,
  STEP_DATA,
  STEP_CONTENT, /* what was sent after DATA */
  STEP_QUIT,
} Step;

struct _Smtp
{
  const SmtpOptions *options;
  CURLM *multi;
  Transfer transfer;
  GArray *sockets; /* int: those that are open */

  /* Of the message under way. */
  const char *unsent;
  Step step;
  int recipient; /* the last that was named, by number */
  guint n;
  SmtpOutcome *outcome;
  SmtpAnswer whole; /* of MAIL, DATA or the content */
};

/* ---------------------------------------------------------------- the dialogue */

static void
note_command (Smtp *smtp, const char *data, gsize size)
{
  static const struct
  {
    const char *word;
    Step step;
  } commands[] = {
    { "MAIL FROM", STEP_MAIL },
    { "RCPT TO", STEP_RECIPIENT },
    { "DATA", STEP_DATA },
    { "QUIT", STEP_QUIT },
  };

  smtp->step = STEP_OTHER;
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (size >= strlen (commands[i].word) && memcmp (data, commands[i].word, strlen (commands[i].word)) == 0)
      smtp->step = commands[i].step;
  if (smtp->step == STEP_RECIPIENT)
    smtp->recipient++;
}

/* "Log in first" (RFC 4954, section 6) is a mistake in the configuration, which must
 * not cost an event. */
static SmtpAnswer
answer_of_code (int code)
{
  if (code >= 200 && code < 400)
    return SMTP_ACCEPTED;
  if (code < 500 || code == 530 || code == 534 || code == 535 || code == 538)
    return SMTP_LATER;
  return SMTP_REFUSED;
}

static void
keep_words (Smtp *smtp, const char *text, gsize size)
{
  g_free (smtp->outcome->words);
  smtp->outcome->words = secret_excerpt (text, size, REPLY_SHOWN_MAX, smtp->options->hidden);
}

/* The last line of an answer: "250 ok". */
static void
note_answer (Smtp *smtp, const char *line, gsize size)
{
  gboolean whole = size >= 4 && g_ascii_isdigit (line[0]) && g_ascii_isdigit (line[1]) && g_ascii_isdigit (line[2])
                   && line[3] != '-';
  int code = whole ? 100 * (line[0] - '0') + 10 * (line[1] - '0') + line[2] - '0' : 0;
  SmtpAnswer answer = answer_of_code (code);

  if (!whole || smtp->step == STEP_QUIT)
    return;
  if (smtp->step == STEP_RECIPIENT && smtp->recipient >= 0 && (guint) smtp->recipient < smtp->n)
    smtp->outcome->recipients[smtp->recipient] = answer;
  else if (smtp->step == STEP_MAIL || smtp->step == STEP_DATA || smtp->step == STEP_CONTENT)
    smtp->whole = answer;
  smtp->outcome->content = smtp->step == STEP_CONTENT && answer == SMTP_REFUSED;
  if (answer != SMTP_ACCEPTED)
    keep_words (smtp, line, size);
  if (smtp->step == STEP_DATA && answer == SMTP_ACCEPTED)
    smtp->step = STEP_CONTENT;
}

/* CURLOPT_DEBUGFUNCTION */
static int
watch (G_GNUC_UNUSED CURL *easy, curl_infotype type, char *data, size_t size, void *user_data)
{
  if (type == CURLINFO_HEADER_OUT)
    note_command (user_data, data, size);
  else if (type == CURLINFO_HEADER_IN)
    note_answer (user_data, data, size);
  return 0;
}

/* ---------------------------------------------------------------- the transfer */

/* CURLOPT_READFUNCTION */
static size_t
give_message (char *buffer, size_t one, size_t room, void *user_data)
{
  Smtp *smtp = user_data;
  gsize length = MIN (one * room, strlen (smtp->unsent));

  memcpy (buffer, smtp->unsent, length);
  smtp->unsent += length;
  return length;
}

/* CURLOPT_WRITEFUNCTION: it must not go to standard output. */
static size_t
drop (G_GNUC_UNUSED char *data, size_t one, size_t size, G_GNUC_UNUSED void *user_data)
{
  return one * size;
}

/* CURLOPT_SOCKOPTFUNCTION */
static int
note_socket (void *user_data, curl_socket_t socket, G_GNUC_UNUSED curlsocktype purpose)
{
  g_array_append_val (((Smtp *) user_data)->sockets, socket);
  return CURL_SOCKOPT_OK;
}

/* CURLOPT_CLOSESOCKETFUNCTION */
static int
close_socket (void *user_data, curl_socket_t socket)
{
  GArray *sockets = ((Smtp *) user_data)->sockets;

  for (guint i = sockets->len; i > 0; i--)
    if (g_array_index (sockets, int, i - 1) == socket)
      g_array_remove_index_fast (sockets, i - 1);
  return close (socket);
}

/* libcurl says QUIT to a connection before it closes it, and waits two minutes for an
 * answer.  Whatever is there now belongs to no message, so nobody has to hear it. */
static void
hang_up (Smtp *smtp)
{
  for (guint i = 0; i < smtp->sockets->len; i++)
    shutdown (g_array_index (smtp->sockets, int, i), SHUT_RDWR);
}

Smtp *
smtp_new (const SmtpOptions *options)
{
  g_autoptr (Smtp) smtp = g_new0 (Smtp, 1);
  CURL *easy;

  smtp->options = options;
  smtp->sockets = g_array_new (FALSE, FALSE, sizeof (int));
  smtp->multi = curl_multi_init ();
  if (smtp->multi == NULL || !transfer_init (&smtp->transfer, &options->transfer))
    return NULL;
  easy = smtp->transfer.easy;
  curl_easy_setopt (easy, CURLOPT_URL, options->url);
  curl_easy_setopt (easy, CURLOPT_USE_SSL, (long) (options->starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  curl_easy_setopt (easy, CURLOPT_MAIL_FROM, options->from);
  /* One address that is wrong must not cost the others the message. */
  curl_easy_setopt (easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  curl_easy_setopt (easy, CURLOPT_USERNAME, options->user);
  curl_easy_setopt (easy, CURLOPT_PASSWORD, options->password);
  curl_easy_setopt (easy, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt (easy, CURLOPT_READFUNCTION, give_message);
  curl_easy_setopt (easy, CURLOPT_READDATA, smtp);
  curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, drop);
  curl_easy_setopt (easy, CURLOPT_SOCKOPTFUNCTION, note_socket);
  curl_easy_setopt (easy, CURLOPT_SOCKOPTDATA, smtp);
  curl_easy_setopt (easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
  curl_easy_setopt (easy, CURLOPT_CLOSESOCKETDATA, smtp);
  curl_easy_setopt (easy, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt (easy, CURLOPT_DEBUGFUNCTION, watch);
  curl_easy_setopt (easy, CURLOPT_DEBUGDATA, smtp);
  return g_steal_pointer (&smtp);
}

void
smtp_free (Smtp *smtp)
{
  SmtpOutcome last = { 0 };

  if (smtp == NULL)
    return;
  smtp->n = 0;
  smtp->outcome = &last; /* the end of the connection is a dialogue, too */
  hang_up (smtp);
  transfer_clear (&smtp->transfer);
  if (smtp->multi != NULL)
    curl_multi_cleanup (smtp->multi);
  smtp_clear_outcome (&last);
  g_array_unref (smtp->sockets);
  g_free (smtp);
}

/* Runs it; FALSE: it was broken off. */
static gboolean
run (Smtp *smtp, int cancel_fd, CURLcode *code)
{
  struct curl_waitfd cancel = { .fd = cancel_fd, .events = CURL_WAIT_POLLIN };
  CURLMsg *message = NULL;
  int running, left;

  curl_multi_add_handle (smtp->multi, smtp->transfer.easy);
  while (message == NULL && cancel.revents == 0)
    {
      curl_multi_perform (smtp->multi, &running);
      message = curl_multi_info_read (smtp->multi, &left);
      /* It has time limits of its own, which end this. */
      if (message == NULL)
        curl_multi_poll (smtp->multi, &cancel, 1, 1000, NULL);
    }
  *code = message != NULL ? message->data.result : CURLE_ABORTED_BY_CALLBACK;
  if (message == NULL)
    hang_up (smtp);
  curl_multi_remove_handle (smtp->multi, smtp->transfer.easy);
  return message != NULL;
}

/* What was not answered is the fate of the whole. */
static void
conclude (Smtp *smtp, CURLcode code)
{
  SmtpOutcome *outcome = smtp->outcome;
  SmtpAnswer rest = code == CURLE_OK ? SMTP_ACCEPTED : smtp->whole == SMTP_REFUSED ? SMTP_REFUSED : SMTP_LATER;

  for (guint i = 0; i < smtp->n; i++)
    if (outcome->recipients[i] == SMTP_UNTRIED || outcome->recipients[i] == SMTP_ACCEPTED)
      outcome->recipients[i] = rest;
  if (code != CURLE_OK && outcome->words == NULL)
    {
      g_autofree char *why = transfer_describe_error (&smtp->transfer, code);

      keep_words (smtp, why, strlen (why));
    }
}

/* It was broken off.  A recipient who was accepted has nothing before the content is, too;
 * who was refused or put off stays so. */
static void
take_back (Smtp *smtp)
{
  for (guint i = 0; i < smtp->n; i++)
    if (smtp->outcome->recipients[i] == SMTP_ACCEPTED)
      smtp->outcome->recipients[i] = SMTP_UNTRIED;
}

static struct curl_slist *
make_list (const char *const *recipients, guint n)
{
  struct curl_slist *list = NULL;

  for (guint i = 0; i < n; i++)
    list = curl_slist_append (list, recipients[i]);
  return list;
}

void
smtp_send (Smtp *smtp, const char *const *recipients, guint n, const char *message, gint64 deadline, int cancel_fd,
           SmtpOutcome *outcome)
{
  struct curl_slist *list = make_list (recipients, n);
  gint64 time = MIN (deadline - g_get_monotonic_time (), smtp->options->transfer.total_timeout);
  CURLcode code;

  *outcome = (SmtpOutcome){ .recipients = g_new0 (SmtpAnswer, n) };
  smtp->outcome = outcome;
  smtp->n = n;
  smtp->recipient = -1;
  smtp->step = STEP_OTHER;
  smtp->whole = SMTP_UNTRIED;
  smtp->unsent = message;
  smtp->transfer.error[0] = '\0';
  curl_easy_setopt (smtp->transfer.easy, CURLOPT_MAIL_RCPT, list);
  curl_easy_setopt (smtp->transfer.easy, CURLOPT_TIMEOUT_MS, (long) MAX (time / 1000, 1));
  if (run (smtp, cancel_fd, &code))
    conclude (smtp, code);
  else
    take_back (smtp);
  curl_easy_setopt (smtp->transfer.easy, CURLOPT_MAIL_RCPT, NULL);
  curl_slist_free_all (list);
}

void
smtp_clear_outcome (SmtpOutcome *outcome)
{
  g_free (outcome->recipients);
  g_free (outcome->words);
  *outcome = (SmtpOutcome){ 0 };
}
