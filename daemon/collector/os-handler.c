/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* os-handler.c - see os-handler.h. */
#include "os-handler.h"

#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

/* How many datagrams one socket gets read, and how many thrown away, before the
 * others have their turn. */
#define READ_BUDGET 16u
#define DROP_BUDGET 512u

/* How much is fetched from the kernel at once. */
#define RANDOM_SIZE 256u

/* OpenIPMI names the types and leaves their contents to us. */
struct os_hnd_fd_id_s
{
  GSource *source;
  const struct OsHandler *handler;
  gboolean datagrams; /* it is a UDP socket */
  guint32 bmc;        /* on whose behalf it was added */
  int fd;
  os_data_ready_t ready;
  void *cb_data;
  os_fd_data_freed_t freed;
};

/* The library keeps one for every entity and starts few of them: the timer is
 * there only while it runs. */
struct os_hnd_timer_id_s
{
  const struct OsHandler *handler;
  Timer *timer; /* NULL: not running */
  os_timed_out_t timed_out;
  void *cb_data;
};

typedef struct OsHandler
{
  GMainContext *context;
  Timers *timers;
  Inbox *inbox;
  ServingNote *serving;
  OsHandlerLogFunc log;
  const OsHandlerDatabase *database;
  gpointer database_data;
  GString *partial; /* a debug message that the library prints in pieces */
  guint8 random[RANDOM_SIZE];
  gsize random_left; /* at its beginning */
  PacketCrypto *crypto;
} OsHandler;

static OsHandler *
self_of (const os_handler_t *handler)
{
  return handler->internal_data;
}

static void *
mem_alloc (int size)
{
  return malloc ((size_t) size);
}

static void
mem_free (void *data)
{
  free (data);
}

/* The library reads what is there, for the BMC. */
static void
serve (const os_hnd_fd_id_t *id, guint32 bmc)
{
  guint32 before = serving_set (id->handler->serving, bmc);

  id->ready (id->fd, id->cb_data, (os_hnd_fd_id_t *) id);
  serving_set (id->handler->serving, before);
}

typedef enum
{
  NEXT_NONE,
  NEXT_GOOD,
  NEXT_BAD,
} Next;

/* Looks at the next datagram and leaves it where it is. */
static Next
peek (const os_hnd_fd_id_t *id, guint32 *bmc)
{
  guint8 head[INBOX_HEAD_SIZE];
  struct sockaddr_storage from;
  socklen_t from_length = sizeof from;
  ssize_t length = recvfrom (id->fd, head, sizeof head, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT, (struct sockaddr *) &from,
                             &from_length);

  if (length < 0)
    return NEXT_NONE;
  return inbox_judge (id->handler->inbox, (const struct sockaddr *) &from, from_length, head, (gsize) length,
                      g_get_monotonic_time (), bmc)
             ? NEXT_GOOD
             : NEXT_BAD;
}

static void
read_datagrams (const os_hnd_fd_id_t *id)
{
  GSource *source = g_main_current_source ();
  guint read = 0, dropped = 0;
  guint32 bmc;

  /* The library may close the socket while it serves. */
  while (read < READ_BUDGET && dropped < DROP_BUDGET && !g_source_is_destroyed (source))
    switch (peek (id, &bmc))
      {
      case NEXT_NONE:
        return;
      case NEXT_GOOD:
        read++;
        serve (id, bmc);
        break;
      case NEXT_BAD:
        dropped++;
        recv (id->fd, NULL, 0, MSG_DONTWAIT);
        break;
      }
}

static gboolean
on_ready (G_GNUC_UNUSED int fd, G_GNUC_UNUSED GIOCondition condition, gpointer user_data)
{
  const os_hnd_fd_id_t *id = user_data;

  if (id->datagrams)
    read_datagrams (id);
  else
    serve (id, id->bmc);
  return G_SOURCE_CONTINUE;
}

static gboolean
is_udp (int fd)
{
  int type = 0;
  socklen_t size = sizeof type;

  return getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
}

/* GLib calls this when no callback of the source is running any more: what
 * OpenIPMI asks of `freed`. */
