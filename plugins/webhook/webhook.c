/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* webhook.c - see webhook.h. */
#include "webhook.h"

typedef struct
{
  WebhookOptions options; /* first: the table's offsets hold */
  IpmidHost *host;
  Sender *sender;
} Webhook;

static const char *const methods[] = { "POST", "PUT", "PATCH", NULL };
static const char *const bodies[] = { "json", "slack", "alertmanager", "template", NULL }; /* BodyKind */

#define OPTION(member) G_STRUCT_OFFSET (WebhookOptions, member)
#define SECRET_FILE                                                                                                    \
  " Nobody but its owner may read the file, unless systemd gives it as a credential "                                  \
  "(/run/credentials/ipmid.service/NAME)."

/* clang-format off */
static const IpmidOption options[] = {
  { "url", IPMID_OPTION_STRING, OPTION (url), NULL, FALSE, 0, 0, NULL, "URL",
    "Where to send events: http:// or https://, without a user or a password in it." },
  { "url-file", IPMID_OPTION_PATH, OPTION (url_file), NULL, FALSE, 0, 0, NULL, "PATH",
    "A file with the URL in it, in the place of url, if there is a secret in the URL." SECRET_FILE },
  { "body", IPMID_OPTION_CHOICE, OPTION (body), "json", FALSE, 0, 0, bodies, "json|slack|alertmanager|template",
    "What is sent; see BODIES." },
  { "template", IPMID_OPTION_PATH, OPTION (template_file), NULL, FALSE, 0, 0, NULL, "PATH",
    "The file for body = template; see TEMPLATES." },
  { "secret", IPMID_OPTION_SECRET, OPTION (secret), NULL, FALSE, 0, 0, NULL, "TEXT",
    "What {{secret}} in a template stands for." },
  { "secret-file", IPMID_OPTION_PATH, OPTION (secret_file), NULL, FALSE, 0, 0, NULL, "PATH",
    "A file with that in it." SECRET_FILE },
  { "content-type", IPMID_OPTION_STRING, OPTION (content_type), NULL, FALSE, 0, 0, NULL, "TYPE",
    "The media type of the body, if it is not application/json. Only of JSON it is checked whether a template "
    "becomes that." },
  { "events-per-request", IPMID_OPTION_INTEGER, OPTION (per_request), "0", FALSE, 0, 4096, NULL, "NUMBER",
    "How many events go into one request at most. With body = json and more than 1 the body always is an array. "
    "If it is not given, or 0: 1, with body = slack 10, with body = alertmanager 64. "
    "Not more than batch come together; linger lets them gather." },
  { "method", IPMID_OPTION_CHOICE, OPTION (method), "POST", FALSE, 0, 0, methods, "POST|PUT|PATCH",
    "The method of the request." },
  { "parallel", IPMID_OPTION_INTEGER, OPTION (parallel), "8", FALSE, 1, 256, NULL, "NUMBER",
    "How many requests may be under way at once. Events of one BMC are sent one after the other all the same." },
  { "headers", IPMID_OPTION_LIST, OPTION (headers), NULL, FALSE, 0, 0, NULL, "NAME: VALUE;…",
    "More headers for every request." },
  { "headers-file", IPMID_OPTION_PATH, OPTION (headers_file), NULL, FALSE, 0, 0, NULL, "PATH",
    "A file with more headers, one in a line, if there are secrets in them." SECRET_FILE },
  { "authorization", IPMID_OPTION_SECRET, OPTION (authorization), NULL, FALSE, 0, 0, NULL, "TEXT",
    "The value of the header Authorization: \"Bearer TOKEN\" for example." },
  { "authorization-file", IPMID_OPTION_PATH, OPTION (authorization_file), NULL, FALSE, 0, 0, NULL, "PATH",
    "A file with that in it." SECRET_FILE },
  { "signing-key", IPMID_OPTION_SECRET, OPTION (signing_key), NULL, FALSE, 0, 0, NULL, "TEXT",
    "Signs every request with this key; see SIGNATURES. After \"whsec_\" it is in Base64." },
  { "signing-key-file", IPMID_OPTION_PATH, OPTION (signing_key_file), NULL, FALSE, 0, 0, NULL, "PATH",
    "A file with that in it." SECRET_FILE },
  { "ca-file", IPMID_OPTION_PATH, OPTION (ca_file), NULL, FALSE, 0, 0, NULL, "PATH",
    "The certificates (PEM) by which the server's is verified, in the place of the system's." },
  { "client-certificate", IPMID_OPTION_PATH, OPTION (client_certificate), NULL, FALSE, 0, 0, NULL, "PATH",
    "The certificate (PEM) that is shown to the server." },
  { "client-key", IPMID_OPTION_PATH, OPTION (client_key), NULL, FALSE, 0, 0, NULL, "PATH",
    "Its private key (PEM), if that does not stand in the same file." SECRET_FILE },
  { "connect-timeout", IPMID_OPTION_DURATION, OPTION (connect_timeout), "5s", FALSE, G_TIME_SPAN_SECOND / 10,
    G_TIME_SPAN_MINUTE, NULL, "DURATION", "How long a connection may take, with its name and TLS." },
  { "request-timeout", IPMID_OPTION_DURATION, OPTION (request_timeout), "10s", FALSE, G_TIME_SPAN_SECOND / 10,
    G_TIME_SPAN_HOUR, NULL, "DURATION", "How long a request may take, from its start to the end of the answer." },
  { "proxy", IPMID_OPTION_STRING, OPTION (proxy), NULL, FALSE, 0, 0, NULL, "URL",
    "The proxy to use. If it is not given there is none, whatever the environment says." },
  { "deny-networks", IPMID_OPTION_LIST, OPTION (deny_networks), NULL, FALSE, 0, 0, NULL, "NETWORK;…",
    "Networks to which no connection is made, whatever the URL's name means by then: "
    "\"169.254.0.0/16;fe80::/10\" for example. With a proxy that is the proxy's address." },
  { "alert-labels", IPMID_OPTION_LIST, OPTION (alert_labels), NULL, FALSE, 0, 0, NULL, "KEY=VALUE;…",
    "With body = alertmanager: more labels for every alert." },
  { "alert-lifetime", IPMID_OPTION_DURATION, OPTION (alert_lifetime), "1d", FALSE, G_TIME_SPAN_MINUTE,
    365 * G_TIME_SPAN_DAY, NULL, "DURATION",
    "With body = alertmanager: after this time an alert is over if nothing has ended it." },
  { .key = NULL },
};
/* clang-format on */

