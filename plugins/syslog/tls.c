/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tls.c - see tls.h. */
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/stat.h>

/* So much of what a peer says is thrown away in one go. */
#define READS_MAX 16

struct _Tls
{
  SSL_CTX *context;
  SSL *ssl;
  gboolean broken; /* nothing more may be said */
};

/* OpenSSL's own words for what went wrong, if it has any. */
static void
set_error (GError **error, GIOErrorEnum code, const char *what)
{
  unsigned long number = ERR_get_error ();
  const char *words = number != 0 ? ERR_reason_error_string (number) : NULL;

  g_set_error (error, G_IO_ERROR, (int) code, "%s%s%s", what, words != NULL ? ": " : "", words != NULL ? words : "");
  ERR_clear_error ();
}

static gboolean
set_file_error (GError **error, const char *key, const char *path)
{
  g_autofree char *what = g_strdup_printf ("%s = %s cannot be used", key, path);

  set_error (error, G_IO_ERROR_INVALID_ARGUMENT, what);
  return FALSE;
}

/* Whoever can read the key can speak for this machine. */
static gboolean
is_private (const char *path, GError **error)
{
  struct stat status;

  if (stat (path, &status) != 0 || (status.st_mode & S_IRWXO) == 0)
    return TRUE; /* a file that is missing has better words elsewhere */
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "%s has a private key and everybody can read it: chmod o= %s", path, path);
  return FALSE;
}

static gboolean
use_certificate (SSL_CTX *context, const TlsFiles *files, GError **error)
{
  const char *key = files->key != NULL ? files->key : files->certificate;

  if (files->certificate == NULL)
    return TRUE;
  if (!is_private (key, error))
    return FALSE;
  if (SSL_CTX_use_certificate_chain_file (context, files->certificate) != 1)
    return set_file_error (error, "tls-certificate", files->certificate);
  if (SSL_CTX_use_PrivateKey_file (context, key, SSL_FILETYPE_PEM) != 1)
    return set_file_error (error, files->key != NULL ? "tls-key" : "tls-certificate", key);
  return TRUE;
}

/* For a key that is encrypted: OpenSSL's own would ask on the terminal. */
static int
have_no_password (G_GNUC_UNUSED char *buffer, G_GNUC_UNUSED int size, G_GNUC_UNUSED int writing,
                  G_GNUC_UNUSED void *user_data)
{
  return 0;
}

static SSL_CTX *
make_context (const TlsFiles *files, GError **error)
{
  SSL_CTX *context = SSL_CTX_new (TLS_client_method ());
  gboolean good;

  if (context == NULL)
    {
      set_error (error, G_IO_ERROR_FAILED, "cannot begin with TLS");
      return NULL;
    }
  SSL_CTX_set_min_proto_version (context, TLS1_2_VERSION);
  SSL_CTX_set_mode (context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_default_passwd_cb (context, have_no_password);
  SSL_CTX_set_verify (context, SSL_VERIFY_PEER, NULL);
  if (files->ca == NULL)
    good = SSL_CTX_set_default_verify_paths (context) == 1;
  else
    good = SSL_CTX_load_verify_locations (context, files->ca, NULL) == 1 || set_file_error (error, "tls-ca", files->ca);
  if (good && use_certificate (context, files, error))
    return context;
  SSL_CTX_free (context);
  return NULL;
}

gboolean
tls_check (const TlsFiles *files, GError **error)
{
  SSL_CTX *context = make_context (files, error);

  SSL_CTX_free (context);
  return context != NULL;
}

/* Whose certificate it has to be. */
static gboolean
expect_name (SSL *ssl, const char *name)
{
  X509_VERIFY_PARAM *parameters = SSL_get0_param (ssl);

  if (g_hostname_is_ip_address (name))
    return X509_VERIFY_PARAM_set1_ip_asc (parameters, name) == 1;
  X509_VERIFY_PARAM_set_hostflags (parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host (parameters, name, 0) == 1 && SSL_set_tlsext_host_name (ssl, name) == 1;
}

/* What the outcome of a call means: 0, it has to wait for `events`; or -1. */
static int
look_at (Tls *tls, int result, short *events, const char *doing, GError **error)
{
  int number = errno;
  long verified = SSL_get_verify_result (tls->ssl);

  switch (SSL_get_error (tls->ssl, result))
    {
    case SSL_ERROR_WANT_READ:
      *events = POLLIN;
      return 0;
    case SSL_ERROR_WANT_WRITE:
      *events = POLLOUT;
      return 0;
    case SSL_ERROR_ZERO_RETURN:
      tls->broken = TRUE;
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "the other side has closed the connection");
      return -1;
    case SSL_ERROR_SYSCALL:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "%s: %s", doing,
                   number != 0 ? g_strerror (number) : "the connection has ended");
      break;
    default:
      if (verified != X509_V_OK)
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, "the server's certificate is not accepted: %s",
                     X509_verify_cert_error_string (verified));
      else
        set_error (error, G_IO_ERROR_FAILED, doing);
    }
  tls->broken = TRUE;
  ERR_clear_error ();
  return -1;
}

static gboolean
shake_hands (Tls *tls, int fd, const Patience *patience, GError **error)
{
  for (;;)
    {
      short events = 0;
      int result;

      ERR_clear_error ();
      errno = 0;
      result = SSL_connect (tls->ssl);
      if (result == 1)
        return TRUE;
      if (look_at (tls, result, &events, "no TLS with the server", error) < 0
          || !patience_wait_for (patience, fd, events, error))
        return FALSE;
    }
}

Tls *
tls_new (const TlsFiles *files, const char *host, int fd, const Patience *patience, GError **error)
{
  SSL_CTX *context = make_context (files, error);
  Tls *tls;

  if (context == NULL)
    return NULL;
  tls = g_new0 (Tls, 1);
  tls->context = context;
  tls->ssl = SSL_new (context);
  if (tls->ssl == NULL || SSL_set_fd (tls->ssl, fd) != 1
      || !expect_name (tls->ssl, files->name != NULL ? files->name : host))
    set_error (error, G_IO_ERROR_FAILED, "cannot begin with TLS");
  else if (shake_hands (tls, fd, patience, error))
    return tls;
  tls_free (tls);
  return NULL;
}

void
tls_free (Tls *tls)
{
  if (tls->ssl != NULL && !tls->broken && SSL_is_init_finished (tls->ssl))
    SSL_shutdown (tls->ssl); /* says goodbye, if the socket takes it */
  ERR_clear_error ();
  SSL_free (tls->ssl);
  SSL_CTX_free (tls->context);
  g_free (tls);
}

gssize
tls_write (Tls *tls, const char *bytes, gsize length, GError **error)
{
  short events;
  int result;

  ERR_clear_error ();
  errno = 0;
  result = SSL_write (tls->ssl, bytes, (int) MIN (length, G_MAXINT));
  return result > 0 ? result : look_at (tls, result, &events, "cannot send", error);
}

gboolean
tls_listen (Tls *tls, GError **error)
{
  char bytes[4096];
  short events;
  int result = 1;

  for (guint i = 0; result > 0 && i < READS_MAX; i++)
    {
      ERR_clear_error ();
      errno = 0;
      result = SSL_read (tls->ssl, bytes, sizeof bytes);
    }
  return result > 0 || look_at (tls, result, &events, "the connection has failed", error) == 0;
}
