/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client.c - see client.h. */
#include "client.h"

#include "event/error.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_S 10L
#define ANSWER_MAX ((gsize) 256 << 20)
#define LINE_MAX_SIZE ((gsize) 1 << 20)

struct _Client
{
  CURL *curl;
  int directory; /* by way of its descriptor the path of the socket is short */
  char *path;
  char *address;
  char reason[CURL_ERROR_SIZE];
};

/* What comes. */
typedef struct
{
  Client *client;
  GString *text;
  ClientLineFunc on_line; /* NULL: all is one answer */
  gpointer user_data;
  gboolean too_much;
} Intake;

Client *
client_new (const char *path, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  int directory = open (parent, O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (directory < 0)
    {
      g_set_error (error, IPMID_ERROR, errno == EACCES ? IPMID_ERROR_FILE : IPMID_ERROR_UNAVAILABLE, "%s: %s", parent,
                   g_strerror (errno));
      return NULL;
    }
  Client *client = g_new0 (Client, 1);
  client->directory = directory;
  client->path = g_strdup (path);
  client->address = g_strdup_printf ("/proc/self/fd/%d/%s", directory, name);
  client->curl = curl_easy_init ();
  g_assert (client->curl != NULL);
  return client;
}

void
client_free (Client *client)
{
  if (client == NULL)
    return;
  curl_easy_cleanup (client->curl);
  close (client->directory);
  g_free (client->path);
  g_free (client->address);
  g_free (client);
}

/* ---------------------------------------------------------------------- intake */

static void
hand_out_lines (Intake *intake)
{
  char *end;

  while ((end = memchr (intake->text->str, '\n', intake->text->len)) != NULL)
    {
      gsize length = (gsize) (end - intake->text->str);
      if (length > 0)
        intake->on_line (intake->user_data, intake->text->str, length);
      g_string_erase (intake->text, 0, (gssize) length + 1);
    }
}

static size_t
take (char *data, size_t size, size_t n, void *user_data)
{
  Intake *intake = user_data;
  long status = 0;

  curl_easy_getinfo (intake->client->curl, CURLINFO_RESPONSE_CODE, &status);
  g_string_append_len (intake->text, data, (gssize) (size * n));
  if (intake->on_line != NULL && status < 400)
    hand_out_lines (intake);
  intake->too_much = intake->text->len > (intake->on_line != NULL ? LINE_MAX_SIZE : ANSWER_MAX);
  return intake->too_much ? 0 : size * n;
}

/* --------------------------------------------------------------------- request */

/* libcurl does not say why it cannot connect, but the system does. */
static gboolean
fail_to_connect (Client *client, GError **error)
{
  long number = 0;

  curl_easy_getinfo (client->curl, CURLINFO_OS_ERRNO, &number);
  if (number == EACCES || number == EPERM || access (client->address, R_OK | W_OK) != 0)
    number = number == 0 ? errno : number;
  if (number == EACCES || number == EPERM)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_FILE, "%s: you may not use this socket", client->path);
  else
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "no ipmid is running at %s", client->path);
  return FALSE;
}

static gboolean
fail (Client *client, const Intake *intake, CURLcode code, GError **error)
{
  if (code == CURLE_COULDNT_CONNECT)
    return fail_to_connect (client, error);
  if (intake->too_much)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "%s: the answer is too long", client->path);
  else if (code == CURLE_OPERATION_TIMEDOUT)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "%s: ipmid does not answer", client->path);
  else if (code == CURLE_GOT_NOTHING || code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR
           || code == CURLE_SEND_ERROR)
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "ipmid is gone");
  else
    g_set_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "%s: %s", client->path,
                 client->reason[0] != '\0' ? client->reason : curl_easy_strerror (code));
  return FALSE;
}

static void
set_up (Client *client, const char *url, Intake *intake)
{
  CURL *curl = client->curl;

  curl_easy_reset (curl);
  client->reason[0] = '\0';
  curl_easy_setopt (curl, CURLOPT_URL, url);
  curl_easy_setopt (curl, CURLOPT_UNIX_SOCKET_PATH, client->address);
  curl_easy_setopt (curl, CURLOPT_PROXY, "");
  curl_easy_setopt (curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
  if (intake->on_line == NULL)
    curl_easy_setopt (curl, CURLOPT_TIMEOUT, (long) CLIENT_ANSWER_TIMEOUT);
  curl_easy_setopt (curl, CURLOPT_ERRORBUFFER, client->reason);
  curl_easy_setopt (curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt (curl, CURLOPT_WRITEDATA, intake);
}

static gboolean
perform (Client *client, const char *path, json_t *body, Intake *intake, long *status, GError **error)
{
  g_autofree char *url = g_strconcat ("http://ipmid", path, NULL);
  char *text = body == NULL ? NULL : json_dumps (body, JSON_COMPACT);
  struct curl_slist *headers = NULL;

  set_up (client, url, intake);
  if (text != NULL)
    {
      headers = curl_slist_append (NULL, "Content-Type: application/json");
      curl_easy_setopt (client->curl, CURLOPT_HTTPHEADER, headers);
      curl_easy_setopt (client->curl, CURLOPT_POSTFIELDS, text);
    }
  CURLcode code = curl_easy_perform (client->curl);
  curl_easy_getinfo (client->curl, CURLINFO_RESPONSE_CODE, status);
  curl_slist_free_all (headers);
  free (text);
  return code == CURLE_OK || fail (client, intake, code, error);
}

static gboolean
parse (const Client *client, const GString *text, json_t **answer, GError **error)
{
  *answer = json_loadb (text->str, text->len, 0, NULL);
  if (json_is_object (*answer))
    return TRUE;
  json_decref (*answer);
  *answer = NULL;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_PROTOCOL, "%s: whoever serves this is no ipmid", client->path);
  return FALSE;
}

gboolean
client_request (Client *client, const char *path, json_t *body, long *status, json_t **answer, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  Intake intake = { .client = client, .text = text };

  return perform (client, path, body, &intake, status, error) && parse (client, text, answer, error);
}

gboolean
client_follow (Client *client, const char *path, ClientLineFunc on_line, gpointer user_data, long *status,
               json_t **answer, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  Intake intake = { .client = client, .text = text, .on_line = on_line, .user_data = user_data };

  *answer = NULL;
  return perform (client, path, NULL, &intake, status, error) && (*status < 400 || parse (client, text, answer, error));
}
