/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smtp.h - one message to a server by SMTP (RFC 5321), with libcurl.
 *
 * The connection is kept for the next message.  Belongs to one thread.
 */
#ifndef SMTP_H
#define SMTP_H

#include "../net/transfer.h"

/* What the server says of a recipient or of the message. */
typedef enum
{
  SMTP_UNTRIED,  /* it was broken off before */
  SMTP_ACCEPTED, /* 2xx */
  SMTP_LATER,    /* 4xx, no answer, no connection, no login: not the message's fault, or not for good */
  SMTP_REFUSED,  /* 5xx */
} SmtpAnswer;

typedef struct
{
  SmtpAnswer *recipients; /* as many as there are; the whole message's if that failed; g_free() */
  gboolean content;       /* refused for what stands in it, not for where it goes */
  char *words;            /* the last answer that was not good, or what went wrong; NULL: nothing; g_free() */
} SmtpOutcome;

typedef struct
{
  const char *url;             /* smtp://host:port or smtps:// */
  gboolean starttls;           /* demanded */
  const char *user, *password; /* NULL: no login */
  const char *from;
  const GPtrArray *hidden; /* char *: not to be shown, whatever the server says */
  TransferOptions transfer;
} SmtpOptions;

typedef struct _Smtp Smtp;

/* The options have to last longer.  NULL: no memory. */
Smtp *smtp_new (const SmtpOptions *options);
void smtp_free (Smtp *smtp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Smtp, smtp_free)

/* Sends a message (with CRLF) to `n` recipients.  Gives up at `deadline` (monotonic,
 * microseconds), and when `cancel_fd` can be read. */
void smtp_send (Smtp *smtp, const char *const *recipients, guint n, const char *message, gint64 deadline, int cancel_fd,
                SmtpOutcome *outcome);
void smtp_clear_outcome (SmtpOutcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SmtpOutcome, smtp_clear_outcome)

#endif
