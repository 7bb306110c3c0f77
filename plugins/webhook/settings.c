/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* settings.c - see webhook.h. */
#include "webhook.h"

#include "../net/networks.h"
#include "../net/secret.h"

#include <gio/gio.h>
#include <string.h>

static const char *const url_schemes[] = { "https", "http", NULL };
static const char *const proxy_schemes[] = { "https", "http", "socks5", "socks5h", NULL };
static const char *const methods[] = { "POST", "PUT", "PATCH" };

/* How many events go together if the user does not say. */
static const guint per_request_of_body[]
    = { [BODY_JSON] = 1, [BODY_SLACK] = 10, [BODY_ALERTMANAGER] = 64, [BODY_TEMPLATE] = 1 };

/* "whsec_" before a key in Base64, as Standard Webhooks writes them. */
#define KEY_PREFIX "whsec_"
#define KEY_MIN 16u

/* Shorter parts of a URL are no secrets. */
#define URL_SECRET_MIN 8u

static gboolean G_GNUC_PRINTF (2, 3) refuse (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error != NULL)
    *error = g_error_new_valist (G_IO_ERROR, G_IO_ERROR_FAILED, format, args);
  va_end (args);
  return FALSE;
}

/* ------------------------------------------------------------------- the URL */

typedef struct
{
  CURLU *handle;
  char *scheme, *host, *port, *path, *query, *user;
} Url;

static void
clear_url (Url *url)
{
  curl_free (url->scheme);
  curl_free (url->host);
  curl_free (url->port);
  curl_free (url->path);
  curl_free (url->query);
  curl_free (url->user);
  curl_url_cleanup (url->handle);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Url, clear_url)

static gboolean
check_scheme (const char *key, const char *scheme, const char *const *allowed, GError **error)
{
  g_autofree char *lower = g_ascii_strdown (scheme, -1);
  g_autofree char *all = g_strjoinv (":// and ", (char **) allowed);

  if (g_strv_contains (allowed, lower))
    return TRUE;
  return refuse (error, "%s: %s:// is refused: only %s:// are right", key, lower, all);
}

/* What is in it is not shown: there may be a secret. */
static gboolean
parse_url (const char *key, const char *text, const char *const *schemes, Url *url, GError **error)
{
  url->handle = curl_url ();
  if (!g_str_is_ascii (text) || strpbrk (text, " \t\r\n") != NULL)
    return refuse (error, "%s: a URL has neither blanks nor letters beyond ASCII in it: write them as %%XX", key);
  if (curl_url_set (url->handle, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK
      || curl_url_get (url->handle, CURLUPART_SCHEME, &url->scheme, 0) != CURLUE_OK)
    return refuse (error, "%s: this is no URL: https://example.org/path is right", key);
  if (!check_scheme (key, url->scheme, schemes, error))
    return FALSE;
  if (curl_url_get (url->handle, CURLUPART_HOST, &url->host, 0) != CURLUE_OK || *url->host == '\0')
    return refuse (error, "%s: this URL names no host: https://example.org/path is right", key);
  curl_url_get (url->handle, CURLUPART_PORT, &url->port, 0);
  curl_url_get (url->handle, CURLUPART_PATH, &url->path, 0);
  curl_url_get (url->handle, CURLUPART_QUERY, &url->query, 0);
  curl_url_get (url->handle, CURLUPART_USER, &url->user, 0);
  return TRUE;
}

static void
hide (Settings *settings, const char *text)
{
  if (text != NULL && *text != '\0')
    g_ptr_array_add (settings->hidden, g_strdup (text));
}

/* Whole and in parts: a server may quote either. */
static void
hide_url (Settings *settings, const Url *url)
{
  g_auto (GStrv) parts = g_strsplit_set (url->path != NULL ? url->path : "", "/", -1);
  g_auto (GStrv) values = g_strsplit_set (url->query != NULL ? url->query : "", "&=", -1);

  hide (settings, url->query);
  for (char **part = parts; *part != NULL; part++)
    if (strlen (*part) >= URL_SECRET_MIN)
      hide (settings, *part);
  for (char **value = values; *value != NULL; value++)
    if (strlen (*value) >= URL_SECRET_MIN)
      hide (settings, *value);
}

static gboolean
take_url (Settings *settings, const WebhookOptions *options, GError **error)
{
  g_auto (Url) url = { 0 };
  const char *key = options->url != NULL ? "url" : "url-file";

  if (!secret_choose ("url", options->url, options->url_file, &settings->url, error))
    return FALSE;
  if (settings->url == NULL)
    return refuse (error, "where to send events is missing: url, or url-file if there is a secret in it");
  if (!parse_url (key, settings->url, url_schemes, &url, error))
    return FALSE;
  if (url.user != NULL)
    return refuse (error, "%s: a user or a password does not belong in the URL: put it into authorization-file", key);
  settings->place = g_strdup_printf ("%s://%s%s%s/%s", url.scheme, url.host, url.port != NULL ? ":" : "",
                                     url.port != NULL ? url.port : "",
                                     g_strcmp0 (url.path, "/") == 0 && url.query == NULL ? "" : "…");
  hide_url (settings, &url);
  return TRUE;
}

static gboolean
take_proxy (Settings *settings, const WebhookOptions *options, GError **error)
{
  g_auto (Url) url = { 0 };

  settings->transfer.proxy = options->proxy;
  if (options->proxy == NULL)
    return TRUE;
  if (!parse_url ("proxy", options->proxy, proxy_schemes, &url, error))
    return FALSE;
  return url.user == NULL || refuse (error, "proxy: a user or a password does not belong there");
}

/* ------------------------------------------------------------------- headers */

/* What ipmid or libcurl says itself. */
static const char *const own_headers[]
    = { "connection", "content-length",    "content-type",      "expect", "idempotency-key", "transfer-encoding",
        "webhook-id", "webhook-signature", "webhook-timestamp", NULL };

/* RFC 9110, section 5.6.2. */
static gboolean
is_token (const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (text[i]) && strchr ("!#$%&'*+-.^_`|~", text[i]) == NULL)
      return FALSE;
  return length > 0;
}

