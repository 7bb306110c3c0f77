/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request.c - see webhook.h; the sender's thread. */
#include "webhook.h"

#include "../net/secret.h"

#include <string.h>

/* So much of an answer is read, and so much of it shown. */
#define REPLY_MAX 65536u
#define REPLY_SHOWN_MAX 200u

/* And so much of what stands before it. */
#define HEADERS_MAX 65536u

#define PAUSE_MAX G_TIME_SPAN_HOUR

/* -------------------------------------------------------------------- identity */

/* What a header can hold: ids of events have BMCs' names in them. */
static char *
escape_id (const char *id)
{
  GString *text = g_string_new (NULL);

  for (const char *c = id; *c != '\0'; c++)
    if (g_ascii_isgraph (*c) && *c != '%')
      g_string_append_c (text, *c);
    else
      g_string_append_printf (text, "%%%02X", (guchar) *c);
  return g_string_free (text, FALSE);
}

/* The event's id; of several the same for the same events, whenever they are sent. */
static char *
make_id (IpmidHost *host, const Chain *chain, guint n)
{
  g_autoptr (GChecksum) sum = NULL;
  const char *first = ipmid_event_string (host, chain->events->pdata[chain->at], IPMID_FIELD_ID);

  if (n == 1)
    return escape_id (first != NULL ? first : "");
  sum = g_checksum_new (G_CHECKSUM_SHA256);
  for (guint i = 0; i < n; i++)
    {
      const char *id = ipmid_event_string (host, chain->events->pdata[chain->at + i], IPMID_FIELD_ID);

      g_checksum_update (sum, (const guchar *) id, (gssize) strlen (id) + 1);
    }
  return g_strdup_printf ("batch-%s", g_checksum_get_string (sum));
}

char *
request_sign (const guint8 *key, gsize key_length, const char *id, gint64 time, const char *body)
{
  g_autofree char *head = g_strdup_printf ("%s.%" G_GINT64_FORMAT ".", id, time);
  GHmac *hmac = g_hmac_new (G_CHECKSUM_SHA256, key, key_length);
  guint8 digest[32];
  gsize length = sizeof digest;
  g_autofree char *text = NULL;

  g_hmac_update (hmac, (const guchar *) head, (gssize) strlen (head));
  g_hmac_update (hmac, (const guchar *) body, (gssize) strlen (body));
  g_hmac_get_digest (hmac, digest, &length);
  g_hmac_unref (hmac);
  text = g_base64_encode (digest, length);
  return g_strdup_printf ("v1,%s", text);
}

/* ------------------------------------------------------------------- the request */

static void G_GNUC_PRINTF (2, 3) add_header (Request *request, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *line = g_strdup_vprintf (format, args);
  va_end (args);
  request->headers = curl_slist_append (request->headers, line);
}

static void
add_headers (Request *request, const char *id)
{
  const Settings *settings = request->settings;
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  for (const struct curl_slist *header = settings->headers; header != NULL; header = header->next)
    request->headers = curl_slist_append (request->headers, header->data);
  add_header (request, "Idempotency-Key: %s", id);
  if (settings->key == NULL)
    return;
  g_autofree char *signature = request_sign (settings->key, settings->key_length, id, now, request->body);
  add_header (request, "webhook-id: %s", id);
  add_header (request, "webhook-timestamp: %" G_GINT64_FORMAT, now);
  add_header (request, "webhook-signature: %s", signature);
}

/* CURLOPT_WRITEFUNCTION; returning less than it got ends the transfer. */
static size_t
take_reply (char *data, G_GNUC_UNUSED size_t one, size_t size, void *user_data)
{
  Request *request = user_data;
  gsize room = REPLY_MAX - request->reply->len;

  g_string_append_len (request->reply, data, (gssize) MIN (size, room));
  request->overflow = size > room;
  return request->overflow ? 0 : size;
}

/* CURLOPT_HEADERFUNCTION: only that they end. */
static size_t
count_header (G_GNUC_UNUSED char *data, G_GNUC_UNUSED size_t one, size_t size, void *user_data)
{
  Request *request = user_data;

  request->header_bytes += size;
  return request->header_bytes > HEADERS_MAX ? 0 : size;
}

