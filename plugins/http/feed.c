/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* feed.c - see feed.h. */
#include "feed.h"

#include <string.h>

#define FOLLOWERS_MAX 32
#define WAITING_MAX 1000 /* lines for one follower */

struct _Feed
{
  IpmidHost *host;
  guint maximum;
  gint64 since;
  GMutex lock;          /* what follows */
  GQueue latest;        /* IpmidEvent, oldest first */
  GPtrArray *followers; /* Follower, theirs who made them */
  gboolean ended;
};

struct _Follower
{
  Feed *feed;
  Query *query;
  FeedHooks hooks;
  GQueue lines; /* GRefString */
  gsize sent;   /* of the first one */
  guint64 dropped;
  gboolean waiting;
};

Feed *
feed_new (IpmidHost *host, guint latest)
{
  Feed *feed = g_new0 (Feed, 1);

  feed->host = host;
  feed->maximum = latest;
  feed->since = g_get_real_time () * 1000;
  feed->followers = g_ptr_array_new ();
  g_mutex_init (&feed->lock);
  g_queue_init (&feed->latest);
  return feed;
}

static void
forget_oldest (Feed *feed)
{
  ipmid_event_unref (feed->host, g_queue_pop_head (&feed->latest));
}

void
feed_free (Feed *feed)
{
  if (feed == NULL)
    return;
  g_assert (feed->followers->len == 0);
  while (feed->latest.length > 0)
    forget_oldest (feed);
  g_ptr_array_unref (feed->followers);
  g_mutex_clear (&feed->lock);
  g_free (feed);
}

gint64
feed_since (const Feed *feed)
{
  return feed->since;
}

/* ---------------------------------------------------------------- followers */

/* The lock is held. */
static void
wake (Follower *follower)
{
  if (!follower->waiting)
    return;
  follower->waiting = FALSE;
  follower->hooks.wake (follower->hooks.user_data);
}

/* The first line may be half sent: it stays. */
static void
drop_oldest (Follower *follower)
{
  char *line = g_queue_pop_nth (&follower->lines, follower->sent > 0 ? 1 : 0);

  g_ref_string_release (line);
  follower->dropped++;
}

/* Takes the line; the lock is held. */
static void
push (Follower *follower, char *line)
{
  if (follower->lines.length >= WAITING_MAX)
    drop_oldest (follower);
  g_queue_push_tail (&follower->lines, line);
  wake (follower);
}

static char *
render (Feed *feed, const IpmidEvent *event)
{
  g_autoptr (GString) line = g_string_new (NULL);

  ipmid_event_render (feed->host, event, IPMID_FORMAT_JSON, line);
  return g_ref_string_new_len (line->str, (gssize) line->len);
}

static void
tell (Feed *feed, const IpmidEvent *event)
{
  char *line = NULL; /* made once, for all */

  for (guint i = 0; i < feed->followers->len; i++)
    {
      Follower *follower = feed->followers->pdata[i];
      if (!query_matches (follower->query, feed->host, event))
        continue;
      if (line == NULL)
        line = render (feed, event);
      push (follower, g_ref_string_acquire (line));
    }
  if (line != NULL)
    g_ref_string_release (line);
}

void
feed_add (Feed *feed, IpmidEvent *const *events, guint n)
{
  g_mutex_lock (&feed->lock);
  for (guint i = 0; i < n; i++)
    {
      g_queue_push_tail (&feed->latest, ipmid_event_ref (feed->host, events[i]));
      if (feed->latest.length > feed->maximum)
        forget_oldest (feed);
      tell (feed, events[i]);
    }
  g_mutex_unlock (&feed->lock);
}

/* The latest ones that match, oldest first; the lock is held. */
static void
push_latest (Feed *feed, Follower *follower)
{
  guint wanted = follower->query->has_limit ? follower->query->store.limit : 0;

  for (GList *link = feed->latest.tail; link != NULL && wanted > 0; link = link->prev)
    if (query_matches (follower->query, feed->host, link->data))
      {
        g_queue_push_head (&follower->lines, render (feed, link->data));
        wanted--;
      }
}

Follower *
feed_follow (Feed *feed, Query *query, const FeedHooks *hooks)
{
  Follower *follower = NULL;

  g_mutex_lock (&feed->lock);
  if (feed->followers->len < FOLLOWERS_MAX && !feed->ended)
    {
      follower = g_new0 (Follower, 1);
      follower->feed = feed;
      follower->query = g_steal_pointer (&query);
      follower->hooks = *hooks;
      g_queue_init (&follower->lines);
      push_latest (feed, follower);
      g_ptr_array_add (feed->followers, follower);
    }
  g_mutex_unlock (&feed->lock);
  query_free (query);
  return follower;
}