static gboolean
is_plain (const char *text)
{
  for (const char *c = text; *c != '\0'; c++)
    if (g_ascii_iscntrl (*c))
      return FALSE;
  return TRUE;
}

static void
append_header (Settings *settings, const char *name, const char *value)
{
  /* That is how libcurl wants one without a value. */
  g_autofree char *line = *value == '\0' ? g_strdup_printf ("%s;", name) : g_strdup_printf ("%s: %s", name, value);

  settings->headers = curl_slist_append (settings->headers, line);
}

/* `place` is where it stands; what is in it is not shown. */
static gboolean
take_header (Settings *settings, const char *place, const char *line, GError **error)
{
  const char *colon = strchr (line, ':');
  g_autofree char *name = g_strndup (line, colon == NULL ? 0 : (gsize) (colon - line));
  g_autofree char *lower = g_ascii_strdown (name, -1);
  g_autofree char *value = colon == NULL ? NULL : g_strstrip (g_strdup (colon + 1));

  if (colon == NULL || !is_token (name, strlen (name)) || !is_plain (value))
    return refuse (error, "%s: this is no header: \"X-Site: north\" is right", place);
  if (g_strv_contains (own_headers, lower))
    return refuse (error, "%s: the header %s is ipmid's own%s", place, name,
                   g_str_equal (lower, "content-type") ? ": use the option content-type" : "");
  append_header (settings, name, value);
  return TRUE;
}

static gboolean
take_headers_file (Settings *settings, const char *path, GError **error)
{
  char *text = secret_read (path, error);
  g_auto (GStrv) lines = text == NULL ? NULL : g_strsplit (text, "\n", -1);
  gboolean good = text != NULL;

  secret_free (text);
  for (guint i = 0; good && lines[i] != NULL; i++)
    {
      g_autofree char *place = g_strdup_printf ("headers-file: line %u", i + 1);
      const char *colon = strchr (g_strchomp (lines[i]), ':');

      if (*lines[i] == '\0')
        continue;
      good = take_header (settings, place, lines[i], error);
      if (colon != NULL)
        hide (settings, colon + 1 + strspn (colon + 1, " \t"));
    }
  for (guint i = 0; lines != NULL && lines[i] != NULL; i++)
    explicit_bzero (lines[i], strlen (lines[i]));
  return good;
}

static gboolean
take_authorization (Settings *settings, const WebhookOptions *options, GError **error)
{
  char *value;
  gboolean good;

  if (!secret_choose ("authorization", options->authorization, options->authorization_file, &value, error))
    return FALSE;
  good = value == NULL || is_plain (value) || refuse (error, "authorization: there is a control character in it");
  if (good && value != NULL)
    {
      const char *blank = strchr (value, ' ');

      append_header (settings, "Authorization", value);
      hide (settings, value);
      hide (settings, blank != NULL ? blank + 1 : NULL);
    }
  secret_free (value);
  return good;
}

static const char *
content_type (const WebhookOptions *options)
{
  return options->content_type != NULL ? options->content_type : "application/json";
}

static gboolean
take_headers (Settings *settings, const WebhookOptions *options, GError **error)
{
  if (!is_plain (content_type (options)))
    return refuse (error, "content-type: there is a control character in it");
  append_header (settings, "Content-Type", content_type (options));
  append_header (settings, "User-Agent", "ipmid/" PLUGIN_VERSION);
  /* No pause in the hope of "100 Continue", which many servers never say. */
  settings->headers = curl_slist_append (settings->headers, "Expect:");
  for (char **line = options->headers; line != NULL && *line != NULL; line++)
    if (!take_header (settings, "headers", *line, error))
      return FALSE;
  return (options->headers_file == NULL || take_headers_file (settings, options->headers_file, error))
         && take_authorization (settings, options, error);
}

/* ---------------------------------------------------------------------- body */

