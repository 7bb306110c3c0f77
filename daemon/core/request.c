/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request.c - the life of a request; see request.h. */
#include "core/request.h"

#include "event/text.h"

/* A plugin that serves the network passes on what strangers ask. */
#define OPEN_MAX 256

#define METHOD_SHOWN_MAX 64 /* bytes */

struct _RequestBook
{
  gatomicrefcount references;
  GMutex lock;
  GCond changed;
  GHashTable *open; /* Request: not answered yet; no references */
  guint running;    /* callbacks that run now */
  gboolean closed;
};

struct _Request
{
  gatomicrefcount references;
  RequestBook *book;
  char *method;
  GVariant *arguments;
  IpmidReplyFunc callback;
  gpointer user_data;
};

/* ---------------------------------------------------------------- the book */

RequestBook *
request_book_new (void)
{
  RequestBook *book = g_new0 (RequestBook, 1);

  g_atomic_ref_count_init (&book->references);
  g_mutex_init (&book->lock);
  g_cond_init (&book->changed);
  book->open = g_hash_table_new (NULL, NULL);
  return book;
}

void
request_book_unref (RequestBook *book)
{
  if (book == NULL || !g_atomic_ref_count_dec (&book->references))
    return;
  g_hash_table_unref (book->open);
  g_mutex_clear (&book->lock);
  g_cond_clear (&book->changed);
  g_free (book);
}

/* An answer that was claimed under the lock is given without it. */
static void
call_back (RequestBook *book, IpmidReplyFunc callback, gpointer user_data, GVariant *reply, const GError *error)
{
  callback (user_data, reply, error);
  g_mutex_lock (&book->lock);
  book->running--;
  g_cond_broadcast (&book->changed);
  g_mutex_unlock (&book->lock);
}

/* TRUE: the caller is the one who answers, with call_back(). */
static gboolean
claim (Request *request)
{
  RequestBook *book = request->book;

  g_mutex_lock (&book->lock);
  gboolean claimed = g_hash_table_remove (book->open, request);
  if (claimed)
    book->running++;
  g_mutex_unlock (&book->lock);
  return claimed;
}

/* One that nobody has answered; a reference. */
static Request *
take_open (RequestBook *book)
{
  GHashTableIter iter;
  gpointer request;

  g_hash_table_iter_init (&iter, book->open);
  /* One whose last reference is just going is answered by whoever had that. */
  while (g_hash_table_iter_next (&iter, &request, NULL))
    return request_ref (request);
  return NULL;
}

void
request_book_close (RequestBook *book)
{
  Request *request;

  g_mutex_lock (&book->lock);
  book->closed = TRUE;
  while ((request = take_open (book)) != NULL)
    {
      g_mutex_unlock (&book->lock);
      request_fail (request, IPMID_REQUEST_UNAVAILABLE, "the handler is being closed");
      request_unref (request);
      g_mutex_lock (&book->lock);
    }
  while (book->running > 0)
    g_cond_wait (&book->changed, &book->lock);
  g_mutex_unlock (&book->lock);
}

/* -------------------------------------------------------------- a request */

/* NULL if it may be entered. */
static const char *
enter (RequestBook *book, Request *request)
{
  const char *obstacle = NULL;

  g_mutex_lock (&book->lock);
  if (book->closed)
    obstacle = "the handler is being closed";
  else if (g_hash_table_size (book->open) >= OPEN_MAX)
    obstacle = "too many requests are open already";
  else
    g_hash_table_add (book->open, request);
  g_mutex_unlock (&book->lock);
  return obstacle;
}

static void
free_request (Request *request)
{
  request_book_unref (request->book);
  g_variant_unref (request->arguments);
  g_free (request->method);
  g_free (request);
}

Request *
request_new (RequestBook *book, const char *method, GVariant *arguments, IpmidReplyFunc callback, gpointer user_data)
{
  Request *request = g_new0 (Request, 1);

  g_atomic_ref_count_init (&request->references);
  g_atomic_ref_count_inc (&book->references);
  request->book = book;
  request->method = text_clean (method, -1, METHOD_SHOWN_MAX);
  request->arguments = g_variant_ref_sink (arguments != NULL ? arguments : g_variant_new ("a{sv}", NULL));
  request->callback = callback;
  request->user_data = user_data;
  const char *obstacle = enter (book, request);
  if (obstacle == NULL)
    return request;
  g_autoptr (GError) error = g_error_new_literal (IPMID_REQUEST_ERROR, IPMID_REQUEST_UNAVAILABLE, obstacle);
  free_request (request);
  callback (user_data, NULL, error);
  return NULL;
}

Request *
request_ref (Request *request)
{
  g_atomic_ref_count_inc (&request->references);
  return request;
}

void
request_unref (Request *request)
{
  if (request == NULL)
    return;
  RequestBook *book = request->book;
  g_mutex_lock (&book->lock); /* take_open() may just look at it */
  gboolean last = g_atomic_ref_count_dec (&request->references);
  gboolean unanswered = last && g_hash_table_remove (book->open, request);
  book->running += unanswered;
  g_mutex_unlock (&book->lock);
  if (!last)
    return;
  if (unanswered)
    {
      g_autoptr (GError) error
          = g_error_new_literal (IPMID_REQUEST_ERROR, IPMID_REQUEST_UNAVAILABLE, "ipmid is ending");
      call_back (book, request->callback, request->user_data, NULL, error);
    }
  free_request (request);
}

const char *
request_method (const Request *request)
{
  return request->method;
}

GVariant *
request_arguments (const Request *request)
{
  return request->arguments;
}

const char *
request_text (const Request *request, const char *name)
{
  const char *text = NULL;

  g_variant_lookup (request->arguments, name, "&s", &text);
  return text;
}

gboolean
request_flag (const Request *request, const char *name)
{
  gboolean flag = FALSE;

  g_variant_lookup (request->arguments, name, "b", &flag);
  return flag;
}

gboolean
request_integer (const Request *request, const char *name, gint64 *value)
{
  return g_variant_lookup (request->arguments, name, "x", value);
}

/* ----------------------------------------------------------------- answers */

void
request_answer (Request *request, GVariant *reply)
{
  g_autoptr (GVariant) own = g_variant_ref_sink (reply);

  if (claim (request))
    call_back (request->book, request->callback, request->user_data, own, NULL);
}

void
request_fail (Request *request, IpmidRequestError code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autoptr (GError) error = g_error_new_valist (IPMID_REQUEST_ERROR, (gint) code, format, args);
  va_end (args);
  if (claim (request))
    call_back (request->book, request->callback, request->user_data, NULL, error);
}
