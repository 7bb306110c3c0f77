/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * body.h - what a request says: events as JSON in the words of its receiver.
 *
 * No state; any thread.
 */
#ifndef BODY_H
#define BODY_H

#include "template.h"

/* The choices of the option `body`. */
typedef enum
{
  BODY_JSON,         /* an event, or an array of them */
  BODY_SLACK,        /* {"text": …}, for Slack, Mattermost, Rocket.Chat, Google Chat */
  BODY_ALERTMANAGER, /* POST /api/v2/alerts of Prometheus Alertmanager */
  BODY_TEMPLATE,
} BodyKind;

/* All belong to the caller. */
typedef struct
{
  BodyKind kind;
  gboolean array;            /* JSON: an array also of one event */
  const Template *template;  /* TEMPLATE */
  const char *secret;        /* TEMPLATE: what {{secret}} stands for; may be NULL */
  const char *const *labels; /* ALERTMANAGER: "KEY=VALUE" each, for every alert; may be NULL */
  gint64 lifetime;           /* ALERTMANAGER: microseconds after which an alert is over if nothing ends it */
} BodyOptions;

/* Whether "KEY=VALUE" can be a label of an alert. */
gboolean body_check_label (const char *label, GError **error);

/* One body for all of these events; a template takes one.  Free with g_free(). */
char *body_make (const BodyOptions *options, IpmidHost *host, IpmidEvent *const *events, guint n_events);

#endif
