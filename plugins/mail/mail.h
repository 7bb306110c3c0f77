/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mail.h - tells people of events by mail: what the parts share.
 *
 * mail.c     the option table and the plugin's functions
 * post.c     who gets which events, and what became of that
 * message.c  events as a mail
 * smtp.c     one mail to the server
 *
 * Everything happens on the worker's thread.
 */
#ifndef MAIL_H
#define MAIL_H

#include "smtp.h"

#include <ipmid/plugin.h>

/* Bits of a mask. */
#define MAIL_RECIPIENTS_MAX 64u

typedef struct
{
  const char *address;
  IpmidSeverity least; /* gets what is at least so severe */
} MailRecipient;

typedef struct
{
  IpmidHost *host;
  Smtp *smtp;
  const char *from, *subject_prefix;
  GArray *recipients;   /* MailRecipient */
  GHashTable *accepted; /* an event's id → guint64 *: who got it while others did not */
} Post;

/* Delivers one batch: each recipient gets one message with all of its events that are
 * for that recipient. */
void post_deliver (Post *post, const IpmidBatch *batch, IpmidVerdict *verdicts);

#endif