static gboolean
take_key (Settings *settings, const WebhookOptions *options, GError **error)
{
  char *text;

  if (!secret_choose ("signing-key", options->signing_key, options->signing_key_file, &text, error))
    return FALSE;
  if (text == NULL)
    return TRUE;
  hide (settings, text);
  if (g_str_has_prefix (text, KEY_PREFIX))
    settings->key = g_base64_decode (text + strlen (KEY_PREFIX), &settings->key_length);
  else
    {
      settings->key_length = strlen (text);
      settings->key = g_memdup2 (text, settings->key_length);
    }
  secret_free (text);
  return settings->key_length >= KEY_MIN
         || refuse (error, "signing-key: it is shorter than %u bytes, and could be guessed", KEY_MIN);
}

static gboolean
take_template (Settings *settings, const WebhookOptions *options, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;

  if (options->template_file == NULL)
    return refuse (error, "body = template needs a template");
  if (!g_file_get_contents (options->template_file, &text, &length, error))
    {
      g_prefix_error (error, "template: ");
      return FALSE;
    }
  if (length > TEMPLATE_MAX || !g_utf8_validate_len (text, length, NULL))
    return refuse (error, "template: %s is no text in UTF-8 of at most %u bytes", options->template_file, TEMPLATE_MAX);
  settings->template = template_parse (text, error);
  if (settings->template != NULL
      && (strstr (content_type (options), "json") == NULL || template_check_json (settings->template, error)))
    return TRUE;
  g_prefix_error (error, "template: %s: ", options->template_file);
  return FALSE;
}

static gboolean
take_body (Settings *settings, const WebhookOptions *options, GError **error)
{
  BodyKind kind = (BodyKind) options->body;
  gboolean is_template = kind == BODY_TEMPLATE;

  if (is_template && options->per_request > 1)
    return refuse (error, "events-per-request: a template is for one event");
  if (!is_template && options->template_file != NULL)
    return refuse (error, "template goes with body = template only");
  if (!secret_choose ("secret", options->secret, options->secret_file, &settings->secret, error)
      || (is_template && !take_template (settings, options, error)))
    return FALSE;
  hide (settings, settings->secret);
  for (char **label = options->alert_labels; label != NULL && *label != NULL; label++)
    if (!body_check_label (*label, error))
      return FALSE;
  settings->per_request = options->per_request > 0 ? (guint) options->per_request : per_request_of_body[kind];
  settings->body = (BodyOptions){
    .kind = kind,
    .array = options->per_request > 1,
    .template = settings->template,
    .secret = settings->secret,
    .labels = (const char *const *) options->alert_labels,
    .lifetime = options->alert_lifetime,
  };
  return TRUE;
}

/* ----------------------------------------------------------------------- all */

static gboolean
take_transfer (Settings *settings, const WebhookOptions *options, GError **error)
{
  settings->denied = networks_parse ((const char *const *) options->deny_networks, error);
  if (settings->denied == NULL)
    {
      g_prefix_error (error, "deny-networks: ");
      return FALSE;
    }
  settings->transfer = (TransferOptions){
    .protocols = "http,https",
    .ca_file = options->ca_file,
    .client_certificate = options->client_certificate,
    .client_key = options->client_key,
    .connect_timeout = options->connect_timeout,
    .total_timeout = options->request_timeout,
    .denied = settings->denied,
  };
  return take_proxy (settings, options, error) && transfer_check_files (&settings->transfer, error);
}

Settings *
settings_load (const WebhookOptions *options, GError **error)
{
  g_autoptr (Settings) settings = g_atomic_rc_box_new0 (Settings);

  settings->hidden = g_ptr_array_new_with_free_func ((GDestroyNotify) secret_free);
  settings->method = methods[options->method];
  if (take_url (settings, options, error) && take_transfer (settings, options, error)
      && take_headers (settings, options, error) && take_key (settings, options, error)
      && take_body (settings, options, error))
    return g_steal_pointer (&settings);
  return NULL;
}

Settings *
settings_ref (Settings *settings)
{
  return g_atomic_rc_box_acquire (settings);
}

static void
clear_settings (gpointer data)
{
  Settings *settings = data;

  secret_free (settings->url);
  g_free (settings->place);
  for (struct curl_slist *header = settings->headers; header != NULL; header = header->next)
    explicit_bzero (header->data, strlen (header->data));
  curl_slist_free_all (settings->headers);
  if (settings->key != NULL)
    explicit_bzero (settings->key, settings->key_length);
  g_free (settings->key);
  template_free (settings->template);
  secret_free (settings->secret);
  g_clear_pointer (&settings->denied, g_ptr_array_unref);
  g_clear_pointer (&settings->hidden, g_ptr_array_unref);
}

void
settings_unref (Settings *settings)
{
  g_atomic_rc_box_release_full (settings, clear_settings);
}

gboolean
settings_expose (const Settings *settings)
{
  return g_ascii_strncasecmp (settings->url, "https:", strlen ("https:")) != 0 && settings->hidden->len > 0;
}
