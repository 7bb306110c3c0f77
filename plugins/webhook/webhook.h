/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * webhook.h - hands events to a server by HTTP: what the parts share.
 *
 * webhook.c   the option table and the plugin's functions
 * settings.c  what follows from the options; it does not change, but is replaced
 * batch.c     events in the order in which they have to be sent
 * sender.c    the thread that sends, as many requests at once as are allowed
 * request.c   one request, and what its outcome means
 * body.c, template.c  what a request says
 */
#ifndef WEBHOOK_H
#define WEBHOOK_H

#include "body.h"

#include "../net/transfer.h"

#include <ipmid/plugin.h>

/* What the user says; filled in by the host. */
typedef struct
{
  char *url, *url_file;
  int method; /* 0 POST, 1 PUT, 2 PATCH */
  int body;   /* BodyKind */
  char *template_file;
  char *secret, *secret_file;
  char *content_type;
  gint64 per_request; /* 0: not said */
  gint64 parallel;
  char **headers;
  char *headers_file;
  char *authorization, *authorization_file;
  char *signing_key, *signing_key_file;
  char *ca_file, *client_certificate, *client_key;
  gint64 connect_timeout, request_timeout;
  char *proxy;
  char **deny_networks;
  char **alert_labels;
  gint64 alert_lifetime;
} WebhookOptions;

/* -------------------------------------------------------------- settings.c */

/* Everything that a request needs to know, with the secrets.  Counted references;
 * nothing in it changes; any thread.  What the options point to stays the host's, and
 * outlives it. */
typedef struct
{
  char *url;
  char *place; /* the URL for people, without what may be a secret: "https://example.org/…" */
  const char *method;
  struct curl_slist *headers; /* the same for every request */
  guint8 *key;                /* signs; NULL: nothing is signed */
  gsize key_length;
  Template *template;
  char *secret;
  BodyOptions body;
  guint per_request;
  TransferOptions transfer;
  GPtrArray *denied; /* networks.h */
  GPtrArray *hidden; /* char *: not to be shown, whoever says it */
} Settings;

/* NULL: the options do not go together, or a file cannot be used. */
Settings *settings_load (const WebhookOptions *options, GError **error);
Settings *settings_ref (Settings *settings);
void settings_unref (Settings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Settings, settings_unref)

/* Whether something secret would go over the net for everybody to read. */
gboolean settings_expose (const Settings *settings);

/* ----------------------------------------------------------------- batch.c */

/* Events that have to be sent one request after the other, because a later one is of the
 * same BMC as an earlier one.  Chains know nothing of each other. */
typedef struct
{
  GPtrArray *events;        /* references */
  GArray *tokens;           /* guint64 */
  gint64 arrived, deadline; /* monotonic, microseconds */
  guint at;                 /* the first that is not answered */
  guint alone_until;        /* below this one they are sent singly: together they were rejected */
} Chain;

/* Cuts a batch into Chain; per_request is how many events go together at most.
 * The array owns them. */
GPtrArray *batch_cut (IpmidHost *host, const IpmidBatch *batch, guint per_request);
void batch_free_chain (IpmidHost *host, Chain *chain);

/* How many events the chain's next request has; 0: it has ended. */
guint batch_next (const Chain *chain, guint per_request);

/* --------------------------------------------------------------- request.c */

typedef struct
{
  Settings *settings; /* a reference */
  Chain *chain;
  guint n; /* the chain's events from `at` on */
  Transfer transfer;
  struct curl_slist *headers;
  char *body;
  GString *reply; /* its beginning */
  gsize header_bytes;
  gboolean overflow; /* there was more than we want to know */
} Request;

/* The next request of a chain, ready for curl_multi_add_handle(); `time_limit` in
 * microseconds.  NULL: no memory. */
Request *request_new (IpmidHost *host, Settings *settings, Chain *chain, gint64 time_limit);
void request_free (Request *request);

typedef struct
{
  IpmidVerdict verdict; /* DONE, RETRY or REJECT */
  char *words;          /* why it is not DONE */
  gint64 pause;         /* microseconds for which the receiver wants to be left alone; 0: it did not say */
} Outcome;

/* What the end of the transfer means.  The caller frees the words. */
Outcome request_conclude (const Request *request, CURLcode code);

/* The headers that sign a message as "Standard Webhooks" wants it
 * (standardwebhooks.com): HMAC-SHA256 over "ID.TIME.BODY", in Base64.  Free with
 * g_free(). */
char *request_sign (const guint8 *key, gsize key_length, const char *id, gint64 time, const char *body);

/* ---------------------------------------------------------------- sender.c */

typedef struct _Sender Sender;

/* Takes the settings. */
Sender *sender_new (IpmidHost *host, Settings *settings, guint parallel, GError **error);

/* Other settings from now on, which it takes; requests under way keep theirs. */
void sender_set (Sender *sender, Settings *settings);

/* Takes a batch, whose events are answered later, each once; waits while more chains
 * wait than are worth it.  The worker's thread. */
void sender_take (Sender *sender, const IpmidBatch *batch);

/* Ends at once: what is not answered stays so. */
void sender_free (Sender *sender);

#endif
