/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mail.c - see mail.h. */
#include "mail.h"

#include "../net/secret.h"
#include "message.h"

#include <gio/gio.h>
#include <string.h>

typedef enum
{
  TLS_STARTTLS,
  TLS_TLS,
  TLS_NONE,
} Tls;

typedef struct
{
  /* Filled in by the host. */
  char *server;
  int tls;
  char *user, *password, *password_file;
  char *from;
  char **to, **to_warning, **to_critical;
  char *subject_prefix;
  char *ca_file;
  gint64 connect_timeout, send_timeout;

  char *url;
  char *secret; /* the password */
  GPtrArray *hidden;
  SmtpOptions smtp;
  Post post;
} Mail;

static const char *const tls_choices[] = { "starttls", "tls", "none", NULL };

#define OPTION(member) G_STRUCT_OFFSET (Mail, member)

/* clang-format off */
static const IpmidOption options[] = {
  { "server", IPMID_OPTION_STRING, OPTION (server), NULL, TRUE, 0, 0, NULL, "HOST[:PORT]",
    "The SMTP server that takes the mail. Without a port it is 587 with starttls, 465 with tls, and 25 with none." },
  { "tls", IPMID_OPTION_CHOICE, OPTION (tls), "starttls", FALSE, 0, 0, tls_choices, "starttls|tls|none",
    "How the connection is encrypted: by STARTTLS, without which nothing is sent, from its beginning, or not at all." },
  { "ca-file", IPMID_OPTION_PATH, OPTION (ca_file), NULL, FALSE, 0, 0, NULL, "PATH",
    "The certificates (PEM) by which the server's is verified, in the place of the system's." },
  { "user", IPMID_OPTION_STRING, OPTION (user), NULL, FALSE, 0, 0, NULL, "NAME",
    "Who logs in. Without a user there is no login." },
  { "password", IPMID_OPTION_SECRET, OPTION (password), NULL, FALSE, 0, 0, NULL, "TEXT",
    "The user's password." },
  { "password-file", IPMID_OPTION_PATH, OPTION (password_file), NULL, FALSE, 0, 0, NULL, "PATH",
    "A file with the password in it. Nobody but its owner may read the file, unless systemd gives it as a credential "
    "(/run/credentials/ipmid.service/NAME)." },
  { "from", IPMID_OPTION_STRING, OPTION (from), NULL, TRUE, 0, 0, NULL, "ADDRESS",
    "The sender's address." },
  { "to", IPMID_OPTION_LIST, OPTION (to), NULL, FALSE, 0, 0, NULL, "ADDRESS;…",
    "Who gets all events that the handler takes." },
  { "to-warning", IPMID_OPTION_LIST, OPTION (to_warning), NULL, FALSE, 0, 0, NULL, "ADDRESS;…",
    "Who gets those of severity warning and worse, and the ends of states." },
  { "to-critical", IPMID_OPTION_LIST, OPTION (to_critical), NULL, FALSE, 0, 0, NULL, "ADDRESS;…",
    "Who gets critical ones only, and the ends of states." },
  { "subject-prefix", IPMID_OPTION_STRING, OPTION (subject_prefix), "[ipmid]", FALSE, 0, 0, NULL, "TEXT",
    "What every subject begins with." },
  { "connect-timeout", IPMID_OPTION_DURATION, OPTION (connect_timeout), "10s", FALSE, G_TIME_SPAN_SECOND / 10,
    G_TIME_SPAN_MINUTE, NULL, "DURATION", "How long a connection may take, with its name and TLS." },
  { "send-timeout", IPMID_OPTION_DURATION, OPTION (send_timeout), "30s", FALSE, G_TIME_SPAN_SECOND / 10,
    G_TIME_SPAN_HOUR, NULL, "DURATION", "How long one mail may take, from its start to the server's answer." },
  { .key = NULL },
};
/* clang-format on */

static gboolean G_GNUC_PRINTF (2, 3) refuse (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error != NULL)
    *error = g_error_new_valist (G_IO_ERROR, G_IO_ERROR_FAILED, format, args);
  va_end (args);
  return FALSE;
}