static gboolean
webhook_check (gpointer state, GError **error)
{
  const Webhook *self = state;
  g_autoptr (Settings) settings = settings_load (&self->options, error);

  return settings != NULL;
}

static void
warn_of_exposure (Webhook *self, const Settings *settings)
{
  if (settings_expose (settings))
    ipmid_host_log (self->host, IPMID_LOG_WARNING, NULL,
                    "%s is not encrypted: what is secret in the request can be read on its way", settings->place);
}

static gboolean
webhook_open (gpointer state, IpmidHost *host, GError **error)
{
  Webhook *self = state;
  Settings *settings = settings_load (&self->options, error);

  self->host = host;
  if (settings == NULL || !transfer_start_library (error))
    {
      g_clear_pointer (&settings, settings_unref);
      return FALSE;
    }
  warn_of_exposure (self, settings);
  self->sender = sender_new (host, settings, (guint) self->options.parallel, error);
  if (self->sender != NULL)
    return TRUE;
  transfer_end_library ();
  return FALSE;
}

static void
webhook_deliver (gpointer state, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  Webhook *self = state;

  for (guint i = 0; i < batch->n_events; i++)
    verdicts[i] = IPMID_VERDICT_LATER;
  sender_take (self->sender, batch);
}

/* The files may have changed. */
static gboolean
webhook_reopen (gpointer state, GError **error)
{
  Webhook *self = state;
  Settings *settings = settings_load (&self->options, error);

  if (settings == NULL)
    return FALSE;
  sender_set (self->sender, settings);
  return TRUE;
}

static void
webhook_close (gpointer state)
{
  Webhook *self = state;

  g_clear_pointer (&self->sender, sender_free);
  transfer_end_library ();
}

const IpmidPlugin ipmid_plugin = {
  .abi_major = IPMID_PLUGIN_ABI_MAJOR,
  .abi_minor = IPMID_PLUGIN_ABI_MINOR,
  .size = sizeof (IpmidPlugin),
  .name = "webhook",
  .version = PLUGIN_VERSION,
  .summary = "send events to a server by HTTP",
  .flags = IPMID_PLUGIN_NOTIFIER,
  .state_size = sizeof (Webhook),
  .options = options,
  .check = webhook_check,
  .open = webhook_open,
  .deliver = webhook_deliver,
  .reopen = webhook_reopen,
  .close = webhook_close,
};
