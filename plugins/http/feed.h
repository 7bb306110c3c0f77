/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * feed.h - the latest events, and those who follow them.
 *
 * The handler's thread adds events; any thread asks for the latest, follows and
 * reads.  Everything is under the feed's lock, and bounded: a follower who does not
 * read loses the oldest of what waits, and is told how many.
 */
#ifndef FEED_H
#define FEED_H

#include "query.h"

typedef struct _Feed Feed;
typedef struct _Follower Follower;

/* How a follower waits: both are called under the feed's lock.  After `wait` comes
 * one `wake`. */
typedef struct
{
  void (*wait) (gpointer user_data);
  void (*wake) (gpointer user_data);
  gpointer user_data;
} FeedHooks;

/* Keeps `latest` events. */
Feed *feed_new (IpmidHost *host, guint latest);
/* Nobody follows any more. */
void feed_free (Feed *feed);

void feed_add (Feed *feed, IpmidEvent *const *events, guint n);

/* Events that match, newest first or as the query says, up to its limit, behind
 * the event whose id is its `after`; with a reference each.  `*more`: there would be
 * further ones. */
GPtrArray *feed_latest (Feed *feed, const Query *query, gboolean *more);

/* The one with this id; a reference, NULL: it is not there (any more). */
IpmidEvent *feed_find (Feed *feed, const char *id);

/* When it began: nanoseconds since 1970. */
gint64 feed_since (const Feed *feed);

/* Follows what matches from now on, and before that the latest `limit` of the query
 * if it has one.  Takes the query.  NULL, and the query is freed: there are enough
 * followers already, or the feed has ended. */
Follower *feed_follow (Feed *feed, Query *query, const FeedHooks *hooks);
void follower_free (Follower *follower);

/* Copies lines of JSON, whole or in part.  0: there is nothing now, and `wait` was
 * called; -1: the feed has ended. */
gssize follower_read (Follower *follower, char *buffer, gsize size);

/* An empty line for everybody who waits, so that a connection that is gone is
 * noticed.  Returns how many follow. */
guint feed_ping (Feed *feed);

/* Nobody gets anything any more. */
void feed_end (Feed *feed);
/* They may again. */
void feed_begin (Feed *feed);

#endif