void
follower_free (Follower *follower)
{
  Feed *feed = follower->feed;

  g_mutex_lock (&feed->lock);
  g_ptr_array_remove_fast (feed->followers, follower);
  g_mutex_unlock (&feed->lock);
  g_queue_clear_full (&follower->lines, (GDestroyNotify) g_ref_string_release);
  query_free (follower->query);
  g_free (follower);
}

/* Says how much is missing at this place; the lock is held. */
static void
confess (Follower *follower)
{
  g_autofree char *text = NULL;

  if (follower->dropped == 0 || follower->sent > 0)
    return;
  text = g_strdup_printf ("{\"dropped\":%" G_GUINT64_FORMAT "}\n", follower->dropped);
  g_queue_push_head (&follower->lines, g_ref_string_new (text));
  follower->dropped = 0;
}

static gsize
copy_lines (Follower *follower, char *buffer, gsize size)
{
  gsize copied = 0;

  while (copied < size && follower->lines.length > 0)
    {
      char *line = g_queue_peek_head (&follower->lines);
      gsize n = MIN (size - copied, g_ref_string_length (line) - follower->sent);
      memcpy (buffer + copied, line + follower->sent, n);
      copied += n;
      follower->sent += n;
      if (follower->sent < g_ref_string_length (line))
        break;
      g_ref_string_release (g_queue_pop_head (&follower->lines));
      follower->sent = 0;
    }
  return copied;
}

gssize
follower_read (Follower *follower, char *buffer, gsize size)
{
  Feed *feed = follower->feed;
  gssize result = -1;

  g_mutex_lock (&feed->lock);
  confess (follower);
  if (!feed->ended || follower->lines.length > 0)
    result = (gssize) copy_lines (follower, buffer, size);
  if (result == 0)
    {
      follower->waiting = TRUE;
      follower->hooks.wait (follower->hooks.user_data);
    }
  g_mutex_unlock (&feed->lock);
  return result;
}

guint
feed_ping (Feed *feed)
{
  g_mutex_lock (&feed->lock);
  for (guint i = 0; i < feed->followers->len; i++)
    {
      Follower *follower = feed->followers->pdata[i];
      if (follower->waiting)
        push (follower, g_ref_string_new ("\n"));
    }
  guint n = feed->followers->len;
  g_mutex_unlock (&feed->lock);
  return n;
}

void
feed_end (Feed *feed)
{
  g_mutex_lock (&feed->lock);
  feed->ended = TRUE;
  for (guint i = 0; i < feed->followers->len; i++)
    wake (feed->followers->pdata[i]);
  g_mutex_unlock (&feed->lock);
}

void
feed_begin (Feed *feed)
{
  g_mutex_lock (&feed->lock);
  feed->ended = FALSE;
  g_mutex_unlock (&feed->lock);
}

/* -------------------------------------------------------------- the latest */

static gboolean
has_id (Feed *feed, const IpmidEvent *event, const char *id)
{
  return g_strcmp0 (ipmid_event_string (feed->host, event, IPMID_FIELD_ID), id) == 0;
}

IpmidEvent *
feed_find (Feed *feed, const char *id)
{
  IpmidEvent *found = NULL;

  g_mutex_lock (&feed->lock);
  for (GList *link = feed->latest.tail; link != NULL && found == NULL; link = link->prev)
    if (has_id (feed, link->data, id))
      found = ipmid_event_ref (feed->host, link->data);
  g_mutex_unlock (&feed->lock);
  return found;
}

GPtrArray *
feed_latest (Feed *feed, const Query *query, gboolean *more)
{
  GPtrArray *found = g_ptr_array_new ();
  gboolean oldest = query->store.oldest_first, passed = query->store.after == NULL;

  *more = FALSE;
  g_mutex_lock (&feed->lock);
  GList *link = oldest ? feed->latest.head : feed->latest.tail;
  for (; link != NULL && !*more; link = oldest ? link->next : link->prev)
    {
      if (!passed)
        passed = has_id (feed, link->data, query->store.after);
      else if (query_matches (query, feed->host, link->data))
        {
          *more = found->len == query->store.limit;
          if (!*more)
            g_ptr_array_add (found, ipmid_event_ref (feed->host, link->data));
        }
    }
  g_mutex_unlock (&feed->lock);
  return found;
}