static void
fd_id_free (gpointer user_data)
{
  os_hnd_fd_id_t *id = user_data;

  if (id->freed != NULL)
    id->freed (id->fd, id->cb_data);
  g_free (id);
}

/* As much as the system gives: one BMC of the 32 may send far too much. */
static void
enlarge_buffer (int fd)
{
  const int size = 1 << 20;

  setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

static int
add_fd (os_handler_t *handler, int fd, os_data_ready_t ready, void *cb_data, os_fd_data_freed_t freed,
        os_hnd_fd_id_t **id)
{
  os_hnd_fd_id_t *new_id = g_new0 (os_hnd_fd_id_t, 1);

  new_id->handler = self_of (handler);
  new_id->datagrams = is_udp (fd);
  new_id->bmc = serving_bmc (new_id->handler->serving);
  new_id->fd = fd;
  if (new_id->datagrams)
    enlarge_buffer (fd);
  new_id->ready = ready;
  new_id->cb_data = cb_data;
  new_id->freed = freed;
  new_id->source = g_unix_fd_source_new (fd, G_IO_IN);
  g_source_set_can_recurse (new_id->source, TRUE); /* as in channel.c */
  g_source_set_callback (new_id->source, G_SOURCE_FUNC (on_ready), new_id, fd_id_free);
  g_source_attach (new_id->source, self_of (handler)->context);
  g_source_unref (new_id->source);
  *id = new_id;
  return 0;
}

static int
remove_fd (G_GNUC_UNUSED os_handler_t *handler, os_hnd_fd_id_t *id)
{
  g_source_destroy (id->source);
  return 0;
}

static void
on_timeout (G_GNUC_UNUSED Timer *timer, gpointer user_data)
{
  os_hnd_timer_id_t *id = user_data;

  g_clear_pointer (&id->timer, timer_free);
  id->timed_out (id->cb_data, id); /* may free `id` */
}

static int
alloc_timer (os_handler_t *handler, os_hnd_timer_id_t **id)
{
  *id = g_new0 (os_hnd_timer_id_t, 1);
  (*id)->handler = self_of (handler);
  return 0;
}

static int
free_timer (G_GNUC_UNUSED os_handler_t *handler, os_hnd_timer_id_t *id)
{
  timer_free (id->timer);
  g_free (id);
  return 0;
}

static int
start_timer (G_GNUC_UNUSED os_handler_t *handler, os_hnd_timer_id_t *id, struct timeval *timeout,
             os_timed_out_t timed_out, void *cb_data)
{
  if (id->timer != NULL)
    return EBUSY;
  id->timer = timer_new (id->handler->timers, on_timeout, id);
  id->timed_out = timed_out;
  id->cb_data = cb_data;
  timer_start (id->timer, (gint64) timeout->tv_sec * G_USEC_PER_SEC + timeout->tv_usec);
  return 0;
}

static int
stop_timer (G_GNUC_UNUSED os_handler_t *handler, os_hnd_timer_id_t *id)
{
  if (id->timer == NULL)
    return ESRCH;
  g_clear_pointer (&id->timer, timer_free);
  return 0;
}

static int
read_random (guint8 *bytes, gsize length)
{
  while (length > 0)
    {
      ssize_t got = getrandom (bytes, length, 0);

      if (got < 0 && errno != EINTR)
        return errno;
      if (got > 0)
        {
          bytes += got;
          length -= (gsize) got;
        }
    }
  return 0;
}

/* The library wants 16 bytes for each message that it encrypts. */
static int
get_random (os_handler_t *handler, void *data, unsigned int length)
{
  OsHandler *self = self_of (handler);

  if (length > sizeof self->random)
    return read_random (data, length);
  if (length > self->random_left)
    {
      int error = read_random (self->random, sizeof self->random);
      if (error != 0)
        return error;
      self->random_left = sizeof self->random;
    }
  self->random_left -= length;
  memcpy (data, self->random + self->random_left, length);
  explicit_bzero (self->random + self->random_left, length); /* it may become a key */
  return 0;
}

/* Answers at once: the library frees twice what comes later. */
static int
database_find (os_handler_t *handler, char *key, unsigned int *fetch_completed, unsigned char **data,
               unsigned int *data_len,
               G_GNUC_UNUSED void (*got_data) (void *cb_data, int err, unsigned char *data, unsigned int data_len),
               G_GNUC_UNUSED void *cb_data)
{
  const OsHandler *self = self_of (handler);
  gsize length = 0;
  guint8 *found = self->database == NULL ? NULL : self->database->find (key, &length, self->database_data);

  if (found == NULL)
    return ENOENT;
  *fetch_completed = 1;
  *data = found;
  *data_len = (unsigned int) length;
  return 0;
}

static int
database_store (os_handler_t *handler, char *key, unsigned char *data, unsigned int data_len)
{
  const OsHandler *self = self_of (handler);

  if (self->database != NULL)
    self->database->store (key, data, data_len, self->database_data);
  return 0;
}

static void
database_free (G_GNUC_UNUSED os_handler_t *handler, unsigned char *data)
{
  g_free (data);
}

static void
to_timeval (gint64 us, struct timeval *tv)
{
  tv->tv_sec = us / G_USEC_PER_SEC;
  tv->tv_usec = us % G_USEC_PER_SEC;
}

static int
get_monotonic_time (G_GNUC_UNUSED os_handler_t *handler, struct timeval *tv)
{
  to_timeval (g_get_monotonic_time (), tv);
  return 0;
}

static int
get_real_time (G_GNUC_UNUSED os_handler_t *handler, struct timeval *tv)
{
  to_timeval (g_get_real_time (), tv);
  return 0;
}

static void G_GNUC_PRINTF (3, 0)
    vlog_function (os_handler_t *handler, enum ipmi_log_type_e type, const char *format, va_list args)
{
  OsHandler *self = self_of (handler);

  if (type == IPMI_LOG_DEBUG_START)
    g_string_truncate (self->partial, 0);
  if (type == IPMI_LOG_DEBUG_START || type == IPMI_LOG_DEBUG_CONT || type == IPMI_LOG_DEBUG_END)
    {
      g_string_append_vprintf (self->partial, format, args);
      if (type == IPMI_LOG_DEBUG_END)
        self->log (IPMI_LOG_DEBUG, self->partial->str);
      return;
    }

  g_autofree char *text = g_strdup_vprintf (format, args);
  self->log (type, text);
}

static void G_GNUC_PRINTF (3, 4)
    log_function (os_handler_t *handler, enum ipmi_log_type_e type, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  vlog_function (handler, type, format, args);
  va_end (args);
}

os_handler_t *
os_handler_new (GMainContext *context, Timers *timers, Inbox *inbox, ServingNote *serving, OsHandlerLogFunc log)
{
  OsHandler *self = g_new0 (OsHandler, 1);
  os_handler_t *handler = g_new0 (os_handler_t, 1);

  self->context = context;
  self->timers = timers;
  self->inbox = inbox;
  self->serving = serving;
  self->log = log;
  self->partial = g_string_new (NULL);
  self->crypto = packet_crypto_new ();
  *handler = (os_handler_t){
    .mem_alloc = mem_alloc,
    .mem_free = mem_free,
    .add_fd_to_wait_for = add_fd,
    .remove_fd_to_wait_for = remove_fd,
    .alloc_timer = alloc_timer,
    .free_timer = free_timer,
    .start_timer = start_timer,
    .stop_timer = stop_timer,
    .get_random = get_random,
    .log = log_function,
    .vlog = vlog_function,
    .get_monotonic_time = get_monotonic_time,
    .get_real_time = get_real_time,
    .database_find = database_find,
    .database_store = database_store,
    .database_free = database_free,
    .internal_data = self,
  };
  return handler;
}

void
os_handler_set_database (os_handler_t *handler, const OsHandlerDatabase *database, gpointer user_data)
{
  OsHandler *self = self_of (handler);

  self->database = database;
  self->database_data = user_data;
}

PacketCrypto *
os_handler_crypto (const os_handler_t *handler)
{
  return self_of (handler)->crypto;
}

void
os_handler_free (os_handler_t *handler)
{
  OsHandler *self = self_of (handler);

  g_string_free (self->partial, TRUE);
  packet_crypto_free (self->crypto);
  g_free (self);
  g_free (handler);
}