/* ------------------------------------------------------------------- settings */

/* "HOST", "HOST:PORT", "[ADDRESS]:PORT" as a URL; NULL if it is none of them. */
static char *
make_url (const char *server, Tls tls)
{
  static const char *const ports[] = { [TLS_STARTTLS] = "587", [TLS_TLS] = "465", [TLS_NONE] = "25" };
  const char *scheme = tls == TLS_TLS ? "smtps" : "smtp";
  g_autofree char *text = g_strdup_printf ("%s://%s", scheme, server);
  CURLU *url = curl_url ();
  char *port = NULL, *host = NULL, *result = NULL;
  gboolean plain = g_str_is_ascii (server) && strpbrk (server, " \t\r\n/@?#\\") == NULL;

  if (plain && curl_url_set (url, CURLUPART_URL, text, 0) == CURLUE_OK
      && curl_url_get (url, CURLUPART_HOST, &host, 0) == CURLUE_OK && *host != '\0')
    {
      curl_url_get (url, CURLUPART_PORT, &port, 0);
      result = g_strdup_printf ("%s://%s:%s/", scheme, host, port != NULL ? port : ports[tls]);
    }
  curl_free (port);
  curl_free (host);
  curl_url_cleanup (url);
  return result;
}

static gboolean
check_addresses (const char *key, char **addresses, GError **error)
{
  for (; addresses != NULL && *addresses != NULL; addresses++)
    if (!message_check_address (*addresses))
      return refuse (error, "%s: '%s' is no address: admin@example.org is right", key, *addresses);
  return TRUE;
}

static guint
count (char **addresses)
{
  return addresses == NULL ? 0 : g_strv_length (addresses);
}

static gboolean
check_login (const Mail *self, const char *password, GError **error)
{
  if ((self->user != NULL) != (password != NULL))
    return refuse (error, "user and password (or password-file) go together");
  if (self->user != NULL && self->tls == TLS_NONE)
    return refuse (error, "with tls = none the password could be read on its way: use tls = starttls or tls = tls");
  return TRUE;
}

static gboolean
check_people (const Mail *self, GError **error)
{
  char *const from[] = { self->from, NULL };
  guint n = count (self->to) + count (self->to_warning) + count (self->to_critical);

  if (!check_addresses ("from", (char **) from, error) || !check_addresses ("to", self->to, error)
      || !check_addresses ("to-warning", self->to_warning, error)
      || !check_addresses ("to-critical", self->to_critical, error))
    return FALSE;
  if (n == 0)
    return refuse (error, "nobody gets mail: to, to-warning or to-critical is missing");
  if (n > MAIL_RECIPIENTS_MAX)
    return refuse (error, "there are more than %u recipients: use an address that is a list", MAIL_RECIPIENTS_MAX);
  return g_utf8_validate (self->subject_prefix, -1, NULL) && strpbrk (self->subject_prefix, "\r\n\t") == NULL
             ? TRUE
             : refuse (error, "subject-prefix: there is a control character in it");
}

static gboolean
mail_check (gpointer state, GError **error)
{
  const Mail *self = state;
  const TransferOptions transfer = { .ca_file = self->ca_file };
  g_autofree char *url = make_url (self->server, (Tls) self->tls);
  char *password;

  if (url == NULL)
    return refuse (error, "server: '%s' is no server: mail.example.org or mail.example.org:587 is right", self->server);
  if (!check_people (self, error) || !transfer_check_files (&transfer, error)
      || !secret_choose ("password", self->password, self->password_file, &password, error))
    return FALSE;
  gboolean good = check_login (self, password, error);
  secret_free (password);
  return good;
}

/* ----------------------------------------------------------------------- life */

/* Who stands in several lists gets what the widest of them gets. */
static void
add_recipients (GArray *recipients, char **addresses, IpmidSeverity least)
{
  for (; addresses != NULL && *addresses != NULL; addresses++)
    {
      const MailRecipient recipient = { *addresses, least };
      gboolean known = FALSE;

      for (guint i = 0; i < recipients->len && !known; i++)
        known = g_ascii_strcasecmp (g_array_index (recipients, MailRecipient, i).address, *addresses) == 0;
      if (!known)
        g_array_append_val (recipients, recipient);
    }
}

