/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * query.h - which events somebody asks for: the question for a store, and the same
 * question asked of an event in memory.
 *
 * A query never changes once it is made.
 */
#ifndef QUERY_H
#define QUERY_H

#include <ipmid/store.h>

#define QUERY_LIMIT 100u /* events, if nobody says how many */

typedef struct
{
  IpmidStoreEventQuery store; /* its texts are those of `arguments`, but for `text` */
  GVariant *arguments;
  char **words;     /* of `text`, folded; NULL: none */
  char *beginnings; /* the same words as a store wants them: "cpu* temp*" */
  gboolean follow;
  gboolean has_limit;
} Query;

/* `arguments` (a{sv}) as routes.c lists them.  What is wrong with them is an error
 * of IPMID_REQUEST_INVALID. */
Query *query_new (GVariant *arguments, GError **error);
void query_free (Query *query);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Query, query_free)

gboolean query_matches (const Query *query, IpmidHost *host, const IpmidEvent *event);

#endif
