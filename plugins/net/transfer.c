/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* transfer.c - see transfer.h. */
#include "transfer.h"

#include "networks.h"
#include "secret.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/socket.h>
#include <unistd.h>

gboolean
transfer_start_library (GError **error)
{
  CURLcode code = curl_global_init (CURL_GLOBAL_DEFAULT);

  if (code == CURLE_OK)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "libcurl cannot be used: %s", curl_easy_strerror (code));
  return FALSE;
}

void
transfer_end_library (void)
{
  curl_global_cleanup ();
}

/* CURLOPT_OPENSOCKETFUNCTION: the address is the one that is really used. */
static curl_socket_t
open_socket (void *data, G_GNUC_UNUSED curlsocktype purpose, struct curl_sockaddr *address)
{
  Transfer *transfer = data;
  g_autoptr (GSocketAddress) readable = NULL;

  if (!networks_contain (transfer->options->denied, &address->addr))
    return socket (address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  readable = g_socket_address_new_from_native (&address->addr, address->addrlen);
  g_free (transfer->refused);
  transfer->refused = g_inet_address_to_string (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (readable)));
  return CURL_SOCKET_BAD;
}

static void
set_tls (CURL *easy, const TransferOptions *options)
{
  curl_easy_setopt (easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
  if (options->ca_file != NULL)
    curl_easy_setopt (easy, CURLOPT_CAINFO, options->ca_file);
  if (options->client_certificate != NULL)
    curl_easy_setopt (easy, CURLOPT_SSLCERT, options->client_certificate);
  if (options->client_key != NULL)
    curl_easy_setopt (easy, CURLOPT_SSLKEY, options->client_key);
  /* A key that is encrypted is an error; without this OpenSSL would ask on the terminal. */
  curl_easy_setopt (easy, CURLOPT_KEYPASSWD, "");
}

gboolean
transfer_init (Transfer *transfer, const TransferOptions *options)
{
  CURL *easy = curl_easy_init ();

  *transfer = (Transfer){ .easy = easy, .options = options };
  if (easy == NULL)
    return FALSE;
  curl_easy_setopt (easy, CURLOPT_NOSIGNAL, 1L);
  /* The thread that looks a name up is left behind rather than waited for. */
  curl_easy_setopt (easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt (easy, CURLOPT_ERRORBUFFER, transfer->error);
  curl_easy_setopt (easy, CURLOPT_PROTOCOLS_STR, options->protocols);
  curl_easy_setopt (easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt (easy, CURLOPT_PROXY, options->proxy != NULL ? options->proxy : "");
  curl_easy_setopt (easy, CURLOPT_NOPROXY, ""); /* the environment does not count */
  curl_easy_setopt (easy, CURLOPT_CONNECTTIMEOUT_MS, (long) (options->connect_timeout / 1000));
  curl_easy_setopt (easy, CURLOPT_TIMEOUT_MS, (long) MAX (options->total_timeout / 1000, 1));
  curl_easy_setopt (easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt (easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt (easy, CURLOPT_OPENSOCKETDATA, transfer);
  set_tls (easy, options);
  return TRUE;
}

void
transfer_clear (Transfer *transfer)
{
  if (transfer->easy != NULL)
    curl_easy_cleanup (transfer->easy);
  g_free (transfer->refused);
  *transfer = (Transfer){ 0 };
}

char *
transfer_describe_error (const Transfer *transfer, CURLcode code)
{
  if (transfer->refused != NULL)
    return g_strdup_printf ("%s is in one of deny-networks", transfer->refused);
  return g_strdup (transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror (code));
}

static gboolean
is_readable (const char *key, const char *path, GError **error)
{
  if (path == NULL || access (path, R_OK) == 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: cannot read %s: %s", key, path, g_strerror (errno));
  return FALSE;
}

gboolean
transfer_check_files (const TransferOptions *options, GError **error)
{
  const char *key = options->client_key != NULL ? options->client_key : options->client_certificate;

  if (options->client_key != NULL && options->client_certificate == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "client-key needs a client-certificate, too");
      return FALSE;
    }
  return is_readable ("ca-file", options->ca_file, error)
         && is_readable ("client-certificate", options->client_certificate, error)
         && (key == NULL || secret_check_file (key, error));
}