static gboolean
make_smtp (Mail *self, GError **error)
{
  if (!secret_choose ("password", self->password, self->password_file, &self->secret, error))
    return FALSE;
  self->url = make_url (self->server, (Tls) self->tls);
  self->hidden = g_ptr_array_new ();
  if (self->secret != NULL)
    g_ptr_array_add (self->hidden, self->secret);
  self->smtp = (SmtpOptions){
    .url = self->url,
    .starttls = self->tls == TLS_STARTTLS,
    .user = self->user,
    .password = self->secret,
    .from = self->from,
    .hidden = self->hidden,
    .transfer = { .protocols = "smtp,smtps",
                  .ca_file = self->ca_file,
                  .connect_timeout = self->connect_timeout,
                  .total_timeout = self->send_timeout },
  };
  self->post.smtp = smtp_new (&self->smtp);
  return self->post.smtp != NULL || refuse (error, "no memory for a connection");
}

static void
release_smtp (Mail *self)
{
  g_clear_pointer (&self->post.smtp, smtp_free);
  g_clear_pointer (&self->hidden, g_ptr_array_unref);
  g_clear_pointer (&self->secret, secret_free);
  g_clear_pointer (&self->url, g_free);
}

static gboolean
mail_open (gpointer state, IpmidHost *host, GError **error)
{
  Mail *self = state;

  if (!transfer_start_library (error))
    return FALSE;
  if (!make_smtp (self, error))
    {
      release_smtp (self);
      transfer_end_library ();
      return FALSE;
    }
  self->post.host = host;
  self->post.from = self->from;
  self->post.subject_prefix = self->subject_prefix;
  self->post.accepted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->post.recipients = g_array_new (FALSE, FALSE, sizeof (MailRecipient));
  add_recipients (self->post.recipients, self->to, IPMID_SEVERITY_OK);
  add_recipients (self->post.recipients, self->to_warning, IPMID_SEVERITY_WARNING);
  add_recipients (self->post.recipients, self->to_critical, IPMID_SEVERITY_CRITICAL);
  return TRUE;
}

/* A password file that was away on a reload may be there again. */
static void
mail_deliver (gpointer state, const IpmidBatch *batch, IpmidVerdict *verdicts)
{
  Mail *self = state;
  g_autoptr (GError) error = NULL;

  if (self->post.smtp != NULL || make_smtp (self, &error))
    {
      post_deliver (&self->post, batch, verdicts);
      return;
    }
  release_smtp (self);
  verdicts[0] = IPMID_VERDICT_RETRY;
  ipmid_host_reason (self->post.host, batch->tokens[0], error->message);
}

/* The password may be another one. */
static gboolean
mail_reopen (gpointer state, GError **error)
{
  Mail *self = state;

  if (!mail_check (self, error))
    return FALSE;
  release_smtp (self);
  if (make_smtp (self, error))
    return TRUE;
  release_smtp (self);
  return FALSE;
}

static void
mail_close (gpointer state)
{
  Mail *self = state;

  release_smtp (self);
  g_clear_pointer (&self->post.accepted, g_hash_table_unref);
  g_clear_pointer (&self->post.recipients, g_array_unref);
  transfer_end_library ();
}

const IpmidPlugin ipmid_plugin = {
  .abi_major = IPMID_PLUGIN_ABI_MAJOR,
  .abi_minor = IPMID_PLUGIN_ABI_MINOR,
  .size = sizeof (IpmidPlugin),
  .name = "mail",
  .version = PLUGIN_VERSION,
  .summary = "tell people of events by mail",
  .flags = IPMID_PLUGIN_NOTIFIER,
  .state_size = sizeof (Mail),
  .options = options,
  .check = mail_check,
  .open = mail_open,
  .deliver = mail_deliver,
  .reopen = mail_reopen,
  .close = mail_close,
};