static void
set_up (Request *request, gint64 time_limit)
{
  CURL *easy = request->transfer.easy;
  const Settings *settings = request->settings;

  curl_easy_setopt (easy, CURLOPT_URL, settings->url);
  curl_easy_setopt (easy, CURLOPT_POST, 1L);
  curl_easy_setopt (easy, CURLOPT_CUSTOMREQUEST, settings->method);
  curl_easy_setopt (easy, CURLOPT_POSTFIELDS, request->body);
  curl_easy_setopt (easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) strlen (request->body));
  curl_easy_setopt (easy, CURLOPT_HTTPHEADER, request->headers);
  curl_easy_setopt (easy, CURLOPT_TIMEOUT_MS, (long) MAX (time_limit / 1000, 1));
  curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, take_reply);
  curl_easy_setopt (easy, CURLOPT_WRITEDATA, request);
  curl_easy_setopt (easy, CURLOPT_HEADERFUNCTION, count_header);
  curl_easy_setopt (easy, CURLOPT_HEADERDATA, request);
  curl_easy_setopt (easy, CURLOPT_PRIVATE, request);
}

Request *
request_new (IpmidHost *host, Settings *settings, Chain *chain, gint64 time_limit)
{
  Request *request = g_new0 (Request, 1);
  g_autofree char *id = NULL;

  request->settings = settings_ref (settings);
  request->chain = chain;
  request->n = batch_next (chain, settings->per_request);
  request->reply = g_string_new (NULL);
  request->body = body_make (&settings->body, host, (IpmidEvent *const *) chain->events->pdata + chain->at, request->n);
  id = make_id (host, chain, request->n);
  add_headers (request, id);
  if (!transfer_init (&request->transfer, &settings->transfer))
    {
      request_free (request);
      return NULL;
    }
  set_up (request, time_limit);
  return request;
}

void
request_free (Request *request)
{
  transfer_clear (&request->transfer);
  curl_slist_free_all (request->headers);
  g_string_free (request->reply, TRUE);
  secret_free (request->body);
  settings_unref (request->settings);
  g_free (request);
}

/* ------------------------------------------------------------------- its outcome */

/* A redirect is no answer: what it points to was not configured. */
static IpmidVerdict
verdict_of_status (long status)
{
  if (status >= 200 && status < 300)
    return IPMID_VERDICT_DONE;
  if (status < 400 || status >= 500 || status == 408 || status == 425 || status == 429)
    return IPMID_VERDICT_RETRY;
  return IPMID_VERDICT_REJECT;
}

static char *
describe_answer (const Request *request, long status)
{
  const Settings *settings = request->settings;
  g_autofree char *excerpt
      = secret_excerpt (request->reply->str, request->reply->len, REPLY_SHOWN_MAX, settings->hidden);
  const char *redirect = status >= 300 && status < 400 ? ", and redirects are not followed" : "";

  if (*excerpt == '\0')
    return g_strdup_printf ("%s answered %ld%s", settings->place, status, redirect);
  return g_strdup_printf ("%s answered %ld%s: %s", settings->place, status, redirect, excerpt);
}

/* libcurl understands both forms, seconds and a date (RFC 9110, section 10.2.3). */
static gint64
wanted_pause (const Request *request)
{
  curl_off_t seconds = 0;

  if (curl_easy_getinfo (request->transfer.easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds <= 0)
    return 0;
  return MIN (seconds, PAUSE_MAX / G_USEC_PER_SEC) * G_USEC_PER_SEC;
}

Outcome
request_conclude (const Request *request, CURLcode code)
{
  Outcome outcome = { .verdict = IPMID_VERDICT_RETRY };
  g_autofree char *why = NULL, *clean = NULL;
  long status = 0;

  curl_easy_getinfo (request->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OK || (request->overflow && status != 0))
    {
      outcome.verdict = verdict_of_status (status);
      outcome.words = outcome.verdict == IPMID_VERDICT_DONE ? NULL : describe_answer (request, status);
      outcome.pause = outcome.verdict == IPMID_VERDICT_RETRY ? wanted_pause (request) : 0;
      return outcome;
    }
  if (request->header_bytes > HEADERS_MAX)
    why = g_strdup ("the headers of its answer do not end");
  else
    why = transfer_describe_error (&request->transfer, code);
  clean = secret_excerpt (why, strlen (why), REPLY_SHOWN_MAX, request->settings->hidden);
  outcome.words = g_strdup_printf ("%s: %s", request->settings->place, clean);
  return outcome;
}
