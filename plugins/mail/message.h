/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message.h - events as one mail: plain text in UTF-8 (RFC 5322, 2045, 2047).
 *
 * No state; any thread.  Whatever an event says, it becomes neither a header nor a
 * line of its own in one.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <ipmid/plugin.h>

typedef struct
{
  const char *from;           /* an address, checked (message_check_address()) */
  const char *subject_prefix; /* "[ipmid]" */
  const char *const *to;      /* addresses, checked; NULL-terminated */
} MessageOptions;

/* Whether it is an address that can stand in a header and in an SMTP command:
 * local@domain, ASCII, without blanks, quotes and brackets (a part of RFC 5321,
 * section 4.1.2). */
gboolean message_check_address (const char *address);

/* The whole message, with CRLF.  The Message-ID is the same for the same events to
 * the same people, whenever it is made.  Free with g_free(). */
char *message_make (const MessageOptions *options, IpmidHost *host, IpmidEvent *const *events, guint n_events);

/* Parts of it, for tests: a header's text as encoded words if need be, after
 * `used` bytes of its first line, and a text as quoted-printable. */
void message_append_header_text (GString *out, const char *text, gsize used);
void message_append_quoted_printable (GString *out, const char *text);

#endif
