/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message.h - an event as a syslog message (RFC 5424) or as an entry of the
 * systemd journal.
 *
 * Pure: fields in, bytes out; any thread.  What comes from a BMC is made valid
 * UTF-8 without control characters, and escaped.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <ipmid/plugin.h>

/* Every receiver takes messages of so many octets (RFC 5424, section 6.1). */
#define MESSAGE_SIZE_MIN 480

typedef struct
{
  int facility;         /* RFC 5424, table 1 */
  const char *app_name; /* at most 48 printable ASCII characters */
  const char *sd_id;    /* of the structured data; see message_is_name() */
  const char *hostname; /* NULL: the BMC's name */
  gboolean event_time;  /* the time is the BMC's, if the event has it, and not ipmid's */
  gsize max_size;       /* octets, at least MESSAGE_SIZE_MIN: what is longer is cut */
} MessageStyle;

/* The names of the facilities by number; ends with NULL. */
extern const char *const message_facilities[];

/* Whether `text` may be an SD-NAME or, with `maximum`, another word of the
 * header: 1 to `maximum` printable ASCII characters, for an SD-NAME without '=',
 * ']' and '"'. */
gboolean message_is_name (const char *text, gsize maximum, gboolean sd_name);

/* Appends the message, without any frame. */
void message_append (const MessageStyle *style, IpmidHost *host, const IpmidEvent *event, GString *out);

/* Likewise as "KEY=value" lines of systemd's native journal protocol. */
void message_append_journal (const MessageStyle *style, IpmidHost *host, const IpmidEvent *event, GString *out);

#endif
